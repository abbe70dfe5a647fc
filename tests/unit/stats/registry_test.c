/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/registry.h"

static struct rp_registry *make_registry(uint32_t values_per_key, uint32_t tag_sets)
{
    struct rp_registry *registry;

    assert_int_equal(
        rp_registry_new((struct rp_registry_limits){ values_per_key, tag_sets }, &registry), 0);
    return registry;
}

static const struct rp_metric *make_metric(struct rp_registry *registry, const char *name,
                                           enum rp_metric_type type)
{
    const struct rp_metric *metric;

    assert_int_equal(rp_registry_metric(registry, name, type, false, &metric, NULL), 0);
    return metric;
}

static const struct rp_tags *with(struct rp_registry *registry, const struct rp_tags *base,
                                  const char *key, const char *value)
{
    return rp_tags_with(registry, base, rp_slice_str(key), rp_slice_str(value));
}

/* ---- metrics ---- */

static void metrics_are_declared_once(void **state)
{
    static const char *const bad[] = { "", "a{b", "it\'s", "a\nb" };
    struct rp_registry *registry = make_registry(0, 0);
    const struct rp_metric *metric = make_metric(registry, "http_reqs", RP_COUNTER), *again;
    struct rp_error err = { 0 };
    char name[257];

    assert_ptr_equal(make_metric(registry, "http_reqs", RP_COUNTER), metric);
    assert_ptr_equal(rp_registry_find(registry, "http_reqs"), metric);
    assert_null(rp_registry_find(registry, "http_req"));
    assert_int_equal(rp_registry_metric(registry, "http_reqs", RP_TREND, false, &again, &err),
                     -RP_EUSER);
    assert_string_equal(err.message,
                        "metric 'http_reqs' is a counter already and cannot be a trend of numbers");
    assert_int_equal(rp_registry_metric(registry, "http_reqs", RP_COUNTER, true, &again, &err),
                     -RP_EUSER);
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++)
        assert_int_equal(rp_registry_metric(registry, bad[i], RP_RATE, false, &again, &err),
                         -RP_EUSER);
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    assert_int_equal(rp_registry_metric(registry, name, RP_RATE, false, &again, &err), -RP_EUSER);
    name[255] = '\0';
    assert_int_equal(make_metric(registry, name, RP_RATE)->id, 1);
    for (int i = 0; i < 500; i++) { /* the table grows */
        snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(make_metric(registry, name, RP_GAUGE)->id, 2 + i);
    }
    assert_int_equal(rp_registry_find(registry, "m250")->id, 252);
    rp_error_deinit(&err);
    rp_registry_free(registry);
    rp_registry_free(NULL);
}

/* ---- tags ---- */

static void long_texts_are_cut(void **state)
{
    struct rp_registry *registry = make_registry(0, 0);
    char text[RP_TAG_TEXT_MAX + 10];
    const struct rp_tags *tags;

    memset(text, 'x', sizeof(text));
    tags = rp_tags_with(registry, rp_tags_empty(registry), rp_slice(text, sizeof(text)),
                        rp_slice(text, sizeof(text)));
    assert_int_equal(strlen(tags->tag[0].key), RP_TAG_TEXT_MAX);
    assert_int_equal(strlen(tags->tag[0].value), RP_TAG_TEXT_MAX);
    assert_ptr_equal(tags, rp_tags_with(registry, rp_tags_empty(registry),
                                        rp_slice(text, RP_TAG_TEXT_MAX + 1),
                                        rp_slice(text, RP_TAG_TEXT_MAX)));
    rp_registry_free(registry);
}

