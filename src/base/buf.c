/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"

void rp_buf_deinit(struct rp_buf *buf)
{
    if (!buf)
        return;
    rp_free(buf->data);
    *buf = (struct rp_buf){ .max = buf->max };
}

int rp_buf_reserve(struct rp_buf *buf, size_t extra)
{
    size_t need, cap;
    char *data;

    if (buf->error)
        return buf->error;
    if (extra > buf->max - buf->len)
        return buf->error = -EMSGSIZE;
    need = buf->len + extra + 1;
    if (need <= buf->cap)
        return 0;
    cap = buf->cap ? buf->cap * 2 : 128;
    if (cap < need)
        cap = need;
    data = rp_realloc(buf->data, cap);
    if (!data)
        return buf->error = -ENOMEM;
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return 0;
}

void rp_buf_append_slow(struct rp_buf *buf, const void *data, size_t len)
{
    if (rp_buf_reserve(buf, len) < 0)
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void rp_buf_append_str(struct rp_buf *buf, const char *text)
{
    rp_buf_append(buf, text, strlen(text));
}

void rp_buf_vappendf(struct rp_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0) {
        buf->error = buf->error ? buf->error : -EINVAL;
        return;
    }
    if (rp_buf_reserve(buf, (size_t)len) < 0)
        return;
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    buf->len += (size_t)len;
}

void rp_buf_appendf(struct rp_buf *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    rp_buf_vappendf(buf, fmt, args);
    va_end(args);
}

void rp_buf_consume(struct rp_buf *buf, size_t len)
{
    if (len > buf->len)
        len = buf->len;
    if (!len)
        return;
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len + 1);
}

char *rp_buf_take(struct rp_buf *buf)
{
    char *data;

    if (buf->error || rp_buf_reserve(buf, 0) < 0)
        return NULL;
    data = buf->data;
    *buf = (struct rp_buf){ .max = buf->max };
    return data;
}
