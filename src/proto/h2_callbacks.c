/* SPDX-License-Identifier: MIT */

/* What nghttp2 tells of what has come, and the limits. */

#include <errno.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "proto/proto_internal.h"

enum { FRAME_HEADER = 9 };

static struct rp_h2_stream *find(const struct rp_h2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session->nghttp2, id) : NULL;
}

static int go_on(const struct rp_h2_session *session)
{
    return session->is_abandoned ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void fail(struct rp_h2_session *session, struct rp_h2_stream *stream,
                 enum rp_h2_reason reason, uint32_t code)
{
    if (stream->is_over)
        return;
    stream->is_over = true;
    session->events->failed(session->user, stream, reason, code);
}

/* ---- limits ---- */

static int too_much(struct rp_h2_session *session, const char *text)
{
    rp_h2_note_error(session, NGHTTP2_ENHANCE_YOUR_CALM, false, rp_slice_str(text));
    (void)nghttp2_session_terminate_session(session->nghttp2, NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int check_block(struct rp_h2_session *session, uint8_t type, size_t len)
{
    if (type == NGHTTP2_CONTINUATION) {
        session->continuations++;
        session->block_bytes += len;
    } else {
        session->continuations = 0;
        session->block_bytes = len;
    }
    if (session->continuations > RP_H2_CONTINUATIONS_MAX)
        return too_much(session, "too many CONTINUATION frames");
    if (session->block_bytes > RP_H2_BLOCK_MAX)
        return too_much(session, "a header block is too large");
    return 0;
}

int rp_h2_check_frame(struct rp_h2_session *session, uint8_t type, size_t len, bool brings)
{
    int r = 0;

    session->begun += FRAME_HEADER + len;
    if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION)
        r = check_block(session, type, len);
    if (brings && (type == NGHTTP2_HEADERS || (type == NGHTTP2_DATA && len > 0)))
        session->idle_frames = 0;
    else if (r == 0 && ++session->idle_frames > RP_H2_IDLE_FRAMES_MAX)
        r = too_much(session, "too many frames that bring nothing");
    return r;
}

/* A silent peer that answers is well: its answers are not those of one that only costs time. */
static void note_answer(struct rp_h2_session *session, const nghttp2_frame_hd *frame)
{
    if (frame->type != NGHTTP2_PING || !(frame->flags & NGHTTP2_FLAG_ACK) || !session->asked)
        return;
    session->asked--;
    session->idle_frames = 0;
}

static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *frame, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_stream *stream = find(session, frame->stream_id);
    int r;

    note_answer(session, frame);
    r = rp_h2_check_frame(session, frame->type, frame->length, stream != NULL);
    if (r < 0)
        return r;
    if (!stream)
        return 0;
    if (frame->type == NGHTTP2_RST_STREAM) /* the answer to a request, which has one at the most */
        session->idle_frames = 0;
    stream->received += FRAME_HEADER + frame->length;
    session->received += FRAME_HEADER + frame->length;
    if (frame->type == NGHTTP2_HEADERS && !stream->is_over && !stream->got_head)
        session->events->begins(session->user, stream);
    return go_on(session);
}

/* ---- heads ---- */

static void append_status(struct rp_h2_stream *stream, const uint8_t *value, size_t len)
{
    unsigned status = 0;

    for (size_t i = 0; i < len && i < 3; i++) /* nghttp2 has checked that they are digits */
        status = status * 10 + (value[i] - (unsigned)'0');
    stream->status = (uint16_t)status;
    stream->is_coded = stream->sets_cookies = false;
    rp_buf_reset(stream->head);
    rp_buf_append_slice(stream->head, RP_SLICE("HTTP/2.0 "));
    rp_buf_append(stream->head, value, len);
    rp_buf_append_slice(stream->head, RP_SLICE(" \r\n"));
}

static void append_field(struct rp_buf *head, struct rp_slice name, struct rp_slice value)
{
    size_t len = name.len + value.len + 4; /* ": " and the end of the line */
    char *p;

    if (rp_buf_reserve(head, len) < 0)
        return;
    p = head->data + head->len;
    memcpy(p, name.ptr, name.len);
    p[name.len] = ':';
    p[name.len + 1] = ' ';
    memcpy(p + name.len + 2, value.ptr, value.len);
    memcpy(p + len - 2, "\r\n", 3); /* and the NUL of every buffer */
    head->len += len;
}

/* The response is malformed. */
static int refuse_head(nghttp2_session *nghttp2, int32_t id)
{
    (void)nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_stream *stream = find(session, frame->hd.stream_id);

    if (!stream || stream->is_over)
        return 0;
    if (stream->got_head) {
        if (session->events->trailer)
            session->events->trailer(session->user, stream, rp_slice((const char *)name, name_len),
                                     rp_slice((const char *)value, value_len));
        return go_on(session);
    }
    if (name[0] == ':') {
        append_status(stream, value, value_len);
        if (stream->status < 100) /* three digits, which is all that nghttp2 asks for */
            return refuse_head(nghttp2, frame->hd.stream_id);
    } else {
        if (name_len == 16 && memcmp(name, "content-encoding", 16) == 0)
            stream->is_coded = true;
        if (name_len == 10 && memcmp(name, "set-cookie", 10) == 0)
            stream->sets_cookies = true;
        append_field(stream->head, rp_slice((const char *)name, name_len),
                     rp_slice((const char *)value, value_len));
    }
    if (stream->head->error)
        fail(session, stream,
             stream->head->error == -ENOMEM ? RP_H2_NO_MEMORY : RP_H2_HEAD_TOO_LARGE, 0);
    return go_on(session);
}

/* RFC 9113, 8.2.1: a field with characters that must not be there makes the whole response
 * malformed. nghttp2 would leave it out. */
static int on_invalid_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *user)
{
    return refuse_head(nghttp2, frame->hd.stream_id);
}

