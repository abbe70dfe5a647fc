/* SPDX-License-Identifier: MIT */
#include "base/sysfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

bool rp_sysfile_text(const char *root, const char *path, char *out, size_t size)
{
    char full[PATH_MAX];
    FILE *file;
    size_t len;

    if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
        return false;
    file = fopen(full, "re");
    if (!file)
        return false;
    len = fread(out, 1, size - 1, file);
    fclose(file);
    if (len && out[len - 1] == '\n')
        len--;
    out[len] = '\0';
    return len > 0;
}

bool rp_sysfile_int(const char *root, const char *path, int64_t *ret)
{
    char text[64];

    return rp_sysfile_text(root, path, text, sizeof(text)) && sscanf(text, "%" SCNd64, ret) == 1;
}

/* Whether the arguments in @text, each ended by a NUL, begin with a path to @name and @argument. */
static bool is_called(const char *text, size_t len, const char *name, const char *argument)
{
    const char *end = memchr(text, '\0', len), *slash;
    size_t first = end ? (size_t)(end - text) + 1 : len;

    if (first >= len || strncmp(text + first, argument, len - first) != 0)
        return false;
    slash = strrchr(text, '/');
    return strcmp(slash ? slash + 1 : text, name) == 0;
}

int rp_find_process(const char *root, const char *name, const char *argument)
{
    char path[PATH_MAX], text[512];
    const struct dirent *entry;
    int found = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/proc", root);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        ssize_t len = -1;
        int64_t pid;
        int fd;

        if (!rp_parse_i64(rp_slice_str(entry->d_name), &pid) || pid <= 0 || pid > INT_MAX)
            continue;
        snprintf(path, sizeof(path), "%s/proc/%d/cmdline", root, (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            len = read(fd, text, sizeof(text) - 1);
            close(fd);
        }
        if (len <= 0)
            continue;
        text[len] = '\0';
        if (is_called(text, (size_t)len, name, argument))
            found = (int)pid;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* ---- control groups -------------------------------------------------------------------------- */

/* Looks at one group: @dir is below @root, of version 2 or 1. */
typedef void group_fn(const char *root, const char *dir, bool is_v2, void *context);

/* Visits a group and every parent of it: the limit of a parent holds for all below it. */
static void visit_upwards(const char *root, const char *mount, char *group, bool is_v2,
                          group_fn *visit, void *context)
{
    for (;;) {
        char dir[PATH_MAX];
        char *slash;

        if (snprintf(dir, sizeof(dir), "%s%s", mount, group) < (int)sizeof(dir))
            visit(root, dir, is_v2, context);
        slash = strrchr(group, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static bool lists(const char *controllers, const char *name)
{
    size_t len = strlen(name);

    while (*controllers) {
        size_t item = strcspn(controllers, ",");

        if (item == len && strncmp(controllers, name, len) == 0)
            return true;
        controllers += item + (controllers[item] == ',');
    }
    return false;
}

static void visit_groups(const char *root, const char *controller, group_fn *visit, void *context)
{
    char text[8192], mount[64], *line, *rest = text;

    if (!rp_sysfile_text(root, "/proc/self/cgroup", text, sizeof(text)))
        return;
    while ((line = strsep(&rest, "\n"))) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        if (!*controllers) {
            visit_upwards(root, "/sys/fs/cgroup", group, true, visit, context);
        } else if (lists(controllers, controller)) {
            snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%s", controller);
            visit_upwards(root, mount, group, false, visit, context);
        }
    }
}

static bool read_in(const char *root, const char *dir, const char *name, char *out, size_t size)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
           rp_sysfile_text(root, path, out, size);
}

static bool read_int_in(const char *root, const char *dir, const char *name, int64_t *ret)
{
    char text[64];

    /* "max" is no number: no limit */
    return read_in(root, dir, name, text, sizeof(text)) && sscanf(text, "%" SCNd64, ret) == 1;
}

/* In processors. False = none. */
static bool cpu_quota(const char *root, const char *dir, bool is_v2, double *ret)
{
    int64_t quota = 0, period = 0;
    char text[64];

    if (is_v2) {
        if (!read_in(root, dir, "cpu.max", text, sizeof(text)) ||
            sscanf(text, "%" SCNd64 " %" SCNd64, &quota, &period) != 2)
            return false;
    } else if (!read_int_in(root, dir, "cpu.cfs_quota_us", &quota) ||
               !read_int_in(root, dir, "cpu.cfs_period_us", &period)) {
        return false;
    }
    if (quota <= 0 || period <= 0)
        return false;
    *ret = (double)quota / (double)period;
    return true;
}

struct cpu_limit {
    bool found;
    double cpus;
};

static void visit_cpu(const char *root, const char *dir, bool is_v2, void *context)
{
    struct cpu_limit *limit = context;
    double cpus;

    if (!cpu_quota(root, dir, is_v2, &cpus))
        return;
    if (!limit->found || cpus < limit->cpus)
        limit->cpus = cpus;
    limit->found = true;
}

bool rp_cgroup_cpus(const char *root, double *ret)
{
    struct cpu_limit limit = { 0 };

    visit_groups(root, "cpu", visit_cpu, &limit);
    if (limit.found)
        *ret = limit.cpus;
    return limit.found;
}

struct cpu_stops {
    bool found;
    struct rp_cgroup_stops sum;
};

/* The number behind @key at the beginning of a line; 0 when there is none. */
static int64_t value_of(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return strtoll(line + len, NULL, 10);
    return 0;
}

static void visit_stops(const char *root, const char *dir, bool is_v2, void *context)
{
    struct cpu_stops *stops = context;
    char text[2048];
    double cpus;

    if (!cpu_quota(root, dir, is_v2, &cpus) || !read_in(root, dir, "cpu.stat", text, sizeof(text)))
        return;
    stops->found = true;
    stops->sum.times += value_of(text, "nr_throttled");
    stops->sum.ns += is_v2 ? value_of(text, "throttled_usec") * 1000
                           : value_of(text, "throttled_time");
}

bool rp_cgroup_stopped(const char *root, struct rp_cgroup_stops *ret)
{
    struct cpu_stops stops = { 0 };

    visit_groups(root, "cpu", visit_stops, &stops);
    *ret = stops.sum;
    return stops.found;
}

struct memory_limit {
    bool found;
    int64_t left;
};

static void visit_memory(const char *root, const char *dir, bool is_v2, void *context)
{
    /* version 1 says "no limit" with the largest multiple of a page */
    const int64_t unlimited = INT64_MAX - (1 << 20);
    struct memory_limit *limit = context;
    int64_t max, used = 0, left;

    if (!read_int_in(root, dir, is_v2 ? "memory.max" : "memory.limit_in_bytes", &max) ||
        max >= unlimited)
        return;
    if (!read_int_in(root, dir, is_v2 ? "memory.current" : "memory.usage_in_bytes", &used))
        used = 0;
    left = max > used ? max - used : 0;
    if (!limit->found || left < limit->left)
        limit->left = left;
    limit->found = true;
}

bool rp_cgroup_memory(const char *root, int64_t *ret_left_bytes)
{
    struct memory_limit limit = { 0 };

    visit_groups(root, "memory", visit_memory, &limit);
    if (limit.found)
        *ret_left_bytes = limit.left;
    return limit.found;
}

int rp_usable_cores(const char *root)
{
    cpu_set_t set;
    double quota;
    int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                             : (int)sysconf(_SC_NPROCESSORS_ONLN);

    if (rp_cgroup_cpus(root, &quota) && quota < cores)
        cores = (int)quota;
    return cores > 1 ? cores : 1;
}
