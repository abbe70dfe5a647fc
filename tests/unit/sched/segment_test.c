/* SPDX-License-Identifier: MIT */

/* Segments: their text, the rule of slots against a walk over all segments, and how many numbers each part owns. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "naive.h"
#include "base/random.h"
#include "plan/segment.h"

/* ---- text ------------------------------------------------------------------------------------------------------- */

static void test_parse(void **state)
{
    static const struct {
        const char *segment, *sequence;
        size_t index, count;
        int64_t slots;
        const char *own; /* the own slots */
    } cases[] = {
        { "", "", 0, 1, 1, "0 " },
        { NULL, NULL, 0, 1, 1, "0 " },
        { "0:1", "", 0, 1, 1, "0 " },
        { "1", "0,1", 0, 1, 1, "0 " },
        { "100%", NULL, 0, 1, 1, "0 " },
        { "0:1/2", "", 0, 2, 2, "0 " },
        { "1/2:1", "", 1, 2, 2, "1 " },
        { "1/4", "", 0, 2, 4, "1 " }, /* the rest is longer and comes first */
        { "0:1/4", "", 0, 2, 4, "1 " },
        { "0.25:0.5", "", 1, 3, 4, "3 " },
        { "50%:75%", "", 1, 3, 4, "1 " },
        { "50%:75%", "0,1/4,0.5,75%,1", 2, 4, 4, "2 " },
        { " 2/8 : 2/4 ", " 0 , 1/4, 1/2 ,1 ", 1, 3, 4, "3 " },
        { "1/4:1/2", "0,1/4,1/2,1", 1, 3, 4, "3 " },
        { "1/2:1", "0,1/4,1/2,1", 2, 3, 4, "0 2 " },
        { "1/4:1/2", "1/4,1/2", 1, 3, 4, "3 " }, /* filled up on both sides */
        { "1/3:2/3", "1/3,2/3", 1, 3, 3, "1 " },
        { "0:2/3", "", 0, 2, 3, "0 2 " },
        { "2/3:1", "", 1, 2, 3, "1 " },
        { "33.3%", "", 0, 2, 1000, NULL },
        { ".5:1.", "", 1, 2, 2, "1 " },
        { "1/3:5/6", "0,1/3,5/6,1", 1, 3, 6, "0 2 4 " },
        { "0:1/3", "0,1/3,5/6,1", 0, 3, 6, "1 3 " },
        { "5/6:1", "0,1/3,5/6,1", 2, 3, 6, "5 " },
        { "0:1/1048576", "", 0, 2, 1048576, "1 " },
        { "0:1000000/3000000", "", 0, 2, 3, "1 " },
        { "499999999999999999/999999999999999998", "", 0, 2, 2, "0 " },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_segment_sequence sequence = { 0 };
        struct rp_error err = { 0 };
        const struct rp_segment *own;
        char text[64] = "";
        size_t index = 99;

        if (rp_segment_parse(cases[i].segment, cases[i].sequence, &sequence, &index, &err) < 0)
            fail_msg("'%s' of '%s': %s", cases[i].segment, cases[i].sequence, err.message);
        assert_int_equal(sequence.count, cases[i].count);
        assert_int_equal(index, cases[i].index);
        own = &sequence.segments[index];
        assert_int_equal(own->slots, cases[i].slots);
        for (int64_t k = 0; k < own->owned && strlen(text) < 40; k++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld ",
                     (long long)own->at[k]);
        if (cases[i].own && strcmp(text, cases[i].own) != 0)
            fail_msg("'%s' of '%s' owns %s", cases[i].segment, cases[i].sequence, text);
        rp_segment_sequence_deinit(&sequence);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *segment, *sequence, *message, *hint;
    } cases[] = {
        { "x", "", "execution segment 'x', at character 1 ('x'): this is no number",
          "1/4, 0.25 or 25%" },
        { "1/2:2/x", "", "execution segment '1/2:2/x', at character 5 ('2/x'): this is no number",
          "1/4" },
        { "1:", "", "at character 3 (''): a number is missing", "1/4" },
        { ":", "", "at character 1 (''): a number is missing", "1/4" },
        { "0:1:1", "", "at character 3 ('1:1'): this is no number", "1/4" },
        { "1/0", "", "('1/0'): this is no number", "1/4" },
        { "/2", "", "this is no number", "1/4" },
        { "1/", "", "this is no number", "1/4" },
        { "%", "", "this is no number", "1/4" },
        { ".", "", "this is no number", "1/4" },
        { "0.5/2", "", "this is no number", "1/4" },
        { "1/2%", "", "this is no number", "1/4" },
        { "1 2", "", "this is no number", "1/4" },
        { "-1/2", "", "this is no number", "1/4" },
        { "0.5.5", "", "this is no number", "1/4" },
        { "1e-1", "", "this is no number", "1/4" },
        { "1000000000000000000/2000000000000000000", "", "has too many digits", "1/4" },
        { "0.0000000000000000001", "", "has too many digits", "1/4" },
        { "0.00000000000000001%", "", "has too many digits", "1/4" },
        { "3/2", "", "('3/2'): this is more than 1", "from 0 to 1" },
        { "101%", "", "this is more than 1", "from 0 to 1" },
        { "1/2:1/4", "", "it must end after it begins", "1/4:1/2" },
        { "1/4:25%", "", "it must end after it begins", "1/4:1/2" },
        { "0", "", "it must end after it begins", "1/4:1/2" },
        { "1/2", "1/2,1/3",
          "execution segment sequence '1/2,1/3', at character 5 ('1/3'): this is not more",
          "ascending" },
        { "1/2", "0,0,1/2", "at character 3 ('0'): this is not more", "ascending" },
        { "1/2", "0,1/2,50%,1", "at character 7 ('50%'): this is not more", "ascending" },
        { "1/2", "0,1/2,", "at character 7 (''): a number is missing", "1/4" },
        { "1/2", ",", "at character 1 (''): a number is missing", "1/4" },
        { "1/2", "0,1/2,2", "('2'): this is more than 1", "from 0 to 1" },
        { "", "0,1/2,1", "execution segment '' is none of the sequence '0,1/2,1'",
          "has 2 segments" },
        { "1/4:3/4", "0,1/4,1/2,3/4,1", "is none of the sequence", "has 4 segments" },
        { "1/3", "0,1/2,1", "is none of the sequence", "neighbouring cuts" },
        { "0.333333333", "", "common denominator of its lengths is too large", "1/3" },
        { "1/1048577", "", "common denominator of its lengths is too large", "1048576" },
        { "1/1021", "0,1/1021,1000/1031,1", "common denominator", "1048576" },
        { "1/999999999999999999", "0,1/999999999999999999,1/999999999999999989", "common", "1/3" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_segment_sequence sequence;
        struct rp_error err = { 0 };
        size_t index;

        memset(&sequence, 0x5a, sizeof(sequence));
        if (rp_segment_parse(cases[i].segment, cases[i].sequence, &sequence, &index, &err) !=
            -RP_EUSER)
            fail_msg("'%s' of '%s' is taken", cases[i].segment, cases[i].sequence);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("'%s' of '%s': %s (%s)", cases[i].segment, cases[i].sequence, err.message,
                     err.hint);
        assert_int_equal(*(unsigned char *)&sequence, 0x5a); /* untouched */
        rp_error_deinit(&err);
        /* Whoever wants no text gets none. */
        assert_int_equal(
            rp_segment_parse(cases[i].segment, cases[i].sequence, &sequence, &index, NULL),
            -RP_EUSER);
    }
}

/* Nothing crashes it, and what it takes is whole. */
static void test_noise(void **state)
{
    static const char letters[] = "0123456789012/:,.%/,: 1x-\xff";
    uint64_t random[4];
    int taken = 0;

    rp_random_seed(random, 11);
    for (int i = 0; i < 200000; i++) {
        struct rp_segment_sequence sequence;
        struct rp_error err = { 0 };
        char text[2][24] = { "", "" };
        size_t index;
        int r;

        for (int k = 0; k < 1 + i % 2; k++)
            for (int64_t len = naive_pick(random, 0, 23), c = 0; c < len; c++)
                text[k][c] = letters[naive_pick(random, 0, sizeof(letters) - 2)];
        r = rp_segment_parse(text[0], text[1], &sequence, &index, &err);
        if (r == 0) {
            int64_t sum = 0;

            for (size_t s = 0; s < sequence.count; s++)
                sum += sequence.segments[s].owned;
            assert_int_equal(sum, sequence.segments[0].slots);
            assert_true(index < sequence.count && sequence.segments[index].owned > 0);
            rp_segment_sequence_deinit(&sequence);
            taken++;
        } else {
            assert_int_equal(r, -RP_EUSER);
            assert_non_null(err.message);
            assert_non_null(err.hint);
        }
        rp_error_deinit(&err);
    }
    assert_true(taken > 1000);
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

static void check_rule(const struct rp_segment_sequence *sequence)
{
    int64_t slots = sequence->segments[0].slots, owned[64], taken[64] = { 0 };
    size_t *owner = calloc((size_t)slots, sizeof(*owner));

    assert_non_null(owner);
    assert_true(sequence->count <= 64);
    for (size_t i = 0; i < sequence->count; i++) {
        owned[i] = sequence->segments[i].owned;
        assert_int_equal(sequence->segments[i].slots, slots);
    }
    naive_slots(slots, owned, sequence->count, owner);
    for (int64_t slot = 0; slot < slots; slot++) {
        const struct rp_segment *segment = &sequence->segments[owner[slot]];

        assert_true(taken[owner[slot]] < segment->owned);
        assert_int_equal(segment->at[taken[owner[slot]]++], slot);
    }
    free(owner);
}

/* scale, nth and owns are three views of one thing, and each number has one owner. */
static void check_numbers(const struct rp_segment_sequence *sequence, int64_t most)
{
    int64_t taken[64] = { 0 };

    for (int64_t v = 0; v <= most; v++) {
        size_t owners = 0;

        for (size_t i = 0; i < sequence->count; i++) {
            const struct rp_segment *segment = &sequence->segments[i];

            assert_int_equal(rp_segment_scale(segment, v), taken[i]);
            if (!naive_owns(segment, v))
                continue;
            owners++;
            assert_int_equal(rp_segment_nth(segment, taken[i]++), v);
        }
        assert_int_equal(owners, 1);
    }
}

static void test_rule(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 12);
    for (int i = 0; i < 3000; i++) {
        struct rp_segment_sequence sequence, rescaled;
        int64_t v = naive_pick(random, 1, i % 2 ? 30 : 500);

        naive_sequence(random, &sequence);
        check_rule(&sequence);
        check_numbers(&sequence, 150);
        assert_int_equal(rp_segment_rescale(&sequence, v, &rescaled), 0);
        assert_int_equal(rescaled.count, sequence.count);
        check_rule(&rescaled);
        check_numbers(&rescaled, 150);
        for (size_t k = 0; k < sequence.count; k++) /* its length is Scale(v) / v */
            assert_int_equal(rescaled.segments[k].owned * v,
                             rp_segment_scale(&sequence.segments[k], v) *
                                 rescaled.segments[k].slots);
        rp_segment_sequence_deinit(&sequence);
        rp_segment_sequence_deinit(&rescaled);
    }
}

/* Parts of any size, also of a large one, sum exactly to it. */
static void test_sums(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 13);
    for (int i = 0; i < 3000; i++) {
        struct rp_segment_sequence sequence;
        int64_t v = (int64_t)(rp_random_next(random) >> naive_pick(random, 1, 60)), sum = 0;

        naive_sequence(random, &sequence);
        for (size_t k = 0; k < sequence.count; k++) {
            const struct rp_segment *segment = &sequence.segments[k];
            int64_t own = rp_segment_scale(segment, v);

            sum += own;
            if (own) {
                int64_t last = rp_segment_nth(segment, own - 1);

                assert_true(last < v && naive_owns(segment, last));
                assert_int_equal(rp_segment_scale(segment, last), own - 1);
            }
        }
        assert_int_equal(sum, v);
        rp_segment_sequence_deinit(&sequence);
    }
}

