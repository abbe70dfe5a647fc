/* SPDX-License-Identifier: MIT */

/* How others steer the run (run/control.h), and what they hear of it (run/sink.h). */

#include "coordinator/coordinator_internal.h"

static void stop(struct rp_control *control, const char *reason, bool at_once)
{
    struct rp_coordinator *c = rp_container_of(control, struct rp_coordinator, control);

    if (c->is_over)
        return;
    if (c->signals_seen++ == 0)
        rp_coordinator_stop_gracefully(c, reason, at_once ? 0 : RP_STOP_GRACE_MAX_S * RP_S);
    else if (at_once && c->phase == PHASE_RUNNING)
        rp_coordinator_stop(c, 0);
}

static void pause_run(struct rp_control *control)
{
    rp_coordinator_pause(rp_container_of(control, struct rp_coordinator, control));
}

static void resume_run(struct rp_control *control)
{
    rp_coordinator_resume(rp_container_of(control, struct rp_coordinator, control));
}

static void tell_status(const struct rp_control *control, struct rp_run_status *ret)
{
    *ret = rp_coordinator_status(rp_container_of(control, struct rp_coordinator, control));
}

static const struct rp_control_ops ops = {
    .stop = stop,
    .pause = pause_run,
    .resume = resume_run,
    .status = tell_status,
};

void rp_coordinator_start_telling(struct rp_coordinator *c)
{
    struct rp_sinks *sinks = c->config->sinks;

    c->control.ops = &ops;
    rp_sinks_start(sinks, c->result);
    if (sinks)
        sinks->control = &c->control;
    rp_publish_phase(c);
}
