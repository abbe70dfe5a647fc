/* SPDX-License-Identifier: MIT */
#include "target/timers.h"

#include <errno.h>

#include "base/alloc.h"

void rp_target_timers_deinit(struct rp_target_timers *timers)
{
    rp_free(timers->heap);
    *timers = (struct rp_target_timers){ 0 };
}

int rp_target_timers_reserve(struct rp_target_timers *timers, uint32_t count)
{
    struct rp_target_timer **heap;
    uint32_t cap = timers->cap ? timers->cap : 64;

    if (count <= timers->cap)
        return 0;
    while (cap < count)
        cap *= 2;
    heap = rp_realloc_array(timers->heap, cap, sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;
    timers->cap = cap;
    return 0;
}

static void put(struct rp_target_timers *timers, uint32_t index, struct rp_target_timer *timer)
{
    timers->heap[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct rp_target_timers *timers, uint32_t index, struct rp_target_timer *timer)
{
    while (index) {
        uint32_t parent = (index - 1) / 2;

        if (timers->heap[parent]->deadline <= timer->deadline)
            break;
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    put(timers, index, timer);
}

static void sift_down(struct rp_target_timers *timers, uint32_t index,
                      struct rp_target_timer *timer)
{
    for (;;) {
        uint32_t child = index * 2 + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->deadline < timers->heap[child]->deadline)
            child++;
        if (timers->heap[child]->deadline >= timer->deadline)
            break;
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

void rp_target_timers_cancel(struct rp_target_timers *timers, struct rp_target_timer *timer)
{
    uint32_t index = timer->place - 1;
    struct rp_target_timer *last;

    if (!timer->place)
        return;
    timer->place = 0;
    last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (index && timers->heap[(index - 1) / 2]->deadline > last->deadline)
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

void rp_target_timers_arm(struct rp_target_timers *timers, struct rp_target_timer *timer,
                          rp_ns deadline)
{
    rp_target_timers_cancel(timers, timer);
    rp_assert(timers->count < timers->cap);
    timer->deadline = deadline;
    sift_up(timers, timers->count++, timer);
}

struct rp_target_timer *rp_target_timers_pop(struct rp_target_timers *timers, rp_ns now)
{
    struct rp_target_timer *timer;

    if (rp_target_timers_next(timers) > now || !timers->count)
        return NULL;
    timer = timers->heap[0];
    rp_target_timers_cancel(timers, timer);
    return timer;
}
