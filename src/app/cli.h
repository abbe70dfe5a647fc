/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/cli.h - the command line: one table of commands, one of options, and the parser made from
 * them.
 *
 * The help, the man page, the reference page and the shell completion are made from the same tables
 * (app/help.h, app/docs.h, app/completion.h), so that an option exists everywhere or nowhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "plan/plan.h"

/* ---- the tables (table.c, commands.c) -------------------------------------------------------- */

enum rp_command_id { /* the order of the help */
                     RP_CMD_RUN,
                     RP_CMD_CHECK,
                     RP_CMD_INSPECT,
                     RP_CMD_ARCHIVE,
                     RP_CMD_REPORT,
                     RP_CMD_RESULT,
                     RP_CMD_COMPARE,
                     RP_CMD_STATUS,
                     RP_CMD_STOP,
                     RP_CMD_PAUSE,
                     RP_CMD_RESUME,
                     RP_CMD_ADJUST,
                     RP_CMD_DOCTOR,
                     RP_CMD_TARGET,
                     RP_CMD_DEMO,
                     RP_CMD_MCP,
                     RP_CMD_AGENT,
                     RP_CMD_COMPLETION,
                     RP_CMD_HELP,
                     RP_CMD_COUNT
};

enum rp_option_id { /* the order of the help, inside each group */
                    RP_OPT_VUS,
                    RP_OPT_DURATION,
                    RP_OPT_ITERATIONS,
                    RP_OPT_STAGE,
                    RP_OPT_RATE,
                    RP_OPT_MAX_VUS,
                    RP_OPT_SCENARIO,
                    RP_OPT_SEED,
                    RP_OPT_NO_SPIN,
                    RP_OPT_NO_KERNEL_TIMESTAMPS,
                    RP_OPT_SERIES_MEMORY,
                    RP_OPT_WORKERS,
                    RP_OPT_SEGMENT,
                    RP_OPT_SEGMENT_SEQUENCE,
                    RP_OPT_WORKER_LOSS,
                    RP_OPT_ONCE,
                    RP_OPT_BASE_URL,
                    RP_OPT_INSECURE,
                    RP_OPT_CACERT,
                    RP_OPT_CERT,
                    RP_OPT_KEY,
                    RP_OPT_TLS_MIN,
                    RP_OPT_TLS_MAX,
                    RP_OPT_CIPHERS,
                    RP_OPT_CERT_STATUS,
                    RP_OPT_NO_TLS_RESUMPTION,
                    RP_OPT_TLS_KEYLOG,
                    RP_OPT_CONNECT_TIMEOUT,
                    RP_OPT_HTTP2,
                    RP_OPT_NO_HTTP2,
                    RP_OPT_NO_REUSE,
                    RP_OPT_NO_VU_REUSE,
                    RP_OPT_CONNECTIONS_PER_HOST,
                    RP_OPT_SHARED_CONNECTIONS,
                    RP_OPT_RESOLVE,
                    RP_OPT_CONNECT_TO,
                    RP_OPT_UNIX_SOCKET,
                    RP_OPT_ALLOW_IPS,
                    RP_OPT_LOCAL_IPS,
                    RP_OPT_DNS,
                    RP_OPT_TRACEPARENT,
                    RP_OPT_PROXY,
                    RP_OPT_NO_PROXY,
                    RP_OPT_TARGETS,
                    RP_OPT_METHOD,
                    RP_OPT_HEADER,
                    RP_OPT_BODY,
                    RP_OPT_BODY_FILE,
                    RP_OPT_JSON,
                    RP_OPT_PROTO,
                    RP_OPT_COMPRESSED,
                    RP_OPT_TIMEOUT,
                    RP_OPT_EXPECT_STATUS,
                    RP_OPT_FOLLOW,
                    RP_OPT_COOKIE,
                    RP_OPT_AUTH,
                    RP_OPT_DIGEST,
                    RP_OPT_BEARER,
                    RP_OPT_FORM,
                    RP_OPT_SUBPROTOCOL,
                    RP_OPT_ENV,
                    RP_OPT_TAG,
                    RP_OPT_PYTHON,
                    RP_OPT_AT_END,
                    RP_OPT_INCLUDE,
                    RP_OPT_NO_SETUP,
                    RP_OPT_NO_TEARDOWN,
                    RP_OPT_THRESHOLD,
                    RP_OPT_NO_THRESHOLDS,
                    RP_OPT_OUT,
                    RP_OPT_OUTPUT,
                    RP_OPT_OUTPUT_OPTION,
                    RP_OPT_FAILED_EXCHANGES,
                    RP_OPT_HTTP_DEBUG,
                    RP_OPT_EVENT_LOG,
                    RP_OPT_TREND_STATS,
                    RP_OPT_HISTOGRAM,
                    RP_OPT_STRICT,
                    RP_OPT_PROGRESS,
                    RP_OPT_TUI,
                    RP_OPT_QUIET,
                    RP_OPT_FORMAT,
                    RP_OPT_COMPARE_FORMAT,
                    RP_OPT_FAIL_ON,
                    RP_OPT_MIN_EFFECT,
                    RP_OPT_SERVE,
                    RP_OPT_SERVE_CERT,
                    RP_OPT_SERVE_KEY,
                    RP_OPT_TOKEN_FILE,
                    RP_OPT_BROWSER,
                    RP_OPT_REASON,
                    RP_OPT_ADJUST_SCENARIO,
                    RP_OPT_ADJUST_VUS,
                    RP_OPT_ADJUST_RATE,
                    RP_OPT_HOLD,
                    RP_OPT_PAGE,
                    RP_OPT_ARCHIVE,
                    RP_OPT_HOST,
                    RP_OPT_PORT,
                    RP_OPT_TARGET_TLS,
                    RP_OPT_NO_COLOR,
                    RP_OPT_HELP,
                    RP_OPT_VERSION,
                    RP_OPT_COUNT
};

