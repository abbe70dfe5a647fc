/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * report/items.h - the single things that a result file knows of, for 'rampa result': kinds of
 * failed requests, exceptions of iterations, requests by name, and kept exchanges.
 *
 * Each has an id, a letter and its place in its list of the file, from 1 on: "x3" is the third
 * exchange. So an id means the same in one file for ever, and nothing in another one. Texts of
 * servers and scripts are escaped (base/text.h; in JSON all but ASCII is).
 */

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* @result is one by rp_report_read() in all of these. They append to @out, as text or as one JSON
 * object. -ENOMEM; -EMSGSIZE when @out has no room. */

/* What failed: kinds of requests with the exchanges that were kept of each, and exceptions. */
RP_NODISCARD int rp_items_errors(json_t *result, bool as_json, struct rp_buf *out);
/* Requests by name, the one with the highest 95th percentile of the duration first. */
RP_NODISCARD int rp_items_slowest(json_t *result, bool as_json, struct rp_buf *out);
/* How the run has ended, and which ids there are. */
RP_NODISCARD int rp_items_overview(json_t *result, bool as_json, struct rp_buf *out);
/* All that is known of the thing with this id. -RP_EUSER when there is none. */
RP_NODISCARD int rp_items_open(json_t *result, const char *id, bool as_json, struct rp_buf *out,
                               struct rp_error *err);
