/* SPDX-License-Identifier: MIT */

/* The JSON of each kind of event, byte by byte, and docs/events.md, which lists them. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../run/fixture.h"
#include "base/alloc.h"
#include "output/event_json.h"
#include "plan/metrics.h"

static size_t count_aliases(void)
{
    size_t count = 0;

    while (rp_metric_aliases[count].alias)
        count++;
    return count;
}

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

    json_array_foreach(list, i, item) check_object(text, "scenarios.", item, 0);
    check_object(text, "snapshot.", json_object_get(root, "snapshot"), 0);
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
    const char *kind = json_string_value(json_object_get(root, "kind"));
    char *common = section(page, "\n## All events\n"), *own = section_of(page, kind);
    size_t shared = count_rows(common, ""), i;
    const char *key;
    json_t *value, *item;

    assert_int_equal(shared, 7);
    json_object_foreach(root, key, value) shared -= has_row(common, "", key);
    assert_int_equal(shared, 0);
    check_object(own, "", root, 7);
    if (strcmp(kind, "snapshot") == 0)
        check_snapshot(own, root);
    json_array_foreach(json_object_get(root, "results"), i, item)
        check_object(own, "results.", item, 0);
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
        assert_string_equal(json_string_value(json_object_get(root, "kind")), name);
        assert_string_equal(json_string_value(json_object_get(root, "type")),
                            rp_event_class_of(kind));
        check_documented(page, root);
        if (kind == RP_EVENT_SNAPSHOT)
            assert_true(json_array_size(json_object_get(root, "scenarios")) > 0);
        json_decref(root);
        free(text);
    }
    for (const char *at = page; (at = strstr(at, "\n### `")); at++)
        sections++;
    assert_int_equal(sections, names);
    free(page);
}

/* ---- events ---- */

