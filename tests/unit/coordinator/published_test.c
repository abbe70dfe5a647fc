/* SPDX-License-Identifier: MIT */

/* What the coordinator publishes in a run, and docs/events.md, which lists it. */

#include "coordinate.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/events.h"

/* ---- the page ---- */

static char *read_page(void)
{
    FILE *file = fopen(RP_EVENTS_PAGE, "r");
    char *page = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_true(fread(page, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return page;
}

/* From the headline to the next one, to be freed. */
static char *section(const char *page, const char *headline)
{
    const char *start = strstr(page, headline), *end;

    if (!start) {
        fail_msg("docs/events.md has no '%s'", headline);
        return NULL;
    }
    end = strstr(start + 1, "\n##");
    return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

static char *section_of(const char *page, const char *type)
{
    char headline[64];

    snprintf(headline, sizeof(headline), "\n### `%s`\n", type);
    return section(page, headline);
}

/* Whether there is a row "| `<prefix><name>` |". */
static bool has_row(const char *text, const char *prefix, const char *name)
{
    char row[200];

    snprintf(row, sizeof(row), "\n| `%s%s` |", prefix, name);
    return strstr(text, row) != NULL;
}

/* Rows whose name begins with @prefix and goes on without a dot. */
static size_t count_rows(const char *text, const char *prefix)
{
    size_t count = 0;

    for (const char *row = text; (row = strstr(row, "\n| `")); row += 4)
        if (strncmp(row + 4, prefix, strlen(prefix)) == 0)
            count += strcspn(row + 4 + strlen(prefix), ".") >
                     strcspn(row + 4 + strlen(prefix), "`");
    return count;
}

/* @object has the fields of the rows with @prefix, and no others. */
static void check_object(const char *text, const char *prefix, json_t *object, size_t more)
{
    const char *key;
    json_t *value;
    size_t found = 0;

    assert_true(json_is_object(object));
    json_object_foreach(object, key, value) found += has_row(text, prefix, key);
    if (found != count_rows(text, prefix) || json_object_size(object) != found + more)
        fail_msg("fields other than in docs/events.md: %s", json_dumps(object, 0));
}

static void check_snapshot(const char *text, json_t *root)
{
    json_t *item, *list = json_object_get(root, "scenarios");
    const char *name;
    char prefix[64];
    size_t i;

    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, item) check_object(text, "scenarios.", item, 0);
    json_object_foreach(json_object_get(root, "metrics"), name, item)
    {
        snprintf(prefix, sizeof(prefix), "metrics.%s.",
                 json_string_value(json_object_get(item, "type")));
        assert_true(count_rows(text, prefix) > 0);
        check_object(text, prefix, item, 0);
    }
}

/* Every event has the common fields and those of its section. */
static void check_documented(const char *page, json_t *root)
{
    const char *type = json_string_value(json_object_get(root, "type"));
    char *common = section(page, "\n## All events\n"), *own = section_of(page, type);
    size_t shared = count_rows(common, "");
    const char *key;
    json_t *value;

    assert_int_equal(shared, 5);
    json_object_foreach(root, key, value) shared -= has_row(common, "", key);
    assert_int_equal(shared, 0);
    check_object(own, "", root, 5);
    if (strcmp(type, "snapshot") == 0)
        check_snapshot(own, root);
    free(common);
    free(own);
}

static void test_the_page_has_every_event(void **state)
{
    char *page = read_page();
    size_t sections = 0, names = 0;

    for (unsigned kind = 0; kind <= RP_EVENT_MISSED; kind++) {
        const char *name = rp_event_kind_name(kind);
        char *text, *line;
        json_t *root;

        if (!name)
            continue;
        names++;
        text = section_of(page, name);
        line = strstr(text, "\n    {");
        if (!line)
            fail_msg("'%s' has no example", name);
        *strchr(line + 1, '\n') = '\0';
        root = json_loads(line + 5, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        assert_string_equal(json_string_value(json_object_get(root, "type")), name);
        check_documented(page, root);
        json_decref(root);
        free(text);
    }
    for (const char *at = page; (at = strstr(at, "\n### `")); at++)
        sections++;
    assert_int_equal(sections, names);
    free(page);
}

/* ---- runs ---- */

enum { EVENTS_MAX = 100 };

struct record {
    json_t *events[EVENTS_MAX];
    size_t count;
};

/* Runs and takes all that was published, which is checked as far as it can be alone. */
static void record_run(struct run *run, const char *mode, const char *phase, struct record *record)
{
    struct rp_event_queue *queue;
    struct rp_event_line *event;
    char *page = read_page();
    int64_t ns = 0;

    assert_int_equal(rp_events_new(&run->events), 0);
    assert_int_equal(rp_event_queue_new(run->events, 0, NULL, NULL, &queue), 0);
    coordinate(run, mode, phase);
    *record = (struct record){ .count = 0 };
    while ((event = rp_event_queue_take(queue))) {
        json_t *root = json_loads(event->line, JSON_REJECT_DUPLICATES, NULL);

        assert_non_null(root);
        assert_true(record->count < EVENTS_MAX);
        record->events[record->count++] = root;
        check_documented(page, root);
        assert_string_equal(json_string_value(json_object_get(root, "run_id")), run->result.run_id);
        assert_int_equal(json_integer_value(json_object_get(root, "seq")), record->count);
        assert_true(json_integer_value(json_object_get(root, "ns")) >= ns);
        ns = json_integer_value(json_object_get(root, "ns"));
        rp_event_line_unref(event);
    }
    rp_event_queue_free(queue);
    rp_events_free(run->events);
    free(page);
}

static void record_deinit(struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        json_decref(record->events[i]);
}

static const char *text_at(const json_t *event, const char *key)
{
    return json_string_value(json_object_get(event, key));
}

/* The types in a row, phases by their name. Of the snapshots, which come with time, only the last. */
static const char *course_of(const struct record *record)
{
    static char ret[2048];
    size_t last_snapshot = 0;

    for (size_t i = 0; i < record->count; i++)
        if (strcmp(text_at(record->events[i], "type"), "snapshot") == 0)
            last_snapshot = i;
    *ret = '\0';
    for (size_t i = 0; i < record->count; i++) {
        const char *type = text_at(record->events[i], "type");

        if (strcmp(type, "snapshot") == 0 && i != last_snapshot)
            continue;
        strcat(ret, *ret ? " " : "");
        strcat(ret, strcmp(type, "phase") == 0 ? text_at(record->events[i], "phase") : type);
    }
    return ret;
}

/* The @n-th (from 0) event of @type. */
static json_t *find(const struct record *record, const char *type, size_t n)
{
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(text_at(record->events[i], "type"), type) == 0 && n-- == 0)
            return record->events[i];
    fail_msg("there is no such event '%s'", type);
    return NULL;
}

static void test_a_good_run(void **state)
{
    struct run run = { .r = 0 };
    struct record record;
    json_t *last;

    record_run(&run, "good", "", &record);
    assert_string_equal(course_of(&record), "loading setup running teardown snapshot finished");
    last = find(&record, "finished", 0);
    assert_int_equal(json_integer_value(json_object_get(last, "exit_code")), 0);
    assert_string_equal(text_at(last, "status"), "passed");
    assert_true(json_is_null(json_object_get(last, "reason")));
    assert_true(json_integer_value(json_object_get(last, "elapsed_ns")) == RP_S);
    record_deinit(&record);
    run_deinit(&run);
}

#define NUMBER(object, key) json_number_value(json_object_get(object, key))

static void check_metrics(json_t *metrics)
{
    assert_int_equal(json_object_size(metrics), 4); /* no sub-metrics */
    assert_true(NUMBER(json_object_get(metrics, "iterations"), "count") == 3);
    assert_true(NUMBER(json_object_get(metrics, "vus"), "value") == 2);
    assert_true(NUMBER(json_object_get(metrics, "vus"), "min") == 1);
    assert_true(NUMBER(json_object_get(metrics, "checks"), "rate") == 0.5);
    assert_true(NUMBER(json_object_get(metrics, "iteration_duration"), "count") == 2);
    assert_true(NUMBER(json_object_get(metrics, "iteration_duration"), "avg") == 1.5);
    assert_true(NUMBER(json_object_get(metrics, "iteration_duration"), "min") == 1);
    assert_true(NUMBER(json_object_get(metrics, "iteration_duration"), "max") == 2);
}

/* Live thresholds: each is told once while it does not change; one without samples is not judged; one aborts. */
static void test_thresholds(void **state)
{
    static const struct {
        const char *metric;
        bool passed, aborts;
    } live[] = { { "iterations", true, false }, { "iterations", false, true } };
    struct run run = { .r = 0 };
    struct record record;
    json_t *snapshot;

    record_run(&run, "judged", "", &record);
    assert_int_equal(run.result.exit_code, RP_EXIT_THRESHOLDS);
    assert_string_equal(course_of(&record),
                        "loading setup running live_threshold live_threshold warning stopping "
                        "teardown snapshot threshold threshold threshold threshold finished");
    for (size_t i = 0; i < RP_ARRAY_LEN(live); i++) {
        json_t *event = find(&record, "live_threshold", i);

        assert_string_equal(text_at(event, "metric"), live[i].metric);
        assert_int_equal(json_is_true(json_object_get(event, "passed")), live[i].passed);
        assert_int_equal(json_is_true(json_object_get(event, "aborts")), live[i].aborts);
        assert_true(NUMBER(event, "actual") == 3);
    }
    assert_string_equal(text_at(find(&record, "threshold", 2), "metric"), "checks{scenario:f}");
    assert_true(json_is_true(json_object_get(find(&record, "threshold", 3), "no_samples")));
    assert_true(json_is_null(json_object_get(find(&record, "threshold", 3), "actual")));
    assert_int_equal(NUMBER(find(&record, "finished", 0), "exit_code"), 1);
    snapshot = find(&record, "snapshot", 0);
    check_metrics(json_object_get(snapshot, "metrics"));
    /* Three in the two seconds before the first; none between the first and the last. */
    assert_true(
        NUMBER(json_object_get(json_object_get(snapshot, "metrics"), "iterations"), "rate") == 1.5);
    assert_true(NUMBER(snapshot, "elapsed_ns") == 1e9);
    assert_true(NUMBER(snapshot, "paused_ns") == 1e9);
    assert_true(NUMBER(snapshot, "vus") == 2);
    record_deinit(&record);
    run_deinit(&run);
}

static void pause_once(struct run *run, const struct rp_coordinator_status *status)
{
    if (strcmp(status->phase, "running") != 0 || run->releases)
        return;
    run->releases = true;
    rp_coordinator_pause(status->coordinator);
    rp_coordinator_pause(status->coordinator);
    rp_coordinator_resume(status->coordinator);
    rp_coordinator_resume(status->coordinator);
    rp_coordinator_pause(status->coordinator);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
}

static void test_pauses(void **state)
{
    struct run run = { .status = pause_once };
    struct record record;

    record_run(&run, "pauses", "", &record);
    assert_string_equal(course_of(&record), "loading setup running pause resume pause resume "
                                            "stopping teardown snapshot finished");
    assert_int_equal(NUMBER(find(&record, "finished", 0), "exit_code"), 4);
    record_deinit(&record);
    run_deinit(&run);
}

static void test_runs_that_cannot_be(void **state)
{
    static const struct {
        const char *mode, *phase, *course;
        int code;
    } cases[] = {
        { "failed", "", "loading finished", 3 },
        { "no-json", "", "loading finished", 3 },
        { "die", "hello", "loading finished", 9 },
        { "die", "plan", "loading finished", 9 },
        { "no-setup", "", "loading setup finished", 5 },
        { "die", "run", "loading setup running snapshot generator finished", 9 },
        { "no-teardown", "", "loading setup running teardown snapshot finished", 7 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };
        struct record record;
        const char *course;

        record_run(&run, cases[i].mode, cases[i].phase, &record);
        course = course_of(&record);
        if (strcmp(course, cases[i].course) != 0)
            fail_msg("%s %s: %s", cases[i].mode, cases[i].phase, course);
        assert_int_equal(NUMBER(find(&record, "finished", 0), "exit_code"), cases[i].code);
        assert_non_null(text_at(find(&record, "finished", 0), "reason"));
        record_deinit(&record);
        run_deinit(&run);
    }
}

/* ---- the log ---- */

static void test_the_log(void **state)
{
    char folder[] = "/tmp/rampa-events-XXXXXX", path[64], line[65536];
    struct run run = { .r = 0 };
    size_t lines = 0;
    FILE *file;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    run.event_log = path;
    coordinate(&run, "good", "");
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        json_t *root = json_loads(line, 0, NULL);

        assert_int_equal(json_integer_value(json_object_get(root, "seq")), ++lines);
        json_decref(root);
    }
    fclose(file);
    assert_true(lines >= 6);
    assert_non_null(strstr(line, "\"finished\""));
    unlink(path);
    rmdir(folder);
    run_deinit(&run);
}

static void test_the_log_cannot_be_opened(void **state)
{
    struct run run = { .event_log = "/no/such/folder/log" };

    coordinate(&run, "good", "");
    assert_int_equal(run.r, -RP_EUSER);
    assert_non_null(strstr(run.err.message, "cannot open the event log '/no/such/folder/log'"));
    run_deinit(&run);
}

static void test_the_log_is_full(void **state)
{
    static const char text[] =
        "an event could not be written to the event log '/dev/full': No space left on device";
    struct run run = { .event_log = "/dev/full" };

    coordinate(&run, "good", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(run.result.reason, text);
    assert_int_equal(run.result.warning_count, 1);
    assert_string_equal(run.result.warnings[0].text, text);
    assert_true(run.result.warnings[0].count >= 7); /* six, and the warning itself */
    assert_int_equal(run.result.teardown_time, 5);
    run_deinit(&run);
    /* One that nobody can start a worker for: there is nothing to be written into. */
    run = (struct run){ .event_log = "/dev/full" };
    coordinate(&run, "failed", "");
    assert_int_equal(run.r, -RP_EUSER);
    run_deinit(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_has_every_event),
        cmocka_unit_test(test_a_good_run),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_runs_that_cannot_be),
        cmocka_unit_test(test_the_log),
        cmocka_unit_test(test_the_log_cannot_be_opened),
        cmocka_unit_test(test_the_log_is_full),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}
