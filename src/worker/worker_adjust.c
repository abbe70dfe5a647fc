/* SPDX-License-Identifier: MIT */

/* Another load for a scenario, from a moment on that is the same one for all workers. */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/units.h"
#include "run/adjustment.h"
#include "worker/worker_internal.h"

/* The moment is by the clock of the schedules. */
static void warn_if_late(struct rp_worker *worker, const char *scenario, rp_ns at)
{
    rp_ns late = rp_engine_elapsed(worker->engine) - rp_engine_paused_time(worker->engine) - at;
    char text[RP_REASON_MAX], time[RP_UNIT_SIZE];

    if (late <= 0 || rp_engine_is_finished(worker->engine))
        return;
    rp_unit_time((double)late / 1e6, 3, time);
    snprintf(
        text, sizeof(text),
        "scenario '%s': worker %u heard of an adjustment of its load %s late and has caught up",
        scenario, rp_worker_number(worker), time);
    rp_worker_warn_about(worker, "late adjustment", text, 1);
}

void rp_worker_on_adjust(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_msg_adjust told;
    struct rp_adjustment wanted;
    size_t scenario;
    char *name;
    int r;

    if (!rp_worker_read(worker, message, &told))
        return;
    name = rp_msg_strdup(told.scenario);
    wanted = (struct rp_adjustment){ name, told.what, told.value, told.hold };
    r = name ? rp_adjustment_check(worker->plan, &wanted, &scenario, NULL) : -RP_EUSER;
    if (r < 0) {
        rp_free(name);
        rp_worker_over(worker, -EBADMSG);
        return;
    }
    warn_if_late(worker, name, told.at);
    r = rp_engine_adjust(worker->engine, scenario, told.value, told.at, told.hold);
    if (r < 0)
        rp_worker_abort(worker, "there is no memory to adjust the load of a scenario");
    rp_free(name);
}
