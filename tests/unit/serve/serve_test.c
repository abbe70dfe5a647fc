/* SPDX-License-Identifier: MIT */

/* The control server on a loop, with clients in the same thread: streams that are bounded, clients that do not read, the end, and
 * want of memory. What it answers to whom is tested with whole runs. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "serve/place.h"
#include "serve/serve.h"

#define ID "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11"

enum { TEXT_MAX = 64 << 20, STREAMS_MAX = 100 };

struct desk {
    char top[64];
    struct rp_sinks sinks;
    struct rp_result result;
    struct rp_loop *loop;
    struct rp_event_bus *bus;
    struct rp_serve *serve;
    char token[RP_TOKEN_SIZE];
    struct rp_timer alarm;
    bool is_time;
};

static void publish(struct desk *desk, const char *text)
{
    struct rp_event event = { .kind = RP_EVENT_WARNING, .warning = text };

    rp_sinks_event(&desk->sinks, &event);
}

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    snprintf(desk->top, sizeof(desk->top), "/tmp/rampa-serve-XXXXXX");
    assert_non_null(mkdtemp(desk->top));
    setenv("XDG_RUNTIME_DIR", desk->top, 1);
    rp_sinks_init(&desk->sinks);
    assert_int_equal(rp_event_bus_new(&desk->sinks, &desk->bus), 0);
    assert_int_equal(rp_loop_new(rp_loop_epoll, &desk->loop), 0);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    char folder[80];

    rp_serve_free(desk->serve);
    rp_event_bus_free(desk->bus);
    rp_loop_free(desk->loop);
    rp_result_deinit(&desk->result);
    snprintf(folder, sizeof(folder), "%s/rampa", desk->top);
    rmdir(folder);
    assert_int_equal(rmdir(desk->top), 0);
    free(desk);
    return 0;
}

static const struct rp_serve_options options = { .run_id = ID, .script = "load.py" };

/* The run has begun: its first event attaches the server to the loop. */
static void serve_with(struct desk *desk, const struct rp_serve_options *chosen)
{
    struct rp_event event = { .kind = RP_EVENT_PHASE, .phase = RP_RUN_LOADING };
    struct rp_error err = { 0 };
    int fd;

    if (rp_serve_new(&desk->sinks, desk->bus, chosen, &desk->serve, &err) < 0)
        fail_msg("%s", err.message);
    rp_sinks_start(&desk->sinks, &desk->result);
    desk->sinks.loop = desk->loop;
    rp_sinks_event(&desk->sinks, &event);
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, &err), 0);
    fd = rp_place_connect(ID, desk->token, &err);
    assert_true(fd >= 0);
    close(fd);
}

static void serve(struct desk *desk)
{
    serve_with(desk, &options);
}

static void turn(struct desk *desk)
{
    assert_true(rp_loop_turn(desk->loop, rp_ns_add(rp_loop_now(desk->loop), RP_MS)) >= 0);
}

static int begin(struct desk *desk, const char *path, const char *fields)
{
    struct rp_error err = { 0 };
    char token[RP_TOKEN_SIZE], text[512];
    int fd = rp_place_connect(ID, token, &err),
        len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n",
                       path, desk->token, fields);

    assert_true(fd >= 0);
    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

