/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as result files: a comparison that can be shown in each format, or an error with a message. Built with
 * -Dfuzz=true against libFuzzer; the same function runs over changed results in robust_test.c.
 */

#include "fuzz_result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compare/compare.h"

/* The fuzzer and the tests both stop at a signal, and the input is kept. */
#define must(holds) ((holds) ? (void)0 : check_failed(#holds, __LINE__))

static void check_failed(const char *what, int line)
{
    fprintf(stderr, "fuzz_result.c:%d: '%s' does not hold\n", line, what);
    abort();
}

static bool read_one(struct rp_slice text, const char *name, struct rp_run_file *ret)
{
    int fd = memfd_create("result", MFD_CLOEXEC), r;
    struct rp_error err = { 0 };
    char path[64];

    must(fd >= 0);
    must(write(fd, text.ptr, text.len) == (ssize_t)text.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = rp_run_file_read(path, name, ret, &err);
    close(fd);
    must(r == 0 ? !err.message && ret->subject_count > 0
                : r == -RP_EUSER && err.message && *err.message && !ret->subjects && !ret->root);
    rp_error_deinit(&err);
    return r == 0;
}

/* What a terminal would take for a command is never there. */
static void check_text(const struct rp_buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char byte = (unsigned char)text->data[i];

        must(byte == '\n' || (byte >= 0x20 && byte != 0x7f));
    }
}

static void show(const struct rp_comparison *comparison)
{
    struct rp_buf out;
    json_t *document;

    rp_buf_init(&out, 64 << 20);
    must(rp_compare_write_text(comparison, false, &out) == 0);
    check_text(&out);
    rp_buf_reset(&out);
    must(rp_compare_write_markdown(comparison, &out) == 0);
    check_text(&out);
    rp_buf_reset(&out);
    must(rp_compare_write_json(comparison, &out) == 0);
    document = json_loadb(rp_buf_str(&out), out.len, 0, NULL);
    must(json_array_size(json_object_get(document, "numbers")) == comparison->row_count);
    json_decref(document);
    rp_buf_deinit(&out);
}

static void compare(const struct rp_run_file *base, const struct rp_run_file *current)
{
    struct rp_comparison comparison;
    size_t all = 0;

    must(rp_compare(base, 1, current, 0.05, &comparison) == 0);
    for (size_t i = 0; i < RP_COMPARE_VERDICTS; i++)
        all += comparison.counts[i];
    must(all == comparison.row_count + comparison.threshold_count);
    must(base != current || !comparison.counts[RP_COMPARE_WORSE]);
    show(&comparison);
    rp_comparison_deinit(&comparison);
}

bool try_results(struct rp_slice text)
{
    const char *end = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
    size_t len = end ? (size_t)(end - text.ptr) : text.len;
    struct rp_run_file base = { 0 }, current = { 0 };
    bool has_base = read_one(rp_slice(text.ptr, len), "base", &base);
    bool has_current = end && read_one(rp_slice(end + 1, text.len - len - 1), "current", &current);

    if (has_base)
        compare(&base, &base);
    if (has_base && has_current)
        compare(&base, &current);
    rp_run_file_deinit(&base);
    rp_run_file_deinit(&current);
    return has_base && (has_current || !end);
}

#ifdef RP_FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_results(rp_slice((const char *)data, size));
    return 0;
}
#endif
