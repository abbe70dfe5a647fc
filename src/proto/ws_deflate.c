/* SPDX-License-Identifier: MIT */
#include "proto/ws_deflate.h"

#include <errno.h>
#include <string.h>
#define ZLIB_CONST /* it only reads its input */
#include <zlib.h>

#include "base/alloc.h"
#include "proto/coding.h"

enum {
    STEP = 4096, /* bytes of output for which room is made at once, at least */
    TAIL = 4,
    WINDOW = 1 << RP_WS_BITS_MAX,
    LEVEL = 1, /* quickly, not to the last byte */
    MEM_LEVEL = 8,
};

/* What a message ends with and what is not sent (RFC 7692, 7.2.1): an empty block that is stored. */
static const char tail[TAIL] = { 0, 0, '\xff', '\xff' };

struct rp_ws_deflate {
    struct rp_ws_compressor own; /* when the window is kept */
    bool our_no_context, peer_no_context;
    uint8_t our_bits, peer_bits;
    bool has_inflater; /* inflater is set up */
    unsigned ratio_max;
    uint64_t taken, given; /* of the message under way */
    z_stream inflater;
};

static void *take_memory(void *opaque, unsigned count, unsigned size)
{
    return rp_calloc(count, size);
}

static void give_memory(void *opaque, void *memory)
{
    rp_free(memory);
}

struct rp_ws_deflate *rp_ws_deflate_new(const struct rp_ws_deflate_terms *terms, bool is_server,
                                        unsigned ratio_max)
{
    struct rp_ws_deflate *deflate = rp_calloc(1, sizeof(*deflate));

    if (!deflate)
        return NULL;
    deflate->our_no_context = is_server ? terms->server_no_context : terms->client_no_context;
    deflate->peer_no_context = is_server ? terms->client_no_context : terms->server_no_context;
    deflate->our_bits = is_server ? terms->server_bits : terms->client_bits;
    deflate->peer_bits = is_server ? terms->client_bits : terms->server_bits;
    deflate->ratio_max = ratio_max;
    return deflate;
}

static void drop_inflater(struct rp_ws_deflate *deflate)
{
    if (deflate->has_inflater)
        inflateEnd(&deflate->inflater);
    deflate->has_inflater = false;
}

void rp_ws_deflate_free(struct rp_ws_deflate *deflate)
{
    if (!deflate)
        return;
    rp_ws_compressor_deinit(&deflate->own);
    drop_inflater(deflate);
    rp_free(deflate);
}

/* ---- decompressing ---------------------------------------------------------------------------- */

static bool set_up_inflater(struct rp_ws_deflate *deflate)
{
    if (deflate->has_inflater)
        return true;
    deflate->inflater = (z_stream){ .zalloc = take_memory, .zfree = give_memory };
    deflate->has_inflater = inflateInit2(&deflate->inflater, -deflate->peer_bits) == Z_OK;
    return deflate->has_inflater;
}

/* The peer has marked a block as the last one. Others may follow, which may refer to what came before
 * (RFC 7692, 7.2.3.4): zlib begins anew with the same window. */
static enum rp_ws_inflated go_on_after_last_block(z_stream *inflater)
{
    unsigned len = 0;
    Bytef *window = rp_alloc(WINDOW);
    bool is_good = window && inflateGetDictionary(inflater, window, &len) == Z_OK &&
                   inflateReset(inflater) == Z_OK &&
                   (!len || inflateSetDictionary(inflater, window, len) == Z_OK);

    rp_free(window);
    return is_good ? RP_WS_INFLATED : RP_WS_INFLATE_NO_MEMORY;
}

static bool is_over_ratio(const struct rp_ws_deflate *deflate)
{
    return deflate->ratio_max && deflate->given > RP_CODING_FREE &&
           deflate->given / deflate->ratio_max > deflate->taken;
}

/* One step: as many bytes as there is room for. *@ret_goes_on: there may be more. */
static enum rp_ws_inflated step(struct rp_ws_deflate *deflate, struct rp_buf *out,
                                bool *ret_goes_on)
{
    z_stream *inflater = &deflate->inflater;
    size_t most = out->max - out->len, room = STEP < most ? STEP : most;
    Bytef beyond; /* where what is too much goes */
    size_t given;
    int r;

    if (rp_buf_reserve(out, room) < 0)
        return RP_WS_INFLATE_NO_MEMORY;
    if (room) /* all that the buffer has */
        room = out->cap - 1 - out->len < most ? out->cap - 1 - out->len : most;
    if (room > UINT32_MAX)
        room = UINT32_MAX;
    inflater->next_out = room ? (Bytef *)out->data + out->len : &beyond;
    inflater->avail_out = room ? (uInt)room : 1;
    r = inflate(inflater, Z_SYNC_FLUSH);
    given = (room ? room : 1) - inflater->avail_out;
    inflater->next_out = NULL;
    if (given && !room)
        return RP_WS_INFLATE_TOO_LARGE;
    if (given) {
        out->len += given;
        out->data[out->len] = '\0';
    }
    deflate->given += given;
    *ret_goes_on = inflater->avail_in || !inflater->avail_out;
    if (r == Z_STREAM_END)
        return go_on_after_last_block(inflater);
    if (r == Z_MEM_ERROR)
        return RP_WS_INFLATE_NO_MEMORY;
    /* Z_BUF_ERROR: it wants more input. */
    return r == Z_OK || r == Z_BUF_ERROR ? RP_WS_INFLATED : RP_WS_INFLATE_BROKEN;
}

