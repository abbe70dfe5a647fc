/* SPDX-License-Identifier: MIT */
#include "testing.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { PATIENCE_S = 60 };

rp_ns clock_ahead;
static rp_ns clock_stopped; /* 0 = it goes */

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = __real_clock_gettime(id, ret);
    rp_ns now = (rp_ns)ret->tv_sec * RP_S + ret->tv_nsec;

    if (id != CLOCK_MONOTONIC)
        return r;
    now = (clock_stopped ? clock_stopped : now) + clock_ahead;
    ret->tv_sec = now / RP_S;
    ret->tv_nsec = now % RP_S;
    return r;
}

void clock_stop(void)
{
    clock_stopped = rp_clock_ns() - clock_ahead;
}

void clock_go_on(void)
{
    clock_stopped = 0;
}

void env_new_session(struct env *env)
{
    rp_http_session_free(env->session);
    env->session = NULL;
    assert_int_equal(rp_http_session_new(env->client, 1, &env->session), 0);
}

void env_init(struct env *env, struct world *world, struct rp_http_limits limits)
{
    *env = (struct env){ .world = world };
    assert_int_equal(rp_registry_new((struct rp_registry_limits){ 0 }, &env->registry), 0);
    assert_int_equal(rp_http_client_new(world->loop, env->registry, limits, &env->client), 0);
    env->tags = rp_tags_with(env->registry, rp_tags_empty(env->registry), RP_SLICE("scenario"),
                             RP_SLICE("s"));
    env_new_session(env);
}

void env_init_unrecorded(struct env *env, struct world *world)
{
    *env = (struct env){ .world = world };
    assert_int_equal(
        rp_http_client_new(world->loop, NULL, (struct rp_http_limits){ 0 }, &env->client), 0);
    env_new_session(env);
}

void env_deinit(struct env *env)
{
    rp_http_session_free(env->session);
    assert_int_equal(rp_http_client_counters(env->client)->open_connections, 0);
    rp_http_client_free(env->client);
    rp_registry_free(env->registry);
}

static void on_done(struct rp_http_call *call)
{
    struct request *request = rp_container_of(call, struct request, call);

    request->done++;
    assert_false(rp_http_is_running(call));
    if (request->then)
        request->then(request);
}

void request_init(struct env *env, struct request *request, const char *method, const char *path,
                  const char *body)
{
    char url[256];
    struct rp_http_spec spec = { .method = rp_slice_str(method),
                                 .body = rp_slice_str(body),
                                 .has_body = body != NULL,
                                 .name = rp_slice_str(path) };

    *request = (struct request){ .env = env };
    if (path[0] == '/')
        snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", ntohs(env->world->addr.sin_port), path);
    else
        snprintf(url, sizeof(url), "%s", path);
    spec.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(env->client, &spec, &request->call.template, NULL), 0);
    request->call.response = &request->response;
    request->call.tags = env->tags;
    request->call.done = on_done;
}

void request_deinit(struct request *request)
{
    assert_false(rp_http_is_running(&request->call));
    assert_int_equal(request->call.template->refs, 1);
    rp_http_template_unref(request->call.template);
    rp_http_response_deinit(&request->response);
}

void request_start(struct request *request)
{
    int before = request->done;

    rp_http_start(request->env->session, &request->call);
    assert_int_equal(request->done, before); /* never from inside */
}

void request_wait(struct request *request, int times)
{
    turn_until(request->env->world, &request->done, times);
    assert_int_equal(request->done, times);
}

bool peer_is_waiting(struct env *env)
{
    struct pollfd wait = { .fd = env->world->listener, .events = POLLIN };

    return poll(&wait, 1, 0) == 1;
}

int peer_accept(struct env *env)
{
    rp_ns limit = rp_clock_ns() + PATIENCE_S * RP_S;
    int fd;

    while (!peer_is_waiting(env)) {
        assert_int_equal(rp_loop_turn(env->world->loop, rp_clock_ns() + RP_MS), 0);
        assert_true(rp_clock_ns() < limit);
    }
    fd = accept4(env->world->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    /* What is written in parts goes out at once: the kernel would hold the second part back for 40 ms. */
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)), 0);
    return fd;
}

