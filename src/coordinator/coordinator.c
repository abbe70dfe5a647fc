/* SPDX-License-Identifier: MIT */

/*
 * The place that acts. Everything that comes from outside (a message, the end of a worker, a timer,
 * a signal, a call of the program's) enters here; what follows from it is decided elsewhere
 * (next.h), and done here:
 *
 *   hello -> load -> declared -> plan -> ready -> [setup] -> start -> deltas ... finished -> [teardown] -> exit -> bye
 *
 * The first worker comes alone as far as the plan, which says how many there are, and runs setup()
 * and teardown(); the others get what setup() returned by `share`. All start at one moment.
 * Whatever goes wrong ends in leave(): the workers are asked to say their totals and go, and are
 * killed if they do not.
 */

#include "coordinator/coordinator.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/loss.h"
#include "coordinator/receive.h"

enum { START_LEAD_MS = 20 };

static void enter(struct rp_coordinator *c, enum rp_phase phase)
{
    rp_assert(rp_phase_may_follow(c->phase, phase));
    c->phase = phase;
}

/* What a worker was told is @step, and @type says it. */
static void tell(struct rp_peer *peer, enum rp_step step, enum rp_message_type type,
                 const void *fields)
{
    peer->step = step;
    rp_peer_send(peer, type, fields);
}

/* ---- until there is a plan ------------------------------------------------------------------- */

static int start_worker(struct rp_coordinator *c)
{
    uint32_t index = (uint32_t)c->peers.count;
    struct rp_peer *peer;
    int r = rp_merging_add_worker(&c->merging, index);

    if (r == 0)
        r = rp_peers_start(&c->peers, c->err, &peer);
    if (r == 0)
        c->result->workers[index].pid = peer->pid; /* for one that never says hello */
    return r;
}

static void load(struct rp_coordinator *c, struct rp_peer *peer)
{
    const struct rp_msg_load message = { .script = rp_slice_str(c->config->script),
                                         .requests = c->config->requests };

    rp_peer_take_your_time(peer); /* the script's module code may take its time */
    tell(peer, RP_STEP_LOADING, RP_MSG_LOAD, &message);
    if (peer->index != 0)
        return;
    enter(c, RP_PHASE_LOADING);
    rp_publish_status(c);
}

static void send_plan(struct rp_coordinator *c, struct rp_peer *peer)
{
    const struct rp_msg_plan message = { .json = rp_buf_slice(&c->plan_json),
                                         .worker = peer->index,
                                         .workers = c->peers.count,
                                         .samples = c->measured.wants_samples };

    tell(peer, RP_STEP_PLANNING, RP_MSG_PLAN, &message);
}

/* So many workers as the plan says. */
static struct rp_next start_others(struct rp_coordinator *c, struct rp_peer *first)
{
    int64_t count = c->result->plan->workers, max = c->peers.source->max;
    int r = 0;

    if (c->is_stopping) /* a sink has said so as it was opened: the first one is being ended */
        return (struct rp_next){ .kind = RP_NEXT_NOTHING };
    if (max && count > max)
        count = max;
    while (r == 0 && (int64_t)c->peers.count < count)
        r = start_worker(c);
    if (r == 0) {
        enter(c, RP_PHASE_PLANNING);
        return (struct rp_next){ .kind = RP_NEXT_PLAN, .peer = first };
    }
    if (!c->err->message)
        rp_error_set(c->err, r, "cannot prepare the run: %s", strerror(-r));
    return (struct rp_next){ .kind = RP_NEXT_LEAVE, .status = r };
}

/* ---- from setup to teardown ------------------------------------------------------------------ */

static void run_hook(struct rp_coordinator *c, enum rp_phase phase, enum rp_message_type type,
                     const void *fields, rp_ns timeout)
{
    struct rp_peer *first = rp_peers_first(&c->peers);

    enter(c, phase);
    first->step = RP_STEP_HOOK;
    rp_publish_phase(c);
    rp_publish_status(c);
    rp_peer_send(first, type, fields);
    rp_peer_be_patient(first, 1, timeout);
}

