/* SPDX-License-Identifier: MIT */
#include "output/text_file.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "output/result_file.h"

enum { TEXT_MAX = 256 << 20 };

struct text_file {
    struct rp_output output; /* first */
    const struct rp_text_format *format;
    const char *name, *path; /* the kind's, the user's */
    struct rp_result_file *file;
};

static int open_file(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct text_file *self = rp_container_of(sink, struct text_file, output.sink);

    return rp_result_file_open(self->path, &self->file, err);
}

static int close_file(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct text_file *self = rp_container_of(sink, struct text_file, output.sink);
    struct rp_buf text;
    int r;

    if (!self->file || !result)
        return 0;
    rp_buf_init(&text, TEXT_MAX);
    r = self->format->write(result, &text);
    r = r < 0 ? r : text.error;
    if (r < 0)
        rp_error_set(err, r, "the output %s cannot be written: %s", self->name, strerror(-r));
    else
        r = rp_result_file_commit(self->file, rp_buf_slice(&text), err);
    rp_buf_deinit(&text);
    return r;
}

static void free_file(struct rp_output *output)
{
    struct text_file *self = rp_container_of(output, struct text_file, output);

    rp_result_file_free(self->file);
    rp_free(self);
}

int rp_text_file_new(const struct rp_output_spec *spec, const struct rp_text_format *format,
                     struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_sink_ops ops = { .open = open_file, .close = close_file };
    struct text_file *self = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->output.ops = &ops;
    self->output.free = free_file;
    self->format = format;
    self->name = spec->kind->name;
    self->path = spec->destination;
    *ret = &self->output;
    return 0;
}
