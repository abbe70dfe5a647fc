/* SPDX-License-Identifier: MIT */
#include "proto/ws.h"

#include "base/compiler.h"
#include "proto/proto_internal.h"
#include "proto/ws_mask.h"

enum {
    /* More is not reserved for a frame before its bytes come, and not kept for the next message. */
    RESERVE_MAX = 64 * 1024,
    KEEP_MAX = 4096,
    PIECE = 4096, /* unmasked at once, before it is decompressed */
};

static const struct {
    uint16_t code;
    const char *text;
} errors[RP_WS_ERROR_COUNT] = {
    [RP_WS_OK] = { 0, "no error" },
    [RP_WS_BAD_OPCODE] = { RP_WS_PROTOCOL_ERROR, "a frame has an unknown opcode" },
    [RP_WS_BAD_RESERVED_BITS] = { RP_WS_PROTOCOL_ERROR,
                                  "a frame has a reserved bit that was not negotiated" },
    [RP_WS_CONTROL_TOO_LONG] = { RP_WS_PROTOCOL_ERROR, "a control frame has more than 125 bytes" },
    [RP_WS_CONTROL_FRAGMENTED] = { RP_WS_PROTOCOL_ERROR, "a control frame is fragmented" },
    [RP_WS_BAD_LENGTH] = { RP_WS_PROTOCOL_ERROR,
                           "the length of a frame is not written in the shortest form" },
    [RP_WS_IS_MASKED] = { RP_WS_PROTOCOL_ERROR, "the server has masked a frame" },
    [RP_WS_NOT_MASKED] = { RP_WS_PROTOCOL_ERROR, "the client has not masked a frame" },
    [RP_WS_NO_MESSAGE] = { RP_WS_PROTOCOL_ERROR,
                           "a frame continues a message although none has begun" },
    [RP_WS_MESSAGE_NOT_ENDED] = { RP_WS_PROTOCOL_ERROR,
                                  "a message begins before the one before it has ended" },
    [RP_WS_BAD_UTF8] = { RP_WS_BAD_DATA, "a text message is not UTF-8" },
    [RP_WS_BAD_CLOSE_LENGTH] = { RP_WS_PROTOCOL_ERROR, "a close frame has one byte only" },
    [RP_WS_BAD_CLOSE_CODE] = { RP_WS_PROTOCOL_ERROR, "a close frame has an invalid code" },
    [RP_WS_BAD_CLOSE_REASON] = { RP_WS_BAD_DATA, "the reason of a close frame is not UTF-8" },
    [RP_WS_FRAME_TOO_LARGE] = { RP_WS_TOO_BIG, "a frame has more bytes than the limit" },
    [RP_WS_MESSAGE_TOO_LARGE] = { RP_WS_TOO_BIG, "a message has more bytes than the limit" },
    [RP_WS_BAD_COMPRESSION] = { RP_WS_BAD_DATA, "the compressed data of a message is invalid" },
    [RP_WS_TOO_COMPRESSED] = { RP_WS_TOO_BIG,
                               "a message has more bytes for each compressed byte than the limit" },
    [RP_WS_NO_MEMORY] = { RP_WS_INTERNAL, "there is no memory for a message" },
};

const char *rp_ws_error_text(enum rp_ws_error error)
{
    return errors[error].text;
}

unsigned rp_ws_error_code(enum rp_ws_error error)
{
    return errors[error].code;
}

/* ---- life ------------------------------------------------------------------------------------- */

void rp_ws_shared_deinit(struct rp_ws_shared *shared)
{
    rp_ws_compressor_deinit(&shared->compressor);
    *shared = (struct rp_ws_shared){ 0 };
}

void rp_ws_init(struct rp_ws *ws, const struct rp_ws_config *config)
{
    *ws = (struct rp_ws){ .is_server = config->is_server,
                          .header_need = 2,
                          .frame_max = config->frame_max,
                          .shared = config->shared,
                          .deflate = config->deflate };
    rp_buf_init(&ws->message, config->message_max);
}

