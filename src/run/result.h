/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/result.h - everything that is known when a run has ended: what the summary, the result file
 * and the exit code are made from. Filled by the coordinator; the strings belong to the result.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/time.h"
#include "plan/plan.h"
#include "run/adjustment.h"
#include "run/history.h"
#include "stats/exchange.h"
#include "stats/store.h"

enum { RP_RUN_ID_MAX = 255 }; /* bytes of UTF-8; a UUID has 36 */

enum rp_exit { /* the exit codes that users see */
               RP_EXIT_PASSED = 0,
               RP_EXIT_THRESHOLDS = 1,
               RP_EXIT_ITERATION_ERRORS = 2,
               RP_EXIT_CONFIG = 3,
               RP_EXIT_ABORTED = 4,
               RP_EXIT_SETUP = 5,
               RP_EXIT_OUTPUT = 6,
               RP_EXIT_TEARDOWN = 7,
               RP_EXIT_GENERATOR = 8,
               RP_EXIT_INTERNAL = 9,
};
/* The status that goes with an exit code, as a word: "passed", "threshold_failed", "stopped". It is
 * one word everywhere: in result files, in events and in rampa.RunStatus. */
const char *rp_exit_status_name(enum rp_exit code);

/* Iterations of one scenario. Identity: scheduled = started + dropped, started = completed +
 * interrupted. */
struct rp_accounting {
    char *scenario;
    uint64_t scheduled, started, dropped, completed, interrupted, errors;
};
bool rp_accounting_holds(const struct rp_accounting *accounting);

/* Exceptions of the script, or failed requests, that are the same kind at the same place. */
struct rp_error_group {
    char *scenario;
    char *type;      /* "ValueError", "ConnectionRefused" */
    char *message;   /* of the first one */
    char *place;     /* "load.py:12 in browse" */
    char *traceback; /* of the first one, cleaned of our frames; may be NULL */
    uint64_t count;
    /* an outcome of the test (a failed request nobody caught), not a bug of the script */
    bool is_request;
};

struct rp_result_warning {
    char *text;
    char *about; /* of workers' warnings that differ in figures only, or NULL */
    uint64_t count;
};

struct rp_result_worker {
    uint32_t id;
    int pid;
    char *loop;    /* "io_uring" */
    char *runtime; /* "CPython 3.11.2" */
    double cpu_user_s, cpu_system_s;
    int64_t max_rss_bytes;
    /* how long after the moment that all had agreed upon its executors started */
    rp_ns started_late;
    /* Whether its executors have ended properly, and what it has told then: how many iterations
     * were under way, integrated over the time, and the part of those that were interrupted. */
    bool has_finished;
    rp_ns under_way, cut_short;
    char *lost; /* how it ended before its time, one sentence; NULL when it did not */
    /* what it measured later than this is missing; of the executors, with pauses */
    rp_ns lost_from;
};

enum { RP_RESULT_PAUSES_MAX = 1000 }; /* later ones are only in the sum */

struct rp_result_pause {
    rp_ns start; /* since the first moment of the executors, earlier pauses included */
    rp_ns length;
};

enum rp_generator_verdict { RP_GENERATOR_VALID, RP_GENERATOR_SUSPECT, RP_GENERATOR_LIMITED };
const char *rp_generator_verdict_name(enum rp_generator_verdict verdict);

enum rp_generator_cause { /* the most serious first */
                          RP_CAUSE_DESCRIPTORS,
                          RP_CAUSE_PORTS,
                          RP_CAUSE_SCRIPT,     /* code of it kept the event loop */
                          RP_CAUSE_QUOTA,      /* a control group's, of processor time */
                          RP_CAUSE_CONTENTION, /* other programs had the processor */
                          RP_CAUSE_CPU,        /* the worker itself needed all of it */
                          RP_CAUSE_LOOP_LAG,
                          RP_CAUSE_RECEIVE_DELAY, /* answers lay in the kernel of the machine */
                          RP_CAUSE_LATE,          /* iterations began after their time, */
                          RP_CAUSE_DROPPED,       /* or never */
                          RP_CAUSE_SCHEDULE, /* arrivals of some seconds came in other seconds */
                          RP_CAUSE_BOOKS,    /* what was measured disagrees with what was counted */
                          RP_CAUSE_MEMORY,
                          RP_CAUSE_INCOMPLETE, /* a worker's last figures are missing */
                          RP_CAUSE_COUNT
};
const char *rp_generator_cause_name(enum rp_generator_cause cause);
/* The same for people, as a part of a sentence: "other programs had the processor". */
const char *rp_generator_cause_words(enum rp_generator_cause cause);

struct rp_generator_reason {
    enum rp_generator_verdict verdict; /* never valid */
    enum rp_generator_cause cause;
    uint32_t worker;  /* the id of the one that it was worst for */
    uint32_t workers; /* how many it was so for */
    char *text;       /* one sentence, with the remedy */
};

