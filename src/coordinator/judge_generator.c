/* SPDX-License-Identifier: MIT */

/*
 * A worker's time is divided into what it computed, what it waited for a processor, and the rest,
 * which it had to spare. When nearly nothing is left to spare, whoever took the time is named: the
 * worker itself, a quota, other programs. What its loop and its schedules made of it is judged
 * beside that, for a script that blocks stops both without any processor time.
 *
 * Iterations that were dropped because all VUs were busy are the plan's limit or the server's, not
 * the generator's, and a warning says so; only those that were dropped late count here.
 */

#include "coordinator/judge_generator.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "base/alloc.h"

enum { TEXT_MAX = 1024, LIMITED_COUNT = 10, FAULTS_MIN = 100, FAULTS_PER_S = 10 };
#define SUSPECT_SHARE 0.05
#define LIMITED_SHARE 0.5
/* A burst at the start of a short test is no limit, nor are a few. */
#define LIMITED_TIME RP_S

/* ---- shares ---------------------------------------------------------------------------------- */

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double of_time(const struct rp_worker_health *health, rp_ns part)
{
    return share((double)part, (double)health->observed);
}

static double late_share(const struct rp_worker_health *health)
{
    return share((double)health->late_probes, (double)health->probes);
}

static double late_receive_share(const struct rp_worker_health *health)
{
    return share((double)health->late_receives, (double)health->receives);
}

static rp_ns waited_for_others(const struct rp_worker_health *health)
{
    return health->waited > health->stopped ? health->waited - health->stopped : 0;
}

/* Of the loop's lateness, what the script explains: half of it is enough to be the one to look
 * at. */
static bool is_scripts(const struct rp_worker_health *health)
{
    return of_time(health, health->blocked) >= late_share(health) / 2;
}

static enum rp_generator_verdict by_share(double share, bool is_enough)
{
    if (share >= LIMITED_SHARE && is_enough)
        return RP_GENERATOR_LIMITED;
    return share >= SUSPECT_SHARE ? RP_GENERATOR_SUSPECT : RP_GENERATOR_VALID;
}

static enum rp_generator_verdict by_time(const struct rp_worker_health *health, rp_ns part)
{
    return by_share(of_time(health, part), part >= LIMITED_TIME);
}

/* Who took @part of a processor, when the thread wanted all there was: the verdict on that is
 * theirs who took much of it. */
static enum rp_generator_verdict by_blame(const struct rp_worker_health *health, rp_ns part)
{
    double wanted = (double)health->computed + (double)health->waited;
    enum rp_generator_verdict verdict = RP_GENERATOR_VALID;

    if (share((double)part, wanted) >= 0.25)
        verdict = by_time(health, health->busy);
    return verdict;
}

static enum rp_generator_verdict worse(enum rp_generator_verdict a, enum rp_generator_verdict b)
{
    return a > b ? a : b;
}

enum rp_generator_verdict rp_judge_health(const struct rp_worker_health *health,
                                          enum rp_generator_cause cause)
{
    double arrivals = (double)health->arrivals + (double)health->late_drops;

    switch (cause) {
    case RP_CAUSE_DESCRIPTORS:
        return health->no_descriptors ? RP_GENERATOR_LIMITED : RP_GENERATOR_VALID;
    case RP_CAUSE_PORTS:
        return health->no_ports ? RP_GENERATOR_LIMITED : RP_GENERATOR_VALID;
    case RP_CAUSE_SCRIPT:
        return by_time(health, health->blocked);
    case RP_CAUSE_QUOTA:
        return worse(by_time(health, health->stopped), by_blame(health, health->stopped));
    case RP_CAUSE_CONTENTION:
        return worse(by_time(health, waited_for_others(health)),
                     by_blame(health, waited_for_others(health)));
    case RP_CAUSE_CPU:
        return by_blame(health, health->computed);
    case RP_CAUSE_LOOP_LAG:
        return is_scripts(health)
                   ? RP_GENERATOR_VALID
                   : by_share(late_share(health), health->late_probes >= LIMITED_COUNT);
    case RP_CAUSE_RECEIVE_DELAY: /* that of a loop that stood still is known by its cause */
        return rp_judge_health(health, RP_CAUSE_SCRIPT) ||
                       rp_judge_health(health, RP_CAUSE_LOOP_LAG)
                   ? RP_GENERATOR_VALID
                   : by_share(late_receive_share(health), health->late_receives >= LIMITED_COUNT);
    case RP_CAUSE_LATE:
        return by_share(share((double)health->late_arrivals, (double)health->arrivals),
                        health->late_arrivals >= LIMITED_COUNT);
    case RP_CAUSE_DROPPED:
        if (health->late_drops >= LIMITED_COUNT &&
            share((double)health->late_drops, arrivals) >= SUSPECT_SHARE)
            return RP_GENERATOR_LIMITED;
        return health->late_drops ? RP_GENERATOR_SUSPECT : RP_GENERATOR_VALID;
    case RP_CAUSE_MEMORY:
        return health->faults >= FAULTS_MIN &&
                       share((double)health->faults * 1e9, (double)health->observed) >= FAULTS_PER_S
                   ? RP_GENERATOR_SUSPECT
                   : RP_GENERATOR_VALID;
    default:
        return RP_GENERATOR_VALID;
    }
}

