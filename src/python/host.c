/* SPDX-License-Identifier: MIT */

/*
 * The CPython host: a worker process whose asyncio loop waits in our reactor. asyncio's own descriptors sit in a selector
 * whose epoll descriptor is nested in the reactor; Host.wait() turns the reactor and returns only when asyncio has
 * something to do: its selector is ready, a callback was scheduled, a timer was added or is due, or all is over.
 */

#include <errno.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "python/state.h"

static struct py_host *of_script(struct rp_script_host *script)
{
    return rp_container_of(script, struct py_host, script);
}

/* ---- what the worker asks of a kind of script --------------------------------------------------------------- */

static char *host_load(struct rp_script_host *script, const char *path, struct rp_error *err)
{
    struct py_host *self = of_script(script);
    PyObject *json = PyObject_CallMethod(self->hooks, "load", "s", path);
    const char *text = json ? PyUnicode_AsUTF8(json) : NULL;
    char *copy = text ? rp_strdup(text) : NULL;

    if (!text)
        rp_py_fetch_error(self, err, "the script cannot be loaded");
    else if (!copy)
        rp_error_set(err, -ENOMEM, "out of memory");
    Py_XDECREF(json);
    return copy;
}

static int make_caches(struct py_host *self)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(self->templates); i++)
        if (!(self->templates[i] = PyDict_New()))
            return -ENOMEM;
    self->template_slots = rp_calloc(RP_PY_TEMPLATE_SLOTS, sizeof(*self->template_slots));
    self->series_slots = rp_calloc(RP_PY_SERIES_SLOTS, sizeof(*self->series_slots));
    return self->template_slots && self->series_slots ? 0 : -ENOMEM;
}

static int make_hook_worker(struct py_host *self)
{
    const struct rp_tags *tags = rp_tags_empty(self->registry);
    const struct rp_plan *plan = self->plan;

    for (size_t i = 0; tags && i < plan->tags.count; i++)
        tags = rp_tags_with(self->registry, tags, rp_slice_str(plan->tags.items[i].key),
                            rp_slice_str(plan->tags.items[i].value));
    if (tags)
        tags = rp_tags_with(self->registry, tags, RP_SLICE("group"), RP_SLICE("::setup"));
    self->hook_vu = (struct rp_vu){ .host = &self->script, .tags = tags };
    if (!tags)
        return -ENOMEM;
    self->hook_worker = rp_py_worker_new(self, &self->hook_vu);
    Py_XSETREF(self->base_context, PyContext_CopyCurrent());
    return self->hook_worker && self->base_context ? 0 : -ENOMEM;
}

static int host_prepare(struct rp_script_host *script, const struct rp_plan *plan,
                        struct rp_loop *loop, struct rp_registry *registry,
                        struct rp_http_client *http, struct rp_error *err)
{
    const struct rp_builtin_metric *checks = &rp_builtin_metrics[RP_M_CHECKS];
    struct py_host *self = of_script(script);
    int r;

    self->plan = plan;
    self->registry = registry;
    self->http = http;
    r = rp_registry_metric(registry, checks->name, checks->type, checks->is_time, &self->checks,
                           err);
    if (r == 0)
        r = make_caches(self);
    if (r == 0)
        r = make_hook_worker(self);
    PyErr_Clear();
    return r;
}

static void host_release(struct rp_script_host *script)
{
    struct py_host *self = of_script(script);

    if (self->hook_worker)
        rp_py_worker_release(self->hook_worker);
    Py_CLEAR(self->hook_worker);
    Py_CLEAR(self->function);
    self->function_of = NULL;
    rp_http_session_free(self->hook_vu.http);
    self->hook_vu.http = NULL;
    rp_py_series_clear(self);
    rp_py_templates_clear(self);
    rp_free(self->template_slots);
    rp_free(self->series_slots);
    self->template_slots = NULL;
    self->series_slots = NULL;
    self->registry = NULL;
    self->http = NULL;
    self->plan = NULL;
}

static bool take_group(PyObject *item, struct rp_error_group *group)
{
    const char *scenario, *type, *message, *place, *traceback;
    unsigned long long count;
    int is_request;

    if (!PyArg_ParseTuple(item, "zssszKp", &scenario, &type, &message, &place, &traceback, &count,
                          &is_request))
        return false;
    *group = (struct rp_error_group){ .scenario = (char *)scenario,
                                      .type = (char *)type,
                                      .message = (char *)message,
                                      .place = (char *)place,
                                      .traceback = (char *)traceback,
                                      .count = count,
                                      .is_request = is_request };
    return true;
}

/* hooks.changed_errors() gives the groups that changed since the last call. */
static void host_each_error(struct rp_script_host *script,
                            void (*each)(void *user, const struct rp_error_group *group),
                            void *user)
{
    struct py_host *self = of_script(script);
    PyObject *list = PyObject_CallMethod(self->hooks, "changed_errors", NULL);

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        struct rp_error_group group;

        if (take_group(PyList_GET_ITEM(list, i), &group))
            each(user, &group);
    }
    Py_XDECREF(list);
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(self->hooks);
}

