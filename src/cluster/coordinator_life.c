/* SPDX-License-Identifier: MIT */

/* The coordinator's surroundings: the worker's process, signals, the clock, start and end. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cluster/coordinator_internal.h"

/* ---- the worker's process ---------------------------------------------------------------------------------- */

static void on_line(struct rp_process *process, bool is_stderr, const char *text)
{
    struct rp_coordinator *c = rp_container_of(process, struct rp_coordinator, process);

    if (c->config->line)
        c->config->line(c->config->user, is_stderr, text);
}

static void died_early(struct rp_coordinator *c, int status, const char *how)
{
    if (c->was_killed)
        c->status = rp_error_set(c->err, -RP_EPEER, "%s", c->result->reason);
    else
        /* One that ends without ever saying hello is no worker: the wrong interpreter, say. */
        c->status = rp_error_set(
            c->err, c->phase == PHASE_HELLO && WIFEXITED(status) ? -RP_EUSER : -RP_EPEER,
            "the worker '%s' %s before the test began", c->config->worker_argv[0], how);
    if (c->config->worker_hint)
        rp_error_hint(c->err, "%s", c->config->worker_hint);
    if (c->process.last_words.len)
        rp_error_detail(c->err, rp_buf_str(&c->process.last_words));
}

static void on_ended(struct rp_process *process, int status)
{
    struct rp_coordinator *c = rp_container_of(process, struct rp_coordinator, process);
    const char *words = rp_buf_str(&process->last_words);
    char how[128];

    /* Its end is often seen before the last that it said. */
    rp_channel_receive(&c->channel);
    rp_coordinator_take_your_time(c);
    rp_process_describe_status(status, how, sizeof(how));
    if (c->has_farewell || (c->phase == PHASE_LEAVING && c->status < 0)) {
        rp_coordinator_over(c);
        return;
    }
    if (c->phase == PHASE_RUNNING) /* what it measured last is lost, but not how long it ran */
        c->result->elapsed = rp_coordinator_elapsed(c);
    rp_coordinator_end_pause(c);
    if (c->signals_seen >= 2)
        rp_coordinator_fail(c, RP_EXIT_ABORTED, "aborted by a second signal");
    else if (c->phase <= PHASE_LOADING && c->status == 0)
        died_early(c, status, how);
    else if (!c->was_killed && c->result->exit_code != RP_EXIT_SETUP &&
             c->result->exit_code != RP_EXIT_TEARDOWN)
        rp_coordinator_fail(c, RP_EXIT_INTERNAL, "worker 1 (process %d) %s%s%s",
                            c->result->workers ? c->result->workers->pid : 0, how,
                            *words ? "; its last words: " : "", words);
    rp_coordinator_over(c);
}

static const struct rp_process_events process_events = {
    .line = on_line,
    .ended = on_ended,
};

/* ---- signals and time -------------------------------------------------------------------------------------- */

static rp_ns grace_of(const struct rp_plan *plan, rp_ns max)
{
    rp_ns grace = 0;

    for (size_t i = 0; i < plan->scenario_count; i++)
        if (plan->scenarios[i].graceful_stop > grace)
            grace = plan->scenarios[i].graceful_stop;
    return grace < max ? grace : max;
}

void rp_coordinator_stop_gracefully(struct rp_coordinator *c, const char *reason, rp_ns grace_max)
{
    rp_coordinator_end_pause(c);
    c->is_stopping = true;
    rp_coordinator_fail(c, RP_EXIT_ABORTED, "%s", reason);
    switch (c->phase) {
    case PHASE_HELLO:
    case PHASE_LOADING:
    case PHASE_PLANNING:
        c->signals_seen = 2; /* there is nothing to tear down */
        if (c->is_local)
            rp_coordinator_local_left(c);
        else
            rp_process_kill(&c->process, SIGKILL);
        break;
    case PHASE_RUNNING:
        rp_coordinator_stop(c, grace_of(c->result->plan, grace_max));
        break;
    default:
        break; /* set-up and teardown go on to their end, their timeout or the second signal */
    }
    rp_coordinator_tell_status(c);
}

static void on_signal(struct rp_watch *watch, unsigned ready)
{
    struct rp_coordinator *c = rp_container_of(watch, struct rp_coordinator, signals);
    struct signalfd_siginfo info;

    while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGUSR1) {
            rp_coordinator_pause(c);
            continue;
        }
        if (info.ssi_signo == SIGUSR2) {
            rp_coordinator_resume(c);
            continue;
        }
        if (++c->signals_seen == 1) {
            rp_coordinator_stop_gracefully(c, "aborted by a signal", RP_STOP_GRACE_MAX_S * RP_S);
            continue;
        }
        rp_coordinator_fail(c, RP_EXIT_ABORTED, "aborted by a second signal");
        /* Also when the first one is the reason so far: what it promises did not happen. */
        if (c->result->exit_code == RP_EXIT_ABORTED) {
            rp_free(c->result->reason);
            c->result->reason = rp_strdup("aborted at once by a second signal, without teardown");
        }
        rp_process_kill(&c->process, SIGKILL);
    }
}

