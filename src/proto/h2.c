/* SPDX-License-Identifier: MIT */

/* Sessions: what goes in and out. What nghttp2 tells meanwhile is in h2_callbacks.c. */

#include <errno.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/alloc.h"
#include "proto/h2_server.h"
#include "proto/proto_internal.h"

/* What the server may send before it is told that it may go on. What comes is taken at once, so a
 * large window needs no memory, and saves frames that open it. */
enum { STREAM_WINDOW = 1 << 20, CONNECTION_WINDOW = 16 << 20 };

enum { FRAME_HEADER = 9, MAGIC = 24, SETTINGS_ENTRIES = 32, ANSWERS_MAX = 1000 };

const char *rp_h2_code_text(uint32_t code)
{
    static const char *const texts[RP_H2_CODES] = { "NO_ERROR",
                                                    "PROTOCOL_ERROR",
                                                    "INTERNAL_ERROR",
                                                    "FLOW_CONTROL_ERROR",
                                                    "SETTINGS_TIMEOUT",
                                                    "STREAM_CLOSED",
                                                    "FRAME_SIZE_ERROR",
                                                    "REFUSED_STREAM",
                                                    "CANCEL",
                                                    "COMPRESSION_ERROR",
                                                    "CONNECT_ERROR",
                                                    "ENHANCE_YOUR_CALM",
                                                    "INADEQUATE_SECURITY",
                                                    "HTTP_1_1_REQUIRED" };

    return code < RP_H2_CODES ? texts[code] : "unknown";
}

/* ---- life ---- */

static int begin(struct rp_h2_session *session)
{
    static const nghttp2_settings_entry of_client = { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
    static const nghttp2_settings_entry of_server = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                      RP_H2_SERVER_STREAMS_MAX };
    const nghttp2_settings_entry settings[] = {
        session->server ? of_server : of_client,
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
    };
    int r = nghttp2_submit_settings(session->nghttp2, NGHTTP2_FLAG_NONE, settings,
                                    RP_ARRAY_LEN(settings));

    if (r == 0)
        r = nghttp2_session_set_local_window_size(session->nghttp2, NGHTTP2_FLAG_NONE, 0,
                                                  CONNECTION_WINDOW);
    return r == 0 ? 0 : -ENOMEM;
}

static void *take_memory(size_t size, void *user)
{
    return rp_alloc(size);
}

static void give_memory(void *ptr, void *user)
{
    rp_free(ptr);
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    return rp_calloc(count, size);
}

static void *change_memory(void *ptr, size_t size, void *user)
{
    return rp_realloc(ptr, size);
}

static int make_nghttp2(struct rp_h2_session *session)
{
    nghttp2_mem memory = { NULL, take_memory, give_memory, take_zeroed, change_memory };
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int r = session->server ? rp_h2_make_server_callbacks(&callbacks)
                            : rp_h2_make_callbacks(&callbacks);

    if (r < 0)
        return r;
    if (nghttp2_option_new(&option) == 0) {
        nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES);
        nghttp2_option_set_max_outbound_ack(option, ANSWERS_MAX);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, SIZE_MAX / 2);
        /* RFC 9113 (8.2.1) forbids a blank at either end of a value. Servers write such ones all the same, as
         * grpcio does when an error's text ends with one; the rest of the answer is good. */
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, !session->server);
        r = session->server ? nghttp2_session_server_new3(&session->nghttp2, callbacks, session,
                                                          option, &memory)
                            : nghttp2_session_client_new3(&session->nghttp2, callbacks, session,
                                                          option, &memory);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session->nghttp2 && r == 0 ? 0 : -ENOMEM;
}

int rp_h2_make_session(const struct rp_h2_events *events, struct rp_h2_server *server, void *user,
                       struct rp_h2_session **ret)
{
    struct rp_h2_session *session = rp_calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -ENOMEM;
    session->events = events;
    session->server = server;
    session->user = user;
    session->error.text = session->text;
    r = make_nghttp2(session);
    if (r == 0)
        r = begin(session);
    if (r < 0) {
        session->server = NULL;
        rp_h2_session_free(session);
        return r;
    }
    *ret = session;
    return 0;
}

int rp_h2_session_new(const struct rp_h2_events *events, void *user, struct rp_h2_session **ret)
{
    return rp_h2_make_session(events, NULL, user, ret);
}

void rp_h2_session_free(struct rp_h2_session *session)
{
    if (!session)
        return;
    session->is_abandoned = true;
    nghttp2_session_del(session->nghttp2);
    rp_h2_server_free(session->server);
    rp_free(session);
}

/* ---- errors ---- */

