/* SPDX-License-Identifier: MIT */

/*
 * A run in the process of a program that is not ours: coordinator and worker on the reactor of one
 * host, and what the program may ask of them. The numbers outlive the reactor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "python/bridge/run.h"
#include "output/result_file.h"
#include "run/control.h"
#include "ui/report.h"

/* ---- what the program asks ------------------------------------------------------------------- */

/* What was published is told after the next turn. */
static PyObject *done(struct py_run *self)
{
    rp_py_guest_wake(self->host);
    Py_RETURN_NONE;
}

static PyObject *run_stop(PyObject *object, PyObject *args)
{
    struct py_run *self = (struct py_run *)object;
    const char *reason;
    int at_once = 0;

    if (!PyArg_ParseTuple(args, "s|p", &reason, &at_once))
        return NULL;
    rp_control_stop(self->sinks.control, reason, at_once);
    return done(self);
}

static PyObject *run_pause(PyObject *object, PyObject *unused)
{
    struct py_run *self = (struct py_run *)object;

    rp_control_pause(self->sinks.control);
    return done(self);
}

static PyObject *run_resume(PyObject *object, PyObject *unused)
{
    struct py_run *self = (struct py_run *)object;

    rp_control_resume(self->sinks.control);
    return done(self);
}

/* adjust(scenario or None, "vus" or "rate", value, hold) */
static PyObject *run_adjust(PyObject *object, PyObject *args)
{
    struct py_run *self = (struct py_run *)object;
    struct rp_adjustment wanted = { 0 };
    struct rp_error err = { 0 };
    const char *what;
    int hold, r;

    if (!PyArg_ParseTuple(args, "zsdp", &wanted.scenario, &what, &wanted.value, &hold))
        return NULL;
    wanted.what = strcmp(what, rp_adjusted_name(RP_ADJUST_RATE)) == 0 ? RP_ADJUST_RATE
                                                                      : RP_ADJUST_VUS;
    wanted.hold = hold;
    r = rp_control_adjust(self->sinks.control, &wanted, &err);
    if (r < 0)
        return rp_py_raise_and_deinit(r, &err);
    return done(self);
}

/* What an output in Python has lost, in the run or after it. */
static PyObject *run_lose(PyObject *object, PyObject *args)
{
    struct py_run *self = (struct py_run *)object;
    const char *text;

    if (!PyArg_ParseTuple(args, "s", &text))
        return NULL;
    rp_result_fail(&self->result, RP_EXIT_OUTPUT, "%s", text);
    rp_result_warn(&self->result, "%s", text);
    return done(self);
}

/* (type, what its values are) of a metric that has a series. */
static PyObject *run_metric(PyObject *object, PyObject *arg)
{
    struct py_run *self = (struct py_run *)object;
    const char *name = PyUnicode_AsUTF8(arg);
    const struct rp_view *view = name && self->result.store
                                     ? rp_store_view(self->result.store, name)
                                     : NULL;

    if (!name)
        return NULL;
    if (!view) {
        PyErr_SetObject(PyExc_KeyError, arg);
        return NULL;
    }
    return Py_BuildValue("ss", rp_metric_type_name(view->type), view->is_time ? "time" : "default");
}

static PyObject *run_snapshot(PyObject *object, PyObject *unused)
{
    const struct rp_event_line *event = ((struct py_run *)object)->snapshot;

    if (!event)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(event->line, (Py_ssize_t)event->len, "replace");
}

static PyObject *take_text(struct rp_buf *text, int r)
{
    PyObject *ret = r == 0 ? PyUnicode_DecodeUTF8(text->data ? text->data : "",
                                                  (Py_ssize_t)text->len, "replace")
                           : rp_py_raise(r, NULL);

    rp_buf_deinit(text);
    return ret;
}

static bool has_result(const struct py_run *self)
{
    if (self->is_over && self->status == 0)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "the run has no result");
    return false;
}

static PyObject *run_result_json(PyObject *object, PyObject *unused)
{
    struct py_run *self = (struct py_run *)object;
    struct rp_buf text;
    int r;

    if (!has_result(self))
        return NULL;
    rp_buf_init(&text, (size_t)1 << 30);
    r = rp_result_write_json(&self->result, &text);
    return take_text(&text, r < 0 ? r : text.error);
}

