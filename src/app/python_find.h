/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_find.h - which Python interpreter runs scripts. One answer for run, check, inspect and
 * doctor.
 */

#include "base/compiler.h"

/*
 * Lets interpreters that are started from now on find the package that belongs to this program: that
 * of a build beside it (DIR/rampa, DIR/python), else that of an installation whose prefix no
 * interpreter knows. This package speaks the messages of this program; another one may not. Puts the
 * folder before what PYTHONPATH holds. Does nothing when there is no such folder. 0 or -ENOMEM.
 */
RP_NODISCARD int rp_python_use_package(void);

/*
 * @asked (--python or RAMPA_PYTHON) when it is not NULL, else the interpreter of the active virtual
 * environment (VIRTUAL_ENV) when it has one, else the one this program was built for, else
 * "python3", to be found by PATH. *@ret is owned by the caller. 0 or -ENOMEM.
 */
RP_NODISCARD int rp_python_find(const char *asked, char **ret);
