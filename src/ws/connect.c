/* SPDX-License-Identifier: MIT */

/* How a session is opened: a request of HTTP that asks for a WebSocket (RFC 6455, 4.1; by HTTP/2
 * RFC 8441). */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/h1.h"
#include "ws/ws_internal.h"

enum {
    HEADERS_MAX = 256,
    OWN_HEADERS = 6,
    OFFER_MAX = 256,
    ANSWER_MAX = 1 << 20,
    PROTOCOLS_MAX = 4096
};
#define CLOSE_TIMEOUT (10 * RP_S)
/* The subprotocol of a server, in a message: printf's arguments for "%.*s". */
#define SHOWN_COLS(text) (int)((text).len < 64 ? (text).len : 64), (text).len ? (text).ptr : ""

/* ---- the request ----------------------------------------------------------------------------- */

/* The URL, and fields that only this room may set. */
static int check_request(const struct rp_http_spec *spec, struct rp_error *err)
{
    static const struct {
        const char *name, *instead;
    } own[] = { { "Connection", NULL },
                { "Upgrade", NULL },
                { "Sec-WebSocket-Key", NULL },
                { "Sec-WebSocket-Version", NULL },
                { "Sec-WebSocket-Extensions", "compress=" },
                { "Sec-WebSocket-Protocol", "protocols=" } };

    if (spec->url.len && memchr(spec->url.ptr, '#', spec->url.len)) { /* RFC 6455, 3 */
        rp_error_set(err, -RP_EUSER,
                     "the URL of a WebSocket has no fragment, which begins with '#'");
        rp_error_hint(err, "write %%23 for a '#' in the path");
        return -RP_EUSER;
    }
    if (spec->header_count > HEADERS_MAX)
        return rp_error_set(err, -RP_EUSER, "more than %d headers", HEADERS_MAX);
    for (size_t i = 0; i < spec->header_count; i++)
        for (size_t k = 0; k < RP_ARRAY_LEN(own); k++) {
            if (!rp_slice_ieq(spec->headers[i].name, rp_slice_str(own[k].name)))
                continue;
            rp_error_set(err, -RP_EUSER, "the header %s cannot be set", own[k].name);
            if (own[k].instead)
                rp_error_hint(err, "it is what %s says", own[k].instead);
            else
                rp_error_hint(err, "a WebSocket has it by itself");
            return -RP_EUSER;
        }
    return 0;
}

/* "chat, superchat". A subprotocol is a token, and stands there once (RFC 6455, 4.1). */
static int join_protocols(const struct rp_ws_spec *spec, struct rp_buf *out, struct rp_error *err)
{
    for (size_t i = 0; i < spec->protocol_count; i++) {
        struct rp_slice name = spec->protocols[i];

        if (!rp_h1_is_token(name))
            return rp_error_set(err, -RP_EUSER,
                                "'%.*s' is no name of a subprotocol: it has no blanks, commas or "
                                "other separators",
                                RP_SLICE_FMT(name));
        for (size_t k = 0; k < i; k++)
            if (rp_slice_eq(spec->protocols[k], name))
                return rp_error_set(err, -RP_EUSER, "the subprotocol '%.*s' is given twice",
                                    RP_SLICE_FMT(name));
        if (i)
            rp_buf_append(out, ", ", 2);
        rp_buf_append_slice(out, name);
    }
    if (out->error == -EMSGSIZE)
        return rp_error_set(err, -RP_EUSER, "the subprotocols have more than %d bytes",
                            PROTOCOLS_MAX);
    return out->error;
}

static int make_template(struct rp_ws_session *session, const struct rp_ws_spec *spec,
                         struct rp_error *err)
{
    static const uint16_t switching[1][2] = { { 101, 101 } }, success[1][2] = { { 200, 299 } };
    struct rp_header *headers;
    struct rp_http_spec http = spec->http;
    struct rp_buf offer;
    size_t count = 0;
    int r = session->is_h2 ? 0 : rp_ws_make_key(&session->user->client->shared, session->key);

