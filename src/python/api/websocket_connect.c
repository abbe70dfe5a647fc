/* SPDX-License-Identifier: MIT */

/* What a call of worker.ws.connect() describes: the options become plain values in Python, and a
 * session here. */

#include <errno.h>

#include "python/api/websocket.h"

#include "base/alloc.h"
#include "python/api/options.h"
#include "python/api/templates.h"

enum { HEADERS_MAX = RP_PY_PAIRS_MAX, PROTOCOLS_MAX = 32 };

struct scratch { /* what the spec borrows while the session is made */
    struct rp_header headers[HEADERS_MAX], tags[HEADERS_MAX];
    struct rp_slice protocols[PROTOCOLS_MAX];
    struct rp_ws_deflate_terms deflate;
};

static rp_ns from_seconds(double seconds)
{
    return (rp_ns)(seconds * 1e9);
}

/* A list of str. Returns their number, or -1 with an exception. */
static Py_ssize_t take_texts(PyObject *list, struct rp_slice *texts)
{
    Py_ssize_t count = PyList_Check(list) ? PyList_GET_SIZE(list) : -1;

    if (count < 0 || count > PROTOCOLS_MAX) {
        PyErr_Format(PyExc_ValueError, "more than %d subprotocols", PROTOCOLS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (rp_py_utf8(PyList_GET_ITEM(list, i), "a subprotocol", &texts[i]) < 0)
            return -1;
    return count;
}

/* @prepared: see PreparedSocket of python/rampa/_hooks.py. */
static int fill_spec(struct py_vu *vu, PyObject *prepared, struct scratch *scratch,
                     struct rp_ws_spec *spec, rp_ns *ret_receive_timeout)
{
    PyObject *url, *headers, *name, *tags, *proxy, *protocols;
    double timeout, close_timeout, heartbeat, receive_timeout;
    Py_ssize_t message_max, count;
    int verify, is_h2, has_deflate, server_no_context, client_no_context, server_bits, client_bits;
    const char *wanted;

    if (!PyArg_ParseTuple(prepared, "OOOOO(izzz)Oz(pppii)nddddp", &url, &headers, &name, &tags,
                          &proxy, &verify, &spec->http.tls.ca_file, &spec->http.tls.cert_file,
                          &spec->http.tls.key_file, &protocols, &wanted, &has_deflate,
                          &server_no_context, &client_no_context, &server_bits, &client_bits,
                          &message_max, &timeout, &close_timeout, &heartbeat, &receive_timeout,
                          &is_h2))
        return -1;
    spec->http.tls.verify = (enum rp_http_verify)verify;
    if (rp_py_utf8(url, "url", &spec->http.url) < 0 ||
        (name != Py_None && rp_py_utf8(name, "name", &spec->http.name) < 0) ||
        (proxy != Py_None && rp_py_take_proxy(vu->host, proxy, &spec->http) < 0))
        return -1;
    if ((count = rp_py_take_pairs(headers, scratch->headers)) < 0)
        return -1;
    spec->http.headers = scratch->headers;
    spec->http.header_count = (size_t)count;
    if ((count = rp_py_take_pairs(tags, scratch->tags)) < 0)
        return -1;
    spec->http.tags = scratch->tags;
    spec->http.tag_count = (size_t)count;
    if ((count = take_texts(protocols, scratch->protocols)) < 0)
        return -1;
    spec->protocols = scratch->protocols;
    spec->protocol_count = (size_t)count;
    spec->protocol = rp_slice_str(wanted);
    scratch->deflate = (struct rp_ws_deflate_terms){ .server_no_context = server_no_context,
                                                     .client_no_context = client_no_context,
                                                     .server_bits = (uint8_t)server_bits,
                                                     .client_bits = (uint8_t)client_bits };
    spec->deflate = has_deflate ? &scratch->deflate : NULL;
    spec->message_max = (size_t)message_max;
    spec->timeout = from_seconds(timeout);
    spec->close_timeout = from_seconds(close_timeout);
    spec->heartbeat = from_seconds(heartbeat);
    spec->is_h2 = is_h2;
    *ret_receive_timeout = from_seconds(receive_timeout);
    return 0;
}

/* A VU has no user of the WebSocket client before its first session. NULL with an exception. */
static struct rp_ws_user *user_of(struct py_vu *vu)
{
    struct rp_http_session *http = rp_py_session(vu);
    struct rp_ws_client *client = vu->host->clients->client[RP_CLIENT_WS];
    struct rp_ws_user *user = vu->engine_vu->sessions[RP_CLIENT_WS];

    if (user || !http)
        return user;
    if (rp_ws_user_new(client, vu->host->http, http, &user) < 0) {
        PyErr_NoMemory();
        return NULL;
    }
    vu->engine_vu->sessions[RP_CLIENT_WS] = user;
    return user;
}

static struct rp_ws_session *make_session(struct py_vu *vu, PyObject *prepared,
                                          rp_ns *ret_receive_timeout)
{
    struct scratch *scratch = rp_alloc(sizeof(*scratch));
    struct rp_ws_session *session = NULL;
    struct rp_ws_user *user = user_of(vu);
    struct rp_ws_spec spec = { 0 };
    struct rp_error err = { 0 };
    int r = 0;

    if (!scratch)
        PyErr_NoMemory();
    else if (user && fill_spec(vu, prepared, scratch, &spec, ret_receive_timeout) == 0)
        r = rp_ws_session_new(user, &spec, &session, &err);
    if (r < 0)
        rp_py_raise_and_deinit(r, &err);
    rp_free(scratch);
    return session;
}

struct py_socket *rp_py_socket_new(struct py_vu *vu, PyObject *url, PyObject *options)
{
    struct rp_pystate *state = vu->host->state;
    PyObject *text = rp_py_url_text(url);
    PyObject *prepared = text ? rp_py_ask(vu->host, PY_HOOK_PREPARE_SOCKET, text, options) : NULL;
    struct rp_ws_session *session = NULL;
    struct py_socket *self = NULL;
    rp_ns receive_timeout = 0;

    Py_XDECREF(text);
    if (prepared)
        session = make_session(vu, prepared, &receive_timeout);
    Py_XDECREF(prepared);
    if (session)
        self = (struct py_socket *)state->socket_type->tp_alloc(state->socket_type, 0);
    if (!self) {
        if (session)
            rp_ws_leave(session, false);
        return NULL;
    }
    self->state = state;
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->session = session;
    self->receive_timeout = receive_timeout;
    rp_list_init(&self->waits);
    self->response = rp_py_response_new(state);
    if (!self->response) {
        Py_DECREF(self);
        return NULL;
    }
    self->response->template = rp_http_template_ref(rp_ws_template(session));
    return self;
}

/* ---- arguments of other calls ------------------------------------------------------------------ */

int rp_py_socket_timeout(PyObject *value, const char *function, rp_ns *ret)
{
    double seconds;

    if (!value || value == Py_None) {
        *ret = 0;
        return 0;
    }
    if (rp_py_number(value, function, "timeout", &seconds) < 0)
        return -1;
    if (!(seconds > 0) || seconds > 1e9) {
        PyErr_Format(PyExc_ValueError, "%s: timeout takes seconds above 0, or None, not %R",
                     function, value);
        return -1;
    }
    *ret = (rp_ns)(seconds * 1e9);
    return 0;
}

int rp_py_only_timeout(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                       const char *function, rp_ns *ret)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    if (RP_LIKELY(nargs + keywords == 0))
        return 0;
    if (nargs + keywords > 1) {
        PyErr_Format(PyExc_TypeError, "%s takes one argument, timeout, and %zd were given",
                     function, nargs + keywords);
        return -1;
    }
    if (keywords &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "timeout") != 0) {
        PyErr_Format(PyExc_TypeError, "%s takes no argument '%U'; it takes timeout", function,
                     PyTuple_GET_ITEM(kwnames, 0));
        return -1;
    }
    return rp_py_socket_timeout(args[0], function, ret);
}
