/* SPDX-License-Identifier: MIT */
#include "compare/course.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* No number of a run is surer than this, for histograms have buckets and servers have days. */
#define ERROR_MIN 0.005

static const double quantiles[RP_SPREAD_QUANTILES] = { 0.5, 0.95, 0.99 };
_Static_assert(RP_RUN_MED == 0 && RP_RUN_P95 == 1 && RP_RUN_P99 == 2, "in this order");

static const struct rp_spread nothing = { NAN, 1 };

static uint32_t cell_of(const struct rp_track_point *point, size_t cells)
{
    double at = floor(point->at * (double)cells);

    return at < 0 || isnan(at) ? 0 : at >= (double)cells - 1 ? (uint32_t)cells - 1 : (uint32_t)at;
}

/* ---- histograms of the parts of a run -------------------------------------------------------- */

static int by_low(const void *a, const void *b)
{
    const struct rp_spread_bucket *x = a, *y = b;

    return (x->low > y->low) - (x->low < y->low);
}

static struct rp_spread_bucket bucket_of(const json_t *item)
{
    return (struct rp_spread_bucket){ json_number_value(json_array_get(item, 0)),
                                      json_number_value(json_array_get(item, 1)) };
}

static uint32_t find_bucket(const struct rp_spread_hist *hist, struct rp_spread_bucket bucket)
{
    const struct rp_spread_bucket *found = bsearch(&bucket, hist->buckets, hist->bucket_count,
                                                   sizeof(bucket), by_low);

    return (uint32_t)(found - hist->buckets);
}

static void hist_deinit(struct rp_spread_hist *hist)
{
    rp_free(hist->entries);
    rp_free(hist->buckets);
    *hist = (struct rp_spread_hist){ 0 };
}

static int hist_init(struct rp_spread_hist *ret, const struct rp_track *track, size_t cells)
{
    size_t all = 0, made = 0, kept = 0;

    *ret = (struct rp_spread_hist){ 0 };
    for (size_t i = 0; i < track->count; i++)
        all += json_array_size(track->points[i].buckets);
    ret->entries = rp_calloc(all + 1, sizeof(*ret->entries));
    ret->buckets = rp_calloc(all + 1, sizeof(*ret->buckets));
    if (!ret->entries || !ret->buckets) {
        hist_deinit(ret);
        return -ENOMEM;
    }
    for (size_t i = 0; i < track->count; i++)
        for (size_t n = 0; n < json_array_size(track->points[i].buckets); n++)
            ret->buckets[made++] = bucket_of(json_array_get(track->points[i].buckets, n));
    qsort(ret->buckets, made, sizeof(*ret->buckets), by_low);
    for (size_t i = 0; i < made; i++)
        if (!kept || ret->buckets[kept - 1].low < ret->buckets[i].low)
            ret->buckets[kept++] = ret->buckets[i];
    ret->bucket_count = kept;
    for (size_t i = 0; i < track->count; i++)
        for (size_t n = 0; n < json_array_size(track->points[i].buckets); n++) {
            const json_t *item = json_array_get(track->points[i].buckets, n);

            ret->entries[ret->entry_count++] = (struct rp_spread_entry){
                .cell = cell_of(&track->points[i], cells),
                .bucket = find_bucket(ret, bucket_of(item)),
                .count = fmax(json_number_value(json_array_get(item, 2)), 0),
            };
        }
    return 0;
}

static int spread_of_hists(const struct rp_track *base, const struct rp_track *current,
                           struct rp_spread *ret)
{
    size_t cells = current && current->cells < base->cells ? current->cells : base->cells;
    struct rp_spread_hist a = { 0 }, b = { 0 };
    int r = hist_init(&a, base, cells ? cells : 1);

    if (r == 0 && current)
        r = hist_init(&b, current, cells ? cells : 1);
    if (r == 0)
        r = rp_spread_quantiles(&a, current ? &b : NULL, cells, quantiles, RP_SPREAD_QUANTILES,
                                ret);
    hist_deinit(&a);
    hist_deinit(&b);
    return r;
}

/* ---- ratios ---------------------------------------------------------------------------------- */

