/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/target.h - the demo server of `rampa target`: one thread, one loop, HTTP/1.1 and HTTP/2,
 * answers that a test can choose by the path (delays, sizes, statuses, faults), and an echo of
 * WebSocket messages.
 *
 * It exists to be measured against, so it costs less CPU per request than the client that loads it.
 * Everything is bounded: the request head, the header count, a body that is echoed; other bodies
 * are read and thrown away.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
    RP_TARGET_HEAD_MAX = 8192,   /* bytes of request line and headers; more is 431 */
    RP_TARGET_BODY_MAX = 1 << 20 /* bytes of a body that /echo keeps; more is 413 */
};

/* What a run has served, for the line at the end. */
struct rp_target_counts {
    uint64_t connections;
    uint64_t requests; /* complete heads, the unanswered ones included */
    /* answered 400, 413, 431 or 505 because the request was not HTTP as we accept it */
    uint64_t bad;
};

/* Zeroed is valid: 127.0.0.1, a port the system chooses, no signals, runs for ever. */
struct rp_target_options {
    const char *host; /* address or name to listen on; NULL = "127.0.0.1" */
    uint16_t port;    /* 0 = the system chooses */
    /* The loop to use, as for rp_loop_pick. NULL or "" = epoll: io_uring costs a server as much
     * processor time, and more memory a connection. */
    const char *loop;
    /* SIGINT and SIGTERM end the run; blocked during it, restored afterwards */
    bool handle_signals;
    int stop_fd; /* the run ends when this descriptor becomes readable; 0 = none; stays the caller's */
    /* Speaks TLS, with a certificate that is made at the start: for localhost, 127.0.0.1, ::1 and
     * @host. It is written to @certificate_fd (PEM), which stays the caller's, so that clients can
     * be told to trust it. */
    bool tls;
    int certificate_fd;
    /* Called once when connections are accepted. @url is "http://127.0.0.1:8080" without a slash at
     * the end, valid during the call. A negative return ends the run and is returned. NULL is
     * allowed. */
    int (*ready)(void *context, const char *url);
    void *context;
    struct rp_target_counts *counts; /* filled when the run ends; NULL is allowed */
};

/* Serves until a signal or stop_fd. Returns 0 then; -RP_EUSER when it cannot listen there or has no
 * such loop, -errno when the system refuses something else, both with @err filled. All connections
 * and descriptors are closed on return. Raises the soft limit of open files to the hard one and
 * leaves it there. */
RP_NODISCARD int rp_target_run(const struct rp_target_options *options, struct rp_error *err);

/* The table of endpoints: how a path looks ("/delay/<ms>") and what it does, one line. */
struct rp_target_endpoint {
    const char *path;
    const char *summary;
};

/* Entry @index, NULL after the last. */
const struct rp_target_endpoint *rp_target_endpoint(size_t index);
/* One line an endpoint, in two columns, each after two blanks. */
void rp_target_print_endpoints(FILE *out);
