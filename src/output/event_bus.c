/* SPDX-License-Identifier: MIT */
#include "output/event_bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

struct rp_event_bus {
    struct rp_sink sink;
    struct rp_list queues;
    char run_id[RP_RUN_ID_MAX + 1];
    int64_t wall_start; /* of the run */
    struct rp_event_memory memory;
    struct rp_buf text; /* of the line that is being written */
    uint64_t seq;       /* of the last line */
};

struct rp_event_queue {
    struct rp_list node;
    struct rp_event_bus *bus;
    void (*wake)(void *user);
    void *user;
    bool must_wake;
    uint64_t missed; /* since the last take */
    uint64_t missed_seq;
    rp_ns missed_at; /* of the last one */
    size_t max, first, count;
    struct rp_event_line *ring[];
};

/* ---- writing --------------------------------------------------------------------------------- */

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

/* Writes the members that all lines have. The object stays open. */
static void write_head(const struct rp_event_bus *bus, struct rp_json_line *json, const char *type,
                       unsigned kind, uint64_t seq, rp_ns at)
{
    rp_line_open(json, NULL);
    rp_line_text(json, "type", type);
    rp_line_text(json, "kind", rp_event_kind_name(kind));
    rp_line_text(json, "run_id", bus->run_id);
    rp_line_i64(json, "timestamp_ns", at);
    rp_line_u64(json, "seq", seq);
    put_wall_time(json, bus->wall_start + at);
    rp_line_i64(json, "ns", at);
}

/* Closes the object and makes the line, with one reference. NULL without memory. */
static struct rp_event_line *make_line(struct rp_json_line *json, unsigned kind, uint64_t seq,
                                       rp_ns at)
{
    struct rp_event_line *line;

    rp_line_close(json);
    rp_buf_append(json->out, "\n", 1);
    line = json->out->error ? NULL : rp_alloc(sizeof(*line) + json->out->len + 1);
    if (!line)
        return NULL;
    *line = (struct rp_event_line){
        .kind = kind, .seq = seq, .at = at, .refs = 1, .len = json->out->len
    };
    memcpy(line->line, json->out->data, json->out->len + 1);
    return line;
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void miss(struct rp_event_queue *queue, uint64_t seq, rp_ns at)
{
    queue->missed++;
    queue->missed_seq = seq;
    queue->missed_at = at;
}

static struct rp_event_line *pop(struct rp_event_queue *queue)
{
    struct rp_event_line *line = queue->ring[queue->first];

    queue->first = (queue->first + 1) % queue->max;
    queue->count--;
    return line;
}

static void push(struct rp_event_queue *queue, struct rp_event_line *line)
{
    queue->must_wake |= !queue->count && !queue->missed;
    if (queue->count == queue->max) {
        struct rp_event_line *oldest = pop(queue);

        miss(queue, oldest->seq, oldest->at);
        rp_event_line_unref(oldest);
    }
    queue->ring[(queue->first + queue->count++) % queue->max] = line;
    line->refs++;
}

/* A line older than a missed line is missed too: so the order is kept. */
static void miss_all(struct rp_event_queue *queue, uint64_t seq, rp_ns at)
{
    queue->must_wake |= !queue->count && !queue->missed;
    for (; queue->count; queue->missed++)
        rp_event_line_unref(pop(queue));
    miss(queue, seq, at);
}

int rp_event_queue_new(struct rp_event_bus *bus, size_t max, void (*wake)(void *user), void *user,
                       struct rp_event_queue **ret)
{
    struct rp_event_queue *queue;

    max = max ? max : RP_EVENT_QUEUE_DEFAULT;
    queue = rp_calloc(1, sizeof(*queue) + max * sizeof(struct rp_event_line *));
    if (!queue)
        return -ENOMEM;
    queue->bus = bus;
    queue->max = max;
    queue->wake = wake;
    queue->user = user;
    rp_list_append(&bus->queues, &queue->node);
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

/* Makes the `missed` line. It has the place of the last line that was missed. */
static struct rp_event_line *make_missed(const struct rp_event_queue *queue)
{
    struct rp_event_line *line;
    struct rp_buf text;
    struct rp_json_line json = { .out = &text };

    rp_buf_init(&text, RP_EVENT_MAX_BYTES);
    write_head(queue->bus, &json, rp_event_class_of(RP_EVENT_MISSED), RP_EVENT_MISSED,
               queue->missed_seq, queue->missed_at);
    rp_line_u64(&json, "count", queue->missed);
    line = make_line(&json, RP_EVENT_MISSED, queue->missed_seq, queue->missed_at);
    rp_buf_deinit(&text);
    return line;
}

struct rp_event_line *rp_event_queue_take(struct rp_event_queue *queue)
{
    struct rp_event_line *line = queue->missed ? make_missed(queue) : NULL;

    if (line) {
        queue->missed = 0;
        return line;
    }
    /* Without memory for the `missed` line the loss is told later, when more lines may have been
     * missed. */
    return queue->count ? pop(queue) : NULL;
}

void rp_event_line_unref(struct rp_event_line *line)
{
    if (--line->refs == 0)
        rp_free(line);
}

/* ---- the bus --------------------------------------------------------------------------------- */

static void wake_up(struct rp_event_bus *bus)
{
    RP_LIST_EACH (node, &bus->queues) {
        struct rp_event_queue *queue = rp_container_of(node, struct rp_event_queue, node);
        bool must_wake = queue->must_wake;

        queue->must_wake = false;
        if (must_wake && queue->wake)
            queue->wake(queue->user);
    }
}

/* Every queue has the line before anybody is woken. */
static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct rp_event_bus *bus = rp_container_of(sink, struct rp_event_bus, sink);
    struct rp_json_line json = { .out = &bus->text };
    struct rp_event_line *line;

    if (rp_list_is_empty(&bus->queues))
        return;
    snprintf(bus->run_id, sizeof(bus->run_id), "%s", event->result->run_id);
    bus->wall_start = event->wall_ns - event->at;
    rp_buf_reset(&bus->text);
    write_head(bus, &json, rp_event_class_name(event, &bus->memory), event->kind, ++bus->seq,
               event->at);
    rp_event_write(&json, event, &bus->memory);
    line = make_line(&json, event->kind, bus->seq, event->at);
    RP_LIST_EACH (node, &bus->queues) {
        struct rp_event_queue *queue = rp_container_of(node, struct rp_event_queue, node);

        if (line)
            push(queue, line);
        else
            miss_all(queue, bus->seq, event->at);
    }
    if (line)
        rp_event_line_unref(line);
    wake_up(bus);
}

static const struct rp_sink_ops bus_ops = { .events = RP_EVENTS_AS_JSON, .event = on_event };

int rp_event_bus_new(struct rp_sinks *sinks, struct rp_event_bus **ret)
{
    struct rp_event_bus *bus = rp_calloc(1, sizeof(*bus));

    if (!bus)
        return -ENOMEM;
    rp_list_init(&bus->queues);
    rp_buf_init(&bus->text, RP_EVENT_MAX_BYTES);
    rp_sinks_add(sinks, &bus->sink, &bus_ops);
    *ret = bus;
    return 0;
}

void rp_event_bus_free(struct rp_event_bus *bus)
{
    if (!bus)
        return;
    rp_assert(rp_list_is_empty(&bus->queues));
    rp_sink_remove(&bus->sink);
    rp_event_memory_deinit(&bus->memory);
    rp_buf_deinit(&bus->text);
    rp_free(bus);
}
