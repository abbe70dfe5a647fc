/* SPDX-License-Identifier: MIT */

/* The output csv (RFC 4180): a row for each sample, with a column for each tag that is known before
 * the run. Further tags stand in the last column. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "output/sample_file.h"

/* What rampa itself tags samples with (docs/metrics.md). */
static const char *const own_keys[] = { "check",    "error",  "error_code",  "expected_response",
                                        "group",    "method", "name",        "proto",
                                        "scenario", "status", "tls_version", "url" };

struct columns {
    size_t count;
    const char *keys[]; /* sorted; of the plan, which outlives the output's work, or ours */
};

enum { CELL_MAX = 1 << 20 };

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A text that begins like a formula would be one in a spreadsheet, so it gets an apostrophe. */
static void put_cell(struct rp_slice text, struct rp_buf *out)
{
    struct rp_buf clean;
    const char *data;

    rp_buf_init(&clean, CELL_MAX);
    if (text.len && text.ptr[0] && strchr("=+-@\t\r", text.ptr[0]))
        rp_buf_append_str(&clean, "'");
    rp_text_utf8(&clean, text);
    if (clean.error)
        out->error = clean.error;
    data = rp_buf_str(&clean);
    if (strpbrk(data, ",\"\r\n")) {
        rp_buf_append_str(out, "\"");
        for (const char *at = data; at < data + clean.len; at++)
            rp_buf_append(out, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
        rp_buf_append_str(out, "\"");
    } else {
        rp_buf_append(out, data, clean.len);
    }
    rp_buf_deinit(&clean);
}

static void add_keys(struct columns *columns, const struct rp_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        columns->keys[columns->count++] = pairs->items[i].key;
}

static int begin(struct rp_sample_file *file, const struct rp_plan *plan, struct rp_buf *out)
{
    size_t most = RP_ARRAY_LEN(own_keys) + plan->tags.count, unique = 0;
    struct columns *columns;

    for (size_t i = 0; i < plan->scenario_count; i++)
        most += plan->scenarios[i].tags.count;
    columns = rp_calloc(1, sizeof(*columns) + most * sizeof(*columns->keys));
    if (!columns)
        return -ENOMEM;
    file->own = columns;
    for (; columns->count < RP_ARRAY_LEN(own_keys); columns->count++)
        columns->keys[columns->count] = own_keys[columns->count];
    add_keys(columns, &plan->tags);
    for (size_t i = 0; i < plan->scenario_count; i++)
        add_keys(columns, &plan->scenarios[i].tags);
    qsort(columns->keys, columns->count, sizeof(*columns->keys), compare_keys);
    rp_buf_append_str(out, "timestamp,metric,value");
    for (size_t i = 0; i < columns->count; i++) {
        if (unique && strcmp(columns->keys[unique - 1], columns->keys[i]) == 0)
            continue;
        columns->keys[unique++] = columns->keys[i];
        rp_buf_append_str(out, ",");
        put_cell(rp_slice_str(columns->keys[i]), out);
    }
    columns->count = unique;
    rp_buf_append_str(out, ",extra_tags\r\n");
    return 0;
}

static bool has_column(const struct columns *columns, const char *key)
{
    return bsearch(&key, columns->keys, columns->count, sizeof(*columns->keys), compare_keys);
}

/* "key=value&key=value", with what would be mistaken for a separator as in a URL. */
static void put_extra(const struct columns *columns, const struct rp_store_series *series,
                      struct rp_buf *out)
{
    struct rp_buf text;

    rp_buf_init(&text, CELL_MAX);
    for (size_t i = 0; i < series->tag_count; i++) {
        if (has_column(columns, series->tags[i][0]))
            continue;
        for (int part = 0; part < 2; part++) {
            rp_buf_append_str(&text, part ? "=" : text.len ? "&" : "");
            for (const char *at = series->tags[i][part]; *at; at++)
                rp_buf_appendf(&text, strchr("%&=", *at) ? "%%%02X" : "%c", (unsigned char)*at);
        }
    }
    put_cell(rp_buf_slice(&text), out);
    rp_buf_deinit(&text);
}

static void make_series(struct rp_sample_file *file, const struct rp_store_series *series,
                        struct rp_buf *head, struct rp_buf *tail)
{
    const struct columns *columns = file->own;

    rp_buf_append_str(head, ",");
    put_cell(rp_slice_str(series->metric), head);
    rp_buf_append_str(head, ",");
    for (size_t i = 0, k = 0; i < columns->count; i++) {
        rp_buf_append_str(tail, ",");
        /* Both are sorted. */
        while (k < series->tag_count && strcmp(series->tags[k][0], columns->keys[i]) < 0)
            k++;
        if (k < series->tag_count && strcmp(series->tags[k][0], columns->keys[i]) == 0)
            put_cell(rp_slice_str(series->tags[k][1]), tail);
    }
    rp_buf_append_str(tail, ",");
    put_extra(columns, series, tail);
    rp_buf_append_str(tail, "\r\n");
}

static void row(struct rp_sample_file *file, const struct rp_sample *sample, struct rp_slice head,
                struct rp_slice tail, struct rp_buf *out)
{
    rp_buf_appendf(out, "%lld.%06d", (long long)(sample->wall_ns / RP_S),
                   (int)(sample->wall_ns % RP_S / RP_US));
    rp_buf_append_slice(out, head);
    rp_sample_file_number(rp_sample_shown(sample), out);
    rp_buf_append_slice(out, tail);
}

static void free_columns(struct rp_sample_file *file)
{
    rp_free(file->own);
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_sample_format format = {
        .begin = begin, .series = make_series, .row = row, .free = free_columns
    };

    return rp_sample_file_new(spec, &format, ret, err);
}

const struct rp_output_kind rp_output_csv = {
    .name = "csv",
    .destination = RP_DESTINATION_FILE,
    .help = "every sample as a row",
    .options = (const struct rp_output_option[]){ RP_SAMPLE_OPTION, { .key = NULL } },
    .make = make,
};
