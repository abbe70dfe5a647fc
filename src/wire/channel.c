/* SPDX-License-Identifier: MIT */
#include "wire/channel.h"

#include <errno.h>

#include "base/str.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"

/* ---- its link -------------------------------------------------------------------------------- */

static int received(struct rp_link *link, struct rp_slice bytes)
{
    struct rp_channel *channel = link->user;
    struct rp_message *message;
    int r = rp_message_decode(bytes, &message);

    if (r < 0)
        return r;
    channel->events->message(channel, message);
    rp_message_free(message);
    return 0;
}

static void forget(struct rp_channel *channel)
{
    channel->link = NULL;
    rp_buf_deinit(&channel->draft);
    rp_buf_deinit(&channel->json);
}

static void closed(struct rp_link *link, int status)
{
    struct rp_channel *channel = link->user;

    forget(channel);
    channel->events->closed(channel, status);
}

static const struct rp_link_events link_events = {
    .received = received,
    .closed = closed,
};

void rp_channel_open_link(struct rp_channel *channel, struct rp_link *link,
                          const struct rp_channel_events *events)
{
    link->events = &link_events;
    link->user = channel;
    channel->link = link;
    channel->events = events;
    channel->encoding = RP_MSGPACK;
    rp_buf_init(&channel->draft, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&channel->json, RP_MESSAGE_MAX_BYTES);
}

int rp_channel_open(struct rp_channel *channel, struct rp_loop *loop, int fd,
                    const struct rp_channel_events *events)
{
    int r = rp_socket_link_open(&channel->socket, loop, fd);

    if (r == 0)
        rp_channel_open_link(channel, &channel->socket.link, events);
    return r;
}

void rp_channel_close(struct rp_channel *channel)
{
    struct rp_link *link = channel->link;

    if (!link)
        return;
    forget(channel);
    link->ops->close(link);
}

void rp_channel_receive(struct rp_channel *channel)
{
    if (channel->link)
        channel->link->ops->receive(channel->link);
}

/* ---- encodings ------------------------------------------------------------------------------- */

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

/* ---- sending --------------------------------------------------------------------------------- */

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
    int r;

    if (!channel->link) {
        rp_buf_deinit(&channel->draft); /* closing is over: nobody else would */
        return -EPIPE;
    }
    r = encode(channel, &message);
    return r == 0 ? channel->link->ops->send(channel->link, message) : r;
}

int rp_channel_send(struct rp_channel *channel, enum rp_message_type type, const void *from)
{
    rp_message_write(rp_channel_begin(channel), type, from);
    return rp_channel_end(channel);
}

size_t rp_channel_waiting(const struct rp_channel *channel)
{
    return channel->link ? channel->link->ops->waiting(channel->link) : 0;
}

int rp_channel_drain(struct rp_channel *channel, int timeout_ms)
{
    return channel->link ? channel->link->ops->drain(channel->link, timeout_ms) : 0;
}
