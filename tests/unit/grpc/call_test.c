/* SPDX-License-Identifier: MIT */

/* Calls of gRPC against a server that is read and written frame by frame: what happens when there is no memory, and a
 * server that sends more than the script takes. */

#include <netinet/tcp.h>
#include <stdio.h>

#include "../http/testing.h"
#include "base/alloc.h"
#include "grpc/grpc.h"

enum { ROOM = 1 << 17, LARGE = 16000 };
enum { DATA, HEADERS, RESET = 3, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* Answers each call that is half-closed with as many messages as it is told to. */
struct server {
    struct env *env;
    int fd;
    bool has_begun;
    int messages;
    bool keeps_open; /* after the messages nothing comes */
    size_t window;   /* of the stream: bytes that may be sent */
    size_t sent;
    uint32_t stream; /* that is being answered; 0 = none */
    int left;
    int resets;
    int pings, pongs; /* that have come; of them, so many are answered */
    size_t len;
    uint8_t in[ROOM];
};

static void say(struct server *server, uint8_t kind, uint8_t flags, uint32_t stream,
                const char *payload, size_t len)
{
    char frame[9] = { (char)(len >> 16), (char)(len >> 8), (char)len, (char)kind, (char)flags };

    for (int i = 0; i < 4; i++)
        frame[5 + i] = (char)(stream >> (24 - 8 * i));
    (void)!send(server->fd, frame, sizeof(frame), MSG_NOSIGNAL | (len ? MSG_MORE : 0));
    if (len)
        (void)!send(server->fd, payload, len, MSG_NOSIGNAL);
}

static void begin_answer(struct server *server, uint32_t stream)
{
    static const char head[] = "\x88\x00\x0c"
                               "content-type"
                               "\x10"
                               "application/grpc";

    say(server, HEADERS, END_HEADERS, stream, head, sizeof(head) - 1);
    server->stream = stream;
    server->left = server->messages;
}

static void end_answer(struct server *server)
{
    static const char trailers[] = "\x00\x0b"
                                   "grpc-status"
                                   "\x01"
                                   "0";

    say(server, HEADERS, END_HEADERS | END_STREAM, server->stream, trailers, sizeof(trailers) - 1);
    server->stream = 0;
}

/* As far as the window of the stream allows. */
static void go_on(struct server *server)
{
    static char message[LARGE];

    while (server->stream && server->left && server->window >= LARGE) {
        message[3] = (char)((LARGE - RP_GRPC_PREFIX) >> 8);
        message[4] = (char)((LARGE - RP_GRPC_PREFIX) & 0xff);
        say(server, DATA, 0, server->stream, message, LARGE);
        server->window -= LARGE;
        server->sent += LARGE;
        server->left--;
    }
    if (server->stream && !server->left && !server->keeps_open)
        end_answer(server);
}

static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_frame(struct server *server, const uint8_t *frame)
{
    uint32_t stream = number_at(frame + 5);

    if (frame[3] == SETTINGS && !(frame[4] & ACK))
        say(server, SETTINGS, ACK, 0, NULL, 0);
    if (frame[3] == PING && server->pings++ < server->pongs)
        say(server, PING, ACK, 0, (const char *)frame + 9, 8);
    if (frame[3] == WINDOW_UPDATE && stream && stream == server->stream)
        server->window += number_at(frame + 9);
    if (frame[3] == RESET) {
        server->resets++;
        server->stream = 0;
    }
    if ((frame[3] == DATA || frame[3] == HEADERS) && frame[4] & END_STREAM) {
        server->window = 1 << 20; /* as the client's settings say */
        begin_answer(server, stream);
    }
    go_on(server);
}

static void take_frames(struct server *server)
{
    size_t at = 0;

    if (!server->has_begun && server->len >= 24) {
        say(server, SETTINGS, 0, 0, NULL, 0);
        server->has_begun = true;
        at = 24;
    }
    while (server->has_begun && server->len - at >= 9) {
        const uint8_t *frame = server->in + at;
        size_t len = 9 + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);

        if (server->len - at < len)
            break;
        take_frame(server, frame);
        at += len;
    }
    server->len -= at;
    memmove(server->in, server->in + at, server->len);
}

