/* SPDX-License-Identifier: MIT */
#include "output/event_bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
    rp_event_write_time(json, "time", bus->wall_start + at);
    rp_line_i64(json, "ns", at);
}

/* Closes the object and makes the line, with one reference. NULL without memory. */
static struct rp_event_line *make_line(struct rp_json_line *json, const char *type, unsigned kind,
                                       uint64_t seq, rp_ns at)
{
    struct rp_event_line *line;

    rp_line_close(json);
    rp_buf_append(json->out, "\n", 1);
    line = json->out->error ? NULL : rp_alloc(sizeof(*line) + json->out->len + 1);
    if (!line)
        return NULL;
    *line = (struct rp_event_line){
        .kind = kind, .type = type, .seq = seq, .at = at, .refs = 1, .len = json->out->len
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

struct rp_event_line *rp_event_line_missed(const struct rp_event_queue *queue, uint64_t seq,
                                           rp_ns at, uint64_t count)
{
    const char *type = rp_event_class_of(RP_EVENT_MISSED);
    struct rp_event_line *line;
    struct rp_buf text;
    struct rp_json_line json = { .out = &text };

    rp_buf_init(&text, RP_EVENT_MAX_BYTES);
    write_head(queue->bus, &json, type, RP_EVENT_MISSED, seq, at);
    rp_line_u64(&json, "count", count);
    line = make_line(&json, type, RP_EVENT_MISSED, seq, at);
    rp_buf_deinit(&text);
    return line;
}

/* Makes the `missed` line. It has the place of the last line that was missed. */
static struct rp_event_line *make_missed(const struct rp_event_queue *queue)
{
    return rp_event_line_missed(queue, queue->missed_seq, queue->missed_at, queue->missed);
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
    const char *type;

    if (rp_list_is_empty(&bus->queues))
        return;
    snprintf(bus->run_id, sizeof(bus->run_id), "%s", event->result->run_id);
    bus->wall_start = event->wall_ns - event->at;
    rp_buf_reset(&bus->text);
    type = rp_event_class_name(event, &bus->memory);
    write_head(bus, &json, type, event->kind, ++bus->seq, event->at);
    rp_event_write(&json, event, &bus->memory);
    line = make_line(&json, type, event->kind, bus->seq, event->at);
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
