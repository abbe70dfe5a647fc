/* SPDX-License-Identifier: MIT */

/*
 * fake_worker MODE [PHASE]: a worker that speaks the protocol over descriptor 3 and goes wrong as it is told.
 *
 * Phases, in their order: start (before hello), hello, load, plan, setup, share, run (after start), finish (after finished),
 * teardown, exit (after the totals), bye (all said). MODE happens when the phase is reached: "die", "crash", "hang",
 * "stop" (by a signal), "close" (the socket; the process stays), "garbage" (a frame that is no message), "odd" (a message out of place),
 * "giant" (a frame too large), "talks" (and goes on). Other modes name one lie or mishap of the content; "good" is none.
 */

#include "fake_wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "wire/health.h"
#include "wire/progress.h"

static const char *mode, *at;
static bool has_run, was_paused;
static int ran = 1; /* seconds, every other one of them a pause */

static bool is(const char *name)
{
    return strcmp(mode, name) == 0;
}

static void hang(void)
{
    for (;;)
        pause();
}

static void reach(const char *phase)
{
    if (strcmp(phase, at) != 0)
        return;
    fprintf(stderr, "dying words\n");
    if (is("die"))
        exit(7);
    if (is("crash") || is("crash-after-pauses"))
        raise(SIGKILL);
    if (is("stop"))
        raise(SIGSTOP);
    if (is("hang"))
        hang();
    if (is("close")) {
        close(3);
        hang();
    }
    if (is("giant") || is("garbage")) {
        static const char giant[] = "\xff\xff\xff\xff", garbage[] = "\x00\x00\x00\x02\x93\x01";

        if (write(3, is("giant") ? giant : garbage, is("giant") ? 4 : 6) > 0)
            hang();
    }
    if (is("odd")) {
        bool is_ready_wanted = strcmp(at, "plan") == 0 || strcmp(at, "share") == 0;

        rp_write_message(&out, is_ready_wanted ? RP_MSG_HELLO : RP_MSG_READY, 0);
        send_frame();
        hang();
    }
}

/* Modes "json", "json-only" and "cbor-only" say what they have; none of the others does. */
static void offer_encodings(void)
{
    rp_write_key(&out, "encodings");
    if (is("json")) {
        rp_write_list(&out, 4);
        rp_write_text(&out, "cbor");
        rp_write_i64(&out, 1);
        rp_write_text(&out, "msgpack");
        rp_write_text(&out, "json");
    } else if (is("json-only") || is("cbor-only")) {
        rp_write_list(&out, 1);
        rp_write_text(&out, is("json-only") ? "json" : "cbor");
    }
}

/* Mode "clock-ahead": not the coordinator's. */
static rp_ns our_clock(void)
{
    return rp_clock_ns() + (is("clock-ahead") ? 3600 * RP_S : 0);
}

static void say_hello(void)
{
    bool offers = strncmp(mode, "json", 4) == 0 || is("cbor-only");

    rp_write_message(&out, RP_MSG_HELLO, 5 + offers);
    if (offers)
        offer_encodings();
    number("protocol", is("old") ? 0 : RP_PROTOCOL_VERSION);
    number("clock", our_clock());
    number("pid", getpid());
    if (is("nameless")) {
        number("loop", 1);
        text("runtime", NULL);
    } else {
        text("loop", "none");
        text("runtime", "fake");
    }
    send_frame();
}

static void send_failed(void)
{
    struct rp_error err = { .message = (char *)(uintptr_t) "boom",
                            .file = (char *)(uintptr_t) "x.py" };

    rp_write_message(&out, RP_MSG_FAILED, RP_ERROR_FIELDS);
    rp_write_error(&out, &err);
    send_frame();
}

static void declare(void)
{
    const char *json =
        "{\"script\": \"fake.py\", \"has_setup\": true, \"has_teardown\": true,"
        "\"functions\": [{\"name\": \"f\", \"file\": \"fake.py\", \"line\": 1}],"
        "\"decorated\": [{\"name\": \"f\", \"exec_fn\": \"f\", \"file\": \"fake.py\","
        "\"line\": 1, \"fields\": {\"executor\": \"shared-iterations\","
        "\"iterations\": 3, \"max_duration\": \"0.2s\", \"graceful_stop\": \"0.1s\"}}],"
        "\"config\": {\"file\": \"fake.py\", \"line\": 1, \"options\":"
        "{\"setup_timeout\": \"0.1s\", \"teardown_timeout\": \"%s\"}";
    const char *thresholds =
        ", \"thresholds\": {\"iterations\": [\"count>2\", {\"threshold\": \"count<1\","
        "\"abort_on_fail\": true}], \"checks{scenario:f}\": [\"rate>0.9\"],"
        "\"checks{scenario:none}\": [{\"threshold\": \"rate>0.9\", \"abort_on_fail\": true}]}";
    char whole[2048];
    int len;

    if (is("limited-thresholds"))
        thresholds = ", \"thresholds\": {\"iterations\": [\"count>5\"]}";
    else if (!is("judged"))
        thresholds = "";
    len = snprintf(whole, sizeof(whole), json, is("slow-teardown") ? "20s" : "0.1s");
    snprintf(whole + len, sizeof(whole) - (size_t)len, "%s}}", thresholds);
    if (is("failed")) {
        send_failed();
        return;
    }
    rp_write_message(&out, RP_MSG_DECLARED, 1);
    text("json", is("no-json") ? "nonsense" : whole);
    send_frame();
}

