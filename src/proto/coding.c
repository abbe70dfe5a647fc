/* SPDX-License-Identifier: MIT */
#include "proto/coding.h"

#include <brotli/decode.h>
#include <string.h>
#define ZLIB_CONST /* it only reads its input */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/alloc.h"

/*
 * Each coding is a stage. The first one takes what came, each further one takes what the one before
 * it gives, and the last one gives the bytes of the body. A stage has one piece of output, which the
 * next one must have used up before the stage is stepped again.
 */

enum { PIECE = 32 * 1024, WINDOW_LOG_MAX = 23 /* RFC 9659 */, KEEP_MAX = 1 << 20 };

enum kind { GZIP, DEFLATE, BROTLI, ZSTD, KIND_COUNT };

struct stage {
    enum kind kind;
    struct rp_slice in; /* what it still has to take */
    char *out;          /* PIECE bytes; NULL before the first body */
    uint64_t given;
    bool has_more;  /* it may give more without taking anything */
    bool has_begun; /* it has taken something */
    bool has_ended; /* the data was complete with what it took last */
    /* Of deflate: the first two bytes tell which of its two forms it is. */
    char first[2];
    uint8_t first_count, first_taken;
    z_stream zlib;
    bool has_zlib; /* it is set up */
    /* Of the current body only: libbrotli (1.0.9) has no call that resets an instance, so
     * that each body allocates one. */
    BrotliDecoderState *brotli;
    ZSTD_DCtx *zstd;
};

struct rp_decoder {
    struct stage stages[RP_CODINGS_MAX];
    unsigned count, ratio_max;
    uint64_t taken;
    enum rp_coding_error error;
    enum kind error_kind;
    const char *reason;
};

static const char *const names[KIND_COUNT] = {
    [GZIP] = "gzip", [DEFLATE] = "deflate", [BROTLI] = "br", [ZSTD] = "zstd"
};

/* ---- names ----------------------------------------------------------------------------------- */

static int kind_of(struct rp_slice name)
{
    if (rp_slice_ieq(name, RP_SLICE("x-gzip")))
        return GZIP;
    for (int i = 0; i < KIND_COUNT; i++)
        if (rp_slice_ieq(name, rp_slice_str(names[i])))
            return i;
    return -1;
}

static void add(struct rp_codings *codings, struct rp_slice name)
{
    int kind = kind_of(name);

    if (!name.len || rp_slice_ieq(name, RP_SLICE("identity")))
        return;
    if (kind < 0 || codings->count == RP_CODINGS_MAX) {
        codings->is_unknown = true;
        return;
    }
    codings->kinds[codings->count++] = (uint8_t)kind;
}

void rp_codings_add(struct rp_codings *codings, struct rp_slice value)
{
    while (value.len) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.ptr) : value.len;

        add(codings, rp_slice_trim(rp_slice(value.ptr, len)));
        len += comma != NULL;
        value = rp_slice(value.ptr + len, value.len - len);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

struct rp_decoder *rp_decoder_new(void)
{
    return rp_calloc(1, sizeof(struct rp_decoder));
}

static void drop_zstd(struct stage *stage)
{
    ZSTD_freeDCtx(stage->zstd);
    stage->zstd = NULL;
}

static void drop_brotli(struct stage *stage)
{
    if (stage->brotli)
        BrotliDecoderDestroyInstance(stage->brotli);
    stage->brotli = NULL;
}

void rp_decoder_free(struct rp_decoder *decoder)
{
    if (!decoder)
        return;
    for (size_t i = 0; i < RP_CODINGS_MAX; i++) {
        struct stage *stage = &decoder->stages[i];

        if (stage->has_zlib)
            inflateEnd(&stage->zlib);
        drop_brotli(stage);
        drop_zstd(stage);
        rp_free(stage->out);
    }
    rp_free(decoder);
}

void rp_decoder_begin(struct rp_decoder *decoder, const struct rp_codings *codings,
                      unsigned ratio_max)
{
    decoder->count = codings->count;
    decoder->ratio_max = ratio_max;
    decoder->taken = 0;
    decoder->error = RP_CODING_OK;
    decoder->reason = NULL;
    for (unsigned i = 0; i < decoder->count; i++) {
        struct stage *stage = &decoder->stages[i];

        stage->kind = codings->kinds[decoder->count - 1 - i];
        stage->in = rp_slice(NULL, 0);
        stage->given = 0;
        stage->has_more = stage->has_begun = stage->has_ended = false;
        stage->first_count = stage->first_taken = 0;
        drop_brotli(stage);
    }
}

void rp_decoder_rest(struct rp_decoder *decoder)
{
    for (size_t i = 0; i < RP_CODINGS_MAX; i++) {
        drop_brotli(&decoder->stages[i]);
        if (decoder->stages[i].zstd && ZSTD_sizeof_DCtx(decoder->stages[i].zstd) > KEEP_MAX)
            drop_zstd(&decoder->stages[i]);
    }
}

