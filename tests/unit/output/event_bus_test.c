/* SPDX-License-Identifier: MIT */

/* The bus: bounded queues, what is missed and in which order, and lines that are JSON whatever is in them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "output/event_bus.h"

#define RUN_ID "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11"
#define WALL (1772366400 * RP_S + 123 * RP_MS) /* 2026-03-01T12:00:00.123Z */

struct desk {
    struct rp_sinks sinks;
    struct rp_result result;
    struct rp_event_bus *bus;
};

static struct desk *new_desk(void)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    *desk = (struct desk){ .result = { .run_id = RUN_ID } };
    rp_sinks_init(&desk->sinks);
    assert_int_equal(rp_event_bus_new(&desk->sinks, &desk->bus), 0);
    return desk;
}

static void free_desk(struct desk *desk)
{
    rp_event_bus_free(desk->bus);
    free(desk);
}

static struct rp_event_queue *listen(struct desk *desk, size_t max)
{
    struct rp_event_queue *queue;

    assert_int_equal(rp_event_queue_new(desk->bus, max, NULL, NULL, &queue), 0);
    return queue;
}

/* As the list of sinks does, a second after the start. */
static void publish(struct desk *desk, const char *text)
{
    struct rp_sink *sink = rp_container_of(desk->sinks.list.next, struct rp_sink, node);
    struct rp_event event = { .kind = RP_EVENT_WARNING,
                              .at = RP_S,
                              .wall_ns = WALL + RP_S,
                              .result = &desk->result,
                              .warning = text };

    sink->ops->event(sink, &event);
}

