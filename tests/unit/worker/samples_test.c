/* SPDX-License-Identifier: MIT */

/* Samples one by one, from the worker's side: all of them, or an exact count of those that nobody reads in time. */

#include "worker_side.h"

#include <math.h>

#include "base/alloc.h"
#include "wire/sample.h"
#include "worker/worker_internal.h"

enum {
    SERIES_MAX = 64,
    MANY = 1200000, /* 24 MB of records */
    VALUES = 1021,
    /* Bytes that a worker may hold for who does not read: its queue, half of which may be room. */
    HELD_MAX = 20 << 20,
};

/* What came, by the number of the series in the worker. */
struct heard {
    struct rp_value sums[SERIES_MAX];
    int64_t last_ns[SERIES_MAX];
    int64_t began_ns;
    uint64_t count, lost;
    int totals;
};

static void heard_init(struct heard *heard)
{
    *heard = (struct heard){ .began_ns = rp_wall_clock_ns() };
}

static void heard_deinit(struct heard *heard)
{
    for (int i = 0; i < SERIES_MAX; i++)
        rp_value_deinit(&heard->sums[i]);
}

static void add(struct rp_value *sum, double value)
{
    sum->samples++;
    switch (sum->type) {
    case RP_COUNTER:
        assert_int_equal(rp_sum_add(&sum->counter, value), 0);
        break;
    case RP_GAUGE:
        sum->gauge.min = sum->samples == 1 ? value : fmin(sum->gauge.min, value);
        sum->gauge.max = sum->samples == 1 ? value : fmax(sum->gauge.max, value);
        sum->gauge.last = value;
        break;
    case RP_RATE:
        sum->rate.hits += value == 1;
        sum->rate.total++;
        break;
    default:
        assert_int_equal(rp_hist_record(&sum->hist, value), 0);
        break;
    }
}

static void hear(struct side *side, const struct rp_msg_samples *samples)
{
    struct heard *heard = side->user;

    assert_int_equal(samples->records.len % RP_RECORD_BYTES, 0);
    assert_true(samples->records.len || samples->lost);
    heard->lost += samples->lost;
    for (size_t at = 0; at < samples->records.len; at += RP_RECORD_BYTES) {
        const struct rp_store_series *of;
        struct rp_record record;

        rp_record_read(samples->records.ptr + at, &record);
        of = rp_store_series(side->store, 0, record.series); /* it was defined before */
        assert_true(of && record.series < SERIES_MAX);
        assert_true(record.wall_ns >= heard->last_ns[record.series]);
        heard->last_ns[record.series] = record.wall_ns;
        if (!heard->sums[record.series].samples)
            rp_value_init(&heard->sums[record.series], of->type);
        add(&heard->sums[record.series], record.value);
        heard->count++;
    }
}

static void compare(struct side *side, uint32_t series, const struct rp_value *total)
{
    struct heard *heard = side->user;

    assert_true(series < SERIES_MAX);
    heard->totals++;
    assert_int_equal(heard->sums[series].samples, total->samples);
    if (total->samples)
        assert_true(rp_value_equal(&heard->sums[series], total));
}

/* Two workers, in both encodings: each tells every sample once, in order. */
static void test_every_sample_is_told_once(struct world *world)
{
    for (int encoding = 0; encoding < RP_ENCODING_COUNT; encoding++) {
        struct heard heard[2];
        struct side sides[2];

        for (int i = 0; i < 2; i++) {
            heard_init(&heard[i]);
            side_init(&sides[i], world);
            sides[i].wants_samples = true;
            sides[i].user = &heard[i];
            sides[i].on_samples = hear;
            sides[i].on_total = compare;
            rp_channel_use(&sides[i].channel, (enum rp_encoding)encoding);
        }
        for (int i = 0; i < 2; i++) {
            go_to(&sides[i], RP_MSG_TEARDOWN);
            tell_and_wait(&sides[i], RP_MSG_EXIT, RP_MSG_BYE);
            turn_until(world, &sides[i].ended, 1);
            assert_int_equal(sides[i].status, 0);
            assert_false(sides[i].totals_differ);
            assert_true(heard[i].totals > 3);
            assert_true(heard[i].count > 3 * ITERATIONS);
            assert_int_equal(heard[i].lost, 0);
            for (int j = 0; j < heard[i].totals; j++)
                if (heard[i].sums[j].samples)
                    assert_true(heard[i].last_ns[j] > heard[i].began_ns - RP_MS &&
                                heard[i].last_ns[j] < rp_wall_clock_ns() + RP_MS);
        }
        for (int i = 0; i < 2; i++) {
            side_deinit(&sides[i]);
            heard_deinit(&heard[i]);
        }
    }
}

