/* SPDX-License-Identifier: MIT */

/* What the control server answers: docs/control.md lists it. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "output/event_json.h"
#include "run/control.h"
#include "serve/serve_internal.h"

enum { WARNINGS_MAX = 100 };

unsigned rp_serve_refuse(struct rp_json_line *line, unsigned status, const char *error,
                         const char *hint)
{
    rp_line_text(line, "error", error);
    rp_line_text(line, "hint", hint);
    return status;
}

/* ---- the status ------------------------------------------------------------------------------ */

static struct rp_run_status status_of(const struct rp_serve *serve)
{
    return rp_control_status(serve->sink.sinks->control);
}

static const char *word_of(const struct rp_serve *serve, const struct rp_run_status *status)
{
    if (serve->is_over)
        return "completed";
    if (serve->is_stopping || status->phase == RP_RUN_STOPPING || status->phase == RP_RUN_TEARDOWN)
        return "stopping";
    if (status->phase == RP_RUN_COMPLETE)
        return "completed";
    if (status->is_paused)
        return "paused";
    return status->phase == RP_RUN_RUNNING ? "running" : "starting";
}

/* As the bars of the progress display have it. */
static double progress_of(const struct rp_scenario *scenario, const struct rp_scenario_progress *at)
{
    double share = 0;

    if (rp_executor_kinds[scenario->executor].has_iterations && at->total)
        share = (double)(at->completed + at->interrupted + at->dropped) / (double)at->total;
    else if (at->regular > 0)
        share = (double)at->elapsed / (double)at->regular;
    return fmin(fmax(share, 0), 1);
}

static void put_scenario(struct rp_json_line *line, const struct rp_scenario *scenario,
                         const struct rp_scenario_progress *at)
{
    static const struct rp_scenario_progress nothing = { .stage = -1 };

    at = at ? at : &nothing;
    rp_line_open(line, NULL);
    rp_line_text(line, "name", scenario->name);
    rp_line_text(line, "executor", rp_executor_kind_name(scenario->executor));
    rp_line_text(line, "state", rp_scenario_state_name(at->state));
    rp_line_i64(line, "vus", at->vus);
    if (rp_executor_kinds[scenario->executor].has_arrivals)
        rp_line_number(line, "rate", at->rate);
    rp_line_number(line, "progress", progress_of(scenario, at));
    if (at->stage >= 0)
        rp_line_i64(line, "stage", at->stage);
    else
        rp_line_null(line, "stage");
    rp_line_close(line);
}

static void put_scenarios(struct rp_json_line *line, const struct rp_plan *plan,
                          const struct rp_scenario_progress *scenarios)
{
    int64_t vus = 0;

    for (size_t i = 0; scenarios && i < plan->scenario_count; i++)
        vus += scenarios[i].vus;
    rp_line_i64(line, "vus", vus);
    rp_line_open_list(line, "scenarios");
    for (size_t i = 0; plan && i < plan->scenario_count; i++)
        put_scenario(line, &plan->scenarios[i], scenarios ? &scenarios[i] : NULL);
    rp_line_close_list(line);
}

static void put_warnings(struct rp_json_line *line, const struct rp_result *result)
{
    rp_line_open_list(line, "warnings");
    for (size_t i = 0; i < result->warning_count && i < WARNINGS_MAX; i++)
        rp_line_text(line, NULL, result->warnings[i].text);
    rp_line_close_list(line);
}

static void put_generator(struct rp_json_line *line, const struct rp_result *result)
{
    rp_line_open(line, "generator");
    rp_line_bool(line, "limited", result->generator == RP_GENERATOR_LIMITED);
    rp_line_text(line, "verdict", rp_generator_verdict_name(result->generator));
    rp_line_open_list(line, "reasons");
    for (size_t i = 0; i < result->generator_reason_count; i++)
        rp_line_text(line, NULL, result->generator_reasons[i].text);
    rp_line_close_list(line);
    rp_line_close(line);
}

static void put_head(struct rp_json_line *line, const struct rp_serve *serve)
{
    rp_line_text(line, "run_id", serve->options.run_id);
}

