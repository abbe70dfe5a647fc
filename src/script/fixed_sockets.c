/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "script/fixed_sockets.h"
#include "ws/ws.h"

/* What `--timeout` is by default. */
#define PATIENCE (60 * RP_S)

/* One of the list. */
struct rp_fixed_socket {
    size_t index; /* in the list */
    struct rp_ws_spec spec;
    struct rp_header *headers;
    struct rp_slice message; /* a part of the host's bytes, as the texts of @spec are */
    bool has_message;
    enum rp_ws_event kind; /* of the message: a text, or binary */
};

/* What the iteration of a VU waits for. */
enum step { STEP_NONE, STEP_OPEN, STEP_ANSWER, STEP_CLOSE };

struct rp_fixed_sockets {
    struct rp_fixed_host *host;
    struct rp_vu *vu;
    struct rp_http_response response; /* to the request that opens one */
    struct rp_timer timer;            /* of the answer */
    enum step step;
    size_t current; /* which one the iteration uses */
    rp_ns sent;
    uint64_t last;                    /* the number of the last message before that */
    struct rp_ws_session *sessions[]; /* by their place among the host's; NULL = none is open */
};

/* ---- the list -------------------------------------------------------------------------------- */

static int fill(struct rp_fixed_host *host, struct rp_fixed_socket *socket,
                const struct rp_one_request *request, const struct rp_requests_common *common)
{
    size_t size = request->header_count * sizeof(*socket->headers);

    socket->headers = rp_alloc(size ? size : 1);
    if (!socket->headers)
        return -ENOMEM;
    if (size)
        memcpy(socket->headers, request->headers, size);
    socket->spec.http.url = request->url;
    socket->spec.http.name = request->name;
    socket->spec.http.headers = socket->headers;
    socket->spec.http.header_count = request->header_count;
    socket->spec.timeout = common->timeout;
    socket->spec.close_timeout = common->timeout;
    socket->spec.is_h2 = host->wants_h2;
    if (common->subprotocol.len) {
        host->subprotocol = socket->spec.protocol = common->subprotocol;
        socket->spec.protocols = &host->subprotocol;
        socket->spec.protocol_count = 1;
    }
    socket->has_message = request->has_body;
    socket->message = request->body;
    socket->kind = rp_utf8_is_valid(request->body) ? RP_WS_TEXT : RP_WS_BINARY;
    return 0;
}

int rp_fixed_socket_add(struct rp_fixed_host *host, size_t index,
                        const struct rp_one_request *request,
                        const struct rp_requests_common *common, struct rp_http_spec *spec,
                        struct rp_error *err)
{
    struct rp_fixed_socket *more = rp_realloc_array(host->sockets, host->socket_count + 1,
                                                    sizeof(*more));
    int r;

    if (!more)
        return -ENOMEM;
    host->sockets = more;
    more[host->socket_count] = (struct rp_fixed_socket){ .index = index };
    r = fill(host, &more[host->socket_count], request, common);
    if (r < 0)
        return r;
    host->socket_count++;
    /* The names that are known before the run are those of templates. */
    *spec = (struct rp_http_spec){ .method = RP_SLICE("GET"),
                                   .url = request->url,
                                   .is_upgrade = true,
                                   .is_tunnel = host->wants_h2 };
    return rp_ws_check_spec(&more[host->socket_count - 1].spec, err);
}

void rp_fixed_sockets_release(struct rp_fixed_host *host)
{
    for (size_t i = 0; i < host->socket_count; i++)
        rp_free(host->sockets[i].headers);
    rp_free(host->sockets);
    host->sockets = NULL;
    host->socket_count = 0;
}

/* ---- iterations ------------------------------------------------------------------------------ */

static struct rp_loop *loop_of(const struct rp_fixed_sockets *self)
{
    return self->host->loop;
}

static void end_iteration(struct rp_fixed_sockets *self, enum rp_ending ending)
{
    self->step = STEP_NONE;
    rp_timer_disarm(&self->timer);
    if (self->host->closes_sockets)
        rp_http_session_close_idle(self->vu->sessions[RP_CLIENT_HTTP]);
    self->host->script.engine->ended(self->vu, ending);
}

/* The session is over: the next iteration opens a new one. */
static void leave(struct rp_fixed_sockets *self, size_t place)
{
    struct rp_ws_session *session = self->sessions[place];

    self->sessions[place] = NULL;
    if (session)
        rp_ws_leave(session, false);
}

/* Messages that nobody has asked for. */
static void drop_messages(struct rp_ws_session *session)
{
    struct rp_ws_message *message;

    while ((message = rp_ws_take(session)))
        rp_ws_give_back(session, message);
    rp_ws_settle(session);
}

static void close_session(struct rp_fixed_sockets *self, struct rp_ws_session *session)
{
    self->step = STEP_CLOSE;
    rp_timer_disarm(&self->timer);
    if (rp_ws_close(session, RP_WS_NORMAL, rp_slice(NULL, 0)) < 0) { /* no memory */
        leave(self, self->current);
        end_iteration(self, RP_ENDED_FAILED);
    }
}

static void no_answer(struct rp_timer *timer, rp_ns now)
{
    struct rp_fixed_sockets *self = rp_container_of(timer, struct rp_fixed_sockets, timer);

    rp_ws_give_up(self->sessions[self->current], RP_HTTP_TIMEOUT, "no answer to a message");
    self->sessions[self->current] = NULL;
    end_iteration(self, RP_ENDED_COMPLETED);
}

