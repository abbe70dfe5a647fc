/* SPDX-License-Identifier: MIT */
#include "app/python_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/python_output_parts.h"
#include "base/alloc.h"
#include "base/json_line.h"
#include "output/result_file.h"

enum { FRAME_MAX = 1100 << 20, PRINTED_MAX = 64 << 10 };

/* Python puts the current folder, which is "", before its own library: the process looks for modules
 * behind that. */
static const char program[] =
    "import sys\n"
    "sys.path[:1] = filter(None, sys.path[:1])\n"
    "try:\n"
    "    from rampa._output_host import main\n"
    "except ImportError as e:\n"
    "    if e.name not in ('rampa', '_rampa', 'rampa._output_host'): raise\n"
    "    sys.exit(f'{sys.executable} (Python {sys.version.split()[0]}) has no rampa: {e}')\n"
    "main(3, *sys.argv[1:])\n";

/* ---- what the process says ------------------------------------------------------------------- */

/* Something is lost: said at once, or after the run with what else close() has to tell. */
static void lose(struct python_output *self, const char *text)
{
    struct rp_buf plain;

    rp_buf_init(&plain, RP_PYTHON_OUTPUT_TEXT_MAX);
    rp_conceal_append_lines(&self->conceal, text, &plain);
    if (!self->is_closing)
        rp_sink_lose(&self->output.sink, "%s", rp_buf_str(&plain));
    else
        rp_buf_appendf(&self->troubles, "%s%s", self->troubles.len ? "\n" : "", rp_buf_str(&plain));
    rp_buf_deinit(&plain);
}

static void refuse(struct python_output *self, const json_t *message)
{
    const char *const keys[] = { "text", "hint", "detail" };
    struct rp_buf texts[RP_ARRAY_LEN(keys)];

    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++) {
        const char *text = json_string_value(json_object_get(message, keys[i]));

        rp_buf_init(&texts[i], RP_PYTHON_OUTPUT_TEXT_MAX);
        rp_conceal_append_lines(&self->conceal, text ? text : "", &texts[i]);
    }
    rp_error_set(&self->refusal, -RP_EUSER, "%s", rp_buf_str(&texts[0]));
    if (texts[1].len)
        rp_error_hint(&self->refusal, "%s", rp_buf_str(&texts[1]));
    if (texts[2].len)
        rp_error_detail(&self->refusal, rp_buf_str(&texts[2]));
    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++)
        rp_buf_deinit(&texts[i]);
}

static void on_said(struct rp_python_child *child, const json_t *message)
{
    struct python_output *self = rp_container_of(child, struct python_output, child);
    struct rp_slice type = rp_slice_str(json_string_value(json_object_get(message, "type")));
    const char *text = json_string_value(json_object_get(message, "text"));

    self->last_said = rp_loop_now(child->loop);
    if (rp_slice_eq_str(type, "found"))
        self->is_found = true;
    else if (rp_slice_eq_str(type, "unknown"))
        self->is_unknown = true;
    else if (rp_slice_eq_str(type, "started"))
        self->has_started = true;
    else if (rp_slice_eq_str(type, "refused") && text)
        refuse(self, message);
    else if (rp_slice_eq_str(type, "taken"))
        self->taken = (uint64_t)json_integer_value(json_object_get(message, "samples"));
    else if (rp_slice_eq_str(type, "lost") && text)
        lose(self, text);
    else if (rp_slice_eq_str(type, "done"))
        self->is_done = true;
    if (json_is_true(json_object_get(message, "summary")))
        self->wants_summary = true;
    rp_python_output_go_on(self);
}

static void on_printed(struct rp_python_child *child, const char *text)
{
    struct python_output *self = rp_container_of(child, struct python_output, child);

    if (!self->is_found) {
        rp_buf_appendf(&self->printed, "%s\n", text);
        return;
    }
    rp_python_output_show_kept(self);
    rp_python_output_show(self, text);
}

static void on_ended(struct rp_python_child *child, const char *how)
{
    struct python_output *self = rp_container_of(child, struct python_output, child);

    self->has_ended = true;
    snprintf(self->how_ended, sizeof(self->how_ended), "%s", how);
    if (self->has_started && !self->is_closing)
        rp_sink_lose(&self->output.sink,
                     "the process of the output %s %s; what it has not taken is lost", self->name,
                     how);
    rp_python_output_go_on(self);
}

static const struct rp_python_child_events child_events = { .said = on_said,
                                                            .printed = on_printed,
                                                            .ended = on_ended };

