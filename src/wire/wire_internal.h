/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/wire_internal.h - what stands below the table of messages: writing and reading single
 * fields, and the rows of which the table is made. Of this room and its tests only; others use the
 * structs of wire/messages.h.
 *
 * What is written here is MessagePack. rp_message_to_json() makes JSON of it on its way out, and
 * rp_message_from_json() makes it of JSON on its way in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/messages.h"

/* ---- writing: the buffer keeps the first error ----------------------------------------------- */

/* Starts a message of @type with @fields more fields. */
void rp_write_message(struct rp_buf *out, enum rp_message_type type, uint32_t fields);
void rp_write_map(struct rp_buf *out, uint32_t fields);
void rp_write_list(struct rp_buf *out, uint32_t items);
void rp_write_key(struct rp_buf *out, const char *key);
void rp_write_i64(struct rp_buf *out, int64_t value);
void rp_write_u64(struct rp_buf *out, uint64_t value);
void rp_write_double(struct rp_buf *out, double value);
void rp_write_bool(struct rp_buf *out, bool value);
void rp_write_nil(struct rp_buf *out);
void rp_write_text(struct rp_buf *out, const char *text); /* NULL is written as nil */
void rp_write_slice(struct rp_buf *out, struct rp_slice text);
void rp_write_bytes(struct rp_buf *out, struct rp_slice bytes); /* what is no text: anything */

/* ---- reading --------------------------------------------------------------------------------- */

struct rp_field { /* a part of a message, borrowed from it; NULL object = absent */
    const void *object;
};

enum {
    RP_MESSAGE_DEPTH_MAX = 16, /* lists and maps in each other, the message itself included */
    RP_MESSAGE_FIELDS_MAX = 64 /* of a map */
};

struct rp_field rp_message_whole(const struct rp_message *message);
struct rp_field rp_message_get(const struct rp_message *message, const char *key);
bool rp_field_is_map(struct rp_field field);
size_t rp_field_keys(struct rp_field map); /* how many; 0 when it is no map */
struct rp_slice rp_field_key(struct rp_field map, size_t i, struct rp_field *ret);
struct rp_field rp_field_get(struct rp_field map, const char *key);
bool rp_field_is_list(struct rp_field field);
size_t rp_field_count(struct rp_field list); /* 0 when it is no list */
struct rp_field rp_field_at(struct rp_field list, size_t i);
/* Each is false, and leaves @ret alone, when the field is absent or of another kind. Integers are
 * read as floats too. */
bool rp_field_take_i64(struct rp_field field, int64_t *ret);
bool rp_field_take_u64(struct rp_field field, uint64_t *ret);
bool rp_field_take_double(struct rp_field field, double *ret);
bool rp_field_take_bool(struct rp_field field, bool *ret);
struct rp_slice rp_field_text(struct rp_field field);  /* {NULL, 0} when it is no text */
struct rp_slice rp_field_bytes(struct rp_field field); /* {NULL, 0} when they are no bytes */

/* ---- the table ------------------------------------------------------------------------------- */

enum rp_row_type {
    RP_ROW_BOOL,    /* bool */
    RP_ROW_U32,     /* uint32_t */
    RP_ROW_U64,     /* uint64_t */
    RP_ROW_I64,     /* int64_t, rp_ns */
    RP_ROW_DOUBLE,  /* double; what is no number is nonsense */
    RP_ROW_FINITE,  /* double; infinities are nonsense too */
    RP_ROW_TEXT,    /* struct rp_slice; {NULL, 0} is nil */
    RP_ROW_BYTES,   /* struct rp_slice */
    RP_ROW_ENUM,    /* an enum; by its name in the message, and any other name is nonsense */
    RP_ROW_STRUCT,  /* a struct, a map by @table */
    RP_ROW_LIST,    /* struct rp_msg_list of such structs */
    RP_ROW_TEXTS,   /* struct rp_msg_list of struct rp_slice */
    RP_ROW_VALUE,   /* struct rp_msg_value */
    RP_ROW_BUCKETS, /* struct rp_msg_buckets */
    RP_ROW_REST,    /* struct rp_msg_rest */
};

struct rp_table;

/* A field of a message. One that is absent or of another kind reads as @fallback, which is nonsense
 * where @is_required. */
struct rp_row {
    struct rp_slice key;
    size_t offset; /* in the struct */
    enum rp_row_type type;
    bool is_required;
    int64_t min, max; /* of numbers and enums, when @min < @max: a value outside is nonsense */
    int64_t fallback;
    const char *(*name)(unsigned value); /* of an enum's values, from 0 up to @names of them */
    unsigned names;
    const struct rp_table *table; /* of a struct, or of each in the list */
    const char *meaning;          /* for the page */
};

struct rp_table {
    const char *name; /* of a message, or of what is inside one */
    const char *meaning;
    size_t size; /* bytes of the struct */
    const struct rp_row *rows;
    size_t count;
};

/* By enum rp_message_type; [RP_MSG_NONE] is empty. */
extern const struct rp_table rp_message_tables[RP_MSG_COUNT];
/* exchange_rows.c: the fields of `exchange`, and of the bodies in it. */
enum { RP_EXCHANGE_ROWS = 24 };
extern const struct rp_row rp_exchange_rows[RP_EXCHANGE_ROWS];
extern const struct rp_table rp_body_table;
/* What stands inside messages, NULL at the end. */
extern const struct rp_table *const rp_part_tables[];
/* By enum rp_metric_type: what is in the map of a value. Offsets are into struct rp_value, but for
 * a counter's and a trend's, which are into structs of value_codec.c. */
extern const struct rp_table rp_value_tables[RP_METRIC_TYPE_COUNT];

/* Which buckets of a histogram are not empty. */
struct rp_msg_buckets {
    const struct rp_hist *from; /* what a writer writes */
    struct rp_hist *into;       /* what a reader fills, */
    uint64_t seen;              /* and how many samples it has found */
};

/* The words of a sum's rest (stats/sum.h) that are not 0. */
struct rp_msg_rest {
    const struct rp_rest *from; /* what a writer writes; NULL = 0 */
    struct rp_rest **into;      /* what a reader fills, and makes where it is needed */
};

/* A map of the rows of @table, of the struct at @from. */
void rp_table_write(struct rp_buf *out, const struct rp_table *table, const void *from);
/* The other way round. -EBADMSG: @map is no map, or has what is nonsense; -ENOMEM. @ret is whole in
 * every case. */
RP_NODISCARD int rp_table_read(const struct rp_table *table, struct rp_field map, void *ret);

/* What rp_channel_send() is made of: a message is written into the buffer that begin returns, then
 * sent by end. */
struct rp_channel;
struct rp_buf *rp_channel_begin(struct rp_channel *channel);
int rp_channel_end(struct rp_channel *channel);

/* value_codec.c */
void rp_write_value(struct rp_buf *out, const struct rp_value *value);
RP_NODISCARD int rp_field_value(struct rp_field field, enum rp_metric_type type,
                                struct rp_value *ret);
void rp_write_buckets(struct rp_buf *out, const struct rp_msg_buckets *buckets);
RP_NODISCARD int rp_field_buckets(struct rp_field field, struct rp_msg_buckets *ret);
void rp_write_rest(struct rp_buf *out, const struct rp_msg_rest *rest);
RP_NODISCARD int rp_field_rest(struct rp_field field, struct rp_msg_rest *ret);
