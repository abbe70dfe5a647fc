/* SPDX-License-Identifier: MIT */
#include "output/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"
#include "output/output_url.h"

enum { SHOWN_MAX = 512, ANSWER_COLS = 200, TROUBLE_MAX = 1024, RESPONSE_MAX = 1 << 20 };
#define PAUSE_FIRST (250 * RP_MS)
#define PAUSE_LEAST (100 * RP_MS) /* also when the server asks for none */
#define PAUSE_ENDING (1 * RP_S)   /* the longest while the end waits for it */

struct body {
    struct rp_list node;
    struct rp_buf bytes;
    uint64_t points;
};

struct rp_delivery {
    const char *name;
    struct rp_buf url, shown; /* shown: what messages say of it */
    struct rp_header *headers;
    size_t header_count;
    struct rp_buf header_text;
    struct rp_http_tls tls;
    bool is_required;
    rp_ns wait;

    struct rp_loop *loop;
    struct rp_http_client *client;
    struct rp_http_session *session;
    struct rp_http_template *template; /* of the body that is sent */
    struct rp_http_call call;
    struct rp_http_response response;
    struct rp_timer pause;

    struct rp_sink *sink;
    struct rp_watch watch; /* in the loop of the run: our loop has something to do, */
    struct rp_timer alarm; /* or a timer of it is due */
    struct rp_loop *outer; /* NULL outside of the run */

    struct rp_list waiting; /* the first one is sent, or will be sent next */
    size_t waiting_bytes;
    unsigned failures; /* in a row */
    uint64_t chance;   /* state of the jitter */
    bool is_probing, is_ending, has_warned, has_lost;
    rp_ns last_taken;
    uint64_t points, lost;     /* all of them; those that were lost */
    char trouble[TROUBLE_MAX]; /* the last one, as a clause; empty when there was none */
};

static void send_next(struct rp_delivery *d);

/* ---- turning --------------------------------------------------------------------------------- */

static void turn_in_run(struct rp_delivery *d);

static void ready(struct rp_watch *watch, unsigned what)
{
    turn_in_run(rp_container_of(watch, struct rp_delivery, watch));
}

static void rang(struct rp_timer *timer, rp_ns now)
{
    turn_in_run(rp_container_of(timer, struct rp_delivery, alarm));
}

/* Does what can be done now, and has the loop of the run call again. */
static void turn_in_run(struct rp_delivery *d)
{
    rp_ns next;

    if (!d->outer)
        return;
    do
        if (rp_loop_turn(d->loop, 0) < 0)
            break;
    while (rp_loop_has_tasks(d->loop));
    next = rp_loop_next_deadline(d->loop);
    if (next == RP_NS_NEVER)
        rp_timer_disarm(&d->alarm);
    else
        rp_timer_arm(d->outer, &d->alarm, next, rang);
}

void rp_delivery_leave_loop(struct rp_delivery *d)
{
    if (!d->outer)
        return;
    rp_watch_stop(&d->watch);
    rp_timer_disarm(&d->alarm);
    d->outer = NULL;
}

/* ---- losses ---------------------------------------------------------------------------------- */

static void drop(struct rp_delivery *d, struct body *body)
{
    rp_list_remove(&body->node);
    d->waiting_bytes -= body->bytes.len;
    rp_buf_deinit(&body->bytes);
    rp_free(body);
}

/* Says so once; how much it is in the end is told by rp_delivery_end(). */
static void lose(struct rp_delivery *d, uint64_t points)
{
    d->lost += points;
    if (d->has_lost || d->is_ending)
        return;
    d->has_lost = true;
    rp_sink_lose(d->sink, "the output %s loses what it sends to %s: %s", d->name,
                 rp_buf_str(&d->shown), d->trouble);
}

/* ---- sending --------------------------------------------------------------------------------- */

static rp_ns jittered(struct rp_delivery *d, rp_ns pause)
{
    d->chance = d->chance * 6364136223846793005u + 1442695040888963407u;
    return pause / 2 + (rp_ns)((double)(d->chance >> 33) / 0x1p31 * (double)pause);
}

