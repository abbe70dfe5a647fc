/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/net_internal.h - what only the files of this room and their tests see: the parts of the
 * resolver (dns.c keeps names and their answers, dns_ares.c asks c-ares on the loop) and the inside
 * of a dial.
 */

#include "net/dial.h"
#include "net/dns.h"
#include "net/race.h"

/* ---- the resolver ---- */

struct rp_resolver_options {
    const char *servers; /* "127.0.0.1:5353,..." instead of the system's; NULL = the system's */
    int timeout_ms;      /* of the first try; each round of the servers doubles it */
    int tries;
};

/* rp_resolver_new for tests with servers of their own. */
RP_NODISCARD int rp_resolver_new_with(struct rp_loop *loop,
                                      const struct rp_resolver_options *options,
                                      struct rp_resolver **ret);

struct rp_dns_answer {
    enum rp_dns_status status;
    const char *text; /* static; NULL when status is RP_DNS_OK */
    rp_ns lifetime;   /* how long it may be kept; 0 when status is not RP_DNS_OK */
    size_t count;
    struct rp_address addresses[RP_ADDRESSES_MAX];
};

struct rp_dns_channel;
struct rp_dns_question;
/* Runs when there is an answer, possibly inside rp_dns_ask: once, or a second time with more
 * addresses when one family was answered late. Not when the channel is freed first. Must not call
 * into the channel. */
typedef void rp_dns_answered_fn(struct rp_dns_question *question,
                                const struct rp_dns_answer *answer);

struct rp_dns_part { /* private: the question for the addresses of one family */
    struct rp_dns_question *question;
};

struct rp_dns_question { /* must stay until all of it is answered or the channel is freed */
    rp_dns_answered_fn *fn;
    struct rp_dns_channel *channel; /* private from here */
    struct rp_dns_part four, six;
    struct rp_timer timer; /* the resolution delay */
    unsigned under_way;    /* families that are not answered yet */
    bool is_told;
    struct rp_dns_answer gathered;
};

RP_NODISCARD int rp_dns_channel_new(struct rp_loop *loop, const struct rp_resolver_options *options,
                                    struct rp_dns_channel **ret);
void rp_dns_channel_free(struct rp_dns_channel *channel); /* NULL allowed */
/* Asks /etc/hosts, then for both families at once. What the first of them has is told 50 ms later
 * at the latest (the resolution delay of RFC 8305, 3), whatever becomes of the other. The RFC lets
 * an answer for IPv6 be used at once, because later addresses join the attempts that have begun.
 * Here they do not, and a server that listens on IPv4 only would be refused: both answers wait. */
void rp_dns_ask(struct rp_dns_channel *channel, struct rp_dns_question *question, const char *name);
static inline bool rp_dns_is_under_way(const struct rp_dns_question *question)
{
    return question->under_way > 0;
}

/* ---- a dial ---- */

enum rp_dial_phase { RP_DIAL_WAITING, RP_DIAL_LOOKING_UP, RP_DIAL_OPENING };

struct rp_dial {
    struct rp_dialler *dialler;
    struct rp_dial_spec spec;
    enum rp_dial_phase phase;
    rp_ns phase_began;
    rp_ns looking_up;      /* 0 until it is over */
    struct rp_timer timer; /* the end of the back-off, then the deadline */
    struct rp_lookup lookup;
    struct rp_race race; /* of several addresses */
    size_t count;
    struct rp_address addresses[RP_ADDRESSES_MAX];
};
