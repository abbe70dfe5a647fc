/* SPDX-License-Identifier: MIT */

/* Pairs of texts, such as tags. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/fields.h"

int rp_pairs_set(struct rp_pairs *pairs, const char *key, const char *value)
{
    char *copy = rp_strdup(value);
    void *items;

    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->items[i].key, key) == 0) {
            rp_free(pairs->items[i].value);
            pairs->items[i].value = copy;
            return 0;
        }
    items = rp_realloc_array(pairs->items, pairs->count + 1, sizeof(*pairs->items));
    if (items) {
        pairs->items = items;
        pairs->items[pairs->count].key = rp_strdup(key);
        pairs->items[pairs->count].value = copy;
        if (pairs->items[pairs->count].key) {
            pairs->count++;
            return 0;
        }
    }
    rp_free(copy);
    return -ENOMEM;
}

void rp_pairs_deinit(struct rp_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        rp_free(pairs->items[i].key);
        rp_free(pairs->items[i].value);
    }
    rp_free(pairs->items);
    *pairs = (struct rp_pairs){ 0 };
}
