/* SPDX-License-Identifier: MIT */

/*
 * Bodies of requests that are not whole bytes: pieces of memory and of files, or what an async
 * iterator gives (python/rampa/_upload.py feeds it).
 */

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "python/api/stream.h"

enum {
    FEED_MAX = 256 * 1024
}; /* bytes that wait to be sent before the iterator is asked for more */

/* ---- pieces ----------------------------------------------------------------------------------- */

/* @piece: bytes, or a tuple (descriptor, offset, size). */
static int take_piece(PyObject *piece, struct rp_http_part *part)
{
    long long offset, size;
    int fd;

    if (PyBytes_Check(piece)) {
        part->data = PyBytes_AS_STRING(piece);
        part->len = (uint64_t)PyBytes_GET_SIZE(piece);
        return 0;
    }
    if (!PyArg_ParseTuple(piece, "iLL", &fd, &offset, &size))
        return -1;
    part->offset = (off_t)offset;
    part->len = (uint64_t)size;
    part->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the script may close its own */
    if (part->fd >= 0)
        return 0;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

static int take_pieces(struct py_upload *upload, PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);

    if (rp_http_parts_new((size_t)count, &upload->parts) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    upload->pieces = Py_NewRef(list);
    for (Py_ssize_t i = 0; i < count; i++)
        if (take_piece(PyList_GET_ITEM(list, i), &upload->parts->parts[i]) < 0)
            return -1;
    upload->body = &upload->parts->body;
    return 0;
}

/* ---- what is fed ------------------------------------------------------------------------------ */

static int feed_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct py_upload *self = rp_container_of(body, struct py_upload, feed);

    Py_CLEAR(self->sent);
    if (PyList_GET_SIZE(self->pieces) == 0) {
        if (self->is_ended)
            return 0;
        return -EAGAIN;
    }
    self->is_begun = true;
    self->sent = Py_NewRef(PyList_GET_ITEM(self->pieces, 0));
    if (PyList_SetSlice(self->pieces, 0, 1, NULL) < 0) {
        PyErr_Clear();
        return -ENOMEM;
    }
    *ret = rp_slice(PyBytes_AS_STRING(self->sent), (size_t)PyBytes_GET_SIZE(self->sent));
    self->waiting -= ret->len;
    if (self->on_drain && self->waiting < FEED_MAX / 2)
        rp_loop_defer(self->host->loop, &self->task, self->drained);
    return 0;
}

static void drained(struct rp_task *task)
{
    struct py_upload *self = rp_container_of(task, struct py_upload, task);
    PyObject *done = self->on_drain ? PyObject_CallNoArgs(self->on_drain) : NULL;

    if (self->on_drain && !done)
        PyErr_WriteUnraisable(self->on_drain);
    Py_XDECREF(done);
}

static int feed_rewind(struct rp_http_body *body)
{
    return rp_container_of(body, struct py_upload, feed)->is_begun ? -ESPIPE : 0;
}

static const struct rp_http_body_ops feed_ops = { .next = feed_next, .rewind = feed_rewind };

/* ---- life ------------------------------------------------------------------------------------- */

struct py_upload *rp_py_upload_new(struct py_host *host, PyObject *body)
{
    struct py_upload *upload = rp_calloc(1, sizeof(*upload));

    if (!upload) {
        PyErr_NoMemory();
        return NULL;
    }
    upload->host = host;
    if (PyList_Check(body)) {
        if (take_pieces(upload, body) == 0)
            return upload;
    } else {
        upload->feed.ops = &feed_ops;
        upload->body = &upload->feed;
        upload->drained = drained;
        upload->pieces = PyList_New(0);
        if (upload->pieces)
            return upload;
    }
    rp_py_upload_free(upload);
    return NULL;
}

void rp_py_upload_free(struct py_upload *upload)
{
    if (!upload)
        return;
    rp_task_cancel(&upload->task);
    rp_http_parts_free(upload->parts);
    Py_CLEAR(upload->pieces);
    Py_CLEAR(upload->sent);
    Py_CLEAR(upload->on_drain);
    rp_free(upload);
}

void rp_py_upload_wake(struct py_upload *upload)
{
    if (upload && upload->on_drain)
        rp_loop_defer(upload->host->loop, &upload->task, upload->drained);
}

struct fed {
    struct py_upload *upload; /* or NULL */
    struct rp_http_call *call;
    bool is_wanted; /* more of the body */
};

static struct fed fed_of_request(struct py_request *request)
{
    return (struct fed){ request->upload, &request->call, request->op.op_state < PY_OP_DONE };
}

static struct fed fed_of_stream(struct py_stream *self)
{
    struct rp_http_stream *stream = &self->stream;
    bool has_stopped = stream->has_head && rp_http_has_stopped(&stream->call);

    return (struct fed){ self->upload, &stream->call,
                         !stream->has_ended && !self->failure && !has_stopped };
}

/* 0, or -1 with an exception. */
static int fed_of(PyObject *client, PyObject *object, struct fed *ret)
{
    const struct py_vu *vu = ((struct py_http *)client)->vu;

    *ret = (struct fed){ NULL, NULL, false };
    if (vu && PyObject_TypeCheck(object, vu->host->state->request_type))
        *ret = fed_of_request((struct py_request *)object);
    else if (vu && Py_IS_TYPE(object, vu->host->state->stream_type))
        *ret = fed_of_stream((struct py_stream *)object);
    if (ret->upload && ret->upload->body == &ret->upload->feed)
        return 0;
    PyErr_SetString(PyExc_TypeError, "a request with a body that is fed is expected");
    return -1;
}

/* _feed(request, bytes or None at the end) -> whether it is enough for now; None: nothing more is
 * wanted */
PyObject *rp_py_http_feed(PyObject *self, PyObject *args)
{
    PyObject *object, *chunk;
    struct py_upload *upload;
    struct fed fed;

    if (!PyArg_ParseTuple(args, "OO", &object, &chunk) || fed_of(self, object, &fed) < 0)
        return NULL;
    if (!fed.is_wanted)
        Py_RETURN_NONE;
    upload = fed.upload;
    if (chunk == Py_None) {
        upload->is_ended = true;
    } else if (!PyBytes_Check(chunk)) {
        return PyErr_Format(PyExc_TypeError, "data: bytes are expected, not %.100s",
                            Py_TYPE(chunk)->tp_name);
    } else if (PyBytes_GET_SIZE(chunk) > 0) {
        if (PyList_Append(upload->pieces, chunk) < 0)
            return NULL;
        upload->waiting += (size_t)PyBytes_GET_SIZE(chunk);
    }
    rp_http_body_ready(fed.call);
    return PyBool_FromLong(upload->waiting >= FEED_MAX);
}

/* _on_drain(request, function): it is called when more is wanted, or nothing any more. */
PyObject *rp_py_http_on_drain(PyObject *self, PyObject *args)
{
    PyObject *object, *function;
    struct fed fed;

    if (!PyArg_ParseTuple(args, "OO", &object, &function) || fed_of(self, object, &fed) < 0)
        return NULL;
    Py_XSETREF(fed.upload->on_drain, Py_NewRef(function));
    Py_RETURN_NONE;
}
