/* SPDX-License-Identifier: MIT */
#include "script/fixed.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "script/fixed_grpc.h"
#include "script/fixed_sockets.h"

struct fixed_vu {
    struct rp_vu *vu;
    struct rp_fixed_caller *caller; /* NULL = there are no calls of gRPC */
    struct rp_http_call call;
    struct rp_http_response response;
    struct rp_fixed_sockets *sockets; /* NULL: the list has none */
};

static struct rp_fixed_host *of_script(struct rp_script_host *script)
{
    return rp_container_of(script, struct rp_fixed_host, script);
}

/* ---- before and after the run ---------------------------------------------------------------- */

static const char *runtime(const struct rp_script_host *script)
{
    return "rampa";
}

static char *declaration(const char *url)
{
    json_t *json = json_pack("{s:s, s:[{s:s}]}", "script", url, "functions", "name", "default");
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    char *copy = text ? rp_strdup(text) : NULL;

    free(text);
    json_decref(json);
    return copy;
}

static int take_requests(struct rp_script_host *script, struct rp_slice bytes, struct rp_error *err)
{
    struct rp_fixed_host *host = of_script(script);
    char *copy = rp_strndup(bytes.ptr, bytes.len);

    if (!copy)
        return -ENOMEM;
    rp_free(host->bytes);
    host->bytes = copy;
    host->byte_count = bytes.len;
    return 0;
}

static char *load(struct rp_script_host *script, const char *name, struct rp_error *err)
{
    char *json;

    if (!of_script(script)->bytes && rp_http_check_url(rp_slice_str(name), err) < 0)
        return NULL;
    json = declaration(name);
    if (!json)
        rp_error_set(err, -RP_EUSER,
                     "the URL is not UTF-8, or too long for the memory that is left");
    return json;
}

static int make_http(struct rp_fixed_host *host, const struct rp_requests_common *common,
                     const struct rp_one_request *request, struct rp_error *err)
{
    struct rp_http_spec spec = { .method = request->method,
                                 .url = request->url,
                                 .headers = request->headers,
                                 .header_count = request->header_count,
                                 .body = request->body,
                                 .has_body = request->has_body,
                                 .name = request->name,
                                 .digest_user = common->digest_user,
                                 .digest_password = common->digest_password,
                                 .expected = common->expected,
                                 .expected_count = common->expected_count };
    int r;

    host->http_count++;
    if (rp_request_is_socket(request)) { /* each session has a template of its own */
        r = rp_fixed_socket_add(host, host->template_count, request, common, &spec, err);
        if (r < 0)
            return r;
    }
    return rp_http_template_new(host->http, &spec, &host->templates[host->template_count], err);
}

/* Adds a request to both lists; it is in one of them. */
static int make_request(struct rp_fixed_host *host, const struct rp_requests_common *common,
                        const struct rp_one_request *request, struct rp_error *err)
{
    struct rp_http_template **templates = rp_realloc_array(
        host->templates, host->template_count + 1, sizeof(*templates));
    struct rp_fixed_call *calls;
    int r;

    if (!templates)
        return -ENOMEM;
    host->templates = templates;
    calls = rp_realloc_array(host->calls, host->template_count + 1, sizeof(*calls));
    if (!calls)
        return -ENOMEM;
    host->calls = calls;
    templates[host->template_count] = NULL;
    calls[host->template_count] = (struct rp_fixed_call){ 0 };
    if (request->kind == RP_REQUEST_HTTP)
        r = make_http(host, common, request, err);
    else
        r = rp_fixed_call_init(&calls[host->template_count], host->grpc, request, common->timeout,
                               err);
    host->template_count++;
    return r;
}

/* Makes all requests, and notes their weights in @weights. */
static int make_requests(struct rp_fixed_host *host, struct rp_requests_reader *reader,
                         const struct rp_requests_common *common, struct rp_buf *weights,
                         struct rp_error *err)
{
    struct rp_one_request request;
    int r;

