/* SPDX-License-Identifier: MIT */

/* The types rampa.WebSocketClient, which is worker.ws, and rampa.WebSocketSession. */

#include "python/api/websocket.h"

#include <structmember.h>

#include "python/api/websocket_docs.h"

/* ---- life of a session ----------------------------------------------------------------------- */

static void note_over(struct py_socket *self)
{
    if (self->is_counted)
        self->vu->open_streams--;
    self->is_counted = false;
}

static int note_open(struct py_socket *self)
{
    if (self->subprotocol || !self->session->subprotocol.len)
        return 0;
    self->subprotocol = PyUnicode_DecodeUTF8(self->session->subprotocol.ptr,
                                             (Py_ssize_t)self->session->subprotocol.len, "replace");
    return self->subprotocol ? 0 : -1;
}

static void woken(struct rp_ws_session *session)
{
    struct py_socket *self = session->owner;

    if (!self->is_open && (session->state > RP_WS_CONNECTING)) {
        self->is_open = session->opened > 0;
        if (rp_py_response_show(self->response) < 0 || note_open(self) < 0)
            PyErr_WriteUnraisable((PyObject *)self);
    }
    rp_py_socket_wake(self);
}

int rp_py_socket_begin(struct py_socket *self)
{
    self->is_started = true;
    self->session->owner = self;
    self->session->wake = woken;
    self->is_counted = true;
    self->vu->open_streams++;
    rp_ws_open(self->session, &self->response->response, rp_py_vu_tags(self->vu));
    return 0;
}

void rp_py_socket_leave(struct py_socket *self, bool record)
{
    struct rp_ws_session *session = self->session;

    if (!session)
        return;
    note_over(self);
    self->session = NULL;
    rp_ws_settle(session); /* its code is what the server is told */
    if (session->state >= RP_WS_CLOSING) {
        self->close_code = session->close_code;
        memcpy(self->close_reason, session->close_reason, sizeof(self->close_reason));
    } else if (session->state == RP_WS_OPEN) {
        self->close_code = RP_WS_NORMAL;
    }
    rp_ws_leave(session, record);
    rp_py_socket_wake_soon(self);
}

struct py_socket *rp_py_socket_of(const struct py_vu *vu)
{
    const struct rp_ws_user *user = vu->engine_vu ? vu->engine_vu->sessions[RP_CLIENT_WS] : NULL;
    const struct rp_ws_session *session = user ? rp_ws_user_session(user) : NULL;

    return session ? session->owner : NULL;
}

void rp_py_sockets_leave(struct py_vu *vu)
{
    struct py_socket *self;

    while ((self = rp_py_socket_of(vu))) {
        Py_INCREF(self);
        self->is_cut = true;
        rp_py_socket_leave(self, false);
        Py_DECREF(self);
    }
}

void rp_py_sockets_abandon(struct py_vu *vu)
{
    struct py_socket *self;

    while ((self = rp_py_socket_of(vu))) {
        Py_INCREF(self);
        self->is_cut = true;
        rp_py_waits_cancel(self);
        rp_py_socket_leave(self, false);
        Py_DECREF(self);
    }
    rp_py_left_waits_cancel(vu);
}

/* ---- methods of a session -------------------------------------------------------------------- */

static struct py_wait *wait_for(PyObject *object, enum py_wait_kind kind)
{
    struct py_socket *self = (struct py_socket *)object;

    return rp_py_wait_new(self->vu, self, kind);
}

/* A message is a str, or bytes of some kind. */
static int check_message(PyObject *data)
{
    if (PyUnicode_Check(data) || PyObject_CheckBuffer(data))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "a message is a str, or bytes, not %.100s; send_json() sends other things",
                 Py_TYPE(data)->tp_name);
    return -1;
}

static PyObject *session_send(PyObject *self, PyObject *data)
{
    struct py_wait *wait = check_message(data) == 0 ? wait_for(self, PY_WAIT_SEND) : NULL;

    if (wait)
        wait->data = Py_NewRef(data);
    return (PyObject *)wait;
}

static PyObject *session_send_json(PyObject *object, PyObject *data)
{
    struct py_socket *self = (struct py_socket *)object;
    PyObject *text = PyObject_CallOneArg(self->state->json_text, data);
    struct py_wait *wait = text ? wait_for(object, PY_WAIT_SEND) : NULL;

    if (wait)
        wait->data = text;
    else
        Py_XDECREF(text);
    return (PyObject *)wait;
}

static PyObject *receive(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames, const char *function, bool is_json)
{
    rp_ns limit = ((struct py_socket *)object)->receive_timeout;
    struct py_wait *wait;

    if (rp_py_only_timeout(args, nargs, kwnames, function, &limit) < 0)
        return NULL;
    wait = wait_for(object, PY_WAIT_RECEIVE);
    if (!wait)
        return NULL;
    wait->timeout = limit;
    wait->is_json = is_json;
    return (PyObject *)wait;
}

static PyObject *session_receive(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames)
{
    return receive(self, args, nargs, kwnames, "receive()", false);
}

