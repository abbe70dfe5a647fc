/* SPDX-License-Identifier: MIT */
#include "app/url_run.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/call_url.h"
#include "app/request_options.h"
#include "app/script_file.h"
#include "app/targets.h"
#include "base/alloc.h"
#include "http/http.h"
#include "plan/duration.h"
#include "proto/url.h"
#include "script/requests.h"
#include "ws/ws.h"

enum { METHOD_MAX = 32, HEAD_MAX = RP_REQUEST_HEAD_MAX, MAX_REDIRECTS = 10 };

/* What holds for every request that does not say otherwise. */
struct maker {
    const struct rp_cli *cli;
    struct rp_buf *out;
    struct rp_slice method; /* empty: GET, or POST with a body */
    struct rp_request_options options;
    const char *base_url; /* NULL: URLs must be whole */
    const char *place;    /* of the list of targets, or NULL */
    struct rp_buf merged, url;
    size_t count, socket_count;
    struct rp_buf weights; /* uint32_t of each request */
};

static const struct rp_header *headers_of(const struct rp_buf *buf, size_t *ret_count)
{
    *ret_count = buf->len / sizeof(struct rp_header);
    return (const struct rp_header *)(const void *)buf->data;
}

static bool has_header(const struct rp_header *headers, size_t count, struct rp_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (rp_slice_ieq(headers[i].name, name))
            return true;
    return false;
}

/* ---- WebSockets ------------------------------------------------------------------------------- */

static struct rp_slice subprotocol_of(const struct rp_cli *cli)
{
    const char *name = rp_cli_value(cli, RP_OPT_SUBPROTOCOL).value;

    return name ? rp_slice_str(name) : rp_slice(NULL, 0);
}

/* What a WebSocket has no use for. */
static int refuse_options(const struct rp_cli *cli, struct rp_error *err)
{
    static const enum rp_option_id ids[] = { RP_OPT_COMPRESSED, RP_OPT_EXPECT_STATUS, RP_OPT_FOLLOW,
                                             RP_OPT_DIGEST, RP_OPT_FORM };

    for (size_t i = 0; i < RP_ARRAY_LEN(ids); i++)
        if (cli->flags[ids[i]] || rp_cli_value(cli, ids[i]).value)
            return rp_error_set(
                err, -RP_EUSER, "%s is for requests of HTTP; a WebSocket has no use for it",
                cli->flags[ids[i]] ? rp_options[ids[i]].name : rp_cli_value(cli, ids[i]).origin);
    return 0;
}

static int check_socket(const struct rp_cli *cli, const struct rp_one_request *request,
                        struct rp_error *err)
{
    struct rp_slice protocol = subprotocol_of(cli);
    const struct rp_ws_spec spec = { .http = { .url = request->url,
                                               .headers = request->headers,
                                               .header_count = request->header_count },
                                     .protocols = &protocol,
                                     .protocol_count = protocol.ptr != NULL };
    int r = refuse_options(cli, err);

    if (r == 0 && !rp_slice_eq_str(request->method, "GET")) {
        rp_error_set(err, -RP_EUSER, "a WebSocket is opened with GET, not with '%.*s'",
                     RP_SLICE_FMT(request->method));
        rp_error_hint(err, "--body, --body-file and --json say what is sent when it is open");
        return -RP_EUSER;
    }
    r = r < 0 ? r : rp_ws_check_spec(&spec, err);
    if (r == -RP_EUSER && protocol.ptr && !*protocol.ptr)
        rp_error_prefix(err, r, "--subprotocol");
    return r;
}

/* ---- one request ----------------------------------------------------------------------------- */

/* Its own header fields, and those of the options that it does not have itself. */
static void merge_headers(struct maker *maker, const struct rp_target_request *target,
                          bool is_socket)
{
    static const struct rp_header json = { RP_SLICE("Content-Type"), RP_SLICE("application/json") };
    const struct rp_header *more, *merged;
    size_t count, merged_count;

    rp_buf_reset(&maker->merged);
    rp_buf_append(&maker->merged, target->headers, target->header_count * sizeof(*target->headers));
    more = headers_of(&maker->options.headers, &count);
    for (size_t i = 0; i < count; i++)
        if (!has_header(target->headers, target->header_count, more[i].name))
            rp_buf_append(&maker->merged, &more[i], sizeof(more[i]));
    merged = headers_of(&maker->merged, &merged_count);
    if (maker->options.is_json && !is_socket && !target->has_body &&
        !has_header(merged, merged_count, json.name))
        rp_buf_append(&maker->merged, &json, sizeof(json));
}

