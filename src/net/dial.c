/* SPDX-License-Identifier: MIT */

/*
 * A dial goes through three phases: waiting (for the back-off, and for the next turn at least),
 * looking up, opening. In the last one it is the user of the stack's top transport; in the end it
 * hands that over. A single address is connected by the stack itself; of several ones a race finds
 * the socket, which the stack takes over.
 */

#include "net/dial.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "net/net_internal.h"

int rp_dialler_init(struct rp_dialler *dialler, struct rp_loop *loop)
{
    *dialler = (struct rp_dialler){ .loop = loop };
    return rp_resolver_new(loop, &dialler->resolver);
}

void rp_dialler_deinit(struct rp_dialler *dialler)
{
    rp_resolver_free(dialler->resolver);
    rp_local_ips_deinit(&dialler->sources);
    rp_networks_deinit(&dialler->networks);
    dialler->resolver = NULL;
}

/* ---- the end ---- */

struct rp_dial_times rp_dial_times(const struct rp_dial *dial, rp_ns now)
{
    struct rp_dial_times times = { .looking_up = dial->looking_up };
    const struct rp_transport *it;

    if (dial->phase == RP_DIAL_LOOKING_UP)
        times.looking_up += now - dial->phase_began;
    if (dial->phase != RP_DIAL_OPENING)
        return times;
    for (it = dial->spec.stack->top; it; it = it->below) {
        rp_ns began = it->below ? it->below->opened : dial->phase_began;
        rp_ns ended = it->opened ? it->opened : now;

        if (began && it->ops->is_handshake)
            times.handshaking += ended - began;
        else if (began)
            times.connecting += ended - began;
    }
    return times;
}

static void dial_free(struct rp_dial *dial)
{
    rp_timer_disarm(&dial->timer);
    rp_lookup_cancel(&dial->lookup);
    if (dial->phase == RP_DIAL_OPENING)
        rp_race_cancel(&dial->race);
    rp_free(dial);
}

void rp_dial_cancel(struct rp_dial *dial)
{
    rp_transport_close(dial->spec.stack->top, true);
    dial_free(dial);
}

static void end(struct rp_dial *dial, const struct rp_net_failure *failure, rp_ns now)
{
    struct rp_dial_times times = rp_dial_times(dial, now);
    struct rp_dial_spec spec = dial->spec;

    if (spec.peer)
        *spec.peer = dial->peer ? *dial->peer : (struct rp_address){ .len = 0 };
    dial_free(dial);
    spec.done(spec.user, failure, &times);
}

/* The deadline is the user's, and says nothing about the server: it adds nothing to the back-off.
 */
static void time_out(struct rp_dial *dial, enum rp_net_reason reason)
{
    struct rp_net_failure failure = { .reason = reason };

    rp_transport_close(dial->spec.stack->top, true);
    end(dial, &failure, rp_loop_now(dial->dialler->loop));
}

static void fail(struct rp_dial *dial, const struct rp_net_failure *failure)
{
    struct rp_dialler *dialler = dial->dialler;
    rp_ns now = rp_loop_now(dialler->loop);

    dial->spec.destination->failures++;
    dial->spec.destination->last = now;
    dialler->no_descriptors += failure->reason == RP_NET_NO_DESCRIPTORS;
    dialler->no_ports += failure->reason == RP_NET_NO_PORTS;
    end(dial, failure, now);
}

/* ---- opening ---- */

/* The lowest transport that is not open. */
static const struct rp_transport *lowest_closed(const struct rp_dial *dial)
{
    const struct rp_transport *it = dial->spec.stack->top;

    while (it->below && !it->below->opened)
        it = it->below;
    return it;
}

/* When the handshake that is under way began; 0 = there is none. */
static rp_ns handshake_began(const struct rp_dial *dial)
{
    const struct rp_transport *it = lowest_closed(dial);

    return it->below && it->ops->is_handshake ? it->below->opened : 0;
}

static void fail_connect(struct rp_dial *dial, int status)
{
    struct rp_net_failure failure = rp_net_connect_failure(status);

    fail(dial, &failure);
}

