/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/stream.h - what worker.http.stream() stands on: a request whose body the script takes as
 * it comes. The class that scripts see is python/rampa/_stream.py; here is what it awaits.
 *
 * A BodyStream (stream.c) holds the request. A Read (stream_read.c) is one wait for something of it:
 * its head, bytes, an event. While a Read waits, both hold each other.
 */

#include "http/stream.h"
#include "proto/sse.h"
#include "python/api/api_internal.h"

enum { RP_PY_EVENT_MAX = 16 << 20 }; /* bytes of an event */

enum py_read_kind { PY_READ_HEAD, PY_READ_BYTES, PY_READ_EVENT };

struct py_read {
    struct py_op op;
    struct py_stream *stream; /* strong */
    enum py_read_kind kind;
};

struct py_stream {
    PyObject_HEAD struct rp_pystate *state;
    struct py_vu *vu;             /* strong */
    struct py_response *response; /* strong */
    struct rp_http_stream stream;
    struct py_read *reading; /* the one that waits, strong; or NULL */
    struct rp_list node;     /* of host->streams, while the request is under way */
    bool is_started, raise_errors;
    bool is_cut; /* the script has left it before the body had ended */
    bool has_sse;
    struct rp_sse sse;
    struct rp_http_events events;
    struct py_upload *upload; /* NULL: the request's body is the template's */
    PyObject *failure;        /* what has kept that body from its end, or NULL */
    bool has_told;            /* a Read has raised it */
};

/* Starts the request. -1 with an exception. */
int rp_py_stream_begin(struct py_stream *self);
/* Ends the request if it is under way. @gave_up: the script has waited for it long enough. */
void rp_py_stream_leave(struct py_stream *self, bool gave_up);

PyObject *rp_py_read_new(struct py_stream *stream, enum py_read_kind kind);
/* Ends the Read that waits, if there is what it waits for. It may free the stream. */
void rp_py_read_wake(struct py_stream *stream);
