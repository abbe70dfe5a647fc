/* SPDX-License-Identifier: MIT */

/* Content codings, against what the encoders of the libraries make. */

#include "proto/coding.h"

#include <brotli/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { TEXT = 50000, OUT_MAX = 64 << 20 };

/* ---- encoders -------------------------------------------------------------------------------- */

static void deflate_with(struct rp_buf *out, struct rp_slice in, int window_bits)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.ptr, .avail_in = (uInt)in.len };
    char piece[4096];
    int r = Z_OK;

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    while (r == Z_OK) {
        z.next_out = (Bytef *)piece;
        z.avail_out = sizeof(piece);
        r = deflate(&z, Z_FINISH);
        rp_buf_append(out, piece, sizeof(piece) - z.avail_out);
    }
    assert_int_equal(r, Z_STREAM_END);
    deflateEnd(&z);
}

static void encode_gzip(struct rp_buf *out, struct rp_slice in)
{
    deflate_with(out, in, MAX_WBITS + 16);
}

static void encode_zlib(struct rp_buf *out, struct rp_slice in)
{
    deflate_with(out, in, MAX_WBITS);
}

static void encode_naked(struct rp_buf *out, struct rp_slice in)
{
    deflate_with(out, in, -MAX_WBITS);
}

static void encode_brotli(struct rp_buf *out, struct rp_slice in)
{
    size_t len = BrotliEncoderMaxCompressedSize(in.len) + 64;

    assert_int_equal(rp_buf_reserve(out, len), 0);
    assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, in.len,
                                      (const uint8_t *)(in.len ? in.ptr : ""), &len,
                                      (uint8_t *)out->data));
    out->len = len;
}

static void encode_zstd(struct rp_buf *out, struct rp_slice in)
{
    assert_int_equal(rp_buf_reserve(out, ZSTD_compressBound(in.len)), 0);
    out->len = ZSTD_compress(out->data, ZSTD_compressBound(in.len), in.ptr, in.len, 3);
    assert_false(ZSTD_isError(out->len));
}

static const struct coding {
    const char *name;
    void (*encode)(struct rp_buf *out, struct rp_slice in);
} codings[] = {
    { "gzip", encode_gzip },     { "x-GZip", encode_gzip }, { "deflate", encode_zlib },
    { "deflate", encode_naked }, { "br", encode_brotli },   { "zstd", encode_zstd },
};

/* Text that compresses, but not to nothing. */
static struct rp_slice text_of(struct rp_buf *buf, size_t len)
{
    unsigned seed = 1;

    rp_buf_init(buf, OUT_MAX);
    while (buf->len < len) {
        seed = seed * 1103515245 + 12345;
        rp_buf_appendf(buf, "{\"id\": %u, \"name\": \"user\"},", seed >> 20);
    }
    buf->len = len;
    return rp_buf_slice(buf);
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* The error, or RP_CODING_OK. @piece: bytes that come at a time; 0 = all at once. */
static enum rp_coding_error decode(struct rp_decoder *decoder, const char *names,
                                   struct rp_slice in, size_t piece, unsigned ratio_max,
                                   struct rp_buf *out)
{
    struct rp_codings row = { 0 };
    struct rp_slice bytes;

