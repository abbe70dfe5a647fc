/* SPDX-License-Identifier: MIT */

/*
 * The coordinator is a state machine over its workers' messages:
 *
 *   hello -> load -> declared -> plan -> ready -> [setup] -> start -> deltas ... finished -> [teardown] -> exit -> bye
 *
 * The first worker comes alone as far as the plan, which says how many there are, and runs setup() and teardown(); the
 * others get what setup() returned by `share`. All start at one moment. Whatever goes wrong ends in leave(): the workers
 * are asked to say their totals and go, and are killed if they do not.
 */

#include "coordinator/coordinator.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

enum { ABORT_REASON_MAX = 1000 };

/* The run cannot be: @c->err says why. */
static void give_up(struct rp_coordinator *c, int status)
{
    c->status = status;
    rp_coordinator_leave(c);
}

static void nonsense(struct rp_peer *peer, int status)
{
    rp_result_fail(peer->c->result, RP_EXIT_INTERNAL, "a worker's message could not be used: %s",
                   strerror(-status));
    rp_peer_kill(peer);
}

/* False when it is nonsense, which is dealt with. */
static bool read_message(struct rp_peer *peer, const struct rp_message *message, void *ret)
{
    int r = rp_message_read(message, ret);

    if (r < 0)
        nonsense(peer, r);
    return r == 0;
}

/* What a hook raised is an error group too, with its traceback. Its message is "Type: text". */
static void add_hook_error(struct rp_coordinator *c, const char *hook, const struct rp_error *err)
{
    struct rp_result *result = c->result;
    struct rp_error_group *errors = rp_realloc_array(result->errors, result->error_count + 1,
                                                     sizeof(*errors));
    const char *message = err->message ? err->message : "";
    size_t type = strcspn(message, ": ");
    size_t text = type + strspn(message + type, ": ");
    struct rp_error_group group;
    char place[512];

    if (!errors)
        return;
    snprintf(place, sizeof(place), "%s:%d in %s", err->file ? err->file : result->plan->script,
             err->line, hook);
    result->errors = errors;
    group = (struct rp_error_group){ .scenario = rp_strdup(hook),
                                     .type = rp_strndup(message, type),
                                     .message = rp_strdup(message + text),
                                     .place = rp_strdup(place),
                                     .traceback = err->detail ? rp_strdup(err->detail) : NULL,
                                     .count = 1 };
    if (group.scenario && group.type && group.message && group.place)
        errors[result->error_count++] = group;
    else
        rp_error_group_deinit(&group);
}

static void hook_failed(struct rp_coordinator *c, const struct rp_msg_fault *fault, bool is_setup)
{
    const char *hook = is_setup ? "setup" : "teardown";
    struct rp_error err = { 0 };

    rp_msg_fault_take(fault, &err);
    add_hook_error(c, hook, &err);
    rp_result_fail(c->result, is_setup ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN, "%s() failed: %s", hook,
                   err.message);
    c->setup_failed = is_setup;
    rp_error_deinit(&err);
}

static void on_hook_ended(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    bool is_setup = c->phase == PHASE_SETUP;
    struct rp_msg_hook_ended ended;

    if (!read_message(peer, message, &ended))
        return;
    peer->step = is_setup ? STEP_READY : STEP_FINISHED;
    rp_peer_take_your_time(peer);
    if (is_setup)
        c->result->setup_time = ended.took;
    else
        c->result->teardown_time = ended.took;
    if (!ended.ok)
        hook_failed(c, &ended.error, is_setup);
    if (is_setup && !c->setup_failed && !c->is_stopping)
        rp_coordinator_share(c, ended.data);
    else if (is_setup && !c->setup_failed)
        rp_coordinator_begin_teardown(c);
    else
        rp_coordinator_leave(c);
}

static int apply_trend_stats(struct rp_coordinator *c)
{
    struct rp_plan *plan = c->result->plan;
    const char *text = c->config->trend_stats;

    return text ? rp_plan_set_trend_stats(plan, text, "--summary-trend-stats", c->err) : 0;
}

static void send_plan(struct rp_peer *peer)
{
    struct rp_msg_plan plan = { .json = rp_buf_slice(&peer->c->plan_json),
                                .worker = peer->index,
                                .workers = peer->c->peer_count };

    peer->step = STEP_PLANNING;
    rp_peer_send(peer, RP_MSG_PLAN, &plan);
}

/* The plan is known: so many workers as it says. */
static int start_others(struct rp_coordinator *c)
{
    struct rp_peer *peer;
    int64_t count = c->result->plan->workers;
    int r = 0;

    if (c->source->max && count > c->source->max)
        count = c->source->max;

    while (r == 0 && (int64_t)c->peer_count < count) {
        r = rp_peer_new(c, &peer);
        if (r == 0)
            r = rp_peer_start(peer);
    }
    return r;
}

