/* SPDX-License-Identifier: MIT */

/* What is measured, from the recording functions of real workers to a sink: each worker is a process with an engine, whose
 * script is in C. Seconds by series, samples one by one and the totals of the result are compared with each other. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coordinator/coordinator.h"
#include "coordinator/peer_kind.h"
#include "engines_script.h"
#include "run/measured.h"
#include "run/sink.h"
#include "wire/socket_link.h"
#include "worker/worker.h"

enum { SERIES_MAX = 64, WORKERS_MAX = 2 };

/* ---- the workers ------------------------------------------------------------------------------------------- */

static void on_ended(struct rp_worker *worker, void *user, int status)
{
    ((struct script *)user)->is_over = true;
}

/* Worker @index numbers its series from another one on. */
static void be_worker(int fd, uint32_t index, int burst)
{
    struct script script = { .host = { .ops = &script_ops }, .begun = index, .burst = burst };
    struct rp_worker_config config = { .script = &script.host, .ended = on_ended, .user = &script };
    struct rp_worker *worker;
    struct rp_loop *loop;

    if (rp_loop_new(rp_loop_epoll, &loop) < 0 || rp_worker_new(loop, fd, &config, &worker) < 0)
        _exit(92);
    while (!script.is_over && rp_loop_turn(loop, RP_NS_NEVER) == 0)
        ;
    _exit(script.is_over ? 0 : 93);
}

struct body {
    struct rp_peer_body body;
    struct rp_task ending;
    struct rp_socket_link socket;
    uint32_t index;
    int burst;
    pid_t pid;
};

static int start(struct rp_peer_body *base, struct rp_error *err)
{
    struct body *body = rp_container_of(base, struct body, body);
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    body->pid = fork();
    assert_true(body->pid >= 0);
    if (body->pid == 0) {
        close(fds[0]);
        be_worker(fds[1], body->index, body->burst);
    }
    close(fds[1]);
    assert_int_equal(rp_socket_link_open(&body->socket, base->loop, fds[0]), 0);
    base->events->connected(base, &body->socket.link);
    return 0;
}

static void was_killed(struct rp_task *task)
{
    struct body *body = rp_container_of(task, struct body, ending);

    body->body.events->ended(&body->body, &(struct rp_peer_end){ "was killed", false });
}

static void kill_it(struct rp_peer_body *base)
{
    struct body *body = rp_container_of(base, struct body, body);

    kill(body->pid, SIGKILL);
    rp_loop_defer(base->loop, &body->ending, was_killed);
}

static enum rp_peer_state look(const struct rp_peer_body *base)
{
    return RP_PEER_RUNS;
}

static void free_it(struct rp_peer_body *base)
{
    struct body *body = rp_container_of(base, struct body, body);
    int status;

    rp_task_cancel(&body->ending);
    assert_int_equal(waitpid(body->pid, &status, 0), body->pid);
    assert_int_equal(status, 0);
    rp_free(body);
}

static const struct rp_peer_ops body_ops = {
    .start = start,
    .kill = kill_it,
    .look = look,
    .free = free_it,
    .overdue = "was killed",
    .ends_with_channel = true,
};

struct source {
    struct rp_peer_source source;
    int burst;
};

static int make(const struct rp_peer_source *base, uint32_t index, struct rp_peer_body **ret)
{
    struct body *body = rp_calloc(1, sizeof(*body));

    assert_non_null(body);
    body->body.ops = &body_ops;
    body->index = index;
    body->burst = rp_container_of(base, const struct source, source)->burst;
    *ret = &body->body;
    return 0;
}

/* ---- the sink ---------------------------------------------------------------------------------------------- */

struct taker {
    struct rp_sink sink;
    struct rp_value by_second[SERIES_MAX], one_by_one[SERIES_MAX]; /* by the id of the series */
    int64_t last_ns[WORKERS_MAX][SERIES_MAX];
    rp_ns end; /* of the last interval */
    int intervals, blocks;
    uint64_t samples, lost;
    unsigned pause_us; /* after each block */
    int series;        /* of the result */
    bool is_lossless;
};

static struct rp_value *sum_of(struct rp_value *sums, const struct rp_store_series *series)
{
    assert_true(series->id < SERIES_MAX);
    if (!sums[series->id].samples)
        rp_value_init(&sums[series->id], series->type);
    return &sums[series->id];
}

static bool is_added_up(const struct rp_store_series *series)
{
    return strcmp(series->metric, "vus") == 0 || strcmp(series->metric, "vus_max") == 0;
}

