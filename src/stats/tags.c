/* SPDX-License-Identifier: MIT */
/*
 * Interned tag sets. Keys, the values of a key, and sets are unique: a set is an array of pointers,
 * and two sets are equal when their pointers are. The hash of a set is the sum of the mixed hashes
 * of its values, each seeded with its key. When a tag changes the hash changes by one subtraction
 * and one addition.
 *
 * Nothing is interned for a set that the limit of sets will refuse. So this limit also bounds keys
 * and values.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stats/stats_internal.h"

static const struct rp_slice overflow_value = { RP_TAG_OVERFLOW, sizeof(RP_TAG_OVERFLOW) - 1 };

struct rp_tag_key {
    struct rp_tag_key *next;
    uint64_t hash;
    uint64_t overflows;   /* look-ups that fell into the overflow value */
    uint32_t value_count; /* without the overflow value */
    size_t len;
    char text[];
};

struct tag_value {
    const struct rp_tag_key *key;
    uint64_t hash;
    size_t len;
    char text[];
};

struct tag_set {
    uint64_t hash;
    struct rp_tags tags; /* ends in a flexible array */
};

static const struct tag_set *set_of(const struct rp_tags *tags)
{
    return rp_container_of(tags, struct tag_set, tags);
}

/* What a value adds to the hash of its set. */
static uint64_t tag_hash(const struct rp_tag *tag)
{
    return rp_stats_mix(rp_container_of(tag->value, struct tag_value, text)->hash);
}

static bool key_eq(const void *item, const void *key)
{
    const struct rp_tag_key *tag_key = item;

    return rp_slice_eq(rp_slice(tag_key->text, tag_key->len), *(const struct rp_slice *)key);
}

struct value_query {
    const struct rp_tag_key *key;
    struct rp_slice text;
};

static bool value_eq(const void *item, const void *key)
{
    const struct tag_value *value = item;
    const struct value_query *query = key;

    return value->key == query->key && rp_slice_eq(rp_slice(value->text, value->len), query->text);
}

struct set_query {
    const struct rp_tag *tags;
    size_t count;
};

static bool set_eq(const void *item, const void *key)
{
    const struct rp_tags *tags = &((const struct tag_set *)item)->tags;
    const struct set_query *query = key;

    return tags->count == query->count &&
           (!query->count ||
            memcmp(tags->tag, query->tags, query->count * sizeof(*query->tags)) == 0);
}

static struct rp_tag_key *find_key(const struct rp_registry *registry, struct rp_slice text)
{
    return rp_stats_table_find(&registry->keys, rp_hash_bytes(text.ptr, text.len, 0), key_eq,
                               &text);
}

static struct tag_value *find_value(const struct rp_registry *registry,
                                    const struct rp_tag_key *key, struct rp_slice text)
{
    struct value_query query = { key, text };

    return rp_stats_table_find(&registry->values, rp_hash_bytes(text.ptr, text.len, key->hash),
                               value_eq, &query);
}

static struct rp_tag_key *make_key(struct rp_registry *registry, struct rp_slice text)
{
    struct rp_tag_key *key;

    if (rp_stats_table_reserve(&registry->keys) < 0)
        return NULL;
    key = rp_calloc(1, sizeof(*key) + text.len + 1);
    if (!key)
        return NULL;
    key->hash = rp_hash_bytes(text.ptr, text.len, 0);
    key->len = text.len;
    if (text.len)
        memcpy(key->text, text.ptr, text.len);
    rp_stats_table_insert(&registry->keys, key->hash, key);
    *registry->last_key = key;
    registry->last_key = &key->next;
    return key;
}

static struct tag_value *make_value(struct rp_registry *registry, struct rp_tag_key *key,
                                    struct rp_slice text)
{
    struct tag_value *value;

    if (rp_stats_table_reserve(&registry->values) < 0)
        return NULL;
    value = rp_calloc(1, sizeof(*value) + text.len + 1);
    if (!value)
        return NULL;
    value->key = key;
    value->hash = rp_hash_bytes(text.ptr, text.len, key->hash);
    value->len = text.len;
    if (text.len)
        memcpy(value->text, text.ptr, text.len);
    rp_stats_table_insert(&registry->values, value->hash, value);
    if (!rp_slice_eq(text, overflow_value))
        key->value_count++;
    return value;
}

/* Whether one more set fits; the overflow set exists from the start. */
static bool has_room(const struct rp_registry *registry)
{
    return registry->is_folding || registry->sets.count < registry->limits.tag_sets;
}

static const struct rp_tags *fold(struct rp_registry *registry)
{
    registry->set_overflows++;
    return registry->overflow;
}

static const struct rp_tags *make_set(struct rp_registry *registry, struct set_query query,
                                      uint64_t hash)
{
    struct tag_set *set;

    if (rp_stats_table_reserve(&registry->sets) < 0)
        return NULL;
    set = rp_alloc(sizeof(*set) + query.count * sizeof(*query.tags));
    if (!set)
        return NULL;
    set->hash = hash;
    set->tags.id = (uint32_t)registry->sets.count;
    set->tags.count = (uint32_t)query.count;
    if (query.count)
        memcpy(set->tags.tag, query.tags, query.count * sizeof(*query.tags));
    rp_stats_table_insert(&registry->sets, rp_stats_mix(hash), set);
    return &set->tags;
}

