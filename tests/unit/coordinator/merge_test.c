/* SPDX-License-Identifier: MIT */

/* What workers say, merged without a run around it: memory that runs out, workers that say nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/merge.h"

enum {
    WORKERS = 3,
    LONG_TEXT =
        2000, /* such blocks are not kept by the thread that frees them: the heap shows a lost one */
    LEAK_BYTES = LONG_TEXT,
};

struct fake {
    struct rp_merging merging;
    struct rp_pauses pauses;
    struct rp_result result;
    struct rp_peers peers;
    struct rp_peer items[WORKERS], *list[WORKERS];
};

static void fake_init(struct fake *fake)
{
    *fake = (struct fake){ .peers = { .items = fake->list, .count = WORKERS } };
    rp_merging_init(&fake->merging, &fake->result, &fake->peers, &fake->pauses);
    for (uint32_t i = 0; i < WORKERS; i++) {
        fake->items[i] = (struct rp_peer){ .peers = &fake->peers, .index = i };
        fake->list[i] = &fake->items[i];
        assert_int_equal(rp_merging_add_worker(&fake->merging, i), 0);
    }
}

static void fake_deinit(struct fake *fake)
{
    rp_merging_deinit(&fake->merging);
    rp_result_deinit(&fake->result);
}

/* @text has LONG_TEXT bytes. */
static struct rp_msg_error error_of(const char *text, const char *type, uint64_t count)
{
    struct rp_slice whole = rp_slice(text, LONG_TEXT);

    return (struct rp_msg_error){ .scenario = whole,
                                  .error_type = rp_slice_str(type),
                                  .message = whole,
                                  .place = whole,
                                  .traceback = whole,
                                  .count = count };
}

/* How often that fails. */
static int merge_error(struct fake *fake, int worker, const struct rp_msg_error *error)
{
    int failures = 0;

    while (rp_merge_error(&fake->merging, &fake->items[worker], error) == -ENOMEM)
        failures++;
    return failures;
}

static void assert_whole(const struct rp_error_group *group)
{
    assert_int_equal(strlen(group->scenario), LONG_TEXT);
    assert_non_null(group->type);
    assert_int_equal(strlen(group->message), LONG_TEXT);
    assert_int_equal(strlen(group->place), LONG_TEXT);
    assert_int_equal(strlen(group->traceback), LONG_TEXT);
}

