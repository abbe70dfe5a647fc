/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/alloc.h"
#include "base/compiler.h"
#include "fuzz_plan.h"
#include "plan/plan.h"
#include "testing.h"

static void random_plans_survive_the_way_through_json(void **state)
{
    uint64_t seed = 1;

    for (int i = 0; i < 3000; i++) {
        char *json = random_declaration(&seed);

        if (!try_declaration(json))
            fail_msg("no plan: %s", json);
        free(json);
    }
}

static void rates_keep_their_digits(void **state)
{
    static const double rates[] = { 0.1, 500, 1.0 / 3, 1e-9, 123456789.125 };
    struct rp_scenario scenario = { .name = (char *)"s",
                                    .exec_fn = (char *)"f",
                                    .executor = RP_CONSTANT_ARRIVAL_RATE };
    struct rp_plan plan = { .script = (char *)"x", .scenarios = &scenario, .scenario_count = 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(rates); i++) {
        char *json;
        json_t *root;

        scenario.rate = rates[i];
        json = plan_json(&plan);
        root = json_loads(json, 0, NULL);
        assert_true(json_number_value(json_object_get(
                        json_object_get(json_object_get(root, "scenarios"), "s"), "rate")) ==
                    rates[i]);
        if (i == 0)
            assert_non_null(strstr(json, "\"rate\": 0.1,"));
        if (i == 1)
            assert_non_null(strstr(json, "\"rate\": 500,"));
        json_decref(root);
        rp_free(json);
    }
}

static const char *const pieces[] = {
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "\"\"",
    "[]",
    "{}",
    "\"30s\"",
    "\"zzz\"",
    "[[]]",
    "{\"a\":1}",
    "9223372036854775807",
    "0.5",
    "\"p(95)<1\"",
    "\"\\u0001\"",
    "[1,\"a\"]",
    "99999999999999999999",
    "\"ramping-vus\"",
};

/* Changes a value somewhere in the tree, takes it away, or puts one under a known or unknown name. */
static void mutate(json_t *value, uint64_t *seed, int depth)
{
    static const char *const keys[] = { "vus",     "duration",  "stages",    "executor",
                                        "fields",  "name",      "line",      "zzz",
                                        "options", "scenarios", "thresholds" };
    size_t flags = JSON_DECODE_ANY | (random_below(seed, 2) ? JSON_DECODE_INT_AS_REAL : 0);
    json_t *piece = json_loads(pieces[random_below(seed, RP_ARRAY_LEN(pieces))], flags, NULL);
    size_t size = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    size_t pick = size ? random_below(seed, size) : 0;

    if (!piece)
        piece = json_null();
    if (json_is_object(value) && size) {
        void *iter = json_object_iter(value);

        while (pick--)
            iter = json_object_iter_next(value, iter);
        if (depth && random_below(seed, 4)) {
            mutate(json_object_iter_value(iter), seed, depth - 1);
        } else if (random_below(seed, 3)) {
            json_object_iter_set(value, iter, piece);
        } else if (random_below(seed, 2)) {
            json_object_set(value, keys[random_below(seed, RP_ARRAY_LEN(keys))], piece);
        } else {
            char *key = strdup(json_object_iter_key(iter));

            json_object_del(value, key);
            free(key);
        }
    } else if (json_is_array(value) && size) {
        if (depth && random_below(seed, 4))
            mutate(json_array_get(value, pick), seed, depth - 1);
        else if (random_below(seed, 2))
            json_array_set(value, pick, piece);
        else
            json_array_append(value, piece);
    }
    json_decref(piece);
}

static void mutated_declarations_give_a_plan_or_an_error(void **state)
{
    uint64_t seed = 3;
    int plans = 0, errors = 0;

    for (int i = 0; i < 10000; i++) {
        char *json = random_declaration(&seed), *text;
        json_t *root = json_loads(json, 0, NULL);

        for (uint64_t k = 1 + random_below(&seed, 3); k > 0; k--)
            mutate(root, &seed, 6);
        text = json_dumps(root, JSON_ENCODE_ANY);
        if (try_declaration(text))
            plans++;
        else
            errors++;
        free(text);
        json_decref(root);
        free(json);
    }
    assert_in_range(plans, 500, 9500); /* both ways are taken */
    assert_in_range(errors, 500, 9500);
}

static void broken_bytes_give_a_plan_or_an_error(void **state)
{
    uint64_t seed = 4;

    for (int i = 0; i < 10000; i++) {
        char *json = random_declaration(&seed);
        size_t len = strlen(json);

        for (uint64_t k = 1 + random_below(&seed, 3); k > 0; k--)
            json[random_below(&seed, len)] = (char)(1 + random_below(&seed, 255));
        if (random_below(&seed, 4) == 0)
            json[random_below(&seed, len)] = '\0';
        try_declaration(json);
        free(json);
    }
}

