/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "report/items.h"

#define NAME(name, count, p95)                                                                     \
    "{\"name\": " name ", \"count\": " count ", \"failed\": 1, \"statuses\": {\"200\": 5, \"0\": " \
    "1}, \"duration\": {\"med\": 1, \"p(95)\": " p95 ", \"p(99)\": 9, \"max\": 10}, "              \
    "\"buckets\": [[1, 2, 3]]}"
#define EXCHANGE(status, code)                                                                     \
    "{\"name\": \"n\", \"url\": \"http://a/\\u001b[2J\", \"scenario\": \"s\", \"vu\": 1, "         \
    "\"iteration\": 2, \"ended\": \"2026\", \"remote\": \"127.0.0.1:1\", \"status\": " status      \
    ", \"error_code\": " code ", \"error\": null, \"times\": {\"waiting\": 1.5, \"sending\": 0}, " \
    "\"request\": {\"line\": \"GET / HTTP/1.1\", \"headers\": [[\"Host\", \"a\"], [1]], "          \
    "\"body\": {\"bytes\": 0, \"start\": 0, \"text\": null}}, \"response\": {\"line\": "           \
    "\"HTTP/1.1 "                                                                                  \
    "500 No\", \"headers\": [], \"body\": {\"bytes\": 90, \"start\": 4, \"text\": "                \
    "\"out\\n\\u001b]0;x\"}}}"
/* clang-format off: text with text in it */
#define REQUESTS                                                                                   \
    NAME("\"quick\"", "6", "2")                                                                    \
    ", " NAME("null", "7", "null") ", " NAME("\"slow\\u001b[31m\"", "8", "5.25")
#define EXCHANGES EXCHANGE("500", "1500") ", " EXCHANGE("null", "1212") ", " EXCHANGE("500", "1500")
/* clang-format on */
#define RESULT                                                                                     \
    "{\"run\": {\"id\": \"u\", \"status\": \"threshold_failed\", \"exit_code\": 1, \"reason\": "   \
    "\"too slow\\u0007\", \"elapsed_s\": 2.5}, \"summary\": {\"requests\": [" REQUESTS "]}, "      \
    "\"errors\": {\"requests\": [{\"error_code\": \"1500\", \"error\": null, \"status\": "         \
    "\"500\", \"count\": 3, \"example\": {\"method\": \"GET\", \"name\": \"n\"}}, "                \
    "{\"error_code\": \"1212\", \"error\": \"refused\", \"status\": \"0\", \"count\": 1, "         \
    "\"example\": {}}], \"iterations\": [{\"type\": \"E\", \"message\": \"\\u001b[2Jboo\", "       \
    "\"place\": \"a.py:1\", \"traceback\": \"one\\ntwo\\u0007\", \"count\": 1}]}, "                \
    "\"exchanges\": [" EXCHANGES "]}"

typedef int list_fn(json_t *result, bool as_json, struct rp_buf *out);

static json_t *result_of(const char *text)
{
    json_error_t error;
    json_t *result = json_loads(text, 0, &error);

    if (!result)
        fail_msg("%s at %d", error.text, error.position);
    return result;
}

static void assert_list(list_fn *list, const char *text, const char *wanted)
{
    json_t *result = result_of(text);
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    assert_int_equal(list(result, false, &out), 0);
    assert_string_equal(rp_buf_str(&out), wanted);
    rp_buf_deinit(&out);
    json_decref(result);
}

static void assert_opened(const char *id, const char *wanted)
{
    struct rp_error err = { 0 };
    json_t *result = result_of(RESULT);
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    assert_int_equal(rp_items_open(result, id, false, &out, &err), 0);
    assert_string_equal(rp_buf_str(&out), wanted);
    rp_buf_deinit(&out);
    json_decref(result);
}

#define REPLACED "\xef\xbf\xbd" /* U+FFFD */

static void test_what_failed_is_listed_with_its_exchanges(void **state)
{
    assert_list(rp_items_errors, RESULT,
                "e1  3 times: status 500, such as GET n  kept: x1 x3\n"
                "e2  1 time: refused  kept: x2\n"
                "i1  1 time: E: " REPLACED "[2Jboo, at a.py:1\n");
    assert_list(rp_items_errors, "{}", "There are none.\n");
}

static void test_the_slowest_name_stands_first(void **state)
{
    assert_list(rp_items_slowest, RESULT,
                "r3  slow" REPLACED "[31m: 8 requests, 1 failed  med 1.00 ms  p(95) 5.25 ms  "
                "p(99) 9.00 ms  max 10.00 ms\n"
                "r1  quick: 6 requests, 1 failed  med 1.00 ms  p(95) 2.00 ms  p(99) 9.00 ms  "
                "max 10.00 ms\n"
                "r2  (other requests): 7 requests, 1 failed  med 1.00 ms  p(99) 9.00 ms  "
                "max 10.00 ms\n");
}

