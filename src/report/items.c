/* SPDX-License-Identifier: MIT */
#include "report/items.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "output/json_out.h"
#include "report/items_show.h"

enum { SCHEMA = 1 };

/* The lists of a result file, by the letters of their ids. */
static const struct list {
    char letter;
    const char *kind, *parent, *name; /* of the list, in the member @parent or at the top */
} lists[] = {
    { 'e', "failed request", "errors", "requests" },
    { 'i', "exception", "errors", "iterations" },
    { 'r', "request", "summary", "requests" },
    { 'x', "exchange", NULL, "exchanges" },
};

static json_t *items_of(json_t *result, const struct list *list)
{
    json_t *parent = list->parent ? json_object_get(result, list->parent) : result;

    return json_object_get(parent, list->name);
}

static const struct list *list_of(char letter)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(lists); i++)
        if (lists[i].letter == letter)
            return &lists[i];
    return NULL;
}

/* ---- pieces of JSON -------------------------------------------------------------------------- */

static json_t *id_json(char letter, size_t index)
{
    return json_sprintf("%c%zu", letter, index + 1);
}

/* The numbers of an interval are many, and no part of what is asked. */
static bool is_left_out(const char *name)
{
    return strcmp(name, "buckets") == 0;
}

/* A row of a list with its id in front. */
static struct rp_json_object row_of(const struct list *list, json_t *item, size_t index)
{
    struct rp_json_object object = rp_json_object();
    const char *name;
    json_t *value;

    rp_json_put(&object, "id", id_json(list->letter, index));
    rp_json_put(&object, "kind", json_string(list->kind));
    json_object_foreach(item, name, value)
    {
        if (!is_left_out(name))
            rp_json_put(&object, name, json_incref(value));
    }
    return object;
}

/* A tag is a text, "0" or missing where there is none; a member of an exchange is a number or null. */
static int64_t number_of(const json_t *value)
{
    const char *text = json_string_value(value);
    int64_t number = json_integer_value(value);

    return !text || rp_parse_i64(rp_slice_str(text), &number) ? number : -1;
}

/* Whether @said, of an exchange, is what is said of the @kind of failures: "connection lost: ...". */
static bool says(const char *said, const char *kind)
{
    size_t len = strlen(kind);

    return len && strncmp(said, kind, len) == 0 && strchr(":", said[len]) != NULL;
}

/* Of a WebSocket an error has no status when the server had agreed. */
static bool is_socket(const json_t *exchange, const json_t *error)
{
    const char *url = json_string_value(json_object_get(exchange, "url"));

    return (url && strncmp(url, "ws", 2) == 0) ||
           (number_of(json_object_get(error, "status")) <= 0 &&
            number_of(json_object_get(exchange, "status")) > 0);
}

/* Whether @exchange is of the kind of failed requests that @error is. Calls of gRPC have a status of
 * their own, which their error names: "gRPC NOT_FOUND: no such cart". WebSockets have kinds with one code. */
static bool is_of_kind(const json_t *exchange, const json_t *error)
{
    const char *kind = json_string_value(json_object_get(error, "error"));
    const char *said = json_string_value(json_object_get(exchange, "error"));
    bool is_grpc = kind && strncmp(kind, "gRPC ", 5) == 0;

    if (number_of(json_object_get(exchange, "error_code")) !=
        number_of(json_object_get(error, "error_code")))
        return false;
    if (is_grpc != (said && strncmp(said, "gRPC ", 5) == 0))
        return false;
    if (said && kind && (is_grpc || is_socket(exchange, error)))
        return says(said, kind);
    if (!is_grpc)
        return number_of(json_object_get(exchange, "status")) ==
               number_of(json_object_get(error, "status"));
    return false;
}

/* The ids of the exchanges that were kept of a kind of failed requests. */
static json_t *exchanges_of(json_t *result, const json_t *error)
{
    json_t *ids = json_array(), *exchange;
    size_t i;

    json_array_foreach(json_object_get(result, "exchanges"), i, exchange)
    {
        if (is_of_kind(exchange, error))
            rp_json_push(&ids, id_json('x', i));
    }
    return ids;
}

static json_t *error_row(json_t *result, const struct list *list, json_t *item, size_t index)
{
    struct rp_json_object object = row_of(list, item, index);

    if (list->letter == 'e')
        rp_json_put(&object, "exchanges", exchanges_of(result, item));
    return rp_json_take(&object);
}

/* Writes @rows, which are taken: a NULL is a failure of memory. */
static int put_rows(json_t *rows, const char *name, bool as_json, struct rp_buf *out)
{
    struct rp_json_object whole = rp_json_object();
    json_t *object;
    int r;

    rp_json_put(&whole, "schema", json_integer(SCHEMA));
    rp_json_put(&whole, name, rows);
    object = rp_json_take(&whole);
    if (!object)
        return -ENOMEM;
    r = as_json ? rp_items_put_json(object, out)
                : rp_items_show_rows(json_object_get(object, name), out);
    json_decref(object);
    return r;
}