    while ((r = rp_requests_next(reader, &request)) > 0) {
        r = make_request(host, common, &request, err);
        if (r < 0)
            return r;
        rp_buf_append(weights, &request.weight, sizeof(request.weight));
    }
    if (r == 0 && !host->template_count)
        r = rp_error_set(err, -EBADMSG, "there is nothing to request");
    return r < 0 ? r : weights->error;
}

static int make_order(struct rp_fixed_host *host, const struct rp_buf *weights,
                      struct rp_error *err)
{
    int r;

    if (host->template_count == 1)
        return 0;
    r = rp_requests_order((const uint32_t *)(const void *)weights->data, host->template_count,
                          &host->order, &host->order_count);
    if (r == -E2BIG)
        r = rp_error_set(err, -RP_EUSER,
                         "the weights of the targets need more than %d turns until their order "
                         "repeats: give smaller weights",
                         RP_REQUEST_TURNS_MAX);
    return r;
}

/* Without a list: one GET of the script, which is a URL. */
static void write_only_request(struct rp_buf *out, const char *url)
{
    const struct rp_one_request only = { .method = RP_SLICE("GET"),
                                         .url = rp_slice_str(url),
                                         .weight = 1 };

    rp_requests_begin(out, &(struct rp_requests_common){ 0 });
    rp_requests_append(out, &only);
}

static int prepare(struct rp_script_host *script, const struct rp_script_run *run,
                   struct rp_error *err)
{
    struct rp_fixed_host *host = of_script(script);
    struct rp_requests_common common;
    struct rp_requests_reader reader;
    struct rp_buf only, weights;
    int r;

    host->http = run->clients->client[RP_CLIENT_HTTP];
    host->grpc = run->clients->client[RP_CLIENT_GRPC];
    host->ws = run->clients->client[RP_CLIENT_WS];
    host->loop = run->loop;
    rp_buf_init(&only, RP_REQUESTS_MAX_BYTES);
    rp_buf_init(&weights, RP_REQUESTS_MAX_BYTES);
    if (!host->bytes)
        write_only_request(&only, run->plan->script);
    r = rp_requests_open(
        &reader, host->bytes ? rp_slice(host->bytes, host->byte_count) : rp_buf_slice(&only),
        &common);
    if (r == 0)
        r = only.error;
    if (r == 0) {
        host->timeout = common.timeout;
        host->keeps_bodies = run->plan->once || run->plan->http_debug;
        host->closes_connections = run->plan->no_vu_connection_reuse;
        host->closes_sockets = host->closes_connections || run->plan->no_connection_reuse;
        host->wants_h2 = run->plan->http2 && strcmp(run->plan->http2, "always") == 0;
        host->max_redirects = common.max_redirects;
        r = make_requests(host, &reader, &common, &weights, err);
    }
    if (r == 0)
        r = make_order(host, &weights, err);
    rp_requests_close(&reader);
    rp_buf_deinit(&weights);
    rp_buf_deinit(&only);
    return r;
}

static void release(struct rp_script_host *script)
{
    struct rp_fixed_host *host = of_script(script);

    for (size_t i = 0; i < host->template_count; i++) {
        rp_http_template_unref(host->templates[i]);
        rp_fixed_call_deinit(&host->calls[i]);
    }
    rp_free(host->templates);
    rp_free(host->calls);
    rp_free(host->order);
    rp_fixed_sockets_release(host);
    host->templates = NULL;
    host->calls = NULL;
    host->template_count = host->http_count = 0;
    host->order = NULL;
    host->http = NULL;
    host->grpc = NULL;
}

/* ---- iterations ------------------------------------------------------------------------------ */

static void request_done(struct rp_http_call *call)
{
    struct fixed_vu *self = rp_container_of(call, struct fixed_vu, call);

    self->vu->host->engine->ended(self->vu, RP_ENDED_COMPLETED);
}

/* The same when no connection outlives its iteration. */
static void last_request_done(struct rp_http_call *call)
{
    struct fixed_vu *self = rp_container_of(call, struct fixed_vu, call);

    rp_http_session_close_idle(self->vu->sessions[RP_CLIENT_HTTP]);
    request_done(call);
}

