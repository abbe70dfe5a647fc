/* SPDX-License-Identifier: MIT */

/*
 * check(), counter(), gauge(), rate() and trend() record samples of the script's own. A call finds
 * its series by the address of the name (names are mostly constants of the code) and the VU's tags;
 * only the first call looks the name up.
 */

#include "python/api/metrics.h"

#include <errno.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "python/api/api_internal.h"

struct sample_args {
    PyObject *name, *value, *tags;
};

/* Takes name, value and tags, by position or keyword. @needs_value: the value has no default. -1
 * with an exception. */
static int parse(const char *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                 bool needs_value, struct sample_args *ret)
{
    PyObject **slots[] = { &ret->name, &ret->value, &ret->tags };
    static const char *const names[] = { "name", "value", "tags" };
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    if (nargs > 3) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 3 arguments", function);
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++)
        *slots[i] = args[i];
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *key = PyTuple_GET_ITEM(kwnames, i);
        int slot = -1;

        for (int j = 0; j < 3; j++)
            if (PyUnicode_CompareWithASCIIString(key, names[j]) == 0)
                slot = j;
        if (slot < 0 || *slots[slot]) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected argument %R", function, key);
            return -1;
        }
        *slots[slot] = args[nargs + i];
    }
    if (!ret->name || (needs_value && !ret->value)) {
        PyErr_Format(PyExc_TypeError, "%s() needs a name%s", function,
                     needs_value ? " and a value" : "");
        return -1;
    }
    if (ret->tags == Py_None)
        ret->tags = NULL;
    return 0;
}

static const struct rp_tags *add_tags(struct py_vu *self, const struct rp_tags *base,
                                      PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;

    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "tags must be a dict of str to str");
        return NULL;
    }
    while (base && PyDict_Next(dict, &pos, &key, &value)) {
        struct rp_slice k, v;
        PyObject *text;

        Py_INCREF(key); /* str() is code of the script, which may change the dict */
        Py_INCREF(value);
        text = PyObject_Str(value);
        if (!text || rp_py_utf8(key, "a tag's key", &k) < 0 || rp_py_utf8(text, "a tag", &v) < 0)
            base = NULL;
        else if (!(base = rp_tags_with(self->host->registry, base, k, v)))
            PyErr_NoMemory();
        Py_XDECREF(text);
        Py_DECREF(value);
        Py_DECREF(key);
    }
    return base;
}

static struct series_slot *slot_of(struct py_vu *self, PyObject *name, const char *metric,
                                   const struct rp_tags *tags)
{
    uintptr_t hash = (uintptr_t)name >> 4;

    hash ^= (uintptr_t)tags >> 5 ^ (uintptr_t)metric;
    return &self->host->series->slots[hash % RP_PY_SERIES_SLOTS];
}

static bool slot_matches(const struct series_slot *slot, PyObject *name, const char *metric,
                         const struct rp_tags *tags)
{
    return slot->name == name && slot->tags == tags && slot->metric == metric;
}

static void fill_slot(struct series_slot *slot, PyObject *name, const char *metric,
                      const struct rp_tags *tags, struct rp_series *series)
{
    PyObject *old = slot->name;

    *slot = (struct series_slot){
        .name = Py_NewRef(name), .tags = tags, .metric = metric, .series = series
    };
    Py_XDECREF(old); /* last: the name may be of a class of the script's own, whose end runs code */
}

int rp_py_series_new(struct py_host *host, struct rp_error *err)
{
    const struct rp_builtin_metric *checks = &rp_builtin_metrics[RP_M_CHECKS];

    host->series = rp_calloc(1, sizeof(*host->series));
    if (!host->series)
        return -ENOMEM;
    return rp_registry_metric(host->registry, checks->name, checks->type, checks->is_time,
                              &host->series->checks, err);
}

void rp_py_series_free(struct py_host *host)
{
    struct py_series *self = host->series;

    if (!self)
        return;
    for (size_t i = 0; i < RP_PY_SERIES_SLOTS; i++)
        Py_CLEAR(self->slots[i].name);
    host->series = NULL;
    rp_free(self);
}

/* ---- custom metrics -------------------------------------------------------------------------- */

static struct rp_series *find_custom(struct py_vu *self, PyObject *name, enum rp_metric_type type,
                                     PyObject *tags_dict)
{
    const struct rp_tags *tags = rp_py_vu_tags(self);
    const struct rp_metric *metric;
    struct rp_error err = { 0 };
    struct rp_series *series;
    struct rp_slice text;
    int r;

    if (rp_py_utf8(name, "a metric's name", &text) < 0)
        return NULL;
    if (tags_dict && !(tags = add_tags(self, tags, tags_dict)))
        return NULL;
    r = rp_registry_metric(self->host->registry, text.ptr, type, false, &metric, &err);
    if (r < 0) {
        rp_py_raise(r, &err);
        rp_error_deinit(&err);
        return NULL;
    }
    series = rp_registry_series(self->host->registry, metric, tags);
    if (!series)
        PyErr_NoMemory();
    return series;
}