static void serve(struct server *server)
{
    ssize_t n;

    if (peer_is_waiting(server->env)) {
        if (server->fd >= 0)
            close(server->fd);
        server->fd = peer_accept(server->env);
        setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        setsockopt(server->fd, SOL_SOCKET, SO_SNDBUF, &(int){ 8 << 20 }, sizeof(int));
        server->len = 0;
        server->stream = 0;
        server->has_begun = false;
    }
    if (server->fd < 0)
        return;
    n = recv(server->fd, server->in + server->len, ROOM - server->len, MSG_DONTWAIT);
    if (n <= 0)
        return;
    server->len += (size_t)n;
    take_frames(server);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct place {
    struct env env; /* of which the listener and the registry are used */
    struct rp_grpc_client *client;
    struct rp_http_session *session;
    struct rp_grpc_method *unary, *stream;
    struct server server;
    rp_ns keepalive, keepalive_timeout; /* of methods that are made */
    bool is_unmeasured; /* likewise */
    int wakes;
};

static struct place *now; /* for on_wake() */

static void on_wake(struct rp_grpc_call *call)
{
    now->wakes++;
}

static int make_method(struct place *place, bool is_stream, struct rp_grpc_method **ret)
{
    char target[64];
    struct rp_grpc_spec spec = { .path = RP_SLICE("/a.B/C"),
                                 .is_stream = is_stream,
                                 .has_one_response = !is_stream,
                                 .compression = is_stream ? RP_GRPC_IDENTITY : RP_GRPC_GZIP,
                                 .deadline = is_stream ? 0 : 60 * RP_S,
                                 .keepalive = place->keepalive,
                                 .keepalive_timeout = place->keepalive_timeout,
                                 .is_unmeasured = place->is_unmeasured };

    snprintf(target, sizeof(target), "http://127.0.0.1:%d", ntohs(place->env.world->addr.sin_port));
    spec.target = rp_slice_str(target);
    return rp_grpc_method_new(place->client, &spec, ret, NULL);
}

static int place_init(struct place *place, struct world *world)
{
    struct rp_http_client *http;
    int r;

    *place = (struct place){ .server = { .env = &place->env, .fd = -1, .messages = 1 } };
    now = place;
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    touch_histograms(&place->env);
    assert_int_equal(rp_http_client_new(world->loop, NULL, (struct rp_http_limits){ 0 }, &http), 0);
    rp_http_client_set_h2(http, RP_HTTP_H2_ONLY);
    r = rp_grpc_client_new(http, world->loop, place->env.registry, &place->client);
    if (r == 0)
        rp_grpc_client_keep_failed(place->client, 1);
    if (r == 0)
        r = make_method(place, false, &place->unary);
    if (r == 0)
        r = make_method(place, true, &place->stream);
    if (r == 0)
        r = rp_http_session_new(http, 1, &place->session);
    return r;
}

static void place_deinit(struct place *place)
{
    rp_http_session_free(place->session);
    rp_grpc_method_unref(place->unary);
    rp_grpc_method_unref(place->stream);
    rp_grpc_client_free(place->client);
    while (peer_is_waiting(&place->env))
        close(peer_accept(&place->env));
    if (place->server.fd >= 0)
        close(place->server.fd);
    env_deinit(&place->env);
}

static void turn_and_serve(struct place *place, rp_ns limit)
{
    assert_true(rp_clock_ns() < limit);
    assert_int_equal(rp_loop_turn(place->env.world->loop, rp_clock_ns() + RP_MS / 10), 0);
    serve(&place->server);
}

static void call_init(struct place *place, struct rp_grpc_call *call, bool is_stream)
{
    *call = (struct rp_grpc_call){ .method = is_stream ? place->stream : place->unary,
                                   .tags = place->env.tags,
                                   .wake = on_wake };
}

/* One call to its end. Returns whether it is OK, with one message. */
static bool run_call(struct place *place, bool is_stream, rp_ns limit)
{
    static char request[5000];
    struct rp_slice message;
    struct rp_grpc_call call;
    int messages = 0;
    int r;

    call_init(place, &call, is_stream);
    r = rp_grpc_send(&call, rp_slice(request, sizeof(request)));
    rp_grpc_half_close(&call);
    if (r == 0)
        r = rp_grpc_start(place->session, &call);
    while (r == 0 && !call.has_ended) {
        turn_and_serve(place, limit);
        while (rp_grpc_receive(&call, &message))
            messages++;
    }
    while (r == 0 && rp_grpc_receive(&call, &message))
        messages++;
    if (r == 0 && call.status != RP_GRPC_OK) {
        assert_true(call.error_code >= 1000);
        r = -EIO;
    }
    rp_grpc_deinit(&call);
    return r == 0 && messages == 1;
}

static bool run(struct world *world, uint64_t fail_at)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S; /* none waits for its deadline */
    bool all_good = false;

    rp_alloc_fail_at(0);
    all_good = place_init(&place, world) == 0;
    rp_alloc_fail_at(fail_at);
    all_good &= run_call(&place, false, limit);
    all_good &= run_call(&place, true, limit);
    rp_alloc_fail_at(0);
    place_deinit(&place);
    look(world);
    return all_good;
}

