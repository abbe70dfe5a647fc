/* SPDX-License-Identifier: MIT */
#include "ui/live.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ui/progress_of_run.h"

struct rp_live {
    struct rp_sink sink;
    struct rp_progress_display *display; /* NULL: none is wanted */
    bool keeps_stdout_clear;
    struct rp_phase_clock clock;
};

/* ---- progress -------------------------------------------------------------------------------- */

static void show_progress(struct rp_live *live, const struct rp_run_status *status,
                          const struct rp_result *result)
{
    rp_ns now = rp_clock_ns();
    struct rp_progress progress;

    if (!live->display)
        return;
    rp_progress_of_run(&live->clock, status, result, now, &progress);
    rp_progress_display_update(live->display, &progress, now);
}

/* ---- lines of the script --------------------------------------------------------------------- */

static void show_line(struct rp_live *live, bool is_stderr, const char *text)
{
    FILE *stream = is_stderr || live->keeps_stdout_clear ? stderr : stdout;
    bool meets_display = live->display && isatty(fileno(stream));

    if (meets_display)
        rp_progress_display_hide(live->display, rp_clock_ns());
    fprintf(stream, "%s\n", text);
    fflush(stream);
    if (meets_display)
        rp_progress_display_show(live->display, rp_clock_ns());
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct rp_live *live = rp_container_of(sink, struct rp_live, sink);

    if (event->kind == RP_EVENT_STATUS)
        show_progress(live, &event->status, event->result);
    else
        show_line(live, event->printed.is_stderr, event->printed.text);
}

static int end_display(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_live *live = rp_container_of(sink, struct rp_live, sink);

    rp_progress_display_free(live->display, rp_clock_ns());
    live->display = NULL;
    return 0;
}

static const struct rp_sink_ops ops = {
    .events = RP_EVENT_BIT(RP_EVENT_STATUS) | RP_EVENT_BIT(RP_EVENT_PRINTED),
    .event = on_event,
    .close = end_display,
};

int rp_live_new(struct rp_sinks *sinks, struct rp_live_options options, struct rp_live **ret)
{
    struct rp_live *live = rp_calloc(1, sizeof(*live));
    int r = 0;

    if (!live)
        return -ENOMEM;
    live->keeps_stdout_clear = options.keeps_stdout_clear;
    if (options.shows_progress)
        r = rp_progress_display_new(stderr, options.mode, &live->display);
    if (r < 0) {
        rp_free(live);
        return r;
    }
    rp_sinks_add(sinks, &live->sink, &ops);
    *ret = live;
    return 0;
}

void rp_live_free(struct rp_live *live)
{
    if (!live)
        return;
    rp_sink_remove(&live->sink);
    rp_progress_display_free(live->display, rp_clock_ns());
    rp_free(live);
}
