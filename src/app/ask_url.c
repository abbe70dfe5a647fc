/* SPDX-License-Identifier: MIT */
#include "app/ask_url.h"

#include <errno.h>
#include <string.h>

#include "app/targets.h"
#include "base/str.h"
#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"
#include "proto/url.h"

enum { TOKEN_FILE_MAX = 1024, TEXT_MAX = 4096, BODY_MAX = 16 << 20 };

/* Where the token may go without TLS. The address decides: a name such as load1.localhost leads to another
 * machine when the hosts file or a name server says so. */
#define LOOPBACK "127.0.0.0/8,::1"

struct asked {
    struct rp_loop *loop;
    struct rp_http_client *client;
    struct rp_http_session *session;
    struct rp_http_template *template;
    struct rp_http_call call;
    struct rp_http_response response;
    struct rp_buf url, token, bearer;
    bool is_answered;
};

/* Whether the host may lead to LOOPBACK; others are refused before they are looked up. */
static bool may_be_loopback(struct rp_slice host)
{
    struct rp_slice end = RP_SLICE(".localhost"), v4 = RP_SLICE("127.");

    if (rp_slice_ieq(host, RP_SLICE("localhost")) || rp_slice_eq(host, RP_SLICE("::1")))
        return true;
    if (host.len > end.len && rp_slice_ieq(rp_slice(host.ptr + host.len - end.len, end.len), end))
        return true;
    return host.len > v4.len && rp_slice_eq(rp_slice(host.ptr, v4.len), v4) &&
           strspn(host.ptr, "0123456789.") >= host.len;
}

static int refuse_plain(struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "the token of a run is not sent to another machine without TLS");
    rp_error_hint(err, "use https://, or a tunnel such as 'ssh -L' and http://127.0.0.1:PORT");
    return -RP_EUSER;
}

/* Whether nothing stands behind the host but what the run itself has printed there. */
static bool is_of_run(const struct rp_url *url)
{
    return (!url->path.len || rp_slice_eq(url->path, RP_SLICE("/")) ||
            rp_slice_eq(url->path, RP_SLICE("/v1/status"))) &&
           !url->has_query && !url->fragment.len && !url->userinfo.len;
}

static int make_url(struct asked *asked, const struct rp_question *question, bool *ret_is_tls,
                    struct rp_error *err)
{
    struct rp_url url;
    int r = rp_url_parse(rp_slice_str(question->url), &url, err);
    bool is_plain;

    if (r == -RP_EUSER)
        rp_error_hint(err,
                      "the URL of a run is https://HOST:PORT, or http://127.0.0.1:PORT on this "
                      "machine");
    if (r < 0)
        return r;
    is_plain = rp_slice_ieq(url.scheme, RP_SLICE("http"));
    *ret_is_tls = rp_slice_ieq(url.scheme, RP_SLICE("https"));
    if (!(is_plain || *ret_is_tls) || !is_of_run(&url)) {
        rp_error_set(err, -RP_EUSER, "the URL of a run is https://HOST:PORT");
        rp_error_hint(err, "the run has printed it at its start, behind 'control:'");
        return -RP_EUSER;
    }
    if (is_plain && !may_be_loopback(url.host))
        return refuse_plain(err);
    rp_buf_append_str(&asked->url, is_plain ? "http://" : "https://");
    rp_url_append_authority(&url, &asked->url);
    rp_buf_append_str(&asked->url, question->path);
    return asked->url.error;
}

static int read_token(struct asked *asked, const char *file, struct rp_error *err)
{
    struct rp_slice token;
    int r;

    if (!file) {
        rp_error_set(err, -RP_EUSER, "a run at a URL needs its token");
        rp_error_hint(err,
                      "name a file that holds it with --token-file; the run keeps it beside its "
                      "socket, RUN-ID.sock.token");
        return -RP_EUSER;
    }
    r = rp_read_whole(file, &asked->token, err);
    if (r < 0)
        return r == -RP_EUSER ? rp_error_prefix(err, r, "--token-file") : r;
    token = rp_buf_slice(&asked->token);
    while (token.len && (token.ptr[token.len - 1] == '\n' || token.ptr[token.len - 1] == '\r'))
        token.len--;
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            token.len = 0;
    if (!token.len)
        return rp_error_set(err, -RP_EUSER, "--token-file: %s holds no token", file);
    rp_buf_append_str(&asked->bearer, "Bearer ");
    rp_buf_append_slice(&asked->bearer, token);
    return asked->bearer.error;
}

static void answered(struct rp_http_call *call)
{
    rp_container_of(call, struct asked, call)->is_answered = true;
}

