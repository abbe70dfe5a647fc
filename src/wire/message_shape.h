/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/message_shape.h - a look at a message's structure before anything is allocated for it, and
 * at its keys afterwards. Private to what decodes messages.
 */

#include <msgpack.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

/* Whether @bytes are exactly one object, with every list and map complete and at most
 * RP_MESSAGE_DEPTH_MAX in each other. */
bool rp_message_shape_is_sound(struct rp_slice bytes);
/* Unpacks sound bytes, which must live as long. -EBADMSG, -ENOMEM. */
RP_NODISCARD int rp_message_unpack(struct rp_slice bytes, msgpack_unpacked *unpacked);
/* Whether a key is one in every encoding: UTF-8, and no `$` at its beginning, which marks what JSON
 * has no word for. */
bool rp_message_key_is_sound(const msgpack_object *key, struct rp_slice *ret);
/* Whether every map below @object has sound keys, none of them twice, and not more than
 * RP_MESSAGE_FIELDS_MAX. */
bool rp_message_keys_are_sound(const msgpack_object *object);
