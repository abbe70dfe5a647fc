/* SPDX-License-Identifier: MIT */

/* The verdict: thresholds, the accounting identity, errors of iterations; what is said of the
 * generator (judge_generator.c). */

#include "coordinator/judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/sysfile.h"
#include "coordinator/judge_generator.h"
#include "coordinator/judge_littles_law.h"
#include "coordinator/judge_schedule.h"
#include "coordinator/judge_success.h"
#include "coordinator/loss.h"
#include "coordinator/publish.h"
#include "coordinator/state.h"
#include "plan/metrics.h"

/* How often thresholds are judged while iterations run, and what the first look must have seen. */
enum { LIVE_S = 2, FIRST_MS = 50 };

int rp_judge_prepare(struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;
    struct rp_view *view;
    int r = rp_store_new(&result->store);

    for (size_t i = 0; r == 0 && i < plan->threshold_count; i++)
        if (plan->thresholds[i].filter.count)
            r = rp_store_submetric(result->store, plan->thresholds[i].metric,
                                   &plan->thresholds[i].filter, plan->thresholds[i].display, &view);
    return r;
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static struct rp_verdict judge_one(struct rp_coordinator *c, const struct rp_threshold *threshold)
{
    struct rp_view *view = rp_store_view(c->result->store, threshold->display);
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(threshold->metric);
    struct rp_view empty = { .name = threshold->metric, .display = threshold->display };
    struct rp_verdict verdict;

    if (view && view->total.samples)
        return rp_threshold_judge(threshold, view, (double)c->result->elapsed / 1e9);
    /* The metric was never recorded: what an empty one of its kind would say. */
    empty.type = builtin ? builtin->type : RP_TREND;
    rp_value_init(&empty.total, empty.type);
    verdict = rp_threshold_judge(threshold, &empty, (double)c->result->elapsed / 1e9);
    rp_value_deinit(&empty.total);
    return verdict;
}

static int judge_thresholds(struct rp_coordinator *c)
{
    const struct rp_plan *plan = c->result->plan;
    size_t failed = 0;

    if (!plan->threshold_count)
        return 0;
    c->result->verdicts = rp_calloc(plan->threshold_count, sizeof(*c->result->verdicts));
    if (!c->result->verdicts)
        return -ENOMEM;
    for (size_t i = 0; i < plan->threshold_count; i++) {
        c->result->verdicts[i] = judge_one(c, &plan->thresholds[i]);
        failed += !c->result->verdicts[i].passed;
    }
    if (failed)
        rp_result_fail(c->result, RP_EXIT_THRESHOLDS, "%zu of %zu thresholds failed", failed,
                       plan->threshold_count);
    return 0;
}

/* Whether it is time again. */
static bool is_due(struct rp_coordinator *c, rp_ns elapsed)
{
    static const rp_ns interval = LIVE_S * RP_S;
    bool is_due = !c->is_stopping && elapsed >= interval && elapsed >= c->judging.next;

    if (is_due)
        c->judging.next = rp_ns_add(elapsed - elapsed % interval, interval);
    return is_due;
}

/* One without samples is not judged: nothing is said against it. */
static struct rp_verdict verdict_now(struct rp_coordinator *c, const struct rp_threshold *threshold,
                                     rp_ns elapsed)
{
    const struct rp_view *view = rp_store_view(c->result->store, threshold->display);

    if (!view || !view->total.samples)
        return (struct rp_verdict){ .passed = true, .no_samples = true, .actual = NAN };
    return rp_threshold_judge(threshold, view, (double)elapsed / 1e9);
}

static void stop_for(struct rp_coordinator *c, const struct rp_threshold *threshold, rp_ns elapsed)
{
    rp_result_fail(c->result, RP_EXIT_THRESHOLDS, "stopped after %.0f s by threshold '%s' on %s",
                   (double)elapsed / 1e9, threshold->source, threshold->display);
    rp_result_warn(c->result, "%s", c->result->reason);
}

/* The first threshold that @may_abort and ends the run now; as many as there are when none does. */
static size_t judge_now(struct rp_coordinator *c, rp_ns elapsed, bool may_abort,
                        struct rp_verdict *verdicts)
{
    const struct rp_plan *plan = c->result->plan;
    size_t aborting = plan->threshold_count;

    for (size_t i = 0; i < plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &plan->thresholds[i];

        verdicts[i] = verdict_now(c, threshold, elapsed);
        if (may_abort && aborting == plan->threshold_count && !verdicts[i].passed &&
            threshold->abort_on_fail && elapsed >= threshold->delay_abort_eval)
            aborting = i;
    }
    return aborting;
}

/* Those who look on learn of it soon, with what the first report has. A run is not ended so
 * early. */
static bool is_first_look(struct rp_coordinator *c, rp_ns told)
{
    bool is_first = !c->judging.has_told && told >= FIRST_MS * RP_MS && !c->is_stopping &&
                    rp_publish_wants_live(c);

    c->judging.has_told |= is_first;
    return is_first;
}

struct rp_next rp_judge_live(struct rp_coordinator *c, rp_ns told)
{
    const struct rp_next nothing = { .kind = RP_NEXT_NOTHING };
    const struct rp_plan *plan = c->result->plan;
    bool due = is_due(c, told), first = is_first_look(c, told);
    rp_ns elapsed = rp_coordinator_elapsed(c);
    struct rp_verdict *verdicts;
    size_t aborting;

    if (!plan->threshold_count || (!due && !first))
        return nothing;
    verdicts = rp_calloc(plan->threshold_count, sizeof(*verdicts));
    if (!verdicts) /* the next look is in two seconds */
        return nothing;
    aborting = judge_now(c, elapsed, due, verdicts);
    if (rp_publish_wants_live(c))
        rp_publish_live(c, verdicts, aborting);
    if (aborting < plan->threshold_count)
        stop_for(c, &plan->thresholds[aborting], elapsed);
    rp_free(verdicts);
    return aborting < plan->threshold_count ? (struct rp_next){ .kind = RP_NEXT_STOP } : nothing;
}

void rp_judge_errors(struct rp_result *result)
{
    uint64_t bugs = 0;

    for (size_t i = 0; i < result->error_count; i++)
        if (!result->errors[i].is_request)
            bugs += result->errors[i].count;
    if (bugs && !rp_judge_has_threshold(result->plan, RP_M_ITERATION_ERRORS))
        rp_result_fail(result, RP_EXIT_ITERATION_ERRORS, "%llu iteration%s raised an exception",
                       (unsigned long long)bugs, bugs == 1 ? "" : "s");
}

/* ---- accounting ------------------------------------------------------------------------------ */

/* As it is: what a worker sends need not be a whole number. */
static bool counter_is(struct rp_coordinator *c, enum rp_builtin metric, uint64_t expected)
{
    struct rp_view *view = rp_store_view(c->result->store, rp_builtin_name(metric));

    return (view ? rp_value_sum(&view->total) : 0) == (double)expected;
}

static void check_accounting(struct rp_coordinator *c)
{
    uint64_t completed = 0, interrupted = 0, dropped = 0;

    for (size_t i = 0; i < c->result->accounting_count; i++) {
        const struct rp_accounting *accounting = &c->result->accounting[i];

        completed += accounting->completed;
        interrupted += accounting->interrupted;
        dropped += accounting->dropped;
        if (!rp_accounting_holds(accounting))
            rp_result_fail(c->result, RP_EXIT_INTERNAL,
                           "the accounting of scenario '%s' does not add up (a defect of rampa)",
                           accounting->scenario);
    }
    /* The last report of a worker that was lost may have come in part. */
    if (!c->merging.lost && (!counter_is(c, RP_M_ITERATIONS, completed) ||
                             !counter_is(c, RP_M_INTERRUPTED_ITERATIONS, interrupted) ||
                             !counter_is(c, RP_M_DROPPED_ITERATIONS, dropped)))
        rp_result_fail(c->result, RP_EXIT_INTERNAL,
                       "the iteration counters differ from the accounting (a defect of rampa)");
    if (c->merging.totals_differ)
        rp_result_fail(c->result, RP_EXIT_INTERNAL,
                       "the sums of a worker's reports differ from its totals (a defect of rampa)");
}

/* ---- the generator itself -------------------------------------------------------------------- */

static bool is_any_lost(const struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peers.count; i++)
        if (c->peers.items[i]->is_lost)
            return true;
    return false;
}