/* The set of the first @count tags of the scratch array. */
static const struct rp_tags *intern_set(struct rp_registry *registry, size_t count, uint64_t hash)
{
    struct set_query query = { registry->scratch, count };
    struct tag_set *set;

    set = rp_stats_table_find(&registry->sets, rp_stats_mix(hash), set_eq, &query);
    if (set)
        return &set->tags;
    return has_room(registry) ? make_set(registry, query, hash) : fold(registry);
}

/* The place in the sorted tags where @key is, or where it belongs. */
static size_t position_of(const struct rp_tags *tags, const char *key)
{
    size_t i = 0;

    while (i < tags->count && tags->tag[i].key != key && strcmp(tags->tag[i].key, key) < 0)
        i++;
    return i;
}

/* Returns the set @base with @key replaced or added (@value), or removed (NULL). */
static const struct rp_tags *change(struct rp_registry *registry, const struct rp_tags *base,
                                    const struct rp_tag_key *key, const struct tag_value *value)
{
    size_t at = position_of(base, key->text), kept = at, count = at;
    uint64_t hash = set_of(base)->hash;
    struct rp_tag *scratch;

    if (at < base->count && base->tag[at].key == key->text) {
        if (value && base->tag[at].value == value->text)
            return base;
        hash -= tag_hash(&base->tag[at]);
        kept = at + 1;
    } else if (!value) {
        return base;
    }
    if (rp_stats_grow(&registry->scratch, sizeof(*scratch), &registry->scratch_cap,
                      (size_t)base->count + 1) < 0)
        return NULL;
    scratch = registry->scratch;
    if (at)
        memcpy(scratch, base->tag, at * sizeof(*scratch));
    if (value) {
        scratch[count] = (struct rp_tag){ key->text, value->text };
        hash += tag_hash(&scratch[count++]);
    }
    memcpy(scratch + count, base->tag + kept, (base->count - kept) * sizeof(*scratch));
    return intern_set(registry, count + base->count - kept, hash);
}

/* What a set keeps of a text: it ends at its first NUL, and has its limit. */
static struct rp_slice kept(struct rp_slice text)
{
    return rp_utf8_cut(rp_slice(text.ptr, text.len ? strnlen(text.ptr, text.len) : 0),
                       RP_TAG_TEXT_MAX);
}

const struct rp_tags *rp_tags_with(struct rp_registry *registry, const struct rp_tags *base,
                                   struct rp_slice key, struct rp_slice value)
{
    struct rp_tag_key *tag_key;
    struct tag_value *tag_value = NULL;
    struct rp_slice text = kept(value);

    key = kept(key);
    tag_key = find_key(registry, key);
    if (!value.ptr)
        return tag_key ? change(registry, base, tag_key, NULL) : base;
    if (tag_key) {
        tag_value = find_value(registry, tag_key, text);
        if (!tag_value && tag_key->value_count >= registry->limits.values_per_key &&
            !rp_slice_eq(text, overflow_value)) {
            tag_key->overflows++;
            text = overflow_value;
            tag_value = find_value(registry, tag_key, text);
        }
    }
    if (!tag_value) {
        if (!has_room(registry))
            return fold(registry);
        if (!tag_key)
            tag_key = make_key(registry, key);
        tag_value = tag_key ? make_value(registry, tag_key, text) : NULL;
        if (!tag_value)
            return NULL;
    }
    return change(registry, base, tag_key, tag_value);
}

uint32_t rp_tags_value_count(const struct rp_registry *registry, const char *key)
{
    const struct rp_tag_key *tag_key = find_key(registry, rp_slice_str(key));

    return tag_key ? tag_key->value_count : 0;
}

const struct rp_tags *rp_tags_empty(struct rp_registry *registry)
{
    return registry->empty;
}

const char *rp_tags_get(const struct rp_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->tag[i].key, key) == 0)
            return tags->tag[i].value;
    return NULL;
}

const char *rp_registry_overflow(const struct rp_registry *registry, size_t i, uint64_t *ret_times)
{
    for (const struct rp_tag_key *key = registry->first_key; key; key = key->next) {
        if (key->overflows && i-- == 0) {
            *ret_times = key->overflows;
            return key->text;
        }
    }
    if (i != 0 || !registry->set_overflows)
        return NULL;
    *ret_times = registry->set_overflows;
    return "(tag sets)";
}

int rp_registry_init_tags(struct rp_registry *registry)
{
    registry->last_key = &registry->first_key;
    registry->empty = make_set(registry, (struct set_query){ NULL, 0 }, 0);
    if (!registry->empty)
        return -ENOMEM;
    registry->overflow = rp_tags_with(registry, registry->empty, RP_SLICE("overflow"),
                                      RP_SLICE("true"));
    return registry->overflow ? 0 : -ENOMEM;
}

static void free_items(struct rp_stats_table *table)
{
    for (size_t i = 0; table->slots && i <= table->mask; i++)
        rp_free(table->slots[i].item);
    rp_stats_table_deinit(table);
}

void rp_registry_deinit_tags(struct rp_registry *registry)
{
    free_items(&registry->sets);
    free_items(&registry->values);
    free_items(&registry->keys);
    rp_free(registry->scratch);
}
