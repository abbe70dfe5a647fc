/* SPDX-License-Identifier: MIT */

/*
 * Drives a VU's coroutine. rp_py_step() resumes it until it waits or ends; what it waits on decides who resumes it: an
 * operation of ours does so directly from the reactor, an asyncio future by a callback that asyncio schedules.
 *
 * A step is never taken inside an asyncio Task's step: operations complete in the reactor only, asyncio's callbacks run
 * between tasks, and a cancellation that is asked for by running code is thrown in by a deferred task of the loop.
 */

#include "python/bridge/guest.h"
#include "python/bridge/state.h"

enum { INTERRUPT_PATIENCE_S = 1 };

static struct py_worker *of_vu(const struct rp_vu *vu)
{
    return vu->host_data;
}

static void report_bug(PyObject *where)
{
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(where);
}

/* ---- the end of an iteration ------------------------------------------------------------------------------- */

static void ended(struct py_worker *worker, enum rp_ending ending)
{
    Py_CLEAR(worker->coro);
    Py_CLEAR(worker->waiting);
    if (RP_UNLIKELY(worker->extra)) {
        rp_task_cancel(&worker->extra->throw_task);
        rp_timer_disarm(&worker->extra->patience);
    }
    worker->must_cancel = worker->throwing = false;
    if (worker->interrupting)
        ending = RP_ENDED_INTERRUPTED;
    if (RP_UNLIKELY(worker->extra) && RP_UNLIKELY(worker->extra->child_count))
        worker->vu->is_held = rp_py_tasks_end(worker, ending == RP_ENDED_INTERRUPTED);
    worker->interrupting = false;
    worker->host->script.engine->ended(worker->vu, ending);
}

/* Of an exception that has ended an iteration: what that held will not be awaited any more, and nobody has forgotten it. */
static void let_go(struct py_host *host, PyObject *exception)
{
    host->is_cut_short = true;
    Py_XDECREF(exception);
    host->is_cut_short = false;
}

/* The current exception ends the iteration: it is grouped by hooks.note_error(scenario, exception, VU, iteration). */
static void ended_by_exception(struct py_worker *worker)
{
    PyObject *type, *value, *traceback, *noted;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value)
        PyException_SetTraceback(value, traceback);
    if (value && rp_py_guest_takes(worker->host, value))
        worker->interrupting = true;
    if (!worker->interrupting && value) {
        noted = PyObject_CallMethod(
            worker->host->hooks, "note_error", "sOLK", worker->vu->scenario->name, value,
            (long long)worker->vu->number, (unsigned long long)worker->vu->iteration);
        if (!noted) {
            report_bug(worker->host->hooks);
            worker->host->unnoted_errors++;
        }
        Py_XDECREF(noted);
    }
    Py_XDECREF(type);
    let_go(worker->host, value);
    let_go(worker->host, traceback);
    ended(worker, RP_ENDED_FAILED);
}

/* ---- parking ---------------------------------------------------------------------------------------------- */

/* Parks the VU on what its coroutine yielded (stolen). */
static int park(struct py_worker *worker, PyObject *object)
{
    struct py_op *op = (struct py_op *)object;

    worker->waiting = object;
    if (RP_LIKELY(rp_py_is_op(worker->host->state, object))) {
        if (op->waiter) /* a second VU awaits a shared operation: it is called back like a future's user */
            return rp_py_park_on_future(worker, object);
        op->blocking = false;
        op->waiter = worker;
        return 0;
    }
    return rp_py_park_on_foreign(worker, object);
}

static bool cancel_waiting(struct py_worker *worker);

/* NULL, or what the coroutine is to be told instead: a new reference. */
static PyObject *parked(struct py_worker *worker, PyObject *object)
{
    if (RP_LIKELY(park(worker, object) == 0)) {
        if (RP_LIKELY(!worker->must_cancel))
            return NULL;
        if (rp_py_worker_extra(worker)) {
            worker->must_cancel = !cancel_waiting(worker);
            return NULL;
        }
        if (rp_py_is_op(worker->host->state, object) && ((struct py_op *)object)->waiter == worker)
            ((struct py_op *)object)->waiter = NULL;
    }
    Py_CLEAR(worker->waiting);
    return rp_py_take_error();
}

/* ---- stepping --------------------------------------------------------------------------------------------- */

static void set_stepping(struct py_worker *worker)
{
    rp_py_alive(worker->host);
    worker->host->stepping = worker;
    if (RP_UNLIKELY(worker->host->guest))
        rp_py_guest_enter(worker);
}

static void unset_stepping(struct py_worker *worker, struct py_worker *outer)
{
    if (RP_UNLIKELY(worker->host->guest))
        rp_py_guest_leave(worker);
    worker->host->stepping = outer;
}

