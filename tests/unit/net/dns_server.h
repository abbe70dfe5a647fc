/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A DNS server for tests, on the loopback and on the loop under test. What it answers is decided by the name alone:
 *
 *   one.test      A 127.0.0.1              two.test     A 127.0.0.1, 127.0.0.2
 *   six.test      AAAA ::1                 both.test    A 127.0.0.3, AAAA ::1
 *   many.test     20 A                     alias.test   CNAME one.test and its A
 *   zero.test     A with a TTL of 0        year.test    A with a TTL of a year
 *   empty.test    no record                fail.test    SERVFAIL
 *   silent.test   nothing is sent          *.wild.test  A 127.0.0.1
 *   four.test     A 127.0.0.1, and nothing is sent for AAAA
 *   sixth.test    AAAA ::1, and nothing is sent for A
 *
 * Others do not exist (NXDOMAIN). The TTL is 60 s where nothing else is said.
 */

#include "loop/loop.h"

struct dns_server {
    struct rp_watch watch;
    int queries;  /* questions received so far */
    char csv[32]; /* "127.0.0.1:PORT" */
};

void dns_server_start(struct dns_server *server, struct rp_loop *loop);
void dns_server_stop(struct dns_server *server);
