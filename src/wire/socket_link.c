/* SPDX-License-Identifier: MIT */
#include "wire/socket_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/message.h"

/* A turn of the loop takes no more than TURN_SIZE of a peer, which may never stop. It is more than
 * what the kernel keeps of a socket by default, so that a turn takes all that has arrived. */
enum { READ_SIZE = 64 * 1024, TURN_SIZE = 4 * READ_SIZE, FRAME_HEAD = 4 };

static struct rp_socket_link *socket_of(struct rp_link *link)
{
    return rp_container_of(link, struct rp_socket_link, link);
}

static void close_socket(struct rp_link *link)
{
    struct rp_socket_link *socket = socket_of(link);

    rp_watch_stop(&socket->watch);
    close(socket->fd);
    socket->fd = -1;
    rp_buf_deinit(&socket->in);
    rp_buf_deinit(&socket->out);
}

static void broken(struct rp_socket_link *socket, int status)
{
    close_socket(&socket->link);
    socket->link.events->closed(&socket->link, status);
}

/* ---- out ------------------------------------------------------------------------------------- */

static size_t unsent(const struct rp_socket_link *socket)
{
    return socket->out.len - socket->out_sent;
}

/* Moves what is left to the front once it is the smaller part: each byte is moved once at most. */
static void compact(struct rp_socket_link *socket)
{
    if (socket->out_sent < socket->out.len / 2)
        return;
    rp_buf_consume(&socket->out, socket->out_sent);
    socket->out_sent = 0;
}

/* Writes what the kernel takes. 0, or -errno when the peer is gone. */
static int flush(struct rp_socket_link *socket)
{
    int r = 0;

    while (unsent(socket)) {
        ssize_t n = send(socket->fd, socket->out.data + socket->out_sent, unsent(socket),
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            r = errno == EAGAIN ? 0 : -errno;
            break;
        }
        socket->out_sent += (size_t)n;
    }
    compact(socket);
    return r;
}

static void ready(struct rp_watch *watch, unsigned events);

static void update_watch(struct rp_socket_link *socket)
{
    unsigned wanted = RP_READABLE | (unsent(socket) ? RP_WRITABLE : 0);

    /* What is left is tried again by the next send, should the watch not be changeable. */
    if (socket->watch.wanted != wanted &&
        rp_watch_start(socket->loop, &socket->watch, socket->fd, wanted, ready) < 0)
        socket->watch.wanted = RP_READABLE;
}

static int send_frame(struct rp_link *link, struct rp_slice message)
{
    struct rp_socket_link *socket = socket_of(link);
    uint32_t size = htonl((uint32_t)message.len);
    int r = rp_buf_reserve(&socket->out, FRAME_HEAD + message.len);

    if (r < 0) {
        /* The buffer would remember it: but what it holds is whole, and the next message may
         * fit. */
        socket->out.error = 0;
        return r;
    }
    rp_buf_append(&socket->out, &size, FRAME_HEAD);
    rp_buf_append_slice(&socket->out, message);
    r = flush(socket);
    update_watch(socket);
    return r;
}

static size_t waiting(const struct rp_link *link)
{
    return unsent(rp_container_of(link, const struct rp_socket_link, link));
}

/* A signal may end a wait early: it does not end the waiting. */
static int drain(struct rp_link *link, int timeout_ms)
{
    struct rp_socket_link *socket = socket_of(link);
    struct pollfd wait = { .fd = socket->fd, .events = POLLOUT };
    rp_ns limit = 0;

    while (unsent(socket)) {
        size_t before = unsent(socket);
        int r = flush(socket);
        rp_ns now = rp_clock_ns();

        if (r < 0)
            return r;
        if (!limit || unsent(socket) < before)
            limit = now + timeout_ms * RP_MS;
        if (!unsent(socket))
            break;
        if (now >= limit ||
            (poll(&wait, 1, (int)((limit - now + RP_MS - 1) / RP_MS)) < 0 && errno != EINTR))
            return -ETIMEDOUT;
    }
    return 0;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Hands over every complete message; its receiver may close the link. 0, -EBADMSG, or what the
 * receiver returned. */
static int deliver(struct rp_socket_link *socket)
{
    size_t at = 0;

    while (socket->fd >= 0 && socket->in.len - at >= FRAME_HEAD) {
        uint32_t size;
        int r;

        memcpy(&size, socket->in.data + at, FRAME_HEAD);
        size = ntohl(size);
        if (size > RP_MESSAGE_MAX_BYTES)
            return -EBADMSG;
        if (socket->in.len - at - FRAME_HEAD < size)
            break;
        at += FRAME_HEAD;
        r = socket->link.events->received(&socket->link, rp_slice(socket->in.data + at, size));
        if (r < 0)
            return r;
        at += size;
    }
    if (socket->fd >= 0)
        rp_buf_consume(&socket->in, at);
    return 0;
}

/* Until there is no more, or @enough bytes have come. */
static void receive_some(struct rp_socket_link *socket, size_t enough)
{
    size_t taken = 0;
    int r = 0;

    while (socket->fd >= 0 && taken < enough) {
        ssize_t n;

        if (rp_buf_reserve(&socket->in, READ_SIZE) < 0) {
            broken(socket, socket->in.error);
            return;
        }
        n = read(socket->fd, socket->in.data + socket->in.len, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0) {
            taken += (size_t)n;
            socket->in.len += (size_t)n;
            socket->in.data[socket->in.len] = '\0';
            r = deliver(socket);
        }
        if (n <= 0 || r < 0) {
            broken(socket, n < 0 ? -errno : r);
            return;
        }
    }
}

/* What the kernel has by now: of a peer that has ended, that is all. And its end, for which one byte
 * more is asked for. */
static void receive(struct rp_link *link)
{
    struct rp_socket_link *socket = socket_of(link);
    int waiting = 0;

    if (ioctl(socket->fd, FIONREAD, &waiting) < 0)
        waiting = TURN_SIZE;
    receive_some(socket, (size_t)waiting + 1);
}

static void ready(struct rp_watch *watch, unsigned events)
{
    struct rp_socket_link *socket = rp_container_of(watch, struct rp_socket_link, watch);
    int r;

    if (events & RP_READABLE) /* the loop comes back while there is more */
        receive_some(socket, TURN_SIZE);
    if (socket->fd < 0 || !(events & RP_WRITABLE))
        return;
    r = flush(socket);
    if (r == 0)
        update_watch(socket);
    else
        receive(&socket->link); /* what the peer said before it went */
    if (socket->fd >= 0 && r < 0)
        broken(socket, r);
}

static const struct rp_link_ops ops = {
    .send = send_frame,
    .receive = receive,
    .waiting = waiting,
    .drain = drain,
    .close = close_socket,
};

int rp_socket_link_open(struct rp_socket_link *socket, struct rp_loop *loop, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int r;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    socket->link.ops = &ops;
    socket->loop = loop;
    socket->out_sent = 0;
    rp_buf_init(&socket->in, FRAME_HEAD + RP_MESSAGE_MAX_BYTES + READ_SIZE);
    rp_buf_init(&socket->out, RP_LINK_MAX);
    r = rp_watch_start(loop, &socket->watch, fd, RP_READABLE, ready);
    socket->fd = r < 0 ? -1 : fd;
    return r;
}
