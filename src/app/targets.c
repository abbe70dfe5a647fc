/* SPDX-License-Identifier: MIT */
#include "app/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/address.h"
#include "base/alloc.h"
#include "base/str.h"
#include "script/requests.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* A URL may stand where a file was wanted. */
static int fail_read(const char *path, int error, struct rp_error *err)
{
    char shown[PATH_MAX];

    return rp_error_set(err, -RP_EUSER, "%s cannot be read: %s",
                        rp_address_mask(path, shown, sizeof(shown)) ? shown : path,
                        strerror(error));
}

static int read_all(int fd, const char *path, struct rp_buf *out, struct rp_error *err)
{
    char chunk[65536];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_read(path, errno, err);
        if (n == 0)
            return 0;
        rp_buf_append(out, chunk, (size_t)n);
        if (out->error == -EMSGSIZE)
            return rp_error_set(err, -RP_EUSER, "%s has more than %zu bytes", path, out->max);
        if (out->error)
            return out->error;
    }
}

int rp_read_whole(const char *path, struct rp_buf *out, struct rp_error *err)
{
    int fd, r;

    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "the standard input", out, err);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_read(path, errno, err);
    r = read_all(fd, path, out, err);
    close(fd);
    return r;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool rp_header_split(struct rp_slice line, struct rp_header *ret)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;

    if (!colon)
        return false;
    ret->name = rp_slice_trim(rp_slice(line.ptr, (size_t)(colon - line.ptr)));
    ret->value = rp_slice_trim(rp_slice(colon + 1, (size_t)(line.ptr + line.len - colon - 1)));
    return ret->name.len;
}

