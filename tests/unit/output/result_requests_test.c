/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "output/result_file.h"
#include "output/result_json.h"
#include "run/requests.h"

static double number_at(const json_t *bucket, size_t i)
{
    return json_number_value(json_array_get(bucket, i));
}

static void record(struct rp_hist *hist, double shown, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++)
        assert_int_equal(rp_hist_record(hist, rp_trend_stored(false, shown)), 0);
}

static void check_bucket(const json_t *bucket, double low, double high, double count)
{
    assert_int_equal(json_array_size(bucket), 3);
    assert_true(number_at(bucket, 0) == low);
    assert_true(number_at(bucket, 1) == high);
    assert_true(number_at(bucket, 2) == count);
}

/* 32 from 1 to 2: 1/32 wide. Values below zero are mirrored, and zeros stand alone. */
static void test_known_buckets(void **state)
{
    struct rp_hist hist = { 0 };
    json_t *buckets;

    record(&hist, -1.5, 1);
    record(&hist, 0, 3);
    record(&hist, 1, 2);
    record(&hist, 1 + 1.0 / 33, 4);
    record(&hist, 1 + 1.0 / 32, 5);
    record(&hist, 1024, 6);
    buckets = rp_result_buckets_json(&hist, false);
    assert_int_equal(json_array_size(buckets), 5);
    check_bucket(json_array_get(buckets, 0), -1.53125, -1.5, 1);
    check_bucket(json_array_get(buckets, 1), 0, 0, 3);
    check_bucket(json_array_get(buckets, 2), 1, 1.03125, 6);
    check_bucket(json_array_get(buckets, 3), 1.03125, 1.0625, 5);
    check_bucket(json_array_get(buckets, 4), 1024, 1056, 6);
    json_decref(buckets);
    rp_hist_deinit(&hist);
}

/* Whatever was recorded: ascending, nothing lost, and each bucket narrow. */
static void test_any_buckets(void **state)
{
    struct rp_hist hist = { 0 };
    double value = 1e-3, last = 0, sum = 0;
    json_t *buckets, *bucket;
    size_t i;

    for (int n = 0; n < 20000; n++, value *= 1.001)
        record(&hist, value, 1);
    buckets = rp_result_buckets_json(&hist, false);
    json_array_foreach(buckets, i, bucket)
    {
        assert_true(number_at(bucket, 0) >= last);
        last = number_at(bucket, 1);
        assert_true(last <= number_at(bucket, 0) * (1 + 1.0 / RP_RESULT_BUCKETS_PER_OCTAVE));
        sum += number_at(bucket, 2);
    }
    assert_true(sum == 20000);
    assert_true(json_array_size(buckets) <= 30 * RP_RESULT_BUCKETS_PER_OCTAVE);
    json_decref(buckets);
    rp_hist_deinit(&hist);
}

static void test_nothing(void **state)
{
    struct rp_hist hist = { 0 };
    json_t *buckets = rp_result_buckets_json(&hist, true);

    assert_int_equal(json_array_size(buckets), 0);
    json_decref(buckets);
}

static const struct rp_status_count *status_of(const struct rp_named_requests *named,
                                               const char *status)
{
    for (size_t i = 0; i < named->status_count; i++)
        if (strcmp(named->statuses[i].status, status) == 0)
            return &named->statuses[i];
    fail_msg("no status %s", status);
    return NULL;
}

