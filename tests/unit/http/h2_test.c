/* SPDX-License-Identifier: MIT */

/* Requests over HTTP/2 and bodies that are made while they are sent, when there is no memory; an end that meets a
 * request which has just begun. */

#include <netinet/tcp.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/stream.h"
#include "testing.h"

enum { PIECE = 150000, ROOM = 1 << 17 };

/* A server that answers every request with "ok" and opens its windows again. It allows few streams. */
struct server {
    struct env *env;
    int fd;
    bool has_begun;
    bool breaks; /* it answers, and then says what is no HTTP/2, both at once */
    int connections;
    size_t len;
    uint8_t in[ROOM];
};

enum { DATA, HEADERS, RESET = 3, SETTINGS = 4, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

static void say(struct server *server, uint8_t kind, uint8_t flags, uint32_t stream,
                const char *payload, size_t len)
{
    char frame[64] = { 0, 0, (char)len, (char)kind, (char)flags };

    assert_true(len < 50);
    for (int i = 0; i < 4; i++)
        frame[5 + i] = (char)(stream >> (24 - 8 * i));
    if (len)
        memcpy(frame + 9, payload, len);
    (void)!send(server->fd, frame, 9 + len, MSG_NOSIGNAL);
}

static void open_window(struct server *server, uint32_t stream, size_t size)
{
    const char bytes[4] = { (char)(size >> 24), (char)(size >> 16), (char)(size >> 8), (char)size };

    say(server, WINDOW_UPDATE, 0, stream, bytes, 4);
}

/* ":status: 200", and a cookie, to be put into the table of HPACK. */
static void answer(struct server *server, uint32_t stream)
{
    static const char head[] = "\x88\x77\x03"
                               "a=b";
    const char broken[] = {
        0, 0, 1, HEADERS, END_HEADERS | END_STREAM, 0, 0, 0, (char)stream, 0x88, 9, 9, 9, 9, 9,
        9, 9, 9, 9
    };

    if (server->breaks) {
        (void)!send(server->fd, broken, sizeof(broken), MSG_NOSIGNAL);
        return;
    }
    say(server, HEADERS, END_HEADERS, stream, head, sizeof(head) - 1);
    say(server, DATA, 0, stream, "o", 1);
    say(server, DATA, END_STREAM, stream, "k", 1);
}

static void take_frame(struct server *server, const uint8_t *frame, size_t len)
{
    uint32_t stream = (uint32_t)frame[7] << 8 | frame[8]; /* there are not that many */

    if (frame[3] == SETTINGS && !(frame[4] & ACK))
        say(server, SETTINGS, ACK, 0, NULL, 0);
    if (frame[3] == DATA && len > 9) {
        open_window(server, 0, len - 9);
        if (!(frame[4] & END_STREAM))
            open_window(server, stream, len - 9);
    }
    if ((frame[3] == DATA || frame[3] == HEADERS) && frame[4] & END_STREAM)
        answer(server, stream);
    else if (frame[3] == HEADERS) /* perhaps with Expect: ":status: 100" */
        say(server, HEADERS, END_HEADERS, stream,
            "\x08\x03"
            "100",
            5);
}

static void take_frames(struct server *server)
{
    size_t at = 0;

    if (!server->has_begun && server->len >= 24) {
        const char settings[] = { 0, 3, 0, 0, 0, 10, 0, 4, 0, 0, 0x40, 0 };

        say(server, SETTINGS, 0, 0, settings, sizeof(settings));
        server->has_begun = true;
        at = 24;
    }
    while (server->has_begun && server->len - at >= 9) {
        const uint8_t *frame = server->in + at;
        size_t len = 9 + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);

        if (server->len - at < len)
            break;
        take_frame(server, frame, len);
        at += len;
    }
    server->len -= at;
    memmove(server->in, server->in + at, server->len);
}

/* What there is to do, without waiting. */
static void serve(struct server *server)
{
    ssize_t n;

    if (peer_is_waiting(server->env)) { /* the client has given the last one up */
        if (server->fd >= 0)
            close(server->fd);
        server->fd = peer_accept(server->env);
        /* Else its small answers wait for the client's delayed acknowledgements. */
        setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        server->len = 0;
        server->has_begun = false;
        server->connections++;
    }
    if (server->fd < 0)
        return;
    n = recv(server->fd, server->in + server->len, ROOM - server->len, MSG_DONTWAIT);
    if (n <= 0)
        return;
    server->len += (size_t)n;
    take_frames(server);
}

