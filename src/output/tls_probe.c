/* SPDX-License-Identifier: MIT */
#include "output/tls_probe.h"

#include "http/http.h"

enum { URL_MAX = 1 << 16, ANSWER_MAX = 1 << 16 };

struct question {
    struct rp_http_call call;
    struct rp_http_response response;
    bool is_over;
};

static void done(struct rp_http_call *call)
{
    rp_container_of(call, struct question, call)->is_over = true;
}

/* "https://HOST:PORT/" */
static void put_url(const struct rp_url *url, struct rp_buf *out)
{
    struct rp_url secure = *url;

    secure.scheme = RP_SLICE("https");
    rp_buf_append_str(out, "https://");
    rp_url_append_authority(&secure, out);
    rp_buf_append_str(out, "/");
}

static int ask(struct rp_http_client *client, struct rp_loop *loop, struct rp_slice url,
               struct question *question, rp_ns timeout)
{
    const struct rp_http_spec spec = { .method = RP_SLICE("HEAD"), .url = url };
    struct rp_http_session *session = NULL;
    int r = rp_http_template_new(client, &spec, &question->call.template, NULL);

    if (r == 0)
        r = rp_http_session_new(client, 1, &session);
    if (r == 0) {
        question->call.response = &question->response;
        question->call.timeout = timeout;
        question->call.done = done;
        rp_http_start(session, &question->call);
        while (r == 0 && !question->is_over)
            r = rp_loop_turn(loop, RP_NS_NEVER);
    }
    rp_http_session_free(session); /* it cancels what is under way */
    rp_http_template_unref(question->call.template);
    return r;
}

bool rp_speaks_tls(struct rp_loop *loop, const struct rp_url *url, const char *proxy, rp_ns timeout)
{
    const struct rp_http_limits limits = { .body_bytes = ANSWER_MAX };
    const struct rp_tls_settings tls = { .is_unverified = true };
    struct rp_http_client *client = NULL;
    struct question question = { 0 };
    struct rp_buf text;
    bool found;
    int r;

    rp_buf_init(&text, URL_MAX);
    put_url(url, &text);
    r = text.error ? text.error : rp_http_client_new(loop, NULL, limits, &client);
    if (r == 0) {
        rp_http_client_set_h2(client, RP_HTTP_H2_IF_AGREED);
        r = rp_http_client_set_tls(client, &tls, NULL);
    }
    if (r == 0)
        r = rp_http_client_set_proxy(client, proxy, NULL, NULL, NULL);
    if (r == 0)
        r = ask(client, loop, rp_buf_slice(&text), &question, timeout);
    found = r == 0 && question.response.full_handshakes > 0;
    rp_http_response_deinit(&question.response);
    rp_http_client_free(client);
    rp_buf_deinit(&text);
    return found;
}
