/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/alloc.h - the allocator of every room: malloc, with a hook that lets a test fail the n-th
 * call.
 *
 * NULL means -ENOMEM and is returned to the caller: the same code lives in a user's Python process.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

RP_NODISCARD void *rp_alloc(size_t size_bytes);
RP_NODISCARD void *rp_calloc(size_t count, size_t size_bytes);
/* On failure the old block is untouched. */
RP_NODISCARD void *rp_realloc(void *ptr, size_t size_bytes);
/* @count * @size_bytes, checked for overflow. */
RP_NODISCARD void *rp_realloc_array(void *ptr, size_t count, size_t size_bytes);
RP_NODISCARD char *rp_strdup(const char *text);
/* A NUL-terminated copy of @len bytes. */
RP_NODISCARD char *rp_strndup(const char *text, size_t len);
/* NULL is allowed. */
void rp_free(void *ptr);

/* Tests only: fail the @n-th allocation from now on (1 = the next), 0 = never. Not thread safe. */
void rp_alloc_fail_at(uint64_t n);
/* Tests only: allocations (malloc, calloc, realloc, strdup) made so far. */
uint64_t rp_alloc_count(void);
