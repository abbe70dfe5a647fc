/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/compare.h - two runs, number by number: what has changed, what has not, and what cannot
 * be told from chance.
 *
 * Of each number there are an estimate of its change and an interval in which the change is with
 * 95 % confidence. Where there is one base, the interval comes from how the numbers vary within the
 * two runs (compare/spread.h). Several bases say also how much they vary from one run to the next;
 * the larger of the two decides. The smallest change that matters is given. Then a number has
 *
 * - changed, when chance does not explain it, judged together with all other numbers of the
 *   comparison, and its estimate is at least what matters: better, worse, or just changed when it
 *   has no better direction;
 * - not changed, when its whole interval is within what does not matter;
 * - else nobody can tell.
 */

#include "base/buf.h"
#include "compare/run_file.h"

enum rp_compare_verdict {
    RP_COMPARE_SAME,
    RP_COMPARE_WORSE,
    RP_COMPARE_BETTER,
    RP_COMPARE_CHANGED,
    RP_COMPARE_UNCLEAR,
    RP_COMPARE_VERDICTS,
};

struct rp_compare_row {
    const struct rp_subject *subject; /* of the current run */
    const char *stat;                 /* "med", "p(95)", "rate", "failed" */
    bool is_share;                    /* a share of 1, whose change is a difference; else a ratio */
    double base, current;             /* of several bases the mean */
    double change, low,
        high;   /* of a share: the difference; else the ratio less 1. NaN: not known */
    double p;   /* how probable so large a change is by chance; NaN: not known */
    int better; /* 1: more is better; -1: less is; 0: neither */
    enum rp_compare_verdict verdict;
    double estimate, error, freedom; /* private: before the change is put into words */
};

struct rp_compare_threshold {
    const struct rp_run_threshold *base, *current; /* base may be NULL: a new one */
    enum rp_compare_verdict verdict;
};

struct rp_comparison {
    const struct rp_run_file *bases, *current;
    size_t base_count;
    double min_effect;
    struct rp_compare_row *rows; /* metrics, requests, checks; in the order of the current file */
    size_t row_count, row_cap;
    struct rp_compare_threshold *thresholds;
    size_t threshold_count;
    size_t counts[RP_COMPARE_VERDICTS]; /* of rows and thresholds */
    size_t held_back;    /* rows that look changed by themselves, and not among so many */
    struct rp_buf notes; /* a line each: what a reader should know */
};

/* Compares @current with @base_count (at least 1) bases; all of them must outlive *ret. @min_effect
 * is the smallest ratio that matters, such as 0.05; of shares a tenth of it, as a difference.
 * -ENOMEM. */
RP_NODISCARD int rp_compare(const struct rp_run_file *bases, size_t base_count,
                            const struct rp_run_file *current, double min_effect,
                            struct rp_comparison *ret);
void rp_comparison_deinit(struct rp_comparison *comparison);

/* "no change", "worse", "better", "changed", "cannot tell". */
const char *rp_compare_verdict_name(enum rp_compare_verdict verdict);

/* How a comparison is shown: as text for a terminal, as Markdown (of at most some hundred rows), as
 * one document of JSON. Names of others can draw nothing and bring no markup. -ENOMEM, -EMSGSIZE. */
RP_NODISCARD int rp_compare_write_text(const struct rp_comparison *comparison, bool color,
                                       struct rp_buf *out);
RP_NODISCARD int rp_compare_write_markdown(const struct rp_comparison *comparison,
                                           struct rp_buf *out);
RP_NODISCARD int rp_compare_write_json(const struct rp_comparison *comparison, struct rp_buf *out);
