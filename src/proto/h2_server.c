/* SPDX-License-Identifier: MIT */

/* The server's side of a session: what nghttp2 tells of requests. Responses are in h2_request.c. */

#include "proto/h2_server.h"

#include <errno.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/alloc.h"
#include "proto/proto_internal.h"

enum { METHOD, PATH, AUTHORITY };

static struct rp_h2_incoming *find(const struct rp_h2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session->nghttp2, id) : NULL;
}

/* ---- heads ---- */

static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *frame, void *user)
{
    struct rp_h2_session *session = user;

    return rp_h2_check_frame(session, frame->type, frame->length,
                             frame->type == NGHTTP2_HEADERS || find(session, frame->stream_id));
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_server *server = session->server;
    struct rp_h2_incoming *incoming;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    rp_buf_reset(&server->values);
    rp_buf_reset(&server->head);
    memset(server->pseudo, 0, sizeof(server->pseudo));
    incoming = server->events->begins(session->user);
    if (!incoming)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    *incoming = (struct rp_h2_incoming){ .id = frame->hd.stream_id };
    return nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, incoming);
}

static void append_value(struct rp_h2_server *server, int kind)
{
    if (server->pseudo[kind].len)
        rp_buf_append(&server->head, server->values.data + server->pseudo[kind].at,
                      server->pseudo[kind].len);
}

/* All pseudo-fields have come: they are the first fields. */
static void begin_head(struct rp_h2_server *server)
{
    struct rp_buf *head = &server->head;

    if (head->len || head->error)
        return;
    head->error = server->values.error;
    append_value(server, METHOD);
    rp_buf_append_slice(head, RP_SLICE(" "));
    append_value(server, PATH);
    rp_buf_append_slice(head, RP_SLICE(" HTTP/1.1\r\n"));
    if (!server->pseudo[AUTHORITY].len)
        return;
    rp_buf_append_slice(head, RP_SLICE("Host: "));
    append_value(server, AUTHORITY);
    rp_buf_append_slice(head, RP_SLICE("\r\n"));
}

static void take_pseudo(struct rp_h2_server *server, struct rp_slice name, struct rp_slice value)
{
    static const char *const names[] = { ":method", ":path", ":authority" };

    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++) {
        if (!rp_slice_eq_str(name, names[i]))
            continue;
        server->pseudo[i].at = server->values.len;
        server->pseudo[i].len = value.len;
        rp_buf_append_slice(&server->values, value);
        if (server->values.error)
            server->pseudo[i].len = 0;
    }
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_server *server = session->server;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) /* a trailer */
        return 0;
    if (name[0] == ':') {
        take_pseudo(server, rp_slice((const char *)name, name_len),
                    rp_slice((const char *)value, value_len));
        return 0;
    }
    begin_head(server);
    if (name_len == 4 && memcmp(name, "host", 4) == 0 && server->pseudo[AUTHORITY].len)
        return 0; /* RFC 9113, 8.3.1: :authority is in its place */
    rp_buf_append(&server->head, name, name_len);
    rp_buf_append(&server->head, ": ", 2);
    rp_buf_append(&server->head, value, value_len);
    rp_buf_append(&server->head, "\r\n", 2);
    return 0;
}

/* A field with characters that must not be there makes the request malformed (RFC 9113, 8.2.1). */
static int on_invalid_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *user)
{
    (void)nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                    NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* ---- requests ---- */

static int end_head(struct rp_h2_session *session, struct rp_h2_incoming *incoming, bool is_whole)
{
    struct rp_h2_server *server = session->server;
    struct rp_buf *head = &server->head;

    begin_head(server);
    rp_buf_append(head, "\r\n", 2);
    if (head->error == -ENOMEM)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    incoming->got_head = true;
    server->events->head(session->user, incoming,
                         head->error ? (struct rp_slice){ 0 } : rp_buf_slice(head), is_whole);
    return 0;
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_incoming *incoming = find(session, frame->hd.stream_id);
    bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    if (!incoming)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return end_head(session, incoming, is_end);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && is_end &&
        incoming->got_head)
        session->server->events->done(session->user, incoming);
    return 0;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_incoming *incoming = find(session, id);
    int r;

    if (incoming && incoming->is_paused) {
        incoming->kept_back += len;
        r = nghttp2_session_consume_connection(nghttp2, len);
    } else {
        r = nghttp2_session_consume(nghttp2, id, len);
    }
    if (r == NGHTTP2_ERR_NOMEM)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (incoming && len)
        session->server->events->body(session->user, incoming, rp_slice((const char *)data, len));
    return 0;
}

static int on_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_incoming *incoming = find(session, id);

    if (incoming && !session->is_abandoned)
        session->server->events->closed(session->user, incoming, incoming->got_head);
    return 0;
}

int rp_h2_make_server_callbacks(nghttp2_session_callbacks **ret)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    *ret = callbacks;
    return 0;
}

/* ---- life ---- */

int rp_h2_server_new(const struct rp_h2_server_events *events, size_t head_max, void *user,
                     struct rp_h2_session **ret)
{
    struct rp_h2_server *server = rp_calloc(1, sizeof(*server));
    int r;

    if (!server)
        return -ENOMEM;
    server->events = events;
    rp_buf_init(&server->values, head_max);
    rp_buf_init(&server->head, head_max);
    r = rp_h2_make_session(NULL, server, user, ret);
    if (r < 0)
        rp_h2_server_free(server);
    return r;
}

void rp_h2_server_free(struct rp_h2_server *server)
{
    if (!server)
        return;
    rp_buf_deinit(&server->values);
    rp_buf_deinit(&server->head);
    rp_free(server);
}

/* ---- what the server says besides ---- */

void rp_h2_go_on_responding(struct rp_h2_session *session, struct rp_h2_incoming *incoming)
{
    (void)nghttp2_session_resume_data(session->nghttp2, incoming->id);
}

void rp_h2_server_reset(struct rp_h2_session *session, struct rp_h2_incoming *incoming)
{
    (void)nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, incoming->id,
                                    NGHTTP2_CANCEL);
}

void rp_h2_server_pause(struct rp_h2_incoming *incoming)
{
    incoming->is_paused = true;
}

void rp_h2_server_go_on(struct rp_h2_session *session, struct rp_h2_incoming *incoming)
{
    if (!incoming->is_paused)
        return;
    incoming->is_paused = false;
    (void)nghttp2_session_consume_stream(session->nghttp2, incoming->id, incoming->kept_back);
    incoming->kept_back = 0;
}

int rp_h2_say_continue(struct rp_h2_session *session, struct rp_h2_incoming *incoming)
{
    static const nghttp2_nv status = {
        .name = (uint8_t *)":status", .namelen = 7, .value = (uint8_t *)"100", .valuelen = 3
    };

    return nghttp2_submit_headers(session->nghttp2, NGHTTP2_FLAG_NONE, incoming->id, NULL, &status,
                                  1, NULL) == 0
               ? 0
               : -ENOMEM;
}

void rp_h2_server_close(struct rp_h2_session *session)
{
    (void)nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(session->nghttp2),
                                NGHTTP2_NO_ERROR, NULL, 0);
}

bool rp_h2_is_finished(const struct rp_h2_session *session)
{
    return !nghttp2_session_want_read(session->nghttp2) &&
           !nghttp2_session_want_write(session->nghttp2);
}
