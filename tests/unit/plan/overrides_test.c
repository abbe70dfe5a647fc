/* SPDX-License-Identifier: MIT */
/* What the options of a load make of every kind of scenario, word by word as docs/scenarios.md says it. */
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
#include "testing.h"

enum { STAGES_MOST = 4 };

struct options {
    const char *vus, *duration, *iterations, *rate, *max_vus;
    const char *stages[STAGES_MOST];
};

static struct rp_overrides overrides_of(const struct options *options,
                                        struct rp_override stages[STAGES_MOST])
{
    struct rp_overrides ret = {
        { options->vus, "--vus" },         { options->duration, "--duration" },
        { options->iterations, "-i" },     { options->rate, "--rate" },
        { options->max_vus, "--max-vus" },
    };

    ret.stages = stages;
    for (; ret.stage_count < STAGES_MOST && options->stages[ret.stage_count]; ret.stage_count++)
        stages[ret.stage_count] = (struct rp_override){ options->stages[ret.stage_count],
                                                        "--stage" };
    return ret;
}

static void put_time(FILE *out, const char *before, rp_ns time)
{
    char text[64];

    rp_duration_format(time, text, sizeof(text));
    fprintf(out, "%s%s", before, text);
}

/* Only what the executor has: the rest must be empty. */
static char *digest(const struct rp_scenario *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, "%s", rp_executor_kind_name(s->executor));
    if (s->vus)
        fprintf(out, " vus %" PRId64, s->vus);
    if (s->iterations)
        fprintf(out, " iterations %" PRId64, s->iterations);
    if (s->duration)
        put_time(out, " for ", s->duration);
    if (s->max_duration)
        put_time(out, " at most ", s->max_duration);
    if (s->executor == RP_RAMPING_VUS)
        fprintf(out, " from %" PRId64, s->start_vus);
    if (s->time_unit) {
        fprintf(out, " rate %g", s->rate);
        put_time(out, "/", s->time_unit);
        fprintf(out, " vus %" PRId64 "..%" PRId64, s->pre_allocated_vus, s->max_vus);
    }
    if (s->arrival == RP_ARRIVAL_POISSON)
        fprintf(out, " poisson");
    for (size_t i = 0; i < s->stage_count; i++) {
        put_time(out, " ", s->stages[i].duration);
        fprintf(out, ":%" PRId64, s->stages[i].target);
    }
    fclose(out);
    return text;
}

#define BARE ""
#define FIXED "'executor':'constant-vus','vus':4,'duration':'30s'"
#define SHARED "'executor':'shared-iterations','vus':4,'iterations':8,'max_duration':'1h'"
#define EACH "'executor':'per-vu-iterations','vus':4,'iterations':8"
#define RAMPING "'executor':'ramping-vus','start_vus':2,'stages':[['1s',9],['2s',0]]"
#define RATE                                                                                       \
    "'executor':'constant-arrival-rate','rate':10,'time_unit':'1m','duration':'1h',"               \
    "'pre_allocated_vus':5,'max_vus':20,'arrival':'poisson'"
#define RAMPING_RATE                                                                               \
    "'executor':'ramping-arrival-rate','rate':10,'stages':[['1s',9]],'pre_allocated_vus':5"