static const char declaration[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"browse\"}, {\"name\": \"buy\"}], "
    "\"config\": {\"scenarios\": {"
    "\"browse\": {\"executor\": \"constant-vus\", \"exec_fn\": \"browse\", \"vus\": 2, "
    "\"duration\": "
    "60},"
    "\"buy\": {\"executor\": \"ramping-vus\", \"exec_fn\": \"buy\", \"stages\": [[60, 5]]}},"
    "\"thresholds\": {\"iterations\": [\"count>5\"]}}}";

struct desk {
    struct fixture fixture;
    struct rp_event_memory memory;
    char *page;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    fixture_init(&desk->fixture, declaration);
    desk->page = read_page();
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    fixture_deinit(&desk->fixture);
    rp_event_memory_deinit(&desk->memory);
    free(desk->page);
    free(desk);
    return 0;
}

/* What is written, without the object `snapshot`, which repeats the metrics and has all zeros. */
static char *without_values(const char *written)
{
    char *copy = strdup(written), *from = strstr(copy, ",\"snapshot\":{");
    const char *rest = from ? strstr(from, ",\"scenarios\":") : NULL;

    if (rest)
        memmove(from, rest, strlen(rest) + 1);
    return copy;
}

/* Its members; with those that all events have they are what the page lists. */
static void assert_written(struct desk *desk, struct rp_event event, const char *members)
{
    static const char common[] =
        "{\"type\":\"%s\",\"kind\":\"%s\",\"run_id\":\"r\",\"timestamp_ns\":1,\"seq\":1,"
        "\"time\":\"t\",\"ns\":1%s";
    struct rp_buf out, whole;
    struct rp_json_line line = { .out = &out };
    char *shown;
    json_t *root;

    rp_buf_init(&out, 1 << 16);
    rp_buf_init(&whole, 1 << 16);
    event.result = &desk->fixture.result;
    rp_line_open(&line, NULL);
    rp_event_write(&line, &event, &desk->memory);
    rp_line_close(&line);
    shown = without_values(rp_buf_str(&out));
    assert_string_equal(shown, members);
    free(shown);
    out.data[0] = ','; /* behind the common ones */
    rp_buf_appendf(&whole, common, rp_event_class_of(event.kind), rp_event_kind_name(event.kind),
                   rp_buf_str(&out));
    root = json_loads(rp_buf_str(&whole), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    check_documented(desk->page, root);
    json_decref(root);
    rp_buf_deinit(&out);
    rp_buf_deinit(&whole);
}

static void test_small_ones(void **state)
{
    struct desk *desk = *state;
    char text[] = "it was \"slow\"";
    struct rp_generator_reason reason = { .verdict = RP_GENERATOR_SUSPECT,
                                          .cause = RP_CAUSE_LOOP_LAG,
                                          .worker = 2,
                                          .workers = 1,
                                          .text = text };

    assert_written(desk, (struct rp_event){ .kind = RP_EVENT_PHASE, .phase = RP_RUN_STOPPING },
                   "{\"phase\":\"execute\",\"detail\":\"stopping\"}");
    assert_written(
        desk, (struct rp_event){ .kind = RP_EVENT_PAUSE, .pause = { .elapsed = 5, .paused = 6 } },
        "{\"elapsed_ns\":5}");
    assert_written(
        desk, (struct rp_event){ .kind = RP_EVENT_RESUME, .pause = { .elapsed = 5, .paused = 6 } },
        "{\"elapsed_ns\":5,\"paused_ns\":6}");
    assert_written(desk, (struct rp_event){ .kind = RP_EVENT_WARNING, .warning = "a\nb" },
                   "{\"text\":\"a\\u000ab\"}");
    assert_written(desk,
                   (struct rp_event){ .kind = RP_EVENT_GENERATOR,
                                      .generator = { .reason = &reason, .elapsed = 7 } },
                   "{\"verdict\":\"suspect\",\"cause\":\"loop_lag\",\"worker\":2,\"workers\":1,"
                   "\"text\":\"it was \\\"slow\\\"\",\"elapsed_ns\":7}");
}

static void test_the_end(void **state)
{
    struct desk *desk = *state;

    desk->fixture.result.elapsed = 8;
    desk->fixture.result.paused = 9;
    assert_written(desk,
                   (struct rp_event){ .kind = RP_EVENT_FINISHED, .finished.status = "passed" },
                   "{\"exit_code\":0,\"status\":\"passed\",\"reason\":null,\"elapsed_ns\":8,"
                   "\"paused_ns\":9}");
    assert_written(
        desk,
        (struct rp_event){
            .kind = RP_EVENT_FINISHED,
            .finished = { .code = RP_EXIT_SETUP, .status = "setup_failed", .reason = "no" } },
        "{\"exit_code\":5,\"status\":\"setup_failed\",\"reason\":\"no\",\"elapsed_ns\":8,"
        "\"paused_ns\":9}");
}

static void test_thresholds(void **state)
{
    struct desk *desk = *state;
    const struct rp_verdict nothing = { .no_samples = true, .actual = NAN };
    const struct rp_verdict holds = { .passed = true, .actual = 6.5 };

    assert_written(
        desk,
        (struct rp_event){ .kind = RP_EVENT_THRESHOLD, .thresholds = { .verdicts = &nothing } },
        "{\"results\":[{\"metric\":\"iterations\",\"source\":\"count>5\",\"passed\":false,"
        "\"lhs\":null,\"rhs\":5,\"no_samples\":true}]}");
    assert_written(
        desk,
        (struct rp_event){
            .kind = RP_EVENT_LIVE_THRESHOLD,
            .thresholds = { .verdicts = &holds, .aborts = true, .aborting = 0, .elapsed = 3 } },
        "{\"results\":[{\"metric\":\"iterations\",\"source\":\"count>5\",\"passed\":true,"
        "\"lhs\":6.5,\"rhs\":5,\"no_samples\":false}],\"will_abort\":true,\"aborting\":0,"
        "\"elapsed_ns\":3}");
    assert_written(
        desk,
        (struct rp_event){ .kind = RP_EVENT_LIVE_THRESHOLD,
                           .thresholds = { .verdicts = &holds, .aborting = 1, .elapsed = 3 } },
        "{\"results\":[{\"metric\":\"iterations\",\"source\":\"count>5\",\"passed\":true,"
        "\"lhs\":6.5,\"rhs\":5,\"no_samples\":false}],\"will_abort\":false,\"aborting\":null,"
        "\"elapsed_ns\":3}");
}

/* The four parts of a run are told once each; what follows inside of one is a detail. */
static void test_parts_of_a_run(void **state)
{
    static const struct {
        enum rp_run_phase phase;
        const char *name;
    } told[] = {
        { RP_RUN_LOADING, "PhaseEvent" },  { RP_RUN_SETUP, "DetailEvent" },
        { RP_RUN_RUNNING, "PhaseEvent" },  { RP_RUN_STOPPING, "DetailEvent" },
        { RP_RUN_TEARDOWN, "PhaseEvent" }, { RP_RUN_COMPLETE, "PhaseEvent" },
    };
    struct rp_event_memory memory = { 0 };

    for (size_t i = 0; i < RP_ARRAY_LEN(told); i++) {
        const struct rp_event event = { .kind = RP_EVENT_PHASE, .phase = told[i].phase };

        assert_string_equal(rp_event_class_name(&event, &memory), told[i].name);
    }
    for (unsigned kind = 0; kind <= RP_EVENT_MISSED; kind++)
        assert_int_equal(rp_event_class_of(kind) == NULL, rp_event_kind_name(kind) == NULL);
}

#define SCENARIOS                                                                                  \
    "\"scenarios\":[{\"name\":\"browse\",\"state\":\"running\",\"vus\":1,\"vus_made\":2,"          \
    "\"stage\":null,"                                                                              \
    "\"scheduled\":3,\"started\":4,\"dropped\":5,\"completed\":6,\"interrupted\":7,\"errors\":8,"  \
    "\"total\":null,\"elapsed_ns\":9,\"regular_ns\":10,\"rate\":0},"                               \
    "{\"name\":\"buy\",\"state\":\"waiting\",\"vus\":10,\"vus_made\":20,\"stage\":1,"              \
    "\"scheduled\":0,"                                                                             \
    "\"started\":0,\"dropped\":0,\"completed\":0,\"interrupted\":0,\"errors\":0,\"total\":30,"     \
    "\"elapsed_ns\":0,\"regular_ns\":0,\"rate\":2.5}]}"

/* Rates of counters are those since the last snapshot. */
static void test_snapshots(void **state)
{
    const struct rp_scenario_progress scenarios[] = {
        { RP_SCENARIO_RUNNING, 1, 2, 2, -1, 3, 4, 5, 6, 7, 8, 0, 9, 10, 0 },
        { RP_SCENARIO_WAITING, 10, 20, 0, 1, 0, 0, 0, 0, 0, 0, 30, 0, 0, 2.5 },
    };
    struct desk *desk = *state;
    struct rp_event event = {
        .kind = RP_EVENT_SNAPSHOT,
        .snapshot = { .status = { .phase = RP_RUN_RUNNING, .is_paused = true },
                      .elapsed = RP_S,
                      .paused = RP_S },
    };

    assert_written(
        desk, event,
        "{\"phase\":\"execute\",\"detail\":\"running\",\"is_paused\":true,\"elapsed_ns\":"
        "1000000000,"
        "\"paused_ns\":1000000000,\"vus\":0,\"vus_made\":0,\"metrics\":{},\"scenarios\":[]}");
    fixture_counter(&desk->fixture, "iterations", 6, "");
    fixture_gauge(&desk->fixture, "vus", 1, 3, 2, "");
    fixture_rate(&desk->fixture, "checks", 1, 4, "");
    fixture_trend(&desk->fixture, "iteration_duration", true, 1, 1, 2, "");
    event.snapshot.status.scenarios = scenarios;
    event.snapshot.paused = 3 * RP_S;
    assert_written(
        desk, event,
        "{\"phase\":\"execute\",\"detail\":\"running\",\"is_paused\":true,\"elapsed_ns\":"
        "1000000000,"
        "\"paused_ns\":3000000000,\"vus\":11,\"vus_made\":22,\"metrics\":{"
        "\"iterations\":{\"type\":\"counter\",\"count\":6,\"rate\":3},"
        "\"vus\":{\"type\":\"gauge\",\"value\":2,\"min\":1,\"max\":3},"
        "\"checks\":{\"type\":\"rate\",\"rate\":0.25,\"passes\":1,\"total\":4},"
        "\"iteration_duration\":{\"type\":\"trend\",\"count\":2,\"avg\":1.5,\"min\":1,"
        "\"max\":2,\"med\":1.5,\"p(90)\":1.9,\"p(95)\":1.95,\"p(99)\":1.99}}," SCENARIOS);
}

/* At the same time as the last one the rate is 0. Without memory for the last counts there is none. */
static void test_snapshots_without_a_rate(void **state)
{
    struct desk *desk = *state;
    struct rp_event event = { .kind = RP_EVENT_SNAPSHOT };
    static const char none[] =
        "{\"phase\":\"setup\",\"detail\":\"loading\",\"is_paused\":false,\"elapsed_ns\":0,"
        "\"paused_ns\":0,\"vus\":0,\"vus_made\":0,\"metrics\":{"
        "\"iterations\":{\"type\":\"counter\",\"count\":6,\"rate\":0}},"
        "\"scenarios\":[]}";
    struct rp_buf out;
    struct rp_json_line line = { .out = &out };

    fixture_counter(&desk->fixture, "iterations", 6, "");
    assert_written(desk, event, none);
    rp_event_memory_deinit(&desk->memory);
    event.result = &desk->fixture.result;
    event.snapshot.elapsed = RP_S;
    rp_buf_init(&out, 1 << 16);
    assert_int_equal(rp_buf_reserve(&out, 1 << 10), 0);
    rp_alloc_fail_at(1);
    rp_event_write(&line, &event, &desk->memory);
    rp_alloc_fail_at(0);
    assert_non_null(strstr(rp_buf_str(&out), "\"count\":6,\"rate\":null"));
    rp_buf_deinit(&out);
}

/* In the shape of the reference every built-in metric has its numbers, and nothing else. */
static void test_values_of_snapshots(void **state)
{
    struct desk *desk = *state;
    const struct rp_event event = { .kind = RP_EVENT_SNAPSHOT,
                                    .at = 7,
                                    .result = &desk->fixture.result,
                                    .snapshot = { .elapsed = RP_S / 2 } };
    struct rp_buf out;
    struct rp_json_line line = { .out = &out };
    json_t *root, *snapshot, *values, *stats, *value;
    const char *name, *stat;

    fixture_rate(&desk->fixture, "checks", 1, 4, "");
    fixture_counter(&desk->fixture, "mine", 6, "");
    rp_buf_init(&out, 1 << 16);
    rp_line_open(&line, NULL);
    rp_event_write(&line, &event, &desk->memory);
    rp_line_close(&line);
    root = json_loads(rp_buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
    snapshot = json_object_get(root, "snapshot");
    values = json_object_get(snapshot, "values");
    assert_int_equal(json_integer_value(json_object_get(snapshot, "timestamp")), 7);
    assert_true(json_number_value(json_object_get(snapshot, "duration")) == 0.5);
    assert_int_equal(json_object_size(values), RP_BUILTIN_COUNT + count_aliases() + 1);
    json_object_foreach(values, name, stats)
    {
        assert_true(json_object_size(stats) >= 2);
        json_object_foreach(stats, stat, value)
        {
            assert_true(json_is_number(value));
            if (strcmp(name, "checks") != 0 && strcmp(name, "mine") != 0)
                assert_true(json_number_value(value) == 0);
        }
    }
    stats = json_object_get(values, "checks");
    assert_int_equal(json_integer_value(json_object_get(stats, "fails")), 3);
    stats = json_object_get(values, "mine");
    assert_true(json_number_value(json_object_get(stats, "rate")) == 12);
    json_decref(root);
    rp_buf_deinit(&out);
}

/* The sub-metrics of thresholds are left out, as is what has no sample. */
static void test_snapshots_without_submetrics(void **state)
{
    static const char filtered[] =
        "{\"script\": \"load.py\", \"functions\": [{\"name\": \"browse\"}], \"config\": "
        "{\"scenarios\": {"
        "\"browse\": {\"executor\": \"constant-vus\", \"exec_fn\": \"browse\", \"duration\": 60}},"
        "\"thresholds\": {\"checks{scenario:browse}\": [\"rate>0.5\"]}}}";
    struct desk *desk = *state;

    fixture_deinit(&desk->fixture);
    fixture_init(&desk->fixture, filtered);
    fixture_rate(&desk->fixture, "checks", 1, 4, "scenario=browse");
    assert_int_equal(rp_store_view_count(desk->fixture.result.store), 2);
    assert_written(
        desk, (struct rp_event){ .kind = RP_EVENT_SNAPSHOT },
        "{\"phase\":\"setup\",\"detail\":\"loading\",\"is_paused\":false,\"elapsed_ns\":0,\"paused_"
        "ns\":0,"
        "\"vus\":0,\"vus_made\":0,\"metrics\":{\"checks\":{\"type\":\"rate\",\"rate\":0.25,"
        "\"passes\":1,\"total\":4}},\"scenarios\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_has_every_event),
        cmocka_unit_test_setup_teardown(test_small_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thresholds, setup, teardown),
        cmocka_unit_test(test_parts_of_a_run),
        cmocka_unit_test_setup_teardown(test_snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_snapshots_without_a_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_of_snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_snapshots_without_submetrics, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
