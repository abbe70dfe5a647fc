/* SPDX-License-Identifier: MIT */

/*
 * call_soon() of a worker's own loop returns a Handle of asyncio's that C makes and runs. Every
 * step of a task and every wake-up goes through both. Handles stand in the loop's one queue with
 * all others, so that the order is asyncio's. The handle of a VU's wake-up enters no context, for a
 * step enters the VU's own.
 *
 * The fields of a Handle are slots, private to asyncio. asyncio's own call_soon() does the work
 * when they are not those that we know, in debug mode, and when the loop is closed.
 */

#include <stddef.h>

#include "python/drive/host.h"

/* ---- the fields of a Handle ------------------------------------------------------------------ */

static PyObject **field(PyObject *handle, Py_ssize_t offset)
{
    return (PyObject **)((char *)handle + offset);
}

struct known_field {
    const char *name;
    size_t offset; /* in struct py_handles */
};

static const struct known_field known[] = {
    { "_callback", offsetof(struct py_handles, callback) },
    { "_args", offsetof(struct py_handles, args) },
    { "_cancelled", offsetof(struct py_handles, cancelled) },
    { "_loop", offsetof(struct py_handles, loop) },
    { "_source_traceback", offsetof(struct py_handles, source_traceback) },
    { "_repr", offsetof(struct py_handles, repr) },
    { "_context", offsetof(struct py_handles, context) },
};

static bool is_slot(PyObject *descriptor)
{
    return Py_IS_TYPE(descriptor, &PyMemberDescr_Type) &&
           ((PyMemberDescrObject *)descriptor)->d_member->type == T_OBJECT_EX;
}

static bool find_field(PyObject *handle_class, struct py_handles *handles,
                       const struct known_field *known_field)
{
    PyObject *descriptor = PyObject_GetAttrString(handle_class, known_field->name);
    bool found = descriptor && is_slot(descriptor);

    if (found)
        *(Py_ssize_t *)((char *)handles + known_field->offset) =
            ((PyMemberDescrObject *)descriptor)->d_member->offset;
    Py_XDECREF(descriptor);
    return found;
}

