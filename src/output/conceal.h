/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/conceal.h - keeps a server from telling the world what it was sent. Servers repeat it in
 * their errors ("Cannot POST /hooks/T0KEN"), and errors of an output stand in logs and results.
 */

#include "base/buf.h"

/* What is secret, and how it may look in an answer. */
struct rp_conceal {
    struct rp_buf words; /* each with a NUL behind it */
};

void rp_conceal_init(struct rp_conceal *conceal);
/* What of a URL can be a secret: user name and password, also as the field Authorization has them;
 * the segments of the path that are not short; the values of the query but for those that say which
 * data are meant ("db", "bucket"). @url need be no valid URL. A failure is that of the words. */
void rp_conceal_add_url(struct rp_conceal *conceal, const char *url);
/* The value of a header field, and its last word ("Bearer T0KEN"). */
void rp_conceal_add_value(struct rp_conceal *conceal, struct rp_slice value);
/* Appends the beginning of @text, at least 1,000 bytes of it if it has so many, with "***" in place
 * of each secret. */
void rp_conceal_append(const struct rp_conceal *conceal, struct rp_slice text, struct rp_buf *out);
/* The same of each line of @text. */
void rp_conceal_append_lines(const struct rp_conceal *conceal, const char *text,
                             struct rp_buf *out);
/* The same with the whole of one line, which is made harmless for a terminal too (base/text.h). */
void rp_conceal_append_printed(const struct rp_conceal *conceal, struct rp_slice line,
                               struct rp_buf *out);
void rp_conceal_deinit(struct rp_conceal *conceal); /* a zeroed one is allowed */
