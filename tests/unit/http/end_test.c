/* SPDX-License-Identifier: MIT */

/* A call may be cancelled, time out, or lose its session in every state it can be in. */

#include <stdio.h>

#include "testing.h"
#include "../net/dns_server.h"
#include "net/net_internal.h"

#define TIMEOUT (3600 * RP_S)

struct place { /* where a call is brought into a state */
    struct env env;
    struct request request, busy;
    struct dns_server dns;
    struct sockaddr_in full_addr;
    int fd, filler, full;
    char *body;
    int traced; /* how often the trace was told of @request */
};

enum action { CANCEL, CANCEL_RECORDED, INTERRUPT, FREE, TIME_OUT };

static struct connection *connection_of(struct place *place)
{
    return place->request.call.connection;
}

static bool is_busy(struct place *place)
{
    return connection_of(place)->state == CONNECTION_BUSY;
}

static bool is_dialling(struct place *place, enum rp_dial_phase phase)
{
    const struct connection *connection = connection_of(place);

    return connection->state == CONNECTION_OPENING && connection->dial->phase == phase;
}

static void turn_until_phase(struct place *place, enum rp_dial_phase phase)
{
    while (!is_dialling(place, phase))
        turn(place->env.world);
}

static const struct rp_traffic *traffic_of(struct place *place)
{
    return connection_of(place)->stack.top->traffic;
}

static void enter_opening(struct place *place)
{
    request_start(&place->request);
    assert_true(is_dialling(place, RP_DIAL_WAITING));
}

static void enter_back_off(struct place *place)
{
    struct rp_destination *destination = &place->request.call.template->origin->destination;

    destination->failures = 9;
    destination->last = rp_clock_ns() + 2 * TIMEOUT; /* so that it lasts */
    request_start(&place->request);
    look(place->env.world);
    assert_true(is_dialling(place, RP_DIAL_WAITING));
}

static void enter_look_up(struct place *place)
{
    request_start(&place->request);
    turn_until_phase(place, RP_DIAL_LOOKING_UP);
    look(place->env.world);
    assert_true(is_dialling(place, RP_DIAL_LOOKING_UP));
}

/* A listener whose queue is full leaves further ones unanswered. */
static void enter_connecting(struct place *place)
{
    place->filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(place->full, 0), 0);
    assert_int_equal(
        connect(place->filler, (struct sockaddr *)&place->full_addr, sizeof(place->full_addr)), 0);
    request_start(&place->request);
    turn_until_phase(place, RP_DIAL_OPENING);
    look(place->env.world);
    assert_true(is_dialling(place, RP_DIAL_OPENING));
}

static void enter_unsent(struct place *place)
{
    place->fd = exchange(&place->busy, -1, EMPTY_RESPONSE);
    request_start(&place->request);
    assert_true(is_busy(place));
    assert_int_equal(traffic_of(place)->send_began, 0);
}

static void enter_sending(struct place *place)
{
    request_start(&place->request);
    place->fd = peer_accept(&place->env);
    while (!is_busy(place))
        turn(place->env.world);
    look(place->env.world);
    assert_true(traffic_of(place)->send_began > 0);
    assert_int_equal(traffic_of(place)->send_ended, 0);
}

static void enter_sent(struct place *place)
{
    char text[1024];

    request_start(&place->request);
    place->fd = peer_accept(&place->env);
    peer_take_request(&place->env, place->fd, text, sizeof(text));
}

static void enter_receiving(struct place *place)
{
    enter_sent(place);
    peer_write(place->fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 43);
    while (!connection_of(place)->first_byte)
        turn(place->env.world);
}

static void enter_queue(struct place *place)
{
    request_start(&place->busy);
    request_start(&place->request);
    assert_null(connection_of(place));
    place->fd = peer_accept(&place->env);
    look(place->env.world);
}

