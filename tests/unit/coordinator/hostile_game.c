/* SPDX-License-Identifier: MIT */
#include "hostile_game.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "coordinator/signals.h"
#include "loop/loop.h"
#include "run/measured.h"

/* Until then chance steers the run; after it nobody keeps it from its end, which must come. */
enum { STEERED_S = 20, ENDED_S = 300, TURNS_MAX = 100000 };

struct game *game;

/* ---- the loop, and the signals, are the test's ---- */

int __real_rp_loop_new(const struct rp_loop_ops *ops, struct rp_loop **ret);
int __wrap_rp_loop_new(const struct rp_loop_ops *ops, struct rp_loop **ret);
void __real_rp_loop_free(struct rp_loop *loop);
void __wrap_rp_loop_free(struct rp_loop *loop);
int __real_rp_loop_turn(struct rp_loop *loop, rp_ns until);
int __wrap_rp_loop_turn(struct rp_loop *loop, rp_ns until);
int __wrap_rp_signals_take(struct rp_signals *signals, struct rp_loop *loop,
                           void (*came)(struct rp_signals *signals, int number));
void __wrap_rp_signals_release(struct rp_signals *signals);

/* Often more than there may be, or of a scenario that there is not. */
static void adjust(struct rp_control *control, struct chance *chance)
{
    const struct rp_adjustment wanted = {
        .scenario = chance_of(chance, 80) ? NULL : "another",
        .what = chance_of(chance, 50) ? RP_ADJUST_VUS : RP_ADJUST_RATE,
        .value = (double)chance_next(chance, 4) - 1,
        .hold = chance_of(chance, 50),
    };
    struct rp_error err = { 0 };
    int r = rp_control_adjust(control, &wanted, &err);

    check(r == 0 ? !err.message : r == -RP_EUSER && err.message);
    rp_error_deinit(&err);
}

static void steer(struct rp_signals *signals)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGUSR1, SIGUSR1, SIGUSR2, SIGUSR2 };
    struct rp_control *control = game->sinks.control;
    struct chance *chance = &game->chance;
    struct rp_run_status status;

    switch (chance_next(chance, 9)) {
    case 0:
        rp_control_stop(control, "somebody wants it", chance_of(chance, 50));
        break;
    case 1:
        if (signals)
            signals->came(signals, numbers[chance_next(chance, RP_ARRAY_LEN(numbers))]);
        break;
    case 2:
        status = rp_control_status(control);
        assert_true(status.phase <= RP_RUN_TEARDOWN && status.elapsed >= 0);
        break;
    case 3:
    case 4:
    case 5:
        rp_control_pause(control);
        break;
    case 6:
        adjust(control, chance);
        break;
    default:
        rp_control_resume(control);
        break;
    }
}

static void drive(struct rp_timer *timer, rp_ns now)
{
    if (now - game->began < STEERED_S * RP_S) {
        if (!game->is_quiet && chance_of(&game->chance, 30))
            steer(game->signals);
        rp_timer_arm(game->loop, timer, now + 1 + (rp_ns)chance_next(&game->chance, RP_S), drive);
        return;
    }
    game->is_quiet = true;
    rp_control_resume(game->sinks.control);
}

int __wrap_rp_loop_new(const struct rp_loop_ops *ops, struct rp_loop **ret)
{
    int r = __real_rp_loop_new(rp_loop_virtual, ret);

    if (r < 0)
        return r;
    game->loop = *ret;
    game->began = 1000 * RP_S;
    rp_loop_virtual_set(*ret, game->began);
    rp_timer_arm(*ret, &game->driver, game->began + RP_MS, drive);
    return 0;
}

void __wrap_rp_loop_free(struct rp_loop *loop)
{
    rp_timer_disarm(&game->driver);
    __real_rp_loop_free(loop);
}

/* What the workers were told last is what the coordinator holds to be so. */
static void check_pausing(void)
{
    unsigned all = (1u << game->workers) - 1, pausing = game->hostiles.pausing;
    struct rp_run_status status = rp_control_status(game->sinks.control);

    if (!game->hostiles.badness && status.phase == RP_RUN_RUNNING &&
        pausing != (status.is_paused ? all : 0))
        fail_msg("seed %llu: of the workers %x pause", (unsigned long long)game->seed, pausing);
}

int __wrap_rp_loop_turn(struct rp_loop *loop, rp_ns until)
{
    check_pausing();
    if (rp_loop_now(loop) - game->began > ENDED_S * RP_S || game->turns++ > TURNS_MAX)
        fail_msg("seed %llu: the run does not end", (unsigned long long)game->seed);
    return __real_rp_loop_turn(loop, until);
}

int __wrap_rp_signals_take(struct rp_signals *signals, struct rp_loop *loop,
                           void (*came)(struct rp_signals *signals, int number))
{
    signals->came = came;
    game->signals = signals;
    return 0;
}

void __wrap_rp_signals_release(struct rp_signals *signals)
{
    game->signals = NULL;
}

/* ---- what the sinks see ---- */

static size_t weighed;

void game_weigh(const char *text)
{
    if (text)
        weighed += strlen(text);
}

