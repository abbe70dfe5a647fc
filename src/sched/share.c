/* SPDX-License-Identifier: MIT */
#include "sched/share.h"

static const struct rp_segment *segment_of(const struct rp_segment_sequence *sequence, size_t index)
{
    return sequence ? &sequence->segments[index] : &rp_segment_all;
}

int rp_share_vus(const struct rp_executor_share *share, struct rp_segment_sequence *own,
                 const struct rp_segment **ret)
{
    const struct rp_segment *run = segment_of(share->run, share->run_index);
    const struct rp_segment *worker = segment_of(share->sequence, share->index);
    int r;

    if (!share->run || !share->sequence) {
        *ret = share->run ? run : worker;
        return 0;
    }
    r = rp_segment_compose(run, worker, own);
    if (r == 0)
        *ret = &own->segments[0];
    return r;
}

int rp_share_work(const struct rp_executor_share *share, int64_t v, struct rp_segment_sequence *own,
                  const struct rp_segment **ret)
{
    struct rp_segment_sequence runs = { 0 }, workers = { 0 };
    int r;

    if (!share->run && !share->sequence)
        return 0;
    if (!share->run || !share->sequence) {
        r = rp_segment_rescale(share->run ? share->run : share->sequence, v, own);
        if (r == 0)
            *ret = &own->segments[share->run ? share->run_index : share->index];
        return r;
    }
    r = rp_segment_rescale(share->run, v, &runs);
    if (r == 0) /* the run's VUs are the whole of its workers */
        r = rp_segment_rescale(share->sequence,
                               rp_segment_scale(&share->run->segments[share->run_index], v),
                               &workers);
    if (r == 0)
        r = rp_segment_compose(&runs.segments[share->run_index], &workers.segments[share->index],
                               own);
    if (r == 0)
        *ret = &own->segments[0];
    rp_segment_sequence_deinit(&runs);
    rp_segment_sequence_deinit(&workers);
    return r;
}
