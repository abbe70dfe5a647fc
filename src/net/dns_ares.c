/* SPDX-License-Identifier: MIT */

/*
 * One c-ares channel on a loop: its sockets are watched, its time-outs are one timer. It reads
 * /etc/hosts by itself and sorts addresses by the rules of RFC 6724.
 */

#include "net/net_internal.h"

#include <ares.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

enum {
    SOCKETS_MAX = 32
}; /* c-ares uses one or two a server, and hardly anyone has more than three */

#define LIFETIME_MIN RP_S
#define LIFETIME_MAX (300 * RP_S)
#define LIFETIME_LOCAL (5 * RP_S) /* /etc/hosts: no time to live, but an edit should show */

struct socket_watch {
    struct rp_watch watch;
    struct rp_dns_channel *channel;
};

struct rp_dns_channel {
    struct rp_loop *loop;
    ares_channel ares;
    struct rp_timer timer;
    struct socket_watch sockets[SOCKETS_MAX]; /* free when not watched */
    bool asking; /* inside ares_getaddrinfo: what is answered is local */
    bool closing;
    bool out_of_watches;
};

/* ---- sockets and time ---- */

static void on_socket(struct rp_watch *watch, unsigned ready);

static struct rp_watch *find_watch(struct rp_dns_channel *channel, int fd)
{
    struct rp_watch *unused = NULL;

    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        struct rp_watch *watch = &channel->sockets[i].watch;

        if (watch->loop && watch->fd == fd)
            return watch;
        if (!watch->loop && !unused)
            unused = watch;
    }
    return unused;
}

static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct rp_dns_channel *channel = user;
    struct rp_watch *watch = find_watch(channel, fd);
    unsigned wanted = (readable ? RP_READABLE : 0u) | (writable ? RP_WRITABLE : 0u);

    if (watch && !wanted && watch->loop)
        rp_watch_stop(watch);
    if (wanted && (!watch || rp_watch_start(channel->loop, watch, fd, wanted, on_socket) < 0))
        channel->out_of_watches = true;
}

static void on_timer(struct rp_timer *timer, rp_ns now);

/* To be called after everything that c-ares has done. */
static void settle(struct rp_dns_channel *channel)
{
    struct timeval tv, *left;

    if (channel->out_of_watches) {
        channel->out_of_watches = false;
        ares_cancel(channel->ares); /* better a failure now than one by time-out */
    }
    left = ares_timeout(channel->ares, NULL, &tv);
    if (left)
        rp_timer_arm(channel->loop, &channel->timer,
                     rp_loop_now(channel->loop) + left->tv_sec * RP_S + left->tv_usec * RP_US,
                     on_timer);
    else
        rp_timer_disarm(&channel->timer);
}

static void on_timer(struct rp_timer *timer, rp_ns now)
{
    struct rp_dns_channel *channel = rp_container_of(timer, struct rp_dns_channel, timer);

    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    settle(channel);
}

static void on_socket(struct rp_watch *watch, unsigned ready)
{
    struct rp_dns_channel *channel = rp_container_of(watch, struct socket_watch, watch)->channel;
    int fd = watch->fd;

    ares_process_fd(channel->ares, ready & RP_READABLE ? fd : ARES_SOCKET_BAD,
                    ready & RP_WRITABLE ? fd : ARES_SOCKET_BAD);
    settle(channel);
}

/* ---- answers ---- */

