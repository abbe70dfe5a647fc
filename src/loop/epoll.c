/* SPDX-License-Identifier: MIT */

/*
 * The back-end on epoll. A stream is registered once, edge-triggered, for everything: no request
 * costs an epoll_ctl.
 *
 * An edge has to be used up. A receive that fills less than the buffer has taken all there was, and
 * what comes later makes a new edge. There is one exception: when the peer has ended, only another
 * receive says so. A receive that fills the buffer may have left something, and so may one that
 * urgent data has cut short. It goes on after all other streams have had their turn: modifying the
 * registration puts the stream at the end of the kernel's ready list.
 */

#include "loop/backend.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/socket.h"

enum { EVENTS_MAX = 512, RECEIVE_MAX = 64 * 1024 };
enum { KIND_STREAM, KIND_WATCH };

#define STREAM_EVENTS                                                                              \
    ((uint32_t)EPOLLIN | (uint32_t)EPOLLOUT | (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLPRI |          \
     (uint32_t)EPOLLET)
/* After these events a short receive does not mean that all was taken. Urgent data splits a receive
 * at its place. */
#define UNTIL_EMPTY                                                                                \
    ((uint32_t)EPOLLRDHUP | (uint32_t)EPOLLHUP | (uint32_t)EPOLLERR | (uint32_t)EPOLLPRI)

struct epoll_backend {
    int fd;
    bool has_pwait2;
    struct msghdr message; /* to receive with a stamp */
    struct iovec part;
    struct epoll_event events[EVENTS_MAX];
    char received[RECEIVE_MAX];
    union rp_stamp_control control; /* the last member, for its type ends with an open array */
};

/* struct rp_stream.state. MISSED: the kernel may have bytes that no edge will tell of. */
enum { REGISTERED = RP_STREAM_BACKEND, MISSED = RP_STREAM_BACKEND << 1 };

static const char *epoll_unusable(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return "epoll_create1 fails";
    close(fd);
    return NULL;
}

/* Linux 5.11 has it; older kernels, some sandboxes and valgrind do not. */
static bool has_pwait2(int fd)
{
    struct timespec none = { 0 };
    struct epoll_event event;

    return epoll_pwait2(fd, &event, 1, &none, NULL) >= 0;
}

static int epoll_open(struct rp_loop *loop)
{
    struct epoll_backend *e = rp_alloc(sizeof(*e));
    int r;

    if (!e)
        return -ENOMEM;
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->fd < 0) {
        r = -errno;
        rp_free(e);
        return r;
    }
    e->has_pwait2 = has_pwait2(e->fd);
    e->part = (struct iovec){ e->received, sizeof(e->received) };
    e->message =
        (struct msghdr){ .msg_iov = &e->part, .msg_iovlen = 1, .msg_control = e->control.bytes };
    loop->backend = e;
    return 0;
}

static void epoll_close(struct rp_loop *loop)
{
    struct epoll_backend *e = loop->backend;

    close(e->fd);
    rp_free(e);
}

static int change(const struct rp_loop *loop, int op, int fd, uint32_t events, uint64_t token,
                  unsigned kind)
{
    const struct epoll_backend *e = loop->backend;
    struct epoll_event event = { .events = events,
                                 .data.u64 = token | (uint64_t)kind << RP_SLOT_KIND_SHIFT };

    return epoll_ctl(e->fd, op, fd, &event) < 0 ? -errno : 0;
}

/* ---- streams ---- */

static int epoll_arm(struct rp_loop *loop, struct rp_stream *stream)
{
    int r = 0;

    if (!(stream->state & REGISTERED)) {
        r = change(loop, EPOLL_CTL_ADD, stream->fd, STREAM_EVENTS, stream->token, KIND_STREAM);
        if (r == 0)
            stream->state |= REGISTERED;
    } else if (stream->state & MISSED && !(stream->state & RP_STREAM_PAUSED)) {
        r = change(loop, EPOLL_CTL_MOD, stream->fd, STREAM_EVENTS, stream->token, KIND_STREAM);
        if (r == 0)
            stream->state &= ~(uint32_t)MISSED;
    }
    return r;
}

