/* SPDX-License-Identifier: MIT */

/* Makes runs, and unmakes them: on a loop of their own, with worker processes and signals, or on a
 * loop that others turn, in a program that is not ours, with the worker beside the coordinator. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/peer_process.h"
#include "coordinator/receive.h"
#include "run/run_id.h"

static void sinks_opened(void *user, int status, struct rp_error *err)
{
    struct rp_coordinator *c = user;

    rp_coordinator_act(c, rp_receive_opened(c, status, err));
}

/* What does not depend on who turns the loop. The sinks hear of the run from now on, and may steer
 * it. */
static void init(struct rp_coordinator *c, const struct rp_peer_source *source, rp_ns patience)
{
    struct rp_sinks *sinks = c->config->sinks;
    char *id = c->result->run_id;

    if (c->config->run_id)
        snprintf(id, sizeof(c->result->run_id), "%s", c->config->run_id);
    else
        rp_run_id_make(id);
    c->control.ops = &rp_coordinator_control_ops;
    rp_peers_init(&c->peers, c->loop, source, &rp_coordinator_peers_events, patience);
    rp_merging_init(&c->merging, c->result, &c->peers, &c->pauses);
    if (c->config->live_interval && c->config->live_interval < RP_S)
        c->merging.point_min = RP_S - c->config->live_interval / 2;
    rp_sinks_start(sinks, c->result);
    if (sinks) {
        sinks->control = &c->control;
        sinks->opened = sinks_opened;
        sinks->opened_user = c;
        sinks->loop = c->loop;
    }
    rp_publish_phase(c);
}

/* The verdict, once everything is over. 0, or a negative code with the error filled. */
static int conclude(struct rp_coordinator *c, int r)
{
    c->phase = RP_PHASE_OVER; /* also of a run that cannot go on: nobody steers it any more */
    if (r == 0)
        r = c->status;
    if (r == 0 && !c->plan_only) {
        r = rp_unfinished_judge(&c->merging, c->measured.wants_samples ? c->config->sinks : NULL);
        rp_measured_end(&c->measured);
        rp_exchanges_sort(&c->result->exchanges);
    }
    if (r == 0 && !c->plan_only) {
        r = rp_merge_end(&c->merging);
    }
    if (r == 0 && !c->plan_only)
        r = rp_judge(c);
    if (r < 0 && !c->err->message)
        rp_error_set(c->err, r, "the run cannot go on: %s", strerror(-r));
    rp_publish_end(c, r);
    if (c->config->sinks)
        c->config->sinks->loop = NULL;
    return r;
}

/* Everything but the loop. */
static void deinit(struct rp_coordinator *c)
{
    rp_timer_disarm(&c->tick);
    rp_peers_deinit(&c->peers);
    rp_merging_deinit(&c->merging);
    rp_signals_release(&c->signals);
    rp_buf_deinit(&c->plan_json);
    rp_free(c->declaration);
}

/* ---- on a loop of its own -------------------------------------------------------------------- */

static int coordinate(struct rp_coordinator *c)
{
    struct rp_peer_processes processes;
    int r = rp_loop_new(rp_loop_epoll, &c->loop);

    if (r < 0)
        return r;
    rp_peer_processes_init(&processes, c->config->worker_argv, c->config->worker_hint);
    init(c, c->config->peers ? c->config->peers : &processes.source, c->config->patience);
    r = rp_signals_take(&c->signals, c->loop, rp_coordinator_signal);
    if (r == 0)
        r = rp_coordinator_start(c);
    while (r == 0 && c->phase != RP_PHASE_OVER)
        r = rp_loop_turn(c->loop, RP_NS_NEVER);
    r = conclude(c, r);
    deinit(c);
    rp_loop_free(c->loop);
    /* Now: what is written may block, and a signal then ends this process as it should. */
    rp_sinks_close(c->config->sinks, r == 0 && !c->plan_only, c->err);
    return r;
}

int rp_coordinate(const struct rp_coordinator_config *config, struct rp_result *ret,
                  struct rp_error *err)
{
    struct rp_coordinator c = { .config = config, .result = ret, .err = err };

    return coordinate(&c);
}

int rp_coordinate_plan(const struct rp_coordinator_config *config, struct rp_plan **ret,
                       struct rp_error *err)
{
    struct rp_result result = { 0 };
    struct rp_coordinator c = {
        .config = config, .result = &result, .err = err, .plan_only = true
    };
    int r = coordinate(&c);

    if (r == 0 && result.plan) {
        *ret = result.plan;
        result.plan = NULL;
    } else if (r == 0) {
        r = rp_error_set(err, -RP_EPEER, "%s", result.reason ? result.reason : "there is no plan");
    }
    rp_result_deinit(&result);
    return r;
}

/* ---- on a loop that others turn -------------------------------------------------------------- */

static void conclude_later(struct rp_task *task)
{
    struct rp_coordinator *c = rp_container_of(task, struct rp_coordinator, end_task);
    int r = conclude(c, 0);

    rp_sinks_close(c->config->sinks, r == 0, c->err);
    c->over(c->over_user, r);
}

int rp_coordinator_new(const struct rp_coordinator_config *config, struct rp_loop *loop, int fd,
                       struct rp_result *ret, struct rp_error *err,
                       void (*over)(void *user, int status), void *user,
                       struct rp_coordinator **coordinator)
{
    struct rp_coordinator *c = rp_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    *c = (struct rp_coordinator){ .config = config,
                                  .loop = loop,
                                  .result = ret,
                                  .err = err,
                                  .conclude = conclude_later,
                                  .over = over,
                                  .over_user = user };
    rp_peer_local_init(&c->local, fd);
    init(c, &c->local.source, 0);
    r = rp_coordinator_start(c);
    if (r < 0) {
        rp_coordinator_free(c);
        return r;
    }
    *coordinator = c;
    return 0;
}

void rp_coordinator_free(struct rp_coordinator *c)
{
    if (!c)
        return;
    rp_task_cancel(&c->end_task);
    rp_sinks_close(c->config->sinks, false, c->err); /* when it is not over */
    deinit(c);
    rp_free(c);
}
