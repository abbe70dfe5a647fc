/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include <string.h>

#include "stats/exchange.h"

/* {NULL, 0} becomes null; what is no UTF-8, as only a strange worker sends it, U+FFFD. */
static json_t *slice_json(struct rp_slice text)
{
    struct rp_buf copy;
    json_t *json;

    if (!text.ptr || !text.len)
        return json_null();
    rp_buf_init(&copy, SIZE_MAX / 2);
    rp_buf_append_slice(&copy, text);
    json = copy.error ? NULL : rp_json_text(rp_buf_str(&copy));
    rp_buf_deinit(&copy);
    return json;
}

static struct rp_slice take_line(struct rp_slice *lines)
{
    const char *end = memchr(lines->ptr, '\n', lines->len);
    size_t len = end ? (size_t)(end - lines->ptr) : lines->len, taken = len + (end ? 1 : 0);
    struct rp_slice line = rp_slice(lines->ptr, len);

    *lines = rp_slice(lines->ptr + taken, lines->len - taken);
    return line;
}

/* [name, value] of each field; a line that says how many are left out has no value. */
static json_t *headers_json(struct rp_slice lines)
{
    json_t *array = json_array();

    while (lines.len) {
        struct rp_slice line = take_line(&lines);
        const char *colon = memmem(line.ptr, line.len, ": ", 2);
        size_t name = colon ? (size_t)(colon - line.ptr) : line.len,
               value = colon ? name + 2 : name;
        json_t *pair = json_array();

        rp_json_push(&pair, slice_json(rp_slice(line.ptr, name)));
        rp_json_push(&pair, value < line.len
                                ? slice_json(rp_slice(line.ptr + value, line.len - value))
                                : json_string(""));
        rp_json_push(&array, pair);
    }
    return array;
}

static json_t *body_json(const struct rp_exchange_body *body)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "bytes", rp_json_count(body->bytes));
    rp_json_put(&object, "start", rp_json_count(body->start));
    rp_json_put(&object, "text", slice_json(body->text));
    return rp_json_take(&object);
}

static json_t *message_json(struct rp_slice head, const struct rp_exchange_body *body)
{
    struct rp_json_object object;

    if (!head.len)
        return json_null();
    object = rp_json_object();
    rp_json_put(&object, "line", slice_json(take_line(&head)));
    rp_json_put(&object, "headers", headers_json(head));
    rp_json_put(&object, "body", body_json(body));
    return rp_json_take(&object);
}

static json_t *times_json(const struct rp_exchange *exchange)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "blocked", rp_json_number((double)exchange->blocked / RP_MS));
    rp_json_put(&object, "looking_up", rp_json_number((double)exchange->looking_up / RP_MS));
    rp_json_put(&object, "connecting", rp_json_number((double)exchange->connecting / RP_MS));
    rp_json_put(&object, "tls_handshaking",
                rp_json_number((double)exchange->tls_handshaking / RP_MS));
    rp_json_put(&object, "sending", rp_json_number((double)exchange->sending / RP_MS));
    rp_json_put(&object, "waiting", rp_json_number((double)exchange->waiting / RP_MS));
    rp_json_put(&object, "receiving", rp_json_number((double)exchange->receiving / RP_MS));
    return rp_json_take(&object);
}

/* 0 becomes null: it has none. */
static json_t *code_json(uint32_t code)
{
    return code ? rp_json_count(code) : json_null();
}

static json_t *exchange_json(const struct rp_exchange *exchange)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "name", slice_json(exchange->name));
    rp_json_put(&object, "url", slice_json(exchange->url));
    rp_json_put(&object, "scenario", slice_json(exchange->scenario));
    rp_json_put(&object, "vu", exchange->vu ? json_integer(exchange->vu) : json_null());
    rp_json_put(&object, "iteration",
                exchange->vu ? rp_json_count(exchange->iteration) : json_null());
    rp_json_put(&object, "ended", rp_result_time_json(exchange->wall_ns));
    rp_json_put(&object, "remote", slice_json(exchange->remote));
    rp_json_put(&object, "status", code_json(exchange->status));
    rp_json_put(&object, "error_code", code_json(exchange->error_code));
    rp_json_put(&object, "error", slice_json(exchange->error));
    rp_json_put(&object, "proto", slice_json(exchange->proto));
    rp_json_put(&object, "tls_version", slice_json(exchange->tls_version));
    rp_json_put(&object, "times", times_json(exchange));
    rp_json_put(&object, "request", message_json(exchange->request_head, &exchange->request_body));
    rp_json_put(&object, "response",
                message_json(exchange->response_head, &exchange->response_body));
    return rp_json_take(&object);
}

int rp_result_write_exchanges(struct rp_result_writer *writer)
{
    const struct rp_exchanges *exchanges = &writer->result->exchanges;
    int r = 0;

    rp_json_open_list(&writer->document, "exchanges");
    for (size_t i = 0; r == 0 && i < exchanges->count; i++)
        r = rp_json_item(&writer->document, exchange_json(rp_exchanges_get(exchanges, i)),
                         RP_JSON_LINE);
    rp_json_close_list(&writer->document);
    return r;
}