static struct rp_series *custom_series(struct py_vu *self, const struct sample_args *args,
                                       enum rp_metric_type type, const char *metric)
{
    const struct rp_tags *tags;
    struct series_slot *slot;
    struct rp_series *series;

    if (rp_py_vu_require(self) < 0)
        return NULL;
    if (args->tags)
        return find_custom(self, args->name, type, args->tags);
    tags = rp_py_vu_tags(self);
    slot = slot_of(self, args->name, metric, tags);
    if (RP_LIKELY(slot_matches(slot, args->name, metric, tags)))
        return slot->series;
    series = find_custom(self, args->name, type, NULL);
    if (series)
        fill_slot(slot, args->name, metric, tags, series);
    return series;
}

static int number_of(PyObject *value, const char *function, double *ret)
{
    if (rp_py_number(value, function, "the value", ret) < 0)
        return -1;
    if (*ret - *ret != 0) {
        PyErr_Format(PyExc_ValueError, "%s() takes a finite number, not %R", function, value);
        return -1;
    }
    return 0;
}

PyObject *rp_py_vu_counter(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char metric[] = "counter";
    struct sample_args sample = { 0 };
    struct rp_series *series;
    double value = 1;

    if (parse(metric, args, nargs, kwnames, false, &sample) < 0 ||
        (sample.value && number_of(sample.value, metric, &value) < 0))
        return NULL;
    if (value < 0)
        return PyErr_Format(PyExc_ValueError, "counter() takes no negative number: use a gauge");
    series = custom_series((struct py_vu *)self, &sample, RP_COUNTER, metric);
    if (!series)
        return NULL;
    rp_series_number(series, value);
    Py_RETURN_NONE;
}

PyObject *rp_py_vu_gauge(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char metric[] = "gauge";
    struct sample_args sample = { 0 };
    struct rp_series *series;
    double value;

    if (parse(metric, args, nargs, kwnames, true, &sample) < 0 ||
        number_of(sample.value, metric, &value) < 0)
        return NULL;
    series = custom_series((struct py_vu *)self, &sample, RP_GAUGE, metric);
    if (!series)
        return NULL;
    rp_series_gauge(series, value);
    Py_RETURN_NONE;
}

PyObject *rp_py_vu_rate(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char metric[] = "rate";
    struct sample_args sample = { 0 };
    struct rp_series *series;
    int truth;

    if (parse(metric, args, nargs, kwnames, true, &sample) < 0 ||
        (truth = PyObject_IsTrue(sample.value)) < 0)
        return NULL;
    series = custom_series((struct py_vu *)self, &sample, RP_RATE, metric);
    if (!series)
        return NULL;
    rp_series_rate(series, truth);
    Py_RETURN_NONE;
}

