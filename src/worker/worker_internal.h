/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * worker/worker_internal.h - what the worker's files share: worker.c is driven by messages,
 * worker_send.c writes them, worker_hooks.c has setup and teardown, worker_samples.c samples one by
 * one.
 */

#include <sys/resource.h>

#include "worker/watch.h"
#include "worker/worker.h"

/* worker_samples.c: what was recorded and is not sent yet. */
struct rp_worker_samples {
    char *block; /* NULL: nobody has asked */
    uint32_t count;
    uint64_t lost;     /* since the last message */
    rp_ns wall_behind; /* the loop's clock, behind the one on the wall */
};

struct rp_worker {
    struct rp_channel channel;
    struct rp_worker_config config;
    struct rp_loop *loop;
    struct rp_plan *plan;
    struct rp_registry *registry;
    struct rp_clients clients;
    struct rp_engine *engine;
    struct rp_timer tick, lag, start;
    uint32_t index; /* of the run's workers, from 0 */
    struct rp_segment_sequence segments;
    struct rp_segment_sequence
        run_segments;  /* of the runs that share the work; empty: it is ours */
    bool was_prepared; /* the script host, with or without success */
    bool is_in_hook, is_sharing, has_started, is_over;
    rp_ns started_late; /* after the moment that was agreed upon */
    rp_ns hook_began;
    uint32_t defined; /* series already defined to the coordinator */
    rp_ns cpu_at;
    double cpu_s;
    struct rp_series *s_lag, *s_delay, *s_cpu;
    struct rp_stamp_user stamps;
    struct rp_health_watch watch;
    struct rp_worker_samples samples;
    int error; /* the first failure of sending */
};

/* worker_hooks.c */
void rp_worker_on_setup(struct rp_worker *worker, const struct rp_message *message);
void rp_worker_on_share(struct rp_worker *worker, const struct rp_message *message);
void rp_worker_run_hook(struct rp_worker *worker, enum rp_hook hook, rp_ns timeout);

/* worker_adjust.c */
void rp_worker_on_adjust(struct rp_worker *worker, const struct rp_message *message);

/* worker_samples.c: from now on sends every sample that is recorded. -ENOMEM. */
RP_NODISCARD int rp_worker_begin_samples(struct rp_worker *worker);
/* Sends the samples that are left, or drops them when too much waits in the channel already. */
void rp_worker_send_samples(struct rp_worker *worker);
/* Sends the last samples, with the number of all that were lost. */
void rp_worker_end_samples(struct rp_worker *worker);

/* worker_send.c: reads @message into the struct of its type. False when its fields are wrong: then
 * the worker is over, as after bytes that are no message. */
RP_NODISCARD bool rp_worker_read(struct rp_worker *worker, const struct rp_message *message,
                                 void *ret);
/* The worker is over, and says so once. @status: 0, or -errno, and then its channel ends too: the
 * coordinator is gone, spoke nonsense, or waits for what it cannot be told. */
void rp_worker_over(struct rp_worker *worker, int status);

/* Each of these sends one kind of message. A failure is kept in worker->error, which `bye` tells.
 * When the coordinator waits for the message, the worker is over instead. */
void rp_worker_send_hello(struct rp_worker *worker);
/* Says that the message @stage could not be carried out. */
void rp_worker_send_failed(struct rp_worker *worker, enum rp_message_type stage,
                           const struct rp_error *err);
void rp_worker_define_new_series(struct rp_worker *worker);
void rp_worker_send_changes(struct rp_worker *worker); /* what has changed since the last time */
/* How far the scenarios are, and whether they pause. */
void rp_worker_send_state(struct rp_worker *worker);
void rp_worker_send_finished(struct rp_worker *worker);
void rp_worker_send_totals(struct rp_worker *worker);
void rp_worker_send_bye(struct rp_worker *worker);
void rp_worker_report_overflow(struct rp_worker *worker);
/* Which series had no memory for percentiles of their own. */
void rp_worker_report_folded(struct rp_worker *worker);
/* The coordinator's message @type came out of order. */
void rp_worker_warn_of_order(struct rp_worker *worker, enum rp_message_type type);
/* @about NULL: only equal texts are one warning. */
void rp_worker_warn_about(struct rp_worker *worker, const char *about, const char *text,
                          uint64_t times);
/* Any message, with the fields of @from (wire/messages.h). */
void rp_worker_send(struct rp_worker *worker, enum rp_message_type type, const void *from);
double rp_worker_cpu_seconds(const struct rusage *usage);
