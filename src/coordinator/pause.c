/* SPDX-License-Identifier: MIT */

/*
 * Pauses. The coordinator keeps a clock of its own for what it shows and how long it waits; what the result says is what
 * the worker's engine has measured.
 */

#include <errno.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

rp_ns rp_coordinator_elapsed(const struct rp_coordinator *c)
{
    rp_ns now = rp_loop_now(c->loop);

    if (!c->started)
        return 0;
    if (c->has_finished)
        return c->result->elapsed;
    now -= c->paused + (c->is_paused ? now - c->paused_at : 0);
    return now > c->started ? now - c->started : 0; /* it starts at a time that was agreed upon */
}

static bool can_pause(const struct rp_coordinator *c)
{
    return !c->plan_only && !c->is_stopping && c->phase <= PHASE_RUNNING;
}

void rp_coordinator_pause(struct rp_coordinator *c)
{
    if (c->is_paused || !can_pause(c))
        return;
    c->is_paused = true;
    c->pauses_begun++;
    c->paused_at = rp_loop_now(c->loop);
    rp_publish_pause(c);
    if (c->phase == PHASE_RUNNING) { /* earlier: told before the start */
        rp_peers_send(c, RP_MSG_PAUSE, NULL);
        rp_peers_take_your_time(c);
    }
    rp_publish_status(c);
}

void rp_coordinator_end_pause(struct rp_coordinator *c)
{
    if (!c->is_paused)
        return;
    if (c->started)
        c->paused += rp_loop_now(c->loop) - c->paused_at;
    c->is_paused = false;
    rp_publish_pause(c);
}

void rp_coordinator_resume(struct rp_coordinator *c)
{
    rp_ns left;

    if (!c->is_paused)
        return;
    rp_coordinator_end_pause(c);
    if (c->phase == PHASE_RUNNING) {
        rp_peers_send(c, RP_MSG_RESUME, NULL);
        left = rp_plan_longest(c->result->plan) - rp_coordinator_elapsed(c);
        rp_peers_be_patient(c, 3, left > 0 ? left : 0);
    }
    rp_publish_status(c);
}

/* ---- the record -------------------------------------------------------------------------------------------- */

static int add_pause(struct rp_coordinator *c, rp_ns start)
{
    struct rp_result *result = c->result;
    struct rp_result_pause *pauses;

    c->is_noting = true;
    c->is_listed = result->pause_count < RP_RESULT_PAUSES_MAX;
    if (!c->is_listed)
        return 0;
    pauses = rp_realloc_array(result->pauses, result->pause_count + 1, sizeof(*pauses));
    if (!pauses)
        return -ENOMEM;
    result->pauses = pauses;
    pauses[result->pause_count++] = (struct rp_result_pause){ .start = start };
    return 0;
}

/* The worker that told for all is lost, and the sums of the one that does it now differ by microseconds: no pause of its
 * own, even if it has not yet heard of the end of the last one. */
static void take_over(struct rp_peer *peer, bool is_paused)
{
    struct rp_coordinator *c = peer->c;

    if (!c->is_noting && !(is_paused && c->is_paused))
        c->noted = peer->paused;
    if (!is_paused || c->is_paused)
        c->noted_by = peer->index;
}

/*
 * A worker tells at each beginning and end, and in between: a pause that is known grows. Of several workers, which hear
 * of it microseconds after each other, the first tells for all.
 */
int rp_note_pauses(struct rp_peer *peer, rp_ns elapsed, rp_ns paused, bool is_paused)
{
    struct rp_coordinator *c = peer->c;
    struct rp_result *result = c->result;
    rp_ns length;
    int r = 0;

    if (elapsed < 0 || paused < peer->paused || paused > elapsed)
        return -EBADMSG;
    peer->paused = paused;
    if (elapsed - paused > result->elapsed)
        result->elapsed = elapsed - paused;
    if (peer != rp_peer_first(c))
        return 0;
    if (c->noted_by != peer->index)
        take_over(peer, is_paused);
    length = paused > c->noted ? paused - c->noted : 0;
    if (!c->is_noting && c->pauses_noted == c->pauses_begun) {
        c->noted = paused; /* it has only now come to what another one has told */
    } else if (!c->is_noting && (length || (is_paused && c->noted_by == peer->index))) {
        r = add_pause(c, elapsed - length);
        if (r < 0)
            return r;
        c->pauses_noted++;
    }
    if (paused > result->paused) /* the first may be another one than before */
        result->paused = paused;
    if (!c->is_noting)
        return 0;
    if (c->is_listed)
        result->pauses[result->pause_count - 1].length = length;
    if (!is_paused) {
        c->is_noting = false;
        c->noted = paused;
    }
    return 0;
}