static void equal_sets_are_the_same_pointer(void **state)
{
    struct rp_registry *registry = make_registry(0, 0);
    const struct rp_tags *empty = rp_tags_empty(registry), *a, *b;

    assert_int_equal(empty->id, 0);
    assert_int_equal(empty->count, 0);
    a = with(registry, with(registry, empty, "status", "200"), "name", "home");
    b = with(registry, with(registry, empty, "name", "home"), "status", "404");
    assert_ptr_not_equal(a, b);
    b = with(registry, b, "status", "200");
    assert_ptr_equal(a, b);
    assert_int_equal(a->count, 2);
    assert_string_equal(a->tag[0].key, "name");
    assert_string_equal(a->tag[1].key, "status");
    assert_string_equal(rp_tags_get(a, "status"), "200");
    assert_null(rp_tags_get(a, "method"));
    assert_ptr_equal(with(registry, a, "status", NULL), with(registry, empty, "name", "home"));
    assert_ptr_equal(with(registry, a, "never", NULL), a);
    assert_ptr_equal(with(registry, a, "method", NULL), a);
    assert_ptr_not_equal(with(registry, a, "method", ""), a);
    assert_ptr_equal(with(registry, with(registry, a, "name", NULL), "status", NULL), empty);
    /* The same text as a value of another key; borrowed text; text with a NUL. */
    assert_ptr_not_equal(with(registry, empty, "name", "x"), with(registry, empty, "status", "x"));
    assert_ptr_equal(rp_tags_with(registry, empty, rp_slice("namex", 4), rp_slice("homepage", 4)),
                     with(registry, empty, "name", "home"));
    assert_ptr_equal(rp_tags_with(registry, empty, RP_SLICE("name"), rp_slice("home\0x", 6)),
                     with(registry, empty, "name", "home"));
    rp_registry_free(registry);
}

enum { KEYS = 6, VALUES = 5, SETS = 46656 /* (VALUES + 1) ^ KEYS */ };

/* Against the plainest model: for each key the number of its value, 0 = none; equal model = equal pointer. */
static void any_way_to_a_set_gives_the_same_pointer(void **state)
{
    struct rp_registry *registry = make_registry(0, SETS + 2);
    const struct rp_tags **seen = calloc(SETS, sizeof(*seen));
    bool *has_id = calloc(SETS + 2, sizeof(*has_id));
    struct test_random random = { 1 };
    const struct rp_tags *tags = rp_tags_empty(registry);
    int model[KEYS] = { 0 };
    size_t distinct = 0;

    for (int step = 0; step < 100000; step++) {
        int key = (int)random_below(&random, KEYS), value = (int)random_below(&random, VALUES + 1);
        char key_text[8], value_text[8];
        size_t index = 0, count = 0;

        snprintf(key_text, sizeof(key_text), "k%d", (key * 5) % KEYS);
        snprintf(value_text, sizeof(value_text), "v%d", value);
        tags = with(registry, tags, key_text, value ? value_text : NULL);
        assert_non_null(tags);
        model[key] = value;
        for (int i = 0; i < KEYS; i++) {
            index = index * (VALUES + 1) + (size_t)model[i];
            count += model[i] != 0;
        }
        assert_int_equal(tags->count, count);
        for (size_t i = 1; i < count; i++)
            assert_true(strcmp(tags->tag[i - 1].key, tags->tag[i].key) < 0);
        if (!seen[index]) { /* a new set is none of the others */
            distinct++;
            seen[index] = tags;
            assert_true(tags->id < SETS + 2 && !has_id[tags->id]);
            has_id[tags->id] = true;
        }
        assert_ptr_equal(seen[index], tags);
    }
    assert_true(distinct > 10000);
    free(seen);
    free(has_id);
    rp_registry_free(registry);
}

static void values_of_a_key_are_bounded(void **state)
{
    struct rp_registry *registry = make_registry(3, 0);
    const struct rp_tags *empty = rp_tags_empty(registry), *over = NULL, *home;
    uint64_t times = 0;
    char text[16];

    home = with(registry, empty, "name", "0");
    assert_null(rp_registry_overflow(registry, 0, &times));
    for (int i = 0; i < 10; i++) {
        const struct rp_tags *tags;

        snprintf(text, sizeof(text), "%d", i);
        tags = with(registry, empty, "name", text);
        assert_string_equal(rp_tags_get(tags, "name"), i < 3 ? text : RP_TAG_OVERFLOW);
        if (i == 3)
            over = tags;
        if (i > 3)
            assert_ptr_equal(tags, over);
    }
    assert_ptr_equal(with(registry, empty, "name", "0"), home);
    assert_ptr_equal(with(registry, empty, "name", RP_TAG_OVERFLOW), over);
    assert_string_equal(rp_tags_get(with(registry, empty, "status", "9"), "status"), "9");
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "%d", i);
        with(registry, home, "url", text);
    }
    assert_string_equal(rp_registry_overflow(registry, 0, &times), "name");
    assert_int_equal(times, 7);
    assert_string_equal(rp_registry_overflow(registry, 1, &times), "url");
    assert_int_equal(times, 1);
    assert_null(rp_registry_overflow(registry, 2, &times));
    rp_registry_free(registry);
}

