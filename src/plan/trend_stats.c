/* SPDX-License-Identifier: MIT */

/* What the summary shows of trends, as the command line names it: "avg,p(99)". */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan_internal.h"
#include "plan/shorthand.h"

enum { STATS_MAX = 32 };

/* Reads the list into @stats, which has room for STATS_MAX. */
static int parse(const char *text, const char *origin, struct rp_stat *stats, size_t *ret_count,
                 struct rp_error *err)
{
    size_t count = 0;

    for (const char *end;; text = end + 1) {
        struct rp_slice item;

        end = text + strcspn(text, ",");
        item = rp_slice_trim(rp_slice(text, (size_t)(end - text)));
        if (count == STATS_MAX)
            return rp_error_set(err, -RP_EUSER, "%s: more than %d statistics", origin, STATS_MAX);
        if (!rp_stat_parse(item, &stats[count]) || !rp_stat_fits(stats[count], RP_TREND))
            return rp_error_set(err, -RP_EUSER,
                                "%s: '%.*s' is none of avg, min, max, med, count and p(N)", origin,
                                RP_SLICE_FMT(item));
        count++;
        if (!*end)
            break;
    }
    *ret_count = count;
    return 0;
}

int rp_trend_stats_check(const char *text, const char *origin, struct rp_error *err)
{
    struct rp_stat stats[STATS_MAX];
    size_t count;

    return parse(text, origin, stats, &count, err);
}

int rp_trend_stats_apply(const struct rp_override *given, struct rp_plan *plan,
                         struct rp_error *err)
{
    struct rp_stat stats[STATS_MAX], *copy;
    size_t count;
    int r;

    if (!given->value)
        return 0;
    r = parse(given->value, given->origin, stats, &count, err);
    if (r < 0)
        return r;
    copy = rp_alloc(count * sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, stats, count * sizeof(*copy));
    rp_free(plan->trend_stats);
    plan->trend_stats = copy;
    plan->trend_stat_count = count;
    return 0;
}
