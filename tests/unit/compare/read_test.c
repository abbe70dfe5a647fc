/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "testing.h"

static const char summary_export[] =
    "{\"root_group\": {\"name\": \"\", \"path\": \"\", \"groups\": {\"shop\": {\"name\": \"shop\", "
    "\"path\": \"::shop\", \"groups\": {}, \"checks\": {\"ok\": " K6_CHECKS "}}}, \"checks\": {}}, "
    "\"metrics\": {\"http_req_duration\": {\"avg\": 16, \"med\": 18, \"p(95)\": 21, "
    "\"thresholds\": {\"p(95)<20\": true}}, \"http_req_failed\": {\"value\": 0.1, \"passes\": 10, "
    "\"fails\": 90}, \"vus\": {\"value\": 1}, \"dropped_iterations\": {\"count\": 25, \"rate\": "
    "1}, \"iterations\": {\"count\": 75, \"rate\": 7.5}}}";

static const struct rp_subject *subject_of(const struct rp_run_file *file, const char *name)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (strcmp(file->subjects[i].name, name) == 0)
            return &file->subjects[i];
    fail_msg("no %s", name);
    return NULL;
}

static void test_both_summaries_of_k6_say_the_same(void **state)
{
    const char *const texts[] = { HANDLE_SUMMARY, summary_export };

    for (size_t i = 0; i < 2; i++) {
        struct rp_run_file file = read_text(texts[i], "k6");

        assert_int_equal(file.origin, RP_ORIGIN_K6);
        assert_int_equal(file.subject_count, 6); /* no vus; iteration_errors that did not happen */
        assert_true(subject_of(&file, "http_req_duration")->stats[RP_RUN_P95] == 21);
        assert_int_equal(subject_of(&file, "http_req_duration")->unit, RP_IN_MS);
        assert_true(subject_of(&file, "http_req_failed")->stats[RP_RUN_RATE] == 0.1);
        assert_true(subject_of(&file, "dropped_iterations")->stats[RP_RUN_RATE] == 0.25);
        assert_true(subject_of(&file, "iteration_errors")->stats[RP_RUN_RATE] == 0);
        assert_string_equal(subject_of(&file, "ok")->group, "::shop");
        assert_true(subject_of(&file, "ok")->stats[RP_RUN_RATE] == 0.9);
        assert_int_equal(file.threshold_count, 1);
        assert_int_equal(file.thresholds[0].passed, 0);
        rp_run_file_deinit(&file);
    }
}

static void test_a_result_of_the_reference_is_read(void **state)
{
    struct rp_run_file file = read_text(
        "{\"samples\": [], \"summary\": {\"duration\": 1, \"metrics\": {"
        "\"http_req_duration\": {\"count\": 10, \"avg\": 1, \"med\": 2, \"p(95)\": 3, "
        "\"p(99)\": 4}, \"http_reqs\": {\"count\": 10, \"rate\": 10}, \"checks\": "
        "{\"rate\": 0, \"passes\": 0, \"fails\": 0}}}, \"thresholds\": [{\"source\": "
        "\"p(95)<500\", \"passed\": true, \"lhs\": 3, \"rhs\": 500}]}",
        "old");

    assert_int_equal(file.origin, RP_ORIGIN_REFERENCE);
    assert_int_equal(file.subject_count, 2); /* checks have no sample */
    assert_true(subject_of(&file, "http_req_duration")->stats[RP_RUN_P99] == 4);
    assert_int_equal(file.thresholds[0].passed, 1);
    rp_run_file_deinit(&file);
}

static void test_what_is_no_result_is_refused(void **state)
{
    static const struct {
        const char *text, *cause, *remedy;
    } cases[] = {
        { "{\"schema\": 3}", "has schema 3", "or a newer one" },
        { "{\"schema\": 2, \"run\": {}}", "its member 'summary' is missing", NULL },
        { "{\"schema\": 2, \"run\": {}, \"summary\": [], \"thresholds\": [], \"checks\": []}",
          "its member 'summary' is of another type", NULL },
        { "{\"schema\": 2, \"run\": {}, \"summary\": {}, \"thresholds\": [], \"checks\": []}",
          "has no metric", NULL },
        { "{\"schema\": 2, \"run\":", "no JSON from line 1 on", "it was cut off" },
        { "{\"hits\": 1}", "is no result", "--summary-export" },
        { "[]", "is no result", "--summary-export" },
        { "{\"metrics\": {\"a\": 3, \"b\": null, \"c\": []}}", "has no metric", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rp_error err = { 0 };
        struct rp_run_file file;
        const char *path = file_of(cases[i].text);

        assert_int_equal(rp_run_file_read(path, path, &file, &err), -RP_EUSER);
        assert_non_null(strstr(err.message, path));
        assert_non_null(strstr(err.message, cases[i].cause));
        if (cases[i].remedy)
            assert_non_null(strstr(err.hint, cases[i].remedy));
        rp_error_deinit(&err);
    }
}

static void test_without_memory_nothing_is_read(void **state)
{
    uint64_t n;

    for (n = 1; n < 12; n++) {
        struct rp_error err = { 0 };
        struct rp_run_file file;
        const char *path = file_of(HANDLE_SUMMARY);
        int r;

        rp_alloc_fail_at(n);
        r = rp_run_file_read(path, "k6", &file, &err);
        rp_alloc_fail_at(0);
        if (r == 0) {
            rp_run_file_deinit(&file);
            break;
        }
        assert_int_equal(r, -ENOMEM);
        rp_error_deinit(&err);
    }
    assert_in_range(n, 3, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_summaries_of_k6_say_the_same),
        cmocka_unit_test(test_a_result_of_the_reference_is_read),
        cmocka_unit_test(test_what_is_no_result_is_refused),
        cmocka_unit_test(test_without_memory_nothing_is_read),
    };
    int failed = cmocka_run_group_tests_name("read", tests, NULL, NULL);

    file_of("");
    return failed;
}
