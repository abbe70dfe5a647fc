/* SPDX-License-Identifier: MIT */

/*
 * What the loop itself costs: keep-alive connections that repeat one GET and know a response by its length alone.
 *
 *   loop_bench epoll|io_uring PORT CONNECTIONS SECONDS [PATH]
 *
 * Prints requests, requests/s and the process's CPU microseconds a request. Pin it and the server to different cores.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "loop/loop.h"

struct bench {
    char request[512];
    size_t request_len;
    size_t response_len; /* learnt from the first response */
    uint64_t responses;
    bool is_over;
};

struct connection {
    struct rp_stream stream;
    struct bench *bench;
    size_t got;
    rp_ns latency;
};

static void ask(struct connection *c)
{
    c->got = 0;
    if (rp_stream_send(&c->stream, c->bench->request, c->bench->request_len, NULL, 0) < 0)
        abort();
}

static void on_connected(struct rp_stream *stream, int status)
{
    if (status < 0) {
        fprintf(stderr, "connect: %s\n", strerror(-status));
        exit(1);
    }
    ask(rp_container_of(stream, struct connection, stream));
}

static size_t response_len(const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    const char *field = memmem(data, len, "Content-Length:", 15);

    if (!end || !field) {
        fprintf(stderr, "the first response must come at once and have a Content-Length\n");
        exit(1);
    }
    return (size_t)(end + 4 - data) + strtoul(field + 15, NULL, 10);
}

static void on_data(struct rp_stream *stream, const char *data, size_t len, rp_ns at)
{
    struct connection *c = rp_container_of(stream, struct connection, stream);
    struct bench *bench = c->bench;

    if (!bench->response_len)
        bench->response_len = response_len(data, len);
    c->got += len;
    if (c->got < bench->response_len)
        return;
    c->latency += at - stream->traffic.send_began;
    bench->responses++;
    if (!bench->is_over)
        ask(c);
}

static void on_ended(struct rp_stream *stream, int status, rp_ns at)
{
    fprintf(stderr, "ended: %s\n", strerror(-status));
    exit(1);
}

static const struct rp_stream_events events = { on_connected, on_data, on_ended };

static void time_is_over(struct rp_timer *timer, rp_ns now)
{
    timer->fn = NULL;
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void run(struct rp_loop *loop, struct bench *bench, const struct sockaddr_in *addr,
                int count, double seconds)
{
    struct connection *all = rp_calloc((size_t)count, sizeof(*all));
    struct rp_timer timer = { 0 };
    double cpu = cpu_us();
    rp_ns began = rp_clock_ns(), latency = 0;
    int r = all ? 0 : -1;

    for (int i = 0; r == 0 && i < count; i++) {
        all[i].bench = bench;
        all[i].stream.events = &events;
        r = rp_stream_connect(loop, &all[i].stream, (const struct sockaddr *)addr, sizeof(*addr),
                              NULL, 0);
    }
    rp_timer_arm(loop, &timer, began + (rp_ns)(seconds * 1e9), time_is_over);
    while (r == 0 && timer.fn)
        r = rp_loop_turn(loop, RP_NS_NEVER);
    cpu = cpu_us() - cpu;
    if (r < 0) {
        fprintf(stderr, "failed: %s\n", strerror(-r));
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        latency += all[i].latency;
        rp_stream_close(&all[i].stream, true);
    }
    printf("%-8s %9llu requests %8.0f/s %6.3f us CPU/request %7.1f us mean latency\n",
           rp_loop_ops_name(rp_loop_ops_of(loop)), (unsigned long long)bench->responses,
           (double)bench->responses * 1e9 / (double)(rp_clock_ns() - began),
           cpu / (double)bench->responses, (double)latency / 1e3 / (double)bench->responses);
    rp_free(all);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct rp_loop_ops *ops;
    struct rp_error err = { 0 };
    struct rp_loop *loop;
    struct bench bench = { 0 };

    if (argc < 5) {
        fprintf(stderr, "usage: loop_bench epoll|io_uring PORT CONNECTIONS SECONDS [PATH]\n");
        return 2;
    }
    if (rp_loop_pick(argv[1], &ops, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    if (rp_loop_new(ops, &loop) < 0)
        return 1;
    addr.sin_port = htons((uint16_t)atoi(argv[2]));
    bench.request_len = (size_t)snprintf(bench.request, sizeof(bench.request),
                                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                                         argc > 5 ? argv[5] : "/");
    run(loop, &bench, &addr, atoi(argv[3]), atof(argv[4]));
    rp_loop_free(loop);
    return 0;
}
