/* SPDX-License-Identifier: MIT */

/*
 * A turn takes what has arrived, resumes those who waited for it, and sends; then the timer's
 * descriptor is set to the reactor's next deadline, to the nanosecond, which no timeout of
 * asyncio's own would be. Everything happens with the GIL held and without waiting: the other loop
 * waits, with its own descriptors.
 */

#include "python/bridge/guest.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"

/* A turn of the reactor looks at the kernel once. While tasks are left, a few more turns at once
 * save the way through asyncio. */
enum { TURNS_MAX = 4 };
#define TURN_TIME (500 * RP_US)

static PyObject *raise_errno(int r)
{
    errno = -r;
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* ---- the turn -------------------------------------------------------------------------------- */

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

/* A timer that has fired is set anew in any case: that makes its descriptor quiet. */
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
    } while (r == 0 && rp_loop_has_tasks(self->loop) && !self->fatal && ++turns < TURNS_MAX &&
             rp_loop_now(self->loop) < limit);
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
    if (self->guest->is_turning) /* the script runs its loop from inside of a turn */
        Py_RETURN_NONE;
    if (rp_py_require_here(self, "the run must be turned") < 0)
        return NULL;
    self->guest->is_turning = true;
    r = turn(self);
    self->guest->is_turning = false;
    if (rp_py_raise_fatal(self) < 0)
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

/* ---- life ------------------------------------------------------------------------------------ */

static int make_guest(struct py_host *self, PyObject *wake)
{
    struct py_guest *guest = rp_calloc(1, sizeof(*guest));

    if (!guest) {
        PyErr_NoMemory();
        return -1;
    }
    self->guest = guest;
    rp_list_init(&self->requests);
    guest->armed = RP_NS_NEVER;
    guest->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (guest->timer_fd < 0 || rp_loop_fd(self->loop) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    guest->wake = Py_NewRef(wake);
    return rp_py_announce_tasks(self);
}

PyObject *rp_py_host_attach_guest(PyObject *object, PyObject *args)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *aio_loop, *wake;

    if (!PyArg_ParseTuple(args, "OO", &aio_loop, &wake))
        return NULL;
    if (self->guest || self->aio.loop) {
        PyErr_SetString(PyExc_RuntimeError, "this host has a loop already");
        return NULL;
    }
    rp_loop_set_wait_hooks(self->loop, NULL, NULL, NULL);
    /* The thread is another program's: it gets its slack back, and no wait of ours is longer for
     * it. */
    if (rp_py_bridge(self)->timer_slack > 0)
        (void)prctl(PR_SET_TIMERSLACK, (unsigned long)rp_py_bridge(self)->timer_slack, 0, 0, 0);
    if (rp_py_aio_take_loop(self, aio_loop) < 0 || make_guest(self, wake) < 0)
        return NULL;
    rp_loop_set_outside(self->loop, outside, self);
    Py_RETURN_NONE;
}

void rp_py_guest_close(struct py_host *host)
{
    struct py_guest *guest = host->guest;

    if (!guest || guest->timer_fd < 0)
        return;
    Py_CLEAR(guest->wake); /* nobody turns the reactor any more */
    if (guest->run)
        rp_py_run_close(guest->run);
    rp_loop_set_outside(host->loop, NULL, NULL);
    rp_py_requests_abandon(host);
    close(guest->timer_fd);
    guest->timer_fd = -1;
}

void rp_py_guest_free(struct py_host *host)
{
    struct py_guest *guest = host->guest;

    if (!guest)
        return;
    Py_CLEAR(guest->wake);
    if (guest->timer_fd >= 0 && !host->is_forked)
        close(guest->timer_fd);
    host->guest = NULL;
    rp_free(guest);
}
