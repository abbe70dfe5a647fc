/* SPDX-License-Identifier: MIT */
#include "run/result.h"

#include "base/alloc.h"

const char *rp_exit_status_name(enum rp_exit code)
{
    switch (code) {
    case RP_EXIT_PASSED:
        return "passed";
    case RP_EXIT_THRESHOLDS:
        return "thresholds_failed";
    case RP_EXIT_ITERATION_ERRORS:
        return "iteration_errors";
    case RP_EXIT_CONFIG:
        return "invalid_configuration";
    case RP_EXIT_ABORTED:
        return "aborted";
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
        [RP_CAUSE_LATE] = "late_iterations",
        [RP_CAUSE_DROPPED] = "dropped_iterations",
        [RP_CAUSE_MEMORY] = "memory",
        [RP_CAUSE_INCOMPLETE] = "incomplete",
    };

    return names[cause];
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

void rp_result_deinit(struct rp_result *result)
{
    if (result->plan)
        rp_plan_free(result->plan);
    if (result->store)
        rp_store_free(result->store);
    rp_free(result->reason);
    rp_free(result->pauses);
    rp_free(result->verdicts);
    for (size_t i = 0; i < result->accounting_count; i++)
        rp_free(result->accounting[i].scenario);
    rp_free(result->accounting);
    for (size_t i = 0; i < result->error_count; i++)
        rp_error_group_deinit(&result->errors[i]);
    rp_free(result->errors);
    for (size_t i = 0; i < result->warning_count; i++) {
        rp_free(result->warnings[i].text);
        rp_free(result->warnings[i].about);
    }
    rp_free(result->warnings);
    for (size_t i = 0; i < result->worker_count; i++) {
        rp_free(result->workers[i].loop);
        rp_free(result->workers[i].runtime);
        rp_free(result->workers[i].lost);
    }
    rp_free(result->workers);
    for (size_t i = 0; i < result->generator_reason_count; i++)
        rp_free(result->generator_reasons[i].text);
    rp_free(result->generator_reasons);
    *result = (struct rp_result){ 0 };
}
