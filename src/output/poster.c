/* SPDX-License-Identifier: MIT */
#include "output/poster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "loop/loop.h"
#include "output/conceal.h"
#include "output/grpc_post.h"
#include "output/output_url.h"
#include "output/tls_probe.h"
#include "plan/proxy.h"
#include "proto/h2.h"

enum { H2_PROTOCOL_ERROR = 1 }; /* of RFC 9113 */
enum { SHOWN_MAX = 1024, ANSWER_COLS = 200, EXPLANATION_MAX = 2048, RESPONSE_MAX = 1 << 20 };

struct rp_poster {
    struct rp_buf url, shown;
    struct rp_header *headers;
    size_t header_count;
    struct rp_buf header_text;
    struct rp_conceal conceal;
    const char *ca_file, *cert_file, *key_file;
    bool is_insecure, compresses;
    bool (*is_passing)(unsigned status);
    const char *grpc_method;
    const char *proxy; /* of the environment; NULL = none */
    struct rp_slice proxy_place;
    bool uses_tls; /* with the server or with the proxy */
    rp_posted_fn *posted;
    void *user;

    struct rp_loop *loop;
    struct rp_http_client *client;
    struct rp_http_session *session;
    struct rp_http_template *template; /* of the body that is sent */
    struct rp_http_call call;
    struct rp_http_response response;
    struct rp_grpc_post *grpc;  /* in place of all from the session on; NULL = bodies go by POST */
    struct rp_tls_probe *probe; /* of the last body, until its answer is taken; NULL = none */
};

/* ---- sending --------------------------------------------------------------------------------- */

static void answered_by_grpc(void *user)
{
    struct rp_poster *poster = user;

    poster->posted(poster->user);
}

static void answered(struct rp_http_call *call)
{
    struct rp_poster *poster = rp_container_of(call, struct rp_poster, call);

    rp_http_template_unref(poster->template);
    poster->template = NULL;
    poster->posted(poster->user);
}

int rp_poster_send(struct rp_poster *poster, struct rp_slice body, rp_ns timeout,
                   struct rp_error *err)
{
    const struct rp_http_spec spec = { .method = RP_SLICE("POST"),
                                       .url = rp_buf_slice(&poster->url),
                                       .headers = poster->headers,
                                       .header_count = poster->header_count,
                                       .body = body,
                                       .has_body = true };
    int r;

    if (poster->grpc)
        return rp_grpc_post_send(poster->grpc, body, timeout, err);
    rp_http_response_deinit(&poster->response);
    poster->response = (struct rp_http_response){ .status = 0 };
    r = rp_http_template_new(poster->client, &spec, &poster->template, err);
    if (r < 0)
        return r;
    poster->call = (struct rp_http_call){ .template = poster->template,
                                          .response = &poster->response,
                                          .timeout = timeout,
                                          .done = answered };
    rp_http_start(poster->session, &poster->call);
    return 0;
}

bool rp_poster_is_sending(const struct rp_poster *poster)
{
    return poster->grpc ? rp_grpc_post_is_sending(poster->grpc) : poster->template != NULL;
}

struct rp_loop *rp_poster_loop(const struct rp_poster *poster)
{
    return poster->loop;
}

/* ---- answers --------------------------------------------------------------------------------- */

static const struct rp_http_response *response_of(const struct rp_poster *poster)
{
    return poster->grpc ? &rp_grpc_post_call(poster->grpc)->response : &poster->response;
}

static rp_ns read_retry_after(const struct rp_http_response *response)
{
    struct rp_slice name, value;
    size_t pos = 0;
    int64_t seconds;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("retry-after")) && rp_parse_i64(value, &seconds) &&
            seconds >= 0)
            return seconds > 3600 ? 3600 * RP_S : seconds * RP_S;
    return -1;
}

/* There was no answer: what no second try will heal. */
static bool is_lasting_failure(int code)
{
    return (code >= RP_HTTP_DNS && code < RP_HTTP_TCP) ||
           (code >= RP_HTTP_UNKNOWN_AUTHORITY && code <= RP_HTTP_EXPIRED) ||
           code == RP_HTTP_PROXY_AUTH || code == RP_HTTP_PROXY_REFUSED;
}

static const char *remedy_of(unsigned status, int code)
{
    if (status == 401 || status == 403)
        return "check its token, or user name and password";
    if (status == 407 || code == RP_HTTP_PROXY_AUTH)
        return "write the proxy as http://USER:PASSWORD@HOST:PORT";
    return NULL;
}

