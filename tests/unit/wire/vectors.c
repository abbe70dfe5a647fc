/* SPDX-License-Identifier: MIT */
#include "vectors.h"

#include <errno.h>
#include <float.h>
#include <math.h>

#include "wire/wire_internal.h"

/* One writer for each message with fields: designated initialisers show which is which. */

#define HEALTH                                                                                     \
    {                                                                                              \
        .observed = 2 * RP_S, .busy = RP_S, .computed = RP_S / 2, .waited = RP_S / 4,              \
        .stopped = RP_S / 8, .stops = 3, .probes = 20, .late_probes = 2, .receives = 900,          \
        .late_receives = 30, .blocks = 1, .blocked = RP_S / 5, .arrivals = 12, .late_arrivals = 4, \
        .late_drops = 5, .no_descriptors = 6, .no_ports = 7, .faults = 8                           \
    }
static const struct rp_scenario_progress progress = { .state = RP_SCENARIO_RUNNING,
                                                      .vus = 1,
                                                      .vus_made = 2,
                                                      .vus_wanted = 2,
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
static const struct rp_msg_counts counts = {
    .scheduled = 12, .started = 10, .dropped = 2, .completed = 9, .interrupted = 1, .errors = 3
};
static const struct rp_unfinished request = { .series = 7,
                                              .was_sent = true,
                                              .blocked = 40000,
                                              .looking_up = 3000,
                                              .connecting = 20000,
                                              .tls_handshaking = 10000,
                                              .sending = 5000,
                                              .waiting = 7 * RP_S,
                                              .receiving = RP_S / 2 };
static const struct rp_slice encodings[] = { RP_SLICE("msgpack"), RP_SLICE("json") };
static const struct rp_msg_tag tags[] = { { RP_SLICE("method"), RP_SLICE("GET") },
                                          { RP_SLICE("status"), RP_SLICE("200") } };

#define FAULT                                                                                      \
    {                                                                                              \
        .message = RP_SLICE("bad"), .file = RP_SLICE("load.py"), .line = 3                         \
    }

static const union rp_msg_any examples[RP_MSG_COUNT] = {
    [RP_MSG_LOAD] = { .load = { .script = RP_SLICE("load.py"), .requests = RP_SLICE("\x01\xff") } },
    [RP_MSG_PLAN] = { .plan = { .json = RP_SLICE("{}"),
                                .worker = 1,
                                .workers = 4,
                                .samples = true } },
    [RP_MSG_SETUP] = { .setup = { .share = true } },
    [RP_MSG_SHARE] = { .share = { .data = RP_SLICE("\x80\x05N.") } },
    [RP_MSG_START] = { .start = { .at = 1234567890123 } },
    [RP_MSG_STOP] = { .stop = { .grace = 2 * RP_S } },
    [RP_MSG_ADJUST] = { .adjust = { .scenario = RP_SLICE("browse"),
                                    .what = RP_ADJUST_RATE,
                                    .value = 250,
                                    .at = 30 * RP_S,
                                    .hold = true } },
    [RP_MSG_HELLO] = { .hello = { .protocol = RP_PROTOCOL_VERSION,
                                  .encodings = { .items = encodings, .count = 2 },
                                  .clock = 1234567890123,
                                  .pid = 4711,
                                  .loop = RP_SLICE("io_uring"),
                                  .runtime = RP_SLICE("CPython 3.11.2") } },
    [RP_MSG_DECLARED] = { .declared = { .json = RP_SLICE("{}") } },
    [RP_MSG_FAILED] = { .failed = { .stage = RP_MSG_LOAD, .error = FAULT } },
    [RP_MSG_HOOK_ENDED] = { .hook_ended = { .hook = RP_MSG_SETUP,
                                            .took = 1500,
                                            .data = RP_SLICE(""),
                                            .error = FAULT } },
    [RP_MSG_DEFINE] = { .define = { .series = 7,
                                    .metric = RP_SLICE("http_reqs"),
                                    .kind = RP_COUNTER,
                                    .tags = { .items = tags, .count = 2 } } },
    [RP_MSG_SAMPLES] = { .samples = { .records = RP_SLICE("\x07\x00\x00\x00"
                                                          "\x00\x00\x00\x00\x00\x00\x00\x40"
                                                          "\x00\x00\x2a\x36\xfe\x9c\x97\x17"),
                                      .lost = 3 } },
    [RP_MSG_UNFINISHED] = { .unfinished = { .requests = { .items = &request, .count = 1 } } },
    [RP_MSG_EXCHANGE] = { .exchange = { .name = RP_SLICE("basket"),
                                        .scenario = RP_SLICE("browse"),
                                        .url = RP_SLICE("https://127.0.0.1:8443/basket?token=***"),
                                        .remote = RP_SLICE("127.0.0.1:8443"),
                                        .proto = RP_SLICE("HTTP/1.1"),
                                        .tls_version = RP_SLICE("tls1.3"),
                                        .vu = 3,
                                        .iteration = 7,
                                        .status = 503,
                                        .error_code = 1503,
                                        .is_failed = true,
                                        .wall_ns = 1700000000123456789,
                                        .blocked = 40000,
                                        .looking_up = 3000,
                                        .connecting = 20000,
                                        .tls_handshaking = 10000,
                                        .sending = 5000,
                                        .waiting = 7 * RP_MS,
                                        .receiving = 6000,
                                        .request_head = RP_SLICE("GET /basket?token=*** HTTP/1.1\n"
                                                                 "Host: 127.0.0.1:8443\n"),
                                        .response_head = RP_SLICE("HTTP/1.1 503 Busy\n"
                                                                  "Set-Cookie: ***\n"),
                                        .response_body = { RP_SLICE("out of stock\n"), 12, 12 } } },
    [RP_MSG_SHOWN] = { .shown = { .text = RP_SLICE("> GET / HTTP/1.1\n") } },
    [RP_MSG_STATE] = { .state = { .elapsed = 3 * RP_S,
                                  .paused = RP_S,
                                  .health = HEALTH,
                                  .scenarios = { .items = &progress, .count = 1 } } },
    [RP_MSG_WARNING] = { .warning = { .text = RP_SLICE("careful"), .count = 3 } },
    [RP_MSG_ABORT] = { .abort = { .reason = RP_SLICE("enough") } },
    [RP_MSG_ERROR] = { .error = { .scenario = RP_SLICE("browse"),
                                  .error_type = RP_SLICE("ValueError"),
                                  .message = RP_SLICE("x"),
                                  .place = RP_SLICE("load.py:3 in browse"),
                                  .count = 5 } },
    [RP_MSG_FINISHED] = { .finished = { .elapsed = 10 * RP_S,
                                        .paused = RP_S,
                                        .started_late = 40000,
                                        .under_way = 20 * RP_S,
                                        .cut_short = 3 * RP_S,
                                        .health = HEALTH,
                                        .stray_bytes = 1,
                                        .retried = 2,
                                        .accounting = { .items = &counts, .count = 1 } } },
    [RP_MSG_BYE] = { .bye = { .cpu_user = 1.5, .cpu_system = 0.25, .max_rss = 1 << 20 } },
};

/* One of each kind. The trend has the samples 0 and 3. */
static void write_values(enum rp_message_type type, struct rp_buf *out)
{
    struct rp_value values[RP_METRIC_TYPE_COUNT];
    struct rp_msg_series items[RP_METRIC_TYPE_COUNT];

    for (unsigned i = 0; i < RP_METRIC_TYPE_COUNT; i++) {
        rp_value_init(&values[i], (enum rp_metric_type)i);
        values[i].samples = 2;
        items[i] = (struct rp_msg_series){ .series = 7 + i, .value = { &values[i] } };
    }
    if (rp_sum_add(&values[RP_COUNTER].counter, 2) < 0 ||
        rp_sum_add(&values[RP_COUNTER].counter, 0.5) < 0)
        out->error = -ENOMEM;
    values[RP_GAUGE].gauge.last = 3;
    values[RP_GAUGE].gauge.min = 2.5;
    values[RP_GAUGE].gauge.max = 4;
    values[RP_RATE].rate.hits = 1;
    values[RP_RATE].rate.total = 2;
    if (rp_hist_record(&values[RP_TREND].hist, 0) < 0 ||
        rp_hist_record(&values[RP_TREND].hist, 3) < 0)
        out->error = -ENOMEM;
    if (type == RP_MSG_TOTAL)
        rp_message_write(out, type, &items[RP_TREND]);
    else
        rp_message_write(
            out, type,
            &(struct rp_msg_delta){ .elapsed = RP_S,
                                    .items = { .items = items, .count = RP_ARRAY_LEN(items) } });
    for (unsigned i = 0; i < RP_METRIC_TYPE_COUNT; i++)
        rp_value_deinit(&values[i]);
}

void vector_write(enum rp_message_type type, struct rp_buf *out)
{
    if (type == RP_MSG_DELTA || type == RP_MSG_TOTAL)
        write_values(type, out);
    else
        rp_message_write(out, type, &examples[type]);
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
    rp_write_key(out, "");
    rp_write_bool(out, true);
    rp_write_key(out, "\xc3\xa4");
    rp_write_nil(out);
    for (int i = 3; i <= RP_MESSAGE_DEPTH_MAX; i++)
        rp_write_list(out, 1);
    rp_write_list(out, 0);
}

static void write_kinds(struct rp_buf *out)
{
    rp_write_message(out, RP_MSG_LOAD, 8);
    rp_write_key(out, "yes");
    rp_write_bool(out, true);
    rp_write_key(out, "no");
    rp_write_bool(out, false);
    rp_write_key(out, "nil");
    rp_write_nil(out);
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
