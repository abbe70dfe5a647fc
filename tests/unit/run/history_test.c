/* SPDX-License-Identifier: MIT */

/* Durations of requests by interval, against one histogram of all of them. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "run/history.h"

static uint64_t state = 1;

static uint64_t chance(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (state >> 33) % below;
}

static struct rp_store_series series_of(uint32_t id, const char *const (*tags)[2])
{
    return (struct rp_store_series){ .id = id,
                                     .type = RP_TREND,
                                     .is_time = true,
                                     .metric = rp_builtin_name(RP_M_HTTP_REQ_DURATION),
                                     .tag_count = tags ? 1 : 0,
                                     .tags = tags };
}

static struct rp_history_time second(rp_ns from)
{
    return (struct rp_history_time){ .from = from * RP_S, .until = (from + 1) * RP_S };
}

/* @times requests of @ns each, with a name. */
static void add(struct rp_history *history, uint32_t id, const char *name, double ns,
                uint64_t times, struct rp_history_time time)
{
    const char *const tags[][2] = { { "name", name } };
    struct rp_store_series series = series_of(id, tags);
    struct rp_value delta;

    rp_value_init(&delta, RP_TREND);
    assert_int_equal(rp_hist_record_times(&delta.hist, ns, times), 0);
    delta.samples = times;
    rp_history_add(history, &series, &delta, time);
    rp_value_deinit(&delta);
}

static uint64_t count_in(const struct rp_history_cell *cell)
{
    uint64_t count = 0;

    for (size_t i = 0; i < cell->count; i++) {
        assert_true(i == 0 || cell->counts[i - 1].bucket < cell->counts[i].bucket);
        assert_true(cell->counts[i].count > 0);
        count += cell->counts[i].count;
    }
    return count;
}

static uint64_t count_of(const struct rp_history_line *line, int32_t bucket)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= line->cell_count; i++) {
        const struct rp_history_cell *cell = i ? &line->cells[i - 1] : &line->aside;

        for (size_t j = 0; j < cell->count; j++)
            if (cell->counts[j].bucket == bucket)
                count += cell->counts[j].count;
    }
    return count;
}

/* All buckets of @hist, and no more. */
static void assert_adds_up(const struct rp_history_line *line, const struct rp_hist *hist)
{
    uint64_t count = count_in(&line->aside), of_bucket = 0;
    struct rp_hist_iter iter;
    int32_t bucket = 0;

    for (size_t i = 0; i < line->cell_count; i++)
        count += count_in(&line->cells[i]);
    assert_int_equal(count, hist->count);
    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        if (of_bucket && bucket != iter.bucket / RP_HISTORY_FINE) {
            assert_int_equal(count_of(line, bucket), of_bucket);
            of_bucket = 0;
        }
        bucket = iter.bucket / RP_HISTORY_FINE;
        of_bucket += iter.count;
    }
    if (of_bucket)
        assert_int_equal(count_of(line, bucket), of_bucket);
}

/* What the tables say that they take is what they take. */
static void assert_places(const struct rp_history_table *table, size_t most)
{
    size_t places = 0;

    for (size_t i = 0; i < table->line_count; i++) {
        const struct rp_history_line *line = table->lines[i];

        assert_true(i == 0 || strcmp(table->lines[i - 1]->name, line->name) < 0);
        assert_in_range(line->cell_count, 0, RP_HISTORY_INTERVALS);
        places += line->aside.count + line->cell_count;
        for (size_t j = 0; j < line->cell_count; j++)
            places += line->cells[j].count;
    }
    assert_int_equal(places, table->places);
    assert_in_range(places, 0, most);
}

static void a_second_is_an_interval(void **unused)
{
    struct rp_history history = { 0 };
    const struct rp_history_line *line;

    add(&history, 0, "a", 1e6, 5, second(0));
    add(&history, 1, "b", 2e6, 7, second(0));
    /* Of two workers, which report at slightly different moments. */
    add(&history, 0, "a", 1e6, 1, (struct rp_history_time){ RP_S + 200, 2 * RP_S + 100 });
    add(&history, 0, "a", 3e6, 2, (struct rp_history_time){ RP_S - 200, 2 * RP_S - 100 });
    /* A last report of a third of a second. */
    add(&history, 0, "a", 1e6, 3, (struct rp_history_time){ 2 * RP_S + 100, 7 * RP_S / 3 });
    assert_true(history.whole.width == RP_S && history.named.width == RP_S);
    assert_true(history.end == 7 * RP_S / 3);
    line = history.whole.lines[0];
    assert_int_equal(line->cell_count, 3);
    assert_int_equal(count_in(&line->cells[0]), 12);
    assert_int_equal(line->cells[0].count, 2);
    assert_int_equal(count_in(&line->cells[1]), 3);
    assert_int_equal(count_in(&line->cells[2]), 3);
    assert_int_equal(history.named.line_count, 2);
    assert_string_equal(history.named.lines[1]->name, "b");
    assert_int_equal(history.named.lines[0]->cell_count, 3);
    assert_int_equal(history.named.lines[1]->cell_count, 1);
    assert_int_equal(count_in(&history.named.lines[1]->cells[0]), 7);
    rp_history_deinit(&history);
}

