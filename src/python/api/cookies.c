/* SPDX-License-Identifier: MIT */

/* What rampa.Cookies (python/rampa/_cookies.py) asks of the jar of a VU: plain values in and out. */

#include "python/api/api_internal.h"

static int64_t now(void)
{
    return rp_wall_clock_ns() / RP_S;
}

/* NULL with an exception. */
static struct rp_cookie_jar *jar_of(PyObject *object)
{
    struct py_http *self = (struct py_http *)object;
    struct rp_http_session *session;
    struct rp_cookie_jar *jar;

    if (!self->vu || !self->vu->engine_vu) {
        rp_py_vu_refuse("client");
        return NULL;
    }
    session = rp_py_session(self->vu);
    if (!session)
        return NULL;
    jar = rp_http_session_jar(session);
    if (!jar)
        PyErr_NoMemory();
    return jar;
}

static int url_of(PyObject *text, struct rp_url *ret)
{
    struct rp_error err = { 0 };
    struct rp_slice bytes;
    int r;

    if (rp_py_utf8(text, "url", &bytes) < 0)
        return -1;
    r = rp_url_parse(bytes, ret, &err);
    if (r == 0)
        return 0;
    rp_py_raise_and_deinit(r, &err);
    return -1;
}

static PyObject *text_of(struct rp_slice text)
{
    return PyUnicode_DecodeUTF8(text.ptr, (Py_ssize_t)text.len, "surrogateescape");
}

/* A tuple in the order of the fields of rampa.Cookie. */
static PyObject *tuple_of(const struct rp_cookie_entry *entry)
{
    PyObject *expires = entry->expires ? PyLong_FromLongLong(entry->expiry) : Py_NewRef(Py_None);
    PyObject *texts[] = { text_of(entry->name), text_of(entry->value), text_of(entry->domain),
                          text_of(entry->path) };
    PyObject *tuple = NULL;

    if (expires && texts[0] && texts[1] && texts[2] && texts[3])
        tuple = PyTuple_Pack(
            8, texts[0], texts[1], texts[2], texts[3], expires, entry->secure ? Py_True : Py_False,
            entry->http_only ? Py_True : Py_False, entry->host_only ? Py_True : Py_False);
    for (size_t i = 0; i < RP_ARRAY_LEN(texts); i++)
        Py_XDECREF(texts[i]);
    Py_XDECREF(expires);
    return tuple;
}

