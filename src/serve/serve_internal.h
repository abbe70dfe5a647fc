/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/serve_internal.h - the parts of the control server: its state (serve.c), connections and
 * requests (server.c), HTML (pages.c), answers (routes.c), the stream of events (stream.c).
 */

#include <jansson.h>
#include <microhttpd.h>

#include "base/json_line.h"
#include "loop/loop.h"
#include "serve/guard.h"
#include "serve/place.h"
#include "serve/serve.h"
#include "serve/tcp.h"

enum {
    RP_SERVE_CONNECTIONS_MAX = 200, /* of each listener; more wait */
    RP_SERVE_STREAMS_MAX = 100,
    RP_SERVE_BODY_MAX = 16384,
    RP_SERVE_ANSWER_MAX = 8 << 20,
    RP_SERVE_TIMEOUT_S = 30, /* of a connection on which nothing moves */
    RP_SERVE_RING = 1024,    /* events that are kept, */
    RP_SERVE_RING_BYTES = 4 << 20,
    RP_SERVE_REASON_MAX = 1000, /* bytes of the reason of a stop */
    RP_SERVE_TICKETS = 8,       /* addresses for browsers that nobody has used yet */
};

/* One socket, and the daemon of libmicrohttpd that serves it. */
struct rp_serve_listener {
    struct rp_serve *serve;
    struct MHD_Daemon *daemon; /* NULL = there is none */
    struct rp_watch watch;     /* of the daemon's epoll descriptor */
    struct rp_timer timer;     /* when the daemon wants to be turned by itself */
    struct rp_task task;       /* turns it, when something was resumed */
    unsigned hasty;            /* turns that the daemon wanted at once since something has come */
    bool is_tcp;
};

/* The newest events, and those who read them. */
struct rp_serve_stream {
    struct rp_event_queue *queue; /* of the bus; emptied at once */
    struct rp_event_line *ring[RP_SERVE_RING];
    size_t first, count, bytes;
    uint64_t last; /* seq of the newest event */
    struct rp_list clients;
    size_t client_count;
    bool has_ended; /* no further event will come */
};

struct rp_serve {
    struct rp_sink sink;
    struct rp_serve_options options;
    struct rp_place place;
    char address[RP_TCP_NAME_MAX]; /* where it is reached; empty = no TCP */
    char url[RP_TCP_NAME_MAX + sizeof("https://")];
    uint16_t port;
    bool is_tls; /* on TCP */
    /* Of the live page, random: "rampa-0123456789abcdef.localhost", which browsers look for on
     * loopback by themselves. They send cookies to all ports of a host, so that a page at the
     * address itself would give its cookie to every other server there. Empty where the name does
     * not lead to the address, and with TLS, as the certificate is not for it. */
    char page_host[40];
    struct rp_serve_listener unix_listener, tcp_listener;
    struct rp_serve_stream stream;
    struct rp_guard_tries tries;
    char session[RP_TOKEN_SIZE]; /* what the cookie of a browser holds */
    char cookie[24];             /* its name */
    /* Each lets one browser in; "" = used. The newest ones, in turn. */
    char tickets[RP_SERVE_TICKETS][RP_TOKEN_SIZE];
    size_t next_ticket;
    struct rp_timer tick;           /* shows streams that have gone */
    const struct rp_result *result; /* from the first event until the server is closed */
    struct rp_event_memory memory;  /* rates of counters */
    struct rp_verdict *verdicts; /* of the plan's thresholds, as they were judged last, or NULL */
    struct rp_buf last_status;   /* the body of /v1/status at the end of the run */
    size_t request_count;        /* that are being answered */
    bool is_stopping;            /* somebody has stopped the run here */
    bool is_over;
    bool is_attached; /* to the loop of the run, or it could not be: */
    int error;        /* why it could not be attached to the loop, or 0 */
};

/* ---- server.c -------------------------------------------------------------------------------- */

