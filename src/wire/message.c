/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <msgpack.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/message_shape.h"
#include "wire/wire_internal.h"

const char *rp_encoding_name(enum rp_encoding encoding)
{
    static const char *const names[RP_ENCODING_COUNT] = { "msgpack", "json" };

    return names[encoding];
}

/* ---- reading --------------------------------------------------------------------------------- */

struct rp_message {
    msgpack_unpacked unpacked;
    struct rp_buf packed; /* of one that came as JSON */
    enum rp_encoding encoding;
    enum rp_message_type type;
};

static enum rp_message_type type_of(struct rp_slice name)
{
    for (int i = RP_MSG_NONE + 1; i < RP_MSG_COUNT; i++)
        if (rp_slice_eq_str(name, rp_message_tables[i].name))
            return (enum rp_message_type)i;
    return RP_MSG_NONE;
}

static int decode(struct rp_message *message, struct rp_slice bytes)
{
    int r = 0;

    if (rp_message_is_json(bytes)) {
        /* At most 9 bytes become of 4: a float such as 1e1 and its comma. */
        rp_buf_init(&message->packed, 3 * bytes.len);
        message->encoding = RP_JSON;
        r = rp_message_from_json(bytes, &message->packed);
        bytes = rp_buf_slice(&message->packed);
    }
    if (r == 0 && !rp_message_shape_is_sound(bytes))
        r = -EBADMSG;
    if (r == 0)
        r = rp_message_unpack(bytes, &message->unpacked);
    if (r == 0 && !rp_message_keys_are_sound(&message->unpacked.data))
        r = -EBADMSG;
    return r;
}

int rp_message_decode(struct rp_slice bytes, struct rp_message **ret)
{
    struct rp_message *message = rp_calloc(1, sizeof(*message));
    int r;

    if (!message)
        return -ENOMEM;
    msgpack_unpacked_init(&message->unpacked);
    r = decode(message, bytes);
    if (r == 0)
        message->type = type_of(rp_field_text(rp_message_get(message, "type")));
    if (r == 0 && message->type == RP_MSG_NONE)
        r = -EBADMSG;
    if (r < 0)
        rp_message_free(message);
    else
        *ret = message;
    return r;
}

void rp_message_free(struct rp_message *message)
{
    if (!message)
        return;
    msgpack_unpacked_destroy(&message->unpacked);
    rp_buf_deinit(&message->packed);
    rp_free(message);
}

enum rp_message_type rp_message_type(const struct rp_message *message)
{
    return message->type;
}

enum rp_encoding rp_message_encoding(const struct rp_message *message)
{
    return message->encoding;
}

struct rp_field rp_message_whole(const struct rp_message *message)
{
    return (struct rp_field){ &message->unpacked.data };
}

struct rp_field rp_message_get(const struct rp_message *message, const char *key)
{
    return rp_field_get(rp_message_whole(message), key);
}

bool rp_field_is_map(struct rp_field field)
{
    const msgpack_object *object = field.object;

    return object && object->type == MSGPACK_OBJECT_MAP;
}

size_t rp_field_keys(struct rp_field map)
{
    return rp_field_is_map(map) ? ((const msgpack_object *)map.object)->via.map.size : 0;
}

struct rp_slice rp_field_key(struct rp_field map, size_t i, struct rp_field *ret)
{
    const msgpack_object_kv *pair = &((const msgpack_object *)map.object)->via.map.ptr[i];

    *ret = (struct rp_field){ &pair->val };
    return rp_slice(pair->key.via.str.ptr, pair->key.via.str.size);
}

struct rp_field rp_field_get(struct rp_field map, const char *key)
{
    for (size_t i = 0; i < rp_field_keys(map); i++) {
        struct rp_field field;

        if (rp_slice_eq_str(rp_field_key(map, i, &field), key))
            return field;
    }
    return (struct rp_field){ NULL };
}

bool rp_field_is_list(struct rp_field field)
{
    const msgpack_object *object = field.object;

    return object && object->type == MSGPACK_OBJECT_ARRAY;
}

size_t rp_field_count(struct rp_field list)
{
    return rp_field_is_list(list) ? ((const msgpack_object *)list.object)->via.array.size : 0;
}

struct rp_field rp_field_at(struct rp_field list, size_t i)
{
    if (i >= rp_field_count(list))
        return (struct rp_field){ NULL };
    return (struct rp_field){ &((const msgpack_object *)list.object)->via.array.ptr[i] };
}

bool rp_field_take_i64(struct rp_field field, int64_t *ret)
{
    const msgpack_object *object = field.object;

    if (object && object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *ret = object->via.i64;
    else if (object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
             object->via.u64 <= INT64_MAX)
        *ret = (int64_t)object->via.u64;
    else
        return false;
    return true;
}

bool rp_field_take_u64(struct rp_field field, uint64_t *ret)
{
    const msgpack_object *object = field.object;

    if (!object || object->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return false;
    *ret = object->via.u64;
    return true;
}

bool rp_field_take_double(struct rp_field field, double *ret)
{
    const msgpack_object *object = field.object;

    if (!object)
        return false;
    if (object->type == MSGPACK_OBJECT_FLOAT64 || object->type == MSGPACK_OBJECT_FLOAT32)
        *ret = object->via.f64;
    else if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        *ret = (double)object->via.u64;
    else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *ret = (double)object->via.i64;
    else
        return false;
    return true;
}

bool rp_field_take_bool(struct rp_field field, bool *ret)
{
    const msgpack_object *object = field.object;

    if (!object || object->type != MSGPACK_OBJECT_BOOLEAN)
        return false;
    *ret = object->via.boolean;
    return true;
}

struct rp_slice rp_field_text(struct rp_field field)
{
    const msgpack_object *object = field.object;

    if (!object || object->type != MSGPACK_OBJECT_STR)
        return rp_slice(NULL, 0);
    return rp_slice(object->via.str.ptr ? object->via.str.ptr : "", object->via.str.size);
}

struct rp_slice rp_field_bytes(struct rp_field field)
{
    const msgpack_object *object = field.object;

    if (!object || object->type != MSGPACK_OBJECT_BIN)
        return rp_slice(NULL, 0);
    return rp_slice(object->via.bin.ptr ? object->via.bin.ptr : "", object->via.bin.size);
}
