/* SPDX-License-Identifier: MIT */
#include "stats/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/units.h"

/* An exchange with its texts behind it, in one block. */
struct rp_kept_exchange {
    struct rp_exchange exchange;
    size_t kind;
    char texts[];
};

/* ---- copies ---------------------------------------------------------------------------------- */

static const size_t text_members[] = {
    offsetof(struct rp_exchange, name),
    offsetof(struct rp_exchange, scenario),
    offsetof(struct rp_exchange, url),
    offsetof(struct rp_exchange, remote),
    offsetof(struct rp_exchange, proto),
    offsetof(struct rp_exchange, tls_version),
    offsetof(struct rp_exchange, error),
    offsetof(struct rp_exchange, request_head),
    offsetof(struct rp_exchange, response_head),
    offsetof(struct rp_exchange, request_body.text),
    offsetof(struct rp_exchange, response_body.text),
};

static size_t bytes_of(const struct rp_exchange *exchange)
{
    size_t bytes = sizeof(struct rp_kept_exchange);

    for (size_t i = 0; i < RP_ARRAY_LEN(text_members); i++)
        bytes += ((const struct rp_slice *)((const char *)exchange + text_members[i]))->len;
    return bytes;
}

static struct rp_kept_exchange *copy(const struct rp_exchange *exchange)
{
    struct rp_kept_exchange *kept = rp_alloc(bytes_of(exchange));
    char *at;

    if (!kept)
        return NULL;
    kept->exchange = *exchange;
    at = kept->texts;
    for (size_t i = 0; i < RP_ARRAY_LEN(text_members); i++) {
        struct rp_slice *text = (struct rp_slice *)((char *)&kept->exchange + text_members[i]);

        if (!text->ptr)
            continue;
        if (text->len)
            memcpy(at, text->ptr, text->len);
        text->ptr = at;
        at += text->len;
    }
    return kept;
}

/* ---- the set --------------------------------------------------------------------------------- */

void rp_exchanges_deinit(struct rp_exchanges *set)
{
    for (size_t i = 0; i < set->kind_count; i++)
        rp_free(set->kinds[i].name);
    for (size_t i = 0; i < set->count; i++)
        rp_free(set->items[i]);
    rp_free(set->kinds);
    rp_free(set->items);
    *set = (struct rp_exchanges){ 0 };
}

static struct rp_exchange_kind *find_kind(const struct rp_exchanges *set, struct rp_slice name,
                                          uint32_t status, uint32_t error_code)
{
    for (size_t i = 0; i < set->kind_count; i++) {
        struct rp_exchange_kind *kind = &set->kinds[i];

        if (kind->status == status && kind->error_code == error_code &&
            rp_slice_eq_str(name, kind->name))
            return kind;
    }
    return NULL;
}

bool rp_exchanges_want(const struct rp_exchanges *set, struct rp_slice name, uint32_t status,
                       uint32_t error_code)
{
    const struct rp_exchange_kind *kind;

    if (!set->of_kind || set->bytes >= RP_EXCHANGES_MAX_BYTES)
        return false;
    kind = find_kind(set, name, status, error_code);
    return kind ? kind->count < set->of_kind : set->kind_count < RP_EXCHANGE_KINDS_MAX;
}

static int add_kind(struct rp_exchanges *set, struct rp_slice name_text,
                    const struct rp_exchange *exchange, struct rp_exchange_kind **ret)
{
    struct rp_exchange_kind *kinds = rp_realloc_array(set->kinds, set->kind_count + 1,
                                                      sizeof(*kinds));
    char *name;

    if (!kinds)
        return -ENOMEM;
    set->kinds = kinds;
    name = rp_strndup(name_text.len ? name_text.ptr : "", name_text.len);
    if (!name)
        return -ENOMEM;
    *ret = &kinds[set->kind_count++];
    **ret = (struct rp_exchange_kind){ .name = name,
                                       .status = exchange->status,
                                       .error_code = exchange->error_code };
    return 0;
}

/* The latest of @kind, if that ended later than @exchange. */
static struct rp_kept_exchange **find_later(struct rp_exchanges *set, size_t kind,
                                            const struct rp_exchange *exchange)
{
    struct rp_kept_exchange **latest = NULL;

    for (size_t i = 0; i < set->count; i++)
        if (set->items[i]->kind == kind && set->items[i]->exchange.wall_ns > exchange->wall_ns &&
            (!latest || set->items[i]->exchange.wall_ns > (*latest)->exchange.wall_ns))
            latest = &set->items[i];
    return latest;
}

