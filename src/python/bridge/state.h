/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/state.h - the state of the module `_rampa` and the types its files share.
 *
 * Everything lives in the module's state or in objects: no static Python object, so that the module can be loaded twice.
 * Objects that are used per request hold a pointer to the state. One thread (with the GIL) owns a host and all its
 * VUs, operations and responses.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "http/http.h"
#include "worker/worker.h"
#include "python/drive/hooks.h"
#include "python/bridge/watchdog.h"
#include "script/script.h"

enum {
    RP_PY_FREE_MAX = 256,
    RP_PY_SERIES_SLOTS = 1024,
    RP_PY_TEMPLATE_SLOTS = 1024,
    RP_PY_TEMPLATES_MAX = 4096
};

struct py_handles { /* offsets of the fields of an asyncio.Handle */
    Py_ssize_t callback, args, cancelled, loop, source_traceback, repr, context;
};

struct rp_pystate {
    PyTypeObject *host_type, *vu_type, *http_type, *execution_type, *request_type, *sleep_type,
        *response_type, *template_type, *group_type, *pause_type, *run_type, *events_type,
        *handle_type;
    PyObject *json_loads, *make_headers, *make_timings, *asyncio_cancelled, *request_error,
        *run_aborted;
    PyObject *s_blocking, *s_add_done_callback, *s_cancel, *s_context, *s_throw, *s_close,
        *s_append, *s_scheduled, *s_done, *s_cr_code, *s_task_factory, *s_debug, *s_closed;
    PyObject *context_names; /* the tuple ("context",) */
    PyObject *hook_names[PY_HOOK_COUNT];
    struct py_handles handles;
    PyObject *statuses[600]; /* ints, made on demand */
    struct py_request *free_requests;
    unsigned free_request_count;
    struct py_response *free_responses;
    unsigned free_response_count;
};

/* ---- operations: what a scenario awaits -------------------------------------------------------------------- */

enum py_op_state { PY_OP_NEW, PY_OP_RUNNING, PY_OP_DONE, PY_OP_CANCELLED };

struct py_vu;

/* The common beginning of every awaitable of ours. It is an iterator that yields itself (whoever drives it decides what
 * that means), future-like (asyncio tasks and gather() wait on it) and starts when it is first driven.
 * A VU at rest has one: every word of it counts. */
struct py_op {
    PyObject_HEAD struct py_host *host; /* strong */
    struct py_vu *waiter;               /* the VU that is parked on it; borrowed, it holds us */
    PyObject *callbacks;                /* list of (callable, context), or NULL */
    PyObject *outcome;                  /* when done: the result or, when failed, the exception */
    const struct py_op_kind *kind;
    uint8_t op_state; /* enum py_op_state */
    bool failed;
    bool blocking;     /* asyncio's _asyncio_future_blocking */
    bool is_scheduled; /* of a pause: in asyncio's heap of timers */
};

struct py_op_kind {
    int (*start)(struct py_op *op);   /* 0, or -1 with an exception set */
    void (*cancel)(struct py_op *op); /* of a running one: nothing of it happens afterwards */
};

struct py_request { /* what worker.http.get() returns */
    struct py_op op;
    struct rp_pystate *state;
    struct py_vu *vu;             /* strong: its session runs the call */
    struct py_response *response; /* strong */
    struct rp_http_call call;
    PyObject *weakrefs;
    struct rp_list node; /* of a guest's requests that are under way */
    bool raise_errors;
    struct py_request *next_free;
};

/* Not tracked by the garbage collector, as a pause: while others may point to it the loop has it, and then it has let go
 * of its callbacks. */
struct py_sleep { /* worker.sleep() */
    struct py_op op;
    struct rp_timer timer; /* until the start its deadline is the time to sleep */
};

struct py_pause { /* what asyncio.sleep() waits for; a timer handle to asyncio */
    struct py_op op;
    double when; /* in the time of the asyncio loop; until the start the time to sleep */
};

struct py_response {
    PyObject_HEAD struct rp_pystate *state;
    struct rp_http_template *template; /* strong: method and URL */
    struct rp_http_response response;
    PyObject *headers, *body, *timings; /* made on demand */
    struct py_response *next_free;
};

struct py_template { /* a prepared request in the cache */
    PyObject_HEAD struct rp_http_template *template;
};

/* ---- the host and its VUs ------------------------------------------------------------------------------ */

struct series_slot { /* a metric of the script, found by the identity of its name */
    PyObject *name;  /* strong */
    const struct rp_tags *tags;
    const char *metric; /* "checks" or the type's name: a constant */
    struct rp_series *series;
};

struct template_slot {
    PyObject *url; /* strong */
    struct py_template *template;
};

