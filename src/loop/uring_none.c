/* SPDX-License-Identifier: MIT */

/*
 * Stands in for uring.c in a build without liburing: a back-end that says so and is never opened.
 */

#include "loop/backend.h"

static const char *none_unusable(void)
{
    return "rampa was built without liburing";
}

static const struct rp_loop_ops none_ops = { .name = "io_uring", .unusable = none_unusable };

const struct rp_loop_ops *const rp_loop_uring = &none_ops;
