/* SPDX-License-Identifier: MIT */

/*
 * Two things are compared for each second of the series. How late its arrivals began on average: a
 * twentieth of a second moves a twentieth of them into a later second. And how many arrivals there
 * were, begun or dropped, against how many the schedule has in this time. Random arrivals have no
 * count that is known before, a pause moves the schedule, and a run that was cut short has not all
 * of it: then only the first is looked at. The points of a long run are seconds in its last ten
 * minutes only (stats/store.h): the older ones are not looked at.
 */
#include "coordinator/judge_schedule.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/units.h"
#include "coordinator/judge_generator.h"
#include "plan/execution_segment.h"
#include "plan/metrics.h"
#include "sched/schedule.h"
#include "sched/share.h"

#define OFF_LATE_MS 50.0
#define OFF_SHARE 0.05
enum { NAMED_SECONDS = 5 };

struct segment {
    const struct rp_segment *segment;
    struct rp_segment_sequence own;
};

struct check {
    struct rp_arrivals *schedules; /* of the arrival executors */
    rp_ns *starts;                 /* their start_time */
    struct segment *segments;      /* which of their arrivals are the run's */
    size_t count;
    bool has_counts; /* the number of arrivals is known before */
};

static void check_deinit(struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        rp_arrivals_deinit(&check->schedules[i]);
        rp_segment_sequence_deinit(&check->segments[i].own);
    }
    rp_free(check->segments);
    rp_free(check->schedules);
    rp_free(check->starts);
}

/* As somebody has adjusted scenario @i while it ran. */
static int adjust(struct rp_arrivals *schedule, const struct rp_result *result, size_t i)
{
    const struct rp_scenario *scenario = &result->plan->scenarios[i];
    int r = 0;

    for (size_t k = 0; r == 0 && k < result->adjustment_count; k++) {
        const struct rp_result_adjustment *adjustment = &result->adjustments[k];
        rp_ns at = adjustment->at - scenario->start_time;

        if (adjustment->scenario == i)
            r = rp_arrivals_adjust(schedule, scenario, adjustment->value, at > 0 ? at : 0,
                                   adjustment->hold);
    }
    return r;
}

/* One more arrival executor, of which the run may own nothing. */
static int add_schedule(struct check *check, const struct rp_result *result, size_t i,
                        const struct rp_executor_share *share)
{
    const struct rp_scenario *scenario = &result->plan->scenarios[i];
    struct segment *segment = &check->segments[check->count];
    int r;

    if (share->run && !rp_segment_scale(&share->run->segments[share->run_index], scenario->max_vus))
        return 0;
    segment->segment = &rp_segment_all;
    r = rp_share_work(share, scenario->max_vus, &segment->own, &segment->segment);
    if (r == 0)
        r = rp_arrivals_init(&check->schedules[check->count], scenario, &rp_segment_all, 0);
    if (r < 0) {
        rp_segment_sequence_deinit(&segment->own);
        return r;
    }
    check->starts[check->count] = scenario->start_time;
    check->has_counts = check->has_counts && !check->schedules[check->count].is_poisson;
    return adjust(&check->schedules[check->count++], result, i);
}

static int check_init(struct check *check, const struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;
    struct rp_segment_sequence runs = { 0 };
    struct rp_executor_share share = { 0 };
    int r;

    *check = (struct check){ .has_counts = !result->pause_count && !result->is_cut_short };
    check->schedules = rp_calloc(plan->scenario_count, sizeof(*check->schedules));
    check->starts = rp_calloc(plan->scenario_count, sizeof(*check->starts));
    check->segments = rp_calloc(plan->scenario_count, sizeof(*check->segments));
    if (!check->schedules || !check->starts || !check->segments)
        return -ENOMEM;
    r = rp_plan_segments(plan, &runs, &share.run_index, NULL);
    share.run = runs.count ? &runs : NULL;
    for (size_t i = 0; r == 0 && i < plan->scenario_count; i++)
        if (rp_executor_kinds[plan->scenarios[i].executor].has_arrivals)
            r = add_schedule(check, result, i, &share);
    rp_segment_sequence_deinit(&runs);
    return r;
}

/* Arrivals of this run that the schedules have before @elapsed. */
static double wanted_before(const struct check *check, rp_ns elapsed)
{
    double sum = 0;

    for (size_t i = 0; i < check->count; i++) {
        uint64_t before;

        if (elapsed <= check->starts[i])
            continue;
        before = rp_arrivals_before(&check->schedules[i], elapsed - check->starts[i]);
        before = before > INT64_MAX ? INT64_MAX : before;
        sum += (double)rp_segment_scale(check->segments[i].segment, (int64_t)before);
    }
    return sum;
}

