/* SPDX-License-Identifier: MIT */

/*
 * A run whose worker stands on the coordinator's own loop, in a program that is not ours: no process, no signals, and no
 * loop that is ours to turn. The messages are the same.
 *
 * Neither side can be stuck without the other, so nobody waits for the worker to say something: what holds it up holds
 * up this file's timers too. The exception is a hook that waits for something for longer than its time and swallows its
 * cancellation.
 */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

enum { SECOND_LOOK_S = 1 };

static void conclude(struct rp_task *task)
{
    struct rp_coordinator *c = rp_container_of(task, struct rp_coordinator, end_task);

    c->over(c->over_user, rp_coordinator_conclude(c, 0));
}

/* In a task: the caller is in the midst of a message. */
void rp_coordinator_local_over(struct rp_coordinator *c)
{
    rp_peers_take_your_time(c);
    rp_timer_disarm(&c->tick);
    rp_loop_defer(c->loop, &c->end_task, conclude);
}

/* The worker has said all it will say, or all that is waited for. */
void rp_coordinator_local_left(struct rp_coordinator *c)
{
    if (c->is_over)
        return;
    if (c->phase == PHASE_RUNNING) /* what it measured last is lost, but not how long it ran */
        c->result->elapsed = rp_coordinator_elapsed(c);
    rp_coordinator_end_pause(c);
    rp_coordinator_over(c);
}

/* Its time may have gone by while somebody else held up the thread: then it has not had its turn yet. */
static void hook_overdue(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_peer, patience)->c;
    bool is_setup = c->phase == PHASE_SETUP;

    if (!c->is_second_look) {
        c->is_second_look = true;
        rp_timer_arm(c->loop, timer, rp_loop_now(c->loop) + SECOND_LOOK_S * RP_S, hook_overdue);
        return;
    }
    rp_result_fail(c->result, is_setup ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN,
                   "%s() did not end past its timeout and was given up",
                   is_setup ? "setup" : "teardown");
    rp_coordinator_local_left(c);
}

void rp_coordinator_local_wait(struct rp_peer *peer, rp_ns due)
{
    struct rp_coordinator *c = peer->c;

    rp_peer_take_your_time(peer);
    if (c->phase != PHASE_SETUP && c->phase != PHASE_TEARDOWN)
        return;
    c->is_second_look = false;
    rp_timer_arm(c->loop, &peer->patience, rp_ns_add(due, RP_PATIENCE_S * RP_S), hook_overdue);
}

/* ---- for the program --------------------------------------------------------------------------------------- */

int rp_coordinator_new(const struct rp_coordinator_config *config, struct rp_loop *loop, int fd,
                       struct rp_result *ret, struct rp_error *err,
                       void (*over)(void *user, int status), void *user,
                       struct rp_coordinator **coordinator)
{
    struct rp_coordinator *c = rp_calloc(1, sizeof(*c));
    struct rp_peer *peer;
    int r;

    if (!c)
        return -ENOMEM;
    *c = (struct rp_coordinator){ .config = config,
                                  .loop = loop,
                                  .result = ret,
                                  .err = err,
                                  .signal_fd = -1,
                                  .is_local = true,
                                  .over = over,
                                  .over_user = user };
    c->last_status = rp_loop_now(loop);
    if (config->run_id)
        snprintf(ret->run_id, sizeof(ret->run_id), "%s", config->run_id);
    else
        rp_coordinator_make_run_id(ret->run_id);
    r = rp_publish_start(c);
    if (r == 0)
        r = rp_peer_new(c, &peer);
    if (r == 0)
        r = rp_channel_open(&peer->channel, loop, fd, &rp_coordinator_channel_events);
    if (r < 0) {
        rp_coordinator_free(c);
        return r;
    }
    rp_coordinator_start_clock(c);
    *coordinator = c;
    return 0;
}

void rp_coordinator_request_stop(struct rp_coordinator *c, const char *reason, bool at_once)
{
    if (c->is_over)
        return;
    if (c->signals_seen++ == 0)
        rp_coordinator_stop_gracefully(c, reason, at_once ? 0 : RP_STOP_GRACE_MAX_S * RP_S);
    else if (at_once && c->phase == PHASE_RUNNING)
        rp_coordinator_stop(c, 0);
}

bool rp_coordinator_is_paused(const struct rp_coordinator *c)
{
    return c->is_paused;
}

void rp_coordinator_free(struct rp_coordinator *c)
{
    if (!c)
        return;
    rp_task_cancel(&c->end_task);
    rp_coordinator_deinit(c);
    rp_free(c);
}
