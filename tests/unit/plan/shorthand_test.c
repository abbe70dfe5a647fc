/* SPDX-License-Identifier: MIT */
/* Stages and rates as they are written on a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "plan/duration.h"
#include "plan/shorthand.h"
#include "testing.h"

#define NOT_A_STAGE "a stage is DURATION:TARGET, as in 30s:100 or 30s:100,1m:0"
#define NOT_A_RATE "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s"

static void stages_are_read(void **state)
{
    static const struct {
        const char *text, *stages, *why;
    } table[] = {
        { "30s:100", "30s:100 " },
        { "1m30s:0,0:5,250ms:1000000000", "1m30s:0 0s:5 250ms:1000000000 " },
        { "", NULL, "'' is not a stage: it is empty" },
        { "30s", NULL, "'30s' is not a stage: it has no target" },
        { "30s:", NULL,
          "'30s:' is not a stage: its target must be a whole number from 0 to 1000000000, not ''" },
        { ":5", NULL, "':5' is not a stage: '' is not a duration: it is empty" },
        { "100:30s", NULL, "'100:30s' is not a stage: '100' is not a duration: it has no unit" },
        { "30s:x", NULL,
          "'30s:x' is not a stage: its target must be a whole number from 0 to 1000000000, not "
          "'x'" },
        { "30s:-1", NULL,
          "'30s:-1' is not a stage: its target must be a whole number from 0 to 1000000000, not "
          "'-1'" },
        { "30s:1.5", NULL,
          "'30s:1.5' is not a stage: its target must be a whole number from 0 to 1000000000, not "
          "'1.5'" },
        { "30s:1000000001", NULL,
          "'30s:1000000001' is not a stage: its target must be a whole number from 0 to "
          "1000000000, not '1000000001'" },
        { "30s:1:2", NULL,
          "'30s:1:2' is not a stage: its target must be a whole number from 0 to 1000000000, not "
          "'1:2'" },
        { "30s:1,", NULL, "'' is not a stage: it is empty" },
        { "30s:1, 5s:2", NULL,
          "' 5s:2' is not a stage: ' 5s' is not a duration: a number is "
          "missing" },
        { "30s:1;5s:2", NULL,
          "'30s:1;5s:2' is not a stage: its target must be a whole number from 0 to 1000000000, "
          "not '1;5s:2'" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_stages stages = { 0 };
        struct rp_error err = { 0 };
        int r = rp_stages_parse(rp_slice_str(table[i].text), &stages, &err);
        char shown[256] = "", time[64];

        if (table[i].why) {
            assert_int_equal(r, -RP_EUSER);
            assert_string_equal(err.message, table[i].why);
            assert_string_equal(err.hint, NOT_A_STAGE);
            rp_error_deinit(&err);
        } else {
            assert_int_equal(r, 0);
            for (size_t k = 0; k < stages.count; k++) {
                rp_duration_format(stages.items[k].duration, time, sizeof(time));
                snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s:%" PRId64 " ",
                         time, stages.items[k].target);
            }
            assert_string_equal(shown, table[i].stages);
        }
        rp_free(stages.items);
    }
}

static void rates_are_read(void **state)
{
    static const struct {
        const char *text;
        double count;
        rp_ns time_unit;
        const char *why;
    } table[] = {
        { "500/s", 500, RP_S },
        { "500", 500, 0 },
        { "30/m", 30, 60 * RP_S },
        { "7/3s", 7, 3 * RP_S },
        { "0.5/s", 0.5, RP_S },
        { "1e3/h", 1000, 3600 * RP_S },
        { "2/1m30s", 2, 90 * RP_S },
        { "5/ms", 5, RP_MS },
        { "5/d", 5, 86400 * RP_S },
        { "-0/s", 0, RP_S },
        { "1000000000/s", 1e9, RP_S },
        { "0.000000001/s", 1e-9, RP_S },
        { "", 0, 0, "'' is not a rate: it is empty" },
        { "fast", 0, 0, "'fast' is not a rate: 'fast' is not a number" },
        { "500/", 0, 0, "'500/' is not a rate: the time is missing after '/'" },
        { "/s", 0, 0, "'/s' is not a rate: '' is not a number" },
        { "500rps", 0, 0, "'500rps' is not a rate: '500rps' is not a number" },
        { "500/sec", 0, 0,
          "'500/sec' is not a rate: 'sec' is not a time of more than 0s, up to 3650d" },
        { "500/1", 0, 0, "'500/1' is not a rate: '1' is not a time of more than 0s, up to 3650d" },
        { "500/0s", 0, 0,
          "'500/0s' is not a rate: '0s' is not a time of more than 0s, up to 3650d" },
        { "500/s/s", 0, 0,
          "'500/s/s' is not a rate: 's/s' is not a time of more than 0s, up to 3650d" },
        { "1/3651d", 0, 0,
          "'1/3651d' is not a rate: '3651d' is not a time of more than 0s, up to 3650d" },
        { "-5/s", 0, 0, "'-5/s' is not a rate: the number must be from 0 to 1000000000" },
        { "1e10/s", 0, 0, "'1e10/s' is not a rate: the number must be from 0 to 1000000000" },
        { "nan/s", 0, 0, "'nan/s' is not a rate: 'nan' is not a number" },
        { "0.0000000001/s", 0, 0,
          "'0.0000000001/s' is not a rate: the number has more than 9 decimals" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_rate rate = { -1, -1 };
        struct rp_error err = { 0 };
        int r = rp_rate_parse(rp_slice_str(table[i].text), &rate, &err);

        if (table[i].why) {
            assert_int_equal(r, -RP_EUSER);
            assert_string_equal(err.message, table[i].why);
            assert_string_equal(err.hint, NOT_A_RATE);
            assert_true(rate.count == -1 && rate.time_unit == -1);
            rp_error_deinit(&err);
        } else {
            assert_int_equal(r, 0);
            assert_true(rate.count == table[i].count && rate.time_unit == table[i].time_unit);
        }
    }
}

/* Whatever is typed: a value within its bounds, or a message. */
static void broken_text_gives_a_value_or_an_error(void **state)
{
    static const char *const whole[] = { "30s:100,1m30s:0,0:5", "7/3s", "0.5/m", "1e3/h" };
    uint64_t seed = 8;
    int values = 0;

    for (int i = 0; i < 20000; i++) {
        const char *text = whole[random_below(&seed, RP_ARRAY_LEN(whole))];
        struct rp_stages stages = { 0 };
        struct rp_rate rate;
        struct rp_error err = { 0 };
        char *broken = strdup(
            text); /* of its exact size, so that a sanitizer sees what is read behind it */
        size_t len = strlen(broken);

        for (uint64_t k = random_below(&seed, 3); k > 0; k--)
            broken[random_below(&seed, len)] =
                random_below(&seed, 2) ? "0123456789smhdunse.,:/-"[random_below(&seed, 23)]
                                       : (char)(1 + random_below(&seed, 255));
        if (rp_stages_parse(rp_slice(broken, len), &stages, &err) == 0) {
            assert_true(stages.count > 0 && ++values);
            for (size_t k = 0; k < stages.count; k++)
                assert_true(stages.items[k].duration >= 0 && stages.items[k].target >= 0);
        } else {
            assert_true(err.message && err.hint);
            rp_error_deinit(&err);
        }
        rp_free(stages.items);
        if (rp_rate_parse(rp_slice(broken, len), &rate, &err) == 0) {
            assert_true(rate.count >= 0 && rate.time_unit >= 0 && ++values);
        } else {
            assert_true(err.message && err.hint);
            rp_error_deinit(&err);
        }
        free(broken);
    }
    assert_in_range(values, 1000, 39000); /* both ways are taken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_are_read),
        cmocka_unit_test(rates_are_read),
        cmocka_unit_test(broken_text_gives_a_value_or_an_error),
    };

    return cmocka_run_group_tests_name("plan/shorthand", tests, NULL, NULL);
}