void rp_ws_deinit(struct rp_ws *ws)
{
    rp_buf_deinit(&ws->message);
    rp_ws_deflate_free(ws->deflate);
    ws->deflate = NULL;
}

bool rp_ws_is_inside(const struct rp_ws *ws)
{
    return ws->header_len || (ws->message_opcode && !ws->was_message);
}

/* ---- reading: headers ------------------------------------------------------------------------- */

RP_COLD static enum rp_ws_event fail(struct rp_ws *ws, enum rp_ws_error error)
{
    ws->error = error;
    return RP_WS_ERROR;
}

static void advance(struct rp_slice *input, size_t len)
{
    *input = rp_slice(input->ptr + len, input->len - len);
}

static size_t least(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static enum rp_ws_error check_first(struct rp_ws *ws)
{
    uint8_t first = ws->header[0], allowed = 0;

    ws->opcode = first & RP_WS_OPCODE;
    ws->is_last = first & RP_WS_FIN;
    if (ws->deflate && (ws->opcode == RP_WS_TEXT || ws->opcode == RP_WS_BINARY))
        allowed = RP_WS_COMPRESSED; /* the first frame of a message says so (RFC 7692, 6) */
    if (first & RP_WS_RESERVED & ~allowed)
        return RP_WS_BAD_RESERVED_BITS;
    switch (ws->opcode) {
    case 0:
        return ws->message_opcode ? RP_WS_OK : RP_WS_NO_MESSAGE;
    case RP_WS_TEXT:
    case RP_WS_BINARY:
        return ws->message_opcode ? RP_WS_MESSAGE_NOT_ENDED : RP_WS_OK;
    case RP_WS_CLOSE:
    case RP_WS_PING:
    case RP_WS_PONG:
        return ws->is_last ? RP_WS_OK : RP_WS_CONTROL_FRAGMENTED;
    default:
        return RP_WS_BAD_OPCODE;
    }
}

static enum rp_ws_error check_second(struct rp_ws *ws)
{
    uint8_t second = ws->header[1], length = second & RP_WS_LENGTH;
    bool is_masked = second & RP_WS_MASKED;

    if (is_masked != ws->is_server)
        return is_masked ? RP_WS_IS_MASKED : RP_WS_NOT_MASKED;
    if (ws->opcode & RP_WS_IS_CONTROL && length > RP_WS_CONTROL_MAX)
        return RP_WS_CONTROL_TOO_LONG;
    ws->header_need = (uint8_t)(2 +
                                (length == 127   ? 8
                                 : length == 126 ? 2
                                                 : 0) +
                                (is_masked ? 4 : 0));
    return RP_WS_OK;
}

/* The header is complete. */
static enum rp_ws_error begin_frame(struct rp_ws *ws)
{
    uint8_t length = ws->header[1] & RP_WS_LENGTH;
    size_t bytes = length == 127 ? 8 : length == 126 ? 2 : 0;

    ws->length = bytes ? 0 : length;
    for (size_t i = 0; i < bytes; i++)
        ws->length = ws->length << 8 | ws->header[2 + i];
    if ((bytes == 2 && ws->length < 126) || (bytes == 8 && ws->length <= UINT16_MAX) ||
        ws->length > INT64_MAX)
        return RP_WS_BAD_LENGTH;
    ws->left = ws->length;
    ws->is_in_frame = true;
    if (ws->opcode & RP_WS_IS_CONTROL)
        return RP_WS_OK;
    if (ws->opcode) {
        ws->message_opcode = ws->opcode;
        ws->is_compressed = ws->header[0] & RP_WS_COMPRESSED;
        ws->utf8 = (struct rp_utf8){ 0 };
    }
    if (ws->length > ws->frame_max)
        return RP_WS_FRAME_TOO_LARGE;
    if (!ws->is_compressed && ws->length > ws->message.max - ws->message.len)
        return RP_WS_MESSAGE_TOO_LARGE;
    return RP_WS_OK;
}

/* Takes what there is of the header: its first two bytes, which say how long it is, and the rest. */
static enum rp_ws_error take_header(struct rp_ws *ws, struct rp_slice *input)
{
    enum rp_ws_error error;
    size_t part;

    while (ws->header_len < 2) {
        if (!input->len)
            return RP_WS_OK;
        ws->header[ws->header_len++] = (uint8_t)input->ptr[0];
        advance(input, 1);
        error = ws->header_len == 1 ? check_first(ws) : check_second(ws);
        if (error)
            return error;
    }
    part = least(ws->header_need - ws->header_len, input->len);
    for (size_t i = 0; i < part; i++)
        ws->header[ws->header_len++] = (uint8_t)input->ptr[i];
    advance(input, part);
    return ws->header_len == ws->header_need ? begin_frame(ws) : RP_WS_OK;
}

static void end_frame(struct rp_ws *ws)
{
    ws->is_in_frame = false;
    ws->header_len = 0;
    ws->header_need = 2;
}

/* ---- reading: payloads ------------------------------------------------------------------------ */

static const uint8_t *mask_of(const struct rp_ws *ws)
{
    return ws->header + ws->header_need - 4;
}

/* The next bytes of the payload, which the input has. */
static struct rp_slice take_part(struct rp_ws *ws, struct rp_slice *input)
{
    struct rp_slice part = rp_slice(input->ptr, least(ws->left, input->len));

    advance(input, part.len);
    return part;
}

/* Copies @part, which begins where the frame goes on, and unmasks it. */
static void copy_part(struct rp_ws *ws, char *to, struct rp_slice part)
{
    if (!part.len)
        return;
    if (ws->is_server)
        rp_ws_mask_copy(to, part.ptr, part.len, mask_of(ws), ws->length - ws->left);
    else
        memcpy(to, part.ptr, part.len);
}

static enum rp_ws_event take_close(struct rp_ws *ws, struct rp_slice *payload)
{
    struct rp_utf8 utf8 = { 0 };

    ws->close_code = RP_WS_NO_CODE;
    if (payload->len == 1)
        return fail(ws, RP_WS_BAD_CLOSE_LENGTH);
    if (payload->len) {
        ws->close_code = (uint16_t)((uint8_t)payload->ptr[0] << 8 | (uint8_t)payload->ptr[1]);
        advance(payload, 2);
        if (!rp_ws_is_close_code(ws->close_code))
            return fail(ws, RP_WS_BAD_CLOSE_CODE);
        if (!rp_utf8_take(&utf8, *payload) || !rp_utf8_is_whole(&utf8))
            return fail(ws, RP_WS_BAD_CLOSE_REASON);
    }
    ws->close_received = true;
    return RP_WS_CLOSE;
}

static enum rp_ws_event take_control(struct rp_ws *ws, struct rp_slice *input,
                                     struct rp_slice *ret_payload)
{
    struct rp_slice part = take_part(ws, input);

    *ret_payload = part;
    if (ws->is_server || part.len < ws->length) {
        copy_part(ws, ws->control + (ws->length - ws->left), part);
        *ret_payload = rp_slice(ws->control, (size_t)ws->length);
    }
    ws->left -= part.len;
    if (ws->left)
        return RP_WS_MORE;
    end_frame(ws);
    return ws->opcode == RP_WS_CLOSE ? take_close(ws, ret_payload) : (enum rp_ws_event)ws->opcode;
}

static enum rp_ws_error check_text(struct rp_ws *ws, struct rp_slice bytes)
{
    if (ws->message_opcode == RP_WS_TEXT && !rp_utf8_take(&ws->utf8, bytes))
        return RP_WS_BAD_UTF8;
    return RP_WS_OK;
}

/* Adds @part to the message. */
static enum rp_ws_error add_part(struct rp_ws *ws, struct rp_slice part)
{
    size_t before = ws->message.len, wanted = least(ws->left, RESERVE_MAX);

    /* The limit of the message was checked with the header. */
    if (rp_buf_reserve(&ws->message, wanted > part.len ? wanted : part.len) < 0)
        return RP_WS_NO_MEMORY;
    copy_part(ws, ws->message.data + before, part);
    ws->message.len += part.len;
    ws->message.data[ws->message.len] = '\0';
    return check_text(ws, rp_slice(ws->message.data + before, part.len));
}

static enum rp_ws_error error_of(enum rp_ws_inflated result)
{
    static const enum rp_ws_error all[] = { [RP_WS_INFLATED] = RP_WS_OK,
                                            [RP_WS_INFLATE_BROKEN] = RP_WS_BAD_COMPRESSION,
                                            [RP_WS_INFLATE_TOO_LARGE] = RP_WS_MESSAGE_TOO_LARGE,
                                            [RP_WS_INFLATE_TOO_MANY] = RP_WS_TOO_COMPRESSED,
                                            [RP_WS_INFLATE_NO_MEMORY] = RP_WS_NO_MEMORY };

    return all[result];
}

/* Adds what @part stands for to the message. */
static enum rp_ws_error inflate_part(struct rp_ws *ws, struct rp_slice part)
{
    size_t before = ws->message.len;
    enum rp_ws_inflated result = RP_WS_INFLATED;

    if (!ws->is_server)
        result = rp_ws_inflate(ws->deflate, part, &ws->message);
    for (size_t at = 0; ws->is_server && at < part.len && result == RP_WS_INFLATED;) {
        char piece[PIECE];
        size_t len = least(part.len - at, PIECE);

        rp_ws_mask_copy(piece, part.ptr + at, len, mask_of(ws), ws->length - ws->left + at);
        result = rp_ws_inflate(ws->deflate, rp_slice(piece, len), &ws->message);
        at += len;
    }
    if (result == RP_WS_INFLATED && part.len == ws->left && ws->is_last)
        result = rp_ws_inflate_end(ws->deflate, &ws->message);
    if (ws->message.len > before) {
        /* A text that is not UTF-8 is found before what is wrong behind it, as in any split. */
        enum rp_ws_error error = check_text(
            ws, rp_slice(ws->message.data + before, ws->message.len - before));

        if (error)
            return error;
    }
    return error_of(result);
}

static enum rp_ws_event take_data(struct rp_ws *ws, struct rp_slice *input,
                                  struct rp_slice *ret_payload)
{
    struct rp_slice part = take_part(ws, input);
    bool ends = part.len == ws->left && ws->is_last;
    bool stays = ends && !ws->is_server && !ws->message.len && !ws->is_compressed;
    enum rp_ws_error error = stays               ? check_text(ws, part)
                             : ws->is_compressed ? inflate_part(ws, part)
                                                 : add_part(ws, part);

    if (error)
        return fail(ws, error);
    ws->left -= part.len;
    if (ws->left)
        return RP_WS_MORE;
    end_frame(ws);
    if (!ends)
        return RP_WS_MORE;
    if (ws->message_opcode == RP_WS_TEXT && !rp_utf8_is_whole(&ws->utf8))
        return fail(ws, RP_WS_BAD_UTF8);
    *ret_payload = stays ? part : rp_buf_slice(&ws->message);
    ws->was_message = true;
    return (enum rp_ws_event)ws->message_opcode;
}

/* The caller has had the message. */
static void forget_message(struct rp_ws *ws)
{
    ws->was_message = false;
    ws->message_opcode = 0;
    if (ws->message.cap > KEEP_MAX)
        rp_buf_deinit(&ws->message);
    rp_buf_reset(&ws->message);
}

enum rp_ws_event rp_ws_read(struct rp_ws *ws, struct rp_slice *input, struct rp_slice *ret_payload)
{
    enum rp_ws_event event = RP_WS_MORE;

    if (ws->was_message)
        forget_message(ws);
    if (ws->error)
        return RP_WS_ERROR;
    if (ws->close_received)
        advance(input, input->len);
    while (input->len && event == RP_WS_MORE) {
        if (!ws->is_in_frame) {
            enum rp_ws_error error = take_header(ws, input);

            if (error)
                return fail(ws, error);
        }
        if (ws->is_in_frame)
            event = ws->opcode & RP_WS_IS_CONTROL ? take_control(ws, input, ret_payload)
                                                  : take_data(ws, input, ret_payload);
    }
    return event;
}
