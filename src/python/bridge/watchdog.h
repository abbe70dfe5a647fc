/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/watchdog.h - notices that a script does not give control back.
 *
 * One thread of C looks forty times a second whether the pulse of the loop's thread has beaten
 * (drive/pulse.h). When there was no beat between two looks it takes the GIL, as soon as it gets
 * it, and hooks.sampled() remembers what runs. After RP_PY_STUCK_S hooks.stuck(seconds) says so at
 * once. When the next beat comes, the thread of the loop calls hooks.unstuck(seconds), with 0 when
 * the block was shorter than RP_PY_BLOCK_MS after all, and tells the worker of those blocks that a
 * warning names, for the generator is judged by them. The watching thread changes nothing that the
 * script can see. All that the loop pays is the counting.
 *
 * Lengths are known to half a look. What the loop's thread has waited for a processor meanwhile, and
 * for how long the whole process was stopped, is not the script's fault, and no part of any of these
 * times.
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
#include "python/drive/host.h"

enum { RP_PY_STUCK_S = 2, RP_PY_BLOCK_MS = 50 };

struct py_bridge;

/* Zeroed = not watching, which all functions but start() take. */
struct py_watchdog {
    /* written by the watching thread */
    _Atomic rp_ns last_change;  /* when the beat or the idleness began that was seen last */
    _Atomic rp_ns waited;       /* how long the loop's thread had waited for a processor by then */
    _Atomic rp_ns stood;        /* how long the process has stood still so far, see stood.h */
    _Atomic rp_ns stood_before; /* the same at last_change */
    _Atomic rp_ns was_stuck;    /* how long, of what was noticed; 0 while it lasts */
    /* the watching thread's own */
    uint64_t seen; /* the beats of the last look */
    rp_ns looked;  /* when that was */
    rp_ns waited_at_look;
    bool is_told; /* hooks.stuck() has said all of what is stuck now */
    bool is_sampled;
    pid_t parent;
    int stop_fd;
    int schedstat_fd; /* of the loop's thread; -1 when there is none */
    pthread_t thread;
    bool is_watching;
};

/* -errno. The calling thread is the loop's. */
RP_NODISCARD int rp_py_watchdog_start(struct py_bridge *bridge);
/* With the GIL held, which is given away while the thread ends. */
void rp_py_watchdog_stop(struct py_bridge *bridge);
/* In a process that the script has forked, which has no such thread. */
void rp_py_watchdog_forget(struct py_bridge *bridge);

/* How long there has been no beat, as far as the watching thread has seen. */
rp_ns rp_py_watchdog_silence(const struct py_bridge *bridge);
/* See struct py_host_ops: tells hooks.unstuck(), and the worker. */
void rp_py_watchdog_unstuck(struct py_host *host);
