/* SPDX-License-Identifier: MIT */
#include "app/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/address.h"
#include "app/foreign.h"
#include "app/script_file.h"
#include "base/alloc.h"
#include "base/str.h"

/*
 * One pass over the line. Every mistake is collected, so that a line is corrected once and not once
 * per mistake; what a mistake makes unsure (is the word after an unknown option its value?) is then
 * not reported on top of it.
 */

struct parser {
    struct rp_cli *cli;
    int argc;
    char *const *argv;
    int next;             /* the index of the next word */
    bool words_only;      /* after "--" */
    bool unsure;          /* an unknown option may have had a value */
    bool unknown_command; /* then --help cannot be about a command */
};

static struct rp_error *new_error(struct rp_cli *cli)
{
    return &cli->errors[cli->error_count++];
}

static void given(struct rp_cli *cli, const struct rp_option *option, const char *value,
                  const char *origin)
{
    struct rp_error err = { 0 };

    if (!rp_option_accepts(option, value, origin, &err)) {
        *new_error(cli) = err;
        return;
    }
    cli->given[cli->given_count++] = (struct rp_given){ option, value, origin };
}

/* ---- options --------------------------------------------------------------------------------- */

/* Two commands may have an option of one name each, with other values: that of @command goes first. */
static const struct rp_option *find_long(const struct rp_command *command, struct rp_slice name)
{
    const struct rp_option *found = NULL;

    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        if (!rp_slice_eq_str(name, rp_options[i].name + 2))
            continue;
        if (rp_option_belongs(&rp_options[i], command))
            return &rp_options[i];
        found = found ? found : &rp_options[i];
    }
    return found;
}

static const struct rp_option *find_short(const struct rp_command *command, char name)
{
    const struct rp_option *found = NULL;

    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        if (rp_options[i].short_name != name && rp_options[i].other_name != name)
            continue;
        if (rp_option_belongs(&rp_options[i], command))
            return &rp_options[i];
        found = found ? found : &rp_options[i];
    }
    return found;
}

/* An option of this command whose name looks like @name, or the only one that begins with it. */
static const struct rp_option *find_similar(const struct rp_command *command, struct rp_slice name)
{
    const char *names[RP_OPT_COUNT], *found, *longer = NULL;
    size_t count = 0, longer_count = 0;

    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        if (!rp_option_belongs(&rp_options[i], command))
            continue;
        names[count++] = rp_options[i].name + 2;
        if (name.len && strncmp(rp_options[i].name + 2, name.ptr, name.len) == 0) {
            longer = rp_options[i].name + 2;
            longer_count++;
        }
    }
    /* a beginning is surer than a likeness: "--dur" is no mistyped "--out" */
    found = longer_count == 1 ? longer : rp_suggest(name, names, count);
    return found ? find_long(command, rp_slice_str(found)) : NULL;
}

/* @option exists, but not here: says where. */
static void misplaced(struct parser *p, const struct rp_option *option)
{
    struct rp_error *err = new_error(p->cli);

    if (!p->cli->command) {
        rp_error_set(err, -RP_EUSER, "option '%s' stands before the command", option->name);
        rp_error_hint(err, "put it after the command");
        return;
    }
    rp_error_set(err, -RP_EUSER, "unknown option '%s'", option->name);
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        if (rp_option_belongs(option, &rp_commands[i])) {
            rp_error_hint(err, "it is an option of 'rampa %s'", rp_commands[i].name);
            return;
        }
}

static bool is_on_scripts(const struct rp_command *command)
{
    return command && command->takes_urls;
}

/* @text: as written, with its dashes; @name: without them and without "=value". */
static void unknown(struct parser *p, struct rp_slice text, struct rp_slice name)
{
    const char *remedy = is_on_scripts(p->cli->command) ? rp_foreign_option(text) : NULL;
    const struct rp_option *similar;
    struct rp_error *err = new_error(p->cli);

    p->unsure = true;
    rp_error_set(err, -RP_EUSER, "unknown option '%.*s'", RP_SLICE_FMT(text));
    if (remedy) {
        rp_error_hint(err, "%s", remedy);
        return;
    }
    similar = find_similar(p->cli->command, name);
    if (similar)
        rp_error_suggest(err, similar->name);
}

