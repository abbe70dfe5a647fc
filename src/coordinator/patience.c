/* SPDX-License-Identifier: MIT */

/*
 * How long a worker is waited for. When what it was told should be over, it is reminded once a second: a worker whose
 * script blocks it interrupts that script then, one that is busy goes on. When that does not help it is killed. While
 * iterations run, a worker that still reports is slow and not stuck, and has the patience that is meant for that.
 */

#include <stdio.h>

#include "coordinator/coordinator_internal.h"

enum { REMIND_S = 1, SECOND_LOOK_S = 1 };

static rp_ns patience_of(const struct rp_coordinator *c)
{
    return c->config->patience > 0 ? c->config->patience : RP_PATIENCE_S * RP_S;
}

void rp_peer_kill(struct rp_peer *peer)
{
    peer->was_killed = true;
    peer->body->ops->kill(peer->body);
}

bool rp_peer_has_answered(struct rp_peer *peer)
{
    unsigned before = peer->patience_changes;
    rp_ns heard = peer->heard;

    rp_channel_receive(&peer->channel);
    return peer->patience_changes != before || peer->heard != heard ||
           peer->body->ops->look(peer->body) == RP_PEER_ENDED;
}

static void say_why(struct rp_peer *peer)
{
    struct rp_coordinator *c = peer->c;
    const char *words = rp_peer_last_words(peer);
    const char *before = *words ? "; its last words: " : "";
    char who[40] = "the worker";

    if (c->peer_count > 1)
        snprintf(who, sizeof(who), "worker %u", peer->index + 1);
    if (peer->is_cut && !peer->has_farewell) {
        rp_peer_fail(peer, RP_EXIT_INTERNAL, "%s closed its channel and was killed", who);
    } else if (peer->step == STEP_HOOK) {
        rp_result_fail(c->result, c->phase == PHASE_SETUP ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN,
                       "%s() %s%s%s", c->phase == PHASE_SETUP ? "setup" : "teardown",
                       peer->body->ops->overdue, before, words);
    } else if (
        peer->has_farewell) { /* a thread of the script, say: nothing of the run is missing */
        char text[100];

        snprintf(text, sizeof(text), "%s did not end by itself and was killed", who);
        rp_result_warn(c->result, "%s", text);
    } else if (peer->step == STEP_HELLO) {
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s did not say hello in time and was killed",
                       who);
    } else if (peer->step < STEP_RUNNING) {
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s did not get ready in time and was killed",
                       who);
    } else if (c->result->exit_code == RP_EXIT_ABORTED) { /* what was wanted has come about */
        char text[100];

        snprintf(text, sizeof(text), "%s did not stop in time and was killed", who);
        rp_result_warn(c->result, "%s", text);
    } else {
        rp_peer_fail(peer, RP_EXIT_INTERNAL, "%s did not stop in time and was killed%s%s", who,
                     before, words);
    }
}

static void patience_lost(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, patience);
    unsigned before = peer->patience_changes;
    rp_ns silent_until;

    rp_channel_receive(&peer->channel);
    if (peer->patience_changes != before || peer->body->ops->look(peer->body) == RP_PEER_ENDED)
        return;
    silent_until = peer->heard + patience_of(peer->c);
    if (peer->step == STEP_RUNNING && silent_until > now && peer->limit > now) {
        rp_timer_arm(peer->c->loop, timer, silent_until < peer->limit ? silent_until : peer->limit,
                     patience_lost);
        return;
    }
    say_why(peer);
    rp_peer_kill(peer);
}

static void time_is_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, reminder);

    peer->body->ops->remind(peer->body);
    rp_timer_arm(peer->c->loop, timer, now + REMIND_S * RP_S, time_is_over);
}

/* Its time may have gone by while somebody else held up the thread: then it has not had its turn yet. */
static void hook_overdue(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, patience);
    struct rp_loop *loop = peer->c->loop;

    if (!peer->is_second_look) {
        peer->is_second_look = true;
        rp_timer_arm(loop, timer, rp_loop_now(loop) + SECOND_LOOK_S * RP_S, hook_overdue);
        return;
    }
    say_why(peer);
    rp_peer_kill(peer);
}

/* One that shares our thread is waited for in hooks only. */
static void wait_for_hook(struct rp_peer *peer, rp_ns due)
{
    rp_peer_take_your_time(peer);
    if (peer->step != STEP_HOOK)
        return;
    peer->is_second_look = false;
    rp_timer_arm(peer->c->loop, &peer->patience, rp_ns_add(due, RP_PATIENCE_S * RP_S),
                 hook_overdue);
}

void rp_peer_be_patient(struct rp_peer *peer, int times, rp_ns more)
{
    struct rp_loop *loop = peer->c->loop;
    rp_ns due = rp_ns_add(rp_loop_now(loop), more);
    rp_ns patience = patience_of(peer->c);

    if (peer->body->ops->shares_thread) {
        wait_for_hook(peer, due);
        return;
    }
    peer->patience_changes++;
    peer->limit = rp_ns_add(due, times * patience);
    if (peer->body->ops->remind)
        rp_timer_arm(loop, &peer->reminder, rp_ns_add(due, REMIND_S * RP_S), time_is_over);
    rp_timer_arm(loop, &peer->patience,
                 peer->step == STEP_RUNNING ? rp_ns_add(due, patience) : peer->limit,
                 patience_lost);
}

void rp_peer_take_your_time(struct rp_peer *peer)
{
    peer->patience_changes++;
    rp_timer_disarm(&peer->reminder);
    rp_timer_disarm(&peer->patience);
}

void rp_peers_be_patient(struct rp_coordinator *c, int times, rp_ns more)
{
    RP_EACH_PEER (c, peer) {
        if (peer->step == STEP_RUNNING && !peer->is_cut)
            rp_peer_be_patient(peer, times, more);
    }
}

void rp_peers_take_your_time(struct rp_coordinator *c)
{
    RP_EACH_PEER (c, peer) {
        if (!peer->is_cut) /* what cannot be spoken with any more has its time all the same */
            rp_peer_take_your_time(peer);
    }
}
