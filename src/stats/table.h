/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/table.h - an open-addressing hash table of pointers that only grows. Private to the room.
 *
 * The caller brings the hash and the comparison, and owns the items. A zeroed table is empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct rp_stats_slot {
    uint64_t hash;
    void *item; /* NULL = free */
};

struct rp_stats_table {
    struct rp_stats_slot *slots;
    size_t mask; /* slots - 1, a power of two less one; 0 without slots */
    size_t count;
};

typedef bool rp_stats_eq_fn(const void *item, const void *key);

/* Frees the slots, not the items. */
void rp_stats_table_deinit(struct rp_stats_table *table);
/* The item that @eq says is @key, or NULL. */
void *rp_stats_table_find(const struct rp_stats_table *table, uint64_t hash, rp_stats_eq_fn *eq,
                          const void *key);
/* Room for one more item. -ENOMEM changes nothing. */
RP_NODISCARD int rp_stats_table_reserve(struct rp_stats_table *table);
/* Adds an item that is not there, after rp_stats_table_reserve(). */
void rp_stats_table_insert(struct rp_stats_table *table, uint64_t hash, void *item);

/* Spreads small integers and sums of hashes over all bits. */
static inline uint64_t rp_stats_mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0x9fb21c651e98df25u;
    x = (x ^ x >> 28) * 0xc2b2ae3d27d4eb4fu;
    return x ^ x >> 31;
}

/* Makes @*array (elements of @size_bytes, room for @*cap) hold @need elements at least; doubles.
 * -ENOMEM changes nothing. */
RP_NODISCARD int rp_stats_grow(void *array, size_t size_bytes, size_t *cap, size_t need);
