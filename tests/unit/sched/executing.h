/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An executor in virtual time, with a user whose iterations take programmed times, and what it asked for as a list of
 * events. Times are nanoseconds after the run's start.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/executor.h"

#define EX_FOREVER RP_NS_NEVER /* until interrupted */

struct ex_event {
    rp_ns at;
    char what; /* 'b'egin, 'e'nded, 'i'nterrupted, 'm'ake, 'f'inished */
    int64_t slot;
    uint64_t iteration;
    rp_ns due; /* of 'b' */
};

struct ex;

struct ex_slot {
    struct rp_timer timer;
    struct ex *ex;
    bool is_active, was_interrupted;
    uint64_t iteration;
};

struct ex {
    struct rp_loop *loop;
    struct rp_executor executor;
    rp_ns start;
    rp_ns (*length)(const struct ex *ex, int64_t slot, uint64_t iteration);
    rp_ns constant_length, clean_up;
    struct ex_slot *slots;
    struct ex_event *events;
    size_t count, room;
    struct rp_timer maker;
    rp_ns make_time; /* until a VU that was asked for is there */
    bool make_fails;
    uint64_t turns;
    int finished;
};

/* Zero @ex and set length() or constant_length before. Starts three seconds later. */
void ex_start(struct ex *ex, const struct rp_scenario *scenario,
              const struct rp_executor_share *share);
rp_ns ex_now(const struct ex *ex);
/* Turns the loop until @at after the start, or until it has finished. */
void ex_until(struct ex *ex, rp_ns at);
void ex_stall(struct ex *ex, rp_ns until); /* the clock goes on, nothing else does */
/* Runs to the end and checks what always holds; @ex can then still be looked at, until ex_free(). */
void ex_out(struct ex *ex);
void ex_free(struct ex *ex);
/* All at once: with iterations of @length. */
void ex_run(struct ex *ex, const struct rp_scenario *scenario, rp_ns length);

/* The events of the kinds in @what ("bi") are exactly these; slot -1, iteration UINT64_MAX and due -1: any. */
void ex_expect(const struct ex *ex, const char *what, const struct ex_event *expected,
               size_t count);
size_t ex_count(const struct ex *ex, char what);
/* The n-th event (from 0) of a kind. */
const struct ex_event *ex_event(const struct ex *ex, char what, size_t n);
