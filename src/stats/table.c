/* SPDX-License-Identifier: MIT */
#include "stats/table.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_SLOTS = 16 };

void rp_stats_table_deinit(struct rp_stats_table *table)
{
    rp_free(table->slots);
    *table = (struct rp_stats_table){ 0 };
}

void *rp_stats_table_find(const struct rp_stats_table *table, uint64_t hash, rp_stats_eq_fn *eq,
                          const void *key)
{
    if (!table->slots)
        return NULL;
    for (size_t i = hash & table->mask; table->slots[i].item; i = (i + 1) & table->mask)
        if (table->slots[i].hash == hash && eq(table->slots[i].item, key))
            return table->slots[i].item;
    return NULL;
}

static void place(struct rp_stats_slot *slots, size_t mask, struct rp_stats_slot entry)
{
    size_t i = entry.hash & mask;

    while (slots[i].item)
        i = (i + 1) & mask;
    slots[i] = entry;
}

int rp_stats_table_reserve(struct rp_stats_table *table)
{
    size_t size = table->slots ? table->mask + 1 : 0;
    size_t new_size = size ? size * 2 : FIRST_SLOTS;
    struct rp_stats_slot *slots;

    if ((table->count + 1) * 4 <= size * 3)
        return 0;
    slots = rp_calloc(new_size, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++)
        if (table->slots[i].item)
            place(slots, new_size - 1, table->slots[i]);
    rp_free(table->slots);
    table->slots = slots;
    table->mask = new_size - 1;
    return 0;
}

void rp_stats_table_insert(struct rp_stats_table *table, uint64_t hash, void *item)
{
    place(table->slots, table->mask, (struct rp_stats_slot){ hash, item });
    table->count++;
}

int rp_stats_grow(void *array, size_t size_bytes, size_t *cap, size_t need)
{
    size_t new_cap = *cap ? *cap : 8;
    void *old, *grown;

    if (need <= *cap)
        return 0;
    while (new_cap < need)
        new_cap *= 2;
    memcpy(&old, array, sizeof(old)); /* @array is a pointer to a pointer of any type */
    grown = rp_realloc_array(old, new_cap, size_bytes);
    if (!grown)
        return -ENOMEM;
    memcpy(array, &grown, sizeof(grown));
    *cap = new_cap;
    return 0;
}
