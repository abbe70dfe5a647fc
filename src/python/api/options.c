/* SPDX-License-Identifier: MIT */
#include "python/api/options.h"

#include <errno.h>

#include "base/alloc.h"
#include "python/api/templates.h"
#include "python/api/timeouts.h"

enum { HEADERS_MAX = RP_PY_PAIRS_MAX, REDIRECTS_MAX = 100 };
#define LIMIT_MAX ((size_t)64 << 30) /* of the limits that a call may set */

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
    "cookies",
    "auth",
    "files",
    "chunked",
    "expect100",
    "proxy",
    "proxy_auth",
    "compress",
    "timeout",
    "discard_body",
    "auto_decompress",
    "raise_errors",
    "max_head_bytes",
    "max_body_bytes",
    "allow_redirects",
    "follow_redirects",
    "max_redirects",
    "verify",
    "verify_ssl",
    "ssl",
    "ssl_context",
    "cert",
    "traceparent",
    "raise_for_status",
};

/* An option that this version does not have, or nobody has. 0 when @value asks for nothing, or a
 * warning says that the option is ignored. */
static int refuse_option(struct py_host *host, const char *function, PyObject *key, PyObject *value)
{
    PyObject *told = PyObject_CallFunction(host->state->refuse_option, "sOO", function, key, value);
    PyObject *said = told && told != Py_None
                         ? PyObject_CallMethod((PyObject *)host, "warn", "O", told)
                         : Py_XNewRef(told);

    Py_XDECREF(told);
    Py_XDECREF(said);
    return said ? 0 : -1;
}

