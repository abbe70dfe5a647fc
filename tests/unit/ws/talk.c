/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"

static void woken(struct rp_ws_session *session)
{
    ((struct talk *)session->owner)->woken++;
}

void talk_init(struct talk *talk, struct world *world)
{
    memset(talk, 0, sizeof(*talk));
    env_init(&talk->env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_ws_client_new(world->loop, talk->env.registry, &talk->client), 0);
    assert_int_equal(rp_ws_user_new(talk->client, talk->env.client, talk->env.session, &talk->user),
                     0);
    talk->fd = -1;
}

void talk_deinit(struct talk *talk)
{
    if (talk->session)
        rp_ws_leave(talk->session, false);
    rp_ws_user_free(talk->user);
    rp_ws_client_free(talk->client);
    if (talk->fd >= 0)
        close(talk->fd);
    rp_http_response_deinit(&talk->response);
    env_deinit(&talk->env);
}

int new_session(struct talk *talk, struct rp_ws_spec *spec, struct rp_error *err)
{
    char url[64];

    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/talk", ntohs(talk->env.world->addr.sin_port));
    spec->http.url = rp_slice_str(url);
    return rp_ws_session_new(talk->user, spec, &talk->session, err);
}

void begin(struct talk *talk, struct rp_ws_spec spec, char *request, size_t size)
{
    assert_int_equal(new_session(talk, &spec, NULL), 0);
    talk->session->wake = woken;
    talk->session->owner = talk;
    rp_ws_open(talk->session, &talk->response, talk->env.tags);
    talk->fd = peer_accept(&talk->env);
    peer_take_request(&talk->env, talk->fd, request, size);
}

void write_bytes(const struct talk *talk, const void *bytes, size_t len)
{
    assert_int_equal(send(talk->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void write_empty_messages(const struct talk *talk, size_t count)
{
    char block[2 * 5000] = { 0 };

    assert_true(2 * count <= sizeof(block));
    for (size_t i = 0; i < count; i++)
        block[2 * i] = (char)0x82;
    write_bytes(talk, block, 2 * count);
}

void accept_with(struct talk *talk, const char *request, const char *fields, const char *rest,
                 size_t rest_len)
{
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    char accept[RP_WS_ACCEPT_LEN + 1], answer[1024];
    int len;

    assert_non_null(key);
    assert_int_equal(rp_ws_make_accept(rp_slice(key + 19, RP_WS_KEY_LEN), accept), 0);
    len = snprintf(answer, sizeof(answer),
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                   accept, fields);
    memcpy(answer + len, rest, rest_len);
    write_bytes(talk, answer, (size_t)len + rest_len);
}

void until_state(struct talk *talk, enum rp_ws_state state)
{
    for (int i = 0; i < 1000 && talk->session->state != state; i++)
        turn(talk->env.world);
    assert_int_equal(talk->session->state, state);
}

void open_session(struct talk *talk, struct rp_ws_spec spec)
{
    char request[2048];

    begin(talk, spec, request, sizeof(request));
    accept_with(talk, request, "", "", 0);
    until_state(talk, RP_WS_OPEN);
}

unsigned take_frame(struct talk *talk, char *payload, size_t *ret_len)
{
    unsigned char frame[2 + 4 + 125];
    size_t len, have = 0;

    while (have < 6 || have < 6 + (size_t)(frame[1] & 0x7f)) {
        ssize_t got = recv(talk->fd, frame + have,
                           have < 6 ? 6 - have : 6 + (frame[1] & 0x7f) - have, MSG_DONTWAIT);

        if (got < 0) {
            assert_int_equal(errno, EAGAIN);
            look(talk->env.world);
            poll(&(struct pollfd){ .fd = talk->fd, .events = POLLIN }, 1, 10);
            continue;
        }
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_true(frame[1] & 0x80); /* masked */
    len = frame[1] & 0x7f;
    for (size_t i = 0; i < len; i++)
        payload[i] = (char)(frame[6 + i] ^ frame[2 + i % 4]);
    *ret_len = len;
    return frame[0];
}

void assert_frame(struct talk *talk, unsigned first, const char *bytes, size_t len)
{
    char payload[125];
    size_t got;

    assert_int_equal(take_frame(talk, payload, &got), first);
    assert_int_equal(got, len);
    assert_memory_equal(payload, bytes, len);
}

void assert_message(struct talk *talk, bool is_text, const char *bytes)
{
    struct rp_ws_message *message;

    for (int i = 0; i < 1000 && !talk->session->first; i++)
        turn(talk->env.world);
    message = rp_ws_take(talk->session);
    assert_non_null(message);
    assert_int_equal(message->is_text, is_text);
    assert_int_equal(message->len, strlen(bytes));
    assert_memory_equal(message->bytes, bytes, message->len);
    rp_free(message);
}

int count_of(struct talk *talk, const char *metric)
{
    return (int)samples_of(&talk->env, metric, NULL, NULL);
}

uint64_t open_connections(struct talk *talk)
{
    return rp_http_client_counters(talk->env.client)->open_connections;
}
