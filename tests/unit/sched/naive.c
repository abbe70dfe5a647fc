/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"
#include "base/random.h"

int64_t naive_pick(uint64_t random[4], int64_t low, int64_t high)
{
    return low + (int64_t)(rp_random_next(random) % (uint64_t)(high - low + 1));
}

void naive_sequence(uint64_t random[4], struct rp_segment_sequence *ret)
{
    int64_t slots = naive_pick(random, 1, NAIVE_SLOTS), count = naive_pick(random, 1, 8), last = 0;
    char sequence[256] = "0", segment[64] = "";
    struct rp_error err = { 0 };
    size_t index, len = 1;

    for (int64_t i = 0; i < count && last < slots; i++) {
        int64_t cut = i + 1 == count ? slots : naive_pick(random, last + 1, slots);

        if (!last)
            snprintf(segment, sizeof(segment), "0:%lld/%lld", (long long)cut, (long long)slots);
        len += (size_t)snprintf(sequence + len, sizeof(sequence) - len, ",%lld/%lld",
                                (long long)cut, (long long)slots);
        last = cut;
    }
    if (rp_segment_parse(segment, sequence, ret, &index, &err) < 0)
        fail_msg("%s of %s: %s", segment, sequence, err.message);
    assert_int_equal(index, 0);
}

void naive_slots(int64_t slots, const int64_t *owned, size_t count, size_t *ret)
{
    int64_t taken[64] = { 0 };
    size_t order[64];

    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) { /* a stable insertion sort, longest first */
        size_t k = i;

        for (; k && owned[order[k - 1]] < owned[i]; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t slot = 0; slot < slots; slot++) {
        size_t k = 0;

        /* taken / length <= slot, where length is owned / slots */
        while (!owned[order[k]] || taken[order[k]] * slots > slot * owned[order[k]])
            assert_true(++k < count);
        ret[slot] = order[k];
        taken[order[k]]++;
    }
}

void naive_stages(uint64_t random[4], rp_ns duration, int64_t target, struct rp_scenario *scenario,
                  struct rp_stage stages[NAIVE_STAGES])
{
    size_t count = (size_t)naive_pick(random, 1, NAIVE_STAGES);

    for (size_t i = 0; i < count; i++) {
        bool is_jump = naive_pick(random, 0, 3) == 0, is_flat = naive_pick(random, 0, 3) == 0;

        stages[i].duration = is_jump ? 0 : naive_pick(random, 1, duration);
        stages[i].target = naive_pick(random, 0, 4) == 0 ? 0 : naive_pick(random, 0, target);
        if (is_flat && i)
            stages[i].target = stages[i - 1].target;
    }
    scenario->stages = stages;
    scenario->stage_count = count;
}

bool naive_owns(const struct rp_segment *segment, int64_t number)
{
    for (int64_t i = 0; number >= 0 && i < segment->owned; i++)
        if (segment->at[i] == number % segment->slots)
            return true;
    return false;
}

rp_ns naive_jump(const struct rp_arrivals *arrivals, uint64_t index)
{
    struct rp_arrivals cursor = *arrivals; /* shares the stages */
    uint64_t found;
    rp_ns time;

    cursor.stage = 0;
    cursor.divisor = 0; /* no arrival came before */
    cursor.round = index;
    cursor.position = 0;
    if (!rp_arrivals_next(&cursor, &found, &time))
        return RP_NS_NEVER;
    assert_int_equal(found, index);
    return time;
}
