/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/hooks.h - what C asks of Python: the methods of the object that a host is made with.
 *
 * The table below is the only list of them in C, and all questions go through the two functions at
 * its end. What each method means, with the types of its arguments and its answer, stands in the
 * Protocol of python/rampa/_hooks.py. tests/python/test_hooks.py compares the two.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct py_host;
struct rp_pystate;

/* X(constant, method, its arguments in the letters of Py_BuildValue()) */
/* clang-format off */
#define RP_PY_HOOKS(X) \
    X(LOAD, load, "y") \
    X(FUNCTION, function, "ss") \
    X(PACK, pack, "") \
    X(SHARE, share, "y#") \
    X(RUN_HOOK, run_hook, "sOd") \
    X(CHANGED_ERRORS, changed_errors, "") \
    X(DESCRIBE, describe, "O") \
    X(PREPARE_REQUEST, prepare_request, "OO") \
    X(PREPARE_SOCKET, prepare_socket, "OO") \
    X(TLS_OPTIONS, tls_options, "O") \
    X(AWAITING, awaiting, "O") \
    X(NEW_TASK, new_task, "O") \
    X(KIND_OF_FILE, kind_of_file, "O") \
    X(END_TASKS, end_tasks, "OOO") \
    X(GIVE_UP_TASKS, give_up_tasks, "O") \
    X(NOTE_ERROR, note_error, "sOLK") \
    X(NOTE_CHECK, note_check, "OO") \
    X(NOTE_UNAWAITED_CHECK, note_unawaited_check, "OO") \
    X(NOT_AWAITED, not_awaited, "s") \
    X(SAMPLED, sampled, "") \
    X(STUCK, stuck, "d") \
    X(UNSTUCK, unstuck, "d") \
    X(LEAVE_FORK, leave_fork, "O")
/* clang-format on */

#define RP_PY_HOOK_CONSTANT(constant, method, arguments) PY_HOOK_##constant,
enum py_hook { RP_PY_HOOKS(RP_PY_HOOK_CONSTANT) PY_HOOK_COUNT };
#undef RP_PY_HOOK_CONSTANT

/* The names of all methods, as objects of the module's state. -1 with an exception. */
int rp_py_hooks_init(struct rp_pystate *state);

/* Calls a method with the arguments that the table says. A new reference to the answer, or NULL
 * with an exception. */
PyObject *rp_py_ask(const struct py_host *host, enum py_hook hook, ...);
/* For a method that gives no answer. An exception of it is Python's "unraisable" one: printed, and
 * gone. */
void rp_py_tell(const struct py_host *host, enum py_hook hook, ...);