/* ---- waiting ---------------------------------------------------------------------------------------------- */

static void before_wait(void *user)
{
    struct py_host *self = user;

    rp_py_watchdog_set_idle(&self->watchdog, true);
    self->thread = PyEval_SaveThread();
}

static void after_wait(void *user)
{
    struct py_host *self = user;

    PyEval_RestoreThread(self->thread);
    rp_py_watchdog_set_idle(&self->watchdog, false);
}

static void asyncio_ready(struct rp_watch *watch, unsigned ready)
{
    rp_container_of(watch, struct py_host, aio_watch)->aio_ready = true;
}

static void worker_ended(struct rp_worker *worker, void *user, int status)
{
    struct py_host *self = user;

    self->has_ended = true;
    self->end_status = status;
}

/* asyncio makes a new heap of timers when many of them were cancelled, right before it waits. */
static int take_scheduled(struct py_host *self)
{
    PyObject *scheduled = PyObject_GetAttr(self->aio_loop, self->state->s_scheduled);

    if (!scheduled)
        return -1;
    Py_XSETREF(self->scheduled, scheduled);
    if (PyList_Check(scheduled))
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this Python's asyncio is not one that rampa knows");
    return -1;
}

static PyObject *first_timer(const struct py_host *self)
{
    return PyList_GET_SIZE(self->scheduled) ? PyList_GET_ITEM(self->scheduled, 0) : NULL;
}

/* Whether asyncio has something to do: 1, 0, or -1 with an exception. */
static int asyncio_has_work(const struct py_host *self, const PyObject *timer_before)
{
    Py_ssize_t ready = PyObject_Size(self->ready);

    if (ready < 0)
        return -1;
    return ready > 0 || self->aio_ready || self->has_ended || first_timer(self) != timer_before;
}

static void alive(struct py_host *self)
{
    rp_py_watchdog_beat(&self->watchdog);
    if (rp_py_watchdog_has_noticed(&self->watchdog))
        rp_py_watchdog_unstuck(self);
}

