/* SPDX-License-Identifier: MIT */
#include "app/call_url.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "app/python_find.h"
#include "app/python_tool.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "plan/duration.h"
#include "proto/url.h"

enum { URL_MAX = 64 * 1024, WORDS_MAX = 512, ANSWER_MAX = 2 * RP_REQUESTS_MAX_BYTES };

#define EXAMPLE "write it like grpc://127.0.0.1:50051/package.Service/Method"

/* ---- URLs ------------------------------------------------------------------------------------ */

static bool has_scheme(struct rp_slice text, struct rp_slice scheme)
{
    return text.len > scheme.len && rp_slice_ieq(rp_slice(text.ptr, scheme.len), scheme);
}

bool rp_is_call_url(struct rp_slice text)
{
    return has_scheme(text, RP_SLICE("grpc://")) || has_scheme(text, RP_SLICE("grpcs://"));
}

/* "/package.Service/Method" */
static bool is_method(struct rp_slice path)
{
    const char *slash = path.len > 1 ? memchr(path.ptr + 1, '/', path.len - 1) : NULL;
    const char *end = path.ptr + path.len;

    return slash && slash > path.ptr + 1 && slash + 1 < end &&
           !memchr(slash + 1, '/', (size_t)(end - slash) - 1);
}

/* The text of @ret is the URL of HTTP that @text stands for. */
static int translate(struct rp_slice text, const struct rp_url *url, struct rp_call_url *ret)
{
    bool is_tls = rp_slice_ieq(url->scheme, RP_SLICE("grpcs"));
    const char *rest = text.ptr + url->scheme.len;
    size_t target;

    rp_buf_append_str(&ret->text, is_tls ? "https" : "http");
    target = ret->text.len + (size_t)(url->path.ptr - rest);
    rp_buf_append(&ret->text, rest, text.len - url->scheme.len);
    if (ret->text.error)
        return ret->text.error;
    ret->target = rp_slice(ret->text.data, target);
    ret->path = rp_slice(ret->text.data + target, url->path.len);
    return 0;
}

int rp_call_url_parse(struct rp_slice text, struct rp_call_url *ret, struct rp_error *err)
{
    struct rp_url url;
    int r;

    *ret = (struct rp_call_url){ 0 };
    rp_buf_init(&ret->text, URL_MAX);
    if (text.len > URL_MAX)
        return rp_error_set(err, -RP_EUSER, "the URL is too long");
    r = rp_url_parse_call(text, &url, err);
    if (r == -RP_EUSER)
        rp_error_hint(err, EXAMPLE);
    if (r < 0)
        return r;
    if (!is_method(url.path) || url.has_query || url.fragment.ptr) {
        rp_error_set(err, -RP_EUSER,
                     "the URL of a call has the method as its path, and nothing else");
        rp_error_hint(err, EXAMPLE);
        return -RP_EUSER;
    }
    return translate(text, &url, ret);
}

void rp_call_url_deinit(struct rp_call_url *url)
{
    rp_buf_deinit(&url->text);
}

/* ---- options --------------------------------------------------------------------------------- */

int rp_call_check_options(const struct rp_cli *cli, struct rp_error *err)
{
    static const enum rp_option_id of_http[] = { RP_OPT_METHOD,       RP_OPT_FORM,
                                                 RP_OPT_COOKIE,       RP_OPT_DIGEST,
                                                 RP_OPT_FOLLOW,       RP_OPT_COMPRESSED,
                                                 RP_OPT_EXPECT_STATUS };

    for (size_t i = 0; i < RP_ARRAY_LEN(of_http); i++)
        if (cli->flags[of_http[i]] || rp_cli_value(cli, of_http[i]).value)
            return rp_error_set(err, -RP_EUSER,
                                "%s is for requests of HTTP; a call of gRPC has none",
                                cli->flags[of_http[i]] ? rp_options[of_http[i]].name
                                                       : rp_cli_value(cli, of_http[i]).origin);
    if (cli->flags[RP_OPT_NO_HTTP2])
        return rp_error_set(err, -RP_EUSER,
                            "--no-http2 is not possible with calls of gRPC, which stand on HTTP/2");
    return 0;
}

