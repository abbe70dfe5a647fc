/* SPDX-License-Identifier: MIT */
#include "wire/progress.h"

#include <errno.h>
#include <math.h>

void rp_write_progress(struct rp_buf *out, const struct rp_scenario_progress *progress)
{
    rp_write_list(out, RP_PROGRESS_FIELDS);
    rp_write_text(out, rp_scenario_state_name(progress->state));
    rp_write_i64(out, progress->vus);
    rp_write_i64(out, progress->vus_made);
    rp_write_i64(out, progress->stage);
    rp_write_u64(out, progress->scheduled);
    rp_write_u64(out, progress->started);
    rp_write_u64(out, progress->dropped);
    rp_write_u64(out, progress->completed);
    rp_write_u64(out, progress->interrupted);
    rp_write_u64(out, progress->errors);
    rp_write_u64(out, progress->total);
    rp_write_i64(out, progress->elapsed);
    rp_write_i64(out, progress->regular);
    rp_write_double(out, progress->rate);
}

int rp_field_progress(struct rp_field field, struct rp_scenario_progress *ret)
{
    struct rp_slice name = rp_field_text(rp_field_at(field, 0));
    size_t state = 0;

    while (state < RP_SCENARIO_STATE_COUNT &&
           !rp_slice_eq_str(name, rp_scenario_state_name((enum rp_scenario_state)state)))
        state++;
    if (state == RP_SCENARIO_STATE_COUNT || rp_field_count(field) < RP_PROGRESS_FIELDS)
        return -EBADMSG;
    *ret = (struct rp_scenario_progress){
        .state = (enum rp_scenario_state)state,
        .vus = rp_field_i64(rp_field_at(field, 1), 0),
        .vus_made = rp_field_i64(rp_field_at(field, 2), 0),
        .stage = rp_field_i64(rp_field_at(field, 3), -1),
        .scheduled = rp_field_u64(rp_field_at(field, 4), 0),
        .started = rp_field_u64(rp_field_at(field, 5), 0),
        .dropped = rp_field_u64(rp_field_at(field, 6), 0),
        .completed = rp_field_u64(rp_field_at(field, 7), 0),
        .interrupted = rp_field_u64(rp_field_at(field, 8), 0),
        .errors = rp_field_u64(rp_field_at(field, 9), 0),
        .total = rp_field_u64(rp_field_at(field, 10), 0),
        .elapsed = rp_field_i64(rp_field_at(field, 11), 0),
        .regular = rp_field_i64(rp_field_at(field, 12), 0),
        .rate = rp_field_double(rp_field_at(field, 13), 0),
    };
    if (ret->vus < 0 || ret->vus_made < 0 || ret->stage < -1 || ret->elapsed < 0 ||
        ret->regular < 0 || !isfinite(ret->rate) || ret->rate < 0)
        return -EBADMSG;
    return 0;
}

int rp_field_progress_list(struct rp_field field, size_t count, struct rp_scenario_progress *ret)
{
    int r = rp_field_count(field) == count ? 0 : -EBADMSG;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = rp_field_progress(rp_field_at(field, i), &ret[i]);
    return r;
}
