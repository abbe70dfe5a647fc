/* SPDX-License-Identifier: MIT */

/*
 * An operation does not know who drives it: it yields itself. drive.c recognises the type and parks
 * the VU on it; an asyncio Task sees a foreign future (_asyncio_future_blocking) and adds a
 * callback. From Python 3.12 on the interpreter resumes C awaitables by tp_iternext instead of
 * am_send: both are here.
 */

#include "python/drive/docs.h"
#include "python/drive/drive.h"

static inline int start_new(struct py_op *op)
{
    op->op_state = PY_OP_RUNNING;
    if (rp_py_require_here(op->host, "what rampa waits for must be awaited") == 0 &&
        op->kind->start(op) == 0)
        return 0;
    op->op_state = PY_OP_CANCELLED;
    return -1;
}

static PyObject *cancelled_error(struct py_op *op)
{
    return PyObject_CallNoArgs(op->host->state->asyncio_cancelled);
}

/* The result of a finished operation (new reference), or NULL with its exception set. */
static PyObject *take_result(struct py_op *op)
{
    if (op->failed) {
        PyErr_SetObject((PyObject *)Py_TYPE(op->outcome), op->outcome);
        return NULL;
    }
    if (op->op_state == PY_OP_CANCELLED) {
        PyErr_SetNone(op->host->state->asyncio_cancelled);
        return NULL;
    }
    return Py_NewRef(op->outcome);
}

static bool is_finished(const struct py_op *op)
{
    return op->op_state >= PY_OP_DONE;
}

PyObject *rp_py_op_await(PyObject *self)
{
    return Py_NewRef(self);
}

PySendResult rp_py_op_send(PyObject *self, PyObject *arg, PyObject **result)
{
    struct py_op *op = (struct py_op *)self;

    if (is_finished(op)) {
        *result = take_result(op);
        return *result ? PYGEN_RETURN : PYGEN_ERROR;
    }
    if (op->op_state == PY_OP_NEW) {
        if (start_new(op) < 0) {
            *result = NULL;
            return PYGEN_ERROR;
        }
        if (RP_UNLIKELY(is_finished(op))) { /* there was nothing to wait for */
            *result = take_result(op);
            return *result ? PYGEN_RETURN : PYGEN_ERROR;
        }
    }
    if (RP_UNLIKELY(
            op->blocking)) { /* as asyncio's futures do: a for loop over the operation would never end */
        PyErr_SetString(PyExc_RuntimeError, "what rampa waits for must be awaited, not iterated");
        *result = NULL;
        return PYGEN_ERROR;
    }
    op->blocking = true;
    *result = Py_NewRef(self);
    return PYGEN_NEXT;
}

PyObject *rp_py_op_iternext(PyObject *self)
{
    PyObject *result, *stop;

    switch (rp_py_op_send(self, Py_None, &result)) {
    case PYGEN_NEXT:
        return result;
    case PYGEN_ERROR:
        return NULL;
    default:
        break;
    }
    if (result == Py_None) {
        Py_DECREF(result);
        return NULL; /* NULL without an exception means None */
    }
    /* The exception is made here, for PyErr_SetObject() would unpack a result that is a tuple. */
    stop = PyObject_CallOneArg(PyExc_StopIteration, result);
    Py_DECREF(result);
    if (stop) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    return NULL;
}

/* ---- finishing ------------------------------------------------------------------------------- */

static void call_soon(struct py_op *op, PyObject *callback, PyObject *context)
{
    if (rp_py_call_soon(op->host, callback, (PyObject *)op, context) < 0)
        PyErr_WriteUnraisable(callback);
}

