/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/networks.h - a list of networks that connections may lead to.
 *
 * It keeps a test from loading a server that nobody meant, such as the one that a redirect names. It
 * is asked with the address that is about to be connected to: what a name means, and when, does not
 * matter.
 */

#include <stdbool.h>

#include "base/error.h"
#include "net/dns.h"

enum { RP_NETWORKS_MAX = 1024 };

struct rp_network {
    sa_family_t family;
    unsigned char address[16]; /* of IPv4 the first four bytes count */
    unsigned bits;             /* of them that say which network it is */
};

struct rp_networks { /* zeroed = all networks */
    struct rp_network *items;
    size_t count;
};

/* Addresses, and networks such as "10.0.0.0/8", separated by commas. -RP_EUSER: the text is wrong, or
 * lists more than RP_NETWORKS_MAX; -ENOMEM. @ret must be zeroed; free it in every case. */
RP_NODISCARD int rp_networks_parse(struct rp_networks *ret, const char *text, struct rp_error *err);
void rp_networks_deinit(struct rp_networks *networks);
/* Whether one of them has the address. An IPv4 address in an IPv6 one (::ffff:10.0.0.1) counts as what it is. */
bool rp_networks_have(const struct rp_networks *networks, const struct rp_address *address);
