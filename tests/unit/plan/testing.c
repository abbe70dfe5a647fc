/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

char *quoted(const char *text)
{
    char *copy = strdup(text);

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c == '`' ? '\'' : *c;
    return copy;
}

uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return next_random(state) % bound;
}

static void add_duration(FILE *out, const char *name, uint64_t *state)
{
    static const char *const units[] = { "d", "h", "m", "s", "ms", "us", "ns" };
    /* one draw a statement: the order of arguments differs between compilers */
    uint64_t kind = random_below(state, 3), whole = random_below(state, 999);
    uint64_t billionths = 1 + random_below(state, 999999999);
    const char *unit = units[random_below(state, 7)];

    if (kind == 0)
        fprintf(out, ",\"%s\":%" PRIu64, name, 1 + whole);
    else if (kind == 1)
        fprintf(out, ",\"%s\":%" PRIu64 ".%09" PRIu64, name, whole, billionths);
    else
        fprintf(out, ",\"%s\":\"%" PRIu64 "%s\"", name, 1 + whole, unit);
}

static void add_pairs(FILE *out, const char *name, uint64_t *state)
{
    static const char *const values[] = { "", "x", "a b", "\\u00e9\\n", "\\\"q\\\"", "{}:," };

    fprintf(out, ",\"%s\":{", name);
    for (uint64_t i = 0, count = random_below(state, 3); i < count; i++)
        fprintf(out, "%s\"k%" PRIu64 "\":\"%s\"", i ? "," : "", i, values[random_below(state, 6)]);
    fprintf(out, "}");
}

static void add_stages(FILE *out, uint64_t *state, uint64_t most)
{
    fprintf(out, ",\"stages\":[{\"duration\":\"20m\",\"target\":%" PRIu64 "}",
            1 + random_below(state, most));
    for (uint64_t i = 0, count = random_below(state, 4); i < count; i++) {
        uint64_t duration = random_below(state, 3) ? random_below(state, 100000) : 0;
        uint64_t target = random_below(state, 3) ? random_below(state, most) : 0;
        uint64_t form = random_below(state, 2);

        fprintf(out, ",");
        if (form)
            fprintf(out, "[\"%" PRIu64 "ms\",%" PRIu64 "]", duration, target);
        else
            fprintf(out, "{\"duration\":\"%" PRIu64 "ms\",\"target\":%" PRIu64 "}", duration,
                    target);
    }
    fprintf(out, "]");
}

static void add_arrivals(FILE *out, uint64_t *state, bool is_ramping)
{
    static const char *const units[] = { "10ms", "1s", "3s", "7m" };
    uint64_t vus = 1 + random_below(state, 1000), whole = 1 + random_below(state, 100000);
    uint64_t billionths = random_below(state, 1000000000);

    if (is_ramping)
        add_stages(out, state, 100000);
    else
        fprintf(out, ",\"duration\":\"%" PRIu64 "ms\"", 1 + random_below(state, 100000));
    if (!is_ramping || random_below(state, 2))
        fprintf(out, ",\"rate\":%" PRIu64 ".%09" PRIu64, whole, billionths);
    if (random_below(state, 2))
        fprintf(out, ",\"time_unit\":\"%s\"", units[random_below(state, 4)]);
    if (random_below(state, 2))
        fprintf(out, ",\"arrival\":\"%s\"", random_below(state, 2) ? "poisson" : "uniform");
    fprintf(out, ",\"pre_allocated_vus\":%" PRIu64, vus);
    if (random_below(state, 2))
        fprintf(out, ",\"max_vus\":%" PRIu64, vus + random_below(state, 1000));
}

