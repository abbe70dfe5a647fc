/* SPDX-License-Identifier: MIT */
#include "hostile_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "wire/sample.h"

static const char declaration[] =
    "{\"script\": \"fake.py\", \"has_setup\": %s, \"has_teardown\": %s,"
    "\"functions\": [{\"name\": \"f\", \"file\": \"fake.py\", \"line\": 1}],"
    "\"decorated\": [{\"name\": \"f\", \"exec_fn\": \"f\", \"file\": \"fake.py\", \"line\": 1,"
    "\"fields\": {\"executor\": \"constant-vus\", \"vus\": 3, \"duration\": \"3s\","
    "\"graceful_stop\": \"1s\"}}],"
    "\"config\": {\"file\": \"fake.py\", \"line\": 1, \"options\": {\"setup_timeout\": \"2s\","
    "\"teardown_timeout\": \"2s\"}, \"thresholds\": {\"iterations\": [\"count>2\","
    "{\"threshold\": \"count<40\", \"abort_on_fail\": true}]}}}";

/* ---- numbers and texts of any kind ---- */

static int64_t any_number(struct speaker *speaker)
{
    static const int64_t odd[] = {
        INT64_MIN, -1, 0, 1, INT64_MAX - 1, INT64_MAX, UINT32_MAX, RP_S
    };
    struct chance *chance = speaker->chance;

    if (chance_of(chance, 50))
        return odd[chance_next(chance, RP_ARRAY_LEN(odd))];
    return (int64_t)chance_next(chance, chance_of(chance, 50) ? 5 : 5 * RP_S);
}

static int64_t any_positive(struct speaker *speaker)
{
    int64_t number = any_number(speaker);

    return number < 0 ? 0 : number;
}

static struct rp_slice any_text(struct speaker *speaker)
{
    static const struct rp_slice texts[] = { { NULL, 0 },        RP_SLICE(""),
                                             RP_SLICE("f"),      RP_SLICE("iterations"),
                                             RP_SLICE("vus"),    RP_SLICE("\x1b[1m%s%n"),
                                             RP_SLICE("\xc3("),  RP_SLICE("a: b: c"),
                                             RP_SLICE("checks"), RP_SLICE("a\0b") };

    return texts[chance_next(speaker->chance, RP_ARRAY_LEN(texts))];
}

static struct rp_worker_health any_health(struct speaker *speaker)
{
    struct rp_worker_health health;

    health.observed = any_positive(speaker);
    health.busy = any_positive(speaker);
    health.computed = any_positive(speaker);
    health.waited = any_positive(speaker);
    health.stopped = any_positive(speaker);
    health.stops = (uint64_t)any_number(speaker);
    health.probes = (uint64_t)any_number(speaker);
    health.late_probes = (uint64_t)any_number(speaker);
    health.receives = (uint64_t)any_number(speaker);
    health.late_receives = (uint64_t)any_number(speaker);
    health.blocks = (uint64_t)any_number(speaker);
    health.blocked = any_positive(speaker);
    health.arrivals = (uint64_t)any_number(speaker);
    health.late_arrivals = (uint64_t)any_number(speaker);
    health.late_drops = (uint64_t)any_number(speaker);
    health.no_descriptors = (uint64_t)any_number(speaker);
    health.no_ports = (uint64_t)any_number(speaker);
    health.faults = (uint64_t)any_number(speaker);
    return health;
}

static struct rp_msg_fault any_fault(struct speaker *speaker)
{
    return (struct rp_msg_fault){ any_text(speaker), any_text(speaker), any_text(speaker),
                                  any_text(speaker), any_number(speaker) };
}

/* ---- each message, with a content that may or may not fit ---- */

static void write_hello(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_hello hello = { .protocol = RP_PROTOCOL_VERSION,
                                  .clock = 1,
                                  .pid = 4711,
                                  .loop = RP_SLICE("none"),
                                  .runtime = RP_SLICE("hostile") };

    if (is_wild) {
        hello.clock = any_number(speaker);
        hello.pid = any_number(speaker);
        hello.loop = any_text(speaker);
        hello.protocol += chance_of(speaker->chance, 20);
    }
    rp_message_write(out, RP_MSG_HELLO, &hello);
}

