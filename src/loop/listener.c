/* SPDX-License-Identifier: MIT */
#include "loop/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* The kernel takes the smaller of it and net.core.somaxconn. At most so many are accepted in one
 * turn, so that those who connect do not keep the connected waiting. */
enum { BACKLOG = 4096, ACCEPTS_MAX = 512 };

static struct rp_listener *listener_of(struct rp_watch *watch)
{
    return rp_container_of(watch, struct rp_listener, watch);
}

/* Accepted sockets inherit TCP_NODELAY: a system call less for each. */
static int listen_on(const struct sockaddr *addr, socklen_t addr_len)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, r;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, addr, addr_len) < 0 || listen(fd, BACKLOG) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* Errors of a connection that has gone before it was accepted; what accept(2) calls network errors
 * is among them. */
static bool is_of_the_peer(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

static void on_ready(struct rp_watch *watch, unsigned ready)
{
    struct rp_listener *listener = listener_of(watch);

    for (int i = 0; i < ACCEPTS_MAX && listener->watch.loop; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int error = errno;

        if (fd >= 0) {
            listener->events->accepted(listener, fd);
        } else if (error == EAGAIN) {
            return;
        } else if (!is_of_the_peer(error)) {
            rp_watch_stop(&listener->watch);
            listener->events->failed(listener, -error);
            return;
        }
    }
}

int rp_listener_open(struct rp_loop *loop, struct rp_listener *listener,
                     const struct sockaddr *addr, socklen_t addr_len)
{
    int fd, r;

    rp_assert(!listener->loop);
    fd = listen_on(addr, addr_len);
    if (fd < 0)
        return fd;
    r = rp_watch_start(loop, &listener->watch, fd, RP_READABLE, on_ready);
    if (r < 0) {
        close(fd);
        return r;
    }
    listener->fd = fd;
    listener->loop = loop;
    return 0;
}

int rp_listener_resume(struct rp_listener *listener)
{
    if (!listener->loop || listener->watch.loop)
        return 0;
    return rp_watch_start(listener->loop, &listener->watch, listener->fd, RP_READABLE, on_ready);
}

void rp_listener_close(struct rp_listener *listener)
{
    if (!listener->loop)
        return;
    rp_watch_stop(&listener->watch);
    close(listener->fd);
    listener->loop = NULL;
}
