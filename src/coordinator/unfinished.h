/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/unfinished.h - requests that were under way when their iterations were interrupted:
 * are they the server's fault?
 *
 * A server that locks up leaves nothing but such requests behind. Without them its numbers would be
 * those of the time before. A server that is well has some too, for the end of a test comes in
 * between. What tells them apart is how long they have waited, and the measure of that is what the
 * run's answered requests took. So the workers count these requests and tell of their times as soon
 * as they are interrupted; and at the end of the run, from the numbers of all workers, those that
 * have waited longer than a second and longer than 99 of 100 answered requests become failed
 * requests with the time that they had taken. Of the others nothing is known but that they were
 * made.
 */

#include "run/sink.h"
#include "stats/unfinished.h"
#include "wire/messages.h"

struct rp_merging;
struct rp_peer;

struct rp_unfinished_requests { /* zeroed: there are none */
    struct rp_unfinished_request *items;
    size_t count, cap;
};

void rp_unfinished_deinit(struct rp_unfinished_requests *requests);
/* A worker tells of some. -EBADMSG: they name what is no counter; -ENOMEM. */
RP_NODISCARD int rp_merge_unfinished(struct rp_merging *merging, struct rp_peer *peer,
                                     const struct rp_msg_unfinished *unfinished);
/* All workers have told what they measured: judges the requests, adds the samples of those that
 * failed to the store, tells them to @sinks (NULL: nobody takes samples one by one), and warns of
 * all. -ENOMEM. */
RP_NODISCARD int rp_unfinished_judge(struct rp_merging *merging, struct rp_sinks *sinks);
