/* SPDX-License-Identifier: MIT */

/* Requests that were interrupted, judged by what the run's answered requests took. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "coordinator/merge.h"

enum { WORKERS_MAX = 3, REQUESTS = 30 };

struct fake {
    struct rp_merging merging;
    struct rp_pauses pauses;
    struct rp_result result;
    struct rp_peers peers;
    struct rp_peer items[WORKERS_MAX], *list[WORKERS_MAX];
};

typedef const struct rp_slice tag_row[2];

enum { UNFINISHED, ANSWERED, TIMED_OUT, CALLS, ANSWERED_CALLS, BROKEN_CALLS, SERIES };

static const struct {
    const char *metric;
    enum rp_metric_type type;
    struct rp_slice tags[2][2];
} defined[SERIES] = {
    [UNFINISHED] = { "http_reqs",
                     RP_COUNTER,
                     { { RP_SLICE("status"), RP_SLICE("0") },
                       { RP_SLICE("name"), RP_SLICE("/a") } } },
    [ANSWERED] = { "http_req_duration",
                   RP_TREND,
                   { { RP_SLICE("status"), RP_SLICE("200") },
                     { RP_SLICE("name"), RP_SLICE("/a") } } },
    [TIMED_OUT] = { "http_req_duration",
                    RP_TREND,
                    { { RP_SLICE("status"), RP_SLICE("0") },
                      { RP_SLICE("name"), RP_SLICE("/a") } } },
    [CALLS] = { "grpc_reqs",
                RP_COUNTER,
                { { RP_SLICE("status"), RP_SLICE("1") }, { RP_SLICE("name"), RP_SLICE("/a") } } },
    [ANSWERED_CALLS] = { "grpc_req_duration",
                         RP_TREND,
                         { { RP_SLICE("status"), RP_SLICE("0") },
                           { RP_SLICE("name"), RP_SLICE("/a") } } },
    [BROKEN_CALLS] = { "grpc_req_duration",
                       RP_TREND,
                       { { RP_SLICE("status"), RP_SLICE("14") },
                         { RP_SLICE("error_code"), RP_SLICE("1901") } } },
};

static void fake_init(struct fake *fake, uint32_t workers)
{
    char key[] = "name", named[] = "/a", elsewhere[] = "/b";
    struct rp_filter filter = { .count = 1, .pairs = NULL };
    typeof(*filter.pairs) pair = { key, named };
    struct rp_view *view;

    *fake = (struct fake){ .peers = { .items = fake->list, .count = workers } };
    rp_merging_init(&fake->merging, &fake->result, &fake->peers, &fake->pauses);
    assert_int_equal(rp_store_new(&fake->result.store), 0);
    filter.pairs = &pair;
    assert_int_equal(rp_store_submetric(fake->result.store, "http_req_failed", &filter,
                                        "http_req_failed{name:/a}", &view),
                     0);
    pair.value = elsewhere;
    assert_int_equal(rp_store_submetric(fake->result.store, "http_req_failed", &filter,
                                        "http_req_failed{name:/b}", &view),
                     0);
    for (uint32_t i = 0; i < workers; i++) {
        fake->items[i] = (struct rp_peer){ .peers = &fake->peers, .index = i };
        fake->list[i] = &fake->items[i];
        for (uint32_t s = 0; s < SERIES; s++)
            assert_int_equal(rp_store_define(fake->result.store, i, s, defined[s].metric,
                                             defined[s].type, defined[s].type == RP_TREND,
                                             (tag_row *)defined[s].tags, 2, NULL),
                             0);
    }
}

static void fake_deinit(struct fake *fake)
{
    rp_merging_deinit(&fake->merging);
    rp_result_deinit(&fake->result);
}

/* Requests that took @ms each. */
static void tell_times(struct fake *fake, uint32_t worker, uint32_t series, double ms, int count)
{
    struct rp_value value;

    rp_value_init(&value, RP_TREND);
    for (int i = 0; i < count; i++)
        assert_int_equal(rp_hist_record(&value.hist, ms * 1e6), 0);
    value.samples = (uint64_t)count;
    assert_int_equal(rp_store_apply(fake->result.store, worker, series, &value), 0);
    rp_value_deinit(&value);
}

static int tell(struct fake *fake, uint32_t worker, const struct rp_unfinished *requests,
                size_t count)
{
    struct rp_msg_unfinished message = { .requests = { .items = requests, .count = count } };
    struct rp_message *decoded;
    struct rp_buf bytes;
    int r;

    rp_buf_init(&bytes, 1 << 20);
    rp_message_write(&bytes, RP_MSG_UNFINISHED, &message);
    assert_int_equal(rp_message_decode(rp_buf_slice(&bytes), &decoded), 0);
    assert_int_equal(rp_message_read(decoded, &message), 0);
    r = rp_merge_unfinished(&fake->merging, &fake->items[worker], &message);
    rp_message_free(decoded);
    rp_buf_deinit(&bytes);
    return r;
}