static PyObject *host_wait(PyObject *object, PyObject *arg)
{
    struct py_host *self = (struct py_host *)object;
    const PyObject *timer_before;
    rp_ns deadline = RP_NS_NEVER;
    int work;

    if (take_scheduled(self) < 0)
        return NULL;
    timer_before = first_timer(self);
    if (arg != Py_None) {
        double seconds = PyFloat_AsDouble(arg);

        if (seconds == -1.0 && PyErr_Occurred())
            return NULL;
        deadline = seconds <= 0 ? 0 : rp_loop_now(self->loop) + (rp_ns)(seconds * 1e9);
    }
    self->aio_ready = false;
    alive(self);
    do {
        int r;

        r = rp_loop_turn(self->loop, deadline);
        alive(self);
        if (r < 0) {
            errno = -r;
            return PyErr_SetFromErrno(PyExc_OSError);
        }
        if (PyErr_CheckSignals() < 0)
            return NULL;
        work = asyncio_has_work(self, timer_before);
    } while (work == 0 && deadline && rp_loop_now(self->loop) < deadline);
    return work < 0 ? NULL : PyBool_FromLong(self->aio_ready);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static PyObject *attribute(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *value = module ? PyObject_GetAttrString(module, name) : NULL;

    Py_XDECREF(module);
    return value;
}

static int take_attributes(struct py_host *self, PyObject *aio_loop)
{
    self->aio_loop = Py_NewRef(aio_loop);
    self->ready = PyObject_GetAttrString(aio_loop, "_ready");
    self->call_soon = PyObject_GetAttrString(aio_loop, "call_soon");
    self->heappush = attribute("heapq", "heappush");
    self->get_running_loop = attribute("asyncio", "_get_running_loop");
    self->neutral_context = PyContext_New();
    if (!self->ready || !self->call_soon || !self->heappush || !self->get_running_loop ||
        !self->neutral_context)
        return -1;
    return take_scheduled(self);
}

static PyObject *host_attach(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *aio_loop;
    int fd, r;

    if (!PyArg_ParseTuple(args, "Oi", &aio_loop, &fd) || take_attributes(self, aio_loop) < 0)
        return NULL;
    r = rp_watch_start(self->loop, &self->aio_watch, fd, RP_READABLE, asyncio_ready);
    if (r < 0) {
        errno = -r;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

static PyObject *host_serve(PyObject *object, PyObject *arg)
{
    struct py_host *self = (struct py_host *)object;
    struct rp_worker_host host = { .script = &self->script,
                                   .load = host_load,
                                   .prepare = host_prepare,
                                   .release = host_release,
                                   .each_error = host_each_error,
                                   .runtime = self->runtime };
    long fd = PyLong_AsLong(arg);
    int r;

    if (fd == -1 && PyErr_Occurred())
        return NULL;
    self->loop_thread = PyThread_get_thread_ident();
    r = rp_worker_new(self->loop, (int)fd, &host, worker_ended, self, &self->worker);
    if (r == 0)
        r = rp_py_watchdog_start(self);
    if (r < 0) {
        errno = -r;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* hook_ended(name, error): error is None, or what describe() gives. */
static PyObject *host_hook_ended(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    struct rp_error err = { 0 };
    const char *name;
    PyObject *error;
    enum rp_hook hook;

    if (!PyArg_ParseTuple(args, "sO", &name, &error))
        return NULL;
    hook = strcmp(name, "setup") == 0 ? RP_HOOK_SETUP : RP_HOOK_TEARDOWN;
    self->is_in_hook = false;
    if (error == Py_None) {
        self->script.hook_ended(&self->script, hook, NULL);
        Py_RETURN_NONE;
    }
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    rp_py_fetch_error(self, &err, name);
    self->script.hook_ended(&self->script, hook, &err);
    rp_error_deinit(&err);
    Py_RETURN_NONE;
}

static PyObject *host_warn(PyObject *object, PyObject *arg)
{
    struct py_host *self = (struct py_host *)object;
    const char *text = PyUnicode_AsUTF8(arg);

    if (!text)
        return NULL;
    if (self->worker)
        rp_worker_warn(self->worker, text);
    Py_RETURN_NONE;
}

/* Frees the worker's side; afterwards the host is of no use. */
static PyObject *host_close(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;

    rp_py_watchdog_stop(self);
    rp_worker_free(self->worker);
    self->worker = NULL;
    rp_watch_stop(&self->aio_watch);
    if (self->loop)
        rp_loop_set_wait_hooks(self->loop, NULL, NULL, NULL);
    Py_RETURN_NONE;
}

static PyObject *host_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct rp_pystate *state = PyType_GetModuleState(type);
    const struct rp_loop_ops *ops;
    struct rp_error err = { 0 };
    struct py_host *self;
    PyObject *hooks, *env;
    int r;

    if (!PyArg_ParseTuple(args, "OO!", &hooks, &PyDict_Type, &env))
        return NULL;
    self = (struct py_host *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->state = state;
    self->hooks = Py_NewRef(hooks);
    self->env = Py_NewRef(env);
    self->script.ops = &rp_py_script_ops;
    snprintf(self->runtime, sizeof(self->runtime), "CPython %d.%d.%d", PY_MAJOR_VERSION,
             PY_MINOR_VERSION, PY_MICRO_VERSION);
    r = rp_loop_pick(getenv("RAMPA_LOOP"), &ops, &err);
    if (r == 0)
        r = rp_loop_new(ops, &self->loop);
    if (r < 0) {
        rp_py_raise(r, &err);
        rp_error_deinit(&err);
        Py_DECREF(self);
        return NULL;
    }
    rp_loop_set_wait_hooks(self->loop, before_wait, after_wait, self);
    return (PyObject *)self;
}

static int host_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_host *self = (struct py_host *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->hooks);
    Py_VISIT(self->aio_loop);
    Py_VISIT(self->call_soon);
    Py_VISIT(self->setup_data);
    Py_VISIT(self->env);
    Py_VISIT(self->hook_worker);
    return 0;
}

static int host_clear(PyObject *object)
{
    struct py_host *self = (struct py_host *)object;

    Py_CLEAR(self->hooks);
    Py_CLEAR(self->aio_loop);
    Py_CLEAR(self->ready);
    Py_CLEAR(self->scheduled);
    Py_CLEAR(self->call_soon);
    Py_CLEAR(self->heappush);
    Py_CLEAR(self->get_running_loop);
    Py_CLEAR(self->shared_context);
    Py_CLEAR(self->base_context);
    Py_CLEAR(self->function);
    Py_CLEAR(self->neutral_context);
    Py_CLEAR(self->setup_data);
    Py_CLEAR(self->env);
    return 0;
}

static void host_dealloc(PyObject *object)
{
    struct py_host *self = (struct py_host *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(host_close(object, NULL));
    host_clear(object);
    rp_loop_free(self->loop);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *get_ended(PyObject *object, void *unused)
{
    return PyBool_FromLong(((struct py_host *)object)->has_ended);
}

static PyMethodDef methods[] = {
    { "attach", host_attach, METH_VARARGS, NULL },
    { "serve", host_serve, METH_O, NULL },
    { "wait", host_wait, METH_O, NULL },
    { "hook_ended", host_hook_ended, METH_VARARGS, NULL },
    { "warn", host_warn, METH_O, NULL },
    { "overdue", rp_py_host_overdue, METH_NOARGS, NULL },
    { "running", rp_py_host_running, METH_NOARGS, NULL },
    { "current_task", rp_py_host_current_task, METH_O, NULL },
    { "pause", rp_py_host_pause, METH_O, NULL },
    { "close", host_close, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "setup_data", T_OBJECT, offsetof(struct py_host, setup_data), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "ended", get_ended, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_new, host_new },           { Py_tp_dealloc, host_dealloc },
    { Py_tp_traverse, host_traverse }, { Py_tp_clear, host_clear },
    { Py_tp_methods, methods },        { Py_tp_members, members },
    { Py_tp_getset, getset },          { 0, NULL },
};

PyType_Spec rp_py_host_spec = {
    .name = "_rampa.Host",
    .basicsize = sizeof(struct py_host),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
