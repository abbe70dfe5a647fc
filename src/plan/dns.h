/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/dns.h - what the setting "dns" says: how long answers of names are kept, which addresses of theirs are used.
 *
 * A plan has pairs of texts, with k6's names and values; what is left out stays as it is without the setting.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/time.h"
#include "plan/plan.h"

/* Which one of several addresses a connection tries first. */
enum rp_dns_select { RP_DNS_VU, RP_DNS_FIRST, RP_DNS_ROUND_ROBIN, RP_DNS_RANDOM };
enum rp_dns_families {
    RP_DNS_ANY,
    RP_DNS_PREFER_IPV4,
    RP_DNS_PREFER_IPV6,
    RP_DNS_ONLY_IPV4,
    RP_DNS_ONLY_IPV6,
};

struct rp_dns_settings { /* zeroed = nothing is said */
    bool has_ttl;
    rp_ns ttl; /* RP_NS_NEVER = the first answer holds */
    enum rp_dns_select select;
    enum rp_dns_families families;
};

/* -RP_EUSER with what is wrong. @ret may be NULL. */
RP_NODISCARD int rp_dns_settings_parse(const struct rp_pairs *dns, struct rp_dns_settings *ret,
                                       struct rp_error *err);
/* Adds what an option of the command line says: "ttl=5m,select=first". */
RP_NODISCARD int rp_dns_option_add(const char *text, struct rp_pairs *dns, struct rp_error *err);
