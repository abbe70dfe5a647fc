/* SPDX-License-Identifier: MIT */
#include "coordinator/receive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "coordinator/judge.h"
#include "coordinator/preflight.h"
#include "coordinator/publish.h"
#include "coordinator/state.h"
#include "plan/metrics.h"

enum { ABORT_REASON_MAX = 1000 };

static const struct rp_next nothing = { .kind = RP_NEXT_NOTHING };
static const struct rp_next look = { .kind = RP_NEXT_LOOK };

/* The run cannot be: @c->err says why. */
static struct rp_next give_up(int status)
{
    return (struct rp_next){ .kind = RP_NEXT_LEAVE, .status = status };
}

struct rp_next rp_receive_nonsense(struct rp_coordinator *c, struct rp_peer *peer, int status)
{
    rp_result_fail(c->result, RP_EXIT_INTERNAL, "a worker's message could not be used: %s",
                   strerror(-status));
    return (struct rp_next){ .kind = RP_NEXT_KILL, .peer = peer };
}

/* ---- until there is a plan ------------------------------------------------------------------- */

/* Ours is behind by the time that the message took, so that this worker starts earlier by as
 * much. */
static void note_clock(struct rp_peer *peer, rp_ns clock)
{
    if (!peer->body->ops->has_own_clock || clock <= 0)
        return;
    peer->clock_ahead = clock - rp_loop_now(peer->peers->loop);
    peer->has_told_clock = true;
}

static struct rp_next take_hello(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    const struct rp_msg_hello *hello = &message->hello;
    int r = rp_merge_hello(&c->merging, peer, hello);

    if (r == -EPROTO)
        rp_error_set(c->err, r, "the worker speaks another version of the protocol");
    if (r == 0)
        r = rp_channel_negotiate(&peer->channel, hello, c->config->wire, c->err);
    if (r < 0)
        return give_up(r);
    note_clock(peer, hello->clock);
    return (struct rp_next){ .kind = RP_NEXT_LOAD, .peer = peer };
}

/* Each of several workers has some of the VUs. */
static int sum_gauges(struct rp_coordinator *c)
{
    const char *const names[] = { rp_builtin_name(RP_M_VUS), rp_builtin_name(RP_M_VUS_MAX) };
    struct rp_view *view;
    int r = 0;

    for (size_t i = 0; r == 0 && c->result->plan->workers > 1 && i < RP_ARRAY_LEN(names); i++) {
        r = rp_store_metric(c->result->store, names[i], RP_GAUGE, false, &view, c->err);
        if (r == 0)
            r = rp_store_sum_gauge(c->result->store, names[i]);
    }
    return r;
}

static int make_plan(struct rp_coordinator *c)
{
    int r = rp_plan_resolve(c->declaration, c->config->overrides, &c->result->plan, c->err);

    if (r == 0 && !c->plan_only)
        r = rp_sinks_open(c->config->sinks, c->result->plan, c->err);
    return r;
}

/* Also where the script's output goes, for a summary is read afterwards. */
static void warn_before(struct rp_coordinator *c, const char *text)
{
    char line[RP_REASON_MAX];

    rp_result_warn(c->result, "%s", text);
    snprintf(line, sizeof(line), "warning: %s", text);
    rp_publish_line(c, true, line);
}

static void warn_of_plan(struct rp_coordinator *c)
{
    const struct rp_plan *plan = c->result->plan;
    struct rp_preflight limits;

    for (size_t i = 0; i < plan->warning_count; i++)
        warn_before(c, plan->warnings[i]);
    rp_preflight(plan, &limits);
    for (size_t i = 0; i < limits.count; i++)
        warn_before(c, limits.warnings[i]);
}

static int prepare(struct rp_coordinator *c)
{
    int r;

    warn_of_plan(c);
    rp_buf_init(&c->plan_json, RP_MESSAGE_MAX_BYTES / 2);
    c->result->exchanges.of_kind = (unsigned)c->result->plan->failed_exchanges;
    r = rp_judge_prepare(c->result);
    if (r == 0)
        r = rp_measured_begin(&c->measured, c->result, c->config->sinks);
    if (r == 0)
        r = sum_gauges(c);
    if (r == 0)
        r = rp_plan_write_json(c->result->plan, &c->plan_json);
    if (r < 0 && !c->err->message)
        rp_error_set(c->err, r, "cannot prepare the run: %s", strerror(-r));
    return r;
}

