/* SPDX-License-Identifier: MIT */

/*
 * The back-end on io_uring. Receiving is one multishot request for each stream, with a ring of
 * buffers that all share. So a request of the script costs no system call but its send, and one
 * io_uring_enter takes what has arrived for all streams.
 *
 * The ring does its work inside our own waits (DEFER_TASKRUN). Without that a request costs three
 * times as much, so a kernel that lacks it counts as unusable. A closed descriptor stays open
 * inside the kernel while a request names it. Therefore disarming cancels the request, and the next
 * wait submits that before it sleeps.
 */

#include "loop/backend.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/uring_buffers.h"

enum {
    REQUESTS = 1024,
    COMPLETIONS = 8192,
};

/* What a completion belongs to. Completions of cancellations have no token. */
enum { KIND_RECEIVE, KIND_WRITABLE, KIND_WATCH };

/* struct rp_stream.state. The upper half holds the low bits of the number of the batch in which
 * receiving was asked for. */
enum { RECEIVING = RP_STREAM_BACKEND, POLLING = RP_STREAM_BACKEND << 1, BATCH_SHIFT = 16 };
/* struct rp_watch.state */
enum { WATCH_ARMED = 1 };

#define SETUP_FLAGS                                                                                \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |           \
     IORING_SETUP_CQSIZE)

struct uring_backend {
    struct io_uring ring;
    struct rp_uring_buffers buffers;
    struct msghdr message; /* to receive with a stamp */
    uint32_t batch;        /* number of the batch of requests that is being collected */
    int event_fd;          /* -1 until rp_loop_fd asks */
    int error; /* -errno of a request that could not be made again, for the turn to return */
};

/* ---- life ---- */

static void tear_down(struct uring_backend *u)
{
    io_uring_queue_exit(&u->ring);
    rp_uring_buffers_deinit(&u->buffers);
    if (u->event_fd >= 0)
        close(u->event_fd);
    rp_free(u);
}

static int set_up(struct uring_backend **ret)
{
    struct io_uring_params params = { .flags = SETUP_FLAGS, .cq_entries = COMPLETIONS };
    struct uring_backend *u = rp_calloc(1, sizeof(*u));
    int r;

    if (!u)
        return -ENOMEM;
    u->event_fd = -1;
    u->message.msg_controllen = sizeof(union rp_stamp_control);
    r = io_uring_queue_init_params(REQUESTS, &u->ring, &params);
    if (r < 0) {
        rp_free(u);
        return r;
    }
    r = rp_uring_buffers_init(&u->buffers, &u->ring);
    if (r == 0)
        r = io_uring_register_ring_fd(&u->ring);
    if (r < 0) {
        tear_down(u);
        return r;
    }
    *ret = u;
    return 0;
}

static const char *uring_unusable(void)
{
    struct uring_backend *u;
    int r = set_up(&u);

    if (r == 0)
        tear_down(u);
    switch (-r) {
    case 0:
        return NULL;
    case ENOSYS:
        return "the kernel has no io_uring";
    case EPERM:
    case EACCES:
        return "io_uring is not permitted here (sysctl kernel.io_uring_disabled, seccomp)";
    case EINVAL:
        return "the kernel's io_uring lacks deferred task running (Linux 6.1)";
    default:
        return strerrordesc_np(-r);
    }
}

static int uring_open(struct rp_loop *loop)
{
    struct uring_backend *u;
    int r = set_up(&u);

    if (r == 0)
        loop->backend = u;
    return r;
}

static void uring_close(struct rp_loop *loop)
{
    tear_down(loop->backend);
}

/* ---- requests ---- */

static void submit(struct uring_backend *u)
{
    u->batch++;
    (void)io_uring_submit(&u->ring);
}

static struct io_uring_sqe *new_request(struct uring_backend *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (RP_LIKELY(sqe))
        return sqe;
    submit(u);
    return io_uring_get_sqe(&u->ring);
}

/* Requests are submitted by the next wait. A loop that is nested in another one begins it only when
 * the kernel has signalled. */
