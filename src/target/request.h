/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/request.h - HTTP/1.x requests without I/O: the head at once, the body in pieces.
 *
 * Any split of the input gives the same result. Strict where two readers could disagree about where a request ends
 * (length beside chunking, two lengths, folded lines, blanks before a colon, bare CR), lenient about a lone LF.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"

struct rp_target_request { /* the slices point into the input */
    struct rp_slice method;
    struct rp_slice path;   /* starts with '/', without the query */
    struct rp_slice query;  /* after '?', may be empty */
    struct rp_slice fields; /* the header lines, each with its line end */
    struct rp_slice content_type;
    uint64_t content_length; /* 0 when there is none */
    uint8_t minor_version;
    bool is_head; /* the method is HEAD */
    bool is_chunked;
    bool keep_alive;
    bool expects_continue;
};

enum { RP_TARGET_MORE = 1 };

/* 0: the head is complete, *ret_len bytes of @input. RP_TARGET_MORE: needs more input. Else the status to refuse it
 * with: 400, 431, 501 or 505; *ret is undefined then. */
RP_HOT RP_NODISCARD int rp_target_parse_head(struct rp_slice input, struct rp_target_request *ret,
                                             size_t *ret_len);

/* The header fields one by one, as rp_target_parse_head accepted them; false at the end. *pos starts at 0. */
bool rp_target_next_field(struct rp_slice fields, size_t *pos, struct rp_slice *ret_name,
                          struct rp_slice *ret_value);

/* The value of "name=value" in a query, or an empty slice with ptr NULL. Nothing is unescaped. */
struct rp_slice rp_target_query_value(struct rp_slice query, struct rp_slice name);

enum rp_target_body_state {
    RP_TARGET_BODY_LENGTH, /* left bytes of plain body */
    RP_TARGET_BODY_SIZE,   /* inside a chunk's size line; seen_digit, in_extension */
    RP_TARGET_BODY_CHUNK,  /* left bytes of chunk data */
    RP_TARGET_BODY_CHUNK_END,
    RP_TARGET_BODY_TRAILER, /* inside trailer lines; left bytes of them are still allowed */
    RP_TARGET_BODY_DONE,
};

struct rp_target_body {
    uint64_t left;
    uint32_t line_len; /* bytes of the current line */
    uint8_t state;
    bool seen_digit, in_extension, seen_cr;
};

void rp_target_body_init(struct rp_target_body *body, const struct rp_target_request *request);

/* Consumes from the front of *@input. True with body bytes in *ret_data (a part of the input, maybe empty); false when
 * the framing is wrong. Call until the input is empty or state is RP_TARGET_BODY_DONE. */
RP_NODISCARD bool rp_target_body_read(struct rp_target_body *body, struct rp_slice *input,
                                      struct rp_slice *ret_data);
