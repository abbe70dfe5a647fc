/* SPDX-License-Identifier: MIT */

/* The outputs of --output as sinks: what a file gets, what is lost and said, and memory that fails anywhere. What real readers and
 * servers make of them is in tests/e2e. */

#include "../run/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/alloc.h"
#include "output/github.h"
#include "output/network.h"
#include "output/sample_file.h"
#include "output/text_file.h"

static const struct rp_output_kind *const kinds[] = {
    &rp_output_csv,      &rp_output_github,
    &rp_output_influxdb, &rp_output_json,
    &rp_output_junit,    &rp_output_ndjson,
    &rp_output_otel,     &rp_output_prometheus,
    &rp_output_webhook,  NULL,
};

struct desk {
    char folder[64], path[96];
    struct fixture fixture;
    struct rp_sinks sinks;
    struct rp_output *outputs;
    struct rp_error err;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    signal(SIGPIPE, SIG_IGN);
    snprintf(desk->folder, sizeof(desk->folder), "/tmp/rampa-outputs-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->path, sizeof(desk->path), "%s/out", desk->folder);
    fixture_passed(&desk->fixture);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_outputs_free(desk->outputs);
    rp_error_deinit(&desk->err);
    fixture_deinit(&desk->fixture);
    unlink(desk->path);
    assert_int_equal(rmdir(desk->folder), 0); /* nothing else is left in it */
    free(desk);
    return 0;
}

/* Makes the output @name=@destination, with at most one option, and opens it. */
static int begin(struct desk *desk, const char *name, const char *destination, const char *option)
{
    static char spec[256];
    const struct rp_override specs[] = { { spec, "--output" } },
                             options[] = { { option, "--output-option" } };
    int r;

    snprintf(spec, sizeof(spec), "%s=%s", name, destination);
    rp_sinks_init(&desk->sinks);
    rp_sinks_start(&desk->sinks, &desk->fixture.result);
    r = rp_outputs_new(
        kinds, &desk->sinks,
        &(struct rp_outputs_given){
            .specs = specs, .spec_count = 1, .options = options, .option_count = option ? 1 : 0 },
        &desk->outputs, &desk->err);
    return r < 0 ? r : rp_sinks_open(&desk->sinks, desk->fixture.result.plan, &desk->err);
}

static void end(struct desk *desk, bool is_run)
{
    rp_sinks_close(&desk->sinks, is_run, &desk->err);
    rp_outputs_free(desk->outputs);
    desk->outputs = NULL;
}

/* @count samples in a block, of the first series of the fixture in turn. */
static void samples(struct desk *desk, size_t count, uint64_t lost)
{
    struct rp_sample *list = calloc(count + 1, sizeof(*list));
    uint32_t series = 0;

    for (size_t i = 0; i < count; i++) {
        list[i] = (struct rp_sample){ .series = rp_store_series(desk->fixture.result.store, 0,
                                                                series),
                                      .value = 1e6,
                                      .wall_ns = 1796010577123456789 };
        assert_non_null(list[i].series);
        series = (series + 1) % desk->fixture.next_series;
    }
    rp_sinks_samples(
        &desk->sinks,
        &(struct rp_sample_block){ .worker = 1, .samples = list, .count = count, .lost = lost });
    free(list);
}

struct changes {
    struct rp_store_change items[64];
    struct rp_value values[64];
    size_t count;
};

static void collect(void *user, const struct rp_store_series *series, const struct rp_value *total)
{
    struct changes *changes = user;

    if (!total->samples || changes->count == RP_ARRAY_LEN(changes->items))
        return;
    rp_value_init(&changes->values[changes->count], total->type);
    assert_int_equal(rp_value_add(&changes->values[changes->count], total), 0);
    changes->items[changes->count] = (struct rp_store_change){ series,
                                                               &changes->values[changes->count] };
    changes->count++;
}

static void content(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, out, size - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    close(fd);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_a_pipe_that_nobody_empties_costs_rows_and_not_time(void **state)
{
    struct desk *desk = *state;
    struct rp_result *result = &desk->fixture.result;
    char path[32];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    assert_int_equal(begin(desk, "ndjson", path, NULL), 0);
    for (int i = 0; i < 90; i++) /* some 15 MB: more than is kept */
        samples(desk, 1000, 0);
    assert_int_equal(result->exit_code, RP_EXIT_OUTPUT);
    assert_non_null(
        strstr(result->reason, "the output ndjson loses samples: whoever reads '/dev/fd/"));
    close(ends[0]); /* else the end would wait for the reader */
    end(desk, true);
    assert_non_null(strstr(desk->err.message, "of the 90000 samples of the output ndjson "));
    close(ends[1]);
}

static void test_what_was_lost_on_the_way_is_said(void **state)
{
    struct desk *desk = *state;
    char text[1 << 14];
    size_t lines = 0;

    assert_int_equal(begin(desk, "csv", desk->path, NULL), 0);
    samples(desk, 3, 0);
    assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_PASSED);
    samples(desk, 2, 5);
    assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_OUTPUT);
    end(desk, true);
    assert_null(desk->err.message); /* what came is there */
    content(desk->path, text, sizeof(text));
    assert_int_equal(strncmp(text, "timestamp,metric,value,check,", 29), 0);
    for (const char *at = text; (at = strstr(at, "\r\n")); at += 2)
        lines++;
    assert_int_equal(lines, 6); /* a header and five rows */
    assert_non_null(strstr(text, "\r\n1796010577.123456,http_req"));
}