static int append(struct rp_exchanges *set, struct rp_kept_exchange *kept)
{
    struct rp_kept_exchange **items = rp_realloc_array(set->items, set->count + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    set->items = items;
    items[set->count++] = kept;
    return 0;
}

/* Keeps it in the place of @later, or as one more. */
static int put(struct rp_exchanges *set, struct rp_exchange_kind *kind,
               struct rp_kept_exchange **later, const struct rp_exchange *exchange)
{
    size_t bytes = bytes_of(exchange), given = later ? bytes_of(&(*later)->exchange) : 0;
    struct rp_kept_exchange *kept;

    if (set->bytes - given + bytes > RP_EXCHANGES_MAX_BYTES)
        return 0;
    kept = copy(exchange);
    if (!kept)
        return -ENOMEM;
    kept->kind = (size_t)(kind - set->kinds);
    if (later) {
        rp_free(*later);
        *later = kept;
    } else if (append(set, kept) < 0) {
        rp_free(kept);
        return -ENOMEM;
    } else {
        kind->count++;
    }
    set->bytes += bytes - given;
    return 0;
}

int rp_exchanges_add(struct rp_exchanges *set, struct rp_slice name,
                     const struct rp_exchange *exchange)
{
    struct rp_exchange_kind *kind = find_kind(set, name, exchange->status, exchange->error_code);
    struct rp_kept_exchange **later = NULL;
    int r = 0;

    if (!set->of_kind || (!kind && set->kind_count == RP_EXCHANGE_KINDS_MAX))
        return 0;
    if (!kind)
        r = add_kind(set, name, exchange, &kind);
    if (r < 0)
        return r;
    if (kind->count >= set->of_kind) {
        later = find_later(set, (size_t)(kind - set->kinds), exchange);
        if (!later)
            return 0;
    }
    return put(set, kind, later, exchange);
}

const struct rp_exchange *rp_exchanges_get(const struct rp_exchanges *set, size_t i)
{
    return &set->items[i]->exchange;
}

void rp_exchanges_filter(struct rp_exchanges *set,
                         bool (*wanted)(const void *user, const struct rp_exchange *exchange),
                         const void *user)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++)
        if (wanted(user, &set->items[i]->exchange))
            set->items[kept++] = set->items[i];
        else
            rp_free(set->items[i]);
    set->count = kept;
}

static int compare(const void *a, const void *b)
{
    const struct rp_exchange *x = &(*(struct rp_kept_exchange *const *)a)->exchange;
    const struct rp_exchange *y = &(*(struct rp_kept_exchange *const *)b)->exchange;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len ? memcmp(x->name.ptr, y->name.ptr, len) : 0;

    if (order != 0)
        return order;
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    if (x->status != y->status)
        return x->status < y->status ? -1 : 1;
    if (x->error_code != y->error_code)
        return x->error_code < y->error_code ? -1 : 1;
    return x->wall_ns < y->wall_ns ? -1 : x->wall_ns > y->wall_ns;
}

void rp_exchanges_sort(struct rp_exchanges *set)
{
    if (set->count > 1)
        qsort(set->items, set->count, sizeof(struct rp_kept_exchange *), compare);
}

void rp_exchanges_take(struct rp_exchanges *set, rp_exchange_fn *fn, void *user)
{
    size_t count = set->count;

    set->count = 0;
    for (size_t i = 0; i < count; i++) {
        fn(user, &set->items[i]->exchange);
        rp_free(set->items[i]);
    }
}

/* ---- for people ------------------------------------------------------------------------------ */

void rp_exchange_write_lines(struct rp_buf *out, const char *mark, struct rp_slice text)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len, taken = len + (end ? 1 : 0);

        rp_buf_append_str(out, mark);
        rp_buf_append(out, text.ptr, len);
        rp_buf_append_str(out, "\n");
        text = rp_slice(text.ptr + taken, text.len - taken);
    }
}

static void append_body(struct rp_buf *out, const char *mark, const struct rp_exchange_body *body)
{
    if (!body->bytes)
        return;
    rp_buf_appendf(out, "%s(%" PRIu64 " byte%s of body", mark, body->bytes,
                   body->bytes == 1 ? "" : "s");
    if (!body->text.ptr) {
        rp_buf_append_str(out, ")\n");
        return;
    }
    if (body->start < body->bytes)
        rp_buf_appendf(out, ", the first %" PRIu64 " of them", body->start);
    rp_buf_append_str(out, ":)\n");
    rp_exchange_write_lines(out, mark, body->text);
}

void rp_exchange_write(const struct rp_exchange *exchange, bool with_bodies, struct rp_buf *out)
{
    rp_ns took = rp_ns_add(exchange->sending, rp_ns_add(exchange->waiting, exchange->receiving));
    char text[RP_UNIT_SIZE];

    rp_exchange_write_lines(out, "> ", exchange->request_head);
    if (with_bodies)
        append_body(out, "> ", &exchange->request_body);
    if (exchange->response_head.len) {
        rp_exchange_write_lines(out, "< ", exchange->response_head);
        if (with_bodies)
            append_body(out, "< ", &exchange->response_body);
    }
    if (exchange->error.len) {
        rp_buf_append_str(out, "! ");
        rp_buf_append_slice(out, exchange->error);
        rp_buf_append_str(out, "\n");
    }
    rp_buf_appendf(out, "= %s%s\n", rp_unit_time((double)took / RP_MS, 4, text),
                   exchange->is_failed ? ", failed" : "");
}
