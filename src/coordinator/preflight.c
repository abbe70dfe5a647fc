/* SPDX-License-Identifier: MIT */

/*
 * Limits of the machine that the plan may meet, said before the run instead of after it. They are warnings: whether each VU
 * opens a connection, and to where, is the script's affair.
 */

#include <stdio.h>
#include <sys/resource.h>

#include "base/sysfile.h"
#include "coordinator/coordinator_internal.h"
#include "sched/executor.h"

enum { FILES_OF_ITS_OWN = 64 }; /* a worker's: standard streams, sockets, the loop, Python's */

/* Those that may exist at the same time. */
static int64_t most_vus(const struct rp_plan *plan)
{
    int64_t sum = 0;

    for (size_t i = 0; i < plan->scenario_count; i++) {
        int64_t vus = rp_executor_slots(&plan->scenarios[i]);

        sum = vus > INT64_MAX - sum ? INT64_MAX : sum + vus;
    }
    return sum;
}

/* In the summary too, which is read afterwards. */
static void warn(struct rp_coordinator *c, const char *text)
{
    char line[520];

    rp_result_warn(c->result, "%s", text);
    snprintf(line, sizeof(line), "warning: %s", text);
    rp_publish_line(c, true, line);
}

/* Workers inherit our limit. */
static void look_at_files(struct rp_coordinator *c, int64_t vus)
{
    struct rlimit limit;
    char text[500];

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        vus <= (int64_t)limit.rlim_cur - FILES_OF_ITS_OWN)
        return;
    snprintf(
        text, sizeof(text),
        "up to %lld VUs%s, but a worker may have %llu files open: if each has a connection, some "
        "will fail; raise the limit (ulimit -n)",
        (long long)vus, c->result->plan->workers > 1 ? " in a worker" : "",
        (unsigned long long)limit.rlim_cur);
    warn(c, text);
}

static void look_at_ports(struct rp_coordinator *c, int64_t vus)
{
    char range[64], text[500];
    long long first, last;

    if (!rp_sysfile_text("", "/proc/sys/net/ipv4/ip_local_port_range", range, sizeof(range)) ||
        sscanf(range, "%lld %lld", &first, &last) != 2 || vus <= last - first + 1)
        return;
    snprintf(text, sizeof(text),
             "up to %lld VUs, but there are %lld local ports: if each has a connection to the same "
             "address and port, some will fail; widen net.ipv4.ip_local_port_range",
             (long long)vus, last - first + 1);
    warn(c, text);
}

void rp_preflight(struct rp_coordinator *c)
{
    int64_t vus = most_vus(c->result->plan), workers = c->result->plan->workers;

    look_at_files(c, vus / workers + (vus % workers != 0)); /* of each of them */
    look_at_ports(c, vus);
}
