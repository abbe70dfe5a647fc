/* SPDX-License-Identifier: MIT */

/* Bodies that are made while they are sent: pieces, chunks, pauses, early answers, 100 Continue, memory. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "testing.h"

enum { LARGE = 300000 };

/* A body that has nothing until the test says so. */
struct slow {
    struct rp_http_body body;
    const char *next; /* NULL = nothing yet; "" = the end */
    int begun;
};

static int slow_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct slow *slow = rp_container_of(body, struct slow, body);

    if (!slow->next)
        return -EAGAIN;
    *ret = rp_slice_str(slow->next);
    if (ret->len)
        slow->next = NULL;
    return 0;
}

static int slow_rewind(struct rp_http_body *body)
{
    struct slow *slow = rp_container_of(body, struct slow, body);

    return slow->begun++ ? -ESPIPE : 0;
}

static const struct rp_http_body_ops slow_ops = { .next = slow_next, .rewind = slow_rewind };

/* @bytes: of the body, or UINT64_MAX for chunks. */
static void streamed_init(struct env *env, struct request *request, uint64_t bytes, bool expects)
{
    static const struct rp_header expect = { RP_SLICE("Expect"), RP_SLICE("100-continue") };
    char url[64];
    struct rp_http_spec spec = { .method = RP_SLICE("PUT"),
                                 .headers = &expect,
                                 .header_count = expects,
                                 .is_streamed = true,
                                 .is_chunked = bytes == UINT64_MAX,
                                 .streamed_bytes = bytes == UINT64_MAX ? 0 : bytes };

    request_init(env, request, "GET", "/", NULL);
    rp_http_template_unref(request->call.template);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/up", ntohs(env->world->addr.sin_port));
    spec.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(env->client, &spec, &request->call.template, NULL), 0);
}

static void start_with(struct request *request, struct rp_http_body *body)
{
    assert_int_equal(rp_http_start_with(request->env->session, &request->call, body), 0);
}

static void look_again(struct env *env)
{
    for (int i = 0; i < 5; i++)
        assert_int_equal(rp_loop_turn(env->world->loop, rp_clock_ns() + RP_MS), 0);
}

static void expect_bytes(struct env *env, int fd, const char *bytes)
{
    char text[256];
    size_t len = strlen(bytes);

    assert_true(len < sizeof(text));
    peer_read(env->world, fd, text, len);
    assert_memory_equal(text, bytes, len);
}

static int temporary_file(size_t size)
{
    char path[] = "/tmp/rampa-upload-XXXXXX";
    char *bytes = malloc(size);
    int fd = mkstemp(path);

    assert_true(fd >= 0 && bytes);
    unlink(path);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 26);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    free(bytes);
    return fd;
}

/* "head", the bytes of a file from its second one on, and "tail". */
static struct rp_http_parts *make_parts(void)
{
    struct rp_http_parts *parts;

    if (rp_http_parts_new(3, &parts) < 0)
        return NULL;
    parts->parts[0] = (struct rp_http_part){ .data = "head", .fd = -1, .len = 4 };
    parts->parts[1] =
        (struct rp_http_part){ .fd = temporary_file(LARGE + 1), .offset = 1, .len = LARGE };
    parts->parts[2] = (struct rp_http_part){ .data = "tail", .fd = -1, .len = 4 };
    return parts;
}

static void read_parts(struct env *env, int fd)
{
    char *text = malloc(LARGE + 8);

    assert_non_null(text);
    peer_read(env->world, fd, text, LARGE + 8);
    assert_memory_equal(text, "headbcd", 7);
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(text[4 + i], 'a' + (int)((i + 1) % 26));
    assert_memory_equal(text + 4 + LARGE, "tail", 4);
    free(text);
}

static void take_head(struct env *env, int fd, char *text, size_t size)
{
    size_t len = 0;

    do {
        assert_true(len + 1 < size);
        peer_read(env->world, fd, text + len, 1);
        text[++len] = '\0';
    } while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0);
}

