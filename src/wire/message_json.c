/* SPDX-License-Identifier: MIT */

/* MessagePack to JSON. */

#include "wire/message_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <msgpack.h>

#include "base/base64.h"
#include "base/str.h"
#include "base/json_line.h"
#include "wire/message_shape.h"

static void fail(struct rp_buf *out)
{
    if (!out->error)
        out->error = -EBADMSG;
}

static void put_base64(struct rp_buf *out, const char *key, struct rp_slice bytes)
{
    rp_buf_appendf(out, "{\"%s\":\"", key);
    rp_base64_append(out, bytes);
    rp_buf_append_str(out, "\"}");
}

static void put_text(struct rp_buf *out, struct rp_slice text)
{
    if (rp_utf8_is_valid(text))
        rp_line_string(out, text);
    else
        put_base64(out, "$text", text);
}

static void put_float(struct rp_buf *out, double value)
{
    char text[RP_DOUBLE_TEXT];
    uint64_t bits;

    if (!isfinite(value)) {
        memcpy(&bits, &value, sizeof(bits));
        rp_buf_appendf(out, "{\"$float\":\"%016" PRIx64 "\"}", bits);
        return;
    }
    rp_format_double(value, text);
    rp_buf_append_str(out, text);
    if (!strpbrk(text, ".e")) /* else it would read as an integer */
        rp_buf_append_str(out, ".0");
}

static void put(struct rp_buf *out, const msgpack_object *object);

static void put_list(struct rp_buf *out, const msgpack_object_array *list)
{
    rp_buf_append(out, "[", 1);
    for (uint32_t i = 0; i < list->size && !out->error; i++) {
        if (i)
            rp_buf_append(out, ",", 1);
        put(out, &list->ptr[i]);
    }
    rp_buf_append(out, "]", 1);
}

static void put_map(struct rp_buf *out, const msgpack_object_map *map)
{
    rp_buf_append(out, "{", 1);
    for (uint32_t i = 0; i < map->size && !out->error; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        struct rp_slice text;

        if (!rp_message_key_is_sound(key, &text)) {
            fail(out);
            return;
        }
        if (i)
            rp_buf_append(out, ",", 1);
        rp_line_string(out, text);
        rp_buf_append(out, ":", 1);
        put(out, &map->ptr[i].val);
    }
    rp_buf_append(out, "}", 1);
}

/* As deep as rp_message_shape_is_sound() allows. */
static void put(struct rp_buf *out, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        rp_buf_append_str(out, "null");
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        rp_buf_append_str(out, object->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        rp_buf_appendf(out, "%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        rp_buf_appendf(out, "%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        put_float(out, object->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        put_text(out, rp_slice(object->via.str.ptr, object->via.str.size));
        break;
    case MSGPACK_OBJECT_BIN:
        put_base64(out, "$bytes", rp_slice(object->via.bin.ptr, object->via.bin.size));
        break;
    case MSGPACK_OBJECT_ARRAY:
        put_list(out, &object->via.array);
        break;
    case MSGPACK_OBJECT_MAP:
        put_map(out, &object->via.map);
        break;
    default: /* extension types: no message has one */
        fail(out);
    }
}

int rp_message_to_json(struct rp_slice packed, struct rp_buf *json)
{
    msgpack_unpacked unpacked;
    int r;

    if (!rp_message_shape_is_sound(packed))
        return -EBADMSG;
    msgpack_unpacked_init(&unpacked);
    r = rp_message_unpack(packed, &unpacked);
    if (r == 0) {
        put(json, &unpacked.data);
        r = json->error;
    }
    msgpack_unpacked_destroy(&unpacked);
    return r;
}
