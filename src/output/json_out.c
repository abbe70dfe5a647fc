/* SPDX-License-Identifier: MIT */
#include "output/json_out.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

enum { INDENT = 2, TEXT_MAX = 1 << 20 };

struct rp_json_object rp_json_object(void)
{
    return (struct rp_json_object){ .value = json_object() };
}

void rp_json_put(struct rp_json_object *object, const char *key, json_t *value)
{
    if (!object->value || !value || object->failed) {
        json_decref(value);
        object->failed = true;
        return;
    }
    if (json_object_set_new(object->value, key, value) < 0) /* frees the value itself */
        object->failed = true;
}

json_t *rp_json_take(struct rp_json_object *object)
{
    json_t *value = object->value;

    object->value = NULL;
    if (object->failed) {
        json_decref(value);
        return NULL;
    }
    return value;
}

void rp_json_push(json_t **array, json_t *value)
{
    if (!*array || !value) {
        json_decref(value);
        json_decref(*array);
        *array = NULL;
        return;
    }
    if (json_array_append_new(*array, value) < 0) {
        json_decref(*array);
        *array = NULL;
    }
}

json_t *rp_json_text(const char *text)
{
    struct rp_buf clean;
    json_t *value;

    if (!text)
        return json_null();
    rp_buf_init(&clean, TEXT_MAX);
    rp_text_utf8(&clean, rp_slice_str(text));
    /* A text longer than the maximum is cut and not lost; with the sticky error the buffer keeps
     * the whole characters before it. */
    value = clean.error == -ENOMEM ? NULL : json_stringn(rp_buf_str(&clean), clean.len);
    rp_buf_deinit(&clean);
    return value;
}

json_t *rp_json_number(double value)
{
    if (!isfinite(value))
        return json_null();
    if (value == rint(value) && fabs(value) < 9007199254740992.0)
        return json_integer((json_int_t)value);
    return json_real(value);
}

json_t *rp_json_count(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* jansson indents from column 0; the lines of a nested member start further right. Strings hold no
 * raw line ends. */
static int append_indented(const char *text, size_t len, void *user)
{
    struct rp_json_document *document = user;

    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t part = end ? (size_t)(end - text) + 1 : len;

        rp_buf_append(document->out, text, part);
        if (end)
            rp_text_fill(document->out, ' ', (size_t)document->depth * INDENT);
        text += part;
        len -= part;
    }
    return document->out->error ? -1 : 0;
}

static void new_line(struct rp_json_document *document)
{
    rp_buf_append(document->out, "\n", 1);
    rp_text_fill(document->out, ' ', (size_t)document->depth * INDENT);
}

static void put_key(struct rp_json_document *document, const char *key)
{
    json_t *text = rp_json_text(key);

    if (document->has_member)
        rp_buf_append(document->out, ",", 1);
    new_line(document);
    if (!text || json_dump_callback(text, append_indented, document, JSON_ENCODE_ANY) < 0) {
        if (!document->out->error)
            document->out->error = -ENOMEM;
    }
    json_decref(text);
    rp_buf_append(document->out, ": ", 2);
    document->has_member = true;
}

static void open_with(struct rp_json_document *document, const char *key, const char *bracket)
{
    if (key)
        put_key(document, key);
    rp_buf_append_str(document->out, bracket);
    document->depth++;
    document->has_member = false;
}

static void close_with(struct rp_json_document *document, const char *bracket)
{
    document->depth--;
    if (document->has_member)
        new_line(document);
    rp_buf_append_str(document->out, bracket);
    document->has_member = true;
}

void rp_json_open(struct rp_json_document *document, const char *key)
{
    open_with(document, key, "{");
}

void rp_json_close(struct rp_json_document *document)
{
    close_with(document, "}");
}

void rp_json_open_list(struct rp_json_document *document, const char *key)
{
    open_with(document, key, "[");
}

void rp_json_close_list(struct rp_json_document *document)
{
    close_with(document, "]");
}

/* Writes the value and frees it. */
static int put_value(struct rp_json_document *document, json_t *value, size_t flags)
{
    int r = 0;

    if (json_dump_callback(value, append_indented, document, flags | JSON_ENCODE_ANY) < 0)
        r = document->out->error ? document->out->error : -ENOMEM;
    json_decref(value);
    return r;
}

int rp_json_member(struct rp_json_document *document, const char *key, json_t *value, size_t flags)
{
    if (!value)
        return -ENOMEM;
    put_key(document, key);
    return put_value(document, value, flags);
}

int rp_json_item(struct rp_json_document *document, json_t *value, size_t flags)
{
    if (!value)
        return -ENOMEM;
    if (document->has_member)
        rp_buf_append(document->out, ",", 1);
    new_line(document);
    document->has_member = true;
    return put_value(document, value, flags);
}

void rp_json_member_text(struct rp_json_document *document, const char *key, struct rp_slice json)
{
    while (json.len && json.ptr[json.len - 1] == '\n')
        json.len--;
    put_key(document, key);
    append_indented(json.ptr, json.len, document);
}
