/* SPDX-License-Identifier: MIT */
#include "output/machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Whether @line is "<key><blanks><separator><blanks><value>"; copies the value without quotes. */
static bool take_value(const char *line, const char *key, char separator, char *out, size_t size)
{
    size_t len = strlen(key);

    if (strncmp(line, key, len) != 0)
        return false;
    line += len;
    line += strspn(line, " \t");
    if (*line != separator)
        return false;
    line += 1 + strspn(line + 1, " \t\"");
    len = strcspn(line, "\"\n");
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), line);
    return true;
}

static void read_value(const char *path, const char *key, char separator, char *out, size_t size)
{
    char line[1024];
    FILE *file = fopen(path, "re");

    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        if (take_value(line, key, separator, out, size))
            break;
    }
    fclose(file);
}

void rp_machine_read(struct rp_machine *ret)
{
    struct utsname name;
    cpu_set_t cpus;
    long pages, page_size;

    *ret = (struct rp_machine){ 0 };
    if (uname(&name) == 0) {
        snprintf(ret->kernel, sizeof(ret->kernel), "%s %s", name.sysname, name.release);
        snprintf(ret->arch, sizeof(ret->arch), "%.63s", name.machine);
    }
    read_value("/etc/os-release", "PRETTY_NAME", '=', ret->os, sizeof(ret->os));
    read_value("/proc/cpuinfo", "model name", ':', ret->cpu_model, sizeof(ret->cpu_model));
    ret->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        ret->cores_usable = CPU_COUNT(&cpus);
    pages = sysconf(_SC_PHYS_PAGES);
    page_size = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page_size > 0)
        ret->memory_bytes = (int64_t)pages * page_size;
}