/* What the server asks for; -1 = nothing that we know. */
static rp_ns retry_after(const struct rp_http_response *response)
{
    struct rp_slice name, value;
    size_t pos = 0;
    int64_t seconds;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("retry-after")) && rp_parse_i64(value, &seconds) &&
            seconds >= 0)
            return seconds > RP_DELIVERY_PAUSE_MAX / RP_S ? RP_DELIVERY_PAUSE_MAX : seconds * RP_S;
    return -1;
}

static void paused(struct rp_timer *timer, rp_ns now)
{
    send_next(rp_container_of(timer, struct rp_delivery, pause));
}

/* Sends the same again, later. */
static void retry(struct rp_delivery *d)
{
    rp_ns pause = PAUSE_FIRST << (d->failures < 7 ? d->failures : 7), asked;

    d->failures++;
    pause = jittered(d, pause > RP_DELIVERY_PAUSE_MAX ? RP_DELIVERY_PAUSE_MAX : pause);
    asked = retry_after(&d->response);
    if (asked >= 0)
        pause = asked > PAUSE_LEAST ? asked : PAUSE_LEAST;
    if (d->is_ending && pause > PAUSE_ENDING)
        pause = PAUSE_ENDING;
    rp_timer_arm(d->loop, &d->pause, rp_loop_now(d->loop) + pause, paused);
}

/* "connection refused", "it answered 503: overloaded". */
static void note_trouble(struct rp_delivery *d)
{
    const struct rp_http_response *response = &d->response;
    struct rp_buf text;

    rp_buf_init(&text, TROUBLE_MAX - 1);
    if (!response->status) {
        rp_text_append(&text, rp_slice_str(response->error), ANSWER_COLS);
    } else {
        rp_buf_appendf(&text, "it answered %d", response->status);
        if (response->body.len) {
            rp_buf_append_str(&text, ": ");
            rp_text_append(&text, rp_buf_slice(&response->body), ANSWER_COLS);
        }
    }
    while (text.len && text.data[text.len - 1] == ' ')
        text.data[--text.len] = '\0';
    snprintf(d->trouble, sizeof(d->trouble), "%s", rp_buf_str(&text));
    rp_buf_deinit(&text);
}

static bool is_passing(const struct rp_http_response *response)
{
    return !response->status || response->status == 429 || response->status >= 500;
}

static bool is_taken(const struct rp_http_response *response)
{
    return response->status >= 200 && response->status < 300;
}

static void answered(struct rp_http_call *call)
{
    struct rp_delivery *d = rp_container_of(call, struct rp_delivery, call);
    struct body *body;

    rp_http_template_unref(d->template);
    d->template = NULL;
    if (!is_taken(&d->response))
        note_trouble(d);
    if (d->is_probing)
        return;
    body = rp_container_of(d->waiting.next, struct body, node);
    if (is_taken(&d->response)) {
        d->failures = 0;
        d->last_taken = rp_loop_now(d->loop);
        drop(d, body);
        send_next(d);
        return;
    }
    if (is_passing(&d->response)) {
        if (!d->has_warned && !d->is_ending)
            rp_result_warn(d->sink->sinks->result,
                           "the output %s could not deliver to %s, and tries again: %s", d->name,
                           rp_buf_str(&d->shown), d->trouble);
        d->has_warned = true;
        retry(d);
        return;
    }
    d->failures = 0;
    lose(d, body->points);
    drop(d, body);
    send_next(d);
}

/* -ENOMEM, or -RP_EUSER with @err. */
static int post(struct rp_delivery *d, struct rp_slice body, rp_ns timeout, struct rp_error *err)
{
    const struct rp_http_spec spec = { .method = RP_SLICE("POST"),
                                       .url = rp_buf_slice(&d->url),
                                       .headers = d->headers,
                                       .header_count = d->header_count,
                                       .body = body,
                                       .has_body = true,
                                       .tls = d->tls };
    int r = rp_http_template_new(d->client, &spec, &d->template, err);

    if (r < 0)
        return r;
    d->call = (struct rp_http_call){
        .template = d->template, .response = &d->response, .timeout = timeout, .done = answered
    };
    rp_http_start(d->session, &d->call);
    return 0;
}

