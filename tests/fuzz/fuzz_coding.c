/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/coding.h"

/*
 * What comes in pieces must be decoded as what comes at once: the same bytes, or an error in both. A decoder that has
 * been used must do the same as a new one.
 */

enum { OUT_MAX = 1 << 20 };

struct outcome {
    char *bytes;
    size_t len;
    bool is_whole, is_large; /* too large to be looked at */
};

static const char *const rows[] = {
    "gzip", "deflate", "br", "zstd", "gzip, gzip", "deflate, br", "zstd, deflate", "br, zstd, gzip",
};

static void run(struct rp_decoder *decoder, const char *row, const uint8_t *data, size_t size,
                size_t piece, struct outcome *out)
{
    struct rp_codings codings = { 0 };
    enum rp_coding_event event = RP_CODING_MORE;
    struct rp_slice bytes;

    rp_codings_add(&codings, rp_slice_str(row));
    rp_decoder_begin(decoder, &codings, 0);
    out->len = 0;
    out->is_whole = out->is_large = false;
    for (size_t at = 0; at < size && event != RP_CODING_ERROR;) {
        size_t len = piece && piece < size - at ? piece : size - at;
        struct rp_slice input = rp_slice((const char *)data + at, len);

        at += len;
        while ((event = rp_decoder_run(decoder, &input, &bytes)) == RP_CODING_BYTES) {
            rp_assert(bytes.len > 0);
            out->is_large = bytes.len > OUT_MAX - out->len;
            if (out->is_large)
                return;
            memcpy(out->bytes + out->len, bytes.ptr, bytes.len);
            out->len += bytes.len;
        }
        rp_assert(event == RP_CODING_ERROR || input.len == 0);
    }
    out->is_whole = rp_decoder_end(decoder);
    rp_assert(out->is_whole || (rp_decoder_reason(decoder) && rp_decoder_coding(decoder)));
}

int rp_fuzz_coding(const uint8_t *data, size_t size)
{
    struct rp_decoder *first = rp_decoder_new();
    struct outcome whole = { .bytes = malloc(OUT_MAX) }, parts = { .bytes = malloc(OUT_MAX) };
    const char *row = size ? rows[data[0] % (sizeof(rows) / sizeof(rows[0]))] : rows[0];
    size_t piece = size > 1 ? (size_t)1 + data[1] % 64 : 1;

    rp_assert(first && whole.bytes && parts.bytes);
    if (size > 2) {
        run(first, row, data + 2, size - 2, 0, &whole);
        run(first, row, data + 2, size - 2, piece, &parts);
        if (!whole.is_large && !parts.is_large) {
            rp_assert(whole.is_whole == parts.is_whole);
            rp_assert(!whole.is_whole ||
                      (whole.len == parts.len && memcmp(whole.bytes, parts.bytes, whole.len) == 0));
        }
    }
    rp_decoder_free(first);
    free(whole.bytes);
    free(parts.bytes);
    return 0;
}
