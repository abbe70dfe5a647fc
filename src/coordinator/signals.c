/* SPDX-License-Identifier: MIT */
#include "coordinator/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void ready(struct rp_watch *watch, unsigned events)
{
    struct rp_signals *signals = rp_container_of(watch, struct rp_signals, watch);
    struct signalfd_siginfo info;

    while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->came(signals, (int)info.ssi_signo);
}

/* A program that was started with nohup lives on when its terminal goes: a blocked signal would be
 * delivered although it is ignored. */
static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int rp_signals_take(struct rp_signals *signals, struct rp_loop *loop,
                    void (*came)(struct rp_signals *signals, int number))
{
    sigset_t set;

    signals->came = came;
    signals->fd = -1;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (!is_ignored(SIGHUP))
        sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, &signals->old) < 0)
        return -errno;
    signals->is_blocking = true;
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0)
        return -errno;
    return rp_watch_start(loop, &signals->watch, signals->fd, RP_READABLE, ready);
}

void rp_signals_release(struct rp_signals *signals)
{
    if (!signals->is_blocking)
        return;
    signals->is_blocking = false;
    rp_watch_stop(&signals->watch);
    if (signals->fd >= 0)
        close(signals->fd);
    signals->fd = -1;
    sigprocmask(SIG_SETMASK, &signals->old, NULL);
}
