/* SPDX-License-Identifier: MIT */

/*
 * JSON to MessagePack, in one pass. A parser of our own, for jansson's has no unsigned 64-bit
 * integers, takes the last of two equal keys for the only one, and drops bytes without a word when
 * its buffer cannot grow.
 */

#include <arpa/inet.h>
#include <errno.h>

#include "base/base64.h"
#include "base/str.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"

struct parser {
    const char *at, *end;
    struct rp_buf *out;
    struct rp_buf text;  /* a string without its escapes */
    struct rp_buf bytes; /* what a base64 text holds */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->end && is_space(*parser->at))
        parser->at++;
}

/* The next byte that is no blank; NUL at the end, which no JSON has there. */
static char peek(struct parser *parser)
{
    skip_blanks(parser);
    return parser->at < parser->end ? *parser->at : '\0';
}

static bool take(struct parser *parser, char c)
{
    if (peek(parser) != c || parser->at == parser->end)
        return false;
    parser->at++;
    return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

static bool take_hex4(struct parser *parser, uint32_t *ret)
{
    *ret = 0;
    if (parser->end - parser->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = *parser->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return false;
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return true;
}

static void append_character(struct rp_buf *out, uint32_t code)
{
    char bytes[4];
    int size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint32_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (int i = size - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(lead[size] | code);
    rp_buf_append(out, bytes, (size_t)size);
}

/* Behind "\u". Half of a pair alone is no character. */
static bool take_code(struct parser *parser)
{
    uint32_t code, low;

    if (!take_hex4(parser, &code))
        return false;
    if (code >> 11 == 0x1b) {
        if (code >> 10 != 0x36 || parser->end - parser->at < 2 || memcmp(parser->at, "\\u", 2) != 0)
            return false;
        parser->at += 2;
        if (!take_hex4(parser, &low) || low >> 10 != 0x37)
            return false;
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
    }
    append_character(&parser->text, code);
    return true;
}

static bool take_escape(struct parser *parser)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *name;
    char c;

    if (parser->at == parser->end)
        return false;
    c = *parser->at++;
    if (c == 'u')
        return take_code(parser);
    name = memchr(names, c, sizeof(names) - 1);
    if (name)
        rp_buf_append(&parser->text, &meanings[name - names], 1);
    return name;
}

/* Up to the next quote or backslash. */
static bool skip_plain(struct parser *parser)
{
    while (parser->at < parser->end && *parser->at != '"' && *parser->at != '\\') {
        size_t size = rp_utf8_size(rp_slice(parser->at, (size_t)(parser->end - parser->at)));

        if (!size || (unsigned char)*parser->at < 0x20)
            return false;
        parser->at += size;
    }
    return parser->at < parser->end;
}

/* At its quote. @ret is valid until the next one. */
static int take_string(struct parser *parser, struct rp_slice *ret)
{
    const char *start = ++parser->at;
    bool has_escapes = false;

    rp_buf_reset(&parser->text);
    for (; skip_plain(parser) && *parser->at == '\\'; start = parser->at) {
        has_escapes = true;
        rp_buf_append(&parser->text, start, (size_t)(parser->at - start));
        parser->at++;
        if (!take_escape(parser))
            return -EBADMSG;
    }
    if (parser->at == parser->end || *parser->at != '"')
        return -EBADMSG;
    *ret = rp_slice(start, (size_t)(parser->at - start));
    parser->at++;
    if (has_escapes) {
        rp_buf_append_slice(&parser->text, *ret);
        *ret = rp_buf_slice(&parser->text);
    }
    return parser->text.error;
}

/* ---- numbers and names ----------------------------------------------------------------------- */

static size_t skip_digits(struct parser *parser)
{
    const char *start = parser->at;

    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9')
        parser->at++;
    return (size_t)(parser->at - start);
}

static bool skip_one_of(struct parser *parser, const char *set)
{
    if (parser->at == parser->end || !*parser->at || !strchr(set, *parser->at))
        return false;
    parser->at++;
    return true;
}

/* JSON's grammar; *ret_is_float when there is a point or an exponent. */
static bool skip_number(struct parser *parser, bool *ret_is_float)
{
    *ret_is_float = false;
    skip_one_of(parser, "-");
    if (!skip_one_of(parser, "0") && !skip_digits(parser))
        return false;
    if (skip_one_of(parser, ".")) {
        *ret_is_float = true;
        if (!skip_digits(parser))
            return false;
    }
    if (skip_one_of(parser, "eE")) {
        *ret_is_float = true;
        skip_one_of(parser, "+-");
        if (!skip_digits(parser))
            return false;
    }
    return true;
}

/* Digits only, of a number that is not negative. */
static bool parse_u64(struct rp_slice text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.len; i++)
        if (__builtin_mul_overflow(*ret, 10, ret) ||
            __builtin_add_overflow(*ret, (uint64_t)(text.ptr[i] - '0'), ret))
            return false;
    return true;
}

static int take_number(struct parser *parser)
{
    const char *start = parser->at;
    struct rp_slice text;
    bool is_float;
    double real;
    int64_t negative;
    uint64_t number;

    if (!skip_number(parser, &is_float))
        return -EBADMSG;
    text = rp_slice(start, (size_t)(parser->at - start));
    if (is_float && rp_parse_double(text, &real))
        rp_write_double(parser->out, real);
    else if (!is_float && *start == '-' && rp_parse_i64(text, &negative))
        rp_write_i64(parser->out, negative);
    else if (!is_float && *start != '-' && parse_u64(text, &number))
        rp_write_u64(parser->out, number);
    else
        return -EBADMSG;
    return 0;
}

static bool take_name(struct parser *parser, const char *name)
{
    size_t len = strlen(name);

    if ((size_t)(parser->end - parser->at) < len || memcmp(parser->at, name, len) != 0)
        return false;
    parser->at += len;
    return true;
}

static int take_constant(struct parser *parser)
{
    if (take_name(parser, "null"))
        rp_write_nil(parser->out);
    else if (take_name(parser, "true"))
        rp_write_bool(parser->out, true);
    else if (take_name(parser, "false"))
        rp_write_bool(parser->out, false);
    else
        return -EBADMSG;
    return 0;
}

/* ---- lists and maps -------------------------------------------------------------------------- */

/* Room for the longest head is left where a list or map begins, and closed when it is known how
 * long it is. Each byte is moved once for each list or map it stands in. */
enum { HEAD_MAX = 5 };

static size_t open_container(struct parser *parser)
{
    rp_buf_append(parser->out, "\0\0\0\0", HEAD_MAX);
    return parser->out->len;
}

/* @body: where its items begin. @small, @medium: MessagePack's bytes for up to 15 and up to 65535
 * items; the one for more follows. */
static int close_container(struct parser *parser, size_t body, uint32_t items, unsigned char small,
                           unsigned char medium)
{
    struct rp_buf *out = parser->out;
    unsigned char head[HEAD_MAX];
    size_t size = items < 16 ? 1 : items <= UINT16_MAX ? 3 : HEAD_MAX;
    uint32_t wide = htonl(items);
    uint16_t narrow = htons((uint16_t)items);

    if (out->error)
        return out->error;
    head[0] = (unsigned char)(size == 1 ? small | items : medium + (uint32_t)(size == HEAD_MAX));
    if (size == 3)
        memcpy(head + 1, &narrow, sizeof(narrow));
    else if (size == HEAD_MAX)
        memcpy(head + 1, &wide, sizeof(wide));
    memcpy(out->data + body - HEAD_MAX, head, size);
    memmove(out->data + body - HEAD_MAX + size, out->data + body, out->len - body);
    out->len -= HEAD_MAX - size;
    out->data[out->len] = '\0';
    return 0;
}

static int take_value(struct parser *parser, int depth);

static int take_list(struct parser *parser, int depth)
{
    size_t body = open_container(parser);
    uint32_t items = 0;

    parser->at++;
    if (!take(parser, ']')) {
        if (depth == RP_MESSAGE_DEPTH_MAX)
            return -EBADMSG;
        do {
            int r = take_value(parser, depth + 1);

            if (r < 0)
                return r;
            items++;
        } while (take(parser, ','));
        if (!take(parser, ']'))
            return -EBADMSG;
    }
    return close_container(parser, body, items, 0x90, 0xdc);
}

static int take_member(struct parser *parser, int depth)
{
    struct rp_slice key;
    int r;

    if (peek(parser) != '"')
        return -EBADMSG;
    r = take_string(parser, &key);
    if (r < 0)
        return r;
    rp_write_slice(parser->out, key);
    if ((key.len && key.ptr[0] == '$') || !take(parser, ':'))
        return -EBADMSG;
    return take_value(parser, depth);
}

/* The bits of a float, in hexadecimal digits. */
static bool parse_bits(struct rp_slice text, double *ret)
{
    struct parser parser = { .at = text.ptr, .end = text.ptr + text.len };
    uint64_t bits = 0;

    if (text.len != 16)
        return false;
    for (int i = 0; i < 4; i++) {
        uint32_t part;

        if (!take_hex4(&parser, &part))
            return false;
        bits = bits << 16 | part;
    }
    memcpy(ret, &bits, sizeof(*ret));
    return true;
}

static int write_special(struct parser *parser, const char *kind, struct rp_slice text)
{
    double value;

    if (strcmp(kind, "$float") == 0) {
        if (!parse_bits(text, &value))
            return -EBADMSG;
        rp_write_double(parser->out, value);
        return 0;
    }
    rp_buf_reset(&parser->bytes);
    if (!rp_base64_decode(&parser->bytes, text))
        return -EBADMSG;
    if (parser->bytes.error)
        return parser->bytes.error;
    if (strcmp(kind, "$text") == 0)
        rp_write_slice(parser->out, rp_buf_slice(&parser->bytes));
    else
        rp_write_bytes(parser->out, rp_buf_slice(&parser->bytes));
    return 0;
}

/* At the first key of an object, which begins with `$`. */
static int take_special(struct parser *parser)
{
    static const char *const kinds[] = { "$bytes", "$text", "$float" };
    const char *kind = NULL;
    struct rp_slice text;
    int r = take_string(parser, &text);

    if (r < 0)
        return r;
    for (size_t i = 0; i < RP_ARRAY_LEN(kinds); i++)
        if (rp_slice_eq_str(text, kinds[i]))
            kind = kinds[i];
    if (!kind || !take(parser, ':') || peek(parser) != '"')
        return -EBADMSG;
    r = take_string(parser, &text);
    if (r == 0)
        r = write_special(parser, kind, text);
    return r == 0 && !take(parser, '}') ? -EBADMSG : r;
}

static int take_map(struct parser *parser, int depth)
{
    uint32_t fields = 0;
    size_t body;

    parser->at++;
    if (peek(parser) == '"' && parser->end - parser->at > 1 && parser->at[1] == '$')
        return take_special(parser);
    body = open_container(parser);
    if (!take(parser, '}')) {
        if (depth == RP_MESSAGE_DEPTH_MAX)
            return -EBADMSG;
        do {
            int r = take_member(parser, depth + 1);

            if (r < 0)
                return r;
            fields++;
        } while (take(parser, ','));
        if (!take(parser, '}'))
            return -EBADMSG;
    }
    return close_container(parser, body, fields, 0x80, 0xde);
}

/* @depth: lists and maps around it. */
static int take_value(struct parser *parser, int depth)
{
    struct rp_slice text;
    int r;

    switch (peek(parser)) {
    case '{':
        return take_map(parser, depth);
    case '[':
        return take_list(parser, depth);
    case '"':
        r = take_string(parser, &text);
        if (r == 0)
            rp_write_slice(parser->out, text);
        return r;
    case '-':
    case '0' ... '9':
        return take_number(parser);
    default:
        return take_constant(parser);
    }
}

int rp_message_from_json(struct rp_slice json, struct rp_buf *packed)
{
    struct parser parser = { .at = json.ptr, .end = json.ptr + json.len, .out = packed };
    int r;

    if (!rp_message_is_json(json))
        return -EBADMSG;
    rp_buf_init(&parser.text, json.len);
    rp_buf_init(&parser.bytes, json.len);
    r = take_value(&parser, 0);
    if (r == 0)
        r = packed->error;
    if (r == 0) {
        skip_blanks(&parser);
        r = parser.at == parser.end ? 0 : -EBADMSG;
    }
    rp_buf_deinit(&parser.text);
    rp_buf_deinit(&parser.bytes);
    return r;
}