static const struct {
    const char *fields;
    struct options options;
    const char *expected;
} laid_over[] = {
    /* nothing */
    { RAMPING, { 0 }, "ramping-vus from 2 1s:9 2s:0" },
    { RATE, { 0 }, "constant-arrival-rate for 1h rate 10/1m vus 5..20 poisson" },
    { RAMPING_RATE, { 0 }, "ramping-arrival-rate rate 10/1s vus 5..5 1s:9" },
    /* stages: the ramping executor of the family */
    { BARE, { .stages = { "30s:10" } }, "ramping-vus from 1 30s:10" },
    { BARE, { .stages = { "30s:10", "1m:0" } }, "ramping-vus from 1 30s:10 1m:0" },
    { BARE, { .stages = { "5s:1,0s:3", "1m:0" } }, "ramping-vus from 1 5s:1 0s:3 1m:0" },
    { BARE, { .stages = { "30s:10" }, .vus = "3" }, "ramping-vus from 3 30s:10" },
    { FIXED, { .stages = { "30s:10" } }, "ramping-vus from 4 30s:10" },
    { FIXED, { .stages = { "30s:10" }, .vus = "3" }, "ramping-vus from 3 30s:10" },
    { SHARED, { .stages = { "30s:10" } }, "ramping-vus from 4 30s:10" },
    { EACH, { .stages = { "30s:10" } }, "ramping-vus from 4 30s:10" },
    { RAMPING, { .stages = { "30s:10" } }, "ramping-vus from 2 30s:10" },
    { RAMPING, { .stages = { "30s:10" }, .vus = "3" }, "ramping-vus from 3 30s:10" },
    { RATE,
      { .stages = { "30s:20" } },
      "ramping-arrival-rate rate 10/1m vus 5..20 poisson 30s:20" },
    { RAMPING_RATE, { .stages = { "3s:2" } }, "ramping-arrival-rate rate 10/1s vus 5..5 3s:2" },
    { RAMPING_RATE,
      { .stages = { "3s:2" }, .vus = "7" },
      "ramping-arrival-rate rate 10/1s vus 7..7 3s:2" },
    /* a rate: an executor of arrivals */
    { BARE,
      { .rate = "500/s", .duration = "1m" },
      "constant-arrival-rate for 1m rate 500/1s vus 1..500" },
    { BARE,
      { .rate = "500", .duration = "1m", .vus = "9" },
      "constant-arrival-rate for 1m rate 500/1s vus 9..9" },
    { BARE,
      { .rate = "7/3s", .duration = "1m", .max_vus = "9" },
      "constant-arrival-rate for 1m rate 7/3s vus 1..9" },
    { BARE,
      { .rate = "0.5/m", .duration = "1h", .vus = "2", .max_vus = "9" },
      "constant-arrival-rate for 1h rate 0.5/1m vus 2..9" },
    { BARE,
      { .rate = "0.5/s", .duration = "1h" },
      "constant-arrival-rate for 1h rate 0.5/1s vus 1..1" },
    { BARE,
      { .rate = "7/3s", .duration = "1h" },
      "constant-arrival-rate for 1h rate 7/3s vus 1..3" },
    { BARE,
      { .rate = "50000/s", .duration = "1m" },
      "constant-arrival-rate for 1m rate 50000/1s vus 1..10000" },
    { FIXED, { .rate = "30/m" }, "constant-arrival-rate for 30s rate 30/1m vus 4..4" },
    { FIXED,
      { .rate = "30/m", .max_vus = "2", .duration = "2m" },
      "constant-arrival-rate for 2m rate 30/1m vus 2..2" },
    { SHARED,
      { .rate = "30", .duration = "1m" },
      "constant-arrival-rate for 1m rate 30/1s vus 4..4" },
    { RAMPING,
      { .rate = "30", .duration = "1m" },
      "constant-arrival-rate for 1m rate 30/1s vus 1..30" },
    { RATE, { .rate = "30" }, "constant-arrival-rate for 1h rate 30/1m vus 5..20 poisson" },
    { RATE, { .rate = "30/s" }, "constant-arrival-rate for 1h rate 30/1s vus 5..20 poisson" },
    { RATE, { .duration = "1m" }, "constant-arrival-rate for 1m rate 10/1m vus 5..20 poisson" },
    { RAMPING_RATE, { .rate = "30" }, "ramping-arrival-rate rate 30/1s vus 5..5 1s:9" },
    { RAMPING_RATE, { .rate = "0/1000ms" }, "ramping-arrival-rate rate 0/1s vus 5..5 1s:9" },
    /* both: it starts from the rate */
    { BARE,
      { .rate = "60/m", .stages = { "30s:600" } },
      "ramping-arrival-rate rate 60/1m vus 1..10 30s:600" },
    { FIXED,
      { .rate = "5", .stages = { "30s:20" } },
      "ramping-arrival-rate rate 5/1s vus 4..4 30s:20" },
    { RAMPING_RATE,
      { .rate = "30/m", .stages = { "30s:20" } },
      "ramping-arrival-rate rate 30/1m vus 5..5 30s:20" },
    { RATE,
      { .rate = "30", .stages = { "30s:20" } },
      "ramping-arrival-rate rate 30/1m vus 5..20 poisson 30s:20" },
    /* VUs of arrivals */
    { RATE, { .vus = "9" }, "constant-arrival-rate for 1h rate 10/1m vus 9..20 poisson" },
    { RATE, { .vus = "30" }, "constant-arrival-rate for 1h rate 10/1m vus 30..30 poisson" },
    { RATE, { .max_vus = "50" }, "constant-arrival-rate for 1h rate 10/1m vus 5..50 poisson" },
    { RATE, { .max_vus = "3" }, "constant-arrival-rate for 1h rate 10/1m vus 3..3 poisson" },
    { RAMPING_RATE,
      { .vus = "6", .max_vus = "50" },
      "ramping-arrival-rate rate 10/1s vus 6..50 1s:9" },
    /* a number of iterations */
    { RATE, { .iterations = "5" }, "shared-iterations vus 1 iterations 5 at most 10m" },
    { RAMPING_RATE,
      { .iterations = "5", .vus = "2", .duration = "1s" },
      "shared-iterations vus 2 iterations 5 at most 1s" },
    { RAMPING, { .iterations = "5" }, "shared-iterations vus 1 iterations 5 at most 10m" },
};

