/* SPDX-License-Identifier: MIT */
/* The findings about the system: limits of the kernel, processors, memory. */
#include "app/doctor.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/sysfile.h"
#include "base/str.h"

#define SET(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

/* Below these a test of some size meets the limit. */
enum {
    FILES_NEEDED = 64, /* a worker's own: standard streams, control sockets, the loop, Python's */
    FILES_BIG = 65536,
    PORTS_BIG = 20000,
    TIME_WAIT_S = 60, /* a constant of the kernel */
    BACKLOG_BIG = 1024,
    /* What the remedies lift the limits to. */
    BACKLOG_LIFTED = 4096,
    FILES_LIFTED = 1048576,
    CONNECTION_BYTES = 10 * 1024, /* measured: kernel memory of a connection, 8 to 10 kB */
};
static const int64_t memory_low = INT64_C(512) << 20;

RP_PRINTF(3, 4) static void append(char *text, size_t size, const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(text + len, size - len, fmt, args);
    va_end(args);
}

static void unreadable(struct rp_finding *finding, const char *path)
{
    SET(finding->value, "unknown: %s cannot be read", path);
}

/* ---- limits of the kernel -------------------------------------------------------------------- */

static void limit_text(rlim_t limit, char *out, size_t size)
{
    if (limit == RLIM_INFINITY)
        snprintf(out, size, "unlimited");
    else
        snprintf(out, size, "%ju", (uintmax_t)limit);
}

static void open_files(struct rp_doctor_report *report)
{
    struct rp_finding *finding = rp_doctor_add(report, "open_files", "open files");
    struct rlimit limit;
    char soft[32], hard[32];

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        unreadable(finding, "RLIMIT_NOFILE");
        return;
    }
    limit_text(limit.rlim_cur, soft, sizeof(soft));
    limit_text(limit.rlim_max, hard, sizeof(hard));
    SET(finding->value, "soft limit %s, hard limit %s", soft, hard);
    if (limit.rlim_max == RLIM_INFINITY)
        return;
    if (limit.rlim_max < FILES_NEEDED)
        finding->verdict = RP_FINDING_ERROR;
    else if (limit.rlim_max < FILES_BIG)
        finding->verdict = RP_FINDING_WARNING;
    SET(finding->limits,
        "about %ju connections at a time; the soft limit is raised to the hard one for a run",
        (uintmax_t)(limit.rlim_max > FILES_NEEDED ? limit.rlim_max - FILES_NEEDED : 0));
    if (limit.rlim_max < FILES_LIFTED)
        SET(finding->remedy, "sudo prlimit --pid $$ --nofile=1048576:1048576");
}

static void ports(struct rp_doctor_report *report, const char *root)
{
    static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
    struct rp_finding *finding = rp_doctor_add(report, "ports", "local ports");
    int64_t first, last, count, reuse = 0;
    char text[64];

    if (!rp_sysfile_text(root, path, text, sizeof(text)) ||
        sscanf(text, "%" SCNd64 " %" SCNd64, &first, &last) != 2 || last < first) {
        unreadable(finding, path);
        return;
    }
    count = last - first + 1;
    SET(finding->value, "%" PRId64 " to %" PRId64, first, last);
    finding->verdict = count < PORTS_BIG ? RP_FINDING_WARNING : RP_FINDING_OK;
    if (!rp_sysfile_int(root, "/proc/sys/net/ipv4/tcp_tw_reuse", &reuse))
        reuse = 0;
    SET(finding->limits, "%" PRId64 " connections at a time to one address and port", count);
    if (reuse != 1) /* 2: only the loopback is spared */
        append(finding->limits, sizeof(finding->limits),
               ", and %" PRId64 " new ones a second%s, because a closed one can keep its port for "
               "%d s",
               count / TIME_WAIT_S, reuse == 2 ? " beyond loopback" : "", TIME_WAIT_S);
    append(finding->limits, sizeof(finding->limits),
           "; connecting gets slow when more than half are taken");
    if (first > 1024 || last < 65535 || reuse != 1)
        SET(finding->remedy, "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535' "
                             "net.ipv4.tcp_tw_reuse=1");
}

