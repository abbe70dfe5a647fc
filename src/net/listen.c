/* SPDX-License-Identifier: MIT */
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static void hint_at_addresses(struct rp_error *err)
{
    rp_error_hint(err,
                  "name an address of this machine, such as 127.0.0.1; 0.0.0.0 stands for all");
}

int rp_listen(struct rp_loop *loop, struct rp_listener *listener, const char *host, uint16_t port,
              struct rp_error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *addresses;
    char service[8];
    int r = -EADDRNOTAVAIL, code;

    snprintf(service, sizeof(service), "%u", port);
    code = getaddrinfo(host, service, &hints, &addresses);
    if (code) {
        rp_error_set(err, -RP_EUSER, "cannot listen on '%s': %s", host, gai_strerror(code));
        hint_at_addresses(err);
        return -RP_EUSER;
    }
    for (const struct addrinfo *it = addresses; it && r < 0; it = it->ai_next)
        r = rp_listener_open(loop, listener, it->ai_addr, it->ai_addrlen);
    freeaddrinfo(addresses);
    if (r >= 0 || r == -ENOMEM)
        return r < 0 ? rp_error_set(err, r, "out of memory") : 0;
    rp_error_set(err, -RP_EUSER, "cannot listen on '%s' port %u: %s", host, port, strerror(-r));
    if (r == -EADDRINUSE)
        rp_error_hint(err, "choose another port; port 0 lets the system choose");
    else if (r == -EADDRNOTAVAIL)
        hint_at_addresses(err);
    return -RP_EUSER;
}

int rp_listen_name(const struct rp_listener *listener, char name[RP_LISTEN_NAME_MAX])
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    char host[RP_LISTEN_NAME_MAX - 16], port[8];
    bool is_v6;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
        return -errno;
    if (getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return -EIO;
    is_v6 = address.ss_family == AF_INET6;
    snprintf(name, RP_LISTEN_NAME_MAX, "%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    return 0;
}