static void sets_are_bounded_and_so_is_memory(void **state)
{
    struct rp_registry *registry = make_registry(0, 10);
    const struct rp_tags *empty = rp_tags_empty(registry), *folded, *first;
    uint64_t times = 0, allocations;
    char text[32];

    first = with(registry, empty, "k0", "v");
    for (int i = 1; i < 8; i++) { /* ten with the empty and the overflow set */
        snprintf(text, sizeof(text), "k%d", i);
        assert_int_equal(with(registry, empty, text, "v")->count, 1);
        assert_null(rp_tags_get(with(registry, empty, text, "v"), "overflow"));
    }
    folded = with(registry, empty, "k8", "v");
    assert_int_equal(folded->count, 1);
    assert_string_equal(rp_tags_get(folded, "overflow"), "true");
    assert_true(folded->id < 10);
    allocations = rp_alloc_count();
    for (int i = 0; i < 1000;
         i++) { /* new keys, new values, new combinations, from the overflow set too */
        snprintf(text, sizeof(text), "x%d", i);
        assert_ptr_equal(with(registry, empty, text, "v"), folded);
        assert_ptr_equal(with(registry, empty, "k1", text), folded);
        assert_ptr_equal(with(registry, folded, "k1", text), folded);
    }
    assert_int_equal(rp_alloc_count(), allocations);
    assert_ptr_equal(with(registry, first, "k1", "v"), folded);
    assert_ptr_equal(with(registry, empty, "k0", "v"), first);
    assert_ptr_equal(with(registry, empty, "overflow", "true"), folded);
    assert_ptr_equal(with(registry, folded, "overflow", NULL), empty);
    assert_string_equal(rp_registry_overflow(registry, 0, &times), "(tag sets)");
    assert_int_equal(times, 3002);
    assert_null(rp_registry_overflow(registry, 1, &times));
    rp_registry_free(registry);
    registry = make_registry(1, 1); /* the least that there can be */
    assert_ptr_equal(with(registry, rp_tags_empty(registry), "a", "b"),
                     with(registry, rp_tags_empty(registry), "c", "d"));
    rp_registry_free(registry);
}

/* ---- recording and draining ---- */

struct seen {
    uint32_t ids[1024];
    size_t count;
    size_t fail_at; /* 0 = never */
    struct rp_value *sums;
};

static int see(void *user, const struct rp_series *series)
{
    struct seen *seen = user;

    if (seen->fail_at && --seen->fail_at == 0)
        return -EIO;
    assert_true(seen->count < RP_ARRAY_LEN(seen->ids));
    assert_true(!seen->count || seen->ids[seen->count - 1] < series->id);
    assert_true(series->delta.samples > 0);
    if (seen->sums && rp_value_add(&seen->sums[series->id], &series->delta) < 0)
        return -ENOMEM;
    seen->ids[seen->count++] = series->id;
    return 0;
}

