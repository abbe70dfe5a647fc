/* SPDX-License-Identifier: MIT */

/* What requests leave in the registry: how many samples of which metric under which tags. */

#include <stdio.h>

#include "testing.h"

enum { PER_KIND = 3 };

static const struct kind {
    const char *path, *response; /* NULL: the server closes without a word */
    const char *status, *error, *error_code, *expected_response;
    bool is_sent;
} kinds[] = {
    { "/ok", OK_RESPONSE, "200", NULL, NULL, "true", true },
    { "/moved", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "302", NULL, NULL,
      "true", true },
    { "/missing", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "404", NULL, "1404", "false",
      true },
    { "/busy", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "503", NULL, "1503", "false",
      true },
    { "/garbage", "garbage\r\n", "0", "malformed response", "1900", "false", true },
    { "/closed", NULL, "0", "connection closed early", "1901", "false", true },
};

static const char *const trends[] = {
    "http_req_duration",        "http_req_blocked", "http_req_looking_up", "http_req_connecting",
    "http_req_tls_handshaking", "http_req_sending", "http_req_waiting",    "http_req_receiving",
};

static void run_kind(struct env *env, const struct kind *kind)
{
    struct request request;
    char text[1024];

    request_init(env, &request, "GET", kind->path, NULL);
    for (int i = 0; i < PER_KIND; i++) {
        int fd;

        env_new_session(env);
        request_start(&request);
        fd = peer_accept(env);
        peer_take_request(env, fd, text, sizeof(text));
        if (kind->response)
            peer_write(fd, kind->response, strlen(kind->response));
        else
            close(fd);
        request_wait(&request, i + 1);
        assert_times(&request);
        if (kind->response)
            close(fd);
    }
    request_deinit(&request);
}

static void assert_tag(const struct rp_series *series, const char *key, const char *expected)
{
    const char *value = rp_tags_get(series->tags, key);

    if (expected)
        assert_string_equal(value ? value : "(absent)", expected);
    else
        assert_null(value);
}

static const struct kind *kind_of(const struct rp_series *series)
{
    const char *url = rp_tags_get(series->tags, "url");

    for (size_t i = 0; url && i < RP_ARRAY_LEN(kinds); i++)
        if (strcmp(strrchr(url, '/'), kinds[i].path) == 0)
            return &kinds[i];
    return NULL;
}

static void check_series(const struct rp_series *series)
{
    const struct kind *kind = kind_of(series);

    assert_tag(series, "scenario", "s");
    if (!kind) { /* bytes are not told apart by request */
        assert_true(strncmp(series->metric->name, "data_", 5) == 0);
        assert_int_equal(series->tags->count, 1);
        return;
    }
    assert_tag(series, "method", "GET");
    assert_tag(series, "name", kind->path);
    assert_tag(series, "url", kind->path); /* of requests with a name */
    assert_tag(series, "status", kind->status);
    assert_tag(series, "error", kind->error);
    assert_tag(series, "error_code", kind->error_code);
    assert_tag(series, "expected_response", kind->expected_response);
    assert_tag(series, "proto", strcmp(kind->status, "0") ? "HTTP/1.1" : NULL);
    assert_int_equal(series->delta.samples, PER_KIND);
    if (strcmp(series->metric->name, "http_reqs") == 0)
        assert_true(series->delta.counter.whole == PER_KIND);
    else if (strcmp(series->metric->name, "http_req_failed") == 0)
        assert_int_equal(series->delta.rate.hits,
                         strcmp(kind->expected_response, "false") == 0 ? PER_KIND : 0);
    else
        assert_true(series->delta.hist.min >= 0);
}

static void test_counts_and_tags(struct world *world)
{
    struct env env;
    size_t of_requests = RP_ARRAY_LEN(trends) + 2;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(kinds); i++)
        run_kind(&env, &kinds[i]);
    /* Each kind has its own ten series; the two of bytes are shared. */
    assert_int_equal(rp_registry_series_count(env.registry), RP_ARRAY_LEN(kinds) * of_requests + 2);
    for (size_t i = 0; i < rp_registry_series_count(env.registry); i++)
        check_series(rp_registry_series_at(env.registry, i));
    for (size_t i = 0; i < RP_ARRAY_LEN(trends); i++)
        assert_int_equal(samples_of(&env, trends[i], NULL, NULL), PER_KIND * RP_ARRAY_LEN(kinds));
    env_deinit(&env);
}

