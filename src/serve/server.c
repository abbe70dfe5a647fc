/* SPDX-License-Identifier: MIT */

/* Connections and requests, by libmicrohttpd: who may speak, how much is read, how it is answered. */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "serve/serve_internal.h"

enum {
    POOL = 32768,       /* bytes that a connection has for its head and for what it sends */
    READ_MAX = 1 << 20, /* bytes of a body; a client that sends more gets no answer */
    LONGEST = 60000,    /* ms between two turns */
    HASTY_MAX = 64,     /* turns without a pause */
    PAUSE = 10,         /* ms between further ones */
};

struct request {
    struct rp_serve_listener *listener;
    const struct rp_serve_route *route; /* NULL when it is refused: */
    unsigned status;                    /* of the refusal, or 0 */
    const char *error, *hint;
    struct rp_buf body;
    size_t read; /* bytes of the body */
    bool gets_cookie;
    bool is_browser; /* that asks for the page */
};

static struct rp_slice field_of(struct MHD_Connection *connection, const char *name)
{
    return rp_slice_str(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

/* ---- answers --------------------------------------------------------------------------------- */

enum MHD_Result rp_serve_queue(struct MHD_Connection *connection, unsigned status,
                               struct MHD_Response *response, const char *type)
{
    enum MHD_Result r;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "3");
    /* Who is not served must not keep one of the places of connections. */
    if (status == MHD_HTTP_UNAUTHORIZED || status == MHD_HTTP_TOO_MANY_REQUESTS ||
        status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Connection", "close");
    r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result queue_json(struct MHD_Connection *connection, unsigned status,
                                  struct rp_buf *json)
{
    struct MHD_Response *response;

    if (json->error)
        return MHD_NO;
    response = MHD_create_response_from_buffer(json->len, json->data, MHD_RESPMEM_MUST_COPY);
    return rp_serve_queue(connection, status, response, "application/json");
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *error,
                              const char *hint)
{
    struct rp_buf json;
    struct rp_json_line line = { .out = &json };
    enum MHD_Result r;

    rp_buf_init(&json, RP_SERVE_ANSWER_MAX);
    rp_line_open(&line, NULL);
    rp_serve_refuse(&line, status, error, hint);
    rp_line_close(&line);
    r = queue_json(connection, status, &json);
    rp_buf_deinit(&json);
    return r;
}

static enum MHD_Result answer(struct request *request, struct MHD_Connection *connection,
                              const json_t *body)
{
    struct rp_serve *serve = request->listener->serve;
    struct rp_serve_request asked = {
        .serve = serve,
        .name = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "name"),
        .host = request->listener->is_tcp && serve->is_tls
                    ? MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")
                    : NULL,
        .body = body,
    };
    struct rp_buf json;
    struct rp_json_line line = { .out = &json };
    enum MHD_Result r;
    unsigned status;

    rp_buf_init(&json, RP_SERVE_ANSWER_MAX);
    rp_line_open(&line, NULL);
    status = request->route->answer(&asked, &line);
    rp_line_close(&line);
    r = queue_json(connection, status, &json);
    rp_buf_deinit(&json);
    return r;
}

static enum MHD_Result stream(struct request *request, struct MHD_Connection *connection)
{
    struct rp_serve_stream *events = &request->listener->serve->stream;
    const char *query = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after");
    struct rp_slice after = field_of(connection, "Last-Event-ID");
    int64_t number = 0;

    after = after.ptr ? after : rp_slice_str(query);
    if (after.ptr && (!rp_parse_i64(after, &number) || number < 0))
        return refuse(connection, MHD_HTTP_BAD_REQUEST, "the number of an event is wrong",
                      "Last-Event-ID and after are the id of the last event that was seen, or 0");
    if (!after.ptr || (uint64_t)number > events->last)
        number = (int64_t)events->last;
    if (events->client_count >= RP_SERVE_STREAMS_MAX)
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "too many streams of events are open",
                      "close one of them, or ask /v1/status from time to time");
    return rp_serve_queue(connection, MHD_HTTP_OK,
                          rp_serve_stream_respond(request->listener, connection, (uint64_t)number),
                          "text/event-stream");
}

/* ---- who may speak --------------------------------------------------------------------------- */

static bool has_cookie(const struct rp_serve *serve, struct MHD_Connection *connection)
{
    return rp_guard_is_token(
        rp_slice_str(MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, serve->cookie)),
        serve->session);
}

/* Takes the ticket of the request, which counts once. */
static bool use_ticket(struct rp_serve *serve, struct MHD_Connection *connection)
{
    struct rp_slice once = rp_slice_str(
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "once"));

    for (size_t i = 0; i < RP_SERVE_TICKETS; i++)
        if (rp_guard_is_token(once, serve->tickets[i])) {
            serve->tickets[i][0] = '\0';
            return true;
        }
    return false;
}

