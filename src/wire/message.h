/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/message.h - a message between a coordinator and a worker, as it comes: a map with a `type`.
 * There are two encodings, MessagePack and JSON, and a message's first byte says which one it is. A
 * frame on a channel is a 32-bit big-endian length and one message.
 *
 * wire/messages.h has the fields of every message, and docs/internals/messages.md what they mean.
 */

#include "base/compiler.h"
#include "base/slice.h"

enum rp_message_type {
    RP_MSG_NONE,
    /* down */
    RP_MSG_LOAD,
    RP_MSG_PLAN,
    RP_MSG_SETUP,
    RP_MSG_SHARE, /* what setup() returned, to the other workers */
    RP_MSG_START,
    RP_MSG_STOP,
    RP_MSG_PAUSE,
    RP_MSG_RESUME,
    RP_MSG_TEARDOWN,
    RP_MSG_EXIT,
    RP_MSG_ADJUST, /* another load from a moment on */
    /* up */
    RP_MSG_HELLO,
    RP_MSG_DECLARED,
    RP_MSG_FAILED,
    RP_MSG_READY,
    RP_MSG_HOOK_ENDED,
    RP_MSG_DEFINE,
    RP_MSG_DELTA,
    RP_MSG_SAMPLES,    /* one by one, when they were asked for */
    RP_MSG_UNFINISHED, /* requests that were interrupted */
    RP_MSG_EXCHANGE,   /* a failed request and what came back */
    RP_MSG_SHOWN,      /* a request that is to be shown */
    RP_MSG_STATE,      /* how far the scenarios are, once a second */
    RP_MSG_WARNING,
    RP_MSG_ABORT,
    RP_MSG_ERROR,
    RP_MSG_FINISHED,
    RP_MSG_TOTAL,
    RP_MSG_BYE,
    RP_MSG_COUNT
};
const char *rp_message_type_name(enum rp_message_type type);

enum { RP_MESSAGE_MAX_BYTES = 64 << 20, RP_PROTOCOL_VERSION = 5 };

enum rp_encoding { RP_MSGPACK, RP_JSON, RP_ENCODING_COUNT };
const char *rp_encoding_name(enum rp_encoding encoding); /* "msgpack", "json" */

struct
    rp_message; /* a decoded message; its texts are borrowed from the bytes it was decoded from */

/* One whole message of either encoding. -EBADMSG when it is none, or when it is too deep or has a
 * map too large (see the page); -ENOMEM. */
RP_NODISCARD int rp_message_decode(struct rp_slice bytes, struct rp_message **ret);
void rp_message_free(struct rp_message *message); /* NULL is allowed */
enum rp_message_type rp_message_type(const struct rp_message *message);
enum rp_encoding rp_message_encoding(const struct rp_message *message); /* that it came in */