enum rp_ws_inflated rp_ws_inflate(struct rp_ws_deflate *deflate, struct rp_slice bytes,
                                  struct rp_buf *out)
{
    enum rp_ws_inflated result = RP_WS_INFLATED;
    bool goes_on = bytes.len > 0;

    if (goes_on && !set_up_inflater(deflate))
        return RP_WS_INFLATE_NO_MEMORY;
    while (goes_on && result == RP_WS_INFLATED) {
        /* zlib counts in 32 bits; the pieces of a connection are small. */
        unsigned piece = bytes.len < UINT32_MAX ? (unsigned)bytes.len : UINT32_MAX;

        deflate->inflater.next_in = (const Bytef *)bytes.ptr;
        deflate->inflater.avail_in = piece;
        result = step(deflate, out, &goes_on);
        piece -= deflate->inflater.avail_in;
        deflate->taken += piece;
        bytes = rp_slice(bytes.ptr + piece, bytes.len - piece);
        goes_on |= bytes.len > 0;
        if (result == RP_WS_INFLATED && is_over_ratio(deflate))
            result = RP_WS_INFLATE_TOO_MANY;
    }
    return result;
}

/* zlib says so in data_type: 128 = it stands between two blocks, the lowest bits = those of the last
 * byte that are not yet used. */
static bool is_between_blocks(const z_stream *inflater)
{
    return (inflater->data_type & 128) && !(inflater->data_type & 7);
}

enum rp_ws_inflated rp_ws_inflate_end(struct rp_ws_deflate *deflate, struct rp_buf *out)
{
    /* A message without any byte is taken for an empty one. */
    enum rp_ws_inflated result = deflate->taken ? rp_ws_inflate(deflate, rp_slice(tail, TAIL), out)
                                                : RP_WS_INFLATED;

    if (result == RP_WS_INFLATED && deflate->taken && !is_between_blocks(&deflate->inflater))
        result = RP_WS_INFLATE_BROKEN;
    deflate->taken = deflate->given = 0;
    if (deflate->peer_no_context)
        drop_inflater(deflate);
    return result;
}

/* ---- compressing ------------------------------------------------------------------------------ */

void rp_ws_compressor_deinit(struct rp_ws_compressor *compressor)
{
    if (compressor->zlib)
        deflateEnd(compressor->zlib);
    rp_free(compressor->zlib);
    *compressor = (struct rp_ws_compressor){ 0 };
}

/* Makes it for a window of @bits. zlib knows none of 8 bits for data without a header; that of 9 bits
 * refers to the last 250 bytes only, which is within a window of 8. */
static z_stream *set_up_compressor(struct rp_ws_compressor *compressor, uint8_t bits)
{
    z_stream *zlib;

    if (compressor->bits == bits)
        return compressor->zlib;
    rp_ws_compressor_deinit(compressor);
    zlib = rp_alloc(sizeof(*zlib));
    if (!zlib)
        return NULL;
    *zlib = (z_stream){ .zalloc = take_memory, .zfree = give_memory };
    if (deflateInit2(zlib, LEVEL, Z_DEFLATED, bits > 8 ? -bits : -9, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        rp_free(zlib);
        return NULL;
    }
    compressor->zlib = zlib;
    compressor->bits = bits;
    return zlib;
}

/* All of @message, up to the end of a block. */
static int compress_to(z_stream *zlib, struct rp_slice message, struct rp_buf *out)
{
    zlib->next_in = (const Bytef *)message.ptr;
    do {
        unsigned piece = message.len < UINT32_MAX ? (unsigned)message.len : UINT32_MAX;
        size_t room;

        zlib->avail_in = piece;
        if (rp_buf_reserve(out, STEP) < 0)
            return out->error;
        room = out->cap - 1 - out->len < out->max - out->len ? out->cap - 1 - out->len
                                                             : out->max - out->len;
        room = room < UINT32_MAX ? room : UINT32_MAX;
        zlib->next_out = (Bytef *)out->data + out->len;
        zlib->avail_out = (uInt)room;
        if (deflate(zlib, piece == message.len ? Z_SYNC_FLUSH : Z_NO_FLUSH) == Z_STREAM_ERROR)
            return -EINVAL;
        out->len += room - zlib->avail_out;
        piece -= zlib->avail_in;
        message = rp_slice(message.ptr + piece, message.len - piece);
    } while (message.len || !zlib->avail_out);
    return 0;
}

int rp_ws_compress(struct rp_ws_deflate *deflate, struct rp_ws_compressor *shared,
                   struct rp_slice message, struct rp_buf *out)
{
    struct rp_ws_compressor *compressor = deflate->our_no_context ? shared : &deflate->own;
    size_t before = out->len;
    z_stream *zlib;
    int r;

    if (!message.len) { /* an empty block; the rest of it is the tail */
        r = rp_buf_reserve(out, 1);
        if (r == 0)
            rp_buf_append(out, "", 1);
        return r;
    }
    zlib = set_up_compressor(compressor, deflate->our_bits);
    if (!zlib)
        return -ENOMEM;
    r = compress_to(zlib, message, out);
    if (r < 0) {
        /* The peer will not have these bytes in its window. */
        deflateReset(zlib);
        out->len = before;
        out->error = 0;
        return r;
    }
    if (deflate->our_no_context)
        deflateReset(zlib);
    out->len -= TAIL;
    out->data[out->len] = '\0';
    return 0;
}