static void test_every_failing_allocation(struct world *world)
{
    uint64_t before = rp_alloc_count(), most;
    int bad = 0;

    assert_true(run(world, 0));
    most = rp_alloc_count() - before;
    for (uint64_t n = 1; n <= most; n++)
        bad += !run(world, n);
    assert_true(bad >= 10);
}

/* The client takes no more than its windows and what it keeps for the script, until the script receives. */
static void test_a_slow_script_holds_the_server_up(struct world *world)
{
    enum { MESSAGES = 500 };
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;
    struct rp_slice message;
    size_t sent = 0;
    int taken = 0;

    assert_int_equal(place_init(&place, world), 0);
    place.server.messages = MESSAGES;
    call_init(&place, &call, true);
    assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
    rp_grpc_half_close(&call);
    assert_int_equal(rp_grpc_start(place.session, &call), 0);
    while (!call.ready || place.server.window >= LARGE)
        turn_and_serve(&place, limit);
    for (int i = 0; i < 100; i++) /* nothing changes any more */
        turn_and_serve(&place, limit);
    sent = place.server.sent;
    assert_in_range(sent, (1 << 20) - LARGE, 2 << 20);
    while (!call.has_ended || call.ready) {
        while (rp_grpc_receive(&call, &message)) {
            assert_int_equal(message.len, LARGE - RP_GRPC_PREFIX);
            taken++;
        }
        if (!call.has_ended)
            turn_and_serve(&place, limit);
    }
    assert_int_equal(taken, MESSAGES);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_streams_msgs_received", NULL, NULL), MESSAGES);
    assert_int_equal((int)sum_of(&place.env, "grpc_streams_msgs_sent", NULL, NULL), 1);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* How a call is ended by the script: the server is told, and what is recorded. */
static void test_calls_that_are_ended(struct world *world)
{
    static const struct {
        enum rp_grpc_end how;
        int reqs, judged, failed;
    } cases[] = { { RP_GRPC_LEAVE, 1, 1, 0 },
                  { RP_GRPC_GIVE_UP, 1, 1, 1 },
                  { RP_GRPC_INTERRUPT, 1, 0, 0 },
                  { RP_GRPC_ABANDON, 0, 0, 0 } };
    rp_ns limit = rp_clock_ns() + 50 * RP_S;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        static struct place place;
        struct rp_grpc_call call;

        assert_int_equal(place_init(&place, world), 0);
        place.server.messages = 1000;
        call_init(&place, &call, true);
        assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
        rp_grpc_half_close(&call);
        assert_int_equal(rp_grpc_start(place.session, &call), 0);
        while (!call.ready)
            turn_and_serve(&place, limit);
        rp_grpc_cancel(&call, cases[i].how);
        assert_true(call.has_ended && !rp_grpc_is_running(&call));
        assert_int_equal(call.status, RP_GRPC_CANCELLED);
        while (!place.server.resets)
            turn_and_serve(&place, limit);
        assert_int_equal((int)sum_of(&place.env, "grpc_reqs", NULL, NULL), cases[i].reqs);
        assert_int_equal((int)samples_of(&place.env, "grpc_req_failed", NULL, NULL),
                         cases[i].judged);
        assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), cases[i].failed);
        rp_grpc_cancel(&call, RP_GRPC_GIVE_UP); /* nothing more */
        rp_grpc_deinit(&call);
        place_deinit(&place);
    }
    look(world);
}

