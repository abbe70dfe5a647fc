/* SPDX-License-Identifier: MIT */

/*
 * Tickets outlive their connection without the certificates of the server, and what a short handshake needs is still in
 * them. The server is an OpenSSL that does not know of it.
 */

#include "base/alloc.h"
#include "tls_world.h"

static const char *const ciphers[] = { "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384" };

/* A connection with @tickets to fill, which has made a full handshake. */
static void begin_with(struct world *world, const char *cipher, struct rp_tls_tickets *tickets)
{
    *tickets = (struct rp_tls_tickets){ { NULL } };
    begin(world, cipher);
    rp_tls_use_tickets(world->client, tickets);
    reopen(world);
    exchange(world);
    assert_non_null(tickets->kept[0]);
    assert_false(rp_tls_is_resumed(world->client));
}

static void end_with(struct world *world, struct rp_tls_tickets *tickets)
{
    finish(world);
    rp_tls_tickets_free(tickets);
}

static void check_without_certificates(const struct rp_tls_tickets *tickets)
{
    for (size_t i = 0; i < RP_TLS_TICKETS; i++)
        if (tickets->kept[i])
            assert_null(SSL_SESSION_get0_peer(tickets->kept[i]));
}

static void check_resumed(struct world *world)
{
    const SSL *ssl = tls_of(world)->ssl;

    assert_true(rp_tls_is_resumed(world->client));
    assert_null(SSL_SESSION_get0_peer(SSL_get0_session(ssl)));
    assert_int_equal(SSL_get_verify_result(ssl), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}

static void test_without_certificates(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(ciphers); i++) {
        struct world world;
        struct rp_tls_tickets tickets;

        begin_with(&world, ciphers[i], &tickets);
        assert_non_null(SSL_SESSION_get0_peer(tickets.kept[0]));
        for (int round = 0; round < 4; round++) {
            reopen(&world);
            check_without_certificates(&tickets);
            check_resumed(&world);
            exchange(&world);
            assert_string_equal(rp_tls_cipher_suite(world.client),
                                i ? "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" : ciphers[i]);
        }
        rp_transport_close(world.client, false);
        check_without_certificates(&tickets);
        assert_non_null(tickets.kept[0]);
        end_with(&world, &tickets);
    }
}

/* The connection that has brought the tickets is still open when the next one begins. */
static void test_side_by_side(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(ciphers); i++) {
        struct world first, second;
        struct rp_tls_tickets tickets;
        SSL_CTX *context;

        begin_with(&first, ciphers[i], &tickets);
        begin(&second, ciphers[i]);
        rp_tls_use_tickets(second.client, &tickets);
        context = second.server_context;
        second.server_context = first.server_context; /* which can read the tickets */
        reopen(&second);
        check_resumed(&second);
        exchange(&second);
        exchange(&first);
        second.server_context = context;
        finish(&second);
        end_with(&first, &tickets);
    }
}

/* Then the certificates stay. */
static void test_there_is_no_memory(void **state)
{
    struct world world;
    struct rp_tls_tickets tickets;

    begin_with(&world, NULL, &tickets);
    rp_alloc_fail_at(1);
    rp_transport_close(world.client, false);
    rp_alloc_fail_at(0);
    assert_non_null(tickets.kept[0]);
    reopen(&world);
    check_resumed(&world);
    exchange(&world);
    end_with(&world, &tickets);
}

static void test_a_failure_takes_the_tickets(void **state)
{
    static const char wrong[] = "\x17\x03\x03\x00\x20 these are not the right bytes...";

    for (size_t i = 0; i < RP_ARRAY_LEN(ciphers); i++) {
        struct world world;
        struct rp_tls_tickets tickets;

        begin_with(&world, ciphers[i], &tickets);
        world.below.events->data(&world.below, wrong, sizeof(wrong) - 1, 1);
        assert_true(world.has_failed);
        assert_null(tickets.kept[0]);
        assert_null(tickets.kept[1]);
        reopen(&world);
        assert_false(rp_tls_is_resumed(world.client));
        exchange(&world);
        end_with(&world, &tickets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_certificates),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_there_is_no_memory),
        cmocka_unit_test(test_a_failure_takes_the_tickets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
