/* SPDX-License-Identifier: MIT */

/*
 * Records that are sealed and opened without OpenSSL's record layer, against an OpenSSL that does not know of it: every
 * cipher, changes of keys by either side, tickets and ends in between, bytes one at a time, and records that are wrong.
 */

#include "base/alloc.h"
#include "tls_world.h"

static const struct {
    const char *ciphers;
    bool is_ours; /* records of a connection that has been used some times are sealed here */
} kinds[] = {
    { "TLS_AES_256_GCM_SHA384", true },         { "TLS_AES_128_GCM_SHA256", true },
    { "TLS_CHACHA20_POLY1305_SHA256", true },   { "TLS_AES_128_CCM_SHA256", false },
    { "ECDHE-ECDSA-AES256-GCM-SHA384", false }, /* TLS 1.2 */
};

static void check_who_seals(struct world *world, bool are_we)
{
    assert_int_equal(tls_of(world)->sent.cipher != NULL, are_we);
    assert_int_equal(tls_of(world)->received.cipher != NULL, are_we);
}

static void test_bytes_go_both_ways(void **state)
{
    struct world world;

    for (size_t i = 0; i < RP_ARRAY_LEN(kinds); i++) {
        begin(&world, kinds[i].ciphers);
        for (int round = 0; round < TLS_TAKEN_OVER + 2; round++) {
            check_who_seals(&world, kinds[i].is_ours && round >= TLS_TAKEN_OVER);
            exchange(&world);
        }
        send_up(&world, 16 * 1024, 1);
        send_up(&world, 1, 16 * 1024);
        send_up(&world, 3, 90 * 1024);
        send_down(&world, 1);
        send_down(&world, 16 * 1024);
        send_down(&world, BODY_MAX);
        finish(&world);
    }
}

static void test_bytes_that_come_one_by_one(void **state)
{
    struct world world;

    begin(&world, NULL);
    for (size_t piece = 1; piece < 8; piece++) {
        world.piece = piece;
        use(&world, 5);
        send_down(&world, 20000);
    }
    finish(&world);
}

static void test_records_with_padding(void **state)
{
    struct world world;

    begin(&world, NULL);
    use(&world, TLS_TAKEN_OVER);
    assert_int_equal(SSL_set_block_padding(world.server, 4096), 1);
    exchange(&world);
    send_down(&world, 16 * 1024);
    finish(&world);
}

/* Tickets are for OpenSSL, and come before, between and behind the records for the user. */
static void test_tickets(void **state)
{
    struct world world;
    struct rp_tls_tickets tickets = { { NULL } };

    begin(&world, NULL);
    rp_tls_use_tickets(world.client, &tickets);
    for (int i = 0; i < TLS_TAKEN_OVER + 3; i++) {
        SSL_SESSION *before = tickets.kept[0];

        assert_int_equal(SSL_new_session_ticket(world.server), 1);
        exchange(&world);
        assert_non_null(tickets.kept[0]);
        assert_ptr_not_equal(tickets.kept[0], before);
    }
    rp_tls_tickets_free(&tickets);
    finish(&world);
}

/* The server changes its keys, and asks the client to change its own. */
static void change_keys(struct world *world, int kind)
{
    assert_int_equal(SSL_key_update(world->server, kind), 1);
    send_down(world, 10);
    offer(world); /* the client's answer */
    exchange(world);
}

static void test_changes_of_keys(void **state)
{
    struct world world;

    for (size_t i = 0; i < 4; i++) {
        begin(&world, kinds[i].ciphers);
        change_keys(&world, SSL_KEY_UPDATE_REQUESTED); /* while OpenSSL does it all */
        change_keys(&world, SSL_KEY_UPDATE_NOT_REQUESTED);
        for (int round = 0; round < 3; round++) {
            use(&world, TLS_TAKEN_OVER);
            change_keys(&world,
                        round == 1 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED);
            world.piece = (size_t)round; /* all, then one by one, then two by two */
        }
        for (int round = 0; round < 100; round++)
            change_keys(&world, SSL_KEY_UPDATE_REQUESTED);
        check_who_seals(&world, kinds[i].is_ours);
        finish(&world);
    }
}

