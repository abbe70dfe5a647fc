/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Texts of errors do not go through rp_alloc: reporting must not be what a failing-allocation test
 * fails. */
static void replace(char **slot, char *text)
{
    free(*slot);
    *slot = text;
}

static char *format(const char *fmt, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, fmt, args) < 0 ? NULL : text;
}

static void drop_texts(struct rp_error *err)
{
    free(err->file);
    free(err->message);
    free(err->hint);
    free(err->detail);
}

static void drop_kept(struct rp_error *err)
{
    while (err->next) {
        struct rp_error *first = err->next;

        err->next = first->next;
        drop_texts(first);
        rp_free(first);
    }
}

void rp_error_deinit(struct rp_error *err)
{
    if (!err)
        return;
    drop_kept(err);
    drop_texts(err);
    *err = (struct rp_error){ 0 };
}

int rp_error_set(struct rp_error *err, int code, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return code;
    va_start(args, fmt);
    replace(&err->message, format(fmt, args));
    va_end(args);
    return code;
}

int rp_error_prefix(struct rp_error *err, int code, const char *origin)
{
    char *message;

    if (!err)
        return code;
    message = err->message;
    err->message = NULL;
    rp_error_set(err, code, "%s: %s", origin, message ? message : "?");
    free(message);
    return code;
}

void rp_error_place(struct rp_error *err, const char *file, int line)
{
    if (!err)
        return;
    replace(&err->file, file ? strdup(file) : NULL);
    err->line = line;
}

void rp_error_hint(struct rp_error *err, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return;
    va_start(args, fmt);
    replace(&err->hint, format(fmt, args));
    va_end(args);
}

void rp_error_detail(struct rp_error *err, const char *text)
{
    if (err)
        replace(&err->detail, text ? strdup(text) : NULL);
}

void rp_error_suggest(struct rp_error *err, const char *suggestion)
{
    if (suggestion)
        rp_error_hint(err, "did you mean '%s'?", suggestion);
}

int rp_error_keep(struct rp_error *err, int code)
{
    struct rp_error **end;
    size_t count = 0;

    if (code != -RP_EUSER || !err)
        return code;
    if (!err->message)
        return -ENOMEM;
    for (end = &err->next; *end; end = &(*end)->next)
        count++;
    if (count < RP_ERRORS_MAX) {
        *end = rp_alloc(sizeof(**end));
        if (!*end)
            return -ENOMEM;
        **end = *err;
        (*end)->next = NULL;
        if (count == RP_ERRORS_MAX - 1) {
            drop_texts(*end);
            **end = (struct rp_error){ 0 };
            rp_error_set(*end, 0, "there are more mistakes, which are not shown");
        }
    } else {
        drop_texts(err);
    }
    *err = (struct rp_error){ .next = err->next };
    return 0;
}

size_t rp_error_count_kept(const struct rp_error *err)
{
    size_t count = 0;

    for (const struct rp_error *kept = err ? err->next : NULL; kept; kept = kept->next)
        count++;
    return count;
}

int rp_error_kept(struct rp_error *err, int code)
{
    struct rp_error *first;

    code = rp_error_keep(err, code);
    if (!err)
        return code;
    if (code < 0) {
        drop_kept(err);
        return code;
    }
    first = err->next;
    if (!first)
        return code;
    *err = *first; /* with those behind it */
    rp_free(first);
    return -RP_EUSER;
}
