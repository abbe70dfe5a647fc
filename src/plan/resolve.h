/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/resolve.h - a plan while it is made of a declaration: what resolve.c does with scenarios and
 * thresholds, and resolve_settings.c with what belongs to the whole plan. Of these two only. Their
 * functions keep mistakes (rp_error_keep) and go on.
 */

#include "plan/sources.h"

enum { RP_SHORTCUT_COUNT = 4 };
/* Fields of scenarios that stand in the options too, for scenarios without fields. */
extern const enum rp_field_id rp_shortcuts[RP_SHORTCUT_COUNT];

struct rp_resolver {
    json_t *root;
    const json_t *config, *options, *places; /* NULL = absent */
    const struct rp_overrides *overrides;
    struct rp_wanted wanted;
    struct rp_sources sources;
    rp_field_set shortcuts_given, shortcuts_read; /* read: without a mistake */
    bool has_dynamic_metrics;
    struct rp_plan *plan;
    struct rp_error *err;
};

static inline bool rp_field_set_has(rp_field_set set, enum rp_field_id id)
{
    return set >> id & 1;
}

/* Where the options stand. */
struct rp_where rp_resolve_options_place(const struct rp_resolver *r);
/* Puts the settings of the options into the plan. Shortcuts are only checked here; every scenario
 * that takes them reads them again. */
RP_NODISCARD int rp_resolve_options(struct rp_resolver *r);
RP_NODISCARD int rp_resolve_metrics(struct rp_resolver *r);
/* The mistakes and warnings that the script host has found itself. */
RP_NODISCARD int rp_resolve_notes(struct rp_resolver *r);