/* @status: of an attempt to connect the stack. */
static void check_connect(struct rp_dial *dial, int status)
{
    if (status < 0)
        fail_connect(dial, status);
}

static void connected(struct rp_transport *transport, const struct rp_net_failure *failure)
{
    struct rp_dial *dial = transport->user;

    if (failure) {
        fail(dial, failure);
        return;
    }
    dial->spec.destination->failures = 0;
    transport->events = dial->spec.events;
    transport->user = dial->spec.user;
    end(dial, NULL, transport->opened);
}

static void raced(struct rp_race *race, int fd, const struct rp_net_failure *failure)
{
    struct rp_dial *dial = rp_container_of(race, struct rp_dial, race);
    struct rp_stack *stack = dial->spec.stack;
    int r;

    if (failure) {
        fail(dial, failure);
        return;
    }
    dial->peer = &dial->addresses[race->winner];
    rp_tcp_give(&stack->bottom, fd);
    r = rp_transport_connect(stack->top, &dial->addresses[0], dial->spec.port);
    if (r < 0) /* a layer may have failed before it asked for the socket */
        rp_transport_close(&stack->bottom.transport, true);
    check_connect(dial, r);
}

static const struct rp_transport_events opening_events = { .connected = connected };

/* Has the stack take over @fd, a socket whose connect has begun. */
static int connect_on(struct rp_dial *dial, int fd)
{
    struct rp_stack *stack = dial->spec.stack;
    int r;

    if (fd < 0)
        return fd;
    rp_tcp_give(&stack->bottom, fd);
    r = rp_transport_connect(stack->top, &dial->addresses[0], dial->spec.port);
    if (r < 0)
        rp_transport_close(&stack->bottom.transport, true);
    return r;
}

static void connect_one(struct rp_dial *dial)
{
    const struct rp_address *to = &dial->addresses[0], *source;
    struct rp_address with_port;

    dial->peer = to; /* whether it works or not: there is no other one */
    source = rp_local_ips_pick(&dial->dialler->sources, to->any.sa_family, dial->spec.spread);
    if (!source) { /* none was chosen: leave_reachable() */
        check_connect(dial, rp_transport_connect(dial->spec.stack->top, to, dial->spec.port));
        return;
    }
    with_port = rp_address_with_port(to, dial->spec.port);
    check_connect(dial, connect_on(dial, rp_connect_begin(&with_port.any, with_port.len,
                                                          &source->any, source->len)));
}

static void deadline_passed(struct rp_timer *timer, rp_ns now);
static rp_ns limit_of(const struct rp_dial *dial, rp_ns now);

/* A server that listens there and is slow to accept lets nobody wait: its queue is full, and it is tried
 * again. */
static void open_unix(struct rp_timer *timer, rp_ns now)
{
    struct rp_dial *dial = rp_container_of(timer, struct rp_dial, timer);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int r;

    if (now >= dial->spec.deadline) {
        deadline_passed(timer, now);
        return;
    }
    memcpy(address.sun_path, dial->spec.unix_path,
           strnlen(dial->spec.unix_path, sizeof(address.sun_path) - 1));
    r = rp_connect_begin((const struct sockaddr *)&address, sizeof(address), NULL, 0);
    if (r == -EAGAIN) {
        rp_timer_arm(dial->dialler->loop, timer, now + RP_MS, open_unix);
        return;
    }
    rp_timer_arm(dial->dialler->loop, timer, limit_of(dial, now), deadline_passed);
    check_connect(dial, connect_on(dial, r));
}

static void refuse(struct rp_dial *dial)
{
    const struct rp_net_failure failure = { .reason = RP_NET_NOT_ALLOWED };

    fail(dial, &failure);
}

static bool is_allowed(const struct rp_dial *dial, const struct rp_address *address)
{
    const struct rp_networks *networks = &dial->dialler->networks;

    return !networks->count || rp_networks_have(networks, address);
}

static void begin_unix(struct rp_dial *dial, rp_ns now)
{
    if (dial->dialler->networks.count) {
        refuse(dial);
        return;
    }
    dial->phase = RP_DIAL_OPENING;
    dial->phase_began = now;
    dial->spec.stack->top->events = &opening_events;
    dial->spec.stack->top->user = dial;
    open_unix(&dial->timer, now);
}