/* http_req_duration is the sum of its parts, sample by sample. */
static void test_the_sum_of_the_phases(struct world *world)
{
    struct env env;
    struct request request;
    int fd = -1;
    rp_ns sum = 0;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 0; i < 20; i++) {
        const struct rp_http_response *response = &request.response;

        fd = exchange(&request, fd, OK_RESPONSE);
        sum += response->sending + response->waiting + response->receiving;
    }
    assert_true(fabs(sum_of(&env, "http_req_duration", NULL, NULL) - (double)sum) < 20 * 64);
    assert_int_equal((int)sum_of(&env, "data_received", NULL, NULL), 20 * strlen(OK_RESPONSE));
    assert_int_equal((int)sum_of(&env, "data_sent", NULL, NULL), 20 * request.response.wire_sent);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* Times are those of the server's delays. */
static void test_delays_are_measured(struct world *world)
{
    enum { DELAY_MS = 20 };
    struct env env;
    struct request request;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    for (int i = 0; i < 3; i++)
        look(world);                 /* so that the end of the sending is noticed */
    clock_ahead += DELAY_MS * RP_MS; /* the server thinks */
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 38);
    while (!((struct connection *)request.call.connection)->first_byte)
        turn(world);
    clock_ahead += DELAY_MS * RP_MS;
    peer_write(fd, "ok", 2);
    request_wait(&request, 1);
    assert_true(request.response.waiting >= DELAY_MS * RP_MS);
    assert_true(request.response.receiving >= DELAY_MS * RP_MS);
    assert_times(&request);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_own_tags_and_expected_statuses(struct world *world)
{
    static const uint16_t expected[][2] = { { 404, 404 }, { 500, 599 } };
    static const struct {
        int status;
        bool is_expected;
    } cases[] = { { 200, false }, { 403, false }, { 404, true }, { 405, false },
                  { 499, false }, { 500, true },  { 599, true }, { 600, false } };
    struct rp_header tags[] = { { RP_SLICE("user"), RP_SLICE("tag") },
                                { RP_SLICE("name"), RP_SLICE("mine") } };
    struct env env;
    struct request request;
    struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                 .tags = tags,
                                 .tag_count = RP_ARRAY_LEN(tags),
                                 .expected = expected,
                                 .expected_count = RP_ARRAY_LEN(expected) };
    char url[64], response[128];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    rp_http_template_unref(request.call.template);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(world->addr.sin_port));
    spec.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(env.client, &spec, &request.call.template, NULL), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        snprintf(response, sizeof(response), "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n",
                 cases[i].status);
        fd = exchange(&request, fd, response);
        assert_int_equal(request.response.is_expected, cases[i].is_expected);
        assert_int_equal(request.response.error_code,
                         cases[i].status >= 400 ? 1000 + cases[i].status : 0);
    }
    assert_int_equal(samples_of(&env, "http_reqs", "user", "tag"), RP_ARRAY_LEN(cases));
    assert_int_equal(samples_of(&env, "http_reqs", "name", "mine"), RP_ARRAY_LEN(cases));
    assert_int_equal((int)sum_of(&env, "http_req_failed", NULL, NULL), 5);
    assert_int_equal(samples_of(&env, "http_reqs", "expected_response", "true"), 3);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* The tags of the VU belong to the sample, whatever the template remembers of earlier ones. */
