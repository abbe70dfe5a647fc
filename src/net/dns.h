/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/dns.h - asynchronous, timed name resolution (c-ares) with a small cache, on a worker's loop.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "loop/loop.h"

enum { RP_ADDRESSES_MAX = 16 };

struct rp_address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};
/* Ports count too. An empty one is equal to another empty one. */
static inline bool rp_address_is(const struct rp_address *address, const struct rp_address *other)
{
    return address->len == other->len && memcmp(&address->any, &other->any, other->len) == 0;
}

static inline struct rp_address rp_address_with_port(const struct rp_address *address,
                                                     uint16_t port)
{
    struct rp_address with_port = *address;

    if (with_port.any.sa_family == AF_INET6)
        with_port.v6.sin6_port = htons(port);
    else
        with_port.v4.sin_port = htons(port);
    return with_port;
}

enum rp_dns_status { RP_DNS_OK, RP_DNS_NOT_FOUND, RP_DNS_TIMEOUT, RP_DNS_FAILED };

/* What is done with the answers of names, which addresses are none of. Zeroed = as they say. */
struct rp_dns_policy {
    bool has_ttl; /* @ttl holds for every answer, also those of /etc/hosts */
    rp_ns ttl;    /* 0 = each look-up asks anew; RP_NS_NEVER = the first answer holds */
    /* AF_INET, AF_INET6 or 0. Nothing else is asked for; addresses of the other family are used only
     * when there is none of this one. */
    sa_family_t only, preferred;
};

struct rp_resolver;
struct rp_lookup;
/* Runs exactly once per started look-up unless cancelled; @text is a short reason when status is
 * not OK. @addresses are in the order to try (IPv4 and IPv6 as the system's rules sort them),
 * without port, valid during the call. */
typedef void rp_lookup_fn(struct rp_lookup *lookup, enum rp_dns_status status,
                          const struct rp_address *addresses, size_t count, const char *text);

/* Zeroed and embedded by the caller. */
struct rp_lookup {
    rp_lookup_fn *fn;
    struct rp_list node; /* private */
    void *entry;         /* private */
};

RP_NODISCARD int rp_resolver_new(struct rp_loop *loop, struct rp_resolver **ret);
void rp_resolver_free(struct rp_resolver *resolver); /* no look-up may be under way; NULL allowed */
/* Before the first look-up. */
void rp_resolver_set_policy(struct rp_resolver *resolver, const struct rp_dns_policy *policy);
const struct rp_dns_policy *rp_resolver_policy(const struct rp_resolver *resolver);

/* Addresses (one, or several with commas between them) or a cached name answer at once: returns 1 with *ret_addresses (borrowed until the
 * next call) and *ret_count set; fn is not called. Otherwise 0: a query is under way and fn will be
 * called. -errno on failure. Queries for the same name share one. Answers are cached for their TTL
 * (at least 1 s, at most 5 min), names of /etc/hosts for 5 s, unless the policy says otherwise;
 * failures are not cached. */
RP_NODISCARD int rp_resolve(struct rp_resolver *resolver, struct rp_slice host,
                            struct rp_lookup *lookup, const struct rp_address **ret_addresses,
                            size_t *ret_count);
void rp_lookup_cancel(struct rp_lookup *lookup); /* no-op when not under way */
/* Whether @host is no name, but what rp_resolve() takes for addresses. */
bool rp_dns_is_address(struct rp_slice host);
