/* SPDX-License-Identifier: MIT */
#include "fake_wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum rp_encoding heard;
rp_ns heard_at;
char heard_adjust[80];

static void send_frame(struct rp_slice message)
{
    uint32_t size = htonl((uint32_t)message.len);

    if (write(3, &size, 4) != 4 || write(3, message.ptr, message.len) != (ssize_t)message.len)
        _exit(99);
}

void say(enum rp_message_type type, const void *from)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 20);
    rp_message_write(&out, type, from);
    if (out.error)
        _exit(99);
    send_frame(rp_buf_slice(&out));
    rp_buf_deinit(&out);
}

void say_json(const char *json)
{
    send_frame(rp_slice_str(json));
}

static void read_all(void *data, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = read(3, (char *)data + got, len - got);

        if (n <= 0)
            exit(0); /* the coordinator is gone */
        got += (size_t)n;
    }
}

static rp_ns start_of(const struct rp_message *message)
{
    struct rp_msg_start start;

    if (rp_message_read(message, &start) < 0)
        _exit(96);
    return start.at;
}

static void note_adjust(const struct rp_message *message)
{
    struct rp_msg_adjust told;

    if (rp_message_read(message, &told) < 0)
        _exit(96);
    snprintf(heard_adjust, sizeof(heard_adjust), "%.*s %s %g %lld%s", (int)told.scenario.len,
             told.scenario.ptr, rp_adjusted_name(told.what), told.value, (long long)told.at,
             told.hold ? " hold" : "");
}

enum rp_message_type receive(void)
{
    static char bytes[1 << 20];
    struct rp_message *message;
    enum rp_message_type type;
    uint32_t size;

    read_all(&size, 4);
    size = ntohl(size);
    if (size > sizeof(bytes))
        _exit(98);
    read_all(bytes, size);
    if (rp_message_decode(rp_slice(bytes, size), &message) < 0)
        _exit(97);
    type = rp_message_type(message);
    heard = rp_message_encoding(message);
    if (type == RP_MSG_START)
        heard_at = start_of(message);
    if (type == RP_MSG_ADJUST)
        note_adjust(message);
    rp_message_free(message);
    return type;
}
