/* SPDX-License-Identifier: MIT */

/*
 * A turn takes what has arrived, resumes those who waited for it, and sends; then the timer's descriptor is set to the
 * reactor's next deadline, to the nanosecond, which no timeout of asyncio's own would be. Everything happens with the GIL
 * held and without waiting: the other loop waits, with its own descriptors.
 *
 * asyncio.current_task() is what asyncio itself keeps: nothing of asyncio is replaced in a program that is not ours.
 */

#include "python/bridge/guest.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"

/* One turn does at most what one look at the kernel brings; a few more while tasks are left save the way around. */
enum { TURNS_MAX = 4 };
#define TURN_TIME (500 * RP_US)

static PyObject *raise_errno(int r)
{
    errno = -r;
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* ---- the turn ----------------------------------------------------------------------------------------------- */

void rp_py_guest_wake(struct py_host *host)
{
    PyObject *type, *value, *traceback, *told;

    if (!host->guest || !host->guest->wake)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    told = PyObject_CallNoArgs(host->guest->wake);
    if (!told)
        PyErr_WriteUnraisable(host->guest->wake);
    Py_XDECREF(told);
    PyErr_Restore(type, value, traceback);
}

static void outside(void *user)
{
    rp_py_guest_wake(user);
}

/* Set anew as well when it has fired: that makes its descriptor quiet. */
static int arm_timer(struct py_host *self)
{
    struct py_guest *guest = self->guest;
    rp_ns deadline = rp_loop_next_deadline(self->loop);
    struct itimerspec spec = { .it_value = { 0 } };

    if (deadline == guest->armed && (deadline == RP_NS_NEVER || deadline > rp_loop_now(self->loop)))
        return 0;
    if (deadline != RP_NS_NEVER) {
        spec.it_value.tv_sec = deadline > 0 ? deadline / RP_S : 0;
        spec.it_value.tv_nsec = deadline > 0 ? deadline % RP_S : 1;
    }
    guest->armed = deadline;
    return timerfd_settime(guest->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

static int turn(struct py_host *self)
{
    rp_ns limit = rp_loop_now(self->loop) + TURN_TIME;
    int r, turns = 0;

    do {
        r = rp_loop_turn(self->loop, 0);
        if (r == 0 && self->guest->run)
            rp_py_run_wake(self->guest->run);
    } while (r == 0 && rp_loop_has_tasks(self->loop) && !self->guest->fatal &&
             ++turns < TURNS_MAX && rp_loop_now(self->loop) < limit);
    if (r == 0)
        r = arm_timer(self);
    if (rp_loop_has_tasks(self->loop))
        rp_py_guest_wake(self);
    return r;
}

PyObject *rp_py_host_turn(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    int r;

    if (self->is_forked)
        rp_py_leave_fork(self);
    if (!self->guest || !self->guest->wake || !self->loop) {
        PyErr_SetString(PyExc_RuntimeError, "this host is no guest");
        return NULL;
    }
    if (self->guest
            ->is_turning) /* code of the script that runs its loop from inside: it must do without us */
        Py_RETURN_NONE;
    if (rp_py_require_here(self, "the run must be turned") < 0)
        return NULL;
    self->guest->is_turning = true;
    r = turn(self);
    self->guest->is_turning = false;
    if (rp_py_guest_raise(self) < 0)
        return NULL;
    if (r < 0)
        return raise_errno(r);
    Py_RETURN_NONE;
}

PyObject *rp_py_host_fileno(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;

    return PyLong_FromLong(self->loop ? rp_loop_fd(self->loop) : -1);
}

PyObject *rp_py_host_timer_fileno(PyObject *object, PyObject *unused)
{
    struct py_guest *guest = ((struct py_host *)object)->guest;

    return PyLong_FromLong(guest ? guest->timer_fd : -1);
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

static PyObject *task_of(struct py_vu *vu)
{
    struct py_vu_extra *extra = rp_py_vu_extra(vu);

    if (extra && !extra->task)
        extra->task = rp_py_ask(vu->host, PY_HOOK_NEW_TASK, vu);
    return extra ? extra->task : NULL;
}

static void call_with_task(struct py_vu *vu, PyObject *function)
{
    PyObject *args[] = { vu->host->aio_loop, task_of(vu) };
    PyObject *done = args[1] ? PyObject_Vectorcall(function, args, 2, NULL) : NULL;

    if (!done)
        PyErr_WriteUnraisable((PyObject *)vu);
    Py_XDECREF(done);
}

void rp_py_guest_enter(struct py_vu *vu)
{
    call_with_task(vu, vu->host->guest->enter_task);
}

void rp_py_guest_leave(struct py_vu *vu)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    call_with_task(vu, vu->host->guest->leave_task);
    PyErr_Restore(type, value, traceback);
}

bool rp_py_guest_takes(struct py_host *host, PyObject *value)
{
    if (!host->guest || !(PyErr_GivenExceptionMatches(value, PyExc_KeyboardInterrupt) ||
                          PyErr_GivenExceptionMatches(value, PyExc_SystemExit)))
        return false;
    if (!host->guest->fatal)
        host->guest->fatal = Py_NewRef(value);
    rp_py_end_run(host, Py_TYPE(value)->tp_name);
    return true;
}

int rp_py_guest_raise(struct py_host *host)
{
    PyObject *fatal = host->guest ? host->guest->fatal : NULL;

    if (!fatal)
        return 0;
    host->guest->fatal = NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(fatal), fatal);
    Py_DECREF(fatal);
    return -1;
}

/* ---- life --------------------------------------------------------------------------------------------------- */

static int take_functions(struct py_guest *guest)
{
    PyObject *tasks = PyImport_ImportModule("asyncio.tasks");

    if (!tasks)
        return -1;
    guest->enter_task = PyObject_GetAttrString(tasks, "_enter_task");
    if (guest->enter_task)
        guest->leave_task = PyObject_GetAttrString(tasks, "_leave_task");
    Py_DECREF(tasks);
    return guest->enter_task && guest->leave_task ? 0 : -1;
}

static int make_guest(struct py_host *self, PyObject *wake)
{
    struct py_guest *guest = rp_calloc(1, sizeof(*guest));

    if (!guest) {
        PyErr_NoMemory();
        return -1;
    }
    self->guest = guest;
    rp_list_init(&guest->requests);
    guest->armed = RP_NS_NEVER;
    guest->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (guest->timer_fd < 0 || rp_loop_fd(self->loop) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    guest->wake = Py_NewRef(wake);
    return take_functions(guest);
}

PyObject *rp_py_host_attach_guest(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *aio_loop, *wake;

    if (!PyArg_ParseTuple(args, "OO", &aio_loop, &wake))
        return NULL;
    if (self->guest || self->aio_loop) {
        PyErr_SetString(PyExc_RuntimeError, "this host has a loop already");
        return NULL;
    }
    rp_loop_set_wait_hooks(self->loop, NULL, NULL, NULL);
    /* The thread is another program's, and no wait of ours is longer for it. */
    if (self->timer_slack > 0)
        (void)prctl(PR_SET_TIMERSLACK, (unsigned long)self->timer_slack, 0, 0, 0);
    if (rp_py_host_take_loop(self, aio_loop) < 0 || make_guest(self, wake) < 0)
        return NULL;
    rp_loop_set_outside(self->loop, outside, self);
    Py_RETURN_NONE;
}

/* What tasks of the script that outlive the run wait for is cancelled: nothing would end it, and it holds the host. */
static void abandon_requests(struct py_host *host)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&host->guest->requests)))
        rp_py_op_cancel(&rp_container_of(node, struct py_request, node)->op);
}

void rp_py_guest_abandon_sleeps(struct py_host *host)
{
    struct rp_timer *timer;

    while ((timer = rp_loop_take_timer(host->loop)))
        rp_py_sleep_abandon(timer);
}

void rp_py_guest_close(struct py_host *host)
{
    struct py_guest *guest = host->guest;

    if (!guest || guest->timer_fd < 0)
        return;
    Py_CLEAR(guest->wake); /* nobody turns any more */
    if (guest->run)
        rp_py_run_close(guest->run);
    rp_loop_set_outside(host->loop, NULL, NULL);
    abandon_requests(host);
    close(guest->timer_fd);
    guest->timer_fd = -1;
}

void rp_py_guest_free(struct py_host *host)
{
    struct py_guest *guest = host->guest;

    if (!guest)
        return;
    Py_CLEAR(guest->wake);
    Py_CLEAR(guest->enter_task);
    Py_CLEAR(guest->leave_task);
    Py_CLEAR(guest->fatal);
    if (guest->timer_fd >= 0 && !host->is_forked)
        close(guest->timer_fd);
    host->guest = NULL;
    rp_free(guest);
}