/* Its answer was awaited for @ms. */
static struct rp_unfinished awaited(double ms)
{
    return (struct rp_unfinished){ .series = UNFINISHED,
                                   .was_sent = true,
                                   .blocked = 50 * RP_US,
                                   .sending = 10 * RP_US,
                                   .waiting = (rp_ns)(ms * 1e6) - 10 * RP_US };
}

static const struct rp_value *total_of(struct fake *fake, const char *display)
{
    struct rp_view *view = rp_store_view(fake->result.store, display);

    return view ? &view->total : NULL;
}

static uint64_t samples_in(struct fake *fake, const char *display)
{
    const struct rp_value *total = total_of(fake, display);

    return total ? total->samples : 0;
}

static void assert_warned(struct fake *fake, const char *text)
{
    assert_int_equal(fake->result.warning_count, 1);
    assert_string_equal(fake->result.warnings[0].text, text);
}

static void one(double ms, const char *warning, uint64_t failed)
{
    struct rp_unfinished request = awaited(ms);
    struct fake fake;

    fake_init(&fake, 1);
    tell_times(&fake, 0, ANSWERED, 10, 100);
    assert_int_equal(tell(&fake, 0, &request, 1), 0);
    assert_int_equal(rp_unfinished_judge(&fake.merging, NULL), 0);
    assert_warned(&fake, warning);
    assert_int_equal(samples_in(&fake, "http_req_failed"), failed);
    assert_int_equal(samples_in(&fake, "http_req_failed{name:/a}"), failed);
    assert_int_equal(samples_in(&fake, "http_req_failed{name:/b}"), 0);
    assert_int_equal(samples_in(&fake, "http_req_duration"), 100 + failed);
    assert_int_equal(samples_in(&fake, "http_req_waiting"), failed);
    assert_int_equal(samples_in(&fake, "http_req_blocked"), failed);
    fake_deinit(&fake);
}

static void a_second_is_too_long(void **state)
{
    one(1000,
        "1 request was still under way when its iteration was interrupted, after 1.00s; none had "
        "waited longer than 1.00s, so they count in http_reqs only (error 1904)",
        0);
    one(1000.001,
        "1 request was still under way when its iteration was interrupted, after 1.00s; 1 had "
        "waited longer than 1.00s and counts as failed with that time (error 1904)",
        1);
}

/* A slow server: what its answered requests take is no failure of the last ones. Those that timed out say nothing of
 * what an answer takes. */
static void what_answers_take_is_not_too_long(void **state)
{
    struct rp_unfinished requests[] = { awaited(2500), awaited(3100), awaited(40) };
    struct fake fake;

    fake_init(&fake, 1);
    tell_times(&fake, 0, ANSWERED, 3000, 100);
    tell_times(&fake, 0, TIMED_OUT, 60000, 100);
    assert_int_equal(tell(&fake, 0, requests, RP_ARRAY_LEN(requests)), 0);
    assert_int_equal(rp_unfinished_judge(&fake.merging, NULL), 0);
    assert_warned(
        &fake, "3 requests were still under way when their iterations were interrupted, after "
               "40.0ms to 3.10s; 1 had waited longer than 3.00s (the p(99) of the answered ones) "
               "and counts as failed with that time (error 1904)");
    assert_int_equal(samples_in(&fake, "http_req_failed"), 1);
    assert_int_equal(total_of(&fake, "http_req_failed")->rate.hits, 1);
    assert_int_equal((int64_t)rp_hist_mean(&total_of(&fake, "http_req_waiting")->hist),
                     requests[1].waiting);
    fake_deinit(&fake);
}

/* No latency was measured where nothing was sent. */
static void a_server_that_lets_nobody_in(void **state)
{
    struct rp_unfinished request = { .series = UNFINISHED, .blocked = 5 * RP_S };
    struct fake fake;

    fake_init(&fake, 1);
    assert_int_equal(tell(&fake, 0, &request, 1), 0);
    assert_int_equal(rp_unfinished_judge(&fake.merging, NULL), 0);
    assert_int_equal(samples_in(&fake, "http_req_failed"), 1);
    assert_int_equal(samples_in(&fake, "http_req_blocked"), 1);
    assert_int_equal(samples_in(&fake, "http_req_duration"), 0);
    assert_int_equal(samples_in(&fake, "http_req_waiting"), 0);
    fake_deinit(&fake);
}

