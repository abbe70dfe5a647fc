/* SPDX-License-Identifier: MIT */
#include "disorder.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct disorder disorder;

static pid_t worker;

/* Not reaped: that is the coordinator's to do. */
static void wait_for_end(void)
{
    siginfo_t info;

    waitid(P_PID, (id_t)worker, &info, WEXITED | WNOWAIT);
}

int __real_posix_spawnp(pid_t *, const char *, const posix_spawn_file_actions_t *,
                        const posix_spawnattr_t *, char *const[], char *const[]);
int __wrap_posix_spawnp(pid_t *ret, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[], char *const env[]);

int __wrap_posix_spawnp(pid_t *ret, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
    char good[] = "good", nowhere[] = "", *others[4] = { argv[0], good, nowhere, NULL };
    int r;

    if (disorder.others)
        others[1] = (char *)(uintptr_t)disorder.others;
    disorder.started++;
    r = __real_posix_spawnp(ret, file, actions, attr,
                            disorder.who && disorder.who != disorder.started ? others : argv, env);
    if (!disorder.who || disorder.who == disorder.started)
        worker = *ret;
    if (r == 0 && disorder.ends_at_once)
        wait_for_end();
    return r;
}

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    ssize_t n = __real_send(fd, data, len, flags);
    char type[64];

    disorder.channel = fd;
    if (!disorder.deadly)
        return n;
    /* The beginning of a message, as in docs/internals/messages.md. */
    snprintf(type, sizeof(type), "\xa4type%c%s", (char)(0xa0 + strlen(disorder.deadly)),
             disorder.deadly);
    if (n > 0 && memmem(data, (size_t)n, type, strlen(type)))
        wait_for_end();
    return n;
}

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);

ssize_t __wrap_read(int fd, void *data, size_t len)
{
    struct pollfd more = { .fd = fd, .events = POLLIN };

    if (disorder.is_outpaced && fd == disorder.channel)
        poll(&more, 1, 100);
    return __real_read(fd, data, len);
}

static int reversed(struct epoll_event *events, int count)
{
    for (int i = 0; disorder.is_reversed && i < count / 2; i++) {
        struct epoll_event event = events[i];

        events[i] = events[count - 1 - i];
        events[count - 1 - i] = event;
    }
    return count;
}

int __real_epoll_wait(int fd, struct epoll_event *events, int max, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int timeout);

int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    return reversed(events, __real_epoll_wait(fd, events, max, timeout));
}

int __real_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *set);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *set);

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *set)
{
    return reversed(events, __real_epoll_pwait2(fd, events, max, timeout, set));
}
