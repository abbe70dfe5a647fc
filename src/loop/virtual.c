/* SPDX-License-Identifier: MIT */

/*
 * Virtual time: nothing happens but timers, and waiting for a timer takes no time. There are no
 * descriptors.
 */

#include "loop/backend.h"

#include <errno.h>

static const char *virtual_unusable(void)
{
    return NULL;
}

static int virtual_open(struct rp_loop *loop)
{
    return 0;
}

static void virtual_close(struct rp_loop *loop)
{
}

/* With neither a timer nor a limit nothing can ever happen: the turn is empty instead of
 * endless. */
static int virtual_wait(struct rp_loop *loop, rp_ns until)
{
    /* The wheel's next deadline may be the beginning of a slot: go on to a real one. */
    for (;;) {
        rp_ns next = rp_loop_next(loop) < until ? rp_loop_next(loop) : until;

        if (next > loop->virtual_now && next != RP_NS_NEVER)
            loop->virtual_now = next;
        rp_loop_collect(loop, loop->virtual_now);
        if (!rp_list_is_empty(&loop->due) || next == until)
            break;
    }
    return 0;
}

static int virtual_arm(struct rp_loop *loop, struct rp_stream *stream)
{
    return -EOPNOTSUPP;
}

static void virtual_pause(struct rp_loop *loop, struct rp_stream *stream)
{
}

static void virtual_disarm(struct rp_loop *loop, struct rp_stream *stream)
{
}

static int virtual_watch(struct rp_loop *loop, struct rp_watch *watch, unsigned wanted)
{
    return -EOPNOTSUPP;
}

static void virtual_unwatch(struct rp_loop *loop, struct rp_watch *watch)
{
}

static int virtual_fd(struct rp_loop *loop)
{
    return -1;
}

void rp_loop_virtual_set(struct rp_loop *loop, rp_ns now)
{
    rp_assert(loop->ops->is_virtual);
    rp_assert(now >= loop->virtual_now);
    loop->virtual_now = now;
}

static const struct rp_loop_ops virtual_ops = {
    .name = "virtual",
    .is_virtual = true,
    .unusable = virtual_unusable,
    .open = virtual_open,
    .close = virtual_close,
    .wait = virtual_wait,
    .arm = virtual_arm,
    .pause = virtual_pause,
    .disarm = virtual_disarm,
    .watch = virtual_watch,
    .unwatch = virtual_unwatch,
    .fd = virtual_fd,
};

const struct rp_loop_ops *const rp_loop_virtual = &virtual_ops;