static void write_declared(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    char json[sizeof(declaration) + 16];
    bool has_setup = chance_of(speaker->chance, 50);

    snprintf(json, sizeof(json), declaration, has_setup ? "true" : "false",
             chance_of(speaker->chance, 50) ? "true" : "false");
    rp_message_write(out, RP_MSG_DECLARED,
                     &(struct rp_msg_declared){ is_wild && chance_of(speaker->chance, 50)
                                                    ? any_text(speaker)
                                                    : rp_slice_str(json) });
}

static void write_failed(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    rp_message_write(out, RP_MSG_FAILED,
                     &(struct rp_msg_failed){ .stage = RP_MSG_LOAD, .error = any_fault(speaker) });
}

static void write_hook_ended(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_hook_ended ended = { .hook = RP_MSG_SETUP,
                                       .ok = chance_of(speaker->chance, 90),
                                       .took = 5,
                                       .data = RP_SLICE("data") };

    if (is_wild) {
        ended.ok = chance_of(speaker->chance, 50);
        ended.took = any_positive(speaker);
        ended.data = any_text(speaker);
    }
    if (!ended.ok)
        ended.error = any_fault(speaker);
    rp_message_write(out, RP_MSG_HOOK_ENDED, &ended);
}

static void write_define(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_tag tags[2] = { { RP_SLICE("scenario"), RP_SLICE("f") }, { .key = { NULL, 0 } } };
    struct rp_msg_define define = { .metric = RP_SLICE("iterations"),
                                    .kind = RP_COUNTER,
                                    .tags = { .items = tags, .count = 1 } };

    if (is_wild) {
        define.series = (uint32_t)chance_next(speaker->chance, 4);
        define.metric = any_text(speaker);
        define.kind = (enum rp_metric_type)chance_next(speaker->chance, RP_METRIC_TYPE_COUNT);
        define.tags.count = chance_next(speaker->chance, 3);
        tags[1] = (struct rp_msg_tag){ any_text(speaker), any_text(speaker) };
    }
    rp_message_write(out, RP_MSG_DEFINE, &define);
}

static void fill(struct speaker *speaker, struct rp_value *value)
{
    rp_value_init(value, (enum rp_metric_type)chance_next(speaker->chance, RP_METRIC_TYPE_COUNT));
    value->samples = chance_next(speaker->chance, 3);
    if (value->type == RP_GAUGE) {
        value->gauge.last = value->gauge.min = value->gauge.max = (double)any_number(speaker);
    } else if (value->type == RP_RATE) {
        value->rate.hits = chance_next(speaker->chance, 3);
        value->rate.total = chance_next(speaker->chance, 3);
    } else if (value->type == RP_COUNTER) {
        value->counter.whole = (int64_t)any_number(speaker);
    } else if (rp_hist_record(&value->hist, (double)any_positive(speaker)) == 0) {
        value->samples = 1;
    }
}

static struct rp_value counted(double count, uint64_t samples)
{
    struct rp_value value;

    rp_value_init(&value, RP_COUNTER);
    value.counter.whole = (int64_t)count;
    value.samples = samples;
    return value;
}

static void write_delta(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_value value = counted(1, 1);
    struct rp_msg_series item = { .value = { &value } };
    struct rp_msg_delta delta = { .elapsed = speaker->elapsed,
                                  .items = { .items = &item, .count = 1 } };

    if (is_wild) {
        fill(speaker, &value);
        item.series = (uint32_t)chance_next(speaker->chance, 3);
        delta.elapsed = any_number(speaker);
    } else {
        speaker->count++;
    }
    rp_message_write(out, RP_MSG_DELTA, &delta);
    rp_value_deinit(&value);
}

