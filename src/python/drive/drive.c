/* SPDX-License-Identifier: MIT */

/*
 * rp_py_step() resumes the coroutine of a VU until it waits or ends. What it waits for decides who
 * resumes it next: an operation of ours does so directly from the reactor, an asyncio future by a
 * callback that asyncio schedules.
 *
 * A step is never taken inside an asyncio Task's step: operations complete in the reactor only,
 * asyncio's callbacks run between tasks, and a cancellation that is asked for by running code is
 * thrown in by a deferred task of the loop.
 */

#include "python/drive/drive.h"

enum { INTERRUPT_PATIENCE_S = 1 };

static struct py_vu *of_engine(const struct rp_vu *engine_vu)
{
    return engine_vu->host_data;
}

static void report_bug(PyObject *where)
{
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(where);
}

/* ---- the end of an iteration ----------------------------------------------------------------- */

static void close_connections(struct rp_vu *engine_vu)
{
    static const enum rp_client_number numbers[] = { RP_CLIENT_HTTP, RP_CLIENT_GRPC };

    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++)
        if (engine_vu->sessions[numbers[i]])
            rp_http_session_close_idle(engine_vu->sessions[numbers[i]]);
}

static void ended(struct py_vu *vu, enum rp_ending ending)
{
    Py_CLEAR(vu->coro);
    Py_CLEAR(vu->waiting);
    if (RP_UNLIKELY(vu->extra)) {
        rp_task_cancel(&vu->extra->throw_task);
        rp_timer_disarm(&vu->extra->patience);
    }
    vu->must_cancel = vu->throwing = false;
    if (vu->interrupting)
        ending = RP_ENDED_INTERRUPTED;
    if (RP_UNLIKELY(vu->extra) && RP_UNLIKELY(vu->extra->child_count))
        vu->engine_vu->is_held = rp_py_tasks_end(vu, ending == RP_ENDED_INTERRUPTED);
    if (RP_UNLIKELY(vu->open_streams) &&
        !vu->engine_vu->is_held) /* else they may be those of tasks */
        vu->host->ops->leave_streams(vu);
    vu->interrupting = false;
    if (RP_UNLIKELY(vu->host->plan->no_vu_connection_reuse))
        close_connections(vu->engine_vu);
    vu->host->script.engine->ended(vu->engine_vu, ending);
}

/* Releases an exception that has ended an iteration, and with it what the iteration held. Nobody
 * has forgotten to await that: no warning is due. */
static void let_go(struct py_host *host, PyObject *exception)
{
    host->is_cut_short = true;
    Py_XDECREF(exception);
    host->is_cut_short = false;
}

/* In a guest an exception that ends programs is kept for the program, and the run ends. Returns
 * whether @value is one. */
static bool takes_fatal(struct py_host *host, PyObject *value)
{
    if (!host->guest || !(PyErr_GivenExceptionMatches(value, PyExc_KeyboardInterrupt) ||
                          PyErr_GivenExceptionMatches(value, PyExc_SystemExit)))
        return false;
    if (!host->fatal)
        host->fatal = Py_NewRef(value);
    host->ops->end_run(host, Py_TYPE(value)->tp_name);
    return true;
}

int rp_py_raise_fatal(struct py_host *host)
{
    PyObject *fatal = host->fatal;

    if (!fatal)
        return 0;
    host->fatal = NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(fatal), fatal);
    Py_DECREF(fatal);
    return -1;
}

/* The current exception ends the iteration. */
static void ended_by_exception(struct py_vu *vu)
{
    PyObject *type, *value, *traceback, *noted;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value)
        PyException_SetTraceback(value, traceback);
    if (value && takes_fatal(vu->host, value))
        vu->interrupting = true;
    if (!vu->interrupting && value) {
        noted = rp_py_ask(vu->host, PY_HOOK_NOTE_ERROR, vu->engine_vu->scenario->name, value,
                          (long long)vu->engine_vu->number,
                          (unsigned long long)vu->engine_vu->iteration);
        if (!noted) {
            report_bug(vu->host->hooks);
            vu->host->unnoted_errors++;
        }
        Py_XDECREF(noted);
    }
    Py_XDECREF(type);
    let_go(vu->host, value);
    let_go(vu->host, traceback);
    ended(vu, RP_ENDED_FAILED);
}

