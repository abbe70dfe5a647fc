/* SPDX-License-Identifier: MIT */
#include "app/completion.h"

#include <stdio.h>
#include <string.h>

#include "app/cli.h"

/*
 * The script holds one list of words a command, and one rule an option that has a value. It asks
 * nothing of the program at completion time, so that pressing Tab never starts anything.
 */

static void append_choices(struct rp_buf *out, const char *const *choices)
{
    for (size_t i = 0; choices[i]; i++)
        rp_buf_appendf(out, "%s%s", i ? " " : "", choices[i]);
}

static void append_command_names(struct rp_buf *out)
{
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        rp_buf_appendf(out, "%s%s", i ? " " : "", rp_commands[i].name);
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_options(struct rp_buf *out, const struct rp_command *command)
{
    const char *blank = "";

    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        if (!rp_option_belongs(&rp_options[i], command))
            continue;
        rp_buf_appendf(out, "%s%s", blank, rp_options[i].name);
        blank = " ";
    }
}

/* What follows an option with a value, or its '=': choices, files, or nothing that a shell could know. An
 * option that may stand alone has a value only behind '='. */
static void bash_values(struct rp_buf *out)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        const struct rp_option *option = &rp_options[i];

        if (option->type == RP_TYPE_FLAG)
            continue;
        rp_buf_appendf(out, "        %s=", option->name);
        if (!option->bare)
            rp_buf_appendf(out, "|%s", option->name);
        if (option->short_name)
            rp_buf_appendf(out, "|-%c", option->short_name);
        if (option->other_name)
            rp_buf_appendf(out, "|-%c", option->other_name);
        if (option->type == RP_TYPE_FILE) {
            rp_buf_append_str(out, ") mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); "
                                   "return ;;\n");
        } else if (option->choices) {
            rp_buf_append_str(out, ") mapfile -t COMPREPLY < <(compgen -W \"");
            append_choices(out, option->choices);
            rp_buf_append_str(out, "\" -- \"$word\"); return ;;\n");
        } else {
            rp_buf_append_str(out, ") COMPREPLY=(); return ;;\n");
        }
    }
}

static bool takes_commands(const struct rp_command *command)
{
    return command->argument && strcmp(command->argument, RP_ARGUMENT_COMMAND) == 0;
}

/* Their ids change too often to be completed. */
static bool takes_runs(const struct rp_command *command)
{
    return command->argument && strcmp(command->argument, RP_ARGUMENT_RUN) == 0;
}

static void bash_commands(struct rp_buf *out)
{
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        const struct rp_command *command = &rp_commands[i];

        rp_buf_appendf(out, "        %s) options=\"", command->name);
        bash_options(out, command);
        rp_buf_append_str(out, "\" words=\"");
        if (command->argument_choices)
            append_choices(out, command->argument_choices);
        else if (takes_commands(command))
            append_command_names(out);
        rp_buf_appendf(out, "\" files='%s' ;;\n",
                       !command->file_endings   ? ""
                       : *command->file_endings ? command->file_endings
                                                : "any");
    }
}