static void write_samples(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    char records[3 * RP_RECORD_BYTES] = { 0 };
    size_t len = RP_RECORD_BYTES;

    if (is_wild) {
        for (size_t i = 0; i < sizeof(records); i++)
            records[i] = (char)(chance_of(speaker->chance, 50) ? 0 : any_number(speaker));
        len = chance_of(speaker->chance, 80) ? sizeof(records) : 7;
    }
    rp_message_write(out, RP_MSG_SAMPLES,
                     &(struct rp_msg_samples){ .records = rp_slice(records, len),
                                               .lost = (uint64_t)any_number(speaker) });
}

static void write_state(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_scenario_progress progress[2] = {
        { .state = RP_SCENARIO_RUNNING, .vus = 3, .vus_made = 3, .started = 9, .completed = 8 }
    };
    struct rp_msg_state state = { .elapsed = speaker->elapsed,
                                  .paused = speaker->paused,
                                  .is_paused = speaker->is_paused,
                                  .health = { .observed = speaker->elapsed },
                                  .scenarios = { .items = progress, .count = 1 } };

    if (is_wild) {
        state.elapsed = any_number(speaker);
        state.paused = any_number(speaker);
        state.is_paused = chance_of(speaker->chance, 50);
        state.health = any_health(speaker);
        state.scenarios.count = chance_of(speaker->chance, 90);
        progress[0].state = (enum rp_scenario_state)chance_next(speaker->chance,
                                                                RP_SCENARIO_STATE_COUNT);
        progress[0].vus = any_positive(speaker);
        progress[0].vus_made = any_positive(speaker);
        progress[0].started = (uint64_t)any_number(speaker);
        progress[0].completed = (uint64_t)any_number(speaker);
        progress[0].total = (uint64_t)any_number(speaker);
        progress[0].elapsed = any_positive(speaker);
        progress[0].regular = any_positive(speaker);
        progress[0].rate = (double)any_positive(speaker) * 1e300;
        progress[0].stage = any_positive(speaker);
    }
    rp_message_write(out, RP_MSG_STATE, &state);
}

static void write_warning(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    rp_message_write(out, RP_MSG_WARNING,
                     &(struct rp_msg_warning){ any_text(speaker), any_text(speaker),
                                               (uint64_t)any_number(speaker) });
}

static void write_abort(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    rp_message_write(out, RP_MSG_ABORT, &(struct rp_msg_abort){ any_text(speaker) });
}

static void write_error(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_error error = { any_text(speaker),
                                  any_text(speaker),
                                  any_text(speaker),
                                  any_text(speaker),
                                  any_text(speaker),
                                  1,
                                  chance_of(speaker->chance, 50) };

    error.count = (uint64_t)any_number(speaker);
    rp_message_write(out, RP_MSG_ERROR, &error);
}

static void write_finished(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_counts counts[2] = { { .scheduled = (uint64_t)speaker->count,
                                         .started = (uint64_t)speaker->count,
                                         .completed = (uint64_t)speaker->count } };
    struct rp_msg_finished finished = { .elapsed = speaker->elapsed,
                                        .paused = speaker->paused,
                                        .health = { .observed = speaker->elapsed },
                                        .accounting = { .items = counts, .count = 1 } };

    if (is_wild) {
        finished.elapsed = any_number(speaker);
        finished.paused = any_number(speaker);
        finished.started_late = any_number(speaker);
        finished.under_way = any_number(speaker);
        finished.cut_short = any_number(speaker);
        finished.health = any_health(speaker);
        finished.stray_bytes = (uint64_t)any_number(speaker);
        finished.retried = (uint64_t)any_number(speaker);
        counts[0].dropped = (uint64_t)any_number(speaker);
        counts[0].interrupted = (uint64_t)any_number(speaker);
        finished.accounting.count = chance_next(speaker->chance, 3);
    }
    rp_message_write(out, RP_MSG_FINISHED, &finished);
}