/* Fields that gRPC and HTTP/2 have for themselves. */
static bool is_reserved(struct rp_slice name)
{
    static const char *const names[] = {
        "content-type",      "te",         "host",    "connection",      "content-length",
        "transfer-encoding", "keep-alive", "upgrade", "proxy-connection"
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++)
        if (rp_slice_ieq(name, rp_slice_str(names[i])))
            return true;
    return name.len >= 5 && rp_slice_ieq(rp_slice(name.ptr, 5), RP_SLICE("grpc-"));
}

static bool is_name(struct rp_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return name.len > 0;
}

static bool is_base64(struct rp_slice text)
{
    struct rp_buf out, padded;
    bool is_good;

    rp_buf_init(&out, URL_MAX);
    rp_buf_init(&padded, URL_MAX);
    rp_buf_append_slice(&padded, text);
    while (padded.len % 4 && !padded.error)
        rp_buf_append(&padded, "=", 1);
    is_good = rp_base64_decode(&out, rp_buf_slice(&padded)) && !padded.error && !out.error;
    rp_buf_deinit(&out);
    rp_buf_deinit(&padded);
    return is_good;
}

static bool is_binary(struct rp_slice name)
{
    return name.len > 4 && rp_slice_ieq(rp_slice(name.ptr + name.len - 4, 4), RP_SLICE("-bin"));
}

static bool is_printable(struct rp_slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return false;
    return true;
}

int rp_call_check_metadata(const struct rp_header *headers, size_t count, struct rp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct rp_slice name = headers[i].name;

        if (!is_name(name))
            return rp_error_set(
                err, -RP_EUSER,
                "'%.*s' is no name of metadata: those have letters, digits, '-', '_' and "
                "'.' only",
                RP_SLICE_FMT(name));
        if (is_reserved(name))
            return rp_error_set(err, -RP_EUSER, "'%.*s' is a field of gRPC itself, and no metadata",
                                RP_SLICE_FMT(name));
        if (is_binary(name) && !is_base64(headers[i].value)) {
            rp_error_set(err, -RP_EUSER, "the value of '%.*s' is no base64", RP_SLICE_FMT(name));
            rp_error_hint(err, "metadata whose name ends in -bin is bytes, and is given as base64");
            return -RP_EUSER;
        }
        if (!is_printable(headers[i].value))
            return rp_error_set(err, -RP_EUSER,
                                "the value of '%.*s' has other characters than printable ASCII",
                                RP_SLICE_FMT(name));
    }
    return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */

bool rp_call_has_schema(const struct rp_cli *cli)
{
    return rp_cli_value(cli, RP_OPT_PROTO).value != NULL;
}

/* The kind of the call and, in the next line, the message as base64. */
static int read_answer(struct rp_slice answer, enum rp_request_kind *ret_kind, struct rp_buf *out)
{
    const char *end = answer.len ? memchr(answer.ptr, '\n', answer.len) : NULL;
    struct rp_slice kind, message;

    if (!end)
        return -EBADMSG;
    kind = rp_slice(answer.ptr, (size_t)(end - answer.ptr));
    message = rp_slice_trim(rp_slice(end + 1, answer.len - kind.len - 1));
    if (message.len && message.ptr[message.len - 1] == '\n')
        message.len--;
    *ret_kind = rp_slice_eq_str(kind, "stream")          ? RP_REQUEST_STREAM
                : rp_slice_eq_str(kind, "client_stream") ? RP_REQUEST_CLIENT_STREAM
                                                         : RP_REQUEST_UNARY;
    if (!rp_base64_decode(out, message))
        return -EBADMSG;
    return out->error;
}

/* Ways to the server that the question does not know, and those that it goes. */
static int check_ways(const struct rp_cli *cli, struct rp_error *err)
{
    static const enum rp_option_id unknown[] = { RP_OPT_RESOLVE,     RP_OPT_CONNECT_TO,
                                                 RP_OPT_UNIX_SOCKET, RP_OPT_LOCAL_IPS,
                                                 RP_OPT_DNS,         RP_OPT_NO_PROXY };

    for (size_t i = 0; i < RP_ARRAY_LEN(unknown); i++) {
        if (!rp_cli_value(cli, unknown[i]).value)
            continue;
        rp_error_set(err, -RP_EUSER,
                     "the server cannot be asked what its messages look like beside %s",
                     rp_options[unknown[i]].name);
        rp_error_hint(err, "give the .proto file or a descriptor set with --proto FILE");
        return -RP_EUSER;
    }
    return 0;
}

