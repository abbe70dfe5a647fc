/* SPDX-License-Identifier: MIT */
#include "app/python_samples.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json_line.h"
#include "wire/sample.h"

enum { FRAME_MAX = RP_RECORD_BYTES * RP_RECORDS_MAX, TEXT_MAX = 1 << 20 };

struct rp_python_series {
    uint64_t seen;
    bool is_defined; /* the process knows it */
};

void rp_python_samples_init(struct rp_python_samples *samples)
{
    *samples = (struct rp_python_samples){ .every = 1 };
    rp_buf_init(&samples->frame, FRAME_MAX);
}

void rp_python_samples_deinit(struct rp_python_samples *samples)
{
    rp_free(samples->series);
    rp_buf_deinit(&samples->frame);
}

static struct rp_python_series *find_series(struct rp_python_samples *samples, uint32_t id)
{
    size_t count = samples->series_count * 2 > id ? samples->series_count * 2 : (size_t)id + 1;
    struct rp_python_series *grown;

    if (id < samples->series_count)
        return &samples->series[id];
    grown = rp_realloc_array(samples->series, count, sizeof(*grown));
    if (!grown)
        return NULL;
    memset(grown + samples->series_count, 0, (count - samples->series_count) * sizeof(*grown));
    samples->series = grown;
    samples->series_count = count;
    return &grown[id];
}

/* Says what the number of a series means. */
static bool define(struct rp_python_child *child, const struct rp_store_series *series)
{
    struct rp_json_line line;
    struct rp_buf text;
    bool is_told;

    rp_buf_init(&text, TEXT_MAX);
    line = (struct rp_json_line){ .out = &text };
    rp_line_open(&line, NULL);
    rp_line_u64(&line, "id", series->id);
    rp_line_text(&line, "metric", series->metric);
    rp_line_text(&line, "kind", rp_metric_type_name(series->type));
    rp_line_text(&line, "unit", series->is_time ? "time" : "default");
    rp_line_open(&line, "tags");
    for (size_t i = 0; i < series->tag_count; i++)
        rp_line_text(&line, series->tags[i][0], series->tags[i][1]);
    rp_line_close(&line);
    rp_line_close(&line);
    is_told = !text.error && rp_python_child_put(child, 'D', rp_buf_slice(&text)) == 0;
    rp_buf_deinit(&text);
    return is_told;
}

/* Puts a sample into the frame, unless it is one that is left out. What cannot be put there is
 * counted all the same. False for want of memory. */
static bool add(struct rp_python_samples *samples, struct rp_python_child *child,
                const struct rp_sample *sample, bool has_room)
{
    struct rp_python_series *series = find_series(samples, sample->series->id);
    char record[RP_RECORD_BYTES];

    if (series && series->seen++ % (uint64_t)samples->every)
        return true;
    samples->given++;
    if (!series || !has_room)
        return series;
    if (!series->is_defined)
        series->is_defined = define(child, sample->series);
    if (!series->is_defined)
        return false;
    rp_record_write(record, &(struct rp_record){ .series = sample->series->id,
                                                 .value = rp_sample_shown(sample),
                                                 .wall_ns = sample->wall_ns });
    rp_buf_append(&samples->frame, record, sizeof(record));
    return !samples->frame.error;
}

int rp_python_samples_put(struct rp_python_samples *samples, struct rp_python_child *child,
                          const struct rp_sample_block *block, bool has_room)
{
    bool is_whole = true;
    int r = 0;

    rp_buf_reset(&samples->frame);
    for (size_t i = 0; i < block->count; i++)
        if (!add(samples, child, &block->samples[i], has_room))
            is_whole = false;
    samples->frame.error = 0; /* what is there is whole records */
    if (samples->frame.len)
        r = rp_python_child_put(child, 'R', rp_buf_slice(&samples->frame));
    return is_whole ? r : -ENOMEM;
}