/* A refused certificate: whoever has an option against that knows its name. */
static void note_certificate(int code, struct rp_answer *answer)
{
    answer->is_untrusted = code >= RP_HTTP_UNKNOWN_AUTHORITY && code <= RP_HTTP_EXPIRED;
    answer->is_of_stranger = code == RP_HTTP_UNKNOWN_AUTHORITY;
}

static struct rp_answer answer_to_post(const struct rp_poster *poster)
{
    const struct rp_http_response *response = &poster->response;
    unsigned status = response->status;
    struct rp_answer answer = { .is_taken = status >= 200 && status < 300,
                                .body = rp_buf_slice(&response->body),
                                .wait = read_retry_after(response),
                                .remedy = remedy_of(status, response->error_code) };

    if (!status) {
        answer.is_passing = true;
        answer.is_lasting = is_lasting_failure(response->error_code);
        note_certificate(response->error_code, &answer);
    } else if (!answer.is_taken) {
        answer.is_passing = poster->is_passing ? poster->is_passing(status)
                                               : status == 429 || status >= 500;
        answer.is_lasting = status == 401 || status == 403 || status == 404 || status == 407;
    }
    return answer;
}

static struct rp_answer answer_to_call(const struct rp_poster *poster)
{
    const struct rp_grpc_call *call = rp_grpc_post_call(poster->grpc);
    struct rp_answer answer = { .is_taken = call->has_ended && call->status == RP_GRPC_OK,
                                .body = rp_grpc_post_response(poster->grpc),
                                .wait = rp_grpc_post_wait(poster->grpc),
                                .remedy = remedy_of(call->response.status, call->error_code) };

    if (answer.wait < 0)
        answer.wait = read_retry_after(&call->response);
    if (answer.is_taken)
        return answer;
    answer.is_passing = rp_grpc_post_is_passing(poster->grpc);
    if (call->status == RP_GRPC_UNAUTHENTICATED || call->status == RP_GRPC_PERMISSION_DENIED) {
        answer.is_lasting = true;
        answer.remedy = remedy_of(401, 0);
    } else if (call->status == RP_GRPC_UNIMPLEMENTED) {
        answer.is_lasting = true;
    } else if (call->error_code == RP_HTTP_H2 + H2_PROTOCOL_ERROR && !call->has_status) {
        answer.is_lasting = true; /* it speaks HTTP/1, mostly */
        answer.remedy = "check the port: the server may have another one for gRPC";
    } else if (!call->response.status) {
        answer.is_lasting = is_lasting_failure(call->error_code);
        note_certificate(call->error_code, &answer);
    }
    return answer;
}

struct rp_answer rp_poster_answer(const struct rp_poster *poster)
{
    return poster->grpc ? answer_to_call(poster) : answer_to_post(poster);
}

/* What a server of TLS does with requests that are not encrypted: it sends an alert, or closes. */
static bool may_want_tls(int code)
{
    return code == RP_HTTP_CLOSED || code == RP_HTTP_RESET || code == RP_HTTP_PROTOCOL ||
           (code >= RP_HTTP_H2 && code < RP_HTTP_H2 + RP_H2_CODES);
}

void rp_poster_ask_tls(struct rp_poster *poster, rp_ns timeout)
{
    int code = poster->grpc ? rp_grpc_post_call(poster->grpc)->error_code
                            : poster->response.error_code;
    struct rp_url url;

    if (!poster->probe && !response_of(poster)->status && may_want_tls(code) &&
        rp_url_parse(rp_buf_slice(&poster->url), &url, NULL) == 0 &&
        rp_slice_ieq(url.scheme, RP_SLICE("http")) &&
        rp_tls_probe_start(poster->loop, &url, poster->proxy, timeout, &poster->probe) < 0)
        poster->probe = NULL; /* what the server has done is told without a reason */
}

bool rp_poster_is_asking(const struct rp_poster *poster)
{
    return poster->probe && !rp_tls_probe_is_over(poster->probe);
}

bool rp_poster_take_tls(struct rp_poster *poster)
{
    bool found = poster->probe && rp_tls_probe_found(poster->probe);

    rp_tls_probe_free(poster->probe);
    poster->probe = NULL;
    return found;
}

const char *rp_poster_shown(const struct rp_poster *poster)
{
    return rp_buf_str(&poster->shown);
}

struct rp_slice rp_poster_proxy(const struct rp_poster *poster)
{
    return poster->proxy_place;
}

void rp_poster_put_said(const struct rp_poster *poster, struct rp_slice said, struct rp_buf *out)
{
    struct rp_buf text;

    rp_buf_init(&text, EXPLANATION_MAX);
    rp_conceal_append(&poster->conceal, said, &text);
    rp_text_append(out, rp_buf_slice(&text), ANSWER_COLS);
    rp_buf_deinit(&text);
}