/* Its module code gave something else than the first worker's did. */
static void compare_declarations(struct rp_peer *peer, const char *json)
{
    if (strcmp(json, peer->c->declaration) != 0)
        rp_result_warn(peer->c->result,
                       "the script declares other things in one worker than in another; the "
                       "first one's count: its module code should do the same each time");
}

static int make_plan(struct rp_coordinator *c)
{
    int r = rp_plan_resolve(c->declaration, c->config->overrides, &c->result->plan, c->err);

    if (r == 0)
        r = apply_trend_stats(c);
    if (r == 0 && !c->plan_only)
        r = rp_sinks_open(c->config->sinks, c->result->plan, c->err);
    return r;
}

/* Each of several workers has some of the VUs. */
static int sum_gauges(struct rp_coordinator *c)
{
    static const char *const names[] = { "vus", "vus_max" };
    struct rp_view *view;
    int r = 0;

    for (size_t i = 0; r == 0 && c->result->plan->workers > 1 && i < RP_ARRAY_LEN(names); i++) {
        r = rp_store_metric(c->result->store, names[i], RP_GAUGE, false, &view, c->err);
        if (r == 0)
            r = rp_store_sum_gauge(c->result->store, names[i]);
    }
    return r;
}

static void on_first_declared(struct rp_peer *peer)
{
    struct rp_coordinator *c = peer->c;
    int r = make_plan(c);

    if (r < 0 || c->plan_only) {
        give_up(c, r);
        return;
    }
    rp_preflight(c);
    rp_buf_init(&c->plan_json, RP_MESSAGE_MAX_BYTES / 2);
    r = rp_judge_prepare(c);
    if (r == 0)
        r = sum_gauges(c);
    if (r == 0)
        r = rp_plan_write_json(c->result->plan, &c->plan_json);
    if (r == 0)
        r = start_others(c);
    if (r < 0) {
        if (!c->err->message)
            rp_error_set(c->err, r, "cannot prepare the run: %s", strerror(-r));
        give_up(c, r);
        return;
    }
    c->phase = PHASE_PLANNING;
    send_plan(peer);
}

static void on_declared(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_msg_declared declared;
    char *json;

    if (!read_message(peer, message, &declared))
        return;
    json = rp_msg_strdup(declared.json);
    if (!json) {
        give_up(c, -EBADMSG);
    } else if (c->declaration) {
        compare_declarations(peer, json);
        rp_free(json);
        send_plan(peer);
    } else {
        c->declaration = json;
        on_first_declared(peer);
    }
}

/* @peer cannot load the script, make its VUs, or use what setup() returned. */
static void on_failed(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_msg_failed failed;

    if (!read_message(peer, message, &failed))
        return;
    peer->step = STEP_READY; /* for `exit` */
    rp_peer_take_your_time(peer);
    if (c->phase == PHASE_SETUP) {
        hook_failed(c, &failed.error, true);
        c->setup_failed = false; /* it has not: there is something to tear down */
        rp_coordinator_begin_teardown(c);
    }
    if (c->phase > PHASE_PLANNING) /* or another one has said so already */
        return;
    rp_msg_fault_take(&failed.error, c->err);
    give_up(c, -RP_EUSER);
}

static void on_finished(struct rp_peer *peer, const struct rp_message *message)
{
    int r = rp_merge_finished(peer, message);

    if (r < 0) {
        rp_coordinator_end_pause(peer->c);
        nonsense(peer, r);
        return;
    }
    peer->step = STEP_FINISHED;
    rp_peer_take_your_time(peer);
    rp_coordinator_check_finished(peer->c);
}

/* Ours is behind by the time that the message took, so that this worker starts earlier by as much. */
static void note_clock(struct rp_peer *peer, rp_ns clock)
{
    if (!peer->body->ops->has_own_clock || clock <= 0)
        return;
    peer->clock_ahead = clock - rp_loop_now(peer->c->loop);
    peer->has_told_clock = true;
}

static void on_hello(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_msg_hello hello;
    int r;

    if (!read_message(peer, message, &hello))
        return;
    r = rp_merge_hello(peer, &hello);
    if (r == -EPROTO)
        rp_error_set(c->err, r, "the worker speaks another version of the protocol");
    if (r == 0)
        r = rp_channel_negotiate(&peer->channel, &hello, c->config->wire, c->err);
    if (r < 0) {
        give_up(c, r);
        return;
    }
    note_clock(peer, hello.clock);
    rp_peer_take_your_time(peer); /* the script's module code may take its time */
    peer->step = STEP_LOADING;
    if (peer->index == 0) {
        c->phase = PHASE_LOADING;
        rp_publish_status(c);
    }
    rp_peer_send(peer, RP_MSG_LOAD,
                 &(struct rp_msg_load){ .script = rp_slice_str(c->config->script) });
}

