/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/coordinator_internal.h - what the coordinator's files share: coordinator.c takes messages, phases.c drives the
 * phases, peer.c has the workers, loss.c what is done when one is lost, coordinator_life.c signals and clock, pause.c
 * pauses, publish.c tells, patience.c waits, merge.c takes what the workers measured, judge.c makes the verdict,
 * judge_generator.c that on the workers themselves, preflight.c looks at limits before.
 */

#include "wire/channel.h"
#include "coordinator/coordinator.h"
#include "run/control.h"
#include "run/health.h"
#include "coordinator/peer_kind.h"
#include "coordinator/peer_local.h"
#include "run/progress.h"
#include "run/sink.h"

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

/* What a worker was told last, and whether it has answered. */
enum step {
    STEP_HELLO,    /* it was started */
    STEP_LOADING,  /* `load`, and the first worker's plan being made */
    STEP_PLANNING, /* `plan` */
    STEP_SHARING,  /* `share` */
    STEP_READY,    /* idle: before the start or, the first one, after setup */
    STEP_HOOK,     /* `setup` or `teardown` */
    STEP_RUNNING,  /* `start` */
    STEP_FINISHED,
    STEP_LEAVING, /* `exit` */
    STEP_GONE
};

struct rp_peer { /* a worker, as its coordinator knows it */
    struct rp_coordinator *c;
    uint32_t index; /* from 0; the first one runs setup() and teardown() */
    enum step step;
    struct rp_peer_body *body; /* NULL until it is made */
    struct rp_channel channel;
    struct rp_timer patience, reminder;
    rp_ns limit;               /* when patience ends in every case */
    rp_ns heard;               /* when the last message came */
    unsigned patience_changes; /* how often @patience was armed or disarmed */
    rp_ns reported;            /* by its clock: up to here everything it measured is known */
    rp_ns paused;              /* the sum of its pauses, as it has told last */
    bool has_farewell;
    bool was_killed; /* by us: the reason is told already */
    bool is_cut;     /* the channel ended before the process */
    bool is_fresh;   /* it has told its state since the last snapshot */
    bool is_silent;  /* and that was told */
    rp_ns silence;   /* how long it was silent for, each time longer than it should be */
    bool is_lost;
    bool is_second_look; /* at a hook that is overdue */
    char *why;           /* it was killed, or NULL */
    rp_ns clock_ahead;   /* of ours; 0 when it is ours */
    bool has_told_clock;
};

struct rp_coordinator {
    const struct rp_coordinator_config *config;
    const struct rp_peer_source *source;
    struct rp_control control;
    struct rp_loop *loop;
    struct rp_peer **peers;
    size_t peer_count;
    char *declaration; /* the first worker's */
    struct rp_buf plan_json;
    struct rp_watch signals;
    int signal_fd;
    struct rp_timer tick;
    enum phase phase;
    bool plan_only, is_stopping, is_over, is_paused;
    rp_ns paused_at, paused; /* by our clock: since when, and how long before that */
    /* By a worker's: the sum of the pauses that have ended, and whether one has not; see rp_note_pauses(). */
    rp_ns noted;
    uint32_t noted_by;
    uint64_t pauses_begun, pauses_noted; /* by us; in the record */
    bool is_noting, is_listed;
    struct rp_progress_table progress;
    /* publish.c */
    enum rp_run_phase published_phase;
    bool has_published_phase;
    rp_ns last_snapshot; /* of the run, pauses included */
    unsigned char *live; /* of each threshold: what was published of it */
    bool setup_failed;
    struct rp_result *result;
    struct rp_error *err;
    int status; /* of the whole: 0 or a negative code with err filled */
    rp_ns started;
    rp_ns next_judgement;               /* by the worker's time */
    struct rp_worker_health *health;    /* of each worker */
    unsigned char told[RP_CAUSE_COUNT]; /* of each cause: the verdict that was published */
    uint64_t stray_bytes, retried;
    bool has_finished; /* the executors of every worker that is left, and there is one */
    bool totals_differ;
    size_t lost;            /* workers, while they ran */
    rp_ns ticked;           /* elapsed time of the last point of the series */
    uint64_t *error_counts; /* merge.c: of each of the result's errors, that of each worker */
    size_t counted_errors;
    unsigned signals_seen;
    /* coordinator_local.c */
    struct rp_peer_local local;
    struct rp_task end_task;
    void (*over)(void *user, int status); /* NULL: somebody turns the loop until it is over */
    void *over_user;
};

