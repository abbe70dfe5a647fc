/* SPDX-License-Identifier: MIT */

/* What the sinks of the run are told (run/event.h); each function here is one event. */

#include "coordinator/publish.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/judge_generator.h"
#include "coordinator/state.h"

enum { GENERATOR_AFTER_S = 3 };

static bool is_wanted(const struct rp_coordinator *c, enum rp_event_kind kind)
{
    return rp_sinks_want(c->config->sinks, kind);
}

static void tell(struct rp_coordinator *c, struct rp_event event)
{
    rp_sinks_event(c->config->sinks, &event);
}

/* ---- how far it is --------------------------------------------------------------------------- */

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

struct rp_run_status rp_coordinator_status(const struct rp_coordinator *c)
{
    return (struct rp_run_status){ .phase = rp_phase_shown(c->phase, c->is_stopping),
                                   .is_paused = c->pauses.is_paused,
                                   .elapsed = rp_coordinator_elapsed(c),
                                   .longest = longest_of(c->result->plan),
                                   .scenarios = c->merging.progress.sums };
}

void rp_publish_status(struct rp_coordinator *c)
{
    if (is_wanted(c, RP_EVENT_STATUS))
        tell(c, (struct rp_event){ .kind = RP_EVENT_STATUS, .status = rp_coordinator_status(c) });
}

static void publish_phase(struct rp_coordinator *c, enum rp_run_phase phase)
{
    if (c->publishing.has_published_phase && phase == c->publishing.published_phase)
        return;
    c->publishing.has_published_phase = true;
    c->publishing.published_phase = phase;
    tell(c, (struct rp_event){ .kind = RP_EVENT_PHASE, .phase = phase });
}

void rp_publish_phase(struct rp_coordinator *c)
{
    publish_phase(c, rp_phase_shown(c->phase, c->is_stopping));
}

void rp_publish_pause(struct rp_coordinator *c)
{
    tell(c, (struct rp_event){
                .kind = c->pauses.is_paused ? RP_EVENT_PAUSE : RP_EVENT_RESUME,
                .pause = { .elapsed = rp_coordinator_elapsed(c), .paused = c->pauses.paused },
            });
}

void rp_publish_adjustment(struct rp_coordinator *c, const struct rp_result_adjustment *adjustment)
{
    tell(c, (struct rp_event){
                .kind = RP_EVENT_ADJUST,
                .adjust = { .what = *adjustment, .elapsed = rp_coordinator_elapsed(c) },
            });
}

static void publish_snapshot(struct rp_coordinator *c)
{
    const struct rp_result *result = c->result;

    c->publishing.has_snapshot = true;
    c->publishing.last_snapshot = rp_ns_add(result->elapsed, result->paused);
    tell(c, (struct rp_event){ .kind = RP_EVENT_SNAPSHOT,
                               .snapshot = { .status = rp_coordinator_status(c),
                                             .elapsed = result->elapsed,
                                             .paused = result->paused } });
}

/* The first one comes at once. A worker tells its state more often than it reports: at the start
 * and around pauses. */
void rp_publish_snapshot(struct rp_coordinator *c)
{
    rp_ns at = rp_ns_add(c->result->elapsed, c->result->paused);
    rp_ns interval = c->config->live_interval ? c->config->live_interval : RP_S;
    rp_ns slack = (interval < RP_S ? interval : RP_S) / 2;

    if (is_wanted(c, RP_EVENT_SNAPSHOT) &&
        (!c->publishing.has_snapshot || at - c->publishing.last_snapshot >= interval - slack))
        publish_snapshot(c);
}

/* ---- words ----------------------------------------------------------------------------------- */

void rp_publish_warning(struct rp_coordinator *c, const char *text)
{
    tell(c, (struct rp_event){ .kind = RP_EVENT_WARNING, .warning = text });
}

void rp_publish_line(struct rp_coordinator *c, bool is_stderr, const char *text)
{
    tell(c, (struct rp_event){ .kind = RP_EVENT_PRINTED,
                               .printed = { .is_stderr = is_stderr, .text = text } });
}

