/* SPDX-License-Identifier: MIT */
#include "serve/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

enum { BACKLOG = 64, HOST_SIZE = 256 };

/* Splits "HOST:PORT" and "[HOST]:PORT". */
static bool split(const char *address, char host[HOST_SIZE], int64_t *ret_port)
{
    const char *colon = strrchr(address, ':');
    struct rp_slice name = rp_slice(address, colon ? (size_t)(colon - address) : 0);

    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = rp_slice(name.ptr + 1, name.len - 2);
    else if (memchr(name.ptr, ':', name.len))
        return false;
    if (!name.len || name.len >= HOST_SIZE || !rp_parse_i64(rp_slice_str(colon + 1), ret_port))
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    return *ret_port >= 0 && *ret_port <= UINT16_MAX;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}

static int listen_on(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, r;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

/* Whether it stands for all addresses of this machine. */
static bool is_wildcard(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;

        return IN6_IS_ADDR_UNSPECIFIED(v6);
    }
    return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* @host: as it was given. */
static int name_of(int fd, const char *host, bool is_tls, uint16_t *ret_port,
                   char name[RP_TCP_NAME_MAX])
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    char text[HOST_SIZE];
    bool is_v6;

    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return -errno;
    *ret_port = ntohs(address.ss_family == AF_INET6
                          ? ((const struct sockaddr_in6 *)&address)->sin6_port
                          : ((const struct sockaddr_in *)&address)->sin_port);
    if (is_tls && is_wildcard(&address)) {
        if (gethostname(text, sizeof(text)) < 0)
            return -errno;
    } else if (is_tls) {
        snprintf(text, sizeof(text), "%s", host);
    } else if (getnameinfo((struct sockaddr *)&address, len, text, sizeof(text), NULL, 0,
                           NI_NUMERICHOST)) {
        return -EIO;
    }
    is_v6 = strchr(text, ':') != NULL;
    snprintf(name, RP_TCP_NAME_MAX, "%s%s%s:%u", is_v6 ? "[" : "", text, is_v6 ? "]" : "",
             *ret_port);
    return 0;
}

static void hint_at_addresses(struct rp_error *err)
{
    rp_error_hint(err, "name an address of this machine, such as 127.0.0.1");
}

static int refuse(const char *address, int r, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "--serve: cannot listen on '%s': %s", address, strerror(-r));
    if (r == -EADDRINUSE)
        rp_error_hint(err, "choose another port; port 0 lets the system choose");
    else if (r == -EADDRNOTAVAIL)
        hint_at_addresses(err);
    return -RP_EUSER;
}

int rp_tcp_listen(const char *address, bool is_tls, uint16_t *ret_port, char name[RP_TCP_NAME_MAX],
                  struct rp_error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
    char host[HOST_SIZE], service[8];
    bool is_far = false;
    int64_t port;
    int r = -EADDRNOTAVAIL, code;

    if (!split(address, host, &port)) {
        rp_error_set(err, -RP_EUSER, "--serve: '%s' is not HOST:PORT", address);
        rp_error_hint(err, "such as 127.0.0.1:8080, or [::1]:0, where the system chooses the port");
        return -RP_EUSER;
    }
    snprintf(service, sizeof(service), "%d", (int)port);
    code = getaddrinfo(host, service, &hints, &found);
    if (code) {
        rp_error_set(err, -RP_EUSER, "--serve: cannot listen on '%s': %s", address,
                     gai_strerror(code));
        hint_at_addresses(err);
        return -RP_EUSER;
    }
    for (const struct addrinfo *it = found; it; it = it->ai_next)
        is_far = is_far || (!is_tls && !is_loopback(it->ai_addr));
    for (const struct addrinfo *it = found; it && r < 0 && !is_far; it = it->ai_next)
        r = listen_on(it);
    freeaddrinfo(found);
    if (is_far) {
        rp_error_set(err, -RP_EUSER, "--serve: '%s' can be reached from other machines", address);
        rp_error_hint(err,
                      "give it a certificate with --serve-cert and --serve-key, because it "
                      "listens elsewhere than on loopback with TLS only; or use 127.0.0.1:PORT "
                      "and a tunnel such as 'ssh -L'");
        return -RP_EUSER;
    }
    if (r < 0)
        return refuse(address, r, err);
    code = name_of(r, host, is_tls, ret_port, name);
    if (code < 0) {
        close(r);
        return refuse(address, code, err);
    }
    return r;
}