/* Before and after records are sealed here. */
static const int uses[] = { 0, 1, TLS_TAKEN_OVER, TLS_TAKEN_OVER + 3 };

static void test_the_server_ends(void **state)
{
    struct world world;

    for (size_t i = 0; i < RP_ARRAY_LEN(uses); i++) {
        begin(&world, NULL);
        use(&world, uses[i]);
        (void)SSL_shutdown(world.server);
        deliver(&world);
        assert_int_equal(world.ended, 1);
        assert_false(world.has_failed);
        assert_true(world.is_closed);
        finish(&world);
    }
}

static void test_the_client_ends(void **state)
{
    struct world world;
    char byte;

    for (size_t i = 0; i < RP_ARRAY_LEN(uses); i++) {
        begin(&world, NULL);
        use(&world, uses[i]);
        rp_transport_close(world.client, false);
        assert_int_equal(SSL_read(world.server, &byte, 1), 0);
        assert_int_equal(SSL_get_error(world.server, 0), SSL_ERROR_ZERO_RETURN);
        finish(&world);
    }
}

/* Changes a byte of what the server says; the client tells it what it thinks of that. */
static void damage(struct world *world, size_t which, int alert)
{
    char bytes[256], byte;
    int len;

    assert_int_equal(SSL_write(world->server, "ok", 2), 2);
    len = BIO_read(SSL_get_wbio(world->server), bytes, sizeof(bytes));
    assert_true(len > (int)which);
    bytes[which] ^= 0x55;
    world->below.events->data(&world->below, bytes, (size_t)len, 1);
    assert_int_equal(world->ended, 1);
    assert_true(world->has_failed);
    assert_int_equal(world->failure.reason, RP_NET_TLS);
    assert_int_equal(world->got.len, 0);
    assert_true(SSL_read(world->server, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_AD_REASON_OFFSET + alert);
}

static void test_records_that_are_wrong(void **state)
{
    static const struct {
        size_t which;
        int alert;
    } cases[] = {
        { 0, SSL_AD_UNEXPECTED_MESSAGE }, /* the kind */
        { 1, SSL_AD_PROTOCOL_VERSION },   { 2, SSL_AD_DECODE_ERROR },
        { 3, SSL_AD_RECORD_OVERFLOW }, /* the length */
        { 5, SSL_AD_BAD_RECORD_MAC },     { 20, SSL_AD_BAD_RECORD_MAC },
    };
    struct world world;

    for (size_t n = 0; n < RP_ARRAY_LEN(uses); n++) {
        for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
            begin(&world, NULL);
            use(&world, uses[n]);
            rp_buf_reset(&world.got);
            damage(&world, cases[i].which, cases[i].alert);
            finish(&world);
        }
    }
}

/* The first record that was opened here has the number that OpenSSL still waits for. */
static void test_a_record_that_comes_again(void **state)
{
    struct world world;
    char bytes[256], byte;
    int len;

    begin(&world, NULL);
    use(&world, TLS_TAKEN_OVER - 1);
    send_up(&world, 30, 0);
    rp_buf_reset(&world.got);
    assert_int_equal(SSL_write(world.server, "ok", 2), 2);
    len = BIO_read(SSL_get_wbio(world.server), bytes, sizeof(bytes));
    world.below.events->data(&world.below, bytes, (size_t)len, 1);
    assert_int_equal(world.got.len, 2);
    assert_int_equal(world.ended, 0);
    world.below.events->data(&world.below, bytes, (size_t)len, 1);
    assert_int_equal(world.got.len, 2);
    assert_int_equal(world.ended, 1);
    assert_int_equal(world.failure.reason, RP_NET_TLS);
    assert_true(SSL_read(world.server, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()),
                     SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC);
    finish(&world);
}

/* To tell keys takes OpenSSL a tenth of a short handshake. */
static void test_short_connections_do_without(void **state)
{
    struct world world;

    begin(&world, NULL);
    use(&world, TLS_LONG_USE - 1);
    reopen(&world);
    assert_false(world.context->notes_keys);
    use(&world, TLS_LONG_USE);
    check_who_seals(&world, false);
    reopen(&world);
    assert_true(world.context->notes_keys);
    use(&world, TLS_LONG_USE);
    check_who_seals(&world, true);
    finish(&world);
}

