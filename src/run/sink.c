/* SPDX-License-Identifier: MIT */
#include "run/sink.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/alloc.h"

/* An event that was caused while another one was told. */
struct pending {
    struct rp_list node;
    struct rp_event event;
};

void rp_sinks_init(struct rp_sinks *sinks)
{
    *sinks = (struct rp_sinks){ .wanted = 0 };
    rp_list_init(&sinks->list);
    rp_list_init(&sinks->pending);
}

void rp_sinks_add(struct rp_sinks *sinks, struct rp_sink *sink, const struct rp_sink_ops *ops)
{
    *sink = (struct rp_sink){ .ops = ops, .sinks = sinks };
    rp_list_append(&sinks->list, &sink->node);
    sinks->wanted |= ops->events;
}

void rp_sink_remove(struct rp_sink *sink)
{
    rp_list_remove(&sink->node);
    sink->sinks = NULL;
}

void rp_sinks_start(struct rp_sinks *sinks, struct rp_result *result)
{
    if (!sinks)
        return;
    sinks->start = rp_clock_ns();
    sinks->wall_start = rp_wall_clock_ns();
    sinks->result = result;
    result->sinks = sinks;
}

int rp_sinks_open(struct rp_sinks *sinks, const struct rp_plan *plan, struct rp_error *err)
{
    if (!sinks)
        return 0;
    RP_LIST_EACH (node, &sinks->list) {
        struct rp_sink *sink = rp_container_of(node, struct rp_sink, node);
        int r = sink->ops->open ? sink->ops->open(sink, plan, err) : 0;

        if (r < 0) {
            sink->is_closed = true;
            return r;
        }
    }
    return 0;
}

bool rp_sinks_are_opening(const struct rp_sinks *sinks)
{
    if (!sinks)
        return false;
    RP_LIST_EACH (node, &sinks->list) {
        if (rp_container_of(node, struct rp_sink, node)->is_opening)
            return true;
    }
    return false;
}

void rp_sink_opened(struct rp_sink *sink, int status, struct rp_error *err)
{
    struct rp_sinks *sinks = sink->sinks;

    sink->is_opening = false;
    sink->is_closed = status < 0;
    if (sinks->opened && (status < 0 || !rp_sinks_are_opening(sinks)))
        sinks->opened(sinks->opened_user, status, err);
}

/* ---- events ---------------------------------------------------------------------------------- */

bool rp_sinks_want(const struct rp_sinks *sinks, enum rp_event_kind kind)
{
    return sinks && (sinks->wanted & RP_EVENT_BIT(kind));
}

static void tell(struct rp_sinks *sinks, const struct rp_event *event)
{
    RP_LIST_EACH (node, &sinks->list) {
        struct rp_sink *sink = rp_container_of(node, struct rp_sink, node);

        if (sink->ops->events & RP_EVENT_BIT(event->kind))
            sink->ops->event(sink, event);
    }
}

static void tell_pending(struct rp_sinks *sinks)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&sinks->pending))) {
        struct pending *pending = rp_container_of(node, struct pending, node);

        tell(sinks, &pending->event);
        rp_free(pending);
    }
}

/* False for want of memory: then the event comes out of turn, which is better than never. */
static bool keep(struct rp_sinks *sinks, const struct rp_event *event)
{
    struct pending *pending = rp_calloc(1, sizeof(*pending));

    if (!pending)
        return false;
    pending->event = *event;
    rp_list_append(&sinks->pending, &pending->node);
    return true;
}

void rp_sinks_event(struct rp_sinks *sinks, struct rp_event *event)
{
    if (!rp_sinks_want(sinks, event->kind))
        return;
    event->at = rp_clock_ns() - sinks->start;
    event->wall_ns = sinks->wall_start + event->at;
    event->result = sinks->result;
    if (sinks->is_telling) {
        if (!keep(sinks, event))
            tell(sinks, event);
        return;
    }
    sinks->is_telling = true;
    tell(sinks, event);
    tell_pending(sinks);
    sinks->is_telling = false;
}

/* ---- what was measured ----------------------------------------------------------------------- */

bool rp_sinks_take_intervals(const struct rp_sinks *sinks)
{
    if (!sinks)
        return false;
    RP_LIST_EACH (node, &sinks->list) {
        if (rp_container_of(node, struct rp_sink, node)->ops->interval)
            return true;
    }
    return false;
}

bool rp_sinks_take_samples(const struct rp_sinks *sinks)
{
    if (!sinks)
        return false;
    RP_LIST_EACH (node, &sinks->list) {
        if (rp_container_of(node, struct rp_sink, node)->ops->samples)
            return true;
    }
    return false;
}

void rp_sinks_interval(struct rp_sinks *sinks, const struct rp_interval *interval)
{
    RP_LIST_EACH (node, &sinks->list) {
        struct rp_sink *sink = rp_container_of(node, struct rp_sink, node);

        if (sink->ops->interval)
            sink->ops->interval(sink, interval);
    }
}

void rp_sinks_samples(struct rp_sinks *sinks, const struct rp_sample_block *block)
{
    RP_LIST_EACH (node, &sinks->list) {
        struct rp_sink *sink = rp_container_of(node, struct rp_sink, node);

        if (sink->ops->samples)
            sink->ops->samples(sink, block);
    }
}

/* ---- losses ---------------------------------------------------------------------------------- */

void rp_sink_lose(struct rp_sink *sink, const char *fmt, ...)
{
    struct rp_result *result = sink->sinks->result;
    va_list args;
    char *text;

    va_start(args, fmt);
    text = rp_reason_format(fmt, args);
    va_end(args);
    rp_result_fail(result, RP_EXIT_OUTPUT, "%s", text ? text : "an output has lost data");
    rp_result_warn(result, "%s", text ? text : "an output has lost data");
    rp_free(text);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The first error is @err, the messages of further ones stand below it. */
static void add_error(struct rp_error *err, struct rp_error *next)
{
    struct rp_buf detail;

    if (!err->message) {
        *err = *next;
        *next = (struct rp_error){ 0 };
        return;
    }
    rp_buf_init(&detail, RP_REASON_MAX);
    if (err->detail)
        rp_buf_appendf(&detail, "%s\n", err->detail);
    rp_buf_appendf(&detail, "%s", next->message ? next->message : "");
    rp_error_detail(err, rp_buf_str(&detail));
    rp_buf_deinit(&detail);
}

void rp_sinks_close(struct rp_sinks *sinks, bool is_run, struct rp_error *err)
{
    struct rp_result *result = sinks ? sinks->result : NULL;

    if (!result)
        return;
    sinks->control = NULL;
    sinks->opened = NULL;
    RP_LIST_EACH (node, &sinks->list) {
        struct rp_sink *sink = rp_container_of(node, struct rp_sink, node);
        struct rp_error next = { 0 };

        if (!sink->is_closed && sink->ops->close &&
            sink->ops->close(sink, is_run ? result : NULL, &next) < 0) {
            if (is_run) /* now: a sink that is closed later shows it */
                rp_result_fail(result, RP_EXIT_OUTPUT, "%s",
                               next.message ? next.message : "an output could not be finished");
            add_error(err, &next);
        }
        sink->is_closed = true;
        rp_error_deinit(&next);
    }
    result->sinks = NULL;
    sinks->result = NULL;
}