/* Its module code gave something else than the first worker's did. */
static void compare_declarations(struct rp_coordinator *c, const char *json)
{
    if (strcmp(json, c->declaration) != 0)
        rp_result_warn(c->result,
                       "the script declares other things in one worker than in another; the first "
                       "one's count: its module code should do the same each time");
}

/* The plan is made, and all outputs are there. */
static struct rp_next go_on(struct rp_coordinator *c)
{
    struct rp_peer *first = rp_peers_first(&c->peers);
    int r = first ? prepare(c) : 0;

    if (!first) /* its end is dealt with elsewhere */
        return nothing;
    return r < 0 ? give_up(r) : (struct rp_next){ .kind = RP_NEXT_START, .peer = first };
}

static struct rp_next take_declared(struct rp_coordinator *c, struct rp_peer *peer,
                                    const union rp_msg_any *message)
{
    char *json = rp_msg_strdup(message->declared.json);
    int r;

    if (!json)
        return give_up(-EBADMSG);
    if (c->declaration) {
        compare_declarations(c, json);
        rp_free(json);
        return (struct rp_next){ .kind = RP_NEXT_PLAN, .peer = peer };
    }
    c->declaration = json;
    if (c->is_stopping) /* its worker is being ended */
        return nothing;
    r = make_plan(c);
    if (r < 0 || c->plan_only)
        return give_up(r);
    if (rp_sinks_are_opening(c->config->sinks)) {
        c->is_opening = true;
        return nothing; /* rp_receive_opened() */
    }
    return go_on(c);
}

struct rp_next rp_receive_opened(struct rp_coordinator *c, int status, struct rp_error *err)
{
    if (!c->is_opening || c->is_stopping)
        return nothing;
    c->is_opening = false;
    if (status == 0)
        return go_on(c);
    rp_error_deinit(c->err);
    *c->err = *err;
    *err = (struct rp_error){ 0 };
    return give_up(status);
}

static struct rp_next take_ready(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    peer->step = RP_STEP_READY;
    rp_peer_take_your_time(peer);
    return look;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

/* What a hook raised is an error group too, with its traceback. Its message is "Type: text". */
static void add_hook_error(struct rp_coordinator *c, const char *hook, const struct rp_error *err)
{
    struct rp_result *result = c->result;
    const char *message = err->message ? err->message : "";
    size_t type = strcspn(message, ": ");
    size_t text = type + strspn(message + type, ": ");
    struct rp_error_group group = { .scenario = rp_strdup(hook),
                                    .type = rp_strndup(message, type),
                                    .message = rp_strdup(message + text),
                                    .traceback = err->detail ? rp_strdup(err->detail) : NULL,
                                    .count = 1 };
    struct rp_error_group *errors = rp_realloc_array(result->errors, result->error_count + 1,
                                                     sizeof(*errors));
    char place[512];

    snprintf(place, sizeof(place), "%s:%d in %s", err->file ? err->file : result->plan->script,
             err->line, hook);
    group.place = rp_strdup(place);
    if (errors)
        result->errors = errors;
    if (errors && group.scenario && group.type && group.message && group.place)
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
    rp_result_fail_too(c->result, is_setup ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN, "%s() failed: %s",
                       hook, err.message);
    rp_error_deinit(&err);
}

static struct rp_next take_hook_ended(struct rp_coordinator *c, struct rp_peer *peer,
                                      const union rp_msg_any *message)
{
    const struct rp_msg_hook_ended *ended = &message->hook_ended;
    bool is_setup = c->phase == RP_PHASE_SETUP;

    peer->step = is_setup ? RP_STEP_READY : RP_STEP_FINISHED;
    rp_peer_take_your_time(peer);
    if (!ended->ok)
        hook_failed(c, &ended->error, is_setup);
    if (!is_setup) {
        c->result->teardown_time = ended->took;
        return look;
    }
    c->result->setup_time = ended->took;
    if (!ended->ok)
        return (struct rp_next){ .kind = RP_NEXT_ABANDON };
    if (c->is_stopping)
        return look;
    return (struct rp_next){ .kind = RP_NEXT_SHARE, .peer = peer, .data = ended->data };
}

/* It cannot load the script, make its VUs, or use what setup() returned. */
static struct rp_next take_failed(struct rp_coordinator *c, struct rp_peer *peer,
                                  const union rp_msg_any *message)
{
    const struct rp_msg_fault *fault = &message->failed.error;

    peer->step = RP_STEP_READY; /* for `exit` */
    rp_peer_take_your_time(peer);
    if (c->phase == RP_PHASE_SETUP) {
        hook_failed(c, fault, true);
        return (struct rp_next){ .kind = RP_NEXT_ABANDON };
    }
    if (c->phase > RP_PHASE_PLANNING) /* another one has said so already */
        return nothing;
    rp_msg_fault_take(fault, c->err);
    return give_up(-RP_EUSER);
}

/* ---- at any time ----------------------------------------------------------------------------- */

static struct rp_next take_warning(struct rp_coordinator *c, struct rp_peer *peer,
                                   const union rp_msg_any *message)
{
    const struct rp_msg_warning *warning = &message->warning;
    char *text = rp_msg_strdup(rp_utf8_cut(warning->text, RP_REASON_MAX)),
         *about = rp_msg_strdup(warning->about);

    if (text && warning->count > 0)
        rp_result_warn_about(c->result, about, text, warning->count);
    rp_free(text);
    rp_free(about);
    return nothing;
}

static struct rp_next take_abort(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    struct rp_slice reason = rp_utf8_cut(message->abort.reason, ABORT_REASON_MAX);

    if (c->phase < RP_PHASE_SETUP) /* nothing of the script's runs */
        return rp_receive_nonsense(c, peer, -EBADMSG);
    rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by the script%s%.*s",
                   reason.len ? ": " : "", RP_SLICE_FMT(reason));
    /* The worker has stopped already; further ones have not. */
    return (struct rp_next){ .kind = c->phase == RP_PHASE_RUNNING ? RP_NEXT_STOP
                                                                  : RP_NEXT_ABANDON };
}

