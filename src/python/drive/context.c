/* SPDX-License-Identifier: MIT */

/*
 * Every VU has context variables and a current task; they are made for those VUs that use them.
 *
 * VUs that have set no variable share one context, which is therefore empty whenever none of them
 * runs. A step may leave a variable in it: then the context belongs to that VU from now on, and the
 * others get a new one.
 */

#include "python/drive/vu.h"

void rp_py_context_keep(struct py_vu *vu)
{
    vu->context = vu->host->contexts.shared;
    vu->host->contexts.shared = NULL;
}

/* The script's module may have set variables: then each VU has a copy from the start. */
int rp_py_context_init(struct py_vu *vu)
{
    PyObject *base = vu->host->contexts.base;

    if (PyObject_Size(base) == 0)
        return 0;
    vu->context = PyContext_Copy(base);
    return vu->context ? 0 : -1;
}

PyObject *rp_py_context_own(struct py_vu *vu)
{
    if (vu->context)
        return vu->context;
    if (vu->host->stepping == vu && vu->host->contexts.shared)
        rp_py_context_keep(vu);
    else
        vu->context = PyContext_New();
    return vu->context;
}

void rp_py_contexts_clear(struct py_host *host)
{
    Py_CLEAR(host->contexts.shared);
    Py_CLEAR(host->contexts.base);
    Py_CLEAR(host->contexts.group);
    Py_CLEAR(host->contexts.enter_task);
    Py_CLEAR(host->contexts.leave_task);
}

/* ---- the current task ------------------------------------------------------------------------ */

/* The current task of @vu, which is made when it is first asked for: borrowed, NULL with an
 * exception. */
static PyObject *task_of(struct py_vu *vu)
{
    struct py_vu_extra *extra = rp_py_vu_extra(vu);

    if (extra && !extra->task)
        extra->task = rp_py_ask(vu->host, PY_HOOK_NEW_TASK, vu);
    return extra ? extra->task : NULL;
}

int rp_py_announce_tasks(struct py_host *host)
{
    PyObject *tasks = PyImport_ImportModule("asyncio.tasks");

    if (!tasks)
        return -1;
    host->contexts.enter_task = PyObject_GetAttrString(tasks, "_enter_task");
    if (host->contexts.enter_task)
        host->contexts.leave_task = PyObject_GetAttrString(tasks, "_leave_task");
    Py_DECREF(tasks);
    if (host->contexts.leave_task)
        return 0;
    Py_CLEAR(host->contexts.enter_task);
    return -1;
}

static void call_with_task(struct py_vu *vu, PyObject *function)
{
    PyObject *args[] = { vu->host->aio.loop, task_of(vu) };
    PyObject *done = args[1] ? PyObject_Vectorcall(function, args, 2, NULL) : NULL;

    if (!done)
        PyErr_WriteUnraisable((PyObject *)vu);
    Py_XDECREF(done);
}

void rp_py_task_enter(struct py_vu *vu)
{
    call_with_task(vu, vu->host->contexts.enter_task);
}

void rp_py_task_leave(struct py_vu *vu)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    call_with_task(vu, vu->host->contexts.leave_task);
    PyErr_Restore(type, value, traceback);
}

PyObject *rp_py_host_current_task(PyObject *self, PyObject *loop)
{
    struct py_host *host = (struct py_host *)self;
    int is_ours;

    if (!host->stepping)
        Py_RETURN_NONE;
    is_ours = loop == Py_None ? rp_py_aio_is_running_here(host) : loop == host->aio.loop;
    if (is_ours < 0)
        return NULL;
    if (!is_ours)
        Py_RETURN_NONE;
    return Py_XNewRef(task_of(host->stepping));
}
