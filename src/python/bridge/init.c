/* SPDX-License-Identifier: MIT */
#include "python/bridge/module.h"

PyMODINIT_FUNC PyInit__rampa(void)
{
    return PyModuleDef_Init(&rp_py_module);
}
