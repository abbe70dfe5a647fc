/* SPDX-License-Identifier: MIT */

/*
 * The methods of worker.http make requests. A call without options finds its prepared request by
 * the address of the URL (a constant of the script), or else by the URL's text. With options the
 * request is prepared for this one call.
 */

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "python/api/api_internal.h"
#include "python/api/docs.h"
#include "python/api/templates.h"

enum { HEADERS_MAX = 256, METHOD_MAX = 64 };
#define LIMIT_MAX ((size_t)64 << 30) /* of the limits that a call may set */

PyObject *rp_py_http_new(struct py_vu *vu)
{
    PyTypeObject *type = vu->host->state->http_type;
    struct py_http *self = (struct py_http *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->vu = vu;
    return (PyObject *)self;
}

/* ---- options of a request -------------------------------------------------------------------- */

/* Numbers of the options. Most are taken apart in Python, by hooks.prepare_request(). The first two
 * may be given by position too. */
enum {
    O_METHOD,
    O_URL,
    O_HEADERS,
    O_PARAMS,
    O_JSON,
    O_DATA,
    O_NAME,
    O_TAGS,
    O_EXPECTED,
    O_TIMEOUT,
    O_DISCARD,
    O_RAISE,
    O_MAX_HEAD,
    O_MAX_BODY,
    O_COUNT
};

static const char *const option_names[O_COUNT] = {
    "method",
    "url",
    "headers",
    "params",
    "json",
    "data",
    "name",
    "tags",
    "expected_statuses",
    "timeout",
    "discard_body",
    "raise_errors",
    "max_head_bytes",
    "max_body_bytes",
};

struct options {
    PyObject *values[O_COUNT]; /* borrowed, NULL = not given */
};

/* An option that this version does not have, or nobody has. 0 when @value asks for nothing. */
static int refuse_option(struct py_host *host, const char *function, PyObject *key, PyObject *value)
{
    PyObject *told = PyObject_CallFunction(host->state->refuse_option, "sOO", function, key, value);

    Py_XDECREF(told);
    return told ? 0 : -1;
}

static int parse_options(struct py_host *host, const char *function, PyObject *const *values,
                         PyObject *kwnames, struct options *ret)
{
    Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    int first = strcmp(function, "request") == 0 ? O_METHOD : O_URL;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *key = PyTuple_GET_ITEM(kwnames, i);
        int option = first;

        while (option < O_COUNT && PyUnicode_CompareWithASCIIString(key, option_names[option]) != 0)
            option++;
        if (option == O_COUNT) {
            if (refuse_option(host, function, key, values[i]) < 0)
                return -1;
        } else if (ret->values[option]) {
            PyErr_Format(PyExc_TypeError, "http.%s() got two values for '%U'", function, key);
            return -1;
        } else {
            ret->values[option] = values[i];
        }
    }
    return 0;
}

static PyObject *or_none(PyObject *object)
{
    return object ? object : Py_None;
}

