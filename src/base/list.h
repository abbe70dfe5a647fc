/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/list.h - intrusive doubly linked list. The head is a node too; a node that is in no list
 * links to itself (rp_list_init) or is zeroed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct rp_list {
    struct rp_list *prev, *next;
};

static inline void rp_list_init(struct rp_list *list)
{
    list->prev = list->next = list;
}

static inline bool rp_list_is_empty(const struct rp_list *list)
{
    return !list->next || list->next == list;
}

/* Whether @node is a member of some list. */
static inline bool rp_list_is_linked(const struct rp_list *node)
{
    return node->next && node->next != node;
}

static inline void rp_list_append(struct rp_list *list, struct rp_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* No-op for a node in no list. */
static inline void rp_list_remove(struct rp_list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    rp_list_init(node);
}

/* Takes the first node out, or NULL. */
static inline struct rp_list *rp_list_pop(struct rp_list *list)
{
    struct rp_list *node = list->next;

    if (rp_list_is_empty(list))
        return NULL;
    rp_list_remove(node);
    return node;
}

/* Moves every node of @from to the end of @to; @from is empty afterwards. */
static inline void rp_list_splice(struct rp_list *to, struct rp_list *from)
{
    if (rp_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    rp_list_init(from);
}

/* @it may be removed from the list inside the loop. */
#define RP_LIST_EACH(it, list)                                                                     \
    for (struct rp_list *it = (list)->next, *rp_next_ = it->next; it != (list);                    \
         it = rp_next_, rp_next_ = it->next)