void rp_py_op_run_callbacks(struct py_op *op)
{
    PyObject *callbacks = op->callbacks;

    if (!callbacks)
        return;
    op->callbacks = NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks); i++) {
        PyObject *pair = PyList_GET_ITEM(callbacks, i);

        call_soon(op, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(callbacks);
}

void rp_py_op_finish(struct py_op *op, PyObject *result, PyObject *exception)
{
    struct py_vu *waiter = op->waiter;

    op->op_state = PY_OP_DONE;
    op->outcome = result ? result : exception;
    op->failed = exception != NULL;
    op->waiter = NULL;
    if (op->callbacks)
        rp_py_op_run_callbacks(op);
    if (waiter)
        rp_py_step(waiter, NULL);
}

bool rp_py_op_cancel(struct py_op *op)
{
    if (is_finished(op))
        return false;
    Py_INCREF(op); /* what it waits for may have the last reference, and drops that */
    if (op->op_state == PY_OP_RUNNING)
        op->kind->cancel(op);
    op->op_state = PY_OP_CANCELLED;
    rp_py_op_run_callbacks(op);
    Py_DECREF(op);
    return true;
}

/* ---- future-like ----------------------------------------------------------------------------- */

/* Takes what add_done_callback() is given: a function, and a context by name. -1 with an
 * exception. */
static int parse_callback(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                          PyObject **ret_fn, PyObject **ret_context)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    *ret_fn = nargs == 1 ? args[0] : NULL;
    *ret_context = NULL;
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        PyObject **slot = NULL;

        if (PyUnicode_CompareWithASCIIString(name, "context") == 0)
            slot = ret_context;
        else if (PyUnicode_CompareWithASCIIString(name, "fn") == 0)
            slot = ret_fn;
        if (!slot || *slot) {
            PyErr_Format(PyExc_TypeError, "add_done_callback() takes no argument '%U' here", name);
            return -1;
        }
        *slot = args[nargs + i];
    }
    if (nargs <= 1 && *ret_fn)
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "add_done_callback() takes one argument by position, the function to be called, "
                 "and %zd were given",
                 nargs);
    return -1;
}

static PyObject *op_add_done_callback(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                      PyObject *kwnames)
{
    struct py_op *op = (struct py_op *)self;
    PyObject *fn, *context, *pair;

    if (parse_callback(args, nargs, kwnames, &fn, &context) < 0)
        return NULL;
    context = !context || context == Py_None ? PyContext_CopyCurrent() : Py_NewRef(context);
    if (!context)
        return NULL;
    if (op->op_state == PY_OP_NEW && start_new(op) < 0) {
        Py_DECREF(context);
        return NULL;
    }
    if (is_finished(op)) {
        call_soon(op, fn, context);
        Py_DECREF(context);
        Py_RETURN_NONE;
    }
    if (op->kind->called_back)
        op->kind->called_back(op);
    pair = PyTuple_Pack(2, fn, context);
    Py_DECREF(context);
    if (!op->callbacks)
        op->callbacks = PyList_New(0);
    if (!pair || !op->callbacks || PyList_Append(op->callbacks, pair) < 0) {
        Py_XDECREF(pair);
        return NULL;
    }
    Py_DECREF(pair);
    Py_RETURN_NONE;
}

static PyObject *op_remove_done_callback(PyObject *self, PyObject *fn)
{
    struct py_op *op = (struct py_op *)self;
    PyObject *kept = op->callbacks ? PyList_New(0) : NULL;
    Py_ssize_t i = 0, removed = 0;

    if (!op->callbacks)
        return PyLong_FromLong(0);
    /* The comparison is code of the script, which may do anything to the list. */
    for (; kept && op->callbacks && i < PyList_GET_SIZE(op->callbacks); i++) {
        PyObject *pair = Py_NewRef(PyList_GET_ITEM(op->callbacks, i));
        int equal = PyObject_RichCompareBool(PyTuple_GET_ITEM(pair, 0), fn, Py_EQ);

        if (equal < 0 || (!equal && PyList_Append(kept, pair) < 0))
            Py_CLEAR(kept);
        removed += equal > 0;
        Py_DECREF(pair);
    }
    if (!kept)
        return NULL;
    if (removed && op->callbacks && i == PyList_GET_SIZE(op->callbacks))
        Py_SETREF(op->callbacks, Py_NewRef(kept));
    Py_DECREF(kept);
    return PyLong_FromSsize_t(removed);
}

