/* SPDX-License-Identifier: MIT */

/* Outputs in Python as sinks, with programs in place of the interpreter that say what it might say: what is kept for a process that
 * takes nothing, what counts as lost, and memory that fails anywhere. Classes in Python are in tests/e2e. */

#include "../run/fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/python_output.h"
#include "base/alloc.h"
#include "loop/loop.h"
#include "run/measured.h"

static const struct rp_output_kind *const kinds[] = { &rp_output_python, NULL };

struct desk {
    char folder[64], python[96];
    struct fixture fixture;
    struct rp_sinks sinks;
    struct rp_output *outputs;
    struct rp_error err;
    struct rp_loop *loop; /* of the run, or NULL */
    struct rp_sink reader;
    struct rp_buf printed; /* lines, each with "|" behind it */
};

static void read_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct desk *desk = rp_container_of(sink, struct desk, reader);

    rp_buf_append_str(&desk->printed, event->printed.text);
    rp_buf_append_str(&desk->printed, "|");
}

static const struct rp_sink_ops reading = { .events = RP_EVENT_BIT(RP_EVENT_PRINTED),
                                            .event = read_event };

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    signal(SIGPIPE, SIG_IGN);
    snprintf(desk->folder, sizeof(desk->folder), "/tmp/rampa-outputs-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->python, sizeof(desk->python), "%s/python", desk->folder);
    fixture_passed(&desk->fixture);
    rp_buf_init(&desk->printed, 1 << 20);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_outputs_free(desk->outputs);
    rp_loop_free(desk->loop);
    rp_error_deinit(&desk->err);
    rp_buf_deinit(&desk->printed);
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

    rp_sink_remove(&desk->reader);
    rp_sinks_init(&desk->sinks);
    rp_sinks_add(&desk->sinks, &desk->reader, &reading);
    desk->sinks.loop = desk->loop;
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

static void test_what_it_prints_is_harmless(void **state)
{
    struct desk *desk = *state;
    char expected[4096];

    write_python(desk, "printf 'early hunter2hunter2\\n'\n" FOUND
                       "printf 'no \\033[31m: hunter2hunter2\\n'\n"
                       "printf '%02000d hunter2hunter2\\n' 0\nexit 3\n");
    assert_int_equal(begin(desk, "some:A", "some:A.key=hunter2hunter2"), -RP_EUSER);
    snprintf(expected, sizeof(expected), "early ***|no \xef\xbf\xbd[31m: ***|%02000d ***|", 0);
    assert_string_equal(rp_buf_str(&desk->printed), expected);
    end(desk, false);
}

/* As if the process talked faster than it is heard: there is always more to read. */
static bool is_flooded;
static int reads;

ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    struct pollfd more = { .fd = fd, .events = POLLIN };

    if (is_flooded) {
        assert_true(++reads < 20);
        assert_int_equal(poll(&more, 1, 10000), 1);
    }
    return __real_recv(fd, data, size, flags);
}

static void turn_flooded(struct desk *desk)
{
    is_flooded = true;
    reads = 0;
    assert_int_equal(rp_loop_turn(desk->loop, RP_NS_NEVER), 0);
    is_flooded = false;
}

static void on_due(struct rp_timer *timer, rp_ns now)
{
    rp_timer_disarm(timer);
}

/* The loop of the run goes on, and so does the output. */
static void test_a_process_that_never_stops_talking(void **state)
{
    struct desk *desk = *state;
    struct rp_timer timer = { 0 };

    reads = 0;
    write_python(desk, FOUND STARTED "yes '{}' >&3 &\n"
                                     "grep -aq is_run <&3\nkill $!\nwait\necho >&3\n"
                                     "echo '{\"type\":\"taken\",\"samples\":30}' >&3\n" DONE
                                     "cat <&3 >/dev/null\n");
    assert_int_equal(rp_loop_new(rp_loop_epoll, &desk->loop), 0);
    assert_int_equal(begin(desk, "some:A", NULL), 0);
    while (!reads)
        turn_flooded(desk);
    rp_timer_arm(desk->loop, &timer, rp_clock_ns(), on_due);
    while (rp_timer_is_armed(&timer))
        turn_flooded(desk);
    samples(desk, 30);
    end(desk, true);
    assert_null(desk->err.message);
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
        cmocka_unit_test_setup_teardown(test_what_it_prints_is_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_process_that_never_stops_talking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_may_fail_anywhere, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
