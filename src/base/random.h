/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/random.h - random numbers that are the same on every machine: integers only, no libm.
 */

#include <stdint.h>

/* Fills the state of xoshiro256** from @seed by splitmix64. */
static inline void rp_random_seed(uint64_t state[static 4], uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        state[i] = z ^ z >> 31;
    }
}

/* 64 random bits: xoshiro256**. */
static inline uint64_t rp_random_next(uint64_t state[static 4])
{
    uint64_t scrambled = state[1] * 5, shifted = state[1] << 17;

    scrambled = (scrambled << 7 | scrambled >> 57) * 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3] << 45 | state[3] >> 19;
    return scrambled;
}

/* Exponentially distributed with mean 1, in units of 2^-32 and at least one of them. Von Neumann's
 * method: the length of a descending run that begins with x is odd with probability e^-x, so
 * comparing does for a logarithm. */
static inline uint64_t rp_random_exponential(uint64_t state[static 4])
{
    for (uint64_t whole = 0;; whole++) {
        uint64_t first = rp_random_next(state), last = first, next;
        unsigned length = 1;

        while ((next = rp_random_next(state)) < last) {
            last = next;
            length++;
        }
        if (length % 2)
            return (whole << 32) + (first >> 32) + 1;
    }
}
