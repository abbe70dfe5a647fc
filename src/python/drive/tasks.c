/* SPDX-License-Identifier: MIT */

/*
 * An iteration may create asyncio tasks. A task belongs to the VU whose coroutine creates it, or to
 * the VU of the task that does. Tasks that are still running when the iteration ends are cancelled,
 * and the VU begins no further iteration until they have ended, for a second at most.
 *
 * That holds for the user's own tasks. A task that a library creates for itself may serve a
 * connection that is kept in worker.vu, and is left alone. A task is the user's when its coroutine
 * is the user's, or when the user's code has created it, as with create_task(queue.get()). Frames
 * of asyncio, and all others of Python's library, do not count as creators.
 *
 * Host.create_task() stands in for the loop's own method, which is Python. An iteration without
 * tasks pays nothing.
 */

#include "base/alloc.h"
#include "python/drive/vu.h"

enum { CHILDREN_MIN = 8, PATIENCE_S = 1 };

struct py_child {
    PyObject *task;
    /* The code object that has created the task. NULL when the coroutine itself is the user's, None
     * when a library has. */
    PyObject *creator;
    int lasti; /* the place in that code: its last instruction */
    bool is_done;
};

/* ---- whose it is ----------------------------------------------------------------------------- */

/* Whose code the file holds: True the user's, False a library's, None that of Python itself or of
 * rampa. Borrowed; NULL with an exception. */
static PyObject *kind_of_file(struct py_host *self, PyObject *name)
{
    PyObject *kind = PyDict_GetItemWithError(self->tasks.file_kinds, name);
    int r;

    if (RP_LIKELY(kind != NULL) || PyErr_Occurred())
        return kind;
    kind = rp_py_ask(self, PY_HOOK_KIND_OF_FILE, name);
    r = kind ? PyDict_SetItem(self->tasks.file_kinds, name, kind) : -1;
    Py_XDECREF(kind);
    return r < 0 ? NULL : kind;
}

static PyObject *kind_of_code(struct py_host *self, PyObject *code)
{
    return PyCode_Check(code) ? kind_of_file(self, ((PyCodeObject *)code)->co_filename) : Py_None;
}

/* Whether @coro is a coroutine of the user's code: 1, 0, or -1 with an exception. */
static int is_users_coroutine(struct py_host *self, PyObject *coro)
{
    PyObject *code, *kind;

    if (!PyCoro_CheckExact(coro))
        return 0;
    code = PyObject_GetAttr(coro, self->state->s_cr_code);
    kind = code ? kind_of_code(self, code) : NULL;
    Py_XDECREF(code);
    return kind ? kind == Py_True : -1;
}

static int find_creator(struct py_host *self, struct py_child *child)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *kind = Py_None;

    child->creator = Py_NewRef(Py_None);
    while (frame && kind == Py_None) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        PyFrameObject *outer;

        kind = kind_of_code(self, code);
        if (kind == Py_True) {
            Py_SETREF(child->creator, Py_NewRef(code));
            child->lasti = PyFrame_GetLasti(frame);
        }
        Py_DECREF(code);
        outer = PyFrame_GetBack(frame);
        Py_SETREF(frame, outer);
    }
    Py_XDECREF(frame);
    return kind ? 0 : -1;
}

/* The task that runs now, as asyncio has noted it: a new reference, or NULL. */
static PyObject *current_task(struct py_host *self)
{
    PyObject *task;

    if (self->tasks.current_task)
        return PyObject_CallOneArg(self->tasks.current_task, self->aio.loop);
    task = PyDict_GetItemWithError(self->tasks.current_tasks, self->aio.loop);
    return Py_XNewRef(task);
}

/* The VU that the code that runs now belongs to: borrowed, or NULL. */
static struct py_vu *owner_now(struct py_host *self)
{
    PyObject *task, *owner;

    if (PyThread_get_thread_ident() != self->loop_thread)
        return NULL;
    if (self->stepping)
        return self->stepping;
    if (PyDict_GET_SIZE(self->tasks.owners) == 0)
        return self->tasks.spawning;
    task = current_task(self);
    owner = task ? PyDict_GetItemWithError(self->tasks.owners, task) : NULL;
    Py_XDECREF(task);
    if (PyErr_Occurred())
        PyErr_Clear();
    return owner ? (struct py_vu *)owner : self->tasks.spawning;
}

/* ---- what a VU has --------------------------------------------------------------------------- */

static bool is_done(struct py_host *self, PyObject *task)
{
    PyObject *done = PyObject_CallMethodNoArgs(task, self->state->s_done);
    bool ret = !done || PyObject_IsTrue(done) != 0;

    Py_XDECREF(done);
    if (PyErr_Occurred())
        PyErr_Clear();
    return ret;
}

static void disown(struct py_host *self, PyObject *task)
{
    if (self->tasks.owners && PyDict_DelItem(self->tasks.owners, task) < 0)
        PyErr_Clear();
}

/* @child is a copy: what a task releases may run code of the script, which may create tasks and
 * move the array. */
