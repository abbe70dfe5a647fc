/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * cluster/message_shape.h - a look at a message's structure before anything is allocated for it. Private to message.c.
 */

#include <stdbool.h>

#include "base/slice.h"

/* Whether @bytes are exactly one object, with every list and map complete and at most RP_MESSAGE_DEPTH_MAX in each other. */
bool rp_message_shape_is_sound(struct rp_slice bytes);
