/* SPDX-License-Identifier: MIT */

/*
 * Bodies that are not just kept: those with a content coding, and those that are read as they come.
 *
 * A decoder has some 100 KB, so that only bodies that are under way have one; the client keeps a few
 * for those that follow.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/body.h"

/* Bytes that may stand for one, unless the caller has said how large the body may be. Pages and JSON
 * have up to 100; a body that is made to fill the memory has 1,000 and more. */
enum { RATIO_MAX = 200 };

static bool fail(struct body_failure *failure, int code, const char *kind)
{
    failure->code = code;
    failure->kind = kind;
    return false;
}

static bool fail_for_memory(struct body_failure *failure)
{
    return fail(failure, RP_HTTP_GENERIC, "out of memory");
}

bool rp_http_body_overflow(const struct connection *connection, struct body_failure *failure)
{
    const struct rp_buf *body = &connection->call->response->body;

    if (body->error == -ENOMEM)
        return fail_for_memory(failure);
    snprintf(failure->detail, sizeof(failure->detail),
             "more than %zu bytes%s (max_body_bytes=%s more)", body->max,
             connection->decoding ? " when decoded" : "",
             connection->is_read ? " allows" : " or discard_body=True allow");
    return fail(failure, RP_HTTP_TOO_LARGE, "response body too large");
}

/* ---- decoders -------------------------------------------------------------------------------- */

static struct decoding *take_decoding(struct connection *connection)
{
    struct rp_http_client *client = connection->session->client;
    struct decoding *decoding = NULL;

    if (client->decoder_count)
        decoding = client->decoders[--client->decoder_count];
    else
        decoding = rp_calloc(1, sizeof(*decoding));
    if (decoding && !decoding->decoder)
        decoding->decoder = rp_decoder_new();
    if (decoding && !decoding->decoder) {
        rp_free(decoding);
        return NULL;
    }
    if (decoding) {
        decoding->connection = connection;
        rp_buf_init(&decoding->waiting, SIZE_MAX);
    }
    return decoding;
}

static void decoding_free(struct decoding *decoding)
{
    rp_decoder_free(decoding->decoder);
    rp_free(decoding);
}

void rp_http_drop_decoding(struct connection *connection)
{
    struct rp_http_client *client = connection->session->client;
    struct decoding *decoding = connection->decoding;

    connection->decoding = NULL;
    rp_task_cancel(&decoding->task);
    rp_buf_deinit(&decoding->waiting);
    decoding->is_held = decoding->is_over = false;
    if (client->decoder_count == RP_ARRAY_LEN(client->decoders)) {
        decoding_free(decoding);
        return;
    }
    rp_decoder_rest(decoding->decoder);
    client->decoders[client->decoder_count++] = decoding;
}

void rp_http_free_decoders(struct rp_http_client *client)
{
    while (client->decoder_count)
        decoding_free(client->decoders[--client->decoder_count]);
}

/* ---- coded bodies ---------------------------------------------------------------------------- */

static struct rp_codings codings_of(const struct rp_http_response *response)
{
    struct rp_codings codings = { 0 };
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("content-encoding")))
            rp_codings_add(&codings, value);
    return codings;
}

/* False after a failure. Without a decoder afterwards the body is left as it comes. */
static bool begin_decoding(struct connection *connection, struct body_failure *failure)
{
    struct rp_http_call *call = connection->call;
    struct rp_codings codings = codings_of(call->response);

    connection->has_looked = true;
    if (call->keep_coding || codings.is_unknown || !codings.count)
        return true;
    connection->decoding = take_decoding(connection);
    if (!connection->decoding)
        return fail_for_memory(failure);
    connection->is_special = true;
    rp_decoder_begin(connection->decoding->decoder, &codings, call->body_max ? 0 : RATIO_MAX);
    return true;
}

static bool fail_decoding(const struct connection *connection, struct body_failure *failure)
{
    const struct rp_decoder *decoder = connection->decoding->decoder;

    switch (rp_decoder_error(decoder)) {
    case RP_CODING_NO_MEMORY:
        return fail_for_memory(failure);
    case RP_CODING_TOO_MANY:
        snprintf(failure->detail, sizeof(failure->detail),
                 "%s: more than %d times its %" PRIu64 " bytes when decoded (max_body_bytes= "
                 "allows more)",
                 rp_decoder_coding(decoder), RATIO_MAX, connection->call->response->body_bytes);
        return fail(failure, RP_HTTP_TOO_LARGE, "response body too large");
    default:
        snprintf(failure->detail, sizeof(failure->detail),
                 "%s: %s (auto_decompress=False leaves it as it comes)", rp_decoder_coding(decoder),
                 rp_decoder_reason(decoder));
        return fail(failure, RP_HTTP_CODING, "broken content coding");
    }
}

