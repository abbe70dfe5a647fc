/* SPDX-License-Identifier: MIT */
#include "python/drive/hooks.h"

#include <stdarg.h>

#include "python/drive/host.h"

#define METHOD(constant, method, arguments) [PY_HOOK_##constant] = #method,
#define ARGUMENTS(constant, method, arguments) [PY_HOOK_##constant] = "(" arguments ")",

static const char *const methods[PY_HOOK_COUNT] = { RP_PY_HOOKS(METHOD) };
static const char *const formats[PY_HOOK_COUNT] = { RP_PY_HOOKS(ARGUMENTS) };

int rp_py_hooks_init(struct rp_pystate *state)
{
    for (int i = 0; i < PY_HOOK_COUNT; i++)
        if (!(state->hook_names[i] = PyUnicode_InternFromString(methods[i])))
            return -1;
    return 0;
}

/* Takes over @args. */
static PyObject *call(const struct py_host *host, enum py_hook hook, PyObject *args)
{
    PyObject *method = NULL, *answer = NULL;

    if (!host->hooks)
        PyErr_SetString(PyExc_RuntimeError, "the run that this host belongs to is over");
    else if (args)
        method = PyObject_GetAttr(host->hooks, host->state->hook_names[hook]);
    if (method)
        answer = PyObject_CallObject(method, args);
    Py_XDECREF(method);
    Py_XDECREF(args);
    return answer;
}

PyObject *rp_py_ask(const struct py_host *host, enum py_hook hook, ...)
{
    PyObject *args;
    va_list list;

    va_start(list, hook);
    args = Py_VaBuildValue(formats[hook], list);
    va_end(list);
    return call(host, hook, args);
}

void rp_py_tell(const struct py_host *host, enum py_hook hook, ...)
{
    PyObject *args, *answer;
    va_list list;

    va_start(list, hook);
    args = Py_VaBuildValue(formats[hook], list);
    va_end(list);
    answer = call(host, hook, args);
    if (!answer)
        PyErr_WriteUnraisable(host->hooks);
    Py_XDECREF(answer);
}
