/* SPDX-License-Identifier: MIT */

/*
 * The same records of a server, right and wrong ones in any order and cut anywhere, reach three connections: one whose
 * records are opened here, one that still leaves them to OpenSSL, and one that does not even tell them apart. All three
 * must come to the same end, and the user must have got the same bytes.
 */

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "tls_world.h"

enum { SCRIPTS = 150, WIRE_MAX = 300 * 1024, CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

/* ---- a server that can say anything ---------------------------------------------------------- */

struct speaker {
    struct rp_tls *tls;
    unsigned char secret[TLS_SECRET_MAX];
    size_t secret_len;
    uint64_t number;
    struct rp_buf wire;
    bool is_inside; /* a message of a handshake is not whole */
};

static void derive(struct speaker *speaker, const char *label, unsigned char *ret, size_t len)
{
    const EVP_MD *hash = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(speaker->tls->ssl));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(hash), 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, speaker->secret, speaker->secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char *)"tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (char *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };

    assert_int_equal(EVP_KDF_derive(context, ret, len, params), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void say(struct speaker *speaker, int kind, const void *content, size_t len, size_t padding)
{
    int nid = SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(speaker->tls->ssl)), n;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    size_t inner_len = len + 1 + padding, sealed = inner_len + TLS_TAG;
    unsigned char header[] = { DATA, 3, 3, (unsigned char)(sealed >> 8), (unsigned char)sealed };
    unsigned char key[32], nonce[TLS_IV], tag[TLS_TAG], *inner = calloc(1, inner_len),
                                                        *to = malloc(inner_len);

    if (len)
        memcpy(inner, content, len);
    inner[len] = (unsigned char)kind;
    derive(speaker, "key", key, (size_t)EVP_CIPHER_get_key_length(EVP_get_cipherbynid(nid)));
    derive(speaker, "iv", nonce, sizeof(nonce));
    for (int i = 0; i < 8; i++)
        nonce[TLS_IV - 1 - i] ^= (unsigned char)(speaker->number >> 8 * i);
    speaker->number++;
    assert_int_equal(EVP_EncryptInit_ex(cipher, EVP_get_cipherbynid(nid), NULL, key, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, NULL, &n, header, sizeof(header)), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, to, &n, inner, (int)inner_len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(cipher, to + n, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TLS_TAG, tag), 1);
    rp_buf_append(&speaker->wire, (char *)header, sizeof(header));
    rp_buf_append(&speaker->wire, (char *)to, inner_len);
    rp_buf_append(&speaker->wire, (char *)tag, sizeof(tag));
    EVP_CIPHER_CTX_free(cipher);
    free(inner);
    free(to);
}

static void change_keys(struct speaker *speaker)
{
    unsigned char next[TLS_SECRET_MAX];

    derive(speaker, "traffic upd", next, speaker->secret_len);
    memcpy(speaker->secret, next, speaker->secret_len);
    speaker->number = 0;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static unsigned choose(uint64_t *seed, unsigned count)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(*seed >> 33) % count;
}

static size_t make_ticket(unsigned char *ret, size_t len)
{
    size_t body = 4 + 4 + 1 + 2 + len + 2;
    unsigned char head[] = {
        4, 0, (unsigned char)(body >> 8), (unsigned char)body, 0, 0, 0, 60, 1, 2, 3, 4, 0
    };

    memcpy(ret, head, sizeof(head));
    ret[sizeof(head)] = (unsigned char)(len >> 8);
    ret[sizeof(head) + 1] = (unsigned char)len;
    memset(ret + sizeof(head) + 2, 't', len);
    memset(ret + sizeof(head) + 2 + len, 0, 2);
    return 4 + body;
}

static void say_ticket(struct speaker *speaker, uint64_t *seed)
{
    unsigned char message[1200];
    size_t len = make_ticket(message, 100 + choose(seed, 1000)), cut = 1 + choose(seed, 90);

    if (choose(seed, 2)) {
        say(speaker, HANDSHAKE, message, cut, 0);
        say(speaker, HANDSHAKE, message + cut, len - cut, choose(seed, 20));
    } else {
        say(speaker, HANDSHAKE, message, len, 0);
    }
}