/* As rampa.Options has them. */
static json_t *options_of(const struct rp_cli *cli)
{
    static const struct {
        enum rp_option_id id;
        const char *name;
    } known[] = { { RP_OPT_CACERT, "tls_ca" },
                  { RP_OPT_CERT, "tls_cert" },
                  { RP_OPT_KEY, "tls_key" },
                  { RP_OPT_TLS_MIN, "tls_min_version" },
                  { RP_OPT_TLS_MAX, "tls_max_version" },
                  { RP_OPT_CIPHERS, "tls_cipher_suites" },
                  { RP_OPT_ALLOW_IPS, "allow_ips" },
                  { RP_OPT_PROXY, "proxy" } };
    json_t *options = json_object();

    for (size_t i = 0; options && i < RP_ARRAY_LEN(known); i++) {
        const char *value = rp_cli_value(cli, known[i].id).value;

        if (value && json_object_set_new(options, known[i].name, json_string(value)) < 0) {
            json_decref(options);
            return NULL;
        }
    }
    if (options && cli->flags[RP_OPT_INSECURE] &&
        json_object_set_new(options, "insecure_skip_tls_verify", json_true()) < 0) {
        json_decref(options);
        return NULL;
    }
    return options;
}

static json_t *metadata_of(const struct rp_call_request *request)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < request->metadata_count; i++) {
        const struct rp_header *field = &request->metadata[i];
        json_t *pair = json_pack("[s%, s%]", field->name.ptr, field->name.len,
                                 field->value.len ? field->value.ptr : "", field->value.len);

        if (json_array_append_new(list, pair) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Seconds, for the question too; 0 = none is given. */
static double timeout_of(const struct rp_cli *cli)
{
    const char *value = rp_cli_value(cli, RP_OPT_TIMEOUT).value;
    rp_ns timeout = 0;

    if (value && rp_duration_parse(rp_slice_str(value), &timeout, NULL) < 0)
        return 0; /* which is told where the option is read */
    return (double)timeout / RP_S;
}

static char *question_of(const struct rp_cli *cli, const struct rp_call_request *request)
{
    struct rp_slice json = request->json.len ? request->json : RP_SLICE("{}");
    json_t *question = json_pack("{s:s%, s:s%, s:f, s:o, s:o}", "json", json.ptr, json.len, "url",
                                 request->url.ptr, request->url.len, "timeout", timeout_of(cli),
                                 "metadata", metadata_of(request), "options", options_of(cli));
    char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;

    json_decref(question);
    return text;
}

static int list_words(const struct rp_cli *cli, const char *method, const char **words)
{
    size_t count = 3;

    words[2] = method;
    for (size_t i = 0; i < cli->given_count && count < WORDS_MAX; i++)
        if (cli->given[i].option == &rp_options[RP_OPT_PROTO])
            words[count++] = cli->given[i].value;
    return count < WORDS_MAX ? 0 : -E2BIG;
}

int rp_call_encode(const struct rp_cli *cli, const struct rp_call_request *request,
                   enum rp_request_kind *ret_kind, struct rp_buf *ret_message, struct rp_error *err)
{
    const char *words[WORDS_MAX + 1] = { "rampa._grpc_tool", "message" };
    char *method = rp_strndup(request->path.ptr, request->path.len), *python = NULL;
    struct rp_python_tool tool = { 0 };
    struct rp_buf answer;
    char *question = question_of(cli, request);
    int r = method && question ? rp_python_find(rp_cli_value(cli, RP_OPT_PYTHON).value, &python)
                               : -ENOMEM;

    rp_buf_init(&answer, ANSWER_MAX);
    if (r == 0 && list_words(cli, method, words) < 0)
        r = rp_error_set(err, -RP_EUSER, "--proto: at most %d files can be given", WORDS_MAX - 4);
    if (r == 0 && !rp_call_has_schema(cli))
        r = check_ways(cli, err);
    if (r == 0) {
        r = rp_python_tool_start(&tool, python, words, rp_slice_str(question), &answer, err);
        rp_python_tool_end(&tool);
    }
    if (r == 0)
        r = read_answer(rp_buf_slice(&answer), ret_kind, ret_message);
    if (r == -EBADMSG)
        r = rp_error_set(err, -RP_EUSER, "'%s', which encodes messages, gave no answer", python);
    rp_buf_deinit(&answer);
    rp_free(python);
    rp_free(method);
    free(question);
    return r;
}
