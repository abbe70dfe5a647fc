/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/api.h - what scripts call: the types Worker, HttpClient, Request, Response, Group,
 * Sleep and Execution.
 *
 * The folder stands on python/drive, whose VUs and operations its types are. This header is what
 * python/bridge needs of it: the specs of the types, what a run makes and frees, and the exceptions
 * that errors of ours become.
 */

#include "base/slice.h"
#include "python/drive/vu.h"

/* The type of a VU in which a script has kept an attribute; @plain is that of all others. New
 * reference, or NULL with an exception. */
PyTypeObject *rp_py_keeping_vu_type(PyObject *module, PyTypeObject *plain);
/* The same of a request that has a callback, as a future has. */
PyTypeObject *rp_py_future_request_type(PyObject *module, PyTypeObject *plain);
/* What worker.ws.connect() returns: it is awaited, or entered. */
PyTypeObject *rp_py_connect_type(PyObject *module, PyTypeObject *wait);

extern PyType_Spec rp_py_vu_spec, rp_py_http_spec, rp_py_execution_spec, rp_py_request_spec,
    rp_py_sleep_spec, rp_py_response_spec, rp_py_template_spec, rp_py_group_spec, rp_py_stream_spec,
    rp_py_read_spec, rp_py_ws_client_spec, rp_py_socket_spec, rp_py_wait_spec,
    rp_py_grpc_method_spec, rp_py_grpc_spec, rp_py_grpc_wait_spec;

/* A VU with its HTTP client object. NULL with an exception. */
struct py_vu *rp_py_worker_new(struct py_host *host, struct rp_vu *engine_vu);
/* The run is over for @vu: what scripts have of it raises RuntimeError from now on, and the VU
 * keeps nothing but its host and its client object. */
void rp_py_vu_release(struct py_vu *vu);

/* The reactor of a guest goes away: requests and sleeps that outlive the run are cancelled, for
 * nothing else would end them. The second function takes all timers from the reactor. */
void rp_py_requests_abandon(struct py_host *host);
void rp_py_sleeps_abandon(struct py_host *host);
/* An iteration of @vu is over: a stream that it has left open is closed, and counts as one that the
 * script has left. */
void rp_py_streams_leave(struct py_vu *vu);
/* The run is over for @vu: its streams end, without samples. */
void rp_py_streams_abandon(struct py_vu *vu);
/* The same of WebSockets: one that is left open is closed, without waiting for the server. */
void rp_py_sockets_leave(struct py_vu *vu);
void rp_py_sockets_abandon(struct py_vu *vu);

/* The same of calls of gRPC. */
void rp_py_grpc_leave(struct py_vu *vu);
void rp_py_grpc_abandon(struct py_vu *vu);

/* Frees the objects that wait for their next use. */
void rp_py_free_lists_clear(struct rp_pystate *state);

/* convert.c */
/* The text of a str, borrowed. -1 with a TypeError that names @what. */
int rp_py_utf8(PyObject *object, const char *what, struct rp_slice *ret);
/* The number that an argument of a function is. -1 with an exception: a TypeError such as "sleep:
 * seconds as a number, not '1s'" for what is none. */
int rp_py_number(PyObject *object, const char *function, const char *what, double *ret);
/* Raises the exception of an error of ours, -errno or -RP_...: there is no other place that does.
 * Returns NULL. */
PyObject *rp_py_raise(int code, const struct rp_error *err);
PyObject *rp_py_raise_and_deinit(int code, struct rp_error *err);