/* @how: 0 = as it should be, 1 = behind a ticket in the same record, 2 = in two records, else wrong: before one. */
static void say_new_keys(struct speaker *speaker, uint64_t *seed, unsigned how)
{
    const unsigned char update[] = { 24, 0, 0, 1,
                                     (unsigned char)(choose(seed, 20) ? choose(seed, 2) : 2) };
    unsigned char message[300];
    size_t len = make_ticket(message + sizeof(update), 200);

    if (how == 0) {
        say(speaker, HANDSHAKE, update, sizeof(update), 0);
    } else if (how == 1) {
        memmove(message, message + sizeof(update), len);
        memcpy(message + len, update, sizeof(update));
        say(speaker, HANDSHAKE, message, len + sizeof(update), 0);
    } else if (how == 2) {
        say(speaker, HANDSHAKE, update, 3, 0);
        say(speaker, HANDSHAKE, update + 3, 2, 0);
    } else {
        memcpy(message, update, sizeof(update));
        say(speaker, HANDSHAKE, message, len + sizeof(update), 0);
    }
    change_keys(speaker);
}

static void say_alert(struct speaker *speaker, uint64_t *seed)
{
    static const unsigned char alerts[][3] = { { 1, 0 },   { 1, 90 }, { 1, 100 }, { 2, 40 },
                                               { 2, 116 }, { 3, 0 },  { 0, 0 },   { 1, 0, 0 } };
    unsigned which = choose(seed, RP_ARRAY_LEN(alerts));

    say(speaker, ALERT, alerts[which], choose(seed, 8) ? 2 : choose(seed, 4), choose(seed, 40));
}

static void say_data(struct speaker *speaker, uint64_t *seed)
{
    static const size_t sizes[] = { 0, 1, 149, 4000, TLS_RECORD - 1, TLS_RECORD };
    static char bytes[TLS_RECORD + 200];
    size_t len = sizes[choose(seed, RP_ARRAY_LEN(sizes))], padding = 0;

    memset(bytes, (int)('a' + choose(seed, 26)), sizeof(bytes));
    if (choose(seed, 3) == 0)
        padding = choose(seed, 2) ? choose(seed, 239)
                                  : choose(seed, (unsigned)(TLS_RECORD + 1 - len));
    if (choose(seed, 40) == 0) {
        len = TLS_RECORD + 1 + choose(seed, 150);
        padding = 0;
    }
    say(speaker, DATA, bytes, len, padding);
}

/* Records that no server may send, and such as cannot be opened. */
static void say_wrong(struct speaker *speaker, uint64_t *seed)
{
    static const char zeros[300];
    size_t before = speaker->wire.len;
    char bytes[8];

    switch (choose(seed, 8)) {
    case 0:
        say(speaker, CCS, "\1", 1, 0);
        break;
    case 1:
        say(speaker, (int)choose(seed, 256), "what", 4, 0);
        break;
    case 2:
        say(speaker, 0, zeros, choose(seed, sizeof(zeros)), 0); /* no kind at all */
        break;
    case 3:
        say(speaker, choose(seed, 2) ? HANDSHAKE : ALERT, "", 0, choose(seed, 3));
        break;
    case 4: /* a header */
        say(speaker, DATA, "hello", 5, 0);
        speaker->wire.data[before + choose(seed, 5)] ^= (char)(1 + choose(seed, 255));
        break;
    case 5: /* what is encrypted */
        say(speaker, DATA, "hello", 5, 0);
        speaker->wire.data[before + 5 + choose(seed, 22)] ^= (char)(1 + choose(seed, 255));
        break;
    case 6: /* too short for a record */
        memcpy(bytes, "\x17\x03\x03\x00", 4);
        bytes[4] = (char)choose(seed, TLS_TAG + 1);
        rp_buf_append(&speaker->wire, bytes, 5);
        rp_buf_append(&speaker->wire, zeros, (size_t)bytes[4]);
        break;
    default: /* not encrypted */
        memcpy(bytes, "\x17\x03\x03\x00\x02\x02\x28", 7);
        bytes[0] = (char)(CCS + choose(seed, 4));
        rp_buf_append(&speaker->wire, bytes, 7);
    }
}

