/* SPDX-License-Identifier: MIT */
/*
 * A tool of the build, not installed: keeps docs/rampa.1 and the reference part of docs/cli.md
 * equal to the tables.
 *
 *     gen_docs check DOCS    exit 1 when a page is not current
 *     gen_docs update DOCS   rewrites what is not
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/docs.h"

enum { PAGE_MAX = 1 << 20 };

static const char begin_mark[] = "<!-- reference: made by gen_docs, do not edit -->\n";
static const char end_mark[] = "<!-- end of the reference -->\n";

static int read_page(const char *path, struct rp_buf *out)
{
    char chunk[4096];
    FILE *file = fopen(path, "re");
    size_t n;

    if (!file)
        return -errno;
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rp_buf_append(out, chunk, n);
    fclose(file);
    return out->error;
}

static int write_page(const char *path, const struct rp_buf *text)
{
    FILE *file = fopen(path, "we");
    bool written;

    if (!file)
        return -errno;
    written = fwrite(rp_buf_str(text), 1, text->len, file) == text->len;
    return fclose(file) || !written ? -EIO : 0;
}

/* Makes the page @old again, with new text between the marks. */
static int renew_reference(const struct rp_buf *old, struct rp_buf *ret)
{
    const char *begin = strstr(rp_buf_str(old), begin_mark);
    const char *end = begin ? strstr(begin, end_mark) : NULL;

    if (!end) {
        fprintf(stderr, "cli.md: the marks of the reference are missing\n");
        return -EINVAL;
    }
    rp_buf_append(ret, old->data, (size_t)(begin - old->data) + sizeof(begin_mark) - 1);
    rp_buf_append_str(ret, "\n");
    rp_docs_reference(ret);
    rp_buf_append_str(ret, "\n");
    rp_buf_append_str(ret, end);
    return ret->error;
}

static int do_page(const char *folder, const char *name, bool is_reference, bool update)
{
    struct rp_buf old, now;
    char path[PATH_MAX];
    int r;

    rp_buf_init(&old, PAGE_MAX);
    rp_buf_init(&now, PAGE_MAX);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    r = read_page(path, &old);
    if (r == -ENOENT && update && !is_reference)
        r = 0;
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
    } else if (is_reference) {
        r = renew_reference(&old, &now);
    } else {
        rp_docs_man(&now);
        r = now.error;
    }
    if (r == 0 && !rp_slice_eq(rp_buf_slice(&old), rp_buf_slice(&now))) {
        if (update)
            r = write_page(path, &now);
        else
            r = -EINVAL;
        fprintf(stderr, "%s: %s\n", path,
                update ? "rewritten" : "not current; 'ninja update-docs' rewrites it");
    }
    rp_buf_deinit(&old);
    rp_buf_deinit(&now);
    return r;
}

int main(int argc, char **argv)
{
    bool update = argc == 3 && strcmp(argv[1], "update") == 0;
    int man, reference;

    if (argc != 3 || (!update && strcmp(argv[1], "check") != 0)) {
        fprintf(stderr, "usage: gen_docs check|update DOCS\n");
        return 2;
    }
    man = do_page(argv[2], "rampa.1", false, update);
    reference = do_page(argv[2], "cli.md", true, update);
    return man < 0 || reference < 0;
}