/* However the requests and the answers lie, the same samples come of them. */
static void any_number_of_workers(void **state)
{
    struct fake first, fake;

    for (uint32_t workers = 1; workers <= WORKERS_MAX; workers++) {
        struct fake *to = workers == 1 ? &first : &fake;

        fake_init(to, workers);
        for (int i = 0; i < REQUESTS; i++) {
            struct rp_unfinished request = awaited(200.0 * i + 1);
            uint32_t worker = (uint32_t)(i * 7) % workers;

            tell_times(to, worker, ANSWERED, 100.0 * i, 1);
            assert_int_equal(tell(to, worker, &request, 1), 0);
        }
        assert_int_equal(rp_unfinished_judge(&to->merging, NULL), 0);
        if (workers == 1)
            continue;
        assert_true(samples_in(to, "http_req_failed") > 10);
        assert_true(
            rp_value_equal(total_of(to, "http_req_failed"), total_of(&first, "http_req_failed")));
        assert_true(rp_value_equal(total_of(to, "http_req_duration"),
                                   total_of(&first, "http_req_duration")));
        assert_string_equal(to->result.warnings[0].text, first.result.warnings[0].text);
        fake_deinit(to);
    }
    fake_deinit(&first);
}

/* They are judged by what calls take, and have their own metrics. */
static void calls_of_grpc(void **state)
{
    struct rp_unfinished requests[] = { awaited(1500), awaited(2500), awaited(3100),
                                        awaited(4000) };
    struct fake fake;

    for (size_t i = 0; i < 3; i++)
        requests[i].series = CALLS;
    fake_init(&fake, 1);
    tell_times(&fake, 0, ANSWERED, 5000, 100);
    tell_times(&fake, 0, ANSWERED_CALLS, 2000, 100);
    tell_times(&fake, 0, BROKEN_CALLS, 60000, 100);
    assert_int_equal(tell(&fake, 0, requests, RP_ARRAY_LEN(requests)), 0);
    assert_int_equal(rp_unfinished_judge(&fake.merging, NULL), 0);
    assert_int_equal(fake.result.warning_count, 2);
    assert_string_equal(
        fake.result.warnings[0].text,
        "1 request was still under way when its iteration was interrupted, after "
        "4.00s; none had waited longer than 5.00s (the p(99) of the answered ones), "
        "so they count in http_reqs only (error 1904)");
    assert_string_equal(fake.result.warnings[1].text,
                        "3 calls of gRPC were still under way when their iterations were "
                        "interrupted, after 1.50s to 3.10s; 2 had waited longer than 2.00s (the "
                        "p(99) of the answered ones) and count as failed with that time (error "
                        "1904)");
    assert_int_equal(samples_in(&fake, "grpc_req_failed"), 2);
    assert_int_equal(samples_in(&fake, "grpc_req_duration"), 202);
    assert_int_equal(samples_in(&fake, "http_req_failed"), 0);
    assert_int_equal(samples_in(&fake, "http_req_waiting"), 0);
    fake_deinit(&fake);
}

static void what_cannot_be(void **state)
{
    struct rp_unfinished nobody = awaited(1), trend = awaited(1);
    struct fake fake;

    nobody.series = SERIES;
    trend.series = ANSWERED;
    fake_init(&fake, 1);
    assert_int_equal(tell(&fake, 0, &nobody, 1), -EBADMSG);
    assert_int_equal(tell(&fake, 0, &trend, 1), -EBADMSG);
    assert_int_equal(tell(&fake, 0, NULL, 0), 0);
    assert_int_equal(rp_unfinished_judge(&fake.merging, NULL), 0);
    assert_int_equal(fake.result.warning_count, 0);
    fake_deinit(&fake);
}

/* Whichever allocation fails: an error, and nothing is lost or leaked. */
static uint64_t judge_with_failure_at(uint64_t n)
{
    struct rp_unfinished requests[] = { awaited(2500), awaited(3100) };
    struct fake fake;
    uint64_t before;
    int r;

    fake_init(&fake, 2);
    tell_times(&fake, 0, ANSWERED, 10, 100);
    before = rp_alloc_count();
    rp_alloc_fail_at(n);
    r = rp_merge_unfinished(&fake.merging, &fake.items[0], &(struct rp_msg_unfinished){ 0 });
    assert_true(r == 0 || r == -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(tell(&fake, 0, requests, RP_ARRAY_LEN(requests)), 0);
    rp_alloc_fail_at(n);
    r = rp_unfinished_judge(&fake.merging, NULL);
    rp_alloc_fail_at(0);
    before = rp_alloc_count() - before;
    assert_true(r == 0 || (n && r == -ENOMEM));
    fake_deinit(&fake);
    return before;
}

static void want_of_memory(void **state)
{
    uint64_t used = judge_with_failure_at(0);

    assert_true(used > 20);
    for (uint64_t n = 1; n <= used; n++)
        judge_with_failure_at(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_is_too_long),
        cmocka_unit_test(what_answers_take_is_not_too_long),
        cmocka_unit_test(a_server_that_lets_nobody_in),
        cmocka_unit_test(any_number_of_workers),
        cmocka_unit_test(calls_of_grpc),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
