/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/hosts.h - where connections to a host go instead of to its own address.
 *
 * A plan has pairs of texts, as k6 has them. The key is HOST or HOST:PORT; HOST is a name, an address,
 * "*.example.com" for all names below example.com, or "*" for every host. The value is HOST, HOST:PORT or :PORT,
 * where what is left out stays as it is, addresses with commas between them and one port at most, or
 * unix:PATH for a socket of this machine.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "plan/plan.h"

struct rp_host_rule { /* slices of the two texts */
    struct rp_slice host;
    bool is_any, is_below; /* every host; those that end with @host, which begins with a dot */
    uint16_t port;         /* 0 = any */
    struct rp_slice to;    /* empty = the same host; or several addresses */
    uint16_t to_port;      /* 0 = the same */
    bool is_unix;          /* @to is a path */
};

/* -RP_EUSER with what is wrong. @ret may be NULL. */
RP_NODISCARD int rp_host_rule_parse(const char *key, const char *value, struct rp_host_rule *ret,
                                    struct rp_error *err);
/* The rule of @hosts for a connection to @host and @port, which is the closest one: a name before a
 * pattern, with a port before without. False = there is none. */
bool rp_host_rule_find(const struct rp_pairs *hosts, struct rp_slice host, uint16_t port,
                       struct rp_host_rule *ret);

enum rp_host_option_kind {
    RP_HOST_RESOLVE,    /* HOST:PORT:ADDRESS */
    RP_HOST_CONNECT_TO, /* HOST1:PORT1:HOST2:PORT2, each of which may be empty */
    RP_HOST_UNIX,       /* PATH */
};
/* Adds the rule that an option of the command line says. */
RP_NODISCARD int rp_host_option_add(enum rp_host_option_kind kind, const char *text,
                                    struct rp_pairs *hosts, struct rp_error *err);
