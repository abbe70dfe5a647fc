/* SPDX-License-Identifier: MIT */

/* Each moment of a request is in one phase, whatever the server does first: answer before it has read the request, or
 * before there is one, with any number of interim answers, in any pieces. By chance, with a clock that passes when told. */

#include <stdio.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "testing.h"
#include "net/net_internal.h"

enum { RUNS = 60, INTERIM_MAX = 20, PIECES_MAX = 4, BODY = 12 << 20 };

#define STEP                                                                                       \
    (100 * RP_S) /* what takes place between two steps; what really passes is nothing beside it */
#define TIMEOUT (1000000 * RP_S)

#define FINAL "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nA: b\r\n\r\nabcd"
#define INTERIM "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"

struct play {
    struct env env;
    struct request request;
    unsigned first_seed, seed;
    int fd;
    bool is_kept, is_big;
    size_t to_read; /* bytes of the request that the peer has not read */
    rp_ns started, answered, read,
        ended; /* by this test: the final answer's first byte, the last of the request */
};

static unsigned pick(struct play *play, unsigned below)
{
    play->seed = play->seed * 1103515245u + 12345u;
    return (play->seed >> 16) % below;
}

/* What is there is taken, and then time goes by. */
static void pass(struct play *play)
{
    for (int i = 0; i < 6; i++)
        look(play->env.world);
    clock_ahead += STEP;
}

/* What is written to @fd waits for nothing. */
static void at_once(int fd)
{
    int on = 1;

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

/* The request is on its way, or its connection is. Returns without having turned since the connection was there. */
static void begin(struct play *play)
{
    struct connection *connection;

    if (play->is_kept)
        play->fd = exchange(&play->request, -1, EMPTY_RESPONSE);
    play->started = rp_clock_ns();
    request_start(&play->request);
    play->to_read = play->request.call.template->head.len + (play->is_big ? BODY : 0);
    if (play->is_kept) {
        at_once(play->fd);
        return;
    }
    connection = play->request.call.connection;
    while (!connection->dial || connection->dial->phase != RP_DIAL_OPENING)
        look(play->env.world);
    play->fd = accept4(play->env.world->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(play->fd >= 0);
    at_once(play->fd);
}

static void read_request(struct play *play, size_t len)
{
    static char bytes[1 << 20];

    while (len) {
        size_t some = len < sizeof(bytes) ? len : sizeof(bytes);

        peer_read(play->env.world, play->fd, bytes, some);
        len -= some;
        play->to_read -= some;
    }
    if (!play->to_read && !play->read) {
        for (int i = 0; i < 3; i++)
            look(play->env.world); /* so that the kernel's room is noticed */
        play->read = rp_clock_ns();
    }
}

static void write_interim(struct play *play)
{
    static const char all[] = INTERIM;
    size_t cut = pick(play, sizeof(all));

    for (unsigned i = pick(play, 3) ? 0 : pick(play, INTERIM_MAX); i > 0; i--)
        peer_write(play->fd, all, sizeof(all) - 1);
    peer_write(play->fd, all, cut);
    if (pick(play, 2))
        pass(play);
    peer_write(play->fd, all + cut, sizeof(all) - 1 - cut);
    pass(play);
}

/* In pieces, some of the request being read between them. */
static void write_final(struct play *play)
{
    static const char all[] = FINAL;
    size_t at = 0, pieces = 1 + pick(play, PIECES_MAX);

    if (pick(play, 3) == 0) /* glued to an interim one */
        peer_write(play->fd, INTERIM, strlen(INTERIM));
    for (size_t i = 0; i < pieces; i++) {
        size_t end = i == pieces - 1 ? strlen(all) : at + pick(play, (unsigned)(strlen(all) - at));

        if (end == at)
            continue;
        peer_write(play->fd, all + at, end - at);
        at = end;
        if (!play->answered)
            play->answered = rp_clock_ns();
        play->ended = rp_clock_ns();
        if (i < pieces - 1)
            pass(play);
        if (play->to_read && pick(play, 3) == 0)
            read_request(play, pick(play, (unsigned)play->to_read));
    }
}

static bool is_about(rp_ns a, rp_ns b)
{
    return a - b < STEP / 2 && b - a < STEP / 2;
}

static void check(struct play *play)
{
    const struct rp_http_response *response = &play->request.response;
    rp_ns duration = response->sending + response->waiting + response->receiving;
    rp_ns before = response->blocked + response->looking_up + response->connecting;

    print_message("# run %u\n", play->first_seed);
    assert_times(&play->request);
    assert_int_equal(response->status, 200);
    assert_true(is_about(before + duration, play->ended - play->started));
    assert_true(is_about(response->receiving, play->ended - play->answered));
    /* The peer's reading is when a big request is sent. */
    if (play->is_big && play->read && play->read < play->answered)
        assert_true(is_about(response->waiting, play->answered - play->read));
    assert_int_equal(samples_of(&play->env, "http_req_duration", "status", "200"),
                     1 + play->is_kept);
    assert_int_equal(samples_of(&play->env, "http_req_waiting", "status", "200"),
                     1 + play->is_kept);
}

static void play_one(struct world *world, unsigned seed, const char *body)
{
    struct play play = { .first_seed = seed, .seed = seed };
    int done;

    play.is_kept = pick(&play, 2);
    play.is_big = !play.is_kept && pick(&play, 2); /* the first exchange has no body */
    env_init(&play.env, world, (struct rp_http_limits){ 0 });
    request_init(&play.env, &play.request, "GET", "/", play.is_big ? body : NULL);
    play.request.call.timeout = TIMEOUT;
    done = play.is_kept;
    begin(&play);
    /* A kept connection must be quiet until the request is there. */
    if (play.is_kept || pick(&play, 2))
        pass(&play);
    if (pick(&play, 2))
        read_request(&play, pick(&play, 2) ? play.to_read : pick(&play, (unsigned)play.to_read));
    for (unsigned i = pick(&play, 3); i > 0; i--)
        write_interim(&play);
    if (play.to_read && pick(&play, 2)) {
        read_request(&play, play.to_read);
        pass(&play);
    }
    write_final(&play);
    for (int i = 0; i < 100 && play.request.done == done; i++)
        look(world);
    request_wait(&play.request, done + 1);
    check(&play);
    request_deinit(&play.request);
    close(play.fd);
    env_deinit(&play.env);
}

static void test_any_order(struct world *world)
{
    char *body = malloc(BODY + 1);

    memset(body, 'b', BODY);
    body[BODY] = '\0';
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        play_one(world, seed, body);
    }
    free(body);
}

/* Nothing of the request has been sent when the whole answer is there. On epoll both come in one turn. */
static void test_an_answer_before_the_request(struct world *world)
{
    struct play play = { .seed = 1 };

    env_init(&play.env, world, (struct rp_http_limits){ 0 });
    request_init(&play.env, &play.request, "GET", "/", NULL);
    begin(&play);
    peer_write(play.fd, FINAL, strlen(FINAL));
    request_wait(&play.request, 1);
    assert_int_equal(play.request.response.status, 200);
    assert_times(&play.request);
    assert_int_equal(samples_of(&play.env, "http_req_duration", "status", "200"), 1);
    assert_int_equal(samples_of(&play.env, "http_req_failed", "status", "200"), 1);
    request_deinit(&play.request);
    close(play.fd);
    env_deinit(&play.env);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_any_order),
        CASE(test_an_answer_before_the_request),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
