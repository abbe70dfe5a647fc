/* SPDX-License-Identifier: MIT */

/* One wait for something of a WebSocket: see websocket.h. */

#include <errno.h>

#include "python/api/websocket.h"

#include "base/alloc.h"

/* ---- errors ---------------------------------------------------------------------------------- */

/* Raises an error of rampa.errors. @kind: the name of its class. -1. */
static int raise(struct py_socket *self, const char *kind, const char *text)
{
    const struct rp_ws_session *session = self->session;
    PyObject *error = PyObject_CallFunction(self->state->make_socket_error, "sOsiis", kind,
                                            self->response, text, session->error_code,
                                            session->close_code, session->close_reason);

    if (!error)
        return -1;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return -1;
}

static int raise_not_opened(struct py_socket *self)
{
    PyObject *error;

    if (self->response->response.status)
        return raise(self, "WebSocketHandshakeError", self->session->error);
    error = rp_py_response_error(self->response);
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return -1;
}

static int raise_closed(struct py_socket *self)
{
    return raise(self, "WebSocketClosed", self->session->error);
}

static int raise_timeout(struct py_wait *wait)
{
    char text[96];

    snprintf(text, sizeof(text), "nothing has come within %g s", (double)wait->timeout / 1e9);
    return raise(wait->socket, "WebSocketTimeout", text);
}

static int raise_cut(const struct py_socket *self)
{
    PyErr_SetString(PyExc_RuntimeError, self->is_cut
                                            ? "the session was closed when its iteration had ended"
                                            : "the session was closed by a call that was given up");
    return -1;
}

/* Too many messages wait, and what has to come would wait behind them. */
static void raise_paused(const struct py_wait *wait)
{
    PyErr_Format(PyExc_RuntimeError,
                 "%zu messages wait that are no answer to this %s: nothing more is received before "
                 "they are taken by receive()",
                 wait->socket->session->waiting_count,
                 wait->kind == PY_WAIT_PING ? "ping" : "request");
}

/* ---- what a Wait waits for ------------------------------------------------------------------- */

static PyObject *object_of(struct py_wait *wait, const struct rp_ws_message *message)
{
    PyObject *object, *parsed;

    if (!message->is_text) {
        object = PyBytes_FromStringAndSize(message->bytes, (Py_ssize_t)message->len);
    } else if (message->is_ascii) { /* so that it is not looked at once more */
        object = PyUnicode_New((Py_ssize_t)message->len, 127);
        if (object)
            memcpy(PyUnicode_1BYTE_DATA(object), message->bytes, message->len);
    } else {
        object = PyUnicode_DecodeUTF8(message->bytes, (Py_ssize_t)message->len, NULL);
    }
    if (!object || !wait->is_json)
        return object;
    parsed = PyObject_CallOneArg(wait->socket->state->json_loads, object);
    Py_DECREF(object);
    return parsed;
}

static PyObject *next_message(struct py_wait *wait)
{
    struct rp_ws_message *message = rp_ws_take(wait->socket->session);
    PyObject *object = message ? object_of(wait, message) : NULL;

    rp_ws_give_back(wait->socket->session, message);
    return object;
}

/* The first message behind @number that the script takes for the answer. Its code runs here, and may
 * do anything. NULL without an exception: it has not come yet. */
static PyObject *find_answer(struct py_wait *wait)
{
    struct py_socket *self = wait->socket;

    while (self->session) {
        const struct rp_ws_message *message = rp_ws_after(self->session, wait->number);
        struct rp_ws_message *taken;
        PyObject *object, *truth = NULL;
        int is_answer = 1;

        if (!message)
            return NULL;
        wait->number = message->number;
        object = object_of(wait, message);
        if (object && wait->match)
            truth = PyObject_CallOneArg(wait->match, object);
        if (object && wait->match)
            is_answer = truth ? PyObject_IsTrue(truth) : -1;
        Py_XDECREF(truth);
        if (!object || is_answer < 0) {
            Py_XDECREF(object);
            return NULL;
        }
        taken = is_answer && self->session ? rp_ws_take_number(self->session, wait->number) : NULL;
        if (taken) {
            rp_ws_record_roundtrip(self->session, wait->sent, taken->at);
            rp_ws_give_back(self->session, taken);
            return object;
        }
        Py_DECREF(object);
    }
    return NULL;
}