static struct rp_plan *resolve(const char *declaration, const struct rp_overrides *overrides)
{
    char *json = quoted(declaration);
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    if (rp_plan_resolve(json, overrides, &plan, &err) < 0)
        fail_msg("%s: %s", declaration, err.message);
    free(json);
    return plan;
}

static void options_make_the_documented_load(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(laid_over); i++) {
        struct rp_override stages[STAGES_MOST];
        struct rp_overrides overrides = overrides_of(&laid_over[i].options, stages);
        char declaration[512], *text;
        struct rp_plan *plan;

        snprintf(
            declaration, sizeof(declaration),
            "{'script':'x','functions':[{'name':'f'}],'decorated':[{'name':'f','fields':{%s}}]}",
            laid_over[i].fields);
        plan = resolve(declaration, &overrides);
        text = digest(plan->scenarios);
        assert_string_equal(text, laid_over[i].expected);
        free(text);
        rp_plan_free(plan);
    }
}

static void options_go_over_shortcuts(void **state)
{
    static const struct {
        const char *shortcuts;
        struct options options;
        const char *expected;
    } table[] = {
        { "'stages':[['1s',5]],'vus':3", { 0 }, "ramping-vus from 3 1s:5" },
        { "'stages':[{'duration':1,'target':5}]", { 0 }, "ramping-vus from 1 1s:5" },
        { "'stages':[['1s',5]],'vus':3", { .stages = { "2s:7" } }, "ramping-vus from 3 2s:7" },
        { "'vus':3,'duration':'1m'", { .stages = { "2s:7" } }, "ramping-vus from 3 2s:7" },
        { "'iterations':3", { .stages = { "2s:7" } }, "ramping-vus from 1 2s:7" },
        { "'vus':3,'duration':'1m'",
          { .rate = "9" },
          "constant-arrival-rate for 1m rate 9/1s vus 3..3" },
        { "'vus':3",
          { .rate = "9", .duration = "5s" },
          "constant-arrival-rate for 5s rate 9/1s vus 3..3" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_override stages[STAGES_MOST];
        struct rp_overrides overrides = overrides_of(&table[i].options, stages);
        char declaration[512], *text;
        struct rp_plan *plan;

        snprintf(declaration, sizeof(declaration),
                 "{'script':'x','functions':[{'name':'default'}],'config':{'options':{%s}}}",
                 table[i].shortcuts);
        plan = resolve(declaration, &overrides);
        text = digest(plan->scenarios);
        assert_string_equal(text, table[i].expected);
        free(text);
        rp_plan_free(plan);
    }
}

#define NOT_A_STAGE "a stage is DURATION:TARGET, as in 30s:100 or 30s:100,1m:0"
#define NOT_A_RATE "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s"

struct wrong {
    const char *fields;
    struct options options;
    struct expected expected;
};

static void check_wrong(const struct wrong *wrong)
{
    struct rp_override stages[STAGES_MOST];
    struct rp_overrides overrides = overrides_of(&wrong->options, stages);
    char declaration[512];

    snprintf(declaration, sizeof(declaration),
             "{'script':'load.py','functions':[{'name':'browse'}],'decorated':[{'name':"
             "'browse','file':'load.py','line':11,'fields':{%s}}]}",
             wrong->fields);
    check_error(&wrong->expected, declaration, &overrides);
}

static void options_that_do_not_fit_are_errors(void **state)
{
    static const struct wrong table[] = {
        { "'executor':'per-vu-iterations'",
          { .max_vus = "9" },
          { NULL, AT, S "--max-vus cannot be applied: executor 'per-vu-iterations' has no max_vus",
            "give --vus instead, or leave the scenario out with --scenario" } },
        { RAMPING,
          { .duration = "9s" },
          { NULL, AT, S "--duration cannot be applied: executor 'ramping-vus' has no duration",
            "give --stage instead, or leave the scenario out with --scenario" } },
        { RAMPING_RATE,
          { .duration = "9s" },
          { NULL, AT,
            S "--duration cannot be applied: executor 'ramping-arrival-rate' has no duration",
            "give --stage instead, or leave the scenario out with --scenario" } },
        { RAMPING,
          { .vus = "9" },
          { NULL, AT,
            S "--vus cannot be applied: executor 'ramping-vus' has no fixed number of VUs",
            "give --stage instead, or leave the scenario out with --scenario" } },
        { RAMPING_RATE,
          { .rate = "30/m" },
          { NULL, AT, S "--rate counts in 1m, but the targets of its stages in 1s",
            "give the stages too, with --stage, or the rate in 1s" } },
        { EACH,
          { .rate = "30/m" },
          { NULL, AT,
            S "executor 'constant-arrival-rate' needs 'duration', a duration of more than 0s, up "
              "to 3650d",
            "add duration=\"30s\" to the scenario, or give --duration" } },
        { FIXED, { .rate = "0" }, { NULL, AT, S "rate must be greater than 0" } },
        { BARE,
          { .stages = { "1s:0" } },
          { NULL, AT, S "stages: at least one target must be greater than 0" } },
        { BARE,
          { .stages = { "1s:10000001" } },
          { NULL, AT, S "stages: a target must be at most 10000000 VUs, not 10000001" } },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_wrong(&table[i]);
}

static void wrong_options_are_errors(void **state)
{
    static const struct wrong table[] = {
        /* options against each other, before the script is looked at */
        { "'zzz':1",
          { .stages = { "1s:1" }, .duration = "1s" },
          { NULL, NULL, "--stage cannot stand beside --duration", "stages have their own times" } },
        { FIXED,
          { .stages = { "1s:1" }, .iterations = "1" },
          { NULL, NULL, "--stage cannot stand beside -i",
            "stages last as long as they say, however many iterations that are" } },
        { FIXED,
          { .rate = "1", .iterations = "1" },
          { NULL, NULL, "--rate cannot stand beside -i",
            "a rate lasts for a time: give --duration" } },
        { FIXED,
          { .max_vus = "1", .iterations = "1" },
          { NULL, NULL, "--max-vus cannot stand beside -i",
            "the number of VUs is given by --vus" } },
        /* values */
        { FIXED,
          { .max_vus = "0" },
          { NULL, NULL, "--max-vus must be a whole number from 1 to 10000000, not 0" } },
        { FIXED,
          { .stages = { "1s:1", "30:100" } },
          { NULL, NULL, "--stage: '30:100' is not a stage: '30' is not a duration: it has no unit",
            NOT_A_STAGE } },
        { FIXED,
          { .rate = "fast" },
          { NULL, NULL, "--rate: 'fast' is not a rate: 'fast' is not a number", NOT_A_RATE } },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_wrong(&table[i]);
}

static void every_failing_allocation_is_reported(void **state)
{
    struct options options = { .rate = "5", .stages = { "1s:2,2s:3", "3s:4" } };
    struct rp_override stages[STAGES_MOST];
    struct rp_overrides overrides = overrides_of(&options, stages);
    char *json = quoted("{'script':'x','functions':[{'name':'f'}],'decorated':[{'name':'f',"
                        "'fields':{" RAMPING "}}]}");
    uint64_t n = 1;
    int r = -ENOMEM;

    overrides.trend_stats = (struct rp_override){ "avg", "--summary-trend-stats" };
    for (; r < 0; n++) {
        struct rp_plan *plan = NULL;

        rp_alloc_fail_at(n);
        r = rp_plan_resolve(json, &overrides, &plan, NULL);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        assert_int_equal(r == 0, plan != NULL);
        rp_plan_free(plan);
    }
    assert_in_range(n, 5, 1000);
    free(json);
}

static void wrong_overrides_are_named(void **state)
{
    static const char two[] =
        "{'script':'load.py','functions':[{'name':'browse','file':'load.py','line':5}],"
        "'decorated':[{'name':'browse','exec_fn':'browse','file':'load.py','line':4,"
        "'fields':{'duration':'1s'}},{'name':'ramp','exec_fn':'browse','file':'load.py','line':8,"
        "'fields':{'executor':'ramping-vus','stages':[{'duration':'1s','target':1}]}}]}";
    static char name[] = "K", not_utf8[] = "\xff", empty[] = "";
    static const struct rp_pair bad_pair = { name, not_utf8 }, no_name = { empty, name };
    static struct rp_override unknown[] = { { "brows", "--scenario" } };
    static struct rp_override far[] = { { "zzzzzzzz", "--scenario" } };
    static const struct {
        struct rp_overrides overrides;
        struct expected expected;
    } table[] = {
        { { .vus = { "0", "--vus" } },
          { NULL, NULL, "--vus must be a whole number from 1 to 10000000, not 0" } },
        { { .vus = { "1x", "RAMPA_VUS" } },
          { NULL, NULL, "RAMPA_VUS must be a whole number from 1 to 10000000, not '1x'" } },
        { { .vus = { "99999999999999999999", "--vus" } },
          { NULL, NULL,
            "--vus must be a whole number from 1 to 10000000, not '99999999999999999999'" } },
        { { .duration = { "30", "--duration" } },
          { NULL, NULL, "--duration: '30' is not a duration: it has no unit",
            "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h "
            "m s ms us ns)" } },
        { { .iterations = { "", "--iterations" } },
          { NULL, NULL, "--iterations must be a whole number from 1 to 100000000000, not ''" } },
        { { .scenario_names = unknown, .scenario_name_count = 1 },
          { NULL, NULL, "--scenario: load.py has no scenario 'brows'", "did you mean 'browse'?" } },
        { { .scenario_names = far, .scenario_name_count = 1 },
          { NULL, NULL, "--scenario: load.py has no scenario 'zzzzzzzz'",
            "the first of its 2 is 'browse'; see: rampa inspect load.py" } },
        { { .max_vus = { "0", "RAMPA_MAX_VUS" } },
          { NULL, NULL, "RAMPA_MAX_VUS must be a whole number from 1 to 10000000, not 0" } },
        { { .seed = { "x", "RAMPA_SEED" }, .iterations = { "5", "--iterations" } },
          { NULL, NULL, "RAMPA_SEED must be a whole number from 0 to 9007199254740991, not 'x'" } },
        { { .iterations = { "5", "--iterations" }, .env = &bad_pair, .env_count = 1 },
          { NULL, NULL, "--env: name and value must be UTF-8" } },
        { { .iterations = { "5", "--iterations" }, .tags = &no_name, .tag_count = 1 },
          { NULL, NULL, "--tag: a name must not be empty or contain '='" } },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_error(&table[i].expected, two, &table[i].overrides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_make_the_documented_load),
        cmocka_unit_test(options_go_over_shortcuts),
        cmocka_unit_test(options_that_do_not_fit_are_errors),
        cmocka_unit_test(wrong_options_are_errors),
        cmocka_unit_test(wrong_overrides_are_named),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests_name("plan/overrides", tests, NULL, NULL);
}
