/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/message_json.h - messages as JSON text and back. Writers write MessagePack and readers read
 * it: JSON is made of it on its way out, and becomes it on its way in. Private to message.c and
 * channel.c, and for tests.
 *
 * Nothing is lost: what JSON has no word for is an object with one key that begins with `$`, which
 * no other key may.
 *
 *   integers of 64 bits     1, -1, 18446744073709551615 (digits only)
 *   floats                  1.0, 1e+300 (with a point or an exponent); NaN and infinities {"$float": "7ff0000000000000"},
 *                           the bits
 *   texts                   "text"; what is no UTF-8 {"$text": "base64"}
 *   bytes                   {"$bytes": "base64"}
 */

#include "base/buf.h"
#include "base/error.h"

/* A JSON message begins with '{'. No MessagePack message does: there it is the number 123. */
static inline bool rp_message_is_json(struct rp_slice bytes)
{
    return bytes.len && bytes.ptr[0] == '{';
}

/* Appends the MessagePack object @packed as JSON, on one line and without blanks. -EBADMSG when it
 * is none, too deep, or holds what JSON cannot (an extension type, a key that is no text); -ENOMEM,
 * -EMSGSIZE as the buffer's. */
RP_NODISCARD int rp_message_to_json(struct rp_slice packed, struct rp_buf *json);
/* Appends the MessagePack of @json, each part in its shortest form. -EBADMSG when it is none, too
 * deep, or has what is not of the list above (numbers out of range, lone surrogates, other keys
 * with `$`); -ENOMEM, -EMSGSIZE as the buffer's. */
RP_NODISCARD int rp_message_from_json(struct rp_slice json, struct rp_buf *packed);