static struct rp_generator_reason incomplete(const struct rp_coordinator *c)
{
    struct rp_generator_reason reason = {
        .verdict = RP_GENERATOR_SUSPECT, .cause = RP_CAUSE_INCOMPLETE, .worker = 1, .workers = 1
    };
    char text[120] = "the worker did not end properly: what it measured last is missing";

    reason.workers = 0;
    for (size_t i = c->peers.count; i-- > 0;)
        if (c->peers.items[i]->is_lost) {
            reason.worker = (uint32_t)i + 1;
            reason.workers++;
        }
    if (!reason.workers)
        reason.workers = 1;
    else if (!c->merging.lost)
        snprintf(text, sizeof(text), "%u of %zu workers ended without telling their totals",
                 reason.workers, c->peers.count);
    if (c->merging.lost)
        snprintf(text, sizeof(text),
                 "%zu of %zu workers %s lost: %s share of the load is missing from then on",
                 c->merging.lost, c->peers.count, c->merging.lost == 1 ? "was" : "were",
                 c->merging.lost == 1 ? "its" : "their");
    reason.text = rp_strdup(text);
    return reason;
}

/* Of the programs that may have had the processor, one can be recognised: the demo server of a first
 * try. Whether it is the server of this run is not known. */
static int name_the_target(struct rp_result *result)
{
    for (size_t i = 0; i < result->generator_reason_count; i++) {
        struct rp_generator_reason *reason = &result->generator_reasons[i];
        int pid = reason->cause == RP_CAUSE_CONTENTION ? rp_find_process("", "rampa", "target") : 0;
        struct rp_buf text;
        int cores;

        if (!pid)
            continue;
        cores = rp_usable_cores("");
        rp_buf_init(&text, RP_REASON_MAX);
        rp_buf_appendf(&text,
                       "%s; rampa target runs on this machine (process %d): if it is the server "
                       "of this test, it takes processor time from the load, and %d core%s usable "
                       "here",
                       reason->text, pid, cores, cores == 1 ? " is" : "s are");
        if (text.error) {
            rp_buf_deinit(&text);
            return -ENOMEM;
        }
        rp_free(reason->text);
        reason->text = rp_buf_take(&text);
        rp_buf_deinit(&text);
    }
    return 0;
}

