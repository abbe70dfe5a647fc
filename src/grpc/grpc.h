/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * grpc/grpc.h - the gRPC client: calls of methods over the HTTP/2 connections of an HTTP client.
 *
 * A client has an HTTP client of its own, which records nothing: what a gRPC call is worth to a test
 * is recorded here. The connections of one user are a session of that HTTP client. A method is what
 * calls have in common, prepared once; a call is one of them, of any of the four kinds: one request
 * or several, one response or several. Messages are bytes here; what they mean is the script's.
 *
 * A call ends with a status of gRPC, whatever happened: what goes wrong on the way is told by a status
 * too, as all clients of gRPC do it, and by an error code of rampa. Samples are recorded before the
 * call's function is told of the end.
 *
 * Times. grpc_req_duration of a call with one request and one response, and grpc_stream_duration of
 * any other one, begin when the first byte of the request is offered to the kernel and end with the
 * last one of the answer, as http_req_duration does. A call that was never sent has none.
 */

#include "http/http.h"
#include "proto/grpc.h"

struct rp_grpc_client;
struct rp_grpc_method;

/* Takes @http, which has no sessions and no templates yet, in any case. It must speak HTTP/2 only, and
 * record nothing. @registry: NULL = nothing is recorded. -ENOMEM. */
RP_NODISCARD int rp_grpc_client_new(struct rp_http_client *http, struct rp_loop *loop,
                                    struct rp_registry *registry, struct rp_grpc_client **ret);
/* No session may be left; a method that is left is of no use. NULL is allowed. */
void rp_grpc_client_free(struct rp_grpc_client *client);
/* Has `--once` (@at_once) or `--http-debug` show its calls: what HTTP/2 has of them, without the values of
 * metadata, and how each has ended. */
void rp_grpc_client_show(struct rp_grpc_client *client, bool at_once);
/* Has the client keep the first @of_kind failed calls of each kind, which is a name with a status and an
 * error code, with what is said of the failure; 0, as in a new client = none. */
void rp_grpc_client_keep_failed(struct rp_grpc_client *client, unsigned of_kind);
/* Calls @fn for each that was kept since the last call, and forgets it. Its status is that of gRPC. */
void rp_grpc_client_take_exchanges(struct rp_grpc_client *client, rp_exchange_fn *fn, void *user);
/* Calls @fn once with the calls with one request and one response that were interrupted since the last call, if
 * there are any, and forgets them. */
void rp_grpc_client_take_unfinished(struct rp_grpc_client *client, rp_unfinished_fn *fn,
                                    void *user);
/* For its sessions and its counters; owned by the client. */
struct rp_http_client *rp_grpc_client_http(const struct rp_grpc_client *client);

/* ---- methods --------------------------------------------------------------------------------- */

enum rp_grpc_compression { RP_GRPC_IDENTITY, RP_GRPC_GZIP };

struct rp_grpc_spec {       /* everything is copied */
    struct rp_slice target; /* "http://HOST:PORT", or https for TLS */
    struct rp_slice path;   /* "/pkg.Service/Method" */
    /* Names in lower case, without those that gRPC has for itself. Values of names that end in -bin
     * are base64 already. */
    const struct rp_header *metadata;
    size_t metadata_count;
    /* Of a whole call; the server is told, and the client keeps it too. 0 = none: a call may last for
     * ever. */
    rp_ns deadline;
    enum rp_grpc_compression compression; /* of what is sent */
    size_t message_max;                   /* bytes of a message that comes; 0 = 4 MiB */
    bool is_stream;                       /* it has several requests or several responses */
    bool has_one_response;                /* else a call may have any number of them */
    /* No part of the load: nothing is recorded of its calls but their bytes and TLS handshakes, which are
     * those of the connection. */
    bool is_unmeasured;
    struct rp_slice name;         /* the tag `name`; empty = the path */
    const struct rp_header *tags; /* further tags of its samples */
    size_t tag_count;
    struct rp_http_tls tls;
    rp_ns keepalive, keepalive_timeout; /* see struct rp_http_spec */
    bool is_balanced;                   /* likewise */
};

/* -RP_EUSER for a target, a path or metadata that cannot be. The method starts with one reference. */
RP_NODISCARD int rp_grpc_method_new(struct rp_grpc_client *client, const struct rp_grpc_spec *spec,
                                    struct rp_grpc_method **ret, struct rp_error *err);
struct rp_grpc_method *rp_grpc_method_ref(struct rp_grpc_method *method);
void rp_grpc_method_unref(struct rp_grpc_method *method); /* NULL is allowed */
struct rp_slice rp_grpc_method_path(const struct rp_grpc_method *method);