/* ---- sentences ------------------------------------------------------------------------------- */

/* What @cause took: which worker had most of it. */
static double weight(const struct rp_worker_health *health, enum rp_generator_cause cause)
{
    switch (cause) {
    case RP_CAUSE_DESCRIPTORS:
        return (double)health->no_descriptors;
    case RP_CAUSE_PORTS:
        return (double)health->no_ports;
    case RP_CAUSE_SCRIPT:
        return of_time(health, health->blocked);
    case RP_CAUSE_QUOTA:
        return of_time(health, health->stopped);
    case RP_CAUSE_CONTENTION:
        return of_time(health, waited_for_others(health));
    case RP_CAUSE_CPU:
        return of_time(health, health->computed);
    case RP_CAUSE_LOOP_LAG:
        return late_share(health);
    case RP_CAUSE_RECEIVE_DELAY:
        return late_receive_share(health);
    case RP_CAUSE_LATE:
        return share((double)health->late_arrivals, (double)health->arrivals);
    case RP_CAUSE_DROPPED:
        return (double)health->late_drops;
    default:
        return (double)health->faults;
    }
}

/* "1 time", "3 times" */
static void append_times(struct rp_buf *out, uint64_t count)
{
    rp_buf_appendf(out, "%llu time%s", (unsigned long long)count, count == 1 ? "" : "s");
}

/* Percent of the time. */
static double percent_of(const struct rp_worker_health *health, rp_ns part)
{
    return fmin(of_time(health, part), 1) * 100;
}

/* What came too late, by what and how much of it. */
static void append_lateness(struct rp_buf *out, enum rp_generator_cause cause, double percent,
                            unsigned long long count)
{
    switch (cause) {
    case RP_CAUSE_LOOP_LAG:
        rp_buf_appendf(out,
                       " turned its event loop more than 20 ms late for %.0f %% of the time, and "
                       "no line of the script was found that holds it up: the machine is "
                       "overloaded or was stopped; spread the load over more time or machines",
                       percent);
        break;
    case RP_CAUSE_RECEIVE_DELAY:
        rp_buf_appendf(
            out,
            " let %.0f %% of the answers lie in the kernel for more than 20 ms before it "
            "took them: iterations are longer by that, though latencies are not; use "
            "more workers or fewer VUs, or pace the iterations",
            percent);
        break;
    case RP_CAUSE_LATE:
        rp_buf_appendf(
            out,
            " began %.0f %% of the iterations more than 20 ms after their time: the rate "
            "is too high for it; lower the rate, or do less in the script",
            percent);
        break;
    default:
        rp_buf_appendf(
            out,
            " dropped %llu iteration%s because it came to them too late, not for want of "
            "VUs: lower the rate, or do less in the script",
            count, count == 1 ? "" : "s");
    }
}

static void append_reason(struct rp_buf *out, const struct rp_worker_health *health,
                          enum rp_generator_cause cause)
{
    double most = fmin(weight(health, cause), 1e18); /* what a worker tells may be any number */
    double percent = fmin(most, 1) * 100;
    unsigned long long count = (unsigned long long)most;

