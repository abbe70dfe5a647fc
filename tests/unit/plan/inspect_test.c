/* SPDX-License-Identifier: MIT */
/* What `rampa inspect` prints, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"
#include "testing.h"

/* No plan has them yet, but the writers are the same for all. */
static void fields_of_executors_to_come_are_written(void **state)
{
    static char name[] = "s", function[] = "f", script[] = "x";
    struct rp_stage stages[] = { { 30 * RP_S, 10 }, { 0, 0 } };
    struct rp_scenario scenario = { .name = name,
                                    .exec_fn = function,
                                    .executor = RP_RAMPING_ARRIVAL_RATE,
                                    .stages = stages,
                                    .stage_count = 2,
                                    .rate = 0.5,
                                    .time_unit = RP_S };
    struct rp_plan plan = { .script = script, .scenarios = &scenario, .scenario_count = 1 };
    char *text = plan_text(&plan), *json = plan_json(&plan), *expected;

    assert_non_null(strstr(text, "  stages               30s -> 10, 0s -> 0\n"));
    assert_non_null(strstr(text, "  rate                 0.5\n"));
    expected = quoted(
        "'stages': [\n        {\n          'duration': '30s',\n          'target': 10\n"
        "        },\n        {\n          'duration': '0s',\n          'target': 0\n");
    assert_non_null(strstr(json, expected));
    assert_non_null(strstr(json, "\"rate\": 0.5,"));
    free(expected);
    rp_free(text);
    rp_free(json);
}

static const char golden_declaration[] =
    "{'script':'load.py','functions':[{'name':'browse'}],"
    "'decorated':[{'name':'browse','exec_fn':'browse','file':'load.py','line':11,'fields':{"
    "'vus':10,'duration':'30s','tags':{'team':'shop','x':'y z'}}},"
    "{'name':'buy','exec_fn':'browse','fields':{'executor':'shared-iterations','iterations':50,"
    "'start_time':1.5}}],"
    "'config':{'file':'load.py','line':3,'thresholds':{'http_req_duration{status:200}':["
    "' p(95)<500',{'threshold':'avg<100','abort_on_fail':true,'delay_abort_eval':'10s'}],"
    "'cart_size':['max<1e3']}},"
    "'metrics':[{'name':'cart_size','type':'trend'}],'has_setup':true}";

static const char golden_text[] = //
    "script                 load.py\n"
    "scenarios              2, at most 11 VUs at once, over after at most 10m31.5s\n"
    "setup                  yes\n"
    "teardown               no\n"
    "\n"
    "scenario browse (load.py:11)\n"
    "  executor             constant-vus\n"
    "  exec_fn              browse\n"
    "  vus                  10\n"
    "  duration             30s\n"
    "  start_time           0s\n"
    "  graceful_stop        30s\n"
    "  tags                 team=shop, x=y z\n"
    "  env                  -\n"
    "\n"
    "scenario buy\n"
    "  executor             shared-iterations\n"
    "  exec_fn              browse\n"
    "  vus                  1\n"
    "  iterations           50\n"
    "  max_duration         10m\n"
    "  start_time           1.5s\n"
    "  graceful_stop        30s\n"
    "  tags                 -\n"
    "  env                  -\n"
    "\n"
    "thresholds\n"
    "  http_req_duration{status:200} p(95)<500\n"
    "  http_req_duration{status:200} avg<100    aborts the run, not before 10s\n"
    "  cart_size                     max<1e3\n"
    "\n"
    "metrics of the script\n"
    "  cart_size            trend\n"
    "\n"
    "run\n"
    "  tags                 -\n"
    "  setup_timeout        1m\n"
    "  teardown_timeout     1m\n"
    "  summary_trend_stats  avg, min, med, max, p(90), p(95), p(99)\n"
    "  env                  -\n";

static const char golden_json[] = //
    "{\n"
    "  'script': 'load.py',\n"
    "  'scenarios': {\n"
    "    'browse': {\n"
    "      'file': 'load.py',\n"
    "      'line': 11,\n"
    "      'executor': 'constant-vus',\n"
    "      'exec_fn': 'browse',\n"
    "      'vus': 10,\n"
    "      'duration': '30s',\n"
    "      'start_time': '0s',\n"
    "      'graceful_stop': '30s',\n"
    "      'tags': {\n"
    "        'team': 'shop',\n"
    "        'x': 'y z'\n"
    "      },\n"
    "      'env': {}\n"
    "    },\n"
    "    'buy': {\n"
    "      'executor': 'shared-iterations',\n"
    "      'exec_fn': 'browse',\n"
    "      'vus': 1,\n"
    "      'iterations': 50,\n"
    "      'max_duration': '10m',\n"
    "      'start_time': '1.5s',\n"
    "      'graceful_stop': '30s',\n"
    "      'tags': {},\n"
    "      'env': {}\n"
    "    }\n"
    "  },\n"
    "  'thresholds': {\n"
    "    'http_req_duration{status:200}': [\n"
    "      {\n"
    "        'threshold': 'p(95)<500',\n"
    "        'abort_on_fail': false,\n"
    "        'delay_abort_eval': '0s'\n"
    "      },\n"
    "      {\n"
    "        'threshold': 'avg<100',\n"
    "        'abort_on_fail': true,\n"
    "        'delay_abort_eval': '10s'\n"
    "      }\n"
    "    ],\n"
    "    'cart_size': [\n"
    "      {\n"
    "        'threshold': 'max<1e3',\n"
    "        'abort_on_fail': false,\n"
    "        'delay_abort_eval': '0s'\n"
    "      }\n"
    "    ]\n"
    "  },\n"
    "  'metrics': {\n"
    "    'cart_size': 'trend'\n"
    "  },\n"
    "  'env': {},\n"
    "  'has_setup': true,\n"
    "  'has_teardown': false,\n"
    "  'tags': {},\n"
    "  'setup_timeout': '1m',\n"
    "  'teardown_timeout': '1m',\n"
    "  'summary_trend_stats': [\n"
    "    'avg',\n"
    "    'min',\n"
    "    'med',\n"
    "    'max',\n"
    "    'p(90)',\n"
    "    'p(95)',\n"
    "    'p(99)'\n"
    "  ]\n"
    "}";

static void inspect_shows_everything(void **state)
{
    char *declaration = quoted(golden_declaration), *expected = quoted(golden_json), *text, *json;
    struct rp_plan *plan = NULL;

    assert_int_equal(rp_plan_resolve(declaration, NULL, &plan, NULL), 0);
    text = plan_text(plan);
    json = plan_json(plan);
    assert_string_equal(text, golden_text);
    assert_string_equal(json, expected);
    rp_free(text);
    rp_free(json);
    free(expected);
    free(declaration);
    rp_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_executors_to_come_are_written),
        cmocka_unit_test(inspect_shows_everything),
    };

    return cmocka_run_group_tests_name("plan/inspect", tests, NULL, NULL);
}
