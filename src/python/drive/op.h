/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/op.h - operations: what a scenario awaits.
 *
 * An operation is an iterator that yields itself, and whoever drives it decides what that means. It
 * is like a future, so that asyncio's tasks and gather() can wait for it. It starts when it is
 * first driven and not when it is made. It ends in finish() or in cancel(), once.
 */

#include "python/drive/vu.h"

enum py_op_state { PY_OP_NEW, PY_OP_RUNNING, PY_OP_DONE, PY_OP_CANCELLED };

/* The common beginning of every operation's object. A VU at rest has one: every word of it
 * counts. */
struct py_op {
    PyObject_HEAD struct py_host *host; /* strong */
    union {
        struct py_vu *waiter;     /* the VU that is parked on it; borrowed, it holds us */
        struct py_op *next_spare; /* of a spare */
    };
    PyObject *callbacks; /* list of (callable, context), or NULL */
    PyObject *outcome;   /* when done: the result or, when failed, the exception */
    const struct py_op_kind *kind;
    uint8_t op_state; /* enum py_op_state */
    bool failed;
    bool blocking;     /* asyncio's _asyncio_future_blocking */
    bool is_scheduled; /* of a pause: in asyncio's heap of timers */
};

struct py_op_kind {
    /* 0, or -1 with an exception set. It may finish the operation at once. */
    int (*start)(struct py_op *op);
    void (*cancel)(struct py_op *op);      /* of a running one: nothing of it happens afterwards */
    void (*called_back)(struct py_op *op); /* it is given a callback; or NULL */
};

/* Done: @result or @exception (either stolen, one NULL). Resumes the waiter at once, callbacks by
 * call_soon(). */
void rp_py_op_finish(struct py_op *op, PyObject *result, PyObject *exception);
/* Whether it was not over before. Its waiter must be taken care of by the caller. */
bool rp_py_op_cancel(struct py_op *op);
void rp_py_op_run_callbacks(struct py_op *op); /* of one that is done or cancelled */

/* For deallocators of what is new still: tells of a forgotten await. @text is what the place is
 * added to. */
void rp_py_op_warn_never_awaited(struct py_op *op, const char *text);
/* The same of what is no operation: @host may be NULL, as that of an operation. */
void rp_py_warn_never_awaited(struct py_host *host, const char *text);

/* Slots and tables of the types. */
extern PyMethodDef rp_py_op_methods[];
extern PyGetSetDef rp_py_op_getset[];
PyObject *rp_py_op_await(PyObject *self);
PySendResult rp_py_op_send(PyObject *self, PyObject *arg, PyObject **result);
PyObject *rp_py_op_iternext(PyObject *self);
int rp_py_op_traverse(struct py_op *op, visitproc visit, void *arg);
void rp_py_op_clear(struct py_op *op);
void rp_py_op_deinit(struct py_op *op);
void rp_py_op_dealloc(PyObject *self); /* of types that the garbage collector does not track */

/* op_spares.c, for types that it does track: an operation whose memory may be that of an earlier one of the same
 * type. All of it is zeroed but for the head of the object. NULL with an exception. */
struct py_op *rp_py_op_take(struct py_spares *spares, PyTypeObject *type);
/* Ends its deallocator: nothing is held any more, and the collector does not track it. */
void rp_py_op_give_back(struct py_spares *spares, struct py_op *op);
void rp_py_spares_clear(struct py_spares *spares);

static inline bool rp_py_is_op(const struct rp_pystate *state, PyObject *object)
{
    return Py_IS_TYPE(object, state->request_type) || Py_IS_TYPE(object, state->sleep_type) ||
           Py_IS_TYPE(object, state->pause_type) || Py_IS_TYPE(object, state->read_type) ||
           Py_IS_TYPE(object, state->future_request_type) || Py_IS_TYPE(object, state->wait_type) ||
           Py_IS_TYPE(object, state->connect_type) || Py_IS_TYPE(object, state->grpc_wait_type);
}
