/* SPDX-License-Identifier: MIT */

/* The running server: memory per request, each allocation failing once, the end of a run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "target/target.h"

static const char *const loops[] = { "epoll", "io_uring" }; /* each that can be used here */

static bool is_usable(const char *loop)
{
    const struct rp_loop_ops *ops;

    return rp_loop_pick(loop, &ops, NULL) == 0;
}

struct run {
    int (*client)(int port, struct run *run); /* runs in a thread of its own; 0 = all went well */
    const char *loop;                         /* NULL = the best */
    int stop_fd, port, result;
    bool started;
    pthread_t thread;
    struct rp_target_counts counts;
};

static void *run_client(void *context)
{
    struct run *run = context;
    uint64_t one = 1;

    run->result = run->client(run->port, run);
    if (write(run->stop_fd, &one, sizeof(one)) != sizeof(one))
        abort();
    return NULL;
}

static int start_client(void *context, const char *url)
{
    struct run *run = context;

    if (strncmp(url, "http://127.0.0.1:", 17) != 0)
        return -EINVAL;
    run->port = atoi(url + 17);
    run->started = true;
    return -pthread_create(&run->thread, NULL, run_client, run);
}

static int serve(struct run *run, struct rp_error *err)
{
    struct rp_target_options options = {
        .loop = run->loop, .ready = start_client, .context = run, .counts = &run->counts
    };
    int code;

    run->stop_fd = options.stop_fd = eventfd(0, EFD_CLOEXEC);
    code = rp_target_run(&options, err);
    if (run->started)
        pthread_join(run->thread, NULL);
    close(run->stop_fd);
    return code;
}

static int dial(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 60 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Reads until what was read ends in @end. */
static bool hear(int fd, const char *end)
{
    static _Thread_local char seen[65536];
    size_t len = 0, end_len = strlen(end);

    while (len < sizeof(seen)) {
        ssize_t got = recv(fd, seen + len, sizeof(seen) - len, 0);

        if (got <= 0)
            return false;
        len += (size_t)got;
        if (len >= end_len && memcmp(seen + len - end_len, end, end_len) == 0)
            return true;
    }
    return false;
}

/* Something of everything that owns memory: a head and a body in pieces, a delay, a body that is composed. */
static int ask_all(int port, struct run *run)
{
    int fd = dial(port);
    bool is_good = fd >= 0 && say(fd, "GET /delay/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /sta") &&
                   hear(fd, "ok\n") && say(fd, "tus/503 HTTP/1.1\r\nHost: h\r\n\r\n") &&
                   hear(fd, "503 Service Unavailable\n") &&
                   say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc") &&
                   say(fd, "def") && hear(fd, "abcdef") &&
                   say(fd, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") &&
                   hear(fd, "</p>\n");

    if (fd >= 0)
        close(fd);
    return is_good ? 0 : -1;
}

static bool say_frame(int fd, char type, char flags, char stream, struct rp_slice payload)
{
    const char head[9] = { 0, 0, (char)payload.len, type, flags, 0, 0, 0, stream };

    return send(fd, head, sizeof(head), MSG_NOSIGNAL) == sizeof(head) &&
           send(fd, payload.ptr, payload.len, MSG_NOSIGNAL) == (ssize_t)payload.len;
}

/* The same over HTTP/2. The fields are written as HPACK does without a table of its own. */
static int ask_all_by_streams(int port, struct run *run)
{
    enum { DATA, HEADERS, SETTINGS = 4, END_STREAM = 1, END_HEADERS = 4 };
    int fd = dial(port);
    bool is_good =
        fd >= 0 && say(fd, "PRI * HTTP/2.0\r\n\r\nSM") && say(fd, "\r\n\r\n") &&
        say_frame(fd, SETTINGS, 0, 0, RP_SLICE("")) &&
        say_frame(fd, HEADERS, END_HEADERS | END_STREAM, 1,
                  RP_SLICE("\x82\x86\x04\x08/delay/1\x01\x01h")) &&
        hear(fd, "ok\n") &&
        say_frame(fd, HEADERS, END_HEADERS | END_STREAM, 3,
                  RP_SLICE("\x82\x86\x04\x0b/status/503\x01\x01h")) &&
        hear(fd, "503 Service Unavailable\n") &&
        say_frame(fd, HEADERS, END_HEADERS, 5, RP_SLICE("\x83\x86\x04\x05/echo\x01\x01h")) &&
        say_frame(fd, DATA, 0, 5, RP_SLICE("abc")) &&
        say_frame(fd, DATA, END_STREAM, 5, RP_SLICE("def")) && hear(fd, "abcdef") &&
        say_frame(fd, HEADERS, END_HEADERS | END_STREAM, 7, RP_SLICE("\x82\x86\x84\x01\x01h")) &&
        hear(fd, "</p>\n");

    if (fd >= 0)
        close(fd);
    return is_good ? 0 : -1;
}

/* Every one that fails is felt. One that fails while io_uring is tried out makes it unusable, which is a user's error. */
static void fail_every_allocation(const char *loop, int (*client)(int port, struct run *run))
{
    uint64_t n = 0;
    int code, failures = 0;
    struct run run;

    do {
        struct rp_error err = { 0 };

        run = (struct run){ .client = client, .loop = loop };
        rp_alloc_fail_at(++n);
        code = serve(&run, &err);
        rp_alloc_fail_at(0);
        assert_true(code == 0 || code == -ENOMEM ||
                    (code == -RP_EUSER && strcmp(loop, "io_uring") == 0));
        failures += code != 0 || run.result != 0;
        rp_error_deinit(&err);
    } while (n < 100 && (code != 0 || run.result != 0));
    assert_int_equal(code, 0);
    assert_int_equal(run.result, 0);
    assert_true(failures >= 8);
    assert_int_equal(failures, n - 1);
    assert_int_equal(run.counts.requests, 4);
    assert_int_equal(run.counts.connections, 1);
}

static void every_allocation_may_fail(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(loops); i++) {
        if (!is_usable(loops[i]))
            continue;
        fail_every_allocation(loops[i], ask_all);
        fail_every_allocation(loops[i], ask_all_by_streams);
    }
}

static bool ask_many(int fd, int times)
{
    for (int i = 0; i < times; i++) {
        if (!say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") || !hear(fd, "</p>\n") ||
            !say(fd, "GET /status/418 HTTP/1.1\r\nHost: h\r\n\r\n") || !hear(fd, "Teapot\n") ||
            !say(fd, "GET /bytes/100 HTTP/1.1\r\nHost: h\r\n\r\n") || !hear(fd, "stuv") ||
            !say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345") ||
            !hear(fd, "12345") || !say(fd, "GET /delay/0.01 HTTP/1.1\r\nHost: h\r\n\r\n") ||
            !hear(fd, "ok\n"))
            return false;
    }
    return true;
}

static int count_allocations(int port, struct run *run)
{
    int fd = dial(port);
    uint64_t before;

    if (fd < 0 || !ask_many(fd, 2))
        return -1;
    before = rp_alloc_count();
    if (!ask_many(fd, 50))
        return -2;
    close(fd);
    return (int)(rp_alloc_count() - before);
}

static void a_request_allocates_nothing(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(loops); i++) {
        struct run run = { .client = count_allocations, .loop = loops[i] };

        if (!is_usable(loops[i]))
            continue;
        assert_int_equal(serve(&run, NULL), 0);
        assert_int_equal(run.result, 0);
        assert_int_equal(run.counts.requests, 52 * 5);
    }
}

