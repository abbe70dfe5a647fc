/* SPDX-License-Identifier: MIT */
#pragma once

/* net/local_ips.h - the addresses of this machine that connections come from. */

#include "base/error.h"
#include "net/dns.h"

enum { RP_LOCAL_IPS_MAX = 65536 };

struct rp_local_ips { /* zeroed = the system chooses */
    struct rp_address *items;
    size_t count;
};

/* Addresses, ranges "10.0.0.5-10.0.0.9" and networks "10.0.0.0/28", separated by commas. -RP_EUSER: the text is
 * wrong, or this machine does not have one of them. @ret must be zeroed; free it in every case. */
RP_NODISCARD int rp_local_ips_parse(struct rp_local_ips *ret, const char *text,
                                    struct rp_error *err);
void rp_local_ips_deinit(struct rp_local_ips *sources);
/* One of @family for the user of this number; NULL = there is none. */
const struct rp_address *rp_local_ips_pick(const struct rp_local_ips *sources, sa_family_t family,
                                           unsigned number);
