/* SPDX-License-Identifier: MIT */

/*
 * fake_worker MODE [PHASE]: a worker that speaks the protocol over descriptor 3 and goes wrong as it is told.
 *
 * Phases, in their order: start (before hello), hello, load, plan, setup, set-up (after it), share, run (after start), finish (after finished),
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
    if (is("leaves-child") && fork() == 0) {
        setsid(); /* out of the reach of who ends the worker's process group */
        flood();
    }
    if (is("die") || is("leaves-child"))
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

        if (is_ready_wanted)
            say(RP_MSG_HELLO, &(struct rp_msg_hello){ .protocol = RP_PROTOCOL_VERSION });
        else
            say(RP_MSG_READY, NULL);
        hang();
    }
}

/* Mode "clock-ahead": not the coordinator's. */
static rp_ns our_clock(void)
{
    return rp_clock_ns() + (is("clock-ahead") ? 3600 * RP_S : 0);
}

/* Modes "json", "json-only" and "cbor-only" say what they have; none of the others does. */
static void say_hello(void)
{
    static const struct rp_slice encodings[] = { RP_SLICE("json"), RP_SLICE("cbor") };
    struct rp_msg_hello hello = { .protocol = is("old") ? 0 : RP_PROTOCOL_VERSION,
                                  .clock = our_clock(),
                                  .pid = getpid(),
                                  .loop = RP_SLICE("none"),
                                  .runtime = RP_SLICE("fake") };
    char json[256];

    if (is("json-only") || is("cbor-only"))
        hello.encodings = (struct rp_msg_list){ .items = &encodings[is("cbor-only")], .count = 1 };
    if (is("nameless") || is("json")) {
        snprintf(json, sizeof(json), "{\"type\":\"hello\",\"protocol\":%d,\"pid\":%d,%s}",
                 RP_PROTOCOL_VERSION, getpid(),
                 is("json") ? "\"encodings\":[\"cbor\",1,\"msgpack\",\"json\"]" : "\"loop\":1");
        say_json(json);
    } else {
        say(RP_MSG_HELLO, &hello);
    }
}

static void send_failed(void)
{
    say(RP_MSG_FAILED, &(struct rp_msg_failed){
                           .stage = RP_MSG_LOAD,
                           .error = { .message = RP_SLICE("boom"), .file = RP_SLICE("x.py") } });
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
    const char *ramping =
        "{\"script\": \"fake.py\", \"has_setup\": true, \"has_teardown\": true,"
        "\"functions\": [{\"name\": \"f\", \"file\": \"fake.py\", \"line\": 1}],"
        "\"decorated\": [{\"name\": \"f\", \"exec_fn\": \"f\", \"file\": \"fake.py\","
        "\"line\": 1, \"fields\": {\"executor\": \"ramping-arrival-rate\","
        "\"stages\": [{\"duration\": \"10m\", \"target\": 10}], \"start_time\": \"1s\"}}],"
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
    if (is("adjusts"))
        json = ramping;
    len = snprintf(whole, sizeof(whole), json, is("slow-teardown") ? "20s" : "0.1s");
    snprintf(whole + len, sizeof(whole) - (size_t)len, "%s}}", thresholds);
    if (is("failed")) {
        send_failed();
        return;
    }
    say(RP_MSG_DECLARED,
        &(struct rp_msg_declared){ .json = rp_slice_str(is("no-json") ? "nonsense" : whole) });
}

static void end_hook(enum rp_message_type hook, bool ok)
{
    struct rp_msg_hook_ended ended = { .hook = hook, .ok = ok, .took = 5 };

    if (!ok)
        ended.error.message = RP_SLICE("ValueError: no");
    say(RP_MSG_HOOK_ENDED, &ended);
}

/* Mode "judged": one of each kind, the numbers of series 1 to 3. */
static const struct {
    const char *name;
    enum rp_metric_type type;
} more[] = {
    { "vus", RP_GAUGE },
    { "checks", RP_RATE },
    { "iteration_duration", RP_TREND },
};
enum { MORE = RP_ARRAY_LEN(more), VISITS = MORE + 1 };