    if (r < 0)
        return r;
    headers = rp_alloc((http.header_count + OWN_HEADERS) * sizeof(*headers));
    if (!headers)
        return -ENOMEM;
    headers[count++] = (struct rp_header){ RP_SLICE("Sec-WebSocket-Version"), RP_SLICE("13") };
    if (!session->is_h2) {
        headers[count++] = (struct rp_header){ RP_SLICE("Connection"), RP_SLICE("Upgrade") };
        headers[count++] = (struct rp_header){ RP_SLICE("Upgrade"), RP_SLICE("websocket") };
        headers[count++] = (struct rp_header){ RP_SLICE("Sec-WebSocket-Key"),
                                               rp_slice_str(session->key) };
    }
    if (session->protocols.len)
        headers[count++] = (struct rp_header){ RP_SLICE("Sec-WebSocket-Protocol"),
                                               rp_buf_slice(&session->protocols) };
    rp_buf_init(&offer, OFFER_MAX);
    if (spec->deflate) {
        rp_ws_append_offer(spec->deflate, &offer);
        headers[count++] = (struct rp_header){ RP_SLICE("Sec-WebSocket-Extensions"),
                                               rp_buf_slice(&offer) };
    }
    for (size_t i = 0; i < http.header_count; i++)
        headers[count++] = http.headers[i];
    http.method = session->is_h2 ? RP_SLICE("CONNECT") : RP_SLICE("GET");
    http.headers = headers;
    http.header_count = count;
    http.expected = session->is_h2 ? success : switching;
    http.expected_count = 1;
    http.is_upgrade = true;
    http.is_tunnel = http.is_streamed = http.is_chunked = session->is_h2;
    r = offer.error;
    if (r == 0)
        r = rp_http_template_new(session->user->http_client, &http, &session->template, err);
    if (r == -RP_EUSER && err && err->hint && strstr(err->hint, "like http://127"))
        rp_error_hint(err, "write it like ws://127.0.0.1:8080/path");
    rp_buf_deinit(&offer);
    rp_free(headers);
    return r;
}

int rp_ws_check_spec(const struct rp_ws_spec *spec, struct rp_error *err)
{
    struct rp_buf protocols;
    int r = check_request(&spec->http, err);

    rp_buf_init(&protocols, PROTOCOLS_MAX);
    if (r == 0)
        r = join_protocols(spec, &protocols, err);
    rp_buf_deinit(&protocols);
    return r;
}

int rp_ws_session_new(struct rp_ws_user *user, const struct rp_ws_spec *spec,
                      struct rp_ws_session **ret, struct rp_error *err)
{
    struct rp_ws_session *session;
    int r = check_request(&spec->http, err);

    if (r < 0)
        return r;
    session = rp_calloc(1, sizeof(*session));
    if (!session)
        return -ENOMEM;
    session->user = user;
    session->last = &session->first;
    session->message_max = spec->message_max ? spec->message_max : RP_WS_MESSAGE_MAX;
    session->close_timeout = spec->close_timeout ? spec->close_timeout : CLOSE_TIMEOUT;
    session->heartbeat = spec->heartbeat;
    session->is_h2 = spec->is_h2;
    session->offers_deflate = spec->deflate != NULL;
    if (spec->deflate)
        session->deflate = *spec->deflate;
    session->call.timeout = spec->timeout;
    rp_buf_init(&session->protocols, PROTOCOLS_MAX);
    rp_buf_init(&session->pending, SIZE_MAX);
    rp_buf_init(&session->out, SIZE_MAX);
    r = join_protocols(spec, &session->protocols, err);
    if (r == 0 && spec->protocol.len) {
        session->wanted_protocol = rp_strndup(spec->protocol.ptr, spec->protocol.len);
        r = session->wanted_protocol ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = make_template(session, spec, err);
    if (r < 0) {
        rp_ws_session_free(session);
        return r;
    }
    *ret = session;
    return 0;
}

struct rp_http_template *rp_ws_template(const struct rp_ws_session *session)
{
    return session->template;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void refuse(struct rp_ws_session *session, int code, const char *kind, const char *text)
{
    session->state = RP_WS_CLOSED;
    session->close_code = RP_WS_ABNORMAL;
    rp_ws_fail(session, code, kind, text);
    rp_ws_nudge(session);
}

/* An answer that does not agree, or none: then its error begins with the kind of the failure. */
static void refused(struct rp_ws_session *session)
{
    struct rp_http_response *response = session->response;
    char text[64];

    if (!response->status) {
        const char *detail = strstr(response->error, ": ");
        size_t len = detail ? (size_t)(detail - response->error) : strlen(response->error);

        snprintf(text, sizeof(text), "%.*s", (int)len, response->error);
        refuse(session, response->error_code, text, response->error);
        return;
    }
    snprintf(text, sizeof(text), "the server has answered with status %u, not %s", response->status,
             session->is_h2 ? "200" : "101");
    refuse(session, response->error_code ? response->error_code : RP_HTTP_PROTOCOL,
           RP_WS_KIND_NO_SOCKET, text);
}

/* Whether the answer is that of a WebSocket. *@chosen, a part of the answer, gets the subprotocol that it names. */
static enum rp_ws_refusal check_answer(struct rp_ws_session *session, struct rp_slice *chosen)
{
    const struct rp_http_response *response = session->response;
    const struct rp_ws_request request = { .key = rp_slice_str(session->key),
                                           .protocols = rp_buf_slice(&session->protocols),
                                           .offer = session->offers_deflate ? &session->deflate
                                                                            : NULL };
    struct rp_ws_agreement agreement = { 0 };
    enum rp_ws_refusal refusal = rp_ws_check_answer(&request, response->status,
                                                    rp_buf_slice(&response->head), &agreement);

