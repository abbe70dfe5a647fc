/* SPDX-License-Identifier: MIT */
#include "fake_wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/* ---- more than anybody reads at once ---- */

static void fill(struct rp_buf *frames, size_t least)
{
    struct rp_buf message;
    uint32_t size;

    rp_buf_init(&message, 1024);
    rp_message_write(&message, RP_MSG_WARNING,
                     &(struct rp_msg_warning){ .text = RP_SLICE("much"), .count = 1 });
    size = htonl((uint32_t)message.len);
    rp_buf_init(frames, least + 1024);
    while (frames->len < least) {
        rp_buf_append(frames, &size, 4);
        rp_buf_append_slice(frames, rp_buf_slice(&message));
    }
    rp_buf_deinit(&message);
}

static void write_all(const struct rp_buf *frames)
{
    for (size_t done = 0; done < frames->len;) {
        ssize_t n = write(3, frames->data + done, frames->len - done);

        if (n <= 0)
            _exit(99);
        done += (size_t)n;
    }
}

void say_much(void)
{
    int room = 1 << 20;
    socklen_t len = sizeof(room);
    struct rp_buf frames;

    if (setsockopt(3, SOL_SOCKET, SO_SNDBUF, &room, len) < 0 ||
        getsockopt(3, SOL_SOCKET, SO_SNDBUF, &room, &len) < 0)
        _exit(99);
    fill(&frames, 16000);
    for (size_t said = 0; said < (size_t)room * 4 / 5; said += frames.len)
        write_all(&frames);
    rp_buf_deinit(&frames);
}

void flood(void)
{
    struct rp_buf frames;

    fill(&frames, 256 * 1024);
    alarm(FLOOD_S);
    for (;;)
        write_all(&frames);
}
