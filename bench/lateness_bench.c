/* SPDX-License-Identifier: MIT */

/*
 * How late the loop fires the deadlines of an even schedule, and what that costs: nothing else is done.
 *
 *   lateness_bench [-r RATE] [-s SECONDS] [-l epoll|io_uring] [-S SPIN_US]...
 *
 * Each back-end runs in each mode in turn, a second at a time, so that what the machine does meanwhile meets them all.
 * Prints per back-end and mode the lateness in microseconds (median, p90, p99, the worst), the share of a core, the part
 * of that which was spun, and the turns of the loop a deadline.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop.h"

enum { MODES_MAX = 8 };

struct bench {
    const struct rp_loop_ops *loops[2];
    rp_ns spins[MODES_MAX];
    int loop_count, mode_count, seconds;
    int64_t rate;
};

struct result {
    uint32_t *late; /* nanoseconds, one a deadline */
    size_t count;
    uint64_t turns;
    rp_ns cpu, spun, elapsed;
};

struct schedule {
    struct rp_timer timer;
    struct result *result;
    rp_ns began;
    int64_t next, total, rate;
};

static rp_ns cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (rp_ns)ts.tv_sec * RP_S + ts.tv_nsec;
}

static rp_ns deadline_of(const struct schedule *schedule, int64_t i)
{
    return schedule->began + i * RP_S / schedule->rate;
}

/* Deadlines that have passed together are taken together, each with its own lateness. */
static void on_deadline(struct rp_timer *timer, rp_ns now)
{
    struct schedule *schedule = rp_container_of(timer, struct schedule, timer);
    struct result *result = schedule->result;

    while (schedule->next < schedule->total && deadline_of(schedule, schedule->next) <= now)
        result->late[result->count++] = (uint32_t)(now - deadline_of(schedule, schedule->next++));
    if (schedule->next < schedule->total)
        rp_timer_arm_precise(timer->loop, timer, deadline_of(schedule, schedule->next),
                             on_deadline);
}

static int run_second(const struct rp_loop_ops *ops, rp_ns spin, int64_t rate,
                      struct result *result)
{
    struct schedule schedule = { .result = result, .rate = rate, .total = rate };
    struct rp_loop *loop;
    rp_ns cpu;
    int r = rp_loop_new(ops, &loop);

    if (r < 0)
        return r;
    rp_loop_set_spin(loop, spin);
    schedule.began = rp_clock_ns() + RP_MS;
    cpu = cpu_ns();
    rp_timer_arm_precise(loop, &schedule.timer, schedule.began, on_deadline);
    while (r == 0 && schedule.next < schedule.total) {
        r = rp_loop_turn(loop, RP_NS_NEVER);
        result->turns++;
    }
    result->cpu += cpu_ns() - cpu;
    result->spun += rp_loop_spun(loop);
    result->elapsed += rp_clock_ns() - schedule.began;
    rp_timer_disarm(&schedule.timer);
    rp_loop_free(loop);
    return r;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double part(const struct result *result, double share)
{
    return (double)result->late[(size_t)(share * (double)(result->count - 1))] / 1e3;
}

static void print(const struct rp_loop_ops *ops, rp_ns spin, struct result *result)
{
    qsort(result->late, result->count, sizeof(*result->late), by_value);
    printf("%-8s %7lld us %8.1f %8.1f %8.1f %9.1f %7.1f%% %7.1f%% %7.2f\n", rp_loop_ops_name(ops),
           (long long)(spin / RP_US), part(result, 0.5), part(result, 0.9), part(result, 0.99),
           part(result, 1), 100.0 * (double)result->cpu / (double)result->elapsed,
           100.0 * (double)result->spun / (double)result->elapsed,
           (double)result->turns / (double)result->count);
}

static int run(const struct bench *bench)
{
    struct result results[2][MODES_MAX] = { 0 };
    int r = 0;

    for (int second = 0; r == 0 && second < bench->seconds; second++) {
        for (int i = 0; r == 0 && i < bench->loop_count * bench->mode_count; i++) {
            struct result *result = &results[i / bench->mode_count][i % bench->mode_count];

            if (!result->late)
                result->late = rp_calloc((size_t)(bench->rate * bench->seconds),
                                         sizeof(*result->late));
            r = result->late ? run_second(bench->loops[i / bench->mode_count],
                                          bench->spins[i % bench->mode_count], bench->rate, result)
                             : -ENOMEM;
        }
    }
    if (r == 0)
        printf("%-8s %10s %8s %8s %8s %9s %8s %8s %7s\n", "loop", "spin", "p50", "p90", "p99",
               "max", "core", "spun", "turns");
    for (int i = 0; i < bench->loop_count; i++) {
        for (int j = 0; j < bench->mode_count; j++) {
            if (r == 0)
                print(bench->loops[i], bench->spins[j], &results[i][j]);
            rp_free(results[i][j].late);
        }
    }
    return r;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: lateness_bench [-r RATE] [-s SECONDS] [-l epoll|io_uring] [-S SPIN_US]...\n");
    return 2;
}

static int parse(struct bench *bench, int argc, char **argv, const char **loop)
{
    int c;

    while ((c = getopt(argc, argv, "r:s:l:S:")) != -1) {
        if (c == 'r')
            bench->rate = strtoll(optarg, NULL, 10);
        else if (c == 's')
            bench->seconds = (int)strtol(optarg, NULL, 10);
        else if (c == 'l')
            *loop = optarg;
        else if (c == 'S' && bench->mode_count < MODES_MAX)
            bench->spins[bench->mode_count++] = strtoll(optarg, NULL, 10) * RP_US;
        else
            return usage();
    }
    return optind < argc || bench->rate < 1 || bench->seconds < 1 ? usage() : 0;
}

int main(int argc, char **argv)
{
    struct bench bench = { .rate = 10000, .seconds = 5 };
    const struct rp_loop_ops *all[] = { rp_loop_epoll, rp_loop_uring };
    const char *only = NULL;
    int r = parse(&bench, argc, argv, &only);

    if (r)
        return r;
    if (bench.mode_count == 0) {
        bench.spins[bench.mode_count++] = RP_LOOP_SPIN;
        bench.spins[bench.mode_count++] = 0;
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
        const char *name = rp_loop_ops_name(all[i]), *reason;

        if (only && strcmp(only, name) != 0)
            continue;
        reason = rp_loop_unusable(all[i]);
        if (reason)
            fprintf(stderr, "skipped %s: %s\n", name, reason);
        else
            bench.loops[bench.loop_count++] = all[i];
    }
    if (bench.loop_count == 0) {
        fprintf(stderr, "there is no loop to measure\n");
        return 2;
    }
    r = run(&bench);
    if (r < 0)
        fprintf(stderr, "failed: %s\n", strerror(-r));
    return r < 0;
}
