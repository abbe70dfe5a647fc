/* SPDX-License-Identifier: MIT */
#include "progress_fixture.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* The line of the run. */

static void check_format(const struct rp_progress *progress, unsigned width, const char *expected)
{
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    rp_progress_format(progress, width, false, &out);
    assert_string_equal(rp_buf_str(&out), expected);
    rp_buf_deinit(&out);
}

static void test_format(void **state)
{
    struct rp_progress progress = progress_run();
    struct rp_progress setup = { .phase = "setup", .elapsed = RP_S, .p95_ms = NAN };
    struct rp_progress young = {
        .phase = "running", .total = 3600 * RP_S, .p95_ms = NAN, .vus = 1, .vus_max = 1
    };

    check_format(&progress, 200,
                 "running  12s/1m30s  13%  10/60 VUs  1.23M iters  10235 iters/s  20469 reqs/s  "
                 "p95 12.3ms  219 dropped  3 failed  1 error");
    check_format(&setup, 80, "setup  1s");
    check_format(&young, 80, "running  0s/1h00m00s  0%  1/1 VUs");
    progress.elapsed = 100 * RP_S; /* graceful stop: never more than all */
    progress.total = 90 * RP_S;
    check_format(&progress, 132,
                 "running  1m40s/1m30s  100%  10/60 VUs  1.23M iters  10235 iters/s  20469 reqs/s  "
                 "p95 12.3ms  219 dropped  3 failed  1 error");
    check_format(&progress, 26, "running  3 failed  1 error");
    check_format(&progress, 25, "running  1 error");
}

static void test_paused(void **state)
{
    struct rp_progress progress = { .phase = "running",
                                    .is_paused = true,
                                    .p95_ms = NAN,
                                    .elapsed = 12 * RP_S,
                                    .total = 30 * RP_S };

    check_format(&progress, 80, "paused  12s/30s  40%");
    progress = (struct rp_progress){ .phase = "setup", .is_paused = true, .p95_ms = NAN };
    check_format(&progress, 80, "setup, then paused  0s");
}

static void test_format_fits(void **state)
{
    struct rp_progress progress = progress_run();
    size_t longest = 0;

    for (unsigned width = 8; width <= 200; width++) {
        struct rp_buf out;
        size_t cols;

        rp_buf_init(&out, 4096);
        rp_progress_format(&progress, width, false, &out);
        cols = rp_text_cols(rp_buf_slice(&out));
        assert_true(cols <= width);
        assert_true(cols >= longest || cols > width / 3);
        longest = cols;
        assert_memory_equal(rp_buf_str(&out), "running", 7);
        assert_null(strchr(rp_buf_str(&out), '\n'));
        rp_buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_format_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
