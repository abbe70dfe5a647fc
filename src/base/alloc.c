/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The test hook is the one mutable state of the room: one counter per process, read by tests
 * only. */
static uint64_t alloc_count;
static uint64_t alloc_fail_at;

void rp_assert_failed(const char *cond, const char *file, int line, const char *function)
{
    fprintf(stderr, "rampa: internal error: '%s' does not hold in %s (%s:%d)\n", cond, function,
            file, line);
    abort();
}

static bool alloc_must_fail(void)
{
    alloc_count++;
    return RP_UNLIKELY(alloc_fail_at != 0) && --alloc_fail_at == 0;
}

void rp_alloc_fail_at(uint64_t n)
{
    alloc_fail_at = n;
}

uint64_t rp_alloc_count(void)
{
    return alloc_count;
}

void *rp_alloc(size_t size_bytes)
{
    return alloc_must_fail() ? NULL : malloc(size_bytes ? size_bytes : 1);
}

void *rp_calloc(size_t count, size_t size_bytes)
{
    return alloc_must_fail() ? NULL : calloc(count ? count : 1, size_bytes ? size_bytes : 1);
}

void *rp_realloc(void *ptr, size_t size_bytes)
{
    return alloc_must_fail() ? NULL : realloc(ptr, size_bytes ? size_bytes : 1);
}

void *rp_realloc_array(void *ptr, size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total))
        return NULL;
    return rp_realloc(ptr, total);
}

char *rp_strndup(const char *text, size_t len)
{
    char *copy = rp_alloc(len + 1);

    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *rp_strdup(const char *text)
{
    return rp_strndup(text, strlen(text));
}

void rp_free(void *ptr)
{
    free(ptr);
}