/* The edges that come are noted, no more. */
static void epoll_pause(struct rp_loop *loop, struct rp_stream *stream)
{
}

static void epoll_disarm(struct rp_loop *loop, struct rp_stream *stream)
{
    /* The registration is removed and not left to close(): a copy of the descriptor (dup, fork)
     * would keep it alive. */
    if (stream->state & REGISTERED)
        (void)change(loop, EPOLL_CTL_DEL, stream->fd, 0, 0, 0);
}

RP_INLINE ssize_t take(struct epoll_backend *e, const struct rp_stream *stream)
{
    if (!(stream->state & RP_STREAM_STAMPED))
        return rp_socket_recv(stream->fd, e->received, sizeof(e->received), 0);
    e->message.msg_controllen = sizeof(e->control);
    return rp_socket_recvmsg(stream->fd, &e->message, 0);
}

RP_HOT static void receive(struct rp_loop *loop, struct rp_stream *stream, uint32_t events)
{
    struct epoll_backend *e = loop->backend;
    const uint64_t token = stream->token;

    for (;;) {
        ssize_t len = take(e, stream);
        int error = errno;
        rp_ns at = rp_clock_ns();

        if (!loop->woken) {
            loop->woken = at;
            rp_stamps_turn(&loop->stamps, at);
        }
        if (RP_LIKELY(len > 0)) {
            if (stream->state & RP_STREAM_STAMPED)
                at = rp_stamps_read(&loop->stamps, stream, &e->control, e->message.msg_controllen,
                                    at);
            rp_stream_deliver(stream, e->received, (size_t)len, at);
            if (!rp_stream_is_alive(loop, token))
                return;
            if (RP_UNLIKELY(stream->state & RP_STREAM_PAUSED)) {
                stream->state |= MISSED;
                return;
            }
            if (RP_LIKELY(len < (ssize_t)sizeof(e->received) && !(events & UNTIL_EMPTY)))
                return;
            if ((len == sizeof(e->received) || events & (uint32_t)EPOLLPRI) &&
                change(loop, EPOLL_CTL_MOD, stream->fd, STREAM_EVENTS, token, KIND_STREAM) == 0)
                return;
        } else if (len == 0) {
            rp_stream_fin(stream, at);
            return;
        } else if (error == EAGAIN) {
            return;
        } else if (error != EINTR) {
            rp_stream_end(stream, -error, at);
            return;
        }
    }
}

RP_HOT static void handle_stream(struct rp_loop *loop, struct rp_stream *stream, uint32_t events)
{
    if (RP_UNLIKELY(stream->state & (RP_STREAM_CONNECTING | RP_STREAM_BLOCKED))) {
        const uint64_t token = stream->token;
        bool writable = events & ((uint32_t)EPOLLOUT | (uint32_t)EPOLLERR | (uint32_t)EPOLLHUP);

        if (writable && stream->state & RP_STREAM_CONNECTING)
            rp_stream_connect_done(stream, 0);
        else if (writable)
            rp_stream_writable(stream);
        if (!rp_stream_is_alive(loop, token) || stream->state & RP_STREAM_CONNECTING)
            return;
    }
    if (!(events & (UNTIL_EMPTY | (uint32_t)EPOLLIN)))
        return;
    if (RP_UNLIKELY(stream->state & (RP_STREAM_PAUSED | RP_STREAM_HALF))) {
        if (stream->state & RP_STREAM_PAUSED)
            stream->state |= MISSED;
        /* After the end of the peer every event tells of that end again. */
        if (stream->state & RP_STREAM_PAUSED ||
            !(events & ((uint32_t)EPOLLHUP | (uint32_t)EPOLLERR)))
            return;
    }
    receive(loop, stream, events);
}

/* ---- watches ---- */

