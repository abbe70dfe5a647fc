/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/control.h - how a run is steered, by whoever may: signals, a terminal, a page, another
 * program.
 *
 * A control belongs to who makes the run and holds while the run goes on: a sink finds it in its
 * list (run/sink.h). Calls come from the thread of the run. NULL is a run that is not, or no
 * longer, there: nothing happens.
 */

#include <stdbool.h>

#include "base/error.h"
#include "run/adjustment.h"
#include "run/status.h"

struct rp_control;

struct rp_control_ops {
    /* The run has failed with RP_EXIT_ABORTED for @reason. No iteration starts; those that run have
     * their graceful_stop to end, at most 10 s, or with @at_once no time. Hooks go on to their end,
     * and teardown runs. Called again, it only shortens the time that running iterations have. */
    void (*stop)(struct rp_control *control, const char *reason, bool at_once);
    /* No iteration starts and no time of a schedule goes by until resume. Before the executors have
     * started, they start paused. Pausing twice is as once; once the run stops, nothing. */
    void (*pause)(struct rp_control *control);
    void (*resume)(struct rp_control *control);
    /* Another load for a scenario (run/adjustment.h), at one moment in all workers, which is some
     * milliseconds ahead. It replaces what earlier adjustments of the scenario have said about the
     * time from then on. In a pause that moment comes as long after the resume. The sinks are told
     * (RP_EVENT_ADJUST), and the result has it. -RP_EUSER with @err: rp_adjustment_check() says no,
     * or iterations have not begun yet, or begin no more in the run or in this scenario. -ENOMEM.
     * Then nothing has changed. */
    int (*adjust)(struct rp_control *control, const struct rp_adjustment *adjustment,
                  struct rp_error *err);
    void (*status)(const struct rp_control *control, struct rp_run_status *ret);
};

struct rp_control {
    const struct rp_control_ops *ops;
};

static inline void rp_control_stop(struct rp_control *control, const char *reason, bool at_once)
{
    if (control)
        control->ops->stop(control, reason, at_once);
}

static inline void rp_control_pause(struct rp_control *control)
{
    if (control)
        control->ops->pause(control);
}

static inline void rp_control_resume(struct rp_control *control)
{
    if (control)
        control->ops->resume(control);
}

/* Of no run: -RP_EUSER. */
RP_NODISCARD static inline int rp_control_adjust(struct rp_control *control,
                                                 const struct rp_adjustment *adjustment,
                                                 struct rp_error *err)
{
    return control ? control->ops->adjust(control, adjustment, err)
                   : rp_error_set(err, -RP_EUSER, "no run goes on whose load could be adjusted");
}

/* Of no run: all zero. */
static inline struct rp_run_status rp_control_status(const struct rp_control *control)
{
    struct rp_run_status status = { .phase = RP_RUN_LOADING };

    if (control)
        control->ops->status(control, &status);
    return status;
}
