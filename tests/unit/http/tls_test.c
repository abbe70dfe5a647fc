/* SPDX-License-Identifier: MIT */

/* Requests over TLS: how connections open, are cut into pieces, and find no memory. */

#include "base/alloc.h"
#include "tls_place.h"

/* ---- what goes well ---- */

static void test_requests_on_one_connection(struct world *world)
{
    struct place place;
    struct server server;
    uint64_t before;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 0);
    server_write(&server, OK_RESPONSE);
    server_flush(&server, 0);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    assert_string_equal(rp_buf_str(&place.request.response.body), "ok");
    assert_true(place.request.response.tls_handshaking > 0);
    assert_int_equal(place.request.response.tls_version, RP_TLS_1_3);
    assert_times(&place.request);
    touch_histograms(&place.env);
    for (int i = 2; i <= 50; i++) {
        before = rp_alloc_count();
        request_start(&place.request);
        server_read_request(&server, 0);
        server_write(&server, OK_RESPONSE);
        server_flush(&server, 0);
        request_wait(&place.request, i);
        assert_int_equal(place.request.response.tls_handshaking, 0);
        if (i > 5)
            assert_int_equal(rp_alloc_count() - before, 0);
    }
    assert_int_equal((int)sum_of(&place.env, "tls_full_handshakes", NULL, NULL), 1);
    assert_int_equal((int)samples_of(&place.env, "http_reqs", "tls_version", "tls1.3"), 50);
    server_free(&server);
    place_deinit(&place);
}

static void test_every_byte_alone(struct world *world)
{
    struct place place;
    struct server server;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 1);
    server_write(&server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
    server_write(&server, "\r\nok");
    server_flush(&server, 1);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    server_free(&server);
    place_deinit(&place);
}

static void test_a_record_cut_at_every_byte(struct world *world)
{
    struct place place;
    struct server server;
    int done = 1;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 0);
    server_write(&server, OK_RESPONSE);
    server_flush(&server, 0);
    request_wait(&place.request, done);
    for (size_t cut = 1; cut; cut++) {
        size_t len;

        request_start(&place.request);
        server_read_request(&server, 0);
        server_write(&server, OK_RESPONSE);
        len = server_pending(&server);
        if (cut >= len)
            cut = (size_t)-1;
        server_send(&server, cut < len ? cut : len);
        if (cut < len) {
            look(world);
            look(world);
            assert_int_equal(place.request.done, done);
        }
        server_flush(&server, 0);
        request_wait(&place.request, ++done);
        assert_int_equal(place.request.response.status, 200);
        if (cut == (size_t)-1)
            break;
    }
    assert_true(done > 40);
    server_free(&server);
    place_deinit(&place);
}

static void test_the_server_changes_its_keys(struct world *world)
{
    struct place place;
    struct server server;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(SSL_key_update(server.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        server_write(&server, OK_RESPONSE);
        server_flush(&server, 0);
        request_wait(&place.request, i);
        assert_int_equal(place.request.response.status, 200);
        request_start(&place.request);
        server_read_request(&server, 0);
    }
    server_write(&server, OK_RESPONSE);
    server_flush(&server, 0);
    request_wait(&place.request, 4);
    server_free(&server);
    place_deinit(&place);
}

static void test_a_large_body(struct world *world)
{
    enum { BODY = 700000 };
    char *body = malloc(BODY + 1);
    struct place place;
    struct server server;

    memset(body, 'b', BODY);
    body[BODY] = '\0';
    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "POST", body);
    request_start(&place.request);
    server_accept(&server, &place);
    server_shake(&server, 0);
    server_read_request(&server, BODY);
    server_write(&server, OK_RESPONSE);
    server_flush(&server, 0);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    server_free(&server);
    place_deinit(&place);
    free(body);
}

/* The steps of this turn have taken their time: the next one waits, and its bytes with it. */
static void test_a_step_that_waits_for_the_next_turn(struct world *world)
{
    struct place place;
    struct server server;
    struct rp_tls_shared *shared;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    request_start(&place.request);
    server_accept(&server, &place);
    while (SSL_do_handshake(server.ssl) != 1 && !server_pending(&server))
        server_take(&server);
    shared = place.env.client->tls;
    shared->spent = RP_MS;
    rp_loop_defer(world->loop, &shared->turn_ends, shared->turn_ends.fn);
    server_flush(&server, 0);
    while (rp_list_is_empty(&shared->delayed) && !place.request.done)
        turn(world);
    assert_false(rp_list_is_empty(&shared->delayed));
    server_shake(&server, 0);
    server_read_request(&server, 0);
    server_write(&server, OK_RESPONSE);
    server_flush(&server, 0);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    server_free(&server);
    place_deinit(&place);
}

/* ---- no memory ---- */

/* Returns whether the request was answered. */
static bool run_with_failing_allocation(struct world *world, uint64_t fail_at)
{
    struct rp_tls_settings settings = { 0 };
    struct place place;
    struct server server = { .fd = -1 };
    bool is_good;

    place_init(&place, world);
    settings.ca_file = place.ca_file;
    rp_alloc_fail_at(fail_at);
    if (rp_http_client_set_tls(place.env.client, &settings, NULL) < 0) {
        rp_alloc_fail_at(0);
        place_deinit(&place);
        return false;
    }
    rp_alloc_fail_at(0);
    place_request(&place, "GET", NULL);
    touch_histograms(&place.env);
    rp_alloc_fail_at(fail_at);
    request_start(&place.request);
    for (int i = 0; i < 50 && !place.request.done && !peer_is_waiting(&place.env); i++)
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    if (!place.request.done) {
        server_accept(&server, &place);
        while (!place.request.done) {
            char text[4096];

            if (SSL_do_handshake(server.ssl) == 1 && SSL_read(server.ssl, text, sizeof(text)) > 0)
                server_write(&server, OK_RESPONSE);
            ERR_clear_error();
            if (server_pending(&server)) {
                char bytes[16384];
                int n = BIO_read(server.out, bytes, sizeof(bytes));

                (void)!send(server.fd, bytes, (size_t)n, MSG_NOSIGNAL);
            }
            server_take(&server);
        }
    }
    rp_alloc_fail_at(0);
    is_good = place.request.response.status == 200;
    if (!is_good)
        assert_true(place.request.response.error_code > 0);
    if (server.ssl)
        server_free(&server);
    else if (peer_is_waiting(&place.env)) /* not to be taken for the next one's */
        close(peer_accept(&place.env));
    place_deinit(&place);
    return is_good;
}

static void test_no_memory(struct world *world)
{
    uint64_t fail_at = 1;
    int good = 0;

    /* An allocation that may fail without harm is followed by others that may not. */
    for (; good < 5 && fail_at < 200; fail_at++)
        good = run_with_failing_allocation(world, fail_at) ? good + 1 : 0;
    assert_true(fail_at > 8 && good == 5);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_requests_on_one_connection),
        CASE(test_every_byte_alone),
        CASE(test_a_record_cut_at_every_byte),
        CASE(test_the_server_changes_its_keys),
        CASE(test_a_large_body),
        CASE(test_a_step_that_waits_for_the_next_turn),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
