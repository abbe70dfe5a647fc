/* SPDX-License-Identifier: MIT */
#include "app/python_child.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/python_find.h"

enum { LINE_BYTES_MAX = 1 << 20, OUT_MAX = 1200 << 20, READ_BYTES = 16 << 10 };

void rp_python_child_hang_up(struct rp_python_child *child)
{
    if (child->fd < 0)
        return;
    rp_watch_stop(&child->watch);
    close(child->fd);
    child->fd = -1;
    rp_buf_reset(&child->out);
    child->sent = 0;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void take_lines(struct rp_python_child *child)
{
    char *end;

    while (child->in.len && (end = memchr(child->in.data, '\n', child->in.len))) {
        size_t len = (size_t)(end - child->in.data);
        json_t *message = json_loadb(child->in.data, len, 0, NULL);

        rp_buf_consume(&child->in, len + 1);
        if (json_is_object(message))
            child->events->said(child, message);
        json_decref(message);
    }
}

/* @most bytes at most: one that never stops talking would keep the loop for ever. */
static void read_lines(struct rp_python_child *child, size_t most)
{
    char piece[READ_BYTES];

    while (child->fd >= 0 && most > 0) {
        ssize_t n = recv(child->fd, piece, most < sizeof(piece) ? most : sizeof(piece),
                         MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0)
            rp_buf_append(&child->in, piece, (size_t)n);
        child->error = child->in.error;
        if (n <= 0 || child->error) {
            rp_python_child_hang_up(child);
            return;
        }
        most -= (size_t)n;
        take_lines(child);
    }
}

/* ---- what it is told ------------------------------------------------------------------------- */

static void ready(struct rp_watch *watch, unsigned what);

static void send_some(struct rp_python_child *child)
{
    bool waits;

    while (child->fd >= 0 && child->sent < child->out.len) {
        ssize_t n = send(child->fd, child->out.data + child->sent, child->out.len - child->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) { /* it will not read any more; what it has said can still be read */
            rp_buf_reset(&child->out);
            child->sent = 0;
            break;
        }
        child->sent += (size_t)n;
    }
    if (child->sent > child->out.len / 2) {
        rp_buf_consume(&child->out, child->sent);
        child->sent = 0;
    }
    waits = child->out.len > 0;
    if (child->fd >= 0 && waits != !!(child->watch.wanted & RP_WRITABLE) &&
        rp_watch_start(child->loop, &child->watch, child->fd,
                       RP_READABLE | (waits ? RP_WRITABLE : 0), ready) < 0)
        rp_python_child_hang_up(child);
}

static void ready(struct rp_watch *watch, unsigned what)
{
    struct rp_python_child *child = rp_container_of(watch, struct rp_python_child, watch);

    if (what & RP_READABLE) /* the loop comes back while there is more */
        read_lines(child, READ_BYTES);
    if (what & RP_WRITABLE)
        send_some(child);
}

int rp_python_child_put(struct rp_python_child *child, char kind, struct rp_slice body)
{
    uint32_t len = htole32((uint32_t)body.len);
    size_t before = child->out.len;

    if (child->fd < 0)
        return 0;
    rp_buf_append(&child->out, &len, sizeof(len));
    rp_buf_append(&child->out, &kind, 1);
    rp_buf_append_slice(&child->out, body);
    if (child->out.error) { /* the frames before it stay */
        child->out.error = 0;
        child->out.len = before;
        return -ENOMEM;
    }
    send_some(child);
    return 0;
}

size_t rp_python_child_waiting(const struct rp_python_child *child)
{
    return child->out.len - child->sent;
}

/* ---- the process ----------------------------------------------------------------------------- */

static struct rp_python_child *child_of(struct rp_process *process)
{
    return rp_container_of(process, struct rp_python_child, process);
}

static void on_line(struct rp_process *process, bool is_stderr, const char *text)
{
    struct rp_python_child *child = child_of(process);

    child->events->printed(child, text);
}

static void on_ended(struct rp_process *process, int status)
{
    struct rp_python_child *child = child_of(process);
    char how[128];
    int waiting = 0;

    if (child->fd >= 0 && ioctl(child->fd, FIONREAD, &waiting) == 0)
        read_lines(child, (size_t)waiting);
    rp_python_child_hang_up(child);
    rp_process_describe_status(status, how, sizeof(how));
    child->events->ended(child, how);
}

static const struct rp_process_events process_events = { .line = on_line, .ended = on_ended };

static int start_process(struct rp_python_child *child, const char *python, const char *program,
                         const char *const *words)
{
    const char *argv[RP_PYTHON_CHILD_WORDS + 5] = { python, "-u", "-c", program };
    int fd;
    int r = rp_python_use_package();

    for (size_t i = 0; words[i]; i++) {
        rp_assert(i < RP_PYTHON_CHILD_WORDS);
        argv[4 + i] = words[i];
    }
    if (r == 0)
        r = rp_process_start(&child->process, child->loop, (char *const *)argv, &process_events,
                             &fd);
    if (r < 0)
        return r;
    child->fd = fd;
    return rp_watch_start(child->loop, &child->watch, fd, RP_READABLE, ready);
}

int rp_python_child_start(struct rp_python_child *child, const char *python, const char *program,
                          const char *const *words, const struct rp_python_child_events *events)
{
    int r;

    child->fd = -1;
    child->events = events;
    rp_buf_init(&child->in, LINE_BYTES_MAX);
    rp_buf_init(&child->out, OUT_MAX);
    r = rp_loop_new(rp_loop_epoll, &child->loop);
    if (r == 0)
        r = start_process(child, python, program, words);
    if (r < 0)
        rp_python_child_end(child);
    return r;
}

void rp_python_child_end(struct rp_python_child *child)
{
    if (!child->events)
        return;
    rp_python_child_leave(child);
    rp_python_child_hang_up(child);
    rp_process_deinit(&child->process);
    rp_loop_free(child->loop);
    rp_buf_deinit(&child->in);
    rp_buf_deinit(&child->out);
    *child = (struct rp_python_child){ .fd = -1 };
}

/* ---- in the loop of the run ------------------------------------------------------------------ */

static void turn(struct rp_watch *watch, unsigned what)
{
    struct rp_python_child *child = rp_container_of(watch, struct rp_python_child, nested);

    if (rp_loop_turn(child->loop, 0) < 0)
        rp_watch_stop(watch); /* the end of the run tries again */
}

int rp_python_child_enter(struct rp_python_child *child, struct rp_loop *outer)
{
    return rp_watch_start(outer, &child->nested, rp_loop_fd(child->loop), RP_READABLE, turn);
}

void rp_python_child_leave(struct rp_python_child *child)
{
    rp_watch_stop(&child->nested);
}
