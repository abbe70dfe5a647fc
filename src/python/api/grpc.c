/* SPDX-License-Identifier: MIT */

/* Calls of gRPC: see grpc.h. */

#include "python/api/grpc.h"

#include <structmember.h>

static void note_over(struct py_grpc *self)
{
    if (!rp_list_is_linked(&self->node))
        return;
    rp_list_remove(&self->node);
    self->vu->open_streams--;
}

static void call_woken(struct rp_grpc_call *call)
{
    struct py_grpc *self = rp_container_of(call, struct py_grpc, call);

    if (call->has_ended)
        note_over(self);
    rp_py_grpc_wake(self);
}

/* The session of a call: its VU's, or the one that all VUs of the worker share. It is made when it is
 * first asked for. NULL with an exception. */
static struct rp_http_session *session_of(const struct py_grpc *self)
{
    struct py_host *host = self->vu->host;
    struct rp_vu *vu = self->vu->engine_vu;
    struct rp_http_session *session = self->is_shared ? host->grpc_session
                                                      : vu->sessions[RP_CLIENT_GRPC];

    if (session)
        return session;
    if (rp_http_session_new(rp_grpc_client_http(rp_py_grpc_client(host)),
                            self->is_shared ? 0 : vu->number, &session) < 0) {
        PyErr_NoMemory();
        return NULL;
    }
    if (self->is_shared) {
        host->grpc_session = session;
    } else {
        vu->sessions[RP_CLIENT_GRPC] = session;
        rp_http_session_set_iteration(session, &vu->iteration);
    }
    return session;
}