static void backlog(struct rp_doctor_report *report, const char *root)
{
    static const char path[] = "/proc/sys/net/core/somaxconn";
    struct rp_finding *finding = rp_doctor_add(report, "somaxconn", "accept queue");
    int64_t value;

    if (!rp_sysfile_int(root, path, &value)) {
        unreadable(finding, path);
        return;
    }
    finding->verdict = value < BACKLOG_BIG ? RP_FINDING_WARNING : RP_FINDING_OK;
    SET(finding->value, "somaxconn %" PRId64, value);
    SET(finding->limits, "connections that wait for a server on this machine, rampa target "
                         "included, to accept them");
    if (value < BACKLOG_LIFTED) /* else it would change nothing */
        SET(finding->remedy, "sudo sysctl -w net.core.somaxconn=4096");
}

void rp_doctor_limits(struct rp_doctor_report *report, const struct rp_doctor_place *place)
{
    open_files(report);
    ports(report, place->root);
    backlog(report, place->root);
}

/* ---- processors and memory ------------------------------------------------------------------- */

static int usable_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
}

static void processors(struct rp_doctor_report *report, const char *root)
{
    struct rp_finding *finding = rp_doctor_add(report, "processors", "processors");
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int usable = usable_cores();
    double quota;

    if (!usable)
        usable = (int)online;
    if (rp_cgroup_cpus(root, &quota)) {
        SET(finding->value, "%ld online, %d usable, quota of %.2f", online, usable, quota);
        if (quota < usable) {
            finding->verdict = RP_FINDING_WARNING;
            SET(finding->limits, "the whole test is paused when the quota is used up, which "
                                 "latencies then show");
            SET(finding->remedy,
                "systemctl set-property UNIT CPUQuota=, or docker update --cpus=%d "
                "CONTAINER",
                usable);
            return;
        }
    } else {
        SET(finding->value, "%ld online, %d usable, no quota", online, usable);
    }
    if (usable < 2) {
        finding->verdict = RP_FINDING_WARNING;
        SET(finding->limits, "a target on this machine shares the only processor with the test");
        if (online > 1)
            SET(finding->remedy, "taskset -cp 0-%ld $$", online - 1);
        return;
    }
    SET(finding->limits, "a worker uses one; what else runs here should have another");
}

static bool available_memory(const char *root, int64_t *ret_bytes)
{
    char text[4096], *line;
    int64_t kb;

    if (!rp_sysfile_text(root, "/proc/meminfo", text, sizeof(text)))
        return false;
    line = strstr(text, "MemAvailable:");
    if (!line || sscanf(line, "MemAvailable: %" SCNd64 " kB", &kb) != 1)
        return false;
    *ret_bytes = kb * 1024;
    return true;
}

static void memory(struct rp_doctor_report *report, const char *root)
{
    struct rp_finding *finding = rp_doctor_add(report, "memory", "memory");
    int64_t available, left;
    bool is_limited;

    if (!available_memory(root, &available)) {
        unreadable(finding, "/proc/meminfo");
        return;
    }
    is_limited = rp_cgroup_memory(root, &left) && left < available;
    if (is_limited)
        available = left;
    SET(finding->value, "%" PRId64 " MiB available%s", available >> 20,
        is_limited ? " to this control group" : "");
    SET(finding->limits,
        "about %" PRId64 " connections at 10 kB of kernel memory each, less what the script keeps",
        available / CONNECTION_BYTES);
    if (available >= memory_low)
        return;
    finding->verdict = RP_FINDING_WARNING;
    if (is_limited)
        SET(finding->remedy, "systemctl set-property UNIT MemoryMax=4G, or docker update "
                             "--memory=4g CONTAINER");
    else
        SET(finding->remedy, "end other programs; 'ps aux --sort=-rss | head' shows the largest");
}

void rp_doctor_machine(struct rp_doctor_report *report, const struct rp_doctor_place *place)
{
    processors(report, place->root);
    memory(report, place->root);
}
