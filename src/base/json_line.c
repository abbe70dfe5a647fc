/* SPDX-License-Identifier: MIT */
#include "base/json_line.h"

#include <inttypes.h>
#include <math.h>

#include "base/str.h"

static void put_escaped(struct rp_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[] = "\\u00xx";

    if (c == '"' || c == '\\') {
        text[1] = (char)c;
        rp_buf_append(out, text, 2);
        return;
    }
    text[4] = hex[c >> 4];
    text[5] = hex[c & 15];
    rp_buf_append(out, text, 6);
}

void rp_line_string(struct rp_buf *out, struct rp_slice text)
{
    size_t plain = 0; /* bytes in front of @text that go as they are */

    rp_buf_append(out, "\"", 1);
    while (text.len > plain) {
        unsigned char c = (unsigned char)text.ptr[plain];
        size_t size = rp_utf8_size(rp_slice(text.ptr + plain, text.len - plain));

        if (size && c >= 0x20 && c != 0x7f && c != '"' && c != '\\') {
            plain += size;
            continue;
        }
        rp_buf_append(out, text.ptr, plain);
        if (size)
            put_escaped(out, c);
        else
            rp_buf_append(out, "\xef\xbf\xbd", 3);
        text = rp_slice(text.ptr + plain + 1, text.len - plain - 1);
        plain = 0;
    }
    rp_buf_append_slice(out, text);
    rp_buf_append(out, "\"", 1);
}

static void put_key(struct rp_json_line *line, const char *key)
{
    if (line->has_member)
        rp_buf_append(line->out, ",", 1);
    line->has_member = true;
    if (!key)
        return;
    rp_line_string(line->out, rp_slice_str(key));
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
    rp_line_string(line->out, rp_slice_str(value));
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
    char text[RP_DOUBLE_TEXT];

    if (!isfinite(value)) {
        rp_line_null(line, key);
        return;
    }
    put_key(line, key);
    if (value == rint(value) && fabs(value) < 0x1p53) {
        rp_buf_appendf(line->out, "%" PRId64, (int64_t)value);
        return;
    }
    rp_buf_append(line->out, text, rp_format_double(value, text));
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