static const struct state {
    const char *name;
    void (*enter)(struct place *place);
    const char *host; /* NULL = the world's listener */
    bool is_full, has_body;
    bool is_sent; /* a sample of a latency */
    int timeout_code;
    const char *timeout_error;
} states[] = {
    { "opening", enter_opening, .timeout_code = 0 },
    { "back-off", enter_back_off, .timeout_code = RP_HTTP_DIAL_TIMEOUT,
      .timeout_error = "connect timeout" },
    { "look-up", enter_look_up, .host = "silent.test", .timeout_code = RP_HTTP_DNS,
      .timeout_error = "name resolution timeout" },
    { "connecting", enter_connecting, .is_full = true, .timeout_code = RP_HTTP_DIAL_TIMEOUT,
      .timeout_error = "connect timeout" },
    { "unsent", enter_unsent, .timeout_code = 0 },
    { "sending", enter_sending, .has_body = true, .is_sent = true, .timeout_code = RP_HTTP_TIMEOUT,
      .timeout_error = "request timeout" },
    { "sent", enter_sent, .is_sent = true, .timeout_code = RP_HTTP_TIMEOUT,
      .timeout_error = "request timeout" },
    { "receiving", enter_receiving, .is_sent = true, .timeout_code = RP_HTTP_TIMEOUT,
      .timeout_error = "request timeout" },
    { "queue", enter_queue, .timeout_code = RP_HTTP_TIMEOUT,
      .timeout_error = "timeout: no connection became free" },
};

enum { BODY = 16 << 20 };

static void place_init(struct place *place, struct world *world, const struct state *state)
{
    struct rp_resolver_options options = { .timeout_ms = 3600 * 1000, .tries = 1 };
    char url[128];
    int port;

    *place = (struct place){ .fd = -1, .filler = -1 };
    env_init(&place->env, world, (struct rp_http_limits){ .connections_per_host = 1 });
    dns_server_start(&place->dns, world->loop);
    options.servers = place->dns.csv;
    rp_resolver_free(place->env.client->dialler.resolver);
    assert_int_equal(
        rp_resolver_new_with(world->loop, &options, &place->env.client->dialler.resolver), 0);
    place->full = make_listener(&place->full_addr);
    port = ntohs(state->is_full ? place->full_addr.sin_port : world->addr.sin_port);
    if (state->has_body) {
        place->body = malloc(BODY + 1);
        memset(place->body, 'b', BODY);
        place->body[BODY] = '\0';
    }
    snprintf(url, sizeof(url), "http://%s:%d/", state->host ? state->host : "127.0.0.1", port);
    request_init(&place->env, &place->request, "GET", url, place->body);
    request_init(&place->env, &place->busy, "GET", "/busy", NULL);
}