/* ---- what it measured ------------------------------------------------------------------------ */

static struct rp_next after_merge(struct rp_coordinator *c, struct rp_peer *peer, int r)
{
    return r < 0 ? rp_receive_nonsense(c, peer, r) : nothing;
}

static struct rp_next take_define(struct rp_coordinator *c, struct rp_peer *peer,
                                  const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_merge_define(&c->merging, peer, &message->define));
}

static struct rp_next take_delta(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_merge_delta(&c->merging, peer, &message->delta));
}

static struct rp_next take_samples(struct rp_coordinator *c, struct rp_peer *peer,
                                   const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_measured_samples(&c->measured, peer->index, &message->samples));
}

static struct rp_next take_unfinished(struct rp_coordinator *c, struct rp_peer *peer,
                                      const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_merge_unfinished(&c->merging, peer, &message->unfinished));
}

/* What the result has no memory for, or no room, is not shown in it. */
static struct rp_next take_exchange(struct rp_coordinator *c, struct rp_peer *peer,
                                    const union rp_msg_any *message)
{
    const struct rp_exchange *exchange = &message->exchange;

    return after_merge(c, peer, rp_exchanges_add(&c->result->exchanges, exchange->name, exchange));
}

/* All lines of an exchange at once: those of other workers do not come between. */
static struct rp_next take_shown(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    struct rp_slice text = message->shown.text;
    char line[100];

    if (c->is_shown_out)
        return nothing;
    if (text.len) {
        rp_publish_lines(c, text);
        c->shown++;
    }
    if (text.len && c->shown < RP_SHOWN_MAX)
        return nothing;
    c->is_shown_out = true;
    snprintf(line, sizeof(line), "http-debug: %u requests were shown, the rest of the run is not\n",
             c->shown);
    rp_publish_lines(c, rp_slice_str(line));
    return nothing;
}

static struct rp_next take_error(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_merge_error(&c->merging, peer, &message->error));
}

static struct rp_next take_total(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    return after_merge(c, peer, rp_merge_total(&c->merging, peer, &message->total));
}

static struct rp_next take_state(struct rp_coordinator *c, struct rp_peer *peer,
                                 const union rp_msg_any *message)
{
    int r = rp_merge_state(&c->merging, peer, &message->state);

    if (r < 0 || !rp_merge_ends_round(&c->merging))
        return after_merge(c, peer, r);
    return (struct rp_next){ .kind = RP_NEXT_ROUND, .elapsed = message->state.elapsed };
}

