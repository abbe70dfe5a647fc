/* SPDX-License-Identifier: MIT */

/* Bodies, URLs and names of subprotocols as trace.h shows them: text only, not too much of it, and nothing that
 * is a secret by its name or by its look. */

#include <string.h>

#include "base/text.h"
#include "http/trace.h"
#include "proto/url.h"

enum { BODY_MAX = 2048, LINE_COLS = 1000 };

/* A name that contains one of these has a secret for its value. */
static const char *const secrets[] = { "pass", "pwd",     "secret",    "token",     "auth",
                                       "key",  "session", "cookie",    "signature", "credential",
                                       "otp",  "jwt",     "assertion", "bearer" };

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool is_secret(struct rp_slice name)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(secrets); i++) {
        size_t len = strlen(secrets[i]);

        for (size_t at = 0; at + len <= name.len; at++)
            if (rp_slice_ieq(rp_slice(name.ptr + at, len), rp_slice(secrets[i], len)))
                return true;
    }
    return false;
}

/* How many bytes of @rest, which follows a name, stand before the value: 0 when none follows. */
static size_t before_value(struct rp_slice rest)
{
    size_t at = 0;

    while (at < rest.len && rest.ptr[at] == '\\') /* JSON within a text of JSON */
        at++;
    if (at < rest.len && (rest.ptr[at] == '"' || rest.ptr[at] == '\''))
        at++;
    while (at < rest.len && rest.ptr[at] == ' ')
        at++;
    if (at == rest.len || (rest.ptr[at] != ':' && rest.ptr[at] != '='))
        return 0;
    at++;
    while (at < rest.len && rest.ptr[at] == ' ')
        at++;
    return at;
}

/* The length of the value that @rest begins with, the quotes included: JSON's, or a form's. */
static size_t value_len(struct rp_slice rest)
{
    char quote = rest.len ? rest.ptr[0] : '\0';
    size_t at = 0;

    if (quote != '"' && quote != '\'') {
        while (at < rest.len && !strchr("&,;}]\r\n", rest.ptr[at]))
            at++;
        return at;
    }
    for (at = 1; at < rest.len && rest.ptr[at] != quote; at++)
        at += rest.ptr[at] == '\\' && at + 1 < rest.len;
    return at < rest.len ? at + 1 : at;
}

/* JSON that is a list or an object is no secret itself: what is in it has names of its own. */
static bool is_compound(struct rp_slice rest)
{
    return rest.len && (rest.ptr[0] == '{' || rest.ptr[0] == '[');
}

static void append_masked(struct rp_buf *out, struct rp_slice body)
{
    while (body.len) {
        size_t name = 0, gap, value;
        struct rp_slice rest;

        while (name < body.len && is_of_name(body.ptr[name]))
            name++;
        if (name == 0) {
            rp_buf_append(out, body.ptr, 1);
            body = rp_slice(body.ptr + 1, body.len - 1);
            continue;
        }
        rp_buf_append(out, body.ptr, name);
        rest = rp_slice(body.ptr + name, body.len - name);
        gap = before_value(rest);
        body = rest;
        if (gap == 0 || !is_secret(rp_slice(rest.ptr - name, name)))
            continue;
        rp_buf_append(out, rest.ptr, gap);
        body = rp_slice(rest.ptr + gap, rest.len - gap);
        if (is_compound(body))
            continue;
        value = value_len(body);
        rp_buf_append_str(out, "***");
        body = rp_slice(body.ptr + value, body.len - value);
    }
}

/* Text is UTF-8 without control characters. The last character of one that is cut may be incomplete. */
static bool is_text(struct rp_slice body, bool is_cut)
{
    for (size_t at = 0; at < body.len;) {
        struct rp_rune rune = rp_rune_decode(rp_slice(body.ptr + at, body.len - at));

        if (!rune.is_valid)
            return is_cut && body.len - at < 4;
        if (rune.code < ' ' && rune.code != '\n' && rune.code != '\r' && rune.code != '\t')
            return false;
        at += rune.len;
    }
    return true;
}

static void append_lines(struct rp_buf *out, struct rp_slice text)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct rp_slice line = rp_slice(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
        size_t taken = line.len + (end ? 1 : 0);

        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len)
            rp_text_append(out, line, LINE_COLS);
        rp_buf_append_str(out, "\n");
        text = rp_slice(text.ptr + taken, text.len - taken);
    }
}