static void setup_and_teardown_stand_aside(void **unused)
{
    struct rp_history history = { 0 };

    add(&history, 0, "a", 1e6, 2, (struct rp_history_time){ .is_aside = true });
    add(&history, 0, "a", 1e6, 5, second(0));
    add(&history, 0, "a", 1e6, 3, (struct rp_history_time){ RP_S, RP_S, true });
    assert_int_equal(count_in(&history.whole.lines[0]->aside), 5);
    assert_int_equal(count_in(&history.named.lines[0]->aside), 5);
    assert_int_equal(history.named.lines[0]->cell_count, 1);
    assert_true(history.end == RP_S);
    rp_history_deinit(&history);
}

static void other_metrics_are_left_out(void **unused)
{
    struct rp_store_series waiting = series_of(0, NULL), failed = series_of(1, NULL);
    struct rp_value value, rate = { .type = RP_RATE, .samples = 1 };
    struct rp_history history = { 0 };

    rp_value_init(&value, RP_TREND);
    assert_int_equal(rp_hist_record(&value.hist, 1), 0);
    value.samples = 1;
    waiting.metric = rp_builtin_name(RP_M_HTTP_REQ_WAITING);
    rp_history_add(&history, &waiting, &value, second(0));
    failed.type = RP_RATE;
    rp_history_add(&history, &failed, &rate, second(0));
    assert_int_equal(history.whole.line_count + history.named.line_count, 0);
    rp_value_deinit(&value);
    rp_history_deinit(&history);
}

/* A day of three names with every kind of duration: the intervals stay few, and add up. */
static void a_long_run_folds_and_adds_up(void **unused)
{
    static const char *const names[] = { "a", "b", "c" };
    struct rp_history history = { 0 };
    struct rp_hist all = { 0 }, of_name[3] = { { 0 } };

    for (rp_ns s = 0; s < 86400; s += 60 + (rp_ns)chance(60)) {
        for (uint32_t i = 0; i < 3; i++) {
            double ns = floor(exp2(10 + (double)chance(25000) / 1000));
            uint64_t times = 1 + chance(100);

            add(&history, i, names[i], ns, times, second(s));
            assert_int_equal(rp_hist_record_times(&all, ns, times), 0);
            assert_int_equal(rp_hist_record_times(&of_name[i], ns, times), 0);
        }
        assert_places(&history.whole, RP_HISTORY_WHOLE);
        assert_places(&history.named, RP_HISTORY_NAMED);
    }
    assert_false(history.whole.is_gone || history.named.is_gone);
    assert_in_range(history.whole.lines[0]->cell_count, RP_HISTORY_INTERVALS / 2,
                    RP_HISTORY_INTERVALS);
    assert_true(history.whole.width == 1024 * RP_S);
    assert_adds_up(history.whole.lines[0], &all);
    for (uint32_t i = 0; i < 3; i++) {
        assert_adds_up(history.named.lines[i], &of_name[i]);
        rp_hist_deinit(&of_name[i]);
    }
    rp_hist_deinit(&all);
    rp_history_deinit(&history);
}

/* So many names that the buckets of a minute do not fit: the intervals of the names get longer, those of
 * the whole do not. */
static void many_names_have_fewer_intervals(void **unused)
{
    enum { NAMES = 500, SAMPLES = 10 };
    struct rp_history history = { 0 };
    struct rp_hist all = { 0 }, first = { 0 };
    char name[32];

    for (rp_ns s = 0; s < 60; s++)
        for (uint32_t i = 0; i < NAMES; i++) {
            double ns = floor(exp2(20 + (double)chance(1000) / 1000));

            snprintf(name, sizeof(name), "name %03u", (unsigned)i);
            add(&history, i, name, ns, SAMPLES, second(s));
            assert_int_equal(rp_hist_record_times(&all, ns, SAMPLES), 0);
            if (i == 0)
                assert_int_equal(rp_hist_record_times(&first, ns, SAMPLES), 0);
        }
    assert_places(&history.named, RP_HISTORY_NAMED);
    assert_true(history.whole.width == RP_S);
    assert_true(history.named.width > RP_S);
    assert_int_equal(history.named.line_count, NAMES);
    assert_adds_up(history.whole.lines[0], &all);
    assert_adds_up(history.named.lines[0], &first);
    rp_hist_deinit(&all);
    rp_hist_deinit(&first);
    rp_history_deinit(&history);
}