/* The iteration cannot have its answer any more. */
static void closed(struct rp_fixed_sockets *self, struct rp_ws_session *session)
{
    bool has_message = self->host->sockets[self->current].has_message;

    self->sessions[self->current] = NULL;
    if (has_message && self->step != STEP_CLOSE)
        rp_ws_give_up(session, RP_HTTP_CLOSED, "closed in place of an answer");
    else
        rp_ws_leave(session, false);
    end_iteration(self, RP_ENDED_COMPLETED);
}

static void send_message(struct rp_fixed_sockets *self, struct rp_ws_session *session)
{
    const struct rp_fixed_socket *socket = &self->host->sockets[self->current];
    rp_ns patience = self->host->timeout ? self->host->timeout : PATIENCE;

    drop_messages(session);
    if (session->state != RP_WS_OPEN) { /* a fault has come behind them */
        closed(self, session);
        return;
    }
    self->last = session->received;
    self->sent = rp_loop_now(loop_of(self));
    if (rp_ws_send(session, socket->kind, socket->message) < 0) { /* no memory */
        leave(self, self->current);
        end_iteration(self, RP_ENDED_FAILED);
        return;
    }
    self->step = STEP_ANSWER;
    rp_timer_arm(loop_of(self), &self->timer, rp_ns_add(self->sent, patience), no_answer);
}

static void go_on(struct rp_fixed_sockets *self, struct rp_ws_session *session)
{
    if (self->host->sockets[self->current].has_message)
        send_message(self, session);
    else
        close_session(self, session);
}

static void take_answer(struct rp_fixed_sockets *self, struct rp_ws_session *session)
{
    const struct rp_ws_message *answer = rp_ws_after(session, self->last);

    if (!answer)
        return;
    rp_ws_record_roundtrip(session, self->sent, answer->at);
    drop_messages(session);
    if (self->host->closes_sockets && session->state == RP_WS_OPEN)
        close_session(self, session);
    else
        end_iteration(self, RP_ENDED_COMPLETED);
}

/* Of a session that no iteration uses now, only what comes is dropped. */
static void woken(struct rp_ws_session *session)
{
    struct rp_fixed_sockets *self = session->owner;
    bool is_used = self->step != STEP_NONE && self->sessions[self->current] == session;

    if (is_used && self->step == STEP_OPEN && session->state == RP_WS_OPEN)
        go_on(self, session);
    else if (is_used && self->step == STEP_ANSWER && rp_ws_after(session, self->last))
        take_answer(self, session);
    else if (is_used && session->state == RP_WS_CLOSED) {
        closed(self, session);
    } else if (!is_used || self->step == STEP_CLOSE) {
        drop_messages(session);
    }
}

/* -ENOMEM, or what has been checked before the run. */
static int open_session(struct rp_fixed_sockets *self)
{
    struct rp_fixed_host *host = self->host;
    void **user = &self->vu->sessions[RP_CLIENT_WS];
    struct rp_ws_session *session;
    struct rp_error err = { 0 };
    int r = 0;

    if (!*user)
        r = rp_ws_user_new(host->ws, host->http, self->vu->sessions[RP_CLIENT_HTTP],
                           (struct rp_ws_user **)user);
    if (r == 0)
        r = rp_ws_session_new(*user, &host->sockets[self->current].spec, &session, &err);
    rp_error_deinit(&err);
    if (r < 0)
        return r;
    session->wake = woken;
    session->owner = self;
    self->sessions[self->current] = session;
    self->step = STEP_OPEN;
    rp_ws_open(session, &self->response, self->vu->tags);
    return 0;
}

bool rp_fixed_sockets_begin(struct rp_fixed_sockets *self, size_t index)
{
    struct rp_ws_session *session;
    size_t place = 0;

    while (place < self->host->socket_count && self->host->sockets[place].index != index)
        place++;
    if (place == self->host->socket_count)
        return false;
    self->current = place;
    session = self->sessions[place];
    if (session && session->has_fault)
        drop_messages(session);
    if (session && session->state != RP_WS_OPEN) { /* the server has closed it meanwhile */
        leave(self, place);
        session = NULL;
    }
    if (session)
        go_on(self, session);
    else if (open_session(self) < 0)
        end_iteration(self, RP_ENDED_FAILED);
    return true;
}

bool rp_fixed_sockets_interrupt(struct rp_fixed_sockets *self)
{
    if (!self || self->step == STEP_NONE)
        return false;
    self->step = STEP_NONE;
    rp_timer_disarm(&self->timer);
    leave(self, self->current);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_fixed_sockets_new(struct rp_fixed_host *host, struct rp_vu *vu,
                         struct rp_fixed_sockets **ret)
{
    struct rp_fixed_sockets *self = rp_calloc(1, sizeof(*self) + host->socket_count *
                                                                     sizeof(self->sessions[0]));

    if (!self)
        return -ENOMEM;
    self->host = host;
    self->vu = vu;
    *ret = self;
    return 0;
}

void rp_fixed_sockets_free(struct rp_fixed_sockets *self)
{
    if (!self)
        return;
    rp_timer_disarm(&self->timer);
    for (size_t i = 0; i < self->host->socket_count; i++)
        leave(self, i);
    rp_http_response_deinit(&self->response);
    rp_free(self);
}