/* Second by second, whether the arrivals came when the schedule wanted them. */
struct rp_result_arrivals {
    size_t seconds; /* that were looked at, of the last ten minutes; 0 without arrival executors */
    rp_ns *off;     /* where those begin that were off */
    size_t off_count;
    double worst_late_ms; /* the average lateness of the latest second */
};

/* The mean number of iterations under way in the time of the executors, pauses included, twice:
 * as the workers counted it, and as the durations of the iterations add up to it (their rate
 * times their mean). Over all workers that ended properly. */
struct rp_result_littles_law {
    bool was_looked_at; /* false: too little ran, or no worker ended properly */
    double counted, measured;
};

struct rp_sinks;

struct rp_result {
    struct rp_sinks *sinks; /* told of each new warning (run/sink.h); borrowed, may be NULL */
    struct rp_plan *plan;   /* owned; NULL when the run failed before there was one */
    struct rp_store *store; /* owned */
    struct rp_history history;
    enum rp_exit exit_code;
    /* It has failed with RP_EXIT_THRESHOLDS not for a threshold, but because nothing succeeded. */
    bool nothing_succeeded;
    /* The executors did not have all their time, or not with all workers: somebody or a threshold
     * stopped the run, or a worker was lost. */
    bool is_cut_short;
    char *reason; /* why it did not pass, one sentence; NULL when it passed */
    char run_id[RP_RUN_ID_MAX + 1];
    int64_t started_wall_ns; /* first moment of the executors; 0 when they never ran */
    rp_ns elapsed;           /* of the executors, without pauses */
    rp_ns paused;            /* how long they paused in all */
    struct rp_result_pause *pauses;
    size_t pause_count;
    struct rp_result_adjustment *adjustments; /* in the order of time */
    size_t adjustment_count;
    rp_ns setup_time, teardown_time;
    struct rp_verdict *verdicts; /* plan->threshold_count of them, or NULL when not judged */
    struct rp_accounting *accounting;
    size_t accounting_count;
    struct rp_error_group *errors;
    size_t error_count;
    struct rp_exchanges exchanges; /* the first failed ones of each kind, sorted at the end */
    struct rp_result_warning *warnings;
    size_t warning_count;
    char **notes; /* how the run was made, as far as its plan does not say it */
    size_t note_count;
    struct rp_result_worker *workers;
    size_t worker_count;
    enum rp_generator_verdict generator;
    struct rp_generator_reason *generator_reasons; /* limited ones first; none when valid */
    size_t generator_reason_count;
    struct rp_result_arrivals arrivals;
    struct rp_result_littles_law littles_law;
};

/* Frees the texts of a group; some may be NULL. */
void rp_error_group_deinit(struct rp_error_group *group);
/* A zeroed result is valid. */
void rp_result_deinit(struct rp_result *result);

/* How the run ended, as a word: that of its exit code, or "nothing_succeeded". */
const char *rp_result_status_name(const struct rp_result *result);

/* When the executors had run for @elapsed without pauses, on the axis of the time series: since their
 * start, pauses included. */
rp_ns rp_result_moment(const struct rp_result *result, rp_ns elapsed);
/* -ENOMEM. */
RP_NODISCARD int rp_result_adjusted(struct rp_result *result,
                                    const struct rp_result_adjustment *adjustment);

enum { RP_REASON_MAX = 8192 }; /* bytes of a reason or a warning */

/* A new text, cut at RP_REASON_MAX when it is longer; NULL for want of memory. */
char *rp_reason_format(const char *fmt, va_list args);
/* The run has failed with @code, for the reason given. The first failure decides the exit code, but
 * a later one wins over failed thresholds, and RP_EXIT_INTERNAL wins over everything. */
void rp_result_fail(struct rp_result *result, enum rp_exit code, const char *fmt, ...)
    RP_PRINTF(3, 4);
/* As rp_result_fail(). When an earlier failure has decided, its reason goes on with this one. */
void rp_result_fail_too(struct rp_result *result, enum rp_exit code, const char *fmt, ...)
    RP_PRINTF(3, 4);
/* What the user should know and what does not fail the run. The same text again only counts. Lost
 * for want of memory. */
void rp_result_warn(struct rp_result *result, const char *fmt, ...) RP_PRINTF(2, 3);
/* The same, noted @times. @about (may be NULL) names what several workers may say with other
 * figures each: of those the first is the one that shows. */
void rp_result_warn_about(struct rp_result *result, const char *about, const char *text,
                          uint64_t times);
/* Adds to the notes. Lost for want of memory. */
void rp_result_note(struct rp_result *result, const char *fmt, ...) RP_PRINTF(2, 3);