struct py_host {
    PyObject_HEAD struct rp_pystate *state; /* the module's; our type holds the module */
    struct rp_script_host script;
    struct rp_loop *loop;
    struct rp_worker *worker;
    struct rp_registry *registry;
    const struct rp_clients *clients;
    struct rp_http_client *http; /* one of them */
    const struct rp_plan *plan;
    const struct rp_metric *checks;
    PyObject *hooks;                        /* rampa._worker.Hooks */
    PyObject *aio_loop, *ready, *scheduled; /* the asyncio loop and two of its queues */
    PyObject *neutral_context, *call_soon, *heappush, *get_running_loop;
    PyObject *setup_data;
    PyObject *env; /* dict of the run */
    /* tasks.c: of asyncio; the tasks of VUs that run an iteration -> VU; names of files -> whose they are */
    PyObject *task_type, *create_task, *current_task, *current_tasks, *loop_name;
    PyObject *owners, *file_kinds;
    struct py_vu *spawning; /* whose task is being made; borrowed */
    struct rp_watch aio_watch;
    bool aio_ready, has_ended;
    bool has_handles;                      /* handle.c makes them */
    PyObject *shared_context;              /* see context.c; NULL = to be made */
    PyObject *base_context;                /* what the script's module has set */
    const struct rp_scenario *function_of; /* the scenario whose function was looked up last */
    PyObject *function;
    int end_status;
    PyThreadState *thread;
    PyObject *templates[4];               /* dicts URL -> py_template, by method without a body */
    struct template_slot *template_slots; /* by address of the URL */
    struct series_slot *series_slots;
    uint64_t unnoted_errors; /* of iterations: not even their description was possible */
    struct rp_task hook_task;
    enum rp_hook failed_hook;
    struct rp_vu hook_vu; /* what setup() and teardown() record as */
    struct py_vu *hook_py_vu;
    bool is_in_hook;
    bool is_cut_short; /* what an iteration has held that an exception has ended is let go */
    bool is_turning;   /* the reactor is at work */
    bool is_forked;    /* this process is not the one that runs the test */
    bool is_over;      /* every iteration is to end: one that would go on is cancelled instead */
    unsigned long loop_thread;
    struct py_vu *stepping; /* whose iteration executes now; borrowed */
    struct py_watchdog watchdog;
    struct py_guest *guest; /* NULL in a worker process */
    int timer_slack;        /* of the thread, before the reactor was made */
    char runtime[64];
};

/* What most VUs at rest do without: made when it is first needed, then there as long as the VU. */
struct py_vu_extra {
    struct py_vu *vu;         /* borrowed: it owns us */
    PyObject *task;           /* what asyncio.current_task() is */
    unsigned cancel_requests; /* what its cancelling() is */
    PyObject *vu_dict, *env;
    const struct rp_tags *base_tags; /* outside of any group; NULL = it has never entered one */
    struct rp_task throw_task;
    struct rp_timer patience;
    struct py_child
        *children; /* tasks that the iteration has created, if they are not known to be done */
    unsigned child_count, child_room;
    PyObject *leftovers; /* what is waited for before the VU begins again, or NULL */
};

/* A VU: to scripts it is `worker`, of the type rampa.Worker. Not tracked by the garbage collector: the engine holds it, and the
 * engine's end breaks its cycles. */
struct py_vu {
    PyObject_HEAD struct py_host *host; /* strong */
    struct rp_vu *engine_vu;            /* what the engine knows it by; NULL once the run is over */
    PyObject *function, *coro;
    PyObject
        *waiting; /* strong: the operation or future it is parked on; Py_None for a bare yield */
    PyObject *http,
        *wakeup;       /* its HTTP client object, what asyncio calls: NULL before their first use */
    PyObject *context; /* its own; NULL = the shared one */
    struct py_vu_extra *extra; /* NULL before its first use */
    bool interrupting, must_cancel, throwing;
};

struct py_http {
    PyObject_HEAD struct py_vu *vu; /* borrowed: it holds us */
};

/* A sign of life for the watchdog, before code of the script runs and when the loop has turned. No exception is set. */
static inline void rp_py_alive(struct py_host *host)
{
    rp_py_watchdog_beat(&host->watchdog);
    if (rp_py_watchdog_has_noticed(&host->watchdog))
        rp_py_watchdog_unstuck(host);
}

struct rp_pystate *rp_py_state(PyObject *module);
extern struct PyModuleDef rp_py_module;