enum rp_coding_error rp_decoder_error(const struct rp_decoder *decoder)
{
    return decoder->error;
}

const char *rp_decoder_coding(const struct rp_decoder *decoder)
{
    return names[decoder->error_kind];
}

const char *rp_decoder_reason(const struct rp_decoder *decoder)
{
    return decoder->reason;
}

/* ---- the codings ----------------------------------------------------------------------------- */

/* What a coding makes of a step. */
struct step {
    size_t given;
    const char *broken; /* why the data is none of its coding; NULL = it is */
    bool no_memory;
};

static void *zlib_alloc(void *unused, unsigned count, unsigned size)
{
    return rp_calloc(count, size);
}

static void zlib_free(void *unused, void *address)
{
    rp_free(address);
}

static bool start_zlib(struct stage *stage, int window_bits)
{
    if (stage->has_zlib)
        return inflateReset2(&stage->zlib, window_bits) == Z_OK;
    stage->zlib = (z_stream){ .zalloc = zlib_alloc, .zfree = zlib_free };
    stage->has_zlib = inflateInit2(&stage->zlib, window_bits) == Z_OK;
    return stage->has_zlib;
}

static struct step inflate_step(struct stage *stage, struct rp_slice *in)
{
    z_stream *zlib = &stage->zlib;
    int r;

    zlib->next_in = (const Bytef *)in->ptr;
    zlib->avail_in = (uInt)(in->len < UINT32_MAX ? in->len : UINT32_MAX);
    zlib->next_out = (Bytef *)stage->out;
    zlib->avail_out = PIECE;
    r = inflate(zlib, Z_NO_FLUSH);
    in->len -= (size_t)((const char *)zlib->next_in - in->ptr);
    in->ptr = (const char *)zlib->next_in;
    stage->has_ended = r == Z_STREAM_END;
    stage->has_more = !zlib->avail_out && !stage->has_ended;
    if (r == Z_MEM_ERROR)
        return (struct step){ .no_memory = true };
    if (r == Z_NEED_DICT)
        return (struct step){ .broken = "it needs a dictionary" };
    if (r == Z_DATA_ERROR || r == Z_STREAM_ERROR)
        return (struct step){ .broken = zlib->msg ? zlib->msg : "invalid data" };
    return (struct step){ .given = PIECE - zlib->avail_out };
}

/* A further member may follow (RFC 1952, 2.2). */
static struct step gzip_step(struct stage *stage)
{
    if (!stage->has_begun || stage->has_ended) {
        if (stage->has_ended && stage->in.ptr[0] != '\x1f')
            return (struct step){ .broken = "other bytes follow the data" };
        if (!start_zlib(stage, MAX_WBITS + 16))
            return (struct step){ .no_memory = true };
    }
    return inflate_step(stage, &stage->in);
}

static bool is_zlib_header(const char *first)
{
    unsigned a = (uint8_t)first[0], b = (uint8_t)first[1];

    return (a & 15) == Z_DEFLATED && (a * 256 + b) % 31 == 0;
}

static struct step deflate_step(struct stage *stage)
{
    struct rp_slice first;
    struct step step;

    if (stage->has_ended)
        return (struct step){ .broken = "other bytes follow the data" };
    if (stage->first_count < 2) {
        while (stage->first_count < 2 && stage->in.len) {
            stage->first[stage->first_count++] = *stage->in.ptr++;
            stage->in.len--;
        }
        if (stage->first_count < 2)
            return (struct step){ 0 };
        if (!start_zlib(stage, is_zlib_header(stage->first) ? MAX_WBITS : -MAX_WBITS))
            return (struct step){ .no_memory = true };
        stage->has_more = true;
    }
    if (stage->first_taken == 2)
        return inflate_step(stage, &stage->in);
    first = rp_slice(stage->first + stage->first_taken, 2u - stage->first_taken);
    step = inflate_step(stage, &first);
    stage->first_taken = (uint8_t)(2 - first.len);
    if (stage->has_ended && first.len)
        step.broken = "other bytes follow the data";
    stage->has_more |= first.len > 0;
    return step;
}

static void *brotli_alloc(void *unused, size_t size)
{
    return rp_alloc(size);
}

static struct step brotli_step(struct stage *stage)
{
    const uint8_t *next_in = (const uint8_t *)stage->in.ptr;
    uint8_t *next_out = (uint8_t *)stage->out;
    size_t avail_out = PIECE;
    BrotliDecoderResult r;

    if (stage->has_ended)
        return (struct step){ .broken = "other bytes follow the data" };
    if (!stage->brotli)
        stage->brotli = BrotliDecoderCreateInstance(brotli_alloc, zlib_free, NULL);
    if (!stage->brotli)
        return (struct step){ .no_memory = true };
    r = BrotliDecoderDecompressStream(stage->brotli, &stage->in.len, &next_in, &avail_out,
                                      &next_out, NULL);
    stage->in.ptr = (const char *)next_in;
    stage->has_ended = r == BROTLI_DECODER_RESULT_SUCCESS;
    stage->has_more = r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    if (r == BROTLI_DECODER_RESULT_ERROR) {
        BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(stage->brotli);

        if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
            code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES)
            return (struct step){ .no_memory = true };
        return (struct step){ .broken = "invalid data" };
    }
    return (struct step){ .given = PIECE - avail_out };
}

