/* SPDX-License-Identifier: MIT */
#include "base/error.h"

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

void rp_error_deinit(struct rp_error *err)
{
    if (!err)
        return;
    free(err->file);
    free(err->message);
    free(err->hint);
    free(err->detail);
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