/* ---- the lists ------------------------------------------------------------------------------- */

int rp_items_errors(json_t *result, bool as_json, struct rp_buf *out)
{
    json_t *rows = json_array(), *item;

    for (size_t l = 0; l < 2; l++) {
        size_t i;

        json_array_foreach(items_of(result, &lists[l]), i, item)
        {
            rp_json_push(&rows, error_row(result, &lists[l], item, i));
        }
    }
    return put_rows(rows, "errors", as_json, out);
}

struct ranked {
    json_t *item;
    size_t index;
    double p95;
};

static int slower_first(const void *a, const void *b)
{
    const struct ranked *one = a, *other = b;

    if (one->p95 != other->p95)
        return one->p95 > other->p95 ? -1 : 1;
    return one->index < other->index ? -1 : 1;
}

int rp_items_slowest(json_t *result, bool as_json, struct rp_buf *out)
{
    const struct list *list = list_of('r');
    json_t *items = items_of(result, list), *rows = json_array();
    size_t count = json_array_size(items);
    struct ranked *ranked = rp_calloc(count ? count : 1, sizeof(*ranked));
    int r;

    if (!ranked) {
        json_decref(rows);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(items, i);
        json_t *p95 = json_object_get(json_object_get(item, "duration"), "p(95)");

        ranked[i] = (struct ranked){ item, i, json_is_number(p95) ? json_number_value(p95) : -1 };
    }
    qsort(ranked, count, sizeof(*ranked), slower_first);
    for (size_t i = 0; i < count; i++) {
        struct rp_json_object row = row_of(list, ranked[i].item, ranked[i].index);

        rp_json_push(&rows, rp_json_take(&row));
    }
    rp_free(ranked);
    r = put_rows(rows, "requests", as_json, out);
    if (r == 0 && !as_json && !count)
        rp_buf_append_str(out,
                          "The list has requests of HTTP only. WebSockets and calls of gRPC are "
                          "in the summary of the run.\n");
    return r < 0 ? r : out->error;
}

int rp_items_overview(json_t *result, bool as_json, struct rp_buf *out)
{
    static const char *const members[] = { "id", "status", "exit_code", "reason", "elapsed_s" };
    struct rp_json_object whole = rp_json_object(), run = rp_json_object();
    struct rp_json_object items = rp_json_object();
    json_t *known = json_object_get(result, "run"), *object;
    int r;

    for (size_t i = 0; i < RP_ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(known, members[i]);

        rp_json_put(&run, members[i], value ? json_incref(value) : json_null());
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(lists); i++) {
        char letter[] = { lists[i].letter, '\0' };

        rp_json_put(&items, letter, rp_json_count(json_array_size(items_of(result, &lists[i]))));
    }
    rp_json_put(&run, "thresholds",
                rp_json_count(json_array_size(json_object_get(result, "thresholds"))));
    rp_json_put(&whole, "schema", json_integer(SCHEMA));
    rp_json_put(&whole, "run", rp_json_take(&run));
    rp_json_put(&whole, "items", rp_json_take(&items));
    object = rp_json_take(&whole);
    if (!object)
        return -ENOMEM;
    r = as_json ? rp_items_put_json(object, out) : rp_items_show_overview(object, out);
    json_decref(object);
    return r;
}

/* ---- one of them ----------------------------------------------------------------------------- */

/* The list that an id means, and the place in it; NULL when it is none. */
static const struct list *id_parse(const char *id, int64_t *ret_place)
{
    const struct list *list = list_of(*id);

    return list && rp_parse_i64(rp_slice_str(id + 1), ret_place) && *ret_place > 0 ? list : NULL;
}

int rp_items_open(json_t *result, const char *id, bool as_json, struct rp_buf *out,
                  struct rp_error *err)
{
    int64_t place = 0;
    const struct list *list = id_parse(id, &place);
    json_t *items = list ? items_of(result, list) : NULL, *row;
    int r;

    if (!list || (size_t)place > json_array_size(items)) {
        rp_error_set(err, -RP_EUSER, "the result has nothing with the id '%s'", id);
        rp_error_hint(err, "'rampa result open FILE' lists the ids");
        return -RP_EUSER;
    }
    row = error_row(result, list, json_array_get(items, (size_t)place - 1), (size_t)place - 1);
    if (!row)
        return -ENOMEM;
    r = as_json ? rp_items_put_json(row, out) : rp_items_show_one(list->letter, row, out);
    json_decref(row);
    return r;
}
