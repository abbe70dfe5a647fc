/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of the dial share: a dial with a resolver and a back-off of its own that remembers
 * how it ended, over none, one or two layers (xor_layer.h).
 */

#include "dns_server.h"
#include "net/net_internal.h"
#include "xor_layer.h"

/* What the clock is ahead of the machine's: time passes when a test says so. */
extern rp_ns clock_ahead;

/* The time that each dial is given. */
#define LIMIT (3600 * RP_S)
enum { ROUNDS = 2 }; /* of the handshake of each layer */

extern const struct rp_layer *const one_layer[];
extern const struct rp_layer *const two_layers[]; /* the lower one is a tunnel */

struct place {
    struct world *world;
    struct rp_dialler dialler;
    struct dns_server dns;
    struct rp_destination destination;
    unsigned spread;
    const struct rp_address *aim; /* NULL = none */
    struct rp_address peer;
    const char *unix_path; /* NULL = none */
    struct rp_stack stack;
    struct rp_dial *dial;
    rp_ns began;
    int done, ended;
    size_t received;
    char bytes[64];
    bool has_failed;
    enum rp_net_reason reason;
    char detail[64];
    struct rp_dial_times times;
};

void place_init(struct place *place, struct world *world);
void place_deinit(struct place *place);
/* Ends the stack of an earlier dial, and starts one. -ENOMEM. */
int start(struct place *place, const char *host, uint16_t port,
          const struct rp_layer *const *layers);
/* At the port of the world's listener. */
void start_here(struct place *place, const char *host, const struct rp_layer *const *layers);
/* Turns until a connection has arrived. */
int accept_one(struct place *place, int listener);
/* The same, on the world's listener, for a server that speaks @depth layers. */
void server_init(struct xor_server *server, struct place *place, unsigned depth);
/* Turns until the dial has ended. */
void expect_failure(struct place *place, enum rp_net_reason reason, const char *detail);
void pass(struct place *place, rp_ns time);
uint16_t closed_port(void);
