/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/socks5.h - how a client asks a SOCKS5 proxy for a connection, without I/O (RFC 1928, RFC 1929).
 *
 * The proxy is given the address of the server, or its name, which it resolves then. What it says is taken
 * byte by byte, so that no byte of the connection itself is taken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { RP_SOCKS5_OUT_MAX = 600, RP_SOCKS5_TEXT_MAX = 255 };

/* Of the replies, those that say what the proxy does not do, rather than what it cannot reach; from the second
 * one on. */
enum { RP_SOCKS5_NOT_ALLOWED = 2, RP_SOCKS5_NO_COMMAND = 7 };

enum rp_socks5_event {
    RP_SOCKS5_MORE,    /* all input is consumed, more is needed */
    RP_SOCKS5_SEND,    /* what is in @out goes to the proxy */
    RP_SOCKS5_DONE,    /* the connection is there; what is left of the input belongs to it */
    RP_SOCKS5_AUTH,    /* the proxy wants a user and a password, or other ones */
    RP_SOCKS5_REFUSED, /* @reply says why, rp_socks5_reply_text() as a text */
    RP_SOCKS5_BAD,     /* that is no SOCKS5 */
};

struct rp_socks5 {
    /* The caller's; each has at most RP_SOCKS5_TEXT_MAX bytes. No user: none is offered. */
    struct rp_slice user, password, host;
    uint16_t port;
    uint8_t reply;
    unsigned char out[RP_SOCKS5_OUT_MAX];
    size_t out_len;
    uint8_t state; /* private from here */
    size_t got, needed;
    unsigned char in[RP_SOCKS5_TEXT_MAX + 7];
};

/* Writes the first message into @out; the texts and the port are set. */
void rp_socks5_begin(struct rp_socks5 *socks);
/* Consumes bytes from the front of *@input. To be called again after RP_SOCKS5_SEND. */
enum rp_socks5_event rp_socks5_take(struct rp_socks5 *socks, struct rp_slice *input);
/* One clause: "host unreachable". */
const char *rp_socks5_reply_text(uint8_t reply);
