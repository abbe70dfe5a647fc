/* SPDX-License-Identifier: MIT */

/* Failures and warnings of a result, and the sinks that are told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "run/sink.h"

/* ---- failures and warnings --------------------------------------------------------------------------------- */

static void test_which_failure_decides(void **state)
{
    static const struct {
        enum rp_exit first, second, both;
    } cases[] = {
        { RP_EXIT_ABORTED, RP_EXIT_SETUP, RP_EXIT_ABORTED },
        { RP_EXIT_OUTPUT, RP_EXIT_THRESHOLDS, RP_EXIT_OUTPUT },
        { RP_EXIT_THRESHOLDS, RP_EXIT_THRESHOLDS, RP_EXIT_THRESHOLDS },
        { RP_EXIT_THRESHOLDS, RP_EXIT_OUTPUT, RP_EXIT_OUTPUT },
        { RP_EXIT_THRESHOLDS, RP_EXIT_INTERNAL, RP_EXIT_INTERNAL },
        { RP_EXIT_ABORTED, RP_EXIT_INTERNAL, RP_EXIT_INTERNAL },
        { RP_EXIT_INTERNAL, RP_EXIT_ABORTED, RP_EXIT_INTERNAL },
        { RP_EXIT_INTERNAL, RP_EXIT_INTERNAL, RP_EXIT_INTERNAL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_result result = { 0 };
        bool is_second = cases[i].both != cases[i].first;

        rp_result_fail(&result, cases[i].first, "%s", "first");
        rp_result_fail(&result, cases[i].second, "%s", "second");
        assert_int_equal(result.exit_code, cases[i].both);
        assert_string_equal(result.reason, is_second ? "second" : "first");
        rp_result_deinit(&result);
    }
}

static void test_warnings_are_counted(void **state)
{
    struct rp_result result = { 0 };

    rp_result_warn(&result, "number %d", 1);
    rp_result_warn(&result, "number %d", 1);
    rp_result_warn_about(&result, NULL, "number 1", 5);
    rp_result_warn_about(&result, "numbers", "number 2", 1);
    rp_result_warn_about(&result, "numbers", "number 3", 1);
    assert_int_equal(result.warning_count, 2);
    assert_string_equal(result.warnings[0].text, "number 1");
    assert_int_equal(result.warnings[0].count, 7);
    assert_string_equal(result.warnings[1].text, "number 2");
    assert_int_equal(result.warnings[1].count, 1);
    rp_result_deinit(&result);
}

static void test_long_reasons_are_cut(void **state)
{
    enum { PAIRS = RP_REASON_MAX };
    struct rp_result result = { 0 };
    char *text = calloc(1, 2 * PAIRS + 2);

    text[0] = 'x'; /* then two bytes a letter: the limit is within one */
    for (size_t i = 0; i < PAIRS; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa9", 2);
    rp_result_fail(&result, RP_EXIT_SETUP, "%s", text);
    assert_int_equal(strlen(result.reason), RP_REASON_MAX - 1);
    assert_memory_equal(result.reason, text, RP_REASON_MAX - 1);
    free(text);
    rp_result_deinit(&result);
}

/* ---- sinks -------------------------------------------------------------------------------------------------- */

/* What a sink was told, in a row: "open", the events, "close" or "nothing" for a run that was none. */
struct recorder {
    struct rp_sink sink;
    char told[400];
    int open_returns, close_returns;
    const char *loses_at; /* is told this: it loses that */
    rp_ns at;
    bool is_out_of_turn;
};

static void note(struct recorder *recorder, const char *what)
{
    size_t len = strlen(recorder->told);

    snprintf(recorder->told + len, sizeof(recorder->told) - len, "%s%s", len ? " " : "", what);
}

static int on_open(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct recorder *recorder = rp_container_of(sink, struct recorder, sink);

    note(recorder, "open");
    return recorder->open_returns < 0 ? rp_error_set(err, recorder->open_returns, "not this") : 0;
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct recorder *recorder = rp_container_of(sink, struct recorder, sink);
    const char *text = event->kind == RP_EVENT_WARNING ? event->warning : event->printed.text;

    assert_true(event->at >= recorder->at || recorder->is_out_of_turn);
    recorder->at = event->at;
    assert_true(event->wall_ns == sink->sinks->wall_start + event->at);
    assert_ptr_equal(event->result, sink->sinks->result);
    note(recorder, text);
    if (recorder->loses_at && strcmp(recorder->loses_at, text) == 0)
        rp_sink_lose(sink, "lost:%s", text);
}

static int on_close(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct recorder *recorder = rp_container_of(sink, struct recorder, sink);

    note(recorder, result ? "close" : "nothing");
    return recorder->close_returns < 0 ? rp_error_set(err, recorder->close_returns,
                                                      "cannot close %d", -recorder->close_returns)
                                       : 0;
}

static const struct rp_sink_ops recording = {
    .events = RP_EVENT_BIT(RP_EVENT_WARNING) | RP_EVENT_BIT(RP_EVENT_PRINTED),
    .open = on_open,
    .event = on_event,
    .close = on_close,
};

enum { SINKS = 3 };

struct desk {
    struct rp_sinks sinks;
    struct recorder recorders[SINKS];
    struct rp_result result;
    struct rp_error err;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    rp_sinks_init(&desk->sinks);
    for (size_t i = 0; i < SINKS; i++)
        rp_sinks_add(&desk->sinks, &desk->recorders[i].sink, &recording);
    rp_sinks_start(&desk->sinks, &desk->result);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_error_deinit(&desk->err);
    rp_result_deinit(&desk->result);
    free(desk);
    return 0;
}

static void print(struct desk *desk, const char *text)
{
    struct rp_event event = { .kind = RP_EVENT_PRINTED, .printed = { .text = text } };

    rp_sinks_event(&desk->sinks, &event);
}

static void assert_told(struct desk *desk, size_t i, const char *told)
{
    assert_string_equal(desk->recorders[i].told, told);
}

static void test_all_are_told_in_turn(void **state)
{
    struct desk *desk = *state;
    struct rp_event other = { .kind = RP_EVENT_PHASE };

    print(desk, "a");
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, &desk->err), 0);
    rp_result_warn(&desk->result, "w");
    rp_result_warn(&desk->result, "w");
    rp_sinks_event(&desk->sinks, &other);
    assert_true(rp_sinks_want(&desk->sinks, RP_EVENT_PRINTED));
    assert_false(rp_sinks_want(&desk->sinks, RP_EVENT_PHASE));
    assert_false(rp_sinks_want(NULL, RP_EVENT_PRINTED));
    rp_sink_remove(&desk->recorders[1].sink);
    print(desk, "b");
    rp_sinks_close(&desk->sinks, true, &desk->err);
    assert_told(desk, 0, "a open w b close");
    assert_told(desk, 1, "a open w");
    assert_told(desk, 2, "a open w b close");
    assert_null(desk->err.message);
    assert_int_equal(desk->result.exit_code, RP_EXIT_PASSED);
    rp_result_warn(&desk->result, "late"); /* nobody is told any more */
    assert_told(desk, 0, "a open w b close");
}

