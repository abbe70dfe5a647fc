/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/merge.h - what the workers measured, merged into the result by addition. What follows
 * from it is decided elsewhere. Whatever returns a negative code: the worker spoke nonsense, or
 * -ENOMEM.
 */

#include "coordinator/pauses.h"
#include "coordinator/peer.h"
#include "coordinator/unfinished.h"
#include "run/health.h"
#include "run/progress.h"
#include "run/result.h"
#include "wire/messages.h"

struct rp_merging {
    struct rp_result *result;
    const struct rp_peers *peers;
    struct rp_pauses *pauses;
    struct rp_progress_table progress;
    struct rp_worker_health *health; /* of each worker */
    uint64_t *error_counts;          /* of each of the result's errors, that of each worker */
    size_t counted_errors;
    uint64_t stray_bytes, retried;
    struct rp_unfinished_requests unfinished;
    struct rp_history_time told; /* of which time the delta is that is being merged */
    /* The least length of a point of the series, except for the last one. Workers report once a
     * second, at slightly different moments, and what lies between these is no point of its own. */
    rp_ns point_min;
    rp_ns ticked;       /* elapsed time of the last point of the series */
    size_t lost;        /* workers, while they ran */
    bool totals_differ; /* those of a worker from the sum of its reports */
};

/* All three are borrowed. */
void rp_merging_init(struct rp_merging *merging, struct rp_result *result,
                     const struct rp_peers *peers, struct rp_pauses *pauses);
void rp_merging_deinit(struct rp_merging *merging); /* a zeroed one is valid */
/* Room for worker @index (from 0), in the result too, which shows it once it has said hello. */
RP_NODISCARD int rp_merging_add_worker(struct rp_merging *merging, uint32_t index);

/* -EPROTO: it speaks another version of the protocol. */
RP_NODISCARD int rp_merge_hello(struct rp_merging *merging, struct rp_peer *peer,
                                const struct rp_msg_hello *hello);
RP_NODISCARD int rp_merge_define(struct rp_merging *merging, struct rp_peer *peer,
                                 const struct rp_msg_define *define);
RP_NODISCARD int rp_merge_delta(struct rp_merging *merging, struct rp_peer *peer,
                                const struct rp_msg_delta *delta);
RP_NODISCARD int rp_merge_state(struct rp_merging *merging, struct rp_peer *peer,
                                const struct rp_msg_state *state);
RP_NODISCARD int rp_merge_error(struct rp_merging *merging, struct rp_peer *peer,
                                const struct rp_msg_error *error);
RP_NODISCARD int rp_merge_finished(struct rp_merging *merging, struct rp_peer *peer,
                                   const struct rp_msg_finished *finished);
RP_NODISCARD int rp_merge_total(struct rp_merging *merging, struct rp_peer *peer,
                                const struct rp_msg_series *total);
void rp_merge_bye(struct rp_merging *merging, struct rp_peer *peer, const struct rp_msg_bye *bye);
/* It is lost while it ran: what it has told last becomes its part of the accounting. -ENOMEM. */
RP_NODISCARD int rp_merge_loss(struct rp_merging *merging, const struct rp_peer *peer);

/* The workers have said what they have to say: what no point of the series has yet becomes the end
 * of it. -ENOMEM. */
RP_NODISCARD int rp_merge_end(struct rp_merging *merging);

/* Whether every worker that runs has told its state since this was so last. One that is blocked
 * must not keep thresholds from being judged. */
bool rp_merge_ends_round(struct rp_merging *merging);