static PyObject *session_receive_json(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                      PyObject *kwnames)
{
    return receive(self, args, nargs, kwnames, "receive_json()", true);
}

static PyObject *session_next(PyObject *self)
{
    struct py_wait *wait = wait_for(self, PY_WAIT_NEXT);

    if (wait)
        wait->timeout = ((struct py_socket *)self)->receive_timeout;
    return (PyObject *)wait;
}

static PyObject *session_ping(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    struct py_wait *wait;
    rp_ns limit = 0;

    if (rp_py_only_timeout(args, nargs, kwnames, "ping()", &limit) < 0)
        return NULL;
    wait = wait_for(self, PY_WAIT_PING);
    if (wait)
        wait->timeout = limit;
    return (PyObject *)wait;
}

static PyObject *session_close(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char code_name[] = "code", reason_name[] = "reason";
    static char *names[] = { code_name, reason_name, NULL };
    PyObject *reason = NULL;
    struct py_wait *wait;
    int code = RP_WS_NORMAL;

    if (kwargs && PyDict_GetItemString(kwargs, "message"))
        return PyErr_Format(PyExc_TypeError, "close() has no 'message': it takes reason=, a str");
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|iO", names, &code, &reason))
        return NULL;
    if (reason && !PyUnicode_Check(reason))
        return PyErr_Format(PyExc_TypeError, "close(): reason takes a str, not %.100s",
                            Py_TYPE(reason)->tp_name);
    wait = wait_for(self, PY_WAIT_CLOSE);
    if (!wait)
        return NULL;
    wait->code = code < 0 ? 0 : (unsigned)code;
    wait->data = Py_XNewRef(reason);
    return (PyObject *)wait;
}

static PyObject *session_request(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char data_name[] = "", match_name[] = "match", timeout_name[] = "timeout";
    static char *names[] = { data_name, match_name, timeout_name, NULL };
    PyObject *data, *match = Py_None, *timeout = NULL;
    rp_ns limit = ((struct py_socket *)object)->receive_timeout;
    struct py_wait *wait;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO", names, &data, &match, &timeout) ||
        check_message(data) < 0 ||
        (timeout && rp_py_socket_timeout(timeout, "request()", &limit) < 0))
        return NULL;
    if (match != Py_None && !PyCallable_Check(match))
        return PyErr_Format(PyExc_TypeError,
                            "match takes a function that is called with a message, not %R", match);
    wait = wait_for(object, PY_WAIT_REQUEST);
    if (!wait)
        return NULL;
    wait->data = Py_NewRef(data);
    wait->match = match == Py_None ? NULL : Py_NewRef(match);
    wait->timeout = limit;
    return (PyObject *)wait;
}

static PyObject *session_enter(PyObject *self, PyObject *unused)
{
    return (PyObject *)wait_for(self, PY_WAIT_ENTER);
}