/* _cookies(url) -> list: of all that go there, or without a URL of all that there are. */
PyObject *rp_py_cookies_list(PyObject *self, PyObject *url)
{
    struct rp_cookie_jar *jar = jar_of(self);
    PyObject *list;
    struct rp_url parsed;

    if (!jar || (url != Py_None && url_of(url, &parsed) < 0) || !(list = PyList_New(0)))
        return NULL;
    RP_LIST_EACH (it, &jar->entries) {
        const struct rp_cookie_entry *entry = rp_container_of(it, struct rp_cookie_entry, node);
        PyObject *tuple;
        int r;

        if (url != Py_None ? !rp_cookie_goes_to(entry, &parsed, now())
                           : entry->expires && entry->expiry <= now())
            continue;
        tuple = tuple_of(entry);
        r = tuple ? PyList_Append(list, tuple) : -1;
        Py_XDECREF(tuple);
        if (r < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static int check_texts(const struct rp_cookie *cookie)
{
    const char *wrong = NULL;

    if (!rp_cookie_is_name(cookie->name))
        wrong =
            "the name of a cookie is not empty, and has no '=', ';', control character or blank "
            "at its ends";
    else if (!rp_cookie_is_value(cookie->value))
        wrong = "the value of a cookie has no ';', control character or blank at its ends";
    else if (cookie->name.len + cookie->value.len > RP_COOKIE_BYTES_MAX)
        wrong = "name and value of a cookie have at most 4096 bytes";
    else if (cookie->path.len && cookie->path.ptr[0] != '/')
        wrong = "the path of a cookie begins with '/'";
    if (wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    return wrong ? -1 : 0;
}

/* _cookie_set(url, name, value, domain, path, expires, secure, http_only) -> bool */
PyObject *rp_py_cookies_set(PyObject *self, PyObject *args)
{
    PyObject *url, *name, *value, *domain, *path, *expires;
    struct rp_cookie cookie = { .secure = false };
    int secure, http_only, r;
    struct rp_cookie_jar *jar;
    struct rp_url parsed;

    if (!PyArg_ParseTuple(args, "OOOOOOpp", &url, &name, &value, &domain, &path, &expires, &secure,
                          &http_only) ||
        url_of(url, &parsed) < 0 || rp_py_utf8(name, "name", &cookie.name) < 0 ||
        rp_py_utf8(value, "value", &cookie.value) < 0 ||
        (domain != Py_None && rp_py_utf8(domain, "domain", &cookie.domain) < 0) ||
        (path != Py_None && rp_py_utf8(path, "path", &cookie.path) < 0) || check_texts(&cookie) < 0)
        return NULL;
    if (cookie.domain.len && cookie.domain.ptr[0] == '.')
        cookie.domain = rp_slice(cookie.domain.ptr + 1, cookie.domain.len - 1);
    cookie.secure = secure;
    cookie.http_only = http_only;
    cookie.expires = expires != Py_None;
    if (cookie.expires)
        cookie.expiry = PyLong_AsLongLong(expires);
    jar = PyErr_Occurred() ? NULL : jar_of(self);
    if (!jar)
        return NULL;
    r = rp_cookie_jar_store(jar, &parsed, &cookie, now());
    return r < 0 ? PyErr_NoMemory() : PyBool_FromLong(r);
}

/* _cookies_remove(name or None, url or None) -> number: takes out those of that name that go to that
 * URL. */
PyObject *rp_py_cookies_remove(PyObject *self, PyObject *args)
{
    struct rp_cookie_jar *jar = jar_of(self);
    struct rp_slice wanted = { NULL, 0 };
    PyObject *name, *url;
    struct rp_url parsed;
    long count = 0;

    if (!jar || !PyArg_ParseTuple(args, "OO", &name, &url) ||
        (name != Py_None && rp_py_utf8(name, "name", &wanted) < 0) ||
        (url != Py_None && url_of(url, &parsed) < 0))
        return NULL;
    RP_LIST_EACH (it, &jar->entries) {
        struct rp_cookie_entry *entry = rp_container_of(it, struct rp_cookie_entry, node);

        if ((name != Py_None && !rp_slice_eq(entry->name, wanted)) ||
            (url != Py_None && !rp_cookie_goes_to(entry, &parsed, now())))
            continue;
        rp_cookie_jar_remove(jar, entry);
        count++;
    }
    return PyLong_FromLong(count);
}

PyObject *rp_py_http_cookies(PyObject *object, void *unused)
{
    struct py_http *self = (struct py_http *)object;

    if (self->vu && self->vu->engine_vu)
        return PyObject_CallOneArg(self->vu->host->state->make_cookies, object);
    rp_py_vu_refuse("client");
    return NULL;
}

/* ---- of a response --------------------------------------------------------------------------- */

PyObject *rp_py_response_cookies(const struct rp_http_response *response)
{
    PyObject *cookies = PyDict_New();
    struct rp_slice name, value;
    size_t pos = 0;

    while (cookies && rp_http_response_next_field(response, &pos, &name, &value)) {
        PyObject *key, *text;
        struct rp_cookie cookie;

        if (!rp_slice_ieq(name, RP_SLICE("Set-Cookie")) || !rp_cookie_parse(value, now(), &cookie))
            continue;
        key = text_of(cookie.name);
        text = text_of(cookie.value);
        if (!key || !text || PyDict_SetItem(cookies, key, text) < 0)
            Py_CLEAR(cookies);
        Py_XDECREF(key);
        Py_XDECREF(text);
    }
    return cookies;
}
