/* SPDX-License-Identifier: MIT */
#include "output/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

struct rp_event_log {
    struct rp_event_queue *queue;
    const char *path; /* the caller's */
    void (*lost)(void *user, int error);
    void *user;
    int fd;
    bool is_writing, is_torn; /* torn: it ends within a line */
    uint64_t lines_written, lines_lost;
};

/* All of @line, or what was written of it is taken back. 0 or -errno. */
static int write_line(struct rp_event_log *log, struct rp_event_line *event)
{
    char line_end[] = "\n";
    struct iovec parts[] = {
        { .iov_base = line_end, .iov_len = 1 },
        { .iov_base = event->line, .iov_len = event->len },
    };
    size_t size = event->len + log->is_torn;
    struct stat before;
    bool can_take_back = fstat(log->fd, &before) == 0 && S_ISREG(before.st_mode);
    ssize_t n;

    do
        n = log->is_torn ? writev(log->fd, parts, 2) : write(log->fd, event->line, event->len);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)size) {
        log->is_torn = false;
        return 0;
    }
    if (n < 0)
        return -errno;
    if (!can_take_back || ftruncate(log->fd, before.st_size) < 0)
        log->is_torn = n != log->is_torn; /* the line end alone mends it */
    return -ENOSPC;
}

/* A loss may publish a warning, which is an event too: is_writing keeps that from writing within this. */
static void drain(void *user)
{
    struct rp_event_log *log = user;
    struct rp_event_line *event;

    if (log->fd < 0 || log->is_writing)
        return;
    log->is_writing = true;
    while ((event = rp_event_queue_take(log->queue))) {
        int r = write_line(log, event);

        rp_event_line_unref(event);
        log->lines_written += r == 0;
        log->lines_lost += r < 0;
        if (r < 0 && log->lost)
            log->lost(log->user, r);
    }
    log->is_writing = false;
}

int rp_event_log_new(struct rp_events *events, const char *path,
                     void (*lost)(void *user, int error), void *user, struct rp_event_log **ret)
{
    struct rp_event_log *log = rp_calloc(1, sizeof(*log));
    int r;

    if (!log)
        return -ENOMEM;
    log->path = path;
    log->lost = lost;
    log->user = user;
    log->fd = -1;
    r = rp_event_queue_new(events, 0, drain, log, &log->queue);
    if (r < 0)
        rp_free(log);
    else
        *ret = log;
    return r;
}

void rp_event_log_free(struct rp_event_log *log)
{
    if (!log)
        return;
    rp_event_queue_free(log->queue);
    if (log->fd >= 0)
        close(log->fd);
    rp_free(log);
}

int rp_event_log_open(struct rp_event_log *log, struct rp_error *err)
{
    /* Not blocking: a named pipe without a reader is an error, one with a slow reader loses lines. */
    log->fd = open(log->path,
                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                   0666);
    if (log->fd < 0)
        return rp_error_set(err, -RP_EUSER, "cannot open the event log '%s': %s", log->path,
                            strerror(errno));
    drain(log);
    return 0;
}

uint64_t rp_event_log_written(const struct rp_event_log *log)
{
    return log->lines_written;
}

uint64_t rp_event_log_lost(const struct rp_event_log *log)
{
    return log->lines_lost;
}
