/* SPDX-License-Identifier: MIT */

/*
 * The run of the demo server: listening, the loop of one epoll set, its end.
 *
 * A turn of the loop handles the events, then the connections that had more to do than one run allows, then the timers
 * that are due. The timer slack is one nanosecond, so that /delay is late by the wake-up only.
 */

#include "target/target.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "target/server.h"

enum { EVENTS_MAX = 256, BACKLOG = 4096 };

static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, code;

    if (fd < 0)
        return -errno;
    /* Accepted sockets inherit TCP_NODELAY: a system call less for each. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        code = -errno;
        close(fd);
        return code;
    }
    return fd;
}

/* Returns the listening descriptor, or -RP_EUSER. */
static int open_listener(const char *host, uint16_t port, struct rp_error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *addresses;
    char service[8];
    int fd = -EADDRNOTAVAIL, code;

    snprintf(service, sizeof(service), "%u", port);
    code = getaddrinfo(host, service, &hints, &addresses);
    if (code)
        return rp_error_set(err, -RP_EUSER, "cannot listen on '%s': %s", host, gai_strerror(code));
    for (const struct addrinfo *it = addresses; it && fd < 0; it = it->ai_next)
        fd = listen_on(it);
    freeaddrinfo(addresses);
    if (fd >= 0)
        return fd;
    rp_error_set(err, -RP_EUSER, "cannot listen on '%s' port %u: %s", host, port, strerror(-fd));
    if (fd == -EADDRINUSE)
        rp_error_hint(err, "choose another port; port 0 lets the system choose");
    return -RP_EUSER;
}

static int watch(struct rp_target_server *server, int *fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, *fd, &event) < 0 ? -errno : 0;
}

/* The answers that never change are written once, by the code that writes all others. */
static int build_constants(struct rp_target_server *server)
{
    for (size_t i = 0; i < RP_TARGET_CONSTANTS; i++) {
        struct rp_target_request request = { .path = rp_slice_str(rp_target_endpoint(i)->path) };
        struct rp_target_reply reply;
        struct rp_buf *out = &server->constants[i];

        rp_buf_init(out, RP_TARGET_PIECE);
        rp_target_route(&request, &server->random, NULL, &reply);
        rp_target_write_head(&reply, reply.text.len, RP_TARGET_KEEP_SILENT, out);
        rp_buf_append_slice(out, reply.text);
        if (out->error)
            return out->error;
    }
    return 0;
}

static int build_buffers(struct rp_target_server *server)
{
    size_t filler_len = RP_TARGET_PIECE + 26;

    server->rx = rp_alloc(RP_TARGET_RX_SIZE);
    server->filler = rp_alloc(filler_len);
    if (!server->rx || !server->filler)
        return -ENOMEM;
    for (size_t i = 0; i < filler_len; i++)
        server->filler[i] = (char)('a' + i % 26);
    rp_buf_init(&server->tx, RP_TARGET_TX_MAX);
    if (rp_buf_reserve(&server->tx, RP_TARGET_TX_MAX) < 0)
        return -ENOMEM;
    return build_constants(server);
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* fewer connections when it fails, and that is handled */
}

static int server_init(struct rp_target_server *server, const struct rp_target_options *options,
                       const sigset_t *signals, struct rp_error *err)
{
    const char *host = options->host ? options->host : "127.0.0.1";
    int code;

    rp_list_init(&server->conns);
    rp_list_init(&server->ready);
    server->random.state = (uint64_t)rp_clock_ns() | 1;
    server->stop_fd = options->stop_fd ? options->stop_fd : -1;
    server->listen_fd = server->signal_fd = server->epoll_fd = -1;
    code = build_buffers(server);
    if (code < 0)
        return rp_error_set(err, code, "out of memory");
    server->listen_fd = open_listener(host, options->port, err);
    if (server->listen_fd < 0)
        return server->listen_fd;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (options->handle_signals)
        server->signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (server->epoll_fd < 0 || (options->handle_signals && server->signal_fd < 0)) {
        code = -errno;
        return rp_error_set(err, code, "cannot start the server: %s", strerror(-code));
    }
    code = watch(server, &server->listen_fd);
    if (!code && server->signal_fd >= 0)
        code = watch(server, &server->signal_fd);
    if (!code && server->stop_fd >= 0)
        code = watch(server, &server->stop_fd);
    return code ? rp_error_set(err, code, "cannot watch a descriptor: %s", strerror(-code)) : 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void server_deinit(struct rp_target_server *server)
{
    RP_LIST_EACH (it, &server->conns) {
        rp_target_conn_free(server, rp_container_of(it, struct rp_target_conn, all));
    }
    close_fd(server->listen_fd);
    close_fd(server->signal_fd);
    close_fd(server->epoll_fd);
    rp_target_timers_deinit(&server->timers);
    for (size_t i = 0; i < RP_TARGET_CONSTANTS; i++)
        rp_buf_deinit(&server->constants[i]);
    rp_buf_deinit(&server->tx);
    rp_free(server->rx);
    rp_free(server->filler);
}

static int announce(const struct rp_target_server *server, const struct rp_target_options *options,
                    struct rp_error *err)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    char host[NI_MAXHOST], port[NI_MAXSERV], url[NI_MAXHOST + NI_MAXSERV + 16];
    bool is_v6;

    if (!options->ready)
        return 0;
    if (getsockname(server->listen_fd, (struct sockaddr *)&address, &len) < 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return rp_error_set(err, -EIO, "cannot tell the address of the server");
    is_v6 = address.ss_family == AF_INET6;
    snprintf(url, sizeof(url), "http://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    return options->ready(options->context, url);
}

static void pause_accept(struct rp_target_server *server, bool pause)
{
    struct epoll_event event = { .events = pause ? 0 : EPOLLIN, .data.ptr = &server->listen_fd };

    if (server->accept_paused != pause &&
        epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listen_fd, &event) == 0)
        server->accept_paused = pause;
}

/* Without descriptors the listener would wake us for ever: it is left alone until a connection closes. */
static int accept_all(struct rp_target_server *server)
{
    for (;;) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            int code = -errno;

            pause_accept(server, true);
            return server->conn_count ? 0 : code;
        }
        if (fd < 0 && errno == EAGAIN)
            return 0;
        if (fd < 0 && (errno == EBADF || errno == EINVAL || errno == ENOTSOCK || errno == EFAULT))
            return -errno;
        if (fd < 0)
            continue; /* that peer has gone already */
        if (rp_target_conn_new(server, fd) < 0)
            return 0; /* no memory for this one; it is closed */
    }
}

