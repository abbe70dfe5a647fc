/* SPDX-License-Identifier: MIT */

/*
 * Nanoseconds per response of the HTTP/1 parser, reset to RP_H1_DONE, with the head appended to a reused buffer. Not
 * built by default: ninja -C <build> tests/unit/proto/h1_bench.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "proto/h1.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define NGINX                                                                                      \
    OK "Server: nginx/1.22.1\r\nDate: Tue, 06 May 2025 10:11:12 GMT\r\n"                           \
       "Content-Type: text/plain\r\nContent-Length: 13\r\n"                                        \
       "Last-Modified: Mon, 05 May 2025 09:00:00 GMT\r\nConnection: keep-alive\r\n"                \
       "ETag: \"68187d70-d\"\r\nAccept-Ranges: bytes\r\n\r\n"
#define COOKIE "Set-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; Secure\r\n"

static const struct {
    const char *name;
    struct rp_slice bytes;
} responses[] = {
    { "nginx, 13 bytes of body", RP_SLICE(NGINX "Hello, world\n") },
    { "minimal", RP_SLICE(OK "Content-Length: 2\r\n\r\nok") },
    { "api, long head",
      RP_SLICE(OK "Date: Tue, 06 May 2025 10:11:12 GMT\r\n"
                  "Content-Type: application/json; charset=utf-8\r\nContent-Length: 27\r\n"
                  "Connection: keep-alive\r\nVary: Accept-Encoding, Origin\r\n"
                  "Cache-Control: no-store, no-cache, must-revalidate\r\n"
                  "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
                  "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n" COOKIE COOKIE
                  "X-Request-Id: 7f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8\r\n\r\n"
                  "{\"id\": 1234567, \"ok\": true}") },
    { "chunked", RP_SLICE(OK "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
                             "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n5\r\nhello\r\n0\r\n\r\n") },
};

static uint64_t parse_once(struct rp_slice input, struct rp_buf *head)
{
    struct rp_h1_parser parser;
    struct rp_slice body;
    enum rp_h1_event event;
    uint64_t sum = 0;

    rp_h1_parser_reset(&parser, head, false);
    while ((event = rp_h1_parse(&parser, &input, &body)) != RP_H1_DONE) {
        if (event == RP_H1_ERROR)
            abort();
        if (event == RP_H1_BODY)
            sum += body.len;
    }
    return sum + parser.status;
}

int main(void)
{
    enum { ROUNDS = 9, COUNT = 300000 };
    struct rp_buf head;
    uint64_t sum = 0;

    rp_buf_init(&head, RP_H1_HEAD_MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(responses); i++) {
        double best = 1e9;

        for (int round = 0; round < ROUNDS; round++) {
            rp_ns start = rp_clock_ns();

            for (int n = 0; n < COUNT; n++)
                sum += parse_once(responses[i].bytes, &head);
            double each = (double)(rp_clock_ns() - start) / COUNT;
            best = each < best ? each : best;
        }
        printf("%-24s %4zu bytes %7.1f ns\n", responses[i].name, responses[i].bytes.len, best);
    }
    rp_buf_deinit(&head);
    return sum == 0;
}
