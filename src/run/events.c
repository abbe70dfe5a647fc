/* SPDX-License-Identifier: MIT */
#include "run/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/list.h"
#include "run/result.h"

struct rp_events {
    struct rp_list queues;
    char run_id[RP_RUN_ID_MAX + 1];
    int64_t wall_start;
    rp_ns start;
    uint64_t seq; /* of the last event */
    struct {      /* the event that is being written */
        unsigned kind;
        rp_ns at;
        struct rp_buf text;
        struct rp_json_line line;
    } draft;
};

struct rp_event_queue {
    struct rp_list node;
    struct rp_events *events;
    void (*wake)(void *user);
    void *user;
    bool must_wake;
    uint64_t missed; /* since the last take */
    uint64_t missed_seq;
    rp_ns missed_at; /* of the last one */
    size_t max, first, count;
    struct rp_event_line *ring[];
};

static const char *const type_names[RP_EVENT_MISSED + 1] = {
    [RP_EVENT_PHASE] = "phase",         [RP_EVENT_SNAPSHOT] = "snapshot",
    [RP_EVENT_THRESHOLD] = "threshold", [RP_EVENT_LIVE_THRESHOLD] = "live_threshold",
    [RP_EVENT_PAUSE] = "pause",         [RP_EVENT_RESUME] = "resume",
    [RP_EVENT_WARNING] = "warning",     [RP_EVENT_FINISHED] = "finished",
    [RP_EVENT_GENERATOR] = "generator", [RP_EVENT_MISSED] = "missed",
};

const char *rp_event_kind_name(unsigned kind)
{
    return type_names[kind];
}

/* ---- publishing ------------------------------------------------------------------------------------------- */

int rp_events_new(struct rp_events **ret)
{
    struct rp_events *events = rp_calloc(1, sizeof(*events));

    if (!events)
        return -ENOMEM;
    rp_list_init(&events->queues);
    rp_buf_init(&events->draft.text, RP_EVENT_MAX_BYTES);
    *ret = events;
    return 0;
}

void rp_events_free(struct rp_events *events)
{
    if (!events)
        return;
    rp_assert(rp_list_is_empty(&events->queues));
    rp_buf_deinit(&events->draft.text);
    rp_free(events);
}

void rp_events_start(struct rp_events *events, const char *run_id, int64_t wall_ns, rp_ns now)
{
    snprintf(events->run_id, sizeof(events->run_id), "%s", run_id);
    events->wall_start = wall_ns;
    events->start = now;
}

bool rp_events_are_wanted(const struct rp_events *events)
{
    return events && !rp_list_is_empty(&events->queues);
}

/* The wall clock is read once: times of one run never go back, whatever is done to the clock. */
static void put_wall_time(struct rp_json_line *line, int64_t wall_ns)
{
    time_t s = (time_t)(wall_ns / RP_S);
    char text[80];
    struct tm tm;

    if (!gmtime_r(&s, &tm))
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(wall_ns % RP_S / RP_MS));
    rp_line_text(line, "time", text);
}

static void write_head(const struct rp_events *events, struct rp_json_line *line, unsigned kind,
                       uint64_t seq, rp_ns at)
{
    rp_line_open(line, NULL);
    rp_line_text(line, "type", type_names[kind]);
    rp_line_text(line, "run_id", events->run_id);
    rp_line_u64(line, "seq", seq);
    put_wall_time(line, events->wall_start + at);
    rp_line_i64(line, "ns", at);
}

struct rp_json_line *rp_events_begin(struct rp_events *events, unsigned kind, rp_ns now)
{
    rp_buf_reset(&events->draft.text);
    events->draft.line = (struct rp_json_line){ .out = &events->draft.text };
    events->draft.kind = kind;
    events->draft.at = now - events->start;
    write_head(events, &events->draft.line, kind, ++events->seq, events->draft.at);
    return &events->draft.line;
}

/* With one reference, or NULL. */
static struct rp_event_line *make_event(unsigned kind, uint64_t seq, rp_ns at,
                                        struct rp_json_line *line)
{
    struct rp_event_line *event;

    rp_line_close(line);
    rp_buf_append(line->out, "\n", 1);
    event = line->out->error ? NULL : rp_alloc(sizeof(*event) + line->out->len + 1);
    if (!event)
        return NULL;
    *event = (struct rp_event_line){
        .kind = kind, .seq = seq, .at = at, .refs = 1, .len = line->out->len
    };
    memcpy(event->line, line->out->data, line->out->len + 1);
    return event;
}