PyObject *rp_py_vu_trend(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char metric[] = "trend";
    struct sample_args sample = { 0 };
    struct rp_series *series;
    double value;

    if (parse(metric, args, nargs, kwnames, true, &sample) < 0 ||
        number_of(sample.value, metric, &value) < 0)
        return NULL;
    series = custom_series((struct py_vu *)self, &sample, RP_TREND, metric);
    if (!series)
        return NULL;
    rp_series_number(series, rp_trend_stored(false, value));
    Py_RETURN_NONE;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static struct rp_series *find_check(struct py_vu *self, PyObject *name, PyObject *tags_dict)
{
    const struct rp_tags *tags = rp_py_vu_tags(self);
    struct rp_series *series = NULL;
    struct rp_slice text;

    if (rp_py_utf8(name, "a check's name", &text) < 0)
        return NULL;
    if (tags_dict && !(tags = add_tags(self, tags, tags_dict)))
        return NULL;
    tags = rp_tags_with(self->host->registry, tags, RP_SLICE("check"), text);
    if (tags)
        series = rp_registry_series(self->host->registry, self->host->series->checks, tags);
    if (!series)
        PyErr_NoMemory();
    return series;
}

static struct rp_series *check_series(struct py_vu *self, PyObject *name, PyObject *tags)
{
    static const char metric[] = "checks";
    const struct rp_tags *now;
    struct series_slot *slot;
    struct rp_series *series;

    if (tags)
        return find_check(self, name, tags);
    now = rp_py_vu_tags(self);
    slot = slot_of(self, name, metric, now);
    if (RP_LIKELY(slot_matches(slot, name, metric, now)))
        return slot->series;
    series = find_check(self, name, NULL);
    if (series)
        fill_slot(slot, name, metric, now, series);
    return series;
}

/* A predicate that raises is a check that failed; the reason is noted once for each name. */
static int note_raised(struct py_vu *self, PyObject *name)
{
    PyObject *type, *value, *traceback, *noted;

    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    noted = rp_py_ask(self->host, PY_HOOK_NOTE_CHECK, name, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    if (!noted)
        return -1;
    Py_DECREF(noted);
    return 0;
}

/* The predicate is async, or forgets to await: an awaitable would always count as true. */
static int note_awaitable(struct py_vu *self, PyObject *name, PyObject *result)
{
    PyObject *noted = rp_py_ask(self->host, PY_HOOK_NOTE_UNAWAITED_CHECK, name, result);

    Py_XDECREF(noted);
    return noted ? 0 : -1;
}

/* Steals @result. */
static int truth_of(struct py_vu *self, PyObject *name, PyObject *result)
{
    const PyAsyncMethods *async = Py_TYPE(result)->tp_as_async;
    int truth;

    if (RP_LIKELY(PyBool_Check(result)))
        truth = result == Py_True;
    else if (RP_UNLIKELY(async && async->am_await))
        truth = note_awaitable(self, name, result);
    else
        truth = PyObject_IsTrue(result);
    Py_DECREF(result);
    return truth;
}

/* Whether @predicate holds for @value: 1, 0, or -1 with an exception. */
static int holds(struct py_vu *self, PyObject *name, PyObject *predicate, PyObject *value)
{
    PyObject *result = Py_TYPE(predicate)->tp_call ? PyObject_CallOneArg(predicate, value)
                                                   : Py_NewRef(predicate);
    int truth = result ? truth_of(self, name, result) : -1;

    if (RP_UNLIKELY(truth < 0))
        return note_raised(self, name) < 0 ? -1 : 0;
    return truth;
}

static int check_one(struct py_vu *self, PyObject *name, PyObject *predicate, PyObject *value,
                     PyObject *tags)
{
    int truth = holds(self, name, predicate, value);
    struct rp_series *series;

    if (truth < 0 || rp_py_vu_require(self) < 0 || !(series = check_series(self, name, tags)))
        return -1;
    rp_series_rate(series, truth);
    return truth;
}

/* Fills @ret with value, conditions and tags, borrowed; tags may stay NULL. */
static int read_check(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject *ret[3])
{
    static const char *const names[] = { "value", "conditions", "tags" };
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    for (Py_ssize_t i = 0; i < nargs && i < 3; i++)
        ret[i] = args[i];
    for (Py_ssize_t i = 0; i < keywords; i++) {
        size_t at = 0;

        while (at < RP_ARRAY_LEN(names) &&
               PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), names[at]) != 0)
            at++;
        if (at == RP_ARRAY_LEN(names) || ret[at])
            goto wrong;
        ret[at] = args[nargs + i];
    }
    if (nargs <= 3 && ret[0] && ret[1])
        return 0;
wrong:
    PyErr_SetString(PyExc_TypeError, "check() takes value=, conditions= (a dict of names and "
                                     "predicates) and tags=");
    return -1;
}

PyObject *rp_py_vu_check(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    struct py_vu *self = (struct py_vu *)object;
    PyObject *given[3] = { NULL }, *tags, *name, *predicate;
    Py_ssize_t pos = 0;
    bool all = true;

    if (RP_LIKELY(!kwnames && nargs == 2)) {
        given[0] = args[0];
        given[1] = args[1];
    } else if (read_check(args, nargs, kwnames, given) < 0) {
        return NULL;
    }
    tags = given[2];
    if (!PyDict_Check(given[1]))
        return PyErr_Format(PyExc_TypeError,
                            "check() takes a dict of names and predicates, not %.100s",
                            Py_TYPE(given[1])->tp_name);
    if (rp_py_vu_require(self) < 0)
        return NULL;
    tags = tags == Py_None ? NULL : tags;
    while (PyDict_Next(given[1], &pos, &name, &predicate)) {
        int truth;

        Py_INCREF(name);
        Py_INCREF(predicate);
        truth = check_one(self, name, predicate, given[0], tags);
        Py_DECREF(name);
        Py_DECREF(predicate);
        if (truth < 0)
            return NULL;
        all = all && truth;
    }
    return Py_NewRef(all ? Py_True : Py_False);
}
