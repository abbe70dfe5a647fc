/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/shared.h - what the files of HTTP/2 have in common: a connection that calls share, and its streams.
 *
 * The rest of the room goes by struct shared_ops.
 */

#include "http/http_internal.h"

struct stream {
    struct connection connection; /* what the call sees */
    struct rp_h2_stream h2;
    struct rp_traffic traffic;
    bool is_kept;             /* the connection had served others before */
    bool is_held;             /* its request waits for the server's SETTINGS */
    int body_error;           /* -errno for which the request's body has ended */
    struct rp_list send_node; /* in given or offered, until its times are known */
    rp_ns
        filled; /* when its first bytes were made, if that was later than the send's first; else 0 */
    /* A failure that shows while bytes are made: it must not be told from there. */
    struct rp_list late_node;
    enum rp_h2_reason late_reason;
    uint32_t late_code;
};

struct shared {
    struct connection *connection;
    struct rp_h2_session *session;
    struct rp_list streams; /* with a call */
    struct rp_list unused;  /* for further calls */
    struct rp_list given, offered, late;
    uint32_t stream_count;
    bool has_served; /* a stream has had its response */
    bool was_used;   /* by an earlier stream */
    bool is_closed;  /* the connection is; callbacks may still be running */
    bool is_ending;  /* no further streams; it is closed when it has none and nothing to send */
    bool is_sending, has_changed;
    bool is_receiving, is_making; /* nghttp2 is on the stack */
    unsigned fills;               /* of the current send */
    rp_ns at;                     /* of the bytes that are being taken */
    struct keepalive *keepalive;  /* http/keepalive.h; NULL = the peer is not watched */
    struct rp_buf pending, out;   /* made meanwhile; in the socket's hands */
    /* Bytes on the wire that ended streams have counted, and those of their own frames. */
    uint64_t counted_sent, counted_received, ended_sent, ended_received;
    struct rp_task task;
};

/* ---- shared.c ---- */

/* Has the socket ask for what there is to send. */
void rp_http_shared_send(struct shared *shared);
/* Tells late failures, and closes the connection if it is of no more use, from a task. */
void rp_http_shared_defer(struct shared *shared);
/* The server has said nothing for long: see keepalive.h. */
void rp_http_shared_silent(struct shared *shared, rp_ns waited, rp_ns now);

/* ---- h2_streams.c ---- */

extern const struct rp_h2_events rp_http_h2_events;
/* The socket has taken what it was offered, at @ended; 0 = it has begun to. */
void rp_http_h2_settle(struct shared *shared, rp_ns ended);
/* The bytes of streams that have just been made are in the socket's hands; @now is 0 for the first of
 * a send. */
void rp_http_h2_note_made(struct shared *shared, rp_ns now);
bool rp_http_takes_streams(const struct shared *shared);
bool rp_http_h2_begin(struct connection *connection, struct rp_http_call *call);
void rp_http_h2_end(struct connection *stream);
void rp_http_h2_count(struct connection *stream);
/* Tells a failure that has shown while bytes were made. */
void rp_http_h2_tell_late(struct stream *stream);
/* Sends a request that has waited for the server's SETTINGS. The call may end. */
void rp_http_h2_send_held(struct stream *stream);
/* The connection has ended, with @failure or NULL. */
void rp_http_h2_lose(struct stream *stream, const struct rp_net_failure *failure, rp_ns at);
