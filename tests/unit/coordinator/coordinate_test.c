/* SPDX-License-Identifier: MIT */

/* The coordinator with a worker that goes wrong in every phase (fake_worker.c): the right exit code, the reason with the
 * worker's last words, whatever is seen first. */

#include "coordinate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disorder.h"
#include "fake_wire.h"

/* ---- the good one ---- */

static void test_a_good_worker(void **state)
{
    static const char *const phases[] = { "loading", "setup", "running", "teardown" };
    struct run run = { .r = 0 };

    coordinate(&run, "good", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_null(run.result.reason);
    assert_false(run.result.is_cut_short);
    assert_int_equal(run.phase_count, RP_ARRAY_LEN(phases));
    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++)
        assert_string_equal(run.phases[i], phases[i]);
    assert_int_equal(strlen(run.result.run_id), 36);
    assert_int_equal(run.result.worker_count, 1);
    assert_true(run.result.workers[0].pid > 1);
    assert_string_equal(run.result.workers[0].runtime, "fake");
    assert_int_equal(run.result.accounting_count, 1);
    assert_int_equal(run.result.accounting[0].completed, 3);
    assert_int_equal(run.result.setup_time, 5);
    assert_int_equal(run.result.elapsed, RP_S);
    assert_true(rp_sum_read(&rp_store_view(run.result.store, "iterations")->total.counter) == 3);
    assert_int_equal(run.lines, 0);
    run_deinit(&run);
}

static void test_a_run_id(void **state)
{
    struct run run = { .run_id = "nightly-7" };

    coordinate(&run, "good", "");
    assert_string_equal(run.result.run_id, "nightly-7");
    run_deinit(&run);
}

static void test_only_the_plan(void **state)
{
    char *argv[] = { strdup(fake_worker), NULL };
    struct rp_coordinator_config config = {
        .script = "fake.py", .worker_argv = argv, .overrides = &no_overrides, .patience = 60 * RP_S
    };
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    assert_int_equal(rp_coordinate_plan(&config, &plan, &err), 0);
    assert_int_equal(plan->scenario_count, 1);
    assert_int_equal(plan->scenarios[0].iterations, 3);
    rp_plan_free(plan);
    free(argv[0]);
}

/* ---- bad in a phase ---- */

static const char *const phases[] = { "start", "hello",  "load",     "plan", "setup",
                                      "run",   "finish", "teardown", "exit", "bye" };

/* Before the script is declared there is no run: an error, not a result. */
static bool is_early(const char *phase)
{
    return strcmp(phase, "start") == 0 || strcmp(phase, "hello") == 0 || strcmp(phase, "load") == 0;
}

static void check_phase(const char *mode, const char *phase, const char *reason)
{
    struct run run = { .r = 0 };

    coordinate(&run, mode, phase);
    if (is_early(phase)) {
        /* What ends by itself without a word is no worker at all: the user's choice of it is wrong. */
        bool is_no_worker = strcmp(phase, "start") == 0 && strcmp(mode, "die") == 0;

        if (run.r != (is_no_worker ? -RP_EUSER : -RP_EPEER))
            fail_msg("%s %s: %d", mode, phase, run.r);
        assert_reason(run.err.message, reason, mode, phase);
        assert_string_equal(run.err.hint, "a hint");
        assert_string_equal(run.err.detail, "dying words\n");
    } else if (strcmp(phase, "bye") == 0) {
        /* Everything was said: the numbers are complete. */
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    } else {
        assert_int_equal(run.r, 0);
        if (run.result.exit_code != RP_EXIT_INTERNAL)
            fail_msg("%s %s: exit code %d", mode, phase, run.result.exit_code);
        assert_reason(run.result.reason, reason, mode, phase);
        if (strstr(reason, "status") || strstr(reason, "signal"))
            assert_reason(run.result.reason, "; its last words: dying words\n", mode, phase);
    }
    assert_int_equal(run.lines, 1);
    run_deinit(&run);
}

static void test_dies(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++) {
        check_phase("die", phases[i], "exited with status 7");
        check_phase("crash", phases[i], "was killed by signal 9 (Killed)");
    }
}

/* The worker's end and its last messages are seen together, in either order: nothing that it said is lost. */
static void test_dies_while_nobody_looks(void **state)
{
    static const char *const deadly[] = { NULL,    NULL,    "load",     "plan", "setup",
                                          "start", "start", "teardown", "exit", "exit" };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases) * 2; i++) {
        size_t phase = i / 2;

        disorder = (struct disorder){ .ends_at_once = !deadly[phase],
                                      .deadly = deadly[phase],
                                      .is_reversed = i % 2 };
        check_phase("die", phases[phase], "exited with status 7");
        check_phase("crash", phases[phase], "was killed by signal 9 (Killed)");
    }
}

