/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/store.h"

enum { TAG_MOST = 4 };

/* "k:v k2:v2" as pairs. */
struct tags {
    struct rp_slice pairs[TAG_MOST][2];
    size_t count;
};

static struct tags tags_of(const char *text)
{
    struct tags tags = { 0 };

    while (*text) {
        size_t key = strcspn(text, ":"), value = strcspn(text + key + 1, " ");

        assert_true(tags.count < TAG_MOST);
        tags.pairs[tags.count][0] = rp_slice(text, key);
        tags.pairs[tags.count++][1] = rp_slice(text + key + 1, value);
        text += key + 1 + value;
        text += *text == ' ';
    }
    return tags;
}

static int define(struct rp_store *store, uint32_t worker, uint32_t series, const char *metric,
                  enum rp_metric_type type, const char *tags)
{
    struct tags parsed = tags_of(tags);

    return rp_store_define(store, worker, series, metric, type, false,
                           (const struct rp_slice(*)[2])parsed.pairs, parsed.count, NULL);
}

static struct rp_view *submetric(struct rp_store *store, const char *name, const char *key,
                                 const char *value, const char *display)
{
    struct rp_filter filter = { 1, calloc(1, sizeof(*filter.pairs)) };
    struct rp_view *view = NULL;
    int r;

    filter.pairs[0].key = (char *)key;
    filter.pairs[0].value = (char *)value;
    r = rp_store_submetric(store, name, &filter, display, &view);
    free(filter.pairs);
    return r < 0 ? NULL : view;
}

static struct rp_store *make_store(void)
{
    struct rp_store *store;

    assert_int_equal(rp_store_new(&store), 0);
    return store;
}

static void count(struct rp_store *store, uint32_t worker, uint32_t series, double amount)
{
    struct rp_value delta = { .type = RP_COUNTER, .samples = 1 };

    assert_int_equal(rp_sum_add(&delta.counter, amount), 0);
    assert_int_equal(rp_store_apply(store, worker, series, &delta), 0);
    rp_value_deinit(&delta);
}

/* ---- views ---- */

static void a_view_sees_exactly_the_series_that_match(void **state)
{
    struct rp_store *store = make_store();
    struct rp_filter two = { 2, NULL };
    struct rp_view *all, *ok, *home, *both;

    two.pairs = calloc(2, sizeof(*two.pairs));
    two.pairs[0].key = (char *)"name";
    two.pairs[0].value = (char *)"home";
    two.pairs[1].key = (char *)"status";
    two.pairs[1].value = (char *)"200";
    ok = submetric(store, "reqs", "status", "200", "reqs{status:200}");
    assert_int_equal(ok->total.samples, 0);
    assert_int_equal(rp_store_metric(store, "reqs", RP_COUNTER, false, &all, NULL), 0);
    home = submetric(store, "reqs", "name", "home", "reqs{name:home}");
    assert_int_equal(rp_store_submetric(store, "reqs", &two, "reqs{name:home,status:200}", &both),
                     0);
    free(two.pairs);
    assert_int_equal(define(store, 0, 0, "reqs", RP_COUNTER, ""), 0);
    assert_int_equal(define(store, 0, 1, "reqs", RP_COUNTER, "status:200"), 0);
    assert_int_equal(define(store, 0, 2, "reqs", RP_COUNTER, "status:200 name:home"), 0);
    assert_int_equal(define(store, 0, 3, "reqs", RP_COUNTER, "name:home status:2000"), 0);
    assert_int_equal(define(store, 0, 4, "other", RP_COUNTER, "name:home status:200"), 0);
    assert_int_equal(define(store, 7, 0, "reqs", RP_COUNTER, "name:home status:200"), 0);
    for (uint32_t i = 0; i < 5; i++)
        count(store, 0, i, (double)(1 << i));
    count(store, 7, 0, 32);
    assert_true(all->total.counter.whole == 1 + 2 + 4 + 8 + 32);
    assert_true(ok->total.counter.whole == 2 + 4 + 32);
    assert_true(home->total.counter.whole == 4 + 8 + 32);
    assert_true(both->total.counter.whole == 4 + 32);
    assert_true(all->second.counter.whole == all->total.counter.whole && all->total.samples == 5);
    assert_true(rp_store_view(store, "other")->total.counter.whole == 16);
    assert_ptr_equal(rp_store_view(store, "reqs{status:200}"), ok);
    assert_null(rp_store_view(store, "reqs{status:404}"));
    assert_int_equal(rp_store_view_count(store), 5);
    assert_ptr_equal(rp_store_view_at(store, 0), ok);
    assert_ptr_equal(rp_store_view_at(store, 1), all);
    assert_null(rp_store_view_at(store, 5));
    assert_null(all->filter);
    assert_string_equal(both->filter->pairs[1].value, "200");
    assert_string_equal(both->name, "reqs");
    assert_string_equal(all->display, "reqs");
    rp_store_free(store);
    rp_store_free(NULL);
}

