/* SPDX-License-Identifier: MIT */

/* What sinks are handed of measurements: seconds by series, samples one by one. Workers that are made up tell of them in an
 * order that the test chooses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/measured.h"
#include "coordinator/merge.h"
#include "run/measured.h"
#include "run/sink.h"
#include "wire/sample.h"

enum { WORKERS = 2, INTERVALS_MAX = 16, SERIES_MAX = 8 };

static const int64_t started_wall_ns = 1700000000000000000;

/* What a sink got. */
struct taker {
    struct rp_sink sink;
    int intervals;
    struct {
        rp_ns start, length;
        int64_t wall_ns;
        double counts[SERIES_MAX]; /* of counters, by the id of the series; else its samples */
        size_t changes;
    } interval[INTERVALS_MAX];
    struct rp_value sums[SERIES_MAX];
    int blocks;
    struct rp_sample_block block; /* the last one; its samples are gone but for this one */
    struct rp_sample last;
    uint64_t lost;
};

static void take_interval(struct rp_sink *sink, const struct rp_interval *interval)
{
    struct taker *taker = rp_container_of(sink, struct taker, sink);
    int n = taker->intervals++;

    assert_true(n < INTERVALS_MAX);
    taker->interval[n].start = interval->start;
    taker->interval[n].length = interval->length;
    taker->interval[n].wall_ns = interval->wall_ns;
    taker->interval[n].changes = interval->count;
    for (size_t i = 0; i < interval->count; i++) {
        const struct rp_store_change *change = &interval->changes[i];
        struct rp_value *sum = &taker->sums[change->series->id];

        assert_true(change->series->id < SERIES_MAX);
        if (!sum->samples)
            rp_value_init(sum, change->series->type);
        assert_int_equal(rp_value_add(sum, change->delta), 0);
        taker->interval[n].counts[change->series->id] = change->series->type == RP_COUNTER
                                                            ? rp_sum_read(&change->delta->counter)
                                                            : (double)change->delta->samples;
    }
}

static void take_samples(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct taker *taker = rp_container_of(sink, struct taker, sink);

    taker->blocks++;
    taker->block = *block;
    taker->lost += block->lost;
    if (block->count)
        taker->last = block->samples[block->count - 1];
}

static const struct rp_sink_ops taker_ops = { .interval = take_interval, .samples = take_samples };

/* A run of two workers, which have just been told to start. */
struct scene {
    struct rp_result result;
    struct rp_merging merging;
    struct rp_measured measured;
    struct rp_pauses pauses;
    struct rp_peers peers;
    struct rp_peer items[WORKERS], *list[WORKERS];
    struct rp_sinks sinks;
    struct taker taker;
};

static void scene_init(struct scene *scene, bool is_taken)
{
    struct rp_result *result = &scene->result;

    memset(scene, 0, sizeof(*scene));
    scene->peers.items = scene->list;
    scene->peers.count = WORKERS;
    rp_merging_init(&scene->merging, result, &scene->peers, &scene->pauses);
    for (uint32_t i = 0; i < WORKERS; i++) {
        scene->items[i] =
            (struct rp_peer){ .peers = &scene->peers, .index = i, .step = RP_STEP_RUNNING };
        scene->list[i] = &scene->items[i];
        assert_int_equal(rp_merging_add_worker(&scene->merging, i), 0);
    }
    rp_sinks_init(&scene->sinks);
    if (is_taken)
        rp_sinks_add(&scene->sinks, &scene->taker.sink, &taker_ops);
    rp_sinks_start(&scene->sinks, result);
    result->plan = rp_calloc(1, sizeof(*result->plan));
    assert_non_null(result->plan);
    result->started_wall_ns = started_wall_ns;
    assert_int_equal(rp_store_new(&result->store), 0);
    assert_int_equal(rp_measured_begin(&scene->measured, result, &scene->sinks), 0);
}

/* As when a run ends. */
static void end(struct scene *scene)
{
    rp_measured_end(&scene->measured);
    assert_int_equal(rp_merge_end(&scene->merging), 0);
}

static void scene_drop(struct scene *scene)
{
    for (int i = 0; i < SERIES_MAX; i++)
        rp_value_deinit(&scene->taker.sums[i]);
    rp_sink_remove(&scene->taker.sink);
    rp_merging_deinit(&scene->merging);
    rp_result_deinit(&scene->result);
}

static void check_sum(void *user, const struct rp_store_series *series,
                      const struct rp_value *total)
{
    struct scene *scene = user;

    assert_true(total->samples > 0);
    assert_true(rp_value_equal(&scene->taker.sums[series->id], total));
}

/* The sums of all intervals are the totals. */
static void scene_deinit(struct scene *scene)
{
    assert_int_equal(rp_store_each_series(scene->result.store, NULL, check_sum, scene), 0);
    scene_drop(scene);
}

