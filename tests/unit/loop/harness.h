/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the conformance tests of the back-ends share. Each test runs once over every back-end with descriptors that can
 * be used here; the peers are plain sockets of the same thread, or streams of the same loop.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

/* A stream that remembers what has happened to it. */
struct world;
struct probe {
    struct rp_stream stream;
    struct world *world;
    int connected, ended, data_calls; /* calls */
    int connect_status, end_status;
    size_t received;
    rp_ns data_at, ended_at;
    char bytes[4096];                                                 /* the first ones received */
    void (*react)(struct probe *probe, const char *data, size_t len); /* to data; may be NULL */
    void (*on_connected)(struct probe *probe);
    void (*on_ended)(struct probe *probe);
    void *user;
};

extern const struct rp_stream_events probe_events;

struct world {
    const struct rp_loop_ops *ops;
    struct rp_loop *loop;
    struct rp_stamp_user stamps; /* in use when is_stamped */
    bool is_stamped;
    int delays;  /* calls */
    rp_ns delay; /* the last one */
    int listener;
    struct sockaddr_in addr; /* of the listener */
};

typedef void world_test(struct world *world);
struct world_case {
    const char *name;
    world_test *run;
};
#define CASE(test)                                                                                 \
    {                                                                                              \
#test, test                                                                                \
    }

/* Runs all @cases over every back-end that can be used. To be returned from main. */
int run_worlds(const struct world_case *cases, size_t count);
/* The same with receive stamps and without. Not for tests that make up the clock: the kernel's goes on. */
int run_stamped_worlds(const struct world_case *cases, size_t count);

/* A blocking listener on the loopback. */
int make_listener(struct sockaddr_in *ret_addr);
void probe_init(struct world *world, struct probe *probe);
void probe_connect(struct world *world, struct probe *probe);
/* Connects @probe to the listener; returns the peer's end, a blocking socket. Turns until connected() was called. */
int probe_connect_pair(struct world *world, struct probe *probe);
/* Adopts one end of a UNIX socket pair; returns the other. */
int probe_adopt_pair(struct world *world, struct probe *probe);
/* One turn that blocks for 10 s at most. */
void turn(struct world *world);
/* One turn that does not block. */
void look(struct world *world);
/* Turns until *@counter >= @wanted; fails the test after 10 s. */
void turn_until(struct world *world, const int *counter, int wanted);
void turn_until_bytes(struct world *world, const size_t *counter, size_t wanted);
/* Writes all, or fails the test. */
void peer_write(int fd, const void *data, size_t len);
/* Reads @len bytes, turning the loop while there are none, or fails the test. */
void peer_read(struct world *world, int fd, void *data, size_t len);
/* Reads until the end and returns 0 or -errno; turns meanwhile. */
int peer_read_end(struct world *world, int fd);
void peer_reset(int fd);