static void take_interval(struct rp_sink *sink, const struct rp_interval *interval)
{
    struct taker *taker = rp_container_of(sink, struct taker, sink);

    assert_true(interval->start == taker->end);
    taker->end += interval->length;
    taker->intervals++;
    for (size_t i = 0; i < interval->count; i++) {
        const struct rp_store_change *change = &interval->changes[i];
        struct rp_value *sum = sum_of(taker->by_second, change->series);

        assert_int_equal(rp_value_add(sum, change->delta), 0);
        if (taker->is_lossless && !is_added_up(change->series)) /* they have come before */
            assert_true(taker->one_by_one[change->series->id].samples >= sum->samples);
    }
}

static void add(struct rp_value *sum, double value)
{
    struct rp_value one;

    rp_value_init(&one, sum->type);
    one.samples = 1;
    if (sum->type == RP_COUNTER)
        assert_int_equal(rp_sum_add(&one.counter, value), 0);
    else if (sum->type == RP_GAUGE)
        one.gauge.last = one.gauge.min = one.gauge.max = value;
    else if (sum->type == RP_RATE)
        one.rate.hits = value == 1, one.rate.total = 1;
    else
        assert_int_equal(rp_hist_record(&one.hist, value), 0);
    assert_int_equal(rp_value_add(sum, &one), 0);
    rp_value_deinit(&one);
}

static void take_samples(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct taker *taker = rp_container_of(sink, struct taker, sink);

    assert_true(block->worker >= 1 && block->worker <= WORKERS_MAX);
    for (size_t i = 0; i < block->count; i++) {
        const struct rp_sample *sample = &block->samples[i];
        int64_t *last = &taker->last_ns[block->worker - 1][sample->series->id];

        assert_true(sample->wall_ns >= *last); /* in order */
        *last = sample->wall_ns;
        if (taker->is_lossless) /* the other test looks at numbers only */
            add(sum_of(taker->one_by_one, sample->series), sample->value);
    }
    taker->blocks++;
    taker->samples += block->count;
    taker->lost += block->lost;
    if (taker->pause_us)
        usleep(taker->pause_us);
}

static const struct rp_sink_ops taker_ops = { .interval = take_interval, .samples = take_samples };

static void taker_deinit(struct taker *taker)
{
    for (int i = 0; i < SERIES_MAX; i++) {
        rp_value_deinit(&taker->by_second[i]);
        rp_value_deinit(&taker->one_by_one[i]);
    }
}

/* ---- runs -------------------------------------------------------------------------------------------------- */

static void run(struct taker *taker, const char *workers, int burst, struct rp_result *result)
{
    struct source source = { .source = { .make = make }, .burst = burst };
    struct rp_overrides overrides = { .workers = { .value = workers, .origin = "--workers" } };
    struct rp_error err = { 0 };
    struct rp_sinks sinks;
    struct rp_coordinator_config config = { .script = "load.c",
                                            .peers = &source.source,
                                            .overrides = &overrides,
                                            .sinks = &sinks,
                                            .patience = 20 * RP_S };

    rp_sinks_init(&sinks);
    rp_sinks_add(&sinks, &taker->sink, &taker_ops);
    if (rp_coordinate(&config, result, &err) < 0)
        fail_msg("%s", err.message);
    if (result->exit_code != RP_EXIT_PASSED)
        fail_msg("%s", result->reason);
    rp_sink_remove(&taker->sink);
    rp_error_deinit(&err);
}

/* Of several workers, whose value was the last one depends on who was heard first. */
static void assert_equal(const struct rp_value *got, const struct rp_value *wanted)
{
    if (wanted->type == RP_GAUGE)
        assert_true(got->samples == wanted->samples && got->gauge.min == wanted->gauge.min &&
                    got->gauge.max == wanted->gauge.max);
    else
        assert_true(rp_value_equal(got, wanted));
}

static void compare(void *user, const struct rp_store_series *series, const struct rp_value *total)
{
    struct taker *taker = user;

    taker->series++;
    assert_true(series->id < SERIES_MAX);
    if (!total->samples) {
        assert_int_equal(taker->by_second[series->id].samples, 0);
        assert_int_equal(taker->one_by_one[series->id].samples, 0);
        return;
    }
    assert_true(rp_value_equal(&taker->by_second[series->id], total));
    if (!is_added_up(series))
        assert_equal(&taker->one_by_one[series->id], total);
}

