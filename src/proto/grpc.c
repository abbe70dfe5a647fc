/* SPDX-License-Identifier: MIT */
#include "proto/grpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_DIGITS = 8 };

/* ---- messages -------------------------------------------------------------------------------- */

void rp_grpc_append(struct rp_buf *out, struct rp_slice message, bool is_compressed)
{
    const uint32_t size = (uint32_t)message.len;
    const uint8_t prefix[RP_GRPC_PREFIX] = { is_compressed, (uint8_t)(size >> 24),
                                             (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                                             (uint8_t)size };

    rp_assert(message.len <= RP_GRPC_MESSAGE_MAX);
    rp_buf_append(out, prefix, sizeof(prefix));
    rp_buf_append_slice(out, message);
}

enum rp_grpc_event rp_grpc_next(struct rp_slice *input, size_t max, struct rp_grpc_message *ret)
{
    const uint8_t *p = (const uint8_t *)input->ptr;

    if (input->len && p[0] > 1)
        return RP_GRPC_BAD_FLAG;
    if (input->len < RP_GRPC_PREFIX)
        return RP_GRPC_MORE;
    ret->is_compressed = p[0];
    ret->size = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    if (ret->size > max)
        return RP_GRPC_TOO_LARGE;
    if (input->len - RP_GRPC_PREFIX < ret->size)
        return RP_GRPC_MORE;
    ret->bytes = rp_slice(input->ptr + RP_GRPC_PREFIX, ret->size);
    *input = rp_slice(input->ptr + RP_GRPC_PREFIX + ret->size,
                      input->len - RP_GRPC_PREFIX - ret->size);
    return RP_GRPC_MESSAGE;
}

/* ---- statuses -------------------------------------------------------------------------------- */

const char *rp_grpc_status_text(enum rp_grpc_status status)
{
    static const char *const texts[RP_GRPC_STATUSES] = { "OK",
                                                         "CANCELLED",
                                                         "UNKNOWN",
                                                         "INVALID_ARGUMENT",
                                                         "DEADLINE_EXCEEDED",
                                                         "NOT_FOUND",
                                                         "ALREADY_EXISTS",
                                                         "PERMISSION_DENIED",
                                                         "RESOURCE_EXHAUSTED",
                                                         "FAILED_PRECONDITION",
                                                         "ABORTED",
                                                         "OUT_OF_RANGE",
                                                         "UNIMPLEMENTED",
                                                         "INTERNAL",
                                                         "UNAVAILABLE",
                                                         "DATA_LOSS",
                                                         "UNAUTHENTICATED" };

    return texts[status];
}

enum rp_grpc_status rp_grpc_status_parse(struct rp_slice value)
{
    unsigned status = 0;

    if (!value.len || value.len > 2)
        return RP_GRPC_UNKNOWN;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return RP_GRPC_UNKNOWN;
        status = status * 10 + (unsigned)(value.ptr[i] - '0');
    }
    return status < RP_GRPC_STATUSES ? (enum rp_grpc_status)status : RP_GRPC_UNKNOWN;
}

enum rp_grpc_status rp_grpc_status_of_http(unsigned status)
{
    switch (status) {
    case 400:
        return RP_GRPC_INTERNAL;
    case 401:
        return RP_GRPC_UNAUTHENTICATED;
    case 403:
        return RP_GRPC_PERMISSION_DENIED;
    case 404:
        return RP_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return RP_GRPC_UNAVAILABLE;
    default:
        return RP_GRPC_UNKNOWN;
    }
}

enum rp_grpc_status rp_grpc_status_of_reset(uint32_t code)
{
    static const uint8_t statuses[] = {
        RP_GRPC_INTERNAL,           /* NO_ERROR */
        RP_GRPC_INTERNAL,           /* PROTOCOL_ERROR */
        RP_GRPC_INTERNAL,           /* INTERNAL_ERROR */
        RP_GRPC_INTERNAL,           /* FLOW_CONTROL_ERROR */
        RP_GRPC_INTERNAL,           /* SETTINGS_TIMEOUT */
        RP_GRPC_UNKNOWN,            /* STREAM_CLOSED: RFC and gRPC leave it open */
        RP_GRPC_INTERNAL,           /* FRAME_SIZE_ERROR */
        RP_GRPC_UNAVAILABLE,        /* REFUSED_STREAM: nothing was processed */
        RP_GRPC_CANCELLED,          /* CANCEL */
        RP_GRPC_INTERNAL,           /* COMPRESSION_ERROR */
        RP_GRPC_INTERNAL,           /* CONNECT_ERROR */
        RP_GRPC_RESOURCE_EXHAUSTED, /* ENHANCE_YOUR_CALM */
        RP_GRPC_PERMISSION_DENIED,  /* INADEQUATE_SECURITY */
    };

    return code < RP_ARRAY_LEN(statuses) ? (enum rp_grpc_status)statuses[code] : RP_GRPC_UNKNOWN;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

void rp_grpc_append_message_text(struct rp_buf *out, struct rp_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        int high = -1, low = -1;
        char c = value.ptr[i];

        if (c == '%' && value.len - i > 2) {
            high = hex(value.ptr[i + 1]);
            low = hex(value.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        rp_buf_append(out, &c, 1);
    }
}

void rp_grpc_append_message_value(struct rp_buf *out, struct rp_slice text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        const char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

        if (c >= ' ' && c <= '~' && c != '%')
            rp_buf_append(out, &text.ptr[i], 1);
        else
            rp_buf_append(out, escape, sizeof(escape));
    }
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static const struct {
    char unit;
    rp_ns length;
} units[] = { { 'n', 1 },    { 'u', RP_US },     { 'm', RP_MS },
              { 'S', RP_S }, { 'M', 60 * RP_S }, { 'H', 3600 * RP_S } };

void rp_grpc_timeout_text(rp_ns timeout, char out[static RP_GRPC_TIMEOUT_TEXT])
{
    size_t i = 0;
    rp_ns count = timeout;

    while (count > 99999999 && i + 1 < RP_ARRAY_LEN(units)) {
        i++;
        count = timeout / units[i].length + (timeout % units[i].length != 0);
    }
    snprintf(out, RP_GRPC_TIMEOUT_TEXT, "%" PRId64 "%c", (int64_t)count, units[i].unit);
}

bool rp_grpc_timeout_parse(struct rp_slice value, rp_ns *ret)
{
    rp_ns count = 0;

    if (value.len < 2 || value.len > 1 + TIMEOUT_DIGITS)
        return false;
    for (size_t i = 0; i + 1 < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
        count = count * 10 + (value.ptr[i] - '0');
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(units); i++) {
        if (units[i].unit != value.ptr[value.len - 1])
            continue;
        *ret = count > RP_NS_NEVER / units[i].length ? RP_NS_NEVER : count * units[i].length;
        return true;
    }
    return false;
}

bool rp_grpc_is_content_type(struct rp_slice value)
{
    static const struct rp_slice type = { "application/grpc", 16 };

    if (value.len < type.len || !rp_slice_ieq(rp_slice(value.ptr, type.len), type))
        return false;
    return value.len == type.len || value.ptr[type.len] == '+' || value.ptr[type.len] == ';' ||
           value.ptr[type.len] == ' ';
}