static void run_ready(struct rp_target_server *server)
{
    struct rp_list turn, *node;

    rp_list_init(&turn);
    rp_list_splice(&turn, &server->ready);
    while ((node = rp_list_pop(&turn)))
        rp_target_conn_run(server, rp_container_of(node, struct rp_target_conn, ready), 0);
}

static void run_timers(struct rp_target_server *server)
{
    struct rp_target_timer *timer;
    rp_ns now;

    if (!server->timers.count)
        return;
    now = rp_clock_ns();
    while ((timer = rp_target_timers_pop(&server->timers, now)))
        rp_target_conn_fire(server, timer);
}

/* How long the loop may sleep: not at all with work left, for ever (NULL) without timers. */
static const struct timespec *time_to_sleep(const struct rp_target_server *server,
                                            struct timespec *room)
{
    rp_ns deadline = rp_target_timers_next(&server->timers), left = 0;

    if (rp_list_is_empty(&server->ready)) {
        if (deadline == RP_NS_NEVER)
            return NULL;
        left = deadline - rp_clock_ns();
    }
    if (left < 0)
        left = 0;
    *room = (struct timespec){ .tv_sec = left / RP_S, .tv_nsec = left % RP_S };
    return room;
}

static int wait_for_events(struct rp_target_server *server, struct epoll_event *events)
{
    struct timespec room;
    int count = epoll_pwait2(server->epoll_fd, events, EVENTS_MAX, time_to_sleep(server, &room),
                             NULL);

    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    return count;
}

/* Left pending, the signal would kill the program as soon as it is not blocked any more. */
static int take_signal(const struct rp_target_server *server)
{
    struct signalfd_siginfo info;

    return read(server->signal_fd, &info, sizeof(info)) == sizeof(info);
}

/* One event. 1 when the run shall end, else 0 or -errno. */
static int handle_event(struct rp_target_server *server, const struct epoll_event *event)
{
    if (event->data.ptr == &server->listen_fd)
        return accept_all(server);
    if (event->data.ptr == &server->stop_fd)
        return 1;
    if (event->data.ptr == &server->signal_fd)
        return take_signal(server);
    rp_target_conn_run(server, event->data.ptr, event->events);
    return 0;
}

static int serve(struct rp_target_server *server)
{
    struct epoll_event events[EVENTS_MAX];
    int code = 0;

    while (!code) {
        int count = wait_for_events(server, events);
        uint64_t closed = server->closed;

        if (count < 0)
            return count;
        for (int i = 0; i < count && !code; i++)
            code = handle_event(server, &events[i]);
        run_ready(server);
        run_timers(server);
        if (RP_UNLIKELY(server->accept_paused) && server->closed != closed)
            pause_accept(server, false);
    }
    return code < 0 ? code : 0;
}

int rp_target_run(const struct rp_target_options *options, struct rp_error *err)
{
    struct rp_target_server server = { 0 };
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), code;
    sigset_t signals, before;

    sigemptyset(&signals);
    if (options->handle_signals) {
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
    }
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    raise_file_limit();
    code = server_init(&server, options, &signals, err);
    if (!code)
        code = announce(&server, options, err);
    if (!code) {
        code = serve(&server);
        if (code < 0)
            rp_error_set(err, code, "the server cannot go on: %s", strerror(-code));
    }
    if (options->counts)
        *options->counts = server.counts;
    server_deinit(&server);
    prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