/* A known group and a new one, with the @n-th allocation failing. Returns how many allocations there were. */
static uint64_t merge_errors_with_failure_at(uint64_t n)
{
    char text[LONG_TEXT] = { 0 };
    struct rp_msg_error first = error_of(text, "ValueError", 2);
    struct rp_msg_error again = error_of(text, "ValueError", 5);
    struct rp_msg_error other = error_of(text, "KeyError", 1);
    struct fake fake;
    uint64_t before;
    int failures;

    memset(text, 'x', LONG_TEXT);
    fake_init(&fake);
    before = rp_alloc_count();
    rp_alloc_fail_at(n);
    failures = merge_error(&fake, 0, &first);
    failures += merge_error(&fake, 0, &again);
    failures += merge_error(&fake, 1, &other);
    failures += merge_error(&fake, 1, &again);
    rp_alloc_fail_at(0);
    before = rp_alloc_count() - before;
    assert_int_equal(failures, n ? 1 : 0);
    assert_int_equal(fake.result.error_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_whole(&fake.result.errors[i]);
    assert_string_equal(fake.result.errors[0].type, "ValueError");
    assert_int_equal(fake.result.errors[0].count, 10);
    assert_int_equal(fake.result.errors[1].count, 1);
    fake_deinit(&fake);
    return before;
}

static void groups_of_errors_survive_want_of_memory(void **state)
{
    uint64_t used = merge_errors_with_failure_at(0);

    assert_true(used > 20);
    for (uint64_t n = 1; n <= used; n++) {
        size_t before = mallinfo2().uordblks; /* 0 with a sanitizer, which looks for itself */

        merge_errors_with_failure_at(n);
        assert_true(mallinfo2().uordblks < before + LEAK_BYTES);
    }
}

/* The last one says hello, of the others one does so later and one never. */
static uint64_t hear_hellos_with_failure_at(uint64_t n)
{
    const struct rp_msg_hello hello = { .protocol = RP_PROTOCOL_VERSION,
                                        .pid = 4711,
                                        .loop = RP_SLICE("none"),
                                        .runtime = RP_SLICE("fake") };
    struct fake fake;
    uint64_t before;

    fake_init(&fake);
    before = rp_alloc_count();
    rp_alloc_fail_at(n);
    while (rp_merge_hello(&fake.merging, &fake.items[2], &hello) == -ENOMEM)
        ;
    while (rp_merge_hello(&fake.merging, &fake.items[1], &hello) == -ENOMEM)
        ;
    rp_alloc_fail_at(0);
    before = rp_alloc_count() - before;
    assert_int_equal(fake.result.worker_count, WORKERS);
    for (int i = 1; i < WORKERS; i++) {
        assert_string_equal(fake.result.workers[i].loop, "none");
        assert_string_equal(fake.result.workers[i].runtime, "fake");
        assert_int_equal(fake.result.workers[i].pid, 4711);
    }
    assert_string_equal(fake.result.workers[0].loop, "");
    assert_string_equal(fake.result.workers[0].runtime, "");
    assert_int_equal(fake.result.workers[0].id, 1);
    fake_deinit(&fake);
    return before;
}

static void a_worker_without_hello_has_texts(void **state)
{
    uint64_t used = hear_hellos_with_failure_at(0);

    assert_int_equal(used, 2 * WORKERS + 4);
    for (uint64_t n = 1; n <= used; n++)
        hear_hellos_with_failure_at(n);
}

/* Some samples of a worker, and its report of them. */
static void report(struct fake *fake, int worker, rp_ns elapsed, int64_t count)
{
    const struct rp_msg_delta delta = { .elapsed = elapsed };
    struct rp_value value;

    rp_value_init(&value, RP_COUNTER);
    value.counter.whole = count;
    value.samples = (uint64_t)count;
    assert_int_equal(rp_store_apply(fake->result.store, (uint32_t)worker, 0, &value), 0);
    rp_value_deinit(&value);
    assert_int_equal(rp_merge_delta(&fake->merging, &fake->items[worker], &delta), 0);
}

/* The one that was first in one second is the last one in the next. */
static void reports_at_slightly_different_moments_make_one_point(void **state)
{
    const rp_ns us = RP_MS / 1000;
    const struct rp_point *points;
    struct fake fake;
    size_t count;

    fake_init(&fake);
    assert_int_equal(rp_store_new(&fake.result.store), 0);
    fake.items[2].step = RP_STEP_GONE;
    for (uint32_t i = 0; i < 2; i++) {
        fake.items[i].step = RP_STEP_RUNNING;
        assert_int_equal(
            rp_store_define(fake.result.store, i, 0, "hits", RP_COUNTER, false, NULL, 0, NULL), 0);
    }
    report(&fake, 0, RP_S + 200 * us, 100);
    report(&fake, 1, RP_S + 100 * us, 101);
    report(&fake, 1, 2 * RP_S + 500 * us, 102);
    report(&fake, 0, 2 * RP_S + 100 * us, 103);
    report(&fake, 0, 3 * RP_S, 104);
    report(&fake, 1, 3 * RP_S + 300 * us, 105);
    assert_int_equal(rp_merge_end(&fake.merging), 0);
    points = rp_store_points(rp_store_view(fake.result.store, "hits"), &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_true(points[i].counter == 201 + 4 * (double)i);
    assert_true(points[0].length == RP_S + 100 * us && points[1].length == RP_S);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_errors_survive_want_of_memory),
        cmocka_unit_test(a_worker_without_hello_has_texts),
        cmocka_unit_test(reports_at_slightly_different_moments_make_one_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
