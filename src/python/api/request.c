/* SPDX-License-Identifier: MIT */

/* A Request is the operation that worker.http.get() returns. */

#include <errno.h>

#include "base/alloc.h"
#include "python/api/api_internal.h"
#include "python/api/docs.h"

enum { MAX_REDIRECTS = 10 }; /* unless the call says otherwise; aiohttp's and k6's number */

static void request_done(struct rp_http_call *call)
{
    struct py_request *self = rp_container_of(call, struct py_request, call);
    PyObject *result = NULL, *exception = NULL;

    rp_list_remove(&self->node);
    if (RP_UNLIKELY(rp_py_response_show(self->response) < 0))
        exception = rp_py_take_error();
    else if (RP_UNLIKELY(self->response->response.status == 0 && self->raise_errors))
        exception = rp_py_response_error(self->response);
    else
        result = Py_NewRef(self->response);
    rp_py_op_finish(&self->op, result, exception);
    Py_DECREF(self); /* what request_start took */
}

/* The answer stays with the script as a response of its own, and another one takes the next. */
static int request_hop(struct rp_http_call *call, struct rp_http_template *next)
{
    struct py_request *self = rp_container_of(call, struct py_request, call);
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

/* A VU has no session before its first request. -1 with an exception. */
static int make_session(struct py_host *host, struct rp_vu *engine_vu)
{
    struct rp_http_session *session;

    if (rp_http_session_new(host->http, engine_vu->number, &session) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    rp_http_session_take_cookies(session, &engine_vu->iteration);
    engine_vu->sessions[RP_CLIENT_HTTP] = session;
    return 0;
}

struct rp_http_session *rp_py_session(struct py_vu *vu)
{
    if (!vu->engine_vu->sessions[RP_CLIENT_HTTP] && make_session(vu->host, vu->engine_vu) < 0)
        return NULL;
    return vu->engine_vu->sessions[RP_CLIENT_HTTP];
}

static int start_upload(struct py_request *self, struct rp_http_session *session)
{
    if (rp_http_start_with(session, &self->call, self->upload->body) == 0)
        return 0;
    rp_list_remove(&self->node);
    Py_DECREF(self);
    PyErr_NoMemory();
    return -1;
}

static int request_start(struct py_op *op)
{
    struct py_request *self = (struct py_request *)op;
    struct rp_vu *engine_vu = self->vu->engine_vu;

    if (!engine_vu)
        return rp_py_vu_refuse("worker");
    if (RP_UNLIKELY(!engine_vu->sessions[RP_CLIENT_HTTP]) && make_session(op->host, engine_vu) < 0)
        return -1;
    self->call.response = &self->response->response;
    self->call.tags = rp_py_vu_tags(self->vu);
    self->call.done = request_done;
    Py_INCREF(self); /* the client points to the request while it runs */
    if (op->host->guest)
        rp_list_append(&op->host->requests, &self->node);
    if (RP_UNLIKELY(self->upload))
        return start_upload(self, engine_vu->sessions[RP_CLIENT_HTTP]);
    rp_http_start(engine_vu->sessions[RP_CLIENT_HTTP], &self->call);
    return 0;
}

static void request_cancel(struct py_op *op)
{
    struct py_request *self = (struct py_request *)op;

    if (!rp_http_is_running(&self->call))
        return;
    if (self->vu->interrupting)
        rp_http_interrupt(&self->call);
    else
        rp_http_cancel(&self->call, true);
    rp_list_remove(&self->node);
    Py_DECREF(self);
}

/* Tasks and gather() look many attributes of a request up, and CPython 3.11 calls a method quickly
 * only if the type has no function of its own for that, as request_getattro() is. */
static void request_called_back(struct py_op *op)
{
    PyTypeObject *type = Py_TYPE(op),
                 *future = ((struct py_request *)op)->state->future_request_type;

    if (type == future)
        return;
    Py_SET_TYPE(op, (PyTypeObject *)Py_NewRef(future));
    Py_DECREF(type);
}

static const struct py_op_kind request_kind = { .start = request_start,
                                                .cancel = request_cancel,
                                                .called_back = request_called_back };

void rp_py_requests_abandon(struct py_host *host)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&host->requests)))
        rp_py_op_cancel(&rp_container_of(node, struct py_request, node)->op);
}

static struct py_request *request_alloc(struct rp_pystate *state)
{
    struct py_request *self = state->free_requests;

    if (!self) {
        self = (struct py_request *)state->request_type->tp_alloc(state->request_type, 0);
        if (self)
            self->call.hop = request_hop;
        return self;
    }
    state->free_requests = self->next_free;
    state->free_request_count--;
    Py_SET_TYPE(self, (PyTypeObject *)Py_NewRef(state->request_type)); /* as PyObject_Init() */
    _Py_NewReference((PyObject *)self);
    PyObject_GC_Track(self);
    return self;
}

struct py_request *rp_py_request_new(struct py_vu *vu, struct rp_http_template *template)
{
    struct rp_pystate *state = vu->host->state;
    struct py_request *self;
    struct py_response *response;

    rp_http_template_ref(template); /* allocating may run finalizers, which may make requests */
    self = request_alloc(state);
    if (!self) {
        rp_http_template_unref(template);
        return NULL;
    }
    self->state = state;
    self->op.kind = &request_kind;
    self->op.op_state = PY_OP_NEW;
    self->op.blocking = false;
    self->op.host = (struct py_host *)Py_NewRef(vu->host);
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->raise_errors = true;
    self->call.template = template;
    self->call.timeout = 0;
    self->call.discard_body = self->call.keep_coding = false;
    self->call.max_redirects = MAX_REDIRECTS;
    self->call.head_max = self->call.body_max = 0;
    response = rp_py_response_new(state);
    if (!response) {
        rp_http_template_unref(template);
        Py_DECREF(self);
        return NULL;
    }
    response->template = template;
    self->response = response;
    return self;
}