/* op.c */
extern PyMethodDef rp_py_op_methods[];
extern PyGetSetDef rp_py_op_getset[];
PyObject *rp_py_op_await(PyObject *self);
PySendResult rp_py_op_send(PyObject *self, PyObject *arg, PyObject **result);
PyObject *rp_py_op_iternext(PyObject *self);
int rp_py_op_traverse(struct py_op *op, visitproc visit, void *arg);
void rp_py_op_clear(struct py_op *op);
void rp_py_op_deinit(struct py_op *op);
/* For deallocators of what is new still. @text is what the place is added to. */
void rp_py_op_warn_never_awaited(struct py_op *op, const char *text);
void rp_py_op_dealloc(PyObject *self); /* of those that the garbage collector does not track */
/* Starts it if it is new. -1 with an exception. */
int rp_py_op_start(struct py_op *op);
/* Done: @result or @exception (either stolen, one NULL). Resumes the waiter at once, callbacks by call_soon. */
void rp_py_op_finish(struct py_op *op, PyObject *result, PyObject *exception);
void rp_py_op_run_callbacks(struct py_op *op); /* of one that is done or cancelled */
bool rp_py_op_cancel(struct py_op *op);
static inline bool rp_py_is_op(const struct rp_pystate *state, PyObject *object)
{
    return Py_IS_TYPE(object, state->request_type) || Py_IS_TYPE(object, state->sleep_type) ||
           Py_IS_TYPE(object, state->pause_type);
}

/* request.c, response.c, sleep.c, pause.c, http.c */
struct py_response *rp_py_response_new(struct rp_pystate *state);
struct py_request *rp_py_request_new(struct py_vu *vu, struct rp_http_template *template);
PyObject *rp_py_sleep_new(struct py_vu *vu, rp_ns delay);
/* Host.pause(delay): None when asyncio's own sleep() must do it. */
PyObject *rp_py_host_pause(PyObject *self, PyObject *delay);
PyObject *rp_py_http_new(struct py_vu *vu);
/* templates.c: the cache of prepared requests */
extern const char *const rp_py_plain_methods[4]; /* methods of requests without a body */
/* -1 with a TypeError that names @what. */
int rp_py_utf8(PyObject *object, const char *what, struct rp_slice *ret);
PyObject *rp_py_raise_and_deinit(int code, struct rp_error *err);
/* @method: an index of rp_py_plain_methods. A new reference. */
struct py_template *rp_py_template_find(struct py_host *host, int method, PyObject *url);
/* GET: a borrowed reference. */
struct py_template *rp_py_template_find_get(struct py_host *host, PyObject *url);
void rp_py_templates_clear(struct py_host *host);
void rp_py_free_lists_clear(struct rp_pystate *state);

/* Its timer, which may be any, was taken from the loop for good. */
void rp_py_sleep_abandon(struct rp_timer *timer);

/* host.c, script.c */
/* What is asked of every asyncio loop. -1 with an exception. */
int rp_py_host_take_loop(struct py_host *host, PyObject *aio_loop);
void rp_py_worker_ended(struct rp_worker *worker, void *user, int status);
extern const struct rp_script_ops rp_py_script_ops;
/* The VUs of a scenario are made one after the other: hooks.function() is asked once for all of them. A new reference. */
PyObject *rp_py_function_of(struct py_host *host, const struct rp_scenario *scenario);
/* A plain function has run by now, unless what it gave (stolen) is to be awaited: a coroutine that does. NULL: it is not, or
 * an exception. */
PyObject *rp_py_awaiting(struct py_vu *vu, PyObject *result);

