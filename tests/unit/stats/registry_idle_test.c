/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/registry.h"

static int nothing(void *user, const struct rp_series *series)
{
    return 0;
}

/* Every third series goes on, the others fall silent. */
static void what_is_idle_gives_its_memory_back(void **state)
{
    enum { SERIES = 200 };
    struct rp_series *series[SERIES];
    struct rp_registry *registry;
    const struct rp_metric *metric;
    char text[16];

    assert_int_equal(rp_registry_new((struct rp_registry_limits){ 0 }, &registry), 0);
    assert_int_equal(rp_registry_metric(registry, "tt", RP_TREND, true, &metric, NULL), 0);
    for (int i = 0; i < SERIES; i++) {
        snprintf(text, sizeof(text), "%d", i);
        series[i] = rp_registry_series(
            registry, metric,
            rp_tags_with(registry, rp_tags_empty(registry), RP_SLICE("name"), rp_slice_str(text)));
        rp_series_trend(series[i], 7);
        rp_series_trend(series[i], -7);
    }
    for (int drain = 0; drain <= 2 * RP_IDLE_DRAINS; drain++) {
        assert_int_equal(rp_registry_drain(registry, nothing, NULL), 0);
        for (int i = 0; i < SERIES; i += 3)
            rp_series_trend(series[i], 7);
        for (int i = 0; i < SERIES && drain < RP_IDLE_DRAINS - 1; i++)
            assert_true(hist_memory(&series[i]->delta.hist) > 0);
    }
    for (int i = 0; i < SERIES; i++) {
        assert_int_equal(hist_memory(&series[i]->delta.hist) > 0, i % 3 == 0);
        rp_series_trend(series[i], 9); /* and wakes up */
    }
    assert_int_equal(rp_registry_drain(registry, nothing, NULL), 0);
    for (int i = 0; i < SERIES; i++) {
        uint64_t samples = i % 3 ? 3 : 3 + 2 * RP_IDLE_DRAINS + 1;

        assert_int_equal(series[i]->total.samples, samples);
        assert_int_equal(series[i]->total.hist.count, samples);
        assert_true(series[i]->total.hist.min == -7 && series[i]->total.hist.max == 9);
    }
    rp_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_idle_gives_its_memory_back),
    };

    return cmocka_run_group_tests_name("registry_idle", tests, NULL, NULL);
}