static void simple(enum rp_message_type type)
{
    rp_write_message(&out, type, 0);
    send_frame();
}

static void end_hook(bool ok)
{
    rp_write_message(&out, RP_MSG_HOOK_ENDED, 3);
    rp_write_key(&out, "ok");
    rp_write_bool(&out, ok);
    number("took", 5);
    text("message", ok ? NULL : "ValueError: no");
    send_frame();
}

/* Mode "judged": one of each kind, the numbers of series 1 to 3. */
static const struct {
    const char *name, *kind;
    enum rp_metric_type type;
} more[] = {
    { "vus", "gauge", RP_GAUGE },
    { "checks", "rate", RP_RATE },
    { "iteration_duration", "trend", RP_TREND },
};

static void define_more(void)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(more); i++) {
        rp_write_message(&out, RP_MSG_DEFINE, 5);
        number("series", (int64_t)i + 1);
        text("metric", more[i].name);
        text("kind", more[i].kind);
        rp_write_key(&out, "is_time");
        rp_write_bool(&out, more[i].type == RP_TREND);
        rp_write_key(&out, "tags");
        rp_write_list(&out, 2);
        rp_write_text(&out, "scenario");
        rp_write_text(&out, "f");
        send_frame();
    }
}

static void write_more(void)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(more); i++) {
        struct rp_value value;

        rp_value_init(&value, more[i].type);
        value.samples = 2;
        if (more[i].type == RP_GAUGE) {
            value.gauge.last = value.gauge.max = 2;
            value.gauge.min = 1;
        } else if (more[i].type == RP_RATE) {
            value.rate.hits = 1;
            value.rate.total = 2;
        } else if (rp_hist_record(&value.hist, 1e6) < 0 || rp_hist_record(&value.hist, 2e6) < 0) {
            _exit(94);
        }
        rp_write_u64(&out, i + 1);
        rp_write_value(&out, &value);
        rp_value_deinit(&value);
    }
}

static void define(void)
{
    if (is("judged"))
        define_more();
    rp_write_message(&out, RP_MSG_DEFINE, 4);
    number("series", is("series-number") ? (int64_t)UINT32_MAX + 1 : 0);
    text("metric", is("nameless-metric") ? NULL : "iterations");
    text("kind", is("kind") ? "sum" : "counter");
    rp_write_key(&out, "tags");
    rp_write_list(&out, 0);
    send_frame();
}

static void write_count(double count)
{
    rp_write_list(&out, 2);
    rp_write_u64(&out, 3);
    rp_write_double(&out, count);
}

static void send_delta(void)
{
    rp_write_message(&out, RP_MSG_DELTA, 2);
    number("elapsed", is("endless") ? INT64_MAX : RP_S);
    rp_write_key(&out, "items");
    rp_write_list(&out, is("judged") ? 8 : 2);
    rp_write_u64(&out, is("undefined") ? 5 : 0);
    write_count(is("counter") ? 2.5 : 3);
    if (is("judged"))
        write_more();
    send_frame();
}

static void send_error(void)
{
    rp_write_message(&out, RP_MSG_ERROR, 2);
    number("count", 1);
    rp_write_key(&out, "is_request");
    rp_write_bool(&out, true);
    send_frame();
}

static bool is_limited(void)
{
    return strncmp(mode, "limited", 7) == 0;
}

/* Of each second one; some hear of its end a bit later. */
static rp_ns paused_after(int seconds)
{
    return seconds / 2 * (RP_S + (is("pauses-late") ? 50000 : 0));
}

static void finish(void)
{
    uint64_t counts[] = { 3, is("accounting") || is("limited-accounting") ? 2u : 3u, 0, 3, 0, 0 };
    uint32_t scenarios = is("scenarios") ? 2 : 1;
    struct rp_worker_health health = { .observed = RP_S, .no_ports = is_limited() ? 3 : 0 };

    if (is("wrap")) /* sums that only hold modulo 2^64 */
        counts[2] = UINT64_MAX;
    rp_write_message(&out, RP_MSG_FINISHED, 4);
    rp_write_key(&out, "health");
    rp_write_health(&out, &health);
    number("elapsed", ran * RP_S);
    number("paused", paused_after(ran));
    rp_write_key(&out, "accounting");
    rp_write_list(&out, scenarios);
    for (uint32_t i = 0; i < scenarios; i++) {
        rp_write_list(&out, 6);
        for (int j = 0; j < 6; j++)
            rp_write_u64(&out, counts[j]);
    }
    send_frame();
}

static void leave(void)
{
    if (has_run) {
        rp_write_message(&out, RP_MSG_TOTAL, 2);
        number("series", 0);
        rp_write_key(&out, "value");
        write_count(is("total") ? 4 : 3);
        send_frame();
    }
    reach("exit");
    rp_write_message(&out, RP_MSG_BYE, 1);
    number("error", is("lost") ? -12 : 0);
    send_frame();
    reach("bye");
    exit(is("status") ? 3 : 0);
}

