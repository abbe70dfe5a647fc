/* SPDX-License-Identifier: MIT */

/*
 * The type Host, and how the asyncio loop of a worker process waits in our reactor. asyncio's own
 * descriptors sit in a selector whose epoll descriptor is nested in the reactor. Host.wait() turns
 * the reactor and returns only when asyncio has something to do: its selector is ready, a callback
 * was scheduled, a timer was added or is due, or all is over.
 */

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/alloc.h"
#include "python/bridge/bridge.h"
#include "python/bridge/guest.h"

enum { RECEIVE_BLOCK_MAX = 512 * 1024 };

/* ---- waiting --------------------------------------------------------------------------------- */

static void before_wait(void *user)
{
    struct py_bridge *self = user;

    rp_py_pulse_set_idle(&self->host.pulse, true);
    self->sharing.thread = PyEval_SaveThread();
}

static void after_wait(void *user)
{
    struct py_bridge *self = user;

    PyEval_RestoreThread(self->sharing.thread);
    rp_py_pulse_set_idle(&self->host.pulse, false);
}

static void asyncio_ready(struct rp_watch *watch, unsigned ready)
{
    rp_container_of(watch, struct py_sharing, watch)->is_ready = true;
}

void rp_py_worker_ended(struct rp_worker *worker, void *user, int status)
{
    struct py_bridge *self = rp_py_bridge(user);

    self->has_ended = true;
    self->end_status = status;
}

static PyObject *first_timer(const struct py_host *self)
{
    return PyList_GET_SIZE(self->aio.scheduled) ? PyList_GET_ITEM(self->aio.scheduled, 0) : NULL;
}

/* Whether asyncio has something to do: 1, 0, or -1 with an exception. */
static int asyncio_has_work(const struct py_bridge *self, const PyObject *timer_before)
{
    Py_ssize_t ready = PyObject_Size(self->host.aio.ready);

    if (ready < 0)
        return -1;
    return ready > 0 || self->sharing.is_ready || self->has_ended ||
           first_timer(&self->host) != timer_before;
}

/* Whether another thread may want the GIL. If not, the loop need not give it away while it has
 * enough to do. */
static bool has_other_threads(void)
{
    return PyThreadState_Next(PyInterpreterState_ThreadHead(PyInterpreterState_Get())) != NULL;
}

/* The reactor must not be turned from inside of a turn (by a script that runs its loop itself), nor
 * in another process or thread. -1 with an exception. */
static int require_idle(struct py_host *self)
{
    bool is_turning = rp_py_bridge(self)->sharing.is_turning;

    if (RP_UNLIKELY(self->is_forked))
        rp_py_leave_fork(self);
    if (RP_UNLIKELY(!self->aio.scheduled || is_turning)) {
        PyErr_SetString(PyExc_RuntimeError, is_turning ? "this event loop is already running"
                                                       : "this host has no loop");
        return -1;
    }
    return rp_py_require_here(self, "the event loop must be run");
}

static int deadline_of(struct py_host *self, PyObject *timeout, rp_ns *ret)
{
    double seconds;

    *ret = RP_NS_NEVER;
    if (timeout == Py_None)
        return 0;
    seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    if (!(seconds > 0))
        *ret = 0;
    else if (seconds < 1e9)
        *ret = rp_loop_now(self->loop) + (rp_ns)(seconds * 1e9);
    return 0;
}

/* A timer of asyncio's that is so late does not fire before another look at what has arrived: code
 * of the script may have kept the loop since the last one. */
#define LATE RP_MS

/* Whether to turn once more for asyncio, which has no work yet but a timer at @deadline. */
static bool turns_again(const struct py_host *self, rp_ns deadline, bool *has_looked)
{
    rp_ns late;

    if (!deadline || deadline == RP_NS_NEVER)
        return deadline != 0;
    late = rp_loop_now(self->loop) - deadline;
    if (late < 0)
        return true;
    if (late < LATE || *has_looked)
        return false;
    *has_looked = true;
    return true;
}

static PyObject *host_wait(PyObject *object, PyObject *arg)
{
    struct py_host *self = (struct py_host *)object;
    struct py_bridge *bridge = rp_py_bridge(self);
    const PyObject *timer_before;
    bool has_looked = false;
    rp_ns deadline;
    int work;

    if (require_idle(self) < 0 || rp_py_aio_take_scheduled(self) < 0 ||
        deadline_of(self, arg, &deadline) < 0)
        return NULL;
    timer_before = first_timer(self);
    bridge->sharing.is_ready = false;
    rp_py_alive(self);
    do {
        int r;

        bridge->sharing.is_turning = true;
        rp_loop_insist_on_hooks(self->loop, has_other_threads());
        r = rp_loop_turn(self->loop, deadline);
        bridge->sharing.is_turning = false;
        rp_py_alive(self);
        if (r < 0) {
            errno = -r;
            return PyErr_SetFromErrno(PyExc_OSError);
        }
        if (PyErr_CheckSignals() < 0)
            return NULL;
        work = asyncio_has_work(bridge, timer_before);
    } while (work == 0 && turns_again(self, deadline, &has_looked));
    return work < 0 ? NULL : PyBool_FromLong(bridge->sharing.is_ready);
}

