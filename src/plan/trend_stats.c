/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/alloc.h"
#include "plan/plan.h"

enum { STATS_MAX = 32 };

static struct rp_slice next_item(const char **text)
{
    const char *start = *text + strspn(*text, " ");
    size_t len = strcspn(start, ",");
    struct rp_slice item = rp_slice(start, len);

    *text = start + len + (start[len] == ',');
    while (item.len && item.ptr[item.len - 1] == ' ')
        item.len--;
    return item;
}

int rp_plan_set_trend_stats(struct rp_plan *plan, const char *text, const char *origin,
                            struct rp_error *err)
{
    struct rp_stat stats[STATS_MAX], *copy;
    size_t count = 0;

    while (*text) {
        struct rp_slice item = next_item(&text);

        if (count == STATS_MAX)
            return rp_error_set(err, -RP_EUSER, "%s: more than %d statistics", origin, STATS_MAX);
        if (!rp_stat_parse(item, &stats[count]) || !rp_stat_fits(stats[count], RP_TREND)) {
            rp_error_set(err, -RP_EUSER, "%s: '%.*s' is no statistic of a trend", origin,
                         RP_SLICE_FMT(item));
            rp_error_hint(err, "there are: avg, min, med, max, count, p(N) with N from 0 to 100");
            return -RP_EUSER;
        }
        count++;
    }
    if (!count)
        return rp_error_set(err, -RP_EUSER, "%s: no statistic is named", origin);
    copy = rp_alloc(count * sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, stats, count * sizeof(*copy));
    rp_free(plan->trend_stats);
    plan->trend_stats = copy;
    plan->trend_stat_count = count;
    return 0;
}
