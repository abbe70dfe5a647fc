/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/progress.h - how far the scenarios are: as a message of a worker, and of all workers together.
 */

#include "wire/message.h"
#include "engine/engine.h"

enum { RP_PROGRESS_FIELDS = 14 };

/* "waiting", "running", "stopping", "interrupting", "finished" */
const char *rp_progress_state_name(enum rp_execution_state state);

void rp_write_progress(struct rp_buf *out, const struct rp_scenario_progress *progress);
/* -EBADMSG when it is none. */
RP_NODISCARD int rp_field_progress(struct rp_field field, struct rp_scenario_progress *ret);

/* What the workers have told last; zeroed = nothing. */
struct rp_progress_table {
    size_t scenario_count, worker_count;
    struct rp_scenario_progress *told; /* of each worker the scenarios */
    bool *has_told;                    /* of each worker */
    struct rp_scenario_progress *sums; /* of the scenarios; NULL before a worker has told */
};

/* Worker @worker (from 0) is as far as the list @scenarios says. -EBADMSG when that is nonsense, -ENOMEM: then all is as
 * before. */
RP_NODISCARD int rp_progress_table_set(struct rp_progress_table *table, size_t scenario_count,
                                       size_t worker, struct rp_field scenarios);
/* What worker @worker has told last of each scenario; NULL when it has not. Borrowed until the next set. */
const struct rp_scenario_progress *rp_progress_table_told(const struct rp_progress_table *table,
                                                          size_t worker);
/* It is gone: no VU of its is left, and it holds up no scenario's end. */
void rp_progress_table_lose(struct rp_progress_table *table, size_t worker);
void rp_progress_table_deinit(struct rp_progress_table *table);
