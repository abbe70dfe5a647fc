/* SPDX-License-Identifier: MIT */

/* Prepared methods of gRPC: see grpc.h. */

#include "base/alloc.h"
#include "python/api/grpc.h"

enum { PAIRS_MAX = 256 };
/* Of the kind of a method in _grpc_channel.py. */
enum { SEVERAL_REQUESTS = 1, SEVERAL_RESPONSES = 2, UNMEASURED = 4, SHARED = 8, BALANCED = 16 };

/* Fills @fields from a list of pairs of str. Returns their number, or -1 with an exception. */
static Py_ssize_t take_pairs(PyObject *list, const char *what, struct rp_header *fields)
{
    Py_ssize_t count = PyList_GET_SIZE(list);

    if (count > PAIRS_MAX) {
        PyErr_Format(PyExc_ValueError, "%s: more than %d pairs", what, PAIRS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(list, i);

        if (rp_py_utf8(PyTuple_GET_ITEM(pair, 0), what, &fields[i].name) < 0 ||
            rp_py_utf8(PyTuple_GET_ITEM(pair, 1), what, &fields[i].value) < 0)
            return -1;
    }
    return count;
}

struct scratch { /* what struct rp_grpc_spec borrows while the method is made */
    struct rp_header metadata[PAIRS_MAX], tags[PAIRS_MAX];
};

/* 0 = none is given; so what is shorter than a nanosecond is one. */
static rp_ns duration(double seconds)
{
    rp_ns time = (rp_ns)(seconds * RP_S);

    return seconds > 0 && !time ? 1 : time;
}

/* @args: see Worker._grpc_method() in _rampa.pyi. */
static int fill_spec(PyObject *args, struct scratch *scratch, struct rp_grpc_spec *spec,
                     bool *ret_is_shared)
{
    PyObject *target, *path, *metadata, *name, *tags;
    int is_gzip, kind, verify;
    Py_ssize_t message_max, count;
    double deadline, keepalive, keepalive_timeout;

    if (!PyArg_ParseTuple(args, "UUO!dpniUO!(izzz)(dd)", &target, &path, &PyList_Type, &metadata,
                          &deadline, &is_gzip, &message_max, &kind, &name, &PyList_Type, &tags,
                          &verify, &spec->tls.ca_file, &spec->tls.cert_file, &spec->tls.key_file,
                          &keepalive, &keepalive_timeout) ||
        rp_py_utf8(target, "target", &spec->target) < 0 ||
        rp_py_utf8(path, "method", &spec->path) < 0 || rp_py_utf8(name, "name", &spec->name) < 0)
        return -1;
    if ((count = take_pairs(metadata, "metadata", scratch->metadata)) < 0)
        return -1;
    spec->metadata = scratch->metadata;
    spec->metadata_count = (size_t)count;
    if ((count = take_pairs(tags, "tags", scratch->tags)) < 0)
        return -1;
    spec->tags = scratch->tags;
    spec->tag_count = (size_t)count;
    spec->deadline = duration(deadline);
    spec->compression = is_gzip ? RP_GRPC_GZIP : RP_GRPC_IDENTITY;
    spec->message_max = (size_t)message_max;
    spec->is_stream = kind & (SEVERAL_REQUESTS | SEVERAL_RESPONSES);
    spec->has_one_response = !(kind & SEVERAL_RESPONSES);
    spec->is_unmeasured = kind & UNMEASURED;
    *ret_is_shared = kind & SHARED;
    spec->is_balanced = kind & BALANCED;
    spec->tls.verify = (enum rp_http_verify)verify;
    spec->keepalive = duration(keepalive);
    spec->keepalive_timeout = duration(keepalive_timeout);
    return 0;
}

PyObject *rp_py_vu_grpc_method(PyObject *object, PyObject *args)
{
    struct py_vu *vu = (struct py_vu *)object;
    struct rp_grpc_spec spec = { .deadline = 0 };
    struct rp_error err = { 0 };
    struct py_grpc_method *self = NULL;
    struct rp_grpc_method *method;
    struct scratch *scratch;
    bool is_shared;
    int r;

    if (rp_py_vu_require(vu) < 0)
        return NULL;
    scratch = rp_alloc(sizeof(*scratch));
    if (!scratch)
        return PyErr_NoMemory();
    if (fill_spec(args, scratch, &spec, &is_shared) < 0) {
        rp_free(scratch);
        return NULL;
    }
    r = rp_grpc_method_new(rp_py_grpc_client(vu->host), &spec, &method, &err);
    rp_free(scratch);
    if (r < 0)
        return rp_py_raise_and_deinit(r, &err);
    self = (struct py_grpc_method *)vu->host->state->grpc_method_type->tp_alloc(
        vu->host->state->grpc_method_type, 0);
    if (self) {
        self->method = method;
        self->is_shared = is_shared;
        self->is_stream = spec.is_stream;
    } else {
        rp_grpc_method_unref(method);
    }
    return (PyObject *)self;
}

static void method_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    rp_grpc_method_unref(((struct py_grpc_method *)object)->method);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot method_slots[] = {
    { Py_tp_dealloc, method_dealloc },
    { 0, NULL },
};

PyType_Spec rp_py_grpc_method_spec = {
    .name = "rampa.GrpcMethod",
    .basicsize = sizeof(struct py_grpc_method),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = method_slots,
};

/* A dict of the host, which is made when it is first asked for. */
static PyObject *dict_of(PyObject *object, PyObject **dict)
{
    if (rp_py_vu_require((struct py_vu *)object) < 0)
        return NULL;
    if (!*dict)
        *dict = PyDict_New();
    return Py_XNewRef(*dict);
}

PyObject *rp_py_vu_grpc_methods(PyObject *object, void *unused)
{
    return dict_of(object, &((struct py_vu *)object)->host->grpc_methods);
}

PyObject *rp_py_vu_grpc_schemas(PyObject *object, void *unused)
{
    return dict_of(object, &((struct py_vu *)object)->host->grpc_schemas);
}
