/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/fixed.h - a script host without a script: every iteration is the same GET request. What `rampa run URL` runs.
 *
 * The worker's questions (load, prepare, release) are answered by the functions below, which take the embedded `script`.
 * A request that fails is a sample like any other and no error of its iteration: http_req_failed counts it.
 */

#include "script/script.h"

struct rp_fixed_host {
    struct rp_script_host script;
    /* private */
    struct rp_http_client *http;
    struct rp_http_template *request;
    struct rp_loop *loop;
    struct rp_task hook_task;
    enum rp_hook hook;
};

void rp_fixed_host_init(struct rp_fixed_host *host);

/* What a script would declare whose one function requests @url, as JSON (free with rp_free). NULL with @err when it is no
 * URL that can be requested. */
char *rp_fixed_host_load(struct rp_script_host *script, const char *url, struct rp_error *err);
/* @plan->script is the URL. 0, -RP_EUSER or -ENOMEM. */
RP_NODISCARD int rp_fixed_host_prepare(struct rp_script_host *script, const struct rp_plan *plan,
                                       struct rp_loop *loop, struct rp_registry *registry,
                                       struct rp_http_client *http, struct rp_error *err);
void rp_fixed_host_release(struct rp_script_host *script);