static void tick(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_coordinator, tick);

    rp_coordinator_tell_status(c);
    rp_timer_arm(c->loop, timer, now + RP_S, tick);
}

void rp_coordinator_start_clock(struct rp_coordinator *c)
{
    rp_timer_arm(c->loop, &c->tick, rp_loop_now(c->loop) + RP_S, tick);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static int take_signals(struct rp_coordinator *c, sigset_t *ret_old)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, ret_old) < 0)
        return -errno;
    c->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (c->signal_fd < 0)
        return -errno;
    return rp_watch_start(c->loop, &c->signals, c->signal_fd, RP_READABLE, on_signal);
}

static int start(struct rp_coordinator *c)
{
    int control;
    int r = rp_process_start(&c->process, c->loop, c->config->worker_argv, &process_events,
                             &control);

    if (r < 0) {
        rp_error_set(c->err, r, "cannot start the worker '%s': %s", c->config->worker_argv[0],
                     strerror(-r));
        if (c->config->worker_hint)
            rp_error_hint(c->err, "%s", c->config->worker_hint);
        return r == -ENOENT ? -RP_EUSER : r;
    }
    r = rp_channel_open(&c->channel, c->loop, control, &rp_coordinator_channel_events);
    if (r < 0) {
        close(control);
        return r;
    }
    rp_coordinator_start_clock(c);
    rp_coordinator_be_patient(c, 3, 0);
    return 0;
}

void rp_coordinator_deinit(struct rp_coordinator *c)
{
    rp_timer_disarm(&c->tick);
    rp_timer_disarm(&c->patience);
    rp_timer_disarm(&c->reminder);
    rp_channel_close(&c->channel);
    rp_process_deinit(&c->process);
    rp_watch_stop(&c->signals);
    if (c->signal_fd >= 0)
        close(c->signal_fd);
    rp_publish_deinit(c);
    rp_progress_table_deinit(&c->progress);
}

int rp_coordinator_conclude(struct rp_coordinator *c, int r)
{
    if (r == 0)
        r = c->status;
    if (r == 0 && !c->plan_only)
        r = rp_judge(c);
    rp_publish_end(c, r);
    if (r < 0 && !c->err->message)
        rp_error_set(c->err, r, "the run cannot go on: %s", strerror(-r));
    return r;
}

static int coordinate(struct rp_coordinator *c)
{
    sigset_t old;
    int r = rp_loop_new(rp_loop_epoll, &c->loop);

    if (r < 0)
        return r;
    c->last_status = rp_loop_now(c->loop);
    r = take_signals(c, &old);
    if (r == 0)
        r = rp_publish_start(c);
    if (r == 0)
        r = start(c);
    while (r == 0 && !c->is_over)
        r = rp_loop_turn(c->loop, RP_NS_NEVER);
    r = rp_coordinator_conclude(c, r);
    rp_coordinator_deinit(c);
    rp_loop_free(c->loop);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}

void rp_coordinator_make_run_id(char out[37])
{
    unsigned char bytes[16] = { 0 };

    if (getentropy(bytes, sizeof(bytes)) < 0)
        snprintf((char *)bytes, sizeof(bytes), "%lld", (long long)rp_clock_ns());
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        snprintf(out + at, 3, "%02x", bytes[i]);
        at += 2;
    }
}

int rp_coordinate(const struct rp_coordinator_config *config, struct rp_result *ret,
                  struct rp_error *err)
{
    struct rp_coordinator c = { .config = config, .result = ret, .err = err, .signal_fd = -1 };

    rp_coordinator_make_run_id(ret->run_id);
    c.channel.fd = -1;
    return coordinate(&c);
}

int rp_coordinate_plan(const struct rp_coordinator_config *config, struct rp_plan **ret,
                       struct rp_error *err)
{
    struct rp_result result = { 0 };
    struct rp_coordinator c = {
        .config = config, .result = &result, .err = err, .signal_fd = -1, .plan_only = true
    };
    int r;

    c.channel.fd = -1;
    r = coordinate(&c);
    if (r == 0 && result.plan) {
        *ret = result.plan;
        result.plan = NULL;
    } else if (r == 0) {
        r = rp_error_set(err, -RP_EPEER, "%s", result.reason ? result.reason : "there is no plan");
    }
    rp_result_deinit(&result);
    return r;
}
