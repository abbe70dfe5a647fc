/* SPDX-License-Identifier: MIT */
#include "vectors.h"

#include <float.h>
#include <math.h>

#include "base/time.h"
#include "wire/health.h"
#include "wire/progress.h"

static void text(struct rp_buf *out, const char *key, const char *value)
{
    rp_write_key(out, key);
    rp_write_text(out, value);
}

static void number(struct rp_buf *out, const char *key, int64_t value)
{
    rp_write_key(out, key);
    rp_write_i64(out, value);
}

static void real(struct rp_buf *out, const char *key, double value)
{
    rp_write_key(out, key);
    rp_write_double(out, value);
}

static void boolean(struct rp_buf *out, const char *key, bool value)
{
    rp_write_key(out, key);
    rp_write_bool(out, value);
}

static void write_down(enum rp_message_type type, struct rp_buf *out)
{
    switch (type) {
    case RP_MSG_LOAD:
        rp_write_message(out, type, 1);
        text(out, "script", "load.py");
        break;
    case RP_MSG_PLAN:
        rp_write_message(out, type, 3);
        text(out, "json", "{}");
        number(out, "worker", 1);
        number(out, "workers", 4);
        break;
    case RP_MSG_SETUP:
        rp_write_message(out, type, 1);
        boolean(out, "share", true);
        break;
    case RP_MSG_SHARE:
        rp_write_message(out, type, 1);
        rp_write_key(out, "data");
        rp_write_bytes(out, RP_SLICE("\x80\x05N."));
        break;
    case RP_MSG_START:
        rp_write_message(out, type, 1);
        number(out, "at", 1234567890123);
        break;
    case RP_MSG_STOP:
        rp_write_message(out, type, 1);
        number(out, "grace", 2 * RP_S);
        break;
    default: /* pause, resume, teardown, exit */
        rp_write_message(out, type, 0);
    }
}

static void write_hello(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_HELLO, 5);
    number(out, "protocol", 1);
    rp_write_key(out, "encodings");
    rp_write_list(out, 2);
    rp_write_text(out, "msgpack");
    rp_write_text(out, "json");
    number(out, "pid", 4711);
    text(out, "loop", "io_uring");
    text(out, "runtime", "CPython 3.11.2");
}

static void write_error_fields(struct rp_buf *out)
{
    static char file[] = "load.py", message[] = "bad";
    struct rp_error err = { .file = file, .line = 3, .message = message };

    rp_write_error(out, &err);
}

static void write_failures(enum rp_message_type type, struct rp_buf *out)
{
    if (type == RP_MSG_FAILED) {
        rp_write_message(out, type, 1 + RP_ERROR_FIELDS);
        text(out, "stage", "load");
    } else {
        rp_write_message(out, type, 4 + RP_ERROR_FIELDS);
        text(out, "hook", "setup");
        boolean(out, "ok", false);
        number(out, "took", 1500);
        rp_write_key(out, "data");
        rp_write_bytes(out, RP_SLICE(""));
    }
    write_error_fields(out);
}

static void write_define(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_DEFINE, 5);
    number(out, "series", 7);
    text(out, "metric", "http_reqs");
    text(out, "kind", "counter");
    boolean(out, "is_time", false);
    rp_write_key(out, "tags");
    rp_write_list(out, 2);
    rp_write_text(out, "status");
    rp_write_text(out, "200");
}

/* A counter of 2 in 2 samples; a trend with the samples 0 and 3. */
static void write_values(enum rp_message_type type, struct rp_buf *out)
{
    struct rp_value counter, trend;

    rp_value_init(&counter, RP_COUNTER);
    counter.counter = 2;
    counter.samples = 2;
    rp_value_init(&trend, RP_TREND);
    if (rp_hist_record(&trend.hist, 0) == 0 && rp_hist_record(&trend.hist, 3) == 0)
        trend.samples = 2;
    rp_write_message(out, type, 2);
    if (type == RP_MSG_DELTA) {
        number(out, "elapsed", RP_S);
        rp_write_key(out, "items");
        rp_write_list(out, 4);
        rp_write_u64(out, 7);
        rp_write_value(out, &counter);
        rp_write_u64(out, 8);
    } else {
        number(out, "series", 8);
        rp_write_key(out, "value");
    }
    rp_write_value(out, &trend);
    rp_value_deinit(&trend);
}

