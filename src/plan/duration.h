/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/duration.h - durations as people write them: "30s", "1m30s", "1.5h", "250ms"; units d h m s
 * ms us ns.
 */

#include "base/error.h"
#include "base/slice.h"
#include "base/time.h"

/* A unit is needed ("0" alone is allowed); units go from large to small, each once. Exact: decimals
 * are read digit by digit, not through floating point, and each part is cut towards zero below a
 * nanosecond. -RP_EUSER with an example for anything else, negative ones and overflow included;
 * *ret is untouched then. */
RP_NODISCARD int rp_duration_parse(struct rp_slice text, rp_ns *ret, struct rp_error *err);
/* The exact spelling that reads best, "1m30s", "1.5s", into @out (at least 64 bytes); "0s" for zero
 * and below. */
void rp_duration_format(rp_ns duration, char *out, size_t size);