static void test_tags_of_the_call(struct world *world)
{
    enum { GROUPS = 7, ROUNDS = 3 }; /* more than a template remembers */
    struct env env;
    struct request request;
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 0; i < GROUPS * ROUNDS; i++) {
        char group = (char)('a' + i % GROUPS);

        request.call.tags = rp_tags_with(env.registry, env.tags, RP_SLICE("group"),
                                         rp_slice(&group, 1));
        fd = exchange(&request, fd, OK_RESPONSE);
    }
    for (int i = 0; i < GROUPS; i++) {
        char group[2] = { (char)('a' + i), '\0' };

        assert_int_equal(samples_of(&env, "http_reqs", "group", group), ROUNDS);
        assert_int_equal(samples_of(&env, "data_sent", "group", group), ROUNDS);
    }
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* Of the response, not of the request: the same status by another version is another series. */
static void test_the_version(struct world *world)
{
    struct env env;
    struct request request;
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 0; i < 3; i++)
        fd = exchange(&request, fd, OK_RESPONSE);
    assert_int_equal(request.response.version, RP_HTTP_1_1);
    (void)exchange(&request, fd, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(request.response.version, RP_HTTP_1_0);
    assert_int_equal((int)sum_of(&env, "http_reqs", "proto", "HTTP/1.1"), 3);
    assert_int_equal((int)sum_of(&env, "http_reqs", "proto", "HTTP/1.0"), 1);
    assert_string_equal(rp_http_version_text(RP_HTTP_1_0), "HTTP/1.0");
    close(fd);
    fd = -1;
    while (rp_http_client_counters(env.client)->open_connections)
        turn(world);
    request_start(&request);
    fd = peer_accept(&env);
    peer_reset(fd);
    request_wait(&request, 5);
    assert_int_equal(request.response.version, RP_HTTP_NO_VERSION);
    assert_null(rp_http_version_text(request.response.version));
    request_deinit(&request);
    env_deinit(&env);
}

/* A URL that is none is a failed request, and a password in it is shown nowhere. */
static void test_bad_urls(struct world *world)
{
    static const struct {
        struct rp_slice url, name;
        const char *shown;
    } cases[] = {
        { RP_SLICE("htp://h/"), RP_SLICE(""), "htp://h/" },
        { RP_SLICE("http://u:s3cret@:1/x"), RP_SLICE(""), "http://:1/x" },
        { RP_SLICE("http://u:a/s3cret@h/x"), RP_SLICE(""), "http://h/x" },
        { RP_SLICE("http://u:/s3cret@h"), RP_SLICE(""), "http://h" },
        { RP_SLICE("u:s3cret@h/"), RP_SLICE(""), "h/" },
        { RP_SLICE("//u:s3cret@h/"), RP_SLICE(""), "h/" },
        { RP_SLICE("/users/@me"), RP_SLICE(""), "/users/@me" },
        { RP_SLICE(""), RP_SLICE(""), "" },
        /* A name is shown as it is with a URL that is one. */
        { RP_SLICE("http://u:s3cret@/"), RP_SLICE("item:1@home"), "item:1@home" },
        { RP_SLICE("http://u:s3cret@/"), RP_SLICE("http://u:s3cret@h/n"), "http://h/n" },
    };
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        uint64_t before = samples_of(&env, "http_reqs", "name", cases[i].shown);

        assert_int_equal(rp_http_client_check_url(env.client, cases[i].url, NULL), -RP_EUSER);
        rp_http_count_bad_url(env.client, env.tags, RP_SLICE("GET"), cases[i].url, cases[i].name);
        assert_int_equal(samples_of(&env, "http_reqs", "name", cases[i].shown), before + 1);
    }
    assert_int_equal(samples_of(&env, "http_reqs", "error_code", "1020"), RP_ARRAY_LEN(cases));
    assert_int_equal(samples_of(&env, "http_reqs", "scenario", "s"), RP_ARRAY_LEN(cases));
    assert_int_equal((int)sum_of(&env, "http_req_failed", "error", "bad URL"), RP_ARRAY_LEN(cases));
    assert_int_equal(samples_of(&env, "http_req_duration", NULL, NULL), 0);
    env_deinit(&env);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_counts_and_tags),
        CASE(test_the_sum_of_the_phases),
        CASE(test_delays_are_measured),
        CASE(test_own_tags_and_expected_statuses),
        CASE(test_tags_of_the_call),
        CASE(test_the_version),
        CASE(test_bad_urls),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
