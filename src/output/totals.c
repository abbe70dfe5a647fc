/* SPDX-License-Identifier: MIT */
#include "output/totals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

struct rp_totals_family {
    struct rp_totals_family *next;
    const struct rp_store_series *any; /* a series of the metric */
    char *name;
};

void rp_totals_init(struct rp_totals *totals, const struct rp_totals_style *style,
                    bool is_exponential)
{
    *totals = (struct rp_totals){ .style = style, .is_exponential = is_exponential };
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *suffix_of(const struct rp_totals *totals, const struct rp_store_series *origin,
                             enum rp_totals_part part)
{
    return totals->style->suffix(origin->type, origin->is_time, part);
}

/* Whether @text is the name of @family with one of its suffixes. */
static bool is_name_of(const struct rp_totals *totals, const char *text,
                       const struct rp_totals_family *family)
{
    size_t len = strlen(family->name);

    if (strncmp(text, family->name, len) != 0)
        return false;
    for (unsigned part = 0; part < RP_PARTS; part++) {
        const char *suffix = suffix_of(totals, family->any, part);

        if (suffix && strcmp(text + len, suffix) == 0)
            return true;
    }
    return false;
}

/* With the suffixes: a counter "a_true" and a rate "a" may both have "a_true_total". */
static bool is_taken(const struct rp_totals *totals, const char *name,
                     const struct rp_store_series *origin)
{
    char text[RP_TOTALS_NAME_BYTES + RP_TOTALS_SUFFIX_BYTES];

    for (const struct rp_totals_family *it = totals->families; it; it = it->next)
        for (unsigned part = 0; part < RP_PARTS; part++) {
            const char *suffix = suffix_of(totals, origin, part);

            snprintf(text, sizeof(text), "%s%s", name, suffix ? suffix : "");
            if (suffix && is_name_of(totals, text, it))
                return true;
        }
    return false;
}

/* A second metric that comes to the same name gets "_2" behind it. NULL for want of memory. */
static char *make_name(const struct rp_totals *totals, const struct rp_store_series *origin)
{
    struct rp_buf name;

    rp_buf_init(&name, RP_TOTALS_NAME_BYTES - 1);
    for (unsigned n = 1; n == 1 || (!name.error && is_taken(totals, rp_buf_str(&name), origin));
         n++) {
        rp_buf_reset(&name);
        totals->style->put_name(&name, origin->metric);
        if (n > 1)
            rp_buf_appendf(&name, "_%u", n);
    }
    return rp_buf_take(&name);
}

static const char *find_name(struct rp_totals *totals, const struct rp_store_series *origin)
{
    struct rp_totals_family *family = totals->families;

    while (family && strcmp(family->any->metric, origin->metric) != 0)
        family = family->next;
    if (family)
        return family->name;
    family = rp_calloc(1, sizeof(*family));
    if (!family)
        return NULL;
    family->any = origin;
    family->name = make_name(totals, origin);
    if (!family->name) {
        rp_free(family);
        return NULL;
    }
    family->next = totals->families;
    totals->families = family;
    return family->name;
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool has_tag(const struct rp_total *total, const char *name)
{
    for (size_t i = 0; i < total->origin->tag_count; i++)
        if (total->tags[i].name && strcmp(total->tags[i].name, name) == 0)
            return true;
    return false;
}

/* A name that no other tag of the series has. */
static char *make_tag(const struct rp_totals *totals, const struct rp_total *total, const char *tag)
{
    struct rp_buf name;

    rp_buf_init(&name, RP_TOTALS_NAME_BYTES - 1);
    for (unsigned n = 1; n == 1 || (!name.error && has_tag(total, rp_buf_str(&name))); n++) {
        rp_buf_reset(&name);
        totals->style->put_tag(&name, tag);
        if (n > 1)
            rp_buf_appendf(&name, "_%u", n);
    }
    return rp_buf_take(&name);
}

static int compare_tags(const void *a, const void *b)
{
    return strcmp(((const struct rp_total_tag *)a)->name, ((const struct rp_total_tag *)b)->name);
}

static int name_tags(const struct rp_totals *totals, struct rp_total *total)
{
    const struct rp_store_series *origin = total->origin;

    total->tags = rp_calloc(origin->tag_count + 1, sizeof(*total->tags));
    if (!total->tags)
        return -ENOMEM;
    for (size_t i = 0; i < origin->tag_count; i++) {
        total->tags[i] = (struct rp_total_tag){ make_tag(totals, total, origin->tags[i][0]),
                                                origin->tags[i][1] };
        if (!total->tags[i].name)
            return -ENOMEM;
    }
    qsort(total->tags, origin->tag_count, sizeof(*total->tags), compare_tags);
    return 0;
}

/* ---- series ---------------------------------------------------------------------------------- */

static void forget(struct rp_total *total)
{
    for (size_t i = 0; total->tags && i < total->origin->tag_count; i++)
        rp_free(total->tags[i].name);
    rp_free(total->tags);
    rp_free(total->buckets);
    rp_exp_deinit(&total->exp);
    *total = (struct rp_total){ .origin = NULL };
}

static int learn(struct rp_totals *totals, struct rp_total *total,
                 const struct rp_store_series *origin)
{
    bool needs_buckets = origin->type == RP_TREND && !totals->is_exponential;

    total->origin = origin;
    total->name = find_name(totals, origin);
    total->exp.scale = RP_EXP_SCALE;
    if (needs_buckets)
        total->buckets = rp_calloc(RP_TOTALS_BOUNDS + 1, sizeof(*total->buckets));
    if (!total->name || (needs_buckets && !total->buckets) ||
        (totals->style->put_tag && name_tags(totals, total) < 0)) {
        forget(total);
        return -ENOMEM;
    }
    return 0;
}

static struct rp_total *find(struct rp_totals *totals, const struct rp_store_series *origin)
{
    size_t id = origin->id, count = totals->count * 2 > id ? totals->count * 2 : id + 1;

    if (id >= totals->count) {
        struct rp_total *grown = rp_realloc_array(totals->series, count, sizeof(*grown));

        if (!grown)
            return NULL;
        memset(grown + totals->count, 0, (count - totals->count) * sizeof(*grown));
        totals->series = grown;
        totals->count = count;
    }
    if (!totals->series[id].origin && learn(totals, &totals->series[id], origin) < 0)
        return NULL;
    return &totals->series[id];
}

void rp_totals_deinit(struct rp_totals *totals)
{
    for (size_t i = 0; i < totals->count; i++)
        if (totals->series[i].origin)
            forget(&totals->series[i]);
    rp_free(totals->series);
    for (struct rp_totals_family *family = totals->families, *next; family; family = next) {
        next = family->next;
        rp_free(family->name);
        rp_free(family);
    }
    *totals = (struct rp_totals){ .count = 0 };
}

/* ---- values ---------------------------------------------------------------------------------- */

const double *rp_totals_bounds(bool is_time)
{
    static const double times[RP_TOTALS_BOUNDS] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                    0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                    1,      2.5,     5,      10,    30,     60 };
    static const double numbers[RP_TOTALS_BOUNDS] = { 0.01, 0.1, 1,   2.5,   5,   10,
                                                      25,   50,  100, 250,   500, 1e3,
                                                      2500, 5e3, 1e4, 2.5e4, 1e5, 1e6 };

    return is_time ? times : numbers;
}

/* Seconds, where users see milliseconds. */
static double in_seconds(bool is_time, double stored)
{
    return is_time ? stored / 1e9 : rp_trend_shown(false, stored);
}

/* A bucket of the histogram is at most a thousandth of its values wide: it belongs below the first
 * bound that its lower end does not pass. */
static void add_buckets(struct rp_total *total, const struct rp_hist *hist)
{
    bool is_time = total->origin->is_time;
    const double *bounds = rp_totals_bounds(is_time);
    struct rp_hist_iter iter;
    size_t i = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        while (i < RP_TOTALS_BOUNDS &&
               iter.low > (is_time ? bounds[i] * 1e9 : rp_trend_stored(false, bounds[i])))
            i++;
        total->buckets[i] += iter.count;
    }
}