static void add_closed(FILE *out, uint64_t *state, enum rp_executor_kind executor)
{
    uint64_t vus = 1 + random_below(state, 1000);

    if (executor == RP_CONSTANT_VUS)
        add_duration(out, "duration", state);
    if (random_below(state, 2) || executor == RP_SHARED_ITERATIONS)
        fprintf(out, ",\"vus\":%" PRIu64, vus);
    if (executor == RP_CONSTANT_VUS && random_below(state, 2))
        fprintf(out, ",\"max_vus\":%" PRIu64, vus + random_below(state, 1000));
    if (executor == RP_SHARED_ITERATIONS ||
        (executor == RP_PER_VU_ITERATIONS && random_below(state, 2)))
        fprintf(out, ",\"iterations\":%" PRIu64, vus + random_below(state, 100000000000 - vus));
    if (executor != RP_CONSTANT_VUS && random_below(state, 2))
        add_duration(out, "max_duration", state);
}

static void add_ramping(FILE *out, uint64_t *state)
{
    add_stages(out, state, 10000000);
    if (random_below(state, 2))
        fprintf(out, ",\"start_vus\":%" PRIu64, random_below(state, 1000));
    if (random_below(state, 2))
        fprintf(out, ",\"max_vus\":10000000");
    if (random_below(state, 2))
        add_duration(out, "graceful_ramp_down", state);
}

static void add_fields(FILE *out, uint64_t *state)
{
    enum rp_executor_kind executor = (enum rp_executor_kind)random_below(state,
                                                                         RP_EXECUTOR_KIND_COUNT);

    fprintf(out, "\"executor\":\"%s\"", rp_executor_kind_name(executor));
    if (executor == RP_RAMPING_VUS)
        add_ramping(out, state);
    else if (executor == RP_CONSTANT_ARRIVAL_RATE || executor == RP_RAMPING_ARRIVAL_RATE)
        add_arrivals(out, state, executor == RP_RAMPING_ARRIVAL_RATE);
    else
        add_closed(out, state, executor);
    if (random_below(state, 2))
        add_duration(out, "start_time", state);
    if (random_below(state, 2))
        add_duration(out, "graceful_stop", state);
    if (random_below(state, 2))
        fprintf(out, ",\"exec_fn\":\"f%" PRIu64 "\"", random_below(state, 4));
    if (random_below(state, 2))
        add_pairs(out, "tags", state);
    if (random_below(state, 2))
        add_pairs(out, "env", state);
}

static void add_config(FILE *out, uint64_t *state)
{
    static const char *const metrics[] = { "http_req_duration", "http_req_duration{status:200}",
                                           "http_req_waiting{url:\\\"a,b\\\",x:y}", "cart_size" };
    static const char *const expressions[] = { "p(95)<500", "avg <= 1e3", "p(99.99)!=-.5",
                                               "count===3", "max>0",      "med<7" };

    fprintf(out,
            ",\"config\":{\"file\":\"load.py\",\"line\":3,\"metrics\":{\"own_rate\":\"rate\"}");
    fprintf(out, ",\"options\":{\"vus\":null");
    if (random_below(state, 2))
        add_pairs(out, "tags", state);
    if (random_below(state, 2))
        add_duration(out, "setup_timeout", state);
    if (random_below(state, 2))
        fprintf(out, ",\"seed\":%" PRIu64, next_random(state) >> 11);
    if (random_below(state, 2))
        fprintf(out, ",\"summary_trend_stats\":[\"max\",\"p(%.3g)\"]",
                (double)random_below(state, 1000) / 10);
    fprintf(out, "}");
    fprintf(out, ",\"thresholds\":{");
    for (uint64_t i = 0, count = random_below(state, 5); i < count; i++) {
        fprintf(out, "%s\"%s\":[\"%s\"", i ? "," : "", metrics[i],
                expressions[random_below(state, 6)]);
        for (uint64_t k = random_below(state, 3); k > 0; k--) {
            fprintf(out, ",{\"threshold\":\"%s\"", expressions[random_below(state, 6)]);
            fprintf(out, ",\"abort_on_fail\":%s", random_below(state, 2) ? "true" : "false");
            if (random_below(state, 2))
                add_duration(out, "delay_abort_eval", state);
            fprintf(out, "}");
        }
        fprintf(out, "]");
    }
    fprintf(out, "}}");
}