/* Milliseconds. When many more were sent than the session times, its pong has come in this turn. */
static PyObject *ping_time(const struct py_wait *wait)
{
    rp_ns took = rp_ws_ping_took(wait->socket->session, wait->number);

    if (took < 0)
        took = rp_loop_now(wait->op.host->loop) - wait->sent;
    return PyFloat_FromDouble((double)took / 1e6);
}

/* What there is for a Wait, when the session is closed. NULL without an exception is None. */
static int look_at_end(struct py_wait *wait)
{
    struct py_socket *self = wait->socket;

    switch (wait->kind) {
    case PY_WAIT_OPEN:
        return raise_not_opened(self);
    case PY_WAIT_NEXT:
        if (self->session->error_code)
            return raise_closed(self);
        PyErr_SetNone(PyExc_StopAsyncIteration);
        return -1;
    case PY_WAIT_RECEIVE:
    case PY_WAIT_REQUEST:
    case PY_WAIT_PING:
        return raise_closed(self);
    default:
        return 0;
    }
}

/* What there is for a Wait. NULL without an exception: it must wait. */
static PyObject *look(struct py_wait *wait)
{
    struct py_socket *self = wait->socket;
    struct rp_ws_session *session = self->session;
    /* What waits is no answer to it. */
    bool expects_more = wait->kind == PY_WAIT_REQUEST || wait->kind == PY_WAIT_PING;
    PyObject *found = NULL;

    if (!session) {
        if (wait->kind == PY_WAIT_CLOSE)
            return Py_NewRef(Py_None);
        raise_cut(self);
        return NULL;
    }
    if (wait->kind == PY_WAIT_OPEN && self->is_open)
        return Py_NewRef(self);
    if (wait->kind == PY_WAIT_RECEIVE || wait->kind == PY_WAIT_NEXT)
        found = next_message(wait);
    else if (wait->kind == PY_WAIT_REQUEST)
        found = find_answer(wait);
    else if (wait->kind == PY_WAIT_PING && session->pongs >= wait->number)
        return ping_time(wait);
    else if (wait->kind == PY_WAIT_SEND && !rp_ws_is_full(session))
        return Py_NewRef(Py_None);
    if (found || PyErr_Occurred())
        return found;
    if (!self->session || wait->op.op_state != PY_OP_RUNNING) /* code of the script has run */
        return NULL;
    if (session->has_fault && wait->kind != PY_WAIT_SEND && (expects_more || !session->first))
        rp_ws_settle(session);
    if (expects_more && session->is_paused && session->state != RP_WS_CLOSED) {
        raise_paused(wait);
        return NULL;
    }
    if (session->state != RP_WS_CLOSED)
        return NULL;
    return look_at_end(wait) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- under way ------------------------------------------------------------------------------- */

static void unlink_wait(struct py_wait *wait)
{
    rp_list_remove(&wait->node);
    rp_timer_disarm(&wait->timer);
}

static void finish(struct py_wait *wait, PyObject *found)
{
    rp_py_op_finish(&wait->op, found, found ? NULL : rp_py_take_error());
}

/* Whether there is nothing for a Wait, which most of them are told twice: once more after the script has
 * had its message, and waits for the next one. */
static bool has_nothing(const struct py_wait *wait)
{
    const struct rp_ws_session *session = wait->socket->session;

    return (wait->kind == PY_WAIT_RECEIVE || wait->kind == PY_WAIT_NEXT) && session &&
           session->state == RP_WS_OPEN && !session->first;
}

/* Ends one Wait, those of @is_request or the others. Whether there was one. */
static bool wake_one(struct py_socket *self, bool is_request)
{
    RP_LIST_EACH (it, &self->waits) {
        struct py_wait *wait = rp_container_of(it, struct py_wait, node);
        uint64_t number = wait->number;
        PyObject *found;

        if ((wait->kind == PY_WAIT_REQUEST) != is_request || has_nothing(wait))
            continue;
        Py_INCREF(wait);
        found = look(wait);
        if (!found && !PyErr_Occurred()) {
            bool has_run = wait->number != number;

            Py_DECREF(wait);
            if (has_run) /* code of the script: the list may be another one */
                return true;
            continue;
        }
        if (rp_list_is_linked(&wait->node)) {
            unlink_wait(wait);
            finish(wait, found);
            Py_DECREF(wait); /* the list's */
        } else {
            PyErr_Clear();
            Py_XDECREF(found);
        }
        Py_DECREF(wait);
        return true;
    }
    return false;
}

/* Answers go to those who have asked, before anybody else can take them. */
void rp_py_socket_wake(struct py_socket *self)
{
    Py_INCREF(self);
    while (wake_one(self, true) || wake_one(self, false)) {
    }
    Py_DECREF(self);
}

static void wake_left(struct rp_task *task)
{
    struct py_socket *self = rp_container_of(task, struct py_socket, task);

    rp_list_remove(&self->left_node);
    rp_py_socket_wake(self);
}

void rp_py_socket_wake_soon(struct py_socket *self)
{
    struct py_host *host = self->vu->host;

    if (rp_list_is_empty(&self->waits) || rp_list_is_linked(&self->left_node))
        return;
    rp_list_append(&host->left_sockets, &self->left_node);
    rp_loop_defer(host->loop, &self->task, wake_left);
}

void rp_py_socket_forget(struct py_socket *self)
{
    rp_list_remove(&self->left_node);
    rp_task_cancel(&self->task);
}

void rp_py_waits_cancel(struct py_socket *self)
{
    while (!rp_list_is_empty(&self->waits))
        rp_py_op_cancel(&rp_container_of(self->waits.next, struct py_wait, node)->op);
    rp_py_socket_forget(self);
}

static struct py_socket *left_of(const struct py_vu *vu)
{
    RP_LIST_EACH (it, &vu->host->left_sockets) {
        struct py_socket *self = rp_container_of(it, struct py_socket, left_node);

        if (self->vu == vu)
            return self;
    }
    return NULL;
}

void rp_py_left_waits_cancel(struct py_vu *vu)
{
    struct py_socket *self;

    while ((self = left_of(vu))) {
        Py_INCREF(self);
        rp_py_waits_cancel(self);
        Py_DECREF(self);
    }
}

static void timed_out(struct rp_timer *timer, rp_ns now)
{
    struct py_wait *wait = rp_container_of(timer, struct py_wait, timer);

    Py_INCREF(wait);
    rp_py_socket_wake(wait->socket); /* what has come in this turn has come in time */
    if (rp_list_is_linked(&wait->node)) {
        unlink_wait(wait);
        if (wait->socket->session)
            raise_timeout(wait);
        else
            raise_cut(wait->socket);
        finish(wait, NULL);
        Py_DECREF(wait); /* the list's */
    }
    Py_DECREF(wait);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* The bytes of @data, a str or an object with bytes. -1 with an exception. */
static int send_data(struct py_wait *wait)
{
    struct rp_ws_session *session = wait->socket->session;
    Py_buffer view;
    int r;

    if (PyUnicode_Check(wait->data)) {
        struct rp_slice text;

        if (rp_py_utf8(wait->data, "a message", &text) < 0)
            return -1;
        r = rp_ws_send(session, RP_WS_TEXT, text);
    } else {
        if (PyObject_GetBuffer(wait->data, &view, PyBUF_SIMPLE) < 0)
            return -1;
        r = rp_ws_send(session, RP_WS_BINARY, rp_slice(view.buf, (size_t)view.len));
        PyBuffer_Release(&view);
    }
    if (r == -EPIPE)
        return raise_closed(wait->socket);
    if (r < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static int begin_close(struct py_wait *wait)
{
    struct rp_slice reason = rp_slice(NULL, 0);
    int r;

    if (wait->vu->interrupting) { /* there is no time to wait for the server */
        rp_py_socket_leave(wait->socket, false);
        return 0;
    }
    if (wait->data && rp_py_utf8(wait->data, "reason", &reason) < 0)
        return -1;
    r = wait->code == RP_WS_NO_CODE /* is no code of a frame */
            ? -EINVAL
            : rp_ws_close(wait->socket->session, wait->code, reason);
    if (r == -EINVAL) {
        PyErr_Format(
            PyExc_ValueError,
            "a close frame has a code of 1000 to 1003, 1007 to 1014 or 3000 to 4999, and a "
            "reason of at most %d bytes, not %u and %zu",
            RP_WS_REASON_MAX, wait->code, reason.len);
        return -1;
    }
    if (r < 0)
        PyErr_NoMemory();
    return r < 0 ? -1 : 0;
}

/* What a Wait does before it waits. -1 with an exception. */
static int begin(struct py_wait *wait)
{
    struct py_socket *self = wait->socket;

    switch (wait->kind) {
    case PY_WAIT_OPEN:
        if (self->is_started) {
            PyErr_SetString(PyExc_RuntimeError, "what connect() returns is awaited once");
            return -1;
        }
        return rp_py_socket_begin(self);
    case PY_WAIT_REQUEST:
        wait->number = self->session->received;
        wait->sent = rp_loop_now(wait->op.host->loop);
        return send_data(wait);
    case PY_WAIT_SEND:
        return send_data(wait);
    case PY_WAIT_PING:
        if (rp_ws_ping(self->session) < 0)
            return raise_closed(self);
        wait->number = self->session->pings;
        wait->sent = rp_loop_now(wait->op.host->loop);
        return 0;
    case PY_WAIT_CLOSE:
        return begin_close(wait);
    default:
        return 0;
    }
}

/* No code of the script runs meanwhile, which could open others. */
static void close_all(struct py_vu *vu)
{
    struct py_socket *socket;

    while ((socket = rp_py_socket_of(vu))) {
        Py_INCREF(socket);
        rp_py_socket_leave(socket, false);
        Py_DECREF(socket);
    }
}

static int wait_start(struct py_op *op)
{
    struct py_wait *wait = (struct py_wait *)op;
    struct py_socket *self = wait->socket;
    PyObject *found;

    if (!wait->vu->engine_vu)
        return rp_py_vu_refuse("worker");
    if (wait->kind == PY_WAIT_CLOSE_ALL || (wait->kind == PY_WAIT_CLOSE && !self->session)) {
        if (wait->kind == PY_WAIT_CLOSE_ALL)
            close_all(wait->vu);
        rp_py_op_finish(op, Py_NewRef(Py_None), NULL);
        return 0;
    }
    if (wait->kind == PY_WAIT_ENTER) {
        rp_py_op_finish(op, Py_NewRef(self), NULL);
        return 0;
    }
    if (!self->session)
        return raise_cut(self);
    if (begin(wait) < 0)
        return -1;
    if (wait->kind == PY_WAIT_CLOSE && !self->session) {
        rp_py_op_finish(op, Py_NewRef(Py_None), NULL);
        return 0;
    }
    found = wait->kind == PY_WAIT_OPEN ? NULL : look(wait);
    if (found) {
        rp_py_op_finish(op, found, NULL);
        return 0;
    }
    if (PyErr_Occurred())
        return -1;
    rp_list_append(&self->waits, &wait->node);
    Py_INCREF(wait); /* for the list */
    if (wait->timeout)
        rp_timer_arm(op->host->loop, &wait->timer,
                     rp_ns_add(rp_loop_now(op->host->loop), wait->timeout), timed_out);
    return 0;
}

static void wait_cancel(struct py_op *op)
{
    struct py_wait *wait = (struct py_wait *)op;

    if (!rp_list_is_linked(&wait->node))
        return;
    unlink_wait(wait);
    if (wait->kind == PY_WAIT_OPEN || wait->kind == PY_WAIT_CLOSE)
        rp_py_socket_leave(wait->socket, !wait->vu->interrupting);
    Py_DECREF(wait); /* the list's */
}

const struct py_op_kind rp_py_wait_kind = { .start = wait_start, .cancel = wait_cancel };
