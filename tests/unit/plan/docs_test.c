/* SPDX-License-Identifier: MIT */
/* The tables of the user's pages are what the tables of the code print. RAMPA_UPDATE_DOCS=1 writes them instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
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

static const struct {
    const char *file, *marker;
    void (*write)(struct rp_buf *out);
} tables[] = {
    { "scenarios.md", "executors", rp_executor_kinds_write_markdown },
    { "scenarios.md", "fields", rp_fields_write_markdown },
    { "scenarios.md", "options", rp_settings_write_markdown },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_the_docs_are_those_of_the_code),
    };

    return cmocka_run_group_tests_name("plan/docs", tests, NULL, NULL);
}
