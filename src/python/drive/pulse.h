/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/pulse.h - the signs of life of the event loop's thread.
 *
 * The loop's thread counts a beat for each step of a VU and each turn of the loop. Another thread,
 * if there is one (bridge/watchdog.h), looks whether the count grows and sets is_noticed when it
 * does not. Counting costs one load and one store, without a lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct py_pulse { /* zeroed = no beat so far */
    _Atomic uint64_t beats;
    _Atomic bool is_idle; /* the loop waits for the kernel: no beats are due */
    _Atomic bool
        is_noticed; /* set by the watching thread, cleared by the loop's: the script kept control */
};

static inline void rp_py_pulse_beat(struct py_pulse *pulse)
{
    uint64_t beats = atomic_load_explicit(&pulse->beats, memory_order_relaxed);

    /* One thread writes: no read-modify-write is needed. */
    atomic_store_explicit(&pulse->beats, beats + 1, memory_order_relaxed);
}

static inline void rp_py_pulse_set_idle(struct py_pulse *pulse, bool is_idle)
{
    atomic_store_explicit(&pulse->is_idle, is_idle, memory_order_relaxed);
}

static inline bool rp_py_pulse_is_noticed(const struct py_pulse *pulse)
{
    return RP_UNLIKELY(atomic_load_explicit(&pulse->is_noticed, memory_order_relaxed));
}
