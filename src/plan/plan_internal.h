/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/plan_internal.h - what only the files of this room see: the steps from which a plan is
 * resolved, and read back.
 */

#include "plan/fields.h"
#include "plan/json_read.h"

/* plan.c. Adds a warning, with the place and the name of what it is about. Does nothing without
 * @plan. */
RP_PRINTF(3, 4)
RP_NODISCARD int rp_plan_warn(struct rp_plan *plan, const struct rp_where *where, const char *fmt,
                              ...);

/* scenario_read.c. Mistakes are kept (rp_error_keep) by both. */
/* Reads the executor and the fields that were given; each is checked by itself. @given are those
 * that the scenario has, also by values that are mistakes. @plan gets the warnings; NULL = none are
 * wanted. Returns 1 when there is no such executor, so that nothing else can be said of the
 * scenario. */
RP_NODISCARD int rp_scenario_parse(struct rp_scenario *scenario, const json_t *fields,
                                   rp_field_set *given, const struct rp_where *where,
                                   struct rp_plan *plan, struct rp_error *err);
/* scenario.c. Fills in defaults, and checks required fields and, when @is_whole, rules between
 * fields and the bounds of schedules: a scenario with mistakes is not whole. */
RP_NODISCARD int rp_scenario_finish(struct rp_scenario *scenario, rp_field_set given, bool is_whole,
                                    const struct rp_where *where, struct rp_plan *plan,
                                    struct rp_error *err);
void rp_scenario_deinit(struct rp_scenario *scenario);
/* Whether field @id belongs to what the scenario is: max_vus of executors of VUs only when it leaves
 * room for an adjustment. */
bool rp_scenario_has(const struct rp_scenario *scenario, enum rp_field_id id);

/* criteria.c: thresholds {"metric": [..]} and the script's own metrics, of a declaration or of a
 * plan. Mistakes in thresholds are kept; @places, {"metric": ["load.py", 6]} or NULL, says where
 * each stands. */
RP_NODISCARD int rp_plan_add_metric(struct rp_plan *plan, const char *name, const char *type,
                                    const struct rp_where *where, struct rp_error *err);
/* Notes what the text of the script makes one think of @name. A name that is known already, or that
 * no metric has, is passed over: a guess never contradicts. 0 or -ENOMEM. */
RP_NODISCARD int rp_plan_guess_metric(struct rp_plan *plan, const char *name, const char *type);
RP_NODISCARD int rp_plan_add_thresholds(struct rp_plan *plan, const json_t *thresholds,
                                        bool has_dynamic_metrics, const json_t *places,
                                        const struct rp_where *where, struct rp_error *err);

/* overrides.c */
struct rp_wanted {
    rp_field_set given; /* of what was asked for */
    struct rp_scenario values;
    const struct rp_overrides *source; /* for the origins in messages */
    rp_field_set applied;              /* what some scenario has taken */
    struct rp_refusal *refusals;       /* what some scenario could not take */
    size_t refusal_count;
};
struct rp_refusal {
    enum rp_field_id id;
    struct rp_error error;
};
/* Mistakes are kept. */
RP_NODISCARD int rp_overrides_parse(const struct rp_overrides *overrides, struct rp_wanted *ret,
                                    struct rp_error *err);
void rp_wanted_deinit(struct rp_wanted *wanted); /* also what a failed parse has left */
/* What the scenario cannot take is noted in @wanted. */
RP_NODISCARD int rp_overrides_apply(struct rp_wanted *wanted, struct rp_scenario *scenario,
                                    rp_field_set *given, const struct rp_where *where,
                                    struct rp_error *err);
/* After the last scenario: an override that none could take is a mistake, which is kept; one that
 * some could not take is a warning for each of them. */
RP_NODISCARD int rp_overrides_finish(struct rp_wanted *wanted, struct rp_plan *plan,
                                     struct rp_error *err);
/* --workers, --no-spin, --summary-trend-stats and --seed; a seed by chance when there is none. */
RP_NODISCARD int rp_overrides_apply_run(const struct rp_overrides *overrides, struct rp_plan *plan,
                                        struct rp_error *err);
/* tls.c. --insecure and the other options of TLS, and what does not fit together. Mistakes are kept. */
RP_NODISCARD int rp_overrides_apply_tls(const struct rp_overrides *overrides, struct rp_plan *plan,
                                        struct rp_error *err);
/* override_settings.c: --series-memory, and the options of connections. */
RP_NODISCARD int rp_overrides_apply_memory(const struct rp_overrides *overrides,
                                           struct rp_plan *plan, struct rp_error *err);
/* Mistakes are kept. */
RP_NODISCARD int rp_overrides_apply_connections(const struct rp_overrides *overrides,
                                                struct rp_plan *plan, struct rp_error *err);
/* --no-setup, --no-teardown, --no-thresholds, and --threshold behind what the plan has. */
RP_NODISCARD int rp_overrides_apply_judgement(const struct rp_overrides *overrides,
                                              struct rp_plan *plan, bool has_dynamic_metrics,
                                              struct rp_error *err);
/* override_settings.c: --execution-segment and its sequence. Mistakes are kept. */
RP_NODISCARD int rp_overrides_apply_segment(const struct rp_overrides *overrides,
                                            struct rp_plan *plan, struct rp_error *err);
/* --tag and --env over what the plan has. */
RP_NODISCARD int rp_overrides_apply_pairs(const struct rp_overrides *overrides,
                                          struct rp_plan *plan, struct rp_error *err);

/* trend_stats.c. Replaces what the summary shows of trends, unless nothing was given. On failure
 * the plan keeps what it has. */
/* Checks the plan's http2, after @given has been put over it, unless that is NULL. */
RP_NODISCARD int rp_http2_apply(const char *given, struct rp_plan *plan, struct rp_error *err);
RP_NODISCARD int rp_trend_stats_apply(const struct rp_override *given, struct rp_plan *plan,
                                      struct rp_error *err);
