/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * report/report.h - the page of 'rampa report': one HTML file that holds everything it needs, made
 * of one result file or of two; and the page of a run that goes on, which asks the run itself.
 *
 * A page is drawn in the browser. It carries the results as data, and scripts (page.js or live.js,
 * charts.js and Debian's dygraphs) which are built into the program. A policy in the page (CSP) allows
 * these scripts by their hashes and nothing else, and no connection to anywhere; that of a run, only to
 * the server that it comes from.
 */

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    RP_REPORT_RESULTS_MAX = 2,
    RP_REPORT_BYTES_MAX = 256 << 20 /* of a page */
};

/* Reads the result file at @path ("-" is standard input). *ret is the caller's, to be freed with
 * json_decref(). -RP_EUSER with cause and remedy: it cannot be read, is no JSON, is no result file,
 * is incomplete, or has another schema than this program writes. -ENOMEM. */
RP_NODISCARD int rp_report_read(const char *path, json_t **ret, struct rp_error *err);

/* What a page shows: a result by rp_report_read(), and the name that it is called by. */
struct rp_report_input {
    const char *name;
    json_t *result;
};
/* Appends the page of @count results (1 or 2). The encoded histograms are taken out of the results,
 * because the page does not need them. -ENOMEM, or -EMSGSIZE when @out has no room for it. */
RP_NODISCARD int rp_report_write(const struct rp_report_input *inputs, size_t count,
                                 struct rp_buf *out);
/* Appends the page of a run that goes on, for the control server (docs/control.md). As above. */
RP_NODISCARD int rp_report_write_live(struct rp_buf *out);