static struct rp_spread spread_of_sums(const struct rp_track *base, const struct rp_track *current,
                                       bool is_log)
{
    const struct rp_track *tracks[] = { base, current };
    struct rp_spread_part parts[2][RP_SPREAD_CELLS_MAX] = { 0 };
    size_t cells = current && current->cells < base->cells ? current->cells : base->cells;

    if (!cells)
        return nothing;
    for (size_t n = 0; n < 2 && tracks[n]; n++) {
        for (size_t i = 0; i < tracks[n]->count; i++) {
            struct rp_spread_part *part = &parts[n][cell_of(&tracks[n]->points[i], cells)];

            part->sum += tracks[n]->points[i].sum;
            part->per += tracks[n]->is_per_time ? 0 : tracks[n]->points[i].per;
        }
        for (size_t i = 0; tracks[n]->is_per_time && i < cells; i++)
            parts[n][i].per = 1 / (double)cells;
    }
    return rp_spread_ratio(parts[0], current ? parts[1] : NULL, cells, is_log);
}

/* The error of a difference, from those of its two sides; of one that is not known the other one
 * stands for it. */
static struct rp_spread both(struct rp_spread a, struct rp_spread b)
{
    if (isnan(a.error))
        a = b;
    if (isnan(b.error))
        b = a;
    return (struct rp_spread){ sqrt(a.error * a.error + b.error * b.error),
                               fmin(a.freedom, b.freedom) };
}

/* ---- trends ---------------------------------------------------------------------------------- */

/* The mean and the variance of a histogram, a value being the middle of its bucket. */
static void measure(const json_t *buckets, double *ret_mean, double *ret_variance)
{
    double count = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < json_array_size(buckets); i++) {
        const json_t *item = json_array_get(buckets, i);
        struct rp_spread_bucket bucket = bucket_of(item);
        double times = json_number_value(json_array_get(item, 2));
        double value = (bucket.low + bucket.high) / 2;

        count += times;
        sum += times * value;
        squares += times * value * value;
    }
    *ret_mean = sum / count;
    *ret_variance = fmax(squares / count - *ret_mean * *ret_mean, 0);
}

/* How much more the mean of a trend varies than that of samples that know nothing of each other,
 * because these come in good and bad times; 1 at least. */
static double clumping(const struct rp_subject *subject, struct rp_spread mean_spread)
{
    double mean, variance;

    measure(subject->buckets, &mean, &variance);
    return variance > 0 ? fmax(mean_spread.error * mean_spread.error * subject->count / variance, 1)
                        : 1;
}

/* A trend that has one histogram, of the whole run. Its quantiles would vary as those of samples
 * that know nothing of each other do, if @like, which has a course in time, did not say otherwise. */
static int spread_of_whole(const struct rp_subject *subject, const struct rp_subject *like,
                           struct rp_spread *ret)
{
    size_t count = json_array_size(subject->buckets);
    struct rp_spread sums = spread_of_sums(&like->track, NULL, false);
    double *counts, times = clumping(like, sums);
    struct rp_spread_bucket *buckets;

    if (!count || !(subject->count > 0) || isnan(sums.error))
        return 0;
    buckets = rp_calloc(count, sizeof(*buckets));
    counts = rp_calloc(count, sizeof(*counts));
    if (!buckets || !counts) {
        rp_free(buckets);
        rp_free(counts);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        buckets[i] = bucket_of(json_array_get(subject->buckets, i));
        counts[i] = json_number_value(json_array_get(json_array_get(subject->buckets, i), 2));
    }
    for (size_t i = 0; i < RP_SPREAD_QUANTILES; i++) {
        double q = quantiles[i], off = sqrt(q * (1 - q) * times / subject->count);
        double low = rp_spread_quantile(buckets, counts, count, fmax(q - off, 0));
        double high = rp_spread_quantile(buckets, counts, count, fmin(q + off, 1));

        /* So far up that there are no samples: nothing is known. */
        ret[i] = q + off < 1 ? (struct rp_spread){ log(high / low) / 2, sums.freedom } : nothing;
    }
    rp_free(buckets);
    rp_free(counts);
    return 0;
}

/* The metric of that name in a file, else @fallback. */
static const struct rp_subject *find_metric(const struct rp_run_file *file, const char *name,
                                            const struct rp_subject *fallback)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (file->subjects[i].kind == RP_SUBJECT_METRIC &&
            strcmp(file->subjects[i].name, name) == 0)
            return &file->subjects[i];
    return fallback;
}

