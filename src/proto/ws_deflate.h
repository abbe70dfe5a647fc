/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/ws_deflate.h - permessage-deflate (RFC 7692): what compresses and decompresses the messages
 * of one WebSocket. proto/ws.h uses it; a caller makes one when both sides have agreed on it.
 *
 * Memory is taken with the first message of each direction: about 260 KB to compress (window 15) and
 * 40 KB to decompress, which stay as long as the connection keeps its windows. A side without
 * context keeps nothing: its messages are compressed by what all connections of a thread share.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { RP_WS_BITS_MIN = 8, RP_WS_BITS_MAX = 15 };

/* Terms: what a client offers, or what both sides have agreed on. */
struct rp_ws_deflate_terms {
    /* This side forgets its window after each message. In an offer: the client wants the server to do
     * so, or lets the server know that it will do so itself. */
    bool server_no_context, client_no_context;
    /* The size of the window is 2 to the power of this, 8 to 15. */
    uint8_t server_bits, client_bits;
    bool names_server_bits; /* of a server: the client has named them, so that the answer has to */
};

/* The greatest windows, which are kept. */
#define RP_WS_DEFLATE_DEFAULT                                                                      \
    ((struct rp_ws_deflate_terms){ .server_bits = RP_WS_BITS_MAX, .client_bits = RP_WS_BITS_MAX })

/* What compresses for all connections of a thread that keep no window. Zeroed = new. */
struct rp_ws_compressor {
    struct z_stream_s *zlib; /* private; NULL = not yet made */
    uint8_t bits;            /* private; of its window */
};

void rp_ws_compressor_deinit(struct rp_ws_compressor *compressor);

struct rp_ws_deflate;

/* @ratio_max: how many bytes of a message may stand for a byte that came, once it has RP_CODING_FREE
 * (proto/coding.h) bytes; 0 = any number. NULL when there is no memory. */
RP_NODISCARD struct rp_ws_deflate *rp_ws_deflate_new(const struct rp_ws_deflate_terms *terms,
                                                     bool is_server, unsigned ratio_max);
void rp_ws_deflate_free(struct rp_ws_deflate *deflate); /* NULL is allowed */

enum rp_ws_inflated {
    RP_WS_INFLATED,
    RP_WS_INFLATE_BROKEN,    /* the data is not valid */
    RP_WS_INFLATE_TOO_LARGE, /* more bytes than @out takes */
    RP_WS_INFLATE_TOO_MANY,  /* more bytes for a byte than the limit allows */
    RP_WS_INFLATE_NO_MEMORY,
};

/* Appends what the next bytes of a message stand for. After a failure it is not to be called
 * again. */
enum rp_ws_inflated rp_ws_inflate(struct rp_ws_deflate *deflate, struct rp_slice bytes,
                                  struct rp_buf *out);
/* The message has come to its end. BROKEN when the data has not. */
enum rp_ws_inflated rp_ws_inflate_end(struct rp_ws_deflate *deflate, struct rp_buf *out);

/* Appends @message compressed. -ENOMEM or -EMSGSIZE, which are not kept in @out: nothing was appended
 * then, and the next message may be tried. */
RP_NODISCARD int rp_ws_compress(struct rp_ws_deflate *deflate, struct rp_ws_compressor *shared,
                                struct rp_slice message, struct rp_buf *out);