static void test_a_run_that_never_was_leaves_the_old_document(void **state)
{
    struct desk *desk = *state;
    char text[64];
    int fd = open(desk->path, O_WRONLY | O_CREAT, 0600);

    assert_int_equal(write(fd, "old", 3), 3);
    close(fd);
    assert_int_equal(begin(desk, "json", desk->path, NULL), 0);
    samples(desk, 10, 0);
    end(desk, false);
    content(desk->path, text, sizeof(text));
    assert_string_equal(text, "old");
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Answers 204 to whatever ends with an empty line and a body. */
static void answer_post(int fd)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char text[4096];

    if (recv(fd, text, sizeof(text), 0) > 0)
        send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, text, sizeof(text), 0) > 0)
        ;
}

static bool receive(int fd, uint8_t *out, size_t len)
{
    return recv(fd, out, len, MSG_WAITALL) == (ssize_t)len;
}

static void say_frame(int fd, char kind, char flags, const uint8_t *stream, struct rp_slice payload)
{
    char frame[128] = { 0, 0, (char)payload.len, kind, flags };

    memcpy(frame + 5, stream, 4);
    if (payload.len)
        memcpy(frame + 9, payload.ptr, payload.len);
    send(fd, frame, 9 + payload.len, MSG_NOSIGNAL);
}

/* Answers each stream of HTTP/2 that the client has ended with an empty message of gRPC and the status OK. */
static void answer_calls(int fd)
{
    enum { DATA, HEADERS, SETTINGS = 4, END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
    static const char head[] = "\x88\x00\x0c"
                               "content-type"
                               "\x10"
                               "application/grpc",
                      trailers[] = "\x00\x0b"
                                   "grpc-status"
                                   "\x01"
                                   "0";
    uint8_t frame[9], payload[1 << 14];

    if (!receive(fd, payload, 24)) /* what a client begins with */
        return;
    say_frame(fd, SETTINGS, 0, (uint8_t[4]){ 0 }, rp_slice(NULL, 0));
    while (receive(fd, frame, sizeof(frame))) {
        size_t len = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];

        if (len && !receive(fd, payload, len))
            return;
        if (frame[3] == SETTINGS && !(frame[4] & ACK))
            say_frame(fd, SETTINGS, ACK, frame + 5, rp_slice(NULL, 0));
        if (frame[3] > HEADERS || !(frame[4] & END_STREAM))
            continue;
        say_frame(fd, HEADERS, END_HEADERS, frame + 5, rp_slice(head, sizeof(head) - 1));
        say_frame(fd, DATA, 0, frame + 5, rp_slice("\0\0\0\0\0", 5));
        say_frame(fd, HEADERS, END_HEADERS | END_STREAM, frame + 5,
                  rp_slice(trailers, sizeof(trailers) - 1));
    }
}

