/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/server.h - what the connections of a run share, and what a connection is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "target/reply.h"
#include "target/request.h"
#include "target/target.h"
#include "target/timers.h"

enum {
    RP_TARGET_RX_SIZE = 65536,
    RP_TARGET_TX_MAX = 65536,
    RP_TARGET_PIECE = 16384, /* body bytes written at once */
};

struct rp_target_server {
    int epoll_fd, listen_fd, signal_fd, stop_fd; /* -1 = none */
    struct rp_list conns;                        /* all of them */
    struct rp_list ready;                        /* those with work left for the next turn */
    uint32_t conn_count;
    uint64_t closed;    /* connections so far */
    bool accept_paused; /* out of descriptors: until a connection closes */
    struct rp_target_timers timers;
    struct rp_target_random random;
    char *rx;         /* every connection's input passes through here */
    struct rp_buf tx; /* output of the connection at hand */
    char *filler;     /* RP_TARGET_PIECE bytes of the alphabet and one period more */
    struct rp_buf constants[RP_TARGET_CONSTANTS]; /* complete answers for GET that go on */
    struct rp_target_counts counts;
};

enum rp_target_phase {
    RP_TARGET_HEAD,   /* wants a request */
    RP_TARGET_BODY,   /* reads a request's body */
    RP_TARGET_WAIT,   /* the answer is due when the timer fires */
    RP_TARGET_STREAM, /* writes an answer's body */
    RP_TARGET_STUCK,  /* will never answer */
    RP_TARGET_CLOSE,  /* closes when everything is written */
    RP_TARGET_LINGER, /* has said its last word, reads what the peer still sends so that it is not lost to a reset */
};

struct rp_target_conn {
    struct rp_list all, ready;
    struct rp_target_timer timer;
    int fd;
    enum rp_target_phase phase;
    bool can_read;    /* edge-triggered: there may be something to receive */
    bool peer_closed; /* its FIN has been seen */
    bool is_head, keep_alive;
    bool is_http_1_0;
    bool peer_may_send;    /* it does not know that no more is answered */
    struct rp_slice input; /* while it runs: what is not consumed, in rx or in */
    struct rp_buf in;      /* between runs: the same */
    struct rp_buf out;     /* what the socket did not take */
    struct rp_buf stored;  /* a body that was received or composed */
    struct rp_target_body body;
    struct rp_target_reply reply;
    uint64_t sent; /* body bytes of reply written */
    rp_ns started; /* when the body began, for its rate */
    char content_type[128];
};

/* Takes the descriptor over, also on failure. 0 or -errno. */
RP_NODISCARD int rp_target_conn_new(struct rp_target_server *server, int fd);
/* @events of epoll, 0 to go on with what is left. May free the connection. */
RP_HOT void rp_target_conn_run(struct rp_target_server *server, struct rp_target_conn *conn,
                               uint32_t events);
void rp_target_conn_fire(struct rp_target_server *server, struct rp_target_timer *timer);
void rp_target_conn_free(struct rp_target_server *server, struct rp_target_conn *conn);