/* To those that did not run setup(). */
static void share(struct rp_coordinator *c, const struct rp_peer *owner, struct rp_slice data)
{
    RP_EACH_PEER (&c->peers, peer) {
        if (peer == owner)
            continue;
        tell(peer, RP_STEP_SHARING, RP_MSG_SHARE, &(struct rp_msg_share){ .data = data });
        rp_peer_be_patient(peer, 1, c->result->plan->setup_timeout);
    }
}

/* The moment by the worker's clock; 0, which is at once, when it is the only one or nobody knows
 * its clock. */
static rp_ns moment_of(const struct rp_peer *peer, rp_ns at)
{
    if (peer->peers->count == 1 || (peer->body->ops->has_own_clock && !peer->has_told_clock))
        return 0;
    return peer->clock_ahead > 0 ? rp_ns_add(at, peer->clock_ahead) : at + peer->clock_ahead;
}

static void start_peer(struct rp_coordinator *c, struct rp_peer *peer, rp_ns at)
{
    peer->step = RP_STEP_RUNNING;
    peer->heard = at;
    rp_peer_be_patient(peer, 3, rp_plan_longest(c->result->plan));
    if (c->pauses.is_paused) {
        rp_peer_send(peer, RP_MSG_PAUSE, NULL);
        rp_peer_take_your_time(peer);
    }
    rp_peer_send(peer, RP_MSG_START, &(struct rp_msg_start){ .at = moment_of(peer, at) });
}

static void run(struct rp_coordinator *c)
{
    /* Of the loop's clock: when everybody will have heard of it. */
    rp_ns now = rp_loop_now(c->loop);
    rp_ns at = c->peers.count > 1 ? now + START_LEAD_MS * RP_MS : now;

    enter(c, RP_PHASE_RUNNING);
    rp_pauses_start(&c->pauses, at);
    c->result->started_wall_ns = rp_wall_clock_ns() + (at - now);
    RP_EACH_PEER (&c->peers, peer) {
        start_peer(c, peer, at);
    }
    rp_publish_phase(c);
    rp_publish_status(c);
}

/* Whether there was one: then its end is to be published. Here and below the workers are told first
 * and the sinks last, for a sink may steer the run from inside an event: what the workers hear last
 * must be what was wanted last. */
static bool end_pause(struct rp_coordinator *c)
{
    return rp_pauses_end(&c->pauses, rp_loop_now(c->loop));
}

static void stop(struct rp_coordinator *c, rp_ns grace)
{
    bool was_paused = end_pause(c);

    c->is_stopping = true;
    c->result->is_cut_short = true;
    rp_peers_send(&c->peers, RP_MSG_STOP, &(struct rp_msg_stop){ .grace = grace });
    rp_peers_be_patient(&c->peers, 1, grace);
    if (was_paused)
        rp_publish_pause(c);
    rp_publish_phase(c);
    rp_publish_status(c);
}

static void pause_all(struct rp_coordinator *c)
{
    if (!rp_pauses_begin(&c->pauses, rp_loop_now(c->loop)))
        return;
    if (c->phase == RP_PHASE_RUNNING) { /* earlier: told before the start */
        rp_peers_send(&c->peers, RP_MSG_PAUSE, NULL);
        rp_peers_take_your_time(&c->peers);
    }
    rp_publish_pause(c);
    rp_publish_status(c);
}

static void resume_all(struct rp_coordinator *c)
{
    if (!end_pause(c))
        return;
    if (c->phase == RP_PHASE_RUNNING) {
        rp_ns left = rp_plan_longest(c->result->plan) - rp_coordinator_elapsed(c);

        rp_peers_send(&c->peers, RP_MSG_RESUME, NULL);
        rp_peers_be_patient(&c->peers, 3, left > 0 ? left : 0);
    }
    rp_publish_pause(c);
    rp_publish_status(c);
}

static void adjust(struct rp_coordinator *c, const struct rp_result_adjustment *adjustment)
{
    const struct rp_scenario *scenario = &c->result->plan->scenarios[adjustment->scenario];
    const struct rp_msg_adjust message = { .scenario = rp_slice_str(scenario->name),
                                           .what = adjustment->what,
                                           .value = adjustment->value,
                                           .at = adjustment->at,
                                           .hold = adjustment->hold };

    rp_peers_send(&c->peers, RP_MSG_ADJUST, &message);
    rp_publish_adjustment(c, adjustment);
}