static int raise_signal(void *context, const char *url)
{
    return kill(getpid(), *(int *)context) < 0 ? -errno : 0;
}

static void signals_end_the_run(void **state)
{
    int numbers[] = { SIGINT, SIGTERM };

    for (int i = 0; i < 2; i++) {
        struct rp_target_options options = { .handle_signals = true,
                                             .ready = raise_signal,
                                             .context = &numbers[i] };
        sigset_t now;

        assert_int_equal(rp_target_run(&options, NULL), 0);
        pthread_sigmask(SIG_SETMASK, NULL, &now);
        assert_false(sigismember(&now, numbers[i]));
    }
}

static int refuse_to_start(void *context, const char *url)
{
    return -ECANCELED;
}

static void the_caller_may_refuse(void **state)
{
    struct rp_target_options options = { .ready = refuse_to_start };

    assert_int_equal(rp_target_run(&options, NULL), -ECANCELED);
}

static int listen_again(int port, struct run *run)
{
    struct rp_target_options options = { .port = (uint16_t)port };
    struct rp_error err = { 0 };
    int code = rp_target_run(&options, &err);
    bool is_good = code == -RP_EUSER && err.message && strstr(err.message, "127.0.0.1") && err.hint;

    rp_error_deinit(&err);
    return is_good ? 0 : -1;
}

static void a_taken_port_is_a_users_error(void **state)
{
    struct run run = { .client = listen_again };
    struct rp_target_options options = { .host = "no.such.host.invalid" };
    struct rp_error err = { 0 };

    assert_int_equal(serve(&run, NULL), 0);
    assert_int_equal(run.result, 0);
    assert_int_equal(rp_target_run(&options, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "no.such.host.invalid"));
    rp_error_deinit(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_request_allocates_nothing),
        cmocka_unit_test(signals_end_the_run),
        cmocka_unit_test(the_caller_may_refuse),
        cmocka_unit_test(a_taken_port_is_a_users_error),
    };

    return cmocka_run_group_tests_name("target: serving", tests, NULL, NULL);
}
