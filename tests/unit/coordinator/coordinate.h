/* SPDX-License-Identifier: MIT */
#pragma once

/* A run of the coordinator with fake_worker.c, and what its sinks saw. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "coordinator/coordinator.h"
#include "run/control.h"
#include "run/sink.h"

extern const char *fake_worker; /* its path: the test's only argument, or beside the test */
extern const struct rp_overrides no_overrides;

struct run {
    struct rp_result result;
    struct rp_error err;
    rp_ns patience; /* 0: a minute, which a worker that answers never needs */
    const char *phases[16];
    size_t phase_count;
    const char *signal_in; /* the phase in which SIGTERM is sent, @signals times */
    int signals;
    bool releases;                 /* a worker that waits in setup */
    void (*line)(struct run *run); /* may be NULL */
    void (*status)(struct run *run, const struct rp_run_status *status); /* the same */
    const struct rp_peer_source *peers;                                  /* NULL: processes */
    const char *run_id;                                                  /* NULL: a new one */
    const char *wire;                                                    /* may be NULL */
    struct rp_sink *further; /* one more sink with further_ops, or NULL */
    const struct rp_sink_ops *further_ops;
    bool is_strict, bears_losses;
    int workers; /* 0: one */
    int r, lines, step;
    struct rp_sinks sinks; /* made by coordinate() */
    struct rp_sink sink;
};

void coordinate(struct run *run, const char *mode, const char *phase);
void run_deinit(struct run *run);
void assert_reason(const char *reason, const char *part, const char *mode, const char *phase);
int run_all(int argc, char **argv, const struct CMUnitTest *tests, size_t count);