/* The library reads formats that are older than RFC 8878 too, and their frames begin otherwise. */
static bool begins_frame(char first)
{
    return first == '\x28' || (first & 0xf0) == 0x50;
}

/*
 * A further frame may follow. The first byte of a frame goes to the library alone: where the
 * library sees a whole frame at once it takes a shorter way with other checks, and the same data
 * would be right or wrong by the way the network cut it.
 */
static struct step zstd_step(struct stage *stage)
{
    bool is_first = !stage->has_begun || stage->has_ended;
    ZSTD_inBuffer in = { stage->in.ptr, is_first ? 1 : stage->in.len, 0 };
    ZSTD_outBuffer out = { stage->out, PIECE, 0 };
    size_t left;

    if (is_first && !begins_frame(stage->in.ptr[0]))
        return (struct step){ .broken = stage->has_ended ? "other bytes follow the data"
                                                         : "it does not begin as zstd does" };
    if (!stage->zstd) {
        stage->zstd = ZSTD_createDCtx();
        if (!stage->zstd)
            return (struct step){ .no_memory = true };
        (void)ZSTD_DCtx_setParameter(stage->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    }
    if (!stage->has_begun)
        (void)ZSTD_DCtx_reset(stage->zstd, ZSTD_reset_session_only);
    left = ZSTD_decompressStream(stage->zstd, &out, &in);
    stage->in = rp_slice(stage->in.ptr + in.pos, stage->in.len - in.pos);
    stage->has_ended = left == 0;
    stage->has_more = out.pos == out.size && left != 0;
    if (ZSTD_isError(left))
        return (struct step){ .no_memory = ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation,
                              .broken = ZSTD_getErrorName(left) };
    return (struct step){ .given = out.pos };
}

/* ---- the row of them ------------------------------------------------------------------------- */

static enum rp_coding_event fail(struct rp_decoder *decoder, const struct stage *stage,
                                 enum rp_coding_error error, const char *reason)
{
    decoder->error = error;
    decoder->error_kind = stage->kind;
    decoder->reason = reason;
    return RP_CODING_ERROR;
}

static bool gives_too_much(const struct rp_decoder *decoder, const struct stage *stage)
{
    return decoder->ratio_max && stage->given > RP_CODING_FREE &&
           stage->given / decoder->ratio_max > decoder->taken;
}

/* Lets a stage take and give something. False after an error. */
static bool run_stage(struct rp_decoder *decoder, struct stage *stage, struct rp_slice *ret)
{
    static struct step (*const steps[KIND_COUNT])(struct stage *) = {
        [GZIP] = gzip_step, [DEFLATE] = deflate_step, [BROTLI] = brotli_step, [ZSTD] = zstd_step
    };
    struct step step = { .no_memory = true };

    if (!stage->out)
        stage->out = rp_alloc(PIECE);
    if (stage->out)
        step = steps[stage->kind](stage);
    stage->has_begun = true;
    stage->given += step.given;
    if (step.no_memory)
        fail(decoder, stage, RP_CODING_NO_MEMORY, "there is no memory");
    else if (step.broken)
        fail(decoder, stage, RP_CODING_BROKEN, step.broken);
    else if (gives_too_much(decoder, stage))
        fail(decoder, stage, RP_CODING_TOO_MANY, "too many bytes stand for one");
    *ret = rp_slice(stage->out, step.given);
    return !decoder->error;
}

enum rp_coding_event rp_decoder_run(struct rp_decoder *decoder, struct rp_slice *input,
                                    struct rp_slice *ret_bytes)
{
    unsigned at = decoder->count - 1;

    if (decoder->error)
        return RP_CODING_ERROR;
    for (;;) {
        struct stage *stage = &decoder->stages[at];

        if (at == 0 && !stage->in.len && input->len) {
            stage->in = *input;
            decoder->taken += input->len;
            *input = rp_slice(input->ptr + input->len, 0);
        }
        if (!stage->in.len && !stage->has_more) {
            if (at == 0)
                return RP_CODING_MORE;
            at--;
            continue;
        }
        if (!run_stage(decoder, stage, ret_bytes))
            return RP_CODING_ERROR;
        if (!ret_bytes->len)
            continue;
        if (++at == decoder->count)
            return RP_CODING_BYTES;
        decoder->stages[at].in = *ret_bytes;
    }
}

bool rp_decoder_end(struct rp_decoder *decoder)
{
    if (decoder->error)
        return false;
    for (unsigned i = 0; i < decoder->count; i++) {
        struct stage *stage = &decoder->stages[i];

        if (stage->has_begun && !stage->has_ended) {
            fail(decoder, stage, RP_CODING_BROKEN, "the data is cut off");
            return false;
        }
    }
    return true;
}
