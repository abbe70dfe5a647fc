/* SPDX-License-Identifier: MIT */
#include "output/prometheus_series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

struct rp_prom_family {
    struct rp_prom_family *next;
    const struct rp_store_series *any; /* a series of the metric */
    char *name;
};

/* ---- names ----------------------------------------------------------------------------------- */

const char *rp_prom_suffix(const struct rp_store_series *origin, enum rp_prom_part part)
{
    static const char *const suffixes[RP_METRIC_TYPE_COUNT][RP_PROM_PARTS] = {
        [RP_COUNTER] = { [RP_PROM_VALUE] = "_total" },
        [RP_GAUGE] = { [RP_PROM_VALUE] = "" },
        [RP_RATE] = { [RP_PROM_VALUE] = "_total", [RP_PROM_TRUE] = "_true_total" },
        [RP_TREND] = { [RP_PROM_BUCKET] = "_bucket",
                       [RP_PROM_SUM] = "_sum",
                       [RP_PROM_COUNT] = "_count" },
    };
    static const char *const time_suffixes[RP_PROM_PARTS] = {
        [RP_PROM_BUCKET] = "_seconds_bucket",
        [RP_PROM_SUM] = "_seconds_sum",
        [RP_PROM_COUNT] = "_seconds_count",
    };

    return origin->type == RP_TREND && origin->is_time ? time_suffixes[part]
                                                       : suffixes[origin->type][part];
}

/* [a-zA-Z_][a-zA-Z0-9_]*; what is not allowed is '_', which also goes before a digit that would be
 * the first. */
static void put_name(struct rp_buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        bool is_letter = ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') || *at == '_';
        bool is_digit = *at >= '0' && *at <= '9';

        if (is_digit && !out->len)
            rp_buf_append_str(out, "_");
        rp_buf_append(out, is_letter || is_digit ? at : "_", 1);
    }
}

/* Whether @text is @name with one of the suffixes of @origin. */
static bool is_name_of(const char *text, const char *name, const struct rp_store_series *origin)
{
    size_t len = strlen(name);

    if (strncmp(text, name, len) != 0)
        return false;
    for (unsigned part = 0; part < RP_PROM_PARTS; part++) {
        const char *suffix = rp_prom_suffix(origin, part);

        if (suffix && strcmp(text + len, suffix) == 0)
            return true;
    }
    return false;
}

/* With the suffixes: a counter "a_true" and a rate "a" would both have "a_true_total". */
static bool is_taken(const struct rp_prom_family *families, const char *name,
                     const struct rp_store_series *origin)
{
    char text[RP_PROM_NAME_BYTES + RP_PROM_SUFFIX_BYTES];

    for (; families; families = families->next)
        for (unsigned part = 0; part < RP_PROM_PARTS; part++) {
            const char *suffix = rp_prom_suffix(origin, part);

            snprintf(text, sizeof(text), "%s%s", name, suffix ? suffix : "");
            if (suffix && is_name_of(text, families->name, families->any))
                return true;
        }
    return false;
}

/* "rampa_http_reqs"; a second metric that comes to the same name gets "_2" behind it. NULL for want
 * of memory. */
static char *make_name(const struct rp_prom_family *families, const struct rp_store_series *origin)
{
    struct rp_buf name;

    rp_buf_init(&name, RP_PROM_NAME_BYTES);
    for (unsigned n = 1; n == 1 || (!name.error && is_taken(families, rp_buf_str(&name), origin));
         n++) {
        rp_buf_reset(&name);
        rp_buf_append_str(&name, "rampa_");
        put_name(&name, origin->metric);
        if (n > 1)
            rp_buf_appendf(&name, "_%u", n);
    }
    return rp_buf_take(&name);
}

static const char *find_name(struct rp_prom_table *table, const struct rp_store_series *origin)
{
    struct rp_prom_family *family = table->families;

    while (family && strcmp(family->any->metric, origin->metric) != 0)
        family = family->next;
    if (family)
        return family->name;
    family = rp_calloc(1, sizeof(*family));
    if (!family)
        return NULL;
    family->any = origin;
    family->name = make_name(table->families, origin);
    if (!family->name) {
        rp_free(family);
        return NULL;
    }
    family->next = table->families;
    table->families = family;
    return family->name;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static bool has_label(const struct rp_prom_series *series, const char *name)
{
    for (size_t i = 0; i < series->label_count; i++)
        if (strcmp(series->labels[i].name, name) == 0)
            return true;
    return false;
}

/* The name of a tag as a label: none that is there already, none of Prometheus's own. */
static char *make_label(const struct rp_prom_series *series, const char *tag)
{
    struct rp_buf name;

    rp_buf_init(&name, RP_PROM_NAME_BYTES);
    for (unsigned n = 1; n == 1 || (!name.error && has_label(series, rp_buf_str(&name))); n++) {
        rp_buf_reset(&name);
        if (strcmp(tag, "le") == 0 || strncmp(tag, "__", 2) == 0)
            rp_buf_append_str(&name, "tag_");
        put_name(&name, tag);
        if (n > 1)
            rp_buf_appendf(&name, "_%u", n);
    }
    return rp_buf_take(&name);
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct rp_prom_label *)a)->name, ((const struct rp_prom_label *)b)->name);
}

