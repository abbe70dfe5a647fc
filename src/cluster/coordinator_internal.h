/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * cluster/coordinator_internal.h - what the coordinator's files share: coordinator.c drives the phases, coordinator_life.c
 * has process, signals and clock, pause.c pauses, publish.c tells, patience.c waits, merge.c takes what the worker measured,
 * judge.c makes the verdict, judge_generator.c that on the workers themselves, preflight.c looks at limits before.
 */

#include "cluster/channel.h"
#include "cluster/coordinator.h"
#include "cluster/events.h"
#include "cluster/health.h"
#include "cluster/process.h"
#include "cluster/progress.h"

enum phase {
    PHASE_HELLO,
    PHASE_LOADING,
    PHASE_PLANNING,
    PHASE_SETUP,
    PHASE_RUNNING,
    PHASE_TEARDOWN,
    PHASE_LEAVING,
    PHASE_OVER
};

struct rp_coordinator {
    const struct rp_coordinator_config *config;
    struct rp_loop *loop;
    struct rp_process process;
    struct rp_channel channel;
    struct rp_watch signals;
    int signal_fd;
    struct rp_timer tick, patience, reminder;
    rp_ns limit;               /* when patience ends in every case */
    rp_ns heard;               /* when the last message came */
    unsigned patience_changes; /* how often @patience was armed or disarmed */
    enum phase phase;
    bool plan_only, is_stopping, is_over, is_paused;
    rp_ns paused_at, paused; /* by our clock: since when, and how long before that */
    /* By the worker's: the sum of the pauses that have ended, and whether one has not; see rp_note_pauses(). */
    rp_ns noted;
    bool is_noting, is_listed;
    struct rp_progress_table progress;
    /* publish.c */
    struct rp_events *events, *own_events; /* NULL: nobody listens */
    struct rp_event_log *event_log;
    const char *published_phase;
    rp_ns last_snapshot;
    double *last_counts; /* of the counters, at the last snapshot */
    size_t last_count_count;
    unsigned char *live; /* of each threshold: what was published of it */
    bool setup_failed;
    struct rp_result *result;
    struct rp_error *err;
    int status; /* of the whole: 0 or a negative code with err filled */
    rp_ns started, last_status;
    rp_ns next_judgement;               /* by the worker's time */
    struct rp_worker_health health;     /* of the one worker */
    unsigned char told[RP_CAUSE_COUNT]; /* of each cause: the verdict that was published */
    uint64_t stray_bytes, retried;
    bool has_finished, has_farewell, totals_differ;
    bool was_killed; /* by us: the reason is told already */
    bool is_cut;     /* the channel ended before the process */
    rp_ns ticked;    /* elapsed time of the last point of the series */
    unsigned signals_seen;
    /* coordinator_local.c */
    bool is_local, is_second_look;
    struct rp_task end_task;
    void (*over)(void *user, int status);
    void *over_user;
};

enum { RP_PATIENCE_S = 10, RP_LIVE_THRESHOLDS_S = 2 };

/* coordinator.c */
extern const struct rp_channel_events rp_coordinator_channel_events;
void rp_coordinator_over(struct rp_coordinator *c);
void rp_coordinator_tell_status(struct rp_coordinator *c);
const char *rp_coordinator_phase_name(const struct rp_coordinator *c);
void rp_coordinator_send(struct rp_coordinator *c, enum rp_message_type type); /* without fields */
/* No new iterations; those that run have @grace to end. */
void rp_coordinator_stop(struct rp_coordinator *c, rp_ns grace);

/* The first failure decides the exit code, but a later one wins over failed thresholds; 9 wins over everything. */
void rp_coordinator_fail(struct rp_coordinator *c, enum rp_exit code, const char *fmt, ...)
    RP_PRINTF(3, 4);
void rp_coordinator_warn(struct rp_coordinator *c, const char *text);
void rp_coordinator_warn_times(struct rp_coordinator *c, const char *text, uint64_t times);

/* coordinator_life.c */
void rp_coordinator_make_run_id(char out[37]);
void rp_coordinator_start_clock(struct rp_coordinator *c);
/* As the first signal does. */
void rp_coordinator_stop_gracefully(struct rp_coordinator *c, const char *reason, rp_ns grace_max);
/* The verdict, once everything is over. 0, or a negative code with the error filled. */
int rp_coordinator_conclude(struct rp_coordinator *c, int r);
/* Everything but the loop. */
void rp_coordinator_deinit(struct rp_coordinator *c);

/* coordinator_local.c: a run whose worker is no process */
void rp_coordinator_local_left(struct rp_coordinator *c);
void rp_coordinator_local_wait(struct rp_coordinator *c, rp_ns due);
void rp_coordinator_local_over(struct rp_coordinator *c);

/* patience.c */
/* In @more it should have done what it was told: then it is reminded, and killed @times the configured patience later.
 * While iterations run, once is enough for one that says nothing. */
void rp_coordinator_be_patient(struct rp_coordinator *c, int times, rp_ns more);
void rp_coordinator_take_your_time(struct rp_coordinator *c); /* no limit */
void rp_coordinator_kill(struct rp_coordinator *c);           /* why, the caller has said */

/* pause.c */
rp_ns rp_coordinator_elapsed(const struct rp_coordinator *c); /* of the executors, without pauses */
void rp_coordinator_end_pause(struct rp_coordinator *c);      /* because the run ends */
/* What the worker says of its time. -EBADMSG, -ENOMEM. */
int rp_note_pauses(struct rp_coordinator *c, rp_ns elapsed, rp_ns paused, bool is_paused);

/* merge.c; each returns 0 or a negative code: the worker spoke nonsense. */
int rp_merge_define(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_delta(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_state(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_error(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_total(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_finished(struct rp_coordinator *c, const struct rp_message *message);
int rp_merge_hello(struct rp_coordinator *c, const struct rp_message *message);
void rp_merge_bye(struct rp_coordinator *c, const struct rp_message *message);

/* judge.c */
int rp_judge_prepare(
    struct rp_coordinator *c); /* sub-metrics of thresholds, before any series is defined */
int rp_judge(struct rp_coordinator *c);
/* When the iterations are over, before teardown: exceptions of theirs came before any that teardown raises. */
void rp_judge_errors(struct rp_coordinator *c);
/* While it runs: stops the run when a threshold with abort_on_fail does not hold. */
void rp_judge_live(struct rp_coordinator *c);

/* preflight.c: before anything runs, warns of limits that the plan may meet. */
void rp_preflight(struct rp_coordinator *c);

/* publish.c: events; nothing when nobody listens */
int rp_publish_start(struct rp_coordinator *c);
int rp_publish_open_log(struct rp_coordinator *c); /* -RP_EUSER with the error */
void rp_publish_phase(struct rp_coordinator *c);   /* if it is another than before */
void rp_publish_pause(struct rp_coordinator *c);   /* or the end of one */
void rp_publish_warning(struct rp_coordinator *c, const char *text);
void rp_publish_snapshot(struct rp_coordinator *c); /* if the last one is old enough */
/* What the generator is judged by now; each cause when it is new or has become worse. */
void rp_publish_generator(struct rp_coordinator *c);
/* Threshold @i is as @verdict says now; told when that is new, and when it @aborts the run. */
void rp_publish_live(struct rp_coordinator *c, size_t i, const struct rp_verdict *verdict,
                     bool aborts);
void rp_publish_end(struct rp_coordinator *c, int r); /* all that comes last; @r: of the run */
void rp_publish_deinit(struct rp_coordinator *c);
