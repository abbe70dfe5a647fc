/* SPDX-License-Identifier: MIT */

/*
 * A Response keeps the bytes as they came, and makes everything else on demand. Its buffers are
 * used again by way of a free list, so that a request in steady state allocates nothing for it. It
 * can be part of no reference cycle, for only bytes, texts, plain containers and the responses before it
 * hang on it: the
 * garbage collector does not track it.
 */

#include "python/api/api_internal.h"
#include "python/api/docs.h"

enum { KEEP_MAX = 64 * 1024 };

struct py_response *rp_py_response_new(struct rp_pystate *state)
{
    struct py_response *self = state->free_responses;

    if (self) {
        state->free_responses = self->next_free;
        state->free_response_count--;
        Py_INCREF(state->response_type); /* as PyObject_Init() */
        _Py_NewReference((PyObject *)self);
        return self;
    }
    self = (struct py_response *)state->response_type->tp_alloc(state->response_type, 0);
    if (self)
        self->state = state;
    return self;
}

static void drop_made(struct py_response *self)
{
    Py_CLEAR(self->headers);
    Py_CLEAR(self->body);
    Py_CLEAR(self->timings);
    Py_CLEAR(self->history);
    self->has_made = false;
}

static void response_dealloc(PyObject *object)
{
    struct py_response *self = (struct py_response *)object;
    struct rp_pystate *state = self->state;
    PyTypeObject *type = Py_TYPE(self);

    if (self->has_made)
        drop_made(self);
    Py_CLEAR(self->status);
    rp_http_template_unref(self->template);
    self->template = NULL;
    if (state->free_response_count < RP_PY_FREE_MAX &&
        rp_http_response_memory(&self->response) <= KEEP_MAX) {
        self->next_free = state->free_responses;
        state->free_responses = self;
        state->free_response_count++;
    } else {
        rp_http_response_deinit(&self->response);
        type->tp_free(self);
    }
    Py_DECREF(type);
}

/* Nearly every script asks for the status of every response. CPython reads a member that is an
 * object in place, and calls nobody. */
int rp_py_response_show(struct py_response *self)
{
    unsigned status = self->response.status;
    PyObject **cached = &self->state->statuses[status];

    if (RP_UNLIKELY(status >= RP_ARRAY_LEN(self->state->statuses))) {
        self->status = PyLong_FromLong(status);
        return self->status ? 0 : -1;
    }
    if (RP_UNLIKELY(!*cached))
        *cached = PyLong_FromLong(status);
    self->status = Py_XNewRef(*cached);
    return self->status ? 0 : -1;
}

PyObject *rp_py_response_error(struct py_response *self)
{
    PyObject *error = NULL;

    if (self->status || rp_py_response_show(self) == 0)
        error = PyObject_CallOneArg(self->state->request_error, (PyObject *)self);
    return error ? error : rp_py_take_error();
}

static PyObject *text_of(struct rp_slice text)
{
    return PyUnicode_DecodeLatin1(text.ptr ? text.ptr : "", (Py_ssize_t)text.len, NULL);
}

