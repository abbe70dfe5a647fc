/* SPDX-License-Identifier: MIT */
#pragma once

/* For tests of calls: a client, and a server that is read and written frame by frame. */

#include <stdio.h>

#include "../http/testing.h"
#include "grpc/grpc.h"

enum { ROOM = 1 << 17, LARGE = 16000 };

/* Answers each call that is half-closed with as many messages as it is told to. */
struct server {
    struct env *env;
    int fd;
    bool has_begun;
    int messages;
    bool keeps_open; /* after the messages nothing comes */
    size_t window;   /* of the stream: bytes that may be sent */
    size_t sent;
    uint32_t stream; /* that is being answered; 0 = none */
    int left;
    int resets;
    int pings, pongs; /* that have come; of them, so many are answered */
    size_t len;
    uint8_t in[ROOM];
};

struct place {
    struct env env; /* of which the listener and the registry are used */
    struct rp_grpc_client *client;
    struct rp_http_session *session;
    struct rp_grpc_method *unary, *stream;
    struct server server;
    rp_ns keepalive, keepalive_timeout; /* of methods that are made */
    bool is_unmeasured;                 /* likewise */
    int wakes;
};

/* Sends what is left of the answer, as far as the window of the stream allows. */
void server_go_on(struct server *server);
/* One with two methods and a session. -ENOMEM; place_deinit() follows in any case. */
RP_NODISCARD int place_init(struct place *place, struct world *world);
void place_deinit(struct place *place);
/* As @place says. */
RP_NODISCARD int make_method(struct place *place, bool is_stream, struct rp_grpc_method **ret);
/* One turn of both sides, before @limit. */
void turn_and_serve(struct place *place, rp_ns limit);
void call_init(struct place *place, struct rp_grpc_call *call, bool is_stream);