void rp_publish_lines(struct rp_coordinator *c, struct rp_slice text)
{
    if (!is_wanted(c, RP_EVENT_PRINTED)) {
        fwrite(text.ptr, 1, text.len, stderr);
        return;
    }
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len, taken = len + (end ? 1 : 0);
        char *line = rp_strndup(text.ptr, len);

        if (line)
            rp_publish_line(c, true, line);
        rp_free(line);
        text = rp_slice(text.ptr + taken, text.len - taken);
    }
}

/* ---- verdicts -------------------------------------------------------------------------------- */

bool rp_publish_wants_live(const struct rp_coordinator *c)
{
    return is_wanted(c, RP_EVENT_LIVE_THRESHOLD);
}

void rp_publish_live(struct rp_coordinator *c, const struct rp_verdict *verdicts, size_t aborting)
{
    tell(c, (struct rp_event){
                .kind = RP_EVENT_LIVE_THRESHOLD,
                .thresholds = { .verdicts = verdicts,
                                .aborts = aborting < c->result->plan->threshold_count,
                                .aborting = aborting,
                                .elapsed = rp_coordinator_elapsed(c) },
            });
}

static void publish_verdicts(struct rp_coordinator *c)
{
    const struct rp_result *result = c->result;

    if (result->verdicts)
        tell(c, (struct rp_event){ .kind = RP_EVENT_THRESHOLD,
                                   .thresholds = { .verdicts = result->verdicts } });
}

static void publish_reasons(struct rp_coordinator *c)
{
    const struct rp_result *result = c->result;

    for (size_t i = 0; i < result->generator_reason_count; i++) {
        const struct rp_generator_reason *reason = &result->generator_reasons[i];

        if (reason->verdict <= c->publishing.told[reason->cause])
            continue;
        c->publishing.told[reason->cause] = (unsigned char)reason->verdict;
        tell(c, (struct rp_event){
                    .kind = RP_EVENT_GENERATOR,
                    .generator = { .reason = reason, .elapsed = rp_coordinator_elapsed(c) },
                });
    }
}

/* In the first seconds everything is a large share of the time. */
void rp_publish_generator(struct rp_coordinator *c)
{
    uint64_t observed = 0;

    for (size_t i = 0; i < c->peers.count; i++) /* one may be lost, and not have seen much */
        if ((uint64_t)c->merging.health[i].observed > observed)
            observed = (uint64_t)c->merging.health[i].observed;
    if (is_wanted(c, RP_EVENT_GENERATOR) && observed >= GENERATOR_AFTER_S * RP_S &&
        rp_judge_generator(c->merging.health, c->peers.count, c->result) == 0)
        publish_reasons(c);
}

/* ---- the end --------------------------------------------------------------------------------- */

void rp_publish_end(struct rp_coordinator *c, int r)
{
    const struct rp_result *result = c->result;
    enum rp_exit code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    const char *reason = r == 0 ? result->reason : c->err->message;

    if (!reason && (r < 0 || result->exit_code != RP_EXIT_PASSED))
        reason = "there is no memory to say why";
    bool was_anything = r == 0 && c->publishing.published_phase != RP_RUN_LOADING;

    if (was_anything)
        publish_phase(c, RP_RUN_TEARDOWN); /* when there was no hook to run */
    if (c->pauses.started)
        publish_snapshot(c);
    if (r == 0) {
        publish_reasons(c);
        publish_verdicts(c);
        if (was_anything)
            publish_phase(c, RP_RUN_COMPLETE);
    }
    tell(c,
         (struct rp_event){
             .kind = RP_EVENT_FINISHED,
             .finished = { .code = r == 0 ? result->exit_code : code, /* a sink may have failed */
                           .status = r == 0 ? rp_result_status_name(result)
                                            : rp_exit_status_name(code),
                           .reason = reason },
         });
}
