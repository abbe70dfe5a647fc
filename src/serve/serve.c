/* SPDX-License-Identifier: MIT */

/* The control server as a sink: when it answers, and what it keeps of the run. */

#include "serve/serve.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "serve/serve_internal.h"

#define PROBE_EVERY (15 * RP_S)
#define WAIT_AT_END RP_S

static void on_tick(struct rp_timer *timer, rp_ns now)
{
    struct rp_serve *serve = rp_container_of(timer, struct rp_serve, tick);

    rp_serve_stream_probe(&serve->stream);
    rp_timer_arm(serve->sink.sinks->loop, timer, rp_ns_add(now, PROBE_EVERY), on_tick);
}

/* The loop is there from the first event on. */
static void attach(struct rp_serve *serve)
{
    struct rp_loop *loop = serve->sink.sinks->loop;

    serve->is_attached = true;
    serve->error = rp_serve_listener_attach(&serve->unix_listener, loop);
    if (serve->error == 0)
        serve->error = rp_serve_listener_attach(&serve->tcp_listener, loop);
    if (serve->error == 0)
        rp_timer_arm(loop, &serve->tick, rp_ns_add(rp_loop_now(loop), PROBE_EVERY), on_tick);
}

static void keep_verdicts(struct rp_serve *serve, const struct rp_event *event)
{
    size_t count = event->result->plan->threshold_count;
    struct rp_verdict *verdicts;

    if (!count)
        return;
    verdicts = rp_realloc_array(serve->verdicts, count, sizeof(*verdicts));
    if (!verdicts)
        return; /* those of before are still the last ones */
    memcpy(verdicts, event->thresholds.verdicts, count * sizeof(*verdicts));
    serve->verdicts = verdicts;
}

/* The loop goes. What is left to be said is said when the server is closed. */
static void leave(struct rp_serve *serve)
{
    struct rp_json_line line = { .out = &serve->last_status };

    serve->is_over = true;
    rp_serve_write_status(serve, &line);
    rp_timer_disarm(&serve->tick);
    rp_serve_listener_detach(&serve->unix_listener);
    rp_serve_listener_detach(&serve->tcp_listener);
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct rp_serve *serve = rp_container_of(sink, struct rp_serve, sink);

    if (!serve->is_attached && sink->sinks->loop)
        attach(serve);
    serve->result = event->result;
    switch (event->kind) {
    case RP_EVENT_SNAPSHOT:
        rp_event_note_snapshot(event, &serve->memory);
        break;
    case RP_EVENT_THRESHOLD:
    case RP_EVENT_LIVE_THRESHOLD:
        keep_verdicts(serve, event);
        break;
    case RP_EVENT_FINISHED:
        leave(serve);
        break;
    default:
        break;
    }
}

static int open_serve(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    const struct rp_serve *serve = rp_container_of(sink, struct rp_serve, sink);

    if (serve->error < 0)
        return rp_error_set(err, serve->error, "the control server cannot be served: %s",
                            strerror(-serve->error));
    return 0;
}

static void stop(struct rp_serve *serve)
{
    rp_serve_stream_end(&serve->stream);
    rp_serve_listener_stop(&serve->unix_listener);
    rp_serve_listener_stop(&serve->tcp_listener);
    rp_place_remove(&serve->place);
    serve->result = NULL;
}

static int close_serve(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_serve *serve = rp_container_of(sink, struct rp_serve, sink);

    rp_serve_stream_end(&serve->stream);
    rp_serve_listeners_finish(serve, WAIT_AT_END);
    stop(serve);
    return 0;
}

static const struct rp_sink_ops ops = {
    .events = RP_EVENT_BIT(RP_EVENT_PHASE) | RP_EVENT_BIT(RP_EVENT_SNAPSHOT) |
              RP_EVENT_BIT(RP_EVENT_THRESHOLD) | RP_EVENT_BIT(RP_EVENT_LIVE_THRESHOLD) |
              RP_EVENT_BIT(RP_EVENT_FINISHED),
    .open = open_serve,
    .event = on_event,
    .close = close_serve,
};

/* ---- making it ------------------------------------------------------------------------------- */

static int listen_unix(struct rp_serve *serve, struct rp_error *err)
{
    int r = rp_place_make(serve->options.run_id, &serve->place, err);

    if (r == 0)
        r = rp_serve_listener_start(&serve->unix_listener, serve, serve->place.fd, false);
    if (r == 0)
        serve->place.fd = -1; /* the daemon has it */
    return r;
}

static int name_page(struct rp_serve *serve)
{
    char random[RP_TOKEN_SIZE];
    int r = rp_token_make(random);

    if (r == 0 && !serve->is_tls &&
        (strncmp(serve->address, "127.0.0.1:", 10) == 0 || serve->address[0] == '['))
        snprintf(serve->page_host, sizeof(serve->page_host), "rampa-%.16s.localhost", random);
    return r;
}

static int listen_tcp(struct rp_serve *serve, struct rp_error *err)
{
    int fd, r;

    if (!serve->options.address)
        return 0;
    r = rp_token_make(serve->session);
    if (r < 0)
        return r;
    serve->is_tls = serve->options.certificate != NULL;
    fd = rp_tcp_listen(serve->options.address, serve->is_tls, &serve->port, serve->address, err);
    if (fd < 0)
        return fd;
    snprintf(serve->url, sizeof(serve->url), "http%s://%s", serve->is_tls ? "s" : "",
             serve->address);
    /* Browsers do not keep the cookies of two ports apart. With __Host- they take it from this host
     * itself only, over TLS. */
    snprintf(serve->cookie, sizeof(serve->cookie), "%srampa%u", serve->is_tls ? "__Host-" : "",
             serve->port);
    r = name_page(serve);
    if (r == 0)
        r = rp_serve_listener_start(&serve->tcp_listener, serve, fd, true);
    if (r < 0)
        close(fd);
    if (r == -EIO && serve->is_tls) {
        rp_error_set(err, -RP_EUSER, "--serve: GnuTLS cannot use the certificate or its key");
        rp_error_hint(err, "give it a certificate with a key of the kind EC P-256 or RSA");
        return -RP_EUSER;
    }
    return r;
}

int rp_serve_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                 const struct rp_serve_options *options, struct rp_serve **ret,
                 struct rp_error *err)
{
    struct rp_serve *serve = rp_calloc(1, sizeof(*serve));
    int r;

    if (!serve)
        return -ENOMEM;
    serve->options = *options;
    serve->place.fd = -1;
    rp_buf_init(&serve->last_status, RP_SERVE_ANSWER_MAX);
    r = rp_serve_stream_init(serve, bus);
    if (r == 0)
        r = listen_tcp(serve, err);
    if (r == 0)
        r = listen_unix(serve, err);
    if (r < 0) {
        rp_serve_free(serve);
        return r;
    }
    rp_sinks_add(sinks, &serve->sink, &ops);
    *ret = serve;
    return 0;
}

void rp_serve_free(struct rp_serve *serve)
{
    if (!serve)
        return;
    rp_sink_remove(&serve->sink);
    stop(serve);
    rp_serve_stream_deinit(&serve->stream);
    rp_event_memory_deinit(&serve->memory);
    rp_buf_deinit(&serve->last_status);
    rp_free(serve->verdicts);
    rp_free(serve);
}

const char *rp_serve_socket(const struct rp_serve *serve)
{
    return serve->place.socket;
}

const char *rp_serve_url(const struct rp_serve *serve)
{
    return serve->url[0] ? serve->url : NULL;
}
