/* SPDX-License-Identifier: MIT */
/* The findings about the program itself, the two reports, and the command. */
#include "app/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "app/app.h"
#include "app/cli.h"
#include "app/python_find.h"
#include "base/sysfile.h"
#include "app/term.h"
#include "base/alloc.h"
#include "run/result.h"
#include "loop/loop.h"
#include "net/tls.h"
#include "output/json_out.h"
#include "output/machine.h"
#include "base/text.h"
#include "ui/ink.h"

#define SET(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

enum { REPORT_MAX = 1 << 20, PYTHON_TIMEOUT_MS = 20000, SCHEMA = 1 };

const char *rp_finding_verdict_name(enum rp_finding_verdict verdict)
{
    static const char *const names[] = { "ok", "warning", "error" };

    return names[verdict];
}

struct rp_finding *rp_doctor_add(struct rp_doctor_report *report, const char *id, const char *title)
{
    struct rp_finding *finding;

    rp_assert(report->count < RP_FINDINGS_MAX);
    finding = &report->findings[report->count++];
    *finding = (struct rp_finding){ .id = id, .title = title };
    return finding;
}

size_t rp_doctor_count(const struct rp_doctor_report *report, enum rp_finding_verdict verdict)
{
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++)
        count += report->findings[i].verdict == verdict;
    return count;
}

/* ---- the program itself ---------------------------------------------------------------------- */

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif
#ifdef __OPTIMIZE__
#define IS_OPTIMIZED 1
#else
#define IS_OPTIMIZED 0
#endif

void rp_doctor_build(struct rp_doctor_report *report)
{
    struct rp_finding *version = rp_doctor_add(report, "version", "rampa");
    struct rp_finding *system = rp_doctor_add(report, "system", "system");
    struct rp_finding *build = rp_doctor_add(report, "build", "build");
    struct rp_machine machine;

    SET(version->value, "%s", RAMPA_VERSION);
    rp_machine_read(&machine);
    SET(system->value, "%s%s%s, %s", machine.os, machine.os[0] ? ", " : "", machine.kernel,
        machine.arch);
    SET(build->value, "%s, %s%s", COMPILER, IS_OPTIMIZED ? "optimised" : "not optimised",
        IS_SANITIZED ? ", with sanitizers" : "");
    if (IS_OPTIMIZED && !IS_SANITIZED)
        return;
    build->verdict = RP_FINDING_WARNING;
    SET(build->limits, "slow: the test generates less load, and its own share of latencies grows");
    SET(build->remedy, "meson configure BUILD -Dbuildtype=debugoptimized -Db_sanitize=none");
}

void rp_doctor_loop(struct rp_doctor_report *report, const struct rp_doctor_place *place)
{
    struct rp_finding *finding = rp_doctor_add(report, "loop", "event loop");
    const char *forced = getenv("RAMPA_LOOP"), *why = rp_loop_unusable(rp_loop_uring);
    const struct rp_loop_ops *ops;
    struct rp_error err = { 0 };
    int64_t disabled = 0;

    if (rp_loop_pick(forced, &ops, &err) < 0) {
        finding->verdict = RP_FINDING_ERROR;
        SET(finding->value, "none: %s", err.message ? err.message : "none works here");
        SET(finding->limits, "no test can run");
        if (forced && *forced)
            SET(finding->remedy, "unset RAMPA_LOOP");
        rp_error_deinit(&err);
        return;
    }
    SET(finding->value, "%s%s", rp_loop_ops_name(ops),
        forced && *forced ? " (RAMPA_LOOP says so)" : "");
    if (!why)
        return;
    SET(finding->limits,
        "a request costs some percent more than with io_uring, which is not "
        "usable: %s",
        why);
    if (rp_sysfile_int(place->root, "/proc/sys/kernel/io_uring_disabled", &disabled) && disabled)
        SET(finding->remedy, "sudo sysctl -w kernel.io_uring_disabled=0");
}

void rp_doctor_tls(struct rp_doctor_report *report)
{
    struct rp_finding *finding = rp_doctor_add(report, "tls", "TLS");
    struct rp_tls_authorities found;

    if (rp_tls_find_authorities(&found)) {
        SET(finding->value, "%s, authorities in %s%s%s", rp_tls_library(),
            found.file ? found.file : "", found.file && found.folder ? " and " : "",
            found.folder ? found.folder : "");
        return;
    }
    finding->verdict = RP_FINDING_WARNING;
    SET(finding->value, "%s, no authorities", rp_tls_library());
    SET(finding->limits, "the certificate of no server is accepted, but with --cacert or "
                         "--insecure");
    SET(finding->remedy, "sudo apt install ca-certificates");
}