/* The failure of a call whose server has said no status is explained by the client. */
static void explain_call(const struct rp_poster *poster, struct rp_buf *out)
{
    const struct rp_grpc_call *call = rp_grpc_post_call(poster->grpc);

    if (call->has_status && !call->error_code) {
        rp_buf_appendf(out, "it answered %s", rp_grpc_status_text(call->status));
        if (call->text.len)
            rp_buf_append_str(out, ": ");
    }
    rp_poster_put_said(poster, rp_buf_slice(&call->text), out);
}

void rp_poster_explain(const struct rp_poster *poster, char *out, size_t size)
{
    const struct rp_http_response *response = response_of(poster);
    struct rp_buf text;

    rp_buf_init(&text, EXPLANATION_MAX);
    if (poster->grpc) {
        explain_call(poster, &text);
    } else if (!response->status) {
        rp_text_append(&text, rp_slice_str(response->error), ANSWER_COLS);
    } else {
        rp_buf_appendf(&text, "it answered %d", response->status);
        if (response->body.len) {
            rp_buf_append_str(&text, ": ");
            rp_poster_put_said(poster, rp_buf_slice(&response->body), &text);
        }
    }
    while (text.len && text.data[text.len - 1] == ' ')
        text.data[--text.len] = '\0';
    snprintf(out, size, "%s", rp_buf_str(&text));
    rp_buf_deinit(&text);
}

/* ---- the proxy ------------------------------------------------------------------------------- */

/* The first of these variables that is not empty. */
static const char *find_variable(const char *const *names, const char **ret_name)
{
    for (; *names; names++) {
        const char *value = getenv(*names);

        *ret_name = *names;
        if (value && *value)
            return value;
    }
    return NULL;
}

/* As curl and most other programs do. HTTP_PROXY is not among them: where a program is run for a
 * request (CGI), whoever makes the request sets it. */
