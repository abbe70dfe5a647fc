/* SPDX-License-Identifier: MIT */
#include "app/request_options.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "app/targets.h"
#include "base/alloc.h"
#include "base/base64.h"

enum { HEAD_MAX = RP_REQUEST_HEAD_MAX };

static int add_header_lines(struct rp_request_options *options, struct rp_slice text,
                            const char *path, struct rp_error *err)
{
    for (int line = 1; text.len; line++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        struct rp_slice row = rp_slice(text.ptr, len);
        struct rp_header header;

        text = rp_slice(text.ptr + len + (end != NULL), text.len - len - (end != NULL));
        if (row.len && row.ptr[row.len - 1] == '\r')
            row.len--;
        if (!row.len || row.ptr[0] == '#')
            continue;
        if (!rp_header_split(row, &header)) {
            rp_error_set(err, -RP_EUSER, "a header field is NAME: VALUE");
            rp_error_place(err, path, line);
            return -RP_EUSER;
        }
        rp_buf_append(&options->headers, &header, sizeof(header));
    }
    return options->headers.error;
}

/* @FILE: the file's bytes stay where they are read to; header fields point into them. */
static int add_header_file(struct rp_request_options *options, const char *path, const char *origin,
                           struct rp_error *err)
{
    struct rp_buf text;
    char *bytes;
    size_t len;
    int r;

    rp_buf_init(&text, HEAD_MAX);
    r = rp_read_whole(path, &text, err);
    if (r < 0) {
        rp_buf_deinit(&text);
        return r == -RP_EUSER ? rp_error_prefix(err, r, origin) : r;
    }
    len = text.len;
    bytes = rp_buf_take(&text);
    if (!bytes)
        return len ? -ENOMEM : 0;
    rp_buf_append(&options->files, &bytes, sizeof(bytes));
    if (options->files.error) {
        rp_free(bytes);
        return options->files.error;
    }
    return add_header_lines(options, rp_slice(bytes, len), path, err);
}

static struct rp_header *find_header(const struct rp_request_options *options, struct rp_slice name)
{
    struct rp_header *headers = (struct rp_header *)(void *)options->headers.data;

    for (size_t i = 0; i < options->headers.len / sizeof(*headers); i++)
        if (rp_slice_ieq(headers[i].name, name))
            return &headers[i];
    return NULL;
}

static void ask_for_compressed(struct rp_request_options *options)
{
    static const struct rp_header field = { RP_SLICE("Accept-Encoding"),
                                            RP_SLICE("gzip, deflate, br, zstd") };

    if (!find_header(options, field.name))
        rp_buf_append(&options->headers, &field, sizeof(field));
}

static int add_headers(struct rp_request_options *options, const struct rp_cli *cli,
                       struct rp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < cli->given_count; i++) {
        const char *text = cli->given[i].value;
        struct rp_header header;

        if (cli->given[i].option != &rp_options[RP_OPT_HEADER])
            continue;
        if (text[0] == '@') {
            r = add_header_file(options, text + 1, cli->given[i].origin, err);
            continue;
        }
        rp_assert(rp_header_split(rp_slice_str(text), &header)); /* the parser has seen to that */
        rp_buf_append(&options->headers, &header, sizeof(header));
    }
    if (r == 0 && cli->flags[RP_OPT_COMPRESSED])
        ask_for_compressed(options);
    return r < 0 ? r : options->headers.error;
}

static int check_json(struct rp_request_options *options, struct rp_error *err)
{
    json_error_t where; /* whose text quotes what it has met, which may be a password */
    json_t *json = json_loadb(rp_buf_str(&options->body), options->body.len, JSON_DECODE_ANY,
                              &where);

    if (!json)
        return rp_error_set(err, -RP_EUSER,
                            "--json: what is to be sent is not JSON; the mistake is at byte %d",
                            where.position);
    json_decref(json);
    return 0;
}

