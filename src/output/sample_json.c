/* SPDX-License-Identifier: MIT */

/* The outputs json and ndjson: samples as objects. */

#include <errno.h>

#include "base/alloc.h"
#include "base/json_line.h"
#include "output/sample_file.h"

enum { RESULT_MAX = 1 << 30, PLAN_MAX = 1 << 20 };

/* "{...}" of all tags. */
static void put_tags(const struct rp_store_series *series, struct rp_buf *out)
{
    struct rp_json_line line = { .out = out };

    rp_line_open(&line, NULL);
    for (size_t i = 0; i < series->tag_count; i++)
        rp_line_text(&line, series->tags[i][0], series->tags[i][1]);
    rp_line_close(&line);
}

/* ---- json: one document ---------------------------------------------------------------------- */

static int begin_document(struct rp_sample_file *file, const struct rp_plan *plan,
                          struct rp_buf *out)
{
    rp_buf_append_str(out, "{\n  \"samples\": [");
    return 0;
}

static void document_series(struct rp_sample_file *file, const struct rp_store_series *series,
                            struct rp_buf *head, struct rp_buf *tail)
{
    rp_buf_append_str(head, "\n    {\"metric\": ");
    rp_line_string(head, rp_slice_str(series->metric));
    rp_buf_append_str(head, ", \"value\": ");
    rp_buf_append_str(tail, ", \"tags\": ");
    put_tags(series, tail);
    rp_buf_append_str(tail, "}");
}

static void document_row(struct rp_sample_file *file, const struct rp_sample *sample,
                         struct rp_slice head, struct rp_slice tail, struct rp_buf *out)
{
    if (file->rows - file->lost > 1) /* this one is counted already */
        rp_buf_append_str(out, ",");
    rp_buf_append_slice(out, head);
    rp_sample_file_number(rp_sample_shown(sample), out);
    rp_buf_appendf(out, ", \"timestamp\": %lld.%06d", (long long)(sample->wall_ns / RP_S),
                   (int)(sample->wall_ns % RP_S / RP_US));
    rp_buf_append_slice(out, tail);
}

/* The members of the result file follow. */
static int end_document(struct rp_sample_file *file, const struct rp_result *result,
                        struct rp_buf *out)
{
    struct rp_buf json;
    int r;

    rp_buf_init(&json, RESULT_MAX);
    r = rp_result_write_json(result, &json);
    if (r == 0) {
        rp_buf_append_str(out, file->rows > file->lost ? "\n  ],\n" : "],\n");
        rp_buf_append(out, json.data + 2, json.len - 2); /* without "{\n" */
    }
    rp_buf_deinit(&json);
    return r;
}

static const struct rp_sample_format document = { .is_document = true,
                                                  .begin = begin_document,
                                                  .series = document_series,
                                                  .row = document_row,
                                                  .end = end_document };

static int make_document(const struct rp_output_spec *spec, struct rp_output **ret,
                         struct rp_error *err)
{
    return rp_sample_file_new(spec, &document, ret, err);
}

static const struct rp_output_option sample_options[] = { RP_SAMPLE_OPTION, { .key = NULL } };

const struct rp_output_kind rp_output_json = {
    .name = "json",
    .destination = RP_DESTINATION_FILE,
    .help = "every sample and the result, as one JSON document",
    .options = sample_options,
    .make = make_document,
};

/* ---- ndjson: a line each, as k6 writes them --------------------------------------------------- */

/* A metric is described before its first sample. */
static void describe_metric(struct rp_sample_file *file, const struct rp_store_series *series,
                            struct rp_buf *out)
{
    struct rp_json_line line = { .out = out };
    struct rp_buf *known = file->own, key;

    /* The names of the metrics that were described, a NUL behind each. */
    rp_buf_init(&key, known->max);
    rp_buf_append(&key, "", 1);
    rp_buf_append(&key, series->metric, strlen(series->metric) + 1);
    if (!known->len)
        rp_buf_append(known, "", 1);
    if (!key.error && !known->error && !memmem(known->data, known->len, key.data, key.len)) {
        rp_buf_append(known, key.data + 1, key.len - 1);
        rp_line_open(&line, NULL);
        rp_line_text(&line, "type", "Metric");
        rp_line_open(&line, "data");
        rp_line_text(&line, "name", series->metric);
        rp_line_text(&line, "type", rp_metric_type_name(series->type));
        rp_line_text(&line, "contains", series->is_time ? "time" : "default");
        rp_line_open_list(&line, "thresholds");
        rp_line_close_list(&line);
        rp_line_null(&line, "submetrics");
        rp_line_close(&line);
        rp_line_text(&line, "metric", series->metric);
        rp_line_close(&line);
        rp_buf_append_str(out, "\n");
    }
    rp_buf_deinit(&key);
}

static void line_series(struct rp_sample_file *file, const struct rp_store_series *series,
                        struct rp_buf *head, struct rp_buf *tail)
{
    rp_buf_append_str(head, "{\"metric\":");
    rp_line_string(head, rp_slice_str(series->metric));
    rp_buf_append_str(head, ",\"type\":\"Point\",\"data\":{\"time\":\"");
    rp_buf_append_str(tail, ",\"tags\":");
    put_tags(series, tail);
    rp_buf_append_str(tail, "}}\n");
}

static void line_row(struct rp_sample_file *file, const struct rp_sample *sample,
                     struct rp_slice head, struct rp_slice tail, struct rp_buf *out)
{
    rp_buf_append_slice(out, head);
    rp_sample_file_time(file, sample->wall_ns, out);
    rp_buf_append_str(out, "\",\"value\":");
    rp_sample_file_number(rp_sample_shown(sample), out);
    rp_buf_append_slice(out, tail);
}

static void free_lines(struct rp_sample_file *file)
{
    if (file->own)
        rp_buf_deinit(file->own);
    rp_free(file->own);
}

static const struct rp_sample_format lines = {
    .series = line_series, .define = describe_metric, .row = line_row, .free = free_lines
};

static int make_lines(const struct rp_output_spec *spec, struct rp_output **ret,
                      struct rp_error *err)
{
    struct rp_buf *known = rp_calloc(1, sizeof(*known));
    int r;

    if (!known)
        return -ENOMEM;
    rp_buf_init(known, PLAN_MAX);
    r = rp_sample_file_new(spec, &lines, ret, err);
    if (r < 0)
        rp_free(known);
    else
        rp_container_of(*ret, struct rp_sample_file, output)->own = known;
    return r;
}

const struct rp_output_kind rp_output_ndjson = {
    .name = "ndjson",
    .destination = RP_DESTINATION_FILE,
    .help = "every sample as a line of JSON, in the form of k6",
    .options = sample_options,
    .make = make_lines,
};