static void on_warning(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_msg_warning warning;
    char *text, *about;

    if (!read_message(peer, message, &warning))
        return;
    text = rp_msg_strdup(warning.text);
    about = rp_msg_strdup(warning.about);
    if (text && warning.count > 0)
        rp_result_warn_about(peer->c->result, about, text, warning.count);
    rp_free(text);
    rp_free(about);
}

static void on_bye(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_msg_bye bye;

    if (!read_message(peer, message, &bye))
        return;
    rp_merge_bye(peer, &bye);
    if (peer->body->ops->ends_with_channel)
        rp_peer_ended(peer, &(struct rp_peer_end){ "has left", true });
    else
        rp_peer_be_patient(peer, 1, 0);
}

/* At most @max bytes of a text, in whole characters. */
static int cut(struct rp_slice text, size_t max)
{
    size_t len = text.len < max ? text.len : max;

    while (len < text.len && len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

static void on_abort(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_msg_abort abort;

    if (!read_message(peer, message, &abort))
        return;
    rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by the script%s%.*s",
                   abort.reason.len ? ": " : "", cut(abort.reason, ABORT_REASON_MAX),
                   abort.reason.ptr ? abort.reason.ptr : "");
    if (c->phase == PHASE_RUNNING) /* the worker has stopped already; further ones have not */
        rp_coordinator_stop(c, 0);
    c->is_stopping = true;
    rp_publish_status(c);
}

/* Before there is a plan, and while only the plan is wanted, nothing is measured. */
static int merge(struct rp_peer *peer, const struct rp_message *message)
{
    if (!peer->c->result->store)
        return -EBADMSG;
    switch (rp_message_type(message)) {
    case RP_MSG_DEFINE:
        return rp_merge_define(peer, message);
    case RP_MSG_DELTA:
        return rp_merge_delta(peer, message);
    case RP_MSG_STATE:
        return rp_merge_state(peer, message);
    case RP_MSG_ERROR:
        return rp_merge_error(peer, message);
    case RP_MSG_TOTAL:
        return rp_merge_total(peer, message);
    default:
        return -EBADMSG;
    }
}

/* Of several workers, some are still about what they were told before the run was given up. */
static bool is_too_late(const struct rp_peer *peer, enum rp_message_type type)
{
    return peer->c->peer_count > 1 && peer->step == STEP_LEAVING &&
           (type == RP_MSG_HELLO || type == RP_MSG_DECLARED || type == RP_MSG_FAILED ||
            type == RP_MSG_READY || type == RP_MSG_HOOK_ENDED);
}

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct rp_peer *peer = rp_container_of(channel, struct rp_peer, channel);
    enum rp_message_type type = rp_message_type(message);
    enum step step = peer->step;
    int r;

    if (peer->c->is_over || step == STEP_GONE || is_too_late(peer, type))
        return;
    rp_peer_spoke(peer);
    if (type == RP_MSG_HELLO && step == STEP_HELLO) {
        on_hello(peer, message);
    } else if (type == RP_MSG_DECLARED && step == STEP_LOADING) {
        on_declared(peer, message);
    } else if (type == RP_MSG_FAILED && step <= STEP_SHARING) {
        on_failed(peer, message);
    } else if (type == RP_MSG_READY && (step == STEP_PLANNING || step == STEP_SHARING)) {
        peer->step = STEP_READY;
        rp_peer_take_your_time(peer);
        rp_coordinator_check_ready(peer->c);
    } else if (type == RP_MSG_HOOK_ENDED && step == STEP_HOOK) {
        on_hook_ended(peer, message);
    } else if (type == RP_MSG_FINISHED && step == STEP_RUNNING) {
        on_finished(peer, message);
    } else if (type == RP_MSG_ABORT && (step >= STEP_HOOK || peer->c->phase >= PHASE_SETUP)) {
        on_abort(peer, message);
    } else if (type == RP_MSG_WARNING) {
        on_warning(peer, message);
    } else if (type == RP_MSG_BYE && step == STEP_LEAVING) {
        on_bye(peer, message);
    } else {
        r = merge(peer, message);
        if (r < 0)
            nonsense(peer, r);
    }
}

/* A process ends too: that is where it is dealt with. */
static void on_closed(struct rp_channel *channel, int status)
{
    struct rp_peer *peer = rp_container_of(channel, struct rp_peer, channel);

    peer->is_cut = true;
    if (peer->c->is_over || peer->step == STEP_GONE)
        return;
    if (status < 0 && status != -ECONNRESET)
        nonsense(peer, status);
    else if (peer->body->ops->ends_with_channel)
        rp_peer_ended(peer, &(struct rp_peer_end){ "closed its connection", true });
    else
        rp_peer_be_patient(peer, 1, 0);
}

const struct rp_channel_events rp_coordinator_channel_events = {
    .message = on_message,
    .closed = on_closed,
};
