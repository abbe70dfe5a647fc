/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/sources.h - which scenarios a declaration has, and where each takes its function and its
 * fields from. Of this room only.
 */

#include "plan/plan_internal.h"

struct rp_source { /* borrows from the declaration */
    const char *name;
    const char *exec_fn;  /* the decorated function; NULL for one of config.scenarios alone */
    const json_t *fields; /* NULL = none; all of them may be null */
    bool is_configured;   /* its fields stand in config.scenarios */
    struct rp_where where;
};

struct rp_sources {
    const char *script;
    const json_t *functions, *decorated, *scenarios; /* of the declaration; NULL = absent */
    const json_t *places;                            /* of those of scenarios, by name, or NULL */
    struct rp_where config;                          /* place of config; kind and name unset */
    struct rp_source *items;
    size_t count;
};

/* Fills items: decorated functions in their order, then what config.scenarios adds, or the function
 * "default" when there is neither. It is a mistake, which is kept, when there is no scenario, a
 * name twice or a bad one. */
RP_NODISCARD int rp_sources_collect(struct rp_sources *sources, struct rp_error *err);
void rp_sources_deinit(struct rp_sources *sources);

/* Whether any field has a value. */
bool rp_source_has_fields(const struct rp_source *source);
/* The function of a scenario that does not name one. NULL when there is none. */
const char *rp_sources_default_function(const struct rp_sources *sources,
                                        const struct rp_source *source);
/* -RP_EUSER unless the script has the function. */
RP_NODISCARD int rp_sources_check_function(const struct rp_sources *sources,
                                           const struct rp_source *source, const char *function,
                                           struct rp_error *err);
