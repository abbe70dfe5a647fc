/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/preflight.h - limits of the machine that a plan may meet, said before the run instead
 * of after it. They are warnings: whether each VU opens a connection, and to where, is the script's
 * affair.
 */

#include "plan/plan.h"

struct rp_preflight {
    size_t count;
    char warnings[2][500];
};

void rp_preflight(const struct rp_plan *plan, struct rp_preflight *ret);
