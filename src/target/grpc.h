/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/grpc.h - calls of gRPC that the target answers: a request over HTTP/2 whose content type is
 * one of gRPC.
 *
 * A call is a stream of HTTP/2 whose request and response are rows of messages. The methods stand in
 * tables (grpc_test.c and others), do no I/O, and are asked for one response at a time, when the client
 * takes more. So a slow client costs no memory: while responses to a message are due, the further
 * messages of the client wait, and when many bytes of them wait the client is held up by the windows
 * of HTTP/2. Payloads consist of zeros, which are stored nowhere.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "proto/grpc.h"
#include "proto/h1_request.h"
#include "proto/h2_server.h"

enum {
    RP_TARGET_MESSAGE_MAX = 4 << 20,    /* bytes of a message that comes */
    RP_TARGET_COMPRESSED_MAX = 1 << 20, /* of one that is sent compressed */
    RP_TARGET_CALL_IN_MAX = 8 << 20,    /* of messages that wait: more than the windows allow */
    RP_TARGET_STATUS_TEXT_MAX = 4096,
};

struct rp_target_conn;
struct rp_target_call;

struct rp_target_method {
    const char *path; /* "/package.Service/Method" */
    /* It takes exactly one message, which is looked at when the client has sent all; else any number,
     * each as soon as it has come. */
    bool has_one_request;
    /* Takes the next message. A response that follows at once is written here. */
    void (*take)(struct rp_target_call *call, struct rp_slice message);
    /* Writes the next response to @message, or waits (rp_target_call_wait). False: there is none. NULL =
     * take() has written all. */
    bool (*next)(struct rp_target_call *call, struct rp_slice message);
    /* The client has sent all, and has all responses to it. NULL = the call has ended well. */
    void (*end)(struct rp_target_call *call);
};

/* What all calls of a server share; zeroed is valid, and empty. */
struct rp_target_calls {
    struct rp_h2_request *heads[2]; /* of responses, plain ones and those that may be compressed */
    struct rp_h2_request *ok;       /* the fields behind the messages of a call that went well */
    struct rp_decoder *decoder;     /* of compressed messages; NULL until there is one */
};

/* A call, or memory for one: zeroed is valid. Everything is private but to the methods. */
struct rp_target_call {
    /* for the methods */
    bool is_compressed;  /* the message at hand came compressed */
    bool accepts_gzip;   /* the client takes compressed messages */
    bool has_waited;     /* for the response at hand */
    size_t at;           /* of the message at hand: what of it has been answered */
    uint64_t total;      /* whatever a method adds up */
    struct rp_buf plain; /* the message at hand, when it came compressed */
    /* for grpc.c and grpc_send.c */
    const struct rp_target_method *method;
    struct rp_target_conn *conn;
    void (*wake)(struct rp_target_conn *conn);
    rp_timer_fn *waited;
    struct rp_h2_session *session;
    struct rp_h2_incoming *incoming;
    const struct rp_h1_request *request;
    struct rp_timer deadline, wait;
    struct rp_buf in;     /* what has come of the request's body */
    size_t taken;         /* bytes of @in that are done with */
    size_t message_bytes; /* of the message at hand, with its prefix, behind them; 0 = none */
    struct rp_buf out;    /* of the response's body: what is next */
    size_t sent;          /* of @out */
    uint64_t zeros;       /* to be sent behind @out */
    struct rp_buf text;   /* of the status */
    int status;
    int error;           /* -ENOMEM: the connection cannot go on */
    bool has_zipped;     /* messages that come may be compressed */
    bool has_echo;       /* the client wants fields of its head back */
    bool got_one;        /* a message was taken */
    bool is_half_closed; /* the client has sent all */
    bool is_waiting;     /* for the timer @wait */
    bool has_head;       /* of the response: it was given to the session */
    bool is_ended;       /* it has a status */
    bool is_over;        /* all was given to the session, or nothing more shall be */
};

/* Whether a request over HTTP/2 is a call. */
bool rp_target_is_call(const struct rp_h1_request *request);

/* The head of a request has come, for which rp_target_is_call() is true. All but @call live longer than
 * the call. @wake_conn is called when something is to be sent that nobody has asked for. @is_whole: there
 * is no body. */
void rp_target_call_begin(struct rp_target_call *call, struct rp_target_conn *conn,
                          void (*wake_conn)(struct rp_target_conn *conn),
                          struct rp_h2_session *session, struct rp_h2_incoming *incoming,
                          const struct rp_h1_request *request, bool is_whole);
/* These are the events of the session (proto/h2_server.h). Afterwards call->error says whether memory
 * has run out. */
void rp_target_call_body(struct rp_target_call *call, struct rp_slice body);
void rp_target_call_done(struct rp_target_call *call);
struct rp_slice rp_target_call_more(struct rp_target_call *call, size_t room, bool *ret_is_last);
/* The stream is closed. The memory is kept for the next call. */
void rp_target_call_closed(struct rp_target_call *call);
void rp_target_call_deinit(struct rp_target_call *call);

/* -ENOMEM. */
RP_NODISCARD int rp_target_calls_init(struct rp_target_calls *calls);
void rp_target_calls_deinit(struct rp_target_calls *calls);

/* ---- for the methods ------------------------------------------------------------------------- */

/* The method of that path; NULL when there is none. */
const struct rp_target_method *rp_target_method_find(struct rp_slice path);

/* Ends the call with a status; no further message is taken. The first call counts. */
void rp_target_call_end(struct rp_target_call *call, int status, struct rp_slice text);
/* Writes a message. */
void rp_target_call_write(struct rp_target_call *call, struct rp_slice message);
/* Writes a message that has, when @has_payload, a Payload of @size zeros as its field 1. The client gets
 * it compressed when @is_compressed, if it takes that and the message is not too large. */
void rp_target_call_write_zeros(struct rp_target_call *call, bool has_payload, uint32_t size,
                                bool is_compressed);
/* next() is asked again after that time, with has_waited true. */
void rp_target_call_wait(struct rp_target_call *call, rp_ns time);

/* ---- between grpc.c and grpc_send.c ---------------------------------------------------------- */

/* Metadata that is sent back, before the messages and behind them. */
#define RP_TARGET_ECHO_INITIAL "x-grpc-test-echo-initial"
#define RP_TARGET_ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

/* A negative result is a lack of memory. */
void rp_target_call_check(struct rp_target_call *call, int r);
/* @is_all: with the status, and nothing follows. */
void rp_target_call_send_head(struct rp_target_call *call, bool is_all);
/* To be called while the session asks for the last bytes. */
void rp_target_call_send_trailers(struct rp_target_call *call);
/* Some of call->zeros, at most @room. */
struct rp_slice rp_target_call_take_zeros(struct rp_target_call *call, size_t room);
