/* SPDX-License-Identifier: MIT */

/* The script host of Python. The hooks answer what the worker asks, and python/drive what the
 * engine asks. */

#include "base/alloc.h"
#include "python/api/metrics.h"
#include "python/api/templates.h"
#include "python/bridge/bridge.h"

static struct py_host *of_script(struct rp_script_host *script)
{
    return rp_container_of(script, struct py_host, script);
}

static const char *host_runtime(const struct rp_script_host *script)
{
    return rp_container_of(script, const struct py_bridge, host.script)->runtime;
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

/* The tags of what setup() and teardown() measure: those of the run, and a group of their own.
 * NULL: no memory. */
static const struct rp_tags *setup_tags(struct py_host *self)
{
    const struct rp_tags *tags = rp_tags_empty(self->registry);
    const struct rp_plan *plan = self->plan;

    for (size_t i = 0; tags && i < plan->tags.count; i++)
        tags = rp_tags_with(self->registry, tags, rp_slice_str(plan->tags.items[i].key),
                            rp_slice_str(plan->tags.items[i].value));
    return tags ? rp_tags_with(self->registry, tags, RP_SLICE("group"), RP_SLICE("::setup")) : NULL;
}

static int make_setup_vu(struct py_host *self)
{
    struct py_setup *setup = &rp_py_bridge(self)->setup;

    setup->engine_vu = (struct rp_vu){ .host = &self->script, .tags = setup_tags(self) };
    if (!setup->engine_vu.tags)
        return -ENOMEM;
    setup->vu = rp_py_worker_new(self, &setup->engine_vu);
    return setup->vu ? 0 : -ENOMEM;
}

static int host_prepare(struct rp_script_host *script, const struct rp_script_run *run,
                        struct rp_error *err)
{
    struct py_host *self = of_script(script);
    int r;

    self->plan = run->plan;
    self->registry = run->registry;
    self->clients = run->clients;
    self->http = run->clients->client[RP_CLIENT_HTTP];
    r = rp_py_series_new(self, err);
    if (r == 0)
        r = rp_py_templates_new(self);
    if (r == 0)
        r = make_setup_vu(self);
    if (r == 0) {
        Py_XSETREF(self->contexts.base, PyContext_CopyCurrent());
        r = self->contexts.base ? 0 : -ENOMEM;
    }
    PyErr_Clear();
    return r;
}

static void host_release(struct rp_script_host *script)
{
    struct py_host *self = of_script(script);
    struct py_bridge *bridge = rp_py_bridge(self);
    struct py_setup *setup = &bridge->setup;

    if (setup->vu)
        rp_py_vu_release(setup->vu);
    Py_CLEAR(setup->vu);
    Py_CLEAR(bridge->function.object);
    bridge->function.scenario = NULL;
    rp_task_cancel(&setup->failed_task);
    if (self->clients)
        rp_clients_free_sessions(self->clients, setup->engine_vu.sessions);
    rp_http_session_free(self->grpc_session);
    self->grpc_session = NULL;
    rp_py_series_free(self);
    rp_py_templates_free(self);
    Py_CLEAR(self->grpc_methods);
    Py_CLEAR(self->grpc_schemas);
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

/* hooks.changed_errors() answers with the groups that have changed since the last call that
 * worked. */
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

/* ---- setup and teardown ---------------------------------------------------------------------- */

static void hook_failed(struct rp_task *task)
{
    struct py_bridge *bridge = rp_container_of(task, struct py_bridge, setup.failed_task);
    struct rp_script_host *script = &bridge->host.script;
    struct rp_error err = { 0 };

    rp_error_set(&err, -RP_EUSER, "the hook cannot be started; the worker has said why");
    script->hook_ended(script, bridge->setup.failed, &err);
    rp_error_deinit(&err);
}

static void host_hook(struct rp_script_host *script, enum rp_hook hook, rp_ns timeout)
{
    struct py_host *self = of_script(script);
    struct py_setup *setup = &rp_py_bridge(self)->setup;
    const char *name = hook == RP_HOOK_SETUP ? "setup" : "teardown";
    PyObject *started = rp_py_ask(self, PY_HOOK_RUN_HOOK, name, setup->vu, (double)timeout / 1e9);

    setup->is_running = started != NULL;
    if (!started) {
        PyErr_WriteUnraisable(self->hooks);
        setup->failed = hook;
        rp_loop_defer(self->loop, &setup->failed_task, hook_failed);
    }
    Py_XDECREF(started);
}

/* ---- VUs ------------------------------------------------------------------------------------- */

/* The function that iterations of @scenario call: a new reference, or NULL with an exception. */
static PyObject *function_of(struct py_host *self, const struct rp_scenario *scenario)
{
    struct py_function *last = &rp_py_bridge(self)->function;

    if (last->scenario != scenario) {
        PyObject *function = rp_py_ask(self, PY_HOOK_FUNCTION, scenario->name, scenario->exec_fn);

        if (!function)
            return NULL;
        Py_XSETREF(last->object, function);
        last->scenario = scenario;
    }
    return Py_NewRef(last->object);
}

static int host_vu_init(struct rp_script_host *script, struct rp_vu *engine_vu,
                        struct rp_error *err)
{
    struct py_host *self = of_script(script);
    struct py_vu *vu = rp_py_worker_new(self, engine_vu);

    engine_vu->host_data = vu;
    if (vu)
        vu->function = function_of(self, engine_vu->scenario);
    if (vu && vu->function && rp_py_context_init(vu) == 0)
        return 0;
    rp_py_fetch_error(self, err, "a VU cannot be made");
    return -RP_EUSER;
}

static void host_vu_deinit(struct rp_script_host *script, struct rp_vu *engine_vu)
{
    struct py_vu *vu = engine_vu->host_data;

    if (!vu)
        return;
    engine_vu->host_data = NULL;
    rp_py_vu_release(vu);
    Py_DECREF(vu);
}

const struct rp_script_ops rp_py_script_ops = {
    .runtime = host_runtime,
    .load = host_load,
    .prepare = host_prepare,
    .vu_init = host_vu_init,
    .vu_deinit = host_vu_deinit,
    .begin = rp_py_begin,
    .interrupt = rp_py_interrupt,
    .hook = host_hook,
    .pack = host_pack,
    .share = host_share,
    .each_error = host_each_error,
    .release = host_release,
};
