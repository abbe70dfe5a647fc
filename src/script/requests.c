/* SPDX-License-Identifier: MIT */
#include "script/requests.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/*
 * Numbers are 8 bytes, the lowest first; a text is its length and its bytes. The beginning:
 * time-out, redirects, user name and password for challenges, subprotocol, number of ranges, both ends of each. A
 * request: kind, method, URL, name, weight, whether it has a body, body, number of header fields, name and value of each.
 */

bool rp_request_is_socket(const struct rp_one_request *request)
{
    static const struct rp_slice schemes[] = { RP_SLICE("ws://"), RP_SLICE("wss://") };

    for (size_t i = 0; i < RP_ARRAY_LEN(schemes); i++)
        if (request->url.len >= schemes[i].len &&
            rp_slice_ieq(rp_slice(request->url.ptr, schemes[i].len), schemes[i]))
            return true;
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_number(struct rp_buf *out, uint64_t value)
{
    value = htole64(value);
    rp_buf_append(out, &value, sizeof(value));
}

static void put_text(struct rp_buf *out, struct rp_slice text)
{
    put_number(out, text.len);
    rp_buf_append_slice(out, text);
}

void rp_requests_begin(struct rp_buf *out, const struct rp_requests_common *common)
{
    put_number(out, (uint64_t)common->timeout);
    put_number(out, common->max_redirects);
    put_text(out, common->digest_user);
    put_text(out, common->digest_password);
    put_text(out, common->subprotocol);
    put_number(out, common->expected_count);
    for (size_t i = 0; i < common->expected_count; i++) {
        put_number(out, common->expected[i][0]);
        put_number(out, common->expected[i][1]);
    }
}

void rp_requests_append(struct rp_buf *out, const struct rp_one_request *request)
{
    put_number(out, request->kind);
    put_text(out, request->method);
    put_text(out, request->url);
    put_text(out, request->name);
    put_number(out, request->weight);
    put_number(out, request->has_body);
    put_text(out, request->body);
    put_number(out, request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        put_text(out, request->headers[i].name);
        put_text(out, request->headers[i].value);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A number of at most @most. */
static bool take_number(struct rp_slice *rest, uint64_t most, uint64_t *ret)
{
    if (rest->len < sizeof(*ret))
        return false;
    memcpy(ret, rest->ptr, sizeof(*ret));
    *ret = le64toh(*ret);
    *rest = rp_slice(rest->ptr + sizeof(*ret), rest->len - sizeof(*ret));
    return *ret <= most;
}

static bool take_text(struct rp_slice *rest, struct rp_slice *ret)
{
    uint64_t len;

    if (!take_number(rest, SIZE_MAX, &len) || len > rest->len)
        return false;
    *ret = rp_slice(rest->ptr, len);
    *rest = rp_slice(rest->ptr + len, rest->len - len);
    return true;
}

int rp_requests_open(struct rp_requests_reader *reader, struct rp_slice bytes,
                     struct rp_requests_common *ret)
{
    struct rp_slice user, password, subprotocol;
    uint64_t timeout, redirects, count, from, to;

    *reader = (struct rp_requests_reader){ .rest = bytes };
    /* each range has 16 bytes: a count that cannot be asks for no memory */
    if (!take_number(&reader->rest, INT64_MAX, &timeout) ||
        !take_number(&reader->rest, UINT8_MAX, &redirects) || !take_text(&reader->rest, &user) ||
        !take_text(&reader->rest, &password) || !take_text(&reader->rest, &subprotocol) ||
        !take_number(&reader->rest, bytes.len / 16, &count))
        return -EBADMSG;
    reader->expected = count ? rp_calloc(count, sizeof(*reader->expected)) : NULL;
    if (count && !reader->expected)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!take_number(&reader->rest, UINT16_MAX, &from) ||
            !take_number(&reader->rest, UINT16_MAX, &to))
            return -EBADMSG;
        reader->expected[i][0] = (uint16_t)from;
        reader->expected[i][1] = (uint16_t)to;
    }
    *ret = (struct rp_requests_common){ .timeout = (rp_ns)timeout,
                                        .max_redirects = (uint8_t)redirects,
                                        .digest_user = user,
                                        .digest_password = password,
                                        .subprotocol = subprotocol,
                                        .expected = (const uint16_t(*)[2])reader->expected,
                                        .expected_count = count };
    return 0;
}

static int take_headers(struct rp_requests_reader *reader, struct rp_one_request *ret)
{
    uint64_t count;

    if (!take_number(&reader->rest, reader->rest.len / 16, &count))
        return -EBADMSG;
    if (count > reader->header_room) {
        struct rp_header *more = rp_realloc_array(reader->headers, count, sizeof(*more));

        if (!more)
            return -ENOMEM;
        reader->headers = more;
        reader->header_room = count;
    }
    for (size_t i = 0; i < count; i++)
        if (!take_text(&reader->rest, &reader->headers[i].name) ||
            !take_text(&reader->rest, &reader->headers[i].value))
            return -EBADMSG;
    ret->headers = reader->headers;
    ret->header_count = count;
    return 1;
}

int rp_requests_next(struct rp_requests_reader *reader, struct rp_one_request *ret)
{
    uint64_t kind, weight, has_body;

    if (!reader->rest.len)
        return 0;
    if (!take_number(&reader->rest, RP_REQUEST_KINDS - 1, &kind) ||
        !take_text(&reader->rest, &ret->method) || !take_text(&reader->rest, &ret->url) ||
        !take_text(&reader->rest, &ret->name) ||
        !take_number(&reader->rest, RP_REQUEST_WEIGHT_MAX, &weight) || !weight ||
        !take_number(&reader->rest, 1, &has_body) || !take_text(&reader->rest, &ret->body))
        return -EBADMSG;
    ret->kind = (enum rp_request_kind)kind;
    ret->weight = (uint32_t)weight;
    ret->has_body = has_body;
    return take_headers(reader, ret);
}

void rp_requests_close(struct rp_requests_reader *reader)
{
    rp_free(reader->expected);
    rp_free(reader->headers);
    *reader = (struct rp_requests_reader){ 0 };
}

/* ---- their order ----------------------------------------------------------------------------- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

struct turn {
    uint32_t index, number, weight;
};

/* The n-th of w turns lies at (2n + 1) / 2w of the way. */
static int compare_turns(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    uint64_t at = (2 * (uint64_t)a->number + 1) * b->weight;
    uint64_t bt = (2 * (uint64_t)b->number + 1) * a->weight;

    if (at != bt)
        return at < bt ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

size_t rp_requests_turns(const uint32_t *weights, size_t count, uint32_t *ret_divisor)
{
    uint32_t divisor = 0;
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        divisor = common_divisor(divisor, weights[i]);
    for (size_t i = 0; i < count; i++)
        total += weights[i] / divisor;
    *ret_divisor = divisor;
    return total;
}

int rp_requests_order(const uint32_t *weights, size_t count, uint32_t **ret, size_t *ret_count)
{
    uint32_t divisor;
    size_t total = rp_requests_turns(weights, count, &divisor), used = 0;
    struct turn *turns;
    uint32_t *order;

    if (total > RP_REQUEST_TURNS_MAX)
        return -E2BIG;
    turns = rp_calloc(total, sizeof(*turns));
    order = rp_calloc(total, sizeof(*order));
    if (!turns || !order) {
        rp_free(turns);
        rp_free(order);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        for (uint32_t n = 0; n < weights[i] / divisor; n++)
            turns[used++] = (struct turn){ (uint32_t)i, n, weights[i] / divisor };
    qsort(turns, total, sizeof(*turns), compare_turns);
    for (size_t i = 0; i < total; i++)
        order[i] = turns[i].index;
    rp_free(turns);
    *ret = order;
    *ret_count = total;
    return 0;
}
