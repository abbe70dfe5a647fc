/* SPDX-License-Identifier: MIT */
#include "plan/execution_segment.h"

int rp_plan_segments(const struct rp_plan *plan, struct rp_segment_sequence *ret, size_t *ret_index,
                     struct rp_error *err)
{
    struct rp_segment_sequence sequence;
    size_t index;
    int r;

    if (!plan->execution_segment && !plan->execution_segment_sequence)
        return 0;
    if (!plan->execution_segment) {
        rp_error_set(
            err, -RP_EUSER,
            "an execution segment sequence does not say which of its segments this run is");
        rp_error_hint(err, "give the execution segment too (--execution-segment 0:1/4)");
        return -RP_EUSER;
    }
    r = rp_segment_parse(plan->execution_segment, plan->execution_segment_sequence, &sequence,
                         &index, err);
    if (r < 0)
        return r;
    if (sequence.segments[index].owned == sequence.segments[index].slots) {
        rp_segment_sequence_deinit(&sequence);
        return 0;
    }
    *ret = sequence;
    *ret_index = index;
    return 0;
}

int64_t rp_plan_own(const struct rp_plan *plan, int64_t v)
{
    struct rp_segment_sequence sequence = { 0 };
    size_t index = 0;

    if (rp_plan_segments(plan, &sequence, &index, NULL) == 0 && sequence.count)
        v = rp_segment_scale(&sequence.segments[index], v);
    rp_segment_sequence_deinit(&sequence);
    return v;
}
