/* SPDX-License-Identifier: MIT */

/*
 * timeout= of a request. A number is the limit of the whole. Any other value says how long the parts
 * may take, and becomes time-outs that belong to the request and are freed with it.
 */

#include "python/api/timeouts.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"

#define SECONDS_MAX 1e9 /* of which the clock has enough; also what "no limit" is */

/* The attributes of the classes, and what they mean here. None and 0 are no limit. */
struct attribute {
    const char *name;
    size_t offset;
};

#define AT(member) offsetof(struct rp_http_timeouts, member)

static const struct attribute of_aiohttp[] = {
    { "connect", AT(connection) },
    { "sock_connect", AT(connect) },
    { "sock_read", AT(idle) },
    { NULL, 0 },
};
static const struct attribute of_httpx[] = {
    { "connect", AT(connect) },
    { "read", AT(idle) },
    { NULL, 0 },
};
static const struct attribute ours[] = {
    { "connection", AT(connection) }, { "connect", AT(connect) }, { "tls", AT(handshake) },
    { "first_byte", AT(first_byte) }, { "idle", AT(idle) },       { NULL, 0 },
};

/* Seconds, or 0 for none. -1 with an exception. */
static int seconds_of(PyObject *value, const char *name, rp_ns *ret)
{
    double seconds;

    *ret = 0;
    if (value == Py_None)
        return 0;
    if (!PyNumber_Check(value)) {
        PyErr_Format(PyExc_TypeError, "timeout: %s takes a number of seconds, not %R", name, value);
        return -1;
    }
    seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    if (!(seconds >= 0) || seconds > SECONDS_MAX) {
        PyErr_Format(PyExc_ValueError, "timeout: %s takes seconds from 0, not %R", name, value);
        return -1;
    }
    *ret = (rp_ns)llround(seconds * 1e9);
    return 0;
}

static int attribute_of(PyObject *value, const char *name, rp_ns *ret)
{
    PyObject *part = PyObject_GetAttrString(value, name);
    int r = part ? seconds_of(part, name, ret) : -1;

    Py_XDECREF(part);
    return r;
}

/* The least rate of a body, and the span over which it is looked at. */
static int take_rate(PyObject *value, struct rp_http_timeouts *timeouts)
{
    PyObject *rate = PyObject_GetAttrString(value, "min_rate");
    double number = 0;
    int r = rate ? attribute_of(value, "min_rate_time", &timeouts->min_rate_time) : -1;

    if (r == 0 && rate != Py_None) {
        number = PyNumber_Check(rate) ? PyFloat_AsDouble(rate) : -1;
        PyErr_Clear();
        if (!(number >= 0) || number > 1e15)
            PyErr_Format(PyExc_ValueError,
                         "timeout: min_rate takes a number of bytes a second, not %R", rate);
        else if (number > 0 && !timeouts->min_rate_time)
            PyErr_SetString(PyExc_ValueError,
                            "timeout: min_rate needs a min_rate_time above 0 seconds");
        else
            timeouts->min_rate = (uint64_t)llround(ceil(number));
        r = PyErr_Occurred() ? -1 : 0;
    }
    Py_XDECREF(rate);
    return r;
}

static int take_attributes(PyObject *value, const struct attribute *attributes,
                           struct rp_http_timeouts *timeouts)
{
    for (; attributes->name; attributes++)
        if (attribute_of(value, attributes->name,
                         (rp_ns *)(void *)((char *)timeouts + attributes->offset)) < 0)
            return -1;
    return 0;
}

/* Fills @timeouts, and the limit of the whole in *@total, which is 0 when there is none. */
static int take(PyObject *value, rp_ns *total, struct rp_http_timeouts *timeouts)
{
    if (PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 2)
        return seconds_of(PyTuple_GET_ITEM(value, 0), "connect", &timeouts->connect) < 0
                   ? -1
                   : seconds_of(PyTuple_GET_ITEM(value, 1), "idle", &timeouts->idle);
    if (PyObject_HasAttrString(value, "sock_read"))
        return attribute_of(value, "total", total) < 0
                   ? -1
                   : take_attributes(value, of_aiohttp, timeouts);
    if (PyObject_HasAttrString(value, "first_byte"))
        return attribute_of(value, "total", total) < 0 || take_attributes(value, ours, timeouts) < 0
                   ? -1
                   : take_rate(value, timeouts);
    if (PyObject_HasAttrString(value, "pool"))
        return take_attributes(value, of_httpx, timeouts);
    PyErr_Format(PyExc_TypeError,
                 "timeout takes a number of seconds for the whole request, not %R; "
                 "rampa.Timeout(...) limits its parts",
                 value);
    return -1;
}

static int number_of(PyObject *value, rp_ns *ret)
{
    double seconds = PyFloat_AsDouble(value);

    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    if (!(seconds > 0) || seconds > SECONDS_MAX) {
        PyErr_Format(PyExc_ValueError, "timeout takes seconds above 0, not %R", value);
        return -1;
    }
    *ret = (rp_ns)llround(seconds * 1e9);
    return 0;
}

int rp_py_timeout_apply(PyObject *value, struct rp_http_call *call)
{
    struct rp_http_timeouts *timeouts, taken = { 0 };
    rp_ns total = 0;

    if (!value || value == Py_None)
        return 0;
    if (PyNumber_Check(value))
        return number_of(value, &call->timeout);
    if (take(value, &total, &taken) < 0)
        return -1;
    timeouts = rp_alloc(sizeof(*timeouts));
    if (!timeouts) {
        PyErr_NoMemory();
        return -1;
    }
    *timeouts = taken;
    call->timeouts = timeouts;
    call->timeout = total ? total : (rp_ns)(SECONDS_MAX * 1e9);
    return 0;
}
