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
    struct rp_sink sink;
    struct rp_event_queue *queue;
    const char *path; /* the caller's */
    int fd;
    bool is_writing, is_torn; /* torn: it ends within a line */
};

/* Writes all of @line, or takes back the part that was written. 0 or -errno. */
static int write_line(struct rp_event_log *log, struct rp_event_line *line)
{
    char line_end[] = "\n";
    struct iovec parts[] = {
        { .iov_base = line_end, .iov_len = 1 },
        { .iov_base = line->line, .iov_len = line->len },
    };
    size_t size = line->len + log->is_torn;
    struct stat before;
    bool can_take_back = fstat(log->fd, &before) == 0 && S_ISREG(before.st_mode);
    ssize_t n;

    do
        n = log->is_torn ? writev(log->fd, parts, 2) : write(log->fd, line->line, line->len);
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

/* A loss causes a warning, which is an event too: is_writing prevents that it is written from
 * inside this function. */
static void drain(void *user)
{
    struct rp_event_log *log = user;
    struct rp_event_line *line;

    if (log->fd < 0 || log->is_writing)
        return;
    log->is_writing = true;
    while ((line = rp_event_queue_take(log->queue))) {
        int r = write_line(log, line);

        rp_event_line_unref(line);
        if (r < 0)
            rp_sink_lose(&log->sink, "an event could not be written to the event log '%s': %s",
                         log->path, strerror(-r));
    }
    log->is_writing = false;
}

/* Opens the file without blocking: a named pipe without a reader is an error, one with a slow
 * reader loses lines. What stands in a redirected standard output already is not cut off. */
static int open_path(const char *path)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    if (!strcmp(path, "-"))
        return open("/dev/stdout", flags, 0666);
    return open(path, flags | O_TRUNC, 0666);
}

static int open_log(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_event_log *log = rp_container_of(sink, struct rp_event_log, sink);

    log->fd = open_path(log->path);
    if (log->fd < 0)
        return rp_error_set(err, -RP_EUSER, "cannot open the event log '%s': %s", log->path,
                            strerror(errno));
    drain(log);
    return 0;
}

static const struct rp_sink_ops log_ops = { .open = open_log };

int rp_event_log_new(struct rp_sinks *sinks, struct rp_event_bus *bus, const char *path,
                     struct rp_event_log **ret)
{
    struct rp_event_log *log = rp_calloc(1, sizeof(*log));
    int r;

    if (!log)
        return -ENOMEM;
    log->path = path;
    log->fd = -1;
    r = rp_event_queue_new(bus, 0, drain, log, &log->queue);
    if (r < 0) {
        rp_free(log);
        return r;
    }
    rp_sinks_add(sinks, &log->sink, &log_ops);
    *ret = log;
    return 0;
}

void rp_event_log_free(struct rp_event_log *log)
{
    if (!log)
        return;
    rp_sink_remove(&log->sink);
    rp_event_queue_free(log->queue);
    if (log->fd >= 0)
        close(log->fd);
    rp_free(log);
}
