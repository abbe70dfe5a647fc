/* SPDX-License-Identifier: MIT */

/* The request of a stream, with the body that it sends, if any, while it is read: see stream.h. */

#include <errno.h>

#include "python/api/stream.h"

#include <structmember.h>

#include "base/alloc.h"
#include "python/api/options.h"

enum { MAX_REDIRECTS = 10 };

/* ---- the request ----------------------------------------------------------------------------- */

static void note_over(struct py_stream *self)
{
    if (!rp_list_is_linked(&self->node))
        return;
    rp_list_remove(&self->node);
    self->vu->open_streams--;
}

static void stream_woken(struct rp_http_stream *stream)
{
    struct py_stream *self = rp_container_of(stream, struct py_stream, stream);

    if (stream->has_ended)
        note_over(self);
    rp_py_upload_wake(self->upload);
    rp_py_read_wake(self);
}

static int stream_hop(struct rp_http_call *call, struct rp_http_template *next)
{
    struct py_stream *self = rp_container_of(call, struct py_stream, stream.call);
    struct py_response *response = rp_py_response_new(self->state);

    if (response)
        response->template = rp_http_template_ref(next);
    if (!response || rp_py_response_follow(response, self->response) < 0) {
        PyErr_Clear();
        Py_XDECREF(response);
        return -ENOMEM;
    }
    Py_SETREF(self->response, response);
    call->response = &response->response;
    return 0;
}

/* Without memory nothing has begun. */
static int start_with_body(struct py_stream *self, struct rp_http_session *session)
{
    if (rp_http_stream_start_with(session, &self->stream, self->upload->body) == 0)
        return 0;
    note_over(self);
    PyErr_NoMemory();
    return -1;
}

int rp_py_stream_begin(struct py_stream *self)
{
    struct rp_http_session *session = rp_py_session(self->vu);

    if (!session)
        return -1;
    self->is_started = true;
    self->stream.call.response = &self->response->response;
    self->stream.call.tags = rp_py_vu_tags(self->vu);
    self->stream.call.hop = stream_hop;
    self->stream.wake = stream_woken;
    rp_list_append(&self->vu->host->streams, &self->node);
    self->vu->open_streams++;
    if (self->upload)
        return start_with_body(self, session);
    rp_http_stream_start(session, &self->stream);
    return 0;
}

void rp_py_stream_leave(struct py_stream *self, bool gave_up)
{
    if (!self->is_started)
        return;
    self->is_cut |= rp_list_is_linked(&self->node);
    note_over(self);
    if (self->has_sse) /* which may never end by themselves: there is no waiting for the end */
        rp_http_stream_leave(&self->stream);
    else if (self->vu->interrupting)
        rp_http_stream_interrupt(&self->stream);
    else if (gave_up)
        rp_http_stream_cancel(&self->stream, true);
    else
        rp_http_stream_leave(&self->stream);
    rp_py_upload_wake(self->upload);
}

static struct py_stream *find_of(struct py_vu *vu)
{
    RP_LIST_EACH (it, &vu->host->streams) {
        struct py_stream *self = rp_container_of(it, struct py_stream, node);

        if (self->vu == vu)
            return self;
    }
    return NULL;
}

void rp_py_streams_abandon(struct py_vu *vu)
{
    struct py_stream *self;

    rp_py_grpc_abandon(vu);
    while ((self = find_of(vu))) {
        Py_INCREF(self);
        note_over(self);
        if (self->reading)
            rp_py_op_cancel(&self->reading->op);
        rp_http_stream_cancel(&self->stream, false);
        if (self->upload)
            rp_task_cancel(&self->upload->task);
        Py_DECREF(self);
    }
}

void rp_py_streams_leave(struct py_vu *vu)
{
    struct py_stream *self;

    rp_py_grpc_leave(vu);
    while ((self = find_of(vu))) {
        Py_INCREF(self);
        rp_py_stream_leave(self, false);
        if (self->reading) /* in a task that has outlived its iteration */
            rp_http_stream_nudge(&self->stream);
        Py_DECREF(self);
    }
}

/* ---- the type of a BodyStream ---------------------------------------------------------------- */

static struct py_stream *new_stream(struct py_vu *vu, struct rp_http_template *template)
{
    struct rp_pystate *state = vu->host->state;
    struct py_stream *self = (struct py_stream *)state->stream_type->tp_alloc(state->stream_type,
                                                                              0);

    if (!self)
        return NULL;
    self->state = state;
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->raise_errors = true;
    self->stream.call.template = template;
    self->stream.call.max_redirects = MAX_REDIRECTS;
    self->response = rp_py_response_new(state);
    if (!self->response) {
        Py_DECREF(self);
        return NULL;
    }
    self->response->template = rp_http_template_ref(template);
    return self;
}

