/* SPDX-License-Identifier: MIT */
#include "run/result.h"

#include <errno.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "run/sink.h"

const char *rp_exit_status_name(enum rp_exit code)
{
    switch (code) {
    case RP_EXIT_PASSED:
        return "passed";
    case RP_EXIT_THRESHOLDS:
        return "threshold_failed";
    case RP_EXIT_ITERATION_ERRORS:
        return "execution_failed";
    case RP_EXIT_CONFIG:
        return "invalid_configuration";
    case RP_EXIT_ABORTED:
        return "stopped";
    case RP_EXIT_SETUP:
        return "setup_failed";
    case RP_EXIT_OUTPUT:
        return "output_failed";
    case RP_EXIT_TEARDOWN:
        return "teardown_failed";
    case RP_EXIT_GENERATOR:
        return "generator_limited";
    case RP_EXIT_INTERNAL:
        break;
    }
    return "internal_error";
}

const char *rp_result_status_name(const struct rp_result *result)
{
    if (result->exit_code == RP_EXIT_THRESHOLDS && result->nothing_succeeded)
        return "nothing_succeeded";
    return rp_exit_status_name(result->exit_code);
}

const char *rp_generator_verdict_name(enum rp_generator_verdict verdict)
{
    static const char *const names[] = {
        [RP_GENERATOR_VALID] = "valid",
        [RP_GENERATOR_SUSPECT] = "suspect",
        [RP_GENERATOR_LIMITED] = "limited",
    };

    return names[verdict];
}

const char *rp_generator_cause_name(enum rp_generator_cause cause)
{
    static const char *const names[RP_CAUSE_COUNT] = {
        [RP_CAUSE_DESCRIPTORS] = "file_descriptors",
        [RP_CAUSE_PORTS] = "local_ports",
        [RP_CAUSE_SCRIPT] = "script",
        [RP_CAUSE_QUOTA] = "cpu_quota",
        [RP_CAUSE_CONTENTION] = "cpu_contention",
        [RP_CAUSE_CPU] = "cpu",
        [RP_CAUSE_LOOP_LAG] = "loop_lag",
        [RP_CAUSE_RECEIVE_DELAY] = "receive_delay",
        [RP_CAUSE_LATE] = "late_iterations",
        [RP_CAUSE_DROPPED] = "dropped_iterations",
        [RP_CAUSE_SCHEDULE] = "schedule",
        [RP_CAUSE_BOOKS] = "books",
        [RP_CAUSE_MEMORY] = "memory",
        [RP_CAUSE_INCOMPLETE] = "incomplete",
    };

    return names[cause];
}

const char *rp_generator_cause_words(enum rp_generator_cause cause)
{
    static const char *const words[RP_CAUSE_COUNT] = {
        [RP_CAUSE_DESCRIPTORS] = "too few file descriptors",
        [RP_CAUSE_PORTS] = "too few local ports",
        [RP_CAUSE_SCRIPT] = "code of the script kept the event loop",
        [RP_CAUSE_QUOTA] = "a CPU quota",
        [RP_CAUSE_CONTENTION] = "other programs had the processor",
        [RP_CAUSE_CPU] = "no processor time to spare",
        [RP_CAUSE_LOOP_LAG] = "the event loop turned late",
        [RP_CAUSE_RECEIVE_DELAY] = "answers were taken late",
        [RP_CAUSE_LATE] = "iterations began late",
        [RP_CAUSE_DROPPED] = "iterations were dropped late",
        [RP_CAUSE_SCHEDULE] = "arrivals came at the wrong time",
        [RP_CAUSE_BOOKS] = "durations are missing",
        [RP_CAUSE_MEMORY] = "memory was read back from the disk",
        [RP_CAUSE_INCOMPLETE] = "figures are missing",
    };

    return words[cause];
}

/* Sums instead of differences: a worker that lies must not wrap a difference around. */
bool rp_accounting_holds(const struct rp_accounting *accounting)
{
    return accounting->scheduled == accounting->started + accounting->dropped &&
           accounting->started == accounting->completed + accounting->interrupted;
}

void rp_error_group_deinit(struct rp_error_group *group)
{
    rp_free(group->scenario);
    rp_free(group->type);
    rp_free(group->message);
    rp_free(group->place);
    rp_free(group->traceback);
    *group = (struct rp_error_group){ 0 };
}

rp_ns rp_result_moment(const struct rp_result *result, rp_ns elapsed)
{
    rp_ns moment = elapsed;

    for (size_t i = 0; i < result->pause_count && result->pauses[i].start < moment; i++)
        moment = rp_ns_add(moment, result->pauses[i].length);
    return moment;
}

int rp_result_adjusted(struct rp_result *result, const struct rp_result_adjustment *adjustment)
{
    struct rp_result_adjustment *list = rp_realloc_array(
        result->adjustments, result->adjustment_count + 1, sizeof(*list));

    if (!list)
        return -ENOMEM;
    result->adjustments = list;
    list[result->adjustment_count++] = *adjustment;
    return 0;
}