struct told { /* a message, as it is read */
    struct rp_buf bytes;
    struct rp_message *message;
    union rp_msg_any any;
};

static void told_init(struct told *told, enum rp_message_type type, const void *from)
{
    rp_buf_init(&told->bytes, 8 << 20);
    rp_message_write(&told->bytes, type, from);
    assert_int_equal(rp_message_decode(rp_buf_slice(&told->bytes), &told->message), 0);
    assert_int_equal(rp_message_read(told->message, &told->any), 0);
}

static void told_deinit(struct told *told)
{
    rp_message_free(told->message);
    rp_buf_deinit(&told->bytes);
}

static void define(struct scene *scene, int worker, uint32_t number, const char *metric,
                   enum rp_metric_type kind, const char *name)
{
    struct rp_msg_tag tag = { RP_SLICE("name"), rp_slice_str(name) };
    struct rp_msg_define define = { .series = number,
                                    .metric = rp_slice_str(metric),
                                    .kind = kind,
                                    .is_time = kind == RP_TREND,
                                    .tags = { .items = &tag, .count = 1 } };
    struct told told;

    told_init(&told, RP_MSG_DEFINE, &define);
    assert_int_equal(rp_merge_define(&scene->merging, &scene->items[worker], &told.any.define), 0);
    told_deinit(&told);
}

static void tell(struct scene *scene, int worker, double at_s, uint32_t number,
                 const struct rp_value *value)
{
    struct rp_msg_series item = { .series = number, .value = { value } };
    struct rp_msg_delta delta = { .elapsed = (rp_ns)(at_s * 1e9),
                                  .items = { .items = &item, .count = value ? 1 : 0 } };
    struct told told;

    told_init(&told, RP_MSG_DELTA, &delta);
    assert_int_equal(rp_merge_delta(&scene->merging, &scene->items[worker], &told.any.delta), 0);
    told_deinit(&told);
}

static void count(struct scene *scene, int worker, double at_s, uint32_t number, double amount)
{
    struct rp_value value;

    rp_value_init(&value, RP_COUNTER);
    assert_int_equal(rp_sum_add(&value.counter, amount), 0);
    value.samples = 1;
    tell(scene, worker, at_s, number, &value);
    rp_value_deinit(&value);
}

static void time_it(struct scene *scene, int worker, double at_s, uint32_t number, int times)
{
    struct rp_value value;

    rp_value_init(&value, RP_TREND);
    for (int i = 0; i < times; i++)
        assert_int_equal(rp_hist_record(&value.hist, (worker + 1) * 1e6 + i * 1e3), 0);
    value.samples = (uint64_t)times;
    tell(scene, worker, at_s, number, &value);
    rp_value_deinit(&value);
}

static void check_interval(const struct scene *scene, int n, double start_s, double length_s,
                           const double counts[3])
{
    rp_ns start = (rp_ns)(start_s * 1e9);

    assert_true(n < scene->taker.intervals);
    assert_true(scene->taker.interval[n].start == start);
    assert_true(scene->taker.interval[n].length == (rp_ns)(length_s * 1e9));
    assert_true(scene->taker.interval[n].wall_ns == started_wall_ns + start);
    for (int i = 0; i < 3; i++)
        assert_true(scene->taker.interval[n].counts[i] == counts[i]);
}

/* Both have "reqs{name:a}" and "times{name:a}", under different numbers, and the second one "reqs{name:b}" too. */
static void define_all(struct scene *scene)
{
    define(scene, 0, 0, "reqs", RP_COUNTER, "a");
    define(scene, 0, 1, "times", RP_TREND, "a");
    define(scene, 1, 0, "times", RP_TREND, "a");
    define(scene, 1, 1, "reqs", RP_COUNTER, "a");
    define(scene, 1, 2, "reqs", RP_COUNTER, "b");
}

static void two_workers_second_by_second(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    define_all(&scene);
    count(&scene, 0, 0, 0, 5); /* in setup() */
    for (int second = 1; second <= 3; second++) {
        count(&scene, 0, second - 1, 0, second);
        time_it(&scene, 0, second, 1, 10 * second);
        assert_int_equal(scene.taker.intervals, second - 1); /* the other one has not told yet */
        count(&scene, 1, second - 1, 1, 100 * second);
        if (second == 2)
            count(&scene, 1, second - 1, 2, 7);
        time_it(&scene, 1, second, 0, 1000);
        assert_int_equal(scene.taker.intervals, second);
    }
    /* The executors end in the midst of a second; teardown() records after that. */
    count(&scene, 0, 3.25, 0, 1000);
    scene.items[0].step = RP_STEP_FINISHED;
    count(&scene, 1, 3.5, 1, 2000);
    scene.items[1].step = RP_STEP_FINISHED;
    count(&scene, 0, 3.25, 0, 0.5);
    end(&scene);
    assert_int_equal(scene.taker.intervals, 5);
    check_interval(&scene, 0, 0, 1, (double[]){ 5 + 1 + 100, 10 + 1000, 0 });
    check_interval(&scene, 1, 1, 1, (double[]){ 2 + 200, 20 + 1000, 7 });
    check_interval(&scene, 2, 2, 1, (double[]){ 3 + 300, 30 + 1000, 0 });
    check_interval(&scene, 3, 3, 0.5, (double[]){ 3000, 0, 0 });
    check_interval(&scene, 4, 3.5, 0, (double[]){ 0.5, 0, 0 });
    assert_int_equal(scene.taker.interval[3].changes, 1);
    scene_deinit(&scene);
}

