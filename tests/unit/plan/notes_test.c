/* SPDX-License-Identifier: MIT */

/* What a plan says besides its values: warnings of what does nothing, and all mistakes at once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "plan/plan.h"
#include "testing.h"

static struct rp_plan *resolve(const char *declaration, const struct rp_overrides *overrides)
{
    char *json = quoted(declaration);
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    if (rp_plan_resolve(json, overrides, &plan, &err) < 0)
        fail_msg("%s: %s", declaration, err.message);
    assert_null(err.next);
    free(json);
    return plan;
}

/* A plan's warnings, one a line. Free with rp_free(). */
static char *warnings_of(const struct rp_plan *plan)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < plan->warning_count; i++)
        rp_buf_appendf(&out, "%s\n", plan->warnings[i]);
    rp_buf_append(&out, "", 1);
    return rp_buf_take(&out);
}

static void check_warnings(const struct rp_plan *plan, const char *expected)
{
    char *warnings = warnings_of(plan);

    assert_string_equal(warnings, expected);
    rp_free(warnings);
}

/* The plan of one scenario with these fields. */
static struct rp_plan *with_fields(const char *fields)
{
    char declaration[1024];

    snprintf(declaration, sizeof(declaration),
             "{'script':'load.py','decorated':[{'name':'a','file':'load.py','line':4,"
             "'fields':{%s}}]}",
             fields);
    return resolve(declaration, NULL);
}

#define A "load.py:4: scenario 'a': "

