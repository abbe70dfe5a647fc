/* SPDX-License-Identifier: MIT */
#include "app/help.h"

#include <string.h>

#include "app/term.h"
#include "target/target.h"
#include "base/text.h"
#include "ui/ink.h"

/*
 * Two columns: what to type, and what it does, which is wrapped at the width of the terminal. On a
 * narrow terminal the second column goes below the first. Lines stay short enough to be read on a
 * wide one.
 */
enum { LINE_MAX_COLS = 96, NARROW = 64, COLUMN = 30, COLUMN_NARROW = 8 };

struct writer {
    struct rp_buf *out;
    bool color;
    unsigned width;
    struct rp_buf scratch; /* the text of the second column */
};

static struct writer writer_init(struct rp_style style, struct rp_buf *out)
{
    struct writer w = { .out = out, .color = style.color, .width = style.width ? style.width : 80 };

    if (w.width > LINE_MAX_COLS)
        w.width = LINE_MAX_COLS;
    rp_buf_init(&w.scratch, 1 << 14);
    return w;
}

/* A failure of a piece becomes a failure of the whole. */
static void piece_deinit(struct writer *w, struct rp_buf *piece)
{
    if (piece->error && !w->out->error)
        w->out->error = piece->error;
    rp_buf_deinit(piece);
}

static void title(struct writer *w, const char *text)
{
    rp_buf_appendf(w->out, "\n%s%s:%s\n", rp_ink(w->color, RP_INK_BOLD), text,
                   rp_ink(w->color, RP_INK_OFF));
}

/* One row: @left in the colour of things to type, the scratch text beside or below it. Empties the
 * scratch. */
static void row(struct writer *w, const char *left, size_t column)
{
    size_t cols = rp_text_cols(rp_slice_str(left)) + 2;

    if (w->width < NARROW)
        column = COLUMN_NARROW;
    rp_buf_appendf(w->out, "  %s%s%s", rp_ink(w->color, RP_INK_CYAN), left,
                   rp_ink(w->color, RP_INK_OFF));
    if (w->width < NARROW || cols + 2 > column) {
        rp_buf_append_str(w->out, "\n");
        cols = 0;
    }
    rp_text_fill(w->out, ' ', column - cols);
    rp_text_wrap(w->out, rp_buf_slice(&w->scratch), w->width, column, column);
    rp_buf_append_str(w->out, "\n");
    if (!w->scratch.error) /* an error stays until the end */
        rp_buf_reset(&w->scratch);
}

/* ---- shared pieces --------------------------------------------------------------------------- */

void rp_help_usage(const struct rp_command *command, struct rp_buf *out)
{
    if (!command) {
        rp_buf_append_str(out, "rampa COMMAND [ARGUMENT] [options]");
        return;
    }
    rp_buf_appendf(out, "rampa %s", command->name);
    if (command->argument)
        rp_buf_appendf(out, command->argument_optional ? " [%s]" : " %s", command->argument);
    if (command->further)
        rp_buf_appendf(out, " %s", command->further);
    else if (command->more_arguments)
        rp_buf_appendf(out, command->more_arguments == 1 ? " [%s]" : " %s...", command->argument);
    rp_buf_append_str(out, " [options]");
}

void rp_help_choices(const char *const *choices, struct rp_buf *out)
{
    for (size_t i = 0; choices[i]; i++)
        rp_buf_appendf(out, "%s%s", !i ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

static void note(struct rp_buf *out, bool *is_open, const char *label, const char *text)
{
    rp_buf_appendf(out, "%s%s%s", *is_open ? "; " : " (", label, text);
    *is_open = true;
}

void rp_help_option_text(const struct rp_option *option, struct rp_buf *out)
{
    bool is_open = false;

    rp_buf_append_str(out, option->help);
    if (option->repeatable)
        note(out, &is_open, "repeatable", "");
    if (option->other_name)
        note(out, &is_open, "also: ", (char[]){ '-', option->other_name, '\0' });
    if (option->choices) {
        note(out, &is_open, "", "");
        rp_help_choices(option->choices, out);
    }
    if (option->fallback)
        note(out, &is_open, "default: ", option->fallback);
    if (option->env)
        note(out, &is_open, "env: ", option->env);
    if (is_open)
        rp_buf_append_str(out, ")");
}

void rp_help_option_spelling(const struct rp_option *option, bool pad_short, struct rp_buf *out)
{
    if (option->short_name)
        rp_buf_appendf(out, "-%c, ", option->short_name);
    else if (pad_short)
        rp_buf_append_str(out, "    ");
    rp_buf_append_str(out, option->name);
    if (option->placeholder)
        rp_buf_appendf(out, option->bare ? "[=%s]" : " %s", option->placeholder);
}

/* ---- sections -------------------------------------------------------------------------------- */

static void usage(struct writer *w, const struct rp_command *command)
{
    rp_buf_appendf(w->out, "%sUsage:%s ", rp_ink(w->color, RP_INK_BOLD),
                   rp_ink(w->color, RP_INK_OFF));
    rp_help_usage(command, w->out);
    rp_buf_append_str(w->out, "\n");
}

static void paragraphs(struct writer *w, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t len = end ? (size_t)(end - text) : strlen(text);

        rp_buf_append_str(w->out, "\n");
        rp_text_wrap(w->out, rp_slice(text, len), w->width, 0, 0);
        rp_buf_append_str(w->out, "\n");
        text += len + (end ? 2 : 0);
    }
}

static void commands(struct writer *w)
{
    title(w, "Commands");
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        struct rp_buf left;

        rp_buf_init(&left, 256);
        rp_buf_append_str(&left, rp_commands[i].name);
        if (rp_commands[i].argument)
            rp_buf_appendf(&left, rp_commands[i].argument_optional ? " [%s]" : " %s",
                           rp_commands[i].argument);
        rp_buf_append_str(&w->scratch, rp_commands[i].summary);
        row(w, rp_buf_str(&left), 22);
        piece_deinit(w, &left);
    }
}

