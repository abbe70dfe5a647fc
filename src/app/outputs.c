/* SPDX-License-Identifier: MIT */
#include "app/outputs.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "output/result_file.h"
#include "output/sample_file.h"
#include "ui/report.h"

/* To add an output, add its row here. */
const struct rp_output_kind *const rp_output_kinds[] = {
    &rp_output_console, &rp_output_csv, &rp_output_json, &rp_output_ndjson, NULL,
};

/* ---- console --------------------------------------------------------------------------------- */

enum { TEXT_MAX = 64 << 20 };

struct console {
    struct rp_output output; /* first */
    const char *path;        /* "" = standard output, where the summary is another sink */
    struct rp_result_file *file;
};

static int open_console(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct console *console = rp_container_of(sink, struct console, output.sink);

    return *console->path ? rp_result_file_open(console->path, &console->file, err) : 0;
}

static int close_console(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct console *console = rp_container_of(sink, struct console, output.sink);
    struct rp_style plain = { .color = false };
    struct rp_buf text;
    int r;

    if (!console->file || !result)
        return 0;
    rp_buf_init(&text, TEXT_MAX);
    rp_summary_write(result, plain, &text);
    r = text.error ? rp_error_set(err, text.error, "the summary cannot be written: %s",
                                  strerror(-text.error))
                   : rp_result_file_commit(console->file, rp_buf_slice(&text), err);
    rp_buf_deinit(&text);
    return r;
}

static void free_console(struct rp_output *output)
{
    struct console *console = rp_container_of(output, struct console, output);

    rp_result_file_free(console->file);
    rp_free(console);
}

static int make_console(const struct rp_output_spec *spec, struct rp_output **ret,
                        struct rp_error *err)
{
    static const struct rp_sink_ops ops = { .open = open_console, .close = close_console };
    struct console *console = rp_calloc(1, sizeof(*console));

    if (!console)
        return -ENOMEM;
    console->output.ops = &ops;
    console->output.free = free_console;
    console->path = spec->destination;
    *ret = &console->output;
    return 0;
}

const struct rp_output_kind rp_output_console = {
    .name = "console",
    .destination = RP_DESTINATION_OPTIONAL_FILE,
    .help = "the summary as text; without FILE on standard output, also with --quiet",
    .make = make_console,
};