void rp_result_deinit(struct rp_result *result)
{
    if (result->plan)
        rp_plan_free(result->plan);
    if (result->store)
        rp_store_free(result->store);
    rp_history_deinit(&result->history);
    rp_free(result->reason);
    rp_free(result->pauses);
    rp_free(result->adjustments);
    rp_free(result->verdicts);
    for (size_t i = 0; i < result->accounting_count; i++)
        rp_free(result->accounting[i].scenario);
    rp_free(result->accounting);
    for (size_t i = 0; i < result->error_count; i++)
        rp_error_group_deinit(&result->errors[i]);
    rp_free(result->errors);
    rp_exchanges_deinit(&result->exchanges);
    for (size_t i = 0; i < result->warning_count; i++) {
        rp_free(result->warnings[i].text);
        rp_free(result->warnings[i].about);
    }
    rp_free(result->warnings);
    for (size_t i = 0; i < result->note_count; i++)
        rp_free(result->notes[i]);
    rp_free(result->notes);
    for (size_t i = 0; i < result->worker_count; i++) {
        rp_free(result->workers[i].loop);
        rp_free(result->workers[i].runtime);
        rp_free(result->workers[i].lost);
    }
    rp_free(result->workers);
    for (size_t i = 0; i < result->generator_reason_count; i++)
        rp_free(result->generator_reasons[i].text);
    rp_free(result->generator_reasons);
    rp_free(result->arrivals.off);
    *result = (struct rp_result){ 0 };
}

/* ---- failures and warnings ------------------------------------------------------------------- */

char *rp_reason_format(const char *fmt, va_list args)
{
    va_list again;
    char *text;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return NULL;
    text = rp_alloc((size_t)len + 1);
    if (!text)
        return NULL;
    vsnprintf(text, (size_t)len + 1, fmt, args);
    if (len > RP_REASON_MAX)
        text[rp_utf8_cut(rp_slice_str(text), RP_REASON_MAX).len] = '\0';
    return text;
}

/* Whether a failure with @next becomes the result's, which has failed with @now. */
static bool wins(enum rp_exit next, enum rp_exit now)
{
    if (now == RP_EXIT_THRESHOLDS)
        return next != RP_EXIT_THRESHOLDS;
    return now == RP_EXIT_PASSED || (next == RP_EXIT_INTERNAL && now != RP_EXIT_INTERNAL);
}

void rp_result_fail(struct rp_result *result, enum rp_exit code, const char *fmt, ...)
{
    va_list args;

    if (!wins(code, result->exit_code))
        return;
    result->exit_code = code;
    rp_free(result->reason);
    va_start(args, fmt);
    result->reason = rp_reason_format(fmt, args);
    va_end(args);
}

static char *join(const char *fmt, ...) RP_PRINTF(1, 2);

static char *join(const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = rp_reason_format(fmt, args);
    va_end(args);
    return text;
}

void rp_result_fail_too(struct rp_result *result, enum rp_exit code, const char *fmt, ...)
{
    char *reason, *both;
    va_list args;

    va_start(args, fmt);
    reason = rp_reason_format(fmt, args);
    va_end(args);
    if (!result->reason || wins(code, result->exit_code)) {
        rp_result_fail(result, code, "%s", reason ? reason : "");
        rp_free(reason);
        return;
    }
    both = reason ? join("%s; then %s", result->reason, reason) : NULL;
    rp_free(reason);
    if (!both)
        return;
    rp_free(result->reason);
    result->reason = both;
}

/* Whether somebody has said this, or another worker the same with other figures. */
static bool is_known(const struct rp_result_warning *warning, const char *about, const char *text)
{
    return strcmp(warning->text, text) == 0 ||
           (about && warning->about && strcmp(warning->about, about) == 0);
}

void rp_result_warn_about(struct rp_result *result, const char *about, const char *text,
                          uint64_t times)
{
    struct rp_result_warning *warnings = result->warnings;
    struct rp_event event = { .kind = RP_EVENT_WARNING };
    char *copy;

    for (size_t i = 0; i < result->warning_count; i++)
        if (is_known(&warnings[i], about, text)) {
            warnings[i].count += about ? 0 : times;
            return;
        }
    warnings = rp_realloc_array(warnings, result->warning_count + 1, sizeof(*warnings));
    if (!warnings)
        return;
    result->warnings = warnings;
    copy = rp_strdup(text);
    if (!copy)
        return;
    warnings[result->warning_count++] = (struct rp_result_warning){
        .text = copy, .about = about ? rp_strdup(about) : NULL, .count = times
    };
    event.warning = copy;
    /* Last: a sink that cannot keep it warns too. */
    rp_sinks_event(result->sinks, &event);
}

void rp_result_warn(struct rp_result *result, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = rp_reason_format(fmt, args);
    va_end(args);
    if (text)
        rp_result_warn_about(result, NULL, text, 1);
    rp_free(text);
}

void rp_result_note(struct rp_result *result, const char *fmt, ...)
{
    char **notes = rp_realloc_array(result->notes, result->note_count + 1, sizeof(*notes));
    va_list args;
    char *text;

    if (!notes)
        return;
    result->notes = notes;
    va_start(args, fmt);
    text = rp_reason_format(fmt, args);
    va_end(args);
    if (text)
        notes[result->note_count++] = text;
}
