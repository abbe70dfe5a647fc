/* SPDX-License-Identifier: MIT */

/* What is compressed reads back as it was, by zlib. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "fuzz_targets.h"
#include "proto/gzip.h"

int rp_fuzz_gzip(const uint8_t *data, size_t size)
{
    z_stream stream = { .next_in = NULL };
    uint8_t *back = malloc(size + 1);
    struct rp_buf out;

    if (size > 1 << 20 || !back) {
        free(back);
        return 0;
    }
    rp_buf_init(&out, 4 << 20);
    rp_gzip_compress(rp_slice((const char *)data, size), &out);
    rp_assert(out.error == 0);
    rp_assert(inflateInit2(&stream, 15 | 16) == Z_OK);
    stream.next_in = (const Bytef *)out.data;
    stream.avail_in = (unsigned)out.len;
    stream.next_out = back;
    stream.avail_out = (unsigned)size + 1;
    rp_assert(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    rp_assert(stream.avail_in == 0 && stream.avail_out == 1);
    rp_assert(memcmp(data, back, size) == 0);
    inflateEnd(&stream);
    rp_buf_deinit(&out);
    free(back);
    return 0;
}
