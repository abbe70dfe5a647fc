/* SPDX-License-Identifier: MIT */

/* The output junit: a report in the XML that CI systems read. Each threshold and each check is a
 * test case, and so is the run itself. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/text.h"
#include "output/text_file.h"
#include "plan/threshold.h"
#include "run/collect.h"

struct suite {
    struct rp_buf cases; /* the test cases */
    unsigned tests, failures, errors, skipped;
};

/* A character that XML has no place for is written as "\x1b". */
static void put_text(struct rp_buf *out, const char *text)
{
    struct rp_slice rest = rp_slice_str(text);

    while (rest.len) {
        struct rp_rune rune = rp_rune_decode(rest);
        bool is_control = (rune.code < 0x20 && !strchr("\t\n\r", (int)rune.code)) ||
                          (rune.code >= 0x7f && rune.code < 0xa0) || rune.code == 0xfffe ||
                          rune.code == 0xffff;

        if (!rune.is_valid)
            rp_buf_append_str(out, "\xef\xbf\xbd");
        else if (is_control || !rune.code)
            rp_buf_appendf(out, "\\x%02x", rune.code);
        else if (rune.code < 0x80 && strchr("&<>\"\t\n\r", (int)rune.code))
            rp_buf_appendf(out, "&#%u;", rune.code);
        else
            rp_buf_append(out, rest.ptr, rune.len);
        rest = rp_slice(rest.ptr + rune.len, rest.len - rune.len);
    }
}

static void put_attribute(struct rp_buf *out, const char *name, const char *text)
{
    rp_buf_appendf(out, " %s=\"", name);
    put_text(out, text);
    rp_buf_append_str(out, "\"");
}

/* A test case of @class whose name has two parts. @element: what it has come to, as "failure";
 * NULL = it has passed. @message says why; of a case that has passed it is its output, or NULL. */
static void put_case(struct suite *suite, const char *class, const char *first, const char *second,
                     const char *element, const char *message)
{
    struct rp_buf *out = &suite->cases;

    rp_buf_append_str(out, "    <testcase");
    put_attribute(out, "classname", class);
    rp_buf_append_str(out, " name=\"");
    put_text(out, first);
    rp_buf_append_str(out, *first && *second ? ": " : "");
    put_text(out, second);
    rp_buf_append_str(out, "\"");
    suite->tests++;
    if (element) {
        rp_buf_appendf(out, ">\n      <%s", element);
        put_attribute(out, "message", message);
        rp_buf_append_str(out, "/>\n    </testcase>\n");
    } else if (message) {
        rp_buf_append_str(out, ">\n      <system-out>");
        put_text(out, message);
        rp_buf_append_str(out, "</system-out>\n    </testcase>\n");
    } else {
        rp_buf_append_str(out, "/>\n");
    }
}

static void put_run(struct suite *suite, const struct rp_result *result)
{
    bool is_error = result->exit_code > RP_EXIT_THRESHOLDS || result->nothing_succeeded;

    suite->errors += is_error;
    put_case(suite, "run", "the run", "", is_error ? "error" : NULL,
             !is_error        ? NULL
             : result->reason ? result->reason
                              : rp_result_status_name(result));
}

static void put_thresholds(struct suite *suite, const struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;

    for (size_t i = 0; plan && i < plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &plan->thresholds[i];
        const struct rp_verdict *verdict = result->verdicts ? &result->verdicts[i] : NULL;
        const char *element = !verdict ? "skipped" : verdict->passed ? NULL : "failure";
        char message[RP_DOUBLE_TEXT + 64] = "it was not judged", stat[32];

        rp_stat_format(threshold->stat, stat, sizeof(stat));
        if (verdict && isfinite(verdict->actual)) {
            char number[RP_DOUBLE_TEXT];

            rp_format_double(verdict->actual, number);
            snprintf(message, sizeof(message), "%s was %s", stat, number);
        } else if (verdict) {
            snprintf(message, sizeof(message), "there were no samples");
        }
        suite->failures += verdict && !verdict->passed;
        suite->skipped += !verdict;
        put_case(suite, "thresholds", threshold->display, threshold->source, element,
                 element ? message : NULL);
    }
}