/* What a script counts itself: one that makes no request and counts nothing is warned of. */
static void define_visits(void)
{
    say(RP_MSG_DEFINE, &(struct rp_msg_define){ .series = VISITS, .metric = RP_SLICE("visits") });
}

static void define_more(void)
{
    static const struct rp_msg_tag tag = { RP_SLICE("scenario"), RP_SLICE("f") };

    for (uint32_t i = 0; i < MORE; i++) {
        struct rp_msg_define define = { .series = i + 1,
                                        .metric = rp_slice_str(more[i].name),
                                        .kind = more[i].type,
                                        .is_time = more[i].type == RP_TREND,
                                        .tags = { .items = &tag, .count = 1 } };

        say(RP_MSG_DEFINE, &define);
    }
}

static void fill(struct rp_value *value, enum rp_metric_type type)
{
    rp_value_init(value, type);
    value->samples = 2;
    if (type == RP_GAUGE) {
        value->gauge.last = value->gauge.max = 2;
        value->gauge.min = 1;
    } else if (type == RP_RATE) {
        value->rate.hits = 1;
        value->rate.total = 2;
    } else if (rp_hist_record(&value->hist, 1e6) < 0 || rp_hist_record(&value->hist, 2e6) < 0) {
        _exit(94);
    }
}

static void define(void)
{
    if (is("judged"))
        define_more();
    define_visits();
    if (is("series-number"))
        say_json("{\"type\":\"define\",\"series\":4294967296,\"metric\":\"iterations\","
                 "\"kind\":\"counter\",\"tags\":[]}");
    else if (is("kind"))
        say_json("{\"type\":\"define\",\"series\":0,\"metric\":\"iterations\",\"kind\":\"sum\"}");
    else if (is("nameless-metric"))
        say_json("{\"type\":\"define\",\"series\":0,\"kind\":\"counter\"}");
    else
        say(RP_MSG_DEFINE, &(struct rp_msg_define){ .metric = RP_SLICE("iterations") });
}

static struct rp_value count_of(double count)
{
    struct rp_value value;

    rp_value_init(&value, RP_COUNTER);
    value.counter.whole = (int64_t)count;
    value.samples = 3;
    return value;
}

static void send_delta(void)
{
    struct rp_value values[1 + MORE + 1];
    struct rp_msg_series items[1 + MORE + 1];
    size_t count = is("judged") ? 1 + MORE : 1;

    values[0] = count_of(is("counter") ? 2.5 : 3);
    for (size_t i = 0; i < count; i++) {
        if (i)
            fill(&values[i], more[i - 1].type);
        items[i] = (struct rp_msg_series){ .series = is("undefined") ? 50 : (uint32_t)i,
                                           .value = { &values[i] } };
    }
    values[count] = count_of(3);
    items[count] = (struct rp_msg_series){ .series = VISITS, .value = { &values[count] } };
    count++;
    say(RP_MSG_DELTA, &(struct rp_msg_delta){ .elapsed = is("endless") ? INT64_MAX : RP_S,
                                              .items = { .items = items, .count = count } });
    for (size_t i = 0; i < count; i++)
        rp_value_deinit(&values[i]);
}

static void send_error(void)
{
    say_json("{\"type\":\"error\",\"count\":1,\"is_request\":true}");
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
    struct rp_msg_counts counts[2];
    struct rp_msg_finished finished = {
        .elapsed = ran * RP_S,
        .paused = paused_after(ran),
        .health = { .observed = RP_S, .no_ports = is_limited() ? 3 : 0 },
        .accounting = { .items = counts, .count = is("scenarios") ? 2 : 1 }
    };

    counts[0] = (struct rp_msg_counts){
        .scheduled = 3,
        .started = is("accounting") || is("limited-accounting") ? 2 : 3,
        .dropped = is("wrap") ? UINT64_MAX : 0, /* sums that only hold modulo 2^64 */
        .completed = 3
    };
    counts[1] = counts[0];
    say(RP_MSG_FINISHED, &finished);
}