    *chosen = agreement.protocol;
    if (refusal == RP_WS_ACCEPTED && agreement.protocol.len) {
        session->subprotocol = rp_slice(rp_strndup(agreement.protocol.ptr, agreement.protocol.len),
                                        agreement.protocol.len);
        if (!session->subprotocol.ptr)
            session->subprotocol.len = 0; /* everything soon will be lost */
    }
    session->is_compressed = refusal == RP_WS_ACCEPTED && agreement.has_deflate;
    if (session->is_compressed)
        session->deflate = agreement.deflate;
    return refusal;
}

/* The connection is one of WebSocket, but not of use. */
static void drop(struct rp_ws_session *session, const char *kind, const char *text)
{
    rp_http_close_upgraded(&session->upgraded, true);
    refuse(session, RP_HTTP_PROTOCOL, kind, text);
}

static void drop_wrong(struct rp_ws_session *session, const char *what, struct rp_slice chosen)
{
    char text[256];

    snprintf(text, sizeof(text), "the answer %u of the server is wrong: %s%s%.*s%s",
             session->status, what, chosen.len ? ", '" : "", SHOWN_COLS(chosen),
             chosen.len ? "'" : "");
    drop(session, RP_WS_KIND_NO_SOCKET, text);
}

static void drop_unwanted(struct rp_ws_session *session)
{
    struct rp_slice chosen = session->subprotocol;
    char text[256];

    snprintf(text, sizeof(text), "the server has not chosen the subprotocol '%.64s', but %s%.*s%s",
             session->wanted_protocol, chosen.len ? "'" : "none", SHOWN_COLS(chosen),
             chosen.len ? "'" : "");
    drop(session, RP_WS_KIND_NO_SUBPROTOCOL, text);
}

static void answered(struct rp_http_call *call)
{
    struct rp_ws_session *session = rp_container_of(call, struct rp_ws_session, call);
    struct rp_http_response *response = call->response;
    struct rp_slice chosen;
    enum rp_ws_refusal refusal;

    session->status = response->status;
    if (!rp_http_take_upgraded(call, &session->upgraded)) {
        refused(session);
        return;
    }
    refusal = check_answer(session, &chosen);
    if (refusal || response->body.error) {
        drop_wrong(session, refusal ? rp_ws_refusal_text(refusal) : "out of memory",
                   refusal == RP_WS_UNASKED_PROTOCOL ? chosen : RP_SLICE(""));
        return;
    }
    if (session->wanted_protocol &&
        !rp_slice_eq_str(session->subprotocol, session->wanted_protocol)) {
        drop_unwanted(session);
        return;
    }
    if (rp_ws_begin(session, rp_buf_slice(&response->body),
                    call->began + response->blocked + response->looking_up + response->connecting +
                        response->tls_handshaking + response->sending + response->waiting +
                        response->receiving) < 0)
        drop(session, "out of memory", NULL);
}

void rp_ws_open(struct rp_ws_session *session, struct rp_http_response *response,
                const struct rp_tags *tags)
{
    rp_assert(session->state == RP_WS_NEW);
    session->state = RP_WS_CONNECTING;
    session->is_shown = rp_http_shows(session->user->http_client) != RP_HTTP_SHOWN_NOT;
    session->response = response;
    session->tags = tags;
    session->call.template = session->template;
    session->call.response = response;
    session->call.tags = tags;
    session->call.body_max = ANSWER_MAX;
    session->call.done = answered;
    rp_list_append(&session->user->sessions, &session->node);
    if (rp_http_start_upgrade(session->user->http, &session->call, &session->upgraded) < 0)
        refuse(session, RP_HTTP_GENERIC, "out of memory", NULL);
}
