/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { MAX_TAGS = 8 };

static void must(int r, struct rp_error *err)
{
    if (r < 0 && err && err->message)
        print_error("%s (%s)\n", err->message, err->hint ? err->hint : "-");
    rp_error_deinit(err);
    assert_int_equal(r, 0);
}

void fixture_init(struct fixture *fixture, const char *declaration)
{
    struct rp_overrides overrides = { 0 };
    struct rp_error err = { 0 };
    struct rp_view *view;

    *fixture = (struct fixture){ 0 };
    if (!declaration)
        return;
    must(rp_plan_resolve(declaration, &overrides, &fixture->result.plan, &err), &err);
    assert_int_equal(rp_store_new(&fixture->result.store), 0);
    for (size_t i = 0; i < fixture->result.plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &fixture->result.plan->thresholds[i];

        if (threshold->filter.count)
            assert_int_equal(rp_store_submetric(fixture->result.store, threshold->metric,
                                                &threshold->filter, threshold->display, &view),
                             0);
    }
    snprintf(fixture->result.run_id, sizeof(fixture->result.run_id),
             "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11");
    fixture->result.started_wall_ns = 1772366400123000000; /* 2026-03-01T12:00:00.123Z */
}

void fixture_deinit(struct fixture *fixture)
{
    rp_result_deinit(&fixture->result);
}

static size_t split_tags(const char *text, struct rp_slice (*tags)[2])
{
    size_t count = 0;

    while (*text) {
        const char *equals = strchr(text, '=');
        size_t len;

        assert_non_null(equals);
        assert_true(count < MAX_TAGS);
        len = strcspn(equals + 1, "|");
        tags[count][0] = rp_slice(text, (size_t)(equals - text));
        tags[count][1] = rp_slice(equals + 1, len);
        count++;
        text = equals + 1 + len;
        text += *text == '|';
    }
    return count;
}

static void add(struct fixture *fixture, const char *metric, const struct rp_value *value,
                bool is_time, const char *tags)
{
    struct rp_slice pairs[MAX_TAGS][2];
    size_t count = split_tags(tags, pairs);
    struct rp_error err = { 0 };
    uint32_t id = fixture->next_series++;

    must(rp_store_define(fixture->result.store, 0, id, metric, value->type, is_time,
                         (const struct rp_slice(*)[2])pairs, count, &err),
         &err);
    assert_int_equal(rp_store_apply(fixture->result.store, 0, id, value), 0);
    rp_history_add(&fixture->result.history, rp_store_series(fixture->result.store, 0, id), value,
                   (struct rp_history_time){ .until = RP_S });
}

void fixture_counter(struct fixture *fixture, const char *metric, double number, const char *tags)
{
    struct rp_value value;

    rp_value_init(&value, RP_COUNTER);
    assert_int_equal(rp_sum_add(&value.counter, number), 0);
    value.samples = 1;
    add(fixture, metric, &value, false, tags);
    rp_value_deinit(&value);
}

void fixture_rate(struct fixture *fixture, const char *metric, uint64_t hits, uint64_t total,
                  const char *tags)
{
    struct rp_value value;

    rp_value_init(&value, RP_RATE);
    value.rate.hits = hits;
    value.rate.total = value.samples = total;
    add(fixture, metric, &value, false, tags);
}

void fixture_gauge(struct fixture *fixture, const char *metric, double min, double max, double last,
                   const char *tags)
{
    struct rp_value value;

    rp_value_init(&value, RP_GAUGE);
    value.gauge.last = last;
    value.gauge.min = min;
    value.gauge.max = max;
    value.samples = 3;
    add(fixture, metric, &value, false, tags);
}

void fixture_trend(struct fixture *fixture, const char *metric, bool is_time, double first,
                   double step, unsigned count, const char *tags)
{
    struct rp_value value;

    rp_value_init(&value, RP_TREND);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(rp_hist_record(&value.hist, rp_trend_stored(is_time, first + step * i)),
                         0);
    value.samples = count;
    add(fixture, metric, &value, is_time, tags);
    rp_value_deinit(&value);
}

