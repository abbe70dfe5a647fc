/* SPDX-License-Identifier: MIT */

/*
 * A resolver keeps one entry a name: a question under way with the look-ups that wait for it, or a
 * cached answer, or both in turn. Answers go to the look-ups from a deferred task, never from
 * inside rp_resolve or c-ares, so that they may do what they like. The number of entries is
 * bounded; the ones not used for longest go first.
 */

#include "net/dns.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/str.h"
#include "net/net_internal.h"

enum { BUCKETS = 256, ENTRIES_MAX = 1024, NAME_MAX_LEN = 254 };

struct entry {
    struct rp_dns_question question;
    struct rp_list bucket_node;
    struct rp_list age_node; /* in resolver->by_age */
    struct rp_list lookups;  /* waiting for the question */
    struct rp_task task;     /* delivers */
    struct rp_resolver *resolver;
    bool is_asking;     /* the question is with c-ares */
    bool is_delivering; /* addresses are being shown to look-ups */
    rp_ns expires;      /* of the answer, which may be used until then; 0 = none */
    struct rp_dns_answer answer;
    uint64_t hash;
    size_t name_len;
    char name[]; /* lower case, NUL-terminated */
};

struct rp_resolver {
    struct rp_loop *loop;
    struct rp_dns_channel *channel;
    struct rp_list buckets[BUCKETS];
    struct rp_list by_age; /* the least recently used first */
    size_t count;
    struct rp_dns_policy policy;
    struct rp_address literals[RP_ADDRESSES_MAX];
};

/* ---- entries ---- */

static struct entry *entry_of_age(struct rp_list *node)
{
    return rp_container_of(node, struct entry, age_node);
}

static void entry_free(struct entry *entry)
{
    rp_timer_disarm(&entry->question.timer);
    rp_task_cancel(&entry->task);
    rp_list_remove(&entry->bucket_node);
    rp_list_remove(&entry->age_node);
    entry->resolver->count--;
    rp_free(entry);
}

static bool is_in_use(const struct entry *entry)
{
    return entry->is_asking || rp_dns_is_under_way(&entry->question) || entry->is_delivering ||
           !rp_list_is_empty(&entry->lookups);
}

/* Makes room for one more; what is in use stays, beyond the maximum if need be: look-ups are
 * bounded by connections. */
static void evict(struct rp_resolver *resolver)
{
    if (resolver->count < ENTRIES_MAX)
        return;
    RP_LIST_EACH (node, &resolver->by_age) {
        struct entry *entry = entry_of_age(node);

        if (!is_in_use(entry)) {
            entry_free(entry);
            return;
        }
    }
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct entry *find(struct rp_resolver *resolver, const char *name, size_t len, uint64_t hash)
{
    RP_LIST_EACH (node, &resolver->buckets[hash % BUCKETS]) {
        struct entry *entry = rp_container_of(node, struct entry, bucket_node);

        if (entry->hash == hash && entry->name_len == len && memcmp(entry->name, name, len) == 0)
            return entry;
    }
    return NULL;
}

static void on_answered(struct rp_dns_question *question, const struct rp_dns_answer *answer);

static struct entry *entry_new(struct rp_resolver *resolver, const char *name, size_t len,
                               uint64_t hash)
{
    struct entry *entry = rp_calloc(1, sizeof(*entry) + len + 1);

    if (!entry)
        return NULL;
    evict(resolver);
    entry->question.fn = on_answered;
    entry->resolver = resolver;
    entry->hash = hash;
    entry->name_len = len;
    memcpy(entry->name, name, len);
    rp_list_init(&entry->lookups);
    rp_list_append(&resolver->buckets[hash % BUCKETS], &entry->bucket_node);
    rp_list_append(&resolver->by_age, &entry->age_node);
    resolver->count++;
    return entry;
}

/* ---- answering ---- */

static void deliver(struct rp_task *task)
{
    struct entry *entry = rp_container_of(task, struct entry, task);
    const enum rp_dns_status status = entry->answer.status;
    const char *text = entry->answer.text;
    size_t count = entry->answer.count;
    struct rp_list batch, *node;

    rp_list_init(&batch);
    rp_list_splice(&batch, &entry->lookups);
    entry->is_delivering = true;
    while ((node = rp_list_pop(&batch))) {
        struct rp_lookup *lookup = rp_container_of(node, struct rp_lookup, node);

        lookup->entry = NULL;
        lookup->fn(lookup, status, count ? entry->answer.addresses : NULL, count, text);
    }
    entry->is_delivering = false;
    if (!entry->expires && !is_in_use(entry))
        entry_free(entry);
}

static void on_answered(struct rp_dns_question *question, const struct rp_dns_answer *answer)
{
    struct entry *entry = rp_container_of(question, struct entry, question);
    const struct rp_dns_policy *policy = &entry->resolver->policy;
    struct rp_loop *loop = entry->resolver->loop;
    rp_ns lifetime = policy->has_ttl ? policy->ttl : answer->lifetime;

    entry->is_asking = false;
    entry->answer = *answer;
    entry->expires = answer->lifetime ? rp_ns_add(rp_loop_now(loop), lifetime) : 0;
    rp_loop_defer(loop, &entry->task, deliver);
}

/* The addresses of one family are used until those of the other have come, or have failed to. */
static bool is_fresh(const struct entry *entry)
{
    return entry->expires && (rp_loop_now(entry->resolver->loop) < entry->expires ||
                              rp_dns_is_under_way(&entry->question));
}

/* Whether a question is under way, or its answer to the waiting look-ups. */
static bool is_under_way(const struct entry *entry)
{
    return entry->is_asking || rp_list_is_linked(&entry->task.node);
}

static void fail_by_name(struct entry *entry)
{
    static const struct rp_dns_answer invalid = { .status = RP_DNS_NOT_FOUND,
                                                  .text = "not a valid host name" };

    on_answered(&entry->question, &invalid);
}

static void ask(struct entry *entry, bool is_valid)
{
    entry->expires = 0;
    entry->is_asking = true;
    if (is_valid)
        rp_dns_ask(entry->resolver->channel, &entry->question, entry->name);
    else
        fail_by_name(entry);
}

/* ---- looking up ---- */

static bool parse_literal(struct rp_slice host, struct rp_address *ret)
{
    char text[INET6_ADDRSTRLEN];

    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = rp_slice(host.ptr + 1, host.len - 2);
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    *ret = (struct rp_address){ .len = 0 };
    if (strlen(text) != host.len)
        return false;
    if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->len = sizeof(ret->v4);
    } else if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->len = sizeof(ret->v6);
    }
    return ret->len > 0;
}

