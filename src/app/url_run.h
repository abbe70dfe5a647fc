/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/url_run.h - what `rampa run URL` requests: made of the URLs, the options about requests and a
 * list of targets.
 */

#include <stdbool.h>

#include "app/cli.h"
#include "base/buf.h"

/* Zeroed is valid. */
struct rp_url_run {
    struct rp_buf requests; /* as script/requests.h writes them */
    char *label;            /* what people see in place of a script's path */
};

/* Whether the line wants URLs, and not a script. */
bool rp_is_url_run(const struct rp_cli *cli);
/* Reads the files that the options name, and checks every request, so that nothing runs when one of
 * them cannot be sent. 0; -RP_EUSER with @err; -ENOMEM. @ret is to be freed in every case. */
RP_NODISCARD int rp_url_run_init(struct rp_url_run *ret, const struct rp_cli *cli,
                                 struct rp_error *err);
void rp_url_run_deinit(struct rp_url_run *run);