/* The next line of @rest, without its end. */
static struct rp_slice take_line(struct rp_slice *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct rp_slice line = rp_slice(rest->ptr, len);

    *rest = rp_slice(rest->ptr + len + (end != NULL), rest->len - len - (end != NULL));
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* The next word of @rest, which loses it and the blanks behind it. */
static struct rp_slice take_word(struct rp_slice *rest)
{
    size_t len = 0;
    struct rp_slice word;

    while (len < rest->len && !is_blank(rest->ptr[len]))
        len++;
    word = rp_slice(rest->ptr, len);
    *rest = rp_slice_trim(rp_slice(rest->ptr + len, rest->len - len));
    return word;
}

static bool begins(struct rp_slice text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

static bool is_url(struct rp_slice word)
{
    const char *colon = memchr(word.ptr, ':', word.len);

    return word.ptr[0] == '/' ||
           (colon && begins(rp_slice(colon, (size_t)(word.ptr + word.len - colon)), "://"));
}

/* ---- requests -------------------------------------------------------------------------------- */

struct reader {
    const char *place;
    rp_target_fn *each;
    void *user;
    struct rp_error *err;
    int line;
    bool is_open; /* a request has begun */
    int began;    /* its line */
    struct rp_target_request target;
    struct rp_buf headers; /* of struct rp_header */
    struct rp_buf body;
};

RP_PRINTF(2, 3) static int fail(struct reader *reader, const char *fmt, ...);

static int fail(struct reader *reader, const char *fmt, ...)
{
    va_list args;
    char text[256];

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    rp_error_set(reader->err, -RP_EUSER, "%s", text);
    rp_error_place(reader->err, reader->place, reader->line);
    return -RP_EUSER;
}

/* Tells the request that is open, which is complete. */
static int finish(struct reader *reader)
{
    if (!reader->is_open)
        return 0;
    if (reader->headers.error || reader->body.error)
        return reader->headers.error ? reader->headers.error : reader->body.error;
    reader->is_open = false;
    reader->target.headers = (const struct rp_header *)(const void *)reader->headers.data;
    reader->target.header_count = reader->headers.len / sizeof(struct rp_header);
    reader->target.body = rp_buf_slice(&reader->body);
    return reader->each(reader->user, &reader->target, reader->began, reader->err);
}

static int read_weight(struct reader *reader, struct rp_slice text)
{
    int64_t weight;

    if (!rp_parse_i64(text, &weight) || weight < 1 || weight > RP_REQUEST_WEIGHT_MAX)
        return fail(reader, "weight must be a whole number from 1 to %d", RP_REQUEST_WEIGHT_MAX);
    reader->target.weight = (uint32_t)weight;
    return 0;
}

/* "GET http://host/path weight=3 name=the items". */
static int begin_request(struct reader *reader, struct rp_slice line)
{
    struct rp_slice word;
    int r = finish(reader);

    if (r < 0)
        return r;
    rp_buf_reset(&reader->headers);
    rp_buf_reset(&reader->body);
    reader->target = (struct rp_target_request){ .weight = 1 };
    reader->is_open = true;
    reader->began = reader->line;
    word = take_word(&line);
    if (!is_url(word)) {
        reader->target.method = word;
        word = take_word(&line);
    }
    if (!word.len || !is_url(word))
        return fail(reader, "a request begins with METHOD URL, as in GET http://127.0.0.1:8080/, "
                            "and a header field is NAME: VALUE");
    reader->target.url = word;
    while (r == 0 && line.len) {
        if (begins(line, "name=")) {
            reader->target.name = rp_slice_trim(rp_slice(line.ptr + 5, line.len - 5));
            if (!reader->target.name.len)
                return fail(reader, "the name behind name= is missing");
            return 0;
        }
        word = take_word(&line);
        if (!begins(word, "weight="))
            return fail(reader, "behind the URL only weight=NUMBER and name=TEXT may stand");
        r = read_weight(reader, rp_slice(word.ptr + 7, word.len - 7));
    }
    return r;
}

static int take_body_file(struct reader *reader, struct rp_slice path)
{
    char *name;
    int r;

    if (reader->target.has_body)
        return fail(reader, "the request has a body already");
    if (path.len == 1 && path.ptr[0] == '-' && strcmp(reader->place, RP_TARGETS_STDIN) == 0)
        return fail(reader, "@- is the standard input, which is this list itself");
    reader->target.has_body = true;
    name = rp_strndup(path.ptr, path.len);
    if (!name)
        return -ENOMEM;
    r = rp_read_whole(name, &reader->body, reader->err);
    rp_free(name);
    if (r == -RP_EUSER)
        rp_error_place(reader->err, reader->place, reader->line);
    return r;
}

static void take_body_line(struct reader *reader, struct rp_slice text)
{
    if (text.len && text.ptr[0] == ' ')
        text = rp_slice(text.ptr + 1, text.len - 1);
    if (reader->target.has_body)
        rp_buf_append(&reader->body, "\n", 1);
    reader->target.has_body = true;
    rp_buf_append_slice(&reader->body, text);
}

/* Whether the line is of a header: a colon ends its first word, or stands in it. */
static bool is_header(struct rp_slice line)
{
    size_t len = 0;

    while (len < line.len && !is_blank(line.ptr[len]))
        len++;
    return memchr(line.ptr, ':', len) && !is_url(rp_slice(line.ptr, len));
}

/* Whether the line is the address of a server without a scheme, which looks like a header field:
 * "localhost:8080/items", "10.0.0.5:8080". */
static bool is_address(struct rp_slice line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct rp_slice host = rp_slice(line.ptr, colon ? (size_t)(colon - line.ptr) : 0);

    return host.len && colon + 1 < line.ptr + line.len && colon[1] >= '0' && colon[1] <= '9' &&
           (memchr(host.ptr, '.', host.len) || rp_slice_eq(host, RP_SLICE("localhost")));
}

static int take(struct reader *reader, struct rp_slice whole)
{
    struct rp_slice line = rp_slice_trim(whole);
    struct rp_header header;
    bool is_part;

    if (!line.len || line.ptr[0] == '#')
        return 0;
    if (is_address(line))
        return fail(reader, "the URL has no scheme: write http:// before it");
    is_part = line.ptr[0] == '@' || line.ptr[0] == '|' || is_header(line);
    if (!is_part)
        return begin_request(reader, line);
    if (!reader->is_open)
        return fail(reader,
                    "no request stands above this line; it begins with METHOD URL, as in GET "
                    "http://127.0.0.1:8080/");
    if (line.ptr[0] == '@')
        return take_body_file(reader, rp_slice(line.ptr + 1, line.len - 1));
    if (line.ptr[0] == '|') {
        const char *bar = memchr(whole.ptr, '|', whole.len); /* blanks behind it are the body's */

        take_body_line(reader, rp_slice(bar + 1, (size_t)(whole.ptr + whole.len - bar - 1)));
        return 0;
    }
    if (!rp_header_split(line, &header))
        return fail(reader, "the name of the header field is missing");
    rp_buf_append(&reader->headers, &header, sizeof(header));
    return 0;
}

int rp_targets_read(struct rp_slice text, const char *place, rp_target_fn *each, void *user,
                    struct rp_error *err)
{
    struct reader reader = { .place = place, .each = each, .user = user, .err = err };
    int r = 0;

    rp_buf_init(&reader.headers, RP_REQUESTS_MAX_BYTES);
    rp_buf_init(&reader.body, RP_REQUESTS_MAX_BYTES);
    while (r == 0 && text.len) {
        reader.line++;
        r = take(&reader, take_line(&text));
    }
    if (r == 0)
        r = finish(&reader);
    rp_buf_deinit(&reader.headers);
    rp_buf_deinit(&reader.body);
    return r;
}