char *random_declaration(uint64_t *state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, "{\"script\":\"load.py\",\"functions\":[");
    for (int i = 0; i < 4; i++)
        fprintf(out, "%s{\"name\":\"f%d\",\"file\":\"load.py\",\"line\":%d}", i ? "," : "", i,
                10 * i);
    fprintf(out, "],\"decorated\":[");
    for (uint64_t i = 0, count = 1 + random_below(state, 4); i < count; i++) {
        fprintf(out, "%s{\"name\":\"s-%" PRIu64 "\",\"exec_fn\":\"f0\"", i ? "," : "", i);
        if (random_below(state, 2))
            fprintf(out, ",\"file\":\"load.py\",\"line\":%" PRIu64, random_below(state, 100));
        if (random_below(state, 5)) {
            fprintf(out, ",\"fields\":{");
            add_fields(out, state);
            fprintf(out, "}");
        }
        fprintf(out, "}");
    }
    fprintf(out, "],\"metrics\":[{\"name\":\"cart_size\",\"type\":\"trend\"}]");
    if (random_below(state, 4))
        add_config(out, state);
    fprintf(out, ",\"has_setup\":%s}", random_below(state, 2) ? "true" : "false");
    fclose(out);
    return text;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_pairs(const struct rp_pairs *a, const struct rp_pairs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_text(a->items[i].key, b->items[i].key) ||
            !same_text(a->items[i].value, b->items[i].value))
            return false;
    return true;
}

static bool same_scenario(const struct rp_scenario *a, const struct rp_scenario *b)
{
    bool same = same_text(a->name, b->name) && same_text(a->file, b->file) && a->line == b->line &&
                a->executor == b->executor && same_text(a->exec_fn, b->exec_fn) &&
                a->vus == b->vus && a->start_vus == b->start_vus &&
                a->iterations == b->iterations && a->duration == b->duration &&
                a->max_duration == b->max_duration && a->start_time == b->start_time &&
                a->graceful_stop == b->graceful_stop &&
                a->graceful_ramp_down == b->graceful_ramp_down && a->rate == b->rate &&
                a->time_unit == b->time_unit && a->arrival == b->arrival &&
                a->pre_allocated_vus == b->pre_allocated_vus && a->max_vus == b->max_vus &&
                a->stage_count == b->stage_count && same_pairs(&a->tags, &b->tags) &&
                same_pairs(&a->env, &b->env);

    for (size_t i = 0; same && i < a->stage_count; i++)
        same = a->stages[i].duration == b->stages[i].duration &&
               a->stages[i].target == b->stages[i].target;
    return same;
}

static bool same_threshold(const struct rp_threshold *a, const struct rp_threshold *b)
{
    bool same = same_text(a->metric, b->metric) && same_text(a->display, b->display) &&
                same_text(a->source, b->source) && a->filter.count == b->filter.count &&
                a->stat.kind == b->stat.kind && a->stat.p == b->stat.p &&
                a->compare == b->compare && a->bound == b->bound &&
                a->abort_on_fail == b->abort_on_fail &&
                a->delay_abort_eval == b->delay_abort_eval && a->has_type == b->has_type &&
                a->type == b->type;

    for (size_t i = 0; same && i < a->filter.count; i++)
        same = same_text(a->filter.pairs[i].key, b->filter.pairs[i].key) &&
               same_text(a->filter.pairs[i].value, b->filter.pairs[i].value);
    return same;
}