static int request_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_request *self = (struct py_request *)object;

    Py_VISIT(self->vu);
    return rp_py_op_traverse(&self->op, visit, arg);
}

static void drop_parts(struct py_request *self)
{
    Py_CLEAR(self->response);
    Py_CLEAR(self->vu);
    if (RP_UNLIKELY(self->upload)) {
        rp_py_upload_free(self->upload);
        self->upload = NULL;
    }
}

static int request_clear(PyObject *object)
{
    struct py_request *self = (struct py_request *)object;

    drop_parts(self);
    rp_py_op_clear(&self->op);
    return 0;
}

/* The function of worker.http that makes requests with @method. */
static const char *function_of(struct rp_slice method)
{
    static const char *const functions[] = { "get",    "post", "put",    "patch",
                                             "delete", "head", "options" };

    for (size_t i = 0; i < RP_ARRAY_LEN(functions); i++)
        if (rp_slice_ieq(method, rp_slice_str(functions[i])))
            return functions[i];
    return "request";
}

/* Whoever forgets an await looks for what a Response has. (Names with an underscore are asked for by
 * libraries.) */
static PyObject *request_getattro(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(object, name);
    struct py_request *self = (struct py_request *)object;
    struct rp_slice method;

    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError) || !self->response ||
        (PyUnicode_GET_LENGTH(name) && PyUnicode_READ_CHAR(name, 0) == '_'))
        return value;
    PyErr_Clear();
    method = rp_http_template_method(self->response->template);
    return PyErr_Format(PyExc_AttributeError,
                        "'rampa.Request' has no '%U': the request is not awaited yet; write "
                        "r = await worker.http.%s(...)",
                        name, function_of(method));
}

/* A forgotten await is an easy mistake, and it looks like a very fast server. */
static void warn_never_awaited(struct py_request *self)
{
    struct rp_slice method, url;
    char text[256];

    if (!self->response)
        return;
    method = rp_http_template_method(self->response->template);
    url = rp_http_template_url(self->response->template);
    snprintf(text, sizeof(text),
             "the script does not await a request, so it is not sent: %.*s %.*s",
             RP_SLICE_FMT(method), RP_SLICE_FMT(url));
    rp_py_op_warn_never_awaited(&self->op, text);
}

static void request_dealloc(PyObject *object)
{
    struct py_request *self = (struct py_request *)object;
    struct rp_pystate *state = self->state;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (RP_UNLIKELY(self->op.op_state == PY_OP_NEW))
        warn_never_awaited(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    if (RP_UNLIKELY(self->call.timeouts)) {
        rp_free((void *)self->call.timeouts);
        self->call.timeouts = NULL;
    }
    drop_parts(self);
    rp_py_op_deinit(&self->op);
    if (state->free_request_count < RP_PY_FREE_MAX) {
        self->next_free = state->free_requests;
        state->free_requests = self;
        state->free_request_count++;
    } else {
        type->tp_free(self);
    }
    Py_DECREF(type);
}

static PyMemberDef request_members[] = {
    { "__weaklistoffset__", T_PYSSIZET, offsetof(struct py_request, weakrefs), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot request_slots[] = {
    { Py_tp_dealloc, request_dealloc },
    { Py_tp_traverse, request_traverse },
    { Py_tp_clear, request_clear },
    { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext },
    { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },
    { Py_tp_methods, rp_py_op_methods },
    { Py_tp_getset, rp_py_op_getset },
    { Py_tp_members, request_members },
    { Py_tp_doc, (void *)RP_DOC_REQUEST },
    { Py_tp_getattro, request_getattro },
    { 0, NULL },
};

PyType_Spec rp_py_request_spec = {
    .name = "rampa.Request",
    .basicsize = sizeof(struct py_request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = request_slots,
};

static PyType_Slot future_request_slots[] = {
    { Py_tp_dealloc, request_dealloc },
    { Py_tp_traverse, request_traverse },
    { Py_tp_clear, request_clear },
    { Py_tp_getattro, PyObject_GenericGetAttr },
    { 0, NULL },
};

static PyType_Spec future_request_spec = {
    .name = "rampa.Request",
    .basicsize = sizeof(struct py_request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = future_request_slots,
};

PyTypeObject *rp_py_future_request_type(PyObject *module, PyTypeObject *plain)
{
    PyObject *type;

    plain->tp_flags |= Py_TPFLAGS_BASETYPE; /* for us only: a request has its VU */
    type = PyType_FromModuleAndSpec(module, &future_request_spec, (PyObject *)plain);
    plain->tp_flags &= ~Py_TPFLAGS_BASETYPE;
    return (PyTypeObject *)type;
}

void rp_py_free_lists_clear(struct rp_pystate *state)
{
    while (state->free_requests) {
        struct py_request *request = state->free_requests;

        state->free_requests = request->next_free;
        PyObject_GC_Del(request);
    }
    while (state->free_responses) {
        struct py_response *response = state->free_responses;

        state->free_responses = response->next_free;
        rp_http_response_deinit(&response->response);
        PyObject_Free(response);
    }
    state->free_request_count = state->free_response_count = 0;
    rp_py_spares_clear(&state->spare_waits);
    rp_py_spares_clear(&state->spare_grpc_waits);
}