static PyObject *collect_fields(const struct rp_http_response *response)
{
    PyObject *list = PyList_New(0);
    struct rp_slice name, value;
    size_t pos = 0;

    while (list && rp_http_response_next_field(response, &pos, &name, &value)) {
        PyObject *pair = Py_BuildValue("(NN)", text_of(name), text_of(value));

        if (!pair || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *get_headers(PyObject *object, void *unused)
{
    struct py_response *self = (struct py_response *)object;

    if (!self->headers) {
        PyObject *fields = collect_fields(&self->response);

        if (!fields)
            return NULL;
        self->headers = PyObject_CallOneArg(self->state->make_headers, fields);
        Py_DECREF(fields);
    }
    self->has_made = true;
    return Py_XNewRef(self->headers);
}

static PyObject *get_body(PyObject *object, void *unused)
{
    struct py_response *self = (struct py_response *)object;

    if (!self->body)
        self->body = PyBytes_FromStringAndSize(rp_buf_str(&self->response.body),
                                               (Py_ssize_t)self->response.body.len);
    self->has_made = true;
    return Py_XNewRef(self->body);
}

static PyObject *get_url(PyObject *object, void *unused)
{
    struct rp_slice url = rp_http_template_url(((struct py_response *)object)->template);

    return PyUnicode_DecodeUTF8(url.ptr, (Py_ssize_t)url.len, "surrogateescape");
}

static PyObject *get_method(PyObject *object, void *unused)
{
    struct rp_slice method = rp_http_template_method(((struct py_response *)object)->template);

    return PyUnicode_DecodeUTF8(method.ptr, (Py_ssize_t)method.len, NULL);
}

static PyObject *get_reason(PyObject *object, void *unused)
{
    return text_of(rp_http_response_reason(&((struct py_response *)object)->response));
}

static PyObject *get_ok(PyObject *object, void *unused)
{
    return PyBool_FromLong(((struct py_response *)object)->response.is_expected);
}

static PyObject *get_proto(PyObject *object, void *unused)
{
    const char *version = rp_http_version_text(((struct py_response *)object)->response.version);

    if (!version)
        Py_RETURN_NONE;
    return PyUnicode_FromString(version);
}

/* None without TLS, and without a response. */
static PyObject *get_tls_version(PyObject *object, void *unused)
{
    const char *text = rp_tls_version_text(((struct py_response *)object)->response.tls_version);

    return text ? PyUnicode_FromString(text) : Py_NewRef(Py_None);
}

static PyObject *get_tls_cipher_suite(PyObject *object, void *unused)
{
    const struct rp_http_response *response = &((struct py_response *)object)->response;

    if (!response->tls_version || !response->cipher_suite)
        Py_RETURN_NONE;
    return PyUnicode_FromString(response->cipher_suite);
}

static PyObject *get_trace_id(PyObject *object, void *unused)
{
    struct py_response *self = (struct py_response *)object;
    char id[33];

    if (!rp_http_response_trace_id(&self->response, self->template, id))
        Py_RETURN_NONE;
    return PyUnicode_FromString(id);
}

static PyObject *get_error(PyObject *object, void *unused)
{
    const char *error = ((struct py_response *)object)->response.error;

    if (!*error)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(error, (Py_ssize_t)strlen(error), "replace");
}

static PyObject *get_error_code(PyObject *object, void *unused)
{
    return PyLong_FromLong(((struct py_response *)object)->response.error_code);
}

static PyObject *get_timings(PyObject *object, void *unused)
{
    struct py_response *self = (struct py_response *)object;
    const struct rp_http_response *r = &self->response;

    if (!self->timings) {
        rp_ns duration = r->sending + r->waiting + r->receiving;

        self->timings = PyObject_CallFunction(
            self->state->make_timings, "dddddddd", (double)r->blocked / 1e6,
            (double)r->looking_up / 1e6, (double)r->connecting / 1e6,
            (double)r->tls_handshaking / 1e6, (double)r->sending / 1e6, (double)r->waiting / 1e6,
            (double)r->receiving / 1e6, (double)duration / 1e6);
    }
    self->has_made = true;
    return Py_XNewRef(self->timings);
}

static PyObject *get_cookies(PyObject *object, void *unused)
{
    return rp_py_response_cookies(&((struct py_response *)object)->response);
}

static PyObject *get_history(PyObject *object, void *unused)
{
    struct py_response *self = (struct py_response *)object;

    return self->history ? Py_NewRef(self->history) : PyTuple_New(0);
}

int rp_py_response_follow(struct py_response *self, struct py_response *before)
{
    Py_ssize_t count = before->history ? PyTuple_GET_SIZE(before->history) : 0;

    if (rp_py_response_show(before) < 0)
        return -1;
    self->history = PyTuple_New(count + 1);
    if (!self->history)
        return -1;
    self->has_made = true;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(self->history, i, Py_NewRef(PyTuple_GET_ITEM(before->history, i)));
    PyTuple_SET_ITEM(self->history, count, Py_NewRef(before));
    return 0;
}

/* For dataclasses.fields() and asdict(), which look for this name. */
static PyObject *get_fields(PyObject *object, void *unused)
{
    return PyObject_CallNoArgs(((struct py_response *)object)->state->response_fields);
}

static PyObject *charset_of(struct py_response *self)
{
    PyObject *headers = get_headers((PyObject *)self, NULL);
    PyObject *charset = headers ? PyObject_CallMethod(headers, "charset", NULL) : NULL;

    Py_XDECREF(headers);
    return charset;
}

/* The encoding that a byte order mark at the beginning tells, which is taken off; or NULL. */
static const char *take_mark(struct rp_slice *body)
{
    static const struct {
        struct rp_slice mark;
        const char *encoding;
    } marks[] = { { RP_SLICE("\xef\xbb\xbf"), "utf-8" },
                  { RP_SLICE("\xfe\xff"), "utf-16-be" },
                  { RP_SLICE("\xff\xfe"), "utf-16-le" } };

    for (size_t i = 0; i < RP_ARRAY_LEN(marks); i++) {
        size_t len = marks[i].mark.len;

        if (body->len >= len && memcmp(body->ptr, marks[i].mark.ptr, len) == 0) {
            *body = rp_slice(body->ptr + len, body->len - len);
            return marks[i].encoding;
        }
    }
    return NULL;
}

static PyObject *response_text(PyObject *object, PyObject *unused)
{
    struct py_response *self = (struct py_response *)object;
    struct rp_slice body = rp_slice(rp_buf_str(&self->response.body), self->response.body.len);
    const char *marked = take_mark(&body);
    PyObject *charset, *text = NULL;

    if (marked)
        return PyUnicode_Decode(body.ptr, (Py_ssize_t)body.len, marked, "replace");
    charset = charset_of(self);

    if (charset)
        text = PyUnicode_Decode(body.ptr, (Py_ssize_t)body.len, PyUnicode_AsUTF8(charset),
                                "replace");
    Py_XDECREF(charset);
    return text;
}

static PyObject *response_json(PyObject *object, PyObject *unused)
{
    PyObject *body = get_body(object, NULL);
    PyObject *value =
        body ? PyObject_CallOneArg(((struct py_response *)object)->state->json_loads, body) : NULL;

    Py_XDECREF(body);
    return value;
}

static PyObject *response_raise_for_status(PyObject *self, PyObject *unused)
{
    PyObject *module = PyImport_ImportModule("rampa.errors");
    PyObject *told = module ? PyObject_CallMethod(module, "raise_for_status", "O", self) : NULL;

    Py_XDECREF(module);
    Py_XDECREF(told);
    return told ? Py_NewRef(self) : NULL;
}

static PyObject *response_repr(PyObject *object)
{
    struct py_response *self = (struct py_response *)object;
    PyObject *url = get_url(object, NULL);
    PyObject *repr = NULL;

    if (url && self->response.status)
        repr = PyUnicode_FromFormat("<Response %u %U>", self->response.status, url);
    else if (url)
        repr = PyUnicode_FromFormat("<Response %s %U>", self->response.error, url);
    Py_XDECREF(url);
    return repr;
}

static PyMemberDef members[] = {
    { "status", T_OBJECT_EX, offsetof(struct py_response, status), READONLY,
      RP_DOC_RESPONSE_STATUS },
    { NULL, 0, 0, 0, NULL },
};

static PyMethodDef methods[] = {
    { "text", response_text, METH_NOARGS, RP_DOC_RESPONSE_TEXT },
    { "json", response_json, METH_NOARGS, RP_DOC_RESPONSE_JSON },
    { "raise_for_status", response_raise_for_status, METH_NOARGS, RP_DOC_RESPONSE_RAISE },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "headers", get_headers, NULL, RP_DOC_RESPONSE_HEADERS, NULL },
    { "body", get_body, NULL, RP_DOC_RESPONSE_BODY, NULL },
    { "url", get_url, NULL, RP_DOC_RESPONSE_URL, NULL },
    { "method", get_method, NULL, RP_DOC_RESPONSE_METHOD, NULL },
    { "reason", get_reason, NULL, RP_DOC_RESPONSE_REASON, NULL },
    { "ok", get_ok, NULL, RP_DOC_RESPONSE_OK, NULL },
    { "proto", get_proto, NULL, RP_DOC_RESPONSE_PROTO, NULL },
    { "error", get_error, NULL, RP_DOC_RESPONSE_ERROR, NULL },
    { "error_code", get_error_code, NULL, RP_DOC_RESPONSE_ERROR_CODE, NULL },
    { "timings", get_timings, NULL, RP_DOC_RESPONSE_TIMINGS, NULL },
    { "tls_version", get_tls_version, NULL, RP_DOC_RESPONSE_TLS_VERSION, NULL },
    { "tls_cipher_suite", get_tls_cipher_suite, NULL, RP_DOC_RESPONSE_TLS_CIPHER_SUITE, NULL },
    { "trace_id", get_trace_id, NULL, RP_DOC_RESPONSE_TRACE_ID, NULL },
    { "cookies", get_cookies, NULL, RP_DOC_RESPONSE_COOKIES, NULL },
    { "history", get_history, NULL, RP_DOC_RESPONSE_HISTORY, NULL },
    { "__dataclass_fields__", get_fields, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, response_dealloc },
    { Py_tp_repr, response_repr },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { Py_tp_getset, getset },
    { Py_tp_doc, (void *)RP_DOC_RESPONSE },
    { 0, NULL },
};

PyType_Spec rp_py_response_spec = {
    .name = "rampa.Response",
    .basicsize = sizeof(struct py_response),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