/* The bytes of a value: those of bytes as they are, a str as UTF-8. */
static int bytes_of(PyObject *value, struct rp_slice *ret)
{
    if (!PyBytes_Check(value))
        return rp_py_utf8(value, "a value", ret);
    *ret = rp_slice(PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
    return 0;
}

/* Fills @fields from a list of pairs of str, or of str and bytes. Returns their number, or -1 with
 * an exception. */
static Py_ssize_t take_pairs(PyObject *list, struct rp_header *fields)
{
    Py_ssize_t count = PyList_Check(list) ? PyList_GET_SIZE(list) : -1;

    if (count < 0 || count > HEADERS_MAX) {
        PyErr_Format(PyExc_ValueError, "more than %d headers or tags", HEADERS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(list, i);

        if (rp_py_utf8(PyTuple_GET_ITEM(pair, 0), "a name", &fields[i].name) < 0 ||
            bytes_of(PyTuple_GET_ITEM(pair, 1), &fields[i].value) < 0)
            return -1;
    }
    return count;
}

static Py_ssize_t take_ranges(PyObject *list, uint16_t (*ranges)[2])
{
    Py_ssize_t count = PyList_GET_SIZE(list);

    if (count > HEADERS_MAX) {
        PyErr_SetString(PyExc_ValueError, "too many expected statuses");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(list, i);

        ranges[i][0] = (uint16_t)PyLong_AsLong(PyTuple_GET_ITEM(pair, 0));
        ranges[i][1] = (uint16_t)PyLong_AsLong(PyTuple_GET_ITEM(pair, 1));
    }
    return PyErr_Occurred() ? -1 : count;
}

struct scratch { /* what struct rp_http_spec borrows while the template is made */
    struct rp_header headers[HEADERS_MAX], tags[HEADERS_MAX];
    uint16_t ranges[HEADERS_MAX][2];
};

static int fill_spec(PyObject *prepared, struct scratch *scratch, struct rp_http_spec *spec)
{
    PyObject *url, *headers, *body, *name, *tags, *expected;
    Py_ssize_t count;

    if (!PyArg_ParseTuple(prepared, "OOOOOO", &url, &headers, &body, &name, &tags, &expected) ||
        rp_py_utf8(url, "url", &spec->url) < 0 ||
        (name != Py_None && rp_py_utf8(name, "name", &spec->name) < 0))
        return -1;
    if ((count = take_pairs(headers, scratch->headers)) < 0)
        return -1;
    spec->headers = scratch->headers;
    spec->header_count = (size_t)count;
    if ((count = take_pairs(tags, scratch->tags)) < 0)
        return -1;
    spec->tags = scratch->tags;
    spec->tag_count = (size_t)count;
    if (expected != Py_None) {
        if ((count = take_ranges(expected, scratch->ranges)) < 0)
            return -1;
        spec->expected = (const uint16_t(*)[2])scratch->ranges;
        spec->expected_count = (size_t)count;
    }
    if (body != Py_None) {
        spec->has_body = true;
        spec->body = rp_slice(PyBytes_AS_STRING(body), (size_t)PyBytes_GET_SIZE(body));
    }
    return 0;
}

static struct rp_http_template *prepare_with(struct py_host *host, struct rp_slice method,
                                             const struct options *options)
{
    struct rp_http_template *template = NULL;
    struct rp_http_spec spec = { .method = method };
    struct rp_error err = { 0 };
    struct scratch *scratch;
    PyObject *url = rp_py_url_text(options->values[O_URL]), *prepared;
    int r = 0;

    if (!url)
        return NULL;
    prepared = rp_py_ask(host, PY_HOOK_PREPARE_REQUEST, url, or_none(options->values[O_HEADERS]),
                         or_none(options->values[O_PARAMS]), or_none(options->values[O_JSON]),
                         or_none(options->values[O_DATA]), or_none(options->values[O_NAME]),
                         or_none(options->values[O_TAGS]), or_none(options->values[O_EXPECTED]));
    Py_DECREF(url);
    if (!prepared)
        return NULL;
    scratch = rp_alloc(sizeof(*scratch));
    if (!scratch)
        PyErr_NoMemory();
    else if (fill_spec(prepared, scratch, &spec) == 0)
        r = rp_http_template_new(host->http, &spec, &template, &err);
    if (r < 0)
        rp_py_raise_and_deinit(r, &err);
    rp_free(scratch);
    Py_DECREF(prepared);
    return template;
}

static int timeout_of(PyObject *value, rp_ns *ret)
{
    double seconds;

    if (!value || value == Py_None)
        return 0;
    seconds = PyNumber_Check(value) ? PyFloat_AsDouble(value) : NAN;
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    if (!PyNumber_Check(value)) {
        PyErr_Format(PyExc_TypeError,
                     "timeout takes a number of seconds for the whole request, not %R", value);
        return -1;
    }
    if (!(seconds > 0) || seconds > 1e9) {
        PyErr_Format(PyExc_ValueError, "timeout takes seconds above 0, not %R", value);
        return -1;
    }
    *ret = (rp_ns)llround(seconds * 1e9);
    return 0;
}

static int flag_of(const struct options *options, int option, bool *ret)
{
    PyObject *value = options->values[option];

    if (!value)
        return 0;
    if (!PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s takes True or False, not %R", option_names[option],
                     value);
        return -1;
    }
    *ret = value == Py_True;
    return 0;
}

static int size_of(const struct options *options, int option, size_t *ret)
{
    PyObject *value = options->values[option];

    if (!value || value == Py_None)
        return 0;
    *ret = PyLong_Check(value) ? PyLong_AsSize_t(value) : 0;
    if (PyErr_Occurred())
        PyErr_Clear();
    if (*ret > 0 && *ret <= LIMIT_MAX)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s takes a number of bytes from 1 to %zd, not %R",
                 option_names[option], (Py_ssize_t)LIMIT_MAX, value);
    return -1;
}

