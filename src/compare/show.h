/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/show.h - the words that all forms of a comparison share.
 */

#include "compare/compare.h"

enum { RP_COMPARE_WORD = 64 };

/* A number of a row, in the unit of its subject: "12.3ms", "512/s", "98.12%". */
void rp_compare_value(const struct rp_compare_row *row, double value, char out[RP_COMPARE_WORD]);
/* "+10.3%"; of shares points of a percent, "+0.12 pt". "-" when it is not known. */
void rp_compare_change(const struct rp_compare_row *row, double change, char out[RP_COMPARE_WORD]);
/* "-1.2% .. +3.4%" */
void rp_compare_interval(const struct rp_compare_row *row, char out[RP_COMPARE_WORD]);
/* "worse: of 12 numbers 2 are worse, 1 is better, 6 have not changed, and 3 cannot be told from
 * chance" */
void rp_compare_sentence(const struct rp_comparison *comparison, struct rp_buf *out);
/* What the whole comparison comes to: worse, else better or changed, else cannot tell, else no
 * change. */
enum rp_compare_verdict rp_compare_overall(const struct rp_comparison *comparison);
