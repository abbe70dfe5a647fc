/* SPDX-License-Identifier: MIT */
#include "worker/watch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/sysfile.h"

/* The shortest interval about which processor time says something: shorter ones are not long enough
 * to wait in. */
#define SAMPLE_MIN (100 * RP_MS)

/* How long the thread has waited on a run queue; the file's second number. */
static rp_ns time_waited(int fd)
{
    int64_t ran, waited;
    char text[100];
    ssize_t len = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;

    if (len <= 0)
        return 0;
    text[len] = '\0';
    return sscanf(text, "%" SCNd64 " %" SCNd64, &ran, &waited) == 2 ? waited : 0;
}

static struct rp_health_counts count(const struct rp_health_watch *watch, rp_ns now, rp_ns spun)
{
    struct rp_health_counts counts = { .at = now, .waited = time_waited(watch->schedstat_fd) };
    struct rp_cgroup_stops stops = { 0 };
    struct timespec cpu;
    struct rusage usage;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0)
        counts.computed = cpu.tv_sec * RP_S + cpu.tv_nsec - spun;
    if (watch->has_quota && rp_cgroup_stopped("", &stops)) {
        counts.stopped = stops.ns;
        counts.stops = (uint64_t)stops.times;
    }
    if (getrusage(RUSAGE_THREAD, &usage) == 0)
        counts.faults = (uint64_t)usage.ru_majflt;
    return counts;
}

void rp_health_start(struct rp_health_watch *watch, rp_ns now, rp_ns spun)
{
    double cpus;

    watch->schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    watch->has_quota = rp_cgroup_cpus("", &cpus);
    watch->has_started = true;
    watch->last = count(watch, now, spun);
}

static rp_ns at_most(rp_ns value, rp_ns max)
{
    return value < 0 ? 0 : value < max ? value : max;
}

static void add(struct rp_health_watch *watch, const struct rp_health_counts *to)
{
    const struct rp_health_counts *from = &watch->last;
    struct rp_worker_health *health = &watch->health;
    rp_ns passed = to->at - from->at;
    rp_ns computed = at_most(to->computed - from->computed, passed), rest = passed - computed;
    rp_ns stopped = at_most(to->stopped - from->stopped, rest);
    rp_ns waited = at_most(to->waited - from->waited, rest);

    /* The group was stopped for so long, all its threads added up. Of that no more is counted than
     * this thread has waited. */
    if (watch->schedstat_fd >= 0)
        stopped = at_most(stopped, waited);
    else
        waited = stopped;
    health->observed += passed;
    health->computed += computed;
    health->waited += waited;
    health->stopped += stopped;
    health->stops += to->stops - from->stops;
    health->faults += to->faults - from->faults;
    if (rest - waited < passed / 10)
        health->busy += passed;
}

void rp_health_sample(struct rp_health_watch *watch, rp_ns now, rp_ns spun, bool counts)
{
    struct rp_health_counts to;

    if (!watch->has_started || now - watch->last.at < SAMPLE_MIN)
        return;
    to = count(watch, now, spun);
    if (counts)
        add(watch, &to);
    watch->last = to;
}

void rp_health_probe(struct rp_health_watch *watch, rp_ns late, rp_ns interval)
{
    late = late > 0 ? late : 0;
    watch->health.probes += 1 + (uint64_t)(late / interval);
    if (late > RP_HEALTH_LATE)
        watch->health.late_probes += 1 + (uint64_t)((late - RP_HEALTH_LATE) / interval);
}

void rp_health_receive(struct rp_health_watch *watch, rp_ns delay, unsigned weight)
{
    watch->health.receives += weight;
    if (delay > RP_HEALTH_LATE)
        watch->health.late_receives += weight;
}

void rp_health_end(struct rp_health_watch *watch)
{
    if (watch->has_started && watch->schedstat_fd >= 0)
        close(watch->schedstat_fd);
    watch->has_started = false;
}