static void write_total(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_value value = counted(speaker->count, (uint64_t)speaker->count);
    struct rp_msg_series series = { .value = { &value } };

    if (is_wild) {
        fill(speaker, &value);
        series.series = (uint32_t)chance_next(speaker->chance, 3);
    }
    rp_message_write(out, RP_MSG_TOTAL, &series);
    rp_value_deinit(&value);
}

static void write_unfinished(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_unfinished request = { .was_sent = true, .waiting = 5 * RP_S };
    struct rp_msg_unfinished unfinished = { .requests = { .items = &request, .count = 1 } };

    if (is_wild)
        request = (struct rp_unfinished){ .series = (uint32_t)chance_next(speaker->chance, 3),
                                          .was_sent = chance_of(speaker->chance, 50),
                                          .blocked = any_number(speaker),
                                          .sending = any_number(speaker),
                                          .waiting = any_number(speaker),
                                          .receiving = any_number(speaker) };
    rp_message_write(out, RP_MSG_UNFINISHED, &unfinished);
}

static void write_exchange(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_exchange exchange = { .name = RP_SLICE("a"), .request_head = RP_SLICE("\n: \xff") };

    exchange.status = is_wild ? (uint32_t)chance_next(speaker->chance, 1200) : 500;
    exchange.waiting = is_wild ? any_number(speaker) : RP_MS;
    rp_message_write(out, RP_MSG_EXCHANGE, &exchange);
}

static void write_bye(struct speaker *speaker, struct rp_buf *out, bool is_wild)
{
    struct rp_msg_bye bye = { .cpu_user = 1, .max_rss = 1000 };

    if (is_wild)
        bye = (struct rp_msg_bye){ (double)any_number(speaker) * 1e280, -1, any_number(speaker),
                                   any_number(speaker) };
    rp_message_write(out, RP_MSG_BYE, &bye);
}

static void (*const writers[RP_MSG_COUNT])(struct speaker *speaker, struct rp_buf *out,
                                           bool is_wild) = {
    [RP_MSG_HELLO] = write_hello,           [RP_MSG_DECLARED] = write_declared,
    [RP_MSG_FAILED] = write_failed,         [RP_MSG_HOOK_ENDED] = write_hook_ended,
    [RP_MSG_DEFINE] = write_define,         [RP_MSG_DELTA] = write_delta,
    [RP_MSG_SAMPLES] = write_samples,       [RP_MSG_STATE] = write_state,
    [RP_MSG_WARNING] = write_warning,       [RP_MSG_ABORT] = write_abort,
    [RP_MSG_ERROR] = write_error,           [RP_MSG_FINISHED] = write_finished,
    [RP_MSG_TOTAL] = write_total,           [RP_MSG_BYE] = write_bye,
    [RP_MSG_UNFINISHED] = write_unfinished, [RP_MSG_EXCHANGE] = write_exchange,
};

/* ---- what it was told, and says of it ---- */

static void hear_plan(struct speaker *speaker, const struct rp_message *message)
{
    struct rp_msg_plan plan;

    assert_int_equal(rp_message_read(message, &plan), 0);
    speaker->tells_samples = plan.samples;
}

void hear(struct speaker *speaker, const struct rp_message *message, rp_ns now)
{
    enum rp_message_type type = rp_message_type(message);

    switch (type) {
    case RP_MSG_STOP:
        speaker->is_told_to_stop = true;
        break;
    case RP_MSG_PAUSE:
    case RP_MSG_RESUME:
        assert_false(speaker->is_told_to_stop);
        speaker->is_paused = type == RP_MSG_PAUSE;
        speaker->is_new_state = speaker->is_running;
        break;
    default:
        speaker->is_loading = type == RP_MSG_LOAD || type == RP_MSG_PLAN;
        speaker->told = type == RP_MSG_ADJUST ? speaker->told : type; /* which has no answer */
        if (type == RP_MSG_PLAN)
            hear_plan(speaker, message);
        break;
    }
}