static void what_cannot_be_is_refused(void **state)
{
    struct rp_store *store = make_store();
    struct rp_value delta = { .type = RP_RATE, .samples = 1 };
    struct rp_error err = { 0 };
    struct rp_view *view, *early;

    early = submetric(store, "late", "a", "b", "late{a:b}");
    assert_non_null(early);
    assert_ptr_equal(submetric(store, "late", "a", "b", "late{a:b}"), early);
    assert_int_equal(define(store, 0, 0, "late", RP_TREND, "a:b"), 0);
    assert_int_equal(early->type, RP_TREND); /* known now */
    assert_ptr_equal(submetric(store, "late", "a", "b", "late{a:b}"), early);
    assert_null(submetric(store, "late", "c", "d", "late{c:d}")); /* would miss samples */
    assert_int_equal(rp_store_metric(store, "late", RP_RATE, false, &view, &err), -RP_EUSER);
    assert_string_equal(err.message, "metric 'late' is a trend and a rate at once");
    assert_int_equal(rp_store_metric(store, "late", RP_TREND, true, &view, &err), -RP_EUSER);
    assert_int_equal(define(store, 0, 1, "late", RP_RATE, ""), -RP_EUSER);
    assert_int_equal(define(store, 0, 0, "late", RP_TREND, "a:b"), -EINVAL);
    assert_int_equal(define(store, 0, 1, "late", RP_TREND, "a:b x:y a:c"), -EINVAL);
    assert_int_equal(define(store, UINT32_MAX, 0, "late", RP_TREND, ""), -EINVAL);
    assert_int_equal(define(store, 0, UINT32_MAX, "late", RP_TREND, ""), -EINVAL);
    assert_int_equal(rp_store_apply(store, 0, 0, &delta), -EINVAL);
    assert_int_equal(rp_store_apply(store, 0, 1, &delta), -EINVAL);
    assert_int_equal(rp_store_apply(store, 1, 0, &delta), -EINVAL);
    assert_int_equal(define(store, 3, 9, "late", RP_TREND, "a:b"), 0); /* any order */
    assert_int_equal(define(store, 3, 2, "late", RP_TREND, "a:b"), 0);
    rp_error_deinit(&err);
    rp_store_free(store);
}

/* ---- merging ---- */

struct visit {
    const char *metric, *tags; /* "k:v k2:v2" sorted */
    double sum;
};

struct visits {
    const struct visit *expected;
    size_t count, next;
};

static void visit(void *user, const struct rp_store_series *series, const struct rp_value *total)
{
    struct visits *visits = user;
    const struct visit *expected = &visits->expected[visits->next++];
    char text[100] = "";

    assert_true(visits->next <= visits->count);
    for (size_t i = 0; i < series->tag_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "",
                 series->tags[i][0], series->tags[i][1]);
    assert_string_equal(text, expected->tags);
    assert_string_equal(series->metric, expected->metric);
    assert_true(rp_sum_read(&total->counter) == expected->sum);
}