static void drop_child(struct py_host *self, struct py_child child)
{
    disown(self, child.task);
    Py_DECREF(child.task);
    Py_XDECREF(child.creator);
}

/* Moves the tasks that are not done into a new array, with room for as many again. -1: nothing has
 * changed. */
static int drop_done(struct py_host *self, struct py_vu_extra *extra)
{
    struct py_child *all = extra->children, *kept;
    unsigned count = extra->child_count, alive = 0;

    for (unsigned i = 0; i < count; i++) {
        bool done = is_done(self, all[i].task); /* done() may be code of the script */

        if (extra->children != all || extra->child_count != count)
            return -1;
        all[i].is_done = done;
        alive += !done;
    }
    kept = rp_realloc_array(NULL, 2 * (size_t)alive + CHILDREN_MIN, sizeof(*kept));
    if (!kept)
        return -1;
    extra->children = kept;
    extra->child_room = 2 * alive + CHILDREN_MIN;
    extra->child_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!all[i].is_done && extra->child_count < extra->child_room)
            extra->children[extra->child_count++] = all[i];
        else
            drop_child(self, all[i]);
    }
    rp_free(all);
    return 0;
}

static int make_room(struct py_host *self, struct py_vu_extra *extra)
{
    if (extra->child_count && is_done(self, extra->children[extra->child_count - 1].task))
        drop_child(self, extra->children[--extra->child_count]);
    return extra->child_count < extra->child_room ? 0 : drop_done(self, extra);
}

/* Remembers a task of @owner. -1, perhaps with an exception: then the task is not cancelled at the
 * end, which hurts nobody. */
static int note(struct py_host *self, struct py_vu *owner, PyObject *task, PyObject *coro)
{
    struct py_vu_extra *extra = rp_py_vu_extra(owner);
    struct py_child child = { .task = task };
    int users;

    if (!extra)
        return -1;
    users = is_users_coroutine(self, coro);
    if (users < 0 || (users == 0 && find_creator(self, &child) < 0) || make_room(self, extra) < 0 ||
        extra->child_count == extra->child_room ||
        PyDict_SetItem(self->tasks.owners, task, (PyObject *)owner) < 0) {
        Py_XDECREF(child.creator);
        return -1;
    }
    Py_INCREF(task);
    extra->children[extra->child_count++] = child;
    return 0;
}

void rp_py_tasks_clear(struct py_vu *vu)
{
    struct py_vu_extra *extra = vu->extra;

    while (extra->child_count)
        drop_child(vu->host, extra->children[--extra->child_count]);
    rp_free(extra->children);
    extra->children = NULL;
    extra->child_room = 0;
    Py_CLEAR(extra->leftovers);
}

/* ---- creating -------------------------------------------------------------------------------- */

/* Calls @make(coro, ...), which makes a task. It may run the task at once: tasks that this one
 * creates belong to the same VU. */
static PyObject *spawn(struct py_host *self, PyObject *make, PyObject *const *args,
                       Py_ssize_t nargs, PyObject *kwnames, bool may_be_done)
{
    struct py_vu *owner = owner_now(self), *outer = self->tasks.spawning;
    PyObject *task;

    if (!owner)
        return PyObject_Vectorcall(make, args, (size_t)nargs, kwnames);
    Py_INCREF(owner);
    self->tasks.spawning = owner;
    task = PyObject_Vectorcall(make, args, (size_t)nargs, kwnames);
    self->tasks.spawning = outer;
    if (task && owner->engine_vu && !(may_be_done && is_done(self, task)) &&
        note(self, owner, task, args[0]) < 0)
        PyErr_Clear();
    Py_DECREF(owner);
    return task;
}

PyObject *rp_py_host_spawn(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    struct py_host *self = (struct py_host *)object;

    if (nargs < 2 || !self->tasks.owners)
        return PyErr_Format(PyExc_TypeError, "spawn() takes what makes a task, and a coroutine");
    return spawn(self, args[0], args + 1, nargs - 1, kwnames, true);
}

/* Task(coro, loop=loop, **kwargs) */
static PyObject *call_task(struct py_host *self, PyObject *const *args, PyObject *kwnames)
{
    Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *values[8] = { args[0] }, *names, *task;

    if (count == 0) {
        values[1] = self->aio.loop;
        return spawn(self, self->tasks.type, values, 1, self->tasks.loop_name, false);
    }
    names = PyTuple_New(count + 1);
    if (!names)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(names, i, Py_NewRef(PyTuple_GET_ITEM(kwnames, i)));
        values[i + 1] = args[i + 1];
    }
    PyTuple_SET_ITEM(names, count, Py_NewRef(PyTuple_GET_ITEM(self->tasks.loop_name, 0)));
    values[count + 1] = self->aio.loop;
    task = spawn(self, self->tasks.type, values, 1, names, true);
    Py_DECREF(names);
    return task;
}

