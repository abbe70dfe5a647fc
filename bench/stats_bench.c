/* SPDX-License-Identifier: MIT */
/*
 * What recording costs: ns per sample into a histogram and into a series, per look-up of a tag set and its series, and us
 * per drain of 1,000 changed series. Best of several rounds, since the machine may be busy with something else.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "stats/registry.h"

enum { ROUNDS = 9, VALUES = 1 << 14, REPEATS = 64, SERIES = 1000, LOOKUPS = 100000 };

struct bench {
    struct rp_registry *registry;
    const struct rp_metric *metric;
    struct rp_series *series[SERIES];
    struct rp_hist hist;
    double values[VALUES]; /* 50 us to 50 ms */
};

typedef void bench_fn(struct bench *bench);

static void record_hist(struct bench *bench)
{
    for (int i = 0; i < REPEATS; i++)
        for (int j = 0; j < VALUES; j++)
            if (!rp_hist_record_quick(&bench->hist, bench->values[j]) &&
                rp_hist_record(&bench->hist, bench->values[j]) < 0)
                abort();
}

static void record_trend(struct bench *bench)
{
    struct rp_series *series = bench->series[0];

    for (int i = 0; i < REPEATS; i++)
        for (int j = 0; j < VALUES; j++)
            rp_series_trend(series, bench->values[j]);
}

/* Three tags and the series, as a request does that keeps nothing. */
static void look_up(struct bench *bench)
{
    for (int i = 0; i < LOOKUPS; i++) {
        const struct rp_tags *tags = rp_tags_empty(bench->registry);

        tags = rp_tags_with(bench->registry, tags, RP_SLICE("name"),
                            i % 2 ? RP_SLICE("http://127.0.0.1:8080/cart")
                                  : RP_SLICE("http://127.0.0.1:8080/home"));
        tags = tags ? rp_tags_with(bench->registry, tags, RP_SLICE("method"), RP_SLICE("GET"))
                    : NULL;
        tags = tags ? rp_tags_with(bench->registry, tags, RP_SLICE("status"), RP_SLICE("200"))
                    : NULL;
        if (!tags || !rp_registry_series(bench->registry, bench->metric, tags))
            abort();
    }
}

static int see(void *user, const struct rp_series *series)
{
    *(uint64_t *)user += series->delta.samples;
    return 0;
}

/* Ten samples in each series. */
static void touch_all(struct bench *bench)
{
    for (int i = 0; i < SERIES; i++)
        for (int j = 0; j < 10; j++)
            rp_series_trend(bench->series[i], bench->values[(i * 10 + j) % VALUES]);
}

static void drain(struct bench *bench)
{
    uint64_t samples = 0;

    if (rp_registry_drain(bench->registry, see, &samples) < 0 || samples < SERIES)
        abort();
}

static rp_ns best_of(struct bench *bench, bench_fn *prepare, bench_fn *fn)
{
    rp_ns best = RP_NS_NEVER;

    for (int i = 0; i < ROUNDS; i++) {
        rp_ns start, took;

        if (prepare)
            prepare(bench);
        start = rp_clock_ns();
        fn(bench);
        took = rp_clock_ns() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void make_series(struct bench *bench)
{
    struct rp_registry_limits limits = { .values_per_key = SERIES };
    char name[32];

    if (rp_registry_new(limits, &bench->registry) < 0 ||
        rp_registry_metric(bench->registry, "bench", RP_TREND, true, &bench->metric, NULL) < 0)
        abort();
    for (int i = 0; i < SERIES; i++) {
        const struct rp_tags *tags;

        snprintf(name, sizeof(name), "/item/%d", i);
        tags = rp_tags_with(bench->registry, rp_tags_empty(bench->registry), RP_SLICE("url"),
                            rp_slice_str(name));
        bench->series[i] = tags ? rp_registry_series(bench->registry, bench->metric, tags) : NULL;
        if (!bench->series[i])
            abort();
    }
}

int main(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    if (!bench)
        return 1;
    srand(1);
    for (int i = 0; i < VALUES; i++)
        bench->values[i] = floor(5e4 * pow(1000, rand() / (double)RAND_MAX));
    make_series(bench);
    printf("rp_hist_record            %8.2f ns\n",
           (double)best_of(bench, NULL, record_hist) / REPEATS / VALUES);
    printf("rp_series_trend           %8.2f ns\n",
           (double)best_of(bench, NULL, record_trend) / REPEATS / VALUES);
    printf("3 rp_tags_with + series   %8.2f ns\n", (double)best_of(bench, NULL, look_up) / LOOKUPS);
    for (int i = 0; i < 50; i++) /* each series meets most of its pages */
        touch_all(bench);
    printf("drain of %d series      %8.2f us\n", SERIES,
           (double)best_of(bench, touch_all, drain) / 1000);
    rp_registry_free(bench->registry);
    rp_hist_deinit(&bench->hist);
    free(bench);
    return 0;
}