/* Whether the filter of a threshold on checks leaves room for samples of @check. */
static bool may_be_about(const struct rp_filter *filter, const struct rp_check_count *check)
{
    for (size_t i = 0; i < filter->count; i++) {
        const char *key = filter->pairs[i].key, *value = filter->pairs[i].value;

        if (strcmp(key, "check") == 0 && strcmp(value, check->name) != 0)
            return false;
        if (strcmp(key, "group") == 0 && strcmp(value, check->group) != 0)
            return false;
    }
    return true;
}

/* A check does not fail a run; a threshold on checks does. A report with failures of a run that has
 * passed would make a CI service stop where rampa lets it go on. */
static bool has_failed_the_run(const struct rp_result *result, const struct rp_check_count *check)
{
    const struct rp_plan *plan = result->plan;

    if (!check->fails || !plan || !result->verdicts)
        return false;
    for (size_t i = 0; i < plan->threshold_count; i++)
        if (strcmp(plan->thresholds[i].metric, "checks") == 0 && !result->verdicts[i].passed &&
            may_be_about(&plan->thresholds[i].filter, check))
            return true;
    return false;
}

static int put_checks(struct suite *suite, const struct rp_result *result)
{
    struct rp_check_counts checks = { 0 };
    int r = result->store ? rp_checks_collect(result->store, &checks) : 0;

    for (size_t i = 0; r == 0 && i < checks.count; i++) {
        const struct rp_check_count *check = &checks.items[i];
        bool has_failed = has_failed_the_run(result, check);
        char message[80];

        snprintf(message, sizeof(message), "%" PRIu64 " of %" PRIu64 " failed", check->fails,
                 check->passes + check->fails);
        suite->failures += has_failed;
        put_case(suite, "checks", check->group, check->name, has_failed ? "failure" : NULL,
                 message);
    }
    rp_checks_deinit(&checks);
    return r;
}

static void put_property(struct rp_buf *out, const char *name, const char *value)
{
    rp_buf_append_str(out, "      <property");
    put_attribute(out, "name", name);
    put_attribute(out, "value", value);
    rp_buf_append_str(out, "/>\n");
}

static void put_counts(struct rp_buf *out, const struct suite *suite,
                       const struct rp_result *result)
{
    char time[RP_DOUBLE_TEXT];
    int64_t milliseconds = result->elapsed / RP_MS;

    rp_format_double((double)milliseconds / 1e3, time);
    rp_buf_appendf(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%s\"",
                   suite->tests, suite->failures, suite->errors, suite->skipped, time);
}

static void put_suite(struct rp_buf *out, const struct suite *suite, const struct rp_result *result)
{
    time_t started = (time_t)(result->started_wall_ns / RP_S);
    char text[64];
    struct tm tm;

    rp_buf_append_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    put_counts(out, suite, result);
    rp_buf_append_str(out, ">\n  <testsuite");
    put_attribute(out, "name",
                  result->plan && result->plan->script ? result->plan->script : "rampa");
    put_counts(out, suite, result);
    if (started > 0 && gmtime_r(&started, &tm) &&
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
        put_attribute(out, "timestamp", text);
    rp_buf_append_str(out, ">\n    <properties>\n");
    put_property(out, "run_id", result->run_id);
    put_property(out, "status", rp_result_status_name(result));
    snprintf(text, sizeof(text), "%d", result->exit_code);
    put_property(out, "exit_code", text);
    rp_buf_append_str(out, "    </properties>\n");
    rp_buf_append_slice(out, rp_buf_slice(&suite->cases));
    rp_buf_append_str(out, "  </testsuite>\n</testsuites>\n");
}

static int write_junit(const struct rp_result *result, struct rp_buf *out)
{
    struct suite suite = { .tests = 0 };
    int r;

    rp_buf_init(&suite.cases, out->max);
    put_run(&suite, result);
    put_thresholds(&suite, result);
    r = put_checks(&suite, result);
    put_suite(out, &suite, result);
    r = r < 0 ? r : suite.cases.error;
    rp_buf_deinit(&suite.cases);
    return r;
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_text_format format = { .write = write_junit };

    return rp_text_file_new(spec, &format, ret, err);
}

const struct rp_output_kind rp_output_junit = {
    .name = "junit",
    .destination = RP_DESTINATION_FILE,
    .help = "thresholds and checks as test cases, for CI systems",
    .make = make,
};
