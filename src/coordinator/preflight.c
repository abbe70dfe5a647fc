/* SPDX-License-Identifier: MIT */

#include "coordinator/preflight.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/sysfile.h"
#include "plan/execution_segment.h"
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

/* Workers inherit our limit. */
static void look_at_files(const struct rp_plan *plan, int64_t vus, struct rp_preflight *ret)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        vus <= (int64_t)limit.rlim_cur - FILES_OF_ITS_OWN)
        return;
    snprintf(
        ret->warnings[ret->count++], sizeof(ret->warnings[0]),
        "up to %lld VUs%s, but a worker may have %llu files open: if each has a connection, some "
        "will fail; raise the limit (ulimit -n)",
        (long long)vus, plan->workers > 1 ? " in a worker" : "",
        (unsigned long long)limit.rlim_cur);
}

static void look_at_ports(int64_t vus, struct rp_preflight *ret)
{
    char range[64];
    long long first, last;

    if (!rp_sysfile_text("", "/proc/sys/net/ipv4/ip_local_port_range", range, sizeof(range)) ||
        sscanf(range, "%lld %lld", &first, &last) != 2 || vus <= last - first + 1)
        return;
    snprintf(ret->warnings[ret->count++], sizeof(ret->warnings[0]),
             "up to %lld VUs, but there are %lld local ports: if each has a connection to the same "
             "address and port, some will fail; widen net.ipv4.ip_local_port_range",
             (long long)vus, last - first + 1);
}

void rp_preflight(const struct rp_plan *plan, struct rp_preflight *ret)
{
    int64_t vus = rp_plan_own(plan, most_vus(plan)), workers = plan->workers;

    ret->count = 0;
    look_at_files(plan, vus / workers + (vus % workers != 0), ret); /* of each of them */
    look_at_ports(vus, ret);
}
