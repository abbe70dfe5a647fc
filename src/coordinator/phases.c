/* SPDX-License-Identifier: MIT */

/* What the coordinator has its workers do, one phase after the other. */

#include "coordinator/coordinator_internal.h"

enum { START_LEAD_MS = 20 };

void rp_coordinator_stop(struct rp_coordinator *c, rp_ns grace)
{
    rp_coordinator_end_pause(c);
    c->is_stopping = true;
    rp_publish_phase(c);
    RP_EACH_PEER (c, peer) {
        rp_peer_send(peer, RP_MSG_STOP, &(struct rp_msg_stop){ .grace = grace });
        if (peer->step == STEP_RUNNING && !peer->is_cut)
            rp_peer_be_patient(peer, 1, grace);
    }
}

/* ---- leaving ---------------------------------------------------------------------------------------------- */

void rp_coordinator_over(struct rp_coordinator *c)
{
    c->phase = PHASE_OVER;
    c->is_over = true;
    if (c->over)
        rp_coordinator_local_over(c);
}

void rp_coordinator_leave(struct rp_coordinator *c)
{
    c->phase = PHASE_LEAVING;
    RP_EACH_PEER (c, peer) {
        peer->step = STEP_LEAVING;
        rp_peer_send(peer, RP_MSG_EXIT, NULL);
        rp_peer_be_patient(peer, 1, 0);
    }
}

/* ---- phases ----------------------------------------------------------------------------------------------- */

void rp_coordinator_begin_teardown(struct rp_coordinator *c)
{
    struct rp_peer *first = rp_peer_first(c);

    if (!c->result->plan->has_teardown || c->setup_failed) {
        rp_coordinator_leave(c);
        return;
    }
    c->phase = PHASE_TEARDOWN;
    first->step = STEP_HOOK;
    rp_publish_phase(c);
    rp_publish_status(c);
    rp_peer_send(first, RP_MSG_TEARDOWN, NULL);
    rp_peer_be_patient(first, 1, c->result->plan->teardown_timeout);
}

/* Of the loop's clock: when everybody will have heard of it. */
static rp_ns moment_of_start(const struct rp_coordinator *c)
{
    rp_ns now = rp_loop_now(c->loop);

    return c->peer_count > 1 ? now + START_LEAD_MS * RP_MS : now;
}

/* The moment by the worker's clock; 0, which is at once, when it is the only one or nobody knows its clock. */
static rp_ns moment_of(const struct rp_peer *peer, rp_ns at)
{
    if (peer->c->peer_count == 1 || (peer->body->ops->has_own_clock && !peer->has_told_clock))
        return 0;
    return at + peer->clock_ahead;
}

static void start_peer(struct rp_peer *peer, rp_ns at)
{
    struct rp_msg_start start = { .at = moment_of(peer, at) };

    peer->step = STEP_RUNNING;
    peer->heard = at;
    rp_peer_be_patient(peer, 3, rp_plan_longest(peer->c->result->plan));
    if (peer->c->is_paused) {
        rp_peer_send(peer, RP_MSG_PAUSE, NULL);
        rp_peer_take_your_time(peer);
    }
    rp_peer_send(peer, RP_MSG_START, &start);
}

static void begin_running(struct rp_coordinator *c)
{
    c->phase = PHASE_RUNNING;
    c->started = c->paused_at = moment_of_start(c);
    c->next_judgement = RP_LIVE_THRESHOLDS_S * RP_S;
    c->result->started_wall_ns = rp_wall_clock_ns() + (c->started - rp_loop_now(c->loop));
    RP_EACH_PEER (c, peer) {
        start_peer(peer, c->started);
    }
    rp_publish_phase(c);
    rp_publish_status(c);
}

/* When all have said so. */
void rp_coordinator_check_ready(struct rp_coordinator *c)
{
    struct rp_peer *first = rp_peer_first(c);

    if (!rp_peers_are_all(c, STEP_READY))
        return;
    if (c->phase == PHASE_SETUP && c->is_stopping) {
        rp_coordinator_begin_teardown(c);
        return;
    }
    if (c->phase == PHASE_SETUP || !c->result->plan->has_setup) {
        begin_running(c);
        return;
    }
    c->phase = PHASE_SETUP;
    first->step = STEP_HOOK;
    rp_publish_phase(c);
    rp_publish_status(c);
    rp_peer_send(first, RP_MSG_SETUP, &(struct rp_msg_setup){ .share = c->peer_count > 1 });
    rp_peer_be_patient(first, 1, c->result->plan->setup_timeout);
}

/* What setup() returned goes to those that did not run it. */
void rp_coordinator_share(struct rp_coordinator *c, struct rp_slice data)
{
    RP_EACH_PEER (c, peer) {
        if (peer->index == 0)
            continue;
        peer->step = STEP_SHARING;
        rp_peer_send(peer, RP_MSG_SHARE, &(struct rp_msg_share){ .data = data });
        rp_peer_be_patient(peer, 1, c->result->plan->setup_timeout);
    }
    rp_coordinator_check_ready(c);
}

void rp_coordinator_check_finished(struct rp_coordinator *c)
{
    if (c->phase != PHASE_RUNNING || !rp_peers_are_all(c, STEP_FINISHED))
        return;
    c->has_finished = true;
    rp_coordinator_end_pause(c);
    rp_judge_errors(c);
    rp_coordinator_begin_teardown(c);
}
