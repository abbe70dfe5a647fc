/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/ws.h - WebSocket for a client and for a server, without I/O: bytes in, events and bytes out
 * (RFC 6455, with permessage-deflate of RFC 7692). What comes before the first frame stands in
 * proto/ws_handshake.h.
 *
 * Any split of the input gives the same events. The reader is strict: what RFC 6455 forbids is an
 * error, found at the first byte that shows it, also in the middle of a frame (a text that is not
 * UTF-8) and of a fragment. Each error has the code of the close frame that tells the peer.
 *
 * A message is given whole. When all of it lies in the input, and need not be unmasked or
 * decompressed, it is given there and not copied. The memory of a large message is given back with
 * the next call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "proto/utf8.h"
#include "proto/ws_deflate.h"

/* ---- what the connections of one thread share ------------------------------------------------- */

enum { RP_WS_MASKS = 1024 };

/* Zeroed = new. The masks come from the kernel's generator (getrandom), many at a time, so that
 * nobody can foretell one and few messages pay for a system call. */
struct rp_ws_shared {
    uint32_t masks[RP_WS_MASKS];        /* private */
    uint32_t masks_left;                /* private */
    struct rp_ws_compressor compressor; /* private */
};

void rp_ws_shared_deinit(struct rp_ws_shared *shared);

/* ---- one connection --------------------------------------------------------------------------- */

/* Codes of close frames (RFC 6455, 7.4.1). */
enum {
    RP_WS_NORMAL = 1000,
    RP_WS_GOING_AWAY = 1001,
    RP_WS_PROTOCOL_ERROR = 1002,
    RP_WS_NO_CODE = 1005,  /* never sent: the close frame has no code */
    RP_WS_ABNORMAL = 1006, /* never sent: the connection has ended without a close frame */
    RP_WS_BAD_DATA = 1007,
    RP_WS_TOO_BIG = 1009,
    RP_WS_INTERNAL = 1011,
};

/* The values of the frames are their opcodes. */
enum rp_ws_event {
    RP_WS_MORE = 0,   /* all input is consumed, more is needed */
    RP_WS_TEXT = 1,   /* a message, which is UTF-8 */
    RP_WS_BINARY = 2, /* a message */
    RP_WS_ERROR = 3,  /* error says what; no more input is accepted */
    RP_WS_CLOSE = 8,  /* close_code and the reason, which is UTF-8; what follows is dropped */
    RP_WS_PING = 9,
    RP_WS_PONG = 10,
};

enum rp_ws_error {
    RP_WS_OK,
    RP_WS_BAD_OPCODE,
    RP_WS_BAD_RESERVED_BITS,
    RP_WS_CONTROL_TOO_LONG,
    RP_WS_CONTROL_FRAGMENTED,
    RP_WS_BAD_LENGTH,
    RP_WS_IS_MASKED,  /* by a server */
    RP_WS_NOT_MASKED, /* by a client */
    RP_WS_NO_MESSAGE,
    RP_WS_MESSAGE_NOT_ENDED,
    RP_WS_BAD_UTF8,
    RP_WS_BAD_CLOSE_LENGTH,
    RP_WS_BAD_CLOSE_CODE,
    RP_WS_BAD_CLOSE_REASON,
    RP_WS_FRAME_TOO_LARGE,
    RP_WS_MESSAGE_TOO_LARGE,
    RP_WS_BAD_COMPRESSION,
    RP_WS_TOO_COMPRESSED,
    RP_WS_NO_MEMORY,
    RP_WS_ERROR_COUNT
};

/* One clause: "a control frame has more than 125 bytes". */
const char *rp_ws_error_text(enum rp_ws_error error);
/* The code of the close frame that tells the peer: 1002, 1007, 1009 or 1011. */
unsigned rp_ws_error_code(enum rp_ws_error error);

enum { RP_WS_CONTROL_MAX = 125, RP_WS_REASON_MAX = 123, RP_WS_HEADER_MAX = 14 };

