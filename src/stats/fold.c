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

/* Bytes of heap that a sample takes in the delta of a series, and that its total will take when the
 * delta is added to it. */
struct need {
    size_t now, later;
};

typedef size_t need_fn(const struct rp_hist *hist, double value);

static struct need need_of(const struct rp_series *series, double value, need_fn *need)
{
    size_t now = need(&series->delta.hist, value);

    return (struct need){ now, now ? need(&series->total.hist, value) : 0 };
}

static struct need need_both(struct need a, struct need b)
{
    return (struct need){ a.now + b.now, a.later + b.later };
}

/* Whose buckets take @value. The sum of @series is its own in any case. */
static struct rp_series *host_of(struct rp_series *series, double value, struct need *ret)
{
    struct rp_registry *registry = series->registry;
    struct need sum = need_of(series, value, rp_hist_need_sum);

    for (;;) {
        struct rp_series *fold;
        struct need bucket = need_of(series, value, rp_hist_need_bucket);

        *ret = need_both(bucket, sum);
        if (!bucket.now || registry->hist_bytes + registry->hist_pending + ret->now + ret->later <=
                               registry->limits.histogram_bytes)
            return series;
        fold = fold_of(series);
        if (fold == series)
            return series;
        series = fold;
    }
}

/* Both halves of the sample or none. */
static bool record_apart(struct rp_series *series, struct rp_series *host, double value)
{
    struct rp_hist *own = &series->delta.hist;

    if ((!rp_sum_takes_whole(value) && rp_rest_reserve(&own->rest) < 0) ||
        rp_hist_host(&host->delta.hist, value) < 0)
        return false;
    rp_registry_mark(host);
    return rp_hist_note(own, value) == 0;
}

static size_t bytes_of(const struct rp_series *series, const struct rp_series *host)
{
    return rp_hist_bytes(&series->delta.hist) +
           (host == series ? 0 : rp_hist_bytes(&host->delta.hist));
}

bool rp_registry_record_trend(struct rp_series *series, double value)
{
    struct rp_registry *registry = series->registry;
    struct rp_series *host;
    struct need need;
    size_t before;
    bool is_done;

    if (!isfinite(value))
        return false;
    host = host_of(series, value, &need);
    before = bytes_of(series, host);
    is_done = host == series ? rp_hist_record(&series->delta.hist, value) == 0
                             : record_apart(series, host, value);
    /* What is there, and not what was asked for: an allocation may fail. */
    registry->hist_bytes += bytes_of(series, host) - before;
    registry->hist_pending += is_done ? need.later : 0;
    return is_done;
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