/* Series that differ in other tags are one name; what has no count is none. */
static void test_sums_of_names(void **state)
{
    struct rp_requests requests;
    struct fixture fixture;

    fixture_passed(&fixture);
    fixture_counter(&fixture, "http_reqs", 7, "name=b|status=200|scenario=x");
    fixture_counter(&fixture, "http_reqs", 5, "name=b|status=200|scenario=y");
    fixture_counter(&fixture, "http_reqs", 3, "name=b|status=0|scenario=y");
    fixture_counter(&fixture, "http_reqs", 2, "name=a|status=302");
    fixture_rate(&fixture, "http_req_failed", 3, 8, "name=b|scenario=y");
    fixture_trend(&fixture, "http_req_duration", true, 1, 1, 3, "name=b|scenario=x");
    fixture_trend(&fixture, "http_req_duration", true, 4, 1, 2, "name=b|scenario=y");
    fixture_trend(&fixture, "http_req_duration", true, 4, 1, 2, "name=uncounted");
    assert_int_equal(rp_requests_collect(fixture.result.store, &requests), 0);
    assert_int_equal(requests.count, 3);
    assert_string_equal(requests.items[0].name, "a");
    assert_string_equal(requests.items[1].name, "b");
    assert_string_equal(requests.items[2].name, "http://127.0.0.1:8080/");
    assert_int_equal(requests.items[0].count, 2);
    assert_true(
        isnan(rp_requests_stat(&requests.items[0], (struct rp_stat){ .kind = RP_STAT_MED })));
    assert_int_equal(requests.items[1].count, 15);
    assert_int_equal(requests.items[1].failed, 3);
    assert_int_equal(requests.items[1].status_count, 2);
    assert_int_equal(status_of(&requests.items[1], "200")->count, 12);
    assert_int_equal(status_of(&requests.items[1], "0")->count, 3);
    assert_int_equal(requests.items[1].duration.samples, 5);
    assert_true(fabs(rp_requests_stat(&requests.items[1], (struct rp_stat){ .kind = RP_STAT_MED }) -
                     3) < 0.01);
    rp_requests_deinit(&requests);
    fixture_deinit(&fixture);
}

static const struct rp_stat med = { .kind = RP_STAT_MED }, top = { .kind = RP_STAT_P, .p = 99 };

/* Of ten requests the eight fast ones found memory for their buckets, the slow ones did not. */
static void fold_the_slow_ones(struct rp_value *value)
{
    rp_value_init(value, RP_TREND);
    for (int i = 0; i < 8; i++)
        assert_int_equal(rp_hist_record(&value->hist, 1e6), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rp_hist_note(&value->hist, 40e6), 0);
    value->samples = 10;
}

static void test_no_percentiles_of_a_part(void **state)
{
    struct rp_named_requests named = { .count = 10 };

    fold_the_slow_ones(&named.duration);
    assert_false(rp_requests_has_buckets(&named));
    assert_true(isnan(rp_requests_stat(&named, med)) && isnan(rp_requests_stat(&named, top)));
    assert_true(rp_requests_stat(&named, (struct rp_stat){ .kind = RP_STAT_MAX }) == 40);
    assert_true(rp_requests_stat(&named, (struct rp_stat){ .kind = RP_STAT_COUNT }) == 10);
    /* All together again, as when another series of the name has the buckets. */
    for (int i = 0; i < 2; i++)
        assert_int_equal(rp_hist_host(&named.duration.hist, 40e6), 0);
    assert_true(rp_requests_has_buckets(&named));
    assert_true(fabs(rp_requests_stat(&named, top) - 40) < 0.05);
    rp_value_deinit(&named.duration);
}

/* The tag "id" has no memory for buckets, but its name has: the percentiles of the name are known. */
static void test_percentiles_of_a_name_whose_tags_are_folded(void **state)
{
    struct rp_requests requests;
    struct fixture fixture;

    fixture_passed(&fixture);
    fixture_counter(&fixture, "http_reqs", 10, "name=a|status=200");
    fixture_folded_trend(&fixture, "http_req_duration", 40, 10, false, "name=a|id=1");
    fixture_folded_trend(&fixture, "http_req_duration", 40, 10, true, "name=a");
    assert_int_equal(rp_requests_collect(fixture.result.store, &requests), 0);
    assert_string_equal(requests.items[0].name, "a");
    assert_true(rp_requests_has_buckets(&requests.items[0]));
    assert_true(fabs(rp_requests_stat(&requests.items[0], med) - 40) < 0.05);
    rp_requests_deinit(&requests);
    fixture_deinit(&fixture);
}

static json_t *written(const struct rp_result *result)
{
    struct rp_buf out;
    json_t *root;

    rp_buf_init(&out, 1 << 20);
    assert_int_equal(rp_result_write_json(result, &out), 0);
    root = json_loadb(rp_buf_str(&out), out.len, 0, NULL);
    assert_non_null(root);
    rp_buf_deinit(&out);
    return root;
}