struct rp_ws_config {
    struct rp_ws_shared *shared; /* outlives the connection */
    bool is_server;
    size_t message_max; /* bytes, decompressed */
    uint64_t frame_max; /* bytes, as they come; UINT64_MAX = any number */
    /* The connection takes it over; NULL = both sides have not agreed on compression. */
    struct rp_ws_deflate *deflate;
};

struct rp_ws {
    enum rp_ws_error error; /* after RP_WS_ERROR */
    uint16_t close_code;    /* after RP_WS_CLOSE; RP_WS_NO_CODE when the frame has none */
    bool close_received, close_sent;
    struct rp_utf8 utf8; /* after RP_WS_TEXT is_not_ascii is that of the message */
    /* Private from here. */
    bool is_server, was_message;
    bool is_last;           /* the frame under way ends its message */
    uint8_t opcode;         /* of the frame under way */
    uint8_t message_opcode; /* of the message under way; 0 = there is none */
    uint8_t header_len, header_need;
    uint8_t control_len;
    bool is_in_frame;   /* the header of a frame is complete, its payload is not */
    bool is_compressed; /* the message under way is */
    uint8_t header[RP_WS_HEADER_MAX];
    uint64_t length, left; /* of the payload of the frame under way */
    uint64_t frame_max;
    struct rp_buf message; /* what has come of the message under way */
    struct rp_ws_shared *shared;
    struct rp_ws_deflate *deflate;
    char control[RP_WS_CONTROL_MAX]; /* payload of a control frame that has come in parts */
};

/* Never fails: memory is taken when a message needs it. */
void rp_ws_init(struct rp_ws *ws, const struct rp_ws_config *config);
void rp_ws_deinit(struct rp_ws *ws);

/* Consumes bytes from the front of *@input and returns the next event. Call it until RP_WS_MORE or
 * RP_WS_ERROR. *@ret_payload is that of the message or the control frame; it is a part of the input
 * or memory of the connection's, which is valid until the next call. */
enum rp_ws_event rp_ws_read(struct rp_ws *ws, struct rp_slice *input, struct rp_slice *ret_payload);
/* A frame or a message has begun and is not complete: a connection that ends now has cut it off. */
bool rp_ws_is_inside(const struct rp_ws *ws);

/* Appends a frame to @out; a message is compressed when that was agreed on. @kind: RP_WS_TEXT (the payload is UTF-8), RP_WS_BINARY, RP_WS_PING or
 * RP_WS_PONG (at most RP_WS_CONTROL_MAX bytes). Returns 0; -EPIPE after a close frame of ours;
 * -ENOMEM or -EMSGSIZE, which are the buffer's, or -errno of getrandom: nothing was appended then. */
RP_NODISCARD int rp_ws_write(struct rp_ws *ws, struct rp_buf *out, enum rp_ws_event kind,
                             struct rp_slice payload);

/* Whether a close frame may have this code: 1000 to 1003, 1007 to 1014, 3000 to 4999. */
bool rp_ws_is_close_code(unsigned code);
/* Appends a close frame; @code RP_WS_NO_CODE = without a code, @reason is empty then. What the peer
 * sends until its close frame is still given. Returns as rp_ws_write(); -EINVAL when the code is none
 * for a close frame, or the reason has more than RP_WS_REASON_MAX bytes or is not UTF-8. */
RP_NODISCARD int rp_ws_write_close(struct rp_ws *ws, struct rp_buf *out, unsigned code,
                                   struct rp_slice reason);
/* Appends the close frame that answers RP_WS_CLOSE (with the same code) or RP_WS_ERROR (with the code
 * and the text of the error); nothing when one was sent before. Returns as rp_ws_write(). */
RP_NODISCARD int rp_ws_answer_close(struct rp_ws *ws, struct rp_buf *out);
/* Both sides have sent a close frame: the connection may be closed. The server does that first. */
static inline bool rp_ws_is_over(const struct rp_ws *ws)
{
    return ws->close_received && ws->close_sent;
}
