/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/api.h - what scripts call: the types Worker, HttpClient, Request, Response, Group, Sleep and Execution.
 *
 * The folder stands on python/drive, whose VUs and operations its types are. This header is what python/bridge needs of it:
 * the specs of the types, what a run makes and frees, and the exceptions that errors of ours become.
 */

#include "base/slice.h"
#include "python/drive/vu.h"

extern PyType_Spec rp_py_vu_spec, rp_py_http_spec, rp_py_execution_spec, rp_py_request_spec,
    rp_py_sleep_spec, rp_py_response_spec, rp_py_template_spec, rp_py_group_spec;

/* The run is over for @vu: its objects raise RuntimeError from now on, and it keeps nothing but its host. */
void rp_py_vu_release(struct py_vu *vu);

/* In a guest, whose reactor goes away: operations that outlive the run are cancelled, for nothing else would end them. */
void rp_py_requests_abandon(struct py_host *host);
/* The timers of the reactor, which are taken from it. */
void rp_py_sleeps_abandon(struct py_host *host);

/* Frees the objects that wait for their next use. */
void rp_py_free_lists_clear(struct rp_pystate *state);

/* convert.c */
/* The text of a str, borrowed. -1 with a TypeError that names @what. */
int rp_py_utf8(PyObject *object, const char *what, struct rp_slice *ret);
/* The one place where our codes become Python exceptions. Returns NULL. */
PyObject *rp_py_raise(int code, const struct rp_error *err);
PyObject *rp_py_raise_and_deinit(int code, struct rp_error *err);