/* Nothing is left at the end: then there is no further interval. */
static void an_end_at_a_second(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    define_all(&scene);
    count(&scene, 0, 1, 0, 5);
    count(&scene, 1, 1, 1, 6);
    end(&scene);
    assert_int_equal(scene.taker.intervals, 1);
    check_interval(&scene, 0, 0, 1, (double[]){ 11, 0, 0 });
    scene_drop(&scene);
}

/* What it has told counts, also of a second that the other one has not told of; from then on the other one is all. */
static void one_is_lost(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    define_all(&scene);
    count(&scene, 0, 1, 0, 1);
    count(&scene, 1, 1, 2, 10);
    time_it(&scene, 1, 2, 0, 3);
    scene.items[1].step = RP_STEP_GONE;
    assert_int_equal(rp_merge_loss(&scene.merging, &scene.items[1]), 0);
    assert_int_equal(scene.taker.intervals, 1);
    count(&scene, 0, 2, 0, 2);
    time_it(&scene, 0, 3, 1, 4);
    end(&scene);
    assert_int_equal(scene.taker.intervals, 3);
    check_interval(&scene, 0, 0, 1, (double[]){ 1, 0, 10 });
    check_interval(&scene, 1, 1, 1, (double[]){ 2, 3, 0 });
    check_interval(&scene, 2, 2, 1, (double[]){ 0, 4, 0 });
    scene_deinit(&scene);
}

/* The last one is lost: what it told after the last interval is not. */
static void all_are_lost(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    define_all(&scene);
    count(&scene, 0, 1, 0, 1);
    count(&scene, 1, 2, 1, 10);
    count(&scene, 1, 3, 2, 20);
    time_it(&scene, 0, 1, 1, 1);
    for (int i = 0; i < 2; i++) {
        scene.items[i].step = RP_STEP_GONE;
        assert_int_equal(rp_merge_loss(&scene.merging, &scene.items[i]), 0);
    }
    end(&scene);
    assert_int_equal(scene.taker.intervals, 2);
    check_interval(&scene, 0, 0, 1, (double[]){ 11, 0, 0 });
    check_interval(&scene, 1, 1, 2, (double[]){ 0, 1, 20 });
    scene_deinit(&scene);
}

/* One that is late makes a longer interval, in which everything is. */
static void one_is_late(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    define_all(&scene);
    count(&scene, 0, 1, 0, 1);
    count(&scene, 0, 2, 0, 2);
    count(&scene, 0, 3, 0, 4);
    time_it(&scene, 0, 3, 1, 1);
    count(&scene, 1, 3, 2, 8);
    assert_int_equal(scene.taker.intervals, 1);
    check_interval(&scene, 0, 0, 3, (double[]){ 7, 1, 8 });
    scene_deinit(&scene);
}

/* A run that fails in setup(): what was recorded is in one interval, whose moment is now. */
static void nothing_has_started(void **state)
{
    struct scene scene;

    scene_init(&scene, true);
    scene.result.started_wall_ns = 0;
    define(&scene, 0, 0, "reqs", RP_COUNTER, "a");
    count(&scene, 0, 0, 0, 5);
    assert_int_equal(scene.taker.intervals, 0);
    end(&scene);
    assert_int_equal(scene.taker.intervals, 1);
    assert_true(scene.taker.interval[0].start == 0 && scene.taker.interval[0].length == 0);
    assert_true(scene.taker.interval[0].wall_ns > rp_wall_clock_ns() - 60 * RP_S);
    scene_deinit(&scene);
}

/* ---- one by one ---- */

static int tell_samples(struct scene *scene, int worker, struct rp_slice records, uint64_t lost)
{
    struct rp_msg_samples samples = { .records = records, .lost = lost };
    struct told told;
    int r;

    told_init(&told, RP_MSG_SAMPLES, &samples);
    r = rp_measured_samples(&scene->measured, (uint32_t)worker, &told.any.samples);
    told_deinit(&told);
    return r;
}