static void close_all(struct place *place)
{
    int fds[] = { place->fd, place->filler, place->full };

    for (size_t i = 0; i < RP_ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    while (peer_is_waiting(&place->env))
        close(peer_accept(&place->env));
}

static void place_deinit(struct place *place)
{
    env_new_session(&place->env);
    close_all(place);
    request_deinit(&place->request);
    request_deinit(&place->busy);
    look(place->env.world);
    rp_resolver_free(place->env.client->dialler.resolver);
    place->env.client->dialler.resolver = NULL;
    env_deinit(&place->env);
    dns_server_stop(&place->dns);
    free(place->body);
}

static void check_recorded(struct place *place, const struct state *state, const char *error,
                           const char *code, rp_ns at_least)
{
    const struct rp_http_response *response = &place->request.response;
    rp_ns total = response->blocked + response->looking_up + response->connecting +
                  response->sending + response->waiting + response->receiving;

    assert_times(&place->request);
    assert_true(total >= at_least);
    assert_int_equal((int)sum_of(&place->env, "http_reqs", "error", error), 1);
    assert_int_equal((int)sum_of(&place->env, "http_reqs", "error_code", code), 1);
    assert_int_equal((int)sum_of(&place->env, "http_req_failed", "error", error), 1);
    assert_int_equal(samples_of(&place->env, "http_req_blocked", "error", error), 1);
    assert_int_equal(samples_of(&place->env, "http_req_duration", "error", error), state->is_sent);
    assert_int_equal(samples_of(&place->env, "http_req_waiting", "error", error), state->is_sent);
    assert_int_equal(response->wire_sent > 0, state->is_sent);
    if (state->has_body)
        assert_true(response->wire_sent < BODY);
}

static void take_unfinished(void *user, const struct rp_unfinished *requests, size_t count)
{
    struct rp_unfinished *ret = user;

    assert_int_equal(count, 1);
    *ret = requests[0];
}

/* It is counted, and how far it had come is known; whether it failed is not. */
static void check_unfinished(struct place *place, const struct state *state, rp_ns at_least)
{
    const struct rp_http_response *response = &place->request.response;
    struct rp_unfinished kept = { 0 }, none = { 0 };
    const struct rp_series *counter;

    rp_http_client_take_unfinished(place->env.client, take_unfinished, &kept);
    rp_http_client_take_unfinished(place->env.client, take_unfinished, &none);
    assert_memory_equal(&none, &(struct rp_unfinished){ 0 }, sizeof(none));
    counter = rp_registry_series_at(place->env.registry, kept.series);
    assert_string_equal(counter->metric->name, "http_reqs");
    assert_string_equal(rp_tags_get(counter->tags, "error_code"), "1904");
    assert_string_equal(rp_tags_get(counter->tags, "error"), "still under way at the end");
    assert_string_equal(rp_tags_get(counter->tags, "status"), "0");
    assert_true(counter->delta.counter.whole == 1);
    assert_times(&place->request);
    assert_int_equal(kept.was_sent, state->is_sent);
    assert_int_equal(kept.blocked, response->blocked);
    assert_int_equal(kept.sending, response->sending);
    assert_int_equal(kept.waiting, response->waiting);
    assert_int_equal(kept.receiving, response->receiving);
    assert_true(rp_unfinished_age(&kept) >= at_least);
    assert_int_equal(samples_of(&place->env, "http_req_failed", "error_code", "1904"), 0);
    assert_int_equal(samples_of(&place->env, "http_req_duration", "error_code", "1904"), 0);
    assert_int_equal(samples_of(&place->env, "http_req_blocked", "error_code", "1904"), 0);
    assert_true(sum_of(&place->env, "data_sent", NULL, NULL) >= (double)response->wire_sent);
    assert_int_equal(response->wire_sent > 0, state->is_sent);
}

static void on_trace(void *user, const struct rp_http_call *call, struct rp_slice request_head)
{
    const struct request *request = rp_container_of(call, const struct request, call);
    struct place *place = request->user;

    if (!place)
        return;
    place->traced++;
    assert_int_equal(request->done, 0);
    assert_true(call->response->error_code > 0);
    assert_memory_equal(request_head.ptr, "GET / HTTP/1.1\r\n", 16);
}

static void act(struct place *place, const struct state *state, enum action action)
{
    struct rp_http_call *call = &place->request.call;
    int busy_was = place->busy.done;

    if (action == FREE) {
        rp_http_session_free(place->env.session);
        place->env.session = NULL;
        assert_int_equal(place->busy.done, busy_was);
    } else if (action == TIME_OUT) {
        look(place->env.world);
        assert_int_equal(place->request.done, 0);
        clock_ahead += TIMEOUT;
        request_wait(&place->request, 1);
        assert_error(&place->request, state->timeout_code, state->timeout_error);
        return;
    } else if (action == INTERRUPT) {
        clock_ahead += TIMEOUT / 2;
        rp_http_interrupt(call);
        rp_http_interrupt(call); /* no-op */
    } else {
        rp_http_cancel(call, action == CANCEL_RECORDED);
        rp_http_cancel(call, action == CANCEL_RECORDED); /* no-op */
    }
    assert_false(rp_http_is_running(call));
    for (int i = 0; i < 5; i++)
        look(place->env.world);
    assert_int_equal(place->request.done, 0);
}

static void check(struct world *world, const struct state *state, enum action action)
{
    struct place place;
    struct request next;
    char code[16], error[96];
    int reqs;

    place_init(&place, world, state);
    place.request.call.timeout = TIMEOUT;
    place.busy.call.timeout = 2 * TIMEOUT;
    place.request.user = &place;
    rp_http_client_set_trace(place.env.client, on_trace, NULL);
    state->enter(&place);
    reqs = (int)samples_of(&place.env, "http_reqs", NULL, NULL);
    act(&place, state, action);
    assert_int_equal(place.traced, action != CANCEL && action != FREE); /* what is counted */
    if (action == CANCEL_RECORDED) {
        check_recorded(&place, state, "cancelled by the script", "1903", 0);
    } else if (action == TIME_OUT) {
        snprintf(code, sizeof(code), "%d", state->timeout_code);
        snprintf(error, sizeof(error), "%s", state->timeout_error);
        error[strcspn(error, ":")] = '\0';
        check_recorded(&place, state, error, code, TIMEOUT);
    } else if (action == INTERRUPT) {
        check_unfinished(&place, state, TIMEOUT / 2);
    } else {
        assert_int_equal(samples_of(&place.env, "http_reqs", NULL, NULL), reqs);
    }
    env_new_session(&place.env);
    close_all(&place);
    place.fd = place.filler = place.full = -1;
    place.request.call.template->origin->destination.failures = 0; /* the host is well again */
    request_init(&place.env, &next, "GET", "/next", NULL);
    place.fd = exchange(&next, -1, OK_RESPONSE);
    assert_int_equal(next.response.status, 200);
    request_deinit(&next);
    place_deinit(&place);
}

static void check_all(struct world *world, enum action action)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(states); i++)
        if (action != TIME_OUT || states[i].timeout_code)
            check(world, &states[i], action);
}