static PyObject *op_done(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(is_finished((struct py_op *)self));
}

static PyObject *op_cancelled(PyObject *self, PyObject *unused)
{
    struct py_op *op = (struct py_op *)self;

    return PyBool_FromLong(op->op_state == PY_OP_CANCELLED);
}

static int require_finished(struct py_op *op)
{
    PyObject *asyncio, *error;

    if (is_finished(op))
        return 0;
    asyncio = PyImport_ImportModule("asyncio");
    error = asyncio ? PyObject_GetAttrString(asyncio, "InvalidStateError") : NULL;
    if (error)
        PyErr_SetString(error, "Result is not set.");
    Py_XDECREF(error);
    Py_XDECREF(asyncio);
    return -1;
}

static PyObject *op_result(PyObject *self, PyObject *unused)
{
    struct py_op *op = (struct py_op *)self;

    return require_finished(op) < 0 ? NULL : take_result(op);
}

static PyObject *op_exception(PyObject *self, PyObject *unused)
{
    struct py_op *op = (struct py_op *)self;

    if (require_finished(op) < 0)
        return NULL;
    if (op->op_state == PY_OP_CANCELLED)
        return take_result(op);
    return Py_NewRef(op->failed ? op->outcome : Py_None);
}

static int require_here_to_cancel(struct py_op *op)
{
    return op->op_state != PY_OP_RUNNING
               ? 0
               : rp_py_require_here(op->host, "what rampa waits for must be cancelled");
}

static PyObject *op_cancel(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char msg_name[] = "msg";
    static char *names[] = { msg_name, NULL };
    struct py_op *op = (struct py_op *)self;
    struct py_vu *waiter = op->waiter;
    PyObject *message = NULL;
    int was_running;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &message))
        return NULL;
    if (require_here_to_cancel(op) < 0)
        return NULL;
    /* The VU that waits sees the CancelledError, as an asyncio task would. */
    was_running = waiter ? rp_py_vu_throw_cancelled(waiter) : rp_py_op_cancel(op);
    return was_running < 0 ? NULL : PyBool_FromLong(was_running);
}

static PyObject *op_get_loop(PyObject *self, PyObject *unused)
{
    PyObject *loop = ((struct py_op *)self)->host->aio.loop;

    return Py_NewRef(loop ? loop : Py_None);
}

static PyObject *op_make_cancelled_error(PyObject *self, PyObject *unused)
{
    return cancelled_error((struct py_op *)self);
}

/* send(), throw() and close() are those of a coroutine, so that create_task(worker.http.get(url))
 * works. */
static PyObject *op_coroutine_send(PyObject *self, PyObject *arg)
{
    PyObject *result;

    /* s = worker.ws.connect(url), without await, and then s.send("x") */
    if (arg != Py_None) {
        PyErr_Format(PyExc_TypeError,
                     "%s is what rampa waits for, which takes no value: await it first, and use "
                     "what that gives",
                     Py_TYPE(self)->tp_name);
        return NULL;
    }
    result = rp_py_op_iternext(self);
    if (!result && !PyErr_Occurred())
        PyErr_SetNone(PyExc_StopIteration);
    return result;
}

/* Whoever has driven the operation gives it up. */
static int cancel_unless_shared(struct py_op *op)
{
    if (op->waiter || op->callbacks)
        return 0;
    if (require_here_to_cancel(op) < 0)
        return -1;
    rp_py_op_cancel(op);
    return 0;
}

