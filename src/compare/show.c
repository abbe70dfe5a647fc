/* SPDX-License-Identifier: MIT */
#include "compare/show.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "base/units.h"

void rp_compare_value(const struct rp_compare_row *row, double value, char out[RP_COMPARE_WORD])
{
    const struct rp_subject *subject = row->subject;
    char number[RP_UNIT_SIZE];

    if (row->is_share) {
        snprintf(out, RP_COMPARE_WORD, "%s%%", rp_unit_fixed(value * 100, 2, number));
        return;
    }
    snprintf(out, RP_COMPARE_WORD, "%s%s",
             subject->unit == RP_IN_MS      ? rp_unit_time(value, 4, number)
             : subject->unit == RP_IN_BYTES ? rp_unit_bytes(value, number)
                                            : rp_unit_number(value, 4, number),
             subject->type == RP_COUNTER ? "/s" : "");
}

static const char *signed_number(double percent, int decimals, char out[RP_COMPARE_WORD])
{
    char number[RP_UNIT_SIZE];

    if (isnan(percent))
        return "-";
    if (percent > 999 * 100)
        return ">+99900";
    snprintf(out, RP_COMPARE_WORD, "%s%s", percent >= 0 ? "+" : "",
             rp_unit_fixed(percent, decimals, number));
    return out;
}

void rp_compare_change(const struct rp_compare_row *row, double change, char out[RP_COMPARE_WORD])
{
    char number[RP_COMPARE_WORD];

    snprintf(out, RP_COMPARE_WORD, "%.40s%s",
             signed_number(change * 100, row->is_share ? 2 : 1, number),
             isnan(change)   ? ""
             : row->is_share ? " pt"
                             : "%");
}

void rp_compare_interval(const struct rp_compare_row *row, char out[RP_COMPARE_WORD])
{
    char low[RP_COMPARE_WORD], high[RP_COMPARE_WORD];

    if (isnan(row->low) || isnan(row->high)) {
        snprintf(out, RP_COMPARE_WORD, "-");
        return;
    }
    snprintf(out, RP_COMPARE_WORD, "%.20s .. %.20s%s",
             signed_number(row->low * 100, row->is_share ? 2 : 1, low),
             signed_number(row->high * 100, row->is_share ? 2 : 1, high),
             row->is_share ? " pt" : "%");
}

enum rp_compare_verdict rp_compare_overall(const struct rp_comparison *comparison)
{
    static const enum rp_compare_verdict order[] = { RP_COMPARE_WORSE, RP_COMPARE_CHANGED,
                                                     RP_COMPARE_BETTER, RP_COMPARE_UNCLEAR };

    for (size_t i = 0; i < 4; i++)
        if (comparison->counts[order[i]])
            return order[i];
    return comparison->row_count ? RP_COMPARE_SAME : RP_COMPARE_UNCLEAR;
}

/* "2 are worse", "1 is worse". */
static void put_count(struct rp_buf *out, size_t count, const char *one, const char *many,
                      const char *rest)
{
    rp_buf_appendf(out, "%zu %s %s", count, count == 1 ? one : many, rest);
}

void rp_compare_sentence(const struct rp_comparison *comparison, struct rp_buf *out)
{
    const size_t *counts = comparison->counts;
    size_t all = comparison->row_count + comparison->threshold_count;

    rp_buf_appendf(out, "%s: of %zu number%s ",
                   rp_compare_verdict_name(rp_compare_overall(comparison)), all,
                   all == 1 ? "" : "s");
    put_count(out, counts[RP_COMPARE_WORSE], "is", "are", "worse, ");
    put_count(out, counts[RP_COMPARE_BETTER], "is", "are", "better, ");
    if (counts[RP_COMPARE_CHANGED])
        put_count(out, counts[RP_COMPARE_CHANGED], "is", "are", "neither but changed, ");
    put_count(out, counts[RP_COMPARE_SAME], "has", "have", "not changed, and ");
    rp_buf_appendf(out, "%zu cannot be told from chance", counts[RP_COMPARE_UNCLEAR]);
}
