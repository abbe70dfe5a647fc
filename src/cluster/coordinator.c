/* SPDX-License-Identifier: MIT */

/*
 * The coordinator is a state machine over a worker's messages:
 *
 *   hello -> load -> declared -> plan -> ready -> [setup] -> start -> deltas ... finished -> [teardown] -> exit -> bye
 *
 * Whatever goes wrong ends in leave(): the worker is asked to say its totals and go, and is killed if it does not.
 */

#include "cluster/coordinator.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cluster/coordinator_internal.h"

enum { ABORT_REASON_MAX = 1000 };

const char *rp_coordinator_phase_name(const struct rp_coordinator *c)
{
    switch (c->phase) {
    case PHASE_HELLO:
    case PHASE_LOADING:
    case PHASE_PLANNING:
        return "loading";
    case PHASE_SETUP:
        return "setup";
    case PHASE_RUNNING:
        return c->is_stopping ? "stopping" : "running";
    default:
        return "teardown";
    }
}

static rp_ns longest_of(const struct rp_plan *plan)
{
    rp_ns longest = 0;

    for (size_t i = 0; plan && i < plan->scenario_count; i++) {
        const struct rp_scenario *scenario = &plan->scenarios[i];
        rp_ns regular = scenario->start_time + rp_scenario_longest(scenario) -
                        scenario->graceful_stop;

        longest = regular > longest ? regular : longest;
    }
    return longest;
}

void rp_coordinator_tell_status(struct rp_coordinator *c)
{
    rp_ns now = rp_loop_now(c->loop);
    struct rp_coordinator_status status = { .phase = rp_coordinator_phase_name(c),
                                            .elapsed = rp_coordinator_elapsed(c),
                                            .longest = longest_of(c->result->plan),
                                            .is_paused = c->is_paused,
                                            .store = c->result->store,
                                            .plan = c->result->plan,
                                            .scenarios = c->progress.sums,
                                            .interval_s = (double)(now - c->last_status) / 1e9,
                                            .coordinator = c };

    c->last_status = now;
    if (c->config->status && !c->plan_only)
        c->config->status(c->config->user, &status);
}

void rp_coordinator_send(struct rp_coordinator *c, enum rp_message_type type)
{
    rp_write_message(rp_channel_begin(&c->channel), type, 0);
    /* A worker that cannot be written to has died: that is noticed by its end. */
    (void)rp_channel_end(&c->channel);
}

static void send_text(struct rp_coordinator *c, enum rp_message_type type, const char *key,
                      const char *text)
{
    struct rp_buf *out = rp_channel_begin(&c->channel);

    rp_write_message(out, type, 1);
    rp_write_key(out, key);
    rp_write_text(out, text);
    (void)rp_channel_end(&c->channel);
}

void rp_coordinator_stop(struct rp_coordinator *c, rp_ns grace)
{
    struct rp_buf *out = rp_channel_begin(&c->channel);

    rp_coordinator_end_pause(c);
    c->is_stopping = true;
    rp_publish_phase(c);
    rp_write_message(out, RP_MSG_STOP, 1);
    rp_write_key(out, "grace");
    rp_write_i64(out, grace);
    (void)rp_channel_end(&c->channel);
    rp_coordinator_be_patient(c, 1, grace);
}

/* ---- leaving ---------------------------------------------------------------------------------------------- */

void rp_coordinator_over(struct rp_coordinator *c)
{
    c->phase = PHASE_OVER;
    c->is_over = true;
    if (c->is_local)
        rp_coordinator_local_over(c);
}

static void leave(struct rp_coordinator *c)
{
    c->phase = PHASE_LEAVING;
    rp_coordinator_send(c, RP_MSG_EXIT);
    rp_coordinator_be_patient(c, 1, 0);
}

/* The run cannot be: @c->err says why. */
static void give_up(struct rp_coordinator *c, int status)
{
    c->status = status;
    leave(c);
}

static void nonsense(struct rp_coordinator *c, int status)
{
    rp_coordinator_fail(c, RP_EXIT_INTERNAL, "a worker's message could not be used: %s",
                        strerror(-status));
    rp_coordinator_kill(c);
}

/* ---- phases ----------------------------------------------------------------------------------------------- */

static void begin_teardown(struct rp_coordinator *c)
{
    if (!c->result->plan->has_teardown || c->setup_failed) {
        leave(c);
        return;
    }
    c->phase = PHASE_TEARDOWN;
    rp_publish_phase(c);
    rp_coordinator_tell_status(c);
    rp_coordinator_send(c, RP_MSG_TEARDOWN);
    rp_coordinator_be_patient(c, 1, c->result->plan->teardown_timeout);
}