/* What is not known is not said: no percentile of the fast requests, no "0" for an unknown status. */
static void test_what_is_not_known(void **state)
{
    const json_t *named, *statuses, *duration;
    struct fixture fixture;
    json_t *root;

    fixture_passed(&fixture);
    fixture_counter(&fixture, "http_reqs", 9, "name=a");
    fixture_counter(&fixture, "http_reqs", 3, "name=a|status=0");
    fixture_trend(&fixture, "http_req_duration", true, 1, 0, 8, "name=a");
    fixture_folded_trend(&fixture, "http_req_duration", 40, 4, false, "name=a|status=0");
    root = written(&fixture.result);
    named = json_array_get(json_object_get(json_object_get(root, "summary"), "requests"), 0);
    statuses = json_object_get(named, "statuses");
    duration = json_object_get(named, "duration");
    assert_int_equal(json_object_size(statuses), 2);
    assert_int_equal(json_integer_value(json_object_get(statuses, "unknown")), 9);
    assert_int_equal(json_integer_value(json_object_get(statuses, "0")), 3);
    assert_true(json_is_null(json_object_get(named, "buckets")));
    assert_true(json_is_null(json_object_get(duration, "med")));
    assert_true(json_is_null(json_object_get(duration, "p(99.9)")));
    assert_true(json_number_value(json_object_get(duration, "max")) == 40);
    json_decref(root);
    fixture_deinit(&fixture);
}

static void test_out_of_memory(void **state)
{
    struct rp_requests requests;
    struct fixture fixture;
    uint64_t n = 0;
    int r;

    fixture_failed(&fixture);
    do {
        rp_alloc_fail_at(++n);
        r = rp_requests_collect(fixture.result.store, &requests);
        rp_alloc_fail_at(0);
        rp_requests_deinit(&requests);
        assert_true(r == 0 || r == -ENOMEM);
    } while (r < 0);
    assert_true(n > 10);
    fixture_deinit(&fixture);
}

static const char *text_of(const json_t *exchange, const char *member, const char *key)
{
    return json_string_value(json_object_get(json_object_get(exchange, member), key));
}

static void test_exchanges(void **state)
{
    const json_t *exchanges, *busy, *headers;
    struct fixture fixture;
    struct rp_buf out;
    json_t *root;

    fixture_failed(&fixture);
    rp_buf_init(&out, (size_t)64 << 20);
    assert_int_equal(rp_result_write_json(&fixture.result, &out), 0);
    root = json_loadb(rp_buf_str(&out), out.len, JSON_REJECT_DUPLICATES, NULL);
    exchanges = json_object_get(root, "exchanges");
    assert_int_equal(json_array_size(exchanges), 3);
    busy = json_array_get(exchanges, 0);
    assert_string_equal(json_string_value(json_object_get(busy, "ended")),
                        "2026-03-01T12:00:00.123Z");
    assert_string_equal(text_of(busy, "request", "line"), "GET /search?q=a HTTP/1.1");
    headers = json_object_get(json_object_get(busy, "response"), "headers");
    assert_string_equal(json_string_value(json_array_get(json_array_get(headers, 0), 1)), "nginx");
    assert_string_equal(json_string_value(json_array_get(json_array_get(headers, 1), 1)), "");
    assert_string_equal(json_string_value(json_array_get(json_array_get(headers, 2), 0)),
                        "(and 2 more fields)");
    assert_true(json_is_null(json_object_get(json_array_get(exchanges, 2), "response")));
    assert_true(json_is_null(json_object_get(json_array_get(exchanges, 2), "scenario")));
    json_decref(root);
    rp_buf_deinit(&out);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_buckets),
        cmocka_unit_test(test_any_buckets),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_sums_of_names),
        cmocka_unit_test(test_no_percentiles_of_a_part),
        cmocka_unit_test(test_percentiles_of_a_name_whose_tags_are_folded),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_exchanges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
