/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/server.h - what the connections of a run share, and what a connection is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "loop/listener.h"
#include "net/tls.h"
#include "net/transport.h"
#include "proto/h1_request.h"
#include "proto/h2_server.h"
#include "proto/ws.h"
#include "target/grpc.h"
#include "target/reply.h"
#include "target/target.h"

enum {
    RP_TARGET_IN_FULL = 65536, /* bytes that came too early: at so many nothing more is received */
    RP_TARGET_IN_MAX = 1 << 20,
    RP_TARGET_TX_MAX = 65536,
    RP_TARGET_PIECE = 16384, /* body bytes written at once */
};

struct rp_target_server {
    struct rp_tls_shared *tls; /* NULL = none */
    struct rp_tls_context *tls_context;
    struct rp_loop *loop;
    struct rp_listener listener;
    struct rp_watch signal_watch, stop_watch;
    int signal_fd; /* -1 = none */
    bool is_over;
    int error; /* -errno that ended the run */
    struct rp_list conns;
    uint32_t conn_count; /* those that are open */
    struct rp_target_random random;
    struct rp_list exchanges; /* those that no connection has */
    struct rp_list streams;   /* those of HTTP/2 that no connection has */
    struct rp_buf tx;         /* output of the connection at hand; has room for RP_TARGET_TX_MAX */
    struct rp_buf spare;      /* such a buffer for the next tx, or nothing */
    char *filler;             /* RP_TARGET_PIECE bytes of the alphabet and one period more */
    struct rp_buf constants[RP_TARGET_CONSTANTS]; /* complete answers for GET that go on */
    struct rp_h2_request *h2_constants[RP_TARGET_CONSTANTS]; /* their heads for HTTP/2 */
    struct rp_ws_shared ws_shared;
    struct rp_target_calls calls;
    struct rp_target_counts counts;
};

enum rp_target_phase {
    RP_TARGET_HEAD,   /* wants a request */
    RP_TARGET_BODY,   /* reads a request's body */
    RP_TARGET_WAIT,   /* the answer is due when the timer fires */
    RP_TARGET_REPLY,  /* the answer is due */
    RP_TARGET_STREAM, /* writes an answer's body */
    RP_TARGET_STUCK,  /* will never answer */
    RP_TARGET_H2,     /* speaks HTTP/2, until it closes */
    RP_TARGET_WS,     /* is a WebSocket */
    RP_TARGET_CLOSE,  /* closes when everything is written */
    RP_TARGET_LINGER, /* has said its last word, reads what the peer still sends so that it is not lost to a reset */
    RP_TARGET_GONE, /* closed; the next turn frees it */
};

/* A request and its answer, while one is under way. Idle connections have none: they are most of
 * the many. */
struct rp_target_exchange {
    struct rp_list node; /* in the server's list */
    struct rp_h1_request request;
    struct rp_buf head;   /* of the request */
    struct rp_buf stored; /* a body that was received or composed */
    struct rp_target_reply reply;
    uint64_t sent; /* body bytes of reply written */
    rp_ns started; /* when the body began, for its rate */
};

struct rp_target_conn {
    struct rp_target_server *server;
    struct rp_list all;
    struct rp_task task; /* goes on in the next turn, or frees */
    struct rp_timer timer;
    struct rp_tcp tcp;
    struct rp_transport *wire; /* the top of the stack that stands on tcp */
    enum rp_target_phase phase;
    bool is_sending;    /* out holds what the socket has not taken yet */
    bool is_paused;     /* too much has come too early */
    bool peer_closed;   /* its FIN has been seen */
    bool peer_may_send; /* it does not know that no more is answered */
    bool is_settled;    /* whether it speaks HTTP/1.1 or HTTP/2 is known */
    bool is_head, keep_alive;
    bool is_http_1_0;
    struct rp_target_exchange *exchange; /* NULL between requests, and with HTTP/2 */
    struct rp_target_h2 *h2;             /* NULL with HTTP/1.1 */
    struct rp_target_ws *ws;             /* NULL = it is no WebSocket */
    struct rp_slice input;               /* while it runs: what is not consumed, the loop's or in */
    struct rp_buf in;                    /* between runs: the same */
    struct rp_buf out;                   /* a tx that was sent in part */
};

/* What a step says: whether there may be more to do now, or only after a callback, or the
 * connection has come to its end. */
