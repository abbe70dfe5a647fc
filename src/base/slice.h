/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/slice.h - borrowed text: a pointer and a length. Never owns; need not end in NUL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct rp_slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal, usable in initialisers. */
#define RP_SLICE(literal) ((struct rp_slice){ (literal), sizeof(literal) - 1 })

static inline struct rp_slice rp_slice(const char *ptr, size_t len)
{
    return (struct rp_slice){ ptr, len };
}

/* @text may be NULL: an empty slice. */
static inline struct rp_slice rp_slice_str(const char *text)
{
    return (struct rp_slice){ text, text ? strlen(text) : 0 };
}

static inline bool rp_slice_eq(struct rp_slice a, struct rp_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool rp_slice_eq_str(struct rp_slice a, const char *text)
{
    return rp_slice_eq(a, rp_slice_str(text));
}

/* ASCII case is ignored. */
static inline bool rp_slice_ieq(struct rp_slice a, struct rp_slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* Without the blanks and tabs around it. */
static inline struct rp_slice rp_slice_trim(struct rp_slice text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = rp_slice(text.ptr + 1, text.len - 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* For printf's "%.*s". */
#define RP_SLICE_FMT(s) (int)(s).len, (s).ptr