int rp_py_grpc_begin(struct py_grpc *self)
{
    struct rp_http_session *session = session_of(self);

    if (!session)
        return -1;
    self->is_started = true;
    self->call.tags = rp_py_vu_tags(self->vu);
    self->call.wake = call_woken;
    if (rp_grpc_start(session, &self->call) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    rp_list_append(&self->vu->host->grpc_calls, &self->node);
    self->vu->open_streams++;
    return 0;
}

void rp_py_grpc_leave_call(struct py_grpc *self, bool gave_up)
{
    if (!self->is_started)
        return;
    note_over(self);
    rp_grpc_cancel(&self->call, self->vu->interrupting ? RP_GRPC_INTERRUPT
                                : gave_up              ? RP_GRPC_GIVE_UP
                                                       : RP_GRPC_LEAVE);
    /* Not at once: another task may wait, and this one executes. */
    for (int i = 0; i < PY_GRPC_WAIT_KINDS; i++)
        if (self->waits[i])
            rp_grpc_nudge(&self->call);
}

static struct py_grpc *find_of(struct py_vu *vu)
{
    RP_LIST_EACH (it, &vu->host->grpc_calls) {
        struct py_grpc *self = rp_container_of(it, struct py_grpc, node);

        if (self->vu == vu)
            return self;
    }
    return NULL;
}

void rp_py_grpc_abandon(struct py_vu *vu)
{
    struct py_grpc *self;

    while ((self = find_of(vu))) {
        Py_INCREF(self);
        note_over(self);
        /* Before its waits: a wait for the result would count the call as one that was given up. */
        rp_grpc_cancel(&self->call, RP_GRPC_ABANDON);
        rp_py_grpc_cancel_waits(self);
        Py_DECREF(self);
    }
}

void rp_py_grpc_leave(struct py_vu *vu)
{
    struct py_grpc *self;

    while ((self = find_of(vu))) {
        Py_INCREF(self);
        rp_py_grpc_leave_call(self, false);
        Py_DECREF(self);
    }
}

/* ---- the type of a GrpcCall ------------------------------------------------------------------ */

static int send_first(struct py_grpc *self, PyObject *request)
{
    if (request == Py_None)
        return 0;
    if (!PyBytes_Check(request)) {
        PyErr_Format(PyExc_TypeError, "a message of gRPC is bytes, not %.100s",
                     Py_TYPE(request)->tp_name);
        return -1;
    }
    if (rp_grpc_send(&self->call,
                     rp_slice(PyBytes_AS_STRING(request), (size_t)PyBytes_GET_SIZE(request))) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    rp_grpc_half_close(&self->call);
    return 0;
}

/* _grpc_call(method, the only request or None, schema) */
PyObject *rp_py_vu_grpc_call(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct py_vu *vu = (struct py_vu *)object;
    struct rp_pystate *state = vu->host->state;
    struct py_grpc *self;

    if (rp_py_vu_require(vu) < 0)
        return NULL;
    if (nargs != 3 || !Py_IS_TYPE(args[0], state->grpc_method_type))
        return PyErr_Format(PyExc_TypeError, "a method, a request and a schema are expected");
    self = (struct py_grpc *)state->grpc_type->tp_alloc(state->grpc_type, 0);
    if (!self)
        return NULL;
    self->state = state;
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->schema = Py_NewRef(args[2]);
    self->call.method = rp_grpc_method_ref(((struct py_grpc_method *)args[0])->method);
    self->is_shared = ((struct py_grpc_method *)args[0])->is_shared;
    if (send_first(self, args[1]) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    /* Only now: what has failed is not one that the script forgets to begin. */
    self->is_stream = ((struct py_grpc_method *)args[0])->is_stream;
    return (PyObject *)self;
}

static PyObject *call_result(PyObject *self, PyObject *unused)
{
    return rp_py_grpc_wait_new((struct py_grpc *)self, PY_GRPC_RESULT);
}

static PyObject *call_head(PyObject *self, PyObject *unused)
{
    return rp_py_grpc_wait_new((struct py_grpc *)self, PY_GRPC_HEAD);
}

static PyObject *call_receive(PyObject *self, PyObject *unused)
{
    return rp_py_grpc_wait_new((struct py_grpc *)self, PY_GRPC_RECEIVE);
}

/* take() -> the next message, or None: there is none now. */
static PyObject *call_take(PyObject *object, PyObject *unused)
{
    struct py_grpc *self = (struct py_grpc *)object;
    struct rp_slice message;

    if (!self->vu->engine_vu || !rp_grpc_receive(&self->call, &message))
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(message.ptr, (Py_ssize_t)message.len);
}

static PyObject *call_room(PyObject *self, PyObject *unused)
{
    return rp_py_grpc_wait_new((struct py_grpc *)self, PY_GRPC_ROOM);
}

static int require_run(struct py_grpc *self, const char *what)
{
    return rp_py_vu_require(self->vu) < 0 || rp_py_require_here(self->vu->host, what) < 0 ? -1 : 0;
}

static PyObject *call_start(PyObject *object, PyObject *unused)
{
    struct py_grpc *self = (struct py_grpc *)object;

    if (require_run(self, "a call must be started") < 0)
        return NULL;
    if (!self->is_started && rp_py_grpc_begin(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* send(bytes) -> whether it is enough for now: then room() is to be awaited. */
static PyObject *call_send(PyObject *object, PyObject *message)
{
    enum { UNSENT_MAX = 256 * 1024 };
    struct py_grpc *self = (struct py_grpc *)object;

    if (require_run(self, "a message must be sent") < 0)
        return NULL;
    if (!PyBytes_Check(message))
        return PyErr_Format(PyExc_TypeError, "a message of gRPC is bytes, not %.100s",
                            Py_TYPE(message)->tp_name);
    if (self->call.is_half_closed)
        return PyErr_Format(PyExc_RuntimeError, "the sending of this call has ended already");
    if (rp_grpc_send(&self->call,
                     rp_slice(PyBytes_AS_STRING(message), (size_t)PyBytes_GET_SIZE(message))) < 0)
        return PyErr_NoMemory();
    return PyBool_FromLong(rp_grpc_unsent(&self->call) >= UNSENT_MAX);
}

static PyObject *call_half_close(PyObject *object, PyObject *unused)
{
    struct py_grpc *self = (struct py_grpc *)object;

    if (require_run(self, "the sending must end") < 0)
        return NULL;
    rp_grpc_half_close(&self->call);
    Py_RETURN_NONE;
}

static PyObject *call_leave(PyObject *object, PyObject *gave_up)
{
    struct py_grpc *self = (struct py_grpc *)object;
    int truth = PyObject_IsTrue(gave_up);

    if (truth < 0 || rp_py_require_here(self->vu->host, "a call must be left") < 0)
        return NULL;
    if (self->vu->engine_vu)
        rp_py_grpc_leave_call(self, truth);
    Py_RETURN_NONE;
}

static int append_pair(PyObject *list, struct rp_slice name, struct rp_slice value)
{
    PyObject *pair = Py_BuildValue("(NN)",
                                   PyUnicode_DecodeLatin1(name.ptr, (Py_ssize_t)name.len, NULL),
                                   PyUnicode_DecodeLatin1(value.ptr, (Py_ssize_t)value.len, NULL));
    int r = pair ? PyList_Append(list, pair) : -1;

    Py_XDECREF(pair);
    return r;
}

static PyObject *call_headers(PyObject *object, PyObject *unused)
{
    const struct rp_http_response *response = &((struct py_grpc *)object)->call.response;
    PyObject *list = PyList_New(0);
    struct rp_slice name, value;
    size_t pos = 0;

    while (list && rp_http_response_next_field(response, &pos, &name, &value))
        if (append_pair(list, name, value) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *call_trailers(PyObject *object, PyObject *unused)
{
    struct rp_slice rest = rp_buf_slice(&((struct py_grpc *)object)->call.trailers);
    PyObject *list = PyList_New(0);

    while (list && rest.len) { /* the lines that rp_grpc_note_trailer() has written */
        const char *end = memmem(rest.ptr, rest.len, "\r\n", 2);
        const char *colon = end ? memmem(rest.ptr, (size_t)(end - rest.ptr), ": ", 2) : NULL;

        if (!colon)
            break;
        if (append_pair(list, rp_slice(rest.ptr, (size_t)(colon - rest.ptr)),
                        rp_slice(colon + 2, (size_t)(end - colon) - 2)) < 0)
            Py_CLEAR(list);
        rest = rp_slice(end + 2, rest.len - (size_t)(end + 2 - rest.ptr));
    }
    return list;
}

static PyObject *get_text(PyObject *object, void *unused)
{
    const struct rp_buf *text = &((struct py_grpc *)object)->call.text;

    return PyUnicode_DecodeUTF8(rp_buf_str(text), (Py_ssize_t)text->len, "replace");
}

static PyObject *get_timings(PyObject *object, void *unused)
{
    const struct rp_http_response *response = &((struct py_grpc *)object)->call.response;

    return Py_BuildValue("(ddddddd)", (double)response->blocked / 1e6,
                         (double)response->looking_up / 1e6, (double)response->connecting / 1e6,
                         (double)response->tls_handshaking / 1e6, (double)response->sending / 1e6,
                         (double)response->waiting / 1e6, (double)response->receiving / 1e6);
}

static int call_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_grpc *self = (struct py_grpc *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    Py_VISIT(self->schema);
    /* Not the waits: they end when something comes, and until then nothing else may hold them. The
     * collector takes them, and so the call, for held by somebody else, as they are. */
    return 0;
}

static int call_clear(PyObject *object)
{
    struct py_grpc *self = (struct py_grpc *)object;

    if (self->is_started && self->vu && self->vu->engine_vu)
        rp_py_grpc_leave_call(self, false);
    Py_CLEAR(self->schema);
    return 0;
}

/* The wait of a call with one request and one response does so itself. */
static void warn_never_begun(const struct py_grpc *self)
{
    char text[256];

    if (!self->is_stream || !self->vu || !self->call.method)
        return;
    snprintf(text, sizeof(text),
             "the script does not begin a stream, so nothing is sent: gRPC %.*s",
             RP_SLICE_FMT(rp_grpc_method_path(self->call.method)));
    rp_py_warn_never_awaited(self->vu->host, text);
}

static void call_dealloc(PyObject *object)
{
    struct py_grpc *self = (struct py_grpc *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (RP_UNLIKELY(!self->is_started))
        warn_never_begun(self);
    call_clear(object);
    note_over(self);
    rp_grpc_deinit(&self->call);
    rp_grpc_method_unref(self->call.method);
    Py_CLEAR(self->vu);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "start", call_start, METH_NOARGS, NULL },
    { "result", call_result, METH_NOARGS, NULL },
    { "head", call_head, METH_NOARGS, NULL },
    { "receive", call_receive, METH_NOARGS, NULL },
    { "take", call_take, METH_NOARGS, NULL },
    { "room", call_room, METH_NOARGS, NULL },
    { "send", call_send, METH_O, NULL },
    { "half_close", call_half_close, METH_NOARGS, NULL },
    { "leave", call_leave, METH_O, NULL },
    { "headers", call_headers, METH_NOARGS, NULL },
    { "trailers", call_trailers, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "schema", T_OBJECT, offsetof(struct py_grpc, schema), READONLY, NULL },
    { "has_head", T_BOOL, offsetof(struct py_grpc, call.has_head), READONLY, NULL },
    { "has_ended", T_BOOL, offsetof(struct py_grpc, call.has_ended), READONLY, NULL },
    { "status", T_INT, offsetof(struct py_grpc, call.status), READONLY, NULL },
    { "error_code", T_INT, offsetof(struct py_grpc, call.error_code), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "text", get_text, NULL, NULL, NULL },
    { "timings", get_timings, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, call_dealloc },
    { Py_tp_traverse, call_traverse },
    { Py_tp_clear, call_clear },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { Py_tp_getset, getset },
    { 0, NULL },
};

PyType_Spec rp_py_grpc_spec = {
    .name = "rampa.GrpcCall",
    .basicsize = sizeof(struct py_grpc),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

/* ---- attributes of Worker -------------------------------------------------------------------- */

PyObject *rp_py_vu_grpc(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;
    struct py_vu_extra *extra = rp_py_vu_require(self) < 0 ? NULL : rp_py_vu_extra(self);

    if (!extra)
        return NULL;
    if (!extra->grpc)
        extra->grpc = PyObject_CallOneArg(self->host->state->make_grpc, object);
    return Py_XNewRef(extra->grpc);
}
