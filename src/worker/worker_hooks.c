/* SPDX-License-Identifier: MIT */

/* setup() and teardown() in a worker, and what setup() returned on its way to the others. */

#include <errno.h>

#include "base/alloc.h"
#include "worker/worker_internal.h"

enum { SHARE_MAX_BYTES = RP_MESSAGE_MAX_BYTES / 2 };

/* Packs what the other workers wait for. NULL with @err: they cannot have it. */
static char *pack(struct rp_worker *worker, size_t *ret_len, struct rp_error *err)
{
    struct rp_script_host *script = worker->config.script;
    char *data = script->ops->pack(script, ret_len, err);

    if (!data || *ret_len <= SHARE_MAX_BYTES)
        return data;
    rp_free(data);
    rp_error_set(
        err, -RP_EUSER,
        "what setup() returned takes %zu MiB, and %d is the most that other workers are sent",
        *ret_len >> 20, SHARE_MAX_BYTES >> 20);
    rp_error_hint(err, "return where the data is, and read it in each worker; or use --workers 1");
    return NULL;
}

static void send_hook_ended(struct rp_worker *worker, enum rp_hook hook, const struct rp_error *err,
                            struct rp_slice data)
{
    struct rp_msg_hook_ended ended = { .hook = hook == RP_HOOK_SETUP ? RP_MSG_SETUP
                                                                     : RP_MSG_TEARDOWN,
                                       .ok = !err,
                                       .took = rp_loop_now(worker->loop) - worker->hook_began,
                                       .data = data };

    if (err)
        ended.error = rp_msg_fault_of(err);
    rp_worker_send(worker, RP_MSG_HOOK_ENDED, &ended);
}

static void hook_ended(struct rp_script_host *host, enum rp_hook hook, const struct rp_error *err)
{
    struct rp_worker *worker = host->hook_data;
    struct rp_error no_data = { 0 };
    struct rp_slice packed = RP_SLICE("");
    char *data = NULL;
    size_t len;

    worker->is_in_hook = false;
    rp_worker_send_changes(worker);
    if (hook == RP_HOOK_SETUP && worker->is_sharing && host->ops->pack && !err) {
        data = pack(worker, &len, &no_data);
        if (data)
            packed = rp_slice(data, len);
        else
            err = &no_data;
    }
    send_hook_ended(worker, hook, err, packed);
    rp_free(data);
    rp_error_deinit(&no_data);
}

void rp_worker_run_hook(struct rp_worker *worker, enum rp_hook hook, rp_ns timeout)
{
    struct rp_script_host *script = worker->config.script;

    script->hook_ended = hook_ended;
    script->hook_data = worker;
    worker->is_in_hook = true;
    worker->hook_began = rp_loop_now(worker->loop);
    if (script->ops->hook)
        script->ops->hook(script, hook, timeout);
    else
        hook_ended(script, hook, NULL);
}

void rp_worker_on_setup(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_msg_setup setup;

    if (!rp_worker_read(worker, message, &setup))
        return;
    worker->is_sharing = setup.share;
    rp_worker_run_hook(worker, RP_HOOK_SETUP, worker->plan->setup_timeout);
}

void rp_worker_on_share(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_script_host *script = worker->config.script;
    struct rp_msg_share share;
    struct rp_error err = { 0 };
    int r;

    if (!rp_worker_read(worker, message, &share))
        return;
    r = script->ops->share ? script->ops->share(script, share.data, &err) : -EINVAL;
    if (r < 0) {
        if (!err.message)
            rp_error_set(&err, r, "what setup() returned cannot be used: %s", strerror(-r));
        rp_worker_send_failed(worker, RP_MSG_SHARE, &err);
    } else {
        rp_worker_send(worker, RP_MSG_READY, NULL);
    }
    rp_error_deinit(&err);
}