void peer_take_request(struct env *env, int fd, char *text, size_t size)
{
    size_t len = 0, body;
    const char *field;

    do {
        assert_true(len + 1 < size);
        peer_read(env->world, fd, text + len, 1);
        text[++len] = '\0';
    } while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0);
    field = strcasestr(text, "\r\ncontent-length:");
    body = field ? strtoul(field + 17, NULL, 10) : 0;
    assert_true(len + body < size);
    peer_read(env->world, fd, text + len, body);
    text[len + body] = '\0';
}

void peer_answer(struct env *env, int fd, const char *response)
{
    char text[4096];

    peer_take_request(env, fd, text, sizeof(text));
    peer_write(fd, response, strlen(response));
}

int exchange(struct request *request, int fd, const char *response)
{
    request_start(request);
    if (fd < 0)
        fd = peer_accept(request->env);
    peer_answer(request->env, fd, response);
    request_wait(request, request->done + 1);
    return fd;
}

static void start_the_other(struct request *trigger)
{
    request_start(trigger->user);
    rp_http_template_unref(trigger->call.template);
    rp_http_response_deinit(&trigger->response);
    free(trigger); /* done() may do that */
}

int start_before_an_event(struct request *request)
{
    struct env *env = request->env;
    struct request *trigger = malloc(sizeof(*trigger)), other;
    char text[1024];
    int a, b;

    request_init(env, trigger, "GET", "/trigger", NULL);
    request_init(env, &other, "GET", "/other", NULL);
    request_start(trigger);
    a = peer_accept(env);
    b = exchange(&other, -1, OK_RESPONSE);
    peer_take_request(env, a, text, sizeof(text));
    request_deinit(&other);
    trigger->then = start_the_other;
    trigger->user = request;
    peer_write(a, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 57);
    close(a);
    return b;
}

static bool is_wanted(const struct rp_series *series, const char *metric, const char *key,
                      const char *value)
{
    const char *tag;

    if (strcmp(series->metric->name, metric) != 0)
        return false;
    tag = key ? rp_tags_get(series->tags, key) : NULL;
    return !key || (tag && strcmp(tag, value) == 0);
}

static double sum_in(const struct rp_value *value)
{
    switch (value->type) {
    case RP_COUNTER:
        return rp_sum_read(&value->counter);
    case RP_RATE:
        return (double)value->rate.hits;
    case RP_TREND:
        return value->samples ? rp_hist_mean(&value->hist) * (double)value->samples : 0;
    default:
        fail();
        return 0;
    }
}

uint64_t samples_of(struct env *env, const char *metric, const char *key, const char *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < rp_registry_series_count(env->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(env->registry, i);

        if (is_wanted(series, metric, key, value))
            sum += series->delta.samples + series->total.samples;
    }
    return sum;
}

double sum_of(struct env *env, const char *metric, const char *key, const char *value)
{
    double sum = 0;

    for (size_t i = 0; i < rp_registry_series_count(env->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(env->registry, i);

        if (is_wanted(series, metric, key, value))
            sum += sum_in(&series->delta) + sum_in(&series->total);
    }
    return sum;
}

void touch_histograms(struct env *env)
{
    for (size_t i = 0; i < rp_registry_series_count(env->registry); i++) {
        struct rp_series *series = rp_registry_series_at(env->registry, i);

        if (series->metric->type != RP_TREND)
            continue;
        rp_series_trend(series, 0);
        for (double power = 1; power < 1e12; power *= 2)
            for (int part = 0; part < 16; part++)
                rp_series_trend(series, power * (1 + part / 16.0));
    }
}

void assert_times(const struct request *request)
{
    const struct rp_http_response *response = &request->response;
    rp_ns passed = rp_clock_ns() - request->call.began;

    assert_true(response->blocked >= 0 && response->looking_up >= 0 && response->connecting >= 0);
    assert_true(response->tls_handshaking >= 0 && response->sending >= 0);
    assert_true(response->waiting >= 0 && response->receiving >= 0);
    assert_true(response->blocked + response->looking_up + response->connecting +
                    response->tls_handshaking + response->sending + response->waiting +
                    response->receiving <=
                passed);
}