static void describe(struct rp_dns_answer *answer, int status)
{
    switch (status) {
    case ARES_SUCCESS:
        answer->status = answer->count ? RP_DNS_OK : RP_DNS_NOT_FOUND;
        answer->text = answer->count ? NULL : "the host has no address";
        break;
    case ARES_ENOTFOUND:
    case ARES_ENONAME:
        answer->status = RP_DNS_NOT_FOUND;
        answer->text = "no such host";
        break;
    case ARES_ENODATA:
        answer->status = RP_DNS_NOT_FOUND;
        answer->text = "the host has no address";
        break;
    case ARES_EBADNAME:
        answer->status = RP_DNS_NOT_FOUND;
        answer->text = "not a valid host name";
        break;
    case ARES_ETIMEOUT:
        answer->status = RP_DNS_TIMEOUT;
        answer->text = "the name server did not answer";
        break;
    case ARES_ECANCELLED:
        answer->status = RP_DNS_FAILED;
        answer->text = "the name server's socket could not be watched";
        break;
    case ARES_ECONNREFUSED:
        answer->status = RP_DNS_FAILED;
        answer->text = "the name server cannot be reached";
        break;
    default:
        answer->status = RP_DNS_FAILED;
        answer->text = ares_strerror(status);
    }
}

static void copy_addresses(struct rp_dns_answer *answer, const struct ares_addrinfo *info)
{
    const struct ares_addrinfo_node *node = info ? info->nodes : NULL;

    answer->lifetime = LIFETIME_MAX;
    for (; node && answer->count < RP_ADDRESSES_MAX; node = node->ai_next) {
        struct rp_address *address = &answer->addresses[answer->count];

        if ((node->ai_family != AF_INET && node->ai_family != AF_INET6) ||
            node->ai_addrlen > sizeof(address->v6))
            continue;
        memcpy(&address->any, node->ai_addr, node->ai_addrlen);
        address->len = node->ai_addrlen;
        answer->count++;
        if (node->ai_ttl * RP_S < answer->lifetime)
            answer->lifetime = node->ai_ttl * RP_S;
    }
    if (answer->lifetime < LIFETIME_MIN)
        answer->lifetime = LIFETIME_MIN;
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct rp_dns_question *question = user;
    struct rp_dns_channel *channel = question->channel;
    struct rp_dns_answer answer = { .count = 0 };

    if (status == ARES_SUCCESS)
        copy_addresses(&answer, info);
    ares_freeaddrinfo(info);
    if (channel->closing)
        return;
    describe(&answer, status);
    if (answer.status != RP_DNS_OK)
        answer.lifetime = 0;
    else if (channel->asking)
        answer.lifetime = LIFETIME_LOCAL;
    question->fn(question, &answer);
}

void rp_dns_ask(struct rp_dns_channel *channel, struct rp_dns_question *question, const char *name)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

    question->channel = channel;
    channel->asking = true;
    ares_getaddrinfo(channel->ares, name, NULL, &hints, on_answer, question);
    channel->asking = false;
    settle(channel);
}

/* ---- life ---- */

static int from_ares(int status)
{
    return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int rp_dns_channel_new(struct rp_loop *loop, const struct rp_resolver_options *options,
                       struct rp_dns_channel **ret)
{
    struct rp_dns_channel *channel = rp_calloc(1, sizeof(*channel));
    struct ares_options settings = { .sock_state_cb = on_socket_state,
                                     .sock_state_cb_data = channel,
                                     .timeout = options->timeout_ms,
                                     .tries = options->tries };
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    int r;

    if (!channel)
        return -ENOMEM;
    channel->loop = loop;
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        channel->sockets[i].channel = channel;
    r = from_ares(ares_library_init(ARES_LIB_INIT_ALL)); /* counted */
    if (r < 0) {
        rp_free(channel);
        return r;
    }
    r = from_ares(ares_init_options(&channel->ares, &settings, mask));
    if (r < 0)
        channel->ares = NULL;
    else if (options->servers)
        r = from_ares(ares_set_servers_ports_csv(channel->ares, options->servers));
    if (r < 0) {
        rp_dns_channel_free(channel);
        return r;
    }
    *ret = channel;
    return 0;
}

void rp_dns_channel_free(struct rp_dns_channel *channel)
{
    if (!channel)
        return;
    channel->closing = true;
    if (channel->ares)
        ares_destroy(channel->ares); /* closes and so stops the sockets */
    ares_library_cleanup();
    rp_timer_disarm(&channel->timer);
    rp_free(channel);
}