static void vu_deinit(struct rp_script_host *script, struct rp_vu *vu)
{
    struct fixed_vu *self = vu->host_data;

    if (!self)
        return;
    rp_fixed_caller_free(self->caller);
    rp_http_cancel(&self->call, false);
    rp_fixed_sockets_free(self->sockets);
    rp_http_response_deinit(&self->response);
    rp_free(self);
    vu->host_data = NULL;
}

static int init_http(struct rp_fixed_host *host, struct fixed_vu *self)
{
    struct rp_http_session *session;
    struct rp_vu *vu = self->vu;
    int r = rp_http_session_new(host->http, vu->number, &session);

    if (r < 0)
        return r;
    if (host->max_redirects) /* a page behind a log-in is asked for with the cookie that came before */
        rp_http_session_take_cookies(session, &vu->iteration);
    rp_http_session_set_iteration(session, &vu->iteration);
    vu->sessions[RP_CLIENT_HTTP] = session;
    self->call.template = host->templates[0];
    self->call.timeout = host->timeout;
    self->call.max_redirects = host->max_redirects;
    self->call.response = &self->response;
    self->call.tags = vu->tags;
    self->call.discard_body = !host->keeps_bodies;
    self->call.done = host->closes_connections ? last_request_done : request_done;
    return 0;
}

static int vu_init(struct rp_script_host *script, struct rp_vu *vu, struct rp_error *err)
{
    struct rp_fixed_host *host = of_script(script);
    struct fixed_vu *self = rp_calloc(1, sizeof(*self));
    int r = 0;

    if (!self)
        return -ENOMEM;
    self->vu = vu;
    if (host->http_count)
        r = init_http(host, self);
    if (r == 0 && host->http_count < host->template_count)
        r = rp_fixed_caller_new(vu, host->grpc, host->closes_connections, &self->caller);
    if (r == 0 && host->socket_count)
        r = rp_fixed_sockets_new(host, vu, &self->sockets);
    if (r < 0) {
        rp_fixed_caller_free(self->caller);
        rp_free(self);
        return r;
    }
    vu->host_data = self;
    return 0;
}

static void begin(struct rp_script_host *script, struct rp_vu *vu)
{
    const struct rp_fixed_host *host = of_script(script);
    struct fixed_vu *self = vu->host_data;
    size_t index = 0;

    if (host->order) {
        index = host->order[vu->iteration % host->order_count];
        self->call.template = host->templates[index];
    }
    if (RP_UNLIKELY(self->sockets != NULL) && rp_fixed_sockets_begin(self->sockets, index))
        return;
    if (RP_LIKELY(self->call.template))
        rp_http_start(vu->sessions[RP_CLIENT_HTTP], &self->call);
    else
        rp_fixed_caller_begin(self->caller, &host->calls[index]);
}

static void interrupt(struct rp_script_host *script, struct rp_vu *vu)
{
    struct fixed_vu *self = vu->host_data;

    if (rp_fixed_sockets_interrupt(self->sockets)) {
        /* it was one of these */
    } else if (self->call.template) {
        rp_http_interrupt(&self->call);
    } else {
        rp_fixed_caller_interrupt(self->caller);
    }
    script->engine->ended(vu, RP_ENDED_INTERRUPTED);
}

static const struct rp_script_ops ops = {
    .runtime = runtime,
    .requests = take_requests,
    .load = load,
    .prepare = prepare,
    .vu_init = vu_init,
    .vu_deinit = vu_deinit,
    .begin = begin,
    .interrupt = interrupt,
    .release = release,
};

void rp_fixed_host_init(struct rp_fixed_host *host)
{
    *host = (struct rp_fixed_host){ .script = { .ops = &ops } };
}

void rp_fixed_host_deinit(struct rp_fixed_host *host)
{
    rp_free(host->bytes);
    *host = (struct rp_fixed_host){ 0 };
}