    rp_codings_add(&row, rp_slice_str(names));
    assert_false(row.is_unknown);
    rp_decoder_begin(decoder, &row, ratio_max);
    while (in.len) {
        struct rp_slice part = rp_slice(in.ptr, piece && piece < in.len ? piece : in.len);

        in = rp_slice(in.ptr + part.len, in.len - part.len);
        for (;;) {
            enum rp_coding_event event = rp_decoder_run(decoder, &part, &bytes);

            if (event == RP_CODING_ERROR)
                return rp_decoder_error(decoder);
            if (event == RP_CODING_MORE)
                break;
            assert_true(bytes.len > 0);
            rp_buf_append_slice(out, bytes);
        }
        assert_int_equal(part.len, 0);
    }
    return rp_decoder_end(decoder) ? RP_CODING_OK : rp_decoder_error(decoder);
}

static void assert_decodes(struct rp_decoder *decoder, const char *names, struct rp_slice in,
                           size_t piece, struct rp_slice wanted)
{
    struct rp_buf out;

    rp_buf_init(&out, OUT_MAX);
    assert_int_equal(decode(decoder, names, in, piece, 200, &out), RP_CODING_OK);
    assert_int_equal(out.len, wanted.len);
    if (wanted.len)
        assert_memory_equal(out.data, wanted.ptr, wanted.len);
    rp_buf_deinit(&out);
}

static void assert_fails(struct rp_decoder *decoder, const char *names, struct rp_slice in,
                         const char *coding, const char *reason)
{
    static const size_t pieces[] = { 0, 1, 7 };
    struct rp_buf out;

    rp_buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(pieces); i++) {
        assert_int_equal(decode(decoder, names, in, pieces[i], 200, &out), RP_CODING_BROKEN);
        assert_string_equal(rp_decoder_coding(decoder), coding);
        assert_non_null(rp_decoder_reason(decoder));
        if (reason)
            assert_string_equal(rp_decoder_reason(decoder), reason);
    }
    rp_buf_deinit(&out);
}

static void test_each_coding_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 100, TEXT }, pieces[] = { 0, 1, 2, 3, 1000 };
    struct rp_decoder *decoder = rp_decoder_new(); /* one for all: nothing is left of the last */
    struct rp_buf text, coded;

    for (size_t i = 0; i < RP_ARRAY_LEN(codings); i++)
        for (size_t s = 0; s < RP_ARRAY_LEN(sizes); s++) {
            struct rp_slice plain = text_of(&text, sizes[s]);

            rp_buf_init(&coded, OUT_MAX);
            codings[i].encode(&coded, plain);
            for (size_t p = 0; p < RP_ARRAY_LEN(pieces); p++)
                assert_decodes(decoder, codings[i].name, rp_buf_slice(&coded), pieces[p], plain);
            rp_decoder_rest(decoder);
            rp_buf_deinit(&coded);
            rp_buf_deinit(&text);
        }
    rp_decoder_free(decoder);
}

static void test_codings_in_a_row(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf text, one, two, three;
    struct rp_slice plain = text_of(&text, TEXT);

    for (size_t i = 0; i < RP_ARRAY_LEN(codings); i++)
        for (size_t k = 0; k < RP_ARRAY_LEN(codings); k++) {
            char names[64];

            snprintf(names, sizeof(names), "\t %s ,,identity, %s,gzip ", codings[i].name,
                     codings[k].name);
            rp_buf_init(&one, OUT_MAX);
            rp_buf_init(&two, OUT_MAX);
            rp_buf_init(&three, OUT_MAX);
            codings[i].encode(&one, plain);
            codings[k].encode(&two, rp_buf_slice(&one));
            encode_gzip(&three, rp_buf_slice(&two));
            assert_decodes(decoder, names, rp_buf_slice(&three), 0, plain);
            assert_decodes(decoder, names, rp_buf_slice(&three), 1, plain);
            rp_buf_deinit(&one);
            rp_buf_deinit(&two);
            rp_buf_deinit(&three);
        }
    rp_buf_deinit(&text);
    rp_decoder_free(decoder);
}

static void test_what_is_cut_off_or_followed(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf text, coded;
    struct rp_slice plain = text_of(&text, 300);

    for (size_t i = 0; i < RP_ARRAY_LEN(codings); i++) {
        const char *name = codings[i].encode == encode_gzip ? "gzip" : codings[i].name;

        rp_buf_init(&coded, OUT_MAX);
        codings[i].encode(&coded, plain);
        for (size_t len = 1; len < coded.len; len++)
            assert_fails(decoder, name, rp_slice(coded.data, len), name, "the data is cut off");
        rp_buf_append_str(&coded, "zz");
        assert_fails(decoder, name, rp_buf_slice(&coded), name, "other bytes follow the data");
        rp_buf_deinit(&coded);
    }
    rp_buf_deinit(&text);
    rp_decoder_free(decoder);
}

