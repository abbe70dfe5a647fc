/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/state.h - the state of the module `_rampa`.
 *
 * Everything lives in this state or in objects: there is no static Python object, so that the
 * module can be loaded twice. Objects that are used per request hold a pointer to it. The module
 * (bridge/module.c) makes it before any object, and clears it.
 */

#include "python/drive/hooks.h"

#include <structmember.h>

enum { RP_PY_FREE_MAX = 256 };

/* Operations of one type that wait for their next use (drive/op_spares.c). */
struct py_spares {
    struct py_op *first;
    unsigned count;
};

/* What handle.c knows of asyncio's Handle: where its fields are. */
struct py_handles {
    Py_ssize_t callback, args, cancelled, loop, source_traceback, repr, context;
    PyCFunction wakeup; /* the method of a VU that enters a context of its own */
};

struct rp_pystate {
    /* types, each made from the spec of its name */
    PyTypeObject *host_type, *vu_type, *http_type, *execution_type, *request_type, *sleep_type,
        *response_type, *template_type, *group_type, *pause_type, *run_type, *events_type,
        *handle_type, *keeping_vu_type, *future_request_type, *stream_type, *read_type,
        *ws_client_type, *socket_type, *wait_type, *connect_type, *grpc_method_type, *grpc_type,
        *grpc_wait_type;
    /* what is imported */
    PyObject *json_loads, *make_headers, *make_timings, *asyncio_cancelled, *request_error,
        *run_aborted, *refuse_option, *response_fields, *make_cookies, *make_stream, *json_text,
        *make_socket_error, *make_grpc, *make_grpc_response;
    /* names of attributes */
    PyObject *s_blocking, *s_add_done_callback, *s_cancel, *s_context, *s_throw, *s_close,
        *s_append, *s_scheduled, *s_done, *s_cr_code, *s_task_factory, *s_debug, *s_closed;
    PyObject *context_names; /* the tuple ("context",) */
    PyObject *hook_names[PY_HOOK_COUNT];
    PyObject *statuses[600]; /* ints, made on demand */
    struct py_handles handles;
    /* objects that wait for their next use (api) */
    struct py_request *free_requests;
    unsigned free_request_count;
    struct py_response *free_responses;
    unsigned free_response_count;
    struct py_spares spare_waits, spare_grpc_waits;
};
