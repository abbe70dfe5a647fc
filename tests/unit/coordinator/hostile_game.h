/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A run of the coordinator as a game of chance: hostile workers (hostile.h), sinks that steer it from inside their events,
 * signals at any moment, in virtual time. What the sinks are told is checked here.
 */

#include "hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "run/control.h"
#include "run/sink.h"

struct rp_signals;

struct watcher { /* a sink */
    struct rp_sink sink;
    int opened, closed, finished;
    bool has_refused, is_paused;
    enum rp_run_phase phase;
    int events;
    rp_ns measured; /* up to here, by intervals */
};

/* A sink does as told: something in a phase, and at once, from inside the event, in answer to what comes of it. */
enum action { NOTHING, STOP, STOP_AT_ONCE, PAUSE, RESUME, ACTIONS };

struct course {
    enum rp_run_phase phase;
    enum action on_pause, on_resume;
    bool resumes; /* once there is a pause */
};

struct game {
    struct chance chance;
    uint64_t seed;
    struct hostiles hostiles;
    struct rp_sinks sinks;
    struct watcher watchers[2];
    struct rp_result result;
    struct rp_error err;
    int r, workers;
    /* Who steers. */
    struct rp_loop *loop;
    struct rp_timer driver;
    rp_ns began;
    struct rp_signals *signals;
    unsigned daring;             /* percent of the events in which a sink steers */
    const struct course *course; /* or how one does; NULL: by chance */
    bool has_begun, has_answered_pause, has_answered_resume; /* of the course */
    bool is_quiet;                                           /* nobody steers */
    int turns;
};

extern struct game *game; /* that is played */
extern const struct rp_sink_ops watcher_ops, measuring_ops;

/* Everything that is told is read, so that what is freed too early is found. NULL is allowed. */
void game_weigh(const char *text);

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %llu: %s", (unsigned long long)game->seed, #condition);                 \
    } while (0)