/* The first body that waits, unless one is on its way or has to be waited for. */
static void send_next(struct rp_delivery *d)
{
    struct rp_error err = { 0 };
    struct body *body;

    if (rp_list_is_empty(&d->waiting) || rp_http_is_running(&d->call) || d->template ||
        rp_timer_is_armed(&d->pause))
        return;
    body = rp_container_of(d->waiting.next, struct body, node);
    if (post(d, rp_buf_slice(&body->bytes), RP_DELIVERY_TIMEOUT, &err) < 0) { /* no memory */
        snprintf(d->trouble, sizeof(d->trouble), "%s",
                 err.message ? err.message : strerror(ENOMEM));
        rp_error_deinit(&err);
        rp_http_response_deinit(&d->response);
        d->response = (struct rp_http_response){ .status = 0 };
        retry(d);
    }
}

/* A body that is on its way is the first one, and stays. */
static void make_room(struct rp_delivery *d)
{
    while (d->waiting_bytes > RP_DELIVERY_WAITING) {
        struct rp_list *oldest = d->waiting.next;
        struct body *body;

        if (d->template)
            oldest = oldest->next;
        if (oldest == &d->waiting)
            return;
        body = rp_container_of(oldest, struct body, node);
        lose(d, body->points);
        drop(d, body);
    }
}

