/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A script host whose iterations take programmed times, and a run of the engine with it in virtual time. The host checks
 * what the engine must never do: begin twice, begin early or after the regular end, interrupt what does not run.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "engine/engine.h"

#define FAKE_FOREVER RP_NS_NEVER

struct fake;

struct fake_iteration { /* how one goes */
    rp_ns blocks;       /* of the loop's time, inside begin() */
    rp_ns waits; /* after that; 0 = it has ended inside begin(), FAKE_FOREVER = until interrupted */
    bool fails;
    rp_ns clean_up;          /* after an interrupt; 0 = it ends inside interrupt() */
    bool completes_clean_up; /* says "completed" although it was interrupted */
    rp_ns holds;             /* the VU after its end */
};

struct fake_vu {
    struct rp_timer timer;
    struct rp_timer release;
    struct fake *fake;
    struct rp_vu *vu;
    struct fake_iteration iteration;
    bool was_interrupted;
    uint64_t begun;
};

struct fake_counts { /* of one scenario, counted by the host itself */
    uint64_t begun, completed, failed, interrupted;
    rp_ns first, last; /* when one began, after the run's start */
};

struct fake {
    struct rp_script_host host;
    struct rp_plan plan;
    struct rp_loop *loop;
    struct rp_registry *registry;
    struct rp_engine *engine;
    struct fake_iteration (*next)(struct fake *fake, const struct rp_vu *vu);
    void (*began)(struct fake *fake, struct rp_vu *vu); /* may be NULL */
    void *user;
    struct fake_counts counts[8];
    const struct rp_segment_sequence *segments; /* NULL: everything */
    size_t segment_index;
    rp_ns start, stopped_at; /* RP_NS_NEVER: not stopped */
    rp_ns paused_at, paused; /* the present pause; the sum of those that are over */
    int vus, depth, max_depth, begun_in_turn, max_in_turn;
    int fail_vu; /* vu_init of this one fails; 0 = none */
    int finished;
    rp_ns finished_at;
    int warnings;
    char warning[512]; /* the last one */
};

/* Makes loop, registry, engine; @scenarios are borrowed. */
void fake_init(struct fake *fake, struct rp_scenario *scenarios, size_t count);
int fake_try_init(struct fake *fake, struct rp_scenario *scenarios, size_t count);
void fake_deinit(struct fake *fake);
/* Starts the engine one second from now, unless it was; turns until @at after its start, or until it has finished. */
void fake_run_until(struct fake *fake, rp_ns at);
void fake_turn(struct fake *fake, rp_ns until);
void fake_stop(struct fake *fake, rp_ns grace);
void fake_pause(struct fake *fake);
void fake_resume(struct fake *fake);
/* Runs to the end and checks the accounting of every scenario against the host's counts and the recorded counters. */
void fake_run_out(struct fake *fake);
rp_ns fake_now(const struct fake *fake); /* after the start */
/* A counter's sum in the registry. */
uint64_t fake_counter(const struct fake *fake, const char *metric, const char *scenario);
