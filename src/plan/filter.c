/* SPDX-License-Identifier: MIT */
#include "plan/filter.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plan/metrics.h"

/* A place in the text of a threshold's metric. */
struct cursor {
    struct rp_slice text;
    size_t at;
    struct rp_error *err;
};

static int fail(const struct cursor *c, size_t at, const char *expected)
{
    rp_error_hint(c->err, "a metric with a filter is written metric{tag:value,tag2:\"value, 2\"}");
    return rp_error_set(c->err, -RP_EUSER, "threshold on '%.*s', column %zu: expected %s",
                        c->text.len > 200 ? 200 : (int)c->text.len, c->text.ptr, at + 1, expected);
}

static int peek(const struct cursor *c)
{
    return c->at < c->text.len ? (unsigned char)c->text.ptr[c->at] : -1;
}

static void skip_spaces(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t')
        c->at++;
}

/* The text from @start to here, without the spaces at its end. */
static struct rp_slice trimmed_from(const struct cursor *c, size_t start)
{
    size_t len = c->at - start;

    while (len && (c->text.ptr[start + len - 1] == ' ' || c->text.ptr[start + len - 1] == '\t'))
        len--;
    return rp_slice(c->text.ptr + start, len);
}

/* A value in quotes, either kind; a backslash takes the next byte as it is. */
static int parse_quoted(struct cursor *c, char **ret)
{
    size_t start = c->at, len = 0;
    int quote = peek(c);
    char *value = rp_alloc(c->text.len - c->at + 1);

    if (!value)
        return -ENOMEM;
    for (c->at++; peek(c) != quote; c->at++) {
        if (peek(c) == '\\')
            c->at++;
        if (peek(c) < 0) {
            rp_free(value);
            return fail(c, start, "a closing quote for the one here");
        }
        value[len++] = (char)peek(c);
    }
    c->at++;
    value[len] = '\0';
    *ret = value;
    return 0;
}

static int parse_value(struct cursor *c, char **ret)
{
    size_t start = c->at;
    struct rp_slice bare;

    if (peek(c) == '"' || peek(c) == '\'')
        return parse_quoted(c, ret);
    while (peek(c) >= 0 && peek(c) != ',' && peek(c) != '}')
        c->at++;
    bare = trimmed_from(c, start);
    if (!bare.len)
        return fail(c, start, "the tag's value (\"\" for an empty one)");
    *ret = rp_strndup(bare.ptr, bare.len);
    return *ret ? 0 : -ENOMEM;
}

/* Keeps the pairs sorted. Takes @value on success. */
static int insert(struct rp_filter *filter, struct rp_slice key, char *value)
{
    void *pairs = rp_realloc_array(filter->pairs, filter->count + 1, sizeof(*filter->pairs));
    size_t i = filter->count;
    char *copy;

    if (!pairs)
        return -ENOMEM;
    filter->pairs = pairs;
    copy = rp_strndup(key.ptr, key.len);
    if (!copy)
        return -ENOMEM;
    for (; i > 0 && strcmp(filter->pairs[i - 1].key, copy) > 0; i--)
        filter->pairs[i] = filter->pairs[i - 1];
    filter->pairs[i].key = copy;
    filter->pairs[i].value = value;
    filter->count++;
    return 0;
}

static int parse_pair(struct cursor *c, struct rp_filter *filter)
{
    size_t start;
    struct rp_slice key;
    char *value = NULL;
    int r;

    skip_spaces(c);
    start = c->at;
    while (peek(c) >= 0 && !strchr(":,{}\"'", peek(c)))
        c->at++;
    key = trimmed_from(c, start);
    if (!key.len)
        return fail(c, start, "a tag's name");
    if (peek(c) != ':')
        return fail(c, c->at, "':' between the tag's name and its value");
    for (size_t i = 0; i < filter->count; i++)
        if (rp_slice_eq_str(key, filter->pairs[i].key))
            return fail(c, start, "each tag once");
    c->at++;
    skip_spaces(c);
    r = parse_value(c, &value);
    if (r == 0)
        r = insert(filter, key, value);
    if (r < 0)
        rp_free(value);
    return r;
}

static int parse_pairs(struct cursor *c, struct rp_filter *filter)
{
    for (;;) {
        int r = parse_pair(c, filter);

        if (r < 0)
            return r;
        skip_spaces(c);
        if (peek(c) == '}')
            break;
        if (peek(c) != ',')
            return fail(c, c->at, "',' or '}'");
        c->at++;
    }
    c->at++;
    skip_spaces(c);
    return peek(c) < 0 ? 0 : fail(c, c->at, "nothing after '}'");
}

int rp_filter_parse(struct rp_slice text, char **ret_metric, struct rp_filter *filter,
                    struct rp_error *err)
{
    struct cursor c = { .text = text, .err = err };
    struct rp_slice name;
    size_t start;
    int r = 0;

    *filter = (struct rp_filter){ 0 };
    *ret_metric = NULL;
    if (!text.len || memchr(text.ptr, '\0', text.len))
        return fail(&c, 0, "a metric's name");
    skip_spaces(&c);
    start = c.at;
    while (peek(&c) >= 0 && peek(&c) != '{')
        c.at++;
    name = trimmed_from(&c, start);
    if (!rp_metric_name_is_valid(name))
        return fail(&c, start, "a metric's name of " RP_NAME_RULE);
    if (peek(&c) == '{') {
        c.at++;
        r = parse_pairs(&c, filter);
    }
    if (r == 0) {
        *ret_metric = rp_strndup(name.ptr, name.len);
        r = *ret_metric ? 0 : -ENOMEM;
    }
    if (r < 0)
        rp_filter_deinit(filter);
    return r;
}

void rp_filter_deinit(struct rp_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++) {
        rp_free(filter->pairs[i].key);
        rp_free(filter->pairs[i].value);
    }
    rp_free(filter->pairs);
    *filter = (struct rp_filter){ 0 };
}

static void append_value(struct rp_buf *out, const char *value)
{
    size_t len = strlen(value);

    if (len && !strpbrk(value, ",{}\"'\\") && !strchr(" \t", value[0]) &&
        !strchr(" \t", value[len - 1])) {
        rp_buf_append(out, value, len);
        return;
    }
    rp_buf_append(out, "\"", 1);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            rp_buf_append(out, "\\", 1);
        rp_buf_append(out, value, 1);
    }
    rp_buf_append(out, "\"", 1);
}

void rp_filter_display(const char *metric, const struct rp_filter *filter, struct rp_buf *out)
{
    rp_buf_append_str(out, metric);
    for (size_t i = 0; i < filter->count; i++) {
        rp_buf_append_str(out, i ? "," : "{");
        rp_buf_append_str(out, filter->pairs[i].key);
        rp_buf_append(out, ":", 1);
        append_value(out, filter->pairs[i].value);
    }
    if (filter->count)
        rp_buf_append(out, "}", 1);
}