void fixture_folded_trend(struct fixture *fixture, const char *metric, double ms, unsigned count,
                          bool is_host, const char *tags)
{
    double stored = rp_trend_stored(true, ms);
    struct rp_value value;

    rp_value_init(&value, RP_TREND);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(
            is_host ? rp_hist_host(&value.hist, stored) : rp_hist_note(&value.hist, stored), 0);
    value.samples = is_host ? 0 : count;
    add(fixture, metric, &value, true, tags);
    rp_value_deinit(&value);
}

void fixture_judge(struct fixture *fixture)
{
    struct rp_result *result = &fixture->result;
    double elapsed_s = (double)result->elapsed / 1e9;

    result->verdicts = rp_calloc(result->plan->threshold_count + 1, sizeof(*result->verdicts));
    assert_non_null(result->verdicts);
    for (size_t i = 0; i < result->plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &result->plan->thresholds[i];
        const struct rp_view *view = rp_store_view(result->store, threshold->display);

        result->verdicts[i] = rp_threshold_judge(threshold, view, elapsed_s);
        if (!result->verdicts[i].passed)
            result->exit_code = RP_EXIT_THRESHOLDS;
    }
}

static void *grow(void *items, size_t count, size_t size)
{
    void *bigger = rp_realloc_array(items, count + 1, size);

    assert_non_null(bigger);
    return bigger;
}

static char *copy(const char *text)
{
    return text ? rp_strdup(text) : NULL;
}

void fixture_account(struct fixture *fixture, const char *scenario, uint64_t scheduled,
                     uint64_t started, uint64_t dropped, uint64_t completed, uint64_t interrupted,
                     uint64_t errors)
{
    struct rp_result *result = &fixture->result;

    result->accounting = grow(result->accounting, result->accounting_count,
                              sizeof(*result->accounting));
    result->accounting[result->accounting_count++] = (struct rp_accounting){
        .scenario = copy(scenario),
        .scheduled = scheduled,
        .started = started,
        .dropped = dropped,
        .completed = completed,
        .interrupted = interrupted,
        .errors = errors,
    };
}

void fixture_error(struct fixture *fixture, struct fixture_error error)
{
    struct rp_result *result = &fixture->result;

    result->errors = grow(result->errors, result->error_count, sizeof(*result->errors));
    result->errors[result->error_count++] = (struct rp_error_group){
        .scenario = copy(error.scenario),
        .type = copy(error.type),
        .message = copy(error.message),
        .place = copy(error.place),
        .traceback = copy(error.traceback),
        .count = error.count,
        .is_request = error.is_request,
    };
}

void fixture_exchange(struct fixture *fixture, const struct rp_exchange *exchange)
{
    fixture->result.exchanges.of_kind = 3;
    assert_int_equal(rp_exchanges_add(&fixture->result.exchanges, exchange->name, exchange), 0);
}

void fixture_warning(struct fixture *fixture, const char *text, uint64_t count)
{
    struct rp_result *result = &fixture->result;

    result->warnings = grow(result->warnings, result->warning_count, sizeof(*result->warnings));
    result->warnings[result->warning_count++] = (struct rp_result_warning){ .text = copy(text),
                                                                            .count = count };
}

void fixture_reason(struct fixture *fixture, enum rp_generator_verdict verdict,
                    enum rp_generator_cause cause, const char *text)
{
    struct rp_result *result = &fixture->result;

    result->generator_reasons = grow(result->generator_reasons, result->generator_reason_count,
                                     sizeof(*result->generator_reasons));
    result->generator_reasons[result->generator_reason_count++] = (struct rp_generator_reason){
        .verdict = verdict, .cause = cause, .worker = 2, .workers = 1, .text = copy(text)
    };
    if (verdict > result->generator)
        result->generator = verdict;
}

void fixture_worker(struct fixture *fixture, uint32_t id)
{
    struct rp_result *result = &fixture->result;

    result->workers = grow(result->workers, result->worker_count, sizeof(*result->workers));
    result->workers[result->worker_count++] = (struct rp_result_worker){
        .id = id,
        .pid = 4000 + (int)id,
        .loop = copy("io_uring"),
        .runtime = copy("CPython 3.11.2"),
        .cpu_user_s = 12.5,
        .cpu_system_s = 3.25,
        .max_rss_bytes = 41 << 20,
    };
}