static void begin_running(struct rp_coordinator *c)
{
    c->phase = PHASE_RUNNING;
    rp_coordinator_be_patient(c, 3, rp_plan_longest(c->result->plan));
    c->started = c->paused_at = rp_loop_now(c->loop);
    c->next_judgement = RP_LIVE_THRESHOLDS_S * RP_S;
    c->result->started_wall_ns = rp_wall_clock_ns();
    if (c->is_paused) {
        rp_coordinator_send(c, RP_MSG_PAUSE);
        rp_coordinator_take_your_time(c);
    }
    rp_coordinator_send(c, RP_MSG_START);
    rp_publish_phase(c);
    rp_coordinator_tell_status(c);
}

static void on_ready(struct rp_coordinator *c)
{
    if (!c->result->plan->has_setup) {
        begin_running(c);
        return;
    }
    c->phase = PHASE_SETUP;
    rp_publish_phase(c);
    rp_coordinator_tell_status(c);
    rp_coordinator_send(c, RP_MSG_SETUP);
    rp_coordinator_be_patient(c, 1, c->result->plan->setup_timeout);
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
    char place[512];

    if (!errors)
        return;
    snprintf(place, sizeof(place), "%s:%d in %s", err->file ? err->file : result->plan->script,
             err->line, hook);
    result->errors = errors;
    errors[result->error_count++] =
        (struct rp_error_group){ .scenario = rp_strdup(hook),
                                 .type = rp_strndup(message, type),
                                 .message = rp_strdup(message + text),
                                 .place = rp_strdup(place),
                                 .traceback = err->detail ? rp_strdup(err->detail) : NULL,
                                 .count = 1 };
}

static void on_hook_ended(struct rp_coordinator *c, const struct rp_message *message)
{
    bool is_setup = c->phase == PHASE_SETUP;
    rp_ns took = rp_field_i64(rp_message_get(message, "took"), 0);
    struct rp_error err = { 0 };

    if (is_setup)
        c->result->setup_time = took;
    else
        c->result->teardown_time = took;
    if (!rp_field_bool(rp_message_get(message, "ok"), false)) {
        const char *hook = is_setup ? "setup" : "teardown";

        rp_message_get_error(message, &err);
        add_hook_error(c, hook, &err);
        rp_coordinator_fail(c, is_setup ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN, "%s() failed: %s", hook,
                            err.message);
        c->setup_failed = is_setup;
        rp_error_deinit(&err);
    }
    if (is_setup && !c->setup_failed && !c->is_stopping)
        begin_running(c);
    else if (is_setup && !c->setup_failed)
        begin_teardown(c);
    else
        leave(c);
}

static int apply_trend_stats(struct rp_coordinator *c)
{
    struct rp_plan *plan = c->result->plan;
    const char *text = c->config->trend_stats;

    return text ? rp_plan_set_trend_stats(plan, text, "--summary-trend-stats", c->err) : 0;
}

static void on_declared(struct rp_coordinator *c, const struct rp_message *message)
{
    char *json = rp_field_strdup(rp_message_get(message, "json"));
    struct rp_buf plan;
    int r = json ? rp_plan_resolve(json, c->config->overrides, &c->result->plan, c->err) : -EBADMSG;

    rp_free(json);
    if (r == 0)
        r = apply_trend_stats(c);
    if (r == 0 && !c->plan_only && c->config->planned)
        r = c->config->planned(c->config->user, c->result->plan, c->err);
    if (r == 0 && !c->plan_only)
        r = rp_publish_open_log(c);
    if (r < 0 || c->plan_only) {
        give_up(c, r);
        return;
    }
    rp_preflight(c);
    r = rp_judge_prepare(c);
    rp_buf_init(&plan, RP_MESSAGE_MAX_BYTES / 2);
    if (r == 0)
        r = rp_plan_write_json(c->result->plan, &plan);
    if (r < 0) {
        give_up(c, rp_error_set(c->err, r, "cannot prepare the run: %s", strerror(-r)));
    } else {
        c->phase = PHASE_PLANNING;
        send_text(c, RP_MSG_PLAN, "json", rp_buf_str(&plan));
    }
    rp_buf_deinit(&plan);
}

static void on_failed(struct rp_coordinator *c, const struct rp_message *message)
{
    rp_message_get_error(message, c->err);
    give_up(c, -RP_EUSER);
}

static void on_finished(struct rp_coordinator *c, const struct rp_message *message)
{
    int r = rp_merge_finished(c, message);

    rp_coordinator_end_pause(c);
    if (r < 0) {
        nonsense(c, r);
        return;
    }
    rp_judge_errors(c);
    begin_teardown(c);
}