/* The parts of a part own its numbers, each once, and no other ones. */
static void test_compose(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 14);
    for (int i = 0; i < 1000; i++) {
        struct rp_segment_sequence wholes, parts, own;
        const struct rp_segment *whole;

        naive_sequence(random, &wholes);
        naive_sequence(random, &parts);
        whole = &wholes.segments[naive_pick(random, 0, (int64_t)wholes.count - 1)];
        for (int64_t v = 0; v < 60; v++) {
            int64_t owners = 0;

            for (size_t k = 0; k < parts.count; k++) {
                assert_int_equal(rp_segment_compose(whole, &parts.segments[k], &own), 0);
                assert_int_equal(own.count, 1);
                owners += naive_owns(&own.segments[0], v);
                if (naive_owns(&own.segments[0], v))
                    assert_true(naive_owns(&parts.segments[k], rp_segment_scale(whole, v)));
                assert_int_equal(rp_segment_scale(&own.segments[0], v),
                                 rp_segment_scale(&parts.segments[k], rp_segment_scale(whole, v)));
                rp_segment_sequence_deinit(&own);
            }
            assert_int_equal(owners, naive_owns(whole, v));
        }
        rp_segment_sequence_deinit(&wholes);
        rp_segment_sequence_deinit(&parts);
    }
}

