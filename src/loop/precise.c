/* SPDX-License-Identifier: MIT */
#include "loop/precise.h"

#include "loop/backend.h"

/* The kernel allows itself to be late by 0.1 % of a sleep in epoll_pwait2, and by 0.5 % in a
 * process that is nice. */
enum { SLACK_PART = 128 };
#define SLEEP_EXACT (2 * RP_MS)

/* Looks for the place from the end, because a timer that is armed anew is usually the last. */
static void insert_sorted(struct rp_list *list, struct rp_list *node)
{
    struct rp_list *before = list->prev;

    while (before != list && rp_timer_is_before(node, before))
        before = before->prev;
    node->prev = before;
    node->next = before->next;
    before->next->prev = node;
    before->next = node;
}

void rp_precise_arm(struct rp_list *timers, struct rp_wheel *wheel, struct rp_timer *timer,
                    rp_ns deadline)
{
    rp_list_remove(&timer->node);
    timer->deadline = deadline;
    timer->order = wheel->order++;
    insert_sorted(timers, &timer->node);
}

void rp_precise_collect(struct rp_list *timers, rp_ns now, struct rp_list *due)
{
    while (rp_precise_next(timers) <= now)
        insert_sorted(due, rp_list_pop(timers));
}

/* Cuts a long sleep short, as an empty turn, so that the last sleep before a precise deadline is
 * short and exact. */
static rp_ns sleep_before(rp_ns time)
{
    return time > SLEEP_EXACT ? time - time / SLACK_PART : time;
}

struct rp_patience rp_loop_patience(const struct rp_loop *loop, rp_ns until)
{
    rp_ns precise = rp_precise_next(&loop->precise), now, awake, sleep;

    if (rp_loop_next(loop) < until)
        until = rp_loop_next(loop);
    if (until == RP_NS_NEVER)
        return (struct rp_patience){ .sleep = -1 };
    if (until <= 0)
        return (struct rp_patience){ .sleep = 0 };
    now = rp_clock_ns();
    if (until <= now)
        return (struct rp_patience){ .sleep = 0 };
    if (precise == RP_NS_NEVER)
        return (struct rp_patience){ .sleep = until - now, .now = now };
    awake = precise - loop->spin - now;
    if (awake <= 0)
        return (struct rp_patience){ .spin_until = until, .now = now };
    sleep = sleep_before(awake);
    if (until - now <= sleep)
        return (struct rp_patience){ .sleep = until - now, .now = now };
    return (
        struct rp_patience){ .sleep = sleep, .spin_until = sleep == awake ? until : 0, .now = now };
}
