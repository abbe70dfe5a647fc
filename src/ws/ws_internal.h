/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ws/ws_internal.h - what the files of the WebSocket client share.
 *
 * client.c: the client, its users, what is recorded. connect.c: how a session is opened.
 * exchanges.c: those that have failed. show.c: what people are shown. messages.c: messages that wait. session.c: what passes through it, and its end.
 */

#include "plan/metrics.h"
#include "ws/ws.h"

/* Where a session records, with its tags. */
struct rp_ws_series {
    struct rp_series *session_duration, *ping, *sent, *received, *bytes_sent, *bytes_received,
        *roundtrip;
};

enum { RP_WS_SPARE_BUFS = 64 }; /* as many as sessions that send in a turn, mostly */

struct rp_ws_client {
    struct rp_loop *loop;
    struct rp_registry *registry; /* NULL = nothing is recorded */
    struct rp_ws_shared shared;
    struct rp_ws_message *spare; /* messages that were given back */
    size_t spare_bytes;
    /* Buffers in which nothing waits to be sent. The one that was given back last is taken first, for it
     * may still be in the cache. */
    struct rp_buf spare_bufs[RP_WS_SPARE_BUFS];
    unsigned spare_buf_count;
    uint64_t open;
    struct rp_list users;
    struct rp_exchanges failed; /* kept, and not taken yet */
    const struct rp_metric *metrics[RP_BUILTIN_COUNT];
};

struct rp_ws_user {
    struct rp_list node; /* of its client */
    struct rp_ws_client *client;
    struct rp_http_client *http_client;
    struct rp_http_session *http;
    struct rp_list sessions;
};

/* ---- client.c ---- */

/* Makes the series of a session that is open. Without memory nothing of it is recorded. */
void rp_ws_record_opened(struct rp_ws_session *session, rp_ns at);
/* Counts the bytes that have passed since the last call. */
void rp_ws_count_bytes(struct rp_ws_session *session);
/* Gives @buf, which has no memory, that of a spare buffer, if there is one. */
void rp_ws_take_buf(struct rp_ws_client *client, struct rp_buf *buf);
/* @buf has no memory then. */
void rp_ws_give_back_buf(struct rp_ws_client *client, struct rp_buf *buf);
/* Frees a session that has no connection. */
void rp_ws_session_free(struct rp_ws_session *session);
/* Fills in the error, and counts it. @kind: a constant text, which is a tag. @text: for people; NULL
 * = the same. */
void rp_ws_fail(struct rp_ws_session *session, int code, const char *kind, const char *text);
/* The same of a session that was closed by a close frame, of which the text tells. */
void rp_ws_fail_closed(struct rp_ws_session *session, int code, const char *kind);

/* ---- exchanges.c ---- */

/* Keeps what is said of a session that fails, if it is one of the first ones of its kind. */
RP_COLD void rp_ws_keep_failed(struct rp_ws_session *session, const char *kind);

/* ---- show.c: of sessions that are shown (is_shown) ---- */

/* @mark: "> " of what is sent, "< " of what has come. */
RP_COLD void rp_ws_show_message(struct rp_ws_session *session, const char *mark,
                                enum rp_ws_event kind, struct rp_slice payload);
RP_COLD void rp_ws_show_close(struct rp_ws_session *session, const char *mark, unsigned code,
                              struct rp_slice reason);
static inline void rp_ws_tell_message(struct rp_ws_session *session, const char *mark,
                                      enum rp_ws_event kind, struct rp_slice payload)
{
    if (RP_UNLIKELY(session->is_shown))
        rp_ws_show_message(session, mark, kind, payload);
}
static inline void rp_ws_tell_close(struct rp_ws_session *session, const char *mark, unsigned code,
                                    struct rp_slice reason)
{
    if (RP_UNLIKELY(session->is_shown))
        rp_ws_show_close(session, mark, code, reason);
}
/* Its error. */
RP_COLD void rp_ws_show_error(struct rp_ws_session *session);

/* ---- messages.c ---- */

/* Frees messages that were given back. */
void rp_ws_free_spare(struct rp_ws_client *client);
/* A message has come, at @at. -ENOMEM. */
RP_NODISCARD int rp_ws_add_message(struct rp_ws_session *session, enum rp_ws_event kind,
                                   struct rp_slice payload, rp_ns at);
/* Receives again, if it was stopped and there is memory. */
void rp_ws_resume(struct rp_ws_session *session);
/* Stops receiving when many messages wait. */
void rp_ws_pause_if_full(struct rp_ws_session *session);

/* ---- session.c ---- */

/* The server has agreed, at @at: the session is open. It takes what has come already. -ENOMEM: it is
 * not open. */
RP_NODISCARD int rp_ws_begin(struct rp_ws_session *session, struct rp_slice rest, rp_ns at);
/* Ends a session that is open or being closed, without waiting for the server. -ENOMEM, -errno: the
 * server is not told. */
RP_NODISCARD int rp_ws_cut_short(struct rp_ws_session *session);
/* Tells the owner, soon. */
void rp_ws_nudge(struct rp_ws_session *session);