static void made_request(struct uring_backend *u)
{
    if (u->event_fd >= 0)
        submit(u);
}

/* IORING_RECVSEND_POLL_FIRST is not used: with a multishot request an end of the peer that is there
 * before the request gets lost. */
static int receive(struct uring_backend *u, struct rp_stream *stream)
{
    struct io_uring_sqe *sqe = new_request(u);

    if (!sqe)
        return -ENOMEM;
    if (stream->state & RP_STREAM_STAMPED)
        io_uring_prep_recvmsg_multishot(sqe, stream->fd, &u->message, 0);
    else
        io_uring_prep_recv_multishot(sqe, stream->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RP_URING_GROUP;
    sqe->user_data = stream->token | (uint64_t)KIND_RECEIVE << RP_SLOT_KIND_SHIFT;
    stream->state = (stream->state & ((1u << BATCH_SHIFT) - 1)) | RECEIVING |
                    u->batch << BATCH_SHIFT;
    made_request(u);
    return 0;
}

static int poll_once(struct uring_backend *u, int fd, unsigned mask, uint64_t token, unsigned kind)
{
    struct io_uring_sqe *sqe = new_request(u);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_poll_add(sqe, fd, mask);
    sqe->user_data = token | (uint64_t)kind << RP_SLOT_KIND_SHIFT;
    made_request(u);
    return 0;
}

static int cancel(struct uring_backend *u, uint64_t token, unsigned kind)
{
    struct io_uring_sqe *sqe = new_request(u);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_cancel64(sqe, token | (uint64_t)kind << RP_SLOT_KIND_SHIFT, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = 0;
    made_request(u);
    return 0;
}

/* ---- streams ---- */

static int uring_arm(struct rp_loop *loop, struct rp_stream *stream)
{
    struct uring_backend *u = loop->backend;
    int r = 0;

    if (stream->state & (RP_STREAM_CONNECTING | RP_STREAM_BLOCKED) && !(stream->state & POLLING)) {
        r = poll_once(u, stream->fd, POLLOUT, stream->token, KIND_WRITABLE);
        if (r == 0)
            stream->state |= POLLING;
    }
    if (r == 0 &&
        !(stream->state & (RP_STREAM_CONNECTING | RP_STREAM_PAUSED | RP_STREAM_HALF | RECEIVING)))
        r = receive(u, stream);
    return r;
}

/* The completion of the cancelled request says -ECANCELED. Bytes that come before it are
 * delivered. */
static void uring_pause(struct rp_loop *loop, struct rp_stream *stream)
{
    if (stream->state & RECEIVING)
        (void)cancel(loop->backend, stream->token, KIND_RECEIVE);
}

static void uring_disarm(struct rp_loop *loop, struct rp_stream *stream)
{
    struct uring_backend *u = loop->backend;
    int r = 0;

    /* A request that has not been submitted names the descriptor's number. By the time the kernel
     * reads it, that number may be another stream's, whose bytes would be lost. */
    if (stream->state & RECEIVING && stream->state >> BATCH_SHIFT == (u->batch & 0xffff))
        submit(u);
    if (stream->state & RECEIVING)
        r = cancel(u, stream->token, KIND_RECEIVE);
    if (r == 0 && stream->state & POLLING)
        r = cancel(u, stream->token, KIND_WRITABLE);
    if (r < 0)
        (void)shutdown(stream->fd, SHUT_RDWR); /* ends the requests too, if less exactly */
}

static void handle_writable(struct rp_stream *stream, int result)
{
    stream->state &= ~(uint32_t)POLLING;
    if (stream->state & RP_STREAM_CONNECTING)
        rp_stream_connect_done(stream, result < 0 ? result : 0);
    else
        rp_stream_writable(stream);
}

RP_HOT static void handle_received(struct rp_loop *loop, struct rp_stream *stream,
                                   const struct io_uring_cqe *cqe, const char *bytes, rp_ns at)
{
    struct uring_backend *u = loop->backend;
    const uint64_t token = stream->token;
    const bool goes_on = cqe->flags & IORING_CQE_F_MORE;
    int len = cqe->res, r;

    if (RP_UNLIKELY(!goes_on))
        stream->state &= ~(uint32_t)RECEIVING;
    if (stream->state & RP_STREAM_STAMPED && len > 0)
        len = rp_uring_unwrap(&loop->stamps, stream, len, &bytes, &at);
    if (RP_LIKELY(len > 0)) {
        rp_stream_deliver(stream, bytes, (size_t)len, at);
        if (RP_LIKELY(goes_on) || !rp_stream_is_alive(loop, token))
            return;
    } else if (len == -ENOBUFS) {
        (void)rp_uring_buffers_grow(&u->buffers);
    } else if (len == 0) {
        rp_stream_fin(stream, at);
        return;
    } else if (len != -EINTR && len != -EAGAIN && len != -ECANCELED) {
        rp_stream_end(stream, len, at);
        return;
    }
    if (goes_on)
        return;
    r = uring_arm(loop, stream);
    if (r < 0)
        rp_stream_end(stream, r, at);
}

/* ---- watches --------------------------------------------------------------------------------- */

/* A watch is one poll after the other, each made after the callback: so it is level-triggered. */

static int arm_watch(struct uring_backend *u, struct rp_watch *watch, unsigned wanted)
{
    unsigned mask = (wanted & RP_READABLE ? (unsigned)POLLIN | (unsigned)POLLRDHUP : 0) |
                    (wanted & RP_WRITABLE ? (unsigned)POLLOUT : 0);
    int r = poll_once(u, watch->fd, mask, watch->token, KIND_WATCH);

    watch->state = r == 0 ? WATCH_ARMED : 0;
    return r;
}

static int uring_watch(struct rp_loop *loop, struct rp_watch *watch, unsigned wanted)
{
    struct uring_backend *u = loop->backend;
    uint64_t old = watch->token;
    bool was_armed = watch->state & WATCH_ARMED;
    struct pollfd probe = { .fd = watch->fd };
    int r;

    if (poll(&probe, 1, 0) < 0 || probe.revents & POLLNVAL)
        return -EBADF;
    /* The watch gets a new token, so that a late completion of the old request finds no object. */
    r = rp_slots_add(&loop->slots, watch, &watch->token);
    if (r < 0)
        return r;
    r = arm_watch(u, watch, wanted);
    if (r < 0) {
        rp_slots_remove(&loop->slots, watch->token);
        watch->token = old;
        watch->state = was_armed ? WATCH_ARMED : 0;
        return r;
    }
    rp_slots_remove(&loop->slots, old);
    if (was_armed)
        (void)cancel(u, old, KIND_WATCH);
    return 0;
}

static void uring_unwatch(struct rp_loop *loop, struct rp_watch *watch)
{
    if (watch->state & WATCH_ARMED)
        (void)cancel(loop->backend, watch->token, KIND_WATCH);
    watch->state = 0;
}

static void handle_watch(struct rp_loop *loop, struct rp_watch *watch, int result)
{
    struct uring_backend *u = loop->backend;
    const uint64_t token = watch->token;
    unsigned ready = 0;

    watch->state = 0;
    rp_loop_found_watch(loop, watch);
    if (result < 0 || result & (POLLERR | POLLHUP | POLLNVAL))
        ready = RP_READABLE | RP_WRITABLE;
    if (result >= 0 && result & (POLLIN | POLLRDHUP))
        ready |= RP_READABLE;
    if (result >= 0 && result & POLLOUT)
        ready |= RP_WRITABLE;
    ready &= watch->wanted;
    if (ready)
        watch->fn(watch, ready);
    if (rp_slots_get(&loop->slots, token) && arm_watch(u, watch, watch->wanted) < 0)
        u->error = -ENOMEM;
}

/* ---- waiting ---- */

/* -EBUSY is no failure: completions have to be taken first, which comes next. */
static int failure(int r)
{
    return r < 0 && r != -ETIME && r != -EAGAIN && r != -EBUSY ? r : 0;
}

static int look(struct uring_backend *u)
{
    return failure(io_uring_submit_and_get_events(&u->ring));
}

static int sleep_for_events(struct uring_backend *u, rp_ns sleep)
{
    struct __kernel_timespec timeout = { .tv_sec = sleep / RP_S, .tv_nsec = sleep % RP_S };
    struct io_uring_cqe *first;

    return failure(
        io_uring_submit_and_wait_timeout(&u->ring, &first, 1, sleep < 0 ? NULL : &timeout, NULL));
}

static int enter(struct rp_loop *loop, rp_ns until)
{
    struct uring_backend *u = loop->backend;
    struct rp_patience patience;
    uint64_t signals;
    rp_ns last = 0;
    int r = 0;

    loop->stamps.wait_began = RP_NS_NEVER;
    /* The signal is taken back before the completions are taken, so that a signal that comes later
     * stays. */
    if (u->event_fd >= 0)
        (void)!read(u->event_fd, &signals, sizeof(signals));
    u->batch++;
    if (rp_loop_looks_first(loop)) {
        r = look(u);
        if (r < 0 || io_uring_cq_ready(&u->ring))
            return r;
        loop->is_busy = false;
        loop->stamps.looked_all = true;
    }
    patience = rp_loop_patience(loop, until);
    if (rp_patience_is_none(&patience))
        return look(u);
    rp_loop_before_wait(loop, &patience);
    if (patience.sleep)
        r = sleep_for_events(u, patience.sleep);
    if (patience.spin_until) {
        while (r == 0 && !io_uring_cq_ready(&u->ring) &&
               rp_loop_spins(loop, &last, patience.spin_until))
            r = look(u);
    }
    rp_loop_after_wait(loop);
    return r;
}

RP_HOT static void handle(struct rp_loop *loop, const struct io_uring_cqe *cqe, rp_ns at)
{
    struct uring_backend *u = loop->backend;
    void *object = rp_slots_get(&loop->slots, cqe->user_data);
    unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

    if (RP_LIKELY(object)) {
        switch (rp_slot_kind(cqe->user_data)) {
        case KIND_RECEIVE:
            handle_received(loop, object, cqe, rp_uring_buffers_at(&u->buffers, id), at);
            break;
        case KIND_WRITABLE:
            handle_writable(object, cqe->res);
            break;
        default:
            handle_watch(loop, object, cqe->res);
        }
    }
    if (cqe->flags & IORING_CQE_F_BUFFER)
        rp_uring_buffers_put_back(&u->buffers, id);
}

RP_HOT static int uring_wait(struct rp_loop *loop, rp_ns until)
{
    struct uring_backend *u = loop->backend;
    int r = enter(loop, until);
    rp_ns at = rp_clock_ns();
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;

    loop->woken = at;
    rp_stamps_turn(&loop->stamps, at);
    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        handle(loop, cqe, at);
        count++;
    }
    io_uring_cq_advance(&u->ring, count);
    rp_loop_found(loop, count);
    loop->stamps.looked_all = count == 0;
    rp_uring_buffers_publish(&u->buffers);
    if (r == 0)
        r = u->error;
    u->error = 0;
    return r;
}

static int uring_fd(struct rp_loop *loop)
{
    struct uring_backend *u = loop->backend;

    /* The ring's own descriptor would not do: nothing completes on it before somebody enters the
     * kernel. */
    if (u->event_fd < 0) {
        int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); /* 1: look at what came before */

        if (fd >= 0 && io_uring_register_eventfd(&u->ring, fd) < 0) {
            close(fd);
            fd = -1;
        }
        u->event_fd = fd;
        submit(u);
    }
    return u->event_fd;
}

static const struct rp_loop_ops uring_ops = {
    .name = "io_uring",
    .unusable = uring_unusable,
    .open = uring_open,
    .close = uring_close,
    .wait = uring_wait,
    .arm = uring_arm,
    .pause = uring_pause,
    .disarm = uring_disarm,
    .watch = uring_watch,
    .unwatch = uring_unwatch,
    .fd = uring_fd,
};

const struct rp_loop_ops *const rp_loop_uring = &uring_ops;