static PySendResult resume(struct py_worker *worker, PyObject *exception, PyObject **result)
{
    if (RP_LIKELY(!exception))
        return PyIter_Send(worker->coro, Py_None, result);
    *result = PyObject_CallMethodOneArg(worker->coro, worker->host->state->s_throw, exception);
    if (*result)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    PyErr_Clear();
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

/* NULL, or the exception by which it is to go on at once: a new reference. */
static PyObject *run_until_it_waits(struct py_worker *worker, PyObject *exception)
{
    struct py_host *host = worker->host;
    struct py_worker *outer = host->stepping;
    PyObject *context = rp_py_context_of(worker), *result = NULL;
    PySendResult outcome;

    if (RP_UNLIKELY(!context)) {
        ended_by_exception(worker);
        return NULL;
    }
    set_stepping(worker);
    Py_CLEAR(worker->waiting);
    if (PyContext_Enter(context) < 0)
        report_bug((PyObject *)worker);
    outcome = resume(worker, exception, &result);
    if (PyContext_Exit(context) < 0)
        report_bug((PyObject *)worker);
    unset_stepping(worker, outer);
    if (RP_UNLIKELY(host->is_forked))
        rp_py_leave_fork(host);
    if (!worker->context && RP_UNLIKELY(PyObject_Size(context) > 0))
        rp_py_keep_context(worker);
    if (outcome == PYGEN_NEXT)
        return parked(worker, result);
    if (outcome == PYGEN_RETURN) {
        Py_DECREF(result);
        ended(worker, RP_ENDED_COMPLETED);
    } else {
        ended_by_exception(worker);
    }
    return NULL;
}

static void end_instead(struct py_worker *worker);

void rp_py_step(struct py_worker *worker, PyObject *exception)
{
    PyObject *refused = NULL, *next;

    if (!worker->coro)
        return;
    if (RP_UNLIKELY(worker->host->is_over) && !worker->interrupting && !exception) {
        end_instead(worker);
        return;
    }
    Py_INCREF(worker);
    do { /* no recursion: a script may go on forever with what cannot be awaited */
        next = run_until_it_waits(worker, refused ? refused : exception);
        Py_XSETREF(refused, next);
    } while (RP_UNLIKELY(refused != NULL));
    Py_DECREF(worker);
}

/* Called by asyncio when a future is done, or for a bare yield with None. */
PyObject *rp_py_worker_wakeup(PyObject *self, PyObject *arg)
{
    struct py_worker *worker = (struct py_worker *)self;

    /* A call that comes late, for an iteration that is over, wakes nobody. */
    if (worker->coro && worker->waiting == arg && !worker->throwing)
        rp_py_step(worker, NULL);
    if (RP_UNLIKELY(rp_py_guest_raise(worker->host) < 0))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- cancelling ------------------------------------------------------------------------------------------- */

static void throw_cancelled(struct rp_task *task)
{
    struct py_worker *worker = rp_container_of(task, struct py_worker_extra, throw_task)->worker;
    struct py_host *host = worker->host;
    PyObject *error = PyObject_CallNoArgs(host->state->asyncio_cancelled);

    worker->throwing = false;
    if (!error) /* no memory: then it is told that */
        error = rp_py_take_error();
    rp_py_step(worker, error);
    let_go(host, error);
}

/* Whoever cancels has made the extra part; without it (no memory) the coroutine is about to be closed. */
static void throw_soon(struct py_worker *worker)
{
    worker->throwing = true;
    if (RP_LIKELY(worker->extra))
        rp_loop_defer(worker->host->loop, &worker->extra->throw_task, throw_cancelled);
}

/* Cancels what the VU waits for; the CancelledError reaches its coroutine by that. */
static bool cancel_waiting(struct py_worker *worker)
{
    PyObject *waiting = worker->waiting, *done;
    bool was_cancelled;

    if (waiting == Py_None) {
        throw_soon(worker);
        return true;
    }
    if (rp_py_is_op(worker->host->state, waiting) && ((struct py_op *)waiting)->waiter == worker) {
        ((struct py_op *)waiting)->waiter = NULL;
        rp_py_op_cancel((struct py_op *)waiting);
        throw_soon(worker);
        return true;
    }
    done = PyObject_CallMethodNoArgs(waiting, worker->host->state->s_cancel);
    if (!done) {
        report_bug(waiting);
        return false;
    }
    was_cancelled = PyObject_IsTrue(done) == 1;
    Py_DECREF(done);
    return was_cancelled;
}

int rp_py_worker_throw_cancelled(struct py_worker *worker)
{
    if (!worker->coro)
        return 0;
    if (rp_py_require_here(worker->host, "an iteration must be cancelled") < 0)
        return -1;
    if (!rp_py_worker_extra(worker))
        return -1;
    if (worker->throwing)
        return 1;
    if (!worker->waiting || !cancel_waiting(worker))
        worker->must_cancel = true;
    return 1;
}

int rp_py_worker_cancel(struct py_worker *worker)
{
    int was_running = rp_py_worker_throw_cancelled(worker);

    if (was_running > 0)
        worker->extra->cancel_requests++;
    return was_running;
}

static void close_coroutine(struct py_worker *worker)
{
    PyObject *coro = Py_NewRef(worker->coro), *closed;

    if (worker->waiting && worker->waiting != Py_None)
        cancel_waiting(worker);
    set_stepping(worker);
    closed = PyObject_CallMethodNoArgs(coro, worker->host->state->s_close);
    unset_stepping(worker, NULL);
    if (!closed)
        PyErr_Clear(); /* "coroutine ignored GeneratorExit": it is dropped all the same */
    Py_XDECREF(closed);
    Py_DECREF(coro);
    ended(worker, RP_ENDED_INTERRUPTED);
}

/* It swallowed the cancellation, or its clean-up takes too long. */
static void patience_over(struct rp_timer *timer, rp_ns now)
{
    close_coroutine(rp_container_of(timer, struct py_worker_extra, patience)->worker);
}

void rp_py_worker_set_interrupted(struct py_worker *worker)
{
    struct py_worker_extra *extra = rp_py_worker_extra(worker);
    rp_ns deadline = rp_loop_now(worker->host->loop) + INTERRUPT_PATIENCE_S * RP_S;

    worker->interrupting = true;
    if (extra)
        rp_timer_arm(worker->host->loop, &extra->patience, deadline, patience_over);
    else
        PyErr_Clear();
}

static void script_interrupt(struct rp_script_host *script, struct rp_vu *vu)
{
    struct py_worker *worker = of_vu(vu);

    if (worker->interrupting) /* it is cleaning up already */
        return;
    rp_py_worker_set_interrupted(worker);
    if (RP_UNLIKELY(rp_py_worker_cancel(worker) < 0)) { /* no memory for doing it gently */
        PyErr_Clear();
        if (worker->waiting)
            close_coroutine(worker);
        else
            worker->must_cancel = true;
    }
}

/* What it has waited for is there, and it is to end all the same: before the loop turns once more all of those that wait
 * for nothing could block it, one after the other. */
static void end_instead(struct py_worker *worker)
{
    PyObject *error = PyObject_CallNoArgs(worker->host->state->asyncio_cancelled);

    rp_py_worker_set_interrupted(worker);
    if (worker->extra)
        worker->extra->cancel_requests++;
    if (error) {
        rp_py_step(worker, error);
        let_go(worker->host, error);
    } else {
        PyErr_Clear();
        close_coroutine(worker);
    }
}

/* ---- script ops ------------------------------------------------------------------------------------------- */

/* What an iteration leaves of itself in its VU ends with it: a group that was not left, the count of cancellations, tasks
 * that the engine did not wait for any longer. */
static void reset_extra(struct py_worker *worker)
{
    struct py_worker_extra *extra = worker->extra;

    if (RP_UNLIKELY(extra->leftovers)) {
        Py_CLEAR(extra->leftovers);
        rp_timer_disarm(&extra->patience);
    }
    if (extra->base_tags)
        worker->vu->tags = extra->base_tags;
    extra->cancel_requests = 0;
}

static void script_begin(struct rp_script_host *script, struct rp_vu *vu)
{
    struct py_worker *worker = of_vu(vu);
    PyObject *args[] = { NULL, (PyObject *)worker };
    PyObject *coro;

    if (RP_UNLIKELY(worker->extra))
        reset_extra(worker);
    set_stepping(worker);
    coro = PyObject_Vectorcall(worker->function, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                               NULL);
    if (RP_UNLIKELY(coro && !PyCoro_CheckExact(coro)))
        coro = rp_py_awaiting(worker, coro);
    unset_stepping(worker, NULL);
    if (RP_UNLIKELY(worker->host->is_forked))
        rp_py_leave_fork(worker->host);
    if (RP_UNLIKELY(!coro)) {
        if (PyErr_Occurred())
            ended_by_exception(worker);
        else
            ended(worker, RP_ENDED_COMPLETED);
        return;
    }
    worker->coro = coro;
    rp_py_step(worker, NULL);
}

static int script_vu_init(struct rp_script_host *script, struct rp_vu *vu, struct rp_error *err)
{
    struct py_host *host = rp_container_of(script, struct py_host, script);
    struct py_worker *worker = rp_py_worker_new(host, vu);

    if (!worker) {
        rp_py_fetch_error(host, err, "a VU cannot be made");
        return -RP_EUSER;
    }
    vu->host_data = worker;
    worker->function = rp_py_function_of(host, vu->scenario);
    if (worker->function && rp_py_context_init(worker) == 0)
        return 0;
    rp_py_fetch_error(host, err, "a VU cannot be made");
    return -RP_EUSER;
}

static void script_vu_deinit(struct rp_script_host *script, struct rp_vu *vu)
{
    struct py_worker *worker = of_vu(vu);

    if (!worker)
        return;
    vu->host_data = NULL;
    rp_py_worker_release(worker);
    Py_DECREF(worker);
}

const struct rp_script_ops rp_py_script_ops = {
    .vu_init = script_vu_init,
    .vu_deinit = script_vu_deinit,
    .begin = script_begin,
    .interrupt = script_interrupt,
    .hook = rp_py_script_hook,
};
