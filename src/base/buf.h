/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/buf.h - a growing byte buffer with a maximum.
 *
 * Errors are sticky: the first failed append is remembered in error (-ENOMEM, or -EMSGSIZE when the
 * maximum would be passed), later ones do nothing, and the caller checks once at the end. A zeroed
 * buffer with a maximum set is valid and owns nothing. The bytes are always followed by a NUL that
 * len does not count.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/slice.h"

struct rp_buf {
    char *data; /* NULL while empty and never reserved */
    size_t len;
    size_t cap;
    size_t max; /* bytes; appends past it fail */
    int error;  /* 0 or the first failure */
};

static inline void rp_buf_init(struct rp_buf *buf, size_t max_bytes)
{
    *buf = (struct rp_buf){ .max = max_bytes };
}

void rp_buf_deinit(struct rp_buf *buf);

/* Empties the buffer and forgets the error. The memory is kept. */
static inline void rp_buf_reset(struct rp_buf *buf)
{
    buf->len = 0;
    buf->error = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for @extra more bytes (and the NUL). Returns 0 or the sticky error. */
RP_NODISCARD int rp_buf_reserve(struct rp_buf *buf, size_t extra);
void rp_buf_append_slow(struct rp_buf *buf, const void *data, size_t len);

static inline void rp_buf_append(struct rp_buf *buf, const void *data, size_t len)
{
    if (RP_UNLIKELY(!len)) /* data may be NULL then */
        return;
    if (RP_LIKELY(!buf->error && buf->cap - buf->len > len && buf->max - buf->len >= len)) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
        buf->data[buf->len] = '\0';
    } else {
        rp_buf_append_slow(buf, data, len);
    }
}

void rp_buf_append_str(struct rp_buf *buf, const char *text);
static inline void rp_buf_append_slice(struct rp_buf *buf, struct rp_slice text)
{
    rp_buf_append(buf, text.ptr, text.len);
}
RP_PRINTF(2, 3) void rp_buf_appendf(struct rp_buf *buf, const char *fmt, ...);
void rp_buf_vappendf(struct rp_buf *buf, const char *fmt, va_list args);
/* Drops the first @len bytes. The buffer has that many. */
void rp_buf_consume(struct rp_buf *buf, size_t len);
/* The text as a C string, "" when empty; valid until the next change. */
static inline const char *rp_buf_str(const struct rp_buf *buf)
{
    return buf->data ? buf->data : "";
}
static inline struct rp_slice rp_buf_slice(const struct rp_buf *buf)
{
    return rp_slice(buf->data, buf->len);
}
/* Hands the bytes to the caller (free with rp_free) and leaves the buffer empty. NULL on a sticky
 * error. */
RP_NODISCARD char *rp_buf_take(struct rp_buf *buf);
