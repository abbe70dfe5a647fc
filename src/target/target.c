/* SPDX-License-Identifier: MIT */

/*
 * The run of the demo server: what it makes at the beginning, its loop, its end.
 */

#include "target/target.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/listen.h"
#include "target/server.h"

/* The answers that never change are written once, by the code that writes all others. */
static int build_constants(struct rp_target_server *server)
{
    for (size_t i = 0; i < RP_TARGET_CONSTANTS; i++) {
        struct rp_h1_request request = { .path = rp_slice_str(rp_target_endpoint(i)->path) };
        struct rp_target_reply reply;
        struct rp_buf *out = &server->constants[i];

        rp_buf_init(out, RP_TARGET_PIECE);
        rp_target_route(&request, &server->random, NULL, &reply);
        rp_target_write_head(&reply, reply.text.len, RP_TARGET_KEEP_SILENT, out);
        rp_buf_append_slice(out, reply.text);
        if (out->error)
            return out->error;
    }
    return rp_target_h2_init(server);
}

static int build_buffers(struct rp_target_server *server)
{
    size_t filler_len = RP_TARGET_PIECE + 26;

    server->filler = rp_alloc(filler_len);
    if (!server->filler)
        return -ENOMEM;
    for (size_t i = 0; i < filler_len; i++)
        server->filler[i] = (char)('a' + i % 26);
    rp_buf_init(&server->tx, RP_TARGET_TX_MAX);
    rp_buf_init(&server->spare, RP_TARGET_TX_MAX);
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

static void on_accepted(struct rp_listener *listener, int fd)
{
    struct rp_target_server *server = rp_container_of(listener, struct rp_target_server, listener);

    rp_target_conn_new(server, fd);
}

/* Without descriptors the listener waits until a connection closes; without connections that will
 * never be. */
static void on_failed(struct rp_listener *listener, int error)
{
    struct rp_target_server *server = rp_container_of(listener, struct rp_target_server, listener);
    bool is_lack = error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;

    if (is_lack && server->conn_count)
        return;
    server->is_over = true;
    server->error = error;
}

static const struct rp_listener_events listener_events = {
    .accepted = on_accepted,
    .failed = on_failed,
};

/* Left pending, the signal would kill the program as soon as it is not blocked any more. */
static void on_signal(struct rp_watch *watch, unsigned ready)
{
    struct rp_target_server *server = rp_container_of(watch, struct rp_target_server, signal_watch);
    struct signalfd_siginfo info;

    if (read(watch->fd, &info, sizeof(info)) == sizeof(info))
        server->is_over = true;
}

static void on_stop(struct rp_watch *watch, unsigned ready)
{
    rp_container_of(watch, struct rp_target_server, stop_watch)->is_over = true;
}

static int make_loop(struct rp_target_server *server, const char *name, struct rp_error *err)
{
    const struct rp_loop_ops *ops;
    int r = rp_loop_pick(name && *name ? name : "epoll", &ops, err);

    if (r < 0)
        return r;
    r = rp_loop_new(ops, &server->loop);
    return r < 0 ? rp_error_set(err, r, "cannot start the server: %s", strerror(-r)) : 0;
}

static int watch_ends(struct rp_target_server *server, const struct rp_target_options *options,
                      const sigset_t *signals)
{
    int r = 0;

    if (options->handle_signals) {
        server->signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
        if (server->signal_fd < 0)
            return -errno;
        r = rp_watch_start(server->loop, &server->signal_watch, server->signal_fd, RP_READABLE,
                           on_signal);
    }
    if (r == 0 && options->stop_fd)
        r = rp_watch_start(server->loop, &server->stop_watch, options->stop_fd, RP_READABLE,
                           on_stop);
    return r;
}

static int make_tls(struct rp_target_server *server, const struct rp_target_options *options,
                    struct rp_error *err)
{
    struct rp_tls_certificate certificate;
    int r = rp_tls_shared_new(server->loop, &server->tls);

    if (r < 0)
        return rp_error_set(err, r, "out of memory");
    r = rp_tls_make_certificate(options->host, &certificate);
    if (r < 0)
        return rp_error_set(err, r, "OpenSSL cannot make a certificate");
    r = rp_tls_certificate_write(&certificate, options->certificate_fd);
    if (r == 0)
        r = rp_tls_server_new(server->tls, &certificate, &server->tls_context);
    rp_tls_certificate_free(&certificate);
    return r < 0 ? rp_error_set(err, r, "cannot use the certificate: %s", strerror(-r)) : 0;
}

static int server_init(struct rp_target_server *server, const struct rp_target_options *options,
                       const sigset_t *signals, struct rp_error *err)
{
    int r;

    rp_list_init(&server->conns);
    rp_list_init(&server->exchanges);
    rp_list_init(&server->streams);
    server->random.state = (uint64_t)rp_clock_ns() | 1;
    server->signal_fd = -1;
    server->listener.events = &listener_events;
    r = build_buffers(server);
    if (r < 0)
        return rp_error_set(err, r, "out of memory");
    r = make_loop(server, options->loop, err);
    if (r == 0 && options->tls)
        r = make_tls(server, options, err);
    if (r == 0)
        r = rp_listen(server->loop, &server->listener, options->host ? options->host : "127.0.0.1",
                      options->port, err);
    if (r < 0)
        return r;
    r = watch_ends(server, options, signals);
    return r < 0 ? rp_error_set(err, r, "cannot watch a descriptor: %s", strerror(-r)) : 0;
}

static void server_deinit(struct rp_target_server *server)
{
    RP_LIST_EACH (it, &server->conns) {
        struct rp_target_conn *conn = rp_container_of(it, struct rp_target_conn, all);

        rp_target_ws_leave(conn);
        rp_target_conn_free(conn);
    }
    rp_target_exchanges_free(server);
    rp_target_h2_deinit(server);
    rp_listener_close(&server->listener);
    rp_watch_stop(&server->signal_watch);
    rp_watch_stop(&server->stop_watch);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    rp_ws_shared_deinit(&server->ws_shared);
    rp_tls_context_free(server->tls_context);
    rp_tls_shared_free(server->tls);
    rp_loop_free(server->loop);
    for (size_t i = 0; i < RP_TARGET_CONSTANTS; i++)
        rp_buf_deinit(&server->constants[i]);
    rp_buf_deinit(&server->tx);
    rp_buf_deinit(&server->spare);
    rp_free(server->filler);
}

static int announce(const struct rp_target_server *server, const struct rp_target_options *options,
                    struct rp_error *err)
{
    char name[RP_LISTEN_NAME_MAX], url[RP_LISTEN_NAME_MAX + 8];

    if (!options->ready)
        return 0;
    if (rp_listen_name(&server->listener, name) < 0)
        return rp_error_set(err, -EIO, "cannot tell the address of the server");
    snprintf(url, sizeof(url), "%s://%s", options->tls ? "https" : "http", name);
    return options->ready(options->context, url);
}

static int serve(struct rp_target_server *server, struct rp_error *err)
{
    int r = 0;

    while (r == 0 && !server->is_over)
        r = rp_loop_turn(server->loop, RP_NS_NEVER);
    if (r == 0)
        r = server->error;
    return r < 0 ? rp_error_set(err, r, "the server cannot go on: %s", strerror(-r)) : 0;
}

int rp_target_run(const struct rp_target_options *options, struct rp_error *err)
{
    struct rp_target_server server = { 0 };
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), r; /* the loop changes it */
    sigset_t signals, before;

    sigemptyset(&signals);
    if (options->handle_signals) {
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
    }
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    raise_file_limit();
    r = server_init(&server, options, &signals, err);
    if (r == 0)
        r = announce(&server, options, err);
    if (r == 0)
        r = serve(&server, err);
    if (options->counts)
        *options->counts = server.counts;
    server_deinit(&server);
    prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}
