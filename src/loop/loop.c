/* SPDX-License-Identifier: MIT */

/*
 * What is common to all back-ends: life, the turn, tasks, timers, foreign descriptors. Streams are
 * in stream.c.
 */

#include "loop/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/alloc.h"
#include "base/str.h"

/* ---- choosing a back-end ---- */

const char *rp_loop_unusable(const struct rp_loop_ops *ops)
{
    return ops->unusable();
}

const char *rp_loop_ops_name(const struct rp_loop_ops *ops)
{
    return ops->name;
}

int rp_loop_pick(const char *forced, const struct rp_loop_ops **ret, struct rp_error *err)
{
    const struct rp_loop_ops *all[] = { rp_loop_uring, rp_loop_epoll }; /* best first */
    const char *names[RP_ARRAY_LEN(all)], *reason = NULL;
    bool any = !forced || !*forced;

    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
        names[i] = all[i]->name;
        if (!any && strcmp(forced, all[i]->name) != 0)
            continue;
        reason = all[i]->unusable();
        if (!reason) {
            *ret = all[i];
            return 0;
        }
        if (!any)
            return rp_error_set(err, -RP_EUSER, "the event loop '%s' cannot be used: %s", forced,
                                reason);
    }
    if (any)
        return rp_error_set(err, -RP_EUSER, "no event loop can be used: %s", reason);
    rp_error_set(err, -RP_EUSER, "'%s' is not an event loop; RAMPA_LOOP may be io_uring or epoll",
                 forced);
    rp_error_suggest(err, rp_suggest(rp_slice_str(forced), names, RP_ARRAY_LEN(names)));
    return -RP_EUSER;
}

/* ---- life ---- */

