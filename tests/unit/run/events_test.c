/* SPDX-License-Identifier: MIT */

/* The bus: bounded queues, what is missed and in which order, and lines that are JSON whatever is in them. */

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "run/events.h"

#define RUN_ID "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11"
#define WALL (1772366400 * RP_S + 123 * RP_MS) /* 2026-03-01T12:00:00.123Z */

static struct rp_events *new_bus(void)
{
    struct rp_events *events;

    assert_int_equal(rp_events_new(&events), 0);
    rp_events_start(events, RUN_ID, WALL, 1000);
    return events;
}

static struct rp_event_queue *listen(struct rp_events *events, size_t max)
{
    struct rp_event_queue *queue;

    assert_int_equal(rp_event_queue_new(events, max, NULL, NULL, &queue), 0);
    return queue;
}

static void publish(struct rp_events *events, const char *text)
{
    struct rp_json_line *line = rp_events_begin(events, RP_EVENT_WARNING, 1000 + RP_S);

    rp_line_text(line, "text", text);
    rp_events_end(events);
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
    assert_string_equal(json_string_value(json_object_get(root, "type")),
                        rp_event_kind_name(event->kind));
    if (event->kind == RP_EVENT_MISSED)
        ret = -json_integer_value(json_object_get(root, "count"));
    json_decref(root);
    rp_event_line_unref(event);
    return ret;
}

static void test_nobody_listens(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue;

    assert_false(rp_events_are_wanted(NULL));
    assert_false(rp_events_are_wanted(events));
    queue = listen(events, 0);
    assert_true(rp_events_are_wanted(events));
    rp_event_queue_free(queue);
    assert_false(rp_events_are_wanted(events));
    rp_event_queue_free(NULL);
    rp_events_free(events);
    rp_events_free(NULL);
}

static void test_the_head(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue = listen(events, 0);
    struct rp_event_line *event;

    publish(events, "x");
    event = rp_event_queue_take(queue);
    assert_string_equal(event->line, "{\"type\":\"warning\",\"run_id\":\"" RUN_ID "\",\"seq\":1,"
                                     "\"time\":\"2026-03-01T12:00:01.123Z\",\"ns\":1000000000,"
                                     "\"text\":\"x\"}\n");
    assert_true(event->at == RP_S);
    rp_event_queue_free(queue);
    rp_events_free(events);
    assert_int_equal(event->kind, RP_EVENT_WARNING); /* outlives both */
    rp_event_line_unref(event);
}

static void test_everybody_gets_all(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queues[5];

    for (size_t i = 0; i < RP_ARRAY_LEN(queues); i++) {
        queues[i] = listen(events, 0); /* the i-th one misses what was before */
        publish(events, "x");
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(queues); i++) {
        for (size_t seq = i + 1; seq <= RP_ARRAY_LEN(queues); seq++)
            assert_int_equal(take(queues[i]), seq);
        assert_int_equal(take(queues[i]), 0);
        rp_event_queue_free(queues[i]);
    }
    rp_events_free(events);
}

static void test_the_slow_lose_the_oldest(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *slow = listen(events, 4), *fast = listen(events, 4);

    for (int seq = 1; seq <= 11; seq++) {
        publish(events, "x");
        assert_int_equal(take(fast), seq);
    }
    assert_int_equal(take(slow), -7);
    for (int seq = 8; seq <= 11; seq++)
        assert_int_equal(take(slow), seq);
    assert_int_equal(take(slow), 0);
    publish(events, "x");
    assert_int_equal(take(slow), 12);
    rp_event_queue_free(slow);
    rp_event_queue_free(fast);
    rp_events_free(events);
}