static void on_hello(struct rp_coordinator *c, const struct rp_message *message)
{
    int r = rp_merge_hello(c, message);

    if (r < 0) {
        give_up(c, rp_error_set(c->err, r, "the worker speaks another version of the protocol"));
        return;
    }
    r = rp_channel_negotiate(&c->channel, message, c->config->wire, c->err);
    if (r < 0) {
        give_up(c, r);
        return;
    }
    rp_coordinator_take_your_time(c); /* the script's module code may take its time */
    c->phase = PHASE_LOADING;
    rp_coordinator_tell_status(c);
    send_text(c, RP_MSG_LOAD, "script", c->config->script);
}

static void on_warning(struct rp_coordinator *c, const struct rp_message *message)
{
    char *text = rp_field_strdup(rp_message_get(message, "text"));
    int64_t count = rp_field_i64(rp_message_get(message, "count"), 1);

    if (text && count > 0)
        rp_coordinator_warn_times(c, text, (uint64_t)count);
    rp_free(text);
}

static void on_bye(struct rp_coordinator *c, const struct rp_message *message)
{
    rp_merge_bye(c, message);
    if (c->is_local)
        rp_coordinator_local_left(c);
    else
        rp_coordinator_be_patient(c, 1, 0);
}

/* At most @max bytes of a text, in whole characters. */
static int cut(struct rp_slice text, size_t max)
{
    size_t len = text.len < max ? text.len : max;

    while (len < text.len && len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

static void on_abort(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_slice reason = rp_field_text(rp_message_get(message, "reason"));

    rp_coordinator_fail(c, RP_EXIT_ABORTED, "aborted by the script%s%.*s", reason.len ? ": " : "",
                        cut(reason, ABORT_REASON_MAX), reason.ptr ? reason.ptr : "");
    if (c->phase == PHASE_RUNNING) /* the worker has stopped already; further ones have not */
        rp_coordinator_stop(c, 0);
    c->is_stopping = true;
    rp_coordinator_tell_status(c);
}

/* Before there is a plan, and while only the plan is wanted, nothing is measured. */
static int merge(struct rp_coordinator *c, const struct rp_message *message)
{
    if (!c->result->store)
        return -EBADMSG;
    switch (rp_message_type(message)) {
    case RP_MSG_DEFINE:
        return rp_merge_define(c, message);
    case RP_MSG_DELTA:
        return rp_merge_delta(c, message);
    case RP_MSG_STATE:
        return rp_merge_state(c, message);
    case RP_MSG_ERROR:
        return rp_merge_error(c, message);
    case RP_MSG_TOTAL:
        return rp_merge_total(c, message);
    default:
        return -EBADMSG;
    }
}

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct rp_coordinator *c = rp_container_of(channel, struct rp_coordinator, channel);
    enum rp_message_type type = rp_message_type(message);
    int r;

    if (c->is_over)
        return;
    c->heard = rp_loop_now(c->loop);
    if (type == RP_MSG_HELLO && c->phase == PHASE_HELLO) {
        on_hello(c, message);
    } else if (type == RP_MSG_DECLARED && c->phase == PHASE_LOADING) {
        on_declared(c, message);
    } else if (type == RP_MSG_FAILED && c->phase < PHASE_SETUP) {
        on_failed(c, message);
    } else if (type == RP_MSG_READY && c->phase == PHASE_PLANNING) {
        on_ready(c);
    } else if (type == RP_MSG_HOOK_ENDED &&
               (c->phase == PHASE_SETUP || c->phase == PHASE_TEARDOWN)) {
        on_hook_ended(c, message);
    } else if (type == RP_MSG_FINISHED && c->phase == PHASE_RUNNING) {
        on_finished(c, message);
    } else if (type == RP_MSG_ABORT && c->phase >= PHASE_SETUP) {
        on_abort(c, message);
    } else if (type == RP_MSG_WARNING) {
        on_warning(c, message);
    } else if (type == RP_MSG_BYE && c->phase == PHASE_LEAVING) {
        on_bye(c, message);
    } else {
        r = merge(c, message);
        if (r < 0)
            nonsense(c, r);
    }
}

/* Its process ends too: that is where it is dealt with. */
static void on_closed(struct rp_channel *channel, int status)
{
    struct rp_coordinator *c = rp_container_of(channel, struct rp_coordinator, channel);

    if (status < 0 && status != -ECONNRESET)
        nonsense(c, status);
    else if (c->is_local)
        nonsense(c, -EPIPE);
    else
        rp_coordinator_be_patient(c, 1, 0);
    c->is_cut = true;
}

const struct rp_channel_events rp_coordinator_channel_events = {
    .message = on_message,
    .closed = on_closed,
};
