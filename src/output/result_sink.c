/* SPDX-License-Identifier: MIT */
#include "output/result_sink.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "output/result_file.h"

enum { RESULT_MAX = 1 << 30 };

struct rp_result_sink {
    struct rp_sink sink;
    const char *path; /* the caller's */
    struct rp_result_file *file;
    bool is_written;
    enum rp_exit written; /* the exit code that the file says */
};

/* Opens the file before the run: a run whose result cannot be written must not begin. */
static int open_file(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_result_sink *self = rp_container_of(sink, struct rp_result_sink, sink);

    return rp_result_file_open(self->path, &self->file, err);
}

static int commit(struct rp_result_sink *self, const struct rp_result *result, struct rp_error *err)
{
    struct rp_buf json;
    int r;

    rp_buf_init(&json, RESULT_MAX);
    r = rp_result_write_json(result, &json);
    if (r == 0)
        r = rp_result_file_commit(self->file, rp_buf_slice(&json), err);
    else
        rp_error_set(err, r, "the result cannot be written as JSON");
    rp_buf_deinit(&json);
    self->is_written = r == 0;
    self->written = result->exit_code;
    return r;
}

static int write_file(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_result_sink *self = rp_container_of(sink, struct rp_result_sink, sink);

    return self->file && result ? commit(self, result, err) : 0;
}

void rp_result_sink_correct(struct rp_result_sink *self, const struct rp_result *result)
{
    struct rp_error err = { 0 }; /* the file that is there is whole, but for its exit code */
    struct stat st;

    if (!self->is_written || self->written == result->exit_code ||
        rp_result_file_descriptor(self->path) >= 0 || stat(self->path, &st) < 0 ||
        !S_ISREG(st.st_mode))
        return;
    rp_result_file_free(self->file);
    self->file = NULL;
    if (rp_result_file_open(self->path, &self->file, &err) == 0 && commit(self, result, &err) == 0)
        return;
    rp_error_deinit(&err);
}

static const struct rp_sink_ops ops = { .open = open_file, .close = write_file };

int rp_result_sink_new(struct rp_sinks *sinks, const char *path, struct rp_result_sink **ret)
{
    struct rp_result_sink *self = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->path = path;
    rp_sinks_add(sinks, &self->sink, &ops);
    *ret = self;
    return 0;
}

void rp_result_sink_free(struct rp_result_sink *self)
{
    if (!self)
        return;
    rp_sink_remove(&self->sink);
    rp_result_file_free(self->file);
    rp_free(self);
}