static PyObject *session_exit(PyObject *self, PyObject *args)
{
    struct py_wait *wait = wait_for(self, PY_WAIT_CLOSE);

    if (wait)
        wait->code = RP_WS_NORMAL;
    return (PyObject *)wait;
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static PyObject *get_subprotocol(PyObject *object, void *unused)
{
    PyObject *subprotocol = ((struct py_socket *)object)->subprotocol;

    return Py_NewRef(subprotocol ? subprotocol : Py_None);
}

static PyObject *get_response(PyObject *object, void *unused)
{
    return Py_NewRef(((struct py_socket *)object)->response);
}

static PyObject *get_url(PyObject *object, void *unused)
{
    struct rp_slice url = rp_http_template_url(((struct py_socket *)object)->response->template);

    return PyUnicode_DecodeUTF8(url.ptr, (Py_ssize_t)url.len, "replace");
}

static PyObject *get_closed(PyObject *object, void *unused)
{
    const struct py_socket *self = (struct py_socket *)object;

    return PyBool_FromLong(!self->session || self->session->state == RP_WS_CLOSED);
}

static PyObject *get_close_code(PyObject *object, void *unused)
{
    const struct py_socket *self = (struct py_socket *)object;
    unsigned code = self->close_code;

    if (self->session)
        code = self->session->state == RP_WS_CLOSED ? self->session->close_code : 0;
    if (!code)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(code);
}

static PyObject *get_close_reason(PyObject *object, void *unused)
{
    const struct py_socket *self = (struct py_socket *)object;
    const char *reason = self->session ? self->session->close_reason : self->close_reason;

    return PyUnicode_DecodeUTF8(reason, (Py_ssize_t)strlen(reason), "replace");
}

static PyObject *session_repr(PyObject *object)
{
    const struct py_socket *self = (struct py_socket *)object;
    PyObject *url = get_url(object, NULL), *text;
    bool is_open = self->session && self->session->state == RP_WS_OPEN;

    if (!url)
        return NULL;
    text = PyUnicode_FromFormat("<WebSocketSession %U%s>", url, is_open ? "" : ", closed");
    Py_DECREF(url);
    return text;
}

static int session_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_socket *self = (struct py_socket *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    return 0;
}

static int session_clear(PyObject *object)
{
    return 0;
}

static void session_dealloc(PyObject *object)
{
    struct py_socket *self = (struct py_socket *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    rp_py_socket_forget(self);
    if (self->session) {
        note_over(self);
        rp_ws_leave(self->session, false);
    }
    Py_CLEAR(self->subprotocol);
    Py_CLEAR(self->response);
    Py_CLEAR(self->vu);
    type->tp_free(self);
    Py_DECREF(type);
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS
#define KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS

static PyMethodDef session_methods[] = {
    { "send", session_send, METH_O, RP_DOC_SOCKET_SEND },
    { "send_json", session_send_json, METH_O, RP_DOC_SOCKET_SEND_JSON },
    { "receive", FASTCALL(session_receive), RP_DOC_SOCKET_RECEIVE },
    { "receive_json", FASTCALL(session_receive_json), RP_DOC_SOCKET_RECEIVE_JSON },
    { "request", KEYWORDS(session_request), RP_DOC_SOCKET_REQUEST },
    { "ping", FASTCALL(session_ping), RP_DOC_SOCKET_PING },
    { "close", KEYWORDS(session_close), RP_DOC_SOCKET_CLOSE },
    { "__aenter__", session_enter, METH_NOARGS, NULL },
    { "__aexit__", session_exit, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef session_getset[] = {
    { "url", get_url, NULL, RP_DOC_SOCKET_URL, NULL },
    { "response", get_response, NULL, RP_DOC_SOCKET_RESPONSE, NULL },
    { "subprotocol", get_subprotocol, NULL, RP_DOC_SOCKET_SUBPROTOCOL, NULL },
    { "closed", get_closed, NULL, RP_DOC_SOCKET_CLOSED, NULL },
    { "close_code", get_close_code, NULL, RP_DOC_SOCKET_CLOSE_CODE, NULL },
    { "close_reason", get_close_reason, NULL, RP_DOC_SOCKET_CLOSE_REASON, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot session_slots[] = {
    { Py_tp_dealloc, session_dealloc },   { Py_tp_traverse, session_traverse },
    { Py_tp_clear, session_clear },       { Py_tp_repr, session_repr },
    { Py_tp_methods, session_methods },   { Py_tp_getset, session_getset },
    { Py_am_aiter, PyObject_SelfIter },   { Py_am_anext, session_next },
    { Py_tp_doc, (void *)RP_DOC_SOCKET }, { 0, NULL },
};

PyType_Spec rp_py_socket_spec = {
    .name = "rampa.WebSocketSession",
    .basicsize = sizeof(struct py_socket),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = session_slots,
};

/* ---- the client ------------------------------------------------------------------------------ */

PyObject *rp_py_ws_client_new(struct py_vu *vu)
{
    PyTypeObject *type = vu->host->state->ws_client_type;
    struct py_ws_client *self = (struct py_ws_client *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->vu = vu;
    return (PyObject *)self;
}

static struct py_vu *vu_of(PyObject *object)
{
    struct py_ws_client *self = (struct py_ws_client *)object;

    if (self->vu && self->vu->engine_vu)
        return self->vu;
    rp_py_vu_refuse("client");
    return NULL;
}

static PyObject *client_connect(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct py_vu *vu = vu_of(object);
    PyObject *url, *options;
    struct py_socket *socket;
    struct py_wait *wait;

    if (!vu || rp_py_require_here(vu->host, "connect() must be called") < 0)
        return NULL;
    options = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    if (!options)
        return NULL;
    if (PyTuple_GET_SIZE(args) == 1) {
        url = PyTuple_GET_ITEM(args, 0);
    } else if (PyTuple_GET_SIZE(args) || !(url = PyDict_GetItemString(options, "url"))) {
        Py_DECREF(options);
        return PyErr_Format(PyExc_TypeError,
                            "ws.connect() takes the URL by position, such as "
                            "ws.connect(\"ws://127.0.0.1:8080/\"), and what follows by name");
    }
    socket = rp_py_socket_new(vu, url, options);
    Py_DECREF(options);
    wait = socket ? rp_py_wait_new(vu, socket, PY_WAIT_OPEN) : NULL;
    Py_XDECREF(socket);
    return (PyObject *)wait;
}

static PyObject *client_close(PyObject *object, PyObject *unused)
{
    struct py_vu *vu = vu_of(object);

    return vu ? (PyObject *)rp_py_wait_new(vu, NULL, PY_WAIT_CLOSE_ALL) : NULL;
}

static void client_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef client_methods[] = {
    { "connect", KEYWORDS(client_connect), RP_DOC_WS_CONNECT },
    { "close", client_close, METH_NOARGS, RP_DOC_WS_CLOSE },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot client_slots[] = {
    { Py_tp_dealloc, client_dealloc },
    { Py_tp_methods, client_methods },
    { Py_tp_doc, (void *)RP_DOC_WS },
    { 0, NULL },
};

PyType_Spec rp_py_ws_client_spec = {
    .name = "rampa.WebSocketClient",
    .basicsize = sizeof(struct py_ws_client),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = client_slots,
};
