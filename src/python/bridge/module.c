/* SPDX-License-Identifier: MIT */
#include "python/bridge/bridge.h"
#include "python/bridge/module.h"

#include "proto/snappy.h"

static PyObject *attribute(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *value = imported ? PyObject_GetAttrString(imported, name) : NULL;

    Py_XDECREF(imported);
    return value;
}

static int import_helpers(struct rp_pystate *state)
{
    const struct {
        PyObject **slot;
        const char *module, *name;
    } wanted[] = {
        { &state->json_loads, "json", "loads" },
        { &state->make_headers, "rampa._response", "Headers" },
        { &state->make_timings, "rampa._response", "Timings" },
        { &state->request_error, "rampa.errors", "request_error" },
        { &state->asyncio_cancelled, "asyncio", "CancelledError" },
        { &state->run_aborted, "rampa.errors", "RunAborted" },
        { &state->refuse_option, "rampa._request", "refuse_option" },
        { &state->make_cookies, "rampa._cookies", "Cookies" },
        { &state->response_fields, "rampa._response", "response_fields" },
        { &state->make_stream, "rampa._stream", "Stream" },
        { &state->json_text, "rampa._request", "_json_text" },
        { &state->make_socket_error, "rampa.errors", "websocket_error" },
        { &state->make_grpc, "rampa.grpc", "GrpcClient" },
        { &state->make_grpc_response, "rampa._grpc_calls", "made_response" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(wanted); i++)
        if (!(*wanted[i].slot = attribute(wanted[i].module, wanted[i].name)))
            return -1;
    return 0;
}

static int intern_names(struct rp_pystate *state)
{
    const struct {
        PyObject **slot;
        const char *text;
    } wanted[] = {
        { &state->s_blocking, "_asyncio_future_blocking" },
        { &state->s_add_done_callback, "add_done_callback" },
        { &state->s_cancel, "cancel" },
        { &state->s_context, "context" },
        { &state->s_throw, "throw" },
        { &state->s_close, "close" },
        { &state->s_append, "append" },
        { &state->s_scheduled, "_scheduled" },
        { &state->s_done, "done" },
        { &state->s_cr_code, "cr_code" },
        { &state->s_task_factory, "_task_factory" },
        { &state->s_debug, "_debug" },
        { &state->s_closed, "_closed" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(wanted); i++)
        if (!(*wanted[i].slot = PyUnicode_InternFromString(wanted[i].text)))
            return -1;
    state->context_names = PyTuple_Pack(1, state->s_context);
    return state->context_names ? 0 : -1;
}

static int make_types(PyObject *module, struct rp_pystate *state)
{
    const struct {
        PyTypeObject **slot;
        PyType_Spec *spec;
        const char *public_name;
    } wanted[] = {
        { &state->host_type, &rp_py_host_spec, "Host" },
        { &state->vu_type, &rp_py_vu_spec, "Worker" },
        { &state->http_type, &rp_py_http_spec, "HttpClient" },
        { &state->execution_type, &rp_py_execution_spec, "Execution" },
        { &state->request_type, &rp_py_request_spec, "Request" },
        { &state->sleep_type, &rp_py_sleep_spec, "Sleep" },
        { &state->pause_type, &rp_py_pause_spec, NULL },
        { &state->response_type, &rp_py_response_spec, "Response" },
        { &state->template_type, &rp_py_template_spec, NULL },
        { &state->group_type, &rp_py_group_spec, "Group" },
        { &state->stream_type, &rp_py_stream_spec, NULL },
        { &state->read_type, &rp_py_read_spec, NULL },
        { &state->ws_client_type, &rp_py_ws_client_spec, "WebSocketClient" },
        { &state->socket_type, &rp_py_socket_spec, "WebSocketSession" },
        { &state->wait_type, &rp_py_wait_spec, NULL },
        { &state->grpc_method_type, &rp_py_grpc_method_spec, NULL },
        { &state->grpc_type, &rp_py_grpc_spec, NULL },
        { &state->grpc_wait_type, &rp_py_grpc_wait_spec, NULL },
        { &state->run_type, &rp_py_run_spec, "Run" },
        { &state->events_type, &rp_py_events_spec, "Events" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(wanted); i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, wanted[i].spec, NULL);

        if (!type)
            return -1;
        *wanted[i].slot = (PyTypeObject *)type;
        if (wanted[i].public_name && PyModule_AddObjectRef(module, wanted[i].public_name, type) < 0)
            return -1;
    }
    state->keeping_vu_type = rp_py_keeping_vu_type(module, state->vu_type);
    state->future_request_type = rp_py_future_request_type(module, state->request_type);
    state->connect_type = rp_py_connect_type(module, state->wait_type);
    if (!state->keeping_vu_type || !state->future_request_type || !state->connect_type)
        return -1;
    return PyModule_AddObjectRef(module, "WebSocketConnect", (PyObject *)state->connect_type);
}

static PyObject *snappy_compress(PyObject *module, PyObject *data)
{
    Py_buffer view;
    struct rp_buf out;
    PyObject *ret;

    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    rp_buf_init(&out, (size_t)1 << 31);
    rp_snappy_compress(rp_slice(view.buf, (size_t)view.len), &out);
    PyBuffer_Release(&view);
    ret = out.error ? PyErr_NoMemory() : PyBytes_FromStringAndSize(out.data, (Py_ssize_t)out.len);
    rp_buf_deinit(&out);
    return ret;
}

static PyMethodDef functions[] = {
    { "snappy_compress", snappy_compress, METH_O,
      PyDoc_STR("snappy_compress(data, /)\n--\n\nThe data in the block format of Snappy.") },
    { NULL, NULL, 0, NULL },
};

static int module_exec(PyObject *module)
{
    struct rp_pystate *state = PyModule_GetState(module);

    /* The package takes types from here while its helpers are imported: they must be there
     * first. */
    if (intern_names(state) < 0 || rp_py_hooks_init(state) < 0 || make_types(module, state) < 0 ||
        PyModule_AddFunctions(module, functions) < 0 ||
        PyModule_AddFunctions(module, rp_py_process_methods) < 0)
        return -1;
    return import_helpers(state);
}

/* Every Python object of the state, for traverse and clear. */
/* clang-format off */
#define STATE_OBJECTS(X) \
    X(host_type) X(vu_type) X(keeping_vu_type) X(http_type) X(execution_type) X(request_type) X(future_request_type) X(sleep_type) \
    X(pause_type) X(response_type) X(template_type) X(group_type) X(run_type) X(events_type) X(json_loads) X(make_headers) \
    X(make_timings) X(asyncio_cancelled) X(request_error) X(run_aborted) X(refuse_option) X(response_fields) X(make_cookies) X(s_blocking) X(make_stream) X(stream_type) X(read_type) \
    X(ws_client_type) X(socket_type) X(wait_type) X(connect_type) X(json_text) X(make_socket_error) \
    X(grpc_method_type) X(grpc_type) X(grpc_wait_type) X(make_grpc) X(make_grpc_response) \
    X(s_add_done_callback) X(s_cancel) X(s_context) X(s_throw) X(s_close) X(s_append) \
    X(s_scheduled) X(s_done) X(s_cr_code) X(s_task_factory) X(s_debug) X(s_closed) \
    X(context_names) X(handle_type)
/* clang-format on */

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct rp_pystate *state = PyModule_GetState(module);

#define VISIT(field) Py_VISIT(state->field);
    STATE_OBJECTS(VISIT)
    for (int i = 0; i < PY_HOOK_COUNT; i++)
        Py_VISIT(state->hook_names[i]);
#undef VISIT
    return 0;
}

static int module_clear(PyObject *module)
{
    struct rp_pystate *state = PyModule_GetState(module);

    rp_py_free_lists_clear(state);
    for (size_t i = 0; i < RP_ARRAY_LEN(state->statuses); i++)
        Py_CLEAR(state->statuses[i]);
#define CLEAR(field) Py_CLEAR(state->field);
    STATE_OBJECTS(CLEAR)
    for (int i = 0; i < PY_HOOK_COUNT; i++)
        Py_CLEAR(state->hook_names[i]);
#undef CLEAR
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, module_exec },
    { 0, NULL },
};

struct PyModuleDef rp_py_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_rampa",
    .m_doc = "The C part of rampa. Use the package rampa.",
    .m_size = sizeof(struct rp_pystate),
    .m_methods = rp_py_plan_methods,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};