static int add_trend(struct rp_total *total, const struct rp_hist *hist)
{
    bool is_time = total->origin->is_time;
    double min = in_seconds(is_time, hist->min), max = in_seconds(is_time, hist->max);

    if (hist->count && (!total->count || min < total->min))
        total->min = min;
    if (hist->count && (!total->count || max > total->max))
        total->max = max;
    total->sum += in_seconds(is_time, rp_hist_sum(hist));
    if (!total->buckets)
        return rp_exp_add(&total->exp, hist, is_time ? 1e-9 : 0x1p-20);
    add_buckets(total, hist);
    return 0;
}

struct rp_total *rp_totals_add(struct rp_totals *totals, const struct rp_store_change *change)
{
    struct rp_total *total = find(totals, change->series);
    const struct rp_value *delta = change->delta;
    int r = 0;

    if (!total)
        return NULL;
    switch (delta->type) {
    case RP_COUNTER:
        total->sum += rp_value_sum(delta);
        break;
    case RP_GAUGE:
        total->last = delta->gauge.last;
        break;
    case RP_RATE:
        total->hits += delta->rate.hits;
        break;
    case RP_TREND:
        r = add_trend(total, &delta->hist);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
    total->count += delta->samples;
    return r < 0 ? NULL : total;
}

bool rp_total_has_buckets(const struct rp_total *total)
{
    uint64_t all = 0;

    if (!total->buckets)
        return rp_exp_total(&total->exp) == total->count;
    for (size_t i = 0; i <= RP_TOTALS_BOUNDS; i++)
        all += total->buckets[i];
    return all == total->count;
}

void rp_total_reset(struct rp_total *total)
{
    total->sum = 0;
    total->hits = total->count = 0;
    if (total->buckets)
        memset(total->buckets, 0, (RP_TOTALS_BOUNDS + 1) * sizeof(*total->buckets));
    rp_exp_reset(&total->exp);
}
