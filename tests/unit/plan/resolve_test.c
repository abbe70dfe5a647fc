/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "plan/duration.h"
#include "plan/plan.h"
#include "plan/shorthand.h"
#include "testing.h"

static struct rp_plan *resolve(const char *declaration, const struct rp_overrides *overrides)
{
    char *json = quoted(declaration);
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    if (rp_plan_resolve(json, overrides, &plan, &err) < 0)
        fail_msg("%s: %s", declaration, err.message);
    assert_null(err.message);
    free(json);
    return plan;
}

/* What matters of every scenario in one line: "name function executor vus iterations time". */
static char *digest(const struct rp_plan *plan)
{
    char *text = NULL, time[64];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < plan->scenario_count; i++) {
        const struct rp_scenario *s = &plan->scenarios[i];

        rp_duration_format(s->executor == RP_CONSTANT_VUS ? s->duration : s->max_duration, time,
                           sizeof(time));
        fprintf(out, "%s%s %s %s %" PRId64 " %" PRId64 " %s", i ? "; " : "", s->name, s->exec_fn,
                rp_executor_kind_name(s->executor), s->vus, s->iterations, time);
    }
    fclose(out);
    return text;
}

static void check(const char *declaration, const struct rp_overrides *overrides,
                  const char *expected)
{
    struct rp_plan *plan = resolve(declaration, overrides);
    char *text = digest(plan);

    assert_string_equal(text, expected);
    free(text);
    rp_plan_free(plan);
}

#define F "'script':'load.py','functions':[{'name':'f'},{'name':'g'}],"
#define DEFAULT "'script':'load.py','functions':[{'name':'default'}]"
#define BARE "'decorated':[{'name':'f','exec_fn':'f','fields':{'vus':null}}]"

