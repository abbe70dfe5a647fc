/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/summary.h - the parts of the text summary, one file a part, and what they share.
 *
 * Every part starts with a title at column 0 and indents its lines by two. Numbers stand in
 * columns; a name is followed by dots up to the first of them. Text of others goes through
 * base/text.h only.
 */

#include "ui/ink.h"
#include "ui/report.h"
#include "base/text.h"

struct rp_summary {
    const struct rp_result *result;
    struct rp_buf *out;
    size_t width;
    bool color, is_compact;
    double elapsed_s;
};

#define RP_TICK "\xe2\x9c\x93"
#define RP_CROSS "\xe2\x9c\x97"
enum { RP_INDENT = 2, RP_COMPOSE_MAX = 1 << 20 };

/* Text between an escape and its reset, or bare without colour. */
void rp_summary_ink_on(struct rp_summary *summary, const char *ink);
void rp_summary_ink_off(struct rp_summary *summary);
void rp_summary_inked(struct rp_summary *summary, const char *ink, const char *text);
/* An empty line and the title, without a line end. */
void rp_summary_title(struct rp_summary *summary, const char *title);
/* @name, shortened to fit, then dim dots up to and including column @cols, counted from here; one
 * blank follows. */
void rp_summary_dotted(struct rp_summary *summary, struct rp_slice name, size_t cols);
/* Tick, cross or, when nothing was judged (NULL), a dash. */
void rp_summary_mark(struct rp_summary *summary, const struct rp_verdict *verdict);
/* @text aligned in @cols columns. */
void rp_summary_right(struct rp_summary *summary, const char *text, size_t cols);
void rp_summary_left(struct rp_summary *summary, const char *text, size_t cols);

/* Frees a buffer that a part used for composing; its failure becomes the summary's. */
void rp_summary_done(struct rp_summary *summary, struct rp_buf *buf);
/* Empties the buffer for the next line. Its failure becomes the summary's. */
void rp_summary_reuse(struct rp_summary *summary, struct rp_buf *buf);
/* Remembers @error (0 or negative) as the summary's. */
void rp_summary_fail(struct rp_summary *summary, int error);

/* What threshold @i compared with its bound, as "512.3ms", into @out (RP_ACTUAL_SIZE bytes).
 * @verdicts: one for each threshold, or NULL when nothing is judged. False when there was nothing to
 * compare: then @out says why. */
enum { RP_ACTUAL_SIZE = 64 };
bool rp_summary_actual(const struct rp_result *result, const struct rp_verdict *verdicts, size_t i,
                       char *out);
/* Appends "connection refused (1212)", or "status 503". */
struct rp_failed_request;
void rp_summary_append_kind(struct rp_buf *out, const struct rp_failed_request *request);
/* What the user can do about a kind of failure that an option ends; NULL = nothing is known. */
struct rp_failed_requests;
const char *rp_summary_remedy(const struct rp_failed_requests *failed);
/* Appends "ValueError: bad price": the first line of the message only. */
void rp_summary_append_exception(struct rp_buf *out, const struct rp_error_group *group);

void rp_summary_head(struct rp_summary *summary);
void rp_summary_thresholds(struct rp_summary *summary);
void rp_summary_checks(struct rp_summary *summary);
void rp_summary_requests(struct rp_summary *summary);
void rp_summary_metrics(struct rp_summary *summary);
void rp_summary_histogram(struct rp_summary *summary);
void rp_summary_exchanges(struct rp_summary *summary); /* a part of the errors */
void rp_summary_errors(struct rp_summary *summary);
void rp_summary_warnings(struct rp_summary *summary);
void rp_summary_accounting(struct rp_summary *summary);
void rp_summary_verdict(struct rp_summary *summary);
/* Where a compact summary says that the rest is. */
void rp_summary_left_out(struct rp_summary *summary);
void rp_summary_generator(struct rp_summary *summary);