void rp_delivery_put(struct rp_delivery *d, struct rp_buf *bytes, uint64_t points)
{
    struct body *body = rp_calloc(1, sizeof(*body));

    d->points += points;
    if (!body || bytes->error) {
        if (!*d->trouble)
            snprintf(d->trouble, sizeof(d->trouble), "%s",
                     strerror(bytes->error ? -bytes->error : ENOMEM));
        rp_free(body);
        lose(d, points);
        rp_buf_reset(bytes);
        return;
    }
    body->bytes = *bytes;
    body->points = points;
    d->waiting_bytes += bytes->len;
    rp_buf_init(bytes, bytes->max);
    rp_list_append(&d->waiting, &body->node);
    make_room(d);
    send_next(d);
    turn_in_run(d);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* What no second try will heal. */
static bool is_lasting(const struct rp_http_response *response)
{
    int code = response->error_code, status = response->status;

    if (!status)
        return (code >= RP_HTTP_DNS && code < RP_HTTP_TCP) ||
               (code >= RP_HTTP_UNKNOWN_AUTHORITY && code <= RP_HTTP_EXPIRED);
    return status == 401 || status == 403 || status == 404;
}

static int probe(struct rp_delivery *d, struct rp_slice body, struct rp_error *err)
{
    int r;

    d->is_probing = true;
    r = post(d, body, RP_DELIVERY_PROBE, err);
    while (r == 0 && rp_http_is_running(&d->call))
        r = rp_loop_turn(d->loop, RP_NS_NEVER);
    d->is_probing = false;
    if (r < 0)
        return r;
    if (is_lasting(&d->response) || (d->is_required && is_passing(&d->response))) {
        rp_error_set(err, -RP_EUSER, "the output %s cannot use %s: %s", d->name,
                     rp_buf_str(&d->shown), d->trouble);
        if (d->response.status == 401 || d->response.status == 403)
            rp_error_hint(err, "check its token, or user name and password");
        return -RP_EUSER;
    }
    if (is_passing(&d->response)) {
        rp_result_warn(d->sink->sinks->result,
                       "the output %s could not deliver to %s, and tries again: %s", d->name,
                       rp_buf_str(&d->shown), d->trouble);
        d->has_warned = true;
    }
    return 0;
}

static int make_client(struct rp_delivery *d)
{
    struct rp_http_limits limits = { .body_bytes = RESPONSE_MAX, .connections_per_host = 1 };
    int r = rp_loop_new(rp_loop_epoll, &d->loop);

    if (r == 0)
        r = rp_http_client_new(d->loop, NULL, limits, &d->client);
    if (r == 0)
        r = rp_http_session_new(d->client, 1, &d->session);
    return r;
}

int rp_delivery_begin(struct rp_delivery *d, struct rp_sink *sink, struct rp_slice body,
                      struct rp_error *err)
{
    int r = make_client(d);

    d->sink = sink;
    if (r == 0)
        r = probe(d, body, err);
    if (r < 0 || !sink->sinks->loop)
        return r;
    r = rp_watch_start(sink->sinks->loop, &d->watch, rp_loop_fd(d->loop), RP_READABLE, ready);
    if (r < 0)
        return r;
    d->outer = sink->sinks->loop;
    turn_in_run(d);
    return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

int rp_delivery_end(struct rp_delivery *d, struct rp_error *err)
{
    rp_ns now = rp_clock_ns(), over = now + 3 * d->wait;
    int r = 0;

    rp_delivery_leave_loop(d);
    d->is_ending = true;
    d->last_taken = now;
    if (rp_timer_is_armed(&d->pause)) /* it may be long */
        rp_timer_arm(d->loop, &d->pause, now, paused);
    send_next(d);
    while (r == 0 && !rp_list_is_empty(&d->waiting)) {
        rp_ns until = d->last_taken + d->wait < over ? d->last_taken + d->wait : over;

        if (rp_clock_ns() >= until)
            break;
        r = rp_loop_turn(d->loop, until);
    }
    RP_LIST_EACH (node, &d->waiting)
        d->lost += rp_container_of(node, struct body, node)->points;
    if (!d->lost)
        return 0;
    return rp_error_set(err, -EIO,
                        "of the %llu numbers of the output %s %llu did not get to %s: %s",
                        (unsigned long long)d->points, d->name, (unsigned long long)d->lost,
                        rp_buf_str(&d->shown), *d->trouble ? d->trouble : "it was too slow");
}

/* ---- life ------------------------------------------------------------------------------------ */

static int copy_headers(struct rp_delivery *d, const struct rp_delivery_config *config)
{
    const char *at;

    d->headers = rp_calloc(config->header_count ? config->header_count : 1, sizeof(*d->headers));
    if (!d->headers)
        return -ENOMEM;
    rp_buf_init(&d->header_text, 1 << 20);
    for (size_t i = 0; i < config->header_count; i++) {
        rp_buf_append_slice(&d->header_text, config->headers[i].name);
        rp_buf_append_slice(&d->header_text, config->headers[i].value);
    }
    if (d->header_text.error)
        return d->header_text.error;
    at = d->header_text.data;
    for (size_t i = 0; i < config->header_count; i++) {
        struct rp_header from = config->headers[i];

        d->headers[i] = (struct rp_header){ rp_slice(at, from.name.len),
                                            rp_slice(at + from.name.len, from.value.len) };
        at += from.name.len + from.value.len;
    }
    d->header_count = config->header_count;
    return 0;
}

static int copy_url(struct rp_delivery *d, const char *text, struct rp_error *err)
{
    struct rp_url url;
    int r = rp_output_url_parse(text, &url, err);

    if (r < 0)
        return r;
    rp_buf_init(&d->url, 1 << 16);
    rp_buf_append_str(&d->url, text);
    rp_buf_init(&d->shown, SHOWN_MAX);
    rp_output_url_show(&url, &d->shown);
    return d->url.error ? d->url.error : d->shown.error;
}

int rp_delivery_new(const struct rp_delivery_config *config, struct rp_delivery **ret,
                    struct rp_error *err)
{
    struct rp_delivery *d = rp_calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    rp_list_init(&d->waiting);
    d->name = config->name;
    d->tls.ca_file = config->ca_file;
    d->tls.verify = config->is_insecure ? RP_HTTP_VERIFY_NOT : RP_HTTP_VERIFY;
    d->is_required = config->is_required;
    d->wait = config->wait;
    d->chance = (uint64_t)rp_clock_ns();
    r = copy_url(d, config->url, err);
    if (r == 0)
        r = copy_headers(d, config);
    if (r < 0) {
        rp_delivery_free(d);
        return r;
    }
    *ret = d;
    return 0;
}

void rp_delivery_free(struct rp_delivery *d)
{
    if (!d)
        return;
    rp_delivery_leave_loop(d);
    RP_LIST_EACH (node, &d->waiting)
        drop(d, rp_container_of(node, struct body, node));
    rp_timer_disarm(&d->pause);
    rp_http_session_free(d->session);
    rp_http_template_unref(d->template);
    rp_http_client_free(d->client);
    rp_loop_free(d->loop);
    rp_http_response_deinit(&d->response);
    rp_buf_deinit(&d->url);
    rp_buf_deinit(&d->shown);
    rp_buf_deinit(&d->header_text);
    rp_free(d->headers);
    rp_free(d);
}