/* ---- reports --------------------------------------------------------------------------------- */

static const char *verdict_color(enum rp_finding_verdict verdict)
{
    return verdict == RP_FINDING_OK        ? RP_INK_GREEN
           : verdict == RP_FINDING_WARNING ? RP_INK_YELLOW
                                           : RP_INK_BOLD RP_INK_RED;
}

/* "  limits  text" below the value. A command stays on one line, whole, to be copied. */
static void write_detail(const char *label, const char *text, struct rp_style style,
                         bool is_command, struct rp_buf *out)
{
    enum { COLUMN = 26, LABEL = 8 };

    if (!*text)
        return;
    rp_text_fill(out, ' ', COLUMN);
    rp_buf_append_str(out, rp_ink(style.color, RP_INK_DIM));
    rp_text_pad(out, rp_slice_str(label), LABEL);
    rp_buf_append_str(out, rp_ink(style.color, RP_INK_OFF));
    if (is_command) {
        rp_buf_append_str(out, rp_ink(style.color, RP_INK_CYAN));
        rp_text_append(out, rp_slice_str(text), SIZE_MAX);
        rp_buf_append_str(out, rp_ink(style.color, RP_INK_OFF));
    } else {
        rp_text_wrap(out, rp_slice_str(text), style.width, COLUMN + LABEL, COLUMN + LABEL);
    }
    rp_buf_append_str(out, "\n");
}

static void write_finding(const struct rp_finding *finding, struct rp_style style,
                          struct rp_buf *out)
{
    rp_buf_appendf(out, "  %s", rp_ink(style.color, verdict_color(finding->verdict)));
    rp_text_pad(out, rp_slice_str(rp_finding_verdict_name(finding->verdict)), 9);
    rp_buf_append_str(out, rp_ink(style.color, RP_INK_OFF RP_INK_BOLD));
    rp_text_pad(out, rp_slice_str(finding->title), 15);
    rp_buf_append_str(out, rp_ink(style.color, RP_INK_OFF));
    rp_text_wrap(out, rp_slice_str(finding->value), style.width, 26, 26);
    rp_buf_append_str(out, "\n");
    write_detail("limits", finding->limits, style, false, out);
    write_detail("lift by", finding->remedy, style, true, out);
}

static void write_conclusion(const struct rp_doctor_report *report, struct rp_style style,
                             struct rp_buf *out)
{
    size_t errors = rp_doctor_count(report, RP_FINDING_ERROR);
    size_t warnings = rp_doctor_count(report, RP_FINDING_WARNING);

    if (errors)
        rp_buf_appendf(out, "\n%sNo test can run here%s: %zu error%s, %zu warning%s.\n",
                       rp_ink(style.color, verdict_color(RP_FINDING_ERROR)),
                       rp_ink(style.color, RP_INK_OFF), errors, errors == 1 ? "" : "s", warnings,
                       warnings == 1 ? "" : "s");
    else if (warnings)
        rp_buf_appendf(out, "\nA test can run here; for a big one there %s %zu warning%s above.\n",
                       warnings == 1 ? "is" : "are", warnings, warnings == 1 ? "" : "s");
    else
        rp_buf_append_str(out, "\nA test can run here.\n");
}

/* What is wrong with the version of a package, which is empty when it is not installed; or "". */
static const char *package_remark(const char *name, const char *version)
{
    bool is_unfit = !strcmp(name, "mcp") && strncmp(version, "2.", 2) != 0;

    return is_unfit ? " (rampa mcp needs version 2: pip install 'mcp>=2,<3')" : "";
}

/* Lines that a script can look for. */
static void write_versions(const struct rp_doctor_report *report, struct rp_buf *out)
{
    struct utsname name;
    const char *python = report->python_version;

    rp_buf_appendf(out, "rampa: %s\npython: %s\n", RAMPA_VERSION, *python ? python : "not found");
    if (uname(&name) == 0)
        rp_buf_appendf(out, "platform: linux (%s)\n", name.machine);
    for (size_t i = 0; i < RP_DOCTOR_PACKAGES; i++) {
        const char *version = report->package_versions[i];

        rp_buf_appendf(out, "%s: ", rp_doctor_packages[i]);
        rp_text_append(out, rp_slice_str(*version ? version : "not installed"), SIZE_MAX);
        rp_buf_appendf(out, "%s\n", package_remark(rp_doctor_packages[i], version));
    }
    rp_buf_append_str(out, "\n");
}

