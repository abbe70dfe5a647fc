/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/share.h - which numbers are a worker's own when the work is shared out twice: among runs on
 * several machines, and within a run among its workers.
 *
 * The workers of a run share exactly what the run owns, however many they are. So runs of one
 * sequence never meet, although each may have another number of workers.
 */

#include "sched/executor.h"

/* Sets *ret to the segment of @share. It is in @own, which the caller deinitialises, or in what the
 * share has, or it is rp_segment_all. @own is zeroed before. -ENOMEM, -EINVAL (rp_segment_compose()). */
RP_NODISCARD int rp_share_vus(const struct rp_executor_share *share,
                              struct rp_segment_sequence *own, const struct rp_segment **ret);
/* The same for work that @v VUs of the whole do: lengths are parts of @v. The share owns some of these
 * VUs. *ret stays as it is when nothing is shared out. */
RP_NODISCARD int rp_share_work(const struct rp_executor_share *share, int64_t v,
                               struct rp_segment_sequence *own, const struct rp_segment **ret);
