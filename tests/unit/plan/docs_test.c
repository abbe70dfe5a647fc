/* SPDX-License-Identifier: MIT */
/* The tables of the user's pages are what the tables of the code print. RAMPA_UPDATE_DOCS=1 writes them instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plan/duration.h"
#include "plan/fields.h"
#include "plan/metrics.h"

static void metrics_write_markdown(struct rp_buf *out)
{
    rp_buf_append_str(out, "| metric | type | unit | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++) {
        const struct rp_builtin_metric *metric = &rp_builtin_metrics[i];

        rp_buf_appendf(out, "| `%s` | %s | %s | %s |\n", metric->name,
                       rp_metric_type_name(metric->type),
                       metric->is_time    ? "ms"
                       : metric->is_bytes ? "bytes"
                                          : "-",
                       metric->help);
    }
}

static void write_default(const struct rp_field *field, struct rp_buf *out)
{
    char text[64];

    if (field->default_kind == RP_FD_OTHER) {
        rp_buf_append_str(out, field->default_text);
    } else if (field->required) {
        rp_buf_append_str(out, "required");
        if (field->required != field->executors)
            rp_buf_appendf(out, "; %" PRId64 " for a ramping one", field->default_value);
    } else if (field->type == RP_FT_EXECUTOR) {
        rp_buf_appendf(out, "%s", rp_executor_kinds[field->default_value].name);
    } else if (field->type == RP_FT_ARRIVAL) {
        rp_buf_append_str(out, rp_arrival_names[field->default_value]);
    } else if (field->type == RP_FT_DURATION) {
        rp_duration_format(field->default_value, text, sizeof(text));
        rp_buf_append_str(out, text);
    } else if (field->type == RP_FT_PAIRS) {
        rp_buf_append_str(out, "none");
    } else if (field->type == RP_FT_FLAG) {
        rp_buf_append_str(out, field->default_value ? "true" : "false");
    } else {
        rp_buf_appendf(out, "%" PRId64, field->default_value);
    }
}

static void write_executors(unsigned executors, struct rp_buf *out)
{
    const char *separator = "";

    if (executors == (1u << RP_EXECUTOR_KIND_COUNT) - 1) {
        rp_buf_append_str(out, "all");
        return;
    }
    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++)
        if (executors >> i & 1) {
            rp_buf_appendf(out, "%s%s", separator, rp_executor_kinds[i].name);
            separator = ", ";
        }
}

static void fields_write_markdown(struct rp_buf *out)
{
    char expected[128];

    rp_buf_append_str(out, "| field | executors | value | default | meaning |\n"
                           "|---|---|---|---|---|\n");
    for (int i = 0; i < RP_F_COUNT; i++) {
        const struct rp_field *field = &rp_scenario_fields[i];

        rp_field_expected(field, expected, sizeof(expected));
        rp_buf_appendf(out, "| `%s` | ", field->name);
        write_executors(field->executors, out);
        rp_buf_appendf(out, " | %s | ", expected);
        write_default(field, out);
        rp_buf_appendf(out, " | %s |\n", field->help);
    }
}

static void settings_write_markdown(struct rp_buf *out)
{
    char expected[128];

    rp_buf_append_str(out, "| option | value | default | meaning |\n|---|---|---|---|\n");
    for (int i = 0; i < RP_S_COUNT; i++) {
        const struct rp_field *field = &rp_plan_settings[i];

        rp_field_expected(field, expected, sizeof(expected));
        rp_buf_appendf(out, "| `%s` | %s | ", field->name, expected);
        write_default(field, out);
        rp_buf_appendf(out, " | %s |\n", field->help);
    }
}

static void executor_kinds_write_markdown(struct rp_buf *out)
{
    rp_buf_append_str(out, "| executor | what it does |\n|---|---|\n");
    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++)
        rp_buf_appendf(out, "| `%s` | %s |\n", rp_executor_kinds[i].name,
                       rp_executor_kinds[i].help);
}

static const struct {
    const char *file, *marker;
    void (*write)(struct rp_buf *out);
} tables[] = {
    { "scenarios.md", "executors", executor_kinds_write_markdown },
    { "scenarios.md", "fields", fields_write_markdown },
    { "scenarios.md", "options", settings_write_markdown },
    { "thresholds.md", "metrics", metrics_write_markdown },
};

static void read_page(const char *path, struct rp_buf *page)
{
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("cannot read %s", path);
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rp_buf_append(page, chunk, len);
    fclose(file);
    assert_int_equal(page->error, 0);
}

static void update_page(const char *path, const char *start, const char *end,
                        const struct rp_buf *page, const struct rp_buf *table)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "%.*s%s%s", (int)(start - page->data), page->data, rp_buf_str(table), end);
    fclose(file);
}

static void tables_of_the_docs_are_those_of_the_code(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(tables); i++) {
        struct rp_buf page, table, found;
        char path[512], begin_mark[64], end_mark[64];
        const char *start, *end;

        rp_buf_init(&page, 1 << 20);
        rp_buf_init(&table, 1 << 20);
        rp_buf_init(&found, 1 << 20);
        snprintf(path, sizeof(path), "%s/%s", RAMPA_DOCS, tables[i].file);
        snprintf(begin_mark, sizeof(begin_mark), "<!-- table: %s -->\n", tables[i].marker);
        snprintf(end_mark, sizeof(end_mark), "<!-- end: %s -->\n", tables[i].marker);
        read_page(path, &page);
        tables[i].write(&table);
        start = strstr(rp_buf_str(&page), begin_mark);
        end = strstr(rp_buf_str(&page), end_mark);
        assert_true(start && end && start < end);
        start += strlen(begin_mark);
        rp_buf_append(&found, start, (size_t)(end - start));
        if (getenv("RAMPA_UPDATE_DOCS"))
            update_page(path, start, end, &page, &table);
        else
            assert_string_equal(rp_buf_str(&found), rp_buf_str(&table));
        rp_buf_deinit(&page);
        rp_buf_deinit(&table);
        rp_buf_deinit(&found);
    }
}

/* What other rooms ask of a kind is what its scenarios can be told. */
static void test_kinds_agree_with_their_fields(void **state)
{
    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++) {
        const struct rp_executor_kind_info *kind = &rp_executor_kinds[i];
        enum rp_executor_kind id = (enum rp_executor_kind)i;

        assert_int_equal(kind->has_arrivals, rp_executor_kind_has(id, RP_F_RATE));
        assert_int_equal(kind->has_arrivals, !rp_executor_kind_has(id, RP_F_VUS) &&
                                                 !rp_executor_kind_has(id, RP_F_START_VUS));
        assert_int_equal(kind->has_stages, rp_executor_kind_has(id, RP_F_STAGES));
        assert_int_equal(kind->has_iterations, rp_executor_kind_has(id, RP_F_ITERATIONS));
        assert_int_equal(kind->has_iterations, rp_executor_kind_has(id, RP_F_MAX_DURATION));
        assert_int_equal(!kind->has_stages && !kind->has_iterations,
                         rp_executor_kind_has(id, RP_F_DURATION));
        assert_true(kind->has_iterations || !kind->shares_iterations);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_agree_with_their_fields),
        cmocka_unit_test(tables_of_the_docs_are_those_of_the_code),
    };

    return cmocka_run_group_tests_name("plan/docs", tests, NULL, NULL);
}
