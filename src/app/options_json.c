/* SPDX-License-Identifier: MIT */
#include "app/options_json.h"

#include "app/cli.h"
#include "base/json_line.h"

static void put_choices(struct rp_json_line *line, const char *const *choices)
{
    if (!choices) {
        rp_line_null(line, "choices");
        return;
    }
    rp_line_open_list(line, "choices");
    for (size_t i = 0; choices[i]; i++)
        rp_line_text(line, NULL, choices[i]);
    rp_line_close_list(line);
}

static void put_option(struct rp_json_line *line, const struct rp_option *option)
{
    char short_name[2] = { option->short_name }, other_name[2] = { option->other_name };

    rp_line_open(line, NULL);
    rp_line_text(line, "name", option->name);
    rp_line_text(line, "short", *short_name ? short_name : NULL);
    rp_line_text(line, "other", *other_name ? other_name : NULL);
    rp_line_text(line, "placeholder", option->placeholder);
    rp_line_text(line, "bare", option->bare);
    rp_line_bool(line, "repeatable", option->repeatable);
    rp_line_bool(line, "is_integer", option->type == RP_TYPE_INT);
    rp_line_text(line, "help", option->help);
    put_choices(line, option->choices);
    rp_line_close(line);
}

static void put_command(struct rp_json_line *line, const struct rp_command *command)
{
    rp_line_open(line, NULL);
    rp_line_text(line, "name", command->name);
    rp_line_text(line, "argument", command->argument);
    rp_line_bool(line, "argument_optional", command->argument_optional);
    rp_line_u64(line, "more_arguments", command->more_arguments);
    rp_line_text(line, "further", command->further);
    put_choices(line, command->argument_choices);
    rp_line_text(line, "summary", command->summary);
    rp_line_text(line, "description", command->description);
    rp_line_open_list(line, "options");
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_option_belongs(&rp_options[i], command))
            put_option(line, &rp_options[i]);
    rp_line_close_list(line);
    rp_line_close(line);
}

void rp_options_write_json(struct rp_buf *out)
{
    struct rp_json_line line = { .out = out };

    rp_line_open(&line, NULL);
    rp_line_text(&line, "version", RAMPA_VERSION);
    rp_line_text(&line, "description", "Load testing: scenarios in Python or C, driven by C");
    rp_line_open_list(&line, "commands");
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        put_command(&line, &rp_commands[i]);
    rp_line_close_list(&line);
    rp_line_close(&line);
    rp_buf_append_str(out, "\n");
}
