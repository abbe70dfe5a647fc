/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/destination.h - what the dials of a worker to one host and port have learnt, for the next
 * ones: whether the server refuses, which family of addresses works, which addresses do not.
 *
 * A destination belongs to whoever keeps the hosts (the HTTP client has one for each origin), so
 * that a host which refuses holds up nobody who wants another one. Zeroed = nothing is known.
 */

#include "net/dns.h"

enum { RP_AVOIDED_MAX = RP_ADDRESSES_MAX };

struct rp_avoided {
    struct rp_address address;
    rp_ns until;
};

struct rp_destination {
    /* Dials to a server that fails wait: a user that dials in a loop must not spin. After two
     * failures in a row the next dial begins 10 ms after the last one, then 20, 40, 80, 100 ms. A
     * passed deadline is no failure here. */
    unsigned failures;
    rp_ns last;         /* when the last of them ended */
    sa_family_t family; /* of the address that was connected last; 0 = none was */
    unsigned turn;      /* of dials that take the addresses in turn */
    /* What the last dial has found, of the family that it has preferred; none = there was no dial. */
    size_t known_count;
    struct rp_address known[RP_ADDRESSES_MAX];
    struct rp_address tried; /* the last one that was tried, for people; empty = none was */
    /* Addresses that failed, or were slower than one that was tried after them. */
    rp_ns avoid_for; /* how long they are, set by its owner; 0 = 10 s */
    size_t avoided_count;
    struct rp_avoided avoided[RP_AVOIDED_MAX];
};

/* When the next dial may begin; in the past = at once. */
rp_ns rp_destination_ready(const struct rp_destination *destination);

/* Puts @addresses into the order in which they are to be tried (RFC 8305, 4): the families in turn,
 * that of the last winner first, else that of the first address; within a family another one first
 * for each value of @spread, so that the users of a host with several addresses load all of them;
 * what is avoided comes last. @aim (NULL = none) comes before all others if it is one of them. An address
 * whose time is over is tried again by one dial before the others trust it. */
void rp_destination_order(struct rp_destination *destination, struct rp_address *addresses,
                          size_t count, unsigned spread, const struct rp_address *aim, rp_ns now);

/* @address was connected. */
void rp_destination_won(struct rp_destination *destination, const struct rp_address *address);
/* @address failed, or was not ready when one that was tried after it was. */
void rp_destination_avoid(struct rp_destination *destination, const struct rp_address *address,
                          rp_ns now);
bool rp_destination_avoids(const struct rp_destination *destination,
                           const struct rp_address *address, rp_ns now);