/* ---- parking --------------------------------------------------------------------------------- */

/* Parks the VU on @object, which its coroutine has yielded (stolen). -1 with an exception. */
static int park(struct py_vu *vu, PyObject *object)
{
    struct py_op *op = (struct py_op *)object;

    vu->waiting = object;
    if (RP_LIKELY(rp_py_is_op(vu->host->state, object))) {
        if (op->waiter) /* two VUs await one operation: the second is called back, as by a future */
            return rp_py_park_on_future(vu, object);
        op->blocking = false;
        op->waiter = vu;
        return 0;
    }
    return rp_py_park_on_foreign(vu, object);
}

static bool cancel_waiting(struct py_vu *vu);

/* Parks the VU on @object (stolen). NULL, or the exception that the coroutine must be resumed with:
 * a new reference. */
static PyObject *parked(struct py_vu *vu, PyObject *object)
{
    if (RP_LIKELY(park(vu, object) == 0)) {
        if (RP_LIKELY(!vu->must_cancel))
            return NULL;
        if (rp_py_vu_extra(vu)) {
            vu->must_cancel = !cancel_waiting(vu);
            return NULL;
        }
        if (rp_py_is_op(vu->host->state, object) && ((struct py_op *)object)->waiter == vu)
            ((struct py_op *)object)->waiter = NULL;
    }
    Py_CLEAR(vu->waiting);
    return rp_py_take_error();
}

/* ---- stepping -------------------------------------------------------------------------------- */

RP_INLINE void set_stepping(struct py_vu *vu)
{
    rp_py_alive(vu->host);
    vu->host->stepping = vu;
    if (RP_UNLIKELY(vu->host->contexts.enter_task))
        rp_py_task_enter(vu);
}

static void unset_stepping(struct py_vu *vu, struct py_vu *outer)
{
    if (RP_UNLIKELY(vu->host->contexts.leave_task))
        rp_py_task_leave(vu);
    vu->host->stepping = outer;
}

/* The context that steps of @vu run in: borrowed, NULL with an exception. */
RP_INLINE PyObject *context_of(struct py_vu *vu)
{
    struct py_contexts *contexts = &vu->host->contexts;

    if (vu->context)
        return vu->context;
    if (RP_UNLIKELY(!contexts->shared))
        contexts->shared = PyContext_New();
    return contexts->shared;
}

