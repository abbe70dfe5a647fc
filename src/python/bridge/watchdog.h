/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/watchdog.h - notices that a script does not give control back.
 *
 * One thread of C looks forty times a second whether the loop turns and the VUs step: both count beats. When there has been
 * none between two looks it takes the GIL, as soon as it gets it, and hooks.sampled() remembers what runs; after
 * RP_PY_STUCK_S hooks.stuck(seconds) says so at once. When the next beat comes, the thread of the loop calls
 * hooks.unstuck(seconds), with 0 when it was less than RP_PY_BLOCK_MS after all, and tells the worker, which judges the
 * generator by it. The thread changes nothing that the script can see. All that the loop pays is the counting.
 *
 * How long is known to half a look. What the loop's thread waited for a processor meanwhile is the machine's fault and not
 * the script's, and no part of any of these times.
 *
 * A worker whose parent has died while it is stuck kills itself: nobody else will.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/time.h"

enum { RP_PY_STUCK_S = 2, RP_PY_BLOCK_MS = 50 };

struct py_host;

struct
    py_watchdog { /* embedded in the host; zeroed = not watching, which all functions but start() take */
    /* written by the loop's thread */
    _Atomic uint64_t beats;
    _Atomic bool is_idle; /* it waits for the kernel: no beats are due */
    /* written by the watching thread */
    _Atomic bool is_noticed;   /* stuck; cleared by the loop's thread */
    _Atomic rp_ns last_change; /* when the beat or the idleness began that was seen last */
    _Atomic rp_ns waited;      /* how long the loop's thread had waited for a processor by then */
    _Atomic rp_ns was_stuck;   /* how long, of what was noticed; 0 while it lasts */
    /* the watching thread's own */
    uint64_t seen;
    rp_ns looked;
    bool is_told, is_sampled;
    pid_t parent;
    int stop_fd;
    int schedstat_fd; /* of the loop's thread; -1 when there is none */
    pthread_t thread;
    bool is_watching;
};

/* -errno. The calling thread is the loop's. */
RP_NODISCARD int rp_py_watchdog_start(struct py_host *host);
/* With the GIL held, which is given away while the thread ends. */
void rp_py_watchdog_stop(struct py_host *host);

/* A sign of life. */
static inline void rp_py_watchdog_beat(struct py_watchdog *dog)
{
    uint64_t beats = atomic_load_explicit(&dog->beats, memory_order_relaxed);

    /* One thread writes: no read-modify-write is needed. */
    atomic_store_explicit(&dog->beats, beats + 1, memory_order_relaxed);
}

static inline void rp_py_watchdog_set_idle(struct py_watchdog *dog, bool is_idle)
{
    atomic_store_explicit(&dog->is_idle, is_idle, memory_order_relaxed);
}

static inline bool rp_py_watchdog_has_noticed(const struct py_watchdog *dog)
{
    return RP_UNLIKELY(atomic_load_explicit(&dog->is_noticed, memory_order_relaxed));
}

/* How long there has been no beat, as far as the watching thread has seen. */
rp_ns rp_py_watchdog_silence(const struct py_watchdog *dog);
/* In the loop's thread, after has_noticed(): tells hooks.unstuck(). */
void rp_py_watchdog_unstuck(struct py_host *host);
