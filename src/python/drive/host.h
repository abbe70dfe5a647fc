/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/host.h - a host: what the VUs of one run in this process share.
 *
 * This is the host as coroutines and the objects of scripts see it. Each part belongs to one owner,
 * who documents it in its header. The bridge puts its own parts around it (struct py_bridge in
 * bridge/bridge.h), and is called by way of struct py_host_ops only. One thread, with the GIL, owns
 * a host with all its VUs, operations and responses.
 */

#include "http/http.h"
#include "python/drive/aio.h"
#include "python/drive/context.h"
#include "python/drive/hooks.h"
#include "python/drive/pulse.h"
#include "python/drive/tasks.h"
#include "script/script.h"
#include "worker/worker.h"

/* What coroutines and objects of scripts need of the folder above them. */
struct py_host_ops {
    /* Ends the run, as by the script; @reason may be "". What executes now ends by the exception
     * that its caller raises. */
    void (*end_run)(struct py_host *host, const char *reason);
    /* In a process that the script has forked: its code has come back, with or without an
     * exception. Does not return. */
    void (*leave_fork)(struct py_host *host);
    /* An iteration of @vu is over, and streams or WebSockets that it has opened are not:
     * vu->open_streams. */
    void (*leave_streams)(struct py_vu *vu);
    /* The pulse was noticed to be missing, and this is a beat. */
    void (*unstuck)(struct py_host *host);
};

struct py_host {
    PyObject_HEAD struct rp_pystate *state; /* the module's; our type holds the module */
    const struct py_host_ops *ops;
    PyObject *hooks;              /* see hooks.h; NULL once the host is cleared */
    struct rp_script_host script; /* what the engine knows the host by */
    struct rp_loop *loop;         /* the reactor */
    unsigned long loop_thread;    /* Python's number of the thread that turns it; 0 = none may */

    /* the run: NULL before it is prepared and after it is over */
    struct rp_worker *worker;
    struct rp_registry *registry;
    const struct rp_clients *clients;
    struct rp_http_client *http; /* one of them */
    const struct rp_plan *plan;
    PyObject *setup_data;
    PyObject *env;           /* the environment of the process: a dict */
    uint64_t unnoted_errors; /* of iterations: there was no memory to describe them */

    /* coroutines */
    struct py_vu *stepping; /* whose iteration executes now; borrowed */
    struct py_aio aio;
    struct py_tasks tasks;
    struct py_contexts contexts;
    struct py_pulse pulse;
    /* KeyboardInterrupt or SystemExit that left an iteration of a guest: its program's */
    PyObject *fatal;
    bool is_cut_short; /* what an iteration has held that an exception has ended is let go */
    bool is_over;      /* every iteration is to end: one that would go on is cancelled instead */
    bool is_forked;    /* this process is not the one that runs the test */

    /* of other owners, who are above this folder */
    struct py_templates *templates; /* api/templates.h: while the run is prepared */
    struct py_series *series;       /* api/metrics.h: while the run is prepared */
    struct rp_list requests;        /* api/request.c: those under way, in a guest only */
    struct rp_list streams;         /* api/stream.c: those under way */
    struct rp_list grpc_calls;      /* api/grpc.c: those under way */
    struct rp_list left_sockets;    /* api/websocket_wait.c: what waits for them is to be woken */
    PyObject *grpc_methods;         /* api/grpc.c: a dict of those that are prepared, or NULL */
    PyObject *grpc_schemas; /* api/grpc.c: a dict of those that servers have told, or NULL */
    struct rp_http_session *grpc_session; /* api/grpc.c: that VUs share, or NULL */
    struct py_guest *guest;               /* bridge/guest.h; NULL in a worker process */
};

/* A sign of life for the watchdog, before code of the script runs and when the loop has turned. No
 * exception is set. */
static inline void rp_py_alive(struct py_host *host)
{
    rp_py_pulse_beat(&host->pulse);
    if (rp_py_pulse_is_noticed(&host->pulse))
        host->ops->unstuck(host);
}

/* Always -1, with the exception that says why something cannot be done in this thread or
 * process. */
int rp_py_refuse_here(const struct py_host *host, const char *what);
/* -1 with an exception when the calling thread is not the loop's. @what must be done there. */
static inline int rp_py_require_here(const struct py_host *host, const char *what)
{
    return RP_LIKELY(PyThread_get_thread_ident() == host->loop_thread)
               ? 0
               : rp_py_refuse_here(host, what);
}

/* The current exception (cleared) with its traceback: a new reference. */
PyObject *rp_py_take_error(void);