/* It has ended before anything of that is read, which is more than the loop takes in a turn. */
static void test_says_much_and_ends(void **state)
{
    for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
        struct run run = { .r = 0 };

        disorder = (struct disorder){ .deadly = "exit", .is_reversed = is_reversed };
        coordinate(&run, "says-much", "");
        assert_int_equal(run.r, 0);
        if (run.result.exit_code != RP_EXIT_PASSED)
            fail_msg("%d: %s", is_reversed, run.result.reason);
        assert_int_equal(run.result.warning_count, 1);
        run_deinit(&run);
    }
}

/* It has inherited the channel, and speaks on: the worker has ended all the same. */
static void test_leaves_a_child_that_speaks_on(void **state)
{
    static const char *const ends[] = { "run", "teardown", "exit", "bye" };

    disorder.is_outpaced = true;
    for (size_t i = 0; i < RP_ARRAY_LEN(ends); i++) {
        rp_ns began = rp_clock_ns();

        check_phase("leaves-child", ends[i], "exited with status 7");
        assert_true(rp_clock_ns() - began < FLOOD_S * RP_S); /* the child had not ended */
    }
}

static int end_disorder(void **state)
{
    disorder = (struct disorder){ 0 };
    return 0;
}

static void test_speaks_nonsense(void **state)
{
    static const char *const modes[] = { "garbage", "giant", "odd" };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases) - 1; i++)
        for (size_t j = 0; j < RP_ARRAY_LEN(modes); j++)
            check_phase(modes[j], phases[i], "a worker's message could not be used");
}

/* ---- bad in what it says ---- */

static void test_lies(void **state)
{
    static const struct {
        const char *mode;
        int r;
        enum rp_exit code;
        const char *reason; /* NULL: none */
    } cases[] = {
        { "old", -EPROTO, 0, "the worker speaks another version of the protocol" },
        { "no-json", -RP_EUSER, 0, "" },
        { "failed", -RP_EUSER, 0, "boom" },
        { "accounting", 0, RP_EXIT_INTERNAL, "the accounting of scenario 'f' does not add up" },
        { "wrap", 0, RP_EXIT_INTERNAL, "the accounting of scenario 'f' does not add up" },
        { "counter", 0, RP_EXIT_INTERNAL, "the iteration counters differ from the accounting" },
        { "total", 0, RP_EXIT_INTERNAL, "the sums of a worker's reports differ from its totals" },
        { "lost", 0, RP_EXIT_INTERNAL, "a worker could not report all that it measured" },
        { "scenarios", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "undefined", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "kind", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "series-number", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "odd-scenarios", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "odd-pauses", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "nameless-metric", 0, RP_EXIT_INTERNAL, NULL },
        { "no-setup", 0, RP_EXIT_SETUP, "setup() failed: ValueError: no" },
        { "no-teardown", 0, RP_EXIT_TEARDOWN, "teardown() failed: ValueError: no" },
        { "nameless", 0, RP_EXIT_PASSED, NULL },
        { "errors", 0, RP_EXIT_PASSED, NULL },
        { "endless", 0, RP_EXIT_PASSED, NULL },
        { "status", 0, RP_EXIT_PASSED, NULL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };

        coordinate(&run, cases[i].mode, "");
        if (run.r != cases[i].r || (run.r == 0 && run.result.exit_code != cases[i].code))
            fail_msg("%s: %d, exit code %d: %s", cases[i].mode, run.r, run.result.exit_code,
                     run.result.reason ? run.result.reason : "");
        if (cases[i].reason)
            assert_reason(run.r < 0 ? run.err.message : run.result.reason, cases[i].reason,
                          cases[i].mode, "");
        for (size_t j = 0; j < run.result.error_count; j++)
            assert_true(run.result.errors[j].scenario && run.result.errors[j].type &&
                        run.result.errors[j].message && run.result.errors[j].place);
        if (run.result.worker_count)
            assert_true(run.result.workers[0].loop && run.result.workers[0].runtime);
        run_deinit(&run);
    }
}