/* Serves @fd, which is taken over on success. -ENOMEM, or -EIO when libmicrohttpd refuses. */
RP_NODISCARD int rp_serve_listener_start(struct rp_serve_listener *listener, struct rp_serve *serve,
                                         int fd, bool is_tcp);
/* On the loop of the run, from now on. -errno. */
RP_NODISCARD int rp_serve_listener_attach(struct rp_serve_listener *listener, struct rp_loop *loop);
/* Leaves the loop: nothing is answered until it is turned by hand. */
void rp_serve_listener_detach(struct rp_serve_listener *listener);
/* Turns it soon: some stream has something to send. */
void rp_serve_listener_wake(struct rp_serve_listener *listener);
void rp_serve_listener_stop(struct rp_serve_listener *listener);
/* Without a loop: answers what has come, and waits until all is taken, at most @longest. */
void rp_serve_listeners_finish(struct rp_serve *serve, rp_ns longest);

/* Answers with @response, which is taken over; NULL = there was no memory for it. */
enum MHD_Result rp_serve_queue(struct MHD_Connection *connection, unsigned status,
                               struct MHD_Response *response, const char *type);

/* ---- pages.c --------------------------------------------------------------------------------- */

/* The live page. */
enum MHD_Result rp_serve_page(struct MHD_Connection *connection);
/* The browser gets its cookie and goes to the page by itself. */
enum MHD_Result rp_serve_page_let_in(const struct rp_serve *serve,
                                     struct MHD_Connection *connection);
/* Tells somebody whose address was used, or never good, how to get one. */
enum MHD_Result rp_serve_page_keep_out(struct MHD_Connection *connection);

/* ---- routes.c -------------------------------------------------------------------------------- */

struct rp_serve_request {
    struct rp_serve *serve;
    const char *name;   /* of the query, or NULL */
    const char *host;   /* by which the client has come over TLS, or NULL */
    const json_t *body; /* an object; NULL when there is none */
};

/* Writes the members of an object, which is open, and returns the status. */
typedef unsigned rp_serve_answer(const struct rp_serve_request *request, struct rp_json_line *line);

enum rp_serve_kind { RP_SERVE_JSON, RP_SERVE_EVENTS, RP_SERVE_PAGE };

struct rp_serve_route {
    const char *method, *path;
    enum rp_serve_kind kind;
    rp_serve_answer *answer; /* of JSON */
};

/* The route of a request, with *ret_status 0; or NULL, with 404 or 405. */
const struct rp_serve_route *rp_serve_route(const char *method, const char *path,
                                            unsigned *ret_status);
/* The members of an error. Returns @status. */
unsigned rp_serve_refuse(struct rp_json_line *line, unsigned status, const char *error,
                         const char *hint);
/* What a POST answers when it has acted. */
unsigned rp_serve_tell(const struct rp_serve *serve, struct rp_json_line *line);
/* intervals.c */
unsigned rp_serve_get_intervals(const struct rp_serve_request *request, struct rp_json_line *line);
/* adjust.c */
unsigned rp_serve_post_adjust(const struct rp_serve_request *request, struct rp_json_line *line);
/* Writes what /v1/status answers. */
void rp_serve_write_status(struct rp_serve *serve, struct rp_json_line *line);

/* ---- stream.c -------------------------------------------------------------------------------- */

RP_NODISCARD int rp_serve_stream_init(struct rp_serve *serve, struct rp_event_bus *bus);
/* Its clients must have gone. */
void rp_serve_stream_deinit(struct rp_serve_stream *stream);
/* A response that streams the events behind @after; NULL without memory. */
struct MHD_Response *rp_serve_stream_respond(struct rp_serve_listener *listener,
                                             struct MHD_Connection *connection, uint64_t after);
/* Every client that waits sends a comment, which shows whether it is still there. */
void rp_serve_stream_probe(struct rp_serve_stream *stream);
/* No event will come any more: the streams end when they have sent what there is. */
void rp_serve_stream_end(struct rp_serve_stream *stream);
