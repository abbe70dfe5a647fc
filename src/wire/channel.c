/* SPDX-License-Identifier: MIT */
#include "wire/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"

enum { READ_SIZE = 64 * 1024, FRAME_HEAD = 4 };

static void ready(struct rp_watch *watch, unsigned events);

int rp_channel_open(struct rp_channel *channel, struct rp_loop *loop, int fd,
                    const struct rp_channel_events *events)
{
    int flags = fcntl(fd, F_GETFL);
    int r;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    channel->events = events;
    channel->loop = loop;
    channel->out_sent = 0;
    rp_buf_init(&channel->in, FRAME_HEAD + RP_MESSAGE_MAX_BYTES + READ_SIZE);
    rp_buf_init(&channel->out, RP_CHANNEL_MAX);
    rp_buf_init(&channel->draft, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&channel->json, RP_MESSAGE_MAX_BYTES);
    channel->encoding = RP_MSGPACK;
    r = rp_watch_start(loop, &channel->watch, fd, RP_READABLE, ready);
    channel->fd = r < 0 ? -1 : fd;
    return r;
}

void rp_channel_close(struct rp_channel *channel)
{
    if (!channel->events || channel->fd < 0)
        return;
    rp_watch_stop(&channel->watch);
    close(channel->fd);
    channel->fd = -1;
    rp_buf_deinit(&channel->in);
    rp_buf_deinit(&channel->out);
    rp_buf_deinit(&channel->draft);
    rp_buf_deinit(&channel->json);
}

static void broken(struct rp_channel *channel, int status)
{
    rp_channel_close(channel);
    channel->events->closed(channel, status);
}

static size_t unsent(const struct rp_channel *channel)
{
    return channel->out.len - channel->out_sent;
}

/* Moves what is left to the front once it is the smaller part: each byte is moved once at most. */
static void compact(struct rp_channel *channel)
{
    if (channel->out_sent < channel->out.len / 2)
        return;
    rp_buf_consume(&channel->out, channel->out_sent);
    channel->out_sent = 0;
}

/* Writes what the kernel takes. 0, or -errno when the peer is gone. */
static int flush(struct rp_channel *channel)
{
    int r = 0;

    while (unsent(channel)) {
        ssize_t n = send(channel->fd, channel->out.data + channel->out_sent, unsent(channel),
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            r = errno == EAGAIN ? 0 : -errno;
            break;
        }
        channel->out_sent += (size_t)n;
    }
    compact(channel);
    return r;
}

static void update_watch(struct rp_channel *channel)
{
    unsigned wanted = RP_READABLE | (unsent(channel) ? RP_WRITABLE : 0);

    /* What is left is tried again by the next send, should the watch not be changeable. */
    if (channel->watch.wanted != wanted &&
        rp_watch_start(channel->loop, &channel->watch, channel->fd, wanted, ready) < 0)
        channel->watch.wanted = RP_READABLE;
}

/* Hands over every complete message; the callback may close the channel. 0 or -EBADMSG. */
static int deliver(struct rp_channel *channel)
{
    size_t at = 0;
    int r = 0;

    while (channel->fd >= 0 && channel->in.len - at >= FRAME_HEAD) {
        struct rp_message *message;
        uint32_t size;

        memcpy(&size, channel->in.data + at, FRAME_HEAD);
        size = ntohl(size);
        if (size > RP_MESSAGE_MAX_BYTES)
            return -EBADMSG;
        if (channel->in.len - at - FRAME_HEAD < size)
            break;
        r = rp_message_decode(rp_slice(channel->in.data + at + FRAME_HEAD, size), &message);
        if (r < 0)
            return r;
        at += FRAME_HEAD + size;
        channel->events->message(channel, message);
        rp_message_free(message);
    }
    if (channel->fd >= 0)
        rp_buf_consume(&channel->in, at);
    return 0;
}

void rp_channel_receive(struct rp_channel *channel)
{
    int r = 0;

    while (channel->events && channel->fd >= 0) {
        ssize_t n;

        if (rp_buf_reserve(&channel->in, READ_SIZE) < 0) {
            broken(channel, channel->in.error);
            return;
        }
        n = read(channel->fd, channel->in.data + channel->in.len, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0) {
            channel->in.len += (size_t)n;
            channel->in.data[channel->in.len] = '\0';
            r = deliver(channel);
        }
        if (n <= 0 || r < 0) {
            broken(channel, n < 0 ? -errno : r);
            return;
        }
    }
}

