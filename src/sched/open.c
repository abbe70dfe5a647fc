/* SPDX-License-Identifier: MIT */

/*
 * The open kinds, constant-arrival-rate and ramping-arrival-rate: iterations begin when they are
 * due, not when a VU has become idle. Idle VUs stand on a stack, so that as few VUs as possible do
 * the work. An arrival that finds no idle VU is dropped for good; one more VU is made then, as long
 * as there may be more.
 */

#include <errno.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sched/kinds.h"
#include "sched/schedule.h"

/* How many arrivals are looked at in one go: after a stall the loop is not held up again, for that
 * takes well below a millisecond. */
enum { BATCH = 4096 };

struct arrival {
    struct rp_arrivals cursor;
    uint64_t index; /* of the next one */
    rp_ns time;     /* of the next one, counted from the origin */
    bool has_next;
    bool is_making; /* a VU, at the moment */
    bool may_make;  /* VUs can still be made */
    int64_t idle_count;
    int64_t idle[];
};

static struct arrival *arrival_of(const struct rp_executor *executor)
{
    return executor->kind;
}

static void fetch_next(struct rp_executor *executor)
{
    struct arrival *arrival = arrival_of(executor);

    arrival->has_next = rp_arrivals_next(&arrival->cursor, &arrival->index, &arrival->time);
}

/* Scenarios with random arrivals must not arrive at the same moments. */
static uint64_t own_seed(const struct rp_scenario *scenario, uint64_t seed)
{
    struct rp_slice name = rp_slice_str(scenario->name);

    return rp_hash_bytes(name.ptr, name.len, seed);
}

static int64_t slots_arrival(const struct rp_scenario *scenario)
{
    return scenario->max_vus;
}

static void keep_idle(struct rp_executor *executor, int64_t slot)
{
    struct arrival *arrival = arrival_of(executor);

    executor->slot_flags[slot] = RP_SLOT_UNWANTED;
    arrival->idle[arrival->idle_count++] = slot;
}

static void count_total(struct rp_executor *executor)
{
    uint64_t total = rp_arrivals_total(&arrival_of(executor)->cursor);

    if (executor->scenario->arrival == RP_ARRIVAL_UNIFORM)
        executor->total = (uint64_t)rp_segment_scale(
            executor->work, total > INT64_MAX ? INT64_MAX : (int64_t)total);
}

static int init_arrival(struct rp_executor *executor, const struct rp_executor_share *share)
{
    const struct rp_scenario *scenario = executor->scenario;
    struct arrival *arrival = rp_calloc(1, sizeof(*arrival) + (size_t)executor->slot_count *
                                                                  sizeof(arrival->idle[0]));
    int r;

    if (!arrival)
        return -ENOMEM;
    executor->kind = arrival;
    r = rp_executor_rescale(executor, share, scenario->max_vus);
    if (r == 0)
        r = rp_arrivals_init(&arrival->cursor, scenario, executor->work,
                             own_seed(scenario, share->seed));
    if (r < 0)
        return r;
    count_total(executor);
    executor->made = rp_segment_scale(executor->vus, scenario->pre_allocated_vus);
    arrival->may_make = true;
    for (int64_t slot = executor->made - 1; slot >= 0; slot--)
        keep_idle(executor, slot); /* slot 0 on top */
    fetch_next(executor);
    return 0;
}

static void deinit_arrival(struct rp_executor *executor)
{
    struct arrival *arrival = arrival_of(executor);

    if (arrival)
        rp_arrivals_deinit(&arrival->cursor);
}

/* ---- arrivals -------------------------------------------------------------------------------- */

static void want_one_more(struct rp_executor *executor)
{
    struct arrival *arrival = arrival_of(executor);

    if (arrival->is_making || !arrival->may_make || executor->made == executor->slot_count)
        return;
    arrival->is_making = true;
    executor->user->make(executor, executor->made);
}

/* Drops the arrival that is looked at and all others that are due by @elapsed. */
static uint64_t drop_due(struct rp_executor *executor, rp_ns elapsed)
{
    struct arrival *arrival = arrival_of(executor);
    rp_ns late = elapsed - RP_LATE_ARRIVAL;
    uint64_t count = 1;

    if (arrival->time < late) {
        count += rp_arrivals_skip(&arrival->cursor, late);
        executor->late_drops += count;
    }
    count += rp_arrivals_skip(&arrival->cursor, elapsed);
    executor->handed += count;
    executor->scheduled += count;
    executor->dropped += count;
    return count;
}

static void arrive(struct rp_executor *executor, rp_ns now)
{
    struct arrival *arrival = arrival_of(executor);

    if (now >= executor->begin_until) {
        drop_due(executor, now - executor->origin);
    } else if (!arrival->idle_count) {
        /* They find no VU either, because none becomes idle in between. */
        executor->without_vu += drop_due(executor, now - executor->origin);
        want_one_more(executor);
    } else {
        executor->handed++;
        rp_executor_begin(executor, arrival->idle[--arrival->idle_count], arrival->index,
                          rp_ns_add(executor->origin, arrival->time));
    }
}

static bool advance_arrival(struct rp_executor *executor, rp_ns now)
{
    struct arrival *arrival = arrival_of(executor);
    rp_ns elapsed = now - executor->origin;

    if (executor->state != RP_EXECUTOR_RUNNING)
        return true;
    for (int i = 0; i < BATCH; i++) {
        if (!arrival->has_next || arrival->time > elapsed)
            return true;
        arrive(executor, now);
        fetch_next(executor);
    }
    return !arrival->has_next || arrival->time > elapsed;
}

static rp_ns next_arrival(const struct rp_executor *executor)
{
    const struct arrival *arrival = arrival_of(executor);

    return arrival->has_next && executor->state == RP_EXECUTOR_RUNNING ? arrival->time
                                                                       : RP_NS_NEVER;
}

static void idle_arrival(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    keep_idle(executor, slot);
}

void rp_executor_made(struct rp_executor *executor, int64_t slot, bool ok)
{
    struct arrival *arrival = arrival_of(executor);

    arrival->is_making = false;
    arrival->may_make = ok;
    if (!ok)
        return;
    executor->made = slot + 1;
    keep_idle(executor, slot);
}

static int adjust_arrival(struct rp_executor *executor, double value, rp_ns at, bool hold)
{
    struct arrival *arrival = arrival_of(executor);
    int r;

    /* The next one has not come yet, and may come at another time now. */
    if (arrival->has_next)
        rp_arrivals_take_back(&arrival->cursor);
    r = rp_arrivals_adjust(&arrival->cursor, executor->scenario, value, at, hold);
    count_total(executor);
    fetch_next(executor);
    return r;
}

static double rate_arrival(const struct rp_executor *executor, rp_ns elapsed)
{
    return rp_arrivals_rate(&arrival_of(executor)->cursor, elapsed) *
           (double)executor->work->owned / (double)executor->work->slots;
}

#define ARRIVAL_OPS                                                                                \
    .owes = true, .begins_late = true, .slots = slots_arrival, .init = init_arrival,               \
    .deinit = deinit_arrival, .advance = advance_arrival, .next = next_arrival,                    \
    .idle = idle_arrival, .rate = rate_arrival, .adjust = adjust_arrival

const struct rp_executor_ops rp_constant_arrival_rate = { ARRIVAL_OPS };
const struct rp_executor_ops rp_ramping_arrival_rate = { ARRIVAL_OPS };
