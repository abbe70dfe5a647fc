/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct range {
    uint32_t first, last;
};

/* Drawn on two columns by terminals: East Asian wide and emoji blocks. */
static const struct range wide[] = {
    { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },
    { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xa000, 0xa4cf },   { 0xa960, 0xa97f },
    { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
    { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18aff }, { 0x1b000, 0x1b2ff }, { 0x1f300, 0x1f64f },
    { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

/* Drawn on the character before. */
static const struct range combining[] = {
    { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },   { 0x064b, 0x065f },
    { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x1ab0, 0x1aff },   { 0x1dc0, 0x1dff },
    { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0x2060, 0x2060 },   { 0xfe00, 0xfe0f },
    { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
};

/* Steer a terminal or turn the direction of the text around them. */
static const struct range harmful[] = {
    { 0x0000, 0x0008 }, { 0x000b, 0x000c }, { 0x000e, 0x001f }, { 0x007f, 0x009f },
    { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    }
    return false;
}

static uint8_t rune_cols(uint32_t code)
{
    if (code < 0x300)
        return 1;
    if (in_ranges(code, combining, RP_ARRAY_LEN(combining)))
        return 0;
    return in_ranges(code, wide, RP_ARRAY_LEN(wide)) ? 2 : 1;
}

/* The length a UTF-8 sequence announces by its first byte, and that byte's payload; 0 when it
 * cannot start one. */
static uint8_t sequence_len(unsigned char first, uint32_t *ret_bits)
{
    if (first < 0x80) {
        *ret_bits = first;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *ret_bits = first & 0x1f;
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *ret_bits = first & 0x0f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *ret_bits = first & 0x07;
        return 4;
    }
    return 0;
}

struct rp_rune rp_rune_decode(struct rp_slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    struct rp_rune invalid = { .code = 0xfffd, .len = 1, .cols = 1, .is_valid = false };
    static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t code = 0;
    uint8_t len = sequence_len(p[0], &code);

    if (!len || len > text.len)
        return invalid;
    for (uint8_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return invalid;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return invalid;
    return (struct rp_rune){ .code = code, .len = len, .cols = rune_cols(code), .is_valid = true };
}

/* What is shown for @rune: @shown holds its bytes. Returns its columns. */
static size_t show_rune(struct rp_slice text, struct rp_rune rune, struct rp_slice *shown)
{
    if (rune.code == '\n' || rune.code == '\r' || rune.code == '\t') {
        *shown = RP_SLICE(" ");
        return 1;
    }
    if (!rune.is_valid || in_ranges(rune.code, harmful, RP_ARRAY_LEN(harmful))) {
        *shown = RP_SLICE(REPLACEMENT);
        return 1;
    }
    *shown = rp_slice(text.ptr, rune.len);
    return rune.cols;
}

static struct rp_slice skip(struct rp_slice text, size_t bytes)
{
    return rp_slice(text.ptr + bytes, text.len - bytes);
}

bool rp_name_is_valid(struct rp_slice name)
{
    enum { MOST_CHARACTERS = 255 };
    size_t count = 0;

    while (name.len) {
        struct rp_rune rune = rp_rune_decode(name);

        if (!rune.is_valid || rune.code < 0x20 || (rune.code >= 0x7f && rune.code <= 0x9f) ||
            (rune.code < 0x80 && strchr("\"'{}", (int)rune.code)) || ++count > MOST_CHARACTERS)
            return false;
        name = rp_slice(name.ptr + rune.len, name.len - rune.len);
    }
    return count > 0;
}

size_t rp_text_cols(struct rp_slice text)
{
    struct rp_slice shown;
    size_t cols = 0;

    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);

        cols += show_rune(text, rune, &shown);
        text = skip(text, rune.len);
    }
    return cols;
}

/* Appends the characters from column @from on that fit into @budget columns; a combining mark never
 * starts it. */
static size_t append_part(struct rp_buf *out, struct rp_slice text, size_t from, size_t budget)
{
    struct rp_slice shown;
    size_t at = 0, used = 0;

    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);
        size_t cols = show_rune(text, rune, &shown);

        if (at >= from && (cols || used)) {
            if (used + cols > budget)
                break;
            rp_buf_append_slice(out, shown);
            used += cols;
        }
        at += cols;
        text = skip(text, rune.len);
    }
    return used;
}

size_t rp_text_append(struct rp_buf *out, struct rp_slice text, size_t max_cols)
{
    size_t cols = rp_text_cols(text), head, tail, used;

    if (cols <= max_cols)
        return append_part(out, text, 0, cols);
    head = max_cols / 2;
    tail = max_cols - 1 - head;
    used = append_part(out, text, 0, head);
    rp_buf_append_str(out, RP_TEXT_ELLIPSIS);
    used++;
    if (tail)
        used += append_part(out, text, cols - tail, tail);
    return used;
}

void rp_text_fill(struct rp_buf *out, char byte, size_t count)
{
    for (; count; count--)
        rp_buf_append(out, &byte, 1);
}

void rp_text_pad(struct rp_buf *out, struct rp_slice text, size_t cols)
{
    size_t used = rp_text_append(out, text, cols);

    rp_text_fill(out, ' ', cols - used);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* At the beginning of a line, also behind blanks, GitHub takes it for one of its commands. */
static bool is_command(const char *word, size_t len)
{
    return len >= 2 && word[0] == ':' && word[1] == ':';
}

void rp_text_wrap(struct rp_buf *out, struct rp_slice text, size_t width, size_t indent,
                  size_t used)
{
    bool is_first = true;

    while (text.len) {
        size_t len = 0, cols;

        while (text.len && is_blank(text.ptr[0]))
            text = skip(text, 1);
        while (len < text.len && !is_blank(text.ptr[len]))
            len++;
        if (!len)
            break;
        cols = rp_text_cols(rp_slice(text.ptr, len));
        if (!is_first && used + 1 + cols > width && !is_command(text.ptr, len)) {
            rp_buf_append(out, "\n", 1);
            rp_text_fill(out, ' ', indent);
            used = indent;
        } else if (!is_first) {
            rp_buf_append(out, " ", 1);
            used++;
        }
        used += rp_text_append(out, rp_slice(text.ptr, len), SIZE_MAX);
        text = skip(text, len);
        is_first = false;
    }
}

void rp_text_utf8(struct rp_buf *out, struct rp_slice text)
{
    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);

        if (rune.is_valid)
            rp_buf_append(out, text.ptr, rune.len);
        else
            rp_buf_append_str(out, REPLACEMENT);
        text = skip(text, rune.len);
    }
}