static void say_something(struct speaker *speaker, uint64_t *seed)
{
    unsigned what = choose(seed, 100);

    if (what < 60)
        say_data(speaker, seed);
    else if (what < 72)
        say_ticket(speaker, seed);
    else if (what < 88)
        say_new_keys(speaker, seed, choose(seed, 30) ? choose(seed, 3) : 3);
    else if (what < 92)
        say_alert(speaker, seed);
    else
        say_wrong(speaker, seed);
}

/* ---- three connections ----------------------------------------------------------------------- */

enum way { OPENED_HERE, TOLD_APART, LEFT_ALONE, WAYS };

struct outcome {
    struct rp_buf got;
    int ended;
    bool has_failed;
    enum rp_net_reason reason;
    char detail[TLS_DETAIL];
    int alert; /* what the server hears of it */
};

static void start(struct world *world, enum way way, const char *ciphers, struct speaker *speaker)
{
    struct rp_tls *tls;

    begin(world, ciphers);
    use(world, way == OPENED_HERE ? TLS_TAKEN_OVER + 2 : 2);
    rp_buf_reset(&world->got);
    world->got.max = WIRE_MAX;
    tls = tls_of(world);
    assert_true(tls->is_framed);
    assert_int_equal(tls->received.cipher != NULL, way == OPENED_HERE);
    *speaker = (struct speaker){ .tls = tls,
                                 .secret_len = tls->received.secret_len,
                                 .number = tls->received.next };
    memcpy(speaker->secret, tls->received.secret, speaker->secret_len);
    rp_buf_init(&speaker->wire, WIRE_MAX);
    if (way == LEFT_ALONE) {
        tls->is_framed = false;
        SSL_set_read_ahead(tls->ssl, 1);
    }
}

/* In pieces of up to @piece bytes; 0 = all at once. */
static void hear(struct world *world, const struct speaker *speaker, size_t piece)
{
    size_t len;

    for (size_t i = 0; i < speaker->wire.len && !world->is_closed; i += len) {
        char *alone;

        len = speaker->wire.len - i;
        if (piece && len > piece)
            len = piece;
        alone = malloc(len);
        memcpy(alone, speaker->wire.data + i, len);
        world->below.events->data(&world->below, alone, len, 1);
        free(alone);
        offer(world);
    }
}

static void look(struct world *world, struct outcome *ret)
{
    char byte;

    *ret = (struct outcome){ .got = world->got,
                             .ended = world->ended,
                             .has_failed = world->has_failed,
                             .reason = world->has_failed ? world->failure.reason : 0 };
    snprintf(ret->detail, sizeof(ret->detail), "%s",
             world->has_failed ? world->failure.detail : "");
    rp_buf_init(&world->got, BODY_MAX);
    if (!world->ended) { /* it goes on */
        send_up(world, 30, 20);
        send_up(world, 5, 20000);
        return;
    }
    ERR_clear_error();
    if (SSL_read(world->server, &byte, 1) <= 0)
        ret->alert = ERR_GET_REASON(ERR_peek_last_error());
    ERR_clear_error();
}

static void check_alike(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->got.len, b->got.len);
    if (a->got.len)
        assert_memory_equal(a->got.data, b->got.data, a->got.len);
    assert_int_equal(a->ended, b->ended);
    assert_int_equal(a->has_failed, b->has_failed);
    assert_int_equal(a->reason, b->reason);
    assert_string_equal(a->detail, b->detail);
    assert_int_equal(a->alert, b->alert);
}

static void test_any_records(void **state)
{
    static const char *const ciphers[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                           "TLS_CHACHA20_POLY1305_SHA256" };

    for (uint64_t script = 0; script < SCRIPTS; script++) {
        struct outcome outcomes[WAYS];

        for (enum way way = 0; way < WAYS; way++) {
            uint64_t seed = script;
            unsigned count = 1 + choose(&seed, 12);
            struct speaker speaker;
            struct world world;

            start(&world, way, ciphers[choose(&seed, 3)], &speaker);
            while (count--)
                say_something(&speaker, &seed);
            hear(&world, &speaker, choose(&seed, 3) ? choose(&seed, 2000) : 1 + choose(&seed, 7));
            look(&world, &outcomes[way]);
            rp_buf_deinit(&speaker.wire);
            finish(&world);
        }
        for (enum way way = 1; way < WAYS; way++)
            check_alike(&outcomes[0], &outcomes[way]);
        for (enum way way = 0; way < WAYS; way++)
            rp_buf_deinit(&outcomes[way].got);
    }
}

