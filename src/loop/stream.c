/* SPDX-License-Identifier: MIT */

/*
 * Streams: opening, sending and ending, the same on every back-end with descriptors.
 *
 * A send that fails does not end the stream at once. The peer may have answered and closed before
 * it saw our bytes, and that answer is still to be delivered. Instead the socket is shut down. The
 * receiving side then comes to an end after what has arrived, and that end is reported with the
 * error of the send.
 */

#include "loop/backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include "loop/socket.h"

static bool is_inet(const struct sockaddr *addr)
{
    return addr->sa_family == AF_INET || addr->sa_family == AF_INET6;
}

static int bind_source(int fd, const struct sockaddr *source, socklen_t len)
{
    int on = 1;

    /* Leaves the choice of the port to connect(): it must then be unique for its destination only,
     * and not for all of them. */
    if (is_inet(source))
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, source, len) < 0 ? -errno : 0;
}

int rp_connect_begin(const struct sockaddr *addr, socklen_t addr_len, const struct sockaddr *source,
                     socklen_t source_len)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, r = 0;

    if (fd < 0)
        return -errno;
    if (is_inet(addr) && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        r = -errno;
    if (r == 0 && source)
        r = bind_source(fd, source, source_len);
    if (r == 0 && connect(fd, addr, addr_len) < 0 && errno != EINPROGRESS && errno != EINTR)
        r = -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* Leaves @fd to the caller on failure. */
static int begin(struct rp_loop *loop, struct rp_stream *stream, int fd, uint32_t state)
{
    int r = rp_slots_add(&loop->slots, stream, &stream->token);

    if (r < 0)
        return r;
    stream->loop = loop;
    stream->fd = fd;
    stream->state = state;
    stream->error = 0;
    stream->last_data = 0;
    stream->out_of_order = 0;
    stream->traffic = (struct rp_traffic){ 0 };
    r = loop->ops->arm(loop, stream);
    if (r < 0) {
        rp_slots_remove(&loop->slots, stream->token);
        stream->fd = -1;
    }
    return r;
}

int rp_stream_connect(struct rp_loop *loop, struct rp_stream *stream, const struct sockaddr *addr,
                      socklen_t addr_len, const struct sockaddr *source, socklen_t source_len)
{
    int fd, r;

    rp_assert(!rp_stream_is_open(stream));
    if (loop->ops->is_virtual)
        return -EOPNOTSUPP;
    fd = rp_connect_begin(addr, addr_len, source, source_len);
    if (fd < 0)
        return fd;
    if (is_inet(addr))
        r = rp_stream_connect_on(loop, stream, fd);
    else
        r = begin(loop, stream, fd, RP_STREAM_CONNECTING);
    if (r < 0)
        close(fd);
    return r;
}

int rp_stream_connect_on(struct rp_loop *loop, struct rp_stream *stream, int fd)
{
    uint32_t stamped = rp_stamps_ask(&loop->stamps, fd) ? RP_STREAM_STAMPED : 0;

    rp_assert(!rp_stream_is_open(stream));
    return begin(loop, stream, fd, RP_STREAM_CONNECTING | stamped);
}

bool rp_stream_peer_has_ended(const struct rp_stream *stream)
{
    struct tcp_info info = { .tcpi_state = TCP_ESTABLISHED };
    socklen_t len = sizeof(info.tcpi_state); /* the first member, and all that is wanted */

    return rp_stream_is_open(stream) &&
           getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_state != TCP_ESTABLISHED;
}

int rp_stream_adopt(struct rp_loop *loop, struct rp_stream *stream, int fd)
{
    rp_assert(!rp_stream_is_open(stream));
    return begin(loop, stream, fd, 0);
}

void rp_stream_close(struct rp_stream *stream, bool reset)
{
    struct rp_loop *loop = stream->loop;

    if (!rp_stream_is_open(stream))
        return;
    if (reset) {
        struct linger abort = { .l_onoff = 1, .l_linger = 0 };

        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
    }
    loop->ops->disarm(loop, stream);
    rp_slots_remove(&loop->slots, stream->token);
    rp_list_remove(&stream->send_node);
    close(stream->fd);
    stream->fd = -1;
    stream->state = 0;
}

void rp_stream_pause(struct rp_stream *stream)
{
    if (!rp_stream_is_open(stream) || stream->error || stream->state & RP_STREAM_PAUSED)
        return;
    stream->state |= RP_STREAM_PAUSED;
    stream->loop->ops->pause(stream->loop, stream);
}

int rp_stream_resume(struct rp_stream *stream)
{
    int r;

    if (!rp_stream_is_open(stream) || !(stream->state & RP_STREAM_PAUSED))
        return 0;
    stream->state &= ~(uint32_t)RP_STREAM_PAUSED;
    r = stream->loop->ops->arm(stream->loop, stream);
    if (r < 0)
        stream->state |= RP_STREAM_PAUSED;
    return r;
}

int rp_stream_shutdown(struct rp_stream *stream)
{
    if (!rp_stream_is_open(stream) || stream->state & RP_STREAM_CONNECTING)
        return -ENOTCONN;
    if (stream->state & RP_STREAM_SENDING)
        return -EBUSY;
    return shutdown(stream->fd, SHUT_WR) < 0 ? -errno : 0;
}

void rp_stream_fin(struct rp_stream *stream, rp_ns at)
{
    if (RP_LIKELY(!stream->events->half_closed) || stream->error) {
        rp_stream_end(stream, 0, at);
        return;
    }
    if (stream->state & RP_STREAM_HALF)
        return;
    stream->state |= RP_STREAM_HALF;
    stream->events->half_closed(stream, at);
}

/* Asks TCP about an end that comes in place of an answer, which is rare enough for a system call.
 * When a FIN came is known, as it is the last that can have come; of a reset it is not. */
static void note_end(struct rp_stream *stream, int status)
{
    struct rp_traffic *traffic = &stream->traffic;
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);

    if (!traffic->send_began || traffic->received != stream->received_before ||
        getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return;
    traffic->rtt_us = info.tcpi_rtt;
    if (status == 0)
        traffic->end_waited = info.tcpi_last_ack_recv * RP_MS;
}

void rp_stream_note_end(struct rp_stream *stream)
{
    if (rp_stream_is_open(stream))
        note_end(stream, 0);
}

void rp_stream_end(struct rp_stream *stream, int status, rp_ns at)
{
    note_end(stream, status);
    if (stream->error)
        status = stream->error;
    rp_stream_close(stream, false);
    stream->events->ended(stream, status, at);
}

void rp_stream_connect_done(struct rp_stream *stream, int error)
{
    struct rp_loop *loop = stream->loop;
    socklen_t len = sizeof(int);
    int pending = 0;

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &pending, &len) < 0)
        pending = errno;
    if (pending)
        error = -pending;
    if (!error) {
        stream->state &= ~(uint32_t)RP_STREAM_CONNECTING;
        error = loop->ops->arm(loop, stream);
    }
    if (error)
        rp_stream_close(stream, false);
    stream->events->connected(stream, error);
}