static PyObject *op_coroutine_throw(PyObject *self, PyObject *args)
{
    struct py_op *op = (struct py_op *)self;
    PyObject *type, *value = NULL, *traceback = NULL;

    if (!PyArg_ParseTuple(args, "O|OO", &type, &value, &traceback))
        return NULL;
    if (cancel_unless_shared(op) < 0)
        return NULL;
    if (PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else if (PyExceptionClass_Check(type))
        PyErr_SetObject(type, value ? value : Py_None);
    else
        PyErr_Format(PyExc_TypeError, "throw() takes an exception, not %.100s",
                     Py_TYPE(type)->tp_name);
    return NULL;
}

static PyObject *op_coroutine_close(PyObject *self, PyObject *unused)
{
    if (cancel_unless_shared((struct py_op *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyMethodDef rp_py_op_methods[] = {
    { "add_done_callback", (PyCFunction)(void (*)(void))op_add_done_callback,
      METH_FASTCALL | METH_KEYWORDS, RP_DOC_OP_ADD_DONE_CALLBACK },
    { "remove_done_callback", op_remove_done_callback, METH_O, RP_DOC_OP_REMOVE_DONE_CALLBACK },
    { "done", op_done, METH_NOARGS, RP_DOC_OP_DONE },
    { "cancelled", op_cancelled, METH_NOARGS, RP_DOC_OP_CANCELLED },
    { "result", op_result, METH_NOARGS, RP_DOC_OP_RESULT },
    { "exception", op_exception, METH_NOARGS, RP_DOC_OP_EXCEPTION },
    { "cancel", (PyCFunction)(void (*)(void))op_cancel, METH_VARARGS | METH_KEYWORDS,
      RP_DOC_OP_CANCEL },
    { "get_loop", op_get_loop, METH_NOARGS, RP_DOC_OP_GET_LOOP },
    { "_make_cancelled_error", op_make_cancelled_error, METH_NOARGS, NULL },
    { "send", op_coroutine_send, METH_O, RP_DOC_OP_SEND },
    { "throw", op_coroutine_throw, METH_VARARGS, RP_DOC_OP_THROW },
    { "close", op_coroutine_close, METH_NOARGS, RP_DOC_OP_CLOSE },
    { NULL, NULL, 0, NULL },
};

static PyObject *get_blocking(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct py_op *)self)->blocking);
}

static int set_blocking(PyObject *self, PyObject *value, void *unused)
{
    int truth = value ? PyObject_IsTrue(value) : 0;

    if (truth < 0)
        return -1;
    ((struct py_op *)self)->blocking = truth;
    return 0;
}

/* gather() asks a cancelled future for its message. */
static PyObject *get_cancel_message(PyObject *self, void *unused)
{
    Py_RETURN_NONE;
}

PyGetSetDef rp_py_op_getset[] = {
    { "_cancel_message", get_cancel_message, NULL, NULL, NULL },
    { "_asyncio_future_blocking", get_blocking, set_blocking, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

int rp_py_op_traverse(struct py_op *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(op->host);
    Py_VISIT(op->callbacks);
    Py_VISIT(op->outcome);
    return 0;
}

/* The host stays until the operation is freed: a cleared one may still be asked for its state. */
void rp_py_op_clear(struct py_op *op)
{
    Py_CLEAR(op->callbacks);
    if (!op->outcome)
        return;
    op->failed = false;
    Py_SETREF(op->outcome, Py_NewRef(Py_None));
}

void rp_py_op_deinit(struct py_op *op)
{
    Py_CLEAR(op->callbacks);
    Py_CLEAR(op->outcome);
    Py_CLEAR(op->host);
    op->failed = false;
}

void rp_py_warn_never_awaited(struct py_host *host, const char *text)
{
    PyObject *type, *value, *traceback;

    /* An iteration that is interrupted has not forgotten the await: it did not come to it. */
    if (!host || !host->hooks || !host->worker ||
        PyThread_get_thread_ident() != host->loop_thread || host->is_over || host->is_cut_short ||
        (host->stepping && host->stepping->interrupting))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    rp_py_tell(host, PY_HOOK_NOT_AWAITED, text);
    PyErr_Restore(type, value, traceback);
}

void rp_py_op_warn_never_awaited(struct py_op *op, const char *text)
{
    rp_py_warn_never_awaited(op->host, text);
}

void rp_py_op_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    rp_py_op_deinit((struct py_op *)self);
    type->tp_free(self);
    Py_DECREF(type);
}
