/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/health.h - a worker's health (run/health.h) as a field of a message.
 */

#include "run/health.h"
#include "wire/message.h"

/* As a list, in the order above. */
void rp_write_health(struct rp_buf *out, const struct rp_worker_health *health);
/* What is missing or no number is 0, as are all of what is no list. */
void rp_read_health(struct rp_field list, struct rp_worker_health *ret);