static void too_many_names_are_given_up(void **unused)
{
    struct rp_history history = { 0 };
    char name[32];

    for (uint32_t i = 0; i < RP_HISTORY_NAMED; i++) {
        snprintf(name, sizeof(name), "%u", (unsigned)i);
        add(&history, i, name, 1e6, 1, second(0));
    }
    assert_true(history.named.is_gone);
    assert_int_equal(history.named.line_count, 0);
    assert_int_equal(count_in(&history.whole.lines[0]->cells[0]), RP_HISTORY_NAMED);
    rp_history_deinit(&history);
}

/* Samples in the buckets of another series are counted by their own: the name has no histogram. */
static void guests_are_added_up(void **unused)
{
    const char *const tags[][2] = { { "name", "a" } };
    struct rp_store_series series = series_of(0, tags);
    struct rp_history history = { 0 };
    struct rp_value guest, host;

    rp_value_init(&guest, RP_TREND);
    rp_value_init(&host, RP_TREND);
    guest.samples = host.samples = 1;
    assert_int_equal(rp_hist_note(&guest.hist, 1e6), 0);
    assert_int_equal(rp_hist_host(&host.hist, 1e6), 0);
    rp_history_add(&history, &series, &guest, second(0));
    assert_int_equal(history.named.lines[0]->guests, -1);
    rp_history_add(&history, &series, &host, second(0));
    assert_int_equal(history.named.lines[0]->guests, 0);
    assert_int_equal(count_in(&history.whole.lines[0]->cells[0]), 1);
    rp_value_deinit(&guest);
    rp_value_deinit(&host);
    rp_history_deinit(&history);
}

/* A worker may say anything of its time. */
static void any_time_is_borne(void **unused)
{
    static const rp_ns times[] = { 0, -1, 1, RP_S, INT64_MAX, INT64_MAX - 1, INT64_MIN, -RP_S };
    struct rp_history history = { 0 };
    uint64_t count = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(times); i++)
        for (size_t j = 0; j < RP_ARRAY_LEN(times); j++)
            add(&history, 0, "a", 1e6, 1, (struct rp_history_time){ times[i], times[j], false });
    assert_places(&history.whole, RP_HISTORY_WHOLE);
    for (size_t i = 0; i < history.whole.lines[0]->cell_count; i++)
        count += count_in(&history.whole.lines[0]->cells[i]);
    assert_int_equal(count, RP_ARRAY_LEN(times) * RP_ARRAY_LEN(times));
    rp_history_deinit(&history);
}

/* Each table is whole, or it is gone. */
static void without_memory_it_is_given_up(void **unused)
{
    enum { ROUNDS = 8, LENGTH = 40 };
    const char *const tags[2][1][2] = { { { "name", "a" } }, { { "name", "b" } } };
    struct rp_value deltas[ROUNDS];
    bool has_failed = true;
    int have_gone = 0;

    for (size_t i = 0; i < ROUNDS; i++) {
        rp_value_init(&deltas[i], RP_TREND);
        assert_int_equal(rp_hist_record(&deltas[i].hist, 1e6 * (double)(i + 1)), 0);
        deltas[i].samples = 1;
    }
    for (uint64_t n = 1; has_failed; n++) {
        uint64_t before = rp_alloc_count();
        struct rp_history history = { 0 };

        rp_alloc_fail_at(n);
        for (uint32_t i = 0; i < 2 * ROUNDS; i++) {
            struct rp_store_series series = series_of(i * 40, tags[i % 2]);

            rp_history_add(&history, &series, &deltas[i / 2], second((rp_ns)(i / 2) * LENGTH));
        }
        rp_alloc_fail_at(0);
        has_failed = rp_alloc_count() - before >= n;
        assert_true(has_failed || !(history.whole.is_gone || history.named.is_gone));
        have_gone += history.whole.is_gone + 2 * history.named.is_gone;
        for (size_t i = 0; i < 3; i++) {
            const struct rp_history_table *table = i ? &history.named : &history.whole;
            uint64_t count = 0;

            if (table->is_gone) {
                assert_int_equal(table->line_count, 0);
                continue;
            }
            assert_places(table, RP_HISTORY_NAMED);
            for (size_t j = 0; j < table->lines[i / 2]->cell_count; j++)
                count += count_in(&table->lines[i / 2]->cells[j]);
            assert_int_equal(count, i ? ROUNDS : 2 * ROUNDS);
        }
        rp_history_deinit(&history);
    }
    assert_true(have_gone > 20);
    for (size_t i = 0; i < ROUNDS; i++)
        rp_value_deinit(&deltas[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_is_an_interval),
        cmocka_unit_test(setup_and_teardown_stand_aside),
        cmocka_unit_test(other_metrics_are_left_out),
        cmocka_unit_test(a_long_run_folds_and_adds_up),
        cmocka_unit_test(many_names_have_fewer_intervals),
        cmocka_unit_test(too_many_names_are_given_up),
        cmocka_unit_test(guests_are_added_up),
        cmocka_unit_test(any_time_is_borne),
        cmocka_unit_test(without_memory_it_is_given_up),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
