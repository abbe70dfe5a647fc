/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/registry_internal.h - what registry.c (metrics, series, drain) and tags.c (interning) share.
 */

#include "stats/registry.h"
#include "stats/table.h"

struct rp_tag_key; /* tags.c */

struct rp_registry {
    struct rp_registry_limits limits;

    /* tags.c */
    struct rp_stats_table keys, values, sets;
    struct rp_tag_key *first_key, **last_key; /* in order of creation */
    struct rp_tag *scratch;                   /* the set being looked up */
    size_t scratch_cap;
    const struct rp_tags *empty, *overflow;
    uint64_t set_overflows;

    /* registry.c */
    struct rp_stats_table metrics_by_name, series_by_parts;
    struct rp_metric **metrics; /* by id */
    size_t metric_count, metric_cap;
    struct rp_series **series; /* by id */
    size_t series_count, series_cap;
    uint64_t *dirty; /* a bit per series, by id: order without sorting */
    size_t dirty_cap;
    uint32_t drain_count;
    size_t next_to_trim;    /* series by id */
    rp_sample_fn *listener; /* or NULL */
    void *listener_user;
};

RP_NODISCARD int rp_registry_init_tags(struct rp_registry *registry);
void rp_registry_deinit_tags(struct rp_registry *registry); /* half-built too */