/* The next word as a value. A word that begins with a dash is not one, unless a digit follows: no
 * option is a digit. */
static const char *next_value(struct parser *p)
{
    const char *word = p->next < p->argc ? p->argv[p->next] : NULL;

    if (!word || (word[0] == '-' && word[1] && !strchr("0123456789.", word[1])))
        return NULL;
    p->next++;
    return word;
}

/* @typed: its name as it was given, which holds for ever; @value: what stood behind it in the same word,
 * or NULL. */
static void take_option(struct parser *p, const struct rp_option *option, const char *typed,
                        const char *value)
{
    bool here = rp_option_belongs(option, p->cli->command);
    struct rp_error *err;

    if (!here)
        misplaced(p, option);
    if (option->type == RP_TYPE_FLAG) {
        if (value && here)
            rp_error_set(new_error(p->cli), -RP_EUSER, "option '%s' takes no value", typed);
        else if (here)
            p->cli->flags[option - rp_options] = true;
        return;
    }
    if (!value)
        value = option->bare ? option->bare : next_value(p);
    if (!here)
        return;
    if (value) {
        given(p->cli, option, value, typed);
        return;
    }
    err = new_error(p->cli);
    rp_error_set(err, -RP_EUSER, "option '%s' needs a value (%s %s)", typed, typed,
                 option->placeholder);
    if (option == &rp_options[RP_OPT_JSON])
        rp_error_hint(err, "it is what is sent; the result as JSON is --out FILE");
}

static void take_long(struct parser *p, const char *word)
{
    const char *equals = strchr(word, '=');
    struct rp_slice text = rp_slice(word, equals ? (size_t)(equals - word) : strlen(word));
    struct rp_slice name = rp_slice(word + 2, text.len - 2);
    const struct rp_option *option = find_long(p->cli->command, name);

    if (option)
        take_option(p, option, option->name, equals ? equals + 1 : NULL);
    else
        unknown(p, text, name);
}

static bool is_number(const char *text)
{
    return text && *text && !text[strspn(text, "0123456789.")];
}

/* hey's "-q 100" is a rate; ours is a flag, and 100 would be what is to be run. */
static bool take_foreign_rate(struct parser *p, const char *word)
{
    const char *value = word[2] ? word + 2 + (word[2] == '=') : p->argv[p->next];
    struct rp_error *err;

    if (word[1] != 'q' || !is_on_scripts(p->cli->command) || !is_number(value))
        return false;
    err = new_error(p->cli);
    rp_error_set(err, -RP_EUSER, "-q is --quiet and takes no number");
    rp_error_hint(err, "a rate is --rate, as in --rate %.32s/s", value);
    p->next += !word[2];
    return true;
}

/* "-duration=30s", "-rate": a long option with one dash, as programs in Go take them. No short
 * options that are joined look like that. */
static bool take_one_dash(struct parser *p, const char *word)
{
    struct rp_slice name = rp_slice(word + 1, strcspn(word + 1, "="));
    const struct rp_option *option = name.len > 2 ? find_long(p->cli->command, name) : NULL;
    struct rp_slice text = rp_slice(word, name.len + 1);

    if (name.len < 3)
        return false;
    if (option && rp_option_belongs(option, p->cli->command)) {
        struct rp_error *err = new_error(p->cli);

        p->unsure = true;
        rp_error_set(err, -RP_EUSER, "unknown option '%.*s'", RP_SLICE_FMT(text));
        rp_error_suggest(err, option->name);
        return true;
    }
    if (!is_on_scripts(p->cli->command) || !rp_foreign_option(text))
        return false;
    unknown(p, text, name);
    return true;
}

/* A letter that is an option of another command here, and means something else to users of other
 * tools: their meaning is what is explained. */
static const struct rp_option *find_short_here(const struct parser *p, char letter)
{
    const struct rp_option *option = find_short(p->cli->command, letter);
    bool is_foreign = option && !rp_option_belongs(option, p->cli->command) &&
                      is_on_scripts(p->cli->command) &&
                      rp_foreign_option(rp_slice((char[]){ '-', letter }, 2));

    return is_foreign ? NULL : option;
}