static json_t *parse(const struct rp_event_line *event)
{
    json_error_t error;
    json_t *root;

    assert_int_equal(strlen(event->line), event->len);
    assert_ptr_equal(strchr(event->line, '\n'), event->line + event->len - 1);
    root = json_loadb(event->line, event->len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s: %s", error.text, event->line);
    return root;
}

/* Takes one; 0 when there is none, the count as a negative number when it is a missed one, else its seq. */
static int64_t take(struct rp_event_queue *queue)
{
    struct rp_event_line *event = rp_event_queue_take(queue);
    int64_t ret;
    json_t *root;

    if (!event)
        return 0;
    root = parse(event);
    ret = json_integer_value(json_object_get(root, "seq"));
    assert_int_equal(ret, event->seq);
    assert_string_equal(json_string_value(json_object_get(root, "kind")),
                        rp_event_kind_name(event->kind));
    assert_string_equal(json_string_value(json_object_get(root, "type")),
                        rp_event_class_of(event->kind));
    if (event->kind == RP_EVENT_MISSED)
        ret = -json_integer_value(json_object_get(root, "count"));
    json_decref(root);
    rp_event_line_unref(event);
    return ret;
}

static void test_nobody_listens(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queue;
    uint64_t before = rp_alloc_count();

    publish(desk, "x");
    assert_int_equal(rp_alloc_count(), before); /* nothing is made */
    queue = listen(desk, 0);
    publish(desk, "x");
    assert_int_equal(take(queue), 1);
    rp_event_queue_free(queue);
    rp_event_queue_free(NULL);
    free_desk(desk);
    rp_event_bus_free(NULL);
}

static void test_the_head(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queue = listen(desk, 0);
    struct rp_event_line *event;

    publish(desk, "x");
    event = rp_event_queue_take(queue);
    assert_string_equal(event->line, "{\"type\":\"WarningEvent\",\"kind\":\"warning\","
                                     "\"run_id\":\"" RUN_ID "\","
                                     "\"timestamp_ns\":1000000000,\"seq\":1,"
                                     "\"time\":\"2026-03-01T12:00:01.123Z\",\"ns\":1000000000,"
                                     "\"text\":\"x\"}\n");
    assert_true(event->at == RP_S);
    rp_event_queue_free(queue);
    free_desk(desk);
    assert_int_equal(event->kind, RP_EVENT_WARNING); /* outlives both */
    rp_event_line_unref(event);
}

static void test_everybody_gets_all(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queues[5];

    for (size_t i = 0; i < RP_ARRAY_LEN(queues); i++) {
        queues[i] = listen(desk, 0); /* the i-th one misses what was before */
        publish(desk, "x");
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(queues); i++) {
        for (size_t seq = i + 1; seq <= RP_ARRAY_LEN(queues); seq++)
            assert_int_equal(take(queues[i]), seq);
        assert_int_equal(take(queues[i]), 0);
        rp_event_queue_free(queues[i]);
    }
    free_desk(desk);
}

static void test_the_slow_lose_the_oldest(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *slow = listen(desk, 4), *fast = listen(desk, 4);

    for (int seq = 1; seq <= 11; seq++) {
        publish(desk, "x");
        assert_int_equal(take(fast), seq);
    }
    assert_int_equal(take(slow), -7);
    for (int seq = 8; seq <= 11; seq++)
        assert_int_equal(take(slow), seq);
    assert_int_equal(take(slow), 0);
    publish(desk, "x");
    assert_int_equal(take(slow), 12);
    rp_event_queue_free(slow);
    rp_event_queue_free(fast);
    free_desk(desk);
}

/* Any mixture of publishing and taking, against a model: nothing comes twice, out of order, or is lost untold. */
static void test_nothing_is_lost_untold(void **state)
{
    uint64_t dice = 88172645463325252u, told = 0, published = 0;
    struct desk *desk = new_desk();
    struct rp_event_queue *queue = listen(desk, 7);
    int64_t last = 0;

    for (int i = 0; i < 20000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        if (dice >> 63) {
            publish(desk, "x");
            published++;
            continue;
        }
        last = take(queue);
        if (last < 0)
            told += (uint64_t)-last;
        else if (last > 0)
            assert_int_equal(last, ++told);
    }
    while ((last = take(queue)))
        told += last < 0 ? (uint64_t)-last : 1;
    assert_int_equal(told, published);
    rp_event_queue_free(queue);
    free_desk(desk);
}

static void test_a_queue_holds_1024_by_default(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queue = listen(desk, 0);

    for (int i = 0; i < RP_EVENT_QUEUE_DEFAULT; i++)
        publish(desk, "x");
    assert_int_equal(take(queue), 1);
    publish(desk, "x");
    publish(desk, "x");
    assert_int_equal(take(queue), -1);
    assert_int_equal(take(queue), 3);
    rp_event_queue_free(queue);
    free_desk(desk);
}

/* ---- waking ---- */

struct reader {
    struct desk *desk;
    struct rp_event_queue *queue;
    int wakes, taken, to_publish;
    bool takes;
};

static void wake(void *user)
{
    struct reader *reader = user;

    reader->wakes++;
    if (reader->to_publish-- > 0)
        publish(reader->desk, "from within");
    while (reader->takes && take(reader->queue))
        reader->taken++;
}

static void test_waking(void **state)
{
    struct reader reader = { .desk = new_desk() };
    struct rp_event_queue *other;

    assert_int_equal(rp_event_queue_new(reader.desk->bus, 2, wake, &reader, &reader.queue), 0);
    other = listen(reader.desk, 0);
    publish(reader.desk, "x");
    publish(reader.desk, "x");
    publish(reader.desk, "x");
    assert_int_equal(reader.wakes, 1); /* it had something to take already */
    reader.takes = true;
    wake(&reader);
    assert_int_equal(reader.taken, 3); /* a missed one and two */
    publish(reader.desk, "x");
    assert_int_equal(reader.wakes, 3);
    assert_int_equal(reader.taken, 4);
    /* One that publishes when it is woken: everybody has both, in order. */
    reader.to_publish = 1;
    publish(reader.desk, "x");
    assert_int_equal(reader.taken, 6);
    for (int seq = 1; seq <= 6; seq++)
        assert_int_equal(take(other), seq);
    rp_event_queue_free(reader.queue);
    rp_event_queue_free(other);
    free_desk(reader.desk);
}

/* ---- memory ---- */

static void test_without_memory(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queue = listen(desk, 4), *none;
    struct rp_event_line *event;

    publish(desk, "x");
    rp_alloc_fail_at(1);
    publish(desk, "x"); /* the buffer is there; the event cannot be made */
    rp_alloc_fail_at(0);
    publish(desk, "x");
    rp_alloc_fail_at(1);
    assert_int_equal(rp_event_queue_new(desk->bus, 0, NULL, NULL, &none), -ENOMEM);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_event_bus_new(&desk->sinks, &(struct rp_event_bus *){ NULL }), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(take(queue), -2);
    assert_int_equal(take(queue), 3);
    /* What is missed is told later when it cannot be told now. */
    for (int i = 0; i < 5; i++)
        publish(desk, "x");
    rp_alloc_fail_at(1);
    event = rp_event_queue_take(queue);
    rp_alloc_fail_at(0);
    assert_int_equal(event->seq, 5);
    rp_event_line_unref(event);
    assert_int_equal(take(queue), -1);
    assert_int_equal(take(queue), 6);
    rp_event_queue_free(queue);
    free_desk(desk);
}

static void test_too_large(void **state)
{
    struct desk *desk = new_desk();
    struct rp_event_queue *queue = listen(desk, 4);
    char *text = rp_calloc(1, RP_EVENT_MAX_BYTES + 1);

    memset(text, 'x', RP_EVENT_MAX_BYTES);
    publish(desk, "x");
    publish(desk, text);
    publish(desk, "x");
    assert_int_equal(take(queue), -2);
    assert_int_equal(take(queue), 3);
    rp_free(text);
    rp_event_queue_free(queue);
    free_desk(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_the_head),
        cmocka_unit_test(test_everybody_gets_all),
        cmocka_unit_test(test_the_slow_lose_the_oldest),
        cmocka_unit_test(test_nothing_is_lost_untold),
        cmocka_unit_test(test_a_queue_holds_1024_by_default),
        cmocka_unit_test(test_waking),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
