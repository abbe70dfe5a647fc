/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/failure.h - why a connection was not made, or broke: the same few reasons for every protocol.
 *
 * A protocol's client maps reasons to the error codes that its users see, in one table of its own.
 * A layer that can fail in a way that none of these names adds a reason here.
 */

enum rp_net_reason {
    RP_NET_HOST_NOT_FOUND,
    RP_NET_LOOKUP_FAILED,
    RP_NET_LOOKUP_TIMEOUT,
    RP_NET_REFUSED,
    RP_NET_UNREACHABLE,
    RP_NET_CONNECT_TIMEOUT,
    RP_NET_CONNECT_FAILED, /* for another reason; the detail is errno's text */
    RP_NET_NO_DESCRIPTORS, /* this process or this machine ran out of file descriptors */
    RP_NET_NO_PORTS,       /* this machine ran out of local ports */
    RP_NET_NOT_ALLOWED,    /* no address of the server is in the networks that are allowed */
    RP_NET_NO_SOURCE,      /* none of the addresses to connect from can reach the server's */
    RP_NET_HANDSHAKE_FAILED,
    RP_NET_HANDSHAKE_TIMEOUT,
    /* The server's certificate is not accepted: nobody here trusts who signed it, it is for another
     * host, or for another time. */
    RP_NET_UNKNOWN_AUTHORITY,
    RP_NET_WRONG_HOST,
    RP_NET_EXPIRED,
    RP_NET_TRUNCATED, /* TCP has ended, and the layer above it has not */
    RP_NET_TLS,       /* an open connection: an alert, or bytes that are no TLS */
    /* The proxy wants a user and a password, or other ones; does not want to connect to the server, or
     * cannot; answers in another language; ends the connection in place of an answer. */
    RP_NET_PROXY_AUTH,
    RP_NET_PROXY_REFUSED,
    RP_NET_PROXY_NO_SERVER,
    RP_NET_PROXY_BAD,
    RP_NET_PROXY_CLOSED,
    RP_NET_RESET,
    RP_NET_BROKE, /* an open connection, for another reason; the detail is errno's text */
    RP_NET_REASON_COUNT
};

struct rp_net_failure {
    enum rp_net_reason reason;
    /* One clause that says more than the reason; NULL = there is none. Valid only in the callback
     * that has the failure. */
    const char *detail;
};

const char *rp_net_reason_text(enum rp_net_reason reason); /* one clause: "connection refused" */

/* What @status (-errno) means when it ends a connect, and when it ends an open connection. */
struct rp_net_failure rp_net_connect_failure(int status);
struct rp_net_failure rp_net_break(int status);
