/* SPDX-License-Identifier: MIT */

/*
 * What a VU is to asyncio while its coroutine runs: its context variables and its current task. Both are there for every
 * VU and made for those that use them.
 *
 * Context: VUs that have set no variable run in one context, which is therefore empty whenever none of them runs. After
 * a step that leaves something in it, it is this VU's own for good, and the others get a new one.
 */

#include "python/bridge/state.h"

PyObject *rp_py_context_of(struct py_vu *vu)
{
    struct py_host *host = vu->host;

    if (vu->context)
        return vu->context;
    if (RP_UNLIKELY(!host->shared_context))
        host->shared_context = PyContext_New();
    return host->shared_context;
}

void rp_py_keep_context(struct py_vu *vu)
{
    vu->context = vu->host->shared_context;
    vu->host->shared_context = NULL;
}

/* The script's module may have set variables: then each VU has a copy from the start. */
int rp_py_context_init(struct py_vu *vu)
{
    PyObject *base = vu->host->base_context;

    if (PyObject_Size(base) == 0)
        return 0;
    vu->context = PyContext_Copy(base);
    return vu->context ? 0 : -1;
}

PyObject *rp_py_own_context(struct py_vu *vu)
{
    if (vu->context)
        return vu->context;
    if (vu->host->stepping == vu && vu->host->shared_context)
        rp_py_keep_context(vu);
    else
        vu->context = PyContext_New();
    return vu->context;
}

int rp_py_is_running_here(struct py_host *host)
{
    PyObject *running = PyObject_CallNoArgs(host->get_running_loop);
    int is_ours = running == host->aio_loop;

    if (!running)
        return -1;
    Py_DECREF(running);
    return is_ours;
}

PyObject *rp_py_host_current_task(PyObject *self, PyObject *loop)
{
    struct py_host *host = (struct py_host *)self;
    struct py_vu *vu = host->stepping;
    struct py_vu_extra *extra;
    int is_ours;

    if (!vu)
        Py_RETURN_NONE;
    is_ours = loop == Py_None ? rp_py_is_running_here(host) : loop == host->aio_loop;
    if (is_ours < 0)
        return NULL;
    if (!is_ours)
        Py_RETURN_NONE;
    extra = rp_py_vu_extra(vu);
    if (!extra)
        return NULL;
    if (!extra->task)
        extra->task = rp_py_ask(host, PY_HOOK_NEW_TASK, vu);
    return Py_XNewRef(extra->task);
}