static PyObject *run_summary(PyObject *object, PyObject *args)
{
    struct py_run *self = (struct py_run *)object;
    struct rp_style style = { .width = 0 };
    struct rp_buf text;
    int color;

    if (!PyArg_ParseTuple(args, "Ip", &style.width, &color) || !has_result(self))
        return NULL;
    style.color = color;
    rp_buf_init(&text, (size_t)64 << 20);
    rp_summary_write(&self->result, style, &text);
    return take_text(&text, text.error);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static PyObject *get_run_id(PyObject *object, void *unused)
{
    return PyUnicode_FromString(((struct py_run *)object)->result.run_id);
}

static PyObject *get_is_over(PyObject *object, void *unused)
{
    return PyBool_FromLong(((struct py_run *)object)->is_over);
}

static PyObject *get_is_planned(PyObject *object, void *unused)
{
    return PyBool_FromLong(((struct py_run *)object)->is_planned);
}

static PyObject *get_is_paused(PyObject *object, void *unused)
{
    struct py_run *self = (struct py_run *)object;

    return PyBool_FromLong(rp_control_status(self->sinks.control).is_paused);
}

static PyObject *get_exit_code(PyObject *object, void *unused)
{
    struct py_run *self = (struct py_run *)object;

    if (self->status < 0)
        return PyLong_FromLong(self->status == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL);
    return PyLong_FromLong(self->result.exit_code);
}

static PyObject *get_reason(PyObject *object, void *unused)
{
    const char *reason = ((struct py_run *)object)->result.reason;

    return Py_BuildValue("z", reason);
}

/* (message, file, line, hint, detail, further mistakes) */
static PyObject *get_error(PyObject *object, void *unused)
{
    struct py_run *self = (struct py_run *)object;
    const struct rp_error *err = &self->err;

    if (self->status == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("zzizzN", err->message, err->file, err->line, err->hint, err->detail,
                         rp_py_further_mistakes(err));
}

/* ---- life ------------------------------------------------------------------------------------ */

static int note_plan(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    rp_container_of(sink, struct py_run, own_sink)->is_planned = true;
    return 0;
}

static const struct rp_sink_ops own_ops = { .open = note_plan };

static void over(void *user, int status)
{
    struct py_run *self = user;

    self->status = status;
    self->is_over = true;
}

void rp_py_run_close(struct py_run *self)
{
    struct rp_coordinator *coordinator = self->coordinator;

    self->coordinator = NULL;
    rp_coordinator_free(coordinator);
    rp_tui_free(self->tui); /* before the loop that it reads keys by */
    self->tui = NULL;
    if (self->host->guest && self->host->guest->run == self)
        self->host->guest->run = NULL;
}

static int keep_text(PyObject *options, const char *name, char **ret)
{
    PyObject *value = PyDict_GetItemString(options, name);
    const char *text = value ? PyUnicode_AsUTF8(value) : NULL;

    *ret = text ? rp_strdup(text) : NULL;
    if (text && !*ret)
        PyErr_NoMemory();
    return value && !*ret ? -1 : 0;
}

static int configure(struct py_run *self, const char *script, PyObject *options)
{
    PyObject *value;
    const char *text;

    self->script = rp_strdup(script);
    if (!self->script) {
        PyErr_NoMemory();
        return -1;
    }
    value = PyDict_GetItemString(options, "live_ns");
    text = value ? PyUnicode_AsUTF8(value) : NULL;
    if (text)
        self->live_interval = strtoll(text, NULL, 10);
    if (keep_text(options, "event_log", &self->event_log) < 0 ||
        keep_text(options, "trend_stats", &self->trend_stats) < 0 ||
        keep_text(options, "seed", &self->seed) < 0 ||
        keep_text(options, "run_id", &self->run_id) < 0)
        return -1;
    self->overrides.seed = (struct rp_override){ .value = self->seed, .origin = "seed" };
    self->overrides.trend_stats = (struct rp_override){ .value = self->trend_stats,
                                                        .origin = "summary_trend_stats" };
    self->config = (struct rp_coordinator_config){ .script = self->script,
                                                   .overrides = &self->overrides,
                                                   .run_id = self->run_id,
                                                   .wire = getenv("RAMPA_WIRE"),
                                                   .live_interval = self->live_interval,
                                                   .sinks = &self->sinks };
    return 0;
}

/* The terminal is given as a descriptor, because the program may have led standard error elsewhere
 * while the dashboard is shown. */
static int add_tui(struct py_run *self, PyObject *options)
{
    PyObject *value = PyDict_GetItemString(options, "terminal");
    const char *text = value ? PyUnicode_AsUTF8(value) : NULL;
    struct rp_tui_options tui = { .color = PyDict_GetItemString(options, "color") != NULL };
    int fd;

    if (!text)
        return 0;
    fd = fcntl((int)strtol(text, NULL, 10), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    self->terminal = fdopen(fd, "w");
    if (!self->terminal) {
        close(fd);
        return -ENOMEM;
    }
    tui.out = self->terminal;
    return rp_tui_new(&self->sinks, tui, &self->tui);
}

static int list_sinks(struct py_run *self, PyObject *options)
{
    int r;

    /* First: another one may refuse the plan. */
    rp_sinks_add(&self->sinks, &self->own_sink, &own_ops);
    r = rp_event_bus_new(&self->sinks, &self->bus);
    if (r == 0)
        r = rp_event_queue_new(self->bus, 0, rp_py_run_keep_snapshot, self, &self->own_queue);
    if (r == 0)
        r = add_tui(self, options);
    if (r == 0 && self->event_log)
        r = rp_event_log_new(&self->sinks, self->bus, self->event_log, &self->log);
    return r;
}

/* Worker and coordinator at the two ends of a pair of sockets. */
static int connect_both(struct py_run *self)
{
    struct py_host *host = self->host;
    const struct rp_worker_config config = { .script = &host->script,
                                             .client_kinds = rp_client_kinds,
                                             .shares_loop = true,
                                             .report_interval = self->live_interval < RP_S
                                                                    ? self->live_interval
                                                                    : RP_S,
                                             .ended = rp_py_worker_ended,
                                             .user = host };
    int ends[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    r = rp_worker_new(host->loop, ends[0], &config, &host->worker);
    if (r < 0)
        close(ends[0]);
    else
        r = rp_coordinator_new(&self->config, host->loop, ends[1], &self->result, &self->err, over,
                               self, &self->coordinator);
    if (r < 0)
        close(ends[1]);
    return r;
}

static PyObject *run_begin(PyObject *object, PyObject *unused)
{
    struct py_run *self = (struct py_run *)object;
    int r = -EBUSY;

    if (self->host->guest && self->host->guest->run == self && !self->host->worker)
        r = connect_both(self);
    if (r < 0) {
        errno = -r;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* Host.start(path, options, on_samples or None): once. Nothing happens before Run.begin(), so that
 * consumers miss nothing. */
PyObject *rp_py_host_start(PyObject *object, PyObject *args)
{
    struct py_host *host = (struct py_host *)object;
    PyTypeObject *type = host->state->run_type;
    struct py_run *self;
    const char *script;
    PyObject *options, *on_samples = Py_None;
    int r;

    if (!PyArg_ParseTuple(args, "sO!|O", &script, &PyDict_Type, &options, &on_samples))
        return NULL;
    if (!host->guest || host->guest->run || host->worker)
        return PyErr_Format(PyExc_RuntimeError, "this host is no guest, or has a run already");
    self = (struct py_run *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    rp_list_init(&self->queues);
    self->host = (struct py_host *)Py_NewRef(host);
    rp_sinks_init(&self->sinks);
    r = configure(self, script, options);
    if (r == 0) {
        r = list_sinks(self, options);
        if (r < 0)
            rp_py_raise(r, NULL);
    }
    if (r == 0 && on_samples != Py_None)
        rp_py_run_want_samples(self, on_samples);
    if (r < 0) {
        Py_DECREF(self);
        return NULL;
    }
    host->guest->run = self;
    return (PyObject *)self;
}

static int run_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_run *self = (struct py_run *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->host);
    Py_VISIT(self->on_samples);
    Py_VISIT(self->series);
    return 0;
}

/* No tp_clear: every cycle goes through objects that have one, and the consumers need the bus until
 * they are gone. */
static void run_dealloc(PyObject *object)
{
    struct py_run *self = (struct py_run *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    rp_py_run_close(self);
    if (self->terminal)
        fclose(self->terminal);
    rp_event_log_free(self->log);
    rp_event_queue_free(self->own_queue);
    rp_event_bus_free(self->bus);
    if (self->snapshot)
        rp_event_line_unref(self->snapshot);
    rp_result_deinit(&self->result);
    rp_error_deinit(&self->err);
    rp_free(self->script);
    rp_free(self->event_log);
    rp_free(self->trend_stats);
    rp_free(self->seed);
    rp_free(self->run_id);
    rp_free(self->waiting);
    Py_CLEAR(self->on_samples);
    Py_CLEAR(self->series);
    Py_CLEAR(self->host);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "begin", run_begin, METH_NOARGS, NULL },
    { "stop", run_stop, METH_VARARGS, NULL },
    { "pause", run_pause, METH_NOARGS, NULL },
    { "resume", run_resume, METH_NOARGS, NULL },
    { "adjust", run_adjust, METH_VARARGS, NULL },
    { "lose", run_lose, METH_VARARGS, NULL },
    { "metric", run_metric, METH_O, NULL },
    { "snapshot", run_snapshot, METH_NOARGS, NULL },
    { "events", rp_py_run_events, METH_O, NULL },
    { "result_json", run_result_json, METH_NOARGS, NULL },
    { "summary", run_summary, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "run_id", get_run_id, NULL, NULL, NULL },
    { "is_over", get_is_over, NULL, NULL, NULL },
    { "is_planned", get_is_planned, NULL, NULL, NULL },
    { "is_paused", get_is_paused, NULL, NULL, NULL },
    { "exit_code", get_exit_code, NULL, NULL, NULL },
    { "reason", get_reason, NULL, NULL, NULL },
    { "error", get_error, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, run_dealloc },
    { Py_tp_traverse, run_traverse },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { 0, NULL },
};

PyType_Spec rp_py_run_spec = {
    .name = "_rampa.Run",
    .basicsize = sizeof(struct py_run),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