bool plans_are_equal(const struct rp_plan *a, const struct rp_plan *b)
{
    bool same = same_text(a->script, b->script) && a->scenario_count == b->scenario_count &&
                a->threshold_count == b->threshold_count && a->metric_count == b->metric_count &&
                same_pairs(&a->tags, &b->tags) && same_pairs(&a->env, &b->env) &&
                a->setup_timeout == b->setup_timeout &&
                a->teardown_timeout == b->teardown_timeout && a->has_setup == b->has_setup &&
                a->has_teardown == b->has_teardown && a->seed == b->seed &&
                a->no_kernel_timestamps == b->no_kernel_timestamps &&
                a->connect_timeout == b->connect_timeout &&
                a->no_connection_reuse == b->no_connection_reuse &&
                a->no_vu_connection_reuse == b->no_vu_connection_reuse &&
                a->keep_cookies == b->keep_cookies &&
                a->connections_per_host == b->connections_per_host &&
                a->shared_connections == b->shared_connections && a->batch == b->batch &&
                a->traceparent == b->traceparent && a->failed_exchanges == b->failed_exchanges &&
                same_text(a->http_debug, b->http_debug) &&
                a->max_connection_requests == b->max_connection_requests &&
                a->max_connection_age == b->max_connection_age &&
                same_pairs(&a->hosts, &b->hosts) && same_text(a->local_ips, b->local_ips) &&
                same_text(a->allow_ips, b->allow_ips) && same_pairs(&a->dns, &b->dns) &&
                same_text(a->proxy, b->proxy) &&
                same_text(a->execution_segment, b->execution_segment) &&
                same_text(a->execution_segment_sequence, b->execution_segment_sequence) &&
                same_text(a->proxy_auth, b->proxy_auth) && same_text(a->no_proxy, b->no_proxy) &&
                a->no_spin == b->no_spin && a->series_memory == b->series_memory &&
                a->trend_stat_count == b->trend_stat_count;

    for (size_t i = 0; same && i < a->scenario_count; i++)
        same = same_scenario(&a->scenarios[i], &b->scenarios[i]);
    for (size_t i = 0; same && i < a->threshold_count; i++)
        same = same_threshold(&a->thresholds[i], &b->thresholds[i]);
    for (size_t i = 0; same && i < a->metric_count; i++)
        same = same_text(a->metrics[i].name, b->metrics[i].name) &&
               a->metrics[i].type == b->metrics[i].type;
    for (size_t i = 0; same && i < a->trend_stat_count; i++)
        same = a->trend_stats[i].kind == b->trend_stats[i].kind &&
               a->trend_stats[i].p == b->trend_stats[i].p;
    return same;
}

char *plan_json(const struct rp_plan *plan)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 24);
    assert_int_equal(rp_plan_write_json(plan, &out), 0);
    return rp_buf_take(&out);
}

char *plan_inspection(const struct rp_plan *plan)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 24);
    assert_int_equal(rp_plan_write_inspection(plan, &out), 0);
    return rp_buf_take(&out);
}

char *plan_text(const struct rp_plan *plan)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 24);
    rp_plan_write_text(plan, &out);
    assert_int_equal(out.error, 0);
    return rp_buf_take(&out);
}

void check_error(const struct expected *e, const char *declaration,
                 const struct rp_overrides *overrides)
{
    char *json = quoted(declaration), place[128] = "";
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;
    int r = rp_plan_resolve(json, overrides, &plan, &err);

    if (r != -RP_EUSER)
        fail_msg("%s: returned %d", declaration, r);
    assert_null(plan);
    assert_string_equal(err.message, e->message);
    if (err.file)
        snprintf(place, sizeof(place), "%s:%d", err.file, err.line);
    assert_string_equal(place, e->place ? e->place : "");
    assert_string_equal(err.hint ? err.hint : "(none)", e->hint ? e->hint : "(none)");
    rp_error_deinit(&err);
    assert_int_equal(rp_plan_resolve(json, overrides, &plan, NULL), -RP_EUSER);
    free(json);
}

void check_fields_error(const struct expected *e)
{
    static const char around[] =
        "{'script':'load.py','functions':[{'name':'browse'},{'name':'search'}],"
        "'decorated':[{'name':'browse','exec_fn':'browse','file':'load.py','line':11,"
        "'fields':{%s}}]}";
    char declaration[1024];

    snprintf(declaration, sizeof(declaration), around, e->declaration);
    check_error(e, declaration, NULL);
}