static void equal_series_of_workers_are_one(void **state)
{
    static const struct visit expected[] = { { "c", "", 100 },
                                             { "c", "a:1 b:2", 1 + 10 + 1000 },
                                             { "c", "a:12 b:", 5 },
                                             { "d", "a:1 b:2", 0 } };
    struct visits visits = { expected, 3, 0 }, all = { expected, 4, 0 };
    struct rp_store *store = make_store();

    assert_int_equal(define(store, 1, 0, "c", RP_COUNTER, ""), 0);
    assert_int_equal(define(store, 0, 0, "c", RP_COUNTER, "a:1 b:2"), 0);
    assert_int_equal(define(store, 1, 1, "c", RP_COUNTER, "b:2 a:1"), 0);
    assert_int_equal(define(store, 1, 2, "c", RP_COUNTER, "b: a:12"), 0);
    assert_int_equal(define(store, 2, 5, "c", RP_COUNTER, "a:1 b:2"), 0);
    assert_int_equal(define(store, 2, 0, "d", RP_COUNTER, "a:1 b:2"), 0);
    count(store, 0, 0, 1);
    count(store, 1, 1, 10);
    count(store, 1, 0, 100);
    count(store, 2, 5, 1000);
    count(store, 1, 2, 5);
    assert_int_equal(rp_store_each_series(store, "c", visit, &visits), 0);
    assert_int_equal(visits.next, 3);
    assert_int_equal(rp_store_each_series(store, NULL, visit, &all), 0);
    assert_int_equal(all.next, 4);
    assert_int_equal(rp_store_each_series(store, "none", visit, &visits), 0);
    rp_store_free(store);
}

/* What one process would have recorded, against what the store made of the workers' deltas. */
enum { WORKERS = 4, NAMES = 3, STATUSES = 3, SERIES = NAMES * STATUSES };

struct scene {
    struct rp_store *store;
    struct rp_value alone[SERIES], ok_alone, second_alone;            /* one process */
    struct rp_value deltas[WORKERS][SERIES], totals[WORKERS][SERIES]; /* the workers */
};

static void scene_init(struct scene *scene)
{
    char tags[32];

    scene->store = make_store();
    submetric(scene->store, "t", "status", "200", "t{status:200}");
    rp_value_init(&scene->ok_alone, RP_TREND);
    rp_value_init(&scene->second_alone, RP_TREND);
    for (uint32_t i = 0; i < SERIES; i++) {
        rp_value_init(&scene->alone[i], RP_TREND);
        for (uint32_t w = 0; w < WORKERS; w++) {
            snprintf(tags, sizeof(tags), "status:%d name:%d", 200 + (int)i % STATUSES,
                     (int)i / STATUSES);
            assert_int_equal(define(scene->store, w, (i + w) % SERIES, "t", RP_TREND, tags), 0);
            rp_value_init(&scene->deltas[w][i], RP_TREND);
            rp_value_init(&scene->totals[w][i], RP_TREND);
        }
    }
}

static void scene_deinit(struct scene *scene)
{
    rp_store_free(scene->store);
    rp_value_deinit(&scene->ok_alone);
    rp_value_deinit(&scene->second_alone);
    for (uint32_t i = 0; i < SERIES; i++) {
        rp_value_deinit(&scene->alone[i]);
        for (uint32_t w = 0; w < WORKERS; w++) {
            rp_value_deinit(&scene->deltas[w][i]);
            rp_value_deinit(&scene->totals[w][i]);
        }
    }
}

static void note(struct rp_value *value, double sample)
{
    assert_int_equal(rp_hist_record(&value->hist, sample), 0);
    value->samples++;
}

static void send_delta(struct scene *scene, uint32_t worker, uint32_t series)
{
    struct rp_value *delta = &scene->deltas[worker][series];

    assert_int_equal(rp_store_apply(scene->store, worker, (series + worker) % SERIES, delta), 0);
    assert_int_equal(rp_value_add(&scene->totals[worker][series], delta), 0);
    rp_value_reset(delta);
}

static void scene_step(struct scene *scene, struct test_random *random)
{
    double sample = random_below(random, 50) ? exp(12 + random_normal(random)) : 0;
    uint32_t worker = (uint32_t)random_below(random, WORKERS);
    uint32_t series = (uint32_t)random_below(random, SERIES);

    note(&scene->alone[series], sample);
    note(&scene->second_alone, sample);
    if (series % STATUSES == 0)
        note(&scene->ok_alone, sample);
    note(&scene->deltas[worker][series], sample);
    if (random_below(random, 20) == 0)
        send_delta(scene, (uint32_t)random_below(random, WORKERS),
                   (uint32_t)random_below(random, SERIES));
}

static void compare_series(void *user, const struct rp_store_series *series,
                           const struct rp_value *total)
{
    struct scene *scene = user;
    int number = atoi(series->tags[0][1]) * STATUSES + atoi(series->tags[1][1]) - 200;

    assert_string_equal(series->tags[0][0], "name");
    assert_true(rp_value_equal(total, &scene->alone[number]));
}