static void ready(struct rp_watch *watch, unsigned events)
{
    struct rp_channel *channel = rp_container_of(watch, struct rp_channel, watch);
    int r;

    if (events & RP_READABLE)
        rp_channel_receive(channel);
    if (channel->fd < 0 || !(events & RP_WRITABLE))
        return;
    r = flush(channel);
    if (r == 0)
        update_watch(channel);
    else
        rp_channel_receive(channel); /* what the peer said before it went */
    if (channel->fd >= 0 && r < 0)
        broken(channel, r);
}

void rp_channel_use(struct rp_channel *channel, enum rp_encoding encoding)
{
    channel->encoding = encoding;
}

/* A worker that says nothing about it has MessagePack. */
static bool offers(const struct rp_msg_hello *hello, enum rp_encoding encoding)
{
    for (size_t i = 0; i < hello->encodings.count; i++) {
        struct rp_slice name;

        if (rp_msg_list_get(&hello->encodings, i, &name) == 0 &&
            rp_slice_eq_str(name, rp_encoding_name(encoding)))
            return true;
    }
    return !hello->encodings.count && encoding == RP_MSGPACK;
}

int rp_channel_negotiate(struct rp_channel *channel, const struct rp_msg_hello *hello,
                         const char *wanted, struct rp_error *err)
{
    const char *names[RP_ENCODING_COUNT];
    bool any = !wanted || !*wanted, is_known = any;

    for (int i = 0; i < RP_ENCODING_COUNT; i++) {
        names[i] = rp_encoding_name((enum rp_encoding)i);
        if (!any && strcmp(wanted, names[i]) != 0)
            continue;
        is_known = true;
        if (offers(hello, (enum rp_encoding)i)) {
            rp_channel_use(channel, (enum rp_encoding)i);
            return 0;
        }
    }
    if (is_known)
        return rp_error_set(err, -RP_EUSER, "the worker does not have the encoding %s of messages",
                            any ? "msgpack or json" : wanted);
    rp_error_set(err, -RP_EUSER, "'%s' is not an encoding; RAMPA_WIRE may be msgpack or json",
                 wanted);
    rp_error_suggest(err, rp_suggest(rp_slice_str(wanted), names, RP_ENCODING_COUNT));
    return -RP_EUSER;
}

struct rp_buf *rp_channel_begin(struct rp_channel *channel)
{
    rp_buf_reset(&channel->draft);
    return &channel->draft;
}

/* The draft as it goes out. */
static int encode(struct rp_channel *channel, struct rp_slice *ret)
{
    int r = channel->draft.error;

    if (r == 0 && channel->encoding == RP_JSON) {
        rp_buf_reset(&channel->json);
        r = rp_message_to_json(rp_buf_slice(&channel->draft), &channel->json);
        *ret = rp_buf_slice(&channel->json);
    } else {
        *ret = rp_buf_slice(&channel->draft);
    }
    return r;
}

int rp_channel_end(struct rp_channel *channel)
{
    struct rp_slice message;
    uint32_t size;
    int r;

    if (channel->fd < 0) {
        rp_buf_deinit(&channel->draft); /* closing is over: nobody else would */
        return -EPIPE;
    }
    r = encode(channel, &message);
    if (r == 0)
        r = rp_buf_reserve(&channel->out, FRAME_HEAD + message.len);
    if (r < 0)
        return r;
    size = htonl((uint32_t)message.len);
    rp_buf_append(&channel->out, &size, FRAME_HEAD);
    rp_buf_append_slice(&channel->out, message);
    r = flush(channel);
    update_watch(channel);
    return r;
}

int rp_channel_send(struct rp_channel *channel, enum rp_message_type type, const void *from)
{
    rp_message_write(rp_channel_begin(channel), type, from);
    return rp_channel_end(channel);
}

int rp_channel_drain(struct rp_channel *channel, int timeout_ms)
{
    struct pollfd wait = { .fd = channel->fd, .events = POLLOUT };

    while (channel->fd >= 0 && unsent(channel)) {
        int r = flush(channel);

        if (r < 0)
            return r;
        if (unsent(channel) && poll(&wait, 1, timeout_ms) <= 0)
            return -ETIMEDOUT;
    }
    return 0;
}
