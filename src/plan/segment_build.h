/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/segment_build.h - inside the room: from the lengths of segments to their slots.
 */

#include "base/compiler.h"
#include "plan/segment.h"

/* Gives the @slots slots to @count segments by the rule of lengths; segment i gets @owned[i], which
 * sum to @slots. -ENOMEM. */
RP_NODISCARD int rp_segment_build(int64_t slots, const int64_t *owned, size_t count,
                                  struct rp_segment_sequence *ret);