static void bash(struct rp_buf *out)
{
    rp_buf_append_str(out,
                      "# bash completion of rampa; made by 'rampa completion bash'\n"
                      "_rampa() {\n"
                      "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}\n"
                      "    local command= options= words= files= is_named= i\n"
                      "    COMPREPLY=()\n"
                      "    if [[ $word == = ]]; then\n"
                      "        word= last=$last=\n"
                      "    elif [[ $last == = ]]; then\n"
                      "        last=${COMP_WORDS[COMP_CWORD-2]}=\n"
                      "    fi\n"
                      "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                      "        [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
                      "        command=${COMP_WORDS[i]}\n"
                      "        break\n"
                      "    done\n"
                      "    case $last in\n");
    bash_values(out);
    rp_buf_append_str(out, "    esac\n"
                           "    case $command in\n"
                           "        '') options=\"");
    bash_options(out, NULL);
    rp_buf_append_str(out, "\" words=\"");
    append_command_names(out);
    rp_buf_append_str(out, "\" ;;\n");
    bash_commands(out);
    rp_buf_append_str(
        out, "        *) return ;;\n"
             "    esac\n"
             "    for ((i++; i < COMP_CWORD; i++)); do\n"
             "        [[ ${COMP_WORDS[i]} && \" $words \" == *\" ${COMP_WORDS[i]} \"* ]] && "
             "is_named=yes\n"
             "    done\n"
             "    if [[ $word == -* ]]; then\n"
             "        words=$options\n"
             "    elif [[ $files == any && ( ! $words || $is_named ) ]]; then\n"
             "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
             "        return\n"
             "    elif [[ $files && $files != any ]]; then\n"
             "        mapfile -t COMPREPLY < <(compgen -d -S / -- \"$word\"; "
             "for i in $files; do compgen -f -X \"!*.$i\" -- \"$word\"; done)\n"
             "        compopt -o nospace 2>/dev/null\n"
             "        return\n"
             "    fi\n"
             "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
             "}\n"
             "complete -o filenames -F _rampa rampa\n");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Text inside '...' and inside [...] or a ':' list of _arguments. */
static void zsh_text(struct rp_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            rp_buf_append_str(out, "'\\''");
        else if (strchr("[]:\\", *text))
            rp_buf_appendf(out, "\\%c", *text);
        else
            rp_buf_append(out, text, 1);
    }
}

static void zsh_spec(struct rp_buf *out, const struct rp_option *option)
{
    rp_buf_append_str(out, option->repeatable ? " \\\n        '*" : " \\\n        '");
    rp_buf_append_str(out, option->name);
    rp_buf_appendf(out, "%s[", option->bare ? "=-" : option->placeholder ? "=" : "");
    zsh_text(out, option->help);
    rp_buf_append_str(out, "]");
    if (option->placeholder) {
        rp_buf_appendf(out, option->bare ? "::%s:" : ":%s:", option->placeholder);
        if (option->type == RP_TYPE_FILE)
            rp_buf_append_str(out, "_files");
        if (option->choices) {
            rp_buf_append_str(out, "(");
            append_choices(out, option->choices);
            rp_buf_append_str(out, ")");
        }
    }
    rp_buf_append_str(out, "'");
}

static void zsh_command(struct rp_buf *out, const struct rp_command *command)
{
    rp_buf_appendf(out, "    %s) _arguments -s", command->name);
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_option_belongs(&rp_options[i], command))
            zsh_spec(out, &rp_options[i]);
    if (command->argument) {
        bool is_like_more = command->more_arguments && !command->further;

        rp_buf_appendf(out, " \\\n        '%s:%s:", is_like_more ? "*" : "1", command->argument);
        if (takes_runs(command)) {
            rp_buf_append_str(out, "'");
        } else if (command->argument_choices || takes_commands(command)) {
            rp_buf_append_str(out, "(");
            if (command->argument_choices)
                append_choices(out, command->argument_choices);
            else
                append_command_names(out);
            rp_buf_append_str(out, ")'");
        } else {
            rp_buf_append_str(out, "_files");
            for (const char *at = command->file_endings; at && *at; at += strcspn(at, " ")) {
                at += *at == ' ';
                rp_buf_appendf(out, "%s*.%.*s", at == command->file_endings ? " -g \"" : " ",
                               (int)strcspn(at, " "), at);
            }
            rp_buf_append_str(out, command->file_endings && *command->file_endings ? "\"'" : "'");
        }
        if (command->further)
            rp_buf_appendf(out, " \\\n        '*:%s:_files'", command->further);
    }
    rp_buf_append_str(out, " ;;\n");
}