/* "-F": people look for what they have typed. */
static const char *short_name(char letter, const struct rp_option *option)
{
    static const char names[] = "-a\0-b\0-c\0-d\0-e\0-f\0-g\0-h\0-i\0-j\0-k\0-l\0-m\0"
                                "-n\0-o\0-p\0-q\0-r\0-s\0-t\0-u\0-v\0-w\0-x\0-y\0-z\0"
                                "-A\0-B\0-C\0-D\0-E\0-F\0-G\0-H\0-I\0-J\0-K\0-L\0-M\0"
                                "-N\0-O\0-P\0-Q\0-R\0-S\0-T\0-U\0-V\0-W\0-X\0-Y\0-Z";

    if (letter >= 'a' && letter <= 'z')
        return names + 3 * (letter - 'a');
    return letter >= 'A' && letter <= 'Z' ? names + 3 * (26 + letter - 'A') : option->name;
}

/* "-q", "-u5", "-u=5", "-qu 5". */
static void take_short(struct parser *p, const char *word)
{
    if (take_foreign_rate(p, word) || take_one_dash(p, word))
        return;
    for (const char *c = word + 1; *c; c++) {
        const struct rp_option *option = find_short_here(p, *c);

        if (!option) {
            /* "-vus": one dash too few rather than three options */
            if (c == word + 1)
                unknown(p, rp_slice(word, strcspn(word, "=")),
                        rp_slice(word + 1, strcspn(word + 1, "=")));
            else
                unknown(p, rp_slice_str((char[]){ '-', *c, '\0' }), rp_slice(c, 1));
            return;
        }
        if (option->type == RP_TYPE_FLAG) {
            take_option(p, option, short_name(*c, option), NULL);
            continue;
        }
        take_option(p, option, short_name(*c, option), !c[1] ? NULL : c[1] == '=' ? c + 2 : c + 1);
        return;
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool looks_like_script(const char *word)
{
    size_t len = strlen(word);

    return (len > 3 && strcmp(word + len - 3, ".py") == 0) ||
           (strchr(word, '/') && access(word, F_OK) == 0);
}

static const char *suggest_command(const char *word)
{
    const char *names[RP_CMD_COUNT];

    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        names[i] = rp_commands[i].name;
    return rp_suggest(rp_slice_str(word), names, RP_CMD_COUNT);
}

static bool is_like_url(const char *word)
{
    char shown[PATH_MAX];

    return rp_script_is_url(word) || rp_address_mask(word, shown, sizeof(shown));
}

static void bad_command(struct rp_cli *cli, const char *word)
{
    struct rp_error *err = new_error(cli);

    if (is_like_url(word)) { /* which may hold a password */
        rp_error_set(err, -RP_EUSER, "a URL is no command");
        rp_error_hint(err, "write rampa run URL");
        return;
    }
    rp_error_set(err, -RP_EUSER, "unknown command '%s'", word);
    if (looks_like_script(word))
        rp_error_hint(err, "did you mean 'rampa run %s'?", word);
    else if (rp_foreign_command(word))
        rp_error_hint(err, "%s", rp_foreign_command(word));
    else
        rp_error_suggest(err, suggest_command(word));
}

static void take_command(struct parser *p, const char *word)
{
    p->cli->command = rp_command_find(word);
    if (p->cli->command)
        return;
    p->unknown_command = true;
    bad_command(p->cli, word);
}

/* Whether @word, which is not the first argument, may follow the first one. */
static bool may_follow(const struct rp_cli *cli, const char *word)
{
    const char *first = cli->arguments[0];

    if (cli->argument_count <= cli->command->more_arguments)
        return true;
    return cli->command->takes_urls && (rp_script_is_url(first) || first[0] == '/') &&
           (rp_script_is_url(word) || word[0] == '/');
}

static void take_argument(struct parser *p, const char *word)
{
    const struct rp_command *command = p->cli->command;
    struct rp_error err = { 0 };

    if (!command->argument || (p->cli->argument_count && !may_follow(p->cli, word))) {
        struct rp_error *unexpected = p->unsure ? NULL : new_error(p->cli);

        rp_error_set(unexpected, -RP_EUSER, "unexpected argument '%s'",
                     is_like_url(word) ? "URL" : word); /* it may hold a password */
        if (command == &rp_commands[RP_CMD_TARGET] && is_number(word))
            rp_error_hint(unexpected, "did you mean '--port %s'?", word);
        return;
    }
    p->cli->arguments[p->cli->argument_count++] = word;
    if (command == &rp_commands[RP_CMD_HELP] && !rp_command_find(word))
        bad_command(p->cli, word);
    else if (command->argument_choices && p->cli->argument_count == 1 &&
             !rp_choice_accepts(command->argument_choices, word, command->argument, &err))
        *new_error(p->cli) = err;
}

static void take_word(struct parser *p, const char *word)
{
    if (p->words_only || word[0] != '-' || !word[1]) {
        if (!p->cli->command)
            take_command(p, word);
        else
            take_argument(p, word);
    } else if (strcmp(word, "--") == 0) {
        p->words_only = true;
    } else if (word[1] == '-') {
        take_long(p, word);
    } else {
        take_short(p, word);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool is_given(const struct rp_cli *cli, const struct rp_option *option)
{
    if (option->type == RP_TYPE_FLAG)
        return cli->flags[option - rp_options];
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].option == option)
            return true;
    return false;
}

static void take_environment(struct rp_cli *cli)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        const struct rp_option *option = &rp_options[i];
        const char *value = option->env ? getenv(option->env) : NULL;

        if (!value || !*value || !rp_option_belongs(option, cli->command) || is_given(cli, option))
            continue;
        if (option->type != RP_TYPE_FLAG) {
            given(cli, option, value, option->env);
        } else if (!rp_flag_parse(value, &cli->flags[i])) {
            struct rp_error *err = new_error(cli);

            rp_error_set(err, -RP_EUSER, "%s: '%s' is neither yes nor no", option->env, value);
            rp_error_hint(err, "set it to 1 or 0");
        }
    }
}

