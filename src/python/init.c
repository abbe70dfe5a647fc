/* SPDX-License-Identifier: MIT */
#include "python/module.h"
#include "python/state.h"

PyMODINIT_FUNC PyInit__rampa(void)
{
    return PyModuleDef_Init(&rp_py_module);
}
