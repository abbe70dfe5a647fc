/* SPDX-License-Identifier: MIT */
#include "python/bridge/module.h"
#include "python/bridge/state.h"

PyMODINIT_FUNC PyInit__rampa(void)
{
    return PyModuleDef_Init(&rp_py_module);
}
