/* SPDX-License-Identifier: MIT */

/* Memory: none per request once warm, little per connection and per VU, and what happens when there is none. */

#include <malloc.h>
#include <poll.h>
#include <stdio.h>

#include "base/alloc.h"
#include "net/net_internal.h"
#include "plan/plan.h"
#include "testing.h"

/* Bytes of a session, of a connection, and of the heap that a VU with one idle connection takes. */
enum { SESSION_BYTES_MAX = 96, CONNECTION_BYTES_MAX = 480, HEAP_BYTES_MAX = 1536 };

static void check_steady_state(struct world *world, const char *method, const char *body,
                               const char *response)
{
    struct env env;
    struct request request;
    uint64_t before;
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, method, "/", body);
    for (int i = 0; i < 10; i++)
        fd = exchange(&request, fd, response);
    touch_histograms(&env);
    before = rp_alloc_count();
    for (int i = 0; i < 1000; i++)
        exchange(&request, fd, response);
    assert_int_equal(rp_alloc_count() - before, 0);
    assert_int_equal((int)sum_of(&env, "http_reqs", NULL, NULL), 1010);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_no_allocation_per_request(struct world *world)
{
    check_steady_state(world, "GET", NULL, OK_RESPONSE);
    check_steady_state(world, "POST", "some body", OK_RESPONSE);
    check_steady_state(
        world, "GET", NULL,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    check_steady_state(world, "GET", NULL, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
}

static void test_bytes(struct world *world)
{
    enum { VUS = 200 };
    struct env env;
    struct request request;
    struct rp_http_session *sessions[VUS];
    int fds[VUS];
    size_t before, heap;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fds[0] = exchange(&request, -1, OK_RESPONSE);
    env_new_session(&env);
    look(world);
    close(fds[0]);
    before = mallinfo2().uordblks;
    for (int i = 0; i < VUS; i++) {
        sessions[i] = env.session;
        if (i)
            assert_int_equal(rp_http_session_new(env.client, 1, &sessions[i]), 0);
        rp_http_start(sessions[i], &request.call);
        fds[i] = peer_accept(&env);
        peer_answer(&env, fds[i], OK_RESPONSE);
        request_wait(&request, i + 2);
    }
    look(world);
    heap = (mallinfo2().uordblks - before) / VUS;
    print_message("# %s: a session %zu bytes, a connection %zu, a dial %zu; "
                  "heap of a session with an idle connection %zu\n",
                  rp_loop_ops_name(world->ops), sizeof(struct rp_http_session),
                  sizeof(struct connection), sizeof(struct rp_dial), heap);
    assert_true(sizeof(struct rp_http_session) <= SESSION_BYTES_MAX);
    assert_true(sizeof(struct connection) <= CONNECTION_BYTES_MAX);
    assert_true(heap <= HEAP_BYTES_MAX); /* a sanitizer's allocator says 0 */
    for (int i = 0; i < VUS; i++) {
        if (i)
            rp_http_session_free(sessions[i]);
        close(fds[i]);
    }
    request_deinit(&request);
    env_deinit(&env);
}

/* ---- memory that is not there ---- */

/* A server without a line of the code under test: answers what it has got, whenever it is called. */
struct server {
    struct world *world;
    int fd;
    size_t len;
    char text[4096];
};

static void serve(struct server *server)
{
    struct pollfd wait = { .fd = server->world->listener, .events = POLLIN };
    ssize_t n;

    if (server->fd < 0 && poll(&wait, 1, 0) == 1)
        server->fd = accept4(server->world->listener, NULL, NULL, SOCK_CLOEXEC);
    if (server->fd < 0)
        return;
    n = recv(server->fd, server->text + server->len, sizeof(server->text) - server->len,
             MSG_DONTWAIT);
    server->len += n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(server->fd);
        server->fd = -1;
        server->len = 0;
    } else if (server->len > 4 && memcmp(server->text + server->len - 4, "\r\n\r\n", 4) == 0) {
        server->len = 0;
        (void)send(server->fd, OK_RESPONSE, strlen(OK_RESPONSE), MSG_NOSIGNAL);
    }
}

static void on_done(struct rp_http_call *call)
{
    struct request *request = rp_container_of(call, struct request, call);

    request->done++;
}

/* With everything that is said of connections, so that their paths lack memory too. */
static int set_connections(struct rp_http_client *client)
{
    static char key[] = "server.example", value[] = "127.0.0.1,127.0.0.1", ttl[] = "ttl",
                none[] = "0";
    static struct rp_pair place = { key, value }, kept = { ttl, none };
    static const struct rp_pairs hosts = { &place, 1 }, dns = { &kept, 1 };
    int r = rp_http_client_set_hosts(client, &hosts, "127.0.0.1-127.0.0.20", NULL);

    return r == 0 ? rp_http_client_set_dns(client, &dns, 1, NULL) : r;
}

static int build(struct env *env, struct request *request)
{
    static const struct rp_http_timeouts timeouts = { 60 * RP_S, 50 * RP_S, 40 * RP_S, 50 * RP_S,
                                                      50 * RP_S };
    char url[64];
    struct rp_http_spec spec = { .method = RP_SLICE("GET"), .name = RP_SLICE("n") };
    int r = rp_registry_new((struct rp_registry_limits){ 0 }, &env->registry);

    if (r == 0)
        r = rp_http_client_new(env->world->loop, env->registry, (struct rp_http_limits){ 0 },
                               &env->client);
    if (r == 0)
        r = set_connections(env->client);
    if (r == 0)
        r = rp_http_session_new(env->client, 1, &env->session);
    if (r < 0)
        return r;
    snprintf(url, sizeof(url), "http://server.example:%d/x", ntohs(env->world->addr.sin_port));
    spec.url = rp_slice_str(url);
    request->call = (struct rp_http_call){ .response = &request->response,
                                           .tags = rp_tags_empty(env->registry),
                                           .timeout = 60 * RP_S,
                                           .timeouts = &timeouts,
                                           .done = on_done };
    return rp_http_template_new(env->client, &spec, &request->call.template, NULL);
}

enum { CALLS = 3 };

/* Returns whether everything went well, although an allocation may have failed. */
static bool run_calls(struct world *world, uint64_t fail_at, bool free_at_once)
{
    struct env env = { .world = world };
    struct request request = { .env = &env };
    struct server server = { .world = world, .fd = -1 };
    rp_ns limit = rp_clock_ns() + 60 * RP_S;
    bool good = true;
    int r;

    rp_alloc_fail_at(fail_at);
    r = build(&env, &request);
    for (int i = 1; r == 0 && i <= CALLS; i++) {
        rp_http_start(env.session, &request.call);
        if (free_at_once)
            break;
        while (r == 0 && request.done < i) {
            serve(&server);
            r = rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10);
            assert_true(rp_clock_ns() < limit);
        }
        if (r == 0 && request.response.status != 200) {
            assert_true(request.response.error_code >= 1000 && request.response.error[0]);
            good = false;
        }
    }
    rp_alloc_fail_at(0);
    assert_true(r == 0 || r == -ENOMEM || r == -EIO);
    rp_http_session_free(env.session);
    assert_int_equal(request.done, free_at_once || r < 0 ? request.done : CALLS);
    for (int i = 0; i < 3; i++)
        look(world);
    rp_http_template_unref(request.call.template);
    rp_http_response_deinit(&request.response);
    rp_http_client_free(env.client);
    rp_registry_free(env.registry);
    if (server.fd >= 0)
        close(server.fd);
    while (poll(&(struct pollfd){ .fd = world->listener, .events = POLLIN }, 1, 0) == 1)
        close(accept4(world->listener, NULL, NULL, SOCK_CLOEXEC));
    return good && r == 0;
}

static void test_every_failing_allocation(struct world *world)
{
    uint64_t before = rp_alloc_count(), most;
    int bad = 0;

    assert_true(run_calls(world, 0, false));
    most = rp_alloc_count() - before + 5;
    for (uint64_t n = 1; n <= most; n++) {
        bad += !run_calls(world, n, false);
        (void)run_calls(world, n, true);
    }
    assert_true(bad >= 10);
    assert_true(run_calls(world, most + 100, false));
    rp_alloc_fail_at(0);
    print_message("# %s: %d of %d failing allocations were noticed\n", rp_loop_ops_name(world->ops),
                  bad, (int)most);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_no_allocation_per_request),
        CASE(test_bytes),
        CASE(test_every_failing_allocation),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