/* worker.c */
struct py_vu *rp_py_vu_new(struct py_host *host, struct rp_vu *engine_vu);
void rp_py_vu_release(struct py_vu *vu); /* the run is over */
/* NULL with an exception. */
struct py_vu_extra *rp_py_vu_extra(struct py_vu *vu);
PyObject *rp_py_vu_wakeup_of(struct py_vu *vu); /* borrowed */
/* metrics.c */
PyObject *rp_py_vu_check(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
PyObject *rp_py_vu_counter(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames);
PyObject *rp_py_vu_gauge(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
PyObject *rp_py_vu_rate(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *rp_py_vu_trend(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
void rp_py_series_clear(struct py_host *host);

/* group.c */
PyObject *rp_py_vu_group(PyObject *self, PyObject *name);

/* foreign.c: what a VU waits for that is no operation of ours. -1 with an exception. */
/* Also for an operation that has a VU waiting for it already. */
int rp_py_park_on_future(struct py_vu *vu, PyObject *future);
int rp_py_park_on_foreign(struct py_vu *vu, PyObject *object);

/* drive.c: a VU's coroutine; the first four are members of rp_py_script_ops */
int rp_py_script_vu_init(struct rp_script_host *script, struct rp_vu *engine_vu,
                         struct rp_error *err);
void rp_py_script_vu_deinit(struct rp_script_host *script, struct rp_vu *engine_vu);
void rp_py_script_begin(struct rp_script_host *script, struct rp_vu *engine_vu);
void rp_py_script_interrupt(struct rp_script_host *script, struct rp_vu *engine_vu);
void rp_py_step(struct py_vu *vu, PyObject *exception);
PyObject *rp_py_vu_wakeup(PyObject *self, PyObject *arg);
/* Throws CancelledError into it: 1, 0 when it runs nothing, or -1 with an exception. */
int rp_py_vu_throw_cancelled(struct py_vu *vu);
/* As Task.cancel(), which counts: timeout() and TaskGroup ask for the count to know whose cancellation it is. */
int rp_py_vu_cancel(struct py_vu *vu);
/* The iteration counts as interrupted and has a second to clean up. What ends it, the caller does. */
void rp_py_vu_set_interrupted(struct py_vu *vu);

/* handle.c: call_soon() of a loop of our own */
int rp_py_handles_init(struct py_host *host); /* -1 with an exception */
PyObject *rp_py_host_call_soon(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames);
/* The loop's call_soon(callback, arg, context=context), whichever loop it is. -1 with an exception. */
int rp_py_call_soon(struct py_host *host, PyObject *callback, PyObject *arg, PyObject *context);

/* tasks.c: asyncio tasks that iterations create */
int rp_py_tasks_init(struct py_host *host); /* -1 with an exception */
void rp_py_tasks_deinit(struct py_host *host);
PyObject *rp_py_host_create_task(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames);
/* Host.spawn(make, coro, ...) is make(coro, ...) for a task factory. */
PyObject *rp_py_host_spawn(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames);
/* The iteration has ended: cancels what it has left. Whether the VU must be held until released(). */
bool rp_py_tasks_end(struct py_vu *vu, bool is_interrupted);
PyObject *rp_py_vu_released(PyObject *self, PyObject *leftovers);
void rp_py_tasks_clear(struct py_vu *vu); /* its extra part is there */

/* life.c: where operations may be used, and the end of a run that comes from inside */
int rp_py_refuse_here(struct py_host *host, const char *what);
/* -1 with an exception when the calling thread is not the loop's. @what must be done there. */
static inline int rp_py_require_here(struct py_host *host, const char *what)
{
    return RP_LIKELY(PyThread_get_thread_ident() == host->loop_thread)
               ? 0
               : rp_py_refuse_here(host, what);
}
/* In a process that the script has forked everything but its objects is still the parent's. */
PyObject *rp_py_host_forked(PyObject *self, PyObject *unused);
/* It has come back from the script's code, with or without an exception: it ends here. */
_Noreturn void rp_py_leave_fork(struct py_host *host);
struct rp_engine *rp_py_running_engine(const struct py_host *host); /* NULL: nothing runs */
void rp_py_end_run(struct py_host *host, const char *reason);
PyObject *rp_py_vu_abort(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
PyObject *rp_py_host_overdue(PyObject *self, PyObject *unused);
PyObject *rp_py_host_running(PyObject *self, PyObject *unused);

/* context.c: context variables and current task of a VU */
PyObject *rp_py_context_of(struct py_vu *vu); /* borrowed, NULL with an exception */
/* A step has left variables in the shared context: it is @vu's from now on. */
void rp_py_keep_context(struct py_vu *vu);
int rp_py_context_init(struct py_vu *vu);
/* One that nobody else will run in: borrowed, NULL with an exception. */
PyObject *rp_py_own_context(struct py_vu *vu);
/* Host.current_task(loop): that of the VU whose coroutine runs now in the loop (None = the running one), or None. */
PyObject *rp_py_host_current_task(PyObject *self, PyObject *loop);
/* Whether the loop that runs in the calling thread is the host's: 1, 0, or -1 with an exception. */
int rp_py_is_running_here(struct py_host *host);

/* errors.c */
/* Fills @err from the current Python exception (cleared): the user's file and line, message, cleaned traceback. */
void rp_py_fetch_error(struct py_host *host, struct rp_error *err, const char *what);
/* The current exception (cleared) with its traceback: a new reference. */
PyObject *rp_py_take_error(void);
/* The one place where our codes become Python exceptions. Returns NULL. */
PyObject *rp_py_raise(int code, const struct rp_error *err);

/* Spec tables of the types. */
extern PyType_Spec rp_py_host_spec, rp_py_vu_spec, rp_py_http_spec, rp_py_execution_spec,
    rp_py_request_spec, rp_py_sleep_spec, rp_py_response_spec, rp_py_template_spec,
    rp_py_group_spec, rp_py_pause_spec, rp_py_run_spec, rp_py_events_spec;
/* plan.c: functions of the module */
extern PyMethodDef rp_py_plan_methods[];
PyObject *rp_py_execution_new(struct py_vu *vu);
