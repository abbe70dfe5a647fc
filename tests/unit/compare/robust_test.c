/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/random.h"
#include "fuzz_result.h"

static void read_seed(const char *name, struct rp_buf *ret)
{
    char path[4096];
    FILE *file;
    int c;

    snprintf(path, sizeof(path), "%s/%s", RP_SEEDS, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    rp_buf_init(ret, 1 << 20);
    while ((c = fgetc(file)) != EOF)
        rp_buf_append(ret, &(char){ (char)c }, 1);
    fclose(file);
    assert_int_equal(ret->error, 0);
}

static void test_every_seed_is_a_comparison_or_an_error(void **state)
{
    DIR *dir = opendir(RP_SEEDS);
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        struct rp_buf text;

        if (entry->d_name[0] == '.')
            continue;
        printf("%s\n", entry->d_name); /* said before, for the one that stops the program */
        fflush(stdout);
        read_seed(entry->d_name, &text);
        try_results(rp_buf_slice(&text));
        rp_buf_deinit(&text);
        count++;
    }
    closedir(dir);
    assert_true(count >= 6);
}

static size_t below(uint64_t random[4], size_t limit)
{
    return limit ? (size_t)(rp_random_next(random) % limit) : 0;
}

static json_t *strange_value(uint64_t random[4])
{
    static const char *const values[] = { "null",
                                          "true",
                                          "-1",
                                          "0",
                                          "1e308",
                                          "-1e308",
                                          "5e-324",
                                          "[]",
                                          "{}",
                                          "\"\"",
                                          "[[]]",
                                          "1e-9",
                                          "4611686018427387904" };

    return json_loads(values[below(random, RP_ARRAY_LEN(values))], JSON_DECODE_ANY, NULL);
}

/* Puts a strange value somewhere into @value, or takes something away. */
static void change(json_t *value, uint64_t random[4])
{
    size_t size = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    size_t pick = below(random, size);
    bool is_leaf, is_here = below(random, 6) == 0;
    json_t *inner;
    void *iter;

    if (!size)
        return;
    if (json_is_array(value)) {
        inner = json_array_get(value, pick);
        is_leaf = !json_array_size(inner) && !json_object_size(inner);
        if (!is_leaf && !is_here)
            change(inner, random);
        else if (below(random, 4))
            json_array_set_new(value, pick, strange_value(random));
        else
            json_array_remove(value, pick);
        return;
    }
    iter = json_object_iter(value);
    while (pick--)
        iter = json_object_iter_next(value, iter);
    inner = json_object_iter_value(iter);
    is_leaf = !json_array_size(inner) && !json_object_size(inner);
    if (!is_leaf && !is_here)
        change(inner, random);
    else if (below(random, 4))
        json_object_iter_set_new(value, iter, strange_value(random));
    else
        json_object_del(value, json_object_iter_key(iter));
}

/* Results of which a tool has cut off or changed something: numbers out of any range, other types. */
static void test_changed_results_are_a_comparison_or_an_error(void **state)
{
    static const char *const seeds[] = { "pair", "k6", "reference" };
    unsigned compared = 0, refused = 0;
    uint64_t random[4];

    rp_random_seed(random, 7);
    for (unsigned round = 0; round < 600; round++) {
        struct rp_buf text, changed;
        const char *end;
        json_t *base;
        char *dumped;

        read_seed(seeds[round % RP_ARRAY_LEN(seeds)], &text);
        end = memchr(text.data, '\0', text.len);
        assert_non_null(end);
        base = json_loads(text.data, 0, NULL);
        for (size_t n = 1 + below(random, 4); n; n--)
            change(base, random);
        dumped = json_dumps(base, JSON_COMPACT);
        rp_buf_init(&changed, 1 << 20);
        rp_buf_append_str(&changed, dumped);
        rp_buf_append(&changed, end, text.len - (size_t)(end - text.data));
        if (try_results(rp_buf_slice(&changed)))
            compared++;
        else
            refused++;
        free(dumped);
        json_decref(base);
        rp_buf_deinit(&changed);
        rp_buf_deinit(&text);
    }
    assert_in_range(compared, 100, 599); /* both ways are taken */
    assert_in_range(refused, 1, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_seed_is_a_comparison_or_an_error),
        cmocka_unit_test(test_changed_results_are_a_comparison_or_an_error),
    };

    return cmocka_run_group_tests_name("robust", tests, NULL, NULL);
}
