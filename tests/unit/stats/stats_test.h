/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of this room share: cmocka, and random numbers that are the same on every machine.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stats/hist.h"

static inline size_t side_memory(const struct rp_hist_side *side)
{
    size_t bytes = side->page_count * sizeof(*side->pages);

    for (uint32_t i = 0; i < side->page_count; i++)
        bytes += side->pages[i] ? RP_HIST_PAGE_WORDS * sizeof(**side->pages) : 0;
    return bytes;
}

/* Bytes of heap that @hist holds. */
static inline size_t hist_memory(const struct rp_hist *hist)
{
    return side_memory(&hist->positive) + side_memory(&hist->negative) +
           (hist->rest ? sizeof(*hist->rest) : 0);
}

struct test_random {
    uint64_t state;
};

static inline uint64_t random_u64(struct test_random *random)
{
    uint64_t x = random->state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t random_below(struct test_random *random, uint64_t bound)
{
    return random_u64(random) % bound;
}

/* In (0, 1]. */
static inline double random_unit(struct test_random *random)
{
    return ((double)(random_u64(random) >> 11) + 1) / 0x1p53;
}

static inline double random_normal(struct test_random *random)
{
    double radius = sqrt(-2 * log(random_unit(random)));

    return radius * cos(6.283185307179586 * random_unit(random));
}
