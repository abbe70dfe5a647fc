/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/progress.h - how far a scenario is (run/progress.h) as a field of a message.
 */

#include "run/progress.h"
#include "wire/message.h"

enum { RP_PROGRESS_FIELDS = 14 };

void rp_write_progress(struct rp_buf *out, const struct rp_scenario_progress *progress);
/* -EBADMSG when it is none. */
RP_NODISCARD int rp_field_progress(struct rp_field field, struct rp_scenario_progress *ret);
/* The list @field of exactly @count of them into @ret. -EBADMSG when it is none. */
RP_NODISCARD int rp_field_progress_list(struct rp_field field, size_t count,
                                        struct rp_scenario_progress *ret);