static void group(struct writer *w, const struct rp_command *command, enum rp_option_group group_id)
{
    bool has_title = false;

    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        const struct rp_option *option = &rp_options[i];
        struct rp_buf left;

        if (option->group != group_id || !rp_option_belongs(option, command))
            continue;
        if (!has_title)
            title(w, command ? rp_option_group_titles[group_id] : "Options");
        has_title = true;
        rp_buf_init(&left, 256);
        rp_help_option_spelling(option, true, &left);
        rp_help_option_text(option, &w->scratch);
        row(w, rp_buf_str(&left), COLUMN);
        piece_deinit(w, &left);
    }
}

static void endpoints(struct writer *w)
{
    const struct rp_target_endpoint *endpoint;

    title(w, "Endpoints");
    for (size_t i = 0; (endpoint = rp_target_endpoint(i)); i++) {
        rp_buf_append_str(&w->scratch, endpoint->summary);
        row(w, endpoint->path, 22);
    }
}

static void examples(struct writer *w, const struct rp_example *example)
{
    title(w, "Examples");
    for (; example->line; example++)
        rp_buf_appendf(w->out, "  %s# %s%s\n  %s%s%s\n", rp_ink(w->color, RP_INK_DIM),
                       example->comment, rp_ink(w->color, RP_INK_OFF),
                       rp_ink(w->color, RP_INK_GREEN), example->line, rp_ink(w->color, RP_INK_OFF));
}

static void exit_codes(struct writer *w, const struct rp_exit_note *exits)
{
    title(w, "Exit codes");
    for (; exits->text; exits++)
        rp_buf_appendf(w->out, "  %s%d%s  %s\n", rp_ink(w->color, RP_INK_CYAN), exits->code,
                       rp_ink(w->color, RP_INK_OFF), exits->text);
}

static void environment(struct writer *w)
{
    title(w, "Environment");
    for (const struct rp_env_note *env = rp_env_notes; env->name; env++) {
        rp_buf_append_str(&w->scratch, env->help);
        row(w, env->name, 22);
    }
    rp_buf_append_str(w->out, "\n");
    rp_text_wrap(w->out,
                 RP_SLICE("Options with an env variable take its value when the command line does "
                          "not give them."),
                 w->width, 0, 0);
    rp_buf_append_str(w->out, "\n");
}

static void more(struct writer *w)
{
    rp_buf_appendf(w->out, "See '%srampa COMMAND --help%s' for the options of a command.\n",
                   rp_ink(w->color, RP_INK_CYAN), rp_ink(w->color, RP_INK_OFF));
}

static const char about[] = "rampa runs load tests that are written in Python, and drives them "
                            "from C.";

void rp_help_write(const struct rp_command *command, struct rp_style style, struct rp_buf *out)
{
    struct writer w = writer_init(style, out);

    usage(&w, command);
    paragraphs(&w, command ? command->description : about);
    if (!command)
        commands(&w);
    for (size_t i = 0; i < RP_GROUP_COUNT; i++)
        group(&w, command, (enum rp_option_group)i);
    if (command == &rp_commands[RP_CMD_TARGET])
        endpoints(&w);
    examples(&w, command ? command->examples : rp_global_examples);
    if (command) {
        exit_codes(&w, command->exits);
    } else {
        environment(&w);
        rp_buf_append_str(out, "\n");
        more(&w);
    }
    piece_deinit(&w, &w.scratch);
}

void rp_help_write_short(struct rp_style style, struct rp_buf *out)
{
    struct writer w = writer_init(style, out);

    usage(&w, NULL);
    commands(&w);
    more(&w);
    piece_deinit(&w, &w.scratch);
}