/* Whether the client can send it: what it would refuse when the run begins is told before. */
static int check(struct maker *maker, const struct rp_one_request *request, struct rp_error *err)
{
    struct rp_buf target, authority, head;
    struct rp_url url;
    bool is_socket = rp_request_is_socket(request);
    int r = is_socket ? check_socket(maker->cli, request, err)
                      : rp_http_check_url(request->url, err);

    if (r == 0)
        r = rp_url_parse(request->url, &url, err);
    if (r < 0)
        return r;
    rp_buf_init(&target, HEAD_MAX);
    rp_buf_init(&authority, HEAD_MAX);
    rp_buf_init(&head, HEAD_MAX);
    rp_url_append_target(&url, &target);
    rp_url_append_authority(&url, &authority);
    r = target.error ? target.error : authority.error;
    if (r == 0) {
        const struct rp_request_head line = { .method = request->method,
                                              .target = rp_buf_slice(&target),
                                              .authority = rp_buf_slice(&authority),
                                              .headers = request->headers,
                                              .header_count = request->header_count,
                                              .has_body = request->has_body && !is_socket,
                                              .body_bytes = is_socket ? 0 : request->body.len };

        r = rp_request_append_head(&line, &head, err);
    }
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "the head of the request has more than %d bytes",
                         HEAD_MAX);
    rp_buf_deinit(&target);
    rp_buf_deinit(&authority);
    rp_buf_deinit(&head);
    return r;
}

/* What is behind the request in the list. */
static int append(struct maker *maker, const struct rp_one_request *request, struct rp_error *err)
{
    rp_requests_append(maker->out, request);
    rp_buf_append(&maker->weights, &request->weight, sizeof(request->weight));
    maker->count++;
    if (maker->out->error == -EMSGSIZE)
        return rp_error_set(err, -RP_EUSER, "the requests have more than %d MiB in all",
                            RP_REQUESTS_MAX_BYTES >> 20);
    return maker->out->error;
}

/* ---- calls of gRPC --------------------------------------------------------------------------- */

/* Chooses the message, and whether the call is a stream, which only a schema tells. */
static int fill_call(struct maker *maker, struct rp_one_request *request, struct rp_buf *message,
                     struct rp_error *err)
{
    struct rp_slice body = rp_buf_slice(&maker->options.body);
    bool is_json = maker->options.is_json;
    struct rp_call_request wanted = { .url = request->url,
                                      .path = request->method,
                                      .json = is_json ? body : RP_SLICE(""),
                                      .metadata = request->headers,
                                      .metadata_count = request->header_count };
    int r = 0;

    request->body = body;
    if (is_json || rp_call_has_schema(maker->cli))
        r = rp_call_encode(maker->cli, &wanted, &request->kind, message, err);
    if (is_json)
        request->body = rp_buf_slice(message);
    return r;
}

static int check_call(struct maker *maker, const struct rp_one_request *call,
                      const struct rp_call_url *url, struct rp_error *err)
{
    struct rp_one_request http = *call;
    int r = rp_call_check_metadata(call->headers, call->header_count, err);

    http.method = RP_SLICE("POST");
    http.url = rp_buf_slice(&url->text);
    return r < 0 ? r : check(maker, &http, err);
}

static int add_call(struct maker *maker, struct rp_slice text, struct rp_error *err)
{
    struct rp_one_request request = { .kind = RP_REQUEST_UNARY, .weight = 1, .has_body = true };
    struct rp_call_url url;
    struct rp_buf message;
    int r = rp_call_url_parse(text, &url, err);

    rp_buf_init(&message, RP_REQUESTS_MAX_BYTES);
    request.url = url.target;
    request.method = url.path;
    request.headers = headers_of(&maker->options.headers, &request.header_count);
    if (r == 0)
        r = check_call(maker, &request, &url, err);
    if (r == 0)
        r = fill_call(maker, &request, &message, err);
    if (r == 0)
        r = append(maker, &request, err);
    rp_buf_deinit(&message);
    rp_call_url_deinit(&url);
    return r;
}

/* ---- requests of HTTP ------------------------------------------------------------------------ */

/* Methods are written in capital letters; few people type them so. */
static struct rp_slice upper(struct rp_slice method, char out[METHOD_MAX])
{
    if (method.len > METHOD_MAX)
        return method;
    for (size_t i = 0; i < method.len; i++)
        out[i] = (char)toupper((unsigned char)method.ptr[i]);
    return rp_slice(out, method.len);
}

/* The URL itself, or relative to the base in @maker->url. */
static int resolve_url(struct maker *maker, struct rp_slice text, struct rp_slice *ret,
                       struct rp_error *err)
{
    struct rp_url base;
    int r;

    *ret = text;
    if (!maker->base_url || !text.len || text.ptr[0] != '/')
        return 0;
    r = rp_url_parse(rp_slice_str(maker->base_url), &base, err);
    rp_buf_reset(&maker->url);
    if (r == 0)
        r = rp_url_resolve(&base, text, &maker->url, err);
    *ret = rp_buf_slice(&maker->url);
    return r;
}