/* The iterations do not begin. */
static void abandon(struct rp_coordinator *c)
{
    bool was_paused = end_pause(c);

    c->is_stopping = true;
    if (was_paused)
        rp_publish_pause(c);
    rp_publish_status(c);
}

static struct rp_next finish(struct rp_coordinator *c)
{
    c->has_finished = true;
    if (end_pause(c))
        rp_publish_pause(c);
    if (c->phase != RP_PHASE_RUNNING) /* told of the pause's end, a sink has stopped the run */
        return (struct rp_next){ .kind = RP_NEXT_NOTHING };
    rp_judge_errors(c->result);
    return (struct rp_next){ .kind = RP_NEXT_TEARDOWN };
}

/* ---- the end --------------------------------------------------------------------------------- */

static void leave(struct rp_coordinator *c)
{
    enter(c, RP_PHASE_LEAVING);
    RP_EACH_PEER (&c->peers, peer) {
        tell(peer, RP_STEP_LEAVING, RP_MSG_EXIT, NULL);
        rp_peer_be_patient(peer, 3, 0);
    }
}

/* Somebody is in the midst of a message: what follows comes in a task, or when the turn of the loop
 * is over. */
static void over(struct rp_coordinator *c)
{
    enter(c, RP_PHASE_OVER);
    rp_timer_disarm(&c->tick);
    if (end_pause(c))
        rp_publish_pause(c);
    if (c->conclude)
        rp_loop_defer(c->loop, &c->end_task, c->conclude);
}

static void ended(struct rp_coordinator *c, struct rp_peer *peer, const struct rp_peer_end *end)
{
    struct rp_next next = { .kind = RP_NEXT_LOOK };

    rp_peer_close(peer);
    if (peer->has_farewell || (c->phase == RP_PHASE_LEAVING && c->status < 0)) {
        peer->step = RP_STEP_GONE;
        rp_coordinator_act(c, next);
        return;
    }
    /* What it measured last is lost, but not how long it ran. */
    if (c->phase == RP_PHASE_RUNNING && !rp_peers_has_other(peer))
        c->result->elapsed = rp_coordinator_elapsed(c);
    rp_coordinator_act(c, rp_loss_of(c, peer, end));
}

/* It has said its last word, or cannot say one any more. A process ends too: that is where it is
 * dealt with. */
static void expect_end(struct rp_coordinator *c, struct rp_peer *peer, const char *how)
{
    if (peer->body->ops->ends_with_channel)
        ended(c, peer, &(struct rp_peer_end){ how, true });
    else
        rp_peer_expect_end(peer);
}

/* ---- acting ---------------------------------------------------------------------------------- */

static struct rp_next look(const struct rp_coordinator *c)
{
    const struct rp_plan *plan = c->result->plan;

    return rp_phase_next((struct rp_phase_facts){ .phase = c->phase,
                                                  .has_setup = plan && plan->has_setup,
                                                  .is_stopping = c->is_stopping },
                         &c->peers);
}

static struct rp_next tear_down(struct rp_coordinator *c)
{
    const struct rp_plan *plan = c->result->plan;

    if (!plan->has_teardown)
        return (struct rp_next){ .kind = RP_NEXT_LEAVE };
    run_hook(c, RP_PHASE_TEARDOWN, RP_MSG_TEARDOWN, NULL, plan->teardown_timeout);
    return (struct rp_next){ .kind = RP_NEXT_NOTHING };
}

/* One step. What follows from it at once. */
static struct rp_next do_next(struct rp_coordinator *c, struct rp_next next)
{
    static const struct rp_next nothing = { .kind = RP_NEXT_NOTHING };
    static const struct rp_next then_look = { .kind = RP_NEXT_LOOK };