/* loop.create_task(). The loop's own method does what is not the common case. */
PyObject *rp_py_host_create_task(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *factory;

    if (!self->tasks.owners)
        return PyErr_Format(PyExc_RuntimeError, "the run that this loop belongs to is over");
    if (RP_UNLIKELY(nargs != 1 || (kwnames && PyTuple_GET_SIZE(kwnames) > 6)))
        return PyObject_Vectorcall(self->tasks.create_task, args, (size_t)nargs, kwnames);
    factory = PyObject_GetAttr(self->aio.loop, self->state->s_task_factory);
    if (!factory)
        return NULL;
    Py_DECREF(factory); /* the loop keeps it */
    if (RP_LIKELY(factory == Py_None))
        return call_task(self, args, kwnames);
    return spawn(self, self->tasks.create_task, args, nargs, kwnames, true);
}

/* ---- the end of an iteration ----------------------------------------------------------------- */

/* Takes its tasks from @vu. Returns those of the user's that are not done: a list of (task, code or
 * None, line in that code), or NULL with an exception. */
static PyObject *take_alive(struct py_vu *vu)
{
    struct py_vu_extra *extra = vu->extra;
    PyObject *alive = PyList_New(0);

    for (unsigned i = 0; alive && i < extra->child_count; i++) {
        const struct py_child *child = &extra->children[i];
        PyObject *code = child->creator ? child->creator : Py_None, *item;
        int line = 0;

        if (child->creator == Py_None || is_done(vu->host, child->task))
            continue;
        if (child->creator)
            line = PyCode_Addr2Line((PyCodeObject *)code, child->lasti);
        item = Py_BuildValue("OOi", child->task, code, line);
        if (!item || PyList_Append(alive, item) < 0)
            Py_CLEAR(alive);
        Py_XDECREF(item);
    }
    rp_py_tasks_clear(vu);
    return alive;
}

static void release(struct py_vu *vu)
{
    Py_CLEAR(vu->extra->leftovers);
    rp_timer_disarm(&vu->extra->patience);
    if (vu->open_streams)
        vu->host->ops->leave_streams(vu);
    vu->host->script.engine->released(vu->engine_vu);
}

static void patience_over(struct rp_timer *timer, rp_ns now)
{
    struct py_vu *vu = rp_container_of(timer, struct py_vu_extra, patience)->vu;

    rp_py_tell(vu->host, PY_HOOK_GIVE_UP_TASKS, vu->extra->leftovers);
    release(vu);
}

bool rp_py_tasks_end(struct py_vu *vu, bool is_interrupted)
{
    struct py_host *host = vu->host;
    struct py_vu_extra *extra = vu->extra;
    PyObject *alive = take_alive(vu);

    if (alive && PyList_GET_SIZE(alive))
        extra->leftovers = rp_py_ask(host, PY_HOOK_END_TASKS, vu, alive,
                                     is_interrupted ? Py_True : Py_False);
    Py_XDECREF(alive);
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(host->hooks);
    if (!extra->leftovers)
        return false;
    rp_timer_arm(host->loop, &extra->patience, rp_loop_now(host->loop) + PATIENCE_S * RP_S,
                 patience_over);
    return true;
}

/* worker._released(leftovers): the last of these tasks has ended. The call may come late. */
PyObject *rp_py_vu_released(PyObject *object, PyObject *leftovers)
{
    struct py_vu *self = (struct py_vu *)object;

    if (self->engine_vu && self->extra && self->extra->leftovers == leftovers)
        release(self);
    Py_RETURN_NONE;
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_py_tasks_init(struct py_host *self)
{
    PyObject *tasks = PyImport_ImportModule("asyncio.tasks");
    PyObject *c_tasks = tasks ? PyImport_ImportModule("_asyncio") : NULL;
    bool is_there = false;

    if (tasks && c_tasks) {
        /* current_task() is C from Python 3.12 on, and from 3.14 on there is no other way. */
        self->tasks.current_task = PyObject_GetAttrString(c_tasks, "current_task");
        if (!self->tasks.current_task) {
            PyErr_Clear();
            self->tasks.current_tasks = PyObject_GetAttrString(tasks, "_current_tasks");
        }
        is_there = (self->tasks.current_task || self->tasks.current_tasks) &&
                   (self->tasks.type = PyObject_GetAttrString(tasks, "Task")) &&
                   (self->tasks.create_task = PyObject_GetAttrString(self->aio.loop,
                                                                     "create_task")) &&
                   (self->tasks.loop_name = Py_BuildValue("(s)", "loop")) &&
                   (self->tasks.owners = PyDict_New()) && (self->tasks.file_kinds = PyDict_New());
    }
    Py_XDECREF(tasks);
    Py_XDECREF(c_tasks);
    if (!is_there)
        return -1;
    if (self->tasks.current_task ||
        (self->tasks.current_tasks && PyDict_Check(self->tasks.current_tasks)))
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this Python's asyncio is not one that rampa knows");
    return -1;
}

void rp_py_tasks_deinit(struct py_host *self)
{
    Py_CLEAR(self->tasks.type);
    Py_CLEAR(self->tasks.current_task);
    Py_CLEAR(self->tasks.current_tasks);
    Py_CLEAR(self->tasks.create_task);
    Py_CLEAR(self->tasks.loop_name);
    Py_CLEAR(self->tasks.owners);
    Py_CLEAR(self->tasks.file_kinds);
}