static void test_the_overview_says_which_ids_there_are(void **state)
{
    assert_list(rp_items_overview, RESULT,
                "threshold_failed, exit code 1, 2.500 s\n"
                "too slow" REPLACED "\n"
                "e1 to e2  kinds of failed requests: rampa result errors\n"
                "i1  exceptions: rampa result errors\n"
                "r1 to r3  names of requests: rampa result slowest\n"
                "x1 to x3  kept exchanges of failed requests\n");
    assert_list(rp_items_overview, "{\"run\": {\"status\": \"passed\"}, \"thresholds\": []}",
                "not judged, for there is no threshold, exit code 0, 0.000 s\n");
    assert_list(rp_items_overview, "{\"run\": {\"status\": \"passed\"}, \"thresholds\": [{}]}",
                "passed, exit code 0, 0.000 s\n");
}

static void test_one_thing_is_shown_whole(void **state)
{
    assert_opened("x2", "x2  http://a/" REPLACED "[2J\n"
                        "scenario s, VU 1, iteration 2, ended 2026, server 127.0.0.1:1\n"
                        "waiting 1.50 ms\n"
                        "> GET / HTTP/1.1\n> Host: a\n> : \n"
                        "< HTTP/1.1 500 No\n< \n< out\n< " REPLACED "]0;x\n"
                        "< (a body of 90 bytes)\n");
    assert_opened("i1", "i1  1 time: E: " REPLACED "[2Jboo, at a.py:1\n  one\n  two" REPLACED "\n");
    assert_opened("r1", "r1  quick: 6 requests, 1 failed  med 1.00 ms  p(95) 2.00 ms  "
                        "p(99) 9.00 ms  max 10.00 ms\nstatus 200: 5 times\nstatus none: 1 time\n");
    assert_opened("e2", "e2  1 time: refused  kept: x2\n");
}

static void test_json_has_the_ids_and_no_buckets(void **state)
{
    json_t *result = result_of(RESULT), *shown, *row;
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    assert_int_equal(rp_items_slowest(result, true, &out), 0);
    shown = result_of(rp_buf_str(&out));
    row = json_array_get(json_object_get(shown, "requests"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "id")), "r3");
    assert_null(json_object_get(row, "buckets"));
    assert_null(memchr(rp_buf_str(&out), '\x1b', out.len));
    json_decref(shown);
    json_decref(result);
    rp_buf_deinit(&out);
}

static void test_an_id_that_is_none_is_an_error(void **state)
{
    static const char *const ids[] = { "",   "x",  "x0",  "x-1", "x4",
                                       "q1", "1x", "x1x", "e3",  "x99999999999999999999" };
    json_t *result = result_of(RESULT);

    for (size_t i = 0; i < RP_ARRAY_LEN(ids); i++) {
        struct rp_error err = { 0 };
        struct rp_buf out;

        rp_buf_init(&out, 1 << 20);
        assert_int_equal(rp_items_open(result, ids[i], false, &out, &err), -RP_EUSER);
        assert_non_null(strstr(err.message, "has nothing with the id"));
        assert_string_equal(err.hint, "'rampa result open FILE' lists the ids");
        assert_int_equal(out.len, 0);
        rp_error_deinit(&err);
        rp_buf_deinit(&out);
    }
    json_decref(result);
}

static void test_a_long_list_is_cut_for_people_only(void **state)
{
    json_t *result = json_pack("{s:{s:[]}}", "errors", "iterations"), *shown, *list;
    struct rp_buf out;

    list = json_object_get(json_object_get(result, "errors"), "iterations");
    for (int i = 0; i < 25; i++)
        assert_int_equal(json_array_append_new(list, json_pack("{s:i}", "count", i)), 0);
    rp_buf_init(&out, 1 << 20);
    assert_int_equal(rp_items_errors(result, false, &out), 0);
    assert_non_null(strstr(rp_buf_str(&out), "\nand 5 more; --format json has all of them\n"));
    rp_buf_reset(&out);
    assert_int_equal(rp_items_errors(result, true, &out), 0);
    shown = result_of(rp_buf_str(&out));
    assert_int_equal(json_array_size(json_object_get(shown, "errors")), 25);
    json_decref(shown);
    json_decref(result);
    rp_buf_deinit(&out);
}

static void test_memory_that_runs_out_is_told(void **state)
{
    json_t *result = result_of(RESULT);
    int r = -1;

    for (uint64_t n = 1; r != 0; n++) {
        struct rp_buf out;

        rp_buf_init(&out, 1 << 20);
        rp_alloc_fail_at(n);
        r = rp_items_slowest(result, false, &out);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        rp_buf_deinit(&out);
    }
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_failed_is_listed_with_its_exchanges),
        cmocka_unit_test(test_the_slowest_name_stands_first),
        cmocka_unit_test(test_the_overview_says_which_ids_there_are),
        cmocka_unit_test(test_one_thing_is_shown_whole),
        cmocka_unit_test(test_json_has_the_ids_and_no_buckets),
        cmocka_unit_test(test_an_id_that_is_none_is_an_error),
        cmocka_unit_test(test_a_long_list_is_cut_for_people_only),
        cmocka_unit_test(test_memory_that_runs_out_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