static void test_cancel(struct world *world)
{
    check_all(world, CANCEL);
}

static void test_cancel_with_a_sample(struct world *world)
{
    check_all(world, CANCEL_RECORDED);
}

static void test_interrupt(struct world *world)
{
    check_all(world, INTERRUPT);
}

static void test_free_the_session(struct world *world)
{
    check_all(world, FREE);
}

static void test_time_out(struct world *world)
{
    check_all(world, TIME_OUT);
}

/* ---- names ---- */

static void test_names(struct world *world)
{
    static const struct {
        const char *host;
        int code;
        const char *error;
    } cases[] = {
        { "one.test", 0, "" },
        { "missing.test", RP_HTTP_DNS_NOT_FOUND, "host not found: missing.test" },
        { "fail.test", RP_HTTP_DNS, "name resolution failed: the name server failed" },
    };
    struct state state = { .name = "names" };
    struct place place;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        state.host = cases[i].host;
        place_init(&place, world, &state);
        if (cases[i].code) {
            request_start(&place.request);
            request_wait(&place.request, 1);
            assert_int_equal(place.request.response.error_code, cases[i].code);
            assert_memory_equal(place.request.response.error, cases[i].error, 14);
            assert_int_equal(place.request.response.connecting, 0);
            assert_int_equal(samples_of(&place.env, "http_req_duration", NULL, NULL), 0);
        } else {
            place.fd = exchange(&place.request, -1, OK_RESPONSE);
            assert_int_equal(place.request.response.status, 200);
        }
        assert_true(place.request.response.looking_up > 0);
        assert_times(&place.request);
        place_deinit(&place);
    }
}

/* A name with several addresses: the one that answers is found, whichever the order. */
static void test_the_next_address(struct world *world)
{
    struct state state = { .name = "addresses", .host = "both.test" };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000003) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

    for (int is_v6 = 0; is_v6 < 2; is_v6++) {
        struct world elsewhere = *world;
        struct place place;
        int r;

        elsewhere.listener = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        v4.sin_port = v6.sin6_port = world->addr.sin_port;
        r = is_v6 ? bind(elsewhere.listener, (struct sockaddr *)&v6, sizeof(v6))
                  : bind(elsewhere.listener, (struct sockaddr *)&v4, sizeof(v4));
        if (r < 0 && is_v6) {
            print_message("# no IPv6 here\n");
            close(elsewhere.listener);
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(listen(elsewhere.listener, 1), 0);
        place_init(&place, &elsewhere, &state);
        place.fd = exchange(&place.request, -1, OK_RESPONSE);
        assert_int_equal(place.request.response.status, 200);
        place_deinit(&place);
        close(elsewhere.listener);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_cancel),           CASE(test_cancel_with_a_sample),
        CASE(test_interrupt),        CASE(test_free_the_session),
        CASE(test_time_out),         CASE(test_names),
        CASE(test_the_next_address),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
