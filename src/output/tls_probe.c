/* SPDX-License-Identifier: MIT */
#include "output/tls_probe.h"

#include <errno.h>

#include "base/alloc.h"
#include "http/http.h"

enum { URL_MAX = 1 << 16, ANSWER_MAX = 1 << 16 };

struct rp_tls_probe {
    struct rp_http_client *client;
    struct rp_http_session *session;
    struct rp_http_call call;
    struct rp_http_response response;
    bool is_over;
};

static void done(struct rp_http_call *call)
{
    rp_container_of(call, struct rp_tls_probe, call)->is_over = true;
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

static int open_client(struct rp_tls_probe *probe, struct rp_loop *loop, const char *proxy)
{
    const struct rp_http_limits limits = { .body_bytes = ANSWER_MAX };
    const struct rp_tls_settings tls = { .is_unverified = true };
    int r = rp_http_client_new(loop, NULL, limits, &probe->client);

    if (r < 0)
        return r;
    rp_http_client_set_h2(probe->client, RP_HTTP_H2_IF_AGREED);
    r = rp_http_client_set_tls(probe->client, &tls, NULL);
    if (r == 0)
        r = rp_http_client_set_proxy(probe->client, proxy, NULL, NULL, NULL);
    if (r == 0)
        r = rp_http_session_new(probe->client, 1, &probe->session);
    return r;
}

static int ask(struct rp_tls_probe *probe, const struct rp_url *url, rp_ns timeout)
{
    struct rp_http_spec spec = { .method = RP_SLICE("HEAD") };
    struct rp_buf text;
    int r;

    rp_buf_init(&text, URL_MAX);
    put_url(url, &text);
    spec.url = rp_buf_slice(&text);
    r = text.error;
    if (r == 0)
        r = rp_http_template_new(probe->client, &spec, &probe->call.template, NULL);
    rp_buf_deinit(&text);
    if (r < 0)
        return r;
    probe->call.response = &probe->response;
    probe->call.timeout = timeout;
    probe->call.done = done;
    rp_http_start(probe->session, &probe->call);
    return 0;
}

int rp_tls_probe_start(struct rp_loop *loop, const struct rp_url *url, const char *proxy,
                       rp_ns timeout, struct rp_tls_probe **ret)
{
    struct rp_tls_probe *probe = rp_calloc(1, sizeof(*probe));
    int r;

    if (!probe)
        return -ENOMEM;
    r = open_client(probe, loop, proxy);
    if (r == 0)
        r = ask(probe, url, timeout);
    if (r < 0) {
        rp_tls_probe_free(probe);
        return r;
    }
    *ret = probe;
    return 0;
}

bool rp_tls_probe_is_over(const struct rp_tls_probe *probe)
{
    return probe->is_over;
}

bool rp_tls_probe_found(const struct rp_tls_probe *probe)
{
    return probe->response.full_handshakes > 0;
}

void rp_tls_probe_free(struct rp_tls_probe *probe)
{
    if (!probe)
        return;
    rp_http_session_free(probe->session); /* it cancels what is under way */
    rp_http_template_unref(probe->call.template);
    rp_http_response_deinit(&probe->response);
    rp_http_client_free(probe->client);
    rp_free(probe);
}