/* --strict: 8 wins over failed thresholds, and all others over it. Without it, only the verdict says so. */
static void test_a_limited_generator(void **state)
{
    static const struct {
        const char *mode;
        enum rp_exit code, strict_code;
    } cases[] = {
        { "good", RP_EXIT_PASSED, RP_EXIT_PASSED },
        { "limited", RP_EXIT_PASSED, RP_EXIT_GENERATOR },
        { "limited-thresholds", RP_EXIT_THRESHOLDS, RP_EXIT_GENERATOR },
        { "limited-no-teardown", RP_EXIT_TEARDOWN, RP_EXIT_TEARDOWN },
        { "limited-accounting", RP_EXIT_INTERNAL, RP_EXIT_INTERNAL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        for (int strict = 0; strict < 2; strict++) {
            struct run run = { .is_strict = strict };
            bool is_limited = i > 0;

            coordinate(&run, cases[i].mode, "");
            assert_int_equal(run.r, 0);
            assert_int_equal(run.result.exit_code, strict ? cases[i].strict_code : cases[i].code);
            assert_int_equal(run.result.generator,
                             is_limited ? RP_GENERATOR_LIMITED : RP_GENERATOR_VALID);
            assert_int_equal(run.result.generator_reason_count, is_limited);
            if (is_limited)
                assert_int_equal(run.result.generator_reasons[0].cause, RP_CAUSE_PORTS);
            if (run.result.exit_code == RP_EXIT_GENERATOR)
                assert_reason(run.result.reason,
                              "the generator itself was the limit: the worker ran out of local "
                              "ports 3 times: ",
                              cases[i].mode, "");
            run_deinit(&run);
        }
}

static void test_aborts(void **state)
{
    static const struct {
        const char *mode, *reason;
        bool has_run;
    } cases[] = {
        { "aborts", "aborted by the script: enough", true },
        { "setup-aborts", "aborted by the script", false },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };

        coordinate(&run, cases[i].mode, "");
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, RP_EXIT_ABORTED);
        assert_string_equal(run.result.reason, cases[i].reason);
        assert_int_equal(run.result.teardown_time, 5);
        assert_int_equal(run.result.accounting_count, cases[i].has_run);
        assert_int_equal(run.result.is_cut_short, cases[i].has_run);
        run_deinit(&run);
    }
}

/* What the worker offers and what RAMPA_WIRE wants. fake_worker ends when it hears the other encoding. */
static void test_encodings(void **state)
{
    static const struct {
        const char *mode, *wire, *error, *hint;
    } cases[] = {
        { "good", NULL, NULL, NULL },
        { "good", "", NULL, NULL },
        { "good", "msgpack", NULL, NULL },
        { "json", "json", NULL, NULL },
        { "json-only", NULL, NULL, NULL },
        { "json-only", "json", NULL, NULL },
        { "good", "json", "the worker does not have the encoding json of messages", NULL },
        { "json-only", "msgpack", "the worker does not have the encoding msgpack of messages",
          NULL },
        { "cbor-only", NULL, "the worker does not have the encoding msgpack or json of messages",
          NULL },
        { "good", "jsn", "'jsn' is not an encoding; RAMPA_WIRE may be msgpack or json",
          "did you mean 'json'?" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .wire = cases[i].wire };

        coordinate(&run, cases[i].mode, "");
        assert_int_equal(run.r, cases[i].error ? -RP_EUSER : 0);
        if (cases[i].error)
            assert_string_equal(run.err.message, cases[i].error);
        else
            assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
        if (cases[i].hint)
            assert_string_equal(run.err.hint, cases[i].hint);
        run_deinit(&run);
    }
}

static void test_no_such_program(void **state)
{
    char name[] = "/no/such/program", *argv[] = { name, NULL };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .worker_argv = argv,
                                            .worker_hint = "a hint",
                                            .overrides = &no_overrides };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };

    assert_int_equal(rp_coordinate(&config, &result, &err), -RP_EUSER);
    assert_string_equal(err.message,
                        "cannot start the worker '/no/such/program': No such file or directory");
    assert_string_equal(err.hint, "a hint");
    rp_error_deinit(&err);
    rp_result_deinit(&result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_worker),
        cmocka_unit_test(test_a_run_id),
        cmocka_unit_test(test_only_the_plan),
        cmocka_unit_test(test_dies),
        cmocka_unit_test_teardown(test_dies_while_nobody_looks, end_disorder),
        cmocka_unit_test_teardown(test_says_much_and_ends, end_disorder),
        cmocka_unit_test_teardown(test_leaves_a_child_that_speaks_on, end_disorder),
        cmocka_unit_test(test_speaks_nonsense),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_a_limited_generator),
        cmocka_unit_test(test_aborts),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_no_such_program),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}