static void write_error_group(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_ERROR, 7);
    text(out, "scenario", "browse");
    text(out, "error_type", "ValueError");
    text(out, "message", "x");
    text(out, "place", "load.py:3 in browse");
    text(out, "traceback", NULL);
    number(out, "count", 5);
    boolean(out, "is_request", false);
}

static void write_health(struct rp_buf *out)
{
    struct rp_worker_health health = { .observed = 2 * RP_S,
                                       .busy = RP_S,
                                       .computed = RP_S / 2,
                                       .waited = RP_S / 4,
                                       .stopped = RP_S / 8,
                                       .stops = 3,
                                       .probes = 20,
                                       .late_probes = 2,
                                       .blocks = 1,
                                       .blocked = RP_S / 5,
                                       .arrivals = 12,
                                       .late_arrivals = 4,
                                       .late_drops = 5,
                                       .no_descriptors = 6,
                                       .no_ports = 7,
                                       .faults = 8 };

    rp_write_key(out, "health");
    rp_write_health(out, &health);
}

static void write_finished(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_FINISHED, 7);
    number(out, "started_late", 40000);
    number(out, "elapsed", 10 * RP_S);
    number(out, "paused", RP_S);
    write_health(out);
    number(out, "stray_bytes", 1);
    number(out, "retried", 2);
    rp_write_key(out, "accounting");
    rp_write_list(out, 1);
    rp_write_list(out, 6);
    for (int i = 0; i < 6; i++)
        rp_write_u64(out, (uint64_t[]){ 12, 10, 2, 9, 1, 3 }[i]);
}

static void write_state(struct rp_buf *out)
{
    struct rp_scenario_progress progress = { .state = RP_SCENARIO_RUNNING,
                                             .vus = 1,
                                             .vus_made = 2,
                                             .stage = 0,
                                             .scheduled = 12,
                                             .started = 10,
                                             .dropped = 2,
                                             .completed = 8,
                                             .interrupted = 1,
                                             .errors = 3,
                                             .total = 100,
                                             .elapsed = 2 * RP_S,
                                             .regular = 10 * RP_S,
                                             .rate = 2.5 };

    rp_write_message(out, RP_MSG_STATE, 5);
    number(out, "elapsed", 3 * RP_S);
    number(out, "paused", RP_S);
    boolean(out, "is_paused", false);
    write_health(out);
    rp_write_key(out, "scenarios");
    rp_write_list(out, 1);
    rp_write_progress(out, &progress);
}

static void write_bye(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_BYE, 4);
    real(out, "cpu_user", 1.5);
    real(out, "cpu_system", 0.25);
    number(out, "max_rss", 1 << 20);
    number(out, "error", 0);
}

void vector_write(enum rp_message_type type, struct rp_buf *out)
{
    switch (type) {
    case RP_MSG_HELLO:
        write_hello(out);
        break;
    case RP_MSG_DECLARED:
        rp_write_message(out, type, 1);
        text(out, "json", "{}");
        break;
    case RP_MSG_FAILED:
    case RP_MSG_HOOK_ENDED:
        write_failures(type, out);
        break;
    case RP_MSG_DEFINE:
        write_define(out);
        break;
    case RP_MSG_DELTA:
    case RP_MSG_TOTAL:
        write_values(type, out);
        break;
    case RP_MSG_WARNING:
        rp_write_message(out, type, 3);
        text(out, "about", NULL);
        text(out, "text", "careful");
        number(out, "count", 3);
        break;
    case RP_MSG_ABORT:
        rp_write_message(out, type, 1);
        text(out, "reason", "enough");
        break;
    case RP_MSG_STATE:
        write_state(out);
        break;
    case RP_MSG_ERROR:
        write_error_group(out);
        break;
    case RP_MSG_FINISHED:
        write_finished(out);
        break;
    case RP_MSG_BYE:
        write_bye(out);
        break;
    default:
        write_down(type, out);
    }
}

/* ---- every kind of field ---- */

