/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/publish.h - what the sinks of a run are told; nothing is made when none of them wants
 * it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "plan/plan.h"
#include "run/result.h"
#include "run/sink.h"

struct rp_coordinator;

struct rp_run_status rp_coordinator_status(const struct rp_coordinator *c);
void rp_publish_status(struct rp_coordinator *c);
void rp_publish_phase(struct rp_coordinator *c); /* if it is another than before */
void rp_publish_pause(struct rp_coordinator *c); /* or the end of one */
void rp_publish_adjustment(struct rp_coordinator *c, const struct rp_result_adjustment *adjustment);
void rp_publish_warning(struct rp_coordinator *c, const char *text);
/* Lines for standard error, each with its end. When no sink shows lines, as in a program that runs a
 * test itself, they are written there. */
void rp_publish_lines(struct rp_coordinator *c, struct rp_slice text);
void rp_publish_line(struct rp_coordinator *c, bool is_stderr, const char *text);
void rp_publish_snapshot(struct rp_coordinator *c); /* if the last one is old enough */
/* What the generator is judged by now; each cause when it is new or has become worse. */
void rp_publish_generator(struct rp_coordinator *c);
bool rp_publish_wants_live(const struct rp_coordinator *c);
/* The thresholds are as @verdicts say now, and one of them ends the run: that with the number
 * @aborting, or none when there are not so many. */
void rp_publish_live(struct rp_coordinator *c, const struct rp_verdict *verdicts, size_t aborting);
void rp_publish_end(struct rp_coordinator *c, int r); /* all that comes last; @r: of the run */
