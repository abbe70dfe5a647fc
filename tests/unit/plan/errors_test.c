/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "plan/plan.h"
#include "testing.h"

static void wrong_fields_are_named(void **state)
{
    static const struct expected table[] = {
        { "'vus':0,'duration':'1s'", AT, S "vus must be a whole number from 1 to 10000000, not 0" },
        { "'vus':-3,'duration':'1s'", AT,
          S "vus must be a whole number from 1 to 10000000, not -3" },
        { "'vus':2.5", AT, S "vus must be a whole number from 1 to 10000000, not 2.5" },
        { "'vus':'1e1'", AT, S "vus must be a whole number from 1 to 10000000, not '1e1'" },
        { "'vus':'0'", AT, S "vus must be a whole number from 1 to 10000000, not '0'" },
        { "'vus':[1,2]", AT, S "vus must be a whole number from 1 to 10000000, not a list" },
        { "'vus':true", AT, S "vus must be a whole number from 1 to 10000000, not True" },
        { "'vus':{}", AT, S "vus must be a whole number from 1 to 10000000, not an empty dict" },
        { "'vus':10000001", AT, S "vus must be a whole number from 1 to 10000000, not 10000001" },
        { "'vus':1000000000000000000000000000000", AT,
          S "vus must be a whole number from 1 to 10000000, not 1e+30" },
        { "'vus':10", AT,
          S "executor 'constant-vus' needs 'duration', a duration of more than 0s, up to 3650d",
          "add duration=\"30s\" to the scenario, or give --duration" },
        { "'vsu':10", AT, S "unknown field 'vsu'", "did you mean 'vus'?" },
        { "'gracefulStop':'1s'", AT, S "unknown field 'gracefulStop'",
          "did you mean 'graceful_stop'?" },
        { "'startVUs':1", AT, S "unknown field 'startVUs'", "did you mean 'start_vus'?" },
        { "'gracefulRampDown':'1s'", AT, S "unknown field 'gracefulRampDown'",
          "did you mean 'graceful_ramp_down'?" },
        { "'preAllocatedVUs':1", AT, S "unknown field 'preAllocatedVUs'",
          "did you mean 'pre_allocated_vus'?" },
        { "'maxVUs':1", AT, S "unknown field 'maxVUs'", "did you mean 'max_vus'?" },
        { "'timeUnit':'1s'", AT, S "unknown field 'timeUnit'", "did you mean 'time_unit'?" },
        { "'users':5", AT, S "unknown field 'users'", "did you mean 'vus'?" },
        { "'spawn_rate':5", AT, S "unknown field 'spawn_rate'",
          "write executor=\"ramping-vus\", stages=[(\"30s\", 100)]" },
        { "'wait_time':5", AT, S "unknown field 'wait_time'",
          "write await worker.sleep(SECONDS) in the function" },
        { "'thresholds':{}", AT, S "unknown field 'thresholds'",
          "it belongs to rampa.Config: thresholds={...}" },
        { "'exec':'browse'", AT, S "unknown field 'exec'", "did you mean 'exec_fn'?" },
        { "'startRate':1", AT, S "unknown field 'startRate'", "did you mean 'rate'?" },
        { "'zzzzzz':null", AT, S "unknown field 'zzzzzz'" },
        { "'executor':'constant-vu'", AT, S "unknown executor 'constant-vu'",
          "did you mean 'constant-vus'?" },
        { "'executor':'zzz'", AT, S "unknown executor 'zzz'",
          "executors: constant-vus, ramping-vus, shared-iterations, per-vu-iterations, "
          "constant-arrival-rate, ramping-arrival-rate" },
        { "'executor':7", AT, S "executor must be the name of an executor, not 7" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_fields_error(&table[i]);
}

static void wrong_values_of_fields_are_named(void **state)
{
    static const struct expected table[] = {
        { "'duration':'30'", AT, S "duration: '30' is not a duration: it has no unit",
          "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h m "
          "s ms us ns)" },
        { "'duration':'-1s'", AT, S "duration: '-1s' is not a duration: it is negative",
          "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h m "
          "s ms us ns)" },
        { "'duration':0", AT, S "duration must be a duration of more than 0s, up to 3650d, not 0" },
        { "'duration':-0.5", AT,
          S "duration must be a duration of more than 0s, up to 3650d, not -0.5" },
        { "'duration':'3651d'", AT,
          S "duration must be a duration of more than 0s, up to 3650d, not '3651d'" },
        { "'duration':1e300", AT,
          S "duration must be a duration of more than 0s, up to 3650d, not 1e+300" },
        { "'duration':9223372036854775807", AT,
          S "duration must be a duration of more than 0s, up to 3650d, not 9223372036854775807" },
        { "'duration':['30s']", AT,
          S "duration must be a duration of more than 0s, up to 3650d, not a list",
          "write \"30s\", \"1m30s\" or a number of seconds" },
        { "'duration':'1s','exec_fn':'brwse'", AT, S "exec_fn: load.py has no function 'brwse'",
          "did you mean 'browse'?" },
        { "'duration':'1s','exec_fn':'zzz'", AT, S "exec_fn: load.py has no function 'zzz'",
          "name one of its functions, such as exec_fn=\"browse\"" },
        { "'duration':'1s','exec_fn':''", AT, S "exec_fn must be text that is not empty, not ''" },
        { "'duration':'1s','tags':['a']", AT, S "tags must be a dict of text to text, not a list" },
        { "'duration':'1s','tags':{'a':1}", AT, S "tags: the value of 'a' must be text, not 1" },
        { "'duration':'1s','env':{'':'x'}", AT,
          S "env: a name must not be empty or contain '=', like ''" },
        { "'duration':'1s','graceful_stop':'-1s'", AT,
          S "graceful_stop: '-1s' is not a duration: it is negative",
          "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h m "
          "s ms us ns)" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_fields_error(&table[i]);
}

#define F "'script':'load.py','functions':[{'name':'browse','file':'load.py','line':5}],"
#define D "'decorated':[{'name':'browse','file':'load.py','line':4}],"
#define C "'config':{'file':'load.py','line':3,"

static void wrong_declarations_are_named(void **state)
{
    static const struct expected table[] = {
        { "{'script':'load.py'}", NULL, "load.py declares no scenario",
          "decorate an async function with @rampa.scenario(...)" },
        { "{" F "'config':{}}", NULL, "load.py declares no scenario",
          "decorate an async function with @rampa.scenario(...)" },
        { "{" F "'decorated':[{'name':'a{b','file':'load.py','line':4}]}", "load.py:4",
          "scenario: the name must be " RP_NAME_RULE ", unlike 'a{b'" },
        { "{" F "'decorated':[{'name':'','file':'load.py','line':4}]}", "load.py:4",
          "scenario: the name must be " RP_NAME_RULE ", unlike ''" },
        { "{" F "'decorated':[{'name':'x','exec_fn':'f','file':'load.py','line':4},"
          "{'name':'x','exec_fn':'g','file':'load.py','line':9}]}",
          "load.py:9", "scenario 'x': the name is taken by the function 'f' above",
          "give one of them a name: @rampa.scenario(name=\"...\")" },
        { "{" F C "'scenarios':{'shop':{'duration':'1s'}}}}", "load.py:3",
          "scenario 'shop': exec_fn is missing, and load.py has no function 'shop'",
          "name one of its functions, such as exec_fn=\"browse\"" },
        { "{" F C "'scenarios':{'shop':5}}}", "load.py:3",
          "scenario 'shop': expected a dict of fields, not 5" },
        { "{" F D C "'scenarios':{'browse':5}}}", "load.py:3",
          "scenario 'browse': expected a dict of fields, not 5" },
        { "{" F C "'scenarios':[]}}", "load.py:3",
          "config: scenarios must be a dict, not an empty list" },
        { "{" F D C "'threshold':{}}}", "load.py:3", "config: unknown field 'threshold'",
          "did you mean 'thresholds'?" },
        { "{" F D C "'options':{'vus':0}}}", "load.py:3",
          "options: vus must be a whole number from 1 to 10000000, not 0" },
        { "{" F D C "'options':{'setupTimeout':'1s'}}}", "load.py:3",
          "options: unknown field 'setupTimeout'", "did you mean 'setup_timeout'?" },
        { "{" F D C "'options':{'stages':[{'duration':'1s','target':1}],'duration':'1s'}}}",
          "load.py:3", "options: stages cannot stand beside duration" },
        { "{" F D C "'options':{'stages':[['1s',1]],'iterations':5}}}", "load.py:3",
          "options: stages cannot stand beside iterations" },
        { "{" F D C "'options':{'seed':-1}}}", "load.py:3",
          "options: seed must be a whole number from 0 to 9007199254740991, not -1" },
        { "{" F D C "'vus':5}}", "load.py:3", "config: unknown field 'vus'",
          "write options=rampa.Options(vus=...)" },
        { "{" F D C "'options':{'thresholds':{}}}}", "load.py:3",
          "options: unknown field 'thresholds'", "it belongs to rampa.Config, beside options" },
        { "{" F D C "'options':{'duration':'1s'},"
          "'scenarios':{'s':{'vus':1,'duration':'1s','exec_fn':'browse'}}}}",
          "load.py:3",
          "options: 'duration' cannot stand beside scenario 's', which has fields of its own",
          "give 'duration' to the scenarios that need it" },
        { "{" F D C "'options':{'summary_trend_stats':['avg','rate']}}}", "load.py:3",
          "options: summary_trend_stats[1] must be one of avg, min, med, max, p(N), count, not "
          "'rate'" },
        { "{" F D C "'metrics':{'a}b':'trend'}}}", "load.py:3",
          "metric: the name must be " RP_NAME_RULE ", not 'a}b'" },
        { "{" F D C "'metrics':{'own':'histogram'}}}", "load.py:3",
          "metric 'own': the type must be counter, gauge, rate or trend, not 'histogram'" },
        { "{" F D C "'metrics':{'own':5}}}", "load.py:3",
          "config: metrics: the type of 'own' must be counter, gauge, rate or trend, not 5" },
        { "{" F D C "'metrics':{'http_reqs':'trend'}}}", "load.py:3",
          "metric 'http_reqs': it is a counter of rampa's own and cannot be a trend too",
          "use another name for one of them" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_error(&table[i], table[i].declaration, NULL);
}

/* What only a script host could do wrong. */
static void declarations_of_another_shape_are_refused(void **state)
{
    static const struct expected table[] = {
        { "{}", NULL, "declaration: script is missing" },
        { "[]", NULL, "the declaration is not a JSON object" },
        { "{'script':'x'", NULL,
          "the declaration is not valid JSON: line 1, column 13: '}' expected near end of file" },
        { "{'script':'x','script':'y'}", NULL,
          "the declaration is not valid JSON: line 1, column 22: duplicate object key near "
          "'\"script\"'" },
        { "{" F D "'metricz':[]}", NULL, "declaration: unknown field 'metricz'",
          "did you mean 'metrics'?" },
        { "{" F "'decorated':{}}", NULL,
          "declaration: decorated must be a list, not an empty dict" },
        { "{" F "'decorated':[5]}", NULL, "declaration 'decorated': expected a dict, not 5" },
        { "{" F "'decorated':[{}]}", NULL, "declaration 'decorated': name is missing" },
        { "{" F "'decorated':[{'name':'f','exec_fn':''}]}", NULL,
          "declaration 'decorated': exec_fn is empty" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_error(&table[i], table[i].declaration, NULL);
}

static void wrong_thresholds_are_named(void **state)
{
    static const char around[] = "{" F D C "'thresholds':{%s}}}";
    static const struct expected table[] = {
        { "'http_req_duration':[]", "load.py:3",
          "thresholds of 'http_req_duration': expected a list of at least one threshold, not an "
          "empty list",
          "write \"http_req_duration\": [\"p(95)<500\"]" },
        { "'http_req_duration':'p(95)<500'", "load.py:3",
          "thresholds of 'http_req_duration': expected a list of at least one threshold, not "
          "'p(95)<500'",
          "write \"http_req_duration\": [\"p(95)<500\"]" },
        { "'http_req_duratoin':['p(95)<500']", "load.py:3",
          "thresholds of 'http_req_duratoin': unknown metric",
          "did you mean 'http_req_duration'? A metric of the script's own can be declared: "
          "Config(metrics={\"http_req_duratoin\": \"trend\"})" },
        { "'zzzzzzzz{a:b}':['p(95)<500']", "load.py:3",
          "thresholds of 'zzzzzzzz{a:b}': unknown metric",
          "a metric of the script's own can be declared: Config(metrics={\"zzzzzzzz\": "
          "\"trend\"})" },
        { "'http_req_duration':['avg<5','p95<500']", "load.py:3",
          "threshold 'p95<500' on 'http_req_duration', column 1: expected an aggregation (avg, "
          "min, max, med, p(N), count, rate, value), not 'p95'",
          "did you mean 'p(95)'?" },
        { "'http_req_duration':['rate<5']", "load.py:3",
          "threshold 'rate<5' on 'http_req_duration': a trend has no 'rate'",
          "a trend has: avg, min, max, med, p(N), count" },
        { "'http_req_duration{':['avg<5']", "load.py:3",
          "threshold on 'http_req_duration{', column 19: expected a tag's name",
          "a metric with a filter is written metric{tag:value,tag2:\"value, 2\"}" },
        { "'http_req_duration':[5]", "load.py:3",
          "thresholds of 'http_req_duration': expected text such as 'p(95)<500' or {threshold, "
          "abort_on_fail, delay_abort_eval}, not 5" },
        { "'http_req_duration':[{'abort_on_fail':true}]", "load.py:3",
          "thresholds of 'http_req_duration': 'threshold' must be text such as 'p(95)<500', not "
          "None" },
        { "'http_req_duration':[{'threshold':'avg<5','abortOnFail':true}]", "load.py:3",
          "thresholds of 'http_req_duration': unknown field 'abortOnFail'",
          "did you mean 'abort_on_fail'?" },
        { "'http_req_duration':[{'threshold':'avg<5','abort_on_fail':1}]", "load.py:3",
          "thresholds of 'http_req_duration': abort_on_fail must be True or False, not 1" },
        { "'http_req_duration':[{'threshold':'avg<5','delay_abort_eval':-1}]", "load.py:3",
          "thresholds of 'http_req_duration': delay_abort_eval must be a duration from 0s to "
          "3650d, not -1" },
        { "'http_reqs{a:1,b:2}':['count>1'],'http_reqs{b:2,a:1}':['count>2']", "load.py:3",
          "thresholds of 'http_reqs{b:2,a:1}': 'http_reqs{a:1,b:2}' has thresholds already: put "
          "all into one list" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        char declaration[1024];

        snprintf(declaration, sizeof(declaration), around, table[i].declaration);
        check_error(&table[i], declaration, NULL);
    }
}

static void long_and_strange_text_is_shown_short(void **state)
{
    struct rp_error err = { 0 };
    struct rp_plan *plan;
    char declaration[2048], name[1001];

    memset(name, 'x', 1000);
    name[1000] = '\0';
    snprintf(declaration, sizeof(declaration),
             "{\"script\":\"l\",\"functions\":[{\"name\":\"f\"}],\"decorated\":[{\"name\":\"f\","
             "\"fields\":{\"%s\\u001b[31m\":1}}]}",
             name);
    assert_int_equal(rp_plan_resolve(declaration, NULL, &plan, &err), -RP_EUSER);
    assert_in_range(strlen(err.message), 80, 120);
    rp_error_deinit(&err);
    assert_int_equal(rp_plan_resolve("{\"script\":\"l\",\"functions\":[{\"name\":\"f\"}],"
                                     "\"decorated\":[{\"name\":\"f\",\"fields\":{\"\\u001b[31m\":"
                                     "1}}]}",
                                     NULL, &plan, &err),
                     -RP_EUSER);
    assert_string_equal(err.message, "scenario 'f': unknown field '?[31m'");
    rp_error_deinit(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(wrong_values_of_fields_are_named),
        cmocka_unit_test(wrong_declarations_are_named),
        cmocka_unit_test(declarations_of_another_shape_are_refused),
        cmocka_unit_test(wrong_thresholds_are_named),
        cmocka_unit_test(long_and_strange_text_is_shown_short),
    };

    return cmocka_run_group_tests_name("plan/errors", tests, NULL, NULL);
}