/* ---- the client ---- */

struct slow {
    struct rp_http_body body;
    struct rp_http_call *call;
    int given; /* pieces */
    bool is_ready, is_spent;
};

static char bytes[PIECE];

/* Has every piece later than it is asked for. */
static int slow_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct slow *slow = rp_container_of(body, struct slow, body);

    if (slow->given == 3)
        return 0;
    slow->is_ready = !slow->is_ready;
    if (slow->is_ready)
        return -EAGAIN;
    slow->given++;
    *ret = rp_slice(bytes, 1000);
    return 0;
}

static int slow_rewind(struct rp_http_body *body)
{
    struct slow *slow = rp_container_of(body, struct slow, body);

    slow->given = 0;
    return slow->is_spent ? -EIO : 0;
}

static const struct rp_http_body_ops slow_ops = { .next = slow_next, .rewind = slow_rewind };

struct place {
    struct env env;
    struct server server;
    struct request get, parts_request, slow_request;
    struct rp_http_parts *parts;
    struct slow slow;
    struct rp_http_stream stream;
    struct rp_http_response stream_response;
};

static void streamed_init(struct place *place, struct request *request, uint64_t size)
{
    static const struct rp_header expect = { RP_SLICE("Expect"), RP_SLICE("100-continue") };
    char url[64];
    struct rp_http_spec spec = { .method = RP_SLICE("PUT"),
                                 .headers = &expect,
                                 .header_count = size == 0,
                                 .is_streamed = true,
                                 .is_chunked = size == 0,
                                 .streamed_bytes = size };

    request_init(&place->env, request, "GET", "/", NULL);
    rp_http_template_unref(request->call.template);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/up", ntohs(place->env.world->addr.sin_port));
    spec.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(place->env.client, &spec, &request->call.template, NULL),
                     0);
}

static void on_wake(struct rp_http_stream *stream)
{
}

static void place_init(struct place *place, struct world *world)
{
    *place = (struct place){ .server = { .env = &place->env, .fd = -1 } };
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    rp_http_client_set_h2(place->env.client, RP_HTTP_H2_ALWAYS);
    rp_http_session_take_cookies(place->env.session, NULL);
    touch_histograms(&place->env);
    request_init(&place->env, &place->get, "GET", "/", NULL);
    streamed_init(place, &place->parts_request, 2 * PIECE);
    streamed_init(place, &place->slow_request, 0);
    assert_int_equal(rp_http_parts_new(2, &place->parts), 0);
    for (int i = 0; i < 2; i++)
        place->parts->parts[i] = (struct rp_http_part){ .data = bytes, .fd = -1, .len = PIECE };
    place->slow = (struct slow){ .body = { &slow_ops }, .call = &place->slow_request.call };
    place->stream = (struct rp_http_stream){
        .call = { .template = place->get.call.template,
                  .response = &place->stream_response,
                  .tags = place->env.tags },
        .wake = on_wake,
    };
}

static void place_deinit(struct place *place)
{
    rp_http_session_free(place->env.session);
    place->env.session = NULL;
    rp_http_stream_deinit(&place->stream);
    rp_http_response_deinit(&place->stream_response);
    request_deinit(&place->get);
    request_deinit(&place->parts_request);
    request_deinit(&place->slow_request);
    rp_http_parts_free(place->parts);
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
    if (rp_http_is_running(&place->slow_request.call))
        rp_http_body_ready(&place->slow_request.call);
}

static bool is_good(const struct rp_http_response *response)
{
    if (response->status == 200)
        return true;
    assert_int_equal(response->status, 0);
    assert_true(response->error_code >= 1000 && response->error[0]);
    assert_memory_not_equal(response->error, "send failed", 11); /* but: out of memory */
    return false;
}

/* A request, then two that are sent together, then one whose body is read, stopped and left to go on. Returns whether
 * all have had their answers. */