static void test_pieces_and_a_kept_connection(struct world *world)
{
    struct env env;
    struct request request, plain;
    struct rp_http_parts *parts = make_parts();
    char text[1024];
    int fd = -1;

    assert_non_null(parts);
    assert_int_equal(rp_http_parts_size(parts), LARGE + 8);
    env_init(&env, world, (struct rp_http_limits){ 0 });
    streamed_init(&env, &request, LARGE + 8, false);
    request_init(&env, &plain, "POST", "/", "body");
    for (int n = 1; n <= 3; n++) { /* with a plain request between them, on one connection */
        start_with(&request, &parts->body);
        fd = fd < 0 ? peer_accept(&env) : fd;
        take_head(&env, fd, text, sizeof(text));
        assert_non_null(strstr(text, "\r\nContent-Length: 300008\r\n"));
        read_parts(&env, fd);
        peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
        request_wait(&request, n);
        assert_int_equal(request.response.status, 200);
        assert_times(&request);
        assert_null(request.call.more);
        exchange(&plain, fd, OK_RESPONSE);
        assert_int_equal(plain.response.status, 200);
        assert_times(&plain);
    }
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    close(fd);
    rp_http_parts_free(parts);
    request_deinit(&plain);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_chunks_that_come_slowly(struct world *world)
{
    struct env env;
    struct request request;
    struct slow slow = { .body = { &slow_ops } };
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    streamed_init(&env, &request, UINT64_MAX, false);
    start_with(&request, &slow.body);
    fd = peer_accept(&env);
    take_head(&env, fd, text, sizeof(text));
    assert_non_null(strstr(text, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_null(strstr(text, "Content-Length"));
    rp_http_body_ready(&request.call); /* there is nothing still */
    look_again(&env);
    slow.next = "one";
    rp_http_body_ready(&request.call);
    expect_bytes(&env, fd, "3\r\none\r\n");
    slow.next = "eleven char";
    rp_http_body_ready(&request.call);
    expect_bytes(&env, fd, "b\r\neleven char\r\n");
    slow.next = "";
    rp_http_body_ready(&request.call);
    expect_bytes(&env, fd, "0\r\n\r\n");
    rp_http_body_ready(&request.call); /* too late to matter */
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 200);
    assert_times(&request);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_an_answer_before_the_end_of_the_body(struct world *world)
{
    struct env env;
    struct request request;
    struct slow slow = { .body = { &slow_ops }, .next = "one" };
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    streamed_init(&env, &request, UINT64_MAX, false);
    start_with(&request, &slow.body);
    fd = peer_accept(&env);
    take_head(&env, fd, text, sizeof(text));
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 200);
    assert_times(&request);
    /* Nobody knows where a further request would begin. */
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
    rp_http_body_ready(&request.call);
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

/* A server may answer while it reads, as one does that gives back what it gets. */
static void test_an_answer_beside_the_body(struct world *world)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    struct env env;
    struct request request;
    char text[1024];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    streamed_init(&env, &request, UINT64_MAX, false);
    for (int n = 1; n <= 2; n++) { /* on one connection */
        struct slow slow = { .body = { &slow_ops }, .next = "one" };

        start_with(&request, &slow.body);
        fd = fd < 0 ? peer_accept(&env) : fd;
        take_head(&env, fd, text, sizeof(text));
        expect_bytes(&env, fd, "3\r\none\r\n");
        peer_write(fd, head, strlen(head));
        look_again(&env);
        assert_false(rp_http_has_stopped(&request.call));
        slow.next = "two";
        rp_http_body_ready(&request.call);
        expect_bytes(&env, fd, "3\r\ntwo\r\n");
        slow.next = "";
        rp_http_body_ready(&request.call);
        expect_bytes(&env, fd, "0\r\n\r\n");
        peer_write(fd, "body", 4);
        request_wait(&request, n);
        assert_int_equal(request.response.status, 200);
        assert_times(&request);
        assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    }
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_a_refusal_beside_the_body(struct world *world)
{
    static const char head[] = "HTTP/1.1 413 No\r\nContent-Length: 4\r\n\r\n";
    struct env env;
    struct request request;
    struct slow slow = { .body = { &slow_ops }, .next = "one" };
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    streamed_init(&env, &request, UINT64_MAX, false);
    start_with(&request, &slow.body);
    fd = peer_accept(&env);
    take_head(&env, fd, text, sizeof(text));
    expect_bytes(&env, fd, "3\r\none\r\n");
    peer_write(fd, head, strlen(head));
    look_again(&env);
    assert_true(rp_http_has_stopped(&request.call));
    slow.next = "two";
    rp_http_body_ready(&request.call);
    peer_write(fd, "body", 4);
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 413);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
    assert_int_equal(peer_read_end(world, fd), 0); /* not a byte more */
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_100_continue(struct world *world)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct env env;
    struct request request;
    struct rp_http_parts *parts;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_http_parts_new(1, &parts), 0);
    parts->parts[0] = (struct rp_http_part){ .data = "body", .fd = -1, .len = 4 };
    streamed_init(&env, &request, 4, true);
    start_with(&request, &parts->body);
    fd = peer_accept(&env);
    take_head(&env, fd, text, sizeof(text));
    look_again(&env);
    assert_int_equal(recv(fd, text, 1, MSG_DONTWAIT), -1); /* the body waits */
    peer_write(fd, go_on, strlen(go_on));
    expect_bytes(&env, fd, "body");
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 200);
    assert_times(&request);
    start_with(&request, &parts->body); /* the server says nothing: it comes after a second */
    take_head(&env, fd, text, sizeof(text));
    clock_ahead += 2 * RP_S;
    expect_bytes(&env, fd, "body");
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 2);
    assert_int_equal(request.response.status, 200);
    start_with(&request, &parts->body); /* the server does not want it */
    take_head(&env, fd, text, sizeof(text));
    peer_write(fd, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", 38);
    request_wait(&request, 3);
    assert_int_equal(request.response.status, 417);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
    rp_http_parts_free(parts);
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_bodies_that_are_not_what_was_said(struct world *world)
{
    struct env env;
    struct request request;
    struct rp_http_parts *parts;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (int longer = 0; longer < 2; longer++) {
        assert_int_equal(rp_http_parts_new(1, &parts), 0);
        parts->parts[0] = (struct rp_http_part){ .data = "body", .fd = -1, .len = 4 };
        streamed_init(&env, &request, longer ? 3 : 5, false);
        start_with(&request, &parts->body);
        fd = peer_accept(&env);
        take_head(&env, fd, text, sizeof(text));
        request_wait(&request, 1);
        assert_int_equal(request.response.status, 0);
        assert_true(request.response.error_code >= 1000);
        rp_http_parts_free(parts);
        close(fd);
        request_deinit(&request);
    }
    env_deinit(&env);
}

/* Every allocation fails once: the call ends all the same, and nothing is lost. */
static void test_without_memory(struct world *world)
{
    bool reached_the_end = false;
    struct rp_http_parts *parts = make_parts();

    assert_non_null(parts);
    for (uint64_t n = 1; !reached_the_end; n++) {
        struct env env;
        struct request request, first;
        uint64_t allocated;
        char text[1024];
        int fd, r;

        assert_true(n < 60);
        env_init(&env, world, (struct rp_http_limits){ 0 });
        streamed_init(&env, &request, UINT64_MAX, false);
        request_init(&env, &first, "GET", "/", NULL);
        fd = exchange(&first, -1, OK_RESPONSE); /* what does not belong to the body */
        rp_free(parts->buffer);
        parts->buffer = NULL;
        allocated = rp_alloc_count();
        rp_alloc_fail_at(n);
        r = rp_http_start_with(env.session, &request.call, &parts->body);
        for (int i = 0; r == 0 && i < 300 && request.done == 0; i++) {
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
            while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
                ;
            reached_the_end = rp_alloc_count() - allocated < n && i > 100;
            if (reached_the_end)
                break;
        }
        rp_alloc_fail_at(0);
        if (r == 0 && request.done == 0)
            rp_http_cancel(&request.call, false);
        assert_null(request.call.more);
        look_again(&env);
        while (peer_is_waiting(&env))
            close(peer_accept(&env));
        close(fd);
        request_deinit(&first);
        request_deinit(&request);
        env_deinit(&env);
    }
    rp_http_parts_free(parts);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_pieces_and_a_kept_connection),
        CASE(test_chunks_that_come_slowly),
        CASE(test_an_answer_before_the_end_of_the_body),
        CASE(test_100_continue),
        CASE(test_an_answer_beside_the_body),
        CASE(test_a_refusal_beside_the_body),
        CASE(test_bodies_that_are_not_what_was_said),
        CASE(test_without_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
