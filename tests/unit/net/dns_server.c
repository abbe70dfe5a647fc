/* SPDX-License-Identifier: MIT */
#include "dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, NXDOMAIN = 3, SERVFAIL = 2 };

struct reply {
    unsigned char bytes[1024];
    size_t len;
    int answers;
};

static void put16(struct reply *reply, unsigned value)
{
    reply->bytes[reply->len++] = (unsigned char)(value >> 8);
    reply->bytes[reply->len++] = (unsigned char)value;
}

/* A record of the name at @name_offset of the message. */
static void put_record(struct reply *reply, unsigned name_offset, unsigned type, uint32_t ttl,
                       const void *data, size_t len)
{
    put16(reply, 0xc000 | name_offset);
    put16(reply, type);
    put16(reply, 1);
    put16(reply, ttl >> 16);
    put16(reply, ttl & 0xffff);
    put16(reply, (unsigned)len);
    memcpy(reply->bytes + reply->len, data, len);
    reply->len += len;
    reply->answers++;
}

static void put_a(struct reply *reply, unsigned name_offset, uint32_t ttl, unsigned last)
{
    unsigned char address[4] = { 127, 0, 0, (unsigned char)last };

    put_record(reply, name_offset, TYPE_A, ttl, address, sizeof(address));
}

static bool is_wild(const char *name)
{
    const char *end = strstr(name, ".wild.test");

    return end && strlen(end) == 10;
}

static void answer_a(struct reply *reply, const char *name)
{
    if (strcmp(name, "one.test") == 0 || strcmp(name, "two.test") == 0 ||
        strcmp(name, "four.test") == 0 || is_wild(name))
        put_a(reply, 12, 60, 1);
    if (strcmp(name, "two.test") == 0)
        put_a(reply, 12, 60, 2);
    if (strcmp(name, "both.test") == 0)
        put_a(reply, 12, 60, 3);
    if (strcmp(name, "zero.test") == 0)
        put_a(reply, 12, 0, 1);
    if (strcmp(name, "year.test") == 0)
        put_a(reply, 12, 31536000, 1);
    for (unsigned i = 1; strcmp(name, "many.test") == 0 && i <= 20; i++)
        put_a(reply, 12, 60, i);
    if (strcmp(name, "alias.test") == 0) {
        unsigned target = (unsigned)reply->len + 12;

        put_record(reply, 12, TYPE_CNAME, 60, "\003one\004test", 10);
        put_a(reply, target, 60, 1);
    }
}

/* The response code; fills in the answers. -1 = none is sent. */
static int answer(struct reply *reply, const char *name, unsigned type)
{
    static const char *const known[] = { "one.test",   "two.test",   "six.test",  "both.test",
                                         "many.test",  "alias.test", "zero.test", "year.test",
                                         "empty.test", "four.test",  "sixth.test" };
    static const unsigned char loopback[16] = { [15] = 1 };

    if (strcmp(name, "silent.test") == 0 || (strcmp(name, "four.test") == 0 && type == TYPE_AAAA) ||
        (strcmp(name, "sixth.test") == 0 && type == TYPE_A))
        return -1;
    if (strcmp(name, "fail.test") == 0)
        return SERVFAIL;
    if (type == TYPE_A)
        answer_a(reply, name);
    if (type == TYPE_AAAA && (strcmp(name, "six.test") == 0 || strcmp(name, "sixth.test") == 0 ||
                              strcmp(name, "both.test") == 0))
        put_record(reply, 12, TYPE_AAAA, 60, loopback, sizeof(loopback));
    for (size_t i = 0; i < RP_ARRAY_LEN(known); i++) {
        if (strcmp(name, known[i]) == 0)
            return 0;
    }
    return is_wild(name) ? 0 : NXDOMAIN;
}

/* The name at offset 12 as dotted text; returns the offset behind it. */
static size_t read_name(const unsigned char *query, size_t len, char *name)
{
    size_t at = 12;

    while (at < len && query[at] != 0) {
        size_t label = query[at];

        if (at + label + 1 >= len)
            abort();
        memcpy(name, query + at + 1, label);
        name += label;
        *name++ = '.';
        at += label + 1;
    }
    name[-(at > 12)] = '\0';
    return at + 1;
}

static void on_query(struct rp_watch *watch, unsigned ready)
{
    struct dns_server *server = rp_container_of(watch, struct dns_server, watch);
    unsigned char query[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(watch->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from,
                           &from_len);
    struct reply reply = { .len = 0 };
    char name[512];
    size_t end;
    int code;

    if (len < 17)
        return;
    server->queries++;
    end = read_name(query, (size_t)len, name) + 4;
    memcpy(reply.bytes, query, end);
    reply.len = end;
    code = answer(&reply, name, (unsigned)(query[end - 4] << 8 | query[end - 3]));
    if (code < 0)
        return;
    reply.bytes[2] = 0x81; /* a response, recursion desired */
    reply.bytes[3] = (unsigned char)(0x80 | code);
    reply.bytes[7] = (unsigned char)reply.answers;
    memset(reply.bytes + 8, 0, 4);
    if (sendto(watch->fd, reply.bytes, reply.len, 0, (struct sockaddr *)&from, from_len) < 0)
        abort();
}

void dns_server_start(struct dns_server *server, struct rp_loop *loop)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    *server = (struct dns_server){ .queries = 0 };
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
        rp_watch_start(loop, &server->watch, fd, RP_READABLE, on_query) < 0)
        abort();
    snprintf(server->csv, sizeof(server->csv), "127.0.0.1:%d", ntohs(addr.sin_port));
}

void dns_server_stop(struct dns_server *server)
{
    int fd = server->watch.fd;

    rp_watch_stop(&server->watch);
    close(fd);
}