/* Drops the addresses that no address of ours can connect to. The system would choose another one of
 * ours, and what was measured would not be what was asked for. False when none is left. */
static bool leave_reachable(struct rp_dial *dial)
{
    const struct rp_local_ips *sources = &dial->dialler->sources;
    size_t kept = 0;

    for (size_t i = 0; i < dial->count; i++)
        if (!sources->count ||
            rp_local_ips_pick(sources, dial->addresses[i].any.sa_family, dial->spec.spread))
            dial->addresses[kept++] = dial->addresses[i];
    dial->count = kept;
    return kept > 0;
}

/* Drops the addresses of other networks than those that are allowed. False when none is left. */
static bool leave_allowed(struct rp_dial *dial)
{
    size_t kept = 0;

    for (size_t i = 0; i < dial->count; i++)
        if (is_allowed(dial, &dial->addresses[i]))
            dial->addresses[kept++] = dial->addresses[i];
    dial->count = kept;
    return kept > 0;
}

/* splitmix64 */
static unsigned random_number(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) >> 48); /* small: others count on from it */
}

static unsigned select_address(const struct rp_dial *dial)
{
    switch (dial->dialler->select) {
    case RP_DIAL_FIRST:
        return 0;
    case RP_DIAL_IN_TURN:
        return dial->spec.destination->turn++;
    case RP_DIAL_AT_RANDOM:
        return random_number(&dial->dialler->random);
    case RP_DIAL_BY_SPREAD:
        break;
    }
    return dial->spec.spread;
}

static void open_stack(struct rp_dial *dial, const struct rp_address *addresses, size_t count)
{
    struct rp_dialler *dialler = dial->dialler;
    const struct rp_net_failure failure = { RP_NET_NO_SOURCE, addresses[0].any.sa_family == AF_INET6
                                                                  ? "IPv6"
                                                                  : "IPv4" };

    dial->phase = RP_DIAL_OPENING;
    dial->phase_began = rp_loop_now(dialler->loop);
    dial->count = count < RP_ADDRESSES_MAX ? count : RP_ADDRESSES_MAX;
    memcpy(dial->addresses, addresses, dial->count * sizeof(*addresses));
    if (dialler->networks.count && !leave_allowed(dial)) {
        refuse(dial);
        return;
    }
    if (!leave_reachable(dial)) {
        fail(dial, &failure);
        return;
    }
    dial->spec.stack->top->events = &opening_events;
    dial->spec.stack->top->user = dial;
    dial->spec.destination->tried = dial->addresses[0];
    rp_destination_order(dial->spec.destination, dial->addresses, dial->count,
                         dial->count == 1 ? 0 : select_address(dial), dial->spec.aim,
                         dial->phase_began);
    if (dial->count == 1) {
        connect_one(dial);
        return;
    }
    dial->race.sources = &dialler->sources;
    dial->race.spread = dial->spec.spread;
    rp_race_start(&dial->race, dialler->loop, dial->spec.destination, dial->addresses, dial->count,
                  dial->spec.port, raced);
}

/* ---- looking up ---- */

static void look_up(struct rp_dial *dial);

static const char *name_of(const struct rp_dial *dial)
{
    return dial->is_far ? dial->spec.far_host : dial->spec.host;
}

/* One of the family that comes first. */
static const struct rp_address *pick(const struct rp_dial *dial, const struct rp_address *addresses,
                                     size_t count)
{
    size_t same = 1;

    while (same < count && addresses[same].any.sa_family == addresses[0].any.sa_family)
        same++;
    return &addresses[select_address(dial) % same];
}

static void found(struct rp_dial *dial, const struct rp_address *addresses, size_t count)
{
    const struct rp_address *chosen;

    if (!dial->is_far) {
        open_stack(dial, addresses, count);
        return;
    }
    dial->is_far = false;
    chosen = pick(dial, addresses, count);
    if (!is_allowed(dial, chosen)) {
        refuse(dial);
        return;
    }
    dial->spec.found(dial->spec.user, chosen);
    look_up(dial);
}

