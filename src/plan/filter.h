/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/filter.h - the left side of a threshold: "metric{k:v,k2:\"v 2\"}" to names, and back to one
 * canonical spelling. Of this room only.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "stats/store.h"

/* The pairs come sorted by key. -RP_EUSER with the column; both results are empty then. */
RP_NODISCARD int rp_filter_parse(struct rp_slice text, char **ret_metric, struct rp_filter *filter,
                                 struct rp_error *err);
void rp_filter_deinit(struct rp_filter *filter);
/* Parses back to the same filter; values are quoted only where they must be. */
void rp_filter_display(const char *metric, const struct rp_filter *filter, struct rp_buf *out);
