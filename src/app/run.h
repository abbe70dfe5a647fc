/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/run.h - what the command line hands to the commands that work on a script: run, check,
 * inspect.
 *
 * The command line has been parsed when these are called: the values of options have the type that
 * the table of options says (a whole number, a duration, KEY=VALUE), the script is a readable .py
 * file or a URL. Whether they fit together and fit the script is judged by the plan room, which
 * names the origin of a value in its messages. All strings are borrowed and live until the process
 * ends its command.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/slice.h"
#include "plan/plan.h"

struct rp_run_options {
    const char *script;       /* as the user wrote it; of URLs, what people see of them */
    const char *folder;       /* of an archive's files, in which its script runs; NULL = as we */
    struct rp_slice requests; /* script/requests.h; empty for a script */
    struct rp_overrides overrides;
    const char *out;       /* --out, or NULL */
    const char *event_log; /* --event-log, or NULL */
    const char *serve;     /* --serve: "unix" or "HOST:PORT"; NULL = not served */
    struct rp_override serve_cert, serve_key; /* --serve-cert, --serve-key */
    const struct rp_override *outputs;        /* --output, each use */
    size_t output_count;
    const struct rp_override *output_options; /* --output-option, each use */
    size_t output_option_count;
    const char *archive;                /* of archive: its file; NULL = a name like the script's */
    const struct rp_override *included; /* of archive: --include, each use */
    size_t included_count;
    bool histogram; /* the summary draws how long requests took */
    bool strict;    /* a generator that was the limit fails the run */
    bool quiet;     /* neither summary nor progress line; errors and warnings still show */
    bool progress;  /* progress line asked for: even with quiet, even when stderr is no terminal */
    bool tui;       /* the whole terminal asked for, where there is one */
    bool color;     /* stdout may show colours */
    bool error_color;   /* stderr may show colours */
    unsigned width;     /* columns of the terminal, 80 when unknown; never 0 */
    const char *python; /* interpreter of the workers: a path or a name for PATH; never NULL */
    bool bears_losses;  /* goes on when it loses one of several workers */
};

enum rp_format { RP_FORMAT_TEXT, RP_FORMAT_JSON };

/* Each does its command, prints what there is to print (errors through rp_error_print) and returns
 * the exit code. out, event_log, outputs, strict, quiet, progress and overrides.trend_stats are set for run
 * only. */
int rp_cmd_run(const struct rp_run_options *options);
int rp_cmd_check(const struct rp_run_options *options);
int rp_cmd_inspect(const struct rp_run_options *options, enum rp_format format);
/* Writes the script, and what it needs, to an archive. */
int rp_cmd_archive(const struct rp_run_options *options);

/* cmd_plan.c: the plan of the script, without running it. Its warnings have been printed; when it
 * fails (-RP_EUSER, -errno), the error has. */
RP_NODISCARD int rp_load_plan(const struct rp_run_options *options, struct rp_plan **ret);

/* The only argument that makes the program a worker (cmd_worker.c). Not among the commands: rampa
 * starts it, nobody else. */
#define RP_WORKER_WORD "_worker"
int rp_cmd_worker(void);

/* Prints @err once: place, message, an indented hint, the detail below. Control characters of
 * foreign text are made visible, so that a message cannot move the cursor. An @err without a
 * message prints nothing. */
void rp_error_print(FILE *stream, const struct rp_error *err, bool color);