/* Until it is killed. */
static pid_t serve(int listener, void (*answer)(int fd))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) /* it ends with the test, however that ends */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0) {
        int fd = accept(listener, NULL, NULL);

        answer(fd);
        close(fd);
    }
    return pid;
}

static pid_t start_server(void (*answer)(int fd), int *ret_listener, int *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    *ret_listener = listener;
    return serve(listener, answer);
}

static void stop_server(pid_t server, int listener)
{
    kill(server, SIGKILL);
    assert_int_equal(waitpid(server, NULL, 0), server);
    close(listener);
}

/* One run with the n-th allocation failing. Returns whether one failed. */
static bool fails(struct desk *desk, const char *name, const char *destination,
                  const struct changes *changes, uint64_t n)
{
    struct rp_interval interval = { .length = RP_S,
                                    .wall_ns = 1796010577000000000,
                                    .changes = changes->items,
                                    .count = changes->count };
    bool is_net = strchr(destination, ':'), has_failed;
    uint64_t before = rp_alloc_count();
    char option[64];
    int r;

    desk->fixture.result.exit_code = RP_EXIT_PASSED;
    snprintf(option, sizeof(option), "%s.wait=%s", name,
             n ? "10ms" : "1m"); /* whole only when nothing fails */
    rp_alloc_fail_at(n);
    r = begin(desk, name, destination, is_net ? option : NULL);
    if (r == 0 && !is_net && rp_sinks_take_samples(&desk->sinks))
        samples(desk, 40, 0);
    if (r == 0 && is_net)
        rp_sinks_interval(&desk->sinks, &interval);
    end(desk, r == 0);
    rp_alloc_fail_at(0);
    has_failed = n && rp_alloc_count() - before >= n;
    if (r < 0 && r != -ENOMEM)
        print_error("%s, %llu: %s\n", name, (unsigned long long)n, desk->err.message);
    if (r < 0)
        assert_int_equal(r, -ENOMEM);
    if (!n) {
        assert_int_equal(r, 0);
        assert_null(desk->err.message);
        assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_PASSED);
    }
    rp_error_deinit(&desk->err);
    return has_failed;
}

static void sweep(struct desk *desk, const char *name, const char *destination,
                  const struct changes *changes)
{
    uint64_t n = 1;

    fails(desk, name, destination, changes, 0);
    for (; fails(desk, name, destination, changes, n); n += n > 100 ? 7 : 1)
        unlink(desk->path);
    assert_true(n > 5);
}

static void test_memory_may_fail_anywhere(void **state)
{
    struct desk *desk = *state;
    struct changes changes = { .count = 0 };
    char url[64], target[64], proxy[32];
    int listener, grpc_listener, port, grpc_port;
    pid_t server = start_server(answer_post, &listener, &port);
    pid_t grpc_server = start_server(answer_calls, &grpc_listener, &grpc_port);

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/db", port);
    snprintf(target, sizeof(target), "grpc://127.0.0.1:%d", grpc_port);
    snprintf(proxy, sizeof(proxy), "127.0.0.1:%d", port);
    assert_int_equal(rp_store_each_series(desk->fixture.result.store, NULL, collect, &changes), 0);
    for (size_t i = 0; kinds[i]; i++) {
        const char *destination = rp_output_has_file(kinds[i]) ? desk->path : url;

        sweep(desk, kinds[i]->name, destination, &changes);
    }
    /* The other ways of one of them. */
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
           "base2_exponential_bucket_histogram", 1);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c=d", 1);
    setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b,c=d", 1);
    sweep(desk, "otel", target, &changes);
    setenv("http_proxy", proxy, 1);
    sweep(desk, "otel", "http://no-such-name.invalid", &changes);
    stop_server(server, listener);
    stop_server(grpc_server, grpc_listener);
    for (size_t i = 0; i < changes.count; i++)
        rp_value_deinit(&changes.values[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_pipe_that_nobody_empties_costs_rows_and_not_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_lost_on_the_way_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_that_never_was_leaves_the_old_document, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_may_fail_anywhere, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