static bool run(struct world *world, uint64_t fail_at)
{
    static struct place place;
    struct request *get = &place.get, *parts = &place.parts_request, *slow = &place.slow_request;
    rp_ns limit = rp_clock_ns() + 50 * RP_S; /* none waits for its time-out */
    bool all_good;
    int counted;

    place_init(&place, world);
    rp_alloc_fail_at(fail_at);
    request_start(get);
    while (!get->done)
        turn_and_serve(&place, limit);
    all_good = is_good(&get->response);
    if (rp_http_start_with(place.env.session, &parts->call, &place.parts->body) < 0)
        parts->done = 2;
    if (rp_http_start_with(place.env.session, &slow->call, &place.slow.body) < 0)
        slow->done = 2;
    while (!parts->done || !slow->done)
        turn_and_serve(&place, limit);
    all_good &= parts->done == 1 && is_good(&parts->response);
    all_good &= slow->done == 1 && is_good(&slow->response);
    rp_http_stream_start(place.env.session, &place.stream);
    while (!place.stream.has_ended) {
        turn_and_serve(&place, limit);
        if (rp_http_stream_has_bytes(&place.stream))
            rp_http_stream_drop(&place.stream, 1);
    }
    all_good &= is_good(&place.stream_response);
    rp_alloc_fail_at(0);
    counted = (int)sum_of(&place.env, "http_reqs", NULL, NULL);
    /* Every request that has begun was counted. The one that failed may be the registry's. */
    assert_true(counted >= 4 - (parts->done == 2) - (slow->done == 2) - (fail_at > 0));
    place_deinit(&place);
    look(world);
    return all_good;
}

static void test_every_failing_allocation(struct world *world)
{
    uint64_t before = rp_alloc_count(), most;
    int bad = 0;

    assert_true(run(world, 0));
    most = rp_alloc_count() - before + 5;
    for (uint64_t n = 1; n <= most; n++)
        bad += !run(world, n);
    assert_true(bad >= 20);
    print_message("# %s: %d of %d failing allocations were noticed\n", rp_loop_ops_name(world->ops),
                  bad, (int)most);
}

/* The request before has used the same stream. Its bytes are not counted again for one that cannot be
 * sent. */
static void test_a_request_that_is_not_sent_has_no_bytes(struct world *world)
{
    static struct place place;
    struct request *get = &place.get, *slow = &place.slow_request;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;

    place_init(&place, world);
    request_start(get);
    while (!get->done)
        turn_and_serve(&place, limit);
    assert_true(get->response.wire_received > 0);
    place.slow.is_spent = true;
    assert_int_equal(rp_http_start_with(place.env.session, &slow->call, &place.slow.body), 0);
    while (!slow->done)
        turn_and_serve(&place, limit);
    assert_int_equal(slow->response.status, 0);
    /* Nothing of its own; at most the acknowledgement of the server's settings. */
    assert_true(slow->response.wire_sent <= 9);
    assert_int_equal(slow->response.wire_received, 0);
    place_deinit(&place);
}

/* Bytes are as old as a second when they are looked at. A part of the second request is sent, the third one is not. */
static void start_others(struct request *request)
{
    struct place *place = request->user;

    clock_ahead += RP_S;
    assert_int_equal(
        rp_http_start_with(place->env.session, &place->parts_request.call, &place->parts->body), 0);
    rp_loop_flush(place->env.world->loop);
    request_start(&place->slow_request);
}

/* Requests are begun by the end of another one, and their connection ends with bytes that had come before. They have
 * taken no time, and not less than that. */
static void test_an_end_that_came_before_the_request(struct world *world)
{
    static struct place place;
    struct request *get = &place.get, *parts = &place.parts_request, *next = &place.slow_request;
    rp_ns limit = rp_clock_ns() + 60 * RP_S;

    place_init(&place, world);
    place.server.breaks = true;
    request_deinit(next);
    request_init(&place.env, next, "GET", "/", NULL);
    get->then = start_others;
    get->user = &place;
    request_start(get);
    while (!next->done || !parts->done)
        turn_and_serve(&place, limit);
    assert_int_equal(get->response.status, 200);
    assert_error(next, RP_HTTP_H2 + 6,
                 "HTTP/2 protocol error: FRAME_SIZE_ERROR, too large frame size");
    assert_int_equal(next->response.blocked, 0);
    assert_int_equal(next->response.sending, 0);
    assert_int_equal(parts->response.error_code, RP_HTTP_H2 + 6);
    assert_true(parts->response.blocked >= 0);
    assert_int_equal(parts->response.sending, 0);
    assert_int_equal(place.server.connections, 1);
    place_deinit(&place);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_every_failing_allocation),
        CASE(test_a_request_that_is_not_sent_has_no_bytes),
        CASE(test_an_end_that_came_before_the_request),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