static struct py_vu *vu_of(struct py_http *self)
{
    if (RP_LIKELY(self->vu && self->vu->engine_vu))
        return self->vu;
    rp_py_vu_refuse("client");
    return NULL;
}

/* After a ValueError of a call: when the URL is the cause, the call counts as a failed request. */
static void count_bad_url(struct py_vu *vu, struct rp_slice method, PyObject *url, PyObject *name)
{
    PyObject *type, *value, *traceback, *text;
    struct rp_slice bad, given = rp_slice(NULL, 0);

    if (!PyErr_ExceptionMatches(PyExc_ValueError))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    text = rp_py_url_text(url);
    if (text && rp_py_utf8(text, "url", &bad) == 0 &&
        rp_http_client_check_url(vu->host->http, bad, NULL) == -RP_EUSER &&
        (!name || name == Py_None || rp_py_utf8(name, "name", &given) == 0))
        rp_http_count_bad_url(vu->host->http, rp_py_vu_tags(vu), method, bad, given);
    Py_XDECREF(text);
    PyErr_Restore(type, value, traceback);
}

static PyObject *request_with(struct py_vu *vu, struct rp_slice method,
                              const struct options *options)
{
    struct rp_http_template *template = prepare_with(vu->host, method, options);
    struct py_request *request;

    if (!template) {
        count_bad_url(vu, method, options->values[O_URL], options->values[O_NAME]);
        return NULL;
    }
    request = rp_py_request_new(vu, template);
    rp_http_template_unref(template); /* the request's response has its own reference */
    if (request && (timeout_of(options->values[O_TIMEOUT], &request->call.timeout) < 0 ||
                    flag_of(options, O_DISCARD, &request->call.discard_body) < 0 ||
                    flag_of(options, O_RAISE, &request->raise_errors) < 0 ||
                    size_of(options, O_MAX_HEAD, &request->call.head_max) < 0 ||
                    size_of(options, O_MAX_BODY, &request->call.body_max) < 0)) {
        request->op.op_state = PY_OP_CANCELLED; /* nobody has forgotten to await it */
        Py_CLEAR(request);
    }
    return (PyObject *)request;
}

/* ---- methods --------------------------------------------------------------------------------- */

/* A call that is more than http.get(url). @method: NULL = the call gives it. */
static PyObject *call_with(struct py_vu *vu, const char *method, PyObject *const *args,
                           Py_ssize_t nargs, PyObject *kwnames, const char *function)
{
    int first = method ? O_URL : O_METHOD;
    struct options options = { { NULL } };
    struct rp_slice text = rp_slice_str(method);
    char upper[METHOD_MAX];

    if (nargs > O_URL - first + 1)
        return PyErr_Format(PyExc_TypeError,
                            "http.%s() takes %s by position, and %zd were given; write what "
                            "follows by name, such as json=..., data=... or params=...",
                            function, method ? "one argument" : "two arguments", nargs);
    for (Py_ssize_t i = 0; i < nargs; i++)
        options.values[first + i] = args[i];
    if (parse_options(vu->host, function, args + nargs, kwnames, &options) < 0)
        return NULL;
    if (!options.values[O_URL] || (!method && !options.values[O_METHOD]))
        return PyErr_Format(PyExc_TypeError, "http.%s() needs %s", function,
                            options.values[O_URL] ? "a method, such as \"GET\""
                                                  : "the URL, such as http.get(url)");
    if (!method && rp_py_utf8(options.values[O_METHOD], "method", &text) < 0)
        return NULL;
    if (!method && text.len <= sizeof(upper)) {
        for (size_t i = 0; i < text.len; i++)
            upper[i] = (char)Py_TOUPPER((unsigned char)text.ptr[i]);
        text.ptr = upper;
    }
    return request_with(vu, text, &options);
}