/* Appends what has come; true when no more will come. */
static bool take(int fd, struct rp_buf *ret)
{
    char bytes[65536];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        rp_buf_append(ret, bytes, (size_t)n);
    assert_int_equal(ret->error, 0);
    return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* Until what has come has @words in it; NULL: until the server ends it. */
static void wait_for(struct desk *desk, int fd, const char *words, struct rp_buf *ret)
{
    while (!words || !strstr(rp_buf_str(ret), words)) {
        if (take(fd, ret)) {
            if (words && !strstr(rp_buf_str(ret), words))
                fail_msg("the server has ended it: %s", rp_buf_str(ret));
            return;
        }
        turn(desk);
    }
}

static int open_stream(struct desk *desk, const char *fields, const char *words, struct rp_buf *ret)
{
    int fd = begin(desk, "/v1/events", fields);

    wait_for(desk, fd, words, ret);
    return fd;
}

/* The number behind the last @words. */
static uint64_t last_number(const struct rp_buf *text, const char *words)
{
    const char *at = rp_buf_str(text), *found = NULL;

    while ((at = strstr(at, words)))
        found = at += strlen(words);
    assert_non_null(found);
    return strtoull(found, NULL, 10);
}

static void a_client_that_does_not_read_is_dropped(void **state)
{
    struct desk *desk = *state;
    char words[8192], fields[64];
    uint64_t seen, missed, events = 1; /* the phase */
    struct rp_buf text;
    int fd;

    serve(desk);
    rp_buf_init(&text, TEXT_MAX);
    fd = open_stream(desk, "", "retry: 1000\n\n", &text);
    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    for (int i = 0; i < 2000; i++, events++) {
        publish(desk, words);
        if (i % 10 == 0)
            turn(desk);
    }
    wait_for(desk, fd, NULL, &text); /* now it reads, and finds that it was dropped */
    close(fd);
    seen = last_number(&text, "\nid: ");
    assert_in_range(seen, 1, events - 1);
    seen -= 1; /* the last one has perhaps come in part */
    rp_buf_reset(&text);
    snprintf(fields, sizeof(fields), "Last-Event-ID: %" PRIu64 "\r\n", seen);
    snprintf(words, sizeof(words), "id: %" PRIu64 "\n", events);
    fd = open_stream(desk, fields, words, &text);
    close(fd);
    missed = last_number(&text, "\"count\":");
    snprintf(words, sizeof(words), "id: %" PRIu64 "\nevent: MissedEvent\n", seen + missed);
    assert_non_null(strstr(rp_buf_str(&text), words));
    snprintf(words, sizeof(words), "id: %" PRIu64 "\nevent: WarningEvent\n", seen + missed + 1);
    assert_non_null(strstr(rp_buf_str(&text), words));
    rp_buf_deinit(&text);
}

static void streams_are_bounded(void **state)
{
    struct desk *desk = *state;
    int fds[STREAMS_MAX], fd;
    struct rp_buf text;

    serve(desk);
    rp_buf_init(&text, TEXT_MAX);
    for (int i = 0; i < STREAMS_MAX; i++) {
        rp_buf_reset(&text);
        fds[i] = open_stream(desk, "", "retry: 1000\n\n", &text);
    }
    rp_buf_reset(&text);
    fd = open_stream(desk, "Connection: close\r\n", NULL, &text);
    assert_non_null(strstr(rp_buf_str(&text), " 503 "));
    close(fd);
    close(fds[0]); /* it shows with the next event */
    do {
        publish(desk, "x");
        turn(desk);
        rp_buf_reset(&text);
        fd = begin(desk, "/v1/events", "Connection: close\r\n");
        wait_for(desk, fd, "\r\n\r\n", &text);
        close(fd);
    } while (strstr(rp_buf_str(&text), " 503 "));
    for (int i = 1; i < STREAMS_MAX; i++)
        close(fds[i]);
    rp_buf_deinit(&text);
}

/* Clients of streams get the last event, and the socket goes. */
static void the_end_is_told(void **state)
{
    struct desk *desk = *state;
    struct rp_event event = { .kind = RP_EVENT_FINISHED, .finished = { .status = "passed" } };
    struct rp_error err = { 0 };
    char token[RP_TOKEN_SIZE];
    struct rp_buf text, status;
    int fd, question;

    serve(desk);
    rp_buf_init(&text, TEXT_MAX);
    rp_buf_init(&status, TEXT_MAX);
    fd = open_stream(desk, "Last-Event-ID: 0\r\n", "PhaseEvent", &text);
    rp_sinks_event(&desk->sinks, &event);
    desk->sinks.loop = NULL;
    question = begin(desk, "/v1/status", "Connection: close\r\n");
    rp_sinks_close(&desk->sinks, true, &err);
    assert_true(take(fd, &text));
    assert_non_null(strstr(rp_buf_str(&text), "event: FinishedEvent\n"));
    assert_non_null(strstr(rp_buf_str(&text), "\r\n0\r\n\r\n"));
    assert_true(take(question, &status));
    assert_non_null(strstr(rp_buf_str(&status), "\"status\":\"completed\""));
    assert_int_equal(rp_place_connect(ID, token, &err), -ENOENT);
    close(fd);
    close(question);
    rp_buf_deinit(&text);
    rp_buf_deinit(&status);
}

static void write_certificate(char certificate[2048], char key[2048])
{
    X509 *made = X509_new();
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    BIO *shown = BIO_new(BIO_s_mem()), *kept = BIO_new(BIO_s_mem());

    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made), 3600));
    assert_int_equal(X509_set_pubkey(made, pair), 1);
    assert_true(X509_sign(made, pair, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(shown, made), 1);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(kept, pair, NULL, NULL, 0, NULL, NULL), 1);
    certificate[BIO_read(shown, certificate, 2047)] = '\0';
    key[BIO_read(kept, key, 2047)] = '\0';
    BIO_free(shown);
    BIO_free(kept);
    X509_free(made);
    EVP_PKEY_free(pair);
}

