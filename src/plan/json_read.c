/* SPDX-License-Identifier: MIT */
#include "plan/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "plan/foreign.h"

int rp_where_fail(const struct rp_where *where, struct rp_error *err, const char *fmt, ...)
{
    char what[1024]; /* longer ones are cut: user's text in messages is short, see rp_show_text */
    va_list args;

    if (!err)
        return -RP_EUSER;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (where->kind && where->name)
        rp_error_set(err, -RP_EUSER, "%s '%s': %s", where->kind, where->name, what);
    else if (where->kind)
        rp_error_set(err, -RP_EUSER, "%s: %s", where->kind, what);
    else
        rp_error_set(err, -RP_EUSER, "%s", what);
    rp_error_place(err, where->file, where->line);
    free(err->hint);
    err->hint = NULL;
    return -RP_EUSER;
}

const char *rp_show_text(const char *text, char out[RP_SHOW_SIZE])
{
    enum { LONGEST = RP_SHOW_SIZE - 6 }; /* two quotes, three dots, NUL */
    size_t len = strlen(text), shown = len;

    if (shown > LONGEST)
        for (shown = LONGEST; shown && ((unsigned char)text[shown] & 0xc0) == 0x80;)
            shown--; /* not within a character of several bytes */
    snprintf(out, RP_SHOW_SIZE, "'%.*s%s'", (int)shown, text, shown < len ? "..." : "");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return out;
}

const char *rp_show_json(const json_t *value, char out[RP_SHOW_SIZE])
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return rp_show_text(json_string_value(value), out);
    case JSON_INTEGER:
        snprintf(out, RP_SHOW_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return out;
    case JSON_REAL:
        snprintf(out, RP_SHOW_SIZE, "%.15g", json_real_value(value));
        return out;
    case JSON_TRUE:
        return "True";
    case JSON_FALSE:
        return "False";
    case JSON_ARRAY:
        return json_array_size(value) ? "a list" : "an empty list";
    case JSON_OBJECT:
        return json_object_size(value) ? "a dict" : "an empty dict";
    default:
        return "None";
    }
}

int rp_json_check_keys(const json_t *object, const char *const *names, size_t count,
                       const struct rp_where *where, struct rp_error *err)
{
    char shown[RP_SHOW_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        int r;

        while (i < count && strcmp(names[i], key) != 0)
            i++;
        if (i < count)
            continue;
        r = rp_where_fail(where, err, "unknown field %s", rp_show_text(key, shown));
        rp_foreign_hint(key, names, count, err);
        r = rp_error_keep(err, r);
        if (r < 0)
            return r;
    }
    return 0;
}

static int member(const json_t *object, const char *key, bool is_expected(const json_t *),
                  const char *expected, const json_t **ret, const struct rp_where *where,
                  struct rp_error *err)
{
    const json_t *value = json_object_get(object, key);
    char shown[RP_SHOW_SIZE];

    *ret = NULL;
    if (rp_json_is_absent(value))
        return 0;
    if (!is_expected(value))
        return rp_where_fail(where, err, "%s must be %s, not %s", key, expected,
                             rp_show_json(value, shown));
    *ret = value;
    return 0;
}

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_list(const json_t *value)
{
    return json_is_array(value);
}

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

/* An integer that came as a real counts too: see rp_json_load(). */
static bool is_line(const json_t *value)
{
    double line = json_number_value(value);

    return json_is_number(value) && line >= 0 && line <= INT32_MAX;
}

int rp_json_object_at(const json_t *object, const char *key, const json_t **ret,
                      const struct rp_where *where, struct rp_error *err)
{
    return member(object, key, is_object, "a dict", ret, where, err);
}

int rp_json_list_at(const json_t *object, const char *key, const json_t **ret,
                    const struct rp_where *where, struct rp_error *err)
{
    return member(object, key, is_list, "a list", ret, where, err);
}

int rp_json_text_at(const json_t *object, const char *key, const char **ret,
                    const struct rp_where *where, struct rp_error *err)
{
    const json_t *value;
    int r = member(object, key, is_text, "text", &value, where, err);

    *ret = value ? json_string_value(value) : NULL;
    return r;
}

int rp_json_bool_at(const json_t *object, const char *key, bool *ret, const struct rp_where *where,
                    struct rp_error *err)
{
    const json_t *value;
    int r = member(object, key, is_bool, "True or False", &value, where, err);

    *ret = value && json_is_true(value);
    return r;
}

int rp_json_place_at(const json_t *object, struct rp_where *where, struct rp_error *err)
{
    const struct rp_where nowhere = { .kind = where->kind, .name = where->name };
    const json_t *line;
    const char *file;
    int r = rp_json_text_at(object, "file", &file, &nowhere, err);

    if (r == 0)
        r = member(object, "line", is_line, "a line number", &line, &nowhere, err);
    if (r == 0 && file) {
        where->file = file;
        where->line = (int)json_number_value(line);
    }
    return r;
}

void rp_json_place(const json_t *place, struct rp_where *where)
{
    const char *file = json_string_value(json_array_get(place, 0));
    const json_t *line = json_array_get(place, 1);

    if (file && is_line(line)) {
        where->file = file;
        where->line = (int)json_number_value(line);
    }
}

int rp_json_load(const char *text, const char *what, json_t **ret, struct rp_error *err)
{
    json_error_t error = { 0 };

    *ret = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!*ret && json_error_code(&error) == json_error_numeric_overflow)
        *ret = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (*ret)
        return 0;
    /* When malloc fails jansson does not always say so. */
    if (json_error_code(&error) == json_error_out_of_memory || !error.text[0])
        return -ENOMEM;
    return rp_error_set(err, -RP_EUSER, "%s is not valid JSON: line %d, column %d: %s", what,
                        error.line, error.column, error.text);
}
