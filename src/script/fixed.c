/* SPDX-License-Identifier: MIT */
#include "script/fixed.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/alloc.h"

struct fixed_vu {
    struct rp_vu *vu;
    struct rp_http_call call;
    struct rp_http_response response;
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

static char *load(struct rp_script_host *script, const char *url, struct rp_error *err)
{
    char *json;

    if (rp_http_check_url(rp_slice_str(url), err) < 0)
        return NULL;
    json = declaration(url);
    if (!json)
        rp_error_set(err, -RP_EUSER,
                     "the URL is not UTF-8, or too long for the memory that is left");
    return json;
}

static int prepare(struct rp_script_host *script, const struct rp_script_run *run,
                   struct rp_error *err)
{
    struct rp_fixed_host *host = of_script(script);
    struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                 .url = rp_slice_str(run->plan->script) };

    host->http = run->clients->client[RP_CLIENT_HTTP];
    return rp_http_template_new(host->http, &spec, &host->request, err);
}

static void release(struct rp_script_host *script)
{
    struct rp_fixed_host *host = of_script(script);

    rp_http_template_unref(host->request);
    host->request = NULL;
    host->http = NULL;
}

/* ---- iterations ------------------------------------------------------------------------------ */

static void request_done(struct rp_http_call *call)
{
    struct fixed_vu *self = rp_container_of(call, struct fixed_vu, call);

    self->vu->host->engine->ended(self->vu, RP_ENDED_COMPLETED);
}

static void vu_deinit(struct rp_script_host *script, struct rp_vu *vu)
{
    struct fixed_vu *self = vu->host_data;

    if (!self)
        return;
    rp_http_cancel(&self->call, false);
    rp_http_response_deinit(&self->response);
    rp_free(self);
    vu->host_data = NULL;
}

static int vu_init(struct rp_script_host *script, struct rp_vu *vu, struct rp_error *err)
{
    struct rp_fixed_host *host = of_script(script);
    struct fixed_vu *self = rp_calloc(1, sizeof(*self));
    struct rp_http_session *session;
    int r;

    if (!self)
        return -ENOMEM;
    r = rp_http_session_new(host->http, &session);
    if (r < 0) {
        rp_free(self);
        return r;
    }
    vu->sessions[RP_CLIENT_HTTP] = session;
    self->vu = vu;
    self->call.template = host->request;
    self->call.response = &self->response;
    self->call.tags = vu->tags;
    self->call.discard_body = true;
    self->call.done = request_done;
    vu->host_data = self;
    return 0;
}

static void begin(struct rp_script_host *script, struct rp_vu *vu)
{
    struct fixed_vu *self = vu->host_data;

    rp_http_start(vu->sessions[RP_CLIENT_HTTP], &self->call);
}

static void interrupt(struct rp_script_host *script, struct rp_vu *vu)
{
    struct fixed_vu *self = vu->host_data;

    rp_http_interrupt(&self->call);
    script->engine->ended(vu, RP_ENDED_INTERRUPTED);
}

static const struct rp_script_ops ops = {
    .runtime = runtime,
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