/* Longer than a silent worker is waited for. */
static void be_busy(void)
{
    for (int i = 0; i < 40; i++) {
        say(RP_MSG_WARNING,
            &(struct rp_msg_warning){ .text = RP_SLICE("still there"), .count = 1 });
        usleep(100000);
    }
}

static void leave(void)
{
    struct rp_value total = count_of(is("total") ? 4 : 3);
    struct rp_value visits = count_of(3);

    if (has_run) {
        say(RP_MSG_TOTAL, &(struct rp_msg_series){ .value = { &total } });
        say(RP_MSG_TOTAL, &(struct rp_msg_series){ .series = VISITS, .value = { &visits } });
    }
    reach("exit");
    if (is("says-much"))
        say_much();
    if (is("leaves-slowly"))
        be_busy();
    say(RP_MSG_BYE, &(struct rp_msg_bye){ .error = is("lost") ? -12 : 0 });
    reach("bye");
    exit(is("status") ? 3 : 0);
}

/* One second runs, one second pauses, and so on. */
static void send_state(int seconds)
{
    struct rp_scenario_progress scenarios[2];
    struct rp_msg_state state = {
        .elapsed = seconds * RP_S,
        .paused = is("odd-pauses") ? 2 * seconds * RP_S : paused_after(seconds),
        .is_paused = seconds % 2,
        .scenarios = { .items = scenarios, .count = is("odd-scenarios") ? 2 : 1 }
    };

    scenarios[0] = (struct rp_scenario_progress){ .state = RP_SCENARIO_RUNNING, .vus = seconds };
    scenarios[1] = scenarios[0];
    say(RP_MSG_STATE, &state);
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

static void abort_run(const char *reason)
{
    say(RP_MSG_ABORT, &(struct rp_msg_abort){ .reason = rp_slice_str(reason) });
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
    if (is("floods"))
        flood();
    if (is("waits-for-loss")) /* of another one */
        wait_for_signal(SIGUSR1);
    if (is("needs-reminder"))
        wait_for_signal(SIGURG);
    if (is("aborts"))
        abort_run("enough");
    if (is("waits") || is("judged") || is("aborts") || is("stops-late"))
        while (receive() != RP_MSG_STOP)
            ;
    if (is("stops-late"))
        wait_for_signal(SIGUSR1);
    if (is("odd-scenarios") || is("odd-pauses"))
        send_state(1);
    if (is("pauses") || is("crash-after-pauses") || is("setup-pauses") || is("pauses-late"))
        ran = pause_and_resume();
    if (is("pauses-late"))
        wait_for_signal(SIGUSR1);
    while (is("adjusts") && receive() == RP_MSG_ADJUST)
        say(RP_MSG_WARNING,
            &(struct rp_msg_warning){ .text = rp_slice_str(heard_adjust), .count = 1 });
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
            say(RP_MSG_READY, NULL);
            break;
        case RP_MSG_SETUP:
            reach("setup");
            if (is("setup-waits") || is("setup-pauses"))
                wait_for_signal(SIGUSR1);
            if (is("setup-aborts"))
                abort_run(NULL);
            end_hook(type, !is("no-setup"));
            reach("set-up");
            if (is("late-abort"))
                abort_run("late");
            break;
        case RP_MSG_SHARE:
            reach("share");
            if (is("share-waits") || is("share-waits-fails"))
                wait_for_signal(SIGUSR1);
            if (is("share-fails") || is("share-waits-fails"))
                send_failed();
            else
                say(RP_MSG_READY, NULL);
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
            end_hook(type, !is("no-teardown") && !is("limited-no-teardown"));
            break;
        case RP_MSG_EXIT:
            leave();
            break;
        default:
            break;
        }
    }
}