static void scene_check(struct scene *scene)
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        for (uint32_t i = 0; i < SERIES; i++) {
            struct rp_value *total = &scene->totals[w][i];
            uint32_t id = (i + w) % SERIES;

            send_delta(scene, w, i);
            assert_true(rp_store_verify(scene->store, w, id, total));
            note(total, 5);
            assert_false(rp_store_verify(scene->store, w, id, total));
        }
    }
    assert_true(
        rp_value_equal(&rp_store_view(scene->store, "t{status:200}")->total, &scene->ok_alone));
    assert_true(rp_value_equal(&rp_store_view(scene->store, "t")->second, &scene->second_alone));
    assert_int_equal(rp_store_each_series(scene->store, "t", compare_series, scene), 0);
}

static void merged_workers_are_bit_identical_to_one_process(void **state)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct test_random random = { seed };
        struct scene scene;

        scene_init(&scene);
        for (int i = 0; i < 3000; i++)
            scene_step(&scene, &random);
        scene_check(&scene);
        scene_deinit(&scene);
    }
}

static void verifying_is_exact(void **state)
{
    struct rp_store *store = make_store();
    struct rp_value value = { .type = RP_COUNTER };

    assert_true(rp_store_verify(store, 0, 0, &value)); /* never defined, never anything */
    value.samples = 1;
    assert_false(rp_store_verify(store, 0, 0, &value));
    assert_int_equal(define(store, 0, 0, "c", RP_COUNTER, ""), 0);
    count(store, 0, 0, 0.1);
    count(store, 0, 0, 0.2);
    value.samples = 2;
    assert_int_equal(rp_sum_add(&value.counter, 0.3), 0);
    assert_false(rp_store_verify(store, 0, 0, &value));
    rp_sum_reset(&value.counter);
    assert_int_equal(rp_sum_add(&value.counter, 0.2), 0);
    assert_int_equal(rp_sum_add(&value.counter, 0.1), 0);
    assert_true(rp_store_verify(store, 0, 0, &value));
    rp_value_deinit(&value);
    value.type = RP_RATE;
    value.samples = 2;
    assert_false(rp_store_verify(store, 0, 0, &value));
    rp_store_free(store);
}

/* ---- memory ---- */

static uint64_t build_with_failure_at(uint64_t n)
{
    struct rp_value delta = { .type = RP_TREND };
    struct rp_store *store = NULL;
    struct rp_view *sub;
    uint64_t before, used;
    char tags[32];

    note(&delta, 1e6);
    before = rp_alloc_count();
    rp_alloc_fail_at(n);
    while (rp_store_new(&store) == -ENOMEM)
        ;
    while (!(sub = submetric(store, "t", "name", "3", "t{name:3}")))
        ;
    for (uint32_t i = 0; i < 20; i++) {
        struct rp_view *t;
        int r;

        snprintf(tags, sizeof(tags), "name:%u", i);
        while (define(store, i % 3, i, "t", RP_TREND, tags) == -ENOMEM)
            ;
        while ((r = rp_store_apply(store, i % 3, i, &delta)) == -ENOMEM) {
            t = rp_store_view(store, "t"); /* nothing was added anywhere */
            assert_true(t->total.samples == i && t->total.hist.count == i);
            assert_true(t->second.samples == 0 && t->second.hist.count == 0);
            assert_true(rp_store_verify(store, i % 3, i, &(struct rp_value){ .type = RP_TREND }));
        }
        assert_int_equal(r, 0);
        while ((r = rp_store_tick(store, (rp_ns)(i + 1) * RP_S)) == -ENOMEM)
            assert_int_equal(rp_store_view(store, "t")->second.samples, 1);
        assert_int_equal(r, 0);
    }
    rp_alloc_fail_at(0);
    used = rp_alloc_count() - before;
    assert_int_equal(rp_store_view(store, "t")->total.samples, 20);
    assert_int_equal(sub->total.samples, 1);
    rp_value_deinit(&delta);
    rp_store_free(store);
    return used;
}

static void every_failed_allocation_can_be_tried_again(void **state)
{
    uint64_t used = build_with_failure_at(0);

    assert_true(used > 100);
    for (uint64_t n = 1; n <= used; n++)
        build_with_failure_at(n);
}

/* ---- gauges that are sums ---- */