/* What the first one loses, all are told after what it lost. */
static void test_losses_come_after_what_was_lost(void **state)
{
    struct desk *desk = *state;

    desk->recorders[0].loses_at = "a";
    print(desk, "a");
    print(desk, "b");
    print(desk, "a");
    for (size_t i = 0; i < SINKS; i++)
        assert_told(desk, i, "a lost:a b a");
    assert_int_equal(desk->result.exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(desk->result.reason, "lost:a");
    assert_int_equal(desk->result.warnings[0].count, 2);
}

/* Without memory to keep it for later it is told at once. */
static void test_losses_without_memory(void **state)
{
    struct desk *desk = *state;
    int told = 0;

    for (size_t i = 0; i < SINKS; i++)
        desk->recorders[i].is_out_of_turn = true;
    for (size_t nth = 1; nth < 12; nth++) {
        desk->recorders[0].loses_at = "a";
        rp_alloc_fail_at(nth);
        print(desk, "a");
        rp_alloc_fail_at(0);
        told += strstr(desk->recorders[0].told, "lost:a") != NULL;
        rp_result_deinit(&desk->result);
        desk->result.sinks = &desk->sinks;
        for (size_t i = 0; i < SINKS; i++) {
            const char *text = desk->recorders[i].told;

            assert_true(strncmp(text, "a", 1) == 0 || strncmp(text, "lost:a", 6) == 0 ||
                        strncmp(text, "an output has lost data", 23) == 0);
            *desk->recorders[i].told = '\0';
        }
    }
    assert_true(told > 0);
}

static void test_one_cannot_be_opened(void **state)
{
    struct desk *desk = *state;

    desk->recorders[1].open_returns = -RP_EUSER;
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, &desk->err), -RP_EUSER);
    assert_string_equal(desk->err.message, "not this");
    rp_error_deinit(&desk->err);
    rp_sinks_close(&desk->sinks, false, &desk->err);
    assert_told(desk, 0, "open nothing");
    assert_told(desk, 1, "open");
    assert_told(desk, 2, "nothing");
}

static void test_some_cannot_be_closed(void **state)
{
    struct desk *desk = *state;

    desk->recorders[0].close_returns = -1;
    desk->recorders[1].close_returns = -2;
    desk->recorders[2].close_returns = -3;
    rp_result_fail(&desk->result, RP_EXIT_THRESHOLDS, "thresholds");
    rp_sinks_close(&desk->sinks, true, &desk->err);
    for (size_t i = 0; i < SINKS; i++)
        assert_told(desk, i, "close");
    assert_string_equal(desk->err.message, "cannot close 1");
    assert_string_equal(desk->err.detail, "cannot close 2\ncannot close 3");
    assert_int_equal(desk->result.exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(desk->result.reason, "cannot close 1");
}

static void test_worse_than_not_closed(void **state)
{
    struct desk *desk = *state;

    desk->recorders[2].close_returns = -1;
    rp_result_fail(&desk->result, RP_EXIT_SETUP, "setup");
    rp_sinks_close(&desk->sinks, true, &desk->err);
    assert_string_equal(desk->err.message, "cannot close 1");
    assert_int_equal(desk->result.exit_code, RP_EXIT_SETUP);
    assert_string_equal(desk->result.reason, "setup");
}

static void test_nobody(void **state)
{
    struct rp_event event = { .kind = RP_EVENT_PHASE };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };

    rp_sinks_start(NULL, &result);
    assert_int_equal(rp_sinks_open(NULL, NULL, &err), 0);
    rp_sinks_event(NULL, &event);
    rp_sinks_close(NULL, true, &err);
    assert_null(err.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_failure_decides),
        cmocka_unit_test(test_warnings_are_counted),
        cmocka_unit_test(test_long_reasons_are_cut),
        cmocka_unit_test_setup_teardown(test_all_are_told_in_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_losses_come_after_what_was_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_losses_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_some_cannot_be_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_worse_than_not_closed, setup, teardown),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
