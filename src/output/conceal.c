/* SPDX-License-Identifier: MIT */
#include "output/conceal.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/str.h"
#include "base/text.h"
#include "proto/url.h"

enum {
    WORDS_MAX = 1 << 20, /* bytes, also of a line */
    /* What is shorter is part of many texts, or no secret: "api", "write", "0.1.0". */
    PASSWORD_MIN = 4,
    VALUE_MIN = 6,
    SEGMENT_MIN = 8,
    APPENDED_MIN = 1000
};

void rp_conceal_init(struct rp_conceal *conceal)
{
    rp_buf_init(&conceal->words, WORDS_MAX);
}

void rp_conceal_deinit(struct rp_conceal *conceal)
{
    rp_buf_deinit(&conceal->words);
}

/* ---- what is secret -------------------------------------------------------------------------- */

static void add(struct rp_conceal *conceal, struct rp_slice word, size_t least)
{
    if (word.len < least || memchr(word.ptr, '\0', word.len))
        return;
    rp_buf_append_slice(&conceal->words, word);
    rp_buf_append(&conceal->words, "", 1);
}

/* As it is written in a URL, and as it is meant. */
static void add_part(struct rp_conceal *conceal, struct rp_slice part, size_t least)
{
    struct rp_buf decoded;

    rp_buf_init(&decoded, WORDS_MAX);
    rp_url_append_decoded(part, &decoded);
    add(conceal, part, least);
    if (!rp_slice_eq(part, rp_buf_slice(&decoded)))
        add(conceal, rp_buf_slice(&decoded), least);
    if (decoded.error)
        conceal->words.error = decoded.error;
    rp_buf_deinit(&decoded);
}

static struct rp_slice until(struct rp_slice text, const char *ends)
{
    size_t len = 0;

    while (len < text.len && !strchr(ends, text.ptr[len]))
        len++;
    return rp_slice(text.ptr, len);
}

static struct rp_slice behind(struct rp_slice text, size_t len)
{
    return len < text.len ? rp_slice(text.ptr + len, text.len - len)
                          : rp_slice(text.ptr + text.len, 0);
}

static void add_userinfo(struct rp_conceal *conceal, struct rp_slice userinfo)
{
    struct rp_slice user = until(userinfo, ":");
    struct rp_buf plain, basic;

    if (!userinfo.len)
        return;
    rp_buf_init(&plain, WORDS_MAX);
    rp_buf_init(&basic, WORDS_MAX);
    rp_url_append_decoded(userinfo, &plain);
    rp_base64_append(&basic, rp_buf_slice(&plain));
    add_part(conceal, user, PASSWORD_MIN);
    add_part(conceal, behind(userinfo, user.len + 1), PASSWORD_MIN);
    add(conceal, rp_buf_slice(&basic), PASSWORD_MIN);
    if (plain.error || basic.error)
        conceal->words.error = plain.error ? plain.error : basic.error;
    rp_buf_deinit(&plain);
    rp_buf_deinit(&basic);
}

static void add_path(struct rp_conceal *conceal, struct rp_slice path)
{
    while (path.len) {
        struct rp_slice segment = until(path, "/");

        add_part(conceal, segment, SEGMENT_MIN);
        path = behind(path, segment.len + 1);
    }
}

/* Without these an error says little: "database not found: ***". */
static bool is_public(struct rp_slice name)
{
    static const char *const names[] = { "db", "rp", "org", "bucket", "precision" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (rp_slice_eq_str(name, names[i]))
            return true;
    return false;
}

static void add_query(struct rp_conceal *conceal, struct rp_slice query)
{
    while (query.len) {
        struct rp_slice pair = until(query, "&"), name = until(pair, "=");

        if (!is_public(name))
            add_part(conceal, name.len < pair.len ? behind(pair, name.len + 1) : name,
                     PASSWORD_MIN);
        query = behind(query, pair.len + 1);
    }
}

void rp_conceal_add_url(struct rp_conceal *conceal, const char *text)
{
    struct rp_slice url = rp_slice_str(text), rest;
    const char *scheme = strstr(text, "://");

    add_userinfo(conceal, rp_url_userinfo(url));
    rest = scheme ? behind(url, (size_t)(scheme - text) + 3) : url;
    rest = behind(rest, until(rest, "/?#").len);
    add_path(conceal, until(rest, "?#"));
    rest = behind(rest, until(rest, "?#").len + 1);
    add_query(conceal, until(rest, "#"));
}

void rp_conceal_add_value(struct rp_conceal *conceal, struct rp_slice value)
{
    size_t last = value.len;

    while (last > 0 && value.ptr[last - 1] != ' ')
        last--;
    add(conceal, value, VALUE_MIN);
    if (last > 0)
        add(conceal, behind(value, last), VALUE_MIN);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* How many bytes at the beginning of @text are the longest secret that it begins with. */
static size_t begins_with(const struct rp_conceal *conceal, struct rp_slice text)
{
    size_t longest = 0, len;

    for (size_t at = 0; at < conceal->words.len; at += len + 1) {
        const char *word = conceal->words.data + at;

        len = strlen(word);
        if (len > longest && len <= text.len && memcmp(word, text.ptr, len) == 0)
            longest = len;
    }
    return longest;
}

static void append(const struct rp_conceal *conceal, struct rp_slice text, size_t enough,
                   struct rp_buf *out)
{
    while (text.len && out->len < enough && !out->error) {
        size_t secret = begins_with(conceal, text);

        rp_buf_append(out, secret ? "***" : text.ptr, secret ? 3 : 1);
        text = behind(text, secret ? secret : 1);
    }
}

void rp_conceal_append(const struct rp_conceal *conceal, struct rp_slice text, struct rp_buf *out)
{
    append(conceal, text, out->len + APPENDED_MIN, out);
}

void rp_conceal_append_lines(const struct rp_conceal *conceal, const char *text, struct rp_buf *out)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        rp_conceal_append(conceal, rp_slice(text, len), out);
        rp_buf_append_str(out, text[len] ? "\n" : "");
        text += len + (text[len] == '\n');
    }
}

void rp_conceal_append_printed(const struct rp_conceal *conceal, struct rp_slice line,
                               struct rp_buf *out)
{
    struct rp_buf plain;

    rp_buf_init(&plain, WORDS_MAX);
    append(conceal, line, SIZE_MAX, &plain);
    rp_text_append(out, rp_buf_slice(&plain), SIZE_MAX);
    rp_buf_deinit(&plain);
}