static void resolved(struct rp_lookup *lookup, enum rp_dns_status status,
                     const struct rp_address *addresses, size_t count, const char *text)
{
    struct rp_dial *dial = rp_container_of(lookup, struct rp_dial, lookup);
    struct rp_net_failure failure;

    if (status == RP_DNS_OK && count) {
        dial->looking_up += rp_loop_now(dial->dialler->loop) - dial->phase_began;
        found(dial, addresses, count);
        return;
    }
    if (status == RP_DNS_NOT_FOUND)
        failure = (struct rp_net_failure){ RP_NET_HOST_NOT_FOUND, name_of(dial) };
    else
        failure = (struct rp_net_failure){ RP_NET_LOOKUP_FAILED, text };
    fail(dial, &failure);
}

static void look_up(struct rp_dial *dial)
{
    const struct rp_address *addresses;
    struct rp_net_failure failure;
    size_t count;
    int r;

    dial->phase = RP_DIAL_LOOKING_UP;
    dial->phase_began = rp_loop_now(dial->dialler->loop);
    r = rp_resolve(dial->dialler->resolver, rp_slice_str(name_of(dial)), &dial->lookup, &addresses,
                   &count);
    if (r < 0) {
        failure = (struct rp_net_failure){ RP_NET_LOOKUP_FAILED, strerrordesc_np(-r) };
        end(dial, &failure, dial->phase_began);
    } else if (r > 0) { /* an address, or a name that is known: nothing was looked up */
        found(dial, addresses, count);
    }
}

/* ---- waiting ---- */

/* Until when what is under way may take, by what is known now. Nobody is told when the handshakes
 * begin: without them it is when to look again. */
static rp_ns limit_of(const struct rp_dial *dial, rp_ns now)
{
    rp_ns limit, began;

    if (!dial->spec.handshake_timeout)
        return dial->spec.deadline;
    began = handshake_began(dial);
    limit = rp_ns_add(began ? began : now, dial->spec.handshake_timeout);
    return limit < dial->spec.deadline ? limit : dial->spec.deadline;
}

static void deadline_passed(struct rp_timer *timer, rp_ns now)
{
    struct rp_dial *dial = rp_container_of(timer, struct rp_dial, timer);
    rp_ns limit = limit_of(dial, now);

    if (limit > now) {
        rp_timer_arm(dial->dialler->loop, timer, limit, deadline_passed);
        return;
    }
    if (dial->phase == RP_DIAL_LOOKING_UP)
        time_out(dial, RP_NET_LOOKUP_TIMEOUT);
    else if (dial->phase == RP_DIAL_OPENING && handshake_began(dial))
        time_out(dial, RP_NET_HANDSHAKE_TIMEOUT);
    else
        time_out(dial, RP_NET_CONNECT_TIMEOUT);
}

static void wait_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_dial *dial = rp_container_of(timer, struct rp_dial, timer);

    if (dial->spec.deadline <= now) { /* the back-off took all its time */
        deadline_passed(timer, now);
        return;
    }
    if (dial->spec.timeout && rp_ns_add(now, dial->spec.timeout) < dial->spec.deadline)
        dial->spec.deadline = rp_ns_add(now, dial->spec.timeout);
    rp_timer_arm(dial->dialler->loop, timer, limit_of(dial, now), deadline_passed);
    if (dial->spec.unix_path)
        begin_unix(dial, now);
    else
        look_up(dial);
}

int rp_dial_start(struct rp_dialler *dialler, const struct rp_dial_spec *spec, struct rp_dial **ret)
{
    struct rp_dial *dial = rp_alloc(sizeof(*dial));
    rp_ns start;

    if (!dial)
        return -ENOMEM;
    memset(dial, 0, offsetof(struct rp_dial, race.attempts));
    dial->dialler = dialler;
    dial->spec = *spec;
    dial->is_far = spec->far_host != NULL;
    dial->lookup.fn = resolved;
    start = rp_destination_ready(spec->destination);
    rp_timer_arm(dialler->loop, &dial->timer, start < spec->deadline ? start : spec->deadline,
                 wait_over);
    *ret = dial;
    return 0;
}
