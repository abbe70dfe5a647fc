/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/vu.h - a VU's object: to scripts it is `worker`, of the type rampa.Worker
 * (api/worker.c).
 *
 * A VU at rest is the unit that there are most of: what not every VU needs stands in its extra
 * part. The object is not tracked by the garbage collector: the engine holds it, and the end of the
 * run breaks its cycles.
 */

#include "python/drive/host.h"

struct py_child;

struct py_vu {
    PyObject_HEAD struct py_host *host; /* strong */
    struct rp_vu *engine_vu;            /* what the engine knows it by; NULL once the run is over */
    PyObject *function;                 /* the scenario's */
    PyObject *coro;                     /* of the iteration that runs; NULL between two */
    /* What the coroutine waits for, strong: an operation or a future; Py_None for a bare yield;
     * NULL while it executes. */
    PyObject *waiting;
    PyObject *attributes;      /* dict of what the iteration has set on `worker`, or NULL */
    PyObject *http;            /* its HTTP client object (api/worker.c) */
    PyObject *wakeup;          /* what asyncio calls to resume it; NULL before its first use */
    PyObject *context;         /* its own; NULL = the shared one */
    struct py_vu_extra *extra; /* NULL before its first use */
    bool interrupting;         /* the iteration counts as interrupted, and cleans up */
    bool must_cancel;          /* a CancelledError is due when it waits next */
    bool throwing;             /* a deferred task of the loop will throw a CancelledError */
    bool has_grouped;          /* it has entered a group at some time (api/group.c) */
    uint16_t open_streams;     /* bodies that are being read, WebSockets, calls of gRPC (api) */
};

/* What most VUs at rest do without: made when it is first needed, then there as long as the VU. */
struct py_vu_extra {
    struct py_vu *vu;         /* borrowed: it owns us */
    PyObject *task;           /* what asyncio.current_task() is */
    unsigned cancel_requests; /* what the task's cancelling() is */
    PyObject *vu_dict, *env;  /* worker.vu and worker.env */
    PyObject *ws;             /* worker.ws (api/websocket.c) */
    PyObject *grpc;           /* worker.grpc */
    struct rp_task throw_task;
    /* with an interrupted iteration, or with the tasks that one has left */
    struct rp_timer patience;
    /* Tasks that the iteration has created, unless they are known to be done. */
    struct py_child *children;
    unsigned child_count, child_room;
    PyObject *leftovers; /* what is waited for before the VU begins again, or NULL */
};

/* NULL with an exception. */
struct py_vu *rp_py_vu_new(struct py_host *host, struct rp_vu *engine_vu);
/* The run is over: the VU keeps nothing but its host and its HTTP client object, which must have
 * forgotten the VU before. */
void rp_py_vu_deinit(struct py_vu *vu);
/* The extra part, which is made when it is first asked for. NULL with an exception. */
struct py_vu_extra *rp_py_vu_extra(struct py_vu *vu);
/* Always -1, with the exception that the run is over. @what belonged to that run, as scripts call
 * it: "worker". */
int rp_py_vu_refuse(const char *what);
/* -1 with that exception when the run is over. */
static inline int rp_py_vu_require(const struct py_vu *vu)
{
    return RP_LIKELY(vu->engine_vu != NULL) ? 0 : rp_py_vu_refuse("worker");
}