static PyObject *http_get(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    struct py_vu *vu = vu_of((struct py_http *)object);
    struct py_template *template;

    if (!vu)
        return NULL;
    if (RP_UNLIKELY(nargs != 1 || (kwnames && PyTuple_GET_SIZE(kwnames))))
        return call_with(vu, "GET", args, nargs, kwnames, "get");
    template = rp_py_template_find_get(vu->host, args[0]);
    if (RP_LIKELY(template))
        return (PyObject *)rp_py_request_new(vu, template->template);
    count_bad_url(vu, RP_SLICE("GET"), args[0], NULL);
    return NULL;
}

/* A method without a body, other than GET. @method is an index of rp_py_plain_methods. */
static PyObject *plain(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                       int method, const char *function)
{
    struct py_vu *vu = vu_of((struct py_http *)object);
    struct py_template *template;
    PyObject *request;

    if (!vu)
        return NULL;
    if (nargs != 1 || (kwnames && PyTuple_GET_SIZE(kwnames)))
        return call_with(vu, rp_py_plain_methods[method], args, nargs, kwnames, function);
    template = rp_py_template_find(vu->host, method, args[0]);
    if (!template) {
        count_bad_url(vu, rp_slice_str(rp_py_plain_methods[method]), args[0], NULL);
        return NULL;
    }
    request = (PyObject *)rp_py_request_new(vu, template->template);
    Py_DECREF(template);
    return request;
}

static PyObject *http_head(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    return plain(self, args, nargs, kwnames, 1, "head");
}

static PyObject *http_delete(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    return plain(self, args, nargs, kwnames, 2, "delete");
}

static PyObject *http_options(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    return plain(self, args, nargs, kwnames, 3, "options");
}

static PyObject *with_body(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames, const char *method, const char *function)
{
    struct py_vu *vu = vu_of((struct py_http *)object);

    return vu ? call_with(vu, method, args, nargs, kwnames, function) : NULL;
}

static PyObject *http_post(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    return with_body(self, args, nargs, kwnames, "POST", "post");
}

static PyObject *http_put(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    return with_body(self, args, nargs, kwnames, "PUT", "put");
}

static PyObject *http_patch(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    return with_body(self, args, nargs, kwnames, "PATCH", "patch");
}

static PyObject *http_request(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    return with_body(self, args, nargs, kwnames, NULL, "request");
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef methods[] = {
    { "get", FASTCALL(http_get), RP_DOC_HTTP_METHOD("get", "GET") },
    { "post", FASTCALL(http_post), RP_DOC_HTTP_METHOD("post", "POST") },
    { "put", FASTCALL(http_put), RP_DOC_HTTP_METHOD("put", "PUT") },
    { "patch", FASTCALL(http_patch), RP_DOC_HTTP_METHOD("patch", "PATCH") },
    { "delete", FASTCALL(http_delete), RP_DOC_HTTP_METHOD("delete", "DELETE") },
    { "head", FASTCALL(http_head), RP_DOC_HTTP_METHOD("head", "HEAD") },
    { "options", FASTCALL(http_options), RP_DOC_HTTP_METHOD("options", "OPTIONS") },
    { "request", FASTCALL(http_request), RP_DOC_HTTP_REQUEST },
    { "close", rp_py_http_close, METH_NOARGS, RP_DOC_HTTP_CLOSE },
    { "__aenter__", rp_py_http_enter, METH_NOARGS, NULL },
    { "__aexit__", rp_py_http_exit, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static void http_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    { Py_tp_dealloc, http_dealloc },
    { Py_tp_methods, methods },
    { Py_tp_doc, (void *)RP_DOC_HTTP },
    { 0, NULL },
};

PyType_Spec rp_py_http_spec = {
    .name = "rampa.HttpClient",
    .basicsize = sizeof(struct py_http),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
