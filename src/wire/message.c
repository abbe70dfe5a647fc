/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include <errno.h>
#include <msgpack.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/message_shape.h"

static const char *const type_names[RP_MSG_COUNT] = {
    [RP_MSG_NONE] = "none",         [RP_MSG_LOAD] = "load",
    [RP_MSG_PLAN] = "plan",         [RP_MSG_SHARE] = "share",
    [RP_MSG_SETUP] = "setup",       [RP_MSG_START] = "start",
    [RP_MSG_STOP] = "stop",         [RP_MSG_PAUSE] = "pause",
    [RP_MSG_RESUME] = "resume",     [RP_MSG_TEARDOWN] = "teardown",
    [RP_MSG_EXIT] = "exit",         [RP_MSG_HELLO] = "hello",
    [RP_MSG_DECLARED] = "declared", [RP_MSG_FAILED] = "failed",
    [RP_MSG_READY] = "ready",       [RP_MSG_HOOK_ENDED] = "hook_ended",
    [RP_MSG_DEFINE] = "define",     [RP_MSG_DELTA] = "delta",
    [RP_MSG_STATE] = "state",       [RP_MSG_WARNING] = "warning",
    [RP_MSG_ABORT] = "abort",       [RP_MSG_ERROR] = "error",
    [RP_MSG_FINISHED] = "finished", [RP_MSG_TOTAL] = "total",
    [RP_MSG_BYE] = "bye",
};

const char *rp_message_type_name(enum rp_message_type type)
{
    return type < RP_MSG_COUNT ? type_names[type] : "unknown";
}

const char *rp_encoding_name(enum rp_encoding encoding)
{
    static const char *const names[RP_ENCODING_COUNT] = { "msgpack", "json" };

    return names[encoding];
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static int write_bytes(void *data, const char *bytes, size_t len)
{
    struct rp_buf *out = data;

    rp_buf_append(out, bytes, len);
    return out->error ? -1 : 0;
}

/* A packer is two pointers: made anew for each item, it keeps the interface free of msgpack's types. */
static msgpack_packer packer(struct rp_buf *out)
{
    msgpack_packer pk;

    msgpack_packer_init(&pk, out, write_bytes);
    return pk;
}

void rp_write_map(struct rp_buf *out, uint32_t fields)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_map(&pk, fields);
}

void rp_write_list(struct rp_buf *out, uint32_t items)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_array(&pk, items);
}

void rp_write_slice(struct rp_buf *out, struct rp_slice text)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_str(&pk, text.len);
    msgpack_pack_str_body(&pk, text.ptr, text.len);
}

void rp_write_bytes(struct rp_buf *out, struct rp_slice bytes)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_bin(&pk, bytes.len);
    msgpack_pack_bin_body(&pk, bytes.ptr, bytes.len);
}

void rp_write_text(struct rp_buf *out, const char *text)
{
    msgpack_packer pk = packer(out);

    if (text)
        rp_write_slice(out, rp_slice_str(text));
    else
        msgpack_pack_nil(&pk);
}

void rp_write_key(struct rp_buf *out, const char *key)
{
    rp_write_slice(out, rp_slice_str(key));
}

void rp_write_i64(struct rp_buf *out, int64_t value)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_int64(&pk, value);
}

void rp_write_u64(struct rp_buf *out, uint64_t value)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_uint64(&pk, value);
}

void rp_write_double(struct rp_buf *out, double value)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_double(&pk, value);
}