static void miss(struct rp_event_queue *queue, uint64_t seq, rp_ns at)
{
    queue->missed++;
    queue->missed_seq = seq;
    queue->missed_at = at;
}

static struct rp_event_line *pop(struct rp_event_queue *queue)
{
    struct rp_event_line *event = queue->ring[queue->first];

    queue->first = (queue->first + 1) % queue->max;
    queue->count--;
    return event;
}

static void push(struct rp_event_queue *queue, struct rp_event_line *event)
{
    queue->must_wake |= !queue->count && !queue->missed;
    if (queue->count == queue->max) {
        struct rp_event_line *oldest = pop(queue);

        miss(queue, oldest->seq, oldest->at);
        rp_event_line_unref(oldest);
    }
    queue->ring[(queue->first + queue->count++) % queue->max] = event;
    event->refs++;
}

/* The order is kept: what is older than a missed event is missed too. */
static void miss_all(struct rp_event_queue *queue, uint64_t seq, rp_ns at)
{
    queue->must_wake |= !queue->count && !queue->missed;
    for (; queue->count; queue->missed++)
        rp_event_line_unref(pop(queue));
    miss(queue, seq, at);
}

static void wake_up(struct rp_events *events)
{
    RP_LIST_EACH (node, &events->queues) {
        struct rp_event_queue *queue = rp_container_of(node, struct rp_event_queue, node);
        bool must_wake = queue->must_wake;

        queue->must_wake = false;
        if (must_wake && queue->wake)
            queue->wake(queue->user);
    }
}

/* Everybody has the event before anybody is woken, who may publish the next one. */
void rp_events_end(struct rp_events *events)
{
    uint64_t seq = events->seq;
    rp_ns at = events->draft.at;
    struct rp_event_line *event = make_event(events->draft.kind, seq, at, &events->draft.line);

    RP_LIST_EACH (node, &events->queues) {
        struct rp_event_queue *queue = rp_container_of(node, struct rp_event_queue, node);

        if (event)
            push(queue, event);
        else
            miss_all(queue, seq, at);
    }
    if (event)
        rp_event_line_unref(event);
    wake_up(events);
}

/* ---- consuming -------------------------------------------------------------------------------------------- */

int rp_event_queue_new(struct rp_events *events, size_t max, void (*wake)(void *user), void *user,
                       struct rp_event_queue **ret)
{
    struct rp_event_queue *queue;

    max = max ? max : RP_EVENT_QUEUE_DEFAULT;
    queue = rp_calloc(1, sizeof(*queue) + max * sizeof(struct rp_event_line *));
    if (!queue)
        return -ENOMEM;
    queue->events = events;
    queue->max = max;
    queue->wake = wake;
    queue->user = user;
    rp_list_append(&events->queues, &queue->node);
    *ret = queue;
    return 0;
}

void rp_event_queue_free(struct rp_event_queue *queue)
{
    if (!queue)
        return;
    while (queue->count)
        rp_event_line_unref(pop(queue));
    rp_list_remove(&queue->node);
    rp_free(queue);
}

/* It stands where the last of the missed stood. */
static struct rp_event_line *make_missed(const struct rp_event_queue *queue)
{
    struct rp_event_line *event;
    struct rp_buf text;
    struct rp_json_line line = { .out = &text };

    rp_buf_init(&text, RP_EVENT_MAX_BYTES);
    write_head(queue->events, &line, RP_EVENT_MISSED, queue->missed_seq, queue->missed_at);
    rp_line_u64(&line, "count", queue->missed);
    event = make_event(RP_EVENT_MISSED, queue->missed_seq, queue->missed_at, &line);
    rp_buf_deinit(&text);
    return event;
}

struct rp_event_line *rp_event_queue_take(struct rp_event_queue *queue)
{
    struct rp_event_line *event = queue->missed ? make_missed(queue) : NULL;

    if (event) {
        queue->missed = 0;
        return event;
    }
    /* Without memory for it the missed ones are told later, when the count may be larger. */
    return queue->count ? pop(queue) : NULL;
}

void rp_event_line_unref(struct rp_event_line *event)
{
    if (--event->refs == 0)
        rp_free(event);
}