void rp_doctor_write_text(const struct rp_doctor_report *report, struct rp_style style,
                          struct rp_buf *out)
{
    if (!style.width)
        style.width = 80;
    write_versions(report, out);
    for (size_t i = 0; i < report->count; i++)
        write_finding(&report->findings[i], style, out);
    write_conclusion(report, style, out);
}

static json_t *text_or_null(const char *text)
{
    return rp_json_text(*text ? text : NULL);
}

static json_t *finding_json(const struct rp_finding *finding)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "id", rp_json_text(finding->id));
    rp_json_put(&object, "verdict", rp_json_text(rp_finding_verdict_name(finding->verdict)));
    rp_json_put(&object, "value", text_or_null(finding->value));
    rp_json_put(&object, "limits", text_or_null(finding->limits));
    rp_json_put(&object, "remedy", text_or_null(finding->remedy));
    return rp_json_take(&object);
}

static json_t *packages_json(const struct rp_doctor_report *report)
{
    struct rp_json_object object = rp_json_object();

    for (size_t i = 0; i < RP_DOCTOR_PACKAGES; i++)
        rp_json_put(&object, rp_doctor_packages[i], text_or_null(report->package_versions[i]));
    return rp_json_take(&object);
}

int rp_doctor_write_json(const struct rp_doctor_report *report, struct rp_buf *out)
{
    struct rp_json_object object = rp_json_object();
    json_t *findings = json_array(), *whole;
    char *text;

    for (size_t i = 0; i < report->count; i++)
        rp_json_push(&findings, finding_json(&report->findings[i]));
    rp_json_put(&object, "schema", json_integer(SCHEMA));
    rp_json_put(&object, "can_run", json_boolean(!rp_doctor_count(report, RP_FINDING_ERROR)));
    rp_json_put(&object, "errors", rp_json_count(rp_doctor_count(report, RP_FINDING_ERROR)));
    rp_json_put(&object, "warnings", rp_json_count(rp_doctor_count(report, RP_FINDING_WARNING)));
    rp_json_put(&object, "python", text_or_null(report->python_version));
    rp_json_put(&object, "packages", packages_json(report));
    rp_json_put(&object, "findings", findings);
    whole = rp_json_take(&object);
    text = whole ? json_dumps(whole, JSON_INDENT(2)) : NULL;
    json_decref(whole);
    if (!text)
        return -ENOMEM;
    rp_buf_appendf(out, "%s\n", text);
    free(text);
    return out->error;
}

/* ---- the command ----------------------------------------------------------------------------- */

int rp_cmd_doctor(const struct rp_cli *cli)
{
    const char *format = rp_cli_value(cli, RP_OPT_FORMAT).value;
    struct rp_style style = { .color = rp_term_color(stdout, cli->flags[RP_OPT_NO_COLOR]),
                              .width = rp_term_width(stdout) };
    struct rp_doctor_place place = { .root = "", .timeout_ms = PYTHON_TIMEOUT_MS };
    struct rp_doctor_report report = { 0 };
    struct rp_buf out;
    char *python;
    int code;

    rp_buf_init(&out, REPORT_MAX);
    if (rp_python_use_package() < 0 ||
        rp_python_find(rp_cli_value(cli, RP_OPT_PYTHON).value, &python) < 0)
        out.error = -ENOMEM;
    if (!out.error) {
        place.python = python;
        rp_doctor_build(&report);
        rp_doctor_loop(&report, &place);
        rp_doctor_tls(&report);
        rp_doctor_python(&report, &place);
        rp_doctor_limits(&report, &place);
        rp_doctor_machine(&report, &place);
        rp_free(python);
        if (format && strcmp(format, "json") == 0)
            out.error = rp_doctor_write_json(&report, &out);
        else
            rp_doctor_write_text(&report, style, &out);
    }
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code ? code : rp_doctor_count(&report, RP_FINDING_ERROR) ? 1 : RP_EXIT_PASSED;
}
