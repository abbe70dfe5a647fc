/* SPDX-License-Identifier: MIT */

/* A run on a loop that others turn, in a program that is not ours: no signals, and its worker stands on the same loop. */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

static void conclude(struct rp_task *task)
{
    struct rp_coordinator *c = rp_container_of(task, struct rp_coordinator, end_task);
    int r = rp_coordinator_conclude(c, 0);

    rp_sinks_close(c->config->sinks, r == 0, c->err);
    c->over(c->over_user, r);
}

/* In a task: the caller is in the midst of a message. */
void rp_coordinator_local_over(struct rp_coordinator *c)
{
    rp_peers_take_your_time(c);
    rp_timer_disarm(&c->tick);
    rp_loop_defer(c->loop, &c->end_task, conclude);
}

/* ---- for the program --------------------------------------------------------------------------------------- */

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
                                  .signal_fd = -1,
                                  .over = over,
                                  .over_user = user };
    rp_peer_local_init(&c->local, fd);
    c->source = &c->local.source;
    if (config->run_id)
        snprintf(ret->run_id, sizeof(ret->run_id), "%s", config->run_id);
    else
        rp_coordinator_make_run_id(ret->run_id);
    rp_coordinator_start_telling(c);
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
    rp_coordinator_deinit(c);
    rp_free(c);
}