static void test_members_and_frames_follow_each_other(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf coded;

    rp_buf_init(&coded, OUT_MAX);
    encode_gzip(&coded, RP_SLICE("one "));
    encode_gzip(&coded, RP_SLICE("two"));
    for (size_t piece = 0; piece < 40; piece++)
        assert_decodes(decoder, "gzip", rp_buf_slice(&coded), piece, RP_SLICE("one two"));
    rp_buf_reset(&coded);
    encode_zstd(&coded, RP_SLICE("one "));
    {
        struct rp_buf more;

        rp_buf_init(&more, OUT_MAX);
        encode_zstd(&more, RP_SLICE("two"));
        rp_buf_append_slice(&coded, rp_buf_slice(&more));
        rp_buf_deinit(&more);
    }
    for (size_t piece = 0; piece < 40; piece++)
        assert_decodes(decoder, "zstd", rp_buf_slice(&coded), piece, RP_SLICE("one two"));
    rp_buf_deinit(&coded);
    rp_decoder_free(decoder);
}

static void test_broken_data(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf text, coded;

    assert_fails(decoder, "gzip", RP_SLICE("no gzip at all"), "gzip", "incorrect header check");
    assert_fails(decoder, "zstd", RP_SLICE("no zstd at all"), "zstd",
                 "it does not begin as zstd does");
    assert_fails(decoder, "br", RP_SLICE("\xff\xff\xff\xff\xff\xff"), "br", NULL);
    assert_fails(decoder, "deflate", RP_SLICE("\xff\xff\xff\xff"), "deflate", NULL);
    assert_fails(decoder, "deflate", RP_SLICE("\x78\xbb\x01\x02\x03\x04\x05"), "deflate",
                 "it needs a dictionary");
    rp_buf_init(&coded, OUT_MAX);
    encode_gzip(&coded, text_of(&text, 300));
    coded.data[coded.len - 6] ^= 1; /* of its check sum */
    assert_fails(decoder, "gzip", rp_buf_slice(&coded), "gzip", "incorrect data check");
    rp_buf_reset(&coded);
    encode_gzip(&coded, RP_SLICE("\xff\xff\xff\xff\xff\xff"));
    assert_fails(decoder, "br, gzip", rp_buf_slice(&coded), "br", NULL);
    rp_buf_deinit(&coded);
    rp_buf_deinit(&text);
    rp_decoder_free(decoder);
}

static void test_names_that_are_unknown(void **state)
{
    static const char *const unknown[] = { "compress", "gzip, foo", "gzip;q=1", "g zip",
                                           "gzip,gzip,gzip,gzip,gzip,gzip" };

    for (size_t i = 0; i < RP_ARRAY_LEN(unknown); i++) {
        struct rp_codings row = { 0 };

        rp_codings_add(&row, rp_slice_str(unknown[i]));
        assert_true(row.is_unknown);
    }
    {
        struct rp_codings row = { 0 };

        rp_codings_add(&row, RP_SLICE(" , identity,"));
        assert_false(row.is_unknown);
        assert_int_equal(row.count, 0);
    }
}

/* Zeros are what a bomb is made of. Short ones pass. */
static void test_a_few_bytes_for_very_many(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf coded, twice, out;
    char *zeros = calloc(1, 20 << 20);

    assert_non_null(zeros);
    rp_buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(codings); i++) {
        rp_buf_init(&coded, OUT_MAX);
        codings[i].encode(&coded, rp_slice(zeros, 20 << 20));
        rp_buf_reset(&out);
        assert_int_equal(decode(decoder, codings[i].name, rp_buf_slice(&coded), 0, 200, &out),
                         RP_CODING_TOO_MANY);
        assert_true(out.len <= RP_CODING_FREE + (1 << 20) * 4);
        rp_buf_reset(&out);
        assert_int_equal(decode(decoder, codings[i].name, rp_buf_slice(&coded), 0, 0, &out),
                         RP_CODING_OK);
        assert_int_equal(out.len, 20 << 20);
        rp_buf_deinit(&coded);
        rp_buf_init(&coded, OUT_MAX);
        codings[i].encode(&coded, rp_slice(zeros, RP_CODING_FREE));
        assert_decodes(decoder, codings[i].name, rp_buf_slice(&coded), 0,
                       rp_slice(zeros, RP_CODING_FREE));
        rp_buf_deinit(&coded);
    }
    /* One in the other: the inner data is a bomb too. */
    rp_buf_init(&coded, OUT_MAX);
    rp_buf_init(&twice, OUT_MAX);
    encode_gzip(&coded, rp_slice(zeros, 20 << 20));
    encode_gzip(&twice, rp_buf_slice(&coded));
    rp_buf_reset(&out);
    assert_int_equal(decode(decoder, "gzip, gzip", rp_buf_slice(&twice), 0, 200, &out),
                     RP_CODING_TOO_MANY);
    rp_buf_deinit(&twice);
    rp_buf_deinit(&coded);
    rp_buf_deinit(&out);
    free(zeros);
    rp_decoder_free(decoder);
}

