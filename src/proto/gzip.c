/* SPDX-License-Identifier: MIT */
#include "proto/gzip.h"

#include <errno.h>
#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/alloc.h"

enum { WINDOW_BITS = 15, AS_GZIP = 16, MEMORY_LEVEL = 8 };

static void *allocate(void *opaque, unsigned count, unsigned size)
{
    return rp_calloc(count, size);
}

static void release(void *opaque, void *memory)
{
    rp_free(memory);
}

/* deflateBound() is what it may take, so that one call is enough. */
static void deflate_all(z_stream *stream, struct rp_slice text, struct rp_buf *out)
{
    size_t bound = deflateBound(stream, text.len);

    if (text.len > UINT_MAX || bound > UINT_MAX) {
        out->error = out->error ? out->error : -EMSGSIZE;
        return;
    }
    if (rp_buf_reserve(out, bound) < 0)
        return;
    stream->next_in = (const Bytef *)text.ptr;
    stream->avail_in = (unsigned)text.len;
    stream->next_out = (Bytef *)out->data + out->len;
    stream->avail_out = (unsigned)bound;
    rp_assert(deflate(stream, Z_FINISH) == Z_STREAM_END);
    out->len += bound - stream->avail_out;
    out->data[out->len] = '\0';
}

void rp_gzip_compress(struct rp_slice text, struct rp_buf *out)
{
    z_stream stream = { .zalloc = allocate, .zfree = release };

    if (out->error)
        return;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS | AS_GZIP, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        out->error = -ENOMEM;
        return;
    }
    deflate_all(&stream, text, out);
    deflateEnd(&stream);
}