static void write_integers(struct rp_buf *out)
{
    static const int64_t numbers[] = { 0,
                                       127,
                                       128,
                                       255,
                                       256,
                                       65535,
                                       65536,
                                       -1,
                                       -32,
                                       -33,
                                       -128,
                                       -129,
                                       -32768,
                                       -32769,
                                       INT32_MIN,
                                       (int64_t)INT32_MIN - 1,
                                       UINT32_MAX,
                                       (int64_t)UINT32_MAX + 1,
                                       ((int64_t)1 << 53) + 1,
                                       INT64_MAX,
                                       INT64_MIN };

    rp_write_key(out, "integers");
    rp_write_list(out, RP_ARRAY_LEN(numbers) + 2);
    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++)
        rp_write_i64(out, numbers[i]);
    rp_write_u64(out, (uint64_t)INT64_MAX + 1);
    rp_write_u64(out, UINT64_MAX);
}

static void write_floats(struct rp_buf *out)
{
    static const double numbers[] = { 0,
                                      -0.0,
                                      1,
                                      -2.5,
                                      0.1,
                                      1.0 / 3,
                                      1e21,
                                      1e22,
                                      -1e300,
                                      5e-324,
                                      2.2250738585072014e-308,
                                      DBL_MAX,
                                      123456789012345680.0,
                                      0x1p53,
                                      INFINITY,
                                      -INFINITY };
    static const uint64_t bits[] = { 0x7ff8000000000000, 0xfff8000000000000, 0x7ff4000000000001 };

    rp_write_key(out, "floats");
    rp_write_list(out, RP_ARRAY_LEN(numbers) + RP_ARRAY_LEN(bits));
    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++)
        rp_write_double(out, numbers[i]);
    for (size_t i = 0; i < RP_ARRAY_LEN(bits); i++) {
        double number;

        memcpy(&number, &bits[i], sizeof(number));
        rp_write_double(out, number);
    }
}

static void write_texts(struct rp_buf *out)
{
    static const struct rp_slice texts[] = {
        RP_SLICE(""),
        RP_SLICE("plain"),
        RP_SLICE("\" \\ / \b\f\n\r\t\x01\x1f\x7f"),
        RP_SLICE("a\0b"),
        RP_SLICE("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x80\xa8 \xef\xbf\xbf"),
        RP_SLICE("$bytes"),
        RP_SLICE("a text of thirty-two bytes......"),
        RP_SLICE("\xff\xfe no UTF-8"),
        RP_SLICE("half of a pair: \xed\xa0\x80"),
    };

    rp_write_key(out, "texts");
    rp_write_list(out, RP_ARRAY_LEN(texts));
    for (size_t i = 0; i < RP_ARRAY_LEN(texts); i++)
        rp_write_slice(out, texts[i]);
}

static void write_bytes(struct rp_buf *out)
{
    char all[256];

    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    rp_write_key(out, "bytes");
    rp_write_list(out, 5);
    for (size_t len = 0; len < 4; len++)
        rp_write_bytes(out, rp_slice(all + 250, len));
    rp_write_bytes(out, rp_slice(all, sizeof(all)));
}

static void write_nested(struct rp_buf *out)
{
    rp_write_key(out, "nested");
    rp_write_list(out, 4);
    rp_write_list(out, 0);
    rp_write_map(out, 0);
    rp_write_map(out, 2);
    boolean(out, "", true);
    text(out, "\xc3\xa4", NULL);
    for (int i = 3; i <= RP_MESSAGE_DEPTH_MAX; i++)
        rp_write_list(out, 1);
    rp_write_list(out, 0);
}

static void write_kinds(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_LOAD, 8);
    boolean(out, "yes", true);
    boolean(out, "no", false);
    text(out, "nil", NULL);
    write_integers(out);
    write_floats(out);
    write_texts(out);
    write_bytes(out);
    write_nested(out);
}

const char *vector_name(int vector)
{
    return vector == VECTOR_KINDS ? "kinds" : rp_message_type_name((enum rp_message_type)vector);
}

void vector_write_any(int vector, struct rp_buf *out)
{
    if (vector == VECTOR_KINDS)
        write_kinds(out);
    else
        vector_write((enum rp_message_type)vector, out);
}
