/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ui/dashboard.h"

enum { OUT_MAX = 1 << 20 };

/* A run in its middle, as the sink would know it. */
struct desk {
    struct fixture fixture;
    struct rp_requests requests;
    struct rp_failed_requests failed;
    struct rp_dashboard_history history;
    struct rp_dashboard_log log;
    struct rp_dashboard shown;
};

static void desk_init(struct desk *desk, void (*make)(struct fixture *fixture))
{
    const struct rp_result *result = &desk->fixture.result;

    memset(desk, 0, sizeof(*desk));
    make(&desk->fixture);
    assert_int_equal(rp_requests_collect(result->store, &desk->requests), 0);
    assert_int_equal(rp_failed_requests_collect(result->store, &desk->failed), 0);
    for (int i = 0; i < 40; i++)
        rp_dashboard_history_add(&desk->history,
                                 (struct rp_dashboard_second){ .requests_per_s = i % 10 * 100,
                                                               .iterations_per_s = 50,
                                                               .p50_ms = i == 20 ? NAN : 1,
                                                               .p95_ms = i == 20 ? NAN : 2 + i % 3,
                                                               .p99_ms = i == 20 ? NAN : 8 });
    rp_dashboard_log_add(&desk->log, RP_S, RP_CELL_DIM, false, "running");
    rp_dashboard_log_add(&desk->log, 65 * RP_S, RP_CELL_PLAIN, true,
                         "\x1b[2J a line of the script");
    desk->shown = (struct rp_dashboard){
        .progress = { .phase = "running",
                      .elapsed = 12 * RP_S,
                      .total = 90 * RP_S,
                      .run_elapsed = 12 * RP_S,
                      .vus = 10,
                      .vus_max = 60,
                      .iterations = 1234567,
                      .iterations_per_s = 10234.5,
                      .p95_ms = 12.345,
                      .plan = result->plan ? result->plan->scenarios : NULL,
                      .scenario_count = result->plan ? result->plan->scenario_count : 0 },
        .result = result,
        .verdicts = result->verdicts,
        .requests = &desk->requests,
        .failed = &desk->failed,
        .history = &desk->history,
        .log = &desk->log,
        .adjusted = result->plan ? result->plan->scenarios[0].name : NULL,
    };
}

static void desk_deinit(struct desk *desk)
{
    rp_requests_deinit(&desk->requests);
    rp_failed_requests_deinit(&desk->failed);
    rp_dashboard_log_deinit(&desk->log);
    fixture_deinit(&desk->fixture);
}

static size_t draw(const struct desk *desk, unsigned cols, unsigned rows, struct rp_buf *out)
{
    struct rp_cells cells = { 0 };
    size_t page;

    assert_int_equal(rp_cells_resize(&cells, cols, rows), 0);
    page = rp_dashboard_draw(&desk->shown, &cells);
    rp_buf_init(out, OUT_MAX);
    rp_cells_text(&cells, out);
    assert_int_equal(out->error, 0);
    rp_cells_deinit(&cells);
    return page;
}

static void test_golden(void **state)
{
    static const struct {
        const char *name;
        void (*make)(struct fixture *fixture);
    } runs[] = { { "passed", fixture_passed },
                 { "failed", fixture_failed },
                 { "empty", fixture_empty },
                 { "hostile", fixture_hostile } };
    static const unsigned sizes[][2] = { { 40, 10 }, { 60, 20 }, { 80, 24 }, { 120, 50 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(runs); i++) {
        static struct desk desk;

        desk_init(&desk, runs[i].make);
        for (size_t j = 0; j < RP_ARRAY_LEN(sizes); j++) {
            struct rp_buf text;

            draw(&desk, sizes[j][0], sizes[j][1], &text);
            compare_golden(&text, "dashboard-%s-%ux%u.txt", runs[i].name, sizes[j][0], sizes[j][1]);
            rp_buf_deinit(&text);
        }
        desk_deinit(&desk);
    }
}

/* At any size nothing is wider than the window and no control character is drawn. */
static void test_any_size(void **state)
{
    static struct desk desk;

    desk_init(&desk, fixture_hostile);
    for (unsigned cols = 1; cols < 140; cols += 3)
        for (unsigned rows = 1; rows < 45; rows += 2) {
            struct rp_buf text;
            struct rp_slice rest;
            unsigned lines = 0;

            draw(&desk, cols, rows, &text);
            rest = rp_buf_slice(&text);
            while (rest.len) {
                size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);

                assert_true(rp_text_cols(rp_slice(rest.ptr, len)) <= cols);
                for (size_t i = 0; i < len; i++)
                    assert_true((unsigned char)rest.ptr[i] >= ' ' && rest.ptr[i] != 0x7f);
                rest = rp_slice(rest.ptr + len + 1, rest.len - len - 1);
                lines++;
            }
            assert_int_equal(lines, rows);
            rp_buf_deinit(&text);
        }
    desk_deinit(&desk);
}