static void set(struct rp_store *store, uint32_t worker, uint32_t series, double value)
{
    struct rp_value delta = { .type = RP_GAUGE, .samples = 1 };

    delta.gauge.last = delta.gauge.min = delta.gauge.max = value;
    assert_int_equal(rp_store_apply(store, worker, series, &delta), 0);
}

static void assert_gauge(const struct rp_view *view, uint64_t samples, double last, double min,
                         double max)
{
    assert_int_equal(view->total.samples, samples);
    assert_float_equal(view->total.gauge.last, last, 0);
    assert_float_equal(view->total.gauge.min, min, 0);
    assert_float_equal(view->total.gauge.max, max, 0);
}

static void see_gauge(void *user, const struct rp_store_series *series,
                      const struct rp_value *total)
{
    *(struct rp_value *)user = *total;
}

/* Of one that is no sum, the value that arrived last stays, whoever told it. */
static void a_gauge_has_the_last_value_of_all_workers(void **state)
{
    struct rp_store *store = make_store();
    struct rp_value seen;

    for (uint32_t worker = 0; worker < 3; worker++)
        assert_int_equal(define(store, worker, 0, "load", RP_GAUGE, ""), 0);
    set(store, 2, 0, 5);
    set(store, 1, 0, 3);
    set(store, 0, 0, 4);
    set(store, 1, 0, 1);
    assert_int_equal(rp_store_each_series(store, "load", see_gauge, &seen), 0);
    assert_true(rp_value_equal(&seen, &rp_store_view(store, "load")->total));
    assert_true(seen.samples == 4 && seen.gauge.last == 1 && seen.gauge.max == 5);
    rp_store_free(store);
}

static void gauges_of_workers_add_up(void **state)
{
    struct rp_store *store = make_store();
    struct rp_value told = { .type = RP_GAUGE, .samples = 2, .gauge = { 5, 3, 5 } };
    struct rp_view *vus, *mine;

    mine = submetric(store, "vus", "team", "a", "vus{team:a}");
    assert_int_equal(rp_store_metric(store, "vus", RP_GAUGE, false, &vus, NULL), 0);
    assert_int_equal(rp_store_sum_gauge(store, "vus"), 0);
    assert_int_equal(rp_store_sum_gauge(store, "vus{team:a}"), -EINVAL);
    assert_int_equal(rp_store_sum_gauge(store, "none"), -EINVAL);
    for (uint32_t worker = 0; worker < 3; worker++) {
        assert_int_equal(define(store, worker, 0, "vus", RP_GAUGE, worker ? "team:a" : "team:b"),
                         0);
        set(store, worker, 0, 3 + worker);
    }
    assert_int_equal(rp_store_sum_gauge(store, "vus"), -EINVAL); /* too late */
    assert_int_equal(vus->total.samples, 0);                     /* nobody knows all of it yet */
    assert_int_equal(rp_store_tick(store, 1), 0);
    assert_gauge(vus, 1, 12, 12, 12);
    assert_gauge(mine, 1, 9, 9, 9);
    assert_int_equal(rp_store_tick(store, 2), 0); /* nothing new */
    assert_gauge(vus, 1, 12, 12, 12);
    set(store, 0, 0, 5);
    rp_store_retire(store, 1, "others"); /* of which it has none */
    assert_int_equal(rp_store_tick(store, 3), 0);
    assert_gauge(vus, 2, 14, 12, 14);
    assert_gauge(mine, 1, 9, 9, 9);
    rp_store_retire(store, 1, "vus");
    rp_store_retire(store, 2, NULL);
    rp_store_retire(store, 9, NULL);
    set(store, 0, 0, 1);
    assert_int_equal(rp_store_tick(store, 4), 0);
    assert_gauge(vus, 3, 1, 1, 14);
    /* What each has told is verified as ever. */
    assert_false(rp_store_verify(store, 0, 0, &told));
    told = (struct rp_value){ .type = RP_GAUGE, .samples = 3, .gauge = { 1, 1, 5 } };
    assert_true(rp_store_verify(store, 0, 0, &told));
    rp_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_sees_exactly_the_series_that_match),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(equal_series_of_workers_are_one),
        cmocka_unit_test(merged_workers_are_bit_identical_to_one_process),
        cmocka_unit_test(verifying_is_exact),
        cmocka_unit_test(every_failed_allocation_can_be_tried_again),
        cmocka_unit_test(a_gauge_has_the_last_value_of_all_workers),
        cmocka_unit_test(gauges_of_workers_add_up),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