static void a_field_of_another_executor_does_nothing_and_is_named(void **state)
{
    static const char *const table[][2] = {
        { "'duration':'1s','rate':5", A
          "'rate' does nothing: executor 'constant-vus' has no such field (constant-arrival-rate, "
          "ramping-arrival-rate)\n" },
        { "'executor':'constant-arrival-rate','rate':5,'duration':'1s','vus':7",
          A "'vus' does nothing: executor 'constant-arrival-rate' has no such field; its VUs come "
            "from 'pre_allocated_vus' (constant-vus, shared-iterations, per-vu-iterations)\n" },
        { "'executor':'ramping-vus','stages':[['1s',1]],'duration':'1m'",
          A "'duration' does nothing: executor 'ramping-vus' has no such field; its time is that "
            "of its 'stages' (constant-vus, constant-arrival-rate)\n" },
        { "'duration':'1s','max_duration':'1m'",
          A "'max_duration' does nothing: executor 'constant-vus' has no such field; its time is "
            "its 'duration' (shared-iterations, per-vu-iterations)\n" },
        /* both words for the same */
        { "'executor':'shared-iterations','duration':'1s','max_duration':'2s'", A
          "'duration' does nothing: executor 'shared-iterations' has no such field (constant-vus, "
          "constant-arrival-rate)\n" },
        /* what it would be anyway */
        { "'duration':'1s','iterations':1,'arrival':'uniform','time_unit':'1s','start_vus':1,"
          "'max_duration':'10m','graceful_ramp_down':30,'rate':0",
          "" },
        { "'duration':'1s','rate':null,'stages':null", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_plan *plan = with_fields(table[i][0]);

        check_warnings(plan, table[i][1]);
        rp_plan_free(plan);
    }
}

static void two_words_for_the_same_field_are_taken(void **state)
{
    struct rp_plan *plan = with_fields("'executor':'ramping-vus','vus':2,'stages':[['1s',4]]");

    assert_int_equal(plan->scenarios->start_vus, 2);
    assert_int_equal(plan->warning_count, 0);
    rp_plan_free(plan);
    plan = with_fields("'executor':'per-vu-iterations','iterations':2,'duration':'7s'");
    assert_int_equal(plan->scenarios->max_duration, 7 * RP_S);
    assert_int_equal(plan->warning_count, 0);
    rp_plan_free(plan);
}

static void numbers_may_be_text(void **state)
{
    struct rp_plan *plan = with_fields("'executor':'shared-iterations','vus':'3','iterations':'9'");

    assert_int_equal(plan->scenarios->vus, 3);
    assert_int_equal(plan->scenarios->iterations, 9);
    rp_plan_free(plan);
    plan = with_fields("'executor':'constant-arrival-rate','rate':'2.5','duration':'1s'");
    assert_true(plan->scenarios->rate == 2.5);
    rp_plan_free(plan);
}

#define RATE "'executor':'constant-arrival-rate','rate':5,'duration':'1s'"

static void arrivals_find_vus_when_nobody_names_them(void **state)
{
    static const struct {
        const char *fields;
        int64_t before, most;
        const char *warnings;
    } table[] = {
        { RATE, 10, 10, "" },
        { RATE ",'max_vus':7", 7, 7, "" },
        { RATE ",'pre_allocated_vus':3", 3, 3, "" },
        { RATE ",'pre_allocated_vus':3,'max_vus':9", 3, 9, "" },
        { RATE ",'pre_allocated_vus':9,'max_vus':3", 3, 3,
          A "max_vus (3) is less than pre_allocated_vus (9): 3 VUs are made before the start\n" },
        { "'vus':4,'duration':'1s','max_vus':5", 0, 5, "" },
        { "'vus':4,'duration':'1s','max_vus':3", 0, 4,
          A "max_vus (3) is less than the 4 VUs that the scenario asks for, and does nothing\n" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_plan *plan = with_fields(table[i].fields);

        assert_int_equal(plan->scenarios->pre_allocated_vus, table[i].before);
        assert_int_equal(plan->scenarios->max_vus, table[i].most);
        check_warnings(plan, table[i].warnings);
        rp_plan_free(plan);
    }
}

static void fewer_iterations_than_vus_use_fewer_vus(void **state)
{
    struct rp_plan *plan = with_fields("'executor':'shared-iterations','vus':10,'iterations':4");

    assert_int_equal(plan->scenarios->vus, 4);
    check_warnings(plan,
                   A "6 of its 10 VUs are left out, because there are no iterations for them: "
                     "iterations is 4\n");
    rp_plan_free(plan);
}

static const char two[] =
    "{'script':'load.py','decorated':[{'name':'a','file':'load.py','line':4,'fields':"
    "{'duration':'1s'}},{'name':'ramp','file':'load.py','line':8,'fields':"
    "{'executor':'ramping-vus','stages':[['1s',1]]}}],"
    "'config':{'file':'load.py','line':2,'thresholds':{'iterations{scenario:a}':['count>1'],"
    "'iterations{scenario:ramp}':['count>2','count>3'],'iterations{scenario:other}':['count>4'],"
    "'iterations':['count>5']}}}";

static void an_option_applies_where_it_fits(void **state)
{
    const struct rp_overrides overrides = { .vus = { "5", "--vus" },
                                            .duration = { "3s", "RAMPA_DURATION" } };
    struct rp_plan *plan = resolve(two, &overrides);

    assert_int_equal(plan->scenarios[0].vus, 5);
    assert_int_equal(plan->scenarios[0].duration, 3 * RP_S);
    assert_int_equal(plan->scenarios[1].start_vus, 1);
    check_warnings(plan, "load.py:8: scenario 'ramp': RAMPA_DURATION cannot be applied: executor "
                         "'ramping-vus' has no duration\n"
                         "load.py:8: scenario 'ramp': --vus cannot be applied: executor "
                         "'ramping-vus' has no fixed number of VUs\n");
    rp_plan_free(plan);
}

static void an_option_that_fits_nowhere_is_one_error(void **state)
{
    static const char iterating[] =
        "{'script':'load.py','decorated':[{'name':'a','file':'load.py','line':4,'fields':"
        "{'executor':'per-vu-iterations'}},{'name':'b','file':'load.py','line':8,'fields':"
        "{'executor':'shared-iterations','iterations':3}}]}";
    static const struct expected expected = {
        NULL, "load.py:4",
        "scenario 'a': --max-vus cannot be applied: executor 'per-vu-iterations' has no max_vus",
        "give --vus instead, or leave the scenario out with --scenario"
    };
    const struct rp_overrides overrides = { .max_vus = { "5", "--max-vus" } };

    check_error(&expected, iterating, &overrides);
}

static void thresholds_of_scenarios_that_are_left_out_are_skipped(void **state)
{
    struct rp_override name = { "a", "--scenario" };
    const struct rp_overrides overrides = { .scenario_names = &name, .scenario_name_count = 1 };
    struct rp_plan *plan = resolve(two, NULL);

    assert_int_equal(plan->threshold_count, 5);
    rp_plan_free(plan);
    plan = resolve(two, &overrides);
    assert_int_equal(plan->threshold_count, 3);
    assert_string_equal(plan->thresholds[0].source, "count>1");
    assert_string_equal(plan->thresholds[1].source, "count>4");
    assert_string_equal(plan->thresholds[2].source, "count>5");
    check_warnings(plan,
                   "load.py:2: threshold 'count>2' on 'iterations{scenario:ramp}' is skipped, "
                   "because scenario 'ramp' does not run\n"
                   "load.py:2: threshold 'count>3' on 'iterations{scenario:ramp}' is skipped, "
                   "because scenario 'ramp' does not run\n");
    rp_plan_free(plan);
}

static void shortcuts_do_nothing_in_decorated_scenarios_with_fields(void **state)
{
    struct rp_plan *plan = resolve(
        "{'script':'load.py','decorated':[{'name':'a','file':'load.py','line':4,'fields':"
        "{'duration':'1s'}},{'name':'b','file':'load.py','line':8}],"
        "'config':{'file':'load.py','line':2,'options':{'vus':3,'iterations':6},"
        "'places':{'options':['load.py',3]}}}",
        NULL);

    assert_int_equal(plan->scenarios[0].vus, 1);
    assert_int_equal(plan->scenarios[1].vus, 3);
    check_warnings(plan, "load.py:3: options: 'vus' does nothing in scenario 'a', which has fields "
                         "of its own\n");
    rp_plan_free(plan);
}

static void notes_of_the_script_host_are_passed_on(void **state)
{
    struct rp_plan *plan = resolve(
        "{'script':'load.py','decorated':[{'name':'a'}],'warnings':[{'text':'first'},"
        "{'text':'100% second','file':'load.py','line':7}]}",
        NULL);

    check_warnings(plan, "first\nload.py:7: 100% second\n");
    rp_plan_free(plan);
}

/* Every mistake of an error, "place: message (hint)" a line. Free with rp_free(). */
static char *mistakes_of(const struct rp_error *err)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    for (; err; err = err->next) {
        if (err->file)
            rp_buf_appendf(&out, "%s:%d: ", err->file, err->line);
        rp_buf_appendf(&out, "%s", err->message);
        rp_buf_appendf(&out, err->hint ? " (%s)\n" : "\n", err->hint);
    }
    rp_buf_append(&out, "", 1);
    return rp_buf_take(&out);
}

static const char many[] =
    "{'script':'load.py','functions':[{'name':'browse'}],'mistakes':[{'text':'a mistake',"
    "'hint':'mend it','file':'load.py','line':1}],"
    "'decorated':[{'name':'d','file':'load.py','line':20,'fields':{'executor':'constant-vu',"
    "'startVUs':1,'vus':0}}],"
    "'config':{'file':'load.py','line':3,'scenarios':{"
    "'a':{'executor':'ramping-vus','startVUs':1,'exec':'browse','stages':[['1s',-1],['x',2]],"
    "'gracefulRampDown':'1s'},"
    "'b':{'executor':'constant-arrival-rate','duration':'x','exec_fn':'brows'}},"
    "'options':{'setupTimeout':'1s','seed':-1},"
    "'thresholds':{'http_reqs':['count>1','rat<1',{'threshold':'count>1','abortOnFail':true}],"
    "'http_req':['count>1'],'checks':[]},"
    "'metrics':{'own':'histogram'},"
    "'places':{'scenarios':{'a':['load.py',5],'b':['other.py',9]},"
    "'thresholds':{'http_req':['load.py',12]},'options':['load.py',15]}}}";

static const char many_mistakes[] =
    "--vus must be a whole number from 1 to 10000000, not 0\n"
    "load.py:1: a mistake (mend it)\n"
    "load.py:15: options: unknown field 'setupTimeout' (did you mean 'setup_timeout'?)\n"
    "load.py:15: options: seed must be a whole number from 0 to 9007199254740991, not -1\n"
    "load.py:3: metric 'own': the type must be counter, gauge, rate or trend, not 'histogram'\n"
    "load.py:20: scenario 'd': unknown executor 'constant-vu' (did you mean 'constant-vus'?)\n"
    "load.py:20: scenario 'd': unknown field 'startVUs' (did you mean 'start_vus'?)\n"
    "load.py:20: scenario 'd': vus must be a whole number from 1 to 10000000, not 0\n"
    "load.py:5: scenario 'a': unknown field 'startVUs' (did you mean 'start_vus'?)\n"
    "load.py:5: scenario 'a': unknown field 'exec' (did you mean 'exec_fn'?)\n"
    "load.py:5: scenario 'a': stages[0].target must be a whole number from 0 to 1000000000, not "
    "-1\n"
    "load.py:5: scenario 'a': unknown field 'gracefulRampDown' (did you mean "
    "'graceful_ramp_down'?)\n"
    "other.py:9: scenario 'b': duration: 'x' is not a duration: a number is missing (a "
    "duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h m s ms us "
    "ns))\n"
    "other.py:9: scenario 'b': exec_fn: load.py has no function 'brows' (did you mean 'browse'?)\n"
    "other.py:9: scenario 'b': executor 'constant-arrival-rate' needs 'rate', a number from 0 to "
    "1000000000 with at most 9 decimals\n"
    "load.py:3: threshold 'rat<1' on 'http_reqs', column 1: expected an aggregation (avg, min, "
    "max, "
    "med, p(N), count, rate, value), not 'rat' (did you mean 'rate'?)\n"
    "load.py:3: thresholds of 'http_reqs': unknown field 'abortOnFail' (did you mean "
    "'abort_on_fail'?)\n"
    "load.py:12: thresholds of 'http_req': unknown metric (did you mean 'http_reqs'? A metric of "
    "the script's own can be declared: Config(metrics={\"http_req\": \"trend\"}))\n"
    "load.py:3: thresholds of 'checks': expected a list of at least one threshold, not an empty "
    "list (write \"checks\": [\"p(95)<500\"])\n";

static void all_mistakes_are_told_at_once(void **state)
{
    const struct rp_overrides overrides = { .vus = { "0", "--vus" } };
    char *json = quoted(many), *mistakes;
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    assert_int_equal(rp_plan_resolve(json, &overrides, &plan, &err), -RP_EUSER);
    mistakes = mistakes_of(&err);
    assert_string_equal(mistakes, many_mistakes);
    rp_free(mistakes);
    rp_error_deinit(&err);
    assert_null(err.next);
    free(json);
}

static void a_hundred_mistakes_are_enough(void **state)
{
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;
    size_t count = 0;
    struct rp_buf json;
    const struct rp_error *last = &err;

    rp_buf_init(&json, 1 << 20);
    rp_buf_append_str(&json, "{\"script\":\"s\",\"decorated\":[{\"name\":\"a\",\"fields\":{");
    for (int i = 0; i < 300; i++)
        rp_buf_appendf(&json, "%s\"z%d\":1", i ? "," : "", i);
    rp_buf_append_str(&json, "}}]}");
    rp_buf_append(&json, "", 1);
    assert_int_equal(rp_plan_resolve(json.data, NULL, &plan, &err), -RP_EUSER);
    for (const struct rp_error *one = &err; one; one = one->next, count++)
        last = one;
    assert_int_equal(count, RP_ERRORS_MAX);
    assert_string_equal(last->message, "there are more mistakes, which are not shown");
    rp_error_deinit(&err);
    rp_buf_deinit(&json);
}

static void every_failing_allocation_is_reported(void **state)
{
    static const char *const declarations[] = { two, many };
    struct rp_override name = { "a", "--scenario" };
    const struct rp_overrides overrides = { .scenario_names = &name, .scenario_name_count = 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(declarations); i++) {
        char *json = quoted(declarations[i]);
        int r = -ENOMEM, n = 1;

        for (; r == -ENOMEM; n++) {
            struct rp_error err = { 0 };
            struct rp_plan *plan = NULL;

            rp_alloc_fail_at((uint64_t)n);
            r = rp_plan_resolve(json, &overrides, &plan, &err);
            rp_alloc_fail_at(0);
            assert_null(r == -ENOMEM ? err.next : NULL);
            rp_plan_free(plan);
            rp_error_deinit(&err);
        }
        assert_int_equal(r, i == 0 ? 0 : -RP_EUSER);
        assert_in_range(n, 5, 1000);
        free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_another_executor_does_nothing_and_is_named),
        cmocka_unit_test(two_words_for_the_same_field_are_taken),
        cmocka_unit_test(numbers_may_be_text),
        cmocka_unit_test(arrivals_find_vus_when_nobody_names_them),
        cmocka_unit_test(fewer_iterations_than_vus_use_fewer_vus),
        cmocka_unit_test(an_option_applies_where_it_fits),
        cmocka_unit_test(an_option_that_fits_nowhere_is_one_error),
        cmocka_unit_test(thresholds_of_scenarios_that_are_left_out_are_skipped),
        cmocka_unit_test(shortcuts_do_nothing_in_decorated_scenarios_with_fields),
        cmocka_unit_test(notes_of_the_script_host_are_passed_on),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(a_hundred_mistakes_are_enough),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests_name("plan/notes", tests, NULL, NULL);
}