static void scenarios_come_from_decorators_and_config(void **state)
{
    static const char *const table[][2] = {
        { "{" F BARE "}", "f f per-vu-iterations 1 1 10m" },
        { "{" F "'decorated':[{'name':'f','fields':{'duration':'30s'}}]}",
          "f f constant-vus 1 0 30s" },
        { "{" F "'decorated':[{'name':'f','fields':{'duration':0.25,'vus':3.0}}]}",
          "f f constant-vus 3 0 250ms" },
        { "{" F "'decorated':[{'name':'shop','exec_fn':'f','fields':{'executor':"
          "'per-vu-iterations','vus':2}}]}",
          "shop f per-vu-iterations 2 1 10m" },
        { "{" F "'decorated':[{'name':'f','fields':{'executor':'shared-iterations',"
          "'max_duration':'1h'}}]}",
          "f f shared-iterations 1 1 1h" },
        /* config.scenarios has the settings of a decorated function: all of them */
        { "{" F "'decorated':[{'name':'shop','exec_fn':'f','fields':{'vus':7,'duration':'1s'}}],"
          "'config':{'scenarios':{'shop':{'duration':'2s'}}}}",
          "shop f constant-vus 1 0 2s" },
        { "{" F BARE
          ",'config':{'scenarios':{'g':{'duration':'2s'},'f':{'vus':2,'duration':'1s'}}}}",
          "f f constant-vus 2 0 1s; g g constant-vus 1 0 2s" },
        /* a bare decorator does not add a scenario to the ones that name its function */
        { "{" F BARE
          ",'config':{'scenarios':{'a':{'exec_fn':'f','duration':'1s'},'b':{'exec_fn':'f',"
          "'duration':'2s'}}}}",
          "a f constant-vus 1 0 1s; b f constant-vus 1 0 2s" },
        { "{" F "'decorated':[{'name':'f','fields':{'duration':'3s'}}],"
          "'config':{'scenarios':{'a':{'exec_fn':'f','duration':'1s'}}}}",
          "f f constant-vus 1 0 3s; a f constant-vus 1 0 1s" },
        { "{" DEFAULT "}", "default default per-vu-iterations 1 1 10m" },
        { "{" DEFAULT ",'config':{'scenarios':{'a':{'duration':'1s'}}}}",
          "a default constant-vus 1 0 1s" },
        { "{" F BARE ",'config':{'scenarios':{'g':null}}}", "f f per-vu-iterations 1 1 10m" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check(table[i][0], NULL, table[i][1]);
}

static void shortcuts_are_those_of_k6(void **state)
{
    static const char *const table[][2] = {
        { "{}", "per-vu-iterations 1 1 10m" },
        { "{'vus':3}", "per-vu-iterations 3 1 10m" },
        { "{'iterations':9}", "shared-iterations 1 9 10m" },
        { "{'iterations':9,'vus':2,'duration':'1m'}", "shared-iterations 2 9 1m" },
        { "{'duration':'1m'}", "constant-vus 1 0 1m" },
        { "{'duration':90,'vus':5,'tags':{'a':'b'}}", "constant-vus 5 0 1m30s" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        char declaration[512], expected[128];

        snprintf(declaration, sizeof(declaration), "{" F BARE ",'config':{'options':%s}}",
                 table[i][0]);
        snprintf(expected, sizeof(expected), "f f %s", table[i][1]);
        check(declaration, NULL, expected);
        snprintf(declaration, sizeof(declaration), "{" DEFAULT ",'config':{'options':%s}}",
                 table[i][0]);
        snprintf(expected, sizeof(expected), "default default %s", table[i][1]);
        check(declaration, NULL, expected);
    }
}

#define FIXED "'executor':'constant-vus','vus':4,'duration':'30s'"
#define SHARED "'executor':'shared-iterations','vus':4,'iterations':8,'max_duration':'1h'"
#define EACH "'executor':'per-vu-iterations','vus':4,'iterations':8"
#define RAMPING "'executor':'ramping-vus','stages':[{'duration':'1s','target':9}]"

static void overrides_follow_the_documented_rules(void **state)
{
    static const struct {
        const char *fields, *vus, *duration, *iterations, *expected;
    } table[] = {
        { FIXED, "9", NULL, NULL, "constant-vus 9 0 30s" },
        { FIXED, NULL, "1m", NULL, "constant-vus 4 0 1m" },
        { FIXED, "9", "1m", NULL, "constant-vus 9 0 1m" },
        { FIXED, NULL, NULL, "100", "shared-iterations 4 100 10m" },
        { FIXED, NULL, NULL, "2", "shared-iterations 2 2 10m" },
        { FIXED, "50", NULL, "10", "shared-iterations 10 10 10m" },
        { FIXED, NULL, "1m", "100", "shared-iterations 4 100 1m" },
        { SHARED, NULL, "1m", NULL, "shared-iterations 4 8 1m" },
        { SHARED, "8", NULL, NULL, "shared-iterations 8 8 1h" },
        { SHARED, NULL, NULL, "5", "shared-iterations 4 5 1h" },
        { EACH, "9", NULL, NULL, "per-vu-iterations 9 8 10m" },
        { EACH, NULL, "5s", NULL, "per-vu-iterations 4 8 5s" },
        { EACH, NULL, NULL, "5", "shared-iterations 4 5 10m" },
        { RAMPING, NULL, NULL, "5", "shared-iterations 1 5 10m" },
        { RAMPING, "3", "5s", "5", "shared-iterations 3 5 5s" },
        { "'vus':2", NULL, "5s", NULL, "constant-vus 2 0 5s" },
        { "'vus':2", NULL, NULL, "5", "shared-iterations 2 5 10m" },
        { "", NULL, "5s", NULL, "constant-vus 1 0 5s" },
        { "", "7", "5s", NULL, "constant-vus 7 0 5s" },
        { "", "7", NULL, NULL, "per-vu-iterations 7 1 10m" },
        { "", NULL, NULL, "7", "shared-iterations 1 7 10m" },
        { "", NULL, "5s", "7", "shared-iterations 1 7 5s" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_overrides overrides = { { table[i].vus, "--vus" },
                                          { table[i].duration, "--duration" },
                                          { table[i].iterations, "--iterations" } };
        char declaration[512], expected[128];

        snprintf(declaration, sizeof(declaration),
                 "{" F "'decorated':[{'name':'f','fields':{%s}}]}", table[i].fields);
        snprintf(expected, sizeof(expected), "f f %s", table[i].expected);
        check(declaration, &overrides, expected);
    }
}

static void overrides_go_over_shortcuts(void **state)
{
    static const struct {
        const char *options, *duration, *iterations, *expected;
    } table[] = {
        { "{'iterations':9}", "5s", NULL, "f f shared-iterations 1 9 5s" },
        { "{'duration':'1m','vus':3}", NULL, "7", "f f shared-iterations 3 7 10m" },
        { "{'duration':'1m','vus':3}", "5s", NULL, "f f constant-vus 3 0 5s" },
        { "{'vus':3}", "5s", NULL, "f f constant-vus 3 0 5s" },
        { "{'stages':[{'duration':'1s','target':1}],'vus':3}", NULL, "7",
          "f f shared-iterations 1 7 10m" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_overrides overrides = { .duration = { table[i].duration, "--duration" },
                                          .iterations = { table[i].iterations, "--iterations" } };
        char declaration[512];

        snprintf(declaration, sizeof(declaration), "{" F BARE ",'config':{'options':%s}}",
                 table[i].options);
        check(declaration, &overrides, table[i].expected);
    }
}

/* What is left out need not be complete or available, but must be right. */
static void only_the_named_scenarios_run(void **state)
{
    static const char declaration[] =
        "{" F "'decorated':[{'name':'f','fields':{'duration':'1s'}},{'name':'g','fields':{" RAMPING
        "}},{'name':'h','exec_fn':'f','fields':{'vus':2}},{'name':'i','exec_fn':'g','fields':{"
        "'duration':'2s'}}]}";
    struct rp_override names[] = { { "i", "--scenario" }, { "f", "--scenario" } };
    struct rp_overrides overrides = { .scenario_names = names, .scenario_name_count = 2 };

    check(declaration, &overrides, "f f constant-vus 1 0 1s; i g constant-vus 1 0 2s");
    overrides.vus = (struct rp_override){ "3", "--vus" };
    check(declaration, &overrides, "f f constant-vus 3 0 1s; i g constant-vus 3 0 2s");
}

static void tags_and_env_are_laid_over(void **state)
{
    static char a[] = "a", b[] = "b", one[] = "1", two[] = "2";
    const struct rp_pair tags[] = { { a, two }, { b, one }, { b, two } }, env[] = { { a, one } };
    const struct rp_overrides overrides = {
        .tags = tags, .tag_count = 3, .env = env, .env_count = 1
    };
    struct rp_plan *plan = resolve("{" F BARE ",'config':{'options':{'tags':{'a':'1','c':'3'}}}}",
                                   &overrides);

    assert_int_equal(plan->tags.count, 3);
    assert_string_equal(plan->tags.items[0].value, "2");
    assert_string_equal(plan->tags.items[1].key, "c");
    assert_string_equal(plan->tags.items[2].value, "2");
    assert_int_equal(plan->env.count, 1);
    assert_string_equal(plan->env.items[0].key, "a");
    rp_plan_free(plan);
}

static void thresholds_know_the_type_of_their_metric(void **state)
{
    struct rp_plan *plan = resolve(
        "{" F BARE ",'dynamic_metrics':true,'metrics':[{'name':'own','type':'gauge'},"
        "{'name':'http_reqs','type':'counter'}],'config':{'metrics':{'mine':'rate'},"
        "'thresholds':{'own':['value<1'],'mine{a:b}':['rate<1'],'checks':['rate>0.9'],"
        "'unseen':[{'threshold':'p(95)<5','abort_on_fail':true,'delay_abort_eval':2.5}]}}}",
        NULL);

    assert_int_equal(plan->threshold_count, 4);
    assert_int_equal(plan->metric_count, 2); /* http_reqs is rampa's own */
    assert_true(plan->thresholds[0].has_type && plan->thresholds[0].type == RP_GAUGE);
    assert_true(plan->thresholds[1].has_type && plan->thresholds[1].type == RP_RATE);
    assert_true(plan->thresholds[2].has_type && plan->thresholds[2].type == RP_RATE);
    assert_false(plan->thresholds[3].has_type);
    assert_true(plan->thresholds[3].abort_on_fail);
    assert_false(plan->thresholds[2].abort_on_fail);
    assert_true(plan->thresholds[3].delay_abort_eval == 2500 * RP_MS);
    rp_plan_free(plan);
}

static void sizes_and_times_are_summed_where_scenarios_meet(void **state)
{
    struct rp_plan *plan = resolve(
        "{" F "'decorated':[{'name':'f','fields':{'vus':5,'duration':'10s','graceful_stop':'5s'}},"
        "{'name':'g','fields':{'vus':7,'duration':'10s','graceful_stop':0,'start_time':'5s'}},"
        "{'name':'h','exec_fn':'f','fields':{'executor':'shared-iterations','vus':9,"
        "'iterations':9,'max_duration':'1m','start_time':'16s'}}]}",
        NULL);

    assert_int_equal(rp_plan_max_vus(plan), 12);
    assert_true(rp_scenario_longest(&plan->scenarios[0]) == 15 * RP_S);
    assert_true(rp_scenario_longest(&plan->scenarios[1]) == 10 * RP_S);
    assert_true(rp_plan_longest(plan) == (16 + 60 + 30) * RP_S);
    plan->scenarios[2].start_time = 15 * RP_S;
    assert_int_equal(rp_plan_max_vus(plan), 21);
    rp_plan_free(plan);
}

static void ramping_scenarios_have_size_and_time(void **state)
{
    struct rp_stage stages[] = { { 10 * RP_S, 4 }, { 5 * RP_S, 2 } };
    struct rp_scenario scenarios[] = {
        { .executor = RP_RAMPING_VUS, .start_vus = 6, .stages = stages, .stage_count = 2 },
        { .executor = RP_RAMPING_ARRIVAL_RATE,
          .stages = stages,
          .stage_count = 2,
          .pre_allocated_vus = 1,
          .max_vus = 10,
          .graceful_stop = RP_S },
    };
    struct rp_plan plan = { .scenarios = scenarios, .scenario_count = 2 };

    assert_true(rp_scenario_longest(&scenarios[1]) == 16 * RP_S);
    assert_int_equal(rp_plan_max_vus(&plan), 16);
}

#define TEN "p(1),p(2),p(3),p(4),p(5),p(6),p(7),p(8),p(9),p(10),"

static void trend_stats_of_the_command_line_replace_the_plans(void **state)
{
    static const char *const bad[][2] = {
        { "", "--x: '' is none of avg, min, max, med, count and p(N)" },
        { "avg,,max", "--x: '' is none of avg, min, max, med, count and p(N)" },
        { "avg,", "--x: '' is none of avg, min, max, med, count and p(N)" },
        { "avg,rate", "--x: 'rate' is none of avg, min, max, med, count and p(N)" },
        { "p(101)", "--x: 'p(101)' is none of avg, min, max, med, count and p(N)" },
        { TEN TEN TEN "max,max,max", "--x: more than 32 statistics" },
    };
    char *json = quoted("{" F BARE "}");
    struct rp_overrides overrides = { .trend_stats = { "max, p(99.9)", "--x" } };
    struct rp_plan *plan = resolve("{" F BARE "}", NULL);

    assert_int_equal(plan->trend_stat_count, 7);
    rp_plan_free(plan);
    plan = resolve("{" F BARE "}", &overrides);
    assert_int_equal(plan->trend_stat_count, 2);
    assert_int_equal(plan->trend_stats[0].kind, RP_STAT_MAX);
    assert_true(plan->trend_stats[1].p == 99.9);
    rp_plan_free(plan);
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++) {
        struct rp_error err = { 0 };

        overrides.trend_stats.value = bad[i][0];
        plan = NULL;
        assert_int_equal(rp_plan_resolve(json, &overrides, &plan, &err), -RP_EUSER);
        assert_string_equal(err.message, bad[i][1]);
        assert_null(plan);
        assert_int_equal(rp_trend_stats_check(bad[i][0], "--x", &err), -RP_EUSER);
        assert_string_equal(err.message, bad[i][1]);
        rp_error_deinit(&err);
    }
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_come_from_decorators_and_config),
        cmocka_unit_test(shortcuts_are_those_of_k6),
        cmocka_unit_test(overrides_follow_the_documented_rules),
        cmocka_unit_test(overrides_go_over_shortcuts),
        cmocka_unit_test(only_the_named_scenarios_run),
        cmocka_unit_test(tags_and_env_are_laid_over),
        cmocka_unit_test(thresholds_know_the_type_of_their_metric),
        cmocka_unit_test(sizes_and_times_are_summed_where_scenarios_meet),
        cmocka_unit_test(ramping_scenarios_have_size_and_time),
        cmocka_unit_test(trend_stats_of_the_command_line_replace_the_plans),
    };

    return cmocka_run_group_tests_name("plan/resolve", tests, NULL, NULL);
}
