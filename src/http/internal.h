/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/internal.h - what the files of the HTTP client share. See client.c for the design.
 */

#include "http/http.h"
#include "net/transport.h"
#include "plan/metrics.h"
#include "proto/h1.h"

struct origin { /* scheme, host and port; interned: equal origins are the same pointer */
    struct origin *next;
    char *host;
    uint16_t port;
};

/* The series that one kind of outcome of one template is recorded into. */
struct outcome_series {
    const struct rp_tags *base; /* the VU's tags; NULL = unused entry */
    uint16_t status, error_code;
    const char *kind;
    struct rp_series *reqs, *failed, *sent, *received;
    struct rp_series *duration, *blocked, *looking_up, *connecting, *tls, *sending, *waiting,
        *receiving;
};

enum { OUTCOME_CACHE = 4 };

struct rp_http_template {
    struct rp_http_client *client;
    unsigned refs;
    struct origin *origin;
    struct rp_buf head; /* the request head, ready to be sent */
    struct rp_slice body;
    bool is_head, is_idempotent;
    char *method, *url, *name;
    struct rp_header *tags; /* owned texts */
    size_t tag_count;
    uint16_t (*expected)[2];
    size_t expected_count;
    struct outcome_series outcomes[OUTCOME_CACHE];
    unsigned next_outcome;
};

enum connection_state {
    CONNECTION_BACKOFF,
    CONNECTION_LOOKUP,
    CONNECTION_CONNECTING,
    CONNECTION_BUSY,
    CONNECTION_IDLE
};

struct candidates { /* addresses still to try, while connecting */
    size_t count, next;
    struct rp_address list[RP_ADDRESSES_MAX];
};

struct connection {
    struct rp_transport transport;
    struct rp_list node; /* in the session, or in the client's graveyard */
    struct rp_http_session *session;
    struct origin *origin;
    struct rp_http_call *call; /* NULL when idle */
    enum connection_state state;
    bool is_reused, got_head;
    struct rp_h1_parser parser;
    struct rp_lookup lookup;
    struct rp_timer
        timer; /* armed at or before deadline; moved lazily, so that a request arms nothing */
    rp_ns deadline;
    rp_ns phase_began, first_byte;
    rp_ns looking_up, connecting; /* of the first request only, then 0 */
    struct candidates *candidates;
};

struct rp_http_session {
    struct rp_http_client *client;
    struct rp_list connections; /* busy, idle and opening ones */
    struct rp_list waiting;     /* calls for which no connection is free */
    struct rp_list failing;     /* calls that will be told that memory ran out */
    unsigned connection_count;
    unsigned failed_connects; /* in a row */
    rp_ns last_failure;
};

struct rp_http_client {
    struct rp_loop *loop;
    struct rp_registry *registry;
    struct rp_resolver *resolver;
    struct rp_http_limits limits;
    struct rp_http_counters counters;
    struct origin *origins;
    const struct rp_metric *metrics[RP_BUILTIN_COUNT];
    struct rp_list graveyard; /* connections that may still be on the stack of their own callback */
    struct rp_task bury;
    unsigned sessions;
};

/* client.c */
struct origin *rp_http_origin(struct rp_http_client *client, struct rp_slice host, uint16_t port);
/* session.c */
void rp_http_serve_waiting(struct rp_http_session *session, struct origin *origin);
/* Sends a call whose connection was closed once more, on a new one: idle ones may be as stale as the first was. */
void rp_http_restart(struct rp_http_call *call);
/* connection.c: opens a connection for @call. */
void rp_http_connection_open(struct rp_http_session *session, struct origin *origin,
                             struct rp_http_call *call);
/* Sends @call on an idle connection. */
void rp_http_connection_begin(struct connection *connection, struct rp_http_call *call);
void rp_http_connection_close(struct connection *connection, bool reset);
/* call.c: ends the call: with a complete response, or with @code and @kind (a constant text) and @detail (may be NULL). */
void rp_http_succeed(struct rp_http_call *call, rp_ns at, bool keep);
void rp_http_fail(struct rp_http_call *call, int code, const char *kind, const char *detail,
                  rp_ns at);
void rp_http_record_failure(struct rp_http_call *call, int code, const char *kind,
                            const char *detail, rp_ns at);
/* samples.c */
void rp_http_record(struct rp_http_call *call, const char *kind, bool was_sent);
