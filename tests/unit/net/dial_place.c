/* SPDX-License-Identifier: MIT */
#include "dial_place.h"

#include <poll.h>
#include <stdio.h>

rp_ns clock_ahead;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = __real_clock_gettime(id, ret);

    if (id == CLOCK_MONOTONIC)
        ret->tv_sec += clock_ahead / RP_S;
    return r;
}

static const struct xor_kind tunnel = { { xor_make }, ROUNDS, true }, xor = {
    { xor_make }, ROUNDS
};
const struct rp_layer *const one_layer[] = { &xor.layer, NULL };
const struct rp_layer *const two_layers[] = { &tunnel.layer, &xor.layer, NULL };

static void on_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct place *place = transport->user;

    assert_int_equal(place->done, 1);
    memcpy(place->bytes + place->received, data, len);
    place->received += len;
}

static void on_ended(struct rp_transport *transport, const struct rp_net_failure *failure, rp_ns at)
{
    struct place *place = transport->user;

    place->ended++;
    place->has_failed = failure != NULL;
}

static const struct rp_transport_events events = { .data = on_data, .ended = on_ended };

static void on_done(void *user, const struct rp_net_failure *failure,
                    const struct rp_dial_times *times)
{
    struct place *place = user;

    place->done++;
    place->dial = NULL;
    place->times = *times;
    place->has_failed = failure != NULL;
    if (!failure)
        return;
    place->reason = failure->reason;
    snprintf(place->detail, sizeof(place->detail), "%s", failure->detail ? failure->detail : "");
}

void place_init(struct place *place, struct world *world)
{
    struct rp_resolver_options options = { .timeout_ms = 3600 * 1000, .tries = 1 };

    *place = (struct place){ .world = world };
    assert_int_equal(rp_dialler_init(&place->dialler, world->loop), 0);
    dns_server_start(&place->dns, world->loop);
    options.servers = place->dns.csv;
    rp_resolver_free(place->dialler.resolver);
    assert_int_equal(rp_resolver_new_with(world->loop, &options, &place->dialler.resolver), 0);
}

void place_deinit(struct place *place)
{
    assert_null(place->dial);
    rp_stack_deinit(&place->stack);
    rp_dialler_deinit(&place->dialler);
    dns_server_stop(&place->dns);
}

int start(struct place *place, const char *host, uint16_t port,
          const struct rp_layer *const *layers)
{
    struct rp_dial_spec spec = { .stack = &place->stack,
                                 .events = &events,
                                 .host = host,
                                 .port = port,
                                 .destination = &place->destination,
                                 .spread = place->spread,
                                 .aim = place->aim,
                                 .peer = &place->peer,
                                 .unix_path = place->unix_path,
                                 .done = on_done,
                                 .user = place };
    int r;

    rp_stack_deinit(&place->stack);
    place->done = 0;
    place->received = 0;
    place->began = rp_clock_ns();
    spec.deadline = place->began + LIMIT;
    r = rp_stack_init(&place->stack, place->world->loop, layers, host, port);
    if (r == 0)
        r = rp_dial_start(&place->dialler, &spec, &place->dial);
    assert_int_equal(place->done, 0); /* never from inside */
    return r;
}

void start_here(struct place *place, const char *host, const struct rp_layer *const *layers)
{
    assert_int_equal(start(place, host, ntohs(place->world->addr.sin_port), layers), 0);
}

int accept_one(struct place *place, int listener)
{
    struct pollfd wait = { .fd = listener, .events = POLLIN };
    int fd;

    while (poll(&wait, 1, 0) != 1)
        assert_int_equal(rp_loop_turn(place->world->loop, rp_clock_ns() + RP_MS), 0);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

void server_init(struct xor_server *server, struct place *place, unsigned depth)
{
    *server = (struct xor_server){ .world = place->world, .depth = depth };
    server->fd = accept_one(place, place->world->listener);
}

void expect_failure(struct place *place, enum rp_net_reason reason, const char *detail)
{
    turn_until(place->world, &place->done, 1);
    assert_true(place->has_failed);
    assert_int_equal(place->reason, reason);
    assert_string_equal(place->detail, detail);
    assert_false(rp_stream_is_open(&place->stack.bottom.stream));
}

void pass(struct place *place, rp_ns time)
{
    clock_ahead += time;
    look(place->world);
}

uint16_t closed_port(void)
{
    struct sockaddr_in addr;

    close(make_listener(&addr));
    return ntohs(addr.sin_port);
}