/* ---- sending ---- */

static int take_send(struct rp_stream *stream, const char *a, size_t a_len, const char *b,
                     size_t b_len)
{
    if (RP_UNLIKELY(!rp_stream_is_open(stream) || stream->state & RP_STREAM_CONNECTING))
        return -ENOTCONN;
    if (RP_UNLIKELY(stream->state & RP_STREAM_SENDING))
        return -EBUSY;
    stream->state |= RP_STREAM_SENDING;
    stream->out[0] = a;
    stream->out_len[0] = a_len;
    stream->out[1] = b;
    stream->out_len[1] = b_len;
    stream->traffic.send_began = stream->traffic.send_ended = 0;
    stream->traffic.in_parts = false;
    stream->received_before = stream->traffic.received;
    return 0;
}

int rp_stream_send(struct rp_stream *stream, const char *a, size_t a_len, const char *b,
                   size_t b_len)
{
    int r = take_send(stream, a, a_len, b, b_len);

    if (RP_UNLIKELY(r < 0))
        return r;
    rp_list_append(&stream->loop->sends, &stream->send_node);
    rp_loop_queued(stream->loop);
    return 0;
}

/* Remembers the failure and shuts the socket down. The receiving side will tell the end, and so
 * must be listened to. */
static void fail_send(struct rp_stream *stream, int error)
{
    stream->error = error;
    stream->state &= ~(uint32_t)(RP_STREAM_BLOCKED | RP_STREAM_PAUSED | RP_STREAM_HALF);
    (void)shutdown(stream->fd, SHUT_RDWR);
    (void)stream->loop->ops->arm(stream->loop, stream);
}

static ssize_t send_both(const struct rp_stream *stream)
{
    struct iovec parts[2];
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

    for (int i = 0; i < 2; i++)
        parts[i] = (struct iovec){ (void *)stream->out[i], stream->out_len[i] };
    return sendmsg(stream->fd, &message, MSG_NOSIGNAL);
}

RP_INLINE ssize_t send_rest(const struct rp_stream *stream)
{
    int which = stream->out_len[0] == 0;

    if (RP_UNLIKELY(stream->out_len[!which]))
        return send_both(stream);
    return rp_socket_send(stream->fd, stream->out[which], stream->out_len[which], MSG_NOSIGNAL);
}

