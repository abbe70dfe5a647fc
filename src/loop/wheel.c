/* SPDX-License-Identifier: MIT */

/*
 * The wheel has levels of 64 slots; a slot of level l spans 64^l ticks. A timer lives at the level
 * of the highest group of bits in which its tick differs from the tick of the wheel. All timers of
 * a level therefore lie within one slot of the level above, their slot numbers grow with time
 * without wrapping, and the lowest bit of the lowest level in use names the earliest slot. When the
 * wheel reaches a slot of an upper level, it hands the timers of that slot down. A slot of level 0
 * is filtered and sorted by exact deadline, so that the width of a tick never shows.
 *
 * `next` is a lower bound. It makes the common turn, in which nothing is due, one comparison.
 * Disarming leaves it alone: the timeouts of requests are nearly always disarmed, and one needless
 * look when a dead deadline passes is cheap. For an upper level `next` is the beginning of the
 * slot. That also keeps the last wait before a deadline shorter than a millisecond: the kernel
 * allows itself 0.1 % of slack in epoll_pwait2.
 */

#include "loop/wheel.h"

#define SLOT_MASK ((int64_t)RP_WHEEL_SLOTS - 1)

void rp_wheel_init(struct rp_wheel *wheel, rp_ns now)
{
    wheel->next = RP_NS_NEVER;
    wheel->tick = now >> RP_WHEEL_TICK_BITS;
    wheel->order = 0;
    for (int level = 0; level < RP_WHEEL_LEVELS; level++) {
        wheel->used[level] = 0;
        for (int slot = 0; slot < RP_WHEEL_SLOTS; slot++)
            rp_list_init(&wheel->slots[level][slot]);
    }
}

static struct rp_timer *timer_of(struct rp_list *node)
{
    return rp_container_of(node, struct rp_timer, node);
}

static void insert(struct rp_wheel *wheel, struct rp_timer *timer)
{
    int64_t tick = timer->deadline >> RP_WHEEL_TICK_BITS;
    int level = 0, slot;
    uint64_t differs;

    if (tick < wheel->tick)
        tick = wheel->tick;
    differs = (uint64_t)(tick ^ wheel->tick);
    if (differs)
        level = (63 - __builtin_clzll(differs)) / RP_WHEEL_SLOT_BITS;
    slot = (int)((tick >> (level * RP_WHEEL_SLOT_BITS)) & SLOT_MASK);
    wheel->used[level] |= UINT64_C(1) << slot;
    rp_list_append(&wheel->slots[level][slot], &timer->node);
}

void rp_wheel_arm(struct rp_wheel *wheel, struct rp_timer *timer, rp_ns deadline)
{
    rp_list_remove(&timer->node);
    timer->deadline = deadline;
    timer->order = wheel->order++;
    insert(wheel, timer);
    if (deadline < wheel->next)
        wheel->next = deadline;
}

struct position {
    int level, slot;
    int64_t tick; /* the first tick of the slot */
};

/* Finds the earliest slot that holds a timer, and clears the marks of empty slots on the way. */
static bool find_first(struct rp_wheel *wheel, struct position *ret)
{
    for (int level = 0; level < RP_WHEEL_LEVELS; level++) {
        int shift = level * RP_WHEEL_SLOT_BITS;

        while (wheel->used[level]) {
            int slot = __builtin_ctzll(wheel->used[level]);

            if (!rp_list_is_empty(&wheel->slots[level][slot])) {
                int64_t above = (wheel->tick >> shift) & ~SLOT_MASK;

                *ret = (struct position){ level, slot, (above | slot) << shift };
                return true;
            }
            wheel->used[level] &= wheel->used[level] - 1;
        }
    }
    return false;
}

bool rp_timer_is_before(const struct rp_list *a, const struct rp_list *b)
{
    const struct rp_timer *x = rp_container_of(a, struct rp_timer, node);
    const struct rp_timer *y = rp_container_of(b, struct rp_timer, node);

    return x->deadline != y->deadline ? x->deadline < y->deadline : x->order < y->order;
}

