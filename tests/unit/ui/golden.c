/* SPDX-License-Identifier: MIT */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, PATH_SIZE = 512 };

static void write_golden(const char *path, const struct rp_buf *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(rp_buf_str(text), 1, text->len, file), text->len);
    assert_int_equal(fclose(file), 0);
}

void compare_golden(const struct rp_buf *text, const char *name, ...)
{
    char file_name[128], path[PATH_SIZE];
    struct rp_buf expected;
    va_list args;
    FILE *file;
    int byte;

    va_start(args, name);
    vsnprintf(file_name, sizeof(file_name), name, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, file_name);
    if (getenv("RP_UPDATE_GOLDEN")) {
        write_golden(path, text);
        return;
    }
    file = fopen(path, "r");
    if (!file)
        fail_msg("no %s: write it with RP_UPDATE_GOLDEN=1", path);
    rp_buf_init(&expected, TEXT_MAX);
    while ((byte = fgetc(file)) != EOF)
        rp_buf_append(&expected, &(char){ (char)byte }, 1);
    fclose(file);
    if (strcmp(rp_buf_str(text), rp_buf_str(&expected)) != 0) {
        print_error("%s differs; now it is:\n%s\n", path, rp_buf_str(text));
        assert_string_equal(rp_buf_str(text), rp_buf_str(&expected));
    }
    rp_buf_deinit(&expected);
}
