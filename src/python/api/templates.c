/* SPDX-License-Identifier: MIT */

#include "python/api/templates.h"

#include <errno.h>

#include "base/alloc.h"
#include "python/api/api.h"

const char *const rp_py_plain_methods[RP_PY_PLAIN_METHODS] = { "GET", "HEAD", "DELETE", "OPTIONS" };

PyObject *rp_py_url_text(PyObject *url)
{
    const char *name, *dot;

    if (RP_LIKELY(PyUnicode_Check(url)))
        return Py_NewRef(url);
    name = Py_TYPE(url)->tp_name;
    dot = strrchr(name, '.');
    if (strcmp(dot ? dot + 1 : name, "URL") == 0)
        return PyObject_Str(url);
    return PyErr_Format(PyExc_TypeError, "url must be a str, or a URL of yarl's, not %.100s", name);
}

static struct py_template *prepare(struct py_host *host, const char *method, PyObject *url)
{
    PyTypeObject *type = host->state->template_type;
    struct rp_http_spec spec = { .method = rp_slice_str(method) };
    struct rp_error err = { 0 };
    struct py_template *template;
    int r;

    if (rp_py_utf8(url, "url", &spec.url) < 0)
        return NULL;
    template = (struct py_template *)type->tp_alloc(type, 0);
    if (!template)
        return NULL;
    r = rp_http_template_new(host->http, &spec, &template->template, &err);
    if (r < 0) {
        Py_DECREF(template);
        return (struct py_template *)rp_py_raise_and_deinit(r, &err);
    }
    return template;
}

/* @url is a str. */
static struct py_template *find(struct py_host *host, int method, PyObject *url)
{
    PyObject *known = host->templates->by_text[method];
    struct py_template *template;

    template = (struct py_template *)PyDict_GetItemWithError(known, url);
    if (template || PyErr_Occurred())
        return (struct py_template *)Py_XNewRef(template);
    template = prepare(host, rp_py_plain_methods[method], url);
    if (!template)
        return NULL;
    if (PyDict_GET_SIZE(known) >= RP_PY_TEMPLATES_MAX)
        PyDict_Clear(known);
    if (PyDict_SetItem(known, url, (PyObject *)template) < 0)
        Py_CLEAR(template);
    return template;
}

struct py_template *rp_py_template_find(struct py_host *host, int method, PyObject *url)
{
    PyObject *text = rp_py_url_text(url);
    struct py_template *template = text ? find(host, method, text) : NULL;

    Py_XDECREF(text);
    return template;
}

struct py_template *rp_py_template_find_get(struct py_host *host, PyObject *url)
{
    struct template_slot *slot =
        &host->templates->slots[((uintptr_t)url >> 4) % RP_PY_TEMPLATE_SLOTS];
    struct py_template *template;
    PyObject *old;

    if (RP_LIKELY(slot->url == url))
        return slot->template;
    template = rp_py_template_find(host, 0, url);
    if (!template)
        return NULL;
    old = slot->url;
    Py_XSETREF(slot->template, template);
    slot->url = Py_NewRef(url);
    Py_XDECREF(
        old); /* last: the URL may be of a class of the script's own, whose end may make a request */
    return slot->url == url ? slot->template : rp_py_template_find_get(host, url);
}

int rp_py_templates_new(struct py_host *host)
{
    struct py_templates *self = host->templates = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    for (size_t i = 0; i < RP_ARRAY_LEN(self->by_text); i++)
        if (!(self->by_text[i] = PyDict_New()))
            return -ENOMEM;
    return 0;
}

void rp_py_templates_free(struct py_host *host)
{
    struct py_templates *self = host->templates;

    if (!self)
        return;
    for (size_t i = 0; i < RP_ARRAY_LEN(self->by_text); i++)
        Py_CLEAR(self->by_text[i]);
    for (size_t i = 0; i < RP_PY_TEMPLATE_SLOTS; i++) {
        Py_CLEAR(self->slots[i].url);
        Py_CLEAR(self->slots[i].template);
    }
    host->templates = NULL;
    rp_free(self);
}

static void template_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    rp_http_template_unref(((struct py_template *)object)->template);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot template_slots_spec[] = {
    { Py_tp_dealloc, template_dealloc },
    { 0, NULL },
};

PyType_Spec rp_py_template_spec = {
    .name = "_rampa.Template",
    .basicsize = sizeof(struct py_template),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = template_slots_spec,
};