/* A window of more than 8 MiB is not for HTTP (RFC 9659): it would be the server that decides how much
 * memory the client needs. */
static void test_a_window_that_is_too_large(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    struct rp_buf text, coded;
    struct rp_slice plain = text_of(&text, TEXT);
    ZSTD_inBuffer in = { plain.ptr, plain.len, 0 };
    ZSTD_outBuffer out;

    rp_buf_init(&coded, OUT_MAX);
    assert_int_equal(rp_buf_reserve(&coded, TEXT), 0);
    out = (ZSTD_outBuffer){ coded.data, TEXT, 0 };
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 24);
    assert_false(ZSTD_isError(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_flush)));
    assert_int_equal(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_end), 0);
    assert_fails(decoder, "zstd", rp_slice(coded.data, out.pos), "zstd",
                 "Frame requires too much memory for decoding");
    ZSTD_freeCCtx(zstd);
    rp_buf_deinit(&coded);
    rp_buf_deinit(&text);
    rp_decoder_free(decoder);
}

static void test_without_memory(void **state)
{
    struct rp_buf text, coded, out;
    struct rp_slice plain = text_of(&text, 300);

    rp_buf_init(&out, OUT_MAX);
    assert_int_equal(rp_buf_reserve(&out, 4096), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(codings); i++) {
        enum rp_coding_error error = RP_CODING_NO_MEMORY;

        rp_buf_init(&coded, OUT_MAX);
        codings[i].encode(&coded, plain);
        for (uint64_t n = 1; error == RP_CODING_NO_MEMORY; n++) {
            struct rp_decoder *decoder = rp_decoder_new();

            assert_true(n < 100);
            rp_buf_reset(&out);
            rp_alloc_fail_at(n);
            error = decode(decoder, codings[i].name, rp_buf_slice(&coded), 0, 200, &out);
            rp_alloc_fail_at(0);
            rp_decoder_free(decoder);
        }
        assert_int_equal(error, RP_CODING_OK);
        rp_buf_deinit(&coded);
    }
    rp_buf_deinit(&out);
    rp_buf_deinit(&text);
}

/* In the steady state a body allocates nothing. Brotli's state is the exception: it cannot be used
 * again. */
static void test_memory_is_used_again(void **state)
{
    struct rp_decoder *decoder = rp_decoder_new();
    struct rp_buf text, coded, out;
    struct rp_slice plain = text_of(&text, 300);

    rp_buf_init(&out, OUT_MAX);
    assert_int_equal(rp_buf_reserve(&out, 4096), 0);
    rp_buf_init(&coded, OUT_MAX);
    encode_gzip(&coded, plain);
    for (int i = 0; i < 3; i++) {
        uint64_t before = rp_alloc_count();

        rp_buf_reset(&out);
        assert_int_equal(decode(decoder, "gzip", rp_buf_slice(&coded), 0, 200, &out), RP_CODING_OK);
        rp_decoder_rest(decoder);
        assert_true(i == 0 || rp_alloc_count() == before);
    }
    rp_buf_deinit(&coded);
    rp_buf_deinit(&out);
    rp_buf_deinit(&text);
    rp_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_coding_in_pieces_of_any_size),
        cmocka_unit_test(test_codings_in_a_row),
        cmocka_unit_test(test_what_is_cut_off_or_followed),
        cmocka_unit_test(test_members_and_frames_follow_each_other),
        cmocka_unit_test(test_broken_data),
        cmocka_unit_test(test_names_that_are_unknown),
        cmocka_unit_test(test_a_few_bytes_for_very_many),
        cmocka_unit_test(test_a_window_that_is_too_large),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_memory_is_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