static int find_proxy(struct rp_poster *poster, const struct rp_url *url, struct rp_error *err)
{
    static const char *const plain[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
    static const char *const tls[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                       NULL };
    static const char *const exceptions[] = { "no_proxy", "NO_PROXY", NULL };
    bool is_tls = rp_slice_eq(url->scheme, RP_SLICE("https"));
    const char *name, *no_proxy_name;
    const char *proxy = find_variable(is_tls ? tls : plain, &name);
    const char *no_proxy = find_variable(exceptions, &no_proxy_name);
    struct rp_proxy_text parsed;
    int r;

    poster->uses_tls = is_tls;
    if (!proxy)
        return 0;
    r = rp_no_proxy_check(no_proxy, err);
    if (r < 0)
        return rp_error_prefix(err, r, no_proxy_name);
    if (rp_no_proxy_has(no_proxy, url->host, url->port))
        return 0;
    r = rp_proxy_parse(rp_slice_str(proxy), &parsed, err);
    if (r < 0)
        return rp_error_prefix(err, r, name);
    poster->proxy = proxy;
    poster->proxy_place = parsed.place;
    poster->uses_tls = is_tls || parsed.kind == RP_PROXY_HTTPS;
    rp_buf_append_str(&poster->shown, " through the proxy ");
    rp_buf_append_slice(&poster->shown, parsed.place);
    return poster->shown.error;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_grpc(struct rp_poster *poster)
{
    struct rp_http_client *client = poster->client;

    poster->client = NULL; /* it belongs to the post from now on */
    return rp_grpc_post_new(&(struct rp_grpc_post_config){ .target = rp_buf_str(&poster->url),
                                                           .method = poster->grpc_method,
                                                           .headers = poster->headers,
                                                           .header_count = poster->header_count,
                                                           .is_gzip = poster->compresses,
                                                           .posted = answered_by_grpc,
                                                           .user = poster },
                            poster->loop, client, &poster->grpc);
}

int rp_poster_open(struct rp_poster *poster, struct rp_error *err)
{
    struct rp_http_limits limits = { .body_bytes = RESPONSE_MAX, .connections_per_host = 1 };
    struct rp_tls_settings tls = { .ca_file = poster->ca_file,
                                   .cert_file = poster->cert_file,
                                   .key_file = poster->key_file,
                                   .is_unverified = poster->is_insecure };
    int r = rp_loop_new(rp_loop_epoll, &poster->loop);

    if (r == 0)
        r = rp_http_client_new(poster->loop, NULL, limits, &poster->client);
    if (r == 0 && poster->grpc_method)
        rp_http_client_set_h2(poster->client, RP_HTTP_H2_ONLY);
    if (r == 0 && poster->uses_tls)
        r = rp_http_client_set_tls(poster->client, &tls, err);
    if (r == 0)
        r = rp_http_client_set_proxy(poster->client, poster->proxy, NULL, NULL, err);
    if (r == 0 && poster->grpc_method)
        r = open_grpc(poster);
    else if (r == 0)
        r = rp_http_session_new(poster->client, 1, &poster->session);
    return r;
}

static int copy_headers(struct rp_poster *poster, const struct rp_poster_config *config)
{
    const char *at;

    poster->headers = rp_calloc(config->header_count ? config->header_count : 1,
                                sizeof(*poster->headers));
    if (!poster->headers)
        return -ENOMEM;
    rp_buf_init(&poster->header_text, 1 << 20);
    for (size_t i = 0; i < config->header_count; i++) {
        rp_buf_append_slice(&poster->header_text, config->headers[i].name);
        rp_buf_append_slice(&poster->header_text, config->headers[i].value);
    }
    if (poster->header_text.error)
        return poster->header_text.error;
    at = poster->header_text.data;
    for (size_t i = 0; i < config->header_count; i++) {
        struct rp_header from = config->headers[i];

        poster->headers[i] = (struct rp_header){ rp_slice(at, from.name.len),
                                                 rp_slice(at + from.name.len, from.value.len) };
        at += from.name.len + from.value.len;
    }
    poster->header_count = config->header_count;
    return 0;
}

/* But for the fields that describe the body. */
static int learn_secrets(struct rp_poster *poster)
{
    rp_conceal_init(&poster->conceal);
    rp_conceal_add_url(&poster->conceal, rp_buf_str(&poster->url));
    if (poster->proxy)
        rp_conceal_add_url(&poster->conceal, poster->proxy);
    for (size_t i = 0; i < poster->header_count; i++)
        if (!rp_slice_ieq(poster->headers[i].name, RP_SLICE("content-type")) &&
            !rp_slice_ieq(poster->headers[i].name, RP_SLICE("content-encoding")))
            rp_conceal_add_value(&poster->conceal, poster->headers[i].value);
    return poster->conceal.words.error;
}

static int copy_url(struct rp_poster *poster, const char *text, struct rp_error *err)
{
    struct rp_url url;
    int r = rp_output_url_parse(text, &url, err);

    if (r < 0)
        return r;
    rp_buf_init(&poster->url, 1 << 16);
    rp_buf_append_str(&poster->url, text);
    rp_buf_init(&poster->shown, SHOWN_MAX);
    rp_output_url_show(&url, poster->grpc_method != NULL, &poster->shown);
    r = find_proxy(poster, &url, err);
    if (r < 0)
        return r;
    return poster->url.error ? poster->url.error : poster->shown.error;
}

int rp_poster_new(const struct rp_poster_config *config, rp_posted_fn *posted, void *user,
                  struct rp_poster **ret, struct rp_error *err)
{
    struct rp_poster *poster = rp_calloc(1, sizeof(*poster));
    int r;

    if (!poster)
        return -ENOMEM;
    poster->ca_file = config->ca_file;
    poster->cert_file = config->cert_file;
    poster->key_file = config->key_file;
    poster->is_insecure = config->is_insecure;
    poster->is_passing = config->is_passing;
    poster->grpc_method = config->grpc_method;
    poster->compresses = config->compresses;
    poster->posted = posted;
    poster->user = user;
    r = copy_url(poster, config->url, err);
    if (r == 0 && config->grpc_method)
        r = rp_grpc_post_check_headers(config->headers, config->header_count, err);
    if (r == 0)
        r = copy_headers(poster, config);
    if (r == 0)
        r = learn_secrets(poster);
    if (r < 0) {
        rp_poster_free(poster);
        return r;
    }
    *ret = poster;
    return 0;
}

void rp_poster_free(struct rp_poster *poster)
{
    if (!poster)
        return;
    rp_tls_probe_free(poster->probe);
    rp_grpc_post_free(poster->grpc);
    rp_http_session_free(poster->session);
    rp_http_template_unref(poster->template);
    rp_http_client_free(poster->client);
    rp_loop_free(poster->loop);
    rp_http_response_deinit(&poster->response);
    rp_buf_deinit(&poster->url);
    rp_buf_deinit(&poster->shown);
    rp_buf_deinit(&poster->header_text);
    rp_conceal_deinit(&poster->conceal);
    rp_free(poster->headers);
    rp_free(poster);
}
