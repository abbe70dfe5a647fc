/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/run_options.h - from the parsed line to what run, check and inspect are given.
 */

#include "app/cli.h"
#include "app/run.h"

/* Options and what they own. Zeroed is valid. */
struct rp_run_request {
    struct rp_run_options options;
    char *python;
    struct rp_override *scenarios, *stages, *thresholds, *outputs, *output_options, *included;
    struct rp_pair *pairs; /* the tags, then the env */
    size_t pair_count;
    struct rp_host_option *hosts;
};

/* Borrows the strings of @cli. 0 or -ENOMEM, which leaves @ret empty. */
RP_NODISCARD int rp_run_request_init(struct rp_run_request *ret, const struct rp_cli *cli);
void rp_run_request_deinit(struct rp_run_request *request);
