/* SPDX-License-Identifier: MIT */

/* The coordinator's surroundings: signals, the clock, start and end. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/peer_process.h"

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
    rp_result_fail(c->result, RP_EXIT_ABORTED, "%s", reason);
    switch (c->phase) {
    case PHASE_HELLO:
    case PHASE_LOADING:
    case PHASE_PLANNING:
        c->signals_seen = 2; /* there is nothing to tear down */
        rp_peers_kill(c);
        break;
    case PHASE_RUNNING:
        rp_coordinator_stop(c, grace_of(c->result->plan, grace_max));
        break;
    default:
        break; /* set-up and teardown go on to their end, their timeout or the second signal */
    }
    rp_publish_status(c);
}

static void on_signal(struct rp_watch *watch, unsigned ready)
{
    struct rp_coordinator *c = rp_container_of(watch, struct rp_coordinator, signals);
    struct signalfd_siginfo info;

    while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGUSR1) {
            rp_control_pause(&c->control);
            continue;
        }
        if (info.ssi_signo == SIGUSR2) {
            rp_control_resume(&c->control);
            continue;
        }
        if (!c->signals_seen) {
            rp_control_stop(&c->control, "aborted by a signal", false);
            continue;
        }
        c->signals_seen++;
        rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by a second signal");
        /* Also when the first one is the reason so far: what it promises did not happen. */
        if (c->result->exit_code == RP_EXIT_ABORTED) {
            rp_free(c->result->reason);
            c->result->reason = rp_strdup("aborted at once by a second signal, without teardown");
        }
        rp_peers_kill(c);
    }
}

static void tick(struct rp_timer *timer, rp_ns now)
{
    struct rp_coordinator *c = rp_container_of(timer, struct rp_coordinator, tick);

    rp_watch_over_peers(c);
    rp_publish_status(c);
    rp_timer_arm(c->loop, timer, now + RP_S, tick);
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

int rp_coordinator_start(struct rp_coordinator *c)
{
    struct rp_peer *peer;
    int r = rp_peer_new(c, &peer);

    if (r == 0)
        r = rp_peer_start(peer);
    if (r == 0)
        rp_timer_arm(c->loop, &c->tick, rp_loop_now(c->loop) + RP_S, tick);
    return r;
}

void rp_coordinator_deinit(struct rp_coordinator *c)
{
    rp_timer_disarm(&c->tick);
    rp_peers_free(c);
    rp_free(c->declaration);
    rp_free(c->error_counts);
    rp_free(c->health);
    rp_buf_deinit(&c->plan_json);
    rp_watch_stop(&c->signals);
    if (c->signal_fd >= 0)
        close(c->signal_fd);
    rp_free(c->live);
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
    struct rp_peer_processes processes;
    sigset_t old;
    int r = rp_loop_new(rp_loop_epoll, &c->loop);

    if (r < 0)
        return r;
    rp_peer_processes_init(&processes, c->config->worker_argv, c->config->worker_hint);
    c->source = c->config->peers ? c->config->peers : &processes.source;
    rp_coordinator_start_telling(c);
    r = take_signals(c, &old);
    if (r == 0)
        r = rp_coordinator_start(c);
    while (r == 0 && !c->is_over)
        r = rp_loop_turn(c->loop, RP_NS_NEVER);
    r = rp_coordinator_conclude(c, r);
    rp_coordinator_deinit(c);
    rp_loop_free(c->loop);
    sigprocmask(SIG_SETMASK, &old, NULL);
    /* Now: what is written may block, and a signal then ends this process as it should. */
    rp_sinks_close(c->config->sinks, r == 0 && !c->plan_only, c->err);
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