static void the_drain_is_in_order_and_goes_on_after_a_failure(void **state)
{
    struct rp_registry *registry = make_registry(0, 0);
    const struct rp_metric *metric = make_metric(registry, "nn", RP_COUNTER);
    static const uint32_t order[] = { 150, 3, 64, 63, 0, 127, 3, 128 };
    static const uint32_t sorted[] = { 0, 3, 63, 64, 127, 128, 150 };
    struct seen seen = { 0 };
    char text[16];

    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(rp_registry_series(registry, metric,
                                            with(registry, rp_tags_empty(registry), "name", text))
                             ->id,
                         i);
    }
    assert_int_equal(rp_registry_drain(registry, see, &seen), 0);
    assert_int_equal(seen.count, 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(order); i++)
        rp_series_count(rp_registry_series_at(registry, order[i]), 1);
    seen.fail_at = 4;
    assert_int_equal(rp_registry_drain(registry, see, &seen), -EIO);
    assert_int_equal(seen.count, 3);
    assert_true(rp_registry_series_at(registry, 64)->delta.counter.whole == 1);
    assert_int_equal(rp_registry_series_at(registry, 3)->delta.samples, 0);
    assert_true(rp_registry_series_at(registry, 3)->total.counter.whole == 2);
    assert_int_equal(rp_registry_drain(registry, see, &seen), 0);
    assert_int_equal(seen.count, RP_ARRAY_LEN(sorted));
    assert_memory_equal(seen.ids, sorted, sizeof(sorted));
    assert_int_equal(rp_registry_drain(registry, see, &seen), 0);
    assert_int_equal(seen.count, RP_ARRAY_LEN(sorted));
    assert_null(rp_registry_series_at(registry, 200));
    assert_int_equal(rp_registry_series_count(registry), 200);
    rp_registry_free(registry);
}

static void what_is_no_number_leaves_a_series_clean(void **state)
{
    struct rp_registry *registry = make_registry(0, 0);
    struct rp_series *series[3];
    struct seen seen = { 0 };

    for (int type = 0; type < 3; type++) {
        static const enum rp_metric_type types[] = { RP_COUNTER, RP_GAUGE, RP_TREND };

        series[type] = rp_registry_series(
            registry, make_metric(registry, rp_metric_type_name(types[type]), types[type]),
            rp_tags_empty(registry));
    }
    for (int i = 0; i < 3; i++) {
        double value = i == 0 ? NAN : i == 1 ? INFINITY : -INFINITY;

        rp_series_number(series[0], value);
        rp_series_gauge(series[1], value);
        rp_series_number(series[2], value);
    }
    assert_int_equal(rp_registry_drain(registry, see, &seen), 0);
    assert_int_equal(seen.count, 0);
    rp_registry_free(registry);
}

static void record_something(struct rp_series *series, struct test_random *random)
{
    switch (series->metric->type) {
    case RP_COUNTER:
        rp_series_number(series, random_unit(random) * 10);
        break;
    case RP_GAUGE:
        rp_series_gauge(series, random_normal(random));
        break;
    case RP_RATE:
        rp_series_rate(series, random_below(random, 3) == 0);
        break;
    default:
        rp_series_number(series, exp(random_normal(random) * 3 + 12));
        break;
    }
}

static void the_deltas_add_up_to_the_totals_exactly(void **state)
{
    enum { SERIES = 80 };
    struct rp_registry *registry = make_registry(0, 0);
    struct test_random random = { 2 };
    struct rp_value sums[SERIES], whole[SERIES];
    struct rp_series *series[SERIES];
    char text[16];

    for (int i = 0; i < SERIES; i++) {
        enum rp_metric_type type = i % RP_METRIC_TYPE_COUNT;

        snprintf(text, sizeof(text), "%d", i / RP_METRIC_TYPE_COUNT);
        series[i] = rp_registry_series(registry,
                                       make_metric(registry, rp_metric_type_name(type), type),
                                       with(registry, rp_tags_empty(registry), "name", text));
        assert_int_equal(series[i]->id, i);
        rp_value_init(&sums[i], type);
        rp_value_init(&whole[i], type);
    }
    for (int round = 0; round < 60; round++) {
        struct seen seen = { .sums = sums,
                             .fail_at = round % 3 ? 0 : 1 + random_below(&random, 20) };
        size_t records = random_below(&random, 200);

        for (size_t i = 0; i < records; i++)
            record_something(series[random_below(&random, SERIES)], &random);
        if (round % 5 == 0)
            rp_alloc_fail_at(1 + random_below(&random, 10));
        while (rp_registry_drain(registry, see, &seen) < 0)
            seen.fail_at = seen.count = 0;
        rp_alloc_fail_at(0);
    }
    for (int i = 0; i < SERIES; i++) {
        assert_int_equal(series[i]->delta.samples, 0);
        assert_true(series[i]->total.samples > 0);
        assert_true(rp_value_equal(&sums[i], &series[i]->total));
        rp_value_deinit(&sums[i]);
    }
    rp_registry_free(registry);
}