static void test_nobody_asks_nothing_is_told(struct world *world)
{
    struct side side;

    side_init(&side, world);
    go_to(&side, RP_MSG_TEARDOWN);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(side.seen[RP_MSG_SAMPLES], 0);
    side_deinit(&side);
}

/* ---- who does not read in time ---- */

struct gaps {
    uint64_t at, count, lost, gaps;
};

/* Sample n has this value: a gap of another length than it is said to have shows, and the histogram stays small. */
static double value_of(uint64_t n)
{
    return (double)(n % VALUES);
}

static void hear_gaps(struct side *side, const struct rp_msg_samples *samples)
{
    struct gaps *gaps = side->user;

    gaps->lost += samples->lost;
    gaps->gaps += samples->lost > 0;
    gaps->at += samples->lost;
    for (size_t at = 0; at < samples->records.len; at += RP_RECORD_BYTES) {
        struct rp_record record;

        rp_record_read(samples->records.ptr + at, &record);
        assert_true(record.value == value_of(gaps->at++));
        gaps->count++;
    }
}

static void record(struct side *side, uint64_t *recorded, int times)
{
    for (int i = 0; i < times; i++)
        rp_series_trend(side->series, value_of((*recorded)++));
}

/* Until all that was sent has been read: a worker that leaves waits for its reader, who is in the same thread here. */
static void read_all(struct world *world, struct side *side)
{
    while (rp_channel_waiting(&side->worker->channel))
        look(world);
    rp_channel_receive(&side->channel);
}

static void test_losses_are_counted_exactly(struct world *world)
{
    struct gaps gaps = { 0 };
    struct side side;
    uint64_t recorded = 0;

    side_init(&side, world);
    side.wants_samples = true;
    side.user = &gaps;
    side.on_samples = hear_gaps;
    go_to(&side, RP_MSG_PLAN);
    for (int round = 0; round < 3; round++) {
        record(&side, &recorded, MANY); /* in one turn: nobody reads */
        assert_true(side.worker->channel.socket.out.cap <= HELD_MAX);
        assert_true(side.worker->samples.lost > 0);
        read_all(world, &side);
        record(&side, &recorded, 10 + round * 50000);
        read_all(world, &side);
    }
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(gaps.at, recorded); /* none is missing at the end */
    assert_true(gaps.lost > MANY && gaps.gaps >= 3);
    assert_int_equal(gaps.count + gaps.lost, recorded);
    assert_int_equal(rp_store_view(side.store, "mine")->total.samples, recorded);
    assert_false(side.totals_differ);
    side_deinit(&side);
}

/* The last that is told of losses may have nothing else in it. */
static void test_losses_at_the_end_are_told(struct world *world)
{
    struct gaps gaps = { 0 };
    struct side side;
    uint64_t recorded = 0;

    side_init(&side, world);
    side.wants_samples = true;
    side.user = &gaps;
    side.on_samples = hear_gaps;
    go_to(&side, RP_MSG_PLAN);
    record(&side, &recorded, MANY);
    rp_worker_send_samples(side.worker); /* as a tick does: too much is waiting */
    assert_int_equal(side.worker->samples.count, 0);
    read_all(world, &side);
    assert_int_equal(gaps.lost, 0);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(gaps.at, recorded);
    assert_true(gaps.lost > 0);
    assert_int_equal(gaps.count + gaps.lost, MANY);
    side_deinit(&side);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_every_sample_is_told_once),
        CASE(test_nobody_asks_nothing_is_told),
        CASE(test_losses_are_counted_exactly),
        CASE(test_losses_at_the_end_are_told),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
