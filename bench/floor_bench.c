/* SPDX-License-Identifier: MIT */

/*
 * The floor: what the bare system calls of a request cost here. Sends a fixed request on each of some connections, receives
 * what comes, and sends again; nothing is parsed, nothing is measured, nothing is recorded. No client of the same kernel
 * that speaks HTTP over its TCP can need less, except for what io_uring saves of receiving.
 *
 *   BUILD/tests/unit/loop/floor_bench PORT CONNECTIONS REQUESTS     (a server on 127.0.0.1, such as rampa target)
 *   BUILD/tests/unit/loop/floor_bench PORT CONNECTIONS MESSAGES BYTES   the same by WebSockets at /ws that send texts back
 *
 * Prints the processor time of a request and of its parts. An answer has to fit one segment.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"

enum {
    CONNECTIONS_MAX = 16384,
    EVENTS = 512,
    ANSWER_MAX = 16384,
    BYTES_MIN = 126,
    BYTES_MAX = 8192
};

static const char get[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
static const char upgrade[] =
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static char request[BYTES_MAX + 8];
static size_t request_len;

struct costs {
    rp_ns send, receive, wait;
    long turns;
};

static void must(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static void make_get(void)
{
    request_len = sizeof(get) - 1;
    memcpy(request, get, request_len);
}

/* A text of @bytes, with a mask of zeros. */
static void make_text(size_t bytes)
{
    request[0] = (char)0x81;
    request[1] = (char)(0x80 | 126);
    request[2] = (char)(bytes >> 8);
    request[3] = (char)bytes;
    memset(request + 8, 'x', bytes);
    request_len = 8 + bytes;
}

static void become_websocket(int fd)
{
    char answer[ANSWER_MAX];
    size_t len = 0;

    must(send(fd, upgrade, sizeof(upgrade) - 1, MSG_NOSIGNAL) > 0, "send");
    while (!memmem(answer, len, "\r\n\r\n", 4)) {
        ssize_t got = recv(fd, answer + len, sizeof(answer) - len, 0);

        must(got > 0, "recv");
        len += (size_t)got;
    }
    if (strncmp(answer, "HTTP/1.1 101", 12) == 0)
        return;
    fprintf(stderr, "the server has no WebSocket at /ws\n");
    exit(1);
}

static int open_one(int epoll, int port, bool is_websocket)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN | (uint32_t)EPOLLET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    must(fd >= 0, "socket");
    must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
    if (is_websocket)
        become_websocket(fd);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
    event.data.fd = fd;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    return fd;
}

/* One turn: waits, receives all, sends all. The clock is read between the parts, not between the calls. */
static int turn(int epoll, struct costs *costs)
{
    static struct epoll_event events[EVENTS];
    static char answer[ANSWER_MAX];
    rp_ns start = rp_clock_ns(), at;
    int count = epoll_wait(epoll, events, EVENTS, -1);

    must(count > 0, "epoll_wait");
    at = rp_clock_ns();
    costs->wait += at - start;
    for (int i = 0; i < count; i++)
        must(recv(events[i].data.fd, answer, sizeof(answer), 0) > 0, "recv");
    start = rp_clock_ns();
    costs->receive += start - at;
    for (int i = 0; i < count; i++)
        must(send(events[i].data.fd, request, request_len, MSG_NOSIGNAL) > 0, "send");
    costs->send += rp_clock_ns() - start;
    costs->turns++;
    return count;
}

static double cpu_us(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e6 +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

static long run(int epoll, long requests, struct costs *costs)
{
    long done = 0;

    while (done < requests)
        done += turn(epoll, costs);
    return done;
}

int main(int argc, char **argv)
{
    struct costs costs = { 0 };
    struct rusage before, after;
    int epoll = epoll_create1(EPOLL_CLOEXEC), connections;
    double done;

    if (argc < 4 || argc > 5 || (connections = atoi(argv[2])) < 1 ||
        connections > CONNECTIONS_MAX ||
        (argc == 5 && (atoi(argv[4]) < BYTES_MIN || atoi(argv[4]) > BYTES_MAX))) {
        fprintf(stderr,
                "usage: floor_bench PORT CONNECTIONS REQUESTS [BYTES of a WebSocket's text, %d to "
                "%d]\n",
                BYTES_MIN, BYTES_MAX);
        return 2;
    }
    if (argc == 5)
        make_text((size_t)atoi(argv[4]));
    else
        make_get();
    for (int i = 0; i < connections; i++)
        must(send(open_one(epoll, atoi(argv[1]), argc == 5), request, request_len, 0) > 0, "send");
    getrusage(RUSAGE_SELF, &before);
    done = (double)run(epoll, atol(argv[3]), &costs);
    getrusage(RUSAGE_SELF, &after);
    printf("%.0f requests, %.2f us each; send %.2f, receive %.2f, wait (sleep included) %.2f; %.1f "
           "a turn\n",
           done, (cpu_us(&after) - cpu_us(&before)) / done, (double)costs.send / 1e3 / done,
           (double)costs.receive / 1e3 / done, (double)costs.wait / 1e3 / done,
           done / (double)costs.turns);
    return 0;
}
