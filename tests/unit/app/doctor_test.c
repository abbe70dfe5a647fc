/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/doctor.h"
#include "base/sysfile.h"
#include "base/alloc.h"
#include "scratch.h"
#include "base/text.h"

static int setup(void **state)
{
    static struct scratch scratch;

    scratch_make(&scratch);
    *state = &scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_remove(*state);
    return 0;
}

static const struct rp_finding *find(const struct rp_doctor_report *report, const char *id)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->findings[i].id, id) == 0)
            return &report->findings[i];
    fail_msg("no finding %s", id);
    abort(); /* not reached: the compiler does not know */
}

static void assert_in(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("'%s' is not in '%s'", what, text);
}

/* ---- control groups -------------------------------------------------------------------------------------------- */

static void the_tightest_quota_of_a_group_and_its_parents_counts(void **state)
{
    struct scratch *s = *state;
    struct rp_cgroup_stops stops;
    double cpus;
    int64_t left;

    assert_false(rp_cgroup_cpus(s->path, &cpus)); /* nothing can be read */
    scratch_file(s, "/proc/self/cgroup", "0::/a/b\n");
    assert_false(rp_cgroup_cpus(s->path, &cpus));
    scratch_file(s, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    assert_false(rp_cgroup_cpus(s->path, &cpus));
    scratch_file(s, "/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    assert_true(rp_cgroup_cpus(s->path, &cpus));
    assert_true(fabs(cpus - 1.5) < 1e-9);
    scratch_file(s, "/sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_true(rp_cgroup_cpus(s->path, &cpus));
    assert_true(fabs(cpus - 0.5) < 1e-9);

    assert_false(rp_cgroup_stopped(s->path, &stops));
    scratch_file(s, "/sys/fs/cgroup/a/cpu.stat",
                 "usage_usec 9\nnr_periods 7\nnr_throttled 5\nthrottled_usec 1234\n");
    scratch_file(s, "/sys/fs/cgroup/cpu.stat", "throttled_usec 1\nnr_throttled 2");
    scratch_file(s, "/sys/fs/cgroup/a/b/cpu.stat", "nr_throttled 1000\n"); /* has no quota */
    assert_true(rp_cgroup_stopped(s->path, &stops));
    assert_int_equal(stops.ns, 1235000);
    assert_int_equal(stops.times, 7);

    assert_false(rp_cgroup_memory(s->path, &left));
    scratch_file(s, "/sys/fs/cgroup/a/memory.max", "1000000\n");
    scratch_file(s, "/sys/fs/cgroup/a/memory.current", "400000\n");
    scratch_file(s, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_true(rp_cgroup_memory(s->path, &left));
    assert_int_equal(left, 600000);
    scratch_file(s, "/sys/fs/cgroup/a/b/memory.max", "100\n");
    scratch_file(s, "/sys/fs/cgroup/a/b/memory.current", "200\n");
    assert_true(rp_cgroup_memory(s->path, &left));
    assert_int_equal(left, 0);
}

static void groups_of_version_1_are_read_too(void **state)
{
    struct scratch *s = *state;
    struct rp_cgroup_stops stops;
    double cpus;
    int64_t left;

    scratch_file(s, "/proc/self/cgroup",
                 "9:name=systemd:/\n4:memory:/m/x\n2:cpu,cpuacct:/c\n"
                 "1:cpuset:/other\n0::/\n");
    scratch_file(s, "/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
    scratch_file(s, "/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
    assert_false(rp_cgroup_cpus(s->path, &cpus));
    scratch_file(s, "/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "25000\n");
    assert_true(rp_cgroup_cpus(s->path, &cpus));
    assert_true(fabs(cpus - 0.25) < 1e-9);
    scratch_file(s, "/sys/fs/cgroup/cpu/c/cpu.stat",
                 "nr_periods 3\nnr_throttled 2\nthrottled_time 99000\n");
    assert_true(rp_cgroup_stopped(s->path, &stops));
    assert_int_equal(stops.ns, 99000);
    assert_int_equal(stops.times, 2);
    scratch_file(s, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");
    assert_false(rp_cgroup_memory(s->path, &left));
    scratch_file(s, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "4096\n");
    scratch_file(s, "/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "96\n");
    assert_true(rp_cgroup_memory(s->path, &left));
    assert_int_equal(left, 4000);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void ports_are_counted(void **state)
{
    static const struct {
        const char *range, *reuse;
        enum rp_finding_verdict verdict;
        const char *limits, *not_limits;
    } cases[] = {
        { "32768\t60999\n", "0\n", RP_FINDING_OK, "28232 connections", "loopback" },
        { "32768\t60999\n", "2\n", RP_FINDING_OK, "470 new ones a second beyond loopback",
          "(null)" },
        { "1024\t65535\n", "1\n", RP_FINDING_OK, "64512 connections", "new ones" },
        { "60000 60999\n", "0\n", RP_FINDING_WARNING, "16 new ones a second", "loopback" },
    };
    struct scratch *s = *state;
    const struct rp_doctor_place place = { .root = s->path };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_doctor_report report = { 0 };
        const struct rp_finding *finding;

        scratch_file(s, "/proc/sys/net/ipv4/ip_local_port_range", cases[i].range);
        scratch_file(s, "/proc/sys/net/ipv4/tcp_tw_reuse", cases[i].reuse);
        rp_doctor_limits(&report, &place);
        finding = find(&report, "ports");
        assert_int_equal(finding->verdict, cases[i].verdict);
        assert_in(finding->limits, cases[i].limits);
        assert_null(strstr(finding->limits, cases[i].not_limits));
        /* A remedy that would change nothing is none. */
        if (strcmp(cases[i].range, "1024\t65535\n") == 0)
            assert_string_equal(finding->remedy, "");
        else
            assert_in(finding->remedy, "sysctl -w net.ipv4.ip_local_port_range");
    }
}

static void what_cannot_be_read_is_said(void **state)
{
    struct scratch *s = *state;
    const struct rp_doctor_place place = { .root = s->path };
    struct rp_doctor_report report = { 0 };

    scratch_file(s, "/proc/sys/net/core/somaxconn", "nonsense\n");
    rp_doctor_limits(&report, &place);
    rp_doctor_machine(&report, &place);
    assert_in(find(&report, "ports")->value, "ip_local_port_range cannot be read");
    assert_in(find(&report, "somaxconn")->value, "somaxconn cannot be read");
    assert_in(find(&report, "memory")->value, "/proc/meminfo cannot be read");
    assert_in(find(&report, "processors")->value, "no quota");
    assert_int_equal(rp_doctor_count(&report, RP_FINDING_ERROR), 0);
}

static void small_limits_are_warnings(void **state)
{
    struct scratch *s = *state;
    const struct rp_doctor_place place = { .root = s->path };
    struct rp_doctor_report report = { 0 };

    scratch_file(s, "/proc/sys/net/core/somaxconn", "128\n");
    scratch_file(s, "/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 4194304 kB\n");
    scratch_file(s, "/proc/self/cgroup", "0::/\n");
    scratch_file(s, "/sys/fs/cgroup/cpu.max", "10000 100000\n");
    rp_doctor_limits(&report, &place);
    rp_doctor_machine(&report, &place);
    assert_int_equal(find(&report, "somaxconn")->verdict, RP_FINDING_WARNING);
    assert_in(find(&report, "somaxconn")->remedy, "net.core.somaxconn=");
    assert_int_equal(find(&report, "processors")->verdict, RP_FINDING_WARNING);
    assert_in(find(&report, "processors")->value, "quota of 0.10");
    assert_int_equal(find(&report, "memory")->verdict, RP_FINDING_OK);
    assert_string_equal(find(&report, "memory")->value, "4096 MiB available");

    report = (struct rp_doctor_report){ 0 };
    scratch_file(s, "/sys/fs/cgroup/memory.max", "209715200\n");
    rp_doctor_machine(&report, &place);
    assert_int_equal(find(&report, "memory")->verdict, RP_FINDING_WARNING);
    assert_string_equal(find(&report, "memory")->value, "200 MiB available to this control group");
    assert_in(find(&report, "memory")->limits, "20480 connections");
}

/* Last of all: a hard limit cannot be raised again. */
static void the_hard_limit_of_open_files_counts(void **state)
{
    static const struct {
        rlim_t soft, hard;
        enum rp_finding_verdict verdict;
        const char *limits;
    } cases[] = {
        { 100, 1000, RP_FINDING_WARNING, "about 936 connections" },
        { 50, 50, RP_FINDING_ERROR, "about 0 connections" },
    };
    struct scratch *s = *state;
    const struct rp_doctor_place place = { .root = s->path };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rlimit limit = { cases[i].soft, cases[i].hard };
        struct rp_doctor_report report = { 0 };

        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rp_doctor_limits(&report, &place);
        assert_int_equal(find(&report, "open_files")->verdict, cases[i].verdict);
        assert_in(find(&report, "open_files")->limits, cases[i].limits);
        assert_in(find(&report, "open_files")->remedy, "prlimit");
    }
}

static void a_loop_that_cannot_be_used_is_an_error(void **state)
{
    const struct rp_doctor_place place = { .root = "" };
    struct rp_doctor_report report = { 0 };

    unsetenv("RAMPA_LOOP");
    rp_doctor_loop(&report, &place);
    assert_int_equal(find(&report, "loop")->verdict, RP_FINDING_OK);
    report.count = 0;
    setenv("RAMPA_LOOP", "epoll", 1);
    rp_doctor_loop(&report, &place);
    assert_string_equal(find(&report, "loop")->value, "epoll (RAMPA_LOOP says so)");
    report.count = 0;
    setenv("RAMPA_LOOP", "kqueue", 1);
    rp_doctor_loop(&report, &place);
    assert_int_equal(find(&report, "loop")->verdict, RP_FINDING_ERROR);
    assert_in(find(&report, "loop")->value, "kqueue");
    assert_string_equal(find(&report, "loop")->remedy, "unset RAMPA_LOOP");
    unsetenv("RAMPA_LOOP");
}

/* ---- Python ------------------------------------------------------------------------------------------------------- */

/* An interpreter that answers as the shell script @text says. */
static void fake_python(struct scratch *s, const char *text)
{
    char script[1024];

    snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", text);
    scratch_file(s, "/python", script);
    assert_int_equal(chmod(scratch_path(s, "/python"), 0755), 0);
}

static void an_interpreter_is_judged_by_its_answer(void **state)
{
    static const struct {
        const char *script;
        enum rp_finding_verdict verdict;
        const char *value, *limits;
    } cases[] = {
        { "echo rampa-doctor; echo 3.11.2; echo /usr/bin/python3; echo ok", RP_FINDING_OK,
          "3.11.2, /usr/bin/python3", "" },
        { "echo rampa-packages; echo 3.9.1; echo; echo 1; echo 2; echo rampa-doctor; echo 3.11.2; "
          "echo /p; echo ok",
          RP_FINDING_OK, "3.11.2, /p", "" },
        { "echo rampa-packages; echo 3.9.1", RP_FINDING_ERROR, "3.9.1", "cannot run" },
        { "echo noise; echo rampa-doctor; echo 3.13.0; echo /p; echo ok", RP_FINDING_OK,
          "3.13.0, /p", "" },
        { "echo rampa-doctor; echo 3.12.1; echo /p; echo 'ModuleNotFoundError: No module'",
          RP_FINDING_ERROR, "3.12.1, /p", "rampa cannot be imported (ModuleNotFoundError" },
        { "echo rampa-doctor; echo 3.10.12; echo /p; echo ok", RP_FINDING_ERROR,
          "3.10.12, /p is too old", "scripts cannot run" },
        { "echo rampa-doctor; echo 4.11.0; echo /p; echo ok", RP_FINDING_ERROR,
          "4.11.0, /p is too old", "scripts cannot run" },
        { "echo rampa-doctor; echo 3.11.2", RP_FINDING_ERROR, "gave no answer", "cannot run" },
        { "echo one >&2; echo 'Fatal: no encodings' >&2; exit 1", RP_FINDING_ERROR,
          "Fatal: no encodings", "cannot run" },
        { "exit 0", RP_FINDING_ERROR, "gave no answer", "cannot run" },
        { "yes | head -c 100000", RP_FINDING_ERROR, ": y", "cannot run" },
    };
    struct scratch *s = *state;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_doctor_place place = { .timeout_ms = 60000 };
        struct rp_doctor_report report = { 0 };
        const struct rp_finding *finding;

        fake_python(s, cases[i].script);
        place.python = scratch_path(s, "/python");
        rp_doctor_python(&report, &place);
        finding = find(&report, "python");
        assert_in(finding->value, cases[i].value);
        assert_in(finding->limits, cases[i].limits);
        assert_int_equal(finding->verdict, cases[i].verdict);
        assert_string_equal(report.package_versions[0],
                            strstr(cases[i].script, "3.9.1") ? "3.9.1" : "");
        assert_string_equal(report.package_versions[1], "");
        assert_int_equal(finding->verdict == RP_FINDING_ERROR, finding->remedy[0] != '\0');
    }
}

static void an_interpreter_that_is_none_is_an_error(void **state)
{
    struct scratch *s = *state;
    struct rp_doctor_place place = { .timeout_ms = 60000, .python = "/nonexistent/python3" };
    struct rp_doctor_report report = { 0 };

    rp_doctor_python(&report, &place);
    assert_string_equal(find(&report, "python")->value,
                        "/nonexistent/python3: No such file or directory");
    /* one that never answers is not waited for; it would end only when this test does */
    fake_python(s, "exec sleep 3600");
    place.python = scratch_path(s, "/python");
    place.timeout_ms = 1;
    report.count = 0;
    rp_doctor_python(&report, &place);
    assert_in(find(&report, "python")->value, "gave no answer in 1 ms");
    assert_int_equal(find(&report, "python")->verdict, RP_FINDING_ERROR);
}

/* ---- reports -------------------------------------------------------------------------------------------------------- */

static void fill(struct rp_doctor_report *report)
{
    struct rp_finding *finding = rp_doctor_add(report, "one", "first");

    snprintf(finding->value, sizeof(finding->value), "fine \"x\"\xff");
    finding = rp_doctor_add(report, "two", "second");
    finding->verdict = RP_FINDING_WARNING;
    snprintf(finding->value, sizeof(finding->value), "small");
    snprintf(finding->limits, sizeof(finding->limits),
             "a long sentence about what is limited that has to be broken somewhere");
    snprintf(finding->remedy, sizeof(finding->remedy),
             "a command --that=is much longer than the line but must stay whole to be copied");
}

static void the_text_report_is_fitted_and_commands_stay_whole(void **state)
{
    struct rp_doctor_report report = { 0 };
    const struct rp_style style = { .width = 60 };
    struct rp_buf out;

    assert_string_equal(rp_doctor_packages[0], "aiohttp");

    fill(&report);
    strcpy(report.python_version, "3.12.1");
    strcpy(report.package_versions[0], "3.9\x1b[31m");
    strcpy(report.package_versions[2], "2.3.0");
    rp_buf_init(&out, 1 << 16);
    rp_doctor_write_text(&report, style, &out);
    assert_in(rp_buf_str(&out), "\nmcp: 2.3.0\n\n");
    assert_in(rp_buf_str(&out), "rampa: " RAMPA_VERSION "\npython: 3.12.1\nplatform: linux (");
    assert_in(rp_buf_str(&out), "\nuvloop: not installed\n");
    assert_null(strchr(rp_buf_str(&out), '\x1b'));
    assert_string_equal(
        strstr(rp_buf_str(&out), "\n\n") + 2,
        "  ok       first          fine \"x\"\xef\xbf\xbd\n"
        "  warning  second         small\n"
        "                          limits  a long sentence about what\n"
        "                                  is limited that has to be\n"
        "                                  broken somewhere\n"
        "                          lift by a command --that=is much longer than the line but must "
        "stay whole to be copied\n"
        "\nA test can run here; for a big one there is 1 warning above.\n");
    report.findings[0].verdict = RP_FINDING_ERROR;
    strcpy(report.package_versions[2], "1.27.0");
    rp_buf_reset(&out);
    rp_doctor_write_text(&report, style, &out);
    assert_in(rp_buf_str(&out), "\nmcp: 1.27.0 (rampa mcp needs version 2: ");
    assert_in(rp_buf_str(&out), "\nNo test can run here: 1 error, 1 warning.\n");
    rp_buf_deinit(&out);
}

static void the_json_report_has_every_finding(void **state)
{
    struct rp_doctor_report report = { 0 };
    struct rp_buf out;
    json_t *root, *item;

    fill(&report);
    rp_buf_init(&out, 1 << 16);
    assert_int_equal(rp_doctor_write_json(&report, &out), 0);
    root = json_loads(rp_buf_str(&out), 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
    assert_true(json_is_true(json_object_get(root, "can_run")));
    assert_int_equal(json_integer_value(json_object_get(root, "warnings")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "findings")), 2);
    assert_int_equal(json_object_size(json_object_get(root, "packages")), RP_DOCTOR_PACKAGES);
    assert_true(json_is_null(json_object_get(root, "python")));
    item = json_array_get(json_object_get(root, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "id")), "one");
    assert_true(json_is_null(json_object_get(item, "limits")));
    item = json_array_get(json_object_get(root, "findings"), 1);
    assert_string_equal(json_string_value(json_object_get(item, "verdict")), "warning");
    assert_string_equal(json_string_value(json_object_get(item, "limits")),
                        report.findings[1].limits);
    assert_string_equal(json_string_value(json_object_get(item, "remedy")),
                        report.findings[1].remedy);
    json_decref(root);
    report.findings[1].verdict = RP_FINDING_ERROR;
    rp_buf_reset(&out);
    assert_int_equal(rp_doctor_write_json(&report, &out), 0);
    assert_in(rp_buf_str(&out), "\"can_run\": false");
    rp_buf_reset(&out);
    rp_buf_deinit(&out);

    for (uint64_t n = 1;; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = rp_doctor_write_json(&report, &out);
        rp_alloc_fail_at(0);
        rp_buf_deinit(&out);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        rp_buf_init(&out, 1 << 16);
    }
}

static void findings_are_right_of_this_machine(void **state)
{
    struct rp_doctor_place place = { .root = "" };
    struct rp_doctor_report report = { 0 };

    rp_doctor_build(&report);
    rp_doctor_machine(&report, &place);
    assert_string_equal(find(&report, "version")->value, RAMPA_VERSION);
    assert_in(find(&report, "system")->value, "Linux");
    assert_in(find(&report, "processors")->value, "online");
    assert_in(find(&report, "memory")->value, "MiB available");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tightest_quota_of_a_group_and_its_parents_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(groups_of_version_1_are_read_too, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(small_limits_are_warnings, setup, teardown),
        cmocka_unit_test(a_loop_that_cannot_be_used_is_an_error),
        cmocka_unit_test_setup_teardown(an_interpreter_is_judged_by_its_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interpreter_that_is_none_is_an_error, setup, teardown),
        cmocka_unit_test(the_text_report_is_fitted_and_commands_stay_whole),
        cmocka_unit_test(the_json_report_has_every_finding),
        cmocka_unit_test(findings_are_right_of_this_machine),
        cmocka_unit_test_setup_teardown(the_hard_limit_of_open_files_counts, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