static int take_body(struct rp_request_options *options, const struct rp_cli *cli,
                     struct rp_error *err)
{
    static const enum rp_option_id ids[] = { RP_OPT_BODY, RP_OPT_BODY_FILE, RP_OPT_JSON };
    int r = 0;

    for (size_t i = 0; r == 0 && i < RP_ARRAY_LEN(ids); i++) {
        const char *text = rp_cli_value(cli, ids[i]).value;
        bool is_file = ids[i] == RP_OPT_BODY_FILE ||
                       (ids[i] == RP_OPT_JSON && text && *text == '@');

        if (!text)
            continue;
        if (options->has_body) {
            rp_error_set(err, -RP_EUSER,
                         "a request has one body: give one of --body, --body-file "
                         "and --json");
            return -RP_EUSER;
        }
        options->has_body = true;
        options->is_json = ids[i] == RP_OPT_JSON;
        if (is_file)
            r = rp_read_whole(text + (ids[i] == RP_OPT_JSON), &options->body, err);
        else
            rp_buf_append_str(&options->body, text);
        if (r == -RP_EUSER)
            rp_error_prefix(err, r, rp_options[ids[i]].name);
        if (r == 0)
            r = options->body.error;
    }
    return r == 0 && options->is_json ? check_json(options, err) : r;
}

/* ---- cookies --------------------------------------------------------------------------------- */

static int check_cookie(const char *text, struct rp_error *err)
{
    const char *equals = strchr(text, '='); /* the parser has seen to that */

    if (rp_cookie_is_name(rp_slice(text, (size_t)(equals - text))) &&
        rp_cookie_is_value(rp_slice_str(equals + 1)))
        return 0;
    return rp_error_set(err, -RP_EUSER,
                        "--cookie: a cookie has no ';', no control character and no blank at its "
                        "ends");
}

/* All of them in one field, behind those that --header gives. */
static int add_cookies(struct rp_request_options *options, const struct rp_cli *cli,
                       struct rp_error *err)
{
    struct rp_header *given = find_header(options, RP_SLICE("Cookie"));
    struct rp_buf *field = &options->cookies;
    int r = 0;

    if (given)
        rp_buf_append_slice(field, given->value);
    for (size_t i = 0; r == 0 && i < cli->given_count; i++) {
        if (cli->given[i].option != &rp_options[RP_OPT_COOKIE])
            continue;
        r = check_cookie(cli->given[i].value, err);
        if (field->len)
            rp_buf_append_str(field, "; ");
        rp_buf_append_str(field, cli->given[i].value);
    }
    if (r < 0 || field->error)
        return r < 0 ? r : field->error;
    if (given) {
        given->value = rp_buf_slice(field);
    } else if (field->len) {
        const struct rp_header header = { RP_SLICE("Cookie"), rp_buf_slice(field) };

        rp_buf_append(&options->headers, &header, sizeof(header));
    }
    return options->headers.error;
}

/* ---- who it is ------------------------------------------------------------------------------- */

/* The text of an option, or of the file that it names: its first line. */
static int read_secret(enum rp_option_id id, const char *text, struct rp_buf *out,
                       struct rp_error *err)
{
    int r;

    if (text[0] != '@') {
        rp_buf_append_str(out, text);
        return out->error;
    }
    r = rp_read_whole(text + 1, out, err);
    if (r < 0)
        return r == -RP_EUSER ? rp_error_prefix(err, r, rp_options[id].name) : r;
    out->len = strcspn(rp_buf_str(out), "\r\n");
    return out->error;
}

static int refuse_auth(struct rp_error *err, const char *message)
{
    return rp_error_set(err, -RP_EUSER, "%s", message);
}

static int add_authorization(struct rp_request_options *options, struct rp_error *err)
{
    const struct rp_header header = { RP_SLICE("Authorization"), rp_buf_slice(&options->auth) };

    if (find_header(options, header.name))
        return refuse_auth(err, "give one of --auth, --bearer and -H 'Authorization: ...'");
    rp_buf_append(&options->headers, &header, sizeof(header));
    return options->auth.error ? options->auth.error : options->headers.error;
}