static bool has_hists(const struct rp_subject *subject)
{
    return subject->track.has_buckets && subject->track.cells >= RP_SPREAD_CELLS_MIN;
}

/* Where there are many names, each has few intervals or none: all requests together stand for
 * them. */
static int spread_of_trend(const struct rp_run_file *file, const struct rp_subject *subject,
                           struct rp_spread *ret)
{
    if (has_hists(subject))
        return spread_of_hists(&subject->track, NULL, ret);
    return spread_of_whole(subject,
                           subject->kind == RP_SUBJECT_REQUEST
                               ? find_metric(file, "http_req_duration", subject)
                               : subject,
                           ret);
}

static int trend(const struct rp_run_file *base_file, const struct rp_subject *base,
                 const struct rp_run_file *current_file, const struct rp_subject *current,
                 struct rp_spread *ret)
{
    struct rp_spread a[RP_SPREAD_QUANTILES] = { nothing, nothing, nothing };
    struct rp_spread b[RP_SPREAD_QUANTILES] = { nothing, nothing, nothing };
    int r;

    if (has_hists(base) && has_hists(current))
        return spread_of_hists(&base->track, &current->track, ret);
    r = spread_of_trend(base_file, base, a);
    if (r == 0)
        r = spread_of_trend(current_file, current, b);
    for (size_t i = 0; r == 0 && i < RP_SPREAD_QUANTILES; i++)
        ret[i] = both(a[i], b[i]);
    return r;
}

/* ---- shares ---------------------------------------------------------------------------------- */

/* The variance of a share, if what it counts came independently. Two successes and two failures are
 * added, so that no failure in ten requests is not taken for certain (Agresti and Coull). */
static double variance_of_share(const struct rp_subject *subject)
{
    double count = subject->count + 4;
    double share = (subject->stats[RP_RUN_RATE] * subject->count + 2) / count;

    return share * (1 - share) / count;
}

/* The metric that a share has its course from: its own, or the one that it is a part of. */
static const struct rp_subject *metric_of(const struct rp_run_file *file,
                                          const struct rp_subject *subject)
{
    const char *name = subject->kind == RP_SUBJECT_CHECK ? "checks" : "http_req_failed";

    if (subject->track.count || subject->kind == RP_SUBJECT_METRIC)
        return subject;
    return find_metric(file, name, subject);
}

/* Failures come in bad times, all together; how much more a share varies for that is seen in the
 * parts of the run. */
static struct rp_spread share(const struct rp_run_file *file, const struct rp_subject *subject)
{
    const struct rp_subject *metric = metric_of(file, subject);
    struct rp_spread spread = spread_of_sums(&metric->track, NULL, false);
    double times;

    if (isnan(spread.error) || !(subject->count > 0))
        return nothing;
    times = fmax(spread.error * spread.error / variance_of_share(metric), 1);
    return (struct rp_spread){ sqrt(times * variance_of_share(subject)), spread.freedom };
}

int rp_course_spread(const struct rp_run_file *base_file, const struct rp_subject *base,
                     const struct rp_run_file *current_file, const struct rp_subject *current,
                     struct rp_spread ret[RP_RUN_STATS])
{
    int r = 0;

    for (size_t i = 0; i < RP_RUN_STATS; i++)
        ret[i] = nothing;
    if (current->type == RP_TREND) {
        r = trend(base_file, base, current_file, current, ret);
    } else if (current->type == RP_RATE) {
        ret[RP_RUN_RATE] = both(share(base_file, base), share(current_file, current));
    } else if (base->track.count && current->track.count) {
        ret[RP_RUN_RATE] = spread_of_sums(&base->track, &current->track, true);
    } else {
        ret[RP_RUN_RATE] = both(spread_of_sums(&base->track, NULL, true),
                                spread_of_sums(&current->track, NULL, true));
    }
    for (size_t i = 0; current->type != RP_RATE && i < RP_RUN_STATS; i++)
        ret[i].error = ret[i].error < ERROR_MIN ? ERROR_MIN : ret[i].error;
    return r;
}
