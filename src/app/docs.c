/* SPDX-License-Identifier: MIT */
#include "app/docs.h"

#include <string.h>

#include "app/cli.h"
#include "app/help.h"
#include "target/target.h"

/* ---- man page -------------------------------------------------------------------------------- */

/* Text for roff: a dash is a dash that can be copied, and no line begins with a request. */
static void roff(struct rp_buf *out, const char *text)
{
    bool is_line_start = true;

    for (; *text; text++) {
        if (is_line_start && (*text == '.' || *text == '\''))
            rp_buf_append_str(out, "\\&");
        is_line_start = *text == '\n';
        if (*text == '-')
            rp_buf_append_str(out, "\\-");
        else if (*text == '\\')
            rp_buf_append_str(out, "\\e");
        else
            rp_buf_append(out, text, 1);
    }
}

static void roff_line(struct rp_buf *out, const char *request, const char *text)
{
    rp_buf_append_str(out, request);
    roff(out, text);
    rp_buf_append_str(out, "\n");
}

static void roff_paragraphs(struct rp_buf *out, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        struct rp_buf part;

        rp_buf_init(&part, 1 << 14);
        rp_buf_append(&part, text, end ? (size_t)(end - text) : strlen(text));
        rp_buf_append_str(out, ".PP\n");
        roff_line(out, "", rp_buf_str(&part));
        if (part.error && !out->error)
            out->error = part.error;
        rp_buf_deinit(&part);
        text = end ? end + 2 : text + strlen(text);
    }
}

static void man_option(struct rp_buf *out, const struct rp_option *option)
{
    struct rp_buf text;

    rp_buf_append_str(out, ".TP\n\\fB");
    if (option->short_name)
        rp_buf_appendf(out, "\\-%c\\fR, \\fB", option->short_name);
    roff(out, option->name);
    rp_buf_append_str(out, "\\fR");
    if (option->placeholder)
        rp_buf_appendf(out, option->bare ? "[=\\fI%s\\fR]" : " \\fI%s\\fR", option->placeholder);
    rp_buf_append_str(out, "\n");
    rp_buf_init(&text, 1 << 14);
    rp_help_option_text(option, &text);
    roff_line(out, "", rp_buf_str(&text));
    if (text.error && !out->error)
        out->error = text.error;
    rp_buf_deinit(&text);
}

static void man_examples(struct rp_buf *out, const struct rp_example *example)
{
    for (; example->line; example++) {
        rp_buf_append_str(out, ".PP\n");
        rp_buf_appendf(out, "%c",
                       example->comment[0] >= 'a' && example->comment[0] <= 'z'
                           ? example->comment[0] - 'a' + 'A'
                           : example->comment[0]);
        roff_line(out, "", example->comment + 1);
        rp_buf_append_str(out, ".PP\n.nf\n");
        roff_line(out, "    ", example->line);
        rp_buf_append_str(out, ".fi\n");
    }
}

static void man_endpoints(struct rp_buf *out)
{
    const struct rp_target_endpoint *endpoint;

    rp_buf_append_str(out, ".PP\nEndpoints:\n");
    for (size_t i = 0; (endpoint = rp_target_endpoint(i)); i++) {
        roff_line(out, ".TP\n", endpoint->path);
        roff_line(out, "", endpoint->summary);
    }
}

static void man_command(struct rp_buf *out, const struct rp_command *command)
{
    struct rp_buf usage;

    rp_buf_init(&usage, 256);
    rp_help_usage(command, &usage);
    roff_line(out, ".SS ", rp_buf_str(&usage));
    if (usage.error && !out->error)
        out->error = usage.error;
    rp_buf_deinit(&usage);
    roff_paragraphs(out, command->description);
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_options[i].commands != RP_IN_ALL && rp_option_belongs(&rp_options[i], command))
            man_option(out, &rp_options[i]);
    if (command == &rp_commands[RP_CMD_TARGET])
        man_endpoints(out);
    rp_buf_append_str(out, ".PP\nExit codes:\n");
    for (const struct rp_exit_note *exit = command->exits; exit->text; exit++) {
        rp_buf_appendf(out, ".TP\n%d\n", exit->code);
        roff_line(out, "", exit->text);
    }
    man_examples(out, command->examples);
}

