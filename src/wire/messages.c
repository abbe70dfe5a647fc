/* SPDX-License-Identifier: MIT */

/*
 * The table of messages. A row is { key and offset, type, what else, .meaning }; the meanings are
 * in Markdown, for the page.
 */

#include "plan/plan.h"
#include "wire/wire_internal.h"

#define KEY(of, member)                                                                            \
    .key = { #member, sizeof(#member) - 1 }, .offset = offsetof(struct of, member)
#define REQUIRED .is_required = true
#define NOT_NEGATIVE .min = 0, .max = INT64_MAX
#define SERIES_NUMBER .max = (int64_t)UINT32_MAX - 1

_Static_assert(sizeof(enum rp_scenario_state) == sizeof(unsigned), "enums are read as unsigned");

static const char *state_name(unsigned value)
{
    return rp_scenario_state_name((enum rp_scenario_state)value);
}

static const char *kind_name(unsigned value)
{
    return rp_metric_type_name((enum rp_metric_type)value);
}

static const char *message_name(unsigned value)
{
    return rp_message_type_name((enum rp_message_type)value);
}

static const char *adjusted_name(unsigned value)
{
    return rp_adjusted_name((enum rp_adjusted)value);
}

#define STATES .name = state_name, .names = RP_SCENARIO_STATE_COUNT
#define KINDS .name = kind_name, .names = RP_METRIC_TYPE_COUNT
#define ADJUSTED .name = adjusted_name, .names = RP_ADJUSTED_COUNT
#define MESSAGES(first, last)                                                                      \
    .name = message_name, .names = RP_MSG_COUNT, .min = (first), .max = (last), .fallback = (first)

/* ---- parts ----------------------------------------------------------------------------------- */

static const struct rp_row fault_rows[] = {
    { KEY(rp_msg_fault, message), RP_ROW_TEXT, .meaning = "one sentence without a final dot" },
    { KEY(rp_msg_fault, file), RP_ROW_TEXT, .meaning = "where it is" },
    { KEY(rp_msg_fault, line), RP_ROW_I64, .meaning = "from 1; 0 when unknown" },
    { KEY(rp_msg_fault, hint), RP_ROW_TEXT, .meaning = "the remedy" },
    { KEY(rp_msg_fault, detail), RP_ROW_TEXT, .meaning = "several lines, such as a traceback" },
};

static const struct rp_row tag_rows[] = {
    { KEY(rp_msg_tag, key), RP_ROW_TEXT, .meaning = "name of the tag" },
    { KEY(rp_msg_tag, value), RP_ROW_TEXT, .meaning = "what it is in this series" },
};

static const struct rp_row series_rows[] = {
    { KEY(rp_msg_series, series), RP_ROW_U32, REQUIRED, SERIES_NUMBER, .meaning = "its number" },
    { KEY(rp_msg_series, value), RP_ROW_VALUE, REQUIRED, .meaning = "see [values](#values)" },
};

static const struct rp_row health_rows[] = {
    { KEY(rp_worker_health, observed), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "time that the next four are part of; pauses are not" },
    { KEY(rp_worker_health, busy), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "time in samples of a second that left less than a tenth of it to spare" },
    { KEY(rp_worker_health, computed), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "processor time, without spinning before arrivals" },
    { KEY(rp_worker_health, waited), RP_ROW_I64, NOT_NEGATIVE,
      .meaning =
          "time in which the thread could run and did not, because of other programs or a quota" },
    { KEY(rp_worker_health, stopped), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "of that, because of the CPU quota of a control group" },
    { KEY(rp_worker_health, stops), RP_ROW_U64,
      .meaning = "how often the quota has stopped the group" },
    { KEY(rp_worker_health, probes), RP_ROW_U64,
      .meaning =
          "timers that were due, one each 100 ms, those too that a late one stands in the way of" },
    { KEY(rp_worker_health, late_probes), RP_ROW_U64,
      .meaning = "of them, those that were more than 20 ms late" },
    { KEY(rp_worker_health, receives), RP_ROW_U64,
      .meaning = "how often bytes of servers were taken from the kernel, which had a stamp" },
    { KEY(rp_worker_health, late_receives), RP_ROW_U64,
      .meaning = "of them, those that had lain in the kernel for more than 20 ms" },
    { KEY(rp_worker_health, blocks), RP_ROW_U64,
      .meaning = "how often code of the script kept the loop, as far as the host has noticed" },
    { KEY(rp_worker_health, blocked), RP_ROW_I64, NOT_NEGATIVE, .meaning = "for how long in all" },
    { KEY(rp_worker_health, arrivals), RP_ROW_U64,
      .meaning = "iterations that began at a time of a schedule's" },
    { KEY(rp_worker_health, late_arrivals), RP_ROW_U64,
      .meaning = "of them, those that began more than 20 ms later" },
    { KEY(rp_worker_health, late_drops), RP_ROW_U64,
      .meaning = "arrivals that were dropped and were that late" },
    { KEY(rp_worker_health, no_descriptors), RP_ROW_U64,
      .meaning = "connects that failed for want of file descriptors" },
    { KEY(rp_worker_health, no_ports), RP_ROW_U64,
      .meaning = "connects that failed for want of local ports" },
    { KEY(rp_worker_health, faults), RP_ROW_U64,
      .meaning = "pages of memory that had to be read from a disk" },
};

static const struct rp_row progress_rows[] = {
    { KEY(rp_scenario_progress, state), RP_ROW_ENUM, REQUIRED, STATES,
      .meaning = "`waiting` for its start_time; `stopping`: begins no more iterations" },
    { KEY(rp_scenario_progress, vus), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "VUs that run an iteration" },
    { KEY(rp_scenario_progress, vus_made), RP_ROW_I64, NOT_NEGATIVE, .meaning = "VUs that exist" },
    { KEY(rp_scenario_progress, vus_wanted), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "VUs that are to loop now; 0 when its executor has no such number" },
    { KEY(rp_scenario_progress, stage), RP_ROW_I64, .min = -1, .max = INT64_MAX, .fallback = -1,
      .meaning = "from 0; -1 without stages" },
    { KEY(rp_scenario_progress, scheduled), RP_ROW_U64,
      .meaning = "iterations that were to begin up to now" },
    { KEY(rp_scenario_progress, started), RP_ROW_U64, .meaning = "iterations that began" },
    { KEY(rp_scenario_progress, dropped), RP_ROW_U64, .meaning = "iterations that found no VU" },
    { KEY(rp_scenario_progress, completed), RP_ROW_U64, .meaning = "iterations that ended" },
    { KEY(rp_scenario_progress, interrupted), RP_ROW_U64,
      .meaning = "iterations that were ended, because their time was over" },
    { KEY(rp_scenario_progress, errors), RP_ROW_U64,
      .meaning = "of the completed ones, those that raised" },
    { KEY(rp_scenario_progress, total), RP_ROW_U64,
      .meaning = "iterations in all; 0 = as many as the time allows" },
    { KEY(rp_scenario_progress, elapsed), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "how much of its regular time went by" },
    { KEY(rp_scenario_progress, regular), RP_ROW_I64, NOT_NEGATIVE, .meaning = "its regular time" },
    { KEY(rp_scenario_progress, rate), RP_ROW_FINITE, NOT_NEGATIVE,
      .meaning = "arrivals per second wanted now; 0 when its executor has none" },
};

static const struct rp_row counts_rows[] = {
    { KEY(rp_msg_counts, scheduled), RP_ROW_U64, .meaning = "iterations that were to begin" },
    { KEY(rp_msg_counts, started), RP_ROW_U64, .meaning = "that began" },
    { KEY(rp_msg_counts, dropped), RP_ROW_U64, .meaning = "that found no VU" },
    { KEY(rp_msg_counts, completed), RP_ROW_U64, .meaning = "that ended" },
    { KEY(rp_msg_counts, interrupted), RP_ROW_U64, .meaning = "that were ended" },
    { KEY(rp_msg_counts, errors), RP_ROW_U64, .meaning = "of the completed ones, that raised" },
};

#define PHASE(member, meaning_)                                                                    \
    {                                                                                              \
        KEY(rp_unfinished, member), RP_ROW_I64, NOT_NEGATIVE, .meaning = (meaning_)                \
    }

static const struct rp_row request_rows[] = {
    { KEY(rp_unfinished, series), RP_ROW_U32, REQUIRED, SERIES_NUMBER,
      .meaning = "the counter that has counted it; its tags are the request's" },
    { KEY(rp_unfinished, was_sent), RP_ROW_BOOL,
      .meaning = "at least in part; else the last four are 0" },
    PHASE(blocked, "how long it waited before it was sent"),
    PHASE(looking_up, "how long its host was looked up"),
    PHASE(connecting, "how long its connection was opened"),
    PHASE(tls_handshaking, "how long its connection shook hands"),
    PHASE(sending, "how long it was sent"),
    PHASE(waiting, "how long it waited for the first byte of the answer"),
    PHASE(receiving, "how long the answer was received"),
};

#define PART(name_, rows_, of, meaning_)                                                           \
    {                                                                                              \
        .name = (name_), .meaning = (meaning_), .size = sizeof(struct of), .rows = (rows_),        \
        .count = RP_ARRAY_LEN(rows_)                                                               \
    }

static const struct rp_table fault = PART(
    "fault", fault_rows, rp_msg_fault, "A mistake of the user's, or an exception of the script's.");
static const struct rp_table tag = PART("tag", tag_rows, rp_msg_tag, "A tag of a series.");
static const struct rp_table item = PART("item", series_rows, rp_msg_series,
                                         "What a series has recorded since the last `delta`.");
static const struct rp_table health = PART(
    "health", health_rows, rp_worker_health,
    "What a worker knows of itself: sums since the executors started, of the thread that turns the "
    "loop. What the system "
    "does not tell is 0.");
static const struct rp_table progress = PART("progress", progress_rows, rp_scenario_progress,
                                             "How far a scenario is.");
static const struct rp_table counts = PART("counts", counts_rows, rp_msg_counts,
                                           "The iterations of a scenario, once it has ended.");

static const struct rp_table request = PART(
    "request", request_rows, rp_unfinished,
    "A request that was under way when its iteration was interrupted. Its times are nanoseconds.");

const struct rp_table *const rp_part_tables[] = { &fault,   &tag,           &item,
                                                  &health,  &progress,      &counts,
                                                  &request, &rp_body_table, NULL };

/* ---- to the worker --------------------------------------------------------------------------- */

static const struct rp_row load_rows[] = {
    { KEY(rp_msg_load, script), RP_ROW_TEXT, .meaning = "path, as the user gave it" },
    { KEY(rp_msg_load, requests), RP_ROW_BYTES,
      .meaning = "what the command line has to be requested, as `src/script/requests.c` writes it; "
                 "empty with a script" },
};

static const struct rp_row plan_rows[] = {
    { KEY(rp_msg_plan, json), RP_ROW_TEXT,
      .meaning = "the plan as `rampa inspect --format json` prints it" },
    { KEY(rp_msg_plan, worker), RP_ROW_U64, .meaning = "number of the worker, from 0" },
    { KEY(rp_msg_plan, workers), RP_ROW_U64, .min = 1, .max = RP_WORKERS_MAX, .fallback = 1,
      .meaning = "how many there are" },
    { KEY(rp_msg_plan, samples), RP_ROW_BOOL, .meaning = "tell every sample by `samples`" },
};

static const struct rp_row setup_rows[] = {
    { KEY(rp_msg_setup, share), RP_ROW_BOOL, .meaning = "others wait for what it returns" },
};

static const struct rp_row share_rows[] = {
    { KEY(rp_msg_share, data), RP_ROW_BYTES,
      .meaning = "of the script's language: a pickle of Python's" },
};

static const struct rp_row start_rows[] = {
    { KEY(rp_msg_start, at), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "of the worker's clock, which `hello` told; 0 = now" },
};

static const struct rp_row stop_rows[] = {
    { KEY(rp_msg_stop, grace), RP_ROW_I64, NOT_NEGATIVE, .meaning = "from now" },
};

static const struct rp_row adjust_rows[] = {
    { KEY(rp_msg_adjust, scenario), RP_ROW_TEXT, .meaning = "its name" },
    { KEY(rp_msg_adjust, what), RP_ROW_ENUM, REQUIRED, ADJUSTED,
      .meaning = "what changes: VUs, or arrivals per time_unit of the scenario" },
    { KEY(rp_msg_adjust, value), RP_ROW_FINITE, REQUIRED, NOT_NEGATIVE,
      .meaning = "how many from then on, in all workers together" },
    { KEY(rp_msg_adjust, at), RP_ROW_I64, NOT_NEGATIVE,
      .meaning = "the moment, since the start of the executors and without pauses" },
    { KEY(rp_msg_adjust, hold), RP_ROW_BOOL,
      .meaning = "to the end; else until the present stage ends, and then the plan counts again" },
};

/* ---- to the coordinator ---------------------------------------------------------------------- */

static const struct rp_row hello_rows[] = {
    { KEY(rp_msg_hello, protocol), RP_ROW_U64, .meaning = "5" },
    { KEY(rp_msg_hello, encodings), RP_ROW_TEXTS, .meaning = "`msgpack`, `json`" },
    { KEY(rp_msg_hello, clock), RP_ROW_I64,
      .meaning = "what the clock of its loop shows; CLOCK_MONOTONIC, which all processes of a "
                 "machine share" },
    { KEY(rp_msg_hello, pid), RP_ROW_I64, .meaning = "its process" },
    { KEY(rp_msg_hello, loop), RP_ROW_TEXT, .meaning = "back-end of its event loop" },
    { KEY(rp_msg_hello, runtime), RP_ROW_TEXT, .meaning = "what runs its script" },
};

static const struct rp_row declared_rows[] = {
    { KEY(rp_msg_declared, json), RP_ROW_TEXT, .meaning = "the declaration" },
};

static const struct rp_row failed_rows[] = {
    { KEY(rp_msg_failed, stage), RP_ROW_ENUM, MESSAGES(RP_MSG_LOAD, RP_MSG_SHARE),
      .meaning = "the message that it answers: `load`, `plan` or `share`" },
    { KEY(rp_msg_failed, error), RP_ROW_STRUCT, .table = &fault, .meaning = "why" },
};

static const struct rp_row hook_ended_rows[] = {
    { KEY(rp_msg_hook_ended, hook), RP_ROW_ENUM, MESSAGES(RP_MSG_SETUP, RP_MSG_TEARDOWN),
      .meaning = "`setup` or `teardown`" },
    { KEY(rp_msg_hook_ended, ok), RP_ROW_BOOL,
      .meaning = "it returned; otherwise `error` says why not" },
    { KEY(rp_msg_hook_ended, took), RP_ROW_I64, NOT_NEGATIVE, .meaning = "how long it ran" },
    { KEY(rp_msg_hook_ended, data), RP_ROW_BYTES,
      .meaning = "what setup() returned, when that was to be shared; else empty" },
    { KEY(rp_msg_hook_ended, error), RP_ROW_STRUCT, .table = &fault,
      .meaning = "nothing in it when it returned" },
};

static const struct rp_row define_rows[] = {
    { KEY(rp_msg_define, series), RP_ROW_U32, REQUIRED, SERIES_NUMBER,
      .meaning = "dense from 0, unique in the worker" },
    { KEY(rp_msg_define, metric), RP_ROW_TEXT, .meaning = "its name" },
    { KEY(rp_msg_define, kind), RP_ROW_ENUM, REQUIRED, KINDS, .meaning = "of the metric" },
    { KEY(rp_msg_define, is_time), RP_ROW_BOOL,
      .meaning = "a trend of times: milliseconds at the border" },
    { KEY(rp_msg_define, tags), RP_ROW_LIST, .table = &tag, .meaning = "of the series" },
};

static const struct rp_row delta_rows[] = {
    { KEY(rp_msg_delta, elapsed), RP_ROW_I64,
      .meaning = "since the start of the executors; 0 before" },
    { KEY(rp_msg_delta, items), RP_ROW_LIST, .table = &item,
      .meaning = "the series that have changed" },
};

static const struct rp_row samples_rows[] = {
    { KEY(rp_msg_samples, records), RP_ROW_BYTES,
      .meaning =
          "20 bytes each: the number of the series (unsigned, 4 bytes), the value (float 64), "
          "the time since 1970 (signed, 8 bytes), all little-endian" },
    { KEY(rp_msg_samples, lost), RP_ROW_U64,
      .meaning = "how many are missing before the first of them: they came faster than they were "
                 "read" },
};

static const struct rp_row unfinished_rows[] = {
    { KEY(rp_msg_unfinished, requests), RP_ROW_LIST, .table = &request,
      .meaning = "in the order in which they were interrupted" },
};

static const struct rp_row shown_rows[] = {
    { KEY(rp_msg_shown, text), RP_ROW_TEXT,
      .meaning = "its lines; nil or empty: the worker shows no further one" },
};

static const struct rp_row state_rows[] = {
    { KEY(rp_msg_state, elapsed), RP_ROW_I64,
      .meaning = "since the start of the executors, pauses included" },
    { KEY(rp_msg_state, paused), RP_ROW_I64,
      .meaning = "of that, how long it paused; an unfinished pause is in it" },
    { KEY(rp_msg_state, is_paused), RP_ROW_BOOL, .meaning = "now" },
    { KEY(rp_msg_state, health), RP_ROW_STRUCT, .table = &health,
      .meaning = "what the worker knows of itself" },
    { KEY(rp_msg_state, scenarios), RP_ROW_LIST, .table = &progress,
      .meaning = "in the order of the plan" },
};

static const struct rp_row warning_rows[] = {
    { KEY(rp_msg_warning, about), RP_ROW_TEXT,
      .meaning = "what several workers say with figures of their own" },
    { KEY(rp_msg_warning, text), RP_ROW_TEXT, .meaning = "one sentence without a final dot" },
    { KEY(rp_msg_warning, count), RP_ROW_U64, .fallback = 1,
      .meaning = "how often it has happened since it was told last" },
};

static const struct rp_row abort_rows[] = {
    { KEY(rp_msg_abort, reason), RP_ROW_TEXT, .meaning = "the script's; may be empty" },
};

static const struct rp_row error_rows[] = {
    { KEY(rp_msg_error, scenario), RP_ROW_TEXT,
      .meaning = "name; `setup` or `teardown` for hooks" },
    { KEY(rp_msg_error, error_type), RP_ROW_TEXT, .meaning = "name of the exception" },
    { KEY(rp_msg_error, message), RP_ROW_TEXT, .meaning = "of the first one" },
    { KEY(rp_msg_error, place), RP_ROW_TEXT, .meaning = "file, line and function" },
    { KEY(rp_msg_error, traceback), RP_ROW_TEXT, .meaning = "of the first one" },
    { KEY(rp_msg_error, count), RP_ROW_U64, .meaning = "so far" },
    { KEY(rp_msg_error, is_request), RP_ROW_BOOL,
      .meaning =
          "a failed request that nobody caught: an outcome of the test, not a bug of the script" },
};

static const struct rp_row finished_rows[] = {
    { KEY(rp_msg_finished, elapsed), RP_ROW_I64,
      .meaning = "from the start of the executors to their end, pauses included" },
    { KEY(rp_msg_finished, paused), RP_ROW_I64, .meaning = "of that, how long it paused" },
    { KEY(rp_msg_finished, started_late), RP_ROW_I64,
      .meaning = "how long after the moment that was agreed upon they started" },
    { KEY(rp_msg_finished, under_way), RP_ROW_I64,
      .meaning = "the number of iterations between their due moment and their end, integrated over "
                 "the time" },
    { KEY(rp_msg_finished, cut_short), RP_ROW_I64,
      .meaning = "of that, the part of interrupted iterations, which no sample has" },
    { KEY(rp_msg_finished, health), RP_ROW_STRUCT, .table = &health,
      .meaning = "as in `state`, for the last time" },
    { KEY(rp_msg_finished, stray_bytes), RP_ROW_U64,
      .meaning = "connections dropped for bytes that nobody asked for" },
    { KEY(rp_msg_finished, retried), RP_ROW_U64,
      .meaning = "requests sent again because a kept connection had been closed" },
    { KEY(rp_msg_finished, accounting), RP_ROW_LIST, .table = &counts,
      .meaning = "of each scenario, in the order of the plan" },
};

static const struct rp_row bye_rows[] = {
    { KEY(rp_msg_bye, cpu_user), RP_ROW_FINITE, .meaning = "seconds" },
    { KEY(rp_msg_bye, cpu_system), RP_ROW_FINITE, .meaning = "seconds" },
    { KEY(rp_msg_bye, max_rss), RP_ROW_I64, .meaning = "bytes" },
    { KEY(rp_msg_bye, error), RP_ROW_I64,
      .meaning = "0, or the first failure of sending: then the sums are not complete" },
};

/* ---- all of them ----------------------------------------------------------------------------- */

#define MESSAGE(name_, of, meaning_) PART(#name_, name_##_rows, of, meaning_)
#define EMPTY(name_, meaning_)                                                                     \
    {                                                                                              \
        .name = #name_, .meaning = (meaning_)                                                      \
    }

const struct rp_table rp_message_tables[RP_MSG_COUNT] = {
    [RP_MSG_NONE] = { .name = "none" },
    [RP_MSG_LOAD] = MESSAGE(load, rp_msg_load,
                            "Load this script and say what it declares. Its module code runs now."),
    [RP_MSG_PLAN] = MESSAGE(plan, rp_msg_plan,
                            "The resolved plan: make the VUs. Of as many equal parts of the work "
                            "as there are workers, a worker has the one of "
                            "its number. The run's metrics exist from here on."),
    [RP_MSG_SETUP] = MESSAGE(setup, rp_msg_setup,
                             "Run the script's setup(). Only the first worker is told to."),
    [RP_MSG_SHARE] = MESSAGE(share, rp_msg_share,
                             "What setup() returned in another worker: make it available here. "
                             "Answered by `ready` or `failed`."),
    [RP_MSG_START] = MESSAGE(start, rp_msg_start,
                             "Start the executors. Of several workers, all start at one moment."),
    [RP_MSG_STOP] = MESSAGE(stop, rp_msg_stop,
                            "Begin no more iterations; interrupt those that still run after the "
                            "grace. A later one may shorten it, none can "
                            "prolong it."),
    [RP_MSG_PAUSE] = EMPTY(pause, "Begin no more iterations and let no time of the schedules go "
                                  "by; what runs goes on. Before `start`, the start is "
                                  "held. Twice is as once, and after the end nothing."),
    [RP_MSG_RESUME] = EMPTY(resume, "Go on from where it paused."),
    [RP_MSG_TEARDOWN] = EMPTY(teardown, "Run the script's teardown()."),
    [RP_MSG_EXIT] = EMPTY(exit, "Send what is left, say `bye` and end."),
    [RP_MSG_ADJUST] = MESSAGE(adjust, rp_msg_adjust,
                              "Another load for a scenario, from one moment on in all workers. A "
                              "worker that hears of it later catches up with the schedule as it is "
                              "then, and warns. After the end nothing."),
    [RP_MSG_HELLO] = MESSAGE(hello, rp_msg_hello, "The first message of a worker."),
    [RP_MSG_DECLARED] = MESSAGE(
        declared, rp_msg_declared,
        "What the script declares; see the declaration in `src/plan/plan.h`."),
    [RP_MSG_FAILED] = MESSAGE(failed, rp_msg_failed,
                              "The answer to `load`, `plan` or `share` when it could not be done."),
    [RP_MSG_READY] = EMPTY(ready, "The answer to `plan`: every VU exists; and to `share`."),
    [RP_MSG_HOOK_ENDED] = MESSAGE(hook_ended, rp_msg_hook_ended,
                                  "The answer to `setup` and `teardown`. `define`, `delta` and "
                                  "`error` for what the hook recorded come before."),
    [RP_MSG_DEFINE] = MESSAGE(define, rp_msg_define,
                              "A series that later messages name by its number."),
    [RP_MSG_DELTA] = MESSAGE(delta, rp_msg_delta,
                             "What was recorded since the last one: once a second while iterations "
                             "run, and at the end of hooks and of the run."),
    [RP_MSG_SAMPLES] = MESSAGE(
        samples, rp_msg_samples,
        "Samples one by one, in the order in which they were recorded, when "
        "`plan` has asked for them. Those that a `delta` adds up come before "
        "it. A value is what the series was given: what a counter grew by, a "
        "gauge's new value, 1 or 0 of a rate, what the histogram of a trend "
        "stores."),
    [RP_MSG_UNFINISHED] = MESSAGE(
        unfinished, rp_msg_unfinished,
        "Requests that were under way when their iterations were interrupted. The worker has "
        "counted "
        "them, and their bytes; whether they failed is judged at the end of the run, from all "
        "workers' numbers. The series that they name are defined before."),
    [RP_MSG_EXCHANGE] = PART(
        "exchange", rp_exchange_rows, rp_exchange,
        "A failed request and what came back. A worker sends the first few of each "
        "kind, which is a name with a status or an error code."),
    [RP_MSG_SHOWN] = MESSAGE(shown, rp_msg_shown,
                             "A request and its answer, for people. A worker sends them with "
                             "`http_debug`, 500 at most."),
    [RP_MSG_STATE] = MESSAGE(state, rp_msg_state,
                             "How far the scenarios are: at the start, each second, at the end, "
                             "and in answer to `pause` and `resume`. `elapsed` "
                             "less `paused` is what schedules and durations go by."),
    [RP_MSG_WARNING] = MESSAGE(warning, rp_msg_warning,
                               "Something for the summary. Equal texts are counted, and of those "
                               "about the same thing the first one shows."),
    [RP_MSG_ABORT] = MESSAGE(abort, rp_msg_abort,
                             "The script ends the whole run. This worker has stopped: it begins no "
                             "more iterations and interrupts those that "
                             "run."),
    [RP_MSG_ERROR] = MESSAGE(error, rp_msg_error,
                             "A group of errors that is new or has grown. It replaces the one with "
                             "the same scenario, type and place."),
    [RP_MSG_FINISHED] = MESSAGE(finished, rp_msg_finished,
                                "All executors have ended; nothing runs any more. The deltas of "
                                "all iterations have been sent before."),
    [RP_MSG_TOTAL] = PART("total", series_rows, rp_msg_series,
                          "Everything that a series has ever recorded, after `exit`: it must equal "
                          "the sum of its deltas to the last bit, or "
                          "the run ends with exit code 9."),
    [RP_MSG_BYE] = MESSAGE(bye, rp_msg_bye, "The last message."),
};

const char *rp_message_type_name(enum rp_message_type type)
{
    return type < RP_MSG_COUNT ? rp_message_tables[type].name : "unknown";
}

void rp_msg_write_item(struct rp_buf *out, const struct rp_msg_series *series)
{
    rp_table_write(out, &item, series);
}