void rp_serve_write_status(struct rp_serve *serve, struct rp_json_line *line)
{
    const struct rp_result *result = serve->result;
    struct rp_run_status status = status_of(serve);

    put_head(line, serve);
    rp_line_text(line, "script", serve->options.script);
    rp_line_text(line, "status", word_of(serve, &status));
    rp_line_text(line, "phase", rp_run_phase_name(serve->is_over ? RP_RUN_COMPLETE : status.phase));
    rp_event_write_time(line, "started_at", serve->sink.sinks->wall_start);
    rp_line_number(line, "elapsed_s", (double)status.elapsed / 1e9);
    if (status.longest)
        rp_line_number(line, "duration_s", (double)status.longest / 1e9);
    else
        rp_line_null(line, "duration_s");
    put_scenarios(line, result->plan, status.scenarios);
    put_warnings(line, result);
    put_generator(line, result);
}

static unsigned get_status(const struct rp_serve_request *request, struct rp_json_line *line)
{
    struct rp_serve *serve = request->serve;

    if (!serve->is_over)
        rp_serve_write_status(serve, line);
    else if (serve->last_status.len)
        rp_buf_append_slice(line->out, rp_buf_slice(&serve->last_status));
    return MHD_HTTP_OK;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static unsigned get_metrics(const struct rp_serve_request *request, struct rp_json_line *line)
{
    struct rp_serve *serve = request->serve;
    const struct rp_result *result = serve->result;
    size_t start = line->out->len;
    bool is_found;

    put_head(line, serve);
    rp_line_number(line, "duration", (double)result->elapsed / 1e9);
    rp_line_open(line, "metrics");
    is_found = rp_event_write_values(line, result->store, &serve->memory, request->name);
    rp_line_close(line);
    if (is_found || !request->name || line->out->error)
        return MHD_HTTP_OK;
    line->out->len = start; /* nothing but an error */
    line->has_member = false;
    return rp_serve_refuse(line, MHD_HTTP_NOT_FOUND, "the run has no metric of this name",
                           "/v1/metrics lists all");
}

static unsigned get_thresholds(const struct rp_serve_request *request, struct rp_json_line *line)
{
    const struct rp_serve *serve = request->serve;
    const struct rp_plan *plan = serve->result->plan;
    struct rp_run_status status = status_of(serve);

    put_head(line, serve);
    rp_line_text(line, "status", word_of(serve, &status));
    rp_line_open_list(line, "thresholds");
    for (size_t i = 0; serve->verdicts && i < plan->threshold_count; i++) {
        rp_line_open(line, NULL);
        rp_line_text(line, "source", plan->thresholds[i].source);
        rp_line_text(line, "metric", plan->thresholds[i].display);
        rp_line_bool(line, "passed", serve->verdicts[i].passed);
        rp_line_number(line, "lhs", serve->verdicts[i].actual);
        rp_line_number(line, "rhs", plan->thresholds[i].bound);
        rp_line_close(line);
    }
    rp_line_close_list(line);
    return MHD_HTTP_OK;
}

/* ---- a hand on the run ----------------------------------------------------------------------- */

unsigned rp_serve_tell(const struct rp_serve *serve, struct rp_json_line *line)
{
    struct rp_run_status status = status_of(serve);

    put_head(line, serve);
    rp_line_text(line, "status", word_of(serve, &status));
    return MHD_HTTP_OK;
}

/* Members that the body has and the resource does not know. */
static const char *unknown_member(const json_t *body, const char *known)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)body, key,
                        value) if (!known || strcmp(key, known) != 0) return key;
    return NULL;
}

static unsigned post_stop(const struct rp_serve_request *request, struct rp_json_line *line)
{
    struct rp_serve *serve = request->serve;
    const json_t *reason = json_object_get(request->body, "reason");
    const char *text = json_string_value(reason);
    struct rp_slice cut = rp_utf8_cut(rp_slice_str(text), RP_SERVE_REASON_MAX);
    char words[RP_SERVE_REASON_MAX + 64];

    if ((reason && !text && !json_is_null(reason)) || unknown_member(request->body, "reason"))
        return rp_serve_refuse(line, MHD_HTTP_BAD_REQUEST,
                               "the body may have a text 'reason' and nothing else",
                               "such as {\"reason\": \"enough\"}");
    if (cut.len)
        snprintf(words, sizeof(words), "stopped by control: %.*s", RP_SLICE_FMT(cut));
    else
        snprintf(words, sizeof(words), "stopped by control");
    if (!serve->is_over && !serve->is_stopping) {
        serve->is_stopping = true;
        rp_control_stop(serve->sink.sinks->control, words, false);
    }
    return rp_serve_tell(serve, line);
}

static bool is_ending(const struct rp_serve *serve)
{
    struct rp_run_status status = status_of(serve);

    return serve->is_over || serve->is_stopping || status.phase >= RP_RUN_STOPPING;
}

