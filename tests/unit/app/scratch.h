/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A folder for one test, with files in it.
 */

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
    char path[64];
};

static inline void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof(scratch->path), "/tmp/rampa-test-XXXXXX");
    assert_non_null(mkdtemp(scratch->path));
}

static inline void scratch_remove(struct scratch *scratch)
{
    char command[128];

    assert_int_equal(strncmp(scratch->path, "/tmp/rampa-test-", 16), 0);
    snprintf(command, sizeof(command), "rm -rf %s", scratch->path);
    assert_int_equal(system(command), 0);
}

/* Writes the file and the folders above it; @name begins with '/'. */
static inline void scratch_file(struct scratch *scratch, const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s%s", scratch->path, name);
    for (char *slash = strchr(path + strlen(scratch->path) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The path of a file in it; valid until the next call. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s%s", scratch->path, name);
    return path;
}