static struct rp_next take_finished(struct rp_coordinator *c, struct rp_peer *peer,
                                    const union rp_msg_any *message)
{
    int r = rp_merge_finished(&c->merging, peer, &message->finished);

    if (r < 0)
        return rp_receive_nonsense(c, peer, r);
    peer->step = RP_STEP_FINISHED;
    rp_peer_take_your_time(peer);
    return look;
}

static struct rp_next take_bye(struct rp_coordinator *c, struct rp_peer *peer,
                               const union rp_msg_any *message)
{
    rp_merge_bye(&c->merging, peer, &message->bye);
    return (struct rp_next){ .kind = RP_NEXT_END, .peer = peer };
}

/* ---- which message when ---------------------------------------------------------------------- */

#define IN(step) (1u << RP_STEP_##step)

enum {
    ANY_STEP = IN(HELLO) | IN(LOADING) | IN(PLANNING) | IN(SHARING) | IN(READY) | IN(HOOK) |
               IN(RUNNING) | IN(FINISHED) | IN(LEAVING),
    ONCE_PREPARED = IN(SHARING) | IN(READY) | IN(HOOK) | IN(RUNNING) | IN(FINISHED) | IN(LEAVING)
};

static const struct input {
    enum rp_message_type type;
    unsigned steps; /* of its sender, in which it is legal */
    /* Of several workers, some are still about what they were told before the run was given up:
     * then it is ignored. */
    bool may_be_late;
    /* Before there is a plan, and while only the plan is wanted, nothing is measured. */
    bool is_measured;
    struct rp_next (*take)(struct rp_coordinator *c, struct rp_peer *peer,
                           const union rp_msg_any *message);
} inputs[] = {
    { RP_MSG_HELLO, IN(HELLO), true, false, take_hello },
    { RP_MSG_DECLARED, IN(LOADING), true, false, take_declared },
    { RP_MSG_FAILED, IN(HELLO) | IN(LOADING) | IN(PLANNING) | IN(SHARING), true, false,
      take_failed },
    { RP_MSG_READY, IN(PLANNING) | IN(SHARING), true, false, take_ready },
    { RP_MSG_HOOK_ENDED, IN(HOOK), true, false, take_hook_ended },
    { RP_MSG_WARNING, ANY_STEP, false, false, take_warning },
    { RP_MSG_ABORT, ONCE_PREPARED, false, false, take_abort },
    { RP_MSG_DEFINE, IN(PLANNING) | ONCE_PREPARED, false, true, take_define },
    { RP_MSG_DELTA, ONCE_PREPARED, false, true, take_delta },
    { RP_MSG_SAMPLES, IN(PLANNING) | ONCE_PREPARED, false, true, take_samples },
    { RP_MSG_UNFINISHED, ONCE_PREPARED, false, true, take_unfinished },
    { RP_MSG_EXCHANGE, ONCE_PREPARED, false, true, take_exchange },
    { RP_MSG_SHOWN, ONCE_PREPARED, false, false, take_shown },
    { RP_MSG_ERROR, ONCE_PREPARED, false, true, take_error },
    { RP_MSG_STATE, IN(RUNNING), false, true, take_state },
    { RP_MSG_FINISHED, IN(RUNNING), false, true, take_finished },
    { RP_MSG_TOTAL, IN(LEAVING), false, true, take_total },
    { RP_MSG_BYE, IN(LEAVING), false, false, take_bye },
};

static const struct input *find_input(enum rp_message_type type)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(inputs); i++)
        if (inputs[i].type == type)
            return &inputs[i];
    return NULL;
}

struct rp_next rp_receive(struct rp_coordinator *c, struct rp_peer *peer,
                          const struct rp_message *message)
{
    const struct input *input = find_input(rp_message_type(message));
    union rp_msg_any any;
    int r = 0;

    if (input && input->may_be_late && peer->step == RP_STEP_LEAVING && c->peers.count > 1)
        return nothing;
    rp_peer_spoke(peer);
    if (!input || !(input->steps >> peer->step & 1) || (input->is_measured && !c->result->store))
        r = -EBADMSG;
    if (r == 0)
        r = rp_message_read(message, &any);
    return r < 0 ? rp_receive_nonsense(c, peer, r) : input->take(c, peer, &any);
}