PyObject *rp_py_stream_new(struct py_vu *vu, struct rp_http_template *template,
                           const struct rp_py_options *options, struct py_upload *upload)
{
    struct py_stream *self = new_stream(vu, template);
    PyObject *made = NULL;

    if (self)
        self->upload = upload;
    else
        rp_py_upload_free(upload);
    if (self && rp_py_options_apply(options, &self->stream.call, &self->raise_errors) == 0)
        made = PyObject_CallOneArg(self->state->make_stream, (PyObject *)self);
    Py_XDECREF(self);
    return made;
}

static PyObject *stream_open(PyObject *self, PyObject *unused)
{
    return rp_py_read_new((struct py_stream *)self, PY_READ_HEAD);
}

static PyObject *stream_read(PyObject *self, PyObject *unused)
{
    return rp_py_read_new((struct py_stream *)self, PY_READ_BYTES);
}

static PyObject *stream_event(PyObject *object, PyObject *unused)
{
    struct py_stream *self = (struct py_stream *)object;

    if (!self->has_sse) {
        self->has_sse = true;
        rp_sse_init(&self->sse, RP_PY_EVENT_MAX);
        rp_http_begin_events(&self->events, self->response->template, &self->stream);
    }
    return rp_py_read_new(self, PY_READ_EVENT);
}

static PyObject *stream_leave(PyObject *object, PyObject *gave_up)
{
    struct py_stream *self = (struct py_stream *)object;
    int truth = PyObject_IsTrue(gave_up);

    if (truth < 0 || rp_py_require_here(self->vu->host, "a stream must be left") < 0)
        return NULL;
    if (self->vu->engine_vu)
        rp_py_stream_leave(self, truth);
    Py_RETURN_NONE;
}

/* fail(exception): the body of the request cannot go on. Whoever reads the stream is told. */
static PyObject *stream_fail(PyObject *object, PyObject *failure)
{
    struct py_stream *self = (struct py_stream *)object;

    if (!PyExceptionInstance_Check(failure))
        return PyErr_Format(PyExc_TypeError, "an exception is expected");
    Py_XSETREF(self->failure, Py_NewRef(failure));
    if (self->vu->engine_vu)
        rp_py_stream_leave(self, true);
    rp_py_read_wake(self);
    Py_RETURN_NONE;
}

static PyObject *get_proto(PyObject *object, void *unused)
{
    return Py_BuildValue("z", rp_http_version_text(((struct py_stream *)object)->stream.version));
}

static int stream_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_stream *self = (struct py_stream *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    Py_VISIT(self->reading);
    Py_VISIT(self->failure);
    if (self->upload)
        Py_VISIT(self->upload->on_drain);
    return 0;
}

static int stream_clear(PyObject *object)
{
    struct py_stream *self = (struct py_stream *)object;

    if (self->is_started && self->vu && self->vu->engine_vu)
        rp_py_stream_leave(self, false);
    Py_CLEAR(self->reading);
    Py_CLEAR(self->failure);
    if (self->upload)
        Py_CLEAR(self->upload->on_drain);
    return 0;
}

static void stream_dealloc(PyObject *object)
{
    struct py_stream *self = (struct py_stream *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    stream_clear(object);
    note_over(self);
    rp_http_stream_deinit(&self->stream);
    rp_py_upload_free(self->upload);
    rp_free((void *)self->stream.call.timeouts);
    if (self->has_sse)
        rp_sse_deinit(&self->sse);
    Py_CLEAR(self->response);
    Py_CLEAR(self->vu);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "open", stream_open, METH_NOARGS, NULL },   { "read", stream_read, METH_NOARGS, NULL },
    { "event", stream_event, METH_NOARGS, NULL }, { "leave", stream_leave, METH_O, NULL },
    { "fail", stream_fail, METH_O, NULL },        { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "response", T_OBJECT, offsetof(struct py_stream, response), READONLY, NULL },
    { "status", T_USHORT, offsetof(struct py_stream, stream.status), READONLY, NULL },
    { "has_head", T_BOOL, offsetof(struct py_stream, stream.has_head), READONLY, NULL },
    { "has_ended", T_BOOL, offsetof(struct py_stream, stream.has_ended), READONLY, NULL },
    { "has_told", T_BOOL, offsetof(struct py_stream, has_told), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "proto", get_proto, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, stream_dealloc },
    { Py_tp_traverse, stream_traverse },
    { Py_tp_clear, stream_clear },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_tp_members, members },
    { 0, NULL },
};

PyType_Spec rp_py_stream_spec = {
    .name = "rampa.BodyStream",
    .basicsize = sizeof(struct py_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