enum { RP_PATIENCE_S = 10, RP_LIVE_THRESHOLDS_S = 2 };

/* The workers that have not ended. */
#define RP_EACH_PEER(c, peer)                                                                      \
    for (size_t peer##_i = 0; peer##_i < (c)->peer_count; peer##_i++)                              \
        for (struct rp_peer *peer = (c)->peers[peer##_i]; peer && peer->step != STEP_GONE;         \
             peer = NULL)

/* coordinator.c */
extern const struct rp_channel_events rp_coordinator_channel_events;

/* phases.c */
/* One of them is ready: what is next when it was the last. */
void rp_coordinator_check_ready(struct rp_coordinator *c);
/* What setup() returned goes to those that did not run it; then they are ready. */
void rp_coordinator_share(struct rp_coordinator *c, struct rp_slice data);
void rp_coordinator_over(struct rp_coordinator *c);
/* No new iterations; those that run have @grace to end. */
void rp_coordinator_stop(struct rp_coordinator *c, rp_ns grace);
/* The workers are asked for their totals and to end. */
void rp_coordinator_leave(struct rp_coordinator *c);
void rp_coordinator_begin_teardown(struct rp_coordinator *c); /* or leave, when there is none */
/* One of them has finished, or is gone: what is next when it was the last. */
void rp_coordinator_check_finished(struct rp_coordinator *c);

/* peer.c */
/* One more, which is not started yet. */
RP_NODISCARD int rp_peer_new(struct rp_coordinator *c, struct rp_peer **ret);
RP_NODISCARD int
rp_peer_start(struct rp_peer *peer); /* -RP_EUSER and others with the error filled */
void rp_peers_free(struct rp_coordinator *c);
/* The one that runs the hooks: the first that is left. NULL when none is. */
struct rp_peer *rp_peer_first(struct rp_coordinator *c);
/* Whether all that are left have come to @step, and there is one. */
bool rp_peers_are_all(struct rp_coordinator *c, enum step step);
/* With the fields of @from (wire/messages.h); NULL for a message without fields. */
void rp_peer_send(struct rp_peer *peer, enum rp_message_type type, const void *from);
void rp_peers_send(struct rp_coordinator *c, enum rp_message_type type, const void *from);
void rp_peers_kill(struct rp_coordinator *c); /* why, the caller has said */
/* Up to here everything is known that the workers have measured which still run. */
rp_ns rp_peers_reported(const struct rp_coordinator *c);
/* The end of what it wrote, borrowed; "" when there is nothing. */
const char *rp_peer_last_words(const struct rp_peer *peer);
/* It is no more: with a farewell, or lost. */
void rp_peer_ended(struct rp_peer *peer, const struct rp_peer_end *end);
/* It has ended, and nothing more is to be said of that. */
void rp_peer_gone(struct rp_peer *peer);

/* loss.c */
/* Whether a run goes on when it loses @peer. */
bool rp_loss_is_borne(const struct rp_peer *peer);
/* It must be killed, because: fails the run, unless the loss is borne and only noted. */
void rp_peer_fail(struct rp_peer *peer, enum rp_exit code, const char *fmt, ...) RP_PRINTF(3, 4);
/* It has ended without a farewell. */
void rp_peer_lost(struct rp_peer *peer, const struct rp_peer_end *end);
/* It has said something. */
void rp_peer_spoke(struct rp_peer *peer);
/* Warns of silences that its script does not explain, which the workers tell of. */
void rp_warn_of_silence(struct rp_coordinator *c);
/* Once a second: who says nothing is looked at. */
void rp_watch_over_peers(struct rp_coordinator *c);

/* control.c */
/* The sinks hear of the run from now on, and may steer it. */
void rp_coordinator_start_telling(struct rp_coordinator *c);

/* coordinator_life.c */
void rp_coordinator_make_run_id(char out[37]);
/* The first worker, and the clock. */
RP_NODISCARD int rp_coordinator_start(struct rp_coordinator *c);
/* As the first signal does. */
void rp_coordinator_stop_gracefully(struct rp_coordinator *c, const char *reason, rp_ns grace_max);
/* The verdict, once everything is over. 0, or a negative code with the error filled. */
int rp_coordinator_conclude(struct rp_coordinator *c, int r);
/* Everything but the loop. */
void rp_coordinator_deinit(struct rp_coordinator *c);

/* coordinator_local.c: a run on a loop that others turn */
void rp_coordinator_local_over(struct rp_coordinator *c);

/* patience.c */
/* In @more it should have done what it was told: then it is reminded, and killed @times the configured patience later.
 * While iterations run, once is enough for one that says nothing. */
void rp_peer_be_patient(struct rp_peer *peer, int times, rp_ns more);
void rp_peer_take_your_time(struct rp_peer *peer);                         /* no limit */
void rp_peers_be_patient(struct rp_coordinator *c, int times, rp_ns more); /* with those that run */
void rp_peers_take_your_time(struct rp_coordinator *c);
void rp_peer_kill(struct rp_peer *peer); /* why, the caller has said */
/* Reads what it has sent. Whether it has answered, or ended: who comes late is not late when it is the coordinator that did
 * not look. */
bool rp_peer_has_answered(struct rp_peer *peer);

/* pause.c; what they do stands in run/control.h */
void rp_coordinator_pause(struct rp_coordinator *c);
void rp_coordinator_resume(struct rp_coordinator *c);
rp_ns rp_coordinator_elapsed(const struct rp_coordinator *c); /* of the executors, without pauses */
void rp_coordinator_end_pause(struct rp_coordinator *c);      /* because the run ends */
/* What the worker says of its time. -EBADMSG, -ENOMEM. */
int rp_note_pauses(struct rp_peer *peer, rp_ns elapsed, rp_ns paused, bool is_paused);

/* merge.c; each returns 0 or a negative code: the worker spoke nonsense. */
int rp_merge_define(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_delta(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_state(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_error(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_total(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_finished(struct rp_peer *peer, const struct rp_message *message);
int rp_merge_hello(struct rp_peer *peer, const struct rp_msg_hello *hello);
void rp_merge_bye(struct rp_peer *peer, const struct rp_msg_bye *bye);
/* It is lost while it ran: what it has told last becomes its part of the accounting. -ENOMEM. */
int rp_merge_loss(struct rp_peer *peer);

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

/* publish.c: what the sinks are told */
enum rp_run_phase rp_coordinator_phase(const struct rp_coordinator *c);
struct rp_run_status rp_coordinator_status(const struct rp_coordinator *c);
void rp_publish_status(struct rp_coordinator *c);
void rp_publish_phase(struct rp_coordinator *c); /* if it is another than before */
void rp_publish_pause(struct rp_coordinator *c); /* or the end of one */
void rp_publish_warning(struct rp_coordinator *c, const char *text);
void rp_publish_line(struct rp_coordinator *c, bool is_stderr, const char *text);
void rp_publish_snapshot(struct rp_coordinator *c); /* if the last one is old enough */
/* What the generator is judged by now; each cause when it is new or has become worse. */
void rp_publish_generator(struct rp_coordinator *c);
bool rp_publish_wants_live(const struct rp_coordinator *c);
/* Threshold @i is as @verdict says now; told when that is new, and when it @aborts the run. */
void rp_publish_live(struct rp_coordinator *c, size_t i, const struct rp_verdict *verdict,
                     bool aborts);
void rp_publish_end(struct rp_coordinator *c, int r); /* all that comes last; @r: of the run */