static void change_keys_once(struct world *world)
{
    world->full = NULL;
    assert_int_equal(SSL_key_update(world->server, SSL_KEY_UPDATE_REQUESTED), 1);
    send_down(world, 10);
}

/* The client has to answer a change of keys while a record of its own is half sent. */
static void test_the_socket_is_full(void **state)
{
    struct world world;

    for (size_t i = 0; i < 4; i++) {
        begin(&world, kinds[i].ciphers);
        for (int round = 0; round < 3; round++) {
            world.takes = round == 1 ? 1000 : 20000;
            world.full = change_keys_once;
            send_up(&world, 3, 90 * 1024);
            assert_null(world.full);
            world.takes = 0;
            use(&world, TLS_TAKEN_OVER);
        }
        finish(&world);
    }
}

static char made[BODY_MAX], left[BODY_MAX];

static int make(struct rp_transport *client, struct rp_slice *ret)
{
    struct world *world = client->user;
    size_t len = world->makes-- > 0 ? 50000 : 0;

    for (size_t i = 0; i < len; i++)
        made[i] = (char)(i * 3 + (size_t)world->makes);
    *ret = rp_slice(made, len);
    return 0;
}

static int keep(struct rp_transport *client, struct rp_slice *rest)
{
    if (rest->ptr < left || rest->ptr >= left + sizeof(left)) {
        memcpy(left, rest->ptr, rest->len);
        rest->ptr = left;
    }
    return 0;
}

static void make_for_others(struct world *world)
{
    memset(made, 0x55, sizeof(made));
}

/* A user that makes its bytes in a buffer that others use too, as TLS inside TLS does. */
static void test_bytes_of_a_user_with_a_shared_buffer(void **state)
{
    static char got[4 * BODY_MAX];
    struct rp_transport_events making;
    struct world world;
    size_t len;

    for (int times = 0; times <= TLS_TAKEN_OVER; times += TLS_TAKEN_OVER) {
        begin(&world, NULL);
        use(&world, times);
        making = *world.client->events;
        making.fill = make;
        making.keep = keep;
        rp_transport_set_events(world.client, &making);
        world.makes = 4;
        world.takes = 7000;
        world.full = make_for_others;
        assert_int_equal(rp_transport_send(world.client, rp_slice(NULL, 0), rp_slice(NULL, 0)), 0);
        offer(&world);
        for (len = 0; len < 200000;) {
            int n = SSL_read(world.server, got + len, (int)(sizeof(got) - len));

            assert_true(n > 0);
            len += (size_t)n;
        }
        assert_int_equal(len, 200000);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(got[i], (char)(i % 50000 * 3 + (3 - i / 50000)));
        finish(&world);
    }
}

/* Records that are not whole, and such as OpenSSL has to read, are copied. */
static void test_there_is_no_memory(void **state)
{
    struct world world;

    for (int is_partial = 0; is_partial < 2; is_partial++) {
        begin(&world, NULL);
        use(&world, TLS_TAKEN_OVER);
        assert_int_equal(is_partial ? SSL_write(world.server, "ok", 2)
                                    : SSL_new_session_ticket(world.server),
                         is_partial ? 2 : 1);
        (void)SSL_do_handshake(world.server);
        world.piece = is_partial ? 3 : 0;
        rp_alloc_fail_at(1);
        deliver(&world);
        rp_alloc_fail_at(0);
        assert_int_equal(world.ended, 1);
        assert_true(world.has_failed);
        assert_string_equal(world.failure.detail, "out of memory");
        finish(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_both_ways),
        cmocka_unit_test(test_bytes_that_come_one_by_one),
        cmocka_unit_test(test_records_with_padding),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_changes_of_keys),
        cmocka_unit_test(test_the_server_ends),
        cmocka_unit_test(test_the_client_ends),
        cmocka_unit_test(test_records_that_are_wrong),
        cmocka_unit_test(test_a_record_that_comes_again),
        cmocka_unit_test(test_short_connections_do_without),
        cmocka_unit_test(test_the_socket_is_full),
        cmocka_unit_test(test_bytes_of_a_user_with_a_shared_buffer),
        cmocka_unit_test(test_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