static int add(void *user, const struct rp_target_request *target, int line, struct rp_error *err)
{
    struct maker *maker = user;
    struct rp_one_request request = { .name = target->name, .weight = target->weight };
    char method[METHOD_MAX];
    int r = rp_is_call_url(target->url)
                ? rp_error_set(err, -RP_EUSER, "a list of targets has no calls of gRPC")
                : resolve_url(maker, target->url, &request.url, err);
    bool is_socket = r == 0 && rp_request_is_socket(&request);

    request.has_body = target->has_body || maker->options.has_body;
    request.body = target->has_body ? target->body : rp_buf_slice(&maker->options.body);
    request.method = target->method.len               ? target->method
                     : maker->method.len              ? maker->method
                     : request.has_body && !is_socket ? RP_SLICE("POST")
                                                      : RP_SLICE("GET");
    request.method = upper(request.method, method);
    merge_headers(maker, target, is_socket);
    request.headers = headers_of(&maker->merged, &request.header_count);
    if (r == 0)
        r = maker->merged.error;
    if (r == 0)
        r = check(maker, &request, err);
    if (r == -RP_EUSER && is_socket && err && err->hint && strstr(err->hint, "like http://127"))
        rp_error_hint(err, "write it like ws://127.0.0.1:8080/path");
    if (r == -RP_EUSER && maker->place)
        rp_error_place(err, maker->place, line);
    if (r < 0)
        return r;
    maker->socket_count += is_socket;
    return append(maker, &request, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int begin(struct maker *maker, const struct rp_cli *cli, struct rp_error *err)
{
    const char *timeout = rp_cli_value(cli, RP_OPT_TIMEOUT).value;
    const char *statuses = rp_cli_value(cli, RP_OPT_EXPECT_STATUS).value;
    uint16_t expected[RP_STATUSES_MAX][2];
    struct rp_requests_common common = { 0 };
    int r = 0;

    if (timeout)
        r = rp_duration_parse(rp_slice_str(timeout), &common.timeout, err);
    if (r == 0 && timeout && !common.timeout)
        r = rp_error_set(err, -RP_EUSER, "--timeout: it must be more than 0s");
    if (r == 0 && statuses) {
        r = rp_statuses_parse(statuses, "--expect-status", expected, RP_STATUSES_MAX,
                              &common.expected_count, err);
        common.expected = (const uint16_t(*)[2])expected;
    }
    if (cli->flags[RP_OPT_FOLLOW])
        common.max_redirects = MAX_REDIRECTS;
    common.digest_user = maker->options.digest_user;
    common.digest_password = maker->options.digest_password;
    common.subprotocol = subprotocol_of(cli);
    if (r == 0)
        rp_requests_begin(maker->out, &common);
    return r < 0 ? r : maker->out->error;
}

/* A word that may be a path of the server which --base-url names. */
static bool is_path(const struct rp_cli *cli, const char *word)
{
    size_t len = strlen(word);
    struct stat found;

    return rp_cli_value(cli, RP_OPT_BASE_URL).value && word[0] == '/' &&
           (stat(word, &found) < 0 || S_ISDIR(found.st_mode)) && /* a folder is no script */
           !(len > 3 && strcmp(word + len - 3, ".py") == 0);
}

bool rp_is_url_run(const struct rp_cli *cli)
{
    return rp_cli_value(cli, RP_OPT_TARGETS).value || rp_script_is_url(cli->arguments[0]) ||
           is_path(cli, cli->arguments[0]);
}

static int make_label(struct rp_url_run *run, const struct rp_cli *cli)
{
    const char *targets = rp_cli_value(cli, RP_OPT_TARGETS).value;
    struct rp_buf label;

    rp_buf_init(&label, 1 << 20);
    if (targets)
        rp_buf_append_str(&label, strcmp(targets, "-") ? targets : RP_TARGETS_STDIN);
    else
        rp_url_append_public(rp_slice_str(cli->arguments[0]), &label);
    if (cli->argument_count > 1)
        rp_buf_appendf(&label, " and %zu more", cli->argument_count - 1);
    run->label = rp_buf_take(&label);
    return run->label ? 0 : -ENOMEM;
}

/* Here and not only where they have their turns: a list that cannot run is not valid. */
static int check_weights(struct maker *maker, struct rp_error *err)
{
    const uint32_t *weights = (const uint32_t *)(const void *)maker->weights.data;
    uint32_t divisor;

    if (maker->weights.error || maker->count < 2)
        return maker->weights.error;
    if (rp_requests_turns(weights, maker->count, &divisor) <= RP_REQUEST_TURNS_MAX)
        return 0;
    rp_error_place(err, maker->place, 0);
    rp_error_set(err, -RP_EUSER, "the weights need more than %d turns until their order repeats",
                 RP_REQUEST_TURNS_MAX);
    rp_error_hint(err, "give smaller weights, or such as have a common divisor");
    return -RP_EUSER;
}

static int read_targets(struct maker *maker, const char *path, struct rp_error *err)
{
    struct rp_buf text;
    int r;

    maker->place = strcmp(path, "-") ? path : RP_TARGETS_STDIN;
    rp_buf_init(&text, RP_REQUESTS_MAX_BYTES);
    r = rp_read_whole(path, &text, err);
    if (r == -RP_EUSER)
        rp_error_prefix(err, r, "--targets");
    if (r == 0)
        r = rp_targets_read(rp_buf_slice(&text), maker->place, add, maker, err);
    if (r == 0)
        r = check_weights(maker, err);
    rp_buf_deinit(&text);
    if (r == 0 && !maker->count) {
        rp_error_place(err, maker->place, 0);
        r = rp_error_set(err, -RP_EUSER, "has no request");
        rp_error_hint(err, "a request begins with METHOD URL, as in GET http://127.0.0.1:8080/");
    }
    return r;
}

/* Of any other option the last one counts, but of this one people give a list. */
static int check_subprotocol(const struct rp_cli *cli, struct rp_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < cli->given_count; i++)
        count += cli->given[i].option == &rp_options[RP_OPT_SUBPROTOCOL];
    if (count < 2)
        return 0;
    rp_error_set(err, -RP_EUSER, "--subprotocol is given %zu times: the server has to choose one",
                 count);
    rp_error_hint(err, "a script offers several: worker.ws.connect(url, protocols=[\"a\", \"b\"])");
    return -RP_EUSER;
}

/* Options that the URLs of the command line have no use for are refused before anything is asked of
 * their values. */
static int check_options(const struct rp_cli *cli, struct rp_error *err)
{
    int r = check_subprotocol(cli, err);

    for (size_t i = 0; r == 0 && i < cli->argument_count; i++) {
        const struct rp_one_request request = { .url = rp_slice_str(cli->arguments[i]) };

        if (rp_is_call_url(request.url))
            r = rp_call_check_options(cli, err);
        else if (rp_request_is_socket(&request))
            r = refuse_options(cli, err);
    }
    return r;
}

static int add_urls(struct maker *maker, const struct rp_cli *cli, struct rp_error *err)
{
    bool has_calls = false;
    int r = 0;

    for (size_t i = 0; r == 0 && i < cli->argument_count; i++) {
        const struct rp_target_request target = { .url = rp_slice_str(cli->arguments[i]),
                                                  .weight = 1 };
        bool is_call = rp_is_call_url(target.url);

        has_calls = has_calls || is_call;
        r = is_call ? add_call(maker, target.url, err) : add(maker, &target, 0, err);
    }
    if (r == 0 && !has_calls && rp_call_has_schema(cli))
        r = rp_error_set(err, -RP_EUSER,
                         "--proto is for calls of gRPC, whose URLs begin with grpc://");
    return r;
}

static void maker_deinit(struct maker *maker)
{
    rp_request_options_deinit(&maker->options);
    rp_buf_deinit(&maker->merged);
    rp_buf_deinit(&maker->url);
    rp_buf_deinit(&maker->weights);
}

int rp_url_run_init(struct rp_url_run *ret, const struct rp_cli *cli, struct rp_error *err)
{
    const char *targets = rp_cli_value(cli, RP_OPT_TARGETS).value;
    struct maker maker = { .cli = cli,
                           .out = &ret->requests,
                           .method = rp_slice_str(rp_cli_value(cli, RP_OPT_METHOD).value),
                           .base_url = rp_cli_value(cli, RP_OPT_BASE_URL).value };
    int r;

    *ret = (struct rp_url_run){ 0 };
    rp_buf_init(&ret->requests, RP_REQUESTS_MAX_BYTES);
    rp_buf_init(&maker.merged, HEAD_MAX);
    rp_buf_init(&maker.url, HEAD_MAX);
    rp_buf_init(&maker.weights, RP_REQUESTS_MAX_BYTES);
    r = check_options(cli, err);
    if (r == 0)
        r = rp_request_options_init(&maker.options, cli, err);
    if (r == 0)
        r = begin(&maker, cli, err);
    if (r == 0)
        r = targets ? read_targets(&maker, targets, err) : add_urls(&maker, cli, err);
    if (r == 0 && subprotocol_of(cli).ptr && !maker.socket_count)
        r = rp_error_set(err, -RP_EUSER,
                         "--subprotocol is for URLs that begin with ws:// or wss://");
    if (r == 0)
        r = make_label(ret, cli);
    maker_deinit(&maker);
    return r;
}

void rp_url_run_deinit(struct rp_url_run *run)
{
    rp_buf_deinit(&run->requests);
    rp_free(run->label);
    *run = (struct rp_url_run){ 0 };
}