enum rp_target_step { RP_TARGET_GO_ON, RP_TARGET_PAUSE, RP_TARGET_DEAD };

/* Makes conn->wire over @fd, with @events. -errno: @fd is still the caller's, and the wire has to be
 * freed. */
RP_NODISCARD int rp_target_wire_open(struct rp_target_conn *conn,
                                     const struct rp_transport_events *events, int fd);
void rp_target_wire_free(struct rp_target_conn *conn); /* closes it */
/* Takes the descriptor over; closes it when there is no memory for a connection. */
void rp_target_conn_new(struct rp_target_server *server, int fd);
/* At the end of the run. */
void rp_target_conn_free(struct rp_target_conn *conn);
/* The connection's timer: the wait is over, more of a slow body is due, or enough was lingered. */
void rp_target_conn_fire(struct rp_timer *timer, rp_ns now);
/* Makes room in tx for a piece of body with a head. PAUSE when the peer does not take what it
 * already has. */
enum rp_target_step rp_target_make_room(struct rp_target_conn *conn);

/* Goes on in a deferred task. */
void rp_target_conn_wake(struct rp_target_conn *conn);
/* Ends it with RST; the answers before that are sent first, as far as the socket takes them. */
enum rp_target_step rp_target_conn_reset(struct rp_target_conn *conn);

void rp_target_exchange_init(struct rp_target_exchange *exchange);
void rp_target_exchange_deinit(struct rp_target_exchange *exchange);
/* The content type for /echo, valid as long as the request. */
struct rp_slice rp_target_type_of(const struct rp_h1_request *request);
/* Sees to it that the connection has an exchange; false when there is no memory. */
RP_NODISCARD bool rp_target_exchange_take(struct rp_target_conn *conn);
/* Back to the server, whatever it was used for. No-op without one. */
void rp_target_exchange_give(struct rp_target_conn *conn);
/* Of those that no connection has. */
void rp_target_exchanges_free(struct rp_target_server *server);

/* One of the answers that never change, for a request of the usual kind; NULL = there is none. */
const struct rp_buf *rp_target_constant_answer(const struct rp_target_server *server,
                                               const struct rp_h1_request *request);
/* In the phase REPLY: begins the answer that conn->reply describes. */
enum rp_target_step rp_target_answer(struct rp_target_conn *conn);
/* In the phase STREAM: writes the next piece of the body. */
enum rp_target_step rp_target_stream(struct rp_target_conn *conn);

/* Of the body that the reply of @exchange describes. */
uint64_t rp_target_body_len(const struct rp_target_exchange *exchange);
const char *rp_target_body_at(const struct rp_target_server *server,
                              const struct rp_target_exchange *exchange);
/* How much of a slow body may be sent by @now; when that is nothing, *ret_next is when it is more. */
uint64_t rp_target_rate_allows(const struct rp_target_exchange *exchange, rp_ns now,
                               rp_ns *ret_next);

/* ---- ws.c: connections that have become a WebSocket ---- */

/* The reply is UPGRADE, and tx has room for its head: phase WS. */
enum rp_target_step rp_target_ws_open(struct rp_target_conn *conn);
/* In the phase WS, with room in tx for a piece: takes one event of the input, or writes a piece. PAUSE:
 * all input is consumed. */
enum rp_target_step rp_target_ws_step(struct rp_target_conn *conn);
void rp_target_ws_free(struct rp_target_conn *conn);
/* The server stops: tells the client of a WebSocket, if that goes without waiting. */
void rp_target_ws_leave(struct rp_target_conn *conn); /* no-op without one */

/* ---- h2.c: connections that speak HTTP/2 ---- */

/* By what has come so far, conn->input, says whether it is HTTP/2. False: more must come to tell, or there
 * is no memory (DEAD in *ret_step). */
RP_NODISCARD bool rp_target_h2_settle(struct rp_target_conn *conn, enum rp_target_step *ret_step);
/* It does: phase H2. */
RP_NODISCARD int rp_target_h2_open(struct rp_target_conn *conn);
/* In the phase H2: takes the input and writes what there is to say. */
enum rp_target_step rp_target_h2_step(struct rp_target_conn *conn);
void rp_target_h2_free(struct rp_target_conn *conn); /* no-op without one */
/* Makes the constant answers. -ENOMEM. */
RP_NODISCARD int rp_target_h2_init(struct rp_target_server *server);
void rp_target_h2_deinit(struct rp_target_server *server);