static void say_empty(struct speaker *speaker, int times)
{
    while (times--)
        say(speaker, DATA, "", 0, 0);
}

/* Each costs work and brings nothing. */
static void test_empty_records(void **state)
{
    static const struct {
        int first, second;
        bool is_too_much;
    } cases[] = { { 32, 32, false }, { 33, 0, true }, { 20, 40, true }, { 500, 0, true } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        for (enum way way = 0; way < WAYS; way++) {
            struct outcome outcome;
            struct speaker speaker;
            struct world world;

            start(&world, way, NULL, &speaker);
            say_empty(&speaker, cases[i].first);
            say(&speaker, DATA, "x", 1, 0);
            say_empty(&speaker, cases[i].second);
            say(&speaker, DATA, "y", 1, 0);
            hear(&world, &speaker, 0);
            look(&world, &outcome);
            assert_int_equal(outcome.ended, cases[i].is_too_much);
            assert_int_equal(outcome.alert, cases[i].is_too_much
                                                ? SSL_AD_REASON_OFFSET + SSL_AD_UNEXPECTED_MESSAGE
                                                : 0);
            rp_buf_deinit(&outcome.got);
            rp_buf_deinit(&speaker.wire);
            finish(&world);
        }
    }
}

/* The client has to send while a message of the server's is there only in part. */
static void test_sends_between_the_parts_of_a_message(void **state)
{
    static const unsigned char update[] = { 24, 0, 0, 1, 1 };

    for (enum way way = 0; way < WAYS; way++) {
        unsigned char ticket[400];
        char got[20];
        size_t len = make_ticket(ticket, 300);
        struct speaker speaker;
        struct world world;

        start(&world, way, NULL, &speaker);
        say(&speaker, HANDSHAKE, update, sizeof(update), 0);
        change_keys(&speaker);
        say(&speaker, HANDSHAKE, ticket, 100, 0);
        hear(&world, &speaker, 0);
        assert_int_equal(rp_transport_send(world.client, rp_slice("hello", 5), rp_slice("you", 3)),
                         0);
        offer(&world);
        rp_buf_reset(&speaker.wire);
        say(&speaker, HANDSHAKE, ticket + 100, len - 100, 0);
        hear(&world, &speaker, 0);
        assert_int_equal(SSL_read(world.server, got, sizeof(got)), 8);
        assert_memory_equal(got, "helloyou", 8);
        for (int i = 0; i < TLS_LONG_USE; i++)
            send_up(&world, 30, 20);
        assert_int_equal(world.ended, 0);
        rp_buf_deinit(&speaker.wire);
        finish(&world);
    }
}

/* With the first bytes the user has enough, whatever follows. */
static void test_the_user_closes_in_the_middle(void **state)
{
    static const unsigned char update[] = { 24, 0, 0, 1, 1 };

    for (enum way way = 0; way < WAYS; way++) {
        for (size_t piece = 0; piece < 30; piece += 29) {
            unsigned char ticket[400];
            size_t len = make_ticket(ticket, 300);
            struct speaker speaker;
            struct world world;

            start(&world, way, NULL, &speaker);
            world.closes = true;
            say(&speaker, HANDSHAKE, update, sizeof(update), 0);
            change_keys(&speaker);
            say(&speaker, DATA, "first", 5, 0);
            say(&speaker, DATA, "second", 6, 0);
            say_empty(&speaker, 40);
            say(&speaker, HANDSHAKE, update, sizeof(update), 0);
            say(&speaker, HANDSHAKE, ticket, len, 0);
            hear(&world, &speaker, piece);
            assert_true(world.is_closed);
            assert_int_equal(world.got.len, 5);
            assert_int_equal(world.ended, 0);
            rp_buf_deinit(&speaker.wire);
            finish(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_records),
        cmocka_unit_test(test_empty_records),
        cmocka_unit_test(test_sends_between_the_parts_of_a_message),
        cmocka_unit_test(test_the_user_closes_in_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
