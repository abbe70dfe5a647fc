/* SPDX-License-Identifier: MIT */
#include "coordinator/judge_littles_law.h"

#include <errno.h>
#include <math.h>

#include "base/buf.h"
#include "base/time.h"
#include "coordinator/judge_generator.h"
#include "plan/metrics.h"

#define MOST_APART 0.02
/* Of less, a single sample is more than that share. */
#define LEAST_NS 1e9

/* Of one worker: both in ns times iterations. */
struct sides {
    double counted, measured;
};

static struct sides sides_of(const struct rp_result *result, size_t i)
{
    const struct rp_result_worker *worker = &result->workers[i];

    return (struct sides){ .counted = (double)worker->under_way,
                           .measured = (double)worker->cut_short +
                                       rp_store_sum_of(result->store, (uint32_t)i,
                                                       rp_builtin_name(RP_M_ITERATION_DURATION)) };
}

static bool is_enough(const struct sides *sides)
{
    return fabs(sides->counted) >= LEAST_NS || sides->measured >= LEAST_NS;
}

/* As a share of the larger one. Below 0 is what no correct engine counts. */
static double distance(const struct sides *sides)
{
    return fabs(sides->counted - sides->measured) / fmax(fabs(sides->counted), sides->measured);
}

/* @time: of the executors, in ns. */
static int add_reason(struct rp_result *result, uint32_t worker, uint32_t workers,
                      const struct sides *sides, double time)
{
    struct rp_generator_reason reason = { .verdict = RP_GENERATOR_SUSPECT,
                                          .cause = RP_CAUSE_BOOKS,
                                          .worker = worker,
                                          .workers = workers };
    struct rp_buf text;

    rp_buf_init(&text, 1024);
    rp_buf_appendf(&text,
                   "worker %u had %.4g iterations under way on average, but their rate times their "
                   "mean duration is %.4g: samples are missing, or there are too many (a defect of "
                   "rampa); do not trust iteration_duration",
                   worker, sides->counted / time, sides->measured / time);
    if (!text.error)
        reason.text = rp_buf_take(&text);
    rp_buf_deinit(&text);
    return rp_judge_generator_add(result, reason);
}

int rp_judge_littles_law(struct rp_result *result)
{
    double time = (double)rp_ns_add(result->elapsed, result->paused);
    struct sides all = { 0 }, worst = { 0 };
    uint32_t worker = 0, workers = 0;

    result->littles_law = (struct rp_result_littles_law){ 0 };
    for (size_t i = 0; time > 0 && i < result->worker_count; i++) {
        struct sides sides;

        if (!result->workers[i].has_finished)
            continue;
        sides = sides_of(result, i);
        all.counted += sides.counted;
        all.measured += sides.measured;
        if (!is_enough(&sides) || distance(&sides) <= MOST_APART)
            continue;
        if (!workers++ || distance(&sides) > distance(&worst)) {
            worst = sides;
            worker = (uint32_t)i + 1;
        }
    }
    if (is_enough(&all))
        result->littles_law = (struct rp_result_littles_law){ .was_looked_at = true,
                                                              .counted = all.counted / time,
                                                              .measured = all.measured / time };
    return workers ? add_reason(result, worker, workers, &worst, time) : 0;
}
