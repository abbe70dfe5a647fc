/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/slots.h - names for streams and watches that outlive them. Private to the room.
 *
 * The kernel hands back 64 bits with an event. A pointer would dangle when a callback frees an
 * object that a later event of the same batch names, or that a cancelled request still reports; a
 * token does not: it holds a slot's number and generation, and the generation moves on when the
 * object leaves.
 *
 * A token is generation << 32 | index; bits 24 to 31 are zero and free for the back-end's kind of
 * event.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum { RP_SLOT_INDEX_BITS = 24, RP_SLOT_KIND_SHIFT = 24 };

struct rp_slot {
    void *object; /* NULL while free */
    uint32_t generation;
    uint32_t next_free; /* index + 1, 0 = none */
};

struct rp_slots {
    struct rp_slot *items;
    uint32_t cap, used, first_free; /* first_free: index + 1, 0 = none */
};

/* 0 and a token that is never 0, -ENOMEM, or -ENFILE when 2^24 objects live. */
RP_NODISCARD int rp_slots_add(struct rp_slots *slots, void *object, uint64_t *ret_token);
void rp_slots_remove(struct rp_slots *slots, uint64_t token);
void rp_slots_deinit(struct rp_slots *slots);

static inline unsigned rp_slot_kind(uint64_t token)
{
    return (unsigned)(token >> RP_SLOT_KIND_SHIFT) & 0xff;
}

/* The object that @token (with any kind) was made for, or NULL when it has left. */
static inline void *rp_slots_get(const struct rp_slots *slots, uint64_t token)
{
    uint32_t index = (uint32_t)token & ((1u << RP_SLOT_INDEX_BITS) - 1);

    if (RP_UNLIKELY(index >= slots->cap || slots->items[index].generation != token >> 32))
        return NULL;
    return slots->items[index].object;
}