static void end_head(struct rp_h2_session *session, struct rp_h2_stream *stream)
{
    if (stream->got_head) /* trailers */
        return;
    if (stream->status < 200) {
        stream->interim_bytes += stream->head->len;
        if (stream->interim_bytes > stream->head->max) { /* else a server could go on for ever */
            fail(session, stream, RP_H2_HEAD_TOO_LARGE, 0);
            return;
        }
        rp_buf_reset(stream->head);
        session->events->interim(session->user, stream);
        return;
    }
    rp_buf_append(stream->head, "\r\n", 2);
    if (stream->head->error) {
        fail(session, stream,
             stream->head->error == -ENOMEM ? RP_H2_NO_MEMORY : RP_H2_HEAD_TOO_LARGE, 0);
        return;
    }
    stream->got_head = true;
    session->events->head(session->user, stream);
}

/* ---- frames ---- */

static void on_goaway(struct rp_h2_session *session, const nghttp2_goaway *goaway)
{
    session->got_goaway = true;
    rp_h2_note_error(session, goaway->error_code, true,
                     rp_slice((const char *)goaway->opaque_data, goaway->opaque_data_len));
    session->events->changed(session->user);
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_stream *stream = find(session, frame->hd.stream_id);
    int32_t id = frame->hd.stream_id;

    if (frame->hd.type == NGHTTP2_GOAWAY)
        on_goaway(session, &frame->goaway);
    else if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
        session->got_settings = true;
        session->events->changed(session->user);
    }
    if (!stream || stream->is_over)
        return go_on(session);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        stream->is_reset = true;
    if (frame->hd.type == NGHTTP2_HEADERS)
        end_head(session, stream);
    if (session->is_abandoned || find(session, id) != stream || stream->is_over)
        return go_on(session);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        stream->is_over = stream->is_done = true;
        session->events->done(session->user, stream);
    }
    return go_on(session);
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_stream *stream = find(session, id);
    int r;

    if (stream && stream->is_paused) {
        stream->kept_back += len;
        r = nghttp2_session_consume_connection(nghttp2, len);
    } else {
        r = nghttp2_session_consume(nghttp2, id, len);
    }
    if (r == NGHTTP2_ERR_NOMEM)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (stream && !stream->is_over && len)
        session->events->body(session->user, stream, rp_slice((const char *)data, len));
    return go_on(session);
}

static int on_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_stream *stream = find(session, id);

    if (!stream || session->is_abandoned)
        return 0;
    stream->id = 0;
    fail(session, stream,
         code == NGHTTP2_REFUSED_STREAM ? RP_H2_REFUSED
         : stream->is_reset             ? RP_H2_BY_SERVER
                                        : RP_H2_BY_CLIENT,
         code);
    return go_on(session);
}

/* ---- all of them ---- */

int rp_h2_make_callbacks(nghttp2_session_callbacks **ret)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    *ret = callbacks;
    return 0;
}