static int tell_sample(struct scene *scene, int worker, uint32_t number, double value,
                       uint64_t lost)
{
    const struct rp_record record = { number, value, started_wall_ns + number };
    char bytes[RP_RECORD_BYTES];

    rp_record_write(bytes, &record);
    return tell_samples(scene, worker, rp_slice(bytes, sizeof(bytes)), lost);
}

static void samples_have_the_series_of_the_run(void **state)
{
    struct scene scene;
    struct taker *taker = &scene.taker;
    struct rp_store *store;

    scene_init(&scene, true);
    assert_true(scene.measured.wants_samples);
    define_all(&scene);
    store = scene.result.store;
    assert_int_equal(tell_sample(&scene, 1, 0, 2.5e6, 0), 0);
    assert_int_equal(taker->block.worker, 2);
    assert_int_equal(taker->block.count, 1);
    assert_int_equal(taker->block.lost, 0);
    assert_ptr_equal(taker->last.series, rp_store_series(store, 0, 1)); /* "times", of both */
    assert_true(taker->last.value == 2.5e6);
    assert_true(rp_sample_shown(&taker->last) == 2.5); /* ms */
    assert_true(taker->last.wall_ns == started_wall_ns);
    assert_int_equal(tell_sample(&scene, 1, 2, 3, 4), 0);
    assert_string_equal(taker->last.series->metric, "reqs");
    assert_string_equal(taker->last.series->tags[0][1], "b");
    assert_true(rp_sample_shown(&taker->last) == 3);
    assert_true(taker->last.wall_ns == started_wall_ns + 2);
    assert_int_equal(taker->block.lost, 4);
    assert_int_equal(tell_samples(&scene, 0, rp_slice("", 0), 5), 0);
    assert_int_equal(taker->blocks, 3);
    assert_int_equal(taker->block.count, 0);
    assert_int_equal(taker->lost, 9);
    assert_int_equal(scene.result.warning_count, 0);
    end(&scene);
    assert_int_equal(scene.result.warning_count, 1);
    assert_non_null(
        strstr(scene.result.warnings[0].text, "9 of 11 samples did not reach the outputs"));
    scene_drop(&scene);
}

static void samples_that_cannot_be_are_refused(void **state)
{
    size_t most = (size_t)RP_RECORDS_MAX * RP_RECORD_BYTES;
    char *zeros = rp_calloc(1, most + RP_RECORD_BYTES);
    struct scene scene;

    scene_init(&scene, true);
    assert_int_equal(tell_sample(&scene, 0, 0, 1, 0), -EBADMSG); /* not defined yet */
    define(&scene, 0, 0, "reqs", RP_COUNTER, "a");
    assert_int_equal(tell_sample(&scene, 0, 0, 1, 0), 0);
    assert_int_equal(tell_sample(&scene, 1, 0, 1, 0), -EBADMSG); /* by this one */
    assert_int_equal(tell_sample(&scene, 0, 0, NAN, 0), -EBADMSG);
    assert_int_equal(tell_sample(&scene, 0, 0, INFINITY, 0), -EBADMSG);
    assert_int_equal(tell_sample(&scene, 0, UINT32_MAX, 1, 0), -EBADMSG);
    assert_int_equal(tell_samples(&scene, 0, rp_slice(zeros, RP_RECORD_BYTES + 1), 0), -EBADMSG);
    assert_int_equal(scene.taker.blocks, 1); /* of those the sink hears nothing */
    rp_free(zeros);
    scene_drop(&scene);
}

/* Nobody asks: nothing is kept, and a worker that tells samples all the same was not asked. */
static void nobody_asks(void **state)
{
    struct scene scene;

    scene_init(&scene, false);
    assert_false(scene.measured.wants_samples);
    define_all(&scene);
    count(&scene, 0, 1, 0, 1);
    count(&scene, 1, 1, 1, 1);
    assert_int_equal(tell_sample(&scene, 0, 0, 1, 0), -EBADMSG);
    end(&scene);
    assert_int_equal(scene.taker.intervals + scene.taker.blocks, 0);
    scene_drop(&scene);
    scene_init(&scene, false); /* and without a list */
    assert_int_equal(rp_measured_begin(&scene.measured, &scene.result, NULL), 0);
    assert_false(scene.measured.wants_samples);
    scene_drop(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_second_by_second),
        cmocka_unit_test(an_end_at_a_second),
        cmocka_unit_test(one_is_lost),
        cmocka_unit_test(all_are_lost),
        cmocka_unit_test(one_is_late),
        cmocka_unit_test(nothing_has_started),
        cmocka_unit_test(samples_have_the_series_of_the_run),
        cmocka_unit_test(samples_that_cannot_be_are_refused),
        cmocka_unit_test(nobody_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
