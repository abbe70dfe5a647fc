/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/python_find.h"
#include "app/run.h"
#include "app/script_file.h"
#include "base/alloc.h"
#include "scratch.h"

/* ---- which files are scripts ------------------------------------------------------------------------------- */

static int setup(void **state)
{
    static struct scratch scratch;

    scratch_make(&scratch);
    scratch_file(&scratch, "/load.py", "");
    scratch_file(&scratch, "/soak.py", "");
    scratch_file(&scratch, "/load.js", "");
    scratch_file(&scratch, "/tests/checkout.py", "");
    scratch_file(&scratch, "/tests/browse.py", "");
    scratch_file(&scratch, "/empty/notes.txt", "");
    *state = &scratch;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(chdir("/"), 0);
    scratch_remove(*state);
    return 0;
}

static void a_wrong_file_is_explained_and_the_nearest_named(void **state)
{
    static const struct {
        const char *path, *message, *hint; /* the hint without the folder */
    } cases[] = {
        { "/load.py", NULL, NULL },
        { "/tests/browse.py", NULL, NULL },
        { "/laod.py", "no such file", "did you mean '%s/load.py'?" },
        { "/load", "no such file", "did you mean '%s/load.py'?" },
        { "/load.pyy", "no such file", "did you mean '%s/load.py'?" },
        { "/Load.py", "no such file", "did you mean '%s/load.py'?" },
        { "/nothing_like_it.py", "no such file", NULL },
        { "/tests/brows.py", "no such file", "did you mean '%s/tests/browse.py'?" },
        { "/test/browse.py", "no such file", "there is no folder '%s/test'" },
        { "/load.py/x.py", "no such file", "there is no folder '%s/load.py'" },
        { "/tests", "is a folder, not a script", "did you mean '%s/tests/browse.py'?" },
        { "/tests/", "is a folder, not a script", "did you mean '%s/tests/browse.py'?" },
        { "/empty", "is a folder, not a script", NULL },
        { "/load.js", "is not a Python script",
          "this version of rampa runs URLs, scripts (.py) and archives (.rampa)" },
    };
    struct scratch *scratch = *state;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const char *path = scratch_path(scratch, cases[i].path);
        struct rp_error err = { 0 };
        int r = rp_script_file_check(path, &err);
        char hint[256], *marker;

        assert_int_equal(r, cases[i].message ? -RP_EUSER : 0);
        if (cases[i].message) {
            assert_string_equal(err.message, cases[i].message);
            assert_string_equal(err.file, path);
            assert_int_equal(!!err.hint, !!cases[i].hint);
        }
        if (cases[i].hint) {
            marker = strstr(cases[i].hint, "%s");
            snprintf(hint, sizeof(hint), "%.*s%s%s",
                     marker ? (int)(marker - cases[i].hint) : (int)strlen(cases[i].hint),
                     cases[i].hint, marker ? scratch->path : "", marker ? marker + 2 : "");
            assert_string_equal(err.hint, hint);
        }
        rp_error_deinit(&err);
    }
}

static void a_relative_name_is_looked_for_here(void **state)
{
    struct scratch *scratch = *state;
    struct rp_error err = { 0 };

    assert_int_equal(chdir(scratch->path), 0);
    assert_int_equal(rp_script_file_check("laod.py", &err), -RP_EUSER);
    assert_string_equal(err.hint, "did you mean 'load.py'?");
    assert_string_equal(err.file, "laod.py");
    rp_error_deinit(&err);
    assert_int_equal(rp_script_file_check("", &err), -RP_EUSER);
    assert_string_equal(err.message, "no such file");
    rp_error_deinit(&err);
}

static void a_name_of_any_length_is_survived(void **state)
{
    char name[8192];
    struct rp_error err = { 0 };

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(rp_script_file_check(name, &err), -RP_EUSER);
    rp_error_deinit(&err);
    for (size_t i = 1; i < sizeof(name) - 1; i += 2)
        name[i] = '/';
    assert_int_equal(rp_script_file_check(name, &err), -RP_EUSER);
    rp_error_deinit(&err);
    name[300] = '\0';
    memset(name, 'a', 300);
    assert_int_equal(rp_script_file_check(name, &err), -RP_EUSER);
    rp_error_deinit(&err);
}

/* ---- how errors look ---------------------------------------------------------------------------------------- */

static void print(const struct rp_error *err, bool color, char *out, size_t size)
{
    FILE *file = fmemopen(out, size, "w");

    assert_non_null(file);
    out[0] = '\0';
    rp_error_print(file, err, color);
    fclose(file);
}