/* One second runs, one second pauses, and so on. */
static void send_state(int seconds)
{
    struct rp_scenario_progress progress = { .state = RP_SCENARIO_RUNNING, .vus = seconds };

    rp_write_message(&out, RP_MSG_STATE, 4);
    number("elapsed", seconds * RP_S);
    number("paused", is("odd-pauses") ? 2 * seconds * RP_S : paused_after(seconds));
    rp_write_key(&out, "is_paused");
    rp_write_bool(&out, seconds % 2);
    rp_write_key(&out, "scenarios");
    rp_write_list(&out, is("odd-scenarios") ? 2 : 1);
    rp_write_progress(&out, &progress);
    if (is("odd-scenarios"))
        rp_write_progress(&out, &progress);
    send_frame();
}

/* Until it has paused and resumed twice, or is told to stop. Returns how many seconds that were. */
static int pause_and_resume(void)
{
    static const enum rp_message_type course[] = { RP_MSG_PAUSE, RP_MSG_RESUME, RP_MSG_PAUSE,
                                                   RP_MSG_RESUME };

    for (int i = 0; i < 4; i++) {
        enum rp_message_type type = i == 0 && was_paused ? RP_MSG_PAUSE : receive();

        if (type == RP_MSG_STOP)
            return i;
        if (type != course[i])
            _exit(95);
        send_state(i + 1);
    }
    return 4;
}

static void say(enum rp_message_type type, const char *key, const char *value)
{
    rp_write_message(&out, type, 1);
    text(key, value);
    send_frame();
}

/* Until the test sends it, now or earlier. */
static void wait_for_signal(int number)
{
    sigset_t set;
    int got;

    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigwait(&set, &got) != 0)
        _exit(96);
}

/* Longer than a silent worker is waited for. */
static void be_busy(void)
{
    for (int i = 0; i < 40; i++) {
        say(RP_MSG_WARNING, "text", "still there");
        usleep(100000);
    }
}

static void check_start(void)
{
    rp_ns away = heard_at - our_clock();

    if (heard_at && (away > 60 * RP_S || away < -60 * RP_S))
        exit(92);
}

static void run(void)
{
    check_start();
    has_run = true;
    send_state(0);
    define();
    send_delta();
    reach("run");
    if (is("errors"))
        send_error();
    if (is("judged")) {
        ran = 2;
        send_state(ran);
    }
    if (is("silent")) /* for longer than two looks at it */
        usleep(5000000);
    if (is("busy"))
        be_busy();
    if (is("waits-for-loss")) /* of another one */
        wait_for_signal(SIGUSR1);
    if (is("needs-reminder"))
        wait_for_signal(SIGURG);
    if (is("aborts"))
        say(RP_MSG_ABORT, "reason", "enough");
    if (is("waits") || is("judged") || is("aborts"))
        while (receive() != RP_MSG_STOP)
            ;
    if (is("odd-scenarios") || is("odd-pauses"))
        send_state(1);
    if (is("pauses") || is("crash-after-pauses") || is("setup-pauses") || is("pauses-late"))
        ran = pause_and_resume();
    if (is("pauses-late"))
        wait_for_signal(SIGUSR1);
    finish();
    reach("finish");
}

int main(int argc, char **argv)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGURG);
    sigprocmask(SIG_BLOCK, &set, NULL);
    mode = argc > 1 ? argv[1] : "good";
    at = argc > 2 ? argv[2] : "";
    rp_buf_init(&out, 1 << 20);
    reach("start");
    say_hello();
    reach("hello");
    for (;;) {
        enum rp_message_type type = receive();

        if (strncmp(mode, "json", 4) == 0 && heard != RP_JSON)
            _exit(94);
        if (strncmp(mode, "json", 4) != 0 && heard != RP_MSGPACK)
            _exit(93);
        switch (type) {
        case RP_MSG_LOAD:
            reach("load");
            declare();
            break;
        case RP_MSG_PLAN:
            reach("plan");
            simple(RP_MSG_READY);
            break;
        case RP_MSG_SETUP:
            reach("setup");
            if (is("setup-waits") || is("setup-pauses"))
                wait_for_signal(SIGUSR1);
            if (is("setup-aborts"))
                say(RP_MSG_ABORT, "reason", NULL);
            end_hook(!is("no-setup"));
            if (is("late-abort"))
                say(RP_MSG_ABORT, "reason", "late");
            break;
        case RP_MSG_SHARE:
            reach("share");
            if (is("share-fails"))
                send_failed();
            else
                simple(RP_MSG_READY);
            break;
        case RP_MSG_START:
            run();
            break;
        case RP_MSG_PAUSE:
            was_paused = true;
            break;
        case RP_MSG_TEARDOWN:
            reach("teardown");
            if (is("slow-teardown"))
                be_busy();
            end_hook(!is("no-teardown") && !is("limited-no-teardown"));
            break;
        case RP_MSG_EXIT:
            leave();
            break;
        default:
            break;
        }
    }
}
