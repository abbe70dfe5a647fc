/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * h1_samples.h - responses as servers send them, and broken ones; shared by the split and the differential tests.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct h1_sample {
    const char *name;
    struct rp_slice bytes;
    bool is_head_request;
};

extern const struct h1_sample h1_samples[];
extern const size_t h1_sample_count;