/* 0: the request may be judged further. Otherwise the status of the answer, with its words. */
static unsigned judge(const struct rp_serve_listener *listener, struct MHD_Connection *connection,
                      bool is_get, const char **error, const char **hint)
{
    struct rp_serve *serve = listener->serve;
    struct rp_slice host = field_of(connection, "Host"), origin = field_of(connection, "Origin");
    struct rp_slice bearer = field_of(connection, "Authorization");

    /* With TLS, who has come by another name has not accepted the certificate. */
    if (listener->is_tcp && !serve->is_tls &&
        !rp_guard_is_host(host, serve->port, serve->address, serve->page_host)) {
        *error = "the field Host does not name this server";
        *hint = "use the address that the run has printed";
        return MHD_HTTP_FORBIDDEN;
    }
    if (origin.ptr && !rp_guard_is_origin(origin, host, listener->is_tcp && serve->is_tls)) {
        *error = "pages of other origins may not use this server";
        *hint = "ask it from a program";
        return MHD_HTTP_FORBIDDEN;
    }
    if (rp_guard_is_bearer(bearer, serve->place.token))
        return 0;
    if (listener->is_tcp && !bearer.ptr && has_cookie(serve, connection)) {
        if (is_get || origin.ptr)
            return 0;
        *error = "a browser must say which page it acts for";
        *hint = "use a browser that sends Origin, or the token";
        return MHD_HTTP_FORBIDDEN;
    }
    if (bearer.ptr && !rp_guard_may_try(&serve->tries, rp_clock_ns())) {
        *error = "too many wrong tokens";
        *hint = "the right one is in the file beside the control socket, RUN-ID.sock.token";
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    *error = bearer.ptr ? "the token is wrong" : "a token is needed";
    *hint = "send 'Authorization: Bearer TOKEN' with the token of the file beside the control "
            "socket, RUN-ID.sock.token; 'rampa status --browser' has an address for a browser";
    return MHD_HTTP_UNAUTHORIZED;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The first type of what browsers accept when they open an address. */
static bool accepts_html(struct MHD_Connection *connection)
{
    struct rp_slice accept = field_of(connection, "Accept"), html = RP_SLICE("text/html");

    return accept.len >= html.len && rp_slice_ieq(rp_slice(accept.ptr, html.len), html);
}

/* The head has come. What can be refused now is answered when the body has been read, because a
 * client that still sends would not see the answer. */
static void begin(struct request *request, struct MHD_Connection *connection, const char *method,
                  const char *url)
{
    bool is_get = strcmp(method, "GET") == 0;
    bool is_page = is_get && strcmp(url, "/") == 0 && request->listener->is_tcp;

    request->is_browser = is_page && accepts_html(connection);
    request->status = judge(request->listener, connection, is_get, &request->error, &request->hint);
    /* Also of who may see the page anyway: an address that has been shown is of no further use. */
    if (request->status != MHD_HTTP_FORBIDDEN && is_page &&
        use_ticket(request->listener->serve, connection)) {
        request->status = 0;
        request->gets_cookie = true;
    }
    if (request->status)
        return;
    request->route = rp_serve_route(method, url, &request->status);
    request->error = request->status == MHD_HTTP_NOT_FOUND ? "there is no such resource"
                                                           : "the resource has another method";
    request->hint = "docs/control.md lists the resources and their methods";
}

/* Takes a piece of the body. Nothing of a refused request is kept. */
static enum MHD_Result take(struct request *request, const char *data, size_t *size)
{
    request->read += *size;
    if (!request->status)
        rp_buf_append(&request->body, data, *size);
    *size = 0;
    return request->read > READ_MAX ? MHD_NO : MHD_YES;
}

/* The whole request has come. */
static enum MHD_Result finish(struct request *request, struct MHD_Connection *connection)
{
    json_t *body = NULL;
    json_error_t at;
    enum MHD_Result r;

    if (request->status == MHD_HTTP_UNAUTHORIZED && request->is_browser)
        return rp_serve_page_keep_out(connection);
    if (request->status)
        return refuse(connection, request->status, request->error, request->hint);
    if (request->body.error == -EMSGSIZE)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large",
                      "a body has at most 16384 bytes");
    if (request->body.error)
        return MHD_NO;
    if (request->gets_cookie)
        return rp_serve_page_let_in(request->listener->serve, connection);
    if (request->route->kind == RP_SERVE_PAGE)
        return rp_serve_page(connection);
    if (request->route->kind == RP_SERVE_EVENTS)
        return stream(request, connection);
    if (request->body.len) {
        body = json_loadb(request->body.data, request->body.len, JSON_REJECT_DUPLICATES, &at);
        if (!json_is_object(body)) {
            json_decref(body);
            return refuse(connection, MHD_HTTP_BAD_REQUEST, "the body is no JSON object",
                          "such as {\"reason\": \"enough\"}");
        }
    }
    r = answer(request, connection, body);
    json_decref(body);
    return r;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct rp_serve_listener *listener = user;
    struct request *request = *state;

    if (!request) {
        request = rp_calloc(1, sizeof(*request));
        if (!request)
            return MHD_NO;
        request->listener = listener;
        rp_buf_init(&request->body, RP_SERVE_BODY_MAX);
        listener->serve->request_count++;
        *state = request;
        begin(request, connection, method, url);
        return MHD_YES;
    }
    return *size ? take(request, data, size) : finish(request, connection);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;

    if (!request)
        return;
    request->listener->serve->request_count--;
    rp_buf_deinit(&request->body);
    rp_free(request);
    *state = NULL;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void on_timer(struct rp_timer *timer, rp_ns now);

/* The time until the next turn, unless something comes before; -1: any time. libmicrohttpd wants to be
 * turned at once as long as a part of a TLS handshake has come, and would take a whole processor
 * until the rest comes. */
static int pause_of(struct rp_serve_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(listener->daemon, &ms) != MHD_YES)
        return -1;
    if (ms == 0 && listener->hasty < HASTY_MAX)
        listener->hasty++;
    else if (ms == 0)
        ms = PAUSE;
    return ms < LONGEST ? (int)ms : LONGEST;
}

static void turn(struct rp_serve_listener *listener)
{
    struct rp_loop *loop = listener->watch.loop;
    int ms;

    MHD_run(listener->daemon);
    if (!loop)
        return;
    ms = pause_of(listener);
    if (ms >= 0)
        rp_timer_arm(loop, &listener->timer, rp_ns_add(rp_loop_now(loop), ms * RP_MS), on_timer);
    else
        rp_timer_disarm(&listener->timer);
}

static void on_timer(struct rp_timer *timer, rp_ns now)
{
    turn(rp_container_of(timer, struct rp_serve_listener, timer));
}

static void on_ready(struct rp_watch *watch, unsigned ready)
{
    struct rp_serve_listener *listener = rp_container_of(watch, struct rp_serve_listener, watch);

    listener->hasty = 0;
    turn(listener);
}

static void on_task(struct rp_task *task)
{
    struct rp_serve_listener *listener = rp_container_of(task, struct rp_serve_listener, task);

    listener->hasty = 0;
    turn(listener);
}

static int descriptor_of(const struct rp_serve_listener *listener)
{
    return MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int rp_serve_listener_start(struct rp_serve_listener *listener, struct rp_serve *serve, int fd,
                            bool is_tcp)
{
    bool is_tls = is_tcp && serve->is_tls;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)serve->options.certificate },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)serve->options.key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1" },
        { MHD_OPTION_END, 0, NULL },
    };

    listener->serve = serve;
    listener->is_tcp = is_tcp;
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_tls ? MHD_USE_TLS : 0), 0, NULL, NULL,
        on_request, listener, MHD_OPTION_ARRAY, is_tls ? tls : &tls[RP_ARRAY_LEN(tls) - 1],
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)RP_SERVE_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)RP_SERVE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    return listener->daemon ? 0 : -EIO;
}

