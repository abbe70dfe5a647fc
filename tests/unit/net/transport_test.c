/* SPDX-License-Identifier: MIT */

/* The TCP transport: what its user is told, and when. Over every back-end with descriptors. */

#include <fcntl.h>

#include "../loop/harness.h"
#include "net/transport.h"

struct user {
    struct rp_tcp tcp;
    struct world *world;
    int connected, ended;
    bool has_failed; /* connected() or ended() said so, with the reason */
    enum rp_net_reason reason;
    size_t received;
    char bytes[256];
    bool closes_in_data;
};

static struct user *user_of(struct rp_transport *transport)
{
    return transport->user;
}

static void take_failure(struct user *user, const struct rp_net_failure *failure)
{
    user->has_failed = failure != NULL;
    if (failure)
        user->reason = failure->reason;
}

static void on_connected(struct rp_transport *transport, const struct rp_net_failure *failure)
{
    struct user *user = user_of(transport);

    user->connected++;
    take_failure(user, failure);
    assert_int_equal(rp_stream_is_open(&user->tcp.stream), !failure);
    assert_int_equal(transport->opened != 0, !failure);
    assert_true(transport->opened <= rp_clock_ns());
}

static void on_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct user *user = user_of(transport);

    assert_int_equal(user->ended, 0);
    assert_true(at > 0 && at <= rp_clock_ns());
    assert_true(user->received + len <= sizeof(user->bytes));
    memcpy(user->bytes + user->received, data, len);
    user->received += len;
    if (user->closes_in_data)
        rp_transport_close(transport, false);
}

static void on_ended(struct rp_transport *transport, const struct rp_net_failure *failure, rp_ns at)
{
    struct user *user = user_of(transport);

    assert_true(at > 0 && at <= rp_clock_ns());
    user->ended++;
    take_failure(user, failure);
    assert_false(rp_stream_is_open(&user->tcp.stream));
}

static const struct rp_transport_events events = { on_connected, on_data, on_ended, NULL };

static void user_init(struct user *user, struct world *world)
{
    *user = (struct user){ .world = world };
    rp_tcp_init(&user->tcp, world->loop);
    user->tcp.transport.events = &events;
    user->tcp.transport.user = user;
    assert_string_equal(user->tcp.transport.ops->name, "tcp");
    assert_false(rp_stream_is_open(&user->tcp.stream));
}

static int connect_to(struct user *user, uint16_t port)
{
    struct rp_address address = { .len = sizeof(address.v4), .v4 = user->world->addr };
    int r;

    address.v4.sin_port = htons(1); /* is not the port that counts */
    r = rp_transport_connect(&user->tcp.transport, &address, port);
    assert_int_equal(user->connected, 0); /* never from inside */
    assert_int_equal(address.v4.sin_port, htons(1));
    return r;
}

static int connect_pair(struct user *user)
{
    assert_int_equal(connect_to(user, ntohs(user->world->addr.sin_port)), 0);
    turn_until(user->world, &user->connected, 1);
    assert_false(user->has_failed);
    return accept4(user->world->listener, NULL, NULL, SOCK_CLOEXEC);
}

static void test_bytes_go_both_ways(struct world *world)
{
    struct user user;
    char text[16] = "";
    rp_ns before;
    int fd;

    user_init(&user, world);
    fd = connect_pair(&user);
    before = rp_clock_ns();
    assert_int_equal(rp_transport_send(&user.tcp.transport, RP_SLICE("head"), RP_SLICE("body")), 0);
    assert_int_equal(rp_transport_send(&user.tcp.transport, RP_SLICE("x"), rp_slice(NULL, 0)),
                     -EBUSY);
    peer_read(world, fd, text, 8);
    assert_string_equal(text, "headbody");
    assert_true(user.tcp.transport.traffic->send_began >= before);
    assert_true(user.tcp.transport.traffic->send_ended >= user.tcp.transport.traffic->send_began);
    assert_int_equal(rp_transport_send(&user.tcp.transport, RP_SLICE("again"), rp_slice(NULL, 0)),
                     0);
    peer_read(world, fd, text, 5);
    peer_write(fd, "answer", 6);
    turn_until_bytes(world, &user.received, 6);
    assert_memory_equal(user.bytes, "answer", 6);
    assert_int_equal(user.tcp.transport.traffic->sent, 8 + 5);
    assert_int_equal(user.tcp.transport.traffic->received, 6);
    rp_transport_close(&user.tcp.transport, false);
    rp_transport_close(&user.tcp.transport, false); /* no-op */
    assert_int_equal(peer_read_end(world, fd), 0);
    assert_int_equal(user.ended, 0);
    assert_int_equal(rp_transport_send(&user.tcp.transport, RP_SLICE("x"), rp_slice(NULL, 0)),
                     -ENOTCONN);
    close(fd);
}

