/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/message.h - the messages between a coordinator and its workers: maps with a `type`, written and read without
 * knowing the encoding. There are two, MessagePack and JSON, and a message's first byte says which it is. What is written
 * here is MessagePack; a channel makes JSON of it when that was agreed upon. A frame on a channel is a 32-bit big-endian
 * length and one message.
 * docs/internals/messages.md lists every message and its fields.
 *
 * Reading never trusts: a field that is absent or of another type reads as its default, and the depth and the size of
 * a message are bounded.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "stats/value.h"

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
    /* up */
    RP_MSG_HELLO,
    RP_MSG_DECLARED,
    RP_MSG_FAILED,
    RP_MSG_READY,
    RP_MSG_HOOK_ENDED,
    RP_MSG_DEFINE,
    RP_MSG_DELTA,
    RP_MSG_STATE, /* how far the scenarios are, once a second */
    RP_MSG_WARNING,
    RP_MSG_ABORT,
    RP_MSG_ERROR,
    RP_MSG_FINISHED,
    RP_MSG_TOTAL,
    RP_MSG_BYE,
    RP_MSG_COUNT
};
const char *rp_message_type_name(enum rp_message_type type);

enum { RP_MESSAGE_MAX_BYTES = 64 << 20, RP_PROTOCOL_VERSION = 1 };

enum rp_encoding { RP_MSGPACK, RP_JSON, RP_ENCODING_COUNT };
const char *rp_encoding_name(enum rp_encoding encoding); /* "msgpack", "json" */

/* ---- writing: sticky errors of the buffer; the number of fields is given first ----------------------------- */

/* Starts a message of @type with @fields more fields. */
void rp_write_message(struct rp_buf *out, enum rp_message_type type, uint32_t fields);
void rp_write_map(struct rp_buf *out, uint32_t fields);
void rp_write_list(struct rp_buf *out, uint32_t items);
void rp_write_key(struct rp_buf *out, const char *key);
void rp_write_i64(struct rp_buf *out, int64_t value);
void rp_write_u64(struct rp_buf *out, uint64_t value);
void rp_write_double(struct rp_buf *out, double value);
void rp_write_bool(struct rp_buf *out, bool value);
void rp_write_text(struct rp_buf *out, const char *text); /* NULL is written as nil */
void rp_write_slice(struct rp_buf *out, struct rp_slice text);
void rp_write_bytes(struct rp_buf *out, struct rp_slice bytes); /* what is no text: anything */
/* A metric's value, histograms with their non-empty buckets. */
void rp_write_value(struct rp_buf *out, const struct rp_value *value);
/* The four fields of an error (message, file, line, hint, detail: five), after their keys' count was given. */
enum { RP_ERROR_FIELDS = 5 };
void rp_write_error(struct rp_buf *out, const struct rp_error *err);

/* ---- reading ---------------------------------------------------------------------------------------------- */

struct
    rp_message;   /* a decoded message; its texts are borrowed from the bytes it was decoded from */
struct rp_field { /* a part of a message, borrowed from it; NULL object = absent */
    const void *object;
};

enum {
    RP_MESSAGE_DEPTH_MAX = 16, /* lists and maps in each other, the message itself included */
    RP_MESSAGE_FIELDS_MAX = 64 /* of a map */
};

/* One whole message of either encoding. -EBADMSG when it is none, or passes one of these bounds; -ENOMEM. */
RP_NODISCARD int rp_message_decode(struct rp_slice bytes, struct rp_message **ret);
void rp_message_free(struct rp_message *message);
enum rp_message_type rp_message_type(const struct rp_message *message);
enum rp_encoding rp_message_encoding(const struct rp_message *message); /* that it came in */
struct rp_field rp_message_get(const struct rp_message *message, const char *key);
struct rp_field rp_field_get(struct rp_field map, const char *key);
size_t rp_field_count(struct rp_field list); /* 0 when it is no list */
struct rp_field rp_field_at(struct rp_field list, size_t i);
int64_t rp_field_i64(struct rp_field field, int64_t fallback);
uint64_t rp_field_u64(struct rp_field field, uint64_t fallback);
double rp_field_double(struct rp_field field, double fallback);
bool rp_field_bool(struct rp_field field, bool fallback);
struct rp_slice rp_field_text(struct rp_field field);  /* {NULL, 0} when it is no text */
struct rp_slice rp_field_bytes(struct rp_field field); /* {NULL, 0} when they are no bytes */
/* A copy, or NULL when it is no text (or memory ran out). */
char *rp_field_strdup(struct rp_field field);
/* -EBADMSG when it is no value of @type, or one that no recording can make (no numbers, more hits than
 * tries, a histogram whose parts disagree); @ret is initialised in every case. */
RP_NODISCARD int rp_field_value(struct rp_field field, enum rp_metric_type type,
                                struct rp_value *ret);
void rp_message_get_error(const struct rp_message *message, struct rp_error *err);
