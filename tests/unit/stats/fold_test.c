/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/registry.h"
#include "stats/store.h"

enum { SETS = 400, EACH = 25, BUDGET = 100000 };

/* Workers of the same run: a registry each, and the store into which their deltas go. */
struct scene {
    struct rp_registry *registry[2];
    size_t defined[2];
    struct rp_store *store;
    uint32_t worker; /* that is drained */
};

static void scene_init(struct scene *scene, size_t histogram_bytes)
{
    *scene = (struct scene){ 0 };
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            rp_registry_new((struct rp_registry_limits){ .histogram_bytes = histogram_bytes },
                            &scene->registry[i]),
            0);
    assert_int_equal(rp_store_new(&scene->store), 0);
}

static void scene_deinit(struct scene *scene)
{
    for (int i = 0; i < 2; i++)
        rp_registry_free(scene->registry[i]);
    rp_store_free(scene->store);
}

static struct rp_view *filtered(struct scene *scene, const char *key, const char *value,
                                const char *display)
{
    struct rp_filter filter = { 1, calloc(1, sizeof(*filter.pairs)) };
    struct rp_view *view;

    filter.pairs[0].key = (char *)key;
    filter.pairs[0].value = (char *)value;
    assert_int_equal(rp_store_submetric(scene->store, "took", &filter, display, &view), 0);
    free(filter.pairs);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rp_registry_keep(scene->registry[i], "took", key), 0);
    return view;
}

static struct rp_series *series_of(struct rp_registry *registry, int id)
{
    const struct rp_metric *metric;
    const struct rp_tags *tags = rp_tags_empty(registry);
    char text[20];

    assert_int_equal(rp_registry_metric(registry, "took", RP_TREND, true, &metric, NULL), 0);
    snprintf(text, sizeof(text), "%d", id);
    tags = rp_tags_with(registry, tags, RP_SLICE("id"), rp_slice_str(text));
    tags = rp_tags_with(registry, tags, RP_SLICE("name"), RP_SLICE("/a"));
    tags = rp_tags_with(registry, tags, RP_SLICE("kind"), id % 4 ? RP_SLICE("x") : RP_SLICE("y"));
    return rp_registry_series(registry, metric, tags);
}

static int apply(void *user, const struct rp_series *series)
{
    struct scene *scene = user;

    return rp_store_apply(scene->store, scene->worker, series->id, &series->delta);
}

static void drain(struct scene *scene)
{
    for (uint32_t worker = 0; worker < 2; worker++) {
        struct rp_registry *registry = scene->registry[worker];

        for (size_t *i = &scene->defined[worker]; *i < rp_registry_series_count(registry); ++*i) {
            const struct rp_series *series = rp_registry_series_at(registry, *i);
            struct rp_slice tags[8][2];

            for (uint32_t j = 0; j < series->tags->count; j++) {
                tags[j][0] = rp_slice_str(series->tags->tag[j].key);
                tags[j][1] = rp_slice_str(series->tags->tag[j].value);
            }
            assert_int_equal(rp_store_define(scene->store, worker, (uint32_t)*i, "took", RP_TREND,
                                             true, (const struct rp_slice(*)[2])tags,
                                             series->tags->count, NULL),
                             0);
        }
        scene->worker = worker;
        assert_int_equal(rp_registry_drain(registry, apply, scene), 0);
    }
}

/* Times of 1 ms to 100 ms, at the same place of the same series in every scene. */
static void record_plus(struct scene *scene, double fraction)
{
    struct test_random random = { 43 };

    for (int round = 0; round < EACH; round++) {
        for (int id = 0; id < SETS; id++)
            rp_series_number(series_of(scene->registry[id % 2], id),
                             floor(1e6 * exp(4.6 * random_unit(&random))) + fraction);
        if (round % 5 == 4)
            drain(scene);
    }
    drain(scene);
}

static void record(struct scene *scene)
{
    record_plus(scene, 0);
}

static void count_series(void *user, const struct rp_store_series *series,
                         const struct rp_value *total)
{
    uint64_t *samples = user;

    *samples += total->samples;
    if (total->samples) {
        assert_int_equal(total->samples, EACH);
        assert_true(total->hist.min >= 1e6 && total->hist.max <= 1e8);
        assert_true(rp_hist_mean(&total->hist) >= total->hist.min);
    }
}

