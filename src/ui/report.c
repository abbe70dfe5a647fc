/* SPDX-License-Identifier: MIT */
#include "ui/report.h"

#include <errno.h>
#include <string.h>

#include "ui/summary.h"

enum { DEFAULT_WIDTH = 80, MIN_WIDTH = 40, SUMMARY_MAX = 64 << 20 };

void rp_summary_write(const struct rp_result *result, struct rp_style style, struct rp_buf *out)
{
    struct rp_summary summary = {
        .result = result,
        .out = out,
        .width = style.width ? style.width : DEFAULT_WIDTH,
        .color = style.color,
        .is_compact = style.compact,
        .elapsed_s = (double)result->elapsed / 1e9,
    };

    if (summary.width < MIN_WIDTH)
        summary.width = MIN_WIDTH; /* below it only noise would be left */
    rp_summary_head(&summary);
    rp_summary_thresholds(&summary);
    rp_summary_checks(&summary);
    rp_summary_requests(&summary);
    rp_summary_metrics(&summary);
    if (style.histogram)
        rp_summary_histogram(&summary);
    rp_summary_accounting(&summary);
    rp_summary_errors(&summary);
    rp_summary_warnings(&summary);
    rp_summary_verdict(&summary);
    rp_summary_generator(&summary);
    rp_summary_left_out(&summary);
}

int rp_report_put(FILE *stream, const struct rp_buf *text, struct rp_error *err)
{
    int r = text->error;

    if (r < 0)
        return rp_error_set(err, r, "%s", strerror(-r));
    errno = 0;
    fwrite(rp_buf_str(text), 1, text->len, stream);
    if (fflush(stream) == 0 && !ferror(stream))
        return 0;
    r = errno ? -errno : -EIO;
    return rp_error_set(err, r, "cannot write the output: %s", strerror(-r));
}

static int print(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_summary_sink *self = rp_container_of(sink, struct rp_summary_sink, sink);
    struct rp_buf text;
    int r;

    if (!result)
        return 0;
    rp_buf_init(&text, SUMMARY_MAX);
    rp_summary_write(result, self->style, &text);
    r = rp_report_put(self->stream, &text, err);
    rp_buf_deinit(&text);
    return r;
}

void rp_summary_sink_init(struct rp_summary_sink *self, struct rp_sinks *sinks, FILE *stream,
                          struct rp_style style)
{
    static const struct rp_sink_ops ops = { .close = print };

    *self = (struct rp_summary_sink){ .stream = stream, .style = style };
    rp_sinks_add(sinks, &self->sink, &ops);
}