enum rp_option_group {
    RP_GROUP_LOAD,
    RP_GROUP_TLS,
    RP_GROUP_CONNECTION,
    RP_GROUP_REQUEST, /* of URLs */
    RP_GROUP_SCRIPT,
    RP_GROUP_JUDGEMENT,
    RP_GROUP_OUTPUT,
    RP_GROUP_SERVER,
    RP_GROUP_GLOBAL,
    RP_GROUP_COUNT
};
extern const char *const rp_option_group_titles[RP_GROUP_COUNT];

enum rp_option_type {
    RP_TYPE_FLAG,
    RP_TYPE_TEXT,
    RP_TYPE_FILE, /* as text; completed as a file name */
    RP_TYPE_INT,
    RP_TYPE_DURATION,
    RP_TYPE_CHOICE,
    RP_TYPE_PAIR,   /* KEY=VALUE, the key not empty */
    RP_TYPE_STATS,  /* statistics of a trend, separated by commas */
    RP_TYPE_STAGES, /* stages, separated by commas */
    RP_TYPE_RATE,
    RP_TYPE_WORKERS,   /* a number, or "auto" */
    RP_TYPE_HEADER,    /* "NAME: VALUE", or @FILE */
    RP_TYPE_STATUSES,  /* "200,204,300-399,4xx" */
    RP_TYPE_URL,       /* an absolute one */
    RP_TYPE_CRITERION, /* "METRIC:EXPRESSION" */
};

#define RP_IN(command) (1u << (command))
#define RP_IN_ALL (~0u) /* every command, and before a command */

struct rp_option {
    const char *name; /* with the dashes: "--vus" */
    char short_name;  /* '\0' = none */
    char other_name;  /* a second short name, which users of other tools know; '\0' = none */
    enum rp_option_type type;
    const char *placeholder; /* of the value; NULL for a flag */
    /* What it is when it is given without a value, which then stands behind "=" only; NULL = it needs
     * one. */
    const char *bare;
    unsigned commands; /* RP_IN(..) of each command that has it */
    bool repeatable;   /* every use counts; otherwise the last one does */
    const char *env;   /* environment variable that stands in for it, or NULL */
    enum rp_option_group group;
    const char *const *choices; /* RP_TYPE_CHOICE: NULL-terminated */
    int64_t min, max;           /* RP_TYPE_INT, both included */
    const char *fallback;       /* what holds without it, as text, or NULL */
    const char *help;           /* one sentence or more, without a final dot */
    const char *since;          /* the first version that has it */
};
extern const struct rp_option rp_options[RP_OPT_COUNT];

struct rp_example {
    const char *comment, *line;
};
struct rp_exit_note {
    int code;
    const char *text;
};

/* Files of one comparison. */
enum { RP_COMPARE_FILES_MAX = 100 };
/* The argument of run, check and inspect. */
#define RP_ARGUMENT_SCRIPT "SCRIPT|URL"
/* That of help. */
#define RP_ARGUMENT_COMMAND "COMMAND"
/* That of the commands on a run that goes on: its id. */
#define RP_ARGUMENT_RUN "RUN"