static void on_alarm(struct rp_timer *timer, rp_ns now)
{
    rp_container_of(timer, struct desk, alarm)->is_time = true;
}

/* It costs next to nothing: the server waits for the rest, and does not ask for it all the time. */
static void a_part_of_a_handshake_is_waited_for(void **state)
{
    enum { LENGTH = 200, TURNS_MAX = 300 };
    struct desk *desk = *state;
    char certificate[2048], key[2048];
    const struct rp_serve_options secured = { .address = "127.0.0.1:0",
                                              .certificate = certificate,
                                              .key = key,
                                              .run_id = ID,
                                              .script = "load.py" };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), turns = 0;

    write_certificate(certificate, key);
    serve_with(desk, &secured);
    address.sin_port = htons((uint16_t)atoi(strrchr(rp_serve_url(desk->serve), ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, "\x16\x03", 2, MSG_NOSIGNAL), 2);
    rp_timer_arm(desk->loop, &desk->alarm, rp_ns_add(rp_loop_now(desk->loop), LENGTH * RP_MS),
                 on_alarm);
    for (; !desk->is_time && turns <= TURNS_MAX; turns++)
        assert_true(rp_loop_turn(desk->loop, RP_NS_NEVER) >= 0);
    rp_timer_disarm(&desk->alarm);
    assert_in_range(turns, 1, TURNS_MAX);
    close(fd);
}

static void it_survives_want_of_memory(void **state)
{
    struct desk *desk = *state;
    struct rp_error err = { 0 };
    struct rp_buf text;
    bool is_answered = false;
    int r = -ENOMEM;

    for (uint64_t n = 1; r < 0; n++) {
        rp_alloc_fail_at(n);
        r = rp_serve_new(&desk->sinks, desk->bus, &options, &desk->serve, &err);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
    }
    rp_serve_free(desk->serve);
    serve(desk);
    rp_buf_init(&text, TEXT_MAX);
    for (uint64_t n = 1; !is_answered; n++) {
        int fd = begin(desk, "/v1/status", "Connection: close\r\n");

        rp_buf_reset(&text);
        assert_int_equal(rp_buf_reserve(&text, 65536), 0);
        rp_alloc_fail_at(n);
        wait_for(desk, fd, NULL, &text);
        is_answered = strstr(rp_buf_str(&text), "\"status\":\"starting\"") != NULL;
        rp_alloc_fail_at(0);
        assert_true(is_answered || !text.len);
        close(fd);
    }
    rp_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(streams_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_of_a_handshake_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(it_survives_want_of_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