static void expect_text(const struct desk *desk, const char *text)
{
    struct rp_buf out;

    draw(desk, 80, 24, &out);
    if (!strstr(rp_buf_str(&out), text))
        fail_msg("no '%s' in:\n%s", text, rp_buf_str(&out));
    rp_buf_deinit(&out);
}

static void test_modes(void **state)
{
    static struct desk desk;
    struct rp_buf out;

    desk_init(&desk, fixture_passed);
    expect_text(&desk, "+ - load of");
    desk.shown.mode = RP_DASHBOARD_ASK;
    expect_text(&desk, "Stop the run? y:");
    desk.shown.mode = RP_DASHBOARD_HELP;
    expect_text(&desk, "another scenario for + and -");
    draw(&desk, 60, 20, &out);
    assert_null(strstr(rp_buf_str(&out), "\xe2\x80\xa6")); /* nothing is cut */
    rp_buf_deinit(&out);
    desk_deinit(&desk);
}

/* The table can be moved down to its last name, and no further. */
static void test_requests_move(void **state)
{
    static struct desk desk;
    char tags[64];

    desk_init(&desk, fixture_passed);
    rp_requests_deinit(&desk.requests);
    for (int i = 0; i < 50; i++) {
        snprintf(tags, sizeof(tags), "name=page %d", i);
        fixture_trend(&desk.fixture, "http_req_duration", true, 1, 0, (unsigned)(100 - i), tags);
        fixture_counter(&desk.fixture, "http_reqs", 100 - i, tags);
    }
    assert_int_equal(rp_requests_collect(desk.fixture.result.store, &desk.requests), 0);
    expect_text(&desk, "page 0 ");
    desk.shown.first_request = 1000;
    expect_text(&desk, "page 49 ");
    desk_deinit(&desk);
}

static void test_history(void **state)
{
    static struct rp_dashboard_history history;

    assert_null(rp_dashboard_history_at(&history, 0));
    for (int i = 0; i < RP_DASHBOARD_SECONDS + 5; i++)
        rp_dashboard_history_add(&history, (struct rp_dashboard_second){ .requests_per_s = i });
    assert_true(rp_dashboard_history_at(&history, 0)->requests_per_s == RP_DASHBOARD_SECONDS + 4);
    assert_true(rp_dashboard_history_at(&history, RP_DASHBOARD_SECONDS - 1)->requests_per_s == 5);
    assert_null(rp_dashboard_history_at(&history, RP_DASHBOARD_SECONDS));
}

/* Lines of the script that have to make room are counted, for they are missing at the end. */
static void test_log(void **state)
{
    static struct rp_dashboard_log log;
    char text[32];

    assert_null(rp_dashboard_log_at(&log, 0));
    for (int i = 0; i < RP_DASHBOARD_LINES + 10; i++) {
        snprintf(text, sizeof(text), "line %d", i);
        rp_dashboard_log_add(&log, i, RP_CELL_PLAIN, i % 2 == 0, text);
    }
    assert_int_equal(log.lost, 5);
    assert_string_equal(rp_dashboard_log_at(&log, 0)->text, "line 1009");
    assert_string_equal(rp_dashboard_log_at(&log, RP_DASHBOARD_LINES - 1)->text, "line 10");
    assert_null(rp_dashboard_log_at(&log, RP_DASHBOARD_LINES));
    rp_dashboard_log_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_modes),   cmocka_unit_test(test_requests_move),
        cmocka_unit_test(test_history), cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
