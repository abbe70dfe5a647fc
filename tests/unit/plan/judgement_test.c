/* SPDX-License-Identifier: MIT */
/* --threshold, --no-thresholds, --no-setup, --no-teardown, --once and --base-url over a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "plan/plan.h"

static const char script[] =
    "{\"script\": \"a.py\", \"has_setup\": true, \"has_teardown\": true, \"functions\": "
    "[{\"name\": "
    "\"a\"}], \"decorated\": [{\"name\": \"a\", \"exec_fn\": \"a\", \"fields\": {\"executor\": "
    "\"constant-arrival-rate\", \"rate\": 5, \"duration\": \"9s\", \"pre_allocated_vus\": 3, "
    "\"start_time\": \"5s\"}}], \"config\": {\"thresholds\": {\"http_req_duration\": "
    "[\"p(95)<500\"], \"checks\": [\"rate>0.9\"]}}}";

static int resolve(const char *const *lines, struct rp_overrides overrides, struct rp_plan **ret,
                   struct rp_error *err)
{
    struct rp_override thresholds[4];

    for (; lines && lines[overrides.threshold_count]; overrides.threshold_count++)
        thresholds[overrides.threshold_count] =
            (struct rp_override){ lines[overrides.threshold_count], "--threshold" };
    overrides.thresholds = thresholds;
    return rp_plan_resolve(script, &overrides, ret, err);
}

static void thresholds_of_the_line_stand_beside_those_of_the_script(void **state)
{
    static const char *const lines[] = { "http_req_duration:max<9", "http_reqs:count>1",
                                         "http_req_duration{name:\"a:}b\"}:p(99)<7", NULL };
    static const char *const all[] = { "http_req_duration p(95)<500", "http_req_duration max<9",
                                       "checks rate>0.9", "http_reqs count>1",
                                       "http_req_duration{name:\"a:}b\"} p(99)<7" };
    struct rp_plan *plan, *copy;
    struct rp_buf json;

    assert_int_equal(resolve(lines, (struct rp_overrides){ 0 }, &plan, NULL), 0);
    assert_int_equal(plan->threshold_count, RP_ARRAY_LEN(all));
    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
        char text[128];

        snprintf(text, sizeof(text), "%s %s", plan->thresholds[i].display,
                 plan->thresholds[i].source);
        assert_string_equal(text, all[i]);
    }
    rp_buf_init(&json, 1 << 16);
    assert_int_equal(rp_plan_write_json(plan, &json), 0);
    assert_int_equal(rp_plan_read_json(rp_buf_str(&json), &copy, NULL), 0);
    assert_int_equal(copy->threshold_count, RP_ARRAY_LEN(all));
    rp_buf_deinit(&json);
    rp_plan_free(copy);
    rp_plan_free(plan);

    assert_int_equal(resolve(lines, (struct rp_overrides){ .no_thresholds = true }, &plan, NULL),
                     0);
    assert_int_equal(plan->threshold_count, 3);
    assert_string_equal(plan->thresholds[0].source, "max<9");
    assert_true(plan->has_setup && plan->has_teardown);
    rp_plan_free(plan);
}

static void wrong_thresholds_are_told_with_the_option(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "http_reqs", "--threshold: 'http_reqs' is not METRIC:EXPRESSION" },
        { ":count>1", "--threshold: ':count>1' is not METRIC:EXPRESSION" },
        { "http_reqs:", "--threshold: 'http_reqs:' is not METRIC:EXPRESSION" },
        { "http_reqs{a:b", "--threshold: 'http_reqs{a:b' is not METRIC:EXPRESSION" },
        { "http_reqs:count>\xff", "--threshold: the expression for 'http_reqs' is not UTF-8" },
        { "http_reqs:p(95)<1",
          "--threshold: threshold 'p(95)<1' on 'http_reqs': a counter has no 'p(95)'" },
        { "grpc_req_duraton{method:A}:p(95)<1", "--threshold: unknown metric 'grpc_req_duraton'" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const char *const lines[] = { cases[i].text, NULL };
        struct rp_error err = { 0 };
        struct rp_plan *plan;

        assert_int_equal(resolve(lines, (struct rp_overrides){ 0 }, &plan, &err), -RP_EUSER);
        assert_string_equal(err.message, cases[i].message);
        assert_null(err.file);
        rp_error_deinit(&err);
    }
}

static void once_is_one_iteration_at_once(void **state)
{
    const struct rp_overrides overrides = { .once = true,
                                            .no_setup = true,
                                            .no_teardown = true,
                                            .duration = { "5s", "RAMPA_DURATION" },
                                            .workers = { "4", "RAMPA_WORKERS" },
                                            .base_url = { "http://h", "--base-url" } };
    struct rp_plan *plan, *copy;
    struct rp_buf json;

    assert_int_equal(resolve(NULL, overrides, &plan, NULL), 0);
    assert_int_equal(plan->scenarios[0].executor, RP_PER_VU_ITERATIONS);
    assert_int_equal(plan->scenarios[0].vus, 1);
    assert_int_equal(plan->scenarios[0].iterations, 1);
    assert_int_equal(plan->scenarios[0].start_time, 0);
    assert_int_equal(plan->workers, 1);
    assert_false(plan->has_setup || plan->has_teardown);
    rp_buf_init(&json, 1 << 16);
    assert_int_equal(rp_plan_write_json(plan, &json), 0);
    assert_int_equal(rp_plan_read_json(rp_buf_str(&json), &copy, NULL), 0);
    assert_true(copy->once);
    assert_string_equal(copy->base_url, "http://h");
    rp_buf_deinit(&json);
    rp_plan_free(copy);
    rp_plan_free(plan);
}

static void want_of_memory_is_told(void **state)
{
    static const char *const lines[] = { "http_req_duration:max<9", NULL };
    const struct rp_overrides overrides = { .no_thresholds = true,
                                            .seed = { "1", "--seed" },
                                            .base_url = { "http://h", "--base-url" } };

    for (uint64_t n = 1;; n++) {
        struct rp_plan *plan;
        int r;

        rp_alloc_fail_at(n);
        r = resolve(lines, overrides, &plan, NULL);
        rp_alloc_fail_at(0);
        if (r == 0) {
            rp_plan_free(plan);
            return;
        }
        assert_true(r < 0 && n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_of_the_line_stand_beside_those_of_the_script),
        cmocka_unit_test(wrong_thresholds_are_told_with_the_option),
        cmocka_unit_test(once_is_one_iteration_at_once),
        cmocka_unit_test(want_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