/* Not inside jansson's parser: its lexer loses a byte when its buffer cannot grow, and says nothing. */
static void every_failing_allocation_is_reported(void **state)
{
    uint64_t seed = 5;

    for (int round = 0; round < 20; round++) {
        char *json = random_declaration(&seed);

        for (uint64_t n = 1;; n++) {
            struct rp_plan *plan = NULL, *back = NULL;
            struct rp_buf out;
            int r;

            rp_buf_init(&out, 1 << 24);
            rp_alloc_fail_at(n);
            r = rp_plan_resolve(json, NULL, &plan, NULL);
            if (r == 0)
                r = rp_plan_write_json(plan, &out);
            if (r == 0)
                r = rp_plan_read_json(rp_buf_str(&out), &back, NULL);
            rp_alloc_fail_at(0);
            assert_true(r == 0 || r == -ENOMEM);
            assert_true(r < 0 || plans_are_equal(plan, back));
            rp_buf_deinit(&out);
            rp_plan_free(plan);
            rp_plan_free(back);
            if (r == 0) {
                assert_in_range(n, 10, 100000);
                break;
            }
        }
        free(json);
    }
}

static void writing_reports_failing_allocations_of_jansson_too(void **state)
{
    uint64_t seed = 6;

    for (int round = 0; round < 5; round++) {
        char *json = random_declaration(&seed);
        struct rp_plan *plan = NULL;
        uint64_t n = 1;
        int r = -ENOMEM;

        assert_int_equal(rp_plan_resolve(json, NULL, &plan, NULL), 0);
        json_set_alloc_funcs(rp_alloc, rp_free);
        for (; r < 0; n++) {
            struct rp_buf out;

            rp_buf_init(&out, 1 << 24);
            rp_alloc_fail_at(n);
            r = rp_plan_write_json(plan, &out);
            rp_alloc_fail_at(0);
            assert_true(r == 0 || r == -ENOMEM);
            rp_buf_deinit(&out);
        }
        json_set_alloc_funcs(malloc, free);
        assert_in_range(n, 50, 100000);
        rp_plan_free(plan);
        free(json);
    }
}

static void plans_from_elsewhere_are_checked(void **state)
{
    static const char *const table[][2] = {
        { "[]", "plan: it is not a JSON object" },
        { "{", "the plan is not valid JSON: line 1, column 1: string or '}' expected near end of "
               "file" },
        { "{}", "plan: script is missing" },
        { "{'script':'x'}", "plan: tags is missing" },
        { "{'script':'x','tags':{},'env':{},'setup_timeout':'1s','teardown_timeout':'1s',"
          "'summary_trend_stats':['avg']}",
          "plan: seed is missing" },
        { "{'script':'x','no_spin':1}", "plan: no_spin must be True or False, not 1" },
        { "{'script':'x','extra':1}", "plan: unknown field 'extra'" },
        { "{'script':'x','tags':{},'env':{},'setup_timeout':'1s','teardown_timeout':'1s',"
          "'summary_trend_stats':['avg'],'seed':1}",
          "plan: it has no scenario" },
        { "{'script':'x','tags':{},'env':{},'setup_timeout':'1s','teardown_timeout':'1s',"
          "'summary_trend_stats':['avg'],'seed':1,'scenarios':{'a{b':{}}}",
          "scenario 'a{b': the name must be " RP_NAME_RULE },
        { "{'script':'x','tags':{},'env':{},'setup_timeout':'1s','teardown_timeout':'1s',"
          "'summary_trend_stats':['avg'],'seed':1,'scenarios':{'s':{'duration':'1s'}}}",
          "scenario 's': exec_fn is missing: which function is one iteration?" },
        { "{'script':'x','tags':{},'env':{},'setup_timeout':'1s','teardown_timeout':'1s',"
          "'summary_trend_stats':['avg'],'seed':1,'scenarios':{'s':{'exec_fn':'f','file':'l','line'"
          ":3}}}",
          "scenario 's': executor 'constant-vus' needs 'duration', a duration of more than 0s, up "
          "to 3650d" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        char *json = quoted(table[i][0]);
        struct rp_error err = { 0 };
        struct rp_plan *plan = NULL;

        assert_int_equal(rp_plan_read_json(json, &plan, &err), -RP_EUSER);
        assert_null(plan);
        assert_string_equal(err.message, table[i][1]);
        rp_error_deinit(&err);
        free(json);
    }
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 100000 };
    char *json = malloc(DEPTH + 1);

    memset(json, '[', DEPTH);
    json[DEPTH] = '\0';
    assert_false(try_declaration(json));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_survive_the_way_through_json),
        cmocka_unit_test(rates_keep_their_digits),
        cmocka_unit_test(mutated_declarations_give_a_plan_or_an_error),
        cmocka_unit_test(broken_bytes_give_a_plan_or_an_error),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(writing_reports_failing_allocations_of_jansson_too),
        cmocka_unit_test(plans_from_elsewhere_are_checked),
        cmocka_unit_test(deep_nesting_is_refused),
    };

    return cmocka_run_group_tests_name("plan/robust", tests, NULL, NULL);
}
