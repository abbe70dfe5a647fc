/* SPDX-License-Identifier: MIT */
#include "net/failure.h"

#include <errno.h>
#include <string.h>

const char *rp_net_reason_text(enum rp_net_reason reason)
{
    static const char *const texts[RP_NET_REASON_COUNT] = {
        [RP_NET_HOST_NOT_FOUND] = "host not found",
        [RP_NET_LOOKUP_FAILED] = "name resolution failed",
        [RP_NET_LOOKUP_TIMEOUT] = "name resolution timeout",
        [RP_NET_REFUSED] = "connection refused",
        [RP_NET_UNREACHABLE] = "host unreachable",
        [RP_NET_CONNECT_TIMEOUT] = "connect timeout",
        [RP_NET_CONNECT_FAILED] = "connect failed",
        [RP_NET_NO_DESCRIPTORS] = "out of file descriptors",
        [RP_NET_NO_PORTS] = "out of local ports",
        [RP_NET_NOT_ALLOWED] = "the address is not in allow_ips",
        [RP_NET_NO_SOURCE] = "no local address of its family",
        [RP_NET_HANDSHAKE_FAILED] = "handshake failed",
        [RP_NET_HANDSHAKE_TIMEOUT] = "handshake timeout",
        [RP_NET_UNKNOWN_AUTHORITY] = "certificate of an unknown authority",
        [RP_NET_WRONG_HOST] = "certificate for another host",
        [RP_NET_EXPIRED] = "certificate expired or not yet valid",
        [RP_NET_TRUNCATED] = "connection truncated",
        [RP_NET_TLS] = "TLS error",
        [RP_NET_PROXY_AUTH] = "proxy authentication failed",
        [RP_NET_PROXY_REFUSED] = "refused by the proxy",
        [RP_NET_PROXY_NO_SERVER] = "server unreachable for the proxy",
        [RP_NET_PROXY_BAD] = "malformed answer of the proxy",
        [RP_NET_PROXY_CLOSED] = "closed by the proxy",
        [RP_NET_RESET] = "connection reset",
        [RP_NET_BROKE] = "connection broke",
    };

    return texts[reason];
}

static struct rp_net_failure with_errno(enum rp_net_reason reason, int status)
{
    return (struct rp_net_failure){ reason, strerrordesc_np(-status) };
}

struct rp_net_failure rp_net_connect_failure(int status)
{
    switch (-status) {
    case ECONNREFUSED:
        return (struct rp_net_failure){ .reason = RP_NET_REFUSED };
    case ETIMEDOUT:
        return (struct rp_net_failure){ .reason = RP_NET_CONNECT_TIMEOUT };
    case ECONNRESET:
        return (struct rp_net_failure){ .reason = RP_NET_RESET };
    case EMFILE:
    case ENFILE:
        return (struct rp_net_failure){ .reason = RP_NET_NO_DESCRIPTORS };
    case EADDRNOTAVAIL:
        return (struct rp_net_failure){ .reason = RP_NET_NO_PORTS };
    case EHOSTUNREACH:
    case ENETUNREACH:
        return with_errno(RP_NET_UNREACHABLE, status);
    default:
        return with_errno(RP_NET_CONNECT_FAILED, status);
    }
}

struct rp_net_failure rp_net_break(int status)
{
    if (status == -ECONNRESET || status == -EPIPE)
        return (struct rp_net_failure){ .reason = RP_NET_RESET };
    return with_errno(RP_NET_BROKE, status);
}
