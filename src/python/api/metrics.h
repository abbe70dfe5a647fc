/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/metrics.h - the series that the script's own samples go to.
 *
 * A slot remembers the series of a name, found by the name's address and the tags of the VU.
 */

#include "python/drive/vu.h"

enum { RP_PY_SERIES_SLOTS = 1024 };

struct series_slot {
    PyObject *name; /* strong */
    const struct rp_tags *tags;
    const char *metric; /* "checks" or the type's name: a constant */
    struct rp_series *series;
};

struct py_series {
    const struct rp_metric *checks;
    struct series_slot slots[RP_PY_SERIES_SLOTS];
};

/* Makes host->series for the host's registry, and frees it. -ENOMEM, or an error of the registry
 * with @err filled. */
RP_NODISCARD int rp_py_series_new(struct py_host *host, struct rp_error *err);
void rp_py_series_free(struct py_host *host);

/* Methods of Worker. */
PyObject *rp_py_vu_check(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
PyObject *rp_py_vu_counter(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames);
PyObject *rp_py_vu_gauge(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
PyObject *rp_py_vu_rate(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *rp_py_vu_trend(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);