static void an_error_has_place_message_hint_and_detail(void **state)
{
    struct rp_error err = { 0 };
    char out[4096];

    print(&err, false, out, sizeof(out));
    assert_string_equal(out, "");
    rp_error_set(&err, -RP_EUSER, "scenario 'browse': unknown executor 'constant-vu'");
    print(&err, false, out, sizeof(out));
    assert_string_equal(out, "error: scenario 'browse': unknown executor 'constant-vu'\n");
    rp_error_place(&err, "load.py", 0);
    print(&err, false, out, sizeof(out));
    assert_string_equal(out, "error: load.py: scenario 'browse': unknown executor 'constant-vu'\n");
    rp_error_place(&err, "load.py", 12);
    rp_error_suggest(&err, "constant-vus");
    rp_error_detail(&err, "Traceback (most recent call last):\n  line 1\n\nValueError: no");
    print(&err, false, out, sizeof(out));
    assert_string_equal(out,
                        "error: load.py:12: scenario 'browse': unknown executor 'constant-vu'\n"
                        "  did you mean 'constant-vus'?\n"
                        "Traceback (most recent call last):\n  line 1\n\nValueError: no\n");
    print(&err, true, out, sizeof(out));
    assert_non_null(strstr(out, "\033[1m\033[31merror:\033[0m "));
    assert_non_null(strstr(out, "load.py:12:\033[0m scenario"));
    rp_error_deinit(&err);
}

static void foreign_text_cannot_steer_the_terminal(void **state)
{
    struct rp_error err = { 0 };
    char out[4096];

    rp_error_set(&err, -RP_EUSER, "unknown option '%s'", "\033[2J\r--x\n\a");
    rp_error_place(&err, "lo\033ad.py", 1);
    rp_error_hint(&err, "hint\033[31m");
    rp_error_detail(&err, "detail\a\nmore\x7f");
    print(&err, false, out, sizeof(out));
    for (const char *c = out; *c; c++)
        assert_true(*c == '\n' || (unsigned char)*c >= ' ');
    assert_null(strchr(out, 0x7f));
    assert_int_equal(strncmp(out, "error: lo", 9), 0);
    rp_error_deinit(&err);
}

static void an_error_is_told_even_without_memory(void **state)
{
    struct rp_error err = { 0 };

    rp_error_set(&err, -RP_EUSER, "the message");
    rp_error_hint(&err, "%0200d", 0);
    rp_error_detail(&err, "detail");
    for (uint64_t n = 1; n < 5; n++) {
        char out[4096];

        rp_alloc_fail_at(n);
        print(&err, false, out, sizeof(out));
        rp_alloc_fail_at(0);
        assert_non_null(strstr(out, "error: the message\n"));
        assert_int_equal(out[strlen(out) - 1], '\n');
    }
    rp_error_deinit(&err);
}

/* ---- which interpreter ---------------------------------------------------------------------------------------- */

static void the_interpreter_asked_for_wins(void **state)
{
    struct scratch *scratch = *state;
    char *python;

    scratch_file(scratch, "/venv/bin/python3", "");
    assert_int_equal(chmod(scratch_path(scratch, "/venv/bin/python3"), 0755), 0);
    unsetenv("VIRTUAL_ENV");
    assert_int_equal(rp_python_find(NULL, &python), 0);
    assert_string_equal(python, RAMPA_PYTHON_DEFAULT);
    rp_free(python);
    setenv("VIRTUAL_ENV", scratch_path(scratch, "/venv"), 1);
    assert_int_equal(rp_python_find(NULL, &python), 0);
    assert_string_equal(python, scratch_path(scratch, "/venv/bin/python3"));
    rp_free(python);
    assert_int_equal(rp_python_find("/opt/python", &python), 0);
    assert_string_equal(python, "/opt/python");
    rp_free(python);
    setenv("VIRTUAL_ENV", "/nonexistent", 1);
    assert_int_equal(rp_python_find(NULL, &python), 0);
    assert_string_equal(python, RAMPA_PYTHON_DEFAULT);
    rp_free(python);
    unsetenv("VIRTUAL_ENV");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wrong_file_is_explained_and_the_nearest_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_relative_name_is_looked_for_here, setup, teardown),
        cmocka_unit_test(a_name_of_any_length_is_survived),
        cmocka_unit_test(an_error_has_place_message_hint_and_detail),
        cmocka_unit_test(foreign_text_cannot_steer_the_terminal),
        cmocka_unit_test(an_error_is_told_even_without_memory),
        cmocka_unit_test_setup_teardown(the_interpreter_asked_for_wins, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