struct rp_command {
    const char *name;
    const char *argument; /* placeholder of the positional argument, NULL = takes none */
    bool takes_urls;      /* when the argument is a URL, more of them may follow */
    bool argument_optional;
    size_t more_arguments;    /* how many may follow the first one */
    const char *further;      /* placeholders of these when they are of another kind, or NULL */
    const char *file_endings; /* of an argument that is a file: "py rampa"; "" = any; NULL = none */
    const char *const *argument_choices; /* of the first one: NULL-terminated, NULL = any text */
    const char *summary;                 /* one line of the global help */
    const char *description;             /* paragraphs, separated by an empty line */
    const struct rp_example *examples;   /* ends with an empty one */
    const struct rp_exit_note *exits;    /* ends with a NULL text */
};
extern const struct rp_command rp_commands[RP_CMD_COUNT];
extern const struct rp_example rp_global_examples[]; /* ends with an empty one */

/* Environment variables that stand in for no option. */
struct rp_env_note {
    const char *name, *help;
};
extern const struct rp_env_note rp_env_notes[]; /* ends with an empty one */

static inline enum rp_command_id rp_command_id(const struct rp_command *command)
{
    return (enum rp_command_id)(command - rp_commands);
}
/* NULL for an unknown name. */
const struct rp_command *rp_command_find(const char *name);
/* Whether @command has @option; NULL asks what may stand before a command. */
bool rp_option_belongs(const struct rp_option *option, const struct rp_command *command);

/* ---- the parser (parse.c) -------------------------------------------------------------------- */

/* One use of an option. */
struct rp_given {
    const struct rp_option *option;
    const char *value;  /* borrowed; "" for a flag */
    const char *origin; /* "--vus" or "RAMPA_VUS"; borrowed from the tables or from the cli */
};

struct rp_cli {
    const struct rp_command *command; /* NULL when none was named */
    const char **arguments;           /* the positional arguments; NULL behind the last */
    size_t argument_count;
    struct rp_given *given; /* the command line's in its order, then the environment's */
    size_t given_count;
    bool flags[RP_OPT_COUNT]; /* of RP_TYPE_FLAG */
    char **copies;            /* private: of words whose secrets are hidden */
    size_t copy_count;
    struct rp_error *errors; /* every mistake that was found, in the order of the line */
    size_t error_count;
};

/*
 * Parses @argv (argv[0] is skipped) and, for options that @argv does not give, the environment.
 * Mistakes of the user are in ret->errors, all of them, and the return is 0; -ENOMEM leaves @ret
 * empty. Strings of @argv and of the environment are borrowed. When --help or --version was given
 * nothing else is judged: errors are dropped.
 */
RP_NODISCARD int rp_cli_parse(int argc, char *const argv[], struct rp_cli *ret);
/* Overwrites header values, cookies, passwords and tokens, and user names and passwords in URLs, in the
 * words of the command line, which every user of the machine can read while the program runs. @cli
 * keeps copies of these words. The words must be writable. To be called once, before anything that
 * may last. 0 or -ENOMEM. (secret_words.c) */
RP_NODISCARD int rp_cli_hide_secrets(struct rp_cli *cli);
void rp_cli_deinit(struct rp_cli *cli); /* a zeroed one is allowed */

/* The last use of an option, or { NULL, NULL }. */
struct rp_override rp_cli_value(const struct rp_cli *cli, enum rp_option_id id);
/* By which name the option was given on the command line, such as "--vus" or "-u"; a flag always by its long
 * one. NULL when it was not: RAMPA_PYTHON may stand in the environment for other runs. */
const char *rp_cli_typed(const struct rp_cli *cli, enum rp_option_id id);
/* Whether @text is a value of @option; if not, fills @err with a message that begins with
 * @origin. */
bool rp_option_accepts(const struct rp_option *option, const char *text, const char *origin,
                       struct rp_error *err);
/* The same for a list of words that ends with NULL. */
bool rp_choice_accepts(const char *const *choices, const char *text, const char *origin,
                       struct rp_error *err);
enum { RP_STATUSES_MAX = 64 };
/* Statuses and ranges of them, "200,204,300-399,4xx", into at most @room of @ret. -RP_EUSER with a
 * message that begins with @origin. */
RP_NODISCARD int rp_statuses_parse(const char *text, const char *origin, uint16_t (*ret)[2],
                                   size_t room, size_t *ret_count, struct rp_error *err);
/* What an environment variable says about a flag: 1 yes true on, 0 no false off. False for anything
 * else. */
bool rp_flag_parse(const char *text, bool *ret);