/* ---- series ---------------------------------------------------------------------------------- */

static void forget(struct rp_prom_series *series)
{
    for (size_t i = 0; i < series->label_count; i++)
        rp_free(series->labels[i].name);
    rp_free(series->labels);
    rp_free(series->buckets);
    *series = (struct rp_prom_series){ .origin = NULL };
}

static int learn(struct rp_prom_table *table, struct rp_prom_series *series,
                 const struct rp_store_series *origin)
{
    series->name = find_name(table, origin);
    series->labels = rp_calloc(origin->tag_count + 1, sizeof(*series->labels));
    if (origin->type == RP_TREND)
        series->buckets = rp_calloc(RP_PROM_BOUNDS + 1, sizeof(*series->buckets));
    if (!series->name || !series->labels || (origin->type == RP_TREND && !series->buckets)) {
        forget(series);
        return -ENOMEM;
    }
    for (size_t i = 0; i < origin->tag_count; i++) {
        struct rp_prom_label label = { make_label(series, origin->tags[i][0]), origin->tags[i][1] };

        if (!label.name) {
            forget(series);
            return -ENOMEM;
        }
        series->labels[series->label_count++] = label;
    }
    qsort(series->labels, series->label_count, sizeof(*series->labels), compare_labels);
    series->origin = origin;
    return 0;
}

struct rp_prom_series *rp_prom_find(struct rp_prom_table *table,
                                    const struct rp_store_series *origin)
{
    size_t id = origin->id, count = table->count * 2 > id ? table->count * 2 : id + 1;

    if (id >= table->count) {
        struct rp_prom_series *grown = rp_realloc_array(table->series, count, sizeof(*grown));

        if (!grown)
            return NULL;
        memset(grown + table->count, 0, (count - table->count) * sizeof(*grown));
        table->series = grown;
        table->count = count;
    }
    if (!table->series[id].origin && learn(table, &table->series[id], origin) < 0)
        return NULL;
    return &table->series[id];
}

void rp_prom_table_deinit(struct rp_prom_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        forget(&table->series[i]);
    rp_free(table->series);
    for (struct rp_prom_family *family = table->families, *next; family; family = next) {
        next = family->next;
        rp_free(family->name);
        rp_free(family);
    }
    *table = (struct rp_prom_table){ .count = 0 };
}

/* ---- values ---------------------------------------------------------------------------------- */

const double *rp_prom_bounds(bool is_time)
{
    static const double times[RP_PROM_BOUNDS] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                  0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                  1,      2.5,     5,      10,    30,     60 };
    static const double numbers[RP_PROM_BOUNDS] = {
        0.01, 0.1, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1e3, 2500, 5e3, 1e4, 2.5e4, 1e5, 1e6
    };

    return is_time ? times : numbers;
}

/* A bucket of the histogram is at most a thousandth of its values wide: it belongs below the first
 * bound that its lower end does not pass. */
static void add_buckets(struct rp_prom_series *series, const struct rp_hist *hist)
{
    bool is_time = series->origin->is_time;
    const double *bounds = rp_prom_bounds(is_time);
    struct rp_hist_iter iter;
    size_t i = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        while (i < RP_PROM_BOUNDS &&
               iter.low > (is_time ? bounds[i] * 1e9 : rp_trend_stored(false, bounds[i])))
            i++;
        series->buckets[i] += iter.count;
    }
}

void rp_prom_add(struct rp_prom_series *series, const struct rp_value *delta)
{
    bool is_time = series->origin->is_time;

    series->count += delta->samples;
    switch (delta->type) {
    case RP_COUNTER:
        series->sum += rp_value_sum(delta);
        break;
    case RP_GAUGE:
        series->last = delta->gauge.last;
        break;
    case RP_RATE:
        series->hits += delta->rate.hits;
        break;
    case RP_TREND: /* seconds, where users see milliseconds */
        series->sum += rp_trend_shown(is_time, rp_hist_sum(&delta->hist)) / (is_time ? 1e3 : 1);
        add_buckets(series, &delta->hist);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
}
