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

#include "http/http_internal.h"

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
             connection->decoder ? " when decoded" : "",
             connection->is_read ? " allows" : " or discard_body=True allow");
    return fail(failure, RP_HTTP_TOO_LARGE, "response body too large");
}

/* ---- decoders -------------------------------------------------------------------------------- */

static struct rp_decoder *take_decoder(struct rp_http_client *client)
{
    return client->decoder_count ? client->decoders[--client->decoder_count] : rp_decoder_new();
}

void rp_http_drop_decoder(struct connection *connection)
{
    struct rp_http_client *client = connection->session->client;
    struct rp_decoder *decoder = connection->decoder;

    connection->decoder = NULL;
    if (client->decoder_count == RP_ARRAY_LEN(client->decoders)) {
        rp_decoder_free(decoder);
        return;
    }
    rp_decoder_rest(decoder);
    client->decoders[client->decoder_count++] = decoder;
}

void rp_http_free_decoders(struct rp_http_client *client)
{
    while (client->decoder_count)
        rp_decoder_free(client->decoders[--client->decoder_count]);
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
    connection->decoder = take_decoder(connection->session->client);
    if (!connection->decoder)
        return fail_for_memory(failure);
    connection->is_special = true;
    rp_decoder_begin(connection->decoder, &codings, call->body_max ? 0 : RATIO_MAX);
    return true;
}

static bool fail_decoding(const struct connection *connection, struct body_failure *failure)
{
    const struct rp_decoder *decoder = connection->decoder;

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

bool rp_http_take_special(struct connection *connection, struct rp_slice body, rp_ns at,
                          struct body_failure *failure)
{
    struct rp_slice bytes;

    if (!connection->has_looked && !begin_decoding(connection, failure))
        return false;
    if (!connection->decoder) {
        connection->is_special = true;
        return deliver(connection, body, at, failure);
    }
    for (;;) {
        switch (rp_decoder_run(connection->decoder, &body, &bytes)) {
        case RP_CODING_MORE:
            return true;
        case RP_CODING_BYTES:
            if (!deliver(connection, bytes, at, failure))
                return false;
            break;
        case RP_CODING_ERROR:
            return fail_decoding(connection, failure);
        }
    }
}

bool rp_http_end_special(struct connection *connection, struct body_failure *failure)
{
    if (connection->decoder) {
        if (!rp_decoder_end(connection->decoder))
            return fail_decoding(connection, failure);
        rp_http_drop_decoder(connection);
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