static void zsh(struct rp_buf *out)
{
    rp_buf_append_str(out, "#compdef rampa\n"
                           "# zsh completion of rampa; made by 'rampa completion zsh'\n"
                           "_rampa() {\n"
                           "    local -a commands\n"
                           "    commands=(");
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        rp_buf_appendf(out, "\n        '%s:", rp_commands[i].name);
        zsh_text(out, rp_commands[i].summary);
        rp_buf_append_str(out, "'");
    }
    rp_buf_append_str(out, ")\n"
                           "    if (( CURRENT == 2 )); then\n"
                           "        _describe command commands\n"
                           "        return\n"
                           "    fi\n"
                           "    local command=$words[2]\n"
                           "    shift words\n"
                           "    (( CURRENT-- ))\n"
                           "    case $command in\n");
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        zsh_command(out, &rp_commands[i]);
    rp_buf_append_str(out, "    esac\n"
                           "}\n"
                           "if [[ $funcstack[1] == _rampa ]]; then\n"
                           "    _rampa \"$@\"\n"
                           "else\n"
                           "    compdef _rampa rampa\n"
                           "fi\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

/* Text inside '...'. */
static void fish_text(struct rp_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            rp_buf_append_str(out, "\\");
        rp_buf_append(out, text, 1);
    }
}

static void fish_option(struct rp_buf *out, const char *when, const struct rp_option *option)
{
    rp_buf_appendf(out, "complete -c rampa -n '%s' -l %s", when, option->name + strlen("--"));
    if (option->short_name)
        rp_buf_appendf(out, " -s %c", option->short_name);
    if (option->other_name)
        rp_buf_appendf(out, " -s %c", option->other_name);
    if (option->type == RP_TYPE_FILE)
        rp_buf_append_str(out, " -r -F");
    else if (option->type != RP_TYPE_FLAG && !option->bare)
        rp_buf_append_str(out, " -x");
    if (option->choices) {
        rp_buf_append_str(out, " -a '");
        append_choices(out, option->choices);
        rp_buf_append_str(out, "'");
    }
    rp_buf_append_str(out, " -d '");
    fish_text(out, option->help);
    rp_buf_append_str(out, "'\n");
}

/* Files with these endings come before other ones. */
static void fish_endings(struct rp_buf *out, const char *endings)
{
    for (const char *at = endings; *at; at += strcspn(at, " ")) {
        at += *at == ' ';
        rp_buf_appendf(out, "(__fish_complete_suffix .%.*s) ", (int)strcspn(at, " "), at);
    }
}

static void fish_command(struct rp_buf *out, const struct rp_command *command)
{
    char when[64];
    bool has_words;

    rp_buf_appendf(out, "complete -c rampa -n __fish_use_subcommand -a %s -d '", command->name);
    fish_text(out, command->summary);
    rp_buf_append_str(out, "'\n");
    snprintf(when, sizeof(when), "__fish_seen_subcommand_from %s", command->name);
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_option_belongs(&rp_options[i], command))
            fish_option(out, when, &rp_options[i]);
    if (!command->argument || takes_runs(command))
        return;
    rp_buf_appendf(out, "complete -c rampa -n '%s' -a '", when);
    has_words = command->argument_choices || takes_commands(command);
    if (command->argument_choices)
        append_choices(out, command->argument_choices);
    else if (takes_commands(command))
        append_command_names(out);
    if (command->further)
        rp_buf_append_str(out, " ");
    if (!has_words && command->file_endings && *command->file_endings)
        fish_endings(out, command->file_endings);
    else if (!has_words || command->further)
        rp_buf_append_str(out, "(__fish_complete_path)");
    rp_buf_append_str(out, "'\n");
}

static void fish(struct rp_buf *out)
{
    rp_buf_append_str(out, "# fish completion of rampa; made by 'rampa completion fish'\n"
                           "complete -c rampa -f\n");
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_option_belongs(&rp_options[i], NULL))
            fish_option(out, "__fish_use_subcommand", &rp_options[i]);
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        fish_command(out, &rp_commands[i]);
}

void rp_completion_write(const char *shell, struct rp_buf *out)
{
    if (strcmp(shell, "zsh") == 0)
        zsh(out);
    else if (strcmp(shell, "fish") == 0)
        fish(out);
    else
        bash(out);
}