static void start_unary(struct place *place, struct rp_grpc_call *call)
{
    call_init(place, call, false);
    assert_int_equal(rp_grpc_send(call, RP_SLICE("x")), 0);
    rp_grpc_half_close(call);
    assert_int_equal(rp_grpc_start(place->session, call), 0);
}

static void test_the_only_response_may_be_taken_before_the_end(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;
    struct rp_slice message;

    assert_int_equal(place_init(&place, world), 0);
    place.server.keeps_open = true;
    start_unary(&place, &call);
    while (!call.ready)
        turn_and_serve(&place, limit);
    assert_true(rp_grpc_receive(&call, &message));
    assert_int_equal(message.len, LARGE - RP_GRPC_PREFIX);
    assert_false(call.has_ended);
    place.server.keeps_open = false;
    go_on(&place.server);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), 0);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* It is refused as soon as it has come: the server might never end the answer. */
static void test_a_second_response_where_one_is_allowed(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    assert_int_equal(place_init(&place, world), 0);
    place.server.keeps_open = true;
    place.server.messages = 100;
    start_unary(&place, &call);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_UNIMPLEMENTED);
    assert_string_equal(rp_buf_str(&call.text), "the answer has more than one message");
    assert_int_equal(call.ready, 0);
    while (!place.server.resets)
        turn_and_serve(&place, limit);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* A stream that the server leaves open without a word, with @pongs answers to PINGs. */
static void begin_silent(struct place *place, struct world *world, struct rp_grpc_call *call,
                         int pongs, rp_ns timeout)
{
    assert_int_equal(place_init(place, world), 0);
    place->server.keeps_open = true;
    place->server.pongs = pongs;
    place->keepalive = 20 * RP_MS;
    place->keepalive_timeout = timeout;
    rp_grpc_method_unref(place->stream);
    assert_int_equal(make_method(place, true, &place->stream), 0);
    call_init(place, call, true);
    assert_int_equal(rp_grpc_send(call, RP_SLICE("x")), 0);
    rp_grpc_half_close(call);
    assert_int_equal(rp_grpc_start(place->session, call), 0);
}

/* It is asked for a sign of life while it says nothing, and is given up when it gives none. */
static void test_a_server_that_is_gone_without_a_word(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 3, 60 * RP_MS);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(place.server.pings, 4);
    assert_int_equal(call.status, RP_GRPC_UNAVAILABLE);
    assert_int_equal(call.error_code, RP_HTTP_NO_ANSWER);
    assert_string_equal(rp_buf_str(&call.text),
                        "keepalive timeout: the server has not answered a PING for 0.06 s");
    assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), 1);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* The time-out is of no concern while the server answers: it is asked again as if it had spoken by itself. */
static void test_a_long_time_out_makes_no_ping_late(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 4, 100 * RP_S);
    while (place.server.pings < 4)
        turn_and_serve(&place, limit);
    assert_false(call.has_ended);
    rp_grpc_cancel(&call, RP_GRPC_LEAVE);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* However short it is, it ends. */
static void test_no_time_out_ends_the_wait_at_once(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 0, 0);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.error_code, RP_HTTP_NO_ANSWER);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* The bytes are on the wire, whoever has asked for them. */
static void test_of_an_unmeasured_call_the_bytes_count(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    assert_int_equal(place_init(&place, world), 0);
    place.is_unmeasured = true;
    rp_grpc_method_unref(place.unary);
    assert_int_equal(make_method(&place, false, &place.unary), 0);
    call_init(&place, &call, false);
    assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
    rp_grpc_half_close(&call);
    assert_int_equal(rp_grpc_start(place.session, &call), 0);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_reqs", NULL, NULL), 0);
    assert_true(sum_of(&place.env, "data_sent", NULL, NULL) > 0);
    assert_true(sum_of(&place.env, "data_received", NULL, NULL) > LARGE);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_every_failing_allocation),
        CASE(test_a_slow_script_holds_the_server_up),
        CASE(test_calls_that_are_ended),
        CASE(test_the_only_response_may_be_taken_before_the_end),
        CASE(test_a_second_response_where_one_is_allowed),
        CASE(test_a_server_that_is_gone_without_a_word),
        CASE(test_a_long_time_out_makes_no_ping_late),
        CASE(test_no_time_out_ends_the_wait_at_once),
        CASE(test_of_an_unmeasured_call_the_bytes_count),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