size_t rp_trace_append_body(struct rp_buf *out, struct rp_slice body, uint64_t bytes)
{
    struct rp_slice start = rp_slice(body.ptr, body.len < BODY_MAX ? body.len : BODY_MAX);
    struct rp_buf masked;

    if (!start.len || !is_text(start, start.len < bytes))
        return 0;
    rp_buf_init(&masked, (size_t)4 * BODY_MAX);
    append_masked(&masked, start);
    if (masked.error)
        out->error = masked.error;
    append_lines(out, rp_buf_slice(&masked));
    rp_buf_deinit(&masked);
    return start.len;
}

/* ---- URLs ------------------------------------------------------------------------------------ */

/* "sig" is that of a signed URL of Azure; in a longer name it means too many other things. */
static bool is_secret_parameter(struct rp_slice name)
{
    return is_secret(name) || rp_slice_ieq(name, RP_SLICE("sig"));
}

static void append_query(struct rp_buf *out, struct rp_slice query)
{
    while (query.len) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t len = end ? (size_t)(end - query.ptr) : query.len;
        const char *equals = memchr(query.ptr, '=', len);
        struct rp_slice name = rp_slice(query.ptr, equals ? (size_t)(equals - query.ptr) : len);

        if (equals && is_secret_parameter(name)) {
            rp_buf_append(out, query.ptr, name.len + 1);
            rp_buf_append_str(out, "***");
        } else {
            rp_buf_append(out, query.ptr, len);
        }
        if (end)
            rp_buf_append_str(out, "&");
        query = rp_slice(query.ptr + len + (end != NULL), query.len - len - (end != NULL));
    }
}

void rp_trace_append_url(struct rp_buf *out, struct rp_slice url)
{
    const char *mark = url.len ? memchr(url.ptr, '?', url.len) : NULL;
    size_t path = mark ? (size_t)(mark + 1 - url.ptr) : url.len;
    struct rp_buf masked;

    rp_buf_init(&masked, SIZE_MAX);
    rp_url_append_public(rp_slice(url.ptr, path), &masked);
    append_query(&masked, rp_slice(url.ptr + path, url.len - path));
    if (masked.error)
        out->error = masked.error;
    if (masked.len)
        rp_text_append(out, rp_buf_slice(&masked), LINE_COLS);
    rp_buf_deinit(&masked);
}

/* ---- subprotocols ---------------------------------------------------------------------------- */

/* Of the name of a subprotocol; of one of its words; of the changes between small letters, capitals and
 * digits in a word and in a name. A word may begin with a capital, which is no change. */
enum { NAME_MAX_LEN = 24, WORD_MAX = 16, DIGITS_MAX = 4, WORD_CHANGES = 2, NAME_CHANGES = 3 };

static char kind_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return 'a';
    if (c >= 'A' && c <= 'Z')
        return 'A';
    return c >= '0' && c <= '9' ? '0' : '\0';
}

/* Whether a person may have made up @name, as "v12.stomp" or "graphql-transport-ws", and no random
 * generator has. */
static bool looks_like_a_name(struct rp_slice name)
{
    unsigned len = 0, digits = 0, word_changes = 0, name_changes = 0;
    char last = '\0';

    for (size_t i = 0; i < name.len; i++) {
        char kind = kind_of(name.ptr[i]);

        if (!kind) {
            len = digits = word_changes = 0;
            continue;
        }
        if (len && kind != last && !(len == 1 && last == 'A' && kind == 'a')) {
            word_changes++;
            name_changes++;
        }
        len++;
        digits += kind == '0';
        last = kind;
        if (len > WORD_MAX || digits > DIGITS_MAX || word_changes > WORD_CHANGES)
            return false;
    }
    return name.len <= NAME_MAX_LEN && name_changes <= NAME_CHANGES;
}

void rp_trace_append_protocols(struct rp_buf *out, struct rp_slice value)
{
    bool is_after_secret = false; /* "bearer, TOKEN" */

    while (value.len) {
        const char *comma = memchr(value.ptr, ',', value.len);
        struct rp_slice name = rp_slice(value.ptr, comma ? (size_t)(comma - value.ptr) : value.len);
        size_t taken = name.len + (comma ? 1 : 0);
        bool sounds_secret;

        value = rp_slice(value.ptr + taken, value.len - taken);
        name = rp_slice_trim(name);
        sounds_secret = is_secret(name);
        if (is_after_secret || sounds_secret || !looks_like_a_name(name))
            rp_buf_append_str(out, "***");
        else if (name.len)
            rp_text_append(out, name, LINE_COLS);
        rp_buf_append_str(out, comma ? ", " : "");
        is_after_secret = sounds_secret;
    }
}