    switch (cause) {
    case RP_CAUSE_DESCRIPTORS:
        rp_buf_append_str(out, " ran out of file descriptors ");
        append_times(out, count);
        rp_buf_append_str(out, ": raise the limit (ulimit -n) or use fewer VUs");
        break;
    case RP_CAUSE_PORTS:
        rp_buf_append_str(out, " ran out of local ports ");
        append_times(out, count);
        rp_buf_append_str(out, ": keep connections alive, or widen net.ipv4.ip_local_port_range");
        break;
    case RP_CAUSE_SCRIPT:
        rp_buf_appendf(out,
                       " stood still for %.0f %% of the time in code of the script that does not "
                       "give control back (",
                       percent);
        append_times(out, health->blocks);
        rp_buf_append_str(out, "; the warnings name the lines): use await worker.sleep(), await "
                               "worker.http or asyncio.to_thread()");
        break;
    case RP_CAUSE_QUOTA:
        rp_buf_appendf(out,
                       " was stopped by the CPU quota of its control group for %.0f %% of the time "
                       "(",
                       percent);
        append_times(out, health->stops);
        rp_buf_append_str(out, "): raise the quota, or make less load");
        break;
    case RP_CAUSE_CONTENTION:
        rp_buf_appendf(
            out,
            " waited for a processor for %.0f %% of the time, because other programs had "
            "it: end them, or give rampa cores of its own (taskset)",
            percent);
        break;
    case RP_CAUSE_CPU:
        rp_buf_appendf(
            out,
            " had no processor time to spare for %.0f %% of the time (on the whole it computed for "
            "%.0f %% and waited for a processor for %.0f %%): iterations include waiting in the "
            "generator; use more workers or fewer VUs, pace the iterations, or do less in the "
            "script",
            percent_of(health, health->busy), percent_of(health, health->computed),
            percent_of(health, health->waited));
        break;
    case RP_CAUSE_MEMORY:
        rp_buf_appendf(out,
                       " had to read %llu pages of memory back from the disk: free memory, or use "
                       "fewer VUs",
                       count);
        break;
    default:
        append_lateness(out, cause, percent, count);
    }
}

static char *sentence(const struct rp_worker_health *workers, size_t count,
                      const struct rp_generator_reason *reason)
{
    struct rp_buf text;
    char *ret;

    rp_buf_init(&text, TEXT_MAX);
    if (count == 1)
        rp_buf_append_str(&text, "the worker");
    else if (reason->workers == 1)
        rp_buf_appendf(&text, "worker %u of %zu", reason->worker, count);
    else
        rp_buf_appendf(&text, "worker %u, as %u of %zu,", reason->worker, reason->workers, count);
    append_reason(&text, &workers[reason->worker - 1], reason->cause);
    ret = rp_buf_take(&text);
    rp_buf_deinit(&text);
    return ret;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool comes_before(const struct rp_generator_reason *a, const struct rp_generator_reason *b)
{
    return a->verdict != b->verdict ? a->verdict > b->verdict : a->cause < b->cause;
}

int rp_judge_generator_add(struct rp_result *result, struct rp_generator_reason reason)
{
    struct rp_generator_reason *reasons;
    size_t i = result->generator_reason_count;

    reasons = reason.text ? rp_realloc_array(result->generator_reasons, i + 1, sizeof(*reasons))
                          : NULL;
    if (!reasons) {
        rp_free(reason.text);
        return -ENOMEM;
    }
    for (; i && comes_before(&reason, &reasons[i - 1]); i--)
        reasons[i] = reasons[i - 1];
    reasons[i] = reason;
    result->generator_reasons = reasons;
    result->generator_reason_count++;
    result->generator = worse(result->generator, reason.verdict);
    return 0;
}

static struct rp_generator_reason judge_cause(const struct rp_worker_health *workers, size_t count,
                                              enum rp_generator_cause cause)
{
    struct rp_generator_reason reason = { .cause = cause };
    double most = -1;

    for (size_t i = 0; i < count; i++) {
        enum rp_generator_verdict verdict = rp_judge_health(&workers[i], cause);

        if (verdict == RP_GENERATOR_VALID)
            continue;
        reason.verdict = worse(reason.verdict, verdict);
        reason.workers++;
        if (weight(&workers[i], cause) > most) {
            most = weight(&workers[i], cause);
            reason.worker = (uint32_t)i + 1;
        }
    }
    return reason;
}

int rp_judge_generator(const struct rp_worker_health *workers, size_t count,
                       struct rp_result *result)
{
    int r = 0;

    for (size_t i = 0; i < result->generator_reason_count; i++)
        rp_free(result->generator_reasons[i].text);
    result->generator_reason_count = 0;
    result->generator = RP_GENERATOR_VALID;
    for (int cause = 0; r == 0 && cause < RP_CAUSE_COUNT; cause++) {
        struct rp_generator_reason reason = judge_cause(workers, count,
                                                        (enum rp_generator_cause)cause);

        if (reason.verdict == RP_GENERATOR_VALID)
            continue;
        reason.text = sentence(workers, count, &reason);
        r = rp_judge_generator_add(result, reason);
    }
    return r;
}