/* A budget for a fraction of the series: what is asked for has the same bits as without a limit. */
static void what_is_asked_for_is_the_same_with_little_memory(void **state)
{
    static const double percents[] = { 0, 1, 25, 50, 90, 95, 99, 99.9, 100 };
    struct scene scarce, plenty;
    struct rp_view *kinds[2];
    uint64_t samples = 0;
    const char *key;

    scene_init(&scarce, BUDGET);
    scene_init(&plenty, (size_t)1 << 30);
    kinds[0] = filtered(&scarce, "kind", "y", "took{kind:y}");
    kinds[1] = filtered(&plenty, "kind", "y", "took{kind:y}");
    record(&scarce);
    record(&plenty);
    assert_int_equal(rp_registry_folded(plenty.registry[0], &key), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(rp_registry_folded(scarce.registry[i], &key) > SETS / 4);
        assert_string_equal(key, "id");
        /* Those that hold the folded samples may go beyond it: a whole histogram each. */
        assert_true(rp_registry_histogram_bytes(scarce.registry[i]) < BUDGET + 4 * 2 * 90000);
    }
    assert_true(rp_registry_histogram_bytes(plenty.registry[0]) > 5 * BUDGET);
    assert_true(rp_value_equal(&rp_store_view(scarce.store, "took")->total,
                               &rp_store_view(plenty.store, "took")->total));
    assert_true(rp_value_equal(&kinds[0]->total, &kinds[1]->total));
    assert_int_equal(kinds[0]->total.samples, EACH * SETS / 4);
    for (size_t i = 0; i < RP_ARRAY_LEN(percents); i++)
        assert_true(rp_hist_percentile(&kinds[0]->total.hist, percents[i], 1) ==
                    rp_hist_percentile(&kinds[1]->total.hist, percents[i], 1));
    /* Each series has counted its own samples. */
    assert_int_equal(rp_store_each_series(scarce.store, "took", count_series, &samples), 0);
    assert_int_equal(samples, EACH * SETS);
    for (uint32_t worker = 0; worker < 2; worker++)
        for (size_t i = 0; i < scarce.defined[worker]; i++)
            assert_true(rp_store_verify(scarce.store, worker, (uint32_t)i,
                                        &rp_registry_series_at(scarce.registry[worker], i)->total));
    scene_deinit(&scarce);
    scene_deinit(&plenty);
}

static size_t allocated(struct rp_registry *registry)
{
    size_t bytes = 0;

    for (size_t i = 0; i < rp_registry_series_count(registry); i++) {
        const struct rp_series *series = rp_registry_series_at(registry, i);

        bytes += hist_memory(&series->delta.hist) + hist_memory(&series->total.hist);
    }
    return bytes;
}

/* The limit counts what is allocated, and what idle series give back; also the sums of fractions,
 * which have no place in an integer. */
static void the_bytes_are_those_of_the_histograms(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        size_t bytes;

        scene_init(&scene, BUDGET);
        record_plus(&scene, i ? 0.5 : 0);
        bytes = allocated(scene.registry[0]);
        assert_int_equal(rp_registry_histogram_bytes(scene.registry[0]), bytes);
        for (int n = 0; n < 3 * RP_IDLE_DRAINS; n++)
            drain(&scene);
        assert_true(rp_registry_histogram_bytes(scene.registry[0]) < bytes);
        assert_int_equal(rp_registry_histogram_bytes(scene.registry[0]),
                         allocated(scene.registry[0]));
        scene_deinit(&scene);
    }
}

/* A sample that is lost for want of memory leaves nothing in the count of bytes. */
static void what_is_not_allocated_is_not_counted(void **state)
{
    for (size_t budget = 1; budget <= BUDGET; budget += BUDGET - 1) {
        bool is_lost = true;

        for (uint64_t n = 1; is_lost; n++) {
            struct scene scene;
            struct rp_series *series;

            scene_init(&scene, budget);
            series = series_of(scene.registry[0], 1);
            rp_alloc_fail_at(n);
            rp_series_number(series, 2.5e6);
            rp_alloc_fail_at(0);
            assert_int_equal(rp_registry_histogram_bytes(scene.registry[0]),
                             allocated(scene.registry[0]));
            is_lost = !series->delta.samples;
            scene_deinit(&scene);
        }
    }
}

static void a_percentile_of_what_is_not_there_is_none(void **state)
{
    struct rp_hist hist = { 0 }, host = { 0 };

    assert_int_equal(rp_hist_note(&hist, 5), 0);
    assert_int_equal(rp_hist_host(&host, 5), 0);
    assert_int_equal(rp_hist_note(&hist, NAN), -EINVAL);
    assert_int_equal(rp_hist_host(&host, INFINITY), -EINVAL);
    assert_true(isnan(rp_hist_percentile(&hist, 50, 1)) && rp_hist_mean(&hist) == 5);
    assert_true(rp_hist_percentile(&host, 50, 1) == 5 && isnan(rp_hist_mean(&host)));
    assert_int_equal(rp_hist_add(&host, &hist), 0);
    assert_true(host.guests == 0 && host.count == 1);
    assert_true(rp_hist_percentile(&host, 50, 1) == 5 && rp_hist_mean(&host) == 5);
    rp_hist_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_the_same_with_little_memory),
        cmocka_unit_test(the_bytes_are_those_of_the_histograms),
        cmocka_unit_test(what_is_not_allocated_is_not_counted),
        cmocka_unit_test(a_percentile_of_what_is_not_there_is_none),
    };

    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
