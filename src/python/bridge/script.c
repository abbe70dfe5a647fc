/* SPDX-License-Identifier: MIT */

/* The script host of Python: what the worker asks is answered by the hooks in Python, what the engine asks by drive.c. */

#include "base/alloc.h"
#include "plan/metrics.h"
#include "python/bridge/state.h"

static struct py_host *of_script(struct rp_script_host *script)
{
    return rp_container_of(script, struct py_host, script);
}

static const char *host_runtime(const struct rp_script_host *script)
{
    return rp_container_of(script, const struct py_host, script)->runtime;
}

static char *host_load(struct rp_script_host *script, const char *path, struct rp_error *err)
{
    struct py_host *self = of_script(script);
    PyObject *json = rp_py_ask(self, PY_HOOK_LOAD, path);
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

static int make_hook_py_vu(struct py_host *self)
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
    self->hook_py_vu = rp_py_vu_new(self, &self->hook_vu);
    Py_XSETREF(self->base_context, PyContext_CopyCurrent());
    return self->hook_py_vu && self->base_context ? 0 : -ENOMEM;
}

static int host_prepare(struct rp_script_host *script, const struct rp_script_run *run,
                        struct rp_error *err)
{
    const struct rp_builtin_metric *checks = &rp_builtin_metrics[RP_M_CHECKS];
    struct py_host *self = of_script(script);
    int r;

    self->plan = run->plan;
    self->registry = run->registry;
    self->clients = run->clients;
    self->http = run->clients->client[RP_CLIENT_HTTP];
    r = rp_registry_metric(run->registry, checks->name, checks->type, checks->is_time,
                           &self->checks, err);
    if (r == 0)
        r = make_caches(self);
    if (r == 0)
        r = make_hook_py_vu(self);
    PyErr_Clear();
    return r;
}

static void host_release(struct rp_script_host *script)
{
    struct py_host *self = of_script(script);

    if (self->hook_py_vu)
        rp_py_vu_release(self->hook_py_vu);
    Py_CLEAR(self->hook_py_vu);
    Py_CLEAR(self->function);
    self->function_of = NULL;
    rp_task_cancel(&self->hook_task);
    if (self->clients)
        rp_clients_free_sessions(self->clients, self->hook_vu.sessions);
    rp_py_series_clear(self);
    rp_py_templates_clear(self);
    rp_free(self->template_slots);
    rp_free(self->series_slots);
    self->template_slots = NULL;
    self->series_slots = NULL;
    self->registry = NULL;
    self->clients = NULL;
    self->http = NULL;
    self->plan = NULL;
}

static char *host_pack(struct rp_script_host *script, size_t *ret_len, struct rp_error *err)
{
    struct py_host *self = of_script(script);
    PyObject *bytes = rp_py_ask(self, PY_HOOK_PACK);
    char *copy = NULL, *data;
    Py_ssize_t len;

    if (bytes && PyBytes_AsStringAndSize(bytes, &data, &len) == 0) {
        copy = rp_alloc((size_t)len);
        if (!copy)
            PyErr_NoMemory();
    }
    if (copy) {
        memcpy(copy, data, (size_t)len);
        *ret_len = (size_t)len;
    } else {
        rp_py_fetch_error(self, err, "setup");
    }
    Py_XDECREF(bytes);
    return copy;
}

static int host_share(struct rp_script_host *script, struct rp_slice data, struct rp_error *err)
{
    struct py_host *self = of_script(script);
    PyObject *none = rp_py_ask(self, PY_HOOK_SHARE, data.ptr ? data.ptr : "", (Py_ssize_t)data.len);

    if (!none) {
        rp_py_fetch_error(self, err, "what setup() returned cannot be used");
        return -RP_EUSER;
    }
    Py_DECREF(none);
    return 0;
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

/* hooks.changed_errors() gives the groups that changed since the last call that worked. */
static PyObject *changed_errors(struct py_host *self)
{
    PyObject *list = rp_py_ask(self, PY_HOOK_CHANGED_ERRORS);

    if (list)
        return list;
    PyErr_WriteUnraisable(self->hooks);
    return rp_py_ask(self, PY_HOOK_CHANGED_ERRORS); /* memory may be back */
}

static void host_each_error(struct rp_script_host *script,
                            void (*each)(void *user, const struct rp_error_group *group),
                            void *user)
{
    static char type[] = "(unknown)", message[] = "an exception that could not be described",
                nowhere[] = "";
    struct py_host *self = of_script(script);
    PyObject *list = changed_errors(self);
    struct rp_error_group group;

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        if (take_group(PyList_GET_ITEM(list, i), &group))
            each(user, &group);
        else
            PyErr_WriteUnraisable(self->hooks);
    }
    Py_XDECREF(list);
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(self->hooks);
    if (self->unnoted_errors) {
        group = (struct rp_error_group){ .scenario = nowhere,
                                         .type = type,
                                         .message = message,
                                         .place = nowhere,
                                         .count = self->unnoted_errors };
        each(user, &group);
    }
}

/* ---- setup and teardown -------------------------------------------------------------------------------------- */

static void hook_failed(struct rp_task *task)
{
    struct py_host *self = rp_container_of(task, struct py_host, hook_task);
    struct rp_error err = { 0 };

    rp_error_set(&err, -RP_EUSER, "the hook cannot be started; the worker has said why");
    self->script.hook_ended(&self->script, self->failed_hook, &err);
    rp_error_deinit(&err);
}

static void host_hook(struct rp_script_host *script, enum rp_hook hook, rp_ns timeout)
{
    struct py_host *self = of_script(script);
    const char *name = hook == RP_HOOK_SETUP ? "setup" : "teardown";
    PyObject *started = rp_py_ask(self, PY_HOOK_RUN_HOOK, name, self->hook_py_vu,
                                  (double)timeout / 1e9);

    self->is_in_hook = started != NULL;
    if (!started) {
        PyErr_WriteUnraisable(self->hooks);
        self->failed_hook = hook;
        rp_loop_defer(self->loop, &self->hook_task, hook_failed);
    }
    Py_XDECREF(started);
}

/* ---- functions of the script --------------------------------------------------------------------------------- */

PyObject *rp_py_function_of(struct py_host *host, const struct rp_scenario *scenario)
{
    if (host->function_of != scenario) {
        PyObject *function = rp_py_ask(host, PY_HOOK_FUNCTION, scenario->name, scenario->exec_fn);

        if (!function)
            return NULL;
        Py_XSETREF(host->function, function);
        host->function_of = scenario;
    }
    return Py_NewRef(host->function);
}

PyObject *rp_py_awaiting(struct py_vu *vu, PyObject *result)
{
    PyObject *coro = NULL;

    if (result != Py_None)
        coro = rp_py_ask(vu->host, PY_HOOK_AWAITING, result);
    Py_DECREF(result);
    if (coro == Py_None)
        Py_CLEAR(coro);
    return coro;
}

const struct rp_script_ops rp_py_script_ops = {
    .runtime = host_runtime,
    .load = host_load,
    .prepare = host_prepare,
    .vu_init = rp_py_script_vu_init,
    .vu_deinit = rp_py_script_vu_deinit,
    .begin = rp_py_script_begin,
    .interrupt = rp_py_script_interrupt,
    .hook = host_hook,
    .pack = host_pack,
    .share = host_share,
    .each_error = host_each_error,
    .release = host_release,
};
