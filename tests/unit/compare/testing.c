/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing.h"

const char *file_of(const char *text)
{
    static char path[64];
    FILE *file;
    int fd;

    if (path[0])
        unlink(path);
    snprintf(path, sizeof(path), "/tmp/rampa-compare-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct rp_run_file read_text(const char *text, const char *name)
{
    struct rp_error err = { 0 };
    struct rp_run_file file;
    int r = rp_run_file_read(file_of(text), name, &file, &err);

    if (r < 0)
        fail_msg("%s", err.message ? err.message : "no memory");
    return file;
}