int rp_loop_new(const struct rp_loop_ops *ops, struct rp_loop **ret)
{
    struct rp_loop *loop = rp_calloc(1, sizeof(*loop));
    int r;

    if (!loop)
        return -ENOMEM;
    loop->ops = ops;
    loop->virtual_now = RP_S; /* not 0, which means "not yet" in places */
    rp_list_init(&loop->sends);
    rp_list_init(&loop->tasks);
    rp_list_init(&loop->due);
    rp_list_init(&loop->precise);
    loop->spin = RP_LOOP_SPIN;
    rp_stamps_init(&loop->stamps);
    rp_wheel_init(&loop->wheel, rp_loop_now(loop));
    /* The default slack of 50 us would be added to every wait. Only this thread gets another one;
     * where that is refused only precision is lost. */
    if (!ops->is_virtual)
        (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    r = ops->open(loop);
    if (r < 0) {
        rp_free(loop);
        return r;
    }
    *ret = loop;
    return 0;
}

void rp_loop_free(struct rp_loop *loop)
{
    if (!loop)
        return;
    rp_assert(!loop->turning);
    rp_assert(loop->slots.used == 0);
    rp_assert(rp_list_is_empty(&loop->tasks));
    rp_assert(rp_list_is_empty(&loop->due));
    rp_assert(rp_list_is_empty(&loop->precise));
    rp_stamps_deinit(&loop->stamps);
    loop->ops->close(loop);
    rp_slots_deinit(&loop->slots);
    rp_free(loop);
}

const struct rp_loop_ops *rp_loop_ops_of(const struct rp_loop *loop)
{
    return loop->ops;
}

int rp_loop_fd(const struct rp_loop *loop)
{
    /* Asking may make the descriptor. No caller can tell that from a descriptor that was there
     * before. */
    return loop->ops->fd((struct rp_loop *)loop);
}

void rp_loop_set_wait_hooks(struct rp_loop *loop, void (*before)(void *user),
                            void (*after)(void *user), void *user)
{
    loop->before_wait = before;
    loop->after_wait = after;
    loop->wait_user = user;
}

void rp_loop_insist_on_hooks(struct rp_loop *loop, bool insist)
{
    loop->insists_on_hooks = insist;
}

void rp_loop_set_outside(struct rp_loop *loop, void (*fn)(void *user), void *user)
{
    loop->outside = fn;
    loop->outside_user = user;
    loop->must_tell = fn && !loop->turning;
}

/* ---- timers ---- */

rp_ns rp_loop_now(const struct rp_loop *loop)
{
    return loop->ops->is_virtual ? loop->virtual_now : rp_clock_ns();
}

rp_ns rp_loop_next_deadline(const struct rp_loop *loop)
{
    return rp_loop_next(loop);
}

void rp_timer_arm(struct rp_loop *loop, struct rp_timer *timer, rp_ns deadline, rp_timer_fn *fn)
{
    timer->fn = fn;
    timer->loop = loop;
    rp_wheel_arm(&loop->wheel, timer, deadline);
    rp_loop_queued(loop);
}

void rp_timer_arm_precise(struct rp_loop *loop, struct rp_timer *timer, rp_ns deadline,
                          rp_timer_fn *fn)
{
    timer->fn = fn;
    timer->loop = loop;
    rp_precise_arm(&loop->precise, &loop->wheel, timer, deadline);
    rp_loop_queued(loop);
}

void rp_loop_set_spin(struct rp_loop *loop, rp_ns spin)
{
    loop->spin = spin > 0 ? spin : 0;
}

rp_ns rp_loop_spun(const struct rp_loop *loop)
{
    return loop->spun;
}

void rp_timer_disarm(struct rp_timer *timer)
{
    rp_list_remove(&timer->node);
}

struct rp_timer *rp_loop_take_timer(struct rp_loop *loop)
{
    struct rp_list *node = rp_list_pop(&loop->due);

    if (!node)
        node = rp_list_pop(&loop->precise);
    if (!node)
        node = rp_wheel_pop(&loop->wheel);
    return node ? rp_container_of(node, struct rp_timer, node) : NULL;
}

/* A timer that fires so late counts as late. A turn without load ends well before. */
#define LATE RP_MS
/* What has arrived is taken at most for half of the time by which a timer is late, so that a stall
 * is made up for, and a flood, which never ends, holds up nobody for long; but always for this. */
#define TAKING_MIN (10 * RP_MS)

/* One look at the kernel need not show all that has arrived: io_uring hands out some 20 completions
 * at a time, epoll an array full. What is left has arrived before a timer that is late now, and may
 * be what that timer waits for. So has what came while the thread was in its wait and was kept from
 * running. So the loop looks until there is nothing more. Nothing is sent meanwhile, so that only
 * what is under way can arrive. @due: when the first timer was due. Returns the time up to which
 * all that had arrived is taken. */
RP_COLD static rp_ns take_what_has_arrived(struct rp_loop *loop, rp_ns due, int *r)
{
    bool was_busy = loop->is_busy;
    rp_ns taken = rp_loop_now(loop), looked = taken;
    rp_ns limit = looked + ((looked - due) / 2 > TAKING_MIN ? (looked - due) / 2 : TAKING_MIN);

    if (*r == -EINTR) /* the process was stopped, for instance, and goes on */
        *r = 0;
    while (*r == 0 && looked < limit) {
        loop->found_repeated = 0;
        *r = loop->ops->wait(loop, 0);
        /* A watch whose descriptor nobody reads shows at each look. */
        if (loop->found == loop->found_repeated) {
            taken = looked;
            break;
        }
        looked = rp_loop_now(loop);
    }
    loop->is_busy = was_busy;
    return taken;
}

/* When somebody is waited for who is late; else RP_NS_NEVER. @until as in rp_loop_turn(). */
static rp_ns late_since(struct rp_loop *loop, rp_ns until)
{
    rp_ns due = rp_loop_next(loop);

    if (until > 0 && until < due)
        due = until;
    if (due == RP_NS_NEVER)
        return due;
    if (!loop->woken)
        loop->woken = rp_loop_now(loop);
    return due < loop->woken - LATE ? due : RP_NS_NEVER;
}

/* @taken: all that had arrived by then is taken; RP_NS_NEVER: the turn is not late. What has come
 * due since the look at the kernel, because a callback took its time, waits for the next look. */
static void fire_timers(struct rp_loop *loop, rp_ns taken)
{
    rp_ns by = taken == RP_NS_NEVER && loop->woken ? rp_ns_add(loop->woken, LATE) : taken, now;
    struct rp_list *node;

    if (rp_loop_next(loop) == RP_NS_NEVER && rp_list_is_empty(&loop->due))
        return;
    /* Reading the clock is 1 % of a request. So a timer that has come due since the wait, while
     * completions were handled, is left to the next turn, which does not sleep before it. Arrivals
     * are not kept waiting for that. */
    if (loop->woken && rp_loop_next(loop) > loop->woken && rp_list_is_empty(&loop->due) &&
        rp_precise_next(&loop->precise) == RP_NS_NEVER)
        return;
    now = rp_loop_now(loop);
    rp_loop_collect(loop, now < by ? now : by);
    /* Timers that the callbacks arm are not among these: a past deadline waits for the next
     * turn. */
    while ((node = rp_list_pop(&loop->due))) {
        struct rp_timer *timer = rp_container_of(node, struct rp_timer, node);

        timer->fn(timer, now);
    }
}

/* ---- deferred tasks ---- */

bool rp_loop_has_tasks(const struct rp_loop *loop)
{
    return !rp_list_is_empty(&loop->tasks);
}

void rp_loop_defer(struct rp_loop *loop, struct rp_task *task, rp_task_fn *fn)
{
    if (rp_list_is_linked(&task->node))
        return;
    task->fn = fn;
    rp_list_append(&loop->tasks, &task->node);
    rp_loop_queued(loop);
}

void rp_task_cancel(struct rp_task *task)
{
    rp_list_remove(&task->node);
}

static void run_tasks(struct rp_loop *loop)
{
    struct rp_list batch, *node;

    rp_list_init(&batch);
    rp_list_splice(&batch, &loop->tasks);
    while ((node = rp_list_pop(&batch))) {
        struct rp_task *task = rp_container_of(node, struct rp_task, node);

        task->fn(task);
    }
}

/* ---- the turn ---- */

void rp_loop_flush(struct rp_loop *loop)
{
    struct rp_list *node;
    rp_ns now;

    if (rp_list_is_empty(&loop->sends))
        return;
    now = rp_clock_ns();
    while ((node = rp_list_pop(&loop->sends)))
        now = rp_stream_offer(rp_container_of(node, struct rp_stream, send_node), now);
}

int rp_loop_turn(struct rp_loop *loop, rp_ns until)
{
    rp_ns late, taken = RP_NS_NEVER;
    int r;

    rp_assert(!loop->turning);
    loop->turning = true;
    loop->must_tell = false;
    rp_loop_flush(loop); /* what was queued between turns must not wait for an event */
    rp_stamps_looked(&loop->stamps, loop->woken);
    loop->woken = 0;
    loop->turn++;
    r = loop->ops->wait(loop, rp_loop_has_tasks(loop) ? 0 : until);
    late = late_since(loop, until);
    if (RP_UNLIKELY(late != RP_NS_NEVER))
        taken = take_what_has_arrived(loop, late, &r);
    fire_timers(loop, taken);
    run_tasks(loop);
    rp_loop_flush(loop);
    loop->turning = false;
    loop->must_tell = loop->outside != NULL;
    return r == -EINTR ? 0 : r;
}

/* ---- receive stamps ---- */

void rp_loop_add_stamp_user(struct rp_loop *loop, struct rp_stamp_user *user)
{
    if (loop->ops->is_virtual) /* there are no streams */
        return;
    user->loop = loop;
    rp_stamps_add(&loop->stamps, user);
}

void rp_loop_remove_stamp_user(struct rp_stamp_user *user)
{
    if (user->loop)
        rp_stamps_remove(&user->loop->stamps, user);
    user->loop = NULL;
}

/* ---- foreign descriptors ---- */

int rp_watch_start(struct rp_loop *loop, struct rp_watch *watch, int fd, unsigned wanted,
                   rp_watch_fn *fn)
{
    bool is_new = !watch->loop;
    int r;

    wanted &= RP_READABLE | RP_WRITABLE;
    if (!wanted || (!is_new && (watch->loop != loop || watch->fd != fd)))
        return -EINVAL;
    if (is_new) {
        watch->fd = fd;
        watch->wanted = watch->state = 0;
        r = rp_slots_add(&loop->slots, watch, &watch->token);
        if (r < 0)
            return r;
    }
    r = is_new || wanted != watch->wanted ? loop->ops->watch(loop, watch, wanted) : 0;
    if (r < 0) {
        if (is_new)
            rp_slots_remove(&loop->slots, watch->token);
        return r;
    }
    watch->loop = loop;
    watch->wanted = wanted;
    watch->fn = fn;
    return 0;
}

void rp_watch_stop(struct rp_watch *watch)
{
    struct rp_loop *loop = watch->loop;

    if (!loop)
        return;
    loop->ops->unwatch(loop, watch);
    rp_slots_remove(&loop->slots, watch->token);
    watch->loop = NULL;
    watch->wanted = 0;
}
