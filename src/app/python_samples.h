/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_samples.h - writes samples as frames for the process of an output in Python: a number
 * for each series, which is explained before it is used first, and records of a fixed size
 * (wire/sample.h) with the value as users see it.
 */

#include "app/python_child.h"
#include "run/measured.h"

struct rp_python_series; /* python_samples.c */

struct rp_python_samples {
    int64_t
        every; /* of each series every so many-th sample is handed over, from the first on; 1 unless set */
    uint64_t given; /* how many there were to hand over, whether or not they were */
    struct rp_python_series *series; /* by their ids */
    size_t series_count;
    struct rp_buf frame;
};

void rp_python_samples_init(struct rp_python_samples *samples);
void rp_python_samples_deinit(struct rp_python_samples *samples);
/* Hands over a block, or with @has_room false only counts it. -ENOMEM: some were not handed over. */
RP_NODISCARD int rp_python_samples_put(struct rp_python_samples *samples,
                                       struct rp_python_child *child,
                                       const struct rp_sample_block *block, bool has_room);
