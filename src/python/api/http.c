/* SPDX-License-Identifier: MIT */

/*
 * The methods of worker.http make requests. A call without options finds its prepared request by
 * the address of the URL (a constant of the script), or else by the URL's text. With options the
 * request is prepared for this one call.
 */

#include "python/api/api_internal.h"
#include "python/api/docs.h"
#include "python/api/options.h"
#include "python/api/templates.h"

enum { METHOD_MAX = 64 };

PyObject *rp_py_http_new(struct py_vu *vu)
{
    PyTypeObject *type = vu->host->state->http_type;
    struct py_http *self = (struct py_http *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->vu = vu;
    return (PyObject *)self;
}

/* ---- one request -------------------------------------------------------------------------------- */

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

static PyObject *new_request(struct py_vu *vu, struct rp_http_template *template,
                             const struct rp_py_options *options, struct py_upload *upload)
{
    struct py_request *request = rp_py_request_new(vu, template);

    if (request)
        request->upload = upload;
    else
        rp_py_upload_free(upload);
    if (request && rp_py_options_apply(options, &request->call, &request->raise_errors) < 0) {
        request->op.op_state = PY_OP_CANCELLED; /* nobody has forgotten to await it */
        Py_CLEAR(request);
    }
    return (PyObject *)request;
}

/* What is awaited, or entered, of a request with a body that @source makes. Takes the references to
 * both. */
static PyObject *feed(PyObject *client, PyObject *request, PyObject *source, bool is_stream)
{
    const char *function = is_stream ? "feed_stream" : "send_from";
    PyObject *module = request ? PyImport_ImportModule("rampa._upload") : NULL;
    PyObject *fed = module ? PyObject_CallMethod(module, function, "OOO", client, request, source)
                           : NULL;

    if (request && !fed && !is_stream)
        ((struct py_request *)request)->op.op_state = PY_OP_CANCELLED;
    Py_XDECREF(module);
    Py_XDECREF(request);
    Py_DECREF(source);
    return fed;
}

static PyObject *request_with(PyObject *client, struct py_vu *vu, struct rp_slice method,
                              const struct rp_py_options *options, bool is_stream)
{
    struct py_upload *upload = NULL;
    PyObject *source = NULL;
    struct rp_http_template *template = rp_py_options_template(vu->host, method, options, &upload,
                                                               &source);
    PyObject *request = NULL;

    if (!template) {
        rp_py_upload_free(upload);
        Py_XDECREF(source);
        count_bad_url(vu, method, options->values[O_URL], options->values[O_NAME]);
        return NULL;
    }
    request = is_stream ? rp_py_stream_new(vu, template, options, upload)
                        : new_request(vu, template, options, upload);
    rp_http_template_unref(template); /* the request's response has its own reference */
    return source ? feed(client, request, source, is_stream) : request;
}

/* Calls rampa._request.@function. NULL with an exception. @more: NULL = one argument. */
static PyObject *ask_judge(const char *function, PyObject *first, PyObject *more)
{
    PyObject *module = PyImport_ImportModule("rampa._request");
    PyObject *ret = NULL;

    if (module)
        ret = more ? PyObject_CallMethod(module, function, "OO", first, more)
                   : PyObject_CallMethod(module, function, "O", first);
    Py_XDECREF(module);
    return ret;
}

/* Whether raise_for_status asks for anything. -1 with an exception. */
static int has_judge(PyObject *judge)
{
    PyObject *is_wanted = judge ? ask_judge("check_judge", judge, NULL) : Py_NewRef(Py_False);
    int ret = is_wanted ? is_wanted == Py_True : -1;

    Py_XDECREF(is_wanted);
    return ret;
}

/* What is awaited of a request whose status is judged by @judge. Takes the reference to @request. */
static PyObject *judged(PyObject *request, PyObject *judge, bool is_stream)
{
    PyObject *ret = NULL;

    if (!is_stream)
        ret = ask_judge("judged", request, judge);
    else if (PyObject_SetAttrString(request, "_judge", judge) == 0)
        ret = Py_NewRef(request);
    Py_DECREF(request);
    return ret;
}

/* ---- methods --------------------------------------------------------------------------------- */

/* A call that is more than http.get(url). @method: NULL = the call gives it. */
static PyObject *call_with(PyObject *client, struct py_vu *vu, const char *method,
                           PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                           const char *function)
{
    int first = method ? O_URL : O_METHOD;
    struct rp_py_options options = { { NULL } };
    struct rp_slice text = rp_slice_str(method);
    char upper[METHOD_MAX];
    PyObject *request;
    bool is_stream;
    int is_judged;

    if (nargs > O_URL - first + 1)
        return PyErr_Format(PyExc_TypeError,
                            "http.%s() takes %s by position, and %zd were given; write what "
                            "follows by name, such as json=..., data=... or params=...",
                            function, method ? "one argument" : "two arguments", nargs);
    for (Py_ssize_t i = 0; i < nargs; i++)
        options.values[first + i] = args[i];
    if (rp_py_options_take(vu->host, function, args + nargs, kwnames, &options) < 0)
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
    is_stream = strcmp(function, "stream") == 0;
    is_judged = has_judge(options.values[O_RAISE_STATUS]);
    request = is_judged < 0 ? NULL : request_with(client, vu, text, &options, is_stream);
    return request && is_judged ? judged(request, options.values[O_RAISE_STATUS], is_stream)
                                : request;
}

static PyObject *http_get(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    struct py_vu *vu = vu_of((struct py_http *)object);
    struct py_template *template;

    if (!vu)
        return NULL;
    if (RP_UNLIKELY(nargs != 1 || (kwnames && PyTuple_GET_SIZE(kwnames))))
        return call_with(object, vu, "GET", args, nargs, kwnames, "get");
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
        return call_with(object, vu, rp_py_plain_methods[method], args, nargs, kwnames, function);
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

    return vu ? call_with(object, vu, method, args, nargs, kwnames, function) : NULL;
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

/* The index of a method that has neither body nor options in rp_py_plain_methods; -1 = it is another. */
static int plain_method(PyObject *method)
{
    struct rp_slice text;

    if (!PyUnicode_Check(method) || rp_py_utf8(method, "method", &text) < 0) {
        PyErr_Clear();
        return -1;
    }
    for (int i = 0; i < RP_PY_PLAIN_METHODS; i++)
        if (rp_slice_ieq(text, rp_slice_str(rp_py_plain_methods[i])))
            return i;
    return -1;
}

static PyObject *http_request(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    bool is_plain = nargs == 2 && (!kwnames || !PyTuple_GET_SIZE(kwnames));
    int method = is_plain ? plain_method(args[0]) : -1;

    if (method == 0)
        return http_get(self, args + 1, 1, NULL);
    if (method > 0)
        return plain(self, args + 1, 1, NULL, method, "request");
    return with_body(self, args, nargs, kwnames, NULL, "request");
}

static PyObject *http_stream(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    return with_body(self, args, nargs, kwnames, NULL, "stream");
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
    { "stream", FASTCALL(http_stream), RP_DOC_HTTP_STREAM },
    { "batch", rp_py_http_batch, METH_O, RP_DOC_HTTP_BATCH },
    { "close", rp_py_http_close, METH_NOARGS, RP_DOC_HTTP_CLOSE },
    { "_feed", rp_py_http_feed, METH_VARARGS, NULL },
    { "_on_drain", rp_py_http_on_drain, METH_VARARGS, NULL },
    { "_cookies", rp_py_cookies_list, METH_O, NULL },
    { "_cookie_set", rp_py_cookies_set, METH_VARARGS, NULL },
    { "_cookies_remove", rp_py_cookies_remove, METH_VARARGS, NULL },
    { "__aenter__", rp_py_http_enter, METH_NOARGS, NULL },
    { "__aexit__", rp_py_http_exit, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "cookies", rp_py_http_cookies, NULL, RP_DOC_HTTP_COOKIES, NULL },
    { NULL, NULL, NULL, NULL, NULL },
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
    { Py_tp_getset, getset },
    { Py_tp_doc, (void *)RP_DOC_HTTP },
    { 0, NULL },
};

PyType_Spec rp_py_http_spec = {
    .name = "rampa.HttpClient",
    .basicsize = sizeof(struct py_http),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