static void weigh_status(const struct rp_event *event, const struct rp_run_status *status)
{
    size_t count = event->result->plan ? event->result->plan->scenario_count : 0;

    check(status->elapsed >= 0);
    for (size_t i = 0; status->scenarios && i < count; i++)
        weighed += (size_t)status->scenarios[i].started;
}

static void note_phase(struct watcher *watcher, enum rp_run_phase phase)
{
    check(!watcher->events || phase > watcher->phase); /* the first is that it loads */
    check(watcher->events || phase == RP_RUN_LOADING);
    watcher->phase = phase;
}

static void note(struct watcher *watcher, const struct rp_event *event)
{
    switch (event->kind) {
    case RP_EVENT_PHASE:
        note_phase(watcher, event->phase);
        break;
    case RP_EVENT_SNAPSHOT:
        weigh_status(event, &event->snapshot.status);
        break;
    case RP_EVENT_THRESHOLD:
    case RP_EVENT_LIVE_THRESHOLD:
        check(event->thresholds.verdicts && event->result->plan->threshold_count);
        break;
    case RP_EVENT_GENERATOR:
        game_weigh(event->generator.reason->text);
        break;
    case RP_EVENT_PAUSE:
    case RP_EVENT_RESUME:
        check(watcher->is_paused == (event->kind == RP_EVENT_RESUME));
        watcher->is_paused = !watcher->is_paused;
        break;
    case RP_EVENT_ADJUST:
        check(event->adjust.what.scenario < event->result->plan->scenario_count);
        check(event->adjust.what.at > event->adjust.elapsed);
        break;
    case RP_EVENT_WARNING:
        game_weigh(event->warning);
        break;
    case RP_EVENT_FINISHED:
        watcher->finished++;
        check(event->finished.code == RP_EXIT_PASSED || event->finished.reason);
        game_weigh(event->finished.reason);
        break;
    case RP_EVENT_STATUS:
        weigh_status(event, &event->status);
        break;
    case RP_EVENT_PRINTED:
        game_weigh(event->printed.text);
        break;
    case RP_EVENT_KINDS:
        break;
    }
    watcher->events++;
}

static void act(enum action action)
{
    struct rp_control *control = game->sinks.control;

    if (action == STOP || action == STOP_AT_ONCE)
        rp_control_stop(control, "the sink wants it", action == STOP_AT_ONCE);
    else if (action == PAUSE)
        rp_control_pause(control);
    else if (action == RESUME)
        rp_control_resume(control);
}

static void take_course(const struct rp_event *event, const struct course *course)
{
    if (event->kind == RP_EVENT_PAUSE && !game->has_answered_pause) {
        game->has_answered_pause = true;
        act(course->on_pause);
    } else if (event->kind == RP_EVENT_RESUME && !game->has_answered_resume) {
        game->has_answered_resume = true;
        act(course->on_resume);
    } else if (event->kind == RP_EVENT_STATUS && event->status.phase == course->phase &&
               !game->has_begun) {
        game->has_begun = true;
        act(PAUSE);
        act(course->resumes ? RESUME : NOTHING);
    }
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    check(!watcher->finished && !watcher->closed);
    note(watcher, event);
    if (game->course && watcher == &game->watchers[0])
        take_course(event, game->course);
    else if (!game->is_quiet && chance_of(&game->chance, game->daring))
        steer(NULL);
}

static int on_open(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    check(!watcher->opened++ && !watcher->closed && plan);
    if (!game->is_quiet && chance_of(&game->chance, 5))
        steer(NULL);
    watcher->has_refused = game->daring && chance_of(&game->chance, 2);
    return watcher->has_refused ? rp_error_set(err, -RP_EUSER, "the sink does not like it") : 0;
}

/* By seconds, one after the other. */
static void on_interval(struct rp_sink *sink, const struct rp_interval *interval)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    check(watcher->opened && !watcher->finished && interval->length >= 0);
    check(interval->start >= watcher->measured);
    watcher->measured = rp_ns_add(interval->start, interval->length);
    for (size_t i = 0; i < interval->count; i++)
        game_weigh(interval->changes[i].series->metric);
}

static void on_samples(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    check(watcher->opened && !watcher->finished);
    check(block->worker >= 1 && block->worker <= (uint32_t)game->workers);
    for (size_t i = 0; i < block->count; i++)
        game_weigh(block->samples[i].series->metric);
}

static int on_close(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    check(!watcher->closed++ && !watcher->has_refused && watcher->finished == 1);
    if (game->daring && chance_of(&game->chance, 2))
        return rp_error_set(err, -EIO, "the sink is full");
    return 0;
}

/* The second one does not want what was measured. */
const struct rp_sink_ops measuring_ops = { .events = (1u << RP_EVENT_KINDS) - 1,
                                           .open = on_open,
                                           .event = on_event,
                                           .interval = on_interval,
                                           .samples = on_samples,
                                           .close = on_close };
const struct rp_sink_ops watcher_ops = {
    .events = (1u << RP_EVENT_KINDS) - 1, .open = on_open, .event = on_event, .close = on_close
};