/* A prime number of parts of a part with as many slots as there can be. */
static void test_compose_limits(void **state)
{
    struct rp_segment_sequence many, parts, own = { 0 };

    assert_int_equal(rp_segment_parse("0:1048575/1048576", NULL, &many, &(size_t){ 0 }, NULL), 0);
    assert_int_equal(rp_segment_parse("0:12/13", NULL, &parts, &(size_t){ 0 }, NULL), 0);
    assert_int_equal(rp_segment_compose(&many.segments[0], &parts.segments[0], &own), -EINVAL);
    assert_null(own.segments);
    rp_segment_sequence_deinit(&many);
    rp_segment_sequence_deinit(&parts);
}

static void test_all(void **state)
{
    for (int64_t v = 0; v < 5; v++) {
        assert_int_equal(rp_segment_scale(&rp_segment_all, v), v);
        assert_int_equal(rp_segment_nth(&rp_segment_all, v), v);
        assert_true(naive_owns(&rp_segment_all, v));
    }
    assert_int_equal(rp_segment_scale(&rp_segment_all, INT64_MAX), INT64_MAX);
    assert_int_equal(rp_segment_scale(&rp_segment_all, -1), 0);
    assert_false(naive_owns(&rp_segment_all, -1));
}

static void test_equal(void **state)
{
    struct rp_segment_sequence sequence = { 0 };

    assert_int_equal(rp_segment_equal(0, &sequence), -EINVAL);
    assert_int_equal(rp_segment_equal(RP_SEGMENT_SLOTS_MAX + 1, &sequence), -EINVAL);
    assert_null(sequence.segments);
    for (size_t n = 1; n <= 40; n++) {
        assert_int_equal(rp_segment_equal(n, &sequence), 0);
        assert_int_equal(sequence.count, n);
        check_rule(&sequence);
        check_numbers(&sequence, 100);
        rp_segment_sequence_deinit(&sequence);
    }
    assert_int_equal(rp_segment_equal(RP_SEGMENT_SLOTS_MAX, &sequence), 0);
    for (size_t i = 0; i < sequence.count; i += 4097)
        assert_int_equal(rp_segment_nth(&sequence.segments[i], 3),
                         3 * RP_SEGMENT_SLOTS_MAX + (int64_t)i);
    rp_segment_sequence_deinit(&sequence);
}

