/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/module.h - the module `_rampa`, and the one symbol that the extension exports.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyMODINIT_FUNC PyInit__rampa(void);

extern struct PyModuleDef rp_py_module;
