/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "report/report.h"

#define REST                                                                                       \
    "\"version\": \"0\", \"run\": {}, \"summary\": {}, \"thresholds\": [], \"checks\": [], "       \
    "\"errors\": {}, \"accounting\": [], \"workers\": [], \"machine\": {}, \"generator\": {}, "    \
    "\"series\": {}, \"histograms\": {\"m\": {\"encoding\": \"e\", \"data\": \"AAAA\", "           \
    "\"buckets\": []}}"
#define WHOLE                                                                                      \
    "{\"schema\": 2, " REST ", \"warnings\": [{\"text\": \"</script><b>\", \"count\": 1}]}"

/* A file with this text, removed by the next call. */
static const char *file_of(const char *text)
{
    static char path[64];
    FILE *file;
    int fd;

    if (path[0])
        unlink(path);
    snprintf(path, sizeof(path), "/tmp/rampa-report-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void test_what_is_no_result_file_is_refused(void **state)
{
    static const struct {
        const char *text, *cause, *remedy;
    } cases[] = {
        { "", "it is empty", "when the run has ended" },
        { "{\"schema\": 2, \"run\":\n {\"id\": ", "it is no JSON from line 2 on",
          "it ends too early" },
        { "[1,]", "it is no JSON from line 1 on", "--out FILE' writes one" },
        { "[]", "it has no 'schema'", "--out FILE' writes one" },
        { "{\"metrics\": {}}", "it has no 'schema'", "--out FILE' writes one" },
        { "{\"schema\": \"2\"}", "its 'schema' is no whole number", "--out FILE' writes one" },
        { "{\"schema\": 3}", "has schema 3, and this rampa reads schema 2", "or a newer one" },
        { "{\"schema\": 1}", "has schema 1, and this rampa reads schema 2",
          "with the rampa that wrote it" },
        { "{\"schema\": 2, \"version\": \"0\"}", "its member 'run' is missing", NULL },
        { "{\"schema\": 2, " REST ", \"warnings\": {}}", "its member 'warnings' is of another type",
          NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rp_error err = { 0 };
        json_t *result = NULL;
        const char *path = file_of(cases[i].text);

        assert_int_equal(rp_report_read(path, &result, &err), -RP_EUSER);
        assert_null(result);
        assert_non_null(strstr(err.message, path));
        assert_non_null(strstr(err.message, cases[i].cause));
        if (cases[i].remedy)
            assert_non_null(strstr(err.hint, cases[i].remedy));
        rp_error_deinit(&err);
    }
}

static void test_what_cannot_be_read_is_refused(void **state)
{
    static const char *const paths[] = { "/tmp", "/tmp/rampa-is-not-there.json" };

    for (size_t i = 0; i < 2; i++) {
        struct rp_error err = { 0 };
        json_t *result = NULL;

        assert_int_equal(rp_report_read(paths[i], &result, &err), -RP_EUSER);
        assert_non_null(strstr(err.message, i ? "No such file" : "is a folder"));
        rp_error_deinit(&err);
    }
}

static json_t *read_whole(void)
{
    struct rp_error err = { 0 };
    json_t *result = NULL;

    assert_int_equal(rp_report_read(file_of(WHOLE), &result, &err), 0);
    return result;
}

static void test_text_of_a_result_does_not_end_the_block_of_data(void **state)
{
    struct rp_report_input inputs[] = { { "</script>&a", read_whole() }, { "\xff", read_whole() } };
    struct rp_buf page;
    const char *data, *end;
    json_t *read;

    rp_buf_init(&page, 1 << 20);
    assert_int_equal(rp_report_write(inputs, 2, &page), 0);
    data = strstr(rp_buf_str(&page), "id=\"data\">");
    assert_non_null(data);
    data += strlen("id=\"data\">");
    end = strstr(data, "</script>");
    read = json_loadb(data, (size_t)(end - data), 0, NULL);
    assert_int_equal(json_array_size(read), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(read, 0), "name")),
                        "</script>&a");
    for (size_t i = 0; i < 2; i++) {
        json_t *result = json_object_get(json_array_get(read, i), "result");
        json_t *warning = json_array_get(json_object_get(result, "warnings"), 0);
        json_t *histogram = json_object_get(json_object_get(result, "histograms"), "m");

        assert_string_equal(json_string_value(json_object_get(warning, "text")), "</script><b>");
        assert_non_null(json_object_get(histogram, "buckets"));
        assert_null(json_object_get(histogram, "data"));
        json_decref(inputs[i].result);
    }
    json_decref(read);
    rp_buf_deinit(&page);
}

static void test_without_memory_or_room_there_is_no_page(void **state)
{
    struct rp_report_input input = { "a", read_whole() };
    const char *path = file_of(WHOLE);
    struct rp_error err = { 0 };
    struct rp_buf page;
    json_t *result = NULL;

    rp_alloc_fail_at(1);
    assert_int_equal(rp_report_read(path, &result, &err), -ENOMEM);
    rp_alloc_fail_at(0);
    for (size_t max = 1; max < 400000; max *= 3) {
        rp_buf_init(&page, max);
        assert_int_equal(rp_report_write(&input, 1, &page), max < 100000 ? -EMSGSIZE : 0);
        rp_buf_deinit(&page);
    }
    rp_buf_init(&page, 1 << 20);
    rp_alloc_fail_at(3);
    assert_int_equal(rp_report_write(&input, 1, &page), -ENOMEM);
    rp_alloc_fail_at(0);
    rp_buf_deinit(&page);
    json_decref(input.result);
    rp_error_deinit(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_result_file_is_refused),
        cmocka_unit_test(test_what_cannot_be_read_is_refused),
        cmocka_unit_test(test_text_of_a_result_does_not_end_the_block_of_data),
        cmocka_unit_test(test_without_memory_or_room_there_is_no_page),
    };
    int failed = cmocka_run_group_tests_name("report", tests, NULL, NULL);

    file_of("");
    return failed;
}