static void take_off(struct rp_stream *stream, size_t sent)
{
    stream->traffic.sent += sent;
    for (int i = 0; i < 2; i++) {
        size_t part = sent < stream->out_len[i] ? sent : stream->out_len[i];

        if (part == 0) /* and perhaps no pointer to add to */
            continue;
        stream->out[i] += part;
        stream->out_len[i] -= part;
        sent -= part;
    }
}

static bool has_more(const struct rp_stream *stream)
{
    return stream->out_len[0] + stream->out_len[1] > 0;
}

/* One system call for what is left. */
RP_INLINE int offer_rest(struct rp_stream *stream)
{
    ssize_t sent;

    do {
        sent = send_rest(stream);
    } while (RP_UNLIKELY(sent < 0 && errno == EINTR));
    if (RP_UNLIKELY(sent < 0))
        return -errno;
    take_off(stream, (size_t)sent);
    return 0;
}

/* Bytes are left. A short send has met a full socket, just as -EAGAIN has: the kernel will say when
 * there is room. */
static void block_or_fail(struct rp_stream *stream, int error)
{
    if (error == 0 || error == -EAGAIN) {
        stream->state |= RP_STREAM_BLOCKED;
        stream->traffic.in_parts = true;
        error = stream->loop->ops->arm(stream->loop, stream);
    }
    if (error < 0)
        fail_send(stream, error);
}

static void end_send(struct rp_stream *stream, rp_ns now)
{
    stream->traffic.send_ended = now;
    stream->state &= ~(uint32_t)RP_STREAM_SENDING;
}

static int keep_rest(struct rp_stream *stream)
{
    struct rp_slice rest = rp_slice(stream->out[0], stream->out_len[0]);
    int r;

    if (!stream->events->keep || !rest.len)
        return 0;
    r = stream->events->keep(stream, &rest);
    stream->out[0] = rest.ptr;
    return r;
}

/* The time of the first offer is taken after fill(): making the bytes does not belong to the
 * kernel. */
static rp_ns offer_and_fill(struct rp_stream *stream)
{
    struct rp_slice more;
    rp_ns now;
    int r;

    for (;;) {
        if (!has_more(stream)) {
            more = rp_slice(NULL, 0);
            r = stream->events->fill(stream, &more);
            if (r < 0)
                fail_send(stream, r);
            if (r < 0 || more.len == 0)
                break;
            stream->out[0] = more.ptr;
            stream->out_len[0] = more.len;
        }
        if (!stream->traffic.send_began)
            stream->traffic.send_began = rp_clock_ns();
        r = offer_rest(stream);
        if (has_more(stream)) {
            if (r == 0 || r == -EAGAIN)
                r = keep_rest(stream);
            block_or_fail(stream, r);
            return rp_clock_ns();
        }
    }
    now = rp_clock_ns();
    if (!stream->traffic.send_began)
        stream->traffic.send_began = now;
    if (r == 0)
        end_send(stream, now);
    return now;
}

rp_ns rp_stream_offer(struct rp_stream *stream, rp_ns now)
{
    int error = 0;

    if (RP_UNLIKELY(stream->events->fill))
        return offer_and_fill(stream);
    if (!stream->traffic.send_began)
        stream->traffic.send_began = now;
    if (RP_LIKELY(has_more(stream))) {
        error = offer_rest(stream);
        now = rp_clock_ns();
    }
    if (RP_LIKELY(!has_more(stream)))
        end_send(stream, now);
    else
        block_or_fail(stream, error);
    return now;
}

int rp_stream_send_now(struct rp_stream *stream, const char *a, size_t a_len, const char *b,
                       size_t b_len)
{
    int r = take_send(stream, a, a_len, b, b_len);

    if (RP_UNLIKELY(r < 0))
        return r;
    if (RP_UNLIKELY(stream->events->fill)) {
        (void)rp_stream_offer(stream, 0);
        return stream->state & RP_STREAM_SENDING ? RP_STREAM_LEFT : 0;
    }
    stream->traffic.send_began = stream->loop->woken ? stream->loop->woken : rp_clock_ns();
    if (RP_LIKELY(has_more(stream)))
        r = offer_rest(stream);
    if (RP_LIKELY(!has_more(stream))) {
        end_send(stream, stream->traffic.send_began);
        return 0;
    }
    block_or_fail(stream, r);
    return RP_STREAM_LEFT;
}

void rp_stream_writable(struct rp_stream *stream)
{
    if (!(stream->state & RP_STREAM_BLOCKED))
        return;
    stream->state &= ~(uint32_t)RP_STREAM_BLOCKED;
    (void)rp_stream_offer(stream, 0);
    if (stream->events->sent && !(stream->state & RP_STREAM_SENDING))
        stream->events->sent(stream);
}
