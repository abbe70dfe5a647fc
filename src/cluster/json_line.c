/* SPDX-License-Identifier: MIT */
#include "cluster/json_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes the character at @text has, or 0 when there is none: too long a form, a surrogate, beyond U+10FFFF. */
static size_t character(const unsigned char *text, size_t len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : 4;
    uint32_t code;

    if (size == 1)
        return 1;
    if (size > len || (size == 4 && text[0] >> 3 != 30))
        return 0;
    code = text[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < least[size] || code > 0x10ffff || code >> 11 == 0x1b ? 0 : size;
}

static void put_string(struct rp_buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);

    rp_buf_append(out, "\"", 1);
    while (left) {
        size_t size = character(p, left);

        if (!size) {
            size = 1;
            rp_buf_append(out, "\xef\xbf\xbd", 3);
        } else if (*p == '"' || *p == '\\') {
            rp_buf_append(out, "\\", 1);
            rp_buf_append(out, p, 1);
        } else if (*p < 0x20 || *p == 0x7f) {
            rp_buf_appendf(out, "\\u%04x", *p);
        } else {
            rp_buf_append(out, p, size);
        }
        p += size;
        left -= size;
    }
    rp_buf_append(out, "\"", 1);
}

static void put_key(struct rp_json_line *line, const char *key)
{
    if (line->has_member)
        rp_buf_append(line->out, ",", 1);
    line->has_member = true;
    if (!key)
        return;
    put_string(line->out, key);
    rp_buf_append(line->out, ":", 1);
}

void rp_line_open(struct rp_json_line *line, const char *key)
{
    put_key(line, key);
    rp_buf_append(line->out, "{", 1);
    line->has_member = false;
}

void rp_line_close(struct rp_json_line *line)
{
    rp_buf_append(line->out, "}", 1);
    line->has_member = true;
}

void rp_line_open_list(struct rp_json_line *line, const char *key)
{
    put_key(line, key);
    rp_buf_append(line->out, "[", 1);
    line->has_member = false;
}

void rp_line_close_list(struct rp_json_line *line)
{
    rp_buf_append(line->out, "]", 1);
    line->has_member = true;
}

void rp_line_text(struct rp_json_line *line, const char *key, const char *value)
{
    if (!value) {
        rp_line_null(line, key);
        return;
    }
    put_key(line, key);
    put_string(line->out, value);
}

void rp_line_i64(struct rp_json_line *line, const char *key, int64_t value)
{
    put_key(line, key);
    rp_buf_appendf(line->out, "%" PRId64, value);
}

void rp_line_u64(struct rp_json_line *line, const char *key, uint64_t value)
{
    put_key(line, key);
    rp_buf_appendf(line->out, "%" PRIu64, value);
}

void rp_line_number(struct rp_json_line *line, const char *key, double value)
{
    char text[40];

    if (!isfinite(value)) {
        rp_line_null(line, key);
        return;
    }
    put_key(line, key);
    if (value == rint(value) && fabs(value) < 0x1p53) {
        rp_buf_appendf(line->out, "%" PRId64, (int64_t)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (char *p = text; *p; p++) /* the locale's decimal point */
        if (*p == ',')
            *p = '.';
    rp_buf_append_str(line->out, text);
}

void rp_line_bool(struct rp_json_line *line, const char *key, bool value)
{
    put_key(line, key);
    rp_buf_append_str(line->out, value ? "true" : "false");
}

void rp_line_null(struct rp_json_line *line, const char *key)
{
    put_key(line, key);
    rp_buf_append_str(line->out, "null");
}