/* ---- life ------------------------------------------------------------------------------------ */

static PyObject *host_attach(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *aio_loop;
    int fd, r;

    if (!PyArg_ParseTuple(args, "Oi", &aio_loop, &fd))
        return NULL;
    if (self->aio.loop)
        return PyErr_Format(PyExc_RuntimeError, "this host has a loop already");
    if (rp_py_aio_take_loop(self, aio_loop) < 0 || rp_py_aio_take_queues(self, rp_py_vu_wakeup) < 0)
        return NULL;
    r = rp_watch_start(self->loop, &rp_py_bridge(self)->sharing.watch, fd, RP_READABLE,
                       asyncio_ready);
    if (r < 0) {
        errno = -r;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* asyncio receives into blocks of 256 KiB, which it then shrinks to what has come. malloc takes
 * them for large blocks, so that each receive costs an mmap, an mremap and a munmap. Its limit for
 * large blocks grows with the largest one that is freed. */
static void keep_receive_blocks(void)
{
    rp_free(rp_alloc(RECEIVE_BLOCK_MAX));
}

/* Code of a user's that blocks does not see the coordinator's end, and must not outlive it. */
static void end_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static PyObject *process_ends_with_parent(PyObject *module, PyObject *unused)
{
    end_with_parent();
    Py_RETURN_NONE;
}

PyMethodDef rp_py_process_methods[] = {
    { "end_with_parent", process_ends_with_parent, METH_NOARGS,
      PyDoc_STR("end_with_parent()\n--\n\nThe kernel kills this process when the one that has "
                "started it ends.") },
    { NULL, NULL, 0, NULL },
};

static PyObject *host_serve(PyObject *object, PyObject *arg)
{
    struct py_host *self = (struct py_host *)object;
    const struct rp_worker_config config = { .script = &self->script,
                                             .client_kinds = rp_client_kinds,
                                             .ended = rp_py_worker_ended,
                                             .user = self };
    long fd = PyLong_AsLong(arg);
    int r;

    if (fd == -1 && PyErr_Occurred())
        return NULL;
    if (!self->aio.scheduled || self->worker)
        return PyErr_Format(PyExc_RuntimeError, "this host has no loop, or serves already");
    keep_receive_blocks();
    end_with_parent();
    r = rp_worker_new(self->loop, (int)fd, &config, &self->worker);
    if (r == 0)
        r = rp_py_watchdog_start(rp_py_bridge(self));
    if (r < 0) {
        errno = -r;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* Host.hook_ended(name, error): the error is None or the exception that the hook has raised. */
static PyObject *host_hook_ended(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    struct py_setup *setup = &rp_py_bridge(self)->setup;
    struct rp_error err = { 0 };
    const char *name;
    PyObject *error;
    enum rp_hook hook;

    if (!PyArg_ParseTuple(args, "sO", &name, &error))
        return NULL;
    if (self->is_forked) {
        if (error != Py_None)
            PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        rp_py_leave_fork(self);
    }
    if (!setup->is_running || !self->worker) /* a guest that is closed already */
        Py_RETURN_NONE;
    hook = strcmp(name, "setup") == 0 ? RP_HOOK_SETUP : RP_HOOK_TEARDOWN;
    setup->is_running = false;
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

static PyObject *host_warn(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    unsigned long long times = 1;
    PyObject *text, *bytes;

    if (!PyArg_ParseTuple(args, "U|K", &text, &times))
        return NULL;
    /* The text may quote what only Python takes for a text. */
    bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (!bytes)
        return NULL;
    if (self->worker && !self->is_forked)
        rp_worker_warn_times(self->worker, PyBytes_AS_STRING(bytes), times);
    Py_DECREF(bytes);
    Py_RETURN_NONE;
}

/* Frees the worker's side; afterwards the host is of no use. */
static PyObject *host_close(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    struct py_sharing *sharing = &rp_py_bridge(self)->sharing;

    if (self->is_forked) /* all of it is the parent's */
        Py_RETURN_NONE;
    if (self->stepping || sharing->is_turning || (self->guest && self->guest->is_turning))
        return PyErr_Format(PyExc_RuntimeError, "the host is at work");
    rp_py_watchdog_stop(rp_py_bridge(self));
    rp_py_guest_close(self);
    rp_worker_free(self->worker);
    self->worker = NULL;
    rp_watch_stop(&sharing->watch);
    if (self->loop)
        rp_loop_set_wait_hooks(self->loop, NULL, NULL, NULL);
    /* The program may keep what holds us, but our descriptors are of no use to it. */
    if (self->guest && self->loop) {
        rp_py_sleeps_abandon(self);
        rp_loop_free(self->loop);
        self->loop = NULL;
    }
    Py_RETURN_NONE;
}

static void leave_streams(struct py_vu *vu)
{
    rp_py_streams_leave(vu);
    rp_py_sockets_leave(vu);
}

static const struct py_host_ops host_ops = {
    .end_run = rp_py_end_run,
    .leave_streams = leave_streams,
    .leave_fork = rp_py_leave_fork,
    .unstuck = rp_py_watchdog_unstuck,
};

static PyObject *host_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct rp_pystate *state = PyType_GetModuleState(type);
    const struct rp_loop_ops *ops;
    struct rp_error err = { 0 };
    struct py_bridge *bridge;
    struct py_host *self;
    PyObject *hooks, *env;
    int r;

    if (!PyArg_ParseTuple(args, "OO!", &hooks, &PyDict_Type, &env))
        return NULL;
    bridge = (struct py_bridge *)type->tp_alloc(type, 0);
    if (!bridge)
        return NULL;
    self = &bridge->host;
    self->state = state;
    self->ops = &host_ops;
    self->hooks = Py_NewRef(hooks);
    rp_list_init(&self->streams);
    rp_list_init(&self->grpc_calls);
    rp_list_init(&self->left_sockets);
    self->env = Py_NewRef(env);
    self->script.ops = &rp_py_script_ops;
    snprintf(bridge->runtime, sizeof(bridge->runtime), "CPython %d.%d.%d", PY_MAJOR_VERSION,
             PY_MINOR_VERSION, PY_MICRO_VERSION);
    bridge->timer_slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    r = rp_loop_pick(getenv("RAMPA_LOOP"), &ops, &err);
    if (r == 0)
        r = rp_loop_new(ops, &self->loop);
    if (r < 0) {
        rp_py_raise(r, &err);
        rp_error_deinit(&err);
        Py_DECREF(self);
        return NULL;
    }
    rp_loop_set_wait_hooks(self->loop, before_wait, after_wait, bridge);
    return (PyObject *)self;
}

static int host_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_host *self = (struct py_host *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->hooks);
    Py_VISIT(self->aio.loop);
    Py_VISIT(self->aio.ready);
    Py_VISIT(self->aio.scheduled);
    Py_VISIT(self->aio.call_soon);
    Py_VISIT(self->tasks.create_task);
    Py_VISIT(self->tasks.owners);
    Py_VISIT(self->setup_data);
    Py_VISIT(self->env);
    Py_VISIT(rp_py_bridge(self)->setup.vu);
    Py_VISIT(self->fatal);
    if (self->guest)
        Py_VISIT(self->guest->wake);
    return 0;
}

static int host_clear(PyObject *object)
{
    struct py_host *self = (struct py_host *)object;

    Py_XDECREF(
        host_close(object, NULL)); /* first: operations that still run need what is cleared here */
    Py_CLEAR(self->hooks);
    rp_py_aio_forget(self);
    rp_py_contexts_clear(self);
    Py_CLEAR(self->fatal);
    Py_CLEAR(rp_py_bridge(self)->function.object);
    Py_CLEAR(self->setup_data);
    Py_CLEAR(self->env);
    return 0;
}

static void host_dealloc(PyObject *object)
{
    struct py_host *self = (struct py_host *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    host_clear(object);
    rp_py_guest_free(self);
    if (!self->is_forked)
        rp_loop_free(self->loop);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *get_ended(PyObject *object, void *unused)
{
    return PyBool_FromLong(((struct py_bridge *)object)->has_ended);
}

static PyMethodDef methods[] = {
    { "attach", host_attach, METH_VARARGS, NULL },
    { "serve", host_serve, METH_O, NULL },
    { "wait", host_wait, METH_O, NULL },
    { "attach_guest", rp_py_host_attach_guest, METH_VARARGS, NULL },
    { "start", rp_py_host_start, METH_VARARGS, NULL },
    { "turn", rp_py_host_turn, METH_NOARGS, NULL },
    { "fileno", rp_py_host_fileno, METH_NOARGS, NULL },
    { "timer_fileno", rp_py_host_timer_fileno, METH_NOARGS, NULL },
    { "hook_ended", host_hook_ended, METH_VARARGS, NULL },
    { "warn", host_warn, METH_VARARGS, NULL },
    { "call_soon", (PyCFunction)(void (*)(void))rp_py_host_call_soon, METH_FASTCALL | METH_KEYWORDS,
      NULL },
    { "create_task", (PyCFunction)(void (*)(void))rp_py_host_create_task,
      METH_FASTCALL | METH_KEYWORDS, NULL },
    { "spawn", (PyCFunction)(void (*)(void))rp_py_host_spawn, METH_FASTCALL | METH_KEYWORDS, NULL },
    { "overdue", rp_py_host_overdue, METH_NOARGS, NULL },
    { "running", rp_py_host_running, METH_NOARGS, NULL },
    { "current_task", rp_py_host_current_task, METH_O, NULL },
    { "pause", rp_py_host_pause, METH_O, NULL },
    { "forked", rp_py_host_forked, METH_NOARGS, NULL },
    { "close", host_close, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "setup_data", T_OBJECT, offsetof(struct py_host, setup_data), 0, NULL },
    { "is_forked", T_BOOL, offsetof(struct py_host, is_forked), READONLY, NULL },
    { "is_cut_short", T_BOOL, offsetof(struct py_host, is_cut_short), READONLY, NULL },
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
    .basicsize = sizeof(struct py_bridge),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
