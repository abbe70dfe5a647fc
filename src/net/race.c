/* SPDX-License-Identifier: MIT */
#include "net/race.h"

#include <errno.h>
#include <unistd.h>

/* The next address is tried by the timer, which has passed when there is nothing to wait for: so
 * nothing ends inside rp_race_start(). */
static void try_next(struct rp_timer *timer, rp_ns now);

static void stop(struct rp_attempt *attempt, bool keep)
{
    if (attempt->fd < 0)
        return;
    rp_watch_stop(&attempt->watch);
    if (!keep)
        close(attempt->fd);
    attempt->fd = -1;
    attempt->race->under_way--;
}

void rp_race_cancel(struct rp_race *race)
{
    rp_timer_disarm(&race->timer);
    for (size_t i = 0; i < race->next; i++)
        stop(&race->attempts[i], false);
}

/* Whether this machine lacks something. That says nothing about the address. */
static bool is_own_lack(int status, enum rp_net_reason reason)
{
    return reason == RP_NET_NO_DESCRIPTORS || reason == RP_NET_NO_PORTS || status == -ENOMEM ||
           status == -ENOBUFS;
}

static void failed(struct rp_race *race, size_t which, int status)
{
    const struct rp_net_failure failure = rp_net_connect_failure(status); /* outlives the race */
    rp_ns now = rp_loop_now(race->loop);

    if (!is_own_lack(status, failure.reason))
        rp_destination_avoid(race->destination, &race->addresses[which], now);
    if (race->next < race->count)
        rp_timer_arm(race->loop, &race->timer, now, try_next);
    else if (!race->under_way)
        race->done(race, -1, &failure);
}

/* Those that were tried before the winner are avoided from here on. */
static void won(struct rp_race *race, size_t which)
{
    int fd = race->attempts[which].fd;

    race->winner = which;
    stop(&race->attempts[which], true);
    for (size_t i = 0; i < which; i++)
        if (race->attempts[i].fd >= 0)
            rp_destination_avoid(race->destination, &race->addresses[i], rp_loop_now(race->loop));
    rp_destination_won(race->destination, &race->addresses[which]);
    rp_race_cancel(race);
    race->done(race, fd, NULL);
}

static void on_ready(struct rp_watch *watch, unsigned ready)
{
    struct rp_attempt *attempt = rp_container_of(watch, struct rp_attempt, watch);
    struct rp_race *race = attempt->race;
    size_t which = (size_t)(attempt - race->attempts);
    socklen_t len = sizeof(int);
    int error = 0;

    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error) {
        stop(attempt, false);
        failed(race, which, -error);
    } else {
        won(race, which);
    }
}

static int begin(struct rp_race *race, struct rp_attempt *attempt, const struct rp_address *address)
{
    const struct rp_address with_port = rp_address_with_port(address, race->port);
    const struct rp_address *source;
    int fd, r;

    *attempt = (struct rp_attempt){ .race = race, .fd = -1 };
    race->destination->tried = *address;
    source = rp_local_ips_pick(race->sources, with_port.any.sa_family, race->spread);
    fd = rp_connect_begin(&with_port.any, with_port.len, source ? &source->any : NULL,
                          source ? source->len : 0);
    if (fd < 0)
        return fd;
    r = rp_watch_start(race->loop, &attempt->watch, fd, RP_WRITABLE, on_ready);
    if (r < 0) {
        close(fd);
        return r;
    }
    attempt->fd = fd;
    race->under_way++;
    return 0;
}

static void try_next(struct rp_timer *timer, rp_ns now)
{
    struct rp_race *race = rp_container_of(timer, struct rp_race, timer);
    size_t which = race->next++;
    int r = begin(race, &race->attempts[which], &race->addresses[which]);

    if (r < 0)
        failed(race, which, r);
    else if (race->next < race->count)
        rp_timer_arm(race->loop, &race->timer, now + RP_ATTEMPT_DELAY, try_next);
}

void rp_race_start(struct rp_race *race, struct rp_loop *loop, struct rp_destination *destination,
                   const struct rp_address *addresses, size_t count, uint16_t port,
                   rp_raced_fn *done)
{
    race->loop = loop;
    race->destination = destination;
    race->addresses = addresses;
    race->count = count;
    race->port = port;
    race->done = done;
    race->next = race->under_way = 0;
    race->timer = (struct rp_timer){ .fn = NULL };
    rp_timer_arm(loop, &race->timer, rp_loop_now(loop), try_next);
}
