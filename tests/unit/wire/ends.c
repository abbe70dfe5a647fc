/* SPDX-License-Identifier: MIT */
#include "ends.h"

#include <arpa/inet.h>

#include "wire/wire_internal.h"

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct end *end = rp_container_of(channel, struct end, channel);
    int64_t n;

    assert_int_equal(rp_message_type(message), RP_MSG_LOAD);
    assert_true(rp_field_take_i64(rp_message_get(message, "n"), &n));
    assert_int_equal(n, end->next++);
    end->text_len = rp_field_text(rp_message_get(message, "text")).len;
    assert_int_equal(end->closed, 0);
    if (++end->messages == end->closes_at)
        rp_channel_close(channel);
}

static void on_closed(struct rp_channel *channel, int status)
{
    struct end *end = rp_container_of(channel, struct end, channel);

    assert_null(channel->link);
    end->closed++;
    end->status = status;
}

const struct rp_channel_events end_events = { on_message, on_closed };

int open_end(struct world *world, struct end *end)
{
    int fds[2];

    *end = (struct end){ .closed = 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rp_channel_open(&end->channel, world->loop, fds[0], &end_events), 0);
    return fds[1];
}

static void write_numbered(struct rp_buf *out, int64_t n, size_t text_len)
{
    static char text[1 << 20];

    memset(text, 'x', sizeof(text));
    rp_write_message(out, RP_MSG_LOAD, 2);
    rp_write_key(out, "n");
    rp_write_i64(out, n);
    rp_write_key(out, "text");
    rp_write_slice(out, rp_slice(text, text_len));
}

void append_frame(struct rp_buf *frames, int64_t n, size_t text_len)
{
    struct rp_buf message;
    uint32_t size;

    rp_buf_init(&message, 2 << 20);
    write_numbered(&message, n, text_len);
    size = htonl((uint32_t)message.len);
    rp_buf_append(frames, &size, 4);
    rp_buf_append_slice(frames, rp_buf_slice(&message));
    rp_buf_deinit(&message);
}

int send_numbered(struct end *end, int64_t n, size_t text_len)
{
    write_numbered(rp_channel_begin(&end->channel), n, text_len);
    return rp_channel_end(&end->channel);
}