static int epoll_watch(struct rp_loop *loop, struct rp_watch *watch, unsigned wanted)
{
    uint32_t events = (wanted & RP_READABLE ? (uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP : 0) |
                      (wanted & RP_WRITABLE ? (uint32_t)EPOLLOUT : 0);

    return change(loop, watch->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, events,
                  watch->token, KIND_WATCH);
}

static void epoll_unwatch(struct rp_loop *loop, struct rp_watch *watch)
{
    (void)change(loop, EPOLL_CTL_DEL, watch->fd, 0, 0, 0);
}

static void handle_watch(struct rp_loop *loop, struct rp_watch *watch, uint32_t events)
{
    unsigned ready = 0;

    if (events & ((uint32_t)EPOLLERR | (uint32_t)EPOLLHUP))
        ready = RP_READABLE | RP_WRITABLE;
    if (events & ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP))
        ready |= RP_READABLE;
    if (events & (uint32_t)EPOLLOUT)
        ready |= RP_WRITABLE;
    ready &= watch->wanted; /* an earlier callback of this batch may have changed it */
    rp_loop_found_watch(loop, watch);
    if (ready)
        watch->fn(watch, ready);
}

/* ---- waiting ---- */

static int look(struct epoll_backend *e)
{
    int count = epoll_wait(e->fd, e->events, EVENTS_MAX, 0);

    return count < 0 ? -errno : count;
}

/* Without epoll_pwait2 ppoll() waits for the nanoseconds: one more system call, the same
 * precision. */
static int wait_for_events(struct epoll_backend *e, rp_ns sleep)
{
    struct timespec timeout = { .tv_sec = sleep / RP_S, .tv_nsec = sleep % RP_S };
    const struct timespec *limit = sleep < 0 ? NULL : &timeout;
    struct pollfd readable = { .fd = e->fd, .events = POLLIN };
    int r;

    if (RP_LIKELY(e->has_pwait2)) {
        r = epoll_pwait2(e->fd, e->events, EVENTS_MAX, limit, NULL);
        return r < 0 ? -errno : r;
    }
    r = ppoll(&readable, 1, limit, NULL);
    if (r <= 0)
        return r < 0 ? -errno : 0;
    return look(e);
}

static int fetch(struct rp_loop *loop, rp_ns until)
{
    struct epoll_backend *e = loop->backend;
    struct rp_patience patience;
    rp_ns last = 0;
    int count;

    loop->stamps.wait_began = RP_NS_NEVER;
    if (rp_loop_looks_first(loop)) {
        count = look(e);
        if (count)
            return count;
        loop->is_busy = false;
        loop->stamps.looked_all = true;
    }
    patience = rp_loop_patience(loop, until);
    if (rp_patience_is_none(&patience))
        return look(e);
    rp_loop_before_wait(loop, &patience);
    count = patience.sleep ? wait_for_events(e, patience.sleep) : 0;
    if (patience.spin_until) {
        while (count == 0 && rp_loop_spins(loop, &last, patience.spin_until))
            count = look(e);
    }
    rp_loop_after_wait(loop);
    return count;
}

RP_HOT static int epoll_wait_op(struct rp_loop *loop, rp_ns until)
{
    struct epoll_backend *e = loop->backend;
    int count = fetch(loop, until);

    rp_loop_found(loop, count > 0 ? (unsigned)count : 0);
    for (int i = 0; i < count; i++) {
        const uint64_t token = e->events[i].data.u64;
        void *object = rp_slots_get(&loop->slots, token);

        if (!object)
            continue;
        if (RP_LIKELY(rp_slot_kind(token) == KIND_STREAM))
            handle_stream(loop, object, e->events[i].events);
        else
            handle_watch(loop, object, e->events[i].events);
    }
    loop->stamps.looked_all = count < EVENTS_MAX;
    return count < 0 ? count : 0;
}

static int epoll_fd(struct rp_loop *loop)
{
    const struct epoll_backend *e = loop->backend;

    return e->fd;
}

static const struct rp_loop_ops epoll_ops = {
    .name = "epoll",
    .unusable = epoll_unusable,
    .open = epoll_open,
    .close = epoll_close,
    .wait = epoll_wait_op,
    .arm = epoll_arm,
    .pause = epoll_pause,
    .disarm = epoll_disarm,
    .watch = epoll_watch,
    .unwatch = epoll_unwatch,
    .fd = epoll_fd,
};

const struct rp_loop_ops *const rp_loop_epoll = &epoll_ops;