/* Where the points begin that no other ones were merged with: a point of several seconds hides in
 * which of them it was. */
static rp_ns fine_from(const struct rp_view *view)
{
    size_t count, fine = view ? rp_store_fine_points(view) : 0;
    const struct rp_point *points = view ? rp_store_points(view, &count) : NULL;

    return points && fine < count ? points[count - fine].start : 0;
}

/* The sum of the drops in the points of @view that lie within [@start, @end). */
static double drops_within(const struct rp_view *view, rp_ns start, rp_ns end)
{
    size_t count;
    const struct rp_point *points = view ? rp_store_points(view, &count) : NULL;
    double sum = 0;

    for (size_t i = 0; points && i < count; i++)
        if (points[i].start >= start && points[i].start < end)
            sum += points[i].counter;
    return sum;
}

static bool is_off(const struct check *check, const struct rp_result *result,
                   const struct rp_view *drops, const struct rp_point *point)
{
    rp_ns end = point->start + point->length;
    double wanted, came;

    if (point->trend.avg >= OFF_LATE_MS)
        return true;
    if (!check->has_counts)
        return false;
    wanted = wanted_before(check, end) - wanted_before(check, point->start);
    came = (double)point->samples + drops_within(drops, point->start, end);
    /* At its ends a second may have one more or one less of each worker and scenario. */
    return fabs(came - wanted) >
           OFF_SHARE * wanted + 2.0 * (double)check->count * (double)result->plan->workers;
}

static int add_off(struct rp_result_arrivals *arrivals, const struct rp_point *point)
{
    rp_ns *off = rp_realloc_array(arrivals->off, arrivals->off_count + 1, sizeof(*off));

    if (!off)
        return -ENOMEM;
    arrivals->off = off;
    off[arrivals->off_count++] = point->start;
    return 0;
}

static int add_reason(struct rp_result *result)
{
    const struct rp_result_arrivals *arrivals = &result->arrivals;
    struct rp_generator_reason reason = { .verdict = RP_GENERATOR_SUSPECT,
                                          .cause = RP_CAUSE_SCHEDULE,
                                          .worker = 1,
                                          .workers = (uint32_t)result->plan->workers };
    char late[RP_UNIT_SIZE];
    struct rp_buf text;

    rp_buf_init(&text, 1024);
    rp_buf_appendf(&text, "arrivals came at the wrong time in %zu of %zu seconds (from ",
                   arrivals->off_count, arrivals->seconds);
    for (size_t i = 0; i < arrivals->off_count && i < NAMED_SECONDS; i++)
        rp_buf_appendf(&text, "%s%lld s", i ? ", " : "", (long long)(arrivals->off[i] / RP_S));
    rp_buf_appendf(&text,
                   "%s), at the worst %s late on average: the server did not get the load of the "
                   "plan then; look for what held the generator up, or lower the rate",
                   arrivals->off_count > NAMED_SECONDS ? ", ..." : "",
                   rp_unit_time(arrivals->worst_late_ms, 3, late));
    reason.text = rp_buf_take(&text);
    rp_buf_deinit(&text);
    return rp_judge_generator_add(result, reason);
}

int rp_judge_schedule(struct rp_result *result)
{
    const struct rp_view *lateness = rp_store_view(result->store,
                                                   rp_builtin_name(RP_M_ITERATION_LATENESS));
    const struct rp_view *drops = rp_store_view(result->store,
                                                rp_builtin_name(RP_M_DROPPED_ITERATIONS));
    struct rp_result_arrivals *arrivals = &result->arrivals;
    const struct rp_point *points;
    struct check check;
    size_t count;
    rp_ns from;
    int r;

    rp_free(arrivals->off);
    *arrivals = (struct rp_result_arrivals){ 0 };
    if (!lateness || lateness->type != RP_TREND)
        return 0;
    points = rp_store_points(lateness, &count);
    from = fine_from(lateness) > fine_from(drops) ? fine_from(lateness) : fine_from(drops);
    r = check_init(&check, result);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (points[i].start < from)
            continue;
        arrivals->seconds++;
        if (points[i].trend.avg > arrivals->worst_late_ms)
            arrivals->worst_late_ms = points[i].trend.avg;
        if (is_off(&check, result, drops, &points[i]))
            r = add_off(arrivals, &points[i]);
    }
    check_deinit(&check);
    return r == 0 && arrivals->off_count ? add_reason(result) : r;
}