/* ---- samples --------------------------------------------------------------------------------- */

static void take_samples(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct python_output *self = rp_python_output_of(sink);
    bool has_room = rp_python_child_waiting(&self->child) < RP_PYTHON_OUTPUT_WAITING;

    if (block->lost && !self->missed)
        rp_sink_lose(sink, "the output %s misses samples: they came faster than they were taken",
                     self->name);
    self->missed += block->lost;
    if (rp_python_samples_put(&self->samples, &self->child, block, has_room && !self->has_ended) <
        0)
        has_room = false;
    if (has_room || self->is_behind || self->has_ended)
        return;
    self->is_behind = true;
    rp_sink_lose(sink, "the output %s loses samples: it takes them too slowly", self->name);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The last event: the loop of the run is about to go. */
static void finished(struct rp_sink *sink, const struct rp_event *event)
{
    struct python_output *self = rp_python_output_of(sink);

    rp_timer_disarm(&self->patience);
    rp_python_child_leave(&self->child);
}

/* How the run has ended, and behind that line the result, if it is wanted. */
static int tell_to_stop(struct python_output *self, const struct rp_result *result)
{
    const struct rp_result *known = result ? result : self->output.sink.sinks->result;
    struct rp_json_line line;
    struct rp_buf frame;
    int r = 0;

    rp_buf_init(&frame, FRAME_MAX);
    line = (struct rp_json_line){ .out = &frame };
    rp_line_open(&line, NULL);
    rp_line_text(&line, "status", rp_result_status_name(known));
    rp_line_bool(&line, "is_run", result != NULL);
    rp_line_text(&line, "reason", known->reason);
    rp_line_close(&line);
    rp_buf_append_str(&frame, "\n");
    if (result && self->wants_summary)
        r = rp_result_write_json(result, &frame);
    if (r == 0)
        r = frame.error;
    if (r == 0)
        r = rp_python_child_put(&self->child, 'E', rp_buf_slice(&frame));
    rp_buf_deinit(&frame);
    return r;
}

/* The process has time from one message to the next, and three times as much in all. */
static int await_end(struct python_output *self)
{
    rp_ns now = rp_loop_now(self->child.loop), over = now + 3 * self->wait + RP_PYTHON_OUTPUT_GRACE;
    int r = 0;

    self->last_said = now;
    while (r == 0 && !self->is_done && !self->has_ended) {
        rp_ns until = self->last_said + self->wait + RP_PYTHON_OUTPUT_GRACE;

        if (until > over)
            until = over;
        if (rp_loop_now(self->child.loop) >= until)
            break;
        r = rp_loop_turn(self->child.loop, until);
        if (r == 0)
            r = self->child.error;
    }
    return r;
}

static void await_exit(struct python_output *self)
{
    rp_ns until = rp_clock_ns() + RP_PYTHON_OUTPUT_GRACE;

    while (!self->has_ended && rp_clock_ns() < until)
        if (rp_loop_turn(self->child.loop, until) < 0)
            return;
}

static int tell_troubles(const struct python_output *self, struct rp_error *err)
{
    const char *text = self->troubles.data;
    size_t len = strcspn(text, "\n");

    rp_error_set(err, -EIO, "%.*s", (int)len, text);
    if (text[len])
        rp_error_detail(err, text + len + 1);
    return -EIO;
}

/* It may be in the midst of start(): what that has made is given up by its stop(), if both are done
 * soon. A run that comes to nothing waits no longer for an output. */
static void give_up_start(struct python_output *self)
{
    rp_ns until = rp_clock_ns() + RP_PYTHON_OUTPUT_GRACE;
    int r = tell_to_stop(self, NULL);

    while (r == 0 && !self->is_done && !self->has_ended && rp_clock_ns() < until)
        r = rp_loop_turn(self->child.loop, until);
    rp_python_child_hang_up(&self->child);
    if (self->is_done)
        await_exit(self);
    rp_python_child_end(&self->child);
}

static int close_output(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct python_output *self = rp_python_output_of(sink);
    bool was_told = self->has_ended; /* that it died in the run */
    int r = 0;

    rp_timer_disarm(&self->patience);
    rp_python_child_leave(&self->child);
    sink->is_opening = false;
    self->is_closing = true;
    if (!self->has_started) {
        if (self->is_told && !was_told)
            give_up_start(self);
        return 0;
    }
    if (!was_told)
        r = tell_to_stop(self, result);
    if (r == 0)
        r = await_end(self);
    if (r < 0)
        rp_buf_appendf(&self->troubles, "the output %s cannot be stopped: %s", self->name,
                       strerror(-r));
    else if (!self->is_done && !self->troubles.len && !was_told)
        rp_buf_appendf(&self->troubles, "the process of the output %s %s", self->name,
                       self->has_ended ? self->how_ended : "did not end, and was killed");
    rp_python_child_hang_up(&self->child);
    if (self->is_done) /* to clean up, as interpreters do */
        await_exit(self);
    rp_python_child_end(&self->child);
    if (self->taken < self->samples.given)
        rp_buf_appendf(&self->troubles, "%sof the %llu samples of the output %s %llu are lost",
                       self->troubles.len ? "\n" : "", (unsigned long long)self->samples.given,
                       self->name, (unsigned long long)(self->samples.given - self->taken));
    return self->troubles.len ? tell_troubles(self, err) : 0;
}

static const struct rp_sink_ops ops = { .events = RP_EVENT_BIT(RP_EVENT_FINISHED),
                                        .open = rp_python_output_open,
                                        .event = finished,
                                        .samples = take_samples,
                                        .close = close_output };

/* ---- life ------------------------------------------------------------------------------------ */

static void free_output(struct rp_output *output)
{
    struct python_output *self = rp_container_of(output, struct python_output, output);

    rp_python_child_end(&self->child);
    rp_conceal_deinit(&self->conceal);
    rp_error_deinit(&self->refusal);
    rp_buf_deinit(&self->printed);
    rp_buf_deinit(&self->troubles);
    rp_python_samples_deinit(&self->samples);
    rp_free(self->name);
    rp_free(self);
}

/* A destination that is no URL is the path of a file, mostly. */
static void know_secrets(struct python_output *self)
{
    struct rp_slice key;
    const char *value;

    rp_conceal_init(&self->conceal);
    if (strstr(self->spec.destination, "://"))
        rp_conceal_add_url(&self->conceal, self->spec.destination);
    for (size_t i = 0; rp_output_option_at(&self->spec, i, &key, &value); i++)
        rp_conceal_add_value(&self->conceal, rp_slice_str(value));
}

static int begin(struct python_output *self, struct rp_error *err)
{
    const char *words[] = { self->name, self->spec.script ? self->spec.script : "", NULL };
    int r = rp_output_option_wait(&self->spec, RP_PYTHON_OUTPUT_WAIT, &self->wait, err);

    if (r == 0)
        r = rp_output_option_sample(&self->spec, &self->samples.every, err);
    if (r == 0)
        r = self->conceal.words.error;
    if (r < 0)
        return r;
    self->until = rp_clock_ns() + RP_PYTHON_OUTPUT_LOAD;
    r = rp_python_child_start(&self->child, self->spec.python, program, words, &child_events);
    if (r < 0 && r != -ENOMEM && !strchr(self->name, ':'))
        return -ENOENT;
    if (r < 0)
        return rp_error_set(err, r == -ENOMEM ? r : -RP_EUSER,
                            "cannot start '%s' for the output %s: %s", self->spec.python,
                            self->name, strerror(-r));
    return strchr(self->name, ':') ? 0 : rp_python_output_find(self, err);
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    struct python_output *self = rp_calloc(1, sizeof(*self));
    int r;

    if (!self)
        return -ENOMEM;
    self->output.ops = &ops;
    self->output.free = free_output;
    self->spec = *spec;
    self->child.fd = -1;
    rp_python_samples_init(&self->samples);
    rp_buf_init(&self->printed, PRINTED_MAX);
    rp_buf_init(&self->troubles, RP_PYTHON_OUTPUT_TEXT_MAX);
    know_secrets(self);
    self->name = rp_strndup(spec->name.ptr, spec->name.len);
    r = self->name ? begin(self, err) : -ENOMEM;
    if (r < 0) {
        free_output(&self->output);
        return r;
    }
    *ret = &self->output;
    return 0;
}

static const struct rp_output_option options[] = {
    RP_SAMPLE_OPTION,
    { .key = "wait", .help = "how long the output has to start and to stop: 10s" },
    { .key = NULL },
};

const struct rp_output_kind rp_output_python = {
    .name = "MODULE:CLASS",
    .destination = RP_DESTINATION_OWN,
    .help = "every sample, handed to a class of your own in Python",
    .options = options,
    .is_open = true,
    .make = make,
};
