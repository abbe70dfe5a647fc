/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/registry.h"

enum { TYPES = RP_METRIC_TYPE_COUNT, SAMPLES = 1000, DRAINS = 6, HEARD_FROM = 2, HEARD_TO = 5 };

static struct rp_registry *make_registry(void)
{
    struct rp_registry *registry;

    assert_int_equal(rp_registry_new((struct rp_registry_limits){ 0 }, &registry), 0);
    for (int type = 0; type < TYPES; type++) {
        const struct rp_metric *metric;

        assert_int_equal(rp_registry_metric(registry,
                                            rp_metric_type_name((enum rp_metric_type)type),
                                            (enum rp_metric_type)type, false, &metric, NULL),
                         0);
        assert_non_null(rp_registry_series(registry, metric, rp_tags_empty(registry)));
    }
    return registry;
}

static void sums_init(struct rp_value *sums)
{
    for (int type = 0; type < TYPES; type++)
        rp_value_init(&sums[type], (enum rp_metric_type)type);
}

static void sums_deinit(struct rp_value *sums)
{
    for (int type = 0; type < TYPES; type++)
        rp_value_deinit(&sums[type]);
}

/* Adds up what it hears: a series has the id of its type. */
static void hear(void *user, const struct rp_series *series, double value)
{
    struct rp_value *sum = &((struct rp_value *)user)[series->id];

    assert_true(isfinite(value));
    sum->samples++;
    if (sum->type == RP_COUNTER) {
        assert_int_equal(rp_sum_add(&sum->counter, value), 0);
    } else if (sum->type == RP_RATE) {
        assert_true(value == 0 || value == 1);
        sum->rate.hits += value == 1;
        sum->rate.total++;
    } else if (sum->type == RP_TREND) {
        assert_int_equal(rp_hist_record(&sum->hist, value), 0);
    } else {
        sum->gauge.min = sum->samples == 1 ? value : fmin(sum->gauge.min, value);
        sum->gauge.max = sum->samples == 1 ? value : fmax(sum->gauge.max, value);
        sum->gauge.last = value;
    }
}

static int add_delta(void *user, const struct rp_series *series)
{
    return rp_value_add(&((struct rp_value *)user)[series->id], &series->delta);
}

static int pass_by(void *user, const struct rp_series *series)
{
    return 0;
}

/* Eighths: sums of a counter are exact in any order. Some are no numbers. */
static void record_any(struct rp_registry *registry, struct test_random *random)
{
    struct rp_series *series = rp_registry_series_at(registry, random_below(random, TYPES));
    double value = (double)random_below(random, 9000) / 8 - 100;

    if (random_below(random, 50) == 0)
        value = random_below(random, 2) ? NAN : INFINITY;
    switch (series->metric->type) {
    case RP_COUNTER:
        rp_series_number(series, value);
        break;
    case RP_GAUGE:
        rp_series_gauge(series, value);
        break;
    case RP_RATE:
        rp_series_rate(series, value > 0);
        break;
    default:
        rp_series_number(series, value);
        break;
    }
}

/* Twice the same samples; somebody listens to one of the registries for some of the drains. */
static void a_listener_hears_every_sample_once(void **state)
{
    struct rp_registry *plain = make_registry(), *loud = make_registry();
    struct rp_value heard[TYPES], drained[TYPES];

    sums_init(heard);
    sums_init(drained);
    for (int drain = 0; drain < DRAINS; drain++) {
        bool is_heard = drain >= HEARD_FROM && drain < HEARD_TO;
        struct test_random random[2] = { { (uint64_t)drain }, { (uint64_t)drain } };

        rp_registry_listen(loud, is_heard ? hear : NULL, heard);
        for (int i = 0; i < SAMPLES; i++) {
            record_any(plain, &random[0]);
            record_any(loud, &random[1]);
        }
        assert_int_equal(rp_registry_drain(plain, pass_by, NULL), 0);
        assert_int_equal(rp_registry_drain(loud, is_heard ? add_delta : pass_by, drained), 0);
    }
    for (int type = 0; type < TYPES; type++) {
        assert_true(heard[type].samples > SAMPLES / 8);
        assert_true(rp_value_equal(&heard[type], &drained[type]));
        assert_true(rp_value_equal(&rp_registry_series_at(plain, (size_t)type)->total,
                                   &rp_registry_series_at(loud, (size_t)type)->total));
    }
    sums_deinit(heard);
    sums_deinit(drained);
    rp_registry_free(plain);
    rp_registry_free(loud);
}

/* What could not be recorded is no sample, and not heard. */
static void what_is_lost_is_not_heard(void **state)
{
    struct rp_registry *registry = make_registry();
    struct rp_series *series = rp_registry_series_at(registry, RP_TREND);
    struct rp_value heard[TYPES];

    sums_init(heard);
    rp_registry_listen(registry, hear, heard);
    rp_alloc_fail_at(1);
    rp_series_trend(series, 1e6);
    assert_int_equal(heard[RP_TREND].samples, 0);
    assert_int_equal(series->delta.samples, 0);
    rp_series_trend(series, 1e6);
    assert_int_equal(heard[RP_TREND].samples, 1);
    assert_int_equal(series->delta.samples, 1);
    sums_deinit(heard);
    rp_registry_free(registry);
}

/* Who listens is told of every sample, and yet a series that falls silent gives its memory back. */
static void an_idle_series_is_forgotten_with_a_listener_too(void **state)
{
    struct rp_registry *registry = make_registry();
    struct rp_series *series = rp_registry_series_at(registry, RP_TREND);
    struct rp_value heard[TYPES];

    sums_init(heard);
    rp_registry_listen(registry, hear, heard);
    rp_series_trend(series, 1e6);
    for (int drain = 0; drain <= 2 * RP_IDLE_DRAINS; drain++) {
        assert_true(drain > RP_IDLE_DRAINS - 1 || hist_memory(&series->delta.hist) > 0);
        assert_int_equal(rp_registry_drain(registry, pass_by, NULL), 0);
    }
    assert_int_equal(hist_memory(&series->delta.hist), 0);
    rp_series_trend(series, 1e6);
    assert_int_equal(rp_registry_drain(registry, pass_by, NULL), 0);
    assert_int_equal(series->total.samples, 2);
    assert_int_equal(heard[RP_TREND].samples, 2);
    sums_deinit(heard);
    rp_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_hears_every_sample_once),
        cmocka_unit_test(what_is_lost_is_not_heard),
        cmocka_unit_test(an_idle_series_is_forgotten_with_a_listener_too),
    };

    return cmocka_run_group_tests_name("registry_listen", tests, NULL, NULL);
}
