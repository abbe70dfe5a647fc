/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/sysfile.h - small files of /proc and /sys, and the limits of control groups.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of @root + @path, its last line end cut off. False when it cannot be read. */
bool rp_sysfile_text(const char *root, const char *path, char *out, size_t size);
/* The first number of that text. False when there is none. */
bool rp_sysfile_int(const char *root, const char *path, int64_t *ret);

/* The process id of a program whose name is @name and whose first argument is @argument; 0 when no
 * such program runs, or /proc does not tell. */
int rp_find_process(const char *root, const char *name, const char *argument);

/* The tightest limits of this process's control groups and their parents, of both versions. False =
 * no limit. */
bool rp_cgroup_cpus(const char *root, double *ret);
/* For how long and how often those limits have stopped the groups so far; the times of all
 * processors are added up. False = no limit. */
struct rp_cgroup_stops {
    int64_t ns, times;
};
bool rp_cgroup_stopped(const char *root, struct rp_cgroup_stops *ret);
/* Whole processors that this process may keep busy: those of its affinity mask, and no more than
 * its quota. At least 1. */
int rp_usable_cores(const char *root);
/* What is left of the memory limit. */
bool rp_cgroup_memory(const char *root, int64_t *ret_left_bytes);