void rp_write_bool(struct rp_buf *out, bool value)
{
    msgpack_packer pk = packer(out);

    if (value)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void rp_write_message(struct rp_buf *out, enum rp_message_type type, uint32_t fields)
{
    rp_write_map(out, fields + 1);
    rp_write_key(out, "type");
    rp_write_text(out, rp_message_type_name(type));
}

void rp_write_error(struct rp_buf *out, const struct rp_error *err)
{
    rp_write_key(out, "message");
    rp_write_text(out, err->message);
    rp_write_key(out, "file");
    rp_write_text(out, err->file);
    rp_write_key(out, "line");
    rp_write_i64(out, err->line);
    rp_write_key(out, "hint");
    rp_write_text(out, err->hint);
    rp_write_key(out, "detail");
    rp_write_text(out, err->detail);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

struct rp_message {
    msgpack_unpacked unpacked;
    struct rp_buf packed; /* of one that came as JSON */
    enum rp_encoding encoding;
    enum rp_message_type type;
};

static enum rp_message_type type_of(struct rp_slice name)
{
    for (int i = RP_MSG_NONE + 1; i < RP_MSG_COUNT; i++)
        if (rp_slice_eq_str(name, type_names[i]))
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

struct rp_field rp_message_get(const struct rp_message *message, const char *key)
{
    return rp_field_get((struct rp_field){ &message->unpacked.data }, key);
}

struct rp_field rp_field_get(struct rp_field map, const char *key)
{
    const msgpack_object *object = map.object;

    if (!object || object->type != MSGPACK_OBJECT_MAP)
        return (struct rp_field){ NULL };
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];

        if (rp_slice_eq_str(rp_field_text((struct rp_field){ &pair->key }), key))
            return (struct rp_field){ &pair->val };
    }
    return (struct rp_field){ NULL };
}

size_t rp_field_count(struct rp_field list)
{
    const msgpack_object *object = list.object;

    return object && object->type == MSGPACK_OBJECT_ARRAY ? object->via.array.size : 0;
}

struct rp_field rp_field_at(struct rp_field list, size_t i)
{
    const msgpack_object *object = list.object;

    if (i >= rp_field_count(list))
        return (struct rp_field){ NULL };
    return (struct rp_field){ &object->via.array.ptr[i] };
}

int64_t rp_field_i64(struct rp_field field, int64_t fallback)
{
    const msgpack_object *object = field.object;

    if (object && object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return object->via.i64;
    if (object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
        return (int64_t)object->via.u64;
    return fallback;
}

uint64_t rp_field_u64(struct rp_field field, uint64_t fallback)
{
    const msgpack_object *object = field.object;

    return object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? object->via.u64 : fallback;
}

double rp_field_double(struct rp_field field, double fallback)
{
    const msgpack_object *object = field.object;

    if (object &&
        (object->type == MSGPACK_OBJECT_FLOAT64 || object->type == MSGPACK_OBJECT_FLOAT32))
        return object->via.f64;
    if (object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return (double)object->via.u64;
    if (object && object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return (double)object->via.i64;
    return fallback;
}

bool rp_field_bool(struct rp_field field, bool fallback)
{
    const msgpack_object *object = field.object;

    return object && object->type == MSGPACK_OBJECT_BOOLEAN ? object->via.boolean : fallback;
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

char *rp_field_strdup(struct rp_field field)
{
    struct rp_slice text = rp_field_text(field);

    return text.ptr ? rp_strndup(text.ptr, text.len) : NULL;
}

void rp_message_get_error(const struct rp_message *message, struct rp_error *err)
{
    char *text = rp_field_strdup(rp_message_get(message, "message"));
    char *file = rp_field_strdup(rp_message_get(message, "file"));
    char *hint = rp_field_strdup(rp_message_get(message, "hint"));
    char *detail = rp_field_strdup(rp_message_get(message, "detail"));

    rp_error_set(err, -RP_EUSER, "%s", text ? text : "the worker failed without saying why");
    if (file)
        rp_error_place(err, file, (int)rp_field_i64(rp_message_get(message, "line"), 0));
    if (hint)
        rp_error_hint(err, "%s", hint);
    if (detail)
        rp_error_detail(err, detail);
    rp_free(text);
    rp_free(file);
    rp_free(hint);
    rp_free(detail);
}