/* Any mixture of publishing and taking, against a model: nothing comes twice, out of order, or is lost untold. */
static void test_nothing_is_lost_untold(void **state)
{
    uint64_t dice = 88172645463325252u, told = 0, published = 0;
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue = listen(events, 7);
    int64_t last = 0;

    for (int i = 0; i < 20000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        if (dice >> 63) {
            publish(events, "x");
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
    rp_events_free(events);
}

static void test_a_queue_holds_1024_by_default(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue = listen(events, 0);

    for (int i = 0; i < RP_EVENT_QUEUE_DEFAULT; i++)
        publish(events, "x");
    assert_int_equal(take(queue), 1);
    publish(events, "x");
    publish(events, "x");
    assert_int_equal(take(queue), -1);
    assert_int_equal(take(queue), 3);
    rp_event_queue_free(queue);
    rp_events_free(events);
}

/* ---- waking ---- */

struct reader {
    struct rp_events *events;
    struct rp_event_queue *queue;
    int wakes, taken, to_publish;
    bool takes;
};

static void wake(void *user)
{
    struct reader *reader = user;

    reader->wakes++;
    if (reader->to_publish-- > 0)
        publish(reader->events, "from within");
    while (reader->takes && take(reader->queue))
        reader->taken++;
}

static void test_waking(void **state)
{
    struct reader reader = { .events = new_bus() };
    struct rp_event_queue *other;

    assert_int_equal(rp_event_queue_new(reader.events, 2, wake, &reader, &reader.queue), 0);
    other = listen(reader.events, 0);
    publish(reader.events, "x");
    publish(reader.events, "x");
    publish(reader.events, "x");
    assert_int_equal(reader.wakes, 1); /* it had something to take already */
    reader.takes = true;
    wake(&reader);
    assert_int_equal(reader.taken, 3); /* a missed one and two */
    publish(reader.events, "x");
    assert_int_equal(reader.wakes, 3);
    assert_int_equal(reader.taken, 4);
    /* One that publishes when it is woken: everybody has both, in order. */
    reader.to_publish = 1;
    publish(reader.events, "x");
    assert_int_equal(reader.taken, 6);
    for (int seq = 1; seq <= 6; seq++)
        assert_int_equal(take(other), seq);
    rp_event_queue_free(reader.queue);
    rp_event_queue_free(other);
    rp_events_free(reader.events);
}

/* ---- memory ---- */

static void test_without_memory(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue = listen(events, 4), *none;
    struct rp_event_line *event;

    publish(events, "x");
    rp_alloc_fail_at(1);
    publish(events, "x"); /* the buffer is there; the event cannot be made */
    rp_alloc_fail_at(0);
    publish(events, "x");
    rp_alloc_fail_at(1);
    assert_int_equal(rp_event_queue_new(events, 0, NULL, NULL, &none), -ENOMEM);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_events_new(&(struct rp_events *){ NULL }), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(take(queue), -2);
    assert_int_equal(take(queue), 3);
    /* What is missed is told later when it cannot be told now. */
    for (int i = 0; i < 5; i++)
        publish(events, "x");
    rp_alloc_fail_at(1);
    event = rp_event_queue_take(queue);
    rp_alloc_fail_at(0);
    assert_int_equal(event->seq, 5);
    rp_event_line_unref(event);
    assert_int_equal(take(queue), -1);
    assert_int_equal(take(queue), 6);
    rp_event_queue_free(queue);
    rp_events_free(events);
}

static void test_too_large(void **state)
{
    struct rp_events *events = new_bus();
    struct rp_event_queue *queue = listen(events, 4);
    char *text = rp_calloc(1, RP_EVENT_MAX_BYTES + 1);

    memset(text, 'x', RP_EVENT_MAX_BYTES);
    publish(events, "x");
    publish(events, text);
    publish(events, "x");
    assert_int_equal(take(queue), -2);
    assert_int_equal(take(queue), 3);
    rp_free(text);
    rp_event_queue_free(queue);
    rp_events_free(events);
}

/* ---- lines ---- */

static json_t *written(void (*write)(struct rp_json_line *line, const void *data), const void *data)
{
    struct rp_buf out;
    struct rp_json_line line = { .out = &out };
    json_error_t error;
    json_t *root;

    rp_buf_init(&out, 1 << 16);
    rp_line_open(&line, NULL);
    write(&line, data);
    rp_line_close(&line);
    root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        fail_msg("%s: %s", error.text, out.data);
    rp_buf_deinit(&out);
    return root;
}

static void write_text(struct rp_json_line *line, const void *text)
{
    rp_line_text(line, text, text);
}

static void test_any_text(void **state)
{
    static const struct {
        const char *text, *read; /* NULL: the same */
    } cases[] = {
        { "", NULL },
        { "plain", NULL },
        { "\"quoted\\\" /\n\r\t\b\f\x01\x1f\x7f", NULL },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x80\xdf\xbf\xe0\xa0\x80\xf4\x8f\xbf\xbf",
          NULL },
        { "\xff", "\xef\xbf\xbd" },
        { "a\x80z", "a\xef\xbf\xbdz" },
        { "\xc3", "\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* too long */
        { "\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* too long */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* too high */
        { "\xf8\x88\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf0\x9f\x98", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const char *read = cases[i].read ? cases[i].read : cases[i].text;
        json_t *root = written(write_text, cases[i].text);

        assert_string_equal(json_string_value(json_object_get(root, read)), read);
        json_decref(root);
    }
}

/* Every byte and every pair of bytes: always JSON. */
static void test_all_short_texts(void **state)
{
    char text[4] = "";

    for (int i = 0; i < 65536; i++) {
        text[0] = (char)(i >> 8 ? i >> 8 : 'x');
        text[1] = (char)(i & 255);
        json_decref(written(write_text, text));
    }
}

static void write_number(struct rp_json_line *line, const void *value)
{
    rp_line_number(line, "x", *(const double *)value);
}

static void test_numbers(void **state)
{
    static const double numbers[] = { 0,          1,       -1,     0.1,
                                      1.0 / 3,    1e15,    1e16,   1e300,
                                      1e-300,     -2.5,    5e-324, 0x1p53,
                                      0x1p53 - 1, -0x1p53, 16.6,   123456789.123456789 };
    double odd[] = { NAN, INFINITY, -INFINITY };

    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++) {
        json_t *root = written(write_number, &numbers[i]);

        assert_true(json_number_value(json_object_get(root, "x")) == numbers[i]);
        json_decref(root);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(odd); i++) {
        json_t *root = written(write_number, &odd[i]);

        assert_true(json_is_null(json_object_get(root, "x")));
        json_decref(root);
    }
}

static void write_nested(struct rp_json_line *line, const void *data)
{
    rp_line_open(line, "a");
    rp_line_close(line);
    rp_line_open_list(line, "b");
    for (int i = 0; i < 3; i++) {
        rp_line_open(line, NULL);
        rp_line_i64(line, "i", INT64_MIN);
        rp_line_bool(line, "yes", true);
        rp_line_bool(line, "no", false);
        rp_line_null(line, "none");
        rp_line_text(line, "no text", NULL);
        rp_line_close(line);
    }
    rp_line_close_list(line);
    rp_line_u64(line, "c", INT64_MAX);
}

static void test_nesting(void **state)
{
    json_t *root = written(write_nested, NULL);
    json_t *item = json_array_get(json_object_get(root, "b"), 2);

    assert_int_equal(json_object_size(json_object_get(root, "a")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "b")), 3);
    assert_true(json_integer_value(json_object_get(item, "i")) == INT64_MIN);
    assert_true(json_is_true(json_object_get(item, "yes")));
    assert_true(json_is_false(json_object_get(item, "no")));
    assert_true(json_is_null(json_object_get(item, "none")));
    assert_true(json_is_null(json_object_get(item, "no text")));
    assert_true(json_integer_value(json_object_get(root, "c")) == INT64_MAX);
    json_decref(root);
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
        cmocka_unit_test(test_any_text),
        cmocka_unit_test(test_all_short_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nesting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
