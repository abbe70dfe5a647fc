/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/wide.h - the arithmetic of schedules: products of 192 bits, which is what 128 bits of area
 * and 64 bits of time make, and the greatest common divisor.
 */

#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 rp_u128;

struct rp_wide {
    rp_u128 low;
    uint64_t high;
};

static inline struct rp_wide rp_wide_mul(rp_u128 a, uint64_t b)
{
    rp_u128 low = (rp_u128)(uint64_t)a * b;
    rp_u128 high = (rp_u128)(uint64_t)(a >> 64) * b + (low >> 64); /* cannot overflow */

    return (struct rp_wide){ high << 64 | (uint64_t)low, (uint64_t)(high >> 64) };
}

static inline bool rp_wide_le(struct rp_wide a, struct rp_wide b)
{
    return a.high < b.high || (a.high == b.high && a.low <= b.low);
}

/* @a / @b rounded down. The quotient is below 2^128, that is, a.high < @b. */
static inline rp_u128 rp_wide_div(struct rp_wide a, uint64_t b)
{
    rp_u128 part = (rp_u128)a.high << 64 | (uint64_t)(a.low >> 64);
    rp_u128 quotient = part / b << 64;

    return quotient + (part % b << 64 | (uint64_t)a.low) / b;
}

/* The same rounded up. The quotient is below 2^128, that is, a.high < @b. */
static inline rp_u128 rp_wide_div_up(struct rp_wide a, uint64_t b)
{
    rp_u128 part = (rp_u128)a.high << 64 | (uint64_t)(a.low >> 64);
    rp_u128 quotient = part / b << 64;

    part = part % b << 64 | (uint64_t)a.low;
    return quotient + part / b + (part % b != 0);
}

static inline int64_t rp_gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}
