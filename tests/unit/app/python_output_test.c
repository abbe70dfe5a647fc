/* SPDX-License-Identifier: MIT */

/* Outputs in Python as sinks, with programs in place of the interpreter that say what it might say: what is kept for a process that
 * takes nothing, what counts as lost, and memory that fails anywhere. Classes in Python are in tests/e2e. */

#include "../run/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/python_output.h"
#include "base/alloc.h"
#include "run/measured.h"

static const struct rp_output_kind *const kinds[] = { &rp_output_python, NULL };

struct desk {
    char folder[64], python[96];
    struct fixture fixture;
    struct rp_sinks sinks;
    struct rp_output *outputs;
    struct rp_error err;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    signal(SIGPIPE, SIG_IGN);
    snprintf(desk->folder, sizeof(desk->folder), "/tmp/rampa-outputs-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->python, sizeof(desk->python), "%s/python", desk->folder);
    fixture_passed(&desk->fixture);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_outputs_free(desk->outputs);
    rp_error_deinit(&desk->err);
    fixture_deinit(&desk->fixture);
    unlink(desk->python);
    assert_int_equal(rmdir(desk->folder), 0);
    free(desk);
    return 0;
}

#define FOUND "echo '{\"type\":\"found\"}' >&3\n"
#define STARTED "echo '{\"type\":\"started\"}' >&3\n"
#define DONE "echo '{\"type\":\"done\"}' >&3\n"

/* Whoever runs scripts of Python runs @program. */
static void write_python(struct desk *desk, const char *program)
{
    FILE *file = fopen(desk->python, "we");

    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s", program);
    fclose(file);
    assert_int_equal(chmod(desk->python, 0700), 0);
}

static int begin(struct desk *desk, const char *name, const char *option)
{
    const struct rp_override specs[] = { { name, "--output" } },
                             options[] = { { option, "--output-option" } };
    const struct rp_outputs_given given = { .specs = specs,
                                            .spec_count = 1,
                                            .options = options,
                                            .option_count = option ? 1 : 0,
                                            .python = desk->python };
    int r;

    rp_sinks_init(&desk->sinks);
    rp_sinks_start(&desk->sinks, &desk->fixture.result);
    r = rp_outputs_new(kinds, &desk->sinks, &given, &desk->outputs, &desk->err);
    if (r == 0)
        r = rp_sinks_open(&desk->sinks, desk->fixture.result.plan, &desk->err);
    return r;
}

static void end(struct desk *desk, bool is_run)
{
    rp_sinks_close(&desk->sinks, is_run, &desk->err);
    rp_outputs_free(desk->outputs);
    desk->outputs = NULL;
}

static void samples(struct desk *desk, size_t count)
{
    struct rp_sample *list = calloc(count, sizeof(*list));

    for (size_t i = 0; i < count; i++)
        list[i] = (struct rp_sample){
            .series = rp_store_series(desk->fixture.result.store, 0,
                                      (uint32_t)(i % desk->fixture.next_series)),
            .value = 1e6,
            .wall_ns = 1796010577123456789,
        };
    rp_sinks_samples(&desk->sinks,
                     &(struct rp_sample_block){ .worker = 1, .samples = list, .count = count });
    free(list);
}

static void test_a_process_that_takes_nothing_costs_samples_and_not_time(void **state)
{
    struct desk *desk = *state;
    struct rp_result *result = &desk->fixture.result;

    write_python(desk, FOUND STARTED "exec sleep 1000\n");
    assert_int_equal(begin(desk, "slow:A", "slow:A.wait=10ms"), 0);
    for (int i = 0; i < 8; i++) /* 6.5 MB: less than is kept */
        samples(desk, 40000);
    assert_int_equal(result->exit_code, RP_EXIT_PASSED);
    for (int i = 0; i < 8; i++)
        samples(desk, 40000);
    assert_int_equal(result->exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(result->reason,
                        "the output slow:A loses samples: it takes them too slowly");
    end(desk, true);
    assert_string_equal(desk->err.message,
                        "the process of the output slow:A did not end, and was killed");
    assert_string_equal(desk->err.detail,
                        "of the 640000 samples of the output slow:A 640000 are lost");
}

static void test_what_the_process_has_not_taken_is_lost(void **state)
{
    struct desk *desk = *state;

    /* What it says beside that is left out. */
    write_python(desk,
                 "echo loading\n" FOUND "echo nonsense >&3\necho '[1]' >&3\necho '{}' >&3\n" STARTED
                 "echo '{\"type\":\"taken\",\"samples\":10}' >&3\n" DONE "cat <&3 >/dev/null\n");
    assert_int_equal(begin(desk, "some:A", NULL), 0);
    samples(desk, 30);
    end(desk, true);
    assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(desk->err.message, "of the 30 samples of the output some:A 20 are lost");
}

static void test_an_interpreter_that_is_none(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(begin(desk, "some:A", NULL), -RP_EUSER);
    assert_non_null(strstr(desk->err.message, "/python' for the output some:A: No such file"));
    assert_int_equal(begin(desk, "some", NULL), -RP_EUSER);
    assert_string_equal(desk->err.message,
                        "--output: there is no output 'some'; the outputs are MODULE:CLASS");
    write_python(desk, "exit 3\n");
    assert_int_equal(begin(desk, "some:A", NULL), -RP_EUSER);
    assert_non_null(
        strstr(desk->err.message, "/python', which runs the output some:A, exited with status 3"));
    assert_non_null(strstr(desk->err.hint, "--python"));
    end(desk, false);
}

/* One run with the n-th allocation failing. Returns whether one failed. */
static bool fails(struct desk *desk, uint64_t n)
{
    uint64_t before = rp_alloc_count();
    bool has_failed;
    int r;

    desk->fixture.result.exit_code = RP_EXIT_PASSED;
    rp_alloc_fail_at(n);
    r = begin(desk, "some:A", "some:A.key=value");
    if (r == 0)
        samples(desk, 40);
    end(desk, r == 0);
    rp_alloc_fail_at(0);
    has_failed = n && rp_alloc_count() - before >= n;
    if (!n) {
        assert_int_equal(r, 0);
        assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_PASSED);
    }
    rp_error_deinit(&desk->err);
    return has_failed;
}

static void test_memory_may_fail_anywhere(void **state)
{
    struct desk *desk = *state;
    uint64_t n = 1;

    write_python(desk, FOUND STARTED
                 "echo '{\"type\":\"taken\",\"samples\":40,\"summary\":true}' >&3\n" DONE
                 "cat <&3 >/dev/null\n");
    fails(desk, 0);
    while (fails(desk, n))
        n += n > 100 ? 7 : 1;
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_process_that_takes_nothing_costs_samples_and_not_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_process_has_not_taken_is_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_interpreter_that_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_may_fail_anywhere, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
