/* SPDX-License-Identifier: MIT */
/* What `rampa inspect` prints, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/fields.h"
#include "testing.h"

static void stages_and_rates_are_written(void **state)
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
    "  base_url             -\n"
    "  http2                -\n"
    "  insecure_skip_tls_verify no\n"
    "  tls_ca               -\n"
    "  tls_cert             -\n"
    "  tls_key              -\n"
    "  tls_min_version      -\n"
    "  tls_max_version      -\n"
    "  tls_cipher_suites    -\n"
    "  tls_cert_status      no\n"
    "  no_tls_resumption    no\n"
    "  tls_keylog           -\n"
    "  no_kernel_timestamps no\n"
    "  connect_timeout      0s\n"
    "  no_connection_reuse  no\n"
    "  no_vu_connection_reuse no\n"
    "  keep_cookies         no\n"
    "  connections_per_host 6\n"
    "  shared_connections   0\n"
    "  batch                20\n"
    "  traceparent          no\n"
    "  max_connection_requests 0\n"
    "  max_connection_age   0s\n"
    "  hosts                -\n"
    "  allow_ips            -\n"
    "  local_ips            -\n"
    "  dns                  -\n"
    "  failed_exchanges     3\n"
    "  proxy                -\n"
    "  proxy_auth           -\n"
    "  no_proxy             -\n"
    "  http_debug           -\n"
    "  execution_segment    -\n"
    "  execution_segment_sequence -\n"
    "  no_spin              no\n"
    "  series_memory        64 MiB\n"
    "  workers              1\n"
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
    "      'iterations': null,\n"
    "      'stages': null,\n"
    "      'rate': null,\n"
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
    "      'duration': null,\n"
    "      'iterations': 50,\n"
    "      'stages': null,\n"
    "      'rate': null,\n"
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
    "  'no_spin': false,\n"
    "  'once': false,\n"
    "  'series_memory': 64,\n"
    "  'workers': 1,\n"
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
    "  ],\n"
    "  'base_url': null,\n"
    "  'http2': null,\n"
    "  'insecure_skip_tls_verify': false,\n"
    "  'tls_ca': null,\n"
    "  'tls_cert': null,\n"
    "  'tls_key': null,\n"
    "  'tls_min_version': null,\n"
    "  'tls_max_version': null,\n"
    "  'tls_cipher_suites': null,\n"
    "  'tls_cert_status': false,\n"
    "  'no_tls_resumption': false,\n"
    "  'tls_keylog': null,\n"
    "  'no_kernel_timestamps': false,\n"
    "  'connect_timeout': '0s',\n"
    "  'no_connection_reuse': false,\n"
    "  'no_vu_connection_reuse': false,\n"
    "  'keep_cookies': false,\n"
    "  'connections_per_host': 6,\n"
    "  'shared_connections': 0,\n"
    "  'batch': 20,\n"
    "  'traceparent': false,\n"
    "  'max_connection_requests': 0,\n"
    "  'max_connection_age': '0s',\n"
    "  'hosts': {},\n"
    "  'allow_ips': null,\n"
    "  'local_ips': null,\n"
    "  'dns': {},\n"
    "  'failed_exchanges': 3,\n"
    "  'proxy': null,\n"
    "  'proxy_auth': null,\n"
    "  'no_proxy': null,\n"
    "  'http_debug': null,\n"
    "  'execution_segment': null,\n"
    "  'execution_segment_sequence': null\n"
    "}";

static void inspect_shows_everything(void **state)
{
    char *declaration = quoted(golden_declaration), *expected = quoted(golden_json), *text, *json;
    struct rp_plan *plan = NULL;

    assert_int_equal(rp_plan_resolve(declaration, NULL, &plan, NULL), 0);
    text = plan_text(plan);
    json = plan_inspection(plan);
    assert_string_equal(text, golden_text);
    assert_string_equal(json, expected);
    rp_free(text);
    rp_free(json);
    free(expected);
    free(declaration);
    rp_plan_free(plan);
}

/* A seed that was asked for is shown; one that was chosen by chance travels, but would make inspect differ each time. */
static void the_seed_is_shown_when_it_was_asked_for(void **state)
{
    static const struct {
        const char *of_script, *of_line, *shown;
    } table[] = {
        { "", NULL, NULL },
        { "'seed':7", NULL, "7" },
        { "", "9007199254740991", "9007199254740991" },
        { "'seed':7", "0", "0" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_overrides overrides = { .seed = { table[i].of_line, "--seed" },
                                          .no_spin = i & 1 };
        char declaration[256], row[64], member[64], *quotes, *text, *json, *inspection;
        struct rp_plan *plan = NULL, *back = NULL;

        snprintf(declaration, sizeof(declaration),
                 "{'script':'x','functions':[{'name':'default'}],'config':{'options':{%s}}}",
                 table[i].of_script);
        quotes = quoted(declaration);
        assert_int_equal(rp_plan_resolve(quotes, &overrides, &plan, NULL), 0);
        text = plan_text(plan);
        json = plan_json(plan);
        inspection = plan_inspection(plan);
        snprintf(member, sizeof(member), "\"seed\": %llu", (unsigned long long)plan->seed);
        snprintf(row, sizeof(row), "  seed                 %s\n", table[i].shown);
        assert_non_null(strstr(json, member));
        assert_int_equal(!!strstr(inspection, "\"seed\""), !!table[i].shown);
        assert_int_equal(!!strstr(text, "  seed "), !!table[i].shown);
        if (table[i].shown)
            assert_true(strstr(text, row) && strtoull(table[i].shown, NULL, 10) == plan->seed);
        assert_non_null(
            strstr(text, i & 1 ? "  no_spin              yes\n" : "  no_spin              no\n"));
        assert_int_equal(rp_plan_read_json(json, &back, NULL), 0);
        assert_true(plans_are_equal(plan, back));
        rp_free(text);
        rp_free(json);
        rp_free(inspection);
        free(quotes);
        rp_plan_free(plan);
        rp_plan_free(back);
    }
}

/* A text that nobody gave is written, and shown, as nothing. */
static void a_text_can_be_absent(void **state)
{
    static const struct rp_field field = { "note", RP_FT_TEXT };
    char *text = NULL;
    json_t *json = rp_field_to_json(&field, &text);
    struct rp_buf out;

    assert_true(json_is_null(json));
    rp_buf_init(&out, 100);
    rp_field_to_text(&field, &text, &out);
    assert_string_equal(rp_buf_str(&out), "-");
    rp_buf_deinit(&out);
    json_decref(json);
}

static void seeds_by_chance_differ(void **state)
{
    static const char declaration[] = "{\"script\":\"x\",\"functions\":[{\"name\":\"default\"}]}";
    struct rp_plan *one, *two;

    assert_int_equal(rp_plan_resolve(declaration, NULL, &one, NULL), 0);
    assert_int_equal(rp_plan_resolve(declaration, NULL, &two, NULL), 0);
    assert_true(one->seed != two->seed); /* the same once in 2^53 times */
    assert_true(one->seed < 1ull << 53 && two->seed < 1ull << 53);
    rp_plan_free(one);
    rp_plan_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_and_rates_are_written),
        cmocka_unit_test(inspect_shows_everything),
        cmocka_unit_test(the_seed_is_shown_when_it_was_asked_for),
        cmocka_unit_test(a_text_can_be_absent),
        cmocka_unit_test(seeds_by_chance_differ),
    };

    return cmocka_run_group_tests_name("plan/inspect", tests, NULL, NULL);
}