/* Whether a Handle has just the known fields, and one more that makes it weakly referable. */
static bool find_fields(PyObject *handle_class, struct py_handles *handles)
{
    PyObject *slots = PyObject_GetAttrString(handle_class, "__slots__");
    bool found = slots && PyTuple_Check(slots) &&
                 PyTuple_GET_SIZE(slots) == (Py_ssize_t)RP_ARRAY_LEN(known) + 1;

    Py_XDECREF(slots);
    for (size_t i = 0; found && i < RP_ARRAY_LEN(known); i++)
        found = find_field(handle_class, handles, &known[i]);
    PyErr_Clear();
    return found;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool is_wakeup(const struct rp_pystate *state, PyObject *callback)
{
    return PyCFunction_CheckExact(callback) &&
           PyCFunction_GET_FUNCTION(callback) == state->handles.wakeup;
}

static PyObject *run_in(PyObject *context, PyObject *callback, PyObject *args)
{
    PyObject *result;

    if (PyContext_Enter(context) < 0)
        return NULL;
    result = PyObject_Vectorcall(callback, ((PyTupleObject *)args)->ob_item,
                                 (size_t)PyTuple_GET_SIZE(args), NULL);
    if (PyContext_Exit(context) < 0)
        Py_CLEAR(result);
    return result;
}

/* An exception that leaves a callback goes to the loop's exception handler, unless it is one that
 * ends a program. */
static PyObject *failed(PyObject *handle)
{
    PyObject *type, *value, *traceback, *module, *told;

    if (PyErr_ExceptionMatches(PyExc_SystemExit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
        return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value)
        PyException_SetTraceback(value, traceback);
    module = PyImport_ImportModule("rampa._asyncio");
    told = module ? PyObject_CallMethod(module, "callback_failed", "OO", handle, value) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return told;
}

static PyObject *handle_run(PyObject *self, PyObject *unused)
{
    const struct rp_pystate *state = PyType_GetModuleState(Py_TYPE(self));
    PyObject *callback = Py_XNewRef(*field(self, state->handles.callback));
    PyObject *args = Py_XNewRef(*field(self, state->handles.args));
    PyObject *context = Py_XNewRef(*field(self, state->handles.context)), *result;

    if (!callback || !args || !context || !PyTuple_Check(args)) /* cancelled */
        result = Py_NewRef(Py_None);
    else if (is_wakeup(state, callback) && PyTuple_GET_SIZE(args) == 1)
        result = state->handles.wakeup(PyCFunction_GET_SELF(callback), PyTuple_GET_ITEM(args, 0));
    else
        result = run_in(context, callback, args);
    if (RP_UNLIKELY(!result))
        result = failed(self);
    Py_XDECREF(callback);
    Py_XDECREF(args);
    Py_XDECREF(context);
    if (!result)
        return NULL;
    Py_DECREF(result);
    Py_RETURN_NONE;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Takes over @args and @context. */
static PyObject *new_handle(struct py_host *host, PyObject *callback, PyObject *args,
                            PyObject *context)
{
    const struct py_handles *handles = &host->state->handles;
    PyTypeObject *type = host->state->handle_type;
    PyObject *self = args && context ? type->tp_alloc(type, 0) : NULL;

    if (!self) {
        Py_XDECREF(args);
        Py_XDECREF(context);
        return NULL;
    }
    *field(self, handles->callback) = Py_NewRef(callback);
    *field(self, handles->args) = args;
    *field(self, handles->cancelled) = Py_NewRef(Py_False);
    *field(self, handles->loop) = Py_NewRef(host->aio.loop);
    *field(self, handles->source_traceback) = Py_NewRef(Py_None);
    *field(self, handles->repr) = Py_NewRef(Py_None);
    *field(self, handles->context) = context;
    return self;
}

static PyObject *put(struct py_host *host, PyObject *handle)
{
    PyObject *put = handle
                        ? PyObject_CallMethodOneArg(host->aio.ready, host->state->s_append, handle)
                        : NULL;

    if (!put)
        Py_CLEAR(handle);
    Py_XDECREF(put);
    return handle;
}

/* Whether an attribute of the loop is true: 1, 0, or -1 with an exception. */
static int has(struct py_host *host, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(host->aio.loop, name);
    int truth = value == Py_False ? 0 : value ? PyObject_IsTrue(value) : -1;

    Py_XDECREF(value);
    return truth;
}

/* Whether asyncio's own call_soon() must do the work: 1, 0, or -1 with an exception. */
static int needs_stock(struct py_host *host)
{
    int truth;

    if (!host->aio.call_soon) {
        PyErr_SetString(PyExc_RuntimeError, "the run that this loop belongs to is over");
        return -1;
    }
    truth = host->aio.has_handles ? has(host, host->state->s_debug) : 1;
    return truth == 0 ? has(host, host->state->s_closed) : truth;
}

int rp_py_call_soon(struct py_host *host, PyObject *callback, PyObject *arg, PyObject *context)
{
    PyObject *args[] = { callback, arg, context }, *handle;
    int stock = needs_stock(host);

    if (stock < 0)
        return -1;
    if (stock)
        handle = PyObject_Vectorcall(host->aio.call_soon, args, 2, host->state->context_names);
    else
        handle = put(host, new_handle(host, callback, PyTuple_Pack(1, arg), Py_NewRef(context)));
    Py_XDECREF(handle);
    return handle ? 0 : -1;
}

static PyObject *pack(PyObject *const *items, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    return tuple;
}

/* loop.call_soon(callback, *args, context=None) */
PyObject *rp_py_host_call_soon(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames)
{
    struct py_host *self = (struct py_host *)object;
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *context = keywords ? args[nargs] : Py_None;
    int stock = needs_stock(self);

    if (stock < 0)
        return NULL;
    if (stock || nargs < 1 || keywords > 1 ||
        (keywords && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "context")))
        return PyObject_Vectorcall(self->aio.call_soon, args, (size_t)nargs, kwnames);
    if (context == Py_None)
        context = PyContext_CopyCurrent();
    else
        Py_INCREF(context);
    return put(self, new_handle(self, args[0], pack(args + 1, nargs - 1), context));
}

/* ---- life ------------------------------------------------------------------------------------ */

static PyMethodDef methods[] = {
    { "_run", handle_run, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_methods, methods },
    { Py_tp_doc, (void *)PyDoc_STR("What call_soon() of a worker's loop returns.") },
    { 0, NULL },
};

/* The type cannot be immutable, for its base is not. */
static PyType_Spec handle_spec = {
    .name = "rampa.Handle",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int rp_py_handles_init(struct py_host *host, PyCFunction wakeup)
{
    struct rp_pystate *state = host->state;
    PyObject *events = PyImport_ImportModule("asyncio.events"), *handle_class;

    handle_class = events ? PyObject_GetAttrString(events, "Handle") : NULL;
    Py_XDECREF(events);
    if (!handle_class)
        return -1;
    state->handles.wakeup = wakeup;
    host->aio.has_handles = find_fields(handle_class, &state->handles);
    if (host->aio.has_handles && !state->handle_type)
        state->handle_type = (PyTypeObject *)PyType_FromModuleAndSpec(
            PyType_GetModule(Py_TYPE(host)), &handle_spec, handle_class);
    Py_DECREF(handle_class);
    return host->aio.has_handles && !state->handle_type ? -1 : 0;
}