/* Merges two chains that are linked by next only and end in NULL. */
static struct rp_list *merge(struct rp_list *a, struct rp_list *b)
{
    struct rp_list head, *tail = &head;

    while (a && b) {
        struct rp_list **from = rp_timer_is_before(b, a) ? &b : &a;

        tail->next = *from;
        tail = *from;
        *from = tail->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

/* Bottom-up merge sort: bin i holds a sorted chain of 2^i nodes or nothing. */
static void sort(struct rp_list *list)
{
    struct rp_list *bins[48] = { NULL }, *node = list->next, *sorted = NULL, *prev = list;

    list->prev->next = NULL;
    while (node) {
        struct rp_list *chain = node;
        size_t bin = 0;

        node = node->next;
        chain->next = NULL;
        for (; bins[bin]; bin++) {
            chain = merge(bins[bin], chain);
            bins[bin] = NULL;
        }
        bins[bin] = chain;
    }
    for (size_t bin = 0; bin < RP_ARRAY_LEN(bins); bin++)
        sorted = merge(bins[bin], sorted);
    for (; sorted; prev = sorted, sorted = sorted->next) {
        sorted->prev = prev;
        prev->next = sorted;
    }
    prev->next = list;
    list->prev = prev;
}

/* Moves the timers that are due out of a slot of level 0. */
static void take_due(struct rp_list *slot, rp_ns now, struct rp_list *due)
{
    struct rp_list batch;

    rp_list_init(&batch);
    RP_LIST_EACH (node, slot) {
        if (timer_of(node)->deadline <= now) {
            rp_list_remove(node);
            rp_list_append(&batch, node);
        }
    }
    if (!rp_list_is_empty(&batch) && batch.next != batch.prev)
        sort(&batch);
    rp_list_splice(due, &batch);
}

static void hand_down(struct rp_wheel *wheel, struct rp_list *slot)
{
    struct rp_list batch;
    struct rp_list *node;

    rp_list_init(&batch);
    rp_list_splice(&batch, slot);
    while ((node = rp_list_pop(&batch)))
        insert(wheel, timer_of(node));
}

static rp_ns earliest(struct rp_wheel *wheel, const struct position *at)
{
    rp_ns min = RP_NS_NEVER;

    if (at->level > 0)
        return at->tick << RP_WHEEL_TICK_BITS;
    RP_LIST_EACH (node, &wheel->slots[0][at->slot]) {
        if (timer_of(node)->deadline < min)
            min = timer_of(node)->deadline;
    }
    return min;
}

void rp_wheel_collect(struct rp_wheel *wheel, rp_ns now, struct rp_list *due)
{
    int64_t target = now >> RP_WHEEL_TICK_BITS;
    struct position at;
    bool found;

    if (now < wheel->next)
        return;
    while ((found = find_first(wheel, &at)) && at.tick <= target) {
        struct rp_list *slot = &wheel->slots[at.level][at.slot];

        wheel->tick = at.tick;
        if (at.level > 0) {
            hand_down(wheel, slot);
            continue;
        }
        take_due(slot, now, due);
        if (!rp_list_is_empty(slot))
            break; /* the rest of the present tick */
    }
    if (target > wheel->tick)
        wheel->tick = target;
    wheel->next = found ? earliest(wheel, &at) : RP_NS_NEVER;
}

struct rp_list *rp_wheel_pop(struct rp_wheel *wheel)
{
    for (int level = 0; level < RP_WHEEL_LEVELS; level++) {
        for (int slot = 0; slot < RP_WHEEL_SLOTS; slot++) {
            struct rp_list *node = rp_list_pop(&wheel->slots[level][slot]);

            if (node)
                return node;
        }
    }
    return NULL;
}