static void test_it_is_used_again(struct world *world)
{
    struct user user;

    user_init(&user, world);
    for (int i = 0; i < 3; i++) {
        int fd = connect_pair(&user);

        peer_write(fd, "x", 1);
        turn_until_bytes(world, &user.received, (size_t)i + 1);
        assert_int_equal(user.tcp.transport.traffic->received, 1); /* since it was opened */
        close(fd);
        turn_until(world, &user.ended, 1);
        assert_false(user.has_failed);
        user.connected = user.ended = 0;
    }
}

static void test_ends(struct world *world)
{
    struct user user;
    int fd;

    user_init(&user, world);
    fd = connect_pair(&user);
    peer_write(fd, "last", 4);
    close(fd);
    turn_until(world, &user.ended, 1);
    assert_false(user.has_failed);
    assert_memory_equal(user.bytes, "last", 4);

    user_init(&user, world);
    peer_reset(connect_pair(&user));
    turn_until(world, &user.ended, 1);
    assert_true(user.has_failed && user.reason == RP_NET_RESET);

    user_init(&user, world);
    fd = connect_pair(&user);
    rp_transport_close(&user.tcp.transport, true);
    assert_int_equal(peer_read_end(world, fd), -ECONNRESET);
    assert_int_equal(user.ended, 0);
    close(fd);
}

static void test_closing_from_inside(struct world *world)
{
    struct user user;
    int fd;

    user_init(&user, world);
    user.closes_in_data = true;
    fd = connect_pair(&user);
    peer_write(fd, "bytes", 5);
    close(fd);
    turn_until_bytes(world, &user.received, 5);
    for (int i = 0; i < 5; i++)
        look(world);
    assert_int_equal(user.ended, 0);
}

static void test_refused_and_closed_while_connecting(struct world *world)
{
    struct user user;
    struct sockaddr_in addr;
    int fd = make_listener(&addr);

    close(fd);
    user_init(&user, world);
    assert_int_equal(connect_to(&user, ntohs(addr.sin_port)), 0);
    turn_until(world, &user.connected, 1);
    assert_true(user.has_failed && user.reason == RP_NET_REFUSED);
    assert_int_equal(user.ended, 0);

    user_init(&user, world);
    assert_int_equal(connect_to(&user, ntohs(world->addr.sin_port)), 0);
    rp_transport_close(&user.tcp.transport, false);
    for (int i = 0; i < 5; i++)
        look(world);
    assert_int_equal(user.connected, 0);
}

static void test_a_given_socket_that_is_not_used(struct world *world)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct user user;

    user_init(&user, world);
    rp_tcp_give(&user.tcp, fd);
    rp_transport_close(&user.tcp.transport, false);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    rp_transport_close(&user.tcp.transport, false); /* no-op */
    close(connect_pair(&user));                     /* with a socket of its own */
    rp_transport_close(&user.tcp.transport, false);
}

static void test_ipv6(struct world *world)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct rp_address address = { .len = sizeof(v6), .v6 = v6 };
    socklen_t len = sizeof(v6);
    struct user user;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&v6, len) < 0) {
        print_message("# no IPv6 here\n");
        if (fd >= 0)
            close(fd);
        return;
    }
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&v6, &len), 0);
    user_init(&user, world);
    assert_int_equal(rp_transport_connect(&user.tcp.transport, &address, ntohs(v6.sin6_port)), 0);
    turn_until(world, &user.connected, 1);
    assert_false(user.has_failed);
    rp_transport_close(&user.tcp.transport, false);
    close(fd);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_bytes_go_both_ways),
        CASE(test_it_is_used_again),
        CASE(test_ends),
        CASE(test_closing_from_inside),
        CASE(test_refused_and_closed_while_connecting),
        CASE(test_a_given_socket_that_is_not_used),
        CASE(test_ipv6),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