    switch (next.kind) {
    case RP_NEXT_NOTHING:
        break;
    case RP_NEXT_LOAD:
        load(c, next.peer);
        break;
    case RP_NEXT_START:
        return start_others(c, next.peer);
    case RP_NEXT_PLAN:
        send_plan(c, next.peer);
        break;
    case RP_NEXT_LOOK:
        return look(c);
    case RP_NEXT_SETUP:
        run_hook(c, RP_PHASE_SETUP, RP_MSG_SETUP,
                 &(struct rp_msg_setup){ .share = c->peers.count > 1 },
                 c->result->plan->setup_timeout);
        break;
    case RP_NEXT_SHARE:
        share(c, next.peer, next.data);
        return then_look;
    case RP_NEXT_RUN:
        run(c);
        break;
    case RP_NEXT_ROUND:
        rp_publish_snapshot(c);
        rp_publish_generator(c);
        return rp_judge_live(c, next.elapsed);
    case RP_NEXT_ABANDON:
        abandon(c);
        return then_look;
    case RP_NEXT_STOP:
        stop(c, next.grace);
        return then_look;
    case RP_NEXT_PAUSE:
        pause_all(c);
        break;
    case RP_NEXT_RESUME:
        resume_all(c);
        break;
    case RP_NEXT_ADJUST:
        adjust(c, next.adjustment);
        break;
    case RP_NEXT_FINISHED:
        return finish(c);
    case RP_NEXT_TEARDOWN:
        return tear_down(c);
    case RP_NEXT_LEAVE:
        leave(c);
        break;
    case RP_NEXT_END:
        expect_end(c, next.peer, "has left");
        break;
    case RP_NEXT_KILL:
        rp_peer_kill(next.peer);
        break;
    case RP_NEXT_KILL_ALL:
        rp_peers_kill(&c->peers);
        break;
    case RP_NEXT_OVER:
        over(c);
        break;
    }
    return nothing;
}

void rp_coordinator_act(struct rp_coordinator *c, struct rp_next next)
{
    while (next.kind != RP_NEXT_NOTHING) {
        if (next.status < 0)
            c->status = next.status;
        next = do_next(c, next);
    }
}

/* ---- what comes from the workers ------------------------------------------------------------- */

static struct rp_coordinator *coordinator_of(struct rp_peer *peer)
{
    return rp_container_of(peer->peers, struct rp_coordinator, peers);
}

static bool is_heard(const struct rp_coordinator *c, const struct rp_peer *peer)
{
    return c->phase != RP_PHASE_OVER && peer->step != RP_STEP_GONE;
}

static void on_message(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = coordinator_of(peer);

    if (is_heard(c, peer))
        rp_coordinator_act(c, rp_receive(c, peer, message));
}

static void on_closed(struct rp_peer *peer, int status)
{
    struct rp_coordinator *c = coordinator_of(peer);

    if (!is_heard(c, peer))
        return;
    if (status < 0 && status != -ECONNRESET)
        rp_coordinator_act(c, rp_receive_nonsense(c, peer, status));
    else
        expect_end(c, peer, "closed its connection");
}

static void on_unsent(struct rp_peer *peer, int status)
{
    struct rp_coordinator *c = coordinator_of(peer);

    if (!is_heard(c, peer))
        return;
    rp_result_fail(c->result, RP_EXIT_INTERNAL, "a worker could not be told what to do: %s",
                   strerror(-status));
    rp_coordinator_act(c, (struct rp_next){ .kind = RP_NEXT_KILL, .peer = peer });
}

static void on_line(struct rp_peer *peer, bool is_stderr, const char *text)
{
    rp_publish_line(coordinator_of(peer), is_stderr, text);
}

static void on_ended(struct rp_peer *peer, const struct rp_peer_end *end)
{
    ended(coordinator_of(peer), peer, end);
}

static void on_overdue(struct rp_peer *peer)
{
    struct rp_coordinator *c = coordinator_of(peer);

    rp_coordinator_act(c, rp_loss_overdue(c, peer));
}

const struct rp_peers_events rp_coordinator_peers_events = {
    .message = on_message,
    .closed = on_closed,
    .unsent = on_unsent,
    .line = on_line,
    .ended = on_ended,
    .overdue = on_overdue,
};

/* ---- what comes from the clock --------------------------------------------------------------- */

static void tick(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_coordinator, tick);

    RP_EACH_PEER (&c->peers, peer) {
        rp_coordinator_act(c, rp_loss_look(c, peer));
    }
    if (c->phase == RP_PHASE_OVER)
        return;
    rp_publish_status(c);
    rp_timer_arm(c->loop, timer, now + RP_S, tick);
}

int rp_coordinator_start(struct rp_coordinator *c)
{
    int r = start_worker(c);

    if (r == 0)
        rp_timer_arm(c->loop, &c->tick, rp_loop_now(c->loop) + RP_S, tick);
    return r;
}
