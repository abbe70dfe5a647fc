/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/fixed.h - a script host without a script: every iteration is one request of a list that
 * the command line gave. What `rampa run URL` runs.
 *
 * All VUs go through the same list together: the number of an iteration says which request it
 * makes. A request that fails is a sample like any other and no error of its iteration:
 * http_req_failed counts it, and grpc_req_failed a call of gRPC. URLs of WebSockets have rules of
 * their own: fixed_sockets.h.
 */

#include "http/http.h"
#include "script/script.h"

struct rp_fixed_call; /* fixed_grpc.h */

struct rp_fixed_host {
    struct rp_script_host script;
    /* private */
    char *bytes; /* the requests as script/requests.h writes them; NULL = one GET of the script */
    size_t byte_count;
    struct rp_http_client *http;
    struct rp_grpc_client *grpc;
    rp_ns timeout;           /* of a request; 0 = the client's default */
    bool keeps_bodies;       /* somebody looks at them */
    bool closes_connections; /* when an iteration ends */
    uint8_t max_redirects;
    struct rp_http_template **templates; /* of each request; NULL = it is a call of gRPC */
    size_t template_count;
    struct rp_fixed_call *calls; /* likewise, zeroed = it is none */
    size_t http_count;           /* requests that are no calls */
    /* Those of the list that are WebSockets. */
    struct rp_ws_client *ws;
    struct rp_loop *loop;
    struct rp_fixed_socket *sockets;
    size_t socket_count;
    struct rp_slice subprotocol; /* that they ask for */
    bool wants_h2;               /* they go by HTTP/2 */
    bool closes_sockets;         /* when an iteration ends */
    uint32_t *order;             /* indexes of templates; NULL when there is only one */
    size_t order_count;
};

/* The script's path is what people see: a URL, or the name of a file of requests. */
void rp_fixed_host_init(struct rp_fixed_host *host);
/* Frees what it was told to request. The worker's release() has been called. */
void rp_fixed_host_deinit(struct rp_fixed_host *host);