static int open_client(struct asked *asked, const char *ca_file, bool is_tls, struct rp_error *err)
{
    const struct rp_http_limits limits = { .body_bytes = BODY_MAX, .connections_per_host = 1 };
    const struct rp_tls_settings tls = { .ca_file = ca_file };
    int r = rp_loop_new(rp_loop_epoll, &asked->loop);

    if (r == 0)
        r = rp_http_client_new(asked->loop, NULL, limits, &asked->client);
    if (r == 0)
        r = is_tls ? rp_http_client_set_tls(asked->client, &tls, err)
                   : rp_http_client_set_networks(asked->client, LOOPBACK, err);
    if (r == 0)
        r = rp_http_session_new(asked->client, 1, &asked->session);
    return r;
}

static int exchange(struct asked *asked, const struct rp_question *question, struct rp_error *err)
{
    const struct rp_header headers[] = {
        { RP_SLICE("Authorization"), rp_buf_slice(&asked->bearer) },
        { RP_SLICE("Content-Type"), RP_SLICE("application/json") },
    };
    const struct rp_http_spec spec = {
        .method = question->body.ptr ? RP_SLICE("POST") : RP_SLICE("GET"),
        .url = rp_buf_slice(&asked->url),
        .headers = headers,
        .header_count = question->body.ptr ? 2 : 1,
        .body = question->body,
        .has_body = question->body.ptr != NULL,
    };
    int r = rp_http_template_new(asked->client, &spec, &asked->template, err);

    if (r < 0)
        return r;
    asked->call = (struct rp_http_call){ .template = asked->template,
                                         .response = &asked->response,
                                         .timeout = question->timeout,
                                         .done = answered };
    rp_http_start(asked->session, &asked->call);
    while (r == 0 && !asked->is_answered)
        r = rp_loop_turn(asked->loop, RP_NS_NEVER);
    return r;
}

static void hint_at_remedy(int code, bool is_tls, struct rp_error *err)
{
    if (code == RP_HTTP_UNKNOWN_AUTHORITY)
        rp_error_hint(err,
                      "name the authority of its certificate, or the certificate itself if it is "
                      "its own authority, with --cacert");
    else if (code == RP_HTTP_WRONG_HOST)
        rp_error_hint(err,
                      "ask by a name that the certificate is for, or give the run a certificate "
                      "that names this host (subjectAltName)");
    else if (code == RP_HTTP_EXPIRED)
        rp_error_hint(err, "give the run a certificate that is valid now");
    else if (is_tls && (code == RP_HTTP_TLS || code == RP_HTTP_HANDSHAKE))
        rp_error_hint(err, "the URL of a run without --serve-cert begins with http://");
    else if (!is_tls &&
             (code == RP_HTTP_CLOSED || code == RP_HTTP_RESET || code == RP_HTTP_PROTOCOL))
        rp_error_hint(err, "the URL of a run with --serve-cert begins with https://");
}

static int refuse_silence(const struct asked *asked, const struct rp_question *question,
                          bool is_tls, struct rp_error *err)
{
    struct rp_buf said;

    if (asked->response.error_code == RP_HTTP_NOT_ALLOWED)
        return refuse_plain(err);
    rp_buf_init(&said, TEXT_MAX);
    rp_text_append(&said, rp_slice_str(asked->response.error), TEXT_MAX);
    rp_error_set(err, -RP_EUSER, "the run at %s does not answer: %s", question->url,
                 rp_buf_str(&said));
    hint_at_remedy(asked->response.error_code, is_tls, err);
    rp_buf_deinit(&said);
    return -RP_EUSER;
}

static void deinit(struct asked *asked)
{
    rp_http_session_free(asked->session);
    rp_http_template_unref(asked->template);
    rp_http_client_free(asked->client);
    rp_loop_free(asked->loop);
    rp_http_response_deinit(&asked->response);
    rp_buf_deinit(&asked->url);
    rp_buf_deinit(&asked->token);
    rp_buf_deinit(&asked->bearer);
}

int rp_ask_url(const struct rp_question *question, unsigned *ret_status, struct rp_buf *ret_body,
               struct rp_error *err)
{
    struct asked asked = { 0 };
    bool is_tls = false;
    int r;

    rp_buf_init(&asked.url, TEXT_MAX);
    rp_buf_init(&asked.token, TOKEN_FILE_MAX);
    rp_buf_init(&asked.bearer, TOKEN_FILE_MAX);
    r = make_url(&asked, question, &is_tls, err);
    if (r == 0)
        r = read_token(&asked, question->token_file, err);
    if (r == 0)
        r = open_client(&asked, question->ca_file, is_tls, err);
    if (r == 0)
        r = exchange(&asked, question, err);
    if (r == 0 && !asked.response.status)
        r = refuse_silence(&asked, question, is_tls, err);
    if (r == 0) {
        *ret_status = asked.response.status;
        rp_buf_append_slice(ret_body, rp_buf_slice(&asked.response.body));
        r = ret_body->error;
    }
    deinit(&asked);
    return r;
}