static void check_argument(struct parser *p)
{
    const struct rp_command *command = p->cli->command;

    if (!command->argument || command->argument_optional || p->cli->argument_count || p->unsure ||
        is_given(p->cli, &rp_options[RP_OPT_TARGETS]))
        return;
    rp_error_set(new_error(p->cli), -RP_EUSER, "no %s given (rampa %s %s)",
                 strcmp(command->argument, RP_ARGUMENT_SCRIPT) == 0 ? "script or URL"
                                                                    : command->argument,
                 command->name, command->argument);
}

static void drop_errors(struct rp_cli *cli)
{
    for (size_t i = 0; i < cli->error_count; i++)
        rp_error_deinit(&cli->errors[i]);
    cli->error_count = 0;
}

int rp_cli_parse(int argc, char *const argv[], struct rp_cli *ret)
{
    /* a word gives at most one value or two mistakes (misplaced and without value are one each) */
    size_t room = (size_t)argc * 2 + RP_OPT_COUNT + 1;
    struct parser p = { .cli = ret, .argc = argc, .argv = argv, .next = 1 };

    *ret = (struct rp_cli){ 0 };
    ret->given = rp_calloc(room, sizeof(*ret->given));
    ret->errors = rp_calloc(room, sizeof(*ret->errors));
    ret->arguments = rp_calloc((size_t)argc + 2, sizeof(*ret->arguments)); /* argc may be 0 */
    if (!ret->given || !ret->errors || !ret->arguments) {
        rp_cli_deinit(ret);
        return -ENOMEM;
    }
    while (p.next < argc && !p.unknown_command)
        take_word(&p, argv[p.next++]);
    if (p.unknown_command)
        return 0;
    if (ret->flags[RP_OPT_HELP] || ret->flags[RP_OPT_VERSION]) {
        drop_errors(ret);
        return 0;
    }
    if (ret->command) {
        check_argument(&p);
        take_environment(ret);
    }
    return 0;
}

void rp_cli_deinit(struct rp_cli *cli)
{
    if (!cli)
        return;
    drop_errors(cli);
    for (size_t i = 0; i < cli->copy_count; i++)
        rp_free(cli->copies[i]);
    rp_free(cli->copies);
    rp_free(cli->given);
    rp_free(cli->arguments);
    rp_free(cli->errors);
    *cli = (struct rp_cli){ 0 };
}

struct rp_override rp_cli_value(const struct rp_cli *cli, enum rp_option_id id)
{
    for (size_t i = cli->given_count; i-- > 0;)
        if (cli->given[i].option == &rp_options[id])
            return (struct rp_override){ cli->given[i].value, cli->given[i].origin };
    return (struct rp_override){ 0 };
}
