/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_output.h - outputs that users write in Python: --output MODULE:CLASS=DEST, and those
 * that an installed package offers by a name.
 *
 * Such an output runs in a Python process of its own (rampa._output_host), for which it is what
 * rampa.outputs.Output says. The process is started with the run, and loads the class while the
 * workers load the script. It is told to start when the plan is known, before anything runs. From
 * then on it is handed the samples, in blocks of numbers with the names of their series before them.
 *
 * The coordinator waits for it at the beginning and at the end only, and not for ever. What the
 * process does not take is kept up to RP_PYTHON_OUTPUT_WAITING bytes; beyond that samples are lost.
 * The process tells how many samples the class has taken, so that every loss is counted, whether
 * the class is slow or raises, or the process dies.
 */

#include "output/output.h"

enum { RP_PYTHON_OUTPUT_WAITING = 8 << 20 };
#define RP_PYTHON_OUTPUT_LOAD (30 * RP_S) /* for the interpreter to start and import the class */
#define RP_PYTHON_OUTPUT_WAIT (10 * RP_S) /* unless --output-option says it: for one call */

extern const struct rp_output_kind rp_output_python;
