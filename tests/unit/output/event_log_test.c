/* SPDX-License-Identifier: MIT */

/* The file of events: each line at once, and what happens when it cannot be written. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "output/event_log.h"

struct desk {
    char folder[64], path[80];
    struct rp_sinks sinks;
    struct rp_result result;
    struct rp_event_bus *bus;
    struct rp_event_log *log;
};

static void publish(struct desk *desk, const char *text)
{
    struct rp_event event = { .kind = RP_EVENT_WARNING, .warning = text };

    rp_sinks_event(&desk->sinks, &event);
}

/* How many lines could not be written. */
static uint64_t losses(const struct desk *desk)
{
    return desk->result.warning_count ? desk->result.warnings[0].count : 0;
}

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    snprintf(desk->folder, sizeof(desk->folder), "/tmp/rampa-log-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->path, sizeof(desk->path), "%s/log", desk->folder);
    rp_sinks_init(&desk->sinks);
    assert_int_equal(rp_event_bus_new(&desk->sinks, &desk->bus), 0);
    rp_sinks_start(&desk->sinks, &desk->result);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    rp_event_log_free(desk->log);
    rp_event_bus_free(desk->bus);
    rp_result_deinit(&desk->result);
    unlink(desk->path);
    rmdir(desk->folder);
    free(desk);
    return 0;
}

static void listen(struct desk *desk, const char *path)
{
    assert_int_equal(rp_event_log_new(&desk->sinks, desk->bus, path, &desk->log), 0);
}

static void open_log(struct desk *desk, const char *path)
{
    struct rp_error err = { 0 };

    listen(desk, path);
    if (rp_sinks_open(&desk->sinks, NULL, &err) < 0)
        fail_msg("%s", err.message);
}

/* The texts of the file's lines, each with a '|' behind it; what is no event is shown as it is. */
static char *texts(const char *path)
{
    static char ret[65536];
    char line[4096];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    *ret = '\0';
    while (fgets(line, sizeof(line), file)) {
        char *text = strstr(line, "\"text\":\"");

        assert_non_null(strchr(line, '\n'));
        *strchr(line, '\n') = '\0';
        if (text && strcmp(line + strlen(line) - 2, "\"}") == 0) {
            text += 8;
            text[strlen(text) - 2] = '\0';
        } else {
            text = line;
        }
        strcat(strcat(ret, text), "|");
    }
    fclose(file);
    return ret;
}

static void test_each_line_at_once(void **state)
{
    struct desk *desk = *state;
    int flags;

    listen(desk, desk->path);
    publish(desk, "early"); /* before there is a file */
    assert_int_equal(access(desk->path, F_OK), -1);
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, NULL), 0);
    assert_string_equal(texts(desk->path), "early|");
    publish(desk, "a");
    assert_string_equal(texts(desk->path), "early|a|");
    publish(desk, "b");
    assert_string_equal(texts(desk->path), "early|a|b|");
    assert_int_equal(losses(desk), 0);
    for (int fd = 3; fd < 64; fd++) { /* the worker must not have it */
        flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && flags & O_APPEND)
            assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
}

static void test_replaces_an_old_one(void **state)
{
    struct desk *desk = *state;
    FILE *file = fopen(desk->path, "w");

    fputs("old\n", file);
    fclose(file);
    listen(desk, desk->path);
    publish(desk, "a");
    assert_string_equal(texts(desk->path), "old|"); /* not before it is opened */
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, NULL), 0);
    assert_string_equal(texts(desk->path), "a|");
}

static void test_cannot_be_opened(void **state)
{
    struct desk *desk = *state;
    struct rp_error err = { 0 };

    listen(desk, "/no/such/folder/log");
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, &err), -RP_EUSER);
    assert_string_equal(
        err.message, "cannot open the event log '/no/such/folder/log': No such file or directory");
    rp_error_deinit(&err);
    publish(desk, "a");
    rp_event_log_free(desk->log);
    desk->log = NULL;
    /* A pipe that nobody reads. */
    assert_int_equal(mkfifo(desk->path, 0600), 0);
    listen(desk, desk->path);
    assert_int_equal(rp_sinks_open(&desk->sinks, NULL, &err), -RP_EUSER);
    rp_error_deinit(&err);
}

static void test_a_full_device(void **state)
{
    struct desk *desk = *state;

    open_log(desk, "/dev/full");
    for (int i = 0; i < 5; i++)
        publish(desk, "a");
    assert_int_equal(losses(desk), 6); /* the warning too */
    assert_int_equal(desk->result.warning_count, 1);
    assert_int_equal(desk->result.exit_code, RP_EXIT_OUTPUT);
    assert_string_equal(
        desk->result.reason,
        "an event could not be written to the event log '/dev/full': No space left on device");
}

/* The limit falls into a line: nothing of that line remains, and shorter ones still fit. */
static void test_a_full_disk(void **state)
{
    struct desk *desk = *state;
    struct rlimit old, limit;
    struct stat now;
    char long_text[512];

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    open_log(desk, desk->path);
    publish(desk, "a");
    assert_int_equal(stat(desk->path, &now), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = (rlim_t)now.st_size * 2 + 40;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    publish(desk, long_text); /* a part of it fits */
    publish(desk, "b");
    publish(desk, long_text);
    publish(desk, long_text);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    publish(desk, "c");
    assert_string_equal(texts(desk->path), "a|b|c|");
    assert_int_equal(losses(desk), 4); /* the three, and the warning of the first */
}

/* What is in the pipe cannot be taken back: the torn line is ended, and good ones follow. */
static void test_a_slow_reader(void **state)
{
    struct desk *desk = *state;
    char *big = calloc(1, 60001), *got = calloc(1, 1 << 20), *end;
    size_t len = 0;
    ssize_t n;
    int fd;

    memset(big, 'x', 60000);
    assert_int_equal(mkfifo(desk->path, 0600), 0);
    fd = open(desk->path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_SETPIPE_SZ, 65536) >= 65536);
    open_log(desk, desk->path);
    publish(desk, "a");
    publish(desk, big);
    publish(desk, big); /* more than the pipe holds */
    assert_int_equal(losses(desk), 1);
    publish(desk, big);
    assert_true(losses(desk) >= 1);
    for (int i = 0; i < 2; i++) {
        while ((n = read(fd, got + len, (1 << 20) - 1 - len)) > 0)
            len += (size_t)n;
        if (i == 0)
            publish(desk, "z");
    }
    /* The last line is whole, begins a line, and is the last one. */
    end = strstr(got, "\"text\":\"z\"}\n");
    assert_non_null(end);
    assert_int_equal(strlen(end), 12);
    while (end > got && end[-1] != '\n')
        end--;
    assert_int_equal(strncmp(end, "{\"type\":\"WarningEvent\"", 22), 0);
    /* The reader goes: the run does not. */
    close(fd);
    publish(desk, "a");
    assert_non_null(
        strstr(desk->result.warnings[desk->result.warning_count - 1].text, strerror(EPIPE)));
    free(big);
    free(got);
}

static void test_without_memory(void **state)
{
    struct desk *desk = *state;

    for (long n = 1;; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = rp_event_log_new(&desk->sinks, desk->bus, desk->path, &desk->log);
        rp_alloc_fail_at(0);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        assert_ptr_equal(desk->sinks.list.next, desk->sinks.list.prev); /* the bus alone */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_line_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaces_an_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