static void test_rescale_limits(void **state)
{
    struct rp_segment_sequence thirds, rescaled = { 0 };

    assert_int_equal(rp_segment_equal(3, &thirds), 0);
    assert_int_equal(rp_segment_rescale(&thirds, 0, &rescaled), -EINVAL);
    assert_int_equal(rp_segment_rescale(&thirds, -1, &rescaled), -EINVAL);
    /* 3,333,334 + 3,333,333 + 3,333,333 have nothing in common */
    assert_int_equal(rp_segment_rescale(&thirds, 10000001, &rescaled), -EINVAL);
    assert_null(rescaled.segments);
    assert_int_equal(rp_segment_rescale(&thirds, INT64_C(3000000000000000), &rescaled), 0);
    assert_int_equal(rescaled.segments[0].slots, 3);
    rp_segment_sequence_deinit(&rescaled);
    assert_int_equal(rp_segment_rescale(&thirds, 1, &rescaled), 0); /* one VU for three */
    assert_int_equal(rescaled.segments[0].owned, 1);
    assert_int_equal(rescaled.segments[1].owned, 0);
    assert_int_equal(rp_segment_scale(&rescaled.segments[1], 1000), 0);
    assert_false(naive_owns(&rescaled.segments[1], 0));
    rp_segment_sequence_deinit(&rescaled);
    rp_segment_sequence_deinit(&thirds);
    rp_segment_sequence_deinit(&thirds); /* an empty one */
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static int make_all(void)
{
    struct rp_segment_sequence parsed = { 0 }, equal = { 0 }, rescaled = { 0 }, composed = { 0 };
    size_t index;
    int r = rp_segment_parse("1/4:1/2", "0,1/4,1/2,1", &parsed, &index, NULL);

    if (r == 0)
        r = rp_segment_equal(5, &equal);
    if (r == 0)
        r = rp_segment_rescale(&equal, 12, &rescaled);
    if (r == 0)
        r = rp_segment_compose(&parsed.segments[0], &equal.segments[1], &composed);
    rp_segment_sequence_deinit(&parsed);
    rp_segment_sequence_deinit(&equal);
    rp_segment_sequence_deinit(&rescaled);
    rp_segment_sequence_deinit(&composed);
    return r;
}

static void test_no_memory(void **state)
{
    uint64_t needed = rp_alloc_count();

    assert_int_equal(make_all(), 0);
    needed = rp_alloc_count() - needed;
    assert_true(needed > 20);
    for (uint64_t n = 1; n <= needed; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = make_all();
        rp_alloc_fail_at(0);
        assert_int_equal(r, -ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_errors),
        cmocka_unit_test(test_noise),     cmocka_unit_test(test_rule),
        cmocka_unit_test(test_sums),      cmocka_unit_test(test_all),
        cmocka_unit_test(test_equal),     cmocka_unit_test(test_rescale_limits),
        cmocka_unit_test(test_compose),   cmocka_unit_test(test_compose_limits),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