/* A run is a few turns long, and a pause holds it. */
static void say_running(struct speaker *speaker, struct rp_buf *out)
{
    rp_ns passed = 500 * RP_MS;

    if (!speaker->is_running) {
        speaker->is_running = speaker->is_new_state = true;
        speaker->left = 3 * RP_S;
    }
    if (speaker->is_new_state) {
        speaker->is_new_state = false;
        write_state(speaker, out, false);
        return;
    }
    if (speaker->is_told_to_stop || speaker->left <= 0) {
        write_finished(speaker, out, false);
        speaker->is_running = false;
        speaker->told = RP_MSG_NONE;
        return;
    }
    speaker->elapsed += passed;
    *(speaker->is_paused ? &speaker->paused : &speaker->left) += speaker->is_paused ? passed
                                                                                    : -passed;
    if (!speaker->has_defined)
        write_define(speaker, out, false);
    else if (speaker->tells_samples && chance_of(speaker->chance, 20))
        write_samples(speaker, out, false);
    else if (chance_of(speaker->chance, 10))
        write_unfinished(speaker, out, false);
    else if (chance_of(speaker->chance, 60))
        write_delta(speaker, out, false);
    else
        write_state(speaker, out, false);
    speaker->has_defined = true;
}

static void say_farewell(struct speaker *speaker, struct rp_buf *out)
{
    if (speaker->has_defined) {
        speaker->has_defined = false;
        write_total(speaker, out, false);
        return;
    }
    write_bye(speaker, out, false);
    speaker->has_left = true;
    speaker->told = RP_MSG_NONE;
}

/* Nothing to say is said by a warning. */
void say_what_is_due(struct speaker *speaker, struct rp_buf *out)
{
    enum rp_message_type told = speaker->told;

    if (!speaker->has_said_hello) {
        speaker->has_said_hello = true;
        write_hello(speaker, out, false);
    } else if (told == RP_MSG_START) {
        say_running(speaker, out);
    } else if (told == RP_MSG_EXIT) {
        say_farewell(speaker, out);
    } else {
        speaker->told = RP_MSG_NONE;
        speaker->is_loading = false;
        if (told == RP_MSG_LOAD)
            write_declared(speaker, out, false);
        else if (told == RP_MSG_PLAN || told == RP_MSG_SHARE)
            rp_message_write(out, RP_MSG_READY, NULL);
        else if (told == RP_MSG_SETUP || told == RP_MSG_TEARDOWN)
            write_hook_ended(speaker, out, false);
        else
            write_warning(speaker, out, false);
    }
}

/* Mostly what is due, with a wild content, else whatever there is. */
void say_anything(struct speaker *speaker, struct rp_buf *out)
{
    static const enum rp_message_type answers[RP_MSG_COUNT] = {
        [RP_MSG_LOAD] = RP_MSG_DECLARED,       [RP_MSG_SETUP] = RP_MSG_HOOK_ENDED,
        [RP_MSG_START] = RP_MSG_STATE,         [RP_MSG_EXIT] = RP_MSG_BYE,
        [RP_MSG_TEARDOWN] = RP_MSG_HOOK_ENDED,
    };
    enum rp_message_type type = (enum rp_message_type)chance_next(speaker->chance, RP_MSG_COUNT);

    if (chance_of(speaker->chance, 40) && answers[speaker->told])
        type = answers[speaker->told];
    if (chance_of(speaker->chance, 20) && speaker->told == RP_MSG_START)
        type = chance_of(speaker->chance, 50) ? RP_MSG_DELTA : RP_MSG_FINISHED;
    if (writers[type])
        writers[type](speaker, out, true);
    else if (chance_of(speaker->chance, 50))
        rp_message_write(out, RP_MSG_READY, NULL);
    else
        rp_message_write(out, RP_MSG_PAUSE, NULL);
}

void say_noise(struct speaker *speaker, struct rp_buf *out)
{
    size_t len = chance_next(speaker->chance, 30);

    for (size_t i = 0; i < len; i++) {
        char byte = (char)chance_next(speaker->chance, 256);

        rp_buf_append(out, &byte, 1);
    }
}