/* ---- calls ----------------------------------------------------------------------------------- */

struct rp_grpc_call;
/* Something is new: the head of the answer, a message, room for what is sent, or the end. It is called
 * by a deferred task of the loop, the end directly. The call may be cancelled or freed from here. */
typedef void rp_grpc_wake_fn(struct rp_grpc_call *call);

/* Zeroed and embedded by the caller; must not move or die between start and end. */
struct rp_grpc_call {
    /* set by the caller before the start */
    struct rp_grpc_method *method; /* a reference is held while the call runs */
    const struct rp_tags *tags;    /* of the VU; NULL when nothing is recorded */
    rp_grpc_wake_fn *wake;
    /* read only */
    bool has_head;              /* the head has come, or there will be none */
    bool has_ended;             /* messages may still wait */
    enum rp_grpc_status status; /* at the end */
    int error_code;             /* enum rp_http_code of what went wrong on the way; 0 = nothing */
    unsigned ready;             /* whole messages that wait */
    struct rp_buf text;         /* of the status, at the end: for people, may be empty */
    /* Metadata behind the messages, as lines of HTTP/1; that before them is the response's head. */
    struct rp_buf trailers;
    struct rp_http_response response;
    /* private */
    struct rp_http_call http;
    struct rp_http_session *session; /* valid while the call is under way */
    const struct rp_tags *wire_tags; /* of the connection's bytes and handshakes */
    struct rp_http_body body;
    struct rp_buf in;      /* what has come */
    size_t taken, scanned; /* of it: given to the caller, and known to be whole messages */
    struct rp_buf out;     /* to be sent */
    struct rp_buf sending; /* in the hands of the HTTP client */
    unsigned pieces;       /* that were given to it */
    bool is_again;         /* the last one is to be given once more */
    bool is_half_closed;   /* there are no further messages to be sent */
    bool is_paused;        /* nobody takes what comes */
    bool is_no_grpc;       /* the answer */
    bool has_status;       /* the server has said grpc-status */
    uint8_t coding;        /* of compressed messages: enum coding of grpc_internal.h */
    uint8_t problem;       /* of what came: enum problem of grpc_internal.h */
    uint32_t problem_size; /* bytes of a message that is too large */
    unsigned early;        /* messages that were sent before the start */
    unsigned came,
        gone; /* whole messages that came, taken or not; those that were given to be sent */
    uint64_t came_bytes, gone_bytes;
    struct rp_series *sent; /* of messages, of a stream */
    struct rp_series *received;
    struct rp_task task;
};

/* Never calls wake() from inside. -ENOMEM: nothing has begun. */
RP_NODISCARD int rp_grpc_start(struct rp_http_session *session, struct rp_grpc_call *call);
/* Sends a message of at most RP_GRPC_MESSAGE_MAX bytes, before the start or while the call is under way
 * and not half-closed; it is copied. -ENOMEM. No-op after the end. */
RP_NODISCARD int rp_grpc_send(struct rp_grpc_call *call, struct rp_slice message);
/* Bytes that wait to be sent: a caller that sends for ever waits until they are few. */
size_t rp_grpc_unsent(const struct rp_grpc_call *call);
/* There are no further messages to be sent. */
void rp_grpc_half_close(struct rp_grpc_call *call);
/* Takes the next message, which is valid until the next call of a function of this header. False when
 * there is none yet, or when the call ends for it: has_ended says so. */
bool rp_grpc_receive(struct rp_grpc_call *call, struct rp_slice *ret);

/* Has wake() called soon, as if something were new. */
void rp_grpc_nudge(struct rp_grpc_call *call);

/* How a call is ended before its end, with the status CANCELLED. No wake() follows. No-op when it is
 * not under way. */
enum rp_grpc_end {
    RP_GRPC_LEAVE,   /* the script wants no more: no failure */
    RP_GRPC_GIVE_UP, /* the script has waited long enough: a failed call */
    /* The iteration is interrupted: the call is counted. Whether it has failed is judged at the end of the run
     * (stats/unfinished.h); not of a stream, which may be meant to last. */
    RP_GRPC_INTERRUPT,
    RP_GRPC_ABANDON, /* the run is over: no samples */
};
void rp_grpc_cancel(struct rp_grpc_call *call, enum rp_grpc_end how);
static inline bool rp_grpc_is_running(const struct rp_grpc_call *call)
{
    return rp_http_is_running(&call->http);
}
/* Frees what the call holds. It must not be under way. */
void rp_grpc_deinit(struct rp_grpc_call *call);