/* Hands bytes on to the reader, or keeps them. */
static bool deliver(struct connection *connection, struct rp_slice bytes, rp_ns at,
                    struct body_failure *failure)
{
    struct rp_http_call *call = connection->call;
    struct rp_buf *body = &call->response->body;

    if (connection->is_read)
        body->error = call->reader->data(call, bytes, at);
    else
        rp_buf_append_slice(body, bytes);
    return !body->error || rp_http_body_overflow(connection, failure);
}

/* Decodes *@rest until the reader is full and there is more, which *@ret_is_full says then, or
 * @to_the_end. False after a failure. */
static bool decode(struct connection *connection, struct rp_slice *rest, rp_ns at, bool to_the_end,
                   bool *ret_is_full, struct body_failure *failure)
{
    struct rp_slice bytes;
    bool was_paused;

    *ret_is_full = false;
    for (;;) {
        switch (rp_decoder_run(connection->decoding->decoder, rest, &bytes)) {
        case RP_CODING_MORE:
            return true;
        case RP_CODING_BYTES:
            was_paused = connection->is_paused;
            if (!deliver(connection, bytes, at, failure))
                return false;
            /* It was the first piece too many, and so not just the last one of all. */
            if (was_paused && !to_the_end) {
                *ret_is_full = true;
                return true;
            }
            break;
        case RP_CODING_ERROR:
            return fail_decoding(connection, failure);
        }
    }
}

bool rp_http_decode_held(struct connection *connection, bool to_the_end,
                         struct body_failure *failure)
{
    struct decoding *decoding = connection->decoding;
    struct rp_slice rest = rp_buf_slice(&decoding->waiting);

    connection->is_paused = false;
    if (!decode(connection, &rest, decoding->at, to_the_end, &decoding->is_held, failure))
        return false;
    rp_buf_consume(&decoding->waiting, decoding->waiting.len - rest.len);
    if (!decoding->is_held)
        rp_buf_deinit(&decoding->waiting);
    return true;
}

bool rp_http_take_special(struct connection *connection, struct rp_slice body, rp_ns at,
                          struct body_failure *failure)
{
    struct decoding *decoding;

    if (!connection->has_looked && !begin_decoding(connection, failure))
        return false;
    decoding = connection->decoding;
    if (!decoding) {
        connection->is_special = true;
        return deliver(connection, body, at, failure);
    }
    if (!decoding->is_held && !decode(connection, &body, at, false, &decoding->is_held, failure))
        return false;
    if (!decoding->is_held)
        return true;
    decoding->at = at;
    rp_buf_append_slice(&decoding->waiting, body);
    return !decoding->waiting.error || fail_for_memory(failure);
}

bool rp_http_end_special(struct connection *connection, struct body_failure *failure)
{
    if (connection->decoding) {
        if (!rp_decoder_end(connection->decoding->decoder))
            return fail_decoding(connection, failure);
        rp_http_drop_decoding(connection);
    }
    connection->is_special = connection->is_read = connection->has_looked = false;
    if (connection->is_paused && !connection->is_stream &&
        rp_transport_resume(connection->stack.top) < 0)
        return fail_for_memory(failure);
    connection->is_paused = false;
    return true;
}

/* ---- bodies that are read -------------------------------------------------------------------- */

void rp_http_begin_reading(struct connection *connection, rp_ns at)
{
    struct rp_http_call *call = connection->call;

    connection->is_special = connection->is_read = true;
    rp_h1_treat_as_coded(&connection->parser);
    if (connection->is_stream)
        connection->session->client->h2->settle(connection);
    call->reader->head(call, connection->traffic->send_began, at);
}

void rp_http_pause(struct rp_http_call *call)
{
    struct connection *connection = call->connection;

    connection->is_paused = true;
    if (connection->is_stream)
        connection->session->client->h2->pause(connection);
    else
        rp_transport_pause(connection->stack.top);
}
