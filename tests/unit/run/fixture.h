/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Results for the tests of output and ui, built through the real plan and stats rooms: what the coordinator would have filled.
 * Every failure ends the test.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/result.h"

struct fixture {
    struct rp_result result;
    uint32_t next_series;
};

/* A plan from @declaration (plan/plan.h) and a store with its thresholds' sub-metrics. NULL: neither. */
void fixture_init(struct fixture *fixture, const char *declaration);
void fixture_deinit(struct fixture *fixture);

/* One series each. @tags is "key=value|key=value", "" for none. */
void fixture_counter(struct fixture *fixture, const char *metric, double value, const char *tags);
void fixture_rate(struct fixture *fixture, const char *metric, uint64_t hits, uint64_t total,
                  const char *tags);
void fixture_gauge(struct fixture *fixture, const char *metric, double min, double max, double last,
                   const char *tags);
/* @count samples from @first in steps of @step, in the user's unit. */
void fixture_trend(struct fixture *fixture, const char *metric, bool is_time, double first,
                   double step, unsigned count, const char *tags);
/* @count times in milliseconds that are counted in one series and stand in the buckets of another
 * one, the host: what either of them has of it. */
void fixture_folded_trend(struct fixture *fixture, const char *metric, double ms, unsigned count,
                          bool is_host, const char *tags);

/* Judges the plan's thresholds; sets exit_code 1 when one failed. */
void fixture_judge(struct fixture *fixture);
void fixture_account(struct fixture *fixture, const char *scenario, uint64_t scheduled,
                     uint64_t started, uint64_t dropped, uint64_t completed, uint64_t interrupted,
                     uint64_t errors);
struct fixture_error {
    const char *scenario, *type, *message, *place, *traceback;
    uint64_t count;
    bool is_request;
};
void fixture_error(struct fixture *fixture, struct fixture_error error);
void fixture_exchange(struct fixture *fixture, const struct rp_exchange *exchange);
void fixture_warning(struct fixture *fixture, const char *text, uint64_t count);
void fixture_reason(struct fixture *fixture, enum rp_generator_verdict verdict,
                    enum rp_generator_cause cause, const char *text);
void fixture_worker(struct fixture *fixture, uint32_t id);

/* Complete results. */
void fixture_passed(struct fixture *fixture);  /* a small test that went well */
void fixture_failed(struct fixture *fixture);  /* everything that can be shown */
void fixture_empty(struct fixture *fixture);   /* thresholds, and nothing ever ran */
void fixture_setup(struct fixture *fixture);   /* setup raised */
void fixture_hostile(struct fixture *fixture); /* names that want to draw on the terminal */
void fixture_arrivals(
    struct fixture *fixture); /* every executor, a pause, a seed, dropped iterations */