static PySendResult resume(struct py_vu *vu, PyObject *exception, PyObject **result)
{
    if (RP_LIKELY(!exception))
        return PyIter_Send(vu->coro, Py_None, result);
    *result = PyObject_CallMethodOneArg(vu->coro, vu->host->state->s_throw, exception);
    if (*result)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    PyErr_Clear();
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

/* Takes one step. NULL, or the exception that the coroutine must be resumed with at once: a new
 * reference. */
static PyObject *run_until_it_waits(struct py_vu *vu, PyObject *exception)
{
    struct py_host *host = vu->host;
    struct py_vu *outer = host->stepping;
    PyObject *context = context_of(vu), *result = NULL;
    PySendResult outcome;

    if (RP_UNLIKELY(!context)) {
        ended_by_exception(vu);
        return NULL;
    }
    set_stepping(vu);
    Py_CLEAR(vu->waiting);
    if (PyContext_Enter(context) < 0)
        report_bug((PyObject *)vu);
    outcome = resume(vu, exception, &result);
    if (PyContext_Exit(context) < 0)
        report_bug((PyObject *)vu);
    unset_stepping(vu, outer);
    if (RP_UNLIKELY(host->is_forked))
        host->ops->leave_fork(host);
    if (!vu->context && RP_UNLIKELY(PyMapping_Size(context) > 0))
        rp_py_context_keep(vu);
    if (outcome == PYGEN_NEXT)
        return parked(vu, result);
    if (outcome == PYGEN_RETURN) {
        Py_DECREF(result);
        ended(vu, RP_ENDED_COMPLETED);
    } else {
        ended_by_exception(vu);
    }
    return NULL;
}

static void end_instead(struct py_vu *vu);

void rp_py_step(struct py_vu *vu, PyObject *exception)
{
    PyObject *refused = NULL, *next;

    if (!vu->coro)
        return;
    if (RP_UNLIKELY(vu->host->is_over) && !vu->interrupting && !exception) {
        end_instead(vu);
        return;
    }
    Py_INCREF(vu);
    do { /* a loop and no recursion: a script may await what cannot be awaited again and again */
        next = run_until_it_waits(vu, refused ? refused : exception);
        Py_XSETREF(refused, next);
    } while (RP_UNLIKELY(refused != NULL));
    Py_DECREF(vu);
}

/* asyncio calls it with the future that is done, or with None after a bare yield. */
PyObject *rp_py_vu_wakeup(PyObject *self, PyObject *arg)
{
    struct py_vu *vu = (struct py_vu *)self;

    /* The call may come late, for an iteration that is over: then it wakes nobody. */
    if (vu->coro && vu->waiting == arg && !vu->throwing)
        rp_py_step(vu, NULL);
    if (RP_UNLIKELY(rp_py_raise_fatal(vu->host) < 0))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- cancelling ------------------------------------------------------------------------------ */

static void throw_cancelled(struct rp_task *task)
{
    struct py_vu *vu = rp_container_of(task, struct py_vu_extra, throw_task)->vu;
    struct py_host *host = vu->host;
    PyObject *error = PyObject_CallNoArgs(host->state->asyncio_cancelled);

    vu->throwing = false;
    if (!error) /* no memory: the coroutine is told that instead */
        error = rp_py_take_error();
    rp_py_step(vu, error);
    let_go(host, error);
}

/* The extra part is there, for whoever cancels has made it. When there was no memory for it, the
 * coroutine is about to be closed. */
static void throw_soon(struct py_vu *vu)
{
    vu->throwing = true;
    if (RP_LIKELY(vu->extra))
        rp_loop_defer(vu->host->loop, &vu->extra->throw_task, throw_cancelled);
}

/* Cancels what the VU waits for, by which the CancelledError reaches its coroutine. Returns whether
 * it was cancelled. */
static bool cancel_waiting(struct py_vu *vu)
{
    PyObject *waiting = vu->waiting, *done;
    bool was_cancelled;

    if (waiting == Py_None) {
        throw_soon(vu);
        return true;
    }
    if (rp_py_is_op(vu->host->state, waiting) && ((struct py_op *)waiting)->waiter == vu) {
        ((struct py_op *)waiting)->waiter = NULL;
        rp_py_op_cancel((struct py_op *)waiting);
        throw_soon(vu);
        return true;
    }
    done = PyObject_CallMethodNoArgs(waiting, vu->host->state->s_cancel);
    if (!done) {
        report_bug(waiting);
        return false;
    }
    was_cancelled = PyObject_IsTrue(done) == 1;
    Py_DECREF(done);
    return was_cancelled;
}

int rp_py_vu_throw_cancelled(struct py_vu *vu)
{
    if (!vu->coro)
        return 0;
    if (rp_py_require_here(vu->host, "an iteration must be cancelled") < 0)
        return -1;
    if (!rp_py_vu_extra(vu))
        return -1;
    if (vu->throwing)
        return 1;
    if (!vu->waiting || !cancel_waiting(vu))
        vu->must_cancel = true;
    return 1;
}

int rp_py_vu_cancel(struct py_vu *vu)
{
    int was_running = rp_py_vu_throw_cancelled(vu);

    if (was_running > 0)
        vu->extra->cancel_requests++;
    return was_running;
}

static void close_coroutine(struct py_vu *vu)
{
    PyObject *coro = Py_NewRef(vu->coro), *closed;

    if (vu->waiting && vu->waiting != Py_None)
        cancel_waiting(vu);
    set_stepping(vu);
    closed = PyObject_CallMethodNoArgs(coro, vu->host->state->s_close);
    unset_stepping(vu, NULL);
    if (!closed)
        PyErr_Clear(); /* "coroutine ignored GeneratorExit": the coroutine is dropped all the same */
    Py_XDECREF(closed);
    Py_DECREF(coro);
    ended(vu, RP_ENDED_INTERRUPTED);
}

/* The coroutine has swallowed the cancellation, or its clean-up takes too long. */
static void patience_over(struct rp_timer *timer, rp_ns now)
{
    close_coroutine(rp_container_of(timer, struct py_vu_extra, patience)->vu);
}

void rp_py_vu_set_interrupted(struct py_vu *vu)
{
    struct py_vu_extra *extra = rp_py_vu_extra(vu);
    rp_ns deadline = rp_loop_now(vu->host->loop) + INTERRUPT_PATIENCE_S * RP_S;

    vu->interrupting = true;
    if (extra)
        rp_timer_arm(vu->host->loop, &extra->patience, deadline, patience_over);
    else
        PyErr_Clear();
}

void rp_py_interrupt(struct rp_script_host *script, struct rp_vu *engine_vu)
{
    struct py_vu *vu = of_engine(engine_vu);

    if (vu->interrupting) /* the iteration is cleaning up already */
        return;
    rp_py_vu_set_interrupted(vu);
    if (RP_UNLIKELY(rp_py_vu_cancel(vu) < 0)) { /* there is no memory for doing it gently */
        PyErr_Clear();
        if (vu->waiting)
            close_coroutine(vu);
        else
            vu->must_cancel = true;
    }
}

/* The run is over, and the VU would go on, for what it has waited for is there. It is cancelled in
 * this step: each VU that went on could block the loop once more before the engine interrupts
 * it. */
static void end_instead(struct py_vu *vu)
{
    PyObject *error = PyObject_CallNoArgs(vu->host->state->asyncio_cancelled);

    rp_py_vu_set_interrupted(vu);
    if (vu->extra)
        vu->extra->cancel_requests++;
    if (error) {
        rp_py_step(vu, error);
        let_go(vu->host, error);
    } else {
        PyErr_Clear();
        close_coroutine(vu);
    }
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* An iteration may leave something of itself in its VU, and the next one must not see it: the count
 * of cancellations, tasks that the engine has stopped waiting for. */
static void reset_extra(struct py_vu *vu)
{
    struct py_vu_extra *extra = vu->extra;

    if (RP_UNLIKELY(extra->leftovers)) {
        Py_CLEAR(extra->leftovers);
        rp_timer_disarm(&extra->patience);
    }
    extra->cancel_requests = 0;
}

/* A plain function may return something to await (@result, stolen). Returns a coroutine that awaits
 * it; NULL when there is nothing to await, and the function has run, or with an exception. */
static PyObject *awaiting(struct py_vu *vu, PyObject *result)
{
    PyObject *coro = NULL;

    if (result != Py_None)
        coro = rp_py_ask(vu->host, PY_HOOK_AWAITING, result);
    Py_DECREF(result);
    if (coro == Py_None)
        Py_CLEAR(coro);
    return coro;
}

void rp_py_begin(struct rp_script_host *script, struct rp_vu *engine_vu)
{
    struct py_vu *vu = of_engine(engine_vu);
    PyObject *args[] = { NULL, (PyObject *)vu };
    PyObject *coro;

    if (RP_UNLIKELY(vu->extra))
        reset_extra(vu);
    if (RP_UNLIKELY(vu->attributes))
        Py_CLEAR(vu->attributes);
    set_stepping(vu);
    coro = PyObject_Vectorcall(vu->function, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (RP_UNLIKELY(coro && !PyCoro_CheckExact(coro)))
        coro = awaiting(vu, coro);
    unset_stepping(vu, NULL);
    if (RP_UNLIKELY(vu->host->is_forked))
        vu->host->ops->leave_fork(vu->host);
    if (RP_UNLIKELY(!coro)) {
        if (PyErr_Occurred())
            ended_by_exception(vu);
        else
            ended(vu, RP_ENDED_COMPLETED);
        return;
    }
    vu->coro = coro;
    rp_py_step(vu, NULL);
}