int rp_serve_listener_attach(struct rp_serve_listener *listener, struct rp_loop *loop)
{
    int r;

    if (!listener->daemon)
        return 0;
    r = rp_watch_start(loop, &listener->watch, descriptor_of(listener), RP_READABLE, on_ready);
    if (r == 0)
        rp_serve_listener_wake(listener);
    return r;
}

void rp_serve_listener_detach(struct rp_serve_listener *listener)
{
    rp_watch_stop(&listener->watch);
    rp_timer_disarm(&listener->timer);
    rp_task_cancel(&listener->task);
    listener->watch.loop = NULL;
}

void rp_serve_listener_wake(struct rp_serve_listener *listener)
{
    if (listener->watch.loop)
        rp_loop_defer(listener->watch.loop, &listener->task, on_task);
}

void rp_serve_listener_stop(struct rp_serve_listener *listener)
{
    rp_serve_listener_detach(listener);
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon);
    listener->daemon = NULL;
}

void rp_serve_listeners_finish(struct rp_serve *serve, rp_ns longest)
{
    struct rp_serve_listener *listeners[] = { &serve->unix_listener, &serve->tcp_listener };
    rp_ns end = rp_ns_add(rp_clock_ns(), longest), left;

    do {
        struct pollfd fds[RP_ARRAY_LEN(listeners)];
        int ms = (int)(longest / RP_MS), own;

        for (size_t i = 0; i < RP_ARRAY_LEN(listeners); i++) {
            fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
            if (!listeners[i]->daemon)
                continue;
            MHD_run(listeners[i]->daemon);
            fds[i].fd = descriptor_of(listeners[i]);
            own = pause_of(listeners[i]);
            if (own >= 0 && own < ms)
                ms = own;
        }
        left = end - rp_clock_ns();
        if (!serve->request_count || left <= 0)
            break;
        if (ms * RP_MS > left)
            ms = (int)(left / RP_MS);
        poll(fds, RP_ARRAY_LEN(fds), ms);
        for (size_t i = 0; i < RP_ARRAY_LEN(listeners); i++)
            if (fds[i].revents)
                listeners[i]->hasty = 0;
    } while (true);
}