static int judge_generator(struct rp_coordinator *c)
{
    struct rp_result *result = c->result;
    int r = rp_judge_generator(c->merging.health, c->peers.count, result);

    if (r == 0)
        r = name_the_target(result);
    if (r == 0)
        r = rp_judge_schedule(result);
    if (r == 0)
        r = rp_judge_littles_law(result);
    if (r == 0 && (!c->has_finished || is_any_lost(c)))
        r = rp_judge_generator_add(result, incomplete(c));
    if (r == 0 && c->config->is_strict && result->generator == RP_GENERATOR_LIMITED)
        rp_result_fail(c->result, RP_EXIT_GENERATOR, "the generator itself was the limit: %s",
                       result->generator_reasons[0].text);
    return r;
}

static void warn_about_connections(struct rp_coordinator *c)
{
    if (c->merging.stray_bytes)
        rp_result_warn(
            c->result,
            "%llu connection%s dropped because the server sent bytes after a complete response",
            (unsigned long long)c->merging.stray_bytes,
            c->merging.stray_bytes == 1 ? " was" : "s were");
    if (c->merging.retried)
        rp_result_warn(
            c->result, "%llu request%s sent again because the server had closed a kept connection",
            (unsigned long long)c->merging.retried, c->merging.retried == 1 ? " was" : "s were");
}

/* Whether every worker has told its totals that is not known to be lost. */
static bool is_complete(const struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peers.count; i++)
        if (!c->peers.items[i]->has_farewell && !c->peers.items[i]->is_lost)
            return false;
    return true;
}

int rp_judge(struct rp_coordinator *c)
{
    int r = 0;

    if (!c->has_finished) /* the executors never ended properly: why is already said */
        return c->pauses.started ? judge_generator(c) : 0;
    if (is_complete(c))
        check_accounting(c);
    r = judge_thresholds(c);
    rp_judge_success(c->result, !c->config->requests.len);
    if (r == 0)
        r = judge_generator(c);
    warn_about_connections(c);
    rp_loss_warn_of_silence(c);
    return r;
}
