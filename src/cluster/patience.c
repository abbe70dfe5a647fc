/* SPDX-License-Identifier: MIT */

/*
 * How long a worker is waited for. When what it was told should be over, it is reminded once a second: a worker whose
 * script blocks it interrupts that script then, one that is busy goes on. When that does not help it is killed. While
 * iterations run, a worker that still reports is slow and not stuck, and has the patience that is meant for that.
 */

#include <signal.h>

#include "cluster/coordinator_internal.h"

enum { REMIND_S = 1 };

static rp_ns patience_of(const struct rp_coordinator *c)
{
    return c->config->patience > 0 ? c->config->patience : RP_PATIENCE_S * RP_S;
}

void rp_coordinator_kill(struct rp_coordinator *c)
{
    c->was_killed = true;
    if (c->is_local)
        rp_coordinator_local_left(c);
    else
        rp_process_kill(&c->process, SIGKILL);
}

/* Who comes late is not late when it is the coordinator that did not look: it may have been stopped itself, or waited for
 * somebody to read its output. */
static bool has_answered(struct rp_coordinator *c)
{
    unsigned before = c->patience_changes;

    rp_channel_receive(&c->channel);
    return c->patience_changes != before || rp_process_has_ended(&c->process);
}

static void say_why(struct rp_coordinator *c)
{
    const char *words = rp_buf_str(&c->process.last_words);
    const char *before = *words ? "; its last words: " : "";

    if (c->is_cut && !c->has_farewell)
        rp_coordinator_fail(c, RP_EXIT_INTERNAL, "the worker closed its channel and was killed");
    else if (c->phase == PHASE_SETUP || c->phase == PHASE_TEARDOWN)
        rp_coordinator_fail(c, c->phase == PHASE_SETUP ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN,
                            "%s() blocked past its timeout and was killed%s%s",
                            c->phase == PHASE_SETUP ? "setup" : "teardown", before, words);
    else if (c->has_farewell) /* a thread of the script, say: nothing of the run is missing */
        rp_coordinator_warn(c, "the worker did not end by itself and was killed");
    else if (c->phase == PHASE_HELLO)
        rp_coordinator_fail(c, RP_EXIT_INTERNAL,
                            "the worker did not say hello in time and was killed");
    else if (c->result->exit_code == RP_EXIT_ABORTED) /* what was wanted has come about */
        rp_coordinator_warn(c, "the worker did not stop in time and was killed");
    else
        rp_coordinator_fail(c, RP_EXIT_INTERNAL,
                            "the worker did not stop in time and was killed%s%s", before, words);
}

static void patience_lost(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_coordinator, patience);
    rp_ns silent_until;

    if (has_answered(c))
        return;
    silent_until = c->heard + patience_of(c);
    if (c->phase == PHASE_RUNNING && silent_until > now && c->limit > now) {
        rp_timer_arm(c->loop, timer, silent_until < c->limit ? silent_until : c->limit,
                     patience_lost);
        return;
    }
    say_why(c);
    rp_coordinator_kill(c);
}

static void time_is_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_coordinator, reminder);

    rp_process_remind(&c->process);
    rp_timer_arm(c->loop, timer, now + REMIND_S * RP_S, time_is_over);
}

void rp_coordinator_be_patient(struct rp_coordinator *c, int times, rp_ns more)
{
    rp_ns due = rp_ns_add(rp_loop_now(c->loop), more);

    if (c->is_local) {
        rp_coordinator_local_wait(c, due);
        return;
    }
    c->patience_changes++;
    c->limit = rp_ns_add(due, times * patience_of(c));
    rp_timer_arm(c->loop, &c->reminder, rp_ns_add(due, REMIND_S * RP_S), time_is_over);
    rp_timer_arm(c->loop, &c->patience,
                 c->phase == PHASE_RUNNING ? rp_ns_add(due, patience_of(c)) : c->limit,
                 patience_lost);
}

void rp_coordinator_take_your_time(struct rp_coordinator *c)
{
    c->patience_changes++;
    rp_timer_disarm(&c->reminder);
    rp_timer_disarm(&c->patience);
}