static void copy_printable(char *out, struct rp_slice text)
{
    size_t len = text.len < H2_TEXT_MAX - 1 ? text.len : H2_TEXT_MAX - 1;

    for (size_t i = 0; i < len; i++)
        out[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?';
    out[len] = '\0';
}

void rp_h2_note_error(struct rp_h2_session *session, uint32_t code, bool by_server,
                      struct rp_slice text)
{
    if (session->error.code && !session->error.by_server)
        return;
    session->error.code = code;
    session->error.by_server = by_server;
    copy_printable(session->text, text);
}

struct rp_h2_error rp_h2_error(const struct rp_h2_session *session)
{
    return session->error;
}

/* ---- streams ---- */

uint32_t rp_h2_streams_max(const struct rp_h2_session *session)
{
    return nghttp2_session_get_remote_settings(session->nghttp2,
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool rp_h2_takes_streams(const struct rp_h2_session *session)
{
    return !session->is_over && !session->got_goaway &&
           nghttp2_session_check_request_allowed(session->nghttp2);
}

int rp_h2_takes_protocols(const struct rp_h2_session *session)
{
    if (!session->got_settings)
        return -EAGAIN;
    return nghttp2_session_get_remote_settings(session->nghttp2,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
               ? 0
               : -EOPNOTSUPP;
}

void rp_h2_end(struct rp_h2_session *session, struct rp_h2_stream *stream)
{
    int32_t id = stream->id;

    if (!id)
        return;
    stream->id = 0;
    (void)nghttp2_session_set_stream_user_data(session->nghttp2, id, NULL);
    if (!session->is_over && !(stream->is_done && stream->is_sent))
        (void)nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

int rp_h2_ping(struct rp_h2_session *session)
{
    if (nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, NULL) != 0)
        return -ENOMEM;
    session->asked++;
    return 0;
}

void rp_h2_pause(struct rp_h2_stream *stream)
{
    stream->is_paused = true;
}

void rp_h2_go_on(struct rp_h2_session *session, struct rp_h2_stream *stream)
{
    size_t len = stream->kept_back;

    stream->is_paused = false;
    stream->kept_back = 0;
    if (stream->id && len)
        (void)nghttp2_session_consume_stream(session->nghttp2, stream->id, len);
}

/* ---- bytes ---- */

void rp_h2_abandon(struct rp_h2_session *session)
{
    session->is_abandoned = true;
}

void rp_h2_count(const struct rp_h2_session *session, uint64_t *ret_sent, uint64_t *ret_received)
{
    *ret_sent = session->sent;
    *ret_received = session->received + session->given - session->begun;
}

bool rp_h2_has_output(const struct rp_h2_session *session)
{
    return nghttp2_session_want_write(session->nghttp2) != 0;
}

int rp_h2_receive(struct rp_h2_session *session, struct rp_slice input)
{
    uint32_t code;
    ssize_t r;

    if (session->is_over || session->is_abandoned)
        return 0;
    if (!session->has_received && !session->server && input.len >= 6 &&
        memcmp(input.ptr, "HTTP/1", 6) == 0)
        rp_h2_note_error(session, NGHTTP2_PROTOCOL_ERROR, false,
                         RP_SLICE("the server speaks HTTP/1 here"));
    session->has_received = true;
    session->given += input.len;
    r = nghttp2_session_mem_recv(session->nghttp2, (const uint8_t *)input.ptr, input.len);
    if (session->is_abandoned || r >= 0)
        return 0;
    if (r == NGHTTP2_ERR_CALLBACK_FAILURE && session->error.code && !session->error.by_server)
        return 0; /* a limit is passed, and GOAWAY says so */
    if (r == NGHTTP2_ERR_NOMEM || r == NGHTTP2_ERR_CALLBACK_FAILURE)
        return -ENOMEM;
    /* Such as answers to PING that the peer does not take (NGHTTP2_ERR_FLOODED). */
    code = r == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM;
    rp_h2_note_error(session, code, false, rp_slice_str(nghttp2_strerror((int)r)));
    (void)nghttp2_session_terminate_session(session->nghttp2, code);
    return 0;
}

bool rp_h2_is_over(const struct rp_h2_session *session)
{
    return session->is_over;
}

static uint32_t number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Looks at a frame that is sent: whose it is, and whether it says why the connection ends. */
static void note_frame(struct rp_h2_session *session, const uint8_t *bytes, size_t len)
{
    struct rp_h2_stream *stream;
    uint32_t code;
    int32_t id;

    if (len < FRAME_HEADER)
        return;
    id = (int32_t)(number(bytes + 5) & 0x7fffffff);
    if (bytes[3] == NGHTTP2_GOAWAY && len >= FRAME_HEADER + 8) {
        code = number(bytes + FRAME_HEADER + 4);
        /* A server may want no further requests, and go on with those that it has. */
        session->is_over = session->is_over || !session->server || code != NGHTTP2_NO_ERROR;
        rp_h2_note_error(session, code, false,
                         rp_slice((const char *)bytes + FRAME_HEADER + 8, len - FRAME_HEADER - 8));
    }
    if (bytes[3] == NGHTTP2_DATA)
        session->idle_frames = 0; /* the peer opens its windows for it */
    if (!id || session->server)
        return;
    stream = nghttp2_session_get_stream_user_data(session->nghttp2, id);
    if (!stream)
        return;
    stream->sent += len;
    session->sent += len;
    if (bytes[4] & NGHTTP2_FLAG_END_STREAM && bytes[3] != NGHTTP2_RST_STREAM)
        stream->is_sent = true;
    session->events->given(session->user, stream);
}

int rp_h2_take(struct rp_h2_session *session, struct rp_buf *out, size_t enough)
{
    while (out->len < enough) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(session->nghttp2, &bytes);

        if (len < 0)
            return -ENOMEM;
        if (len == 0)
            break;
        rp_buf_append(out, bytes, (size_t)len);
        if (session->said_magic || session->server)
            note_frame(session, bytes, (size_t)len);
        session->said_magic = true;
    }
    return out->error;
}
