/* SPDX-License-Identifier: MIT */
#include "python/drive/aio.h"

#include "python/drive/host.h"

static PyObject *attribute(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *value = module ? PyObject_GetAttrString(module, name) : NULL;

    Py_XDECREF(module);
    return value;
}

void rp_py_aio_forget(struct py_host *host)
{
    struct py_aio *aio = &host->aio;

    rp_py_tasks_deinit(host);
    Py_CLEAR(aio->loop);
    Py_CLEAR(aio->call_soon);
    Py_CLEAR(aio->get_running_loop);
    Py_CLEAR(aio->neutral_context);
    Py_CLEAR(aio->ready);
    Py_CLEAR(aio->heappush);
    Py_CLEAR(aio->scheduled);
}

int rp_py_aio_take_loop(struct py_host *host, PyObject *loop)
{
    struct py_aio *aio = &host->aio;

    aio->loop = Py_NewRef(loop);
    host->loop_thread = PyThread_get_thread_ident();
    if ((aio->call_soon = PyObject_GetAttrString(loop, "call_soon")) &&
        (aio->get_running_loop = attribute("asyncio", "_get_running_loop")) &&
        (aio->neutral_context = PyContext_New()) && rp_py_tasks_init(host) == 0)
        return 0;
    rp_py_aio_forget(host);
    return -1;
}

int rp_py_aio_take_scheduled(struct py_host *host)
{
    PyObject *scheduled = PyObject_GetAttr(host->aio.loop, host->state->s_scheduled);

    if (!scheduled)
        return -1;
    if (PyList_Check(scheduled)) {
        Py_XSETREF(host->aio.scheduled, scheduled);
        return 0;
    }
    Py_DECREF(scheduled);
    PyErr_SetString(PyExc_RuntimeError, "this Python's asyncio is not one that rampa knows");
    return -1;
}

/* The queues are private to asyncio's own loop, and quick. */
int rp_py_aio_take_queues(struct py_host *host, PyCFunction wakeup)
{
    struct py_aio *aio = &host->aio;

    if ((aio->ready = PyObject_GetAttrString(aio->loop, "_ready")) &&
        (aio->heappush = attribute("heapq", "heappush")) && rp_py_handles_init(host, wakeup) == 0 &&
        rp_py_aio_take_scheduled(host) == 0)
        return 0;
    rp_py_aio_forget(host);
    return -1;
}

int rp_py_aio_is_running_here(const struct py_host *host)
{
    PyObject *running = PyObject_CallNoArgs(host->aio.get_running_loop);
    int is_ours = running == host->aio.loop;

    if (!running)
        return -1;
    Py_DECREF(running);
    return is_ours;
}
