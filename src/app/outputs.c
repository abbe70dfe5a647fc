/* SPDX-License-Identifier: MIT */
#include "app/outputs.h"

#include <errno.h>

#include "app/python_output.h"
#include "base/alloc.h"
#include "output/github.h"
#include "output/network.h"
#include "output/sample_file.h"
#include "output/text_file.h"
#include "ui/report.h"

/* To add an output, add its row here. */
const struct rp_output_kind *const rp_output_kinds[] = {
    &rp_output_console,    &rp_output_csv,     &rp_output_github, &rp_output_influxdb,
    &rp_output_json,       &rp_output_junit,   &rp_output_ndjson, &rp_output_otel,
    &rp_output_prometheus, &rp_output_webhook, &rp_output_python, NULL,
};

/* ---- console --------------------------------------------------------------------------------- */

static int write_summary(const struct rp_result *result, struct rp_buf *out)
{
    struct rp_style plain = { .color = false };

    rp_summary_write(result, plain, out);
    return 0;
}

static void free_nothing(struct rp_output *output)
{
    rp_free(output);
}

/* Without a file the summary is a sink of its own, which `rampa run` makes. */
static int make_console(const struct rp_output_spec *spec, struct rp_output **ret,
                        struct rp_error *err)
{
    static const struct rp_text_format format = { .write = write_summary };
    static const struct rp_sink_ops nothing = { .open = NULL };

    if (*spec->destination)
        return rp_text_file_new(spec, &format, ret, err);
    *ret = rp_calloc(1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    (*ret)->ops = &nothing;
    (*ret)->free = free_nothing;
    return 0;
}

const struct rp_output_kind rp_output_console = {
    .name = "console",
    .destination = RP_DESTINATION_OPTIONAL_FILE,
    .help = "the summary as text; without FILE on standard output, also with --quiet",
    .make = make_console,
};