static unsigned pause_or_resume(const struct rp_serve_request *request, struct rp_json_line *line,
                                void (*act)(struct rp_control *control))
{
    if (unknown_member(request->body, NULL))
        return rp_serve_refuse(line, MHD_HTTP_BAD_REQUEST, "this resource takes no body",
                               "send no body, or {}");
    if (is_ending(request->serve))
        return rp_serve_refuse(line, MHD_HTTP_CONFLICT, "the iterations of the run are over",
                               "there is nothing left to pause or resume");
    act(request->serve->sink.sinks->control);
    return rp_serve_tell(request->serve, line);
}

static unsigned post_pause(const struct rp_serve_request *request, struct rp_json_line *line)
{
    return pause_or_resume(request, line, rp_control_pause);
}

static unsigned post_resume(const struct rp_serve_request *request, struct rp_json_line *line)
{
    return pause_or_resume(request, line, rp_control_resume);
}

/* ---- browsers -------------------------------------------------------------------------------- */

/* Whether an address can be made of a field Host. */
static bool is_host(const char *host)
{
    size_t len = strlen(host);

    return len && len < RP_TCP_NAME_MAX &&
           strspn(host, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._:[]") ==
               len;
}

int rp_serve_browser_address(struct rp_serve *serve, const char *host,
                             char ret[RP_SERVE_BROWSER_SIZE])
{
    char *ticket = serve->tickets[serve->next_ticket];
    int r;

    if (!serve->address[0])
        return -ENOTCONN;
    r = rp_token_make(ticket);
    if (r < 0) {
        ticket[0] = '\0';
        return r;
    }
    serve->next_ticket = (serve->next_ticket + 1) % RP_SERVE_TICKETS;
    if (serve->page_host[0])
        snprintf(ret, RP_SERVE_BROWSER_SIZE, "http://%s:%u/?once=%s", serve->page_host, serve->port,
                 ticket);
    else if (host && is_host(host))
        snprintf(ret, RP_SERVE_BROWSER_SIZE, "https://%s/?once=%s", host, ticket);
    else
        snprintf(ret, RP_SERVE_BROWSER_SIZE, "%s/?once=%s", serve->url, ticket);
    return 0;
}

static unsigned post_browser(const struct rp_serve_request *request, struct rp_json_line *line)
{
    char address[RP_SERVE_BROWSER_SIZE];
    int r = rp_serve_browser_address(request->serve, request->host, address);

    if (r == -ENOTCONN)
        return rp_serve_refuse(line, MHD_HTTP_CONFLICT, "no browser can reach this run",
                               "start a run with --serve=127.0.0.1:0, which listens on TCP too");
    if (r < 0)
        return rp_serve_refuse(line, MHD_HTTP_INTERNAL_SERVER_ERROR, strerror(-r), "try again");
    put_head(line, request->serve);
    rp_line_text(line, "address", address);
    return MHD_HTTP_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct rp_serve_route routes[] = {
    { "GET", "/", RP_SERVE_PAGE, NULL },
    { "GET", "/v1/status", RP_SERVE_JSON, get_status },
    { "GET", "/v1/metrics", RP_SERVE_JSON, get_metrics },
    { "GET", "/v1/thresholds", RP_SERVE_JSON, get_thresholds },
    { "GET", "/v1/intervals", RP_SERVE_JSON, rp_serve_get_intervals },
    { "GET", "/v1/events", RP_SERVE_EVENTS, NULL },
    { "POST", "/v1/stop", RP_SERVE_JSON, post_stop },
    { "POST", "/v1/pause", RP_SERVE_JSON, post_pause },
    { "POST", "/v1/resume", RP_SERVE_JSON, post_resume },
    { "POST", "/v1/adjust", RP_SERVE_JSON, rp_serve_post_adjust },
    { "POST", "/v1/browser", RP_SERVE_JSON, post_browser },
};

const struct rp_serve_route *rp_serve_route(const char *method, const char *path,
                                            unsigned *ret_status)
{
    *ret_status = MHD_HTTP_NOT_FOUND;
    for (size_t i = 0; i < RP_ARRAY_LEN(routes); i++) {
        if (strcmp(routes[i].path, path) != 0)
            continue;
        if (strcmp(routes[i].method, method) == 0) {
            *ret_status = 0;
            return &routes[i];
        }
        *ret_status = MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    return NULL;
}
