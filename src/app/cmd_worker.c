/* SPDX-License-Identifier: MIT */

/* The worker of `rampa run URL`: this program once more, with a script host that needs no
 * interpreter. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "app/run.h"
#include "coordinator/process.h"
#include "worker/worker.h"
#include "run/result.h"
#include "script/fixed.h"

struct life {
    bool has_ended;
    int status;
};

static void worker_ended(struct rp_worker *worker, void *user, int status)
{
    struct life *life = user;

    life->has_ended = true;
    life->status = status;
}

static int serve(struct rp_loop *loop)
{
    struct rp_fixed_host fixed;
    struct life life = { .has_ended = false };
    struct rp_worker_config config = { .script = &fixed.script,
                                       .client_kinds = rp_client_kinds,
                                       .ended = worker_ended,
                                       .user = &life };
    struct rp_worker *worker;
    int r;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* as other workers: none outlives the coordinator */
    rp_fixed_host_init(&fixed);
    r = rp_worker_new(loop, RP_PROCESS_CONTROL_FD, &config, &worker);
    if (r < 0)
        return r;
    while (r == 0 && !life.has_ended)
        r = rp_loop_turn(loop, RP_NS_NEVER);
    rp_worker_free(worker);
    rp_fixed_host_deinit(&fixed);
    return r < 0 ? r : life.status;
}

int rp_cmd_worker(void)
{
    const struct rp_loop_ops *ops;
    struct rp_error err = { 0 };
    struct rp_loop *loop;
    int r = rp_loop_pick(getenv("RAMPA_LOOP"), &ops, &err);

    if (r == 0)
        r = rp_loop_new(ops, &loop);
    if (r == 0) {
        r = serve(loop);
        rp_loop_free(loop);
    }
    if (r < 0)
        fprintf(stderr, "error: %s\n", err.message ? err.message : strerror(-r));
    rp_error_deinit(&err);
    return r < 0 ? RP_EXIT_INTERNAL : 0;
}