static void nothing_is_allocated_once_everything_is_there(void **state)
{
    struct rp_registry *registry = make_registry(0, 0);
    const struct rp_metric *metric = make_metric(registry, "tt", RP_TREND);
    struct seen seen = { 0 };
    uint64_t allocations = 0;

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++) {
            const struct rp_tags *tags = rp_tags_empty(registry);

            tags = with(registry, tags, "name", i % 2 ? "home" : "cart");
            tags = with(registry, tags, "status", i % 3 ? "200" : "500");
            rp_series_trend(rp_registry_series(registry, metric, tags), 1e6 + 1e4 * i);
        }
        seen.count = 0;
        assert_int_equal(rp_registry_drain(registry, see, &seen), 0);
        assert_int_equal(seen.count, 4);
        if (round == 0)
            allocations = rp_alloc_count();
    }
    assert_int_equal(rp_alloc_count(), allocations);
    rp_registry_free(registry);
}

/* ---- memory ---- */

/* Everything that allocates, each call repeated until it works; a failure must leave no trace. */
static uint64_t build_with_failure_at(uint64_t n)
{
    struct rp_registry *registry = NULL;
    const struct rp_metric *metric = NULL;
    struct rp_series *series;
    struct seen seen = { 0 };
    uint64_t before = rp_alloc_count(), used;
    char text[16];

    rp_alloc_fail_at(n);
    while (rp_registry_new((struct rp_registry_limits){ 0 }, &registry) == -ENOMEM)
        ;
    for (int i = 0; i < 40; i++) {
        const struct rp_tags *tags, *more;

        snprintf(text, sizeof(text), "m%d", i);
        while (rp_registry_metric(registry, text, RP_TREND, true, &metric, NULL) == -ENOMEM)
            ;
        assert_int_equal(metric->id, i);
        while (!(tags = with(registry, rp_tags_empty(registry), "name", text)))
            ;
        while (!(more = with(registry, tags, text, "v")))
            ;
        assert_int_equal(more->count, 2);
        while (!(series = rp_registry_series(registry, metric, more)))
            ;
        assert_int_equal(series->id, i);
        while (!series->delta.samples)
            rp_series_trend(series, 5);
    }
    while (rp_registry_drain(registry, see, &seen) == -ENOMEM)
        ;
    rp_alloc_fail_at(0);
    used = rp_alloc_count() - before;
    assert_int_equal(seen.count, 40);
    assert_int_equal(make_metric(registry, "last", RP_RATE)->id, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(rp_registry_series_at(registry, i)->total.samples, 1);
    rp_registry_free(registry);
    return used;
}

static void every_failed_allocation_can_be_tried_again(void **state)
{
    uint64_t used = build_with_failure_at(0);

    for (uint64_t n = 1; n <= used; n++)
        build_with_failure_at(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_declared_once),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(equal_sets_are_the_same_pointer),
        cmocka_unit_test(any_way_to_a_set_gives_the_same_pointer),
        cmocka_unit_test(values_of_a_key_are_bounded),
        cmocka_unit_test(sets_are_bounded_and_so_is_memory),
        cmocka_unit_test(the_drain_is_in_order_and_goes_on_after_a_failure),
        cmocka_unit_test(what_is_no_number_leaves_a_series_clean),
        cmocka_unit_test(the_deltas_add_up_to_the_totals_exactly),
        cmocka_unit_test(nothing_is_allocated_once_everything_is_there),
        cmocka_unit_test(every_failed_allocation_can_be_tried_again),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
