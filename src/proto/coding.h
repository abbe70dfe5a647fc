/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/coding.h - undoes the content codings of a body, without I/O: bytes in, bytes out.
 *
 * Content-Encoding names what was done to a body: gzip (RFC 1952), deflate (RFC 1950; many servers
 * send the naked data of RFC 1951, which is taken as well), br (RFC 7932), zstd (RFC 8878, with the
 * window of RFC 9659), one or several of them. A decoder undoes them, the last one first. Any split
 * of the input gives the same bytes in the end.
 *
 * It is strict where a lenient one would take a broken body for a whole one: the data must be
 * valid up to its check sum, nothing may follow it, and it must have come to its end when the body
 * has. A few bytes can stand for very many. So each coding in the row may give at most so many bytes
 * for each byte that came; a caller limits the size besides.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"

enum { RP_CODINGS_MAX = 5 }; /* of one body; more are taken for unknown */

/* The codings of a body in the order in which they were applied. Zeroed = none. */
struct rp_codings {
    uint8_t count;
    uint8_t kinds[RP_CODINGS_MAX];
    bool is_unknown; /* one of them, so that nothing can be undone */
};

/* Adds what the value of one Content-Encoding field names, which may be a list. "identity" is no
 * coding. */
void rp_codings_add(struct rp_codings *codings, struct rp_slice value);

enum rp_coding_event {
    RP_CODING_MORE,  /* all input is consumed, more is needed */
    RP_CODING_BYTES, /* *ret_bytes, which are valid until the next call */
    RP_CODING_ERROR, /* see error and reason; no more input is accepted */
};

enum rp_coding_error {
    RP_CODING_OK,
    RP_CODING_BROKEN,   /* the data is no valid data of its coding */
    RP_CODING_TOO_MANY, /* more bytes for a byte than the limit allows */
    RP_CODING_NO_MEMORY,
};

/* Below so many bytes no limit holds for how many stand for one: short bodies may be very uniform. */
#define RP_CODING_FREE ((uint64_t)4 << 20)

/* Keeps the memory of the codings that it has undone, for the next body. */
struct rp_decoder;
/* NULL when there is no memory. */
RP_NODISCARD struct rp_decoder *rp_decoder_new(void);
void rp_decoder_free(struct rp_decoder *decoder); /* NULL is allowed */

/* For the next body. @codings has at least one, and none that is unknown. @ratio_max: the bytes that
 * each coding may give for a byte that came, once it has given RP_CODING_FREE; 0 = any number. */
void rp_decoder_begin(struct rp_decoder *decoder, const struct rp_codings *codings,
                      unsigned ratio_max);
/* Consumes bytes from the front of *@input. Call it until RP_CODING_MORE or RP_CODING_ERROR. */
enum rp_coding_event rp_decoder_run(struct rp_decoder *decoder, struct rp_slice *input,
                                    struct rp_slice *ret_bytes);
/* The body has come to its end. False when the data has not: an error. */
bool rp_decoder_end(struct rp_decoder *decoder);
/* Gives back what is too large to be kept for a body that may come. */
void rp_decoder_rest(struct rp_decoder *decoder);

enum rp_coding_error rp_decoder_error(const struct rp_decoder *decoder);
/* After an error: the coding, as "gzip", and one clause, which is borrowed. */
const char *rp_decoder_coding(const struct rp_decoder *decoder);
const char *rp_decoder_reason(const struct rp_decoder *decoder);
