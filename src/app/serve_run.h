/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/serve_run.h - the control server of `rampa run --serve`, as the options ask for it.
 */

#include "app/run.h"
#include "output/event_bus.h"
#include "run/sink.h"

struct rp_serve_run;

/* Starts the server of --serve, adds it to @sinks, and says on standard error where it can be reached.
 * @options and @run_id are borrowed; @bus is of @sinks and outlives it. -RP_EUSER with @err: the address,
 * the certificate or its key cannot be used. */
RP_NODISCARD int rp_serve_run_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                                  const struct rp_run_options *options, const char *run_id,
                                  struct rp_serve_run **ret, struct rp_error *err);
void rp_serve_run_free(struct rp_serve_run *serve); /* NULL is allowed */
/* Whether --serve-cert and --serve-key have their place. -RP_EUSER with @err when they have not. */
RP_NODISCARD int rp_serve_run_check(const struct rp_run_options *options, struct rp_error *err);