void rp_docs_man(struct rp_buf *out)
{
    rp_buf_append_str(out, ".\\\" Made from the tables of src/app/table.c; do not edit.\n"
                           ".TH RAMPA 1 \"\" \"rampa " RAMPA_VERSION "\" \"User Commands\"\n"
                           ".nh\n.SH NAME\nrampa \\- load tests written in Python, driven from C\n"
                           ".SH SYNOPSIS\n.B rampa\n"
                           ".I COMMAND\n[\\fIARGUMENT\\fR] [\\fIoptions\\fR]\n"
                           ".SH COMMANDS\n");
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        man_command(out, &rp_commands[i]);
    rp_buf_append_str(out, ".SH OPTIONS OF EVERY COMMAND\n");
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_options[i].commands == RP_IN_ALL)
            man_option(out, &rp_options[i]);
    rp_buf_append_str(out,
                      ".SH ENVIRONMENT\nAn option that names a variable takes its value when the "
                      "command line does not give the option.\n");
    for (const struct rp_env_note *env = rp_env_notes; env->name; env++) {
        roff_line(out, ".TP\n.B ", env->name);
        roff_line(out, "", env->help);
    }
    rp_buf_append_str(out, ".SH EXAMPLES\n");
    man_examples(out, rp_global_examples);
}

/* ---- reference page -------------------------------------------------------------------------- */

/* Text inside a cell of a table. */
static void cell(struct rp_buf *out, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|' || *text == '<')
            rp_buf_append_str(out, "\\");
        rp_buf_append(out, text, 1);
    }
}

static void option_row(struct rp_buf *out, const struct rp_option *option)
{
    rp_buf_append_str(out, "| `");
    rp_help_option_spelling(option, false, out);
    rp_buf_append_str(out, "` | ");
    cell(out, option->help);
    if (option->choices) {
        rp_buf_append_str(out, ": ");
        rp_help_choices(option->choices, out);
    }
    if (option->other_name)
        rp_buf_appendf(out, "; also `-%c`", option->other_name);
    rp_buf_appendf(out, "%s | ", option->repeatable ? "; repeatable" : "");
    cell(out, option->fallback);
    rp_buf_append_str(out, " | ");
    if (option->env)
        rp_buf_appendf(out, "`%s`", option->env);
    rp_buf_appendf(out, " | %s |\n", option->since);
}

static void option_table(struct rp_buf *out, const struct rp_command *command)
{
    bool has_head = false;

    for (size_t g = 0; g < RP_GROUP_COUNT; g++) {
        for (size_t i = 0; i < RP_OPT_COUNT; i++) {
            const struct rp_option *option = &rp_options[i];

            if (option->group != g || !rp_option_belongs(option, command) ||
                (command && option->commands == RP_IN_ALL))
                continue;
            if (!has_head)
                rp_buf_append_str(out, "| option | does | default | environment | since |\n"
                                       "|---|---|---|---|---|\n");
            has_head = true;
            option_row(out, option);
        }
    }
    if (has_head)
        rp_buf_append_str(out, "\n");
}

static void endpoint_table(struct rp_buf *out)
{
    const struct rp_target_endpoint *endpoint;

    rp_buf_append_str(out, "| endpoint | does |\n|---|---|\n");
    for (size_t i = 0; (endpoint = rp_target_endpoint(i)); i++) {
        rp_buf_appendf(out, "| `%s` | ", endpoint->path);
        cell(out, endpoint->summary);
        rp_buf_append_str(out, " |\n");
    }
    rp_buf_append_str(out, "\n");
}

static void reference_command(struct rp_buf *out, const struct rp_command *command)
{
    rp_buf_appendf(out, "### rampa %s\n\n    ", command->name);
    rp_help_usage(command, out);
    rp_buf_appendf(out, "\n\n%s\n\n", command->description);
    option_table(out, command);
    if (command == &rp_commands[RP_CMD_TARGET])
        endpoint_table(out);
    rp_buf_append_str(out, "| exit code | means |\n|---|---|\n");
    for (const struct rp_exit_note *exit = command->exits; exit->text; exit++)
        rp_buf_appendf(out, "| %d | %s |\n", exit->code, exit->text);
    rp_buf_append_str(out, "\n");
    for (const struct rp_example *example = command->examples; example->line; example++)
        rp_buf_appendf(out, "    # %s\n    %s\n", example->comment, example->line);
    rp_buf_append_str(out, "\n");
}

void rp_docs_reference(struct rp_buf *out)
{
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        reference_command(out, &rp_commands[i]);
    rp_buf_append_str(out, "### Options of every command\n\n");
    option_table(out, NULL);
    rp_buf_append_str(out, "### Other environment variables\n\n| variable | does |\n|---|---|\n");
    for (const struct rp_env_note *env = rp_env_notes; env->name; env++) {
        rp_buf_appendf(out, "| `%s` | ", env->name);
        cell(out, env->help);
        rp_buf_append_str(out, " |\n");
    }
    rp_buf_append_str(out, "\nA warning names each variable that begins with RAMPA_ and is none of "
                           "those of this page.\n");
}
