/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/grpc.h - what worker.grpc stands on: prepared methods and calls of them. The classes that
 * scripts see are in python/rampa/grpc.py; here is what they await.
 *
 * A GrpcMethod (grpc_method.c) is prepared once. A GrpcCall (grpc.c) is one call. A GrpcWait
 * (grpc_wait.c) is one wait for something of it: the result of a call with one response, the head of
 * the answer, a message, room to send.
 *
 * While a GrpcWait waits, it and the call hold each other, and the collector is not told that the
 * call holds the wait: a wait that has nothing but a callback must not be freed before it ends. A
 * call that nobody holds and nobody waits for is ended.
 */

#include "grpc/grpc.h"
#include "python/api/api_internal.h"

struct py_grpc_method { /* without a reference to the run: it is of no use when that is over */
    PyObject_HEAD struct rp_grpc_method *method;
    bool is_shared; /* its calls go over the connection that all VUs have in common */
    bool is_stream; /* it has several requests or several responses */
};

enum py_grpc_wait_kind {
    PY_GRPC_RESULT,  /* starts the call; its answer is what finish(call, message or None) makes */
    PY_GRPC_HEAD,    /* None */
    PY_GRPC_RECEIVE, /* bytes, or None at the end */
    PY_GRPC_ROOM,    /* None: there is room to send, or the call has ended */
    PY_GRPC_WAIT_KINDS
};

struct py_grpc_wait {
    struct py_op op;
    struct py_grpc *grpc; /* strong */
    enum py_grpc_wait_kind kind;
};

struct py_grpc {
    PyObject_HEAD struct rp_pystate *state;
    struct py_vu *vu; /* strong */
    PyObject *schema; /* what Python reads responses by, or None */
    struct rp_grpc_call call;
    bool has_result;                                /* it was asked for */
    struct py_grpc_wait *waits[PY_GRPC_WAIT_KINDS]; /* those that wait, strong; or NULL */
    struct rp_list node;                            /* of host->grpc_calls, while it is under way */
    bool is_started, is_shared, is_stream;
};

/* The client of a run, which is not over. */
static inline struct rp_grpc_client *rp_py_grpc_client(const struct py_host *host)
{
    return host->clients->client[RP_CLIENT_GRPC];
}

/* Starts the call. -1 with an exception. */
int rp_py_grpc_begin(struct py_grpc *self);
/* Ends the call if it is under way. @gave_up: the script has waited for it long enough. */
void rp_py_grpc_leave_call(struct py_grpc *self, bool gave_up);

PyObject *rp_py_grpc_wait_new(struct py_grpc *grpc, enum py_grpc_wait_kind kind);
/* Ends the waits for which there is something. It may free the call. */
void rp_py_grpc_wake(struct py_grpc *grpc);
/* Of a call that has ended without a word to them. The caller holds the call. */
void rp_py_grpc_cancel_waits(struct py_grpc *grpc);

/* Methods and attributes of Worker. */
PyObject *rp_py_vu_grpc(PyObject *self, void *unused);
PyObject *rp_py_vu_grpc_methods(PyObject *self, void *unused);
PyObject *rp_py_vu_grpc_schemas(PyObject *self, void *unused);
PyObject *rp_py_vu_grpc_method(PyObject *self, PyObject *args);
PyObject *rp_py_vu_grpc_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