int rp_py_options_take(struct py_host *host, const char *function, PyObject *const *values,
                       PyObject *kwnames, struct rp_py_options *ret)
{
    Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    bool names_method = strcmp(function, "request") == 0 || strcmp(function, "stream") == 0;
    int first = names_method ? O_METHOD : O_URL;

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

/* A dict of the options that Python takes apart, as far as they were given. NULL with an exception. */
static PyObject *by_name(const struct rp_py_options *options)
{
    PyObject *named = PyDict_New();

    for (int i = O_HEADERS; named && i < O_OF_CALL; i++)
        if (options->values[i] && options->values[i] != Py_None &&
            PyDict_SetItemString(named, option_names[i], options->values[i]) < 0)
            Py_CLEAR(named);
    return named;
}

/* The bytes of a value: those of bytes as they are, a str as UTF-8. */
static int bytes_of(PyObject *value, struct rp_slice *ret)
{
    if (!PyBytes_Check(value))
        return rp_py_utf8(value, "a value", ret);
    *ret = rp_slice(PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
    return 0;
}

Py_ssize_t rp_py_take_pairs(PyObject *list, struct rp_header *fields)
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

int rp_py_take_proxy(struct py_host *host, PyObject *proxy, struct rp_http_spec *spec)
{
    PyObject *text, *note, *said;

    if (!PyArg_ParseTuple(proxy, "OO", &text, &note) || rp_py_utf8(text, "proxy", &spec->proxy) < 0)
        return -1;
    if (note == Py_None)
        return 0;
    said = PyObject_CallMethod((PyObject *)host, "warn", "O", note);
    Py_XDECREF(said);
    return said ? 0 : -1;
}

static int fill_spec(struct py_host *host, PyObject *prepared, struct scratch *scratch,
                     struct rp_http_spec *spec, PyObject **ret_body)
{
    PyObject *url, *headers, *body, *name, *tags, *expected, *digest, *proxy;
    Py_ssize_t count;

    if (!PyArg_ParseTuple(prepared, "OOOOOOOO", &url, &headers, &body, &name, &tags, &expected,
                          &digest, &proxy) ||
        rp_py_utf8(url, "url", &spec->url) < 0 ||
        (name != Py_None && rp_py_utf8(name, "name", &spec->name) < 0))
        return -1;
    if ((count = rp_py_take_pairs(headers, scratch->headers)) < 0)
        return -1;
    spec->headers = scratch->headers;
    spec->header_count = (size_t)count;
    if ((count = rp_py_take_pairs(tags, scratch->tags)) < 0)
        return -1;
    spec->tags = scratch->tags;
    spec->tag_count = (size_t)count;
    if (expected != Py_None) {
        if ((count = take_ranges(expected, scratch->ranges)) < 0)
            return -1;
        spec->expected = (const uint16_t(*)[2])scratch->ranges;
        spec->expected_count = (size_t)count;
    }
    if (digest != Py_None &&
        (rp_py_utf8(PyTuple_GET_ITEM(digest, 0), "auth", &spec->digest_user) < 0 ||
         rp_py_utf8(PyTuple_GET_ITEM(digest, 1), "auth", &spec->digest_password) < 0))
        return -1;
    if (proxy != Py_None && rp_py_take_proxy(host, proxy, spec) < 0)
        return -1;
    *ret_body = PyBytes_Check(body) || body == Py_None ? NULL : body;
    if (PyBytes_Check(body)) {
        spec->has_body = true;
        spec->body = rp_slice(PyBytes_AS_STRING(body), (size_t)PyBytes_GET_SIZE(body));
    }
    return 0;
}

/* A reference to what the texts of @ret are in; Py_None when nothing is said of TLS. NULL with an
 * exception. */
static PyObject *tls_of(struct py_host *host, const struct rp_py_options *options,
                        struct rp_http_tls *ret)
{
    PyObject *given = NULL, *answer;
    int verify = RP_HTTP_VERIFY_AS_SET;

    for (int i = O_VERIFY; i <= O_CERT; i++) {
        if (!options->values[i])
            continue;
        if (!given && !(given = PyDict_New()))
            return NULL;
        if (PyDict_SetItemString(given, option_names[i], options->values[i]) < 0) {
            Py_DECREF(given);
            return NULL;
        }
    }
    if (!given)
        return Py_NewRef(Py_None);
    answer = rp_py_ask(host, PY_HOOK_TLS_OPTIONS, given);
    Py_DECREF(given);
    if (answer &&
        !PyArg_ParseTuple(answer, "izzz", &verify, &ret->ca_file, &ret->cert_file, &ret->key_file))
        Py_CLEAR(answer);
    ret->verify = (enum rp_http_verify)verify;
    return answer;
}

/* @body: a tuple (pieces, or None and what feeds it; whether it comes in chunks). */
static int take_body(struct py_host *host, PyObject *body, struct rp_http_spec *spec,
                     struct py_upload **ret_upload, PyObject **ret_source)
{
    PyObject *pieces, *source;
    int is_chunked;

    if (!PyArg_ParseTuple(body, "OOp", &pieces, &source, &is_chunked))
        return -1;
    *ret_upload = rp_py_upload_new(host, pieces);
    if (!*ret_upload)
        return -1;
    spec->is_streamed = true;
    spec->is_chunked = is_chunked;
    if ((*ret_upload)->parts)
        spec->streamed_bytes = rp_http_parts_size((*ret_upload)->parts);
    if (source != Py_None)
        *ret_source = Py_NewRef(source);
    return 0;
}

static int flag_of(const struct rp_py_options *options, int option, bool *ret)
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

static int trace_of(const struct rp_py_options *options, enum rp_http_trace *ret)
{
    PyObject *value = options->values[O_TRACEPARENT];
    bool has_trace = false;

    if (!value || value == Py_None)
        return 0;
    if (flag_of(options, O_TRACEPARENT, &has_trace) < 0)
        return -1;
    *ret = has_trace ? RP_HTTP_TRACE : RP_HTTP_TRACE_NOT;
    return 0;
}

struct rp_http_template *rp_py_options_template(struct py_host *host, struct rp_slice method,
                                                const struct rp_py_options *options,
                                                struct py_upload **ret_upload,
                                                PyObject **ret_source)
{
    struct rp_http_template *template = NULL;
    struct rp_http_spec spec = { .method = method };
    struct rp_error err = { 0 };
    struct scratch *scratch;
    PyObject *url = rp_py_url_text(options->values[O_URL]), *named, *prepared = NULL, *tls;
    PyObject *body = NULL;
    int r = 0;

    if (!url || trace_of(options, &spec.trace) < 0) {
        Py_XDECREF(url);
        return NULL;
    }
    named = by_name(options);
    if (named)
        prepared = rp_py_ask(host, PY_HOOK_PREPARE_REQUEST, url, named);
    Py_XDECREF(named);
    Py_DECREF(url);
    if (!prepared)
        return NULL;
    tls = tls_of(host, options, &spec.tls);
    scratch = tls ? rp_alloc(sizeof(*scratch)) : NULL;
    if (tls && !scratch)
        PyErr_NoMemory();
    else if (tls && fill_spec(host, prepared, scratch, &spec, &body) == 0 &&
             (!body || take_body(host, body, &spec, ret_upload, ret_source) == 0))
        r = rp_http_template_new(host->http, &spec, &template, &err);
    if (r < 0)
        rp_py_raise_and_deinit(r, &err);
    rp_free(scratch);
    Py_XDECREF(tls);
    Py_DECREF(prepared);
    return template;
}

static int size_of(const struct rp_py_options *options, int option, size_t *ret)
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

/* allow_redirects and httpx's name for it, and max_redirects. *@ret is what holds without them. */
static int redirects_of(const struct rp_py_options *options, uint8_t *ret)
{
    int option = options->values[O_REDIRECTS] ? O_REDIRECTS : O_FOLLOW;
    PyObject *value = options->values[O_MAX_REDIRECTS];
    bool follows = true;
    long number;

    if (options->values[option] == Py_None || flag_of(options, option, &follows) == 0) {
        if (!follows)
            *ret = 0;
        if (!value || value == Py_None)
            return 0;
        number = PyLong_Check(value) ? PyLong_AsLong(value) : 0;
        if (PyErr_Occurred())
            PyErr_Clear();
        if (number > 0 && number <= REDIRECTS_MAX) {
            if (follows)
                *ret = (uint8_t)number;
            return 0;
        }
        PyErr_Format(PyExc_ValueError,
                     "max_redirects takes a number from 1 to %d, not %R; to have a redirect handed "
                     "back, write allow_redirects=False",
                     REDIRECTS_MAX, value);
    }
    return -1;
}

int rp_py_options_apply(const struct rp_py_options *options, struct rp_http_call *call,
                        bool *raise_errors)
{
    bool decompresses = true;

    if (rp_py_timeout_apply(options->values[O_TIMEOUT], call) < 0 ||
        flag_of(options, O_DISCARD, &call->discard_body) < 0 ||
        flag_of(options, O_DECOMPRESS, &decompresses) < 0 ||
        flag_of(options, O_RAISE, raise_errors) < 0 ||
        size_of(options, O_MAX_HEAD, &call->head_max) < 0 ||
        size_of(options, O_MAX_BODY, &call->body_max) < 0)
        return -1;
    call->keep_coding = !decompresses;
    return redirects_of(options, &call->max_redirects);
}
