/* SPDX-License-Identifier: MIT */

/* The result file as a sink: refused before the run, written after it, left alone when there was none. */

#include "../run/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "output/result_file.h"
#include "output/result_sink.h"

struct desk {
    char folder[64], path[80];
    struct fixture fixture;
    struct rp_sinks sinks;
    struct rp_result_sink *sink;
    struct rp_error err;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    snprintf(desk->folder, sizeof(desk->folder), "/tmp/rampa-result-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->path, sizeof(desk->path), "%s/result.json", desk->folder);
    fixture_passed(&desk->fixture);
    rp_sinks_init(&desk->sinks);
    rp_sinks_start(&desk->sinks, &desk->fixture.result);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_result_sink_free(desk->sink);
    rp_error_deinit(&desk->err);
    fixture_deinit(&desk->fixture);
    unlink(desk->path);
    assert_int_equal(rmdir(desk->folder), 0); /* nothing else is left in it */
    free(desk);
    return 0;
}

static int open_sink(struct desk *desk, const char *path)
{
    assert_int_equal(rp_result_sink_new(&desk->sinks, path, &desk->sink), 0);
    return rp_sinks_open(&desk->sinks, desk->fixture.result.plan, &desk->err);
}

/* "" when there is no file. */
static const char *content(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");

    *text = '\0';
    if (file) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

static void test_written_at_the_end(void **state)
{
    struct desk *desk = *state;
    struct rp_buf json;

    assert_int_equal(open_sink(desk, desk->path), 0);
    assert_string_equal(content(desk->path), "");
    rp_sinks_close(&desk->sinks, true, &desk->err);
    assert_null(desk->err.message);
    rp_buf_init(&json, 1 << 20);
    assert_int_equal(rp_result_write_json(&desk->fixture.result, &json), 0);
    assert_string_equal(content(desk->path), rp_buf_str(&json));
    rp_buf_deinit(&json);
}

static void test_refuses_the_run(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(open_sink(desk, "/no/such/folder/result.json"), -RP_EUSER);
    assert_non_null(strstr(desk->err.message, "'/no/such/folder/result.json'"));
    assert_string_equal(desk->err.hint, "make the folder first (mkdir -p)");
}

static void test_nothing_was_run(void **state)
{
    struct desk *desk = *state;
    FILE *file = fopen(desk->path, "w");

    fputs("old", file);
    fclose(file);
    assert_int_equal(open_sink(desk, desk->path), 0);
    rp_sinks_close(&desk->sinks, false, &desk->err);
    assert_string_equal(content(desk->path), "old");
}

/* The run ended before there was a plan. */
static void test_never_opened(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(rp_result_sink_new(&desk->sinks, desk->path, &desk->sink), 0);
    rp_sinks_close(&desk->sinks, true, &desk->err);
    assert_null(desk->err.message);
    assert_string_equal(content(desk->path), "");
}

static void test_cannot_be_written(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(open_sink(desk, "/dev/full"), 0);
    rp_sinks_close(&desk->sinks, true, &desk->err);
    assert_string_equal(
        desk->err.message,
        "the result file '/dev/full' could not be written: No space left on device");
    assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_OUTPUT);
}

/* A half of a result is never left. */
static void test_without_memory(void **state)
{
    struct desk *desk = *state;

    rp_alloc_fail_at(1);
    assert_int_equal(rp_result_sink_new(&desk->sinks, desk->path, &desk->sink), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(open_sink(desk, desk->path), 0);
    rp_alloc_fail_at(3);
    rp_sinks_close(&desk->sinks, true, &desk->err);
    rp_alloc_fail_at(0);
    assert_string_equal(desk->err.message, "the result cannot be written as JSON");
    assert_string_equal(content(desk->path), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_was_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