static int add_user(struct rp_request_options *options, const struct rp_cli *cli, const char *text,
                    struct rp_error *err)
{
    struct rp_buf plain;
    const char *colon;
    int r;

    rp_buf_init(&plain, HEAD_MAX);
    r = read_secret(RP_OPT_AUTH, text, &plain, err);
    colon = r == 0 && plain.len ? memchr(plain.data, ':', plain.len) : NULL;
    if (r == 0 && (!colon || colon == plain.data))
        r = refuse_auth(err, "--auth: a user name, ':' and a password are expected");
    if (r == 0 && cli->flags[RP_OPT_DIGEST]) {
        size_t user = (size_t)(colon - plain.data);

        rp_buf_append_slice(&options->auth, rp_buf_slice(&plain));
        r = options->auth.error;
        if (r == 0) {
            options->digest_user = rp_slice(options->auth.data, user);
            options->digest_password = rp_slice(options->auth.data + user + 1,
                                                options->auth.len - user - 1);
        }
    } else if (r == 0) {
        rp_buf_append_str(&options->auth, "Basic ");
        rp_base64_append(&options->auth, rp_buf_slice(&plain));
        r = add_authorization(options, err);
    }
    rp_buf_deinit(&plain);
    return r;
}

static int add_auth(struct rp_request_options *options, const struct rp_cli *cli,
                    struct rp_error *err)
{
    const char *user = rp_cli_value(cli, RP_OPT_AUTH).value;
    const char *token = rp_cli_value(cli, RP_OPT_BEARER).value;
    int r;

    if (cli->flags[RP_OPT_DIGEST] && !user)
        return refuse_auth(err, "--digest: --auth USER:PASSWORD says who it is");
    if (user && token)
        return refuse_auth(err, "give one of --auth and --bearer");
    if (user)
        return add_user(options, cli, user, err);
    if (!token)
        return 0;
    rp_buf_append_str(&options->auth, "Bearer ");
    if (token[0] == '@') {
        struct rp_buf text;

        rp_buf_init(&text, HEAD_MAX);
        r = read_secret(RP_OPT_BEARER, token, &text, err);
        rp_buf_append_slice(&options->auth, rp_buf_slice(&text));
        rp_buf_deinit(&text);
        if (r < 0)
            return r;
    } else {
        rp_buf_append_str(&options->auth, token);
    }
    return add_authorization(options, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

int rp_request_options_init(struct rp_request_options *ret, const struct rp_cli *cli,
                            struct rp_error *err)
{
    int r;

    *ret = (struct rp_request_options){ .has_body = false };
    rp_buf_init(&ret->headers, HEAD_MAX);
    rp_buf_init(&ret->files, HEAD_MAX);
    rp_buf_init(&ret->cookies, HEAD_MAX);
    rp_buf_init(&ret->auth, HEAD_MAX);
    rp_buf_init(&ret->kind, HEAD_MAX);
    rp_buf_init(&ret->body, RP_REQUESTS_MAX_BYTES);
    r = add_headers(ret, cli, err);
    if (r == 0)
        r = add_cookies(ret, cli, err);
    if (r == 0)
        r = add_auth(ret, cli, err);
    if (r == 0)
        r = take_body(ret, cli, err);
    if (r == 0)
        r = rp_request_options_form(ret, cli, err);
    return r;
}

void rp_request_options_deinit(struct rp_request_options *options)
{
    char **files = (char **)(void *)options->files.data;

    for (size_t i = 0; i < options->files.len / sizeof(*files); i++)
        rp_free(files[i]);
    rp_buf_deinit(&options->files);
    rp_buf_deinit(&options->cookies);
    rp_buf_deinit(&options->auth);
    rp_buf_deinit(&options->kind);
    rp_buf_deinit(&options->headers);
    rp_buf_deinit(&options->body);
}
