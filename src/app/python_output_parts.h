/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_output_parts.h - the parts of an output in Python: what its process says, the samples and
 * the end (python_output.c), the beginning (python_output_open.c).
 */

#include "app/python_child.h"
#include "app/python_output.h"
#include "app/python_samples.h"
#include "output/conceal.h"

enum { RP_PYTHON_OUTPUT_TEXT_MAX = 1 << 20 };
/* What the process may take longer than the class before it is killed, so that it is mostly the
 * process that says what the class does not end. */
#define RP_PYTHON_OUTPUT_GRACE (2 * RP_S)

struct python_output {
    struct rp_output output; /* first */
    struct rp_output_spec spec;
    char *name;
    struct rp_python_child child;
    struct rp_conceal conceal;
    rp_ns wait;
    rp_ns until; /* when the next step of its start is to be done */
    struct rp_timer patience;
    struct rp_python_samples samples;
    struct rp_buf printed; /* lines, until it is known that there is such an output */
    struct rp_error refusal;
    struct rp_buf troubles; /* lines: what it could not do after the run */
    uint64_t taken, missed; /* samples; those missed were lost on the way here */
    rp_ns last_said;
    bool is_found, is_unknown, is_told, has_started, wants_summary, is_done;
    bool is_behind, is_closing, has_ended;
    char how_ended[128];
};

static inline struct python_output *rp_python_output_of(struct rp_sink *sink)
{
    return rp_container_of(sink, struct python_output, output.sink);
}

/* Shows what the process prints: a line, and the lines that were kept until its class was found. */
void rp_python_output_show(struct python_output *self, const char *text);
void rp_python_output_show_kept(struct python_output *self);
/* Waits until the class is loaded. -ENOENT: nobody knows the name. */
RP_NODISCARD int rp_python_output_find(struct python_output *self, struct rp_error *err);
/* The slot of the sink: returns before the class has started where the run can wait for that. */
RP_NODISCARD int rp_python_output_open(struct rp_sink *sink, const struct rp_plan *plan,
                                       struct rp_error *err);
/* Something has happened that may decide whether it opens. */
void rp_python_output_go_on(struct python_output *self);
