/* SPDX-License-Identifier: MIT */

/* How an output in Python begins: its class is loaded, told where to write, and started. The run waits for
 * that on its loop, so that it can be stopped meanwhile. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/python_output_parts.h"
#include "base/alloc.h"
#include "base/json_line.h"

/* ---- what it prints -------------------------------------------------------------------------- */

/* A class may print what a server has answered: neither its escapes nor secrets get through. */
void rp_python_output_show(struct python_output *self, const char *text)
{
    struct rp_sinks *sinks = self->output.sink.sinks;
    struct rp_event event = { .kind = RP_EVENT_PRINTED };
    struct rp_buf line;

    rp_buf_init(&line, RP_PYTHON_OUTPUT_TEXT_MAX);
    rp_conceal_append_printed(&self->conceal, rp_slice_str(text), &line);
    event.printed.is_stderr = true;
    event.printed.text = rp_buf_str(&line);
    if (!self->is_closing && sinks && sinks->result)
        rp_sinks_event(sinks, &event);
    else
        fprintf(stderr, "%s\n", event.printed.text);
    rp_buf_deinit(&line);
}

void rp_python_output_show_kept(struct python_output *self)
{
    char *line = self->printed.data, *end;

    for (; line && *line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        rp_python_output_show(self, line);
    }
    rp_buf_reset(&self->printed);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static int give_no_answer(struct python_output *self, const char *what, rp_ns after,
                          struct rp_error *err)
{
    if (self->has_ended) {
        rp_error_set(err, -RP_EUSER, "'%s', which runs the output %s, %s", self->spec.python,
                     self->name, self->how_ended);
        if (!self->is_found)
            rp_error_hint(err, "choose an interpreter that has rampa with --python or "
                               "RAMPA_PYTHON");
        return -RP_EUSER;
    }
    rp_error_set(err, -RP_EUSER, "the output %s did not %s within %.1f s", self->name, what,
                 (double)after / (double)RP_S);
    if (self->is_found)
        rp_error_hint(err, "--output-option %s.wait=30s gives it more time", self->name);
    return -RP_EUSER;
}

static int pass_on(struct python_output *self, struct rp_error *err)
{
    *err = self->refusal;
    self->refusal = (struct rp_error){ 0 };
    return -RP_EUSER;
}

/* 0: the class is loaded. 1: not yet. -ENOENT: nobody knows the name. */
static int look_for_class(struct python_output *self, struct rp_error *err)
{
    bool is_by_name = !strchr(self->name, ':');

    if (self->child.error < 0)
        return self->child.error;
    if (is_by_name && (self->is_unknown || (self->has_ended && !self->refusal.message)))
        return -ENOENT;
    if (!self->is_found && !self->refusal.message && !self->has_ended &&
        rp_clock_ns() < self->until)
        return 1;
    rp_python_output_show_kept(self);
    if (self->refusal.message)
        return pass_on(self, err);
    return self->is_found ? 0 : give_no_answer(self, "load", RP_PYTHON_OUTPUT_LOAD, err);
}

/* Only the process can tell that there is no output of a name: it is waited for. */
int rp_python_output_find(struct python_output *self, struct rp_error *err)
{
    int r;

    while ((r = look_for_class(self, err)) == 1) {
        r = rp_loop_turn(self->child.loop, self->until);
        if (r < 0)
            break;
    }
    return r;
}

/* The destination and the options: not as words of a command line, which others can see. */
static int tell_to_start(struct python_output *self)
{
    struct rp_json_line line;
    struct rp_buf frame;
    struct rp_slice key;
    const char *value;
    int r;

    rp_buf_init(&frame, RP_PYTHON_OUTPUT_TEXT_MAX);
    line = (struct rp_json_line){ .out = &frame };
    rp_line_open(&line, NULL);
    rp_line_text(&line, "destination", self->spec.destination);
    rp_line_number(&line, "wait", (double)self->wait / (double)RP_S);
    rp_line_open(&line, "options");
    for (size_t i = 0; rp_output_option_at(&self->spec, i, &key, &value); i++) {
        char *name;

        if (rp_slice_eq_str(key, "wait") || rp_slice_eq_str(key, "sample"))
            continue;
        name = rp_strndup(key.ptr, key.len);
        if (!name)
            frame.error = -ENOMEM;
        rp_line_text(&line, name, value);
        rp_free(name);
    }
    rp_line_close(&line);
    rp_line_close(&line);
    r = frame.error;
    if (r == 0)
        r = rp_python_child_put(&self->child, 'S', rp_buf_slice(&frame));
    rp_buf_deinit(&frame);
    return r;
}

/* 0: it has started. 1: not yet. */
static int look_for_start(struct python_output *self, struct rp_error *err)
{
    if (self->child.error < 0)
        return self->child.error;
    if (self->refusal.message)
        return pass_on(self, err);
    if (self->has_started)
        return 0;
    if (self->has_ended || rp_clock_ns() >= self->until)
        return give_no_answer(self, "start", self->wait, err);
    return 1;
}

static int advance(struct python_output *self, struct rp_error *err)
{
    int r;

    if (self->is_told)
        return look_for_start(self, err);
    r = look_for_class(self, err);
    if (r != 0)
        return r;
    self->is_told = true;
    self->until = rp_clock_ns() + self->wait + RP_PYTHON_OUTPUT_GRACE;
    r = tell_to_start(self);
    /* What came in one read with the news of the class wakes the loop no more: an end, for one. */
    return r < 0 ? r : look_for_start(self, err);
}

static void on_patience(struct rp_timer *timer, rp_ns now);

void rp_python_output_go_on(struct python_output *self)
{
    struct rp_sink *sink = &self->output.sink;
    struct rp_error err = { 0 };
    int r;

    if (!sink->sinks || !sink->is_opening)
        return;
    r = advance(self, &err);
    if (r == 1) {
        rp_timer_arm(sink->sinks->loop, &self->patience, self->until, on_patience);
        return;
    }
    rp_timer_disarm(&self->patience);
    rp_sink_opened(sink, r, &err);
    rp_error_deinit(&err);
}

static void on_patience(struct rp_timer *timer, rp_ns now)
{
    rp_python_output_go_on(rp_container_of(timer, struct python_output, patience));
}

int rp_python_output_open(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct python_output *self = rp_python_output_of(sink);
    bool may_block = !sink->sinks->opened;
    int r = advance(self, err);

    while (r == 1 && may_block) {
        r = rp_loop_turn(self->child.loop, self->until);
        if (r == 0)
            r = advance(self, err);
    }
    if (r < 0)
        return r;
    sink->is_opening = r == 1;
    if (sink->is_opening)
        rp_timer_arm(sink->sinks->loop, &self->patience, self->until, on_patience);
    return sink->sinks->loop ? rp_python_child_enter(&self->child, sink->sinks->loop) : 0;
}
