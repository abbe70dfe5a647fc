/* SPDX-License-Identifier: MIT */
/*
 * The limit of the memory of histograms. What a bucket needs is known before it is allocated. When
 * that is more than there is, the sample goes to the series without the tags that nobody asks for,
 * and if that has no memory either, to the one without name and status. The last one takes it
 * whatever it needs: there are few of these, as many as the metrics have combinations of the tags
 * that thresholds ask for.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stats/stats_internal.h"

struct rp_kept_tag {
    struct rp_kept_tag *next;
    const char *key; /* both stand behind it */
    char metric[];
};

int rp_registry_keep(struct rp_registry *registry, const char *metric, const char *key)
{
    size_t metric_size = strlen(metric) + 1, key_size = strlen(key) + 1;
    struct rp_kept_tag *kept = rp_alloc(sizeof(*kept) + metric_size + key_size);

    if (!kept)
        return -ENOMEM;
    memcpy(kept->metric, metric, metric_size);
    memcpy(kept->metric + metric_size, key, key_size);
    kept->key = kept->metric + metric_size;
    kept->next = registry->kept;
    registry->kept = kept;
    return 0;
}

void rp_registry_deinit_fold(struct rp_registry *registry)
{
    for (struct rp_kept_tag *kept = registry->kept, *next; kept; kept = next) {
        next = kept->next;
        rp_free(kept);
    }
}

static bool is_kept(const struct rp_series *series, const char *key, bool with_names)
{
    if (with_names && (strcmp(key, "name") == 0 || strcmp(key, "status") == 0))
        return true;
    for (const struct rp_kept_tag *kept = series->registry->kept; kept; kept = kept->next)
        if (strcmp(kept->metric, series->metric->name) == 0 && strcmp(kept->key, key) == 0)
            return true;
    return false;
}

/* The tags of @series that are asked for; NULL without memory. */
static const struct rp_tags *kept_tags(const struct rp_series *series, bool with_names)
{
    const struct rp_tags *tags = series->tags;

    for (uint32_t i = 0; tags && i < series->tags->count; i++) {
        const char *key = series->tags->tag[i].key;

        if (!is_kept(series, key, with_names))
            tags = rp_tags_with(series->registry, tags, rp_slice_str(key), rp_slice(NULL, 0));
    }
    return tags;
}

/* The summary names the tag whose values make most series. */
static void note_folded(struct rp_series *series)
{
    struct rp_registry *registry = series->registry;

    registry->folded++;
    for (uint32_t i = 0; i < series->tags->count; i++) {
        const char *key = series->tags->tag[i].key;
        uint32_t values = rp_tags_value_count(registry, key);

        if (values <= registry->folded_values || is_kept(series, key, false))
            continue;
        registry->folded_values = values;
        registry->folded_key = key;
    }
}

/* Itself when it has no tag to give up, or when there is no memory for the other one. */
static struct rp_series *fold_of(struct rp_series *series)
{
    struct rp_registry *registry = series->registry;
    const struct rp_tags *tags;

    if (series->fold)
        return series->fold;
    registry->is_folding = true;
    tags = kept_tags(series, true);
    if (tags == series->tags)
        tags = kept_tags(series, false);
    registry->is_folding = false;
    series->fold = tags ? rp_registry_series(registry, series->metric, tags) : NULL;
    if (!series->fold)
        return series;
    if (series->fold != series)
        note_folded(series);
    return series->fold;
}

/* Whose buckets take @value. Its memory is counted. */
static struct rp_series *host_of(struct rp_series *series, double value)
{
    struct rp_registry *registry = series->registry;
    size_t now, later;

    for (;;) {
        struct rp_series *fold;

        now = rp_hist_need(&series->delta.hist, value);
        later = now ? rp_hist_need(&series->total.hist, value) : 0;
        if (!now || registry->hist_bytes + registry->hist_pending + now + later <=
                        registry->limits.histogram_bytes)
            break;
        fold = fold_of(series);
        if (fold == series)
            break;
        series = fold;
    }
    registry->hist_bytes += now;
    registry->hist_pending += later;
    return series;
}

bool rp_registry_record_trend(struct rp_series *series, double value)
{
    struct rp_hist *own = &series->delta.hist;
    struct rp_series *host;

    if (!isfinite(value))
        return false;
    host = host_of(series, value);
    if (host == series)
        return rp_hist_record(own, value) == 0;
    /* Both halves or none. */
    if ((!rp_sum_takes_whole(value) && rp_rest_reserve(&own->rest) < 0) ||
        rp_hist_host(&host->delta.hist, value) < 0)
        return false;
    rp_registry_mark(host);
    return rp_hist_note(own, value) == 0;
}

size_t rp_registry_folded(const struct rp_registry *registry, const char **ret_key)
{
    *ret_key = registry->folded_key;
    return registry->folded;
}

size_t rp_registry_histogram_bytes(const struct rp_registry *registry)
{
    return registry->hist_bytes;
}
