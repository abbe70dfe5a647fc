/* SPDX-License-Identifier: MIT */
#include "stats/unfinished.h"

#include "base/alloc.h"

struct rp_unfinished *rp_unfinished_list_add(struct rp_unfinished_list *list)
{
    size_t cap = list->cap ? list->cap * 2 : 16;
    struct rp_unfinished *bigger;

    if (list->count == list->cap) {
        bigger = rp_realloc_array(list->items, cap, sizeof(*bigger));
        if (!bigger)
            return NULL;
        list->items = bigger;
        list->cap = cap;
    }
    return &list->items[list->count++];
}

void rp_unfinished_list_take(struct rp_unfinished_list *list, rp_unfinished_fn *fn, void *user)
{
    size_t count = list->count;

    list->count = 0;
    if (count)
        fn(user, list->items, count);
}

void rp_unfinished_list_deinit(struct rp_unfinished_list *list)
{
    rp_free(list->items);
    *list = (struct rp_unfinished_list){ 0 };
}
