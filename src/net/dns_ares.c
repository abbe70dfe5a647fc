/* SPDX-License-Identifier: MIT */

/*
 * Two c-ares channels on a loop. One reads /etc/hosts, and answers at once. The other asks name
 * servers: its sockets are watched, its time-outs are one timer. c-ares sorts the addresses of a
 * family by the rules of RFC 6724. It would wait for both families, so each is a question of its
 * own.
 */

#include "net/net_internal.h"

#include <ares.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define RESOLUTION_DELAY (50 * RP_MS)

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
    ares_channel ares, files;
    struct rp_timer timer;
    struct socket_watch sockets[SOCKETS_MAX]; /* free when not watched */
    sa_family_t only, preferred;              /* of struct rp_dns_policy */
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

/* Whether this machine could send something to @address: a socket for datagrams sends nothing. */
static bool is_reachable(const struct rp_address *address)
{
    int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

    if (fd < 0)
        return false;
    r = connect(fd, &address->any, address->len);
    close(fd);
    return r == 0;
}

/* Both families have addresses: those of IPv6 come first when they can be reached (RFC 6724), and
 * neither takes all the room. */
static void merge(struct rp_dns_answer *all, const struct rp_dns_answer *more)
{
    const struct rp_dns_answer old = *all, *six, *four;
    const size_t half = RP_ADDRESSES_MAX / 2;
    size_t first;
    bool six_first;

    six = old.addresses[0].any.sa_family == AF_INET6 ? &old : more;
    four = six == &old ? more : &old;
    six_first = is_reachable(&six->addresses[0]);
    if (!six_first) {
        const struct rp_dns_answer *other = six;

        six = four;
        four = other;
    }
    first = four->count < half ? RP_ADDRESSES_MAX - four->count : half;
    first = six->count < first ? six->count : first;
    memcpy(all->addresses, six->addresses, first * sizeof(*all->addresses));
    all->count = first + four->count < RP_ADDRESSES_MAX ? first + four->count : RP_ADDRESSES_MAX;
    memcpy(all->addresses + first, four->addresses, (all->count - first) * sizeof(*all->addresses));
    all->lifetime = old.lifetime < more->lifetime ? old.lifetime : more->lifetime;
}

/* Addresses count more than failures, and of two failures the one that says less of the name. */
static void gather(struct rp_dns_answer *all, const struct rp_dns_answer *more)
{
    if (all->count && more->count)
        merge(all, more);
    else if (more->count || (!all->count && (!all->text || all->status == RP_DNS_NOT_FOUND)))
        *all = *more;
}

static bool has_family(const struct rp_dns_answer *answer, sa_family_t family)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->addresses[i].any.sa_family == family)
            return true;
    return false;
}

/* Leaves of @answer what the policy wants. */
static void choose(const struct rp_dns_channel *channel, struct rp_dns_answer *answer)
{
    sa_family_t family = channel->only;
    size_t kept = 0;

    if (!family && has_family(answer, channel->preferred))
        family = channel->preferred;
    if (!family)
        return;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->addresses[i].any.sa_family == family)
            answer->addresses[kept++] = answer->addresses[i];
    answer->count = kept;
}

static void tell(struct rp_dns_question *question)
{
    struct rp_dns_answer chosen = question->gathered;

    rp_timer_disarm(&question->timer);
    question->is_told = true;
    choose(question->channel, &chosen);
    question->fn(question, &chosen);
}

static void delay_is_over(struct rp_timer *timer, rp_ns now)
{
    tell(rp_container_of(timer, struct rp_dns_question, timer));
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct rp_dns_question *question = ((struct rp_dns_part *)user)->question;
    struct rp_dns_channel *channel = question->channel;
    struct rp_dns_answer answer = { .count = 0 };

    if (status == ARES_SUCCESS)
        copy_addresses(&answer, info);
    ares_freeaddrinfo(info);
    if (channel->closing)
        return;
    question->under_way--;
    describe(&answer, status);
    if (answer.status != RP_DNS_OK)
        answer.lifetime = 0;
    gather(&question->gathered, &answer);
    if ((!question->under_way && (!question->is_told || answer.count)) ||
        (channel->preferred && has_family(&answer, channel->preferred)))
        tell(question);
    else if (question->under_way && question->gathered.count && !channel->preferred)
        rp_timer_arm(channel->loop, &question->timer, rp_loop_now(channel->loop) + RESOLUTION_DELAY,
                     delay_is_over);
}

static void on_local_answer(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct rp_dns_question *question = user;

    if (status == ARES_SUCCESS)
        copy_addresses(&question->gathered, info);
    ares_freeaddrinfo(info);
}

/* Whether /etc/hosts has the name. The dot at the end of a whole name does not stand there. */
static bool ask_files(struct rp_dns_question *question, const char *name)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    char relative[256];
    size_t len = strlen(name);

    if (len == 0 || len >= sizeof(relative))
        return false;
    memcpy(relative, name, len + 1);
    if (relative[len - 1] == '.')
        relative[len - 1] = '\0';
    ares_getaddrinfo(question->channel->files, relative, NULL, &hints, on_local_answer, question);
    choose(question->channel, &question->gathered);
    if (!question->gathered.count)
        return false;
    question->gathered.lifetime = LIFETIME_LOCAL;
    return true;
}

void rp_dns_ask(struct rp_dns_channel *channel, struct rp_dns_question *question, const char *name)
{
    struct ares_addrinfo_hints four = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct ares_addrinfo_hints six = { .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM };

    question->channel = channel;
    question->four.question = question->six.question = question;
    question->is_told = false;
    question->gathered = (struct rp_dns_answer){ .count = 0 };
    if (ask_files(question, name)) {
        tell(question);
        return;
    }
    question->gathered = (struct rp_dns_answer){ .count = 0 };
    question->under_way = channel->only ? 1 : 2;
    if (channel->only != AF_INET)
        ares_getaddrinfo(channel->ares, name, NULL, &six, on_answer, &question->six);
    if (channel->only != AF_INET6)
        ares_getaddrinfo(channel->ares, name, NULL, &four, on_answer, &question->four);
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
    char by_name_servers[] = "b", by_files[] = "f";
    struct ares_options settings = { .sock_state_cb = on_socket_state,
                                     .sock_state_cb_data = channel,
                                     .timeout = options->timeout_ms,
                                     .tries = options->tries,
                                     .lookups = by_name_servers };
    struct ares_options local = { .lookups = by_files };
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
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
    if (r == 0)
        r = from_ares(ares_init_options(&channel->files, &local, ARES_OPT_LOOKUPS));
    if (r < 0)
        channel->files = NULL;
    if (r < 0) {
        rp_dns_channel_free(channel);
        return r;
    }
    *ret = channel;
    return 0;
}

void rp_dns_channel_set_policy(struct rp_dns_channel *channel, const struct rp_dns_policy *policy)
{
    channel->only = policy->only;
    channel->preferred = policy->preferred;
}

void rp_dns_channel_free(struct rp_dns_channel *channel)
{
    if (!channel)
        return;
    channel->closing = true;
    if (channel->ares)
        ares_destroy(channel->ares); /* closes and so stops the sockets */
    if (channel->files)
        ares_destroy(channel->files);
    ares_library_cleanup();
    rp_timer_disarm(&channel->timer);
    rp_free(channel);
}