/* How many addresses @host is, up to the maximum; 0 = it is a name. */
static size_t parse_literals(struct rp_slice host, struct rp_address ret[RP_ADDRESSES_MAX])
{
    for (size_t count = 0; count < RP_ADDRESSES_MAX;) {
        const char *comma = memchr(host.ptr, ',', host.len);
        size_t len = comma ? (size_t)(comma - host.ptr) : host.len;

        if (!parse_literal(rp_slice(host.ptr, len), &ret[count++]))
            return 0;
        if (!comma)
            return count;
        host = rp_slice(comma + 1, host.len - len - 1);
    }
    return RP_ADDRESSES_MAX;
}

bool rp_dns_is_address(struct rp_slice host)
{
    struct rp_address addresses[RP_ADDRESSES_MAX];

    return host.len && parse_literals(host, addresses);
}

/* The entry of @host, made if need be; NULL = no memory. A name that can be none shares the entry
 * of "". */
static struct entry *acquire(struct rp_resolver *resolver, struct rp_slice host)
{
    char name[NAME_MAX_LEN];
    size_t len = host.len > 0 && host.len <= sizeof(name) && !memchr(host.ptr, '\0', host.len)
                     ? host.len
                     : 0;
    struct entry *entry;
    uint64_t hash;

    for (size_t i = 0; i < len; i++)
        name[i] = to_lower(host.ptr[i]);
    hash = rp_hash_bytes(name, len, 0);
    entry = find(resolver, name, len, hash);
    if (!entry)
        return entry_new(resolver, name, len, hash);
    rp_list_remove(&entry->age_node);
    rp_list_append(&resolver->by_age, &entry->age_node);
    return entry;
}

int rp_resolve(struct rp_resolver *resolver, struct rp_slice host, struct rp_lookup *lookup,
               const struct rp_address **ret_addresses, size_t *ret_count)
{
    struct entry *entry;

    rp_assert(!lookup->entry);
    *ret_count = host.len ? parse_literals(host, resolver->literals) : 0;
    if (*ret_count) {
        *ret_addresses = resolver->literals;
        return 1;
    }
    entry = acquire(resolver, host);
    if (!entry)
        return -ENOMEM;
    if (!is_fresh(entry) && !is_under_way(entry))
        ask(entry, entry->name_len > 0);
    if (is_fresh(entry)) { /* cached, or of /etc/hosts just now */
        *ret_addresses = entry->answer.addresses;
        *ret_count = entry->answer.count;
        return 1;
    }
    lookup->entry = entry;
    rp_list_append(&entry->lookups, &lookup->node);
    return 0;
}

void rp_lookup_cancel(struct rp_lookup *lookup)
{
    if (!lookup->entry)
        return;
    rp_list_remove(&lookup->node);
    lookup->entry = NULL;
}

/* ---- life ---- */

int rp_resolver_new(struct rp_loop *loop, struct rp_resolver **ret)
{
    /* With one server that does not answer a look-up ends after 3 + 6 s. */
    static const struct rp_resolver_options usual = { .timeout_ms = 3000, .tries = 2 };

    return rp_resolver_new_with(loop, &usual, ret);
}

int rp_resolver_new_with(struct rp_loop *loop, const struct rp_resolver_options *options,
                         struct rp_resolver **ret)
{
    struct rp_resolver *resolver = rp_calloc(1, sizeof(*resolver));
    int r;

    if (!resolver)
        return -ENOMEM;
    resolver->loop = loop;
    rp_list_init(&resolver->by_age);
    for (size_t i = 0; i < BUCKETS; i++)
        rp_list_init(&resolver->buckets[i]);
    r = rp_dns_channel_new(loop, options, &resolver->channel);
    if (r < 0) {
        rp_free(resolver);
        return r;
    }
    *ret = resolver;
    return 0;
}

void rp_resolver_set_policy(struct rp_resolver *resolver, const struct rp_dns_policy *policy)
{
    resolver->policy = *policy;
    rp_dns_channel_set_policy(resolver->channel, policy);
}

const struct rp_dns_policy *rp_resolver_policy(const struct rp_resolver *resolver)
{
    return &resolver->policy;
}

void rp_resolver_free(struct rp_resolver *resolver)
{
    if (!resolver)
        return;
    rp_dns_channel_free(resolver->channel); /* before the entries, which its questions are in */
    RP_LIST_EACH (node, &resolver->by_age) {
        struct entry *entry = entry_of_age(node);

        rp_assert(rp_list_is_empty(&entry->lookups) && !entry->is_delivering);
        entry_free(entry);
    }
    rp_free(resolver);
}
