/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <netinet/tcp.h>

enum { DATA, HEADERS, RESET = 3, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

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

void server_go_on(struct server *server)
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
    server_go_on(server);
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

static struct place *now; /* for on_wake() */

static void on_wake(struct rp_grpc_call *call)
{
    now->wakes++;
}

int make_method(struct place *place, bool is_stream, struct rp_grpc_method **ret)
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

int place_init(struct place *place, struct world *world)
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

void place_deinit(struct place *place)
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

void turn_and_serve(struct place *place, rp_ns limit)
{
    assert_true(rp_clock_ns() < limit);
    assert_int_equal(rp_loop_turn(place->env.world->loop, rp_clock_ns() + RP_MS / 10), 0);
    serve(&place->server);
}

void call_init(struct place *place, struct rp_grpc_call *call, bool is_stream)
{
    *call = (struct rp_grpc_call){ .method = is_stream ? place->stream : place->unary,
                                   .tags = place->env.tags,
                                   .wake = on_wake };
}
