/* SPDX-License-Identifier: MIT */

/* Functions of the module. Python asks the plan's own parsers, so that there is one of each. */

#include "base/alloc.h"
#include "plan/metrics.h"
#include "plan/threshold.h"
#include "python/bridge/bridge.h"

PyObject *rp_py_further_mistakes(const struct rp_error *err)
{
    PyObject *list = PyList_New(0), *tuple;

    for (const struct rp_error *one = err->next; list && one; one = one->next) {
        PyObject *item = Py_BuildValue("zziz", one->message, one->file, one->line, one->hint);

        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* Raises rampa.errors.ConfigError(message, file, line, hint, others), and frees what @err holds.
 * Returns NULL. */
static PyObject *raise_config_error(int r, struct rp_error *err)
{
    PyObject *errors, *type, *others, *error = NULL;

    if (r == -ENOMEM) {
        rp_error_deinit(err);
        return PyErr_NoMemory();
    }
    errors = PyImport_ImportModule("rampa.errors");
    type = errors ? PyObject_GetAttrString(errors, "ConfigError") : NULL;
    others = type ? rp_py_further_mistakes(err) : NULL;
    if (others)
        error = PyObject_CallFunction(type, "szizO", err->message ? err->message : strerror(-r),
                                      err->file, err->line, err->hint, others);
    if (error)
        PyErr_SetObject(type, error);
    Py_XDECREF(error);
    Py_XDECREF(others);
    Py_XDECREF(type);
    Py_XDECREF(errors);
    rp_error_deinit(err);
    return NULL;
}

static const char *const compare_names[] = {
    [RP_LT] = "<", [RP_LE] = "<=", [RP_GT] = ">", [RP_GE] = ">=", [RP_EQ] = "==", [RP_NE] = "!=",
};

/* A tuple like ("p", 95.0, "<", 500.0). Aggregations other than percentiles have None in the second
 * place. */
static PyObject *describe_threshold(const struct rp_threshold *threshold)
{
    const char *compare = compare_names[threshold->compare];
    char name[32];

    if (threshold->stat.kind == RP_STAT_P)
        return Py_BuildValue("sdsd", "p", threshold->stat.p, compare, threshold->bound);
    rp_stat_format(threshold->stat, name, sizeof(name));
    return Py_BuildValue("sOsd", name, Py_None, compare, threshold->bound);
}

static PyObject *parse_threshold(PyObject *module, PyObject *arg)
{
    struct rp_threshold threshold;
    struct rp_error err = { 0 };
    struct rp_slice text;
    PyObject *ret;
    int r;

    if (rp_py_utf8(arg, "a threshold", &text) < 0)
        return NULL;
    r = rp_threshold_parse(RP_SLICE("metric"), text, &threshold, &err);
    if (r < 0)
        return raise_config_error(r, &err);
    ret = describe_threshold(&threshold);
    rp_threshold_deinit(&threshold);
    return ret;
}

static PyObject *resolve_plan(PyObject *module, PyObject *arg)
{
    const char *json = PyUnicode_AsUTF8(arg);
    struct rp_overrides none = { 0 };
    struct rp_plan *plan = NULL;
    struct rp_error err = { 0 };
    struct rp_buf text;
    PyObject *ret = NULL;
    int r;

    if (!json)
        return NULL;
    rp_buf_init(&text, (size_t)64 << 20);
    r = rp_plan_resolve(json, &none, &plan, &err);
    if (r == 0)
        r = rp_plan_write_json(plan, &text);
    if (r == 0)
        ret = PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, NULL);
    else
        raise_config_error(r, &err);
    rp_plan_free(plan);
    rp_buf_deinit(&text);
    return ret;
}

/* "time", "data" or "default": what the values of a metric are. */
static const char *unit_of(const struct rp_builtin_metric *metric)
{
    return metric->is_time ? "time" : metric->is_bytes ? "data" : "default";
}

static PyObject *builtin_metrics(PyObject *module, PyObject *unused)
{
    PyObject *ret = PyList_New(0);

    for (size_t i = 0; ret && i < RP_BUILTIN_COUNT; i++) {
        const struct rp_builtin_metric *metric = &rp_builtin_metrics[i];
        PyObject *row = Py_BuildValue("sss", metric->name, rp_metric_type_name(metric->type),
                                      unit_of(metric));

        if (!row || PyList_Append(ret, row) < 0)
            Py_CLEAR(ret);
        Py_XDECREF(row);
    }
    return ret;
}

static PyObject *metric_aliases(PyObject *module, PyObject *unused)
{
    PyObject *ret = PyDict_New();

    for (const struct rp_metric_alias *it = rp_metric_aliases; ret && it->alias; it++) {
        PyObject *name = PyUnicode_FromString(rp_builtin_name(it->metric));

        if (!name || PyDict_SetItemString(ret, it->alias, name) < 0)
            Py_CLEAR(ret);
        Py_XDECREF(name);
    }
    return ret;
}

PyMethodDef rp_py_plan_methods[] = {
    { "builtin_metrics", builtin_metrics, METH_NOARGS,
      PyDoc_STR("builtin_metrics()\n--\n\nThe built-in metrics: name, type, and what the values "
                "are: \"time\", \"data\" or \"default\".") },
    { "metric_aliases", metric_aliases, METH_NOARGS,
      PyDoc_STR(
          "metric_aliases()\n--\n\nFurther names of built-in metrics, and which these are.") },
    { "parse_threshold", parse_threshold, METH_O,
      PyDoc_STR("parse_threshold(expression, /)\n--\n\nSee rampa.thresholds.parse_threshold.") },
    { "resolve_plan", resolve_plan, METH_O,
      PyDoc_STR("resolve_plan(declaration, /)\n--\n\nThe plan that a script's declaration makes, "
                "as JSON with every default filled in. Raises rampa.errors.ConfigError.") },
    { NULL, NULL, 0, NULL },
};
