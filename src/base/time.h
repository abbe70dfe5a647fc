/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/time.h - the one time type: nanoseconds of the monotonic clock.
 *
 * Deadlines are absolute. The wall clock is read for reports only, never for measuring.
 */

#include <stdint.h>
#include <time.h>

typedef int64_t rp_ns;

#define RP_NS_NEVER INT64_MAX
#define RP_US ((rp_ns)1000)
#define RP_MS ((rp_ns)1000000)
#define RP_S ((rp_ns)1000000000)

/* Now, monotonic. One vDSO call, about 20 ns. */
static inline rp_ns rp_clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (rp_ns)ts.tv_sec * RP_S + ts.tv_nsec;
}

/* Nanoseconds since 1970, for time stamps in reports. */
static inline int64_t rp_wall_clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * RP_S + ts.tv_nsec;
}

/* @a + @b for @a >= 0, @b >= 0; stays at RP_NS_NEVER instead of overflowing. */
static inline rp_ns rp_ns_add(rp_ns a, rp_ns b)
{
    return a > RP_NS_NEVER - b ? RP_NS_NEVER : a + b;
}
