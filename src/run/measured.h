/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/measured.h - what was measured, as a sink is handed it (run/sink.h): one second of every
 * series, and samples one by one. Both name a series in the same way: by a struct rp_store_series,
 * whose id is the same number for the whole run.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "stats/store.h"

/*
 * One second of the run, or its last part of a second: what each series has got in it, of all
 * workers together.
 *
 * Every delta of a worker is in one interval, so the sums over all intervals are the totals of the
 * result exactly: counts, hits, every bucket, count and sum of a histogram, and the last value of a
 * gauge. (A counter of several workers that counts fractions may differ in its last bits, for such
 * sums depend on their order.)
 *
 * An interval ends when the last worker has told what it measured up to there. It is longer than a
 * second when one was late, and what a quicker one has told meanwhile is in it too. What setup()
 * records is in the first interval. The last one has what is left, teardown() included; it has no
 * length when the executors had ended before.
 */
struct rp_interval {
    /* On the executors' clock, pauses included, like the points of the result's time series. */
    rp_ns start, length;
    int64_t wall_ns; /* its start, in nanoseconds since 1970 */
    /* series that got samples, in order of their ids; borrowed */
    const struct rp_store_change *changes;
    size_t count;
};

struct rp_sample {
    const struct rp_store_series *series; /* lives as long as the store of the result */
    /* As it was recorded: what a counter grew by, a gauge's new value, 1 or 0 of a rate, of a trend
     * what its histogram stores (nanoseconds for times). rp_sample_shown() is for people. */
    double value;
    /* when it was recorded, in nanoseconds since 1970, by the clock of the worker's machine */
    int64_t wall_ns;
};

/* In the unit that users see: milliseconds for times. */
static inline double rp_sample_shown(const struct rp_sample *sample)
{
    return sample->series->type == RP_TREND ? rp_trend_shown(sample->series->is_time, sample->value)
                                            : sample->value;
}

/* Samples of one worker, in the order in which it recorded them. Every sample is in one block, or
 * counted as lost. */
struct rp_sample_block {
    uint32_t worker;                 /* its number, from 1 */
    const struct rp_sample *samples; /* borrowed */
    size_t count;                    /* may be 0, when there is only something lost to tell of */
    /* How many it has recorded between its last block and this one that nobody will see: they came
     * faster than they were taken. */
    uint64_t lost;
};
