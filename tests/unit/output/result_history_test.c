/* SPDX-License-Identifier: MIT */

/* The member "intervals" of a result file. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/result_json.h"
#include "plan/metrics.h"

static void add(struct rp_result *result, uint32_t id, const char *name, double ns, uint64_t times,
                struct rp_history_time time)
{
    const char *const tags[][2] = { { "name", name } };
    struct rp_store_series series = { .id = id,
                                      .type = RP_TREND,
                                      .is_time = true,
                                      .metric = rp_builtin_name(RP_M_HTTP_REQ_DURATION),
                                      .tag_count = 1,
                                      .tags = tags };
    struct rp_value delta;

    rp_value_init(&delta, RP_TREND);
    assert_int_equal(rp_hist_record_times(&delta.hist, ns, times), 0);
    delta.samples = times;
    rp_history_add(&result->history, &series, &delta, time);
    rp_value_deinit(&delta);
}

static json_t *write_intervals(const struct rp_result *result, size_t *ret_size)
{
    struct rp_result_writer writer = { .result = result };
    struct rp_buf out;
    json_error_t error;
    json_t *root;

    rp_buf_init(&out, SIZE_MAX / 2);
    writer.document.out = &out;
    rp_json_open(&writer.document, NULL);
    assert_int_equal(rp_result_write_intervals(&writer), 0);
    rp_json_close(&writer.document);
    assert_int_equal(out.error, 0);
    root = json_loads(rp_buf_str(&out), 0, &error);
    assert_non_null(root);
    *ret_size = out.len;
    rp_buf_deinit(&out);
    return root;
}

static void assert_text(const json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_members(void **state)
{
    struct rp_result result = { 0 };
    json_t *root, *all, *names;
    size_t size;

    add(&result, 0, "a", 1 << 20, 2, (struct rp_history_time){ .is_aside = true });
    add(&result, 0, "a", 1 << 20, 5, (struct rp_history_time){ 0, RP_S, false });
    add(&result, 1, "b", 1 << 21, 7,
        (struct rp_history_time){ 2 * RP_S, 2 * RP_S + RP_S / 2, false });
    root = write_intervals(&result, &size);
    assert_text(json_object_get(json_object_get(root, "intervals"), "metric"),
                "\"http_req_duration\"");
    all = json_object_get(json_object_get(root, "intervals"), "all");
    assert_int_equal(json_array_size(all), 3);
    assert_text(json_array_get(all, 0),
                "{\"start_s\":null,\"length_s\":null,\"count\":2,\"buckets\":"
                "[[1.048576,1.081344,2]]}");
    assert_text(json_array_get(all, 1), "{\"start_s\":0,\"length_s\":1,\"count\":5,\"buckets\":"
                                        "[[1.048576,1.081344,5]]}");
    assert_text(json_array_get(all, 2), "{\"start_s\":2,\"length_s\":0.5,\"count\":7,\"buckets\":"
                                        "[[2.097152,2.162688,7]]}");
    names = json_object_get(json_object_get(root, "intervals"), "requests");
    assert_int_equal(json_array_size(names), 2);
    assert_text(json_array_get(names, 1),
                "{\"name\":\"b\",\"intervals\":[{\"start_s\":2,\"length_s\":0.5,"
                "\"count\":7,\"buckets\":[[2.097152,2.162688,7]]}]}");
    json_decref(root);
    rp_history_deinit(&result.history);
}

/* Nothing is shown that is not whole. */
static void test_what_is_not_known(void **state)
{
    struct rp_result result = { 0 };
    json_t *root;
    size_t size;

    root = write_intervals(&result, &size);
    assert_true(json_is_null(json_object_get(root, "intervals")));
    json_decref(root);
    add(&result, 0, "a", 1 << 20, 5, (struct rp_history_time){ 0, RP_S, false });
    result.history.named.lines[0]->guests = -1;
    root = write_intervals(&result, &size);
    assert_text(json_object_get(json_object_get(root, "intervals"), "requests"),
                "[{\"name\":\"a\",\"intervals\":null}]");
    json_decref(root);
    result.history.named.is_gone = true;
    root = write_intervals(&result, &size);
    assert_text(json_object_get(json_object_get(root, "intervals"), "requests"), "null");
    json_decref(root);
    result.history.whole.is_gone = true;
    root = write_intervals(&result, &size);
    assert_true(json_is_null(json_object_get(root, "intervals")));
    json_decref(root);
    rp_history_deinit(&result.history);
}

/* Every duration from a microsecond to a minute in each second of a long run, with many names. */
static void test_the_size_is_bounded(void **state)
{
    enum { NAMES = 60, MOST_BYTES = 2 * 1000 * 1000 };
    struct rp_result result = { 0 };
    char name[32];
    json_t *root;
    size_t size;

    for (rp_ns s = 0; s < 600; s++)
        for (uint32_t i = 0; i < NAMES; i++) {
            rp_ns from = s * RP_S;

            snprintf(name, sizeof(name), "name %u", (unsigned)i);
            add(&result, i, name, floor(exp2(10 + (double)((s * 37 + i * 11) % 260) / 10)),
                123456789, (struct rp_history_time){ from, from + RP_S, false });
        }
    root = write_intervals(&result, &size);
    print_message("%zu bytes\n", size);
    assert_in_range(size, MOST_BYTES / 4, MOST_BYTES);
    json_decref(root);
    rp_history_deinit(&result.history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_the_size_is_bounded),
    };

    return cmocka_run_group_tests_name("result_history", tests, NULL, NULL);
}
