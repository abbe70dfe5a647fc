/* SPDX-License-Identifier: MIT */
/* A store with very many metrics. */
#include "stats_test.h"

#include <stdio.h>
#include <time.h>

#include "stats/store.h"

enum {
    FEW_NAMES = 250,
    MANY_NAMES = 32 * FEW_NAMES,
    /* A larger store leaves the caches of the processor, so that a name costs more time in it. A
     * store that looked at all its views for each name would need more than 30 times as much. */
    MOST_GROWTH = 8,
    ATTEMPTS = 3,
};

static void define(struct rp_store *store, uint32_t series)
{
    char name[32];

    snprintf(name, sizeof(name), "metric_%u", (unsigned)series);
    assert_int_equal(rp_store_define(store, 0, series, name, RP_COUNTER, false, NULL, 0, NULL), 0);
}

static double cpu_now(void)
{
    struct timespec ts;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Seconds of processor time for each name of a store with that many. */
static double cost_of_name(uint32_t count)
{
    struct rp_store *store;
    double start;

    assert_int_equal(rp_store_new(&store), 0);
    start = cpu_now();
    for (uint32_t i = 0; i < count; i++)
        define(store, i);
    start = cpu_now() - start;
    assert_int_equal(rp_store_view_count(store), count);
    rp_store_free(store);
    return start / count;
}

/* The time is the thread's own, so that a busy machine does not count, and one good attempt is
 * enough. */
static void a_name_costs_the_same_among_many(void **state)
{
    double growth = 0;

    (void)state;
    for (int i = 0; i < ATTEMPTS; i++) {
        growth = cost_of_name(MANY_NAMES) / cost_of_name(FEW_NAMES);
        if (growth < MOST_GROWTH)
            return;
    }
    fail_msg("a name costs %.1f times as much among %d as among %d", growth, MANY_NAMES, FEW_NAMES);
}

static struct rp_view *submetric(struct rp_store *store, const char *name, const char *value,
                                 const char *display)
{
    struct rp_filter filter = { 1, calloc(1, sizeof(*filter.pairs)) };
    struct rp_view *view;

    filter.pairs[0].key = (char *)"k";
    filter.pairs[0].value = (char *)value;
    assert_int_equal(rp_store_submetric(store, name, &filter, display, &view), 0);
    free(filter.pairs);
    return view;
}

static void count_one(struct rp_store *store, uint32_t series, const char *metric,
                      const char *value)
{
    struct rp_value one = { .type = RP_COUNTER, .samples = 1 };
    const struct rp_slice tags[1][2] = { { rp_slice("k", 1), rp_slice(value, strlen(value)) } };

    assert_int_equal(rp_store_define(store, 0, series, metric, RP_COUNTER, false, tags, 1, NULL),
                     0);
    assert_int_equal(rp_sum_add(&one.counter, 1), 0);
    assert_int_equal(rp_store_apply(store, 0, series, &one), 0);
    rp_value_deinit(&one);
}

/* Sub-metrics are made before and after their metric, and among those of other metrics. */
static void sub_metrics_see_only_their_own_metric(void **state)
{
    struct rp_store *store;
    struct rp_view *early[2], *late, *other, *metric;

    (void)state;
    assert_int_equal(rp_store_new(&store), 0);
    early[0] = submetric(store, "a", "x", "a{k:x}");
    other = submetric(store, "b", "x", "b{k:x}");
    early[1] = submetric(store, "a", "y", "a{k:y}");
    assert_int_equal(rp_store_metric(store, "a", RP_COUNTER, false, &metric, NULL), 0);
    late = submetric(store, "a", "z", "a{k:z}");
    count_one(store, 0, "a", "x");
    count_one(store, 1, "a", "y");
    count_one(store, 2, "a", "none");
    count_one(store, 3, "b", "x");
    count_one(store, 4, "b", "z");
    assert_int_equal(metric->total.samples, 3);
    assert_int_equal(early[0]->total.samples, 1);
    assert_int_equal(early[1]->total.samples, 1);
    assert_int_equal(late->total.samples, 0);
    assert_int_equal(other->total.samples, 1);
    assert_int_equal(rp_store_view(store, "b")->total.samples, 2);
    for (size_t i = 0; i < rp_store_view_count(store); i++)
        assert_int_equal(rp_store_view_at(store, i)->type, RP_COUNTER);
    rp_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_costs_the_same_among_many),
        cmocka_unit_test(sub_metrics_see_only_their_own_metric),
    };

    return cmocka_run_group_tests_name("store_names", tests, NULL, NULL);
}
