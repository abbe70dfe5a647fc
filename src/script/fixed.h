/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/fixed.h - a script host without a script: every iteration is the same GET request. What
 * `rampa run URL` runs.
 *
 * A request that fails is a sample like any other and no error of its iteration: http_req_failed
 * counts it.
 */

#include "http/http.h"
#include "script/script.h"

struct rp_fixed_host {
    struct rp_script_host script;
    /* private */
    struct rp_http_client *http;
    struct rp_http_template *request;
};

/* No deinit: the worker's release() leaves nothing behind. The script's path is the URL, and so is
 * the plan's. */
void rp_fixed_host_init(struct rp_fixed_host *host);
