/* SPDX-License-Identifier: MIT */
#include "loop/slots.h"

#include <errno.h>

#include "base/alloc.h"

static int grow(struct rp_slots *slots)
{
    uint32_t cap = slots->cap ? slots->cap * 2 : 64;
    struct rp_slot *items;

    if (cap > 1u << RP_SLOT_INDEX_BITS)
        return -ENFILE;
    items = rp_realloc_array(slots->items, cap, sizeof(*items));
    if (!items)
        return -ENOMEM;
    for (uint32_t i = cap; i-- > slots->cap;) {
        items[i] = (struct rp_slot){ .generation = 1, .next_free = slots->first_free };
        slots->first_free = i + 1;
    }
    slots->items = items;
    slots->cap = cap;
    return 0;
}

int rp_slots_add(struct rp_slots *slots, void *object, uint64_t *ret_token)
{
    struct rp_slot *slot;
    uint32_t index;
    int r;

    if (!slots->first_free && (r = grow(slots)) < 0)
        return r;
    index = slots->first_free - 1;
    slot = &slots->items[index];
    slots->first_free = slot->next_free;
    slots->used++;
    slot->object = object;
    *ret_token = (uint64_t)slot->generation << 32 | index;
    return 0;
}

void rp_slots_remove(struct rp_slots *slots, uint64_t token)
{
    uint32_t index = (uint32_t)token & ((1u << RP_SLOT_INDEX_BITS) - 1);
    struct rp_slot *slot = &slots->items[index];

    rp_assert(rp_slots_get(slots, token));
    slot->object = NULL;
    if (++slot->generation == 0)
        slot->generation = 1;
    slot->next_free = slots->first_free;
    slots->first_free = index + 1;
    slots->used--;
}

void rp_slots_deinit(struct rp_slots *slots)
{
    rp_free(slots->items);
    *slots = (struct rp_slots){ 0 };
}
