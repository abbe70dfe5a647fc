/* SPDX-License-Identifier: MIT */
/*
 * HdrHistogram's V2 encoding. With three significant digits its array of counts has 2048 cells of
 * width one, then 1024 cells for each further power of two. So from 1024 up its cells are our
 * buckets, at a constant distance.
 *
 * The text is a header of 40 bytes, big-endian, and the counts from cell 0 to the last cell that is
 * not empty. Each count is a zig-zag LEB128 number of at most 9 bytes; a negative number stands for
 * so many empty cells.
 */
#include "stats/hist.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "stats/stats_internal.h"

enum {
    HEADER_BYTES = 40,
    COOKIE = 0x1c849303 | 0x10,
    DIGITS = 3,
    CELL_OFFSET = (1023 + 9) * 1024,   /* from our bucket of 1024 to cell 1024 */
    LAST_CELL = (62 - 9) * 1024 + 1023 /* of INT64_MAX */
};

struct encoder {
    struct rp_buf *out;
    uint32_t next;    /* the first cell not written yet */
    uint32_t pending; /* the cell that @count is for */
    uint64_t count;
};

static void put_be(char *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        out[i] = (char)(value & 0xff);
}

static void put_number(struct rp_buf *out, int64_t number)
{
    uint64_t rest = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    char bytes[9];
    size_t len = 0;

    while (rest > 0x7f && len < 8) {
        bytes[len++] = (char)(rest | 0x80);
        rest >>= 7;
    }
    bytes[len++] = (char)rest; /* the ninth byte has eight bits */
    rp_buf_append(out, bytes, len);
}

static void flush(struct encoder *encoder)
{
    uint32_t gap = encoder->pending - encoder->next;

    if (!encoder->count)
        return;
    if (gap)
        put_number(encoder->out, gap == 1 ? 0 : -(int64_t)gap);
    put_number(encoder->out, encoder->count > INT64_MAX ? INT64_MAX : (int64_t)encoder->count);
    encoder->next = encoder->pending + 1;
    encoder->count = 0;
}

static uint32_t cell_of(int32_t bucket)
{
    double middle;

    if (bucket <= 0)
        return 0;
    if (bucket < CELL_OFFSET + 1024) {
        middle = rp_hist_bucket_middle((uint32_t)bucket, 1);
        return (uint32_t)(middle + 0.5);
    }
    return bucket - CELL_OFFSET < LAST_CELL ? (uint32_t)bucket - CELL_OFFSET : LAST_CELL;
}

/* The largest integer that falls into @cell. */
static int64_t cell_highest(uint32_t cell)
{
    uint32_t shift = cell < 2048 ? 0 : cell / 1024 - 1;

    return cell < 2048 ? cell : (int64_t)((((uint64_t)cell % 1024 + 1025) << shift) - 1);
}

int rp_hist_encode_hdr(const struct rp_hist *hist, struct rp_buf *out)
{
    static const char blank[HEADER_BYTES];
    struct encoder encoder = { .out = out };
    size_t start = out->len;
    struct rp_hist_iter iter;
    int64_t highest;
    char *header;

    rp_buf_append(out, blank, sizeof(blank));
    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        uint32_t cell = cell_of(iter.bucket);

        if (cell != encoder.pending)
            flush(&encoder);
        encoder.pending = cell;
        encoder.count += iter.count;
    }
    flush(&encoder);
    if (out->error)
        return out->error;
    highest = cell_highest(encoder.pending);
    header = out->data + start;
    put_be(header, COOKIE, 4);
    put_be(header + 4, out->len - start - HEADER_BYTES, 4);
    put_be(header + 8, 0, 4); /* normalizing index offset */
    put_be(header + 12, DIGITS, 4);
    put_be(header + 16, 1, 8);                                     /* lowest discernible value */
    put_be(header + 24, (uint64_t)(highest < 2 ? 2 : highest), 8); /* twice the lowest at least */
    put_be(header + 32, 0x3ff0000000000000, 8);                    /* conversion ratio 1.0 */
    return 0;
}
