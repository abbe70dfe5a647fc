/* SPDX-License-Identifier: MIT */

/*
 * Whether bytes are one MessagePack object of a bounded depth whose lists and maps have room for
 * what they announce. The decoder allocates what a header announces before it looks for it: five
 * bytes could ask for a hundred gigabytes.
 */

#include "wire/message_shape.h"

#include <errno.h>

#include "base/str.h"
#include "wire/wire_internal.h"

struct reader {
    const unsigned char *at, *end;
};

/* A big-endian number of @size bytes. */
static bool take_number(struct reader *reader, unsigned size, uint64_t *ret)
{
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    *ret = 0;
    for (unsigned i = 0; i < size; i++)
        *ret = *ret << 8 | *reader->at++;
    return true;
}

static bool skip(struct reader *reader, uint64_t size)
{
    if ((uint64_t)(reader->end - reader->at) < size)
        return false;
    reader->at += size;
    return true;
}

/* A length of @size bytes and that many bytes, @extra more. */
static bool skip_counted(struct reader *reader, unsigned size, unsigned extra)
{
    uint64_t length;

    return take_number(reader, size, &length) && skip(reader, length + extra);
}

/* One header and what belongs to it; *ret_items is how many objects follow inside it. */
static bool take_header(struct reader *reader, uint64_t *ret_items)
{
    unsigned char byte;

    *ret_items = 0;
    if (reader->at == reader->end)
        return false;
    byte = *reader->at++;
    switch (byte) {
    case 0x80 ... 0x8f:
        *ret_items = 2 * (uint64_t)(byte & 0x0f);
        return true;
    case 0x90 ... 0x9f:
        *ret_items = byte & 0x0f;
        return true;
    case 0xa0 ... 0xbf:
        return skip(reader, byte & 0x1f);
    case 0xc1: /* never used */
        return false;
    case 0xc4 ... 0xc6: /* bin 8, 16, 32 */
        return skip_counted(reader, 1u << (byte - 0xc4), 0);
    case 0xc7 ... 0xc9: /* ext 8, 16, 32 and its type */
        return skip_counted(reader, 1u << (byte - 0xc7), 1);
    case 0xca: /* float 32, 64 */
    case 0xcb:
        return skip(reader, byte == 0xca ? 4 : 8);
    case 0xcc ... 0xcf: /* uint 8 to 64, int 8 to 64 */
    case 0xd0 ... 0xd3:
        return skip(reader, 1u << (byte & 3));
    case 0xd4 ... 0xd8: /* fixext 1 to 16 and its type */
        return skip(reader, (1u << (byte - 0xd4)) + 1);
    case 0xd9 ... 0xdb: /* str 8, 16, 32 */
        return skip_counted(reader, 1u << (byte - 0xd9), 0);
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        return take_number(reader, byte == 0xdc ? 2 : 4, ret_items);
    case 0xde: /* map 16, 32 */
    case 0xdf:
        if (!take_number(reader, byte == 0xde ? 2 : 4, ret_items))
            return false;
        *ret_items *= 2;
        return true;
    default: /* small integers, nil, booleans */
        return true;
    }
}

bool rp_message_shape_is_sound(struct rp_slice bytes)
{
    struct reader reader = { .at = (const unsigned char *)bytes.ptr };
    uint64_t left[RP_MESSAGE_DEPTH_MAX + 1] = { 1 }; /* objects still to come at each depth */
    int depth = 0;

    if (!bytes.len) /* then there may be no pointer to count from */
        return false;
    reader.end = reader.at + bytes.len;
    for (;;) {
        uint64_t items;

        while (depth >= 0 && left[depth] == 0)
            depth--;
        if (depth < 0)
            return reader.at == reader.end;
        left[depth]--;
        if (!take_header(&reader, &items))
            return false;
        if (items && depth == RP_MESSAGE_DEPTH_MAX)
            return false;
        if (items)
            left[++depth] = items;
    }
}

int rp_message_unpack(struct rp_slice bytes, msgpack_unpacked *unpacked)
{
    size_t offset = 0;
    msgpack_unpack_return r = msgpack_unpack_next(unpacked, bytes.ptr, bytes.len, &offset);

    if (r == MSGPACK_UNPACK_NOMEM_ERROR)
        return -ENOMEM;
    return r == MSGPACK_UNPACK_SUCCESS && offset == bytes.len ? 0 : -EBADMSG;
}

/* As nearly all keys are: then they are UTF-8 too. */
static bool is_ascii(struct rp_slice text)
{
    unsigned char bits = 0;

    for (size_t i = 0; i < text.len; i++)
        bits |= (unsigned char)text.ptr[i];
    return bits < 0x80;
}

bool rp_message_key_is_sound(const msgpack_object *key, struct rp_slice *ret)
{
    if (key->type != MSGPACK_OBJECT_STR)
        return false;
    *ret = rp_slice(key->via.str.ptr, key->via.str.size);
    return (is_ascii(*ret) || rp_utf8_is_valid(*ret)) && !(ret->len && ret->ptr[0] == '$');
}

static bool map_is_sound(const msgpack_object_map *map)
{
    struct rp_slice keys[RP_MESSAGE_FIELDS_MAX];

    if (map->size > RP_ARRAY_LEN(keys))
        return false;
    for (uint32_t i = 0; i < map->size; i++) {
        if (!rp_message_key_is_sound(&map->ptr[i].key, &keys[i]))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (rp_slice_eq(keys[i], keys[j]))
                return false;
    }
    return true;
}

static bool has_items(const msgpack_object *object)
{
    return object->type == MSGPACK_OBJECT_ARRAY || object->type == MSGPACK_OBJECT_MAP;
}

bool rp_message_keys_are_sound(const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t i = 0; i < object->via.array.size; i++)
            if (has_items(&object->via.array.ptr[i]) &&
                !rp_message_keys_are_sound(&object->via.array.ptr[i]))
                return false;
    } else if (object->type == MSGPACK_OBJECT_MAP) {
        if (!map_is_sound(&object->via.map))
            return false;
        for (uint32_t i = 0; i < object->via.map.size; i++)
            if (has_items(&object->via.map.ptr[i].val) &&
                !rp_message_keys_are_sound(&object->via.map.ptr[i].val))
                return false;
    }
    return true;
}