static void two_workers_tell_everything(void **state)
{
    struct taker taker = { .is_lossless = true };
    struct rp_result result = { 0 };

    run(&taker, "2", 0, &result);
    assert_int_equal(taker.lost, 0);
    assert_int_equal(rp_store_each_series(result.store, NULL, compare, &taker), 0);
    assert_true(taker.series > 4 * NAMES + 4);
    /* Two whole seconds, the rest, and teardown(). On a machine that is busy some are longer. */
    assert_true(taker.intervals >= 2 && taker.intervals <= 8);
    assert_true(taker.end > 2 * RP_S);
    assert_true(taker.samples > 1000);
    for (int worker = 0; worker < WORKERS_MAX; worker++)
        for (int i = 0; i < taker.series; i++)
            assert_true(taker.last_ns[worker][i] == 0 ||
                        (taker.last_ns[worker][i] > result.started_wall_ns - 60 * RP_S &&
                         taker.last_ns[worker][i] < rp_wall_clock_ns() + RP_S));
    for (size_t i = 0; i < result.warning_count; i++)
        assert_null(strstr(result.warnings[i].text, "samples"));
    taker_deinit(&taker);
    rp_result_deinit(&result);
}

static void on_over(void *user, int status)
{
    *(int *)user = status == 0 ? 1 : status;
}

/* The worker on the coordinator's own loop, as in a program of the user's: the same messages. */
static void a_worker_in_this_process_tells_everything(void **state)
{
    struct taker taker = { .is_lossless = true };
    struct rp_result result = { 0 };
    struct rp_overrides overrides = { 0 };
    struct script script = { .host = { .ops = &script_ops } };
    struct rp_worker_config worker_config = {
        .script = &script.host, .shares_loop = true, .ended = on_ended, .user = &script
    };
    struct rp_error err = { 0 };
    struct rp_sinks sinks;
    struct rp_coordinator_config config = { .script = "load.c",
                                            .overrides = &overrides,
                                            .sinks = &sinks };
    struct rp_coordinator *coordinator;
    struct rp_worker *worker;
    struct rp_loop *loop;
    int fds[2], is_over = 0;

    rp_sinks_init(&sinks);
    rp_sinks_add(&sinks, &taker.sink, &taker_ops);
    assert_int_equal(rp_loop_new(rp_loop_epoll, &loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rp_worker_new(loop, fds[1], &worker_config, &worker), 0);
    assert_int_equal(
        rp_coordinator_new(&config, loop, fds[0], &result, &err, on_over, &is_over, &coordinator),
        0);
    while (!is_over)
        assert_true(rp_loop_turn(loop, rp_loop_now(loop) + RP_S) >= 0);
    if (is_over < 0 || result.exit_code != RP_EXIT_PASSED)
        fail_msg("%s", is_over < 0 ? err.message : result.reason);
    assert_int_equal(taker.lost, 0);
    assert_int_equal(rp_store_each_series(result.store, NULL, compare, &taker), 0);
    assert_true(taker.intervals >= 2 && taker.samples > 1000);
    rp_coordinator_free(coordinator);
    rp_worker_free(worker);
    rp_loop_free(loop);
    rp_sink_remove(&taker.sink);
    taker_deinit(&taker);
    rp_result_deinit(&result);
    rp_error_deinit(&err);
}

static void count_samples(void *user, const struct rp_store_series *series,
                          const struct rp_value *total)
{
    *(uint64_t *)user += total->samples;
}

/* The load does not wait: it makes more than is taken. Everything else is whole. */
static void a_slow_sink_loses_samples_and_nothing_else(void **state)
{
    struct taker taker = { .pause_us = 20000 };
    struct rp_result result = { 0 };
    uint64_t recorded = 0, by_second = 0;
    bool is_told = false;

    run(&taker, "1", 1000, &result);
    assert_int_equal(rp_store_each_series(result.store, NULL, count_samples, &recorded), 0);
    for (int i = 0; i < SERIES_MAX; i++)
        by_second += taker.by_second[i].samples;
    assert_true(taker.lost > 0);
    assert_int_equal(taker.samples + taker.lost, recorded);
    assert_int_equal(by_second, recorded);
    for (size_t i = 0; i < result.warning_count; i++)
        is_told |= strstr(result.warnings[i].text, "samples did not reach") != NULL;
    assert_true(is_told);
    taker_deinit(&taker);
    rp_result_deinit(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_tell_everything),
        cmocka_unit_test(a_worker_in_this_process_tells_everything),
        cmocka_unit_test(a_slow_sink_loses_samples_and_nothing_else),
    };

    return cmocka_run_group_tests_name("engines", tests, NULL, NULL);
}
