/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "app/cli.h"
#include "plan/plan.h"

/*
 * The tables of commands and options. Parser, help, man page, reference and completion are made
 * from them: to add an option, add its row here and read its value where the command begins.
 */

#define RP_IN_SCRIPT (RP_IN(RP_CMD_RUN) | RP_IN(RP_CMD_CHECK) | RP_IN(RP_CMD_INSPECT))

const char *const rp_option_group_titles[RP_GROUP_COUNT] = {
    [RP_GROUP_LOAD] = "Load",     [RP_GROUP_SCRIPT] = "Script", [RP_GROUP_OUTPUT] = "Output",
    [RP_GROUP_SERVER] = "Server", [RP_GROUP_GLOBAL] = "Global",
};

static const char *const formats[] = { "text", "json", NULL };
static const char *const loss_policies[] = { "abort", "continue", NULL };
static const char *const shells[] = { "bash", "zsh", NULL };

/* clang-format off: a row is read as a paragraph, not as a column of fields */
const struct rp_option rp_options[RP_OPT_COUNT] = {
    [RP_OPT_VUS] = {
        .name = "--vus", .short_name = 'u', .type = RP_TYPE_INT, .placeholder = "N",
        .min = 1, .max = INT64_MAX, .commands = RP_IN_SCRIPT, .env = "RAMPA_VUS",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Virtual users that run at the same time",
    },
    [RP_OPT_DURATION] = {
        .name = "--duration", .short_name = 'd', .type = RP_TYPE_DURATION, .placeholder = "TIME",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_DURATION",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "How long iterations are started: 30s, 1m30s, 250ms",
    },
    [RP_OPT_ITERATIONS] = {
        .name = "--iterations", .short_name = 'i', .type = RP_TYPE_INT, .placeholder = "N",
        .min = 1, .max = INT64_MAX, .commands = RP_IN_SCRIPT, .env = "RAMPA_ITERATIONS",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Iterations to run, shared among the virtual users",
    },
    [RP_OPT_STAGE] = {
        .name = "--stage", .type = RP_TYPE_STAGES, .placeholder = "TIME:TARGET",
        .commands = RP_IN_SCRIPT, .repeatable = true, .env = "RAMPA_STAGES",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Go to TARGET virtual users within TIME, or to this rate where iterations arrive: "
                "30s:100, or several as in 30s:100,1m:0",
    },
    [RP_OPT_RATE] = {
        .name = "--rate", .type = RP_TYPE_RATE, .placeholder = "NUMBER/TIME",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_RATE",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Start iterations at this rate, however long they take: 500/s, 30/m, 7/3s",
    },
    [RP_OPT_MAX_VUS] = {
        .name = "--max-vus", .type = RP_TYPE_INT, .placeholder = "N",
        .min = 1, .max = INT64_MAX, .commands = RP_IN_SCRIPT, .env = "RAMPA_MAX_VUS",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Most virtual users that may be made to keep a rate",
    },
    [RP_OPT_SCENARIO] = {
        .name = "--scenario", .type = RP_TYPE_TEXT, .placeholder = "NAME",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Run this scenario of the script and not the others",
    },
    [RP_OPT_SEED] = {
        .name = "--seed", .type = RP_TYPE_INT, .placeholder = "N",
        .min = 0, .max = 9007199254740991, .commands = RP_IN_SCRIPT, .env = "RAMPA_SEED",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "by chance; the result has it",
        .help = "Seed of what is random in the run; the same one repeats it",
    },
    [RP_OPT_NO_SPIN] = {
        .name = "--no-spin", .type = RP_TYPE_FLAG,
        .commands = RP_IN_SCRIPT, .env = "RAMPA_NO_SPIN",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Start iterations some 50 us less exactly, for less processor time",
    },
    [RP_OPT_WORKERS] = {
        .name = "--workers", .short_name = 'w', .type = RP_TYPE_WORKERS, .placeholder = "N|auto",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_WORKERS",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "1",
        .help = "Share the work among N processes; auto is one for each core that rampa may use, "
                "fewer for a small test",
    },
    [RP_OPT_WORKER_LOSS] = {
        .name = "--on-worker-loss", .type = RP_TYPE_CHOICE, .placeholder = "WHAT",
        .choices = loss_policies, .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_ON_WORKER_LOSS",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "abort",
        .help = "When one of several worker processes dies: abort the run, or continue with the "
                "load of the others",
    },
    [RP_OPT_ENV] = {
        .name = "--env", .short_name = 'e', .type = RP_TYPE_PAIR, .placeholder = "KEY=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Set a variable that the script reads from worker.env",
    },
    [RP_OPT_TAG] = {
        .name = "--tag", .type = RP_TYPE_PAIR, .placeholder = "KEY=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Add a tag to every sample of the run",
    },
    [RP_OPT_PYTHON] = {
        .name = "--python", .type = RP_TYPE_FILE, .placeholder = "PATH",
        .commands = RP_IN_SCRIPT | RP_IN(RP_CMD_DOCTOR), .env = "RAMPA_PYTHON",
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .fallback = "that of the active virtual environment, else the one rampa was built for",
        .help = "Python interpreter that runs the script",
    },
    [RP_OPT_OUT] = {
        .name = "--out", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_OUT",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Write the result as JSON to FILE when the run has ended",
    },
    [RP_OPT_EVENT_LOG] = {
        .name = "--event-log", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_EVENT_LOG",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Write what happens while it happens to FILE, one JSON object a line",
    },
    [RP_OPT_TREND_STATS] = {
        .name = "--summary-trend-stats", .type = RP_TYPE_STATS, .placeholder = "LIST",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_SUMMARY_TREND_STATS",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "avg,min,max,med,p(90),p(95),p(99)",
        .help = "Statistics of times that the summary shows, separated by commas: avg, min, max, "
                "med, count, p(N) for any N from 0 to 100",
    },
    [RP_OPT_STRICT] = {
        .name = "--strict", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_STRICT",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Fail with exit code 8 when the generator itself was the limit",
    },
    [RP_OPT_PROGRESS] = {
        .name = "--progress", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_PROGRESS",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "only when stderr is a terminal",
        .help = "Show progress while the test runs",
    },
    [RP_OPT_QUIET] = {
        .name = "--quiet", .short_name = 'q', .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_QUIET",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Print neither progress nor summary, only errors and warnings; --progress brings "
                "the progress back",
    },
    [RP_OPT_FORMAT] = {
        .name = "--format", .type = RP_TYPE_CHOICE, .placeholder = "FORMAT", .choices = formats,
        .commands = RP_IN(RP_CMD_INSPECT) | RP_IN(RP_CMD_DOCTOR),
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "text",
        .help = "How to print: text for people, json for programs",
    },
    [RP_OPT_HOST] = {
        .name = "--host", .type = RP_TYPE_TEXT, .placeholder = "ADDRESS",
        .commands = RP_IN(RP_CMD_TARGET), .env = "RAMPA_TARGET_HOST",
        .group = RP_GROUP_SERVER, .since = "0.1.0", .fallback = "127.0.0.1",
        .help = "Address to listen on",
    },
    [RP_OPT_PORT] = {
        .name = "--port", .short_name = 'p', .type = RP_TYPE_INT, .placeholder = "N",
        .min = 0, .max = 65535,
        .commands = RP_IN(RP_CMD_TARGET), .env = "RAMPA_TARGET_PORT",
        .group = RP_GROUP_SERVER, .since = "0.1.0", .fallback = "8080",
        .help = "Port to listen on; 0 takes a free one and says which",
    },
    [RP_OPT_NO_COLOR] = {
        .name = "--no-color", .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0", .fallback = "colours on a terminal",
        .help = "Print without colours, as NO_COLOR does",
    },
    [RP_OPT_HELP] = {
        .name = "--help", .short_name = 'h', .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0",
        .help = "Show help and exit",
    },
    [RP_OPT_VERSION] = {
        .name = "--version", .short_name = 'V', .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0",
        .help = "Show the version and exit",
    },
};
/* clang-format on */

static const struct rp_exit_note run_exits[] = {
    { 0, "the test passed" },
    { 1, "a threshold was breached" },
    { 2, "an iteration raised an exception other than a failed request" },
    { 3, "the command line, the script or its configuration is invalid" },
    { 4, "aborted by a signal or by the script" },
    { 5, "setup failed" },
    { 6, "an output failed or lost data" },
    { 7, "teardown failed" },
    { 8, "the generator itself was the limit, and --strict was given" },
    { 9, "internal error: a worker died or the accounting broke" },
    { 0, NULL },
};
static const struct rp_exit_note check_exits[] = {
    { 0, "the script is valid" },
    { 1, "it is not" },
    { 3, "the command line is invalid, or there is no such script" },
    { 9, "internal error" },
    { 0, NULL },
};
static const struct rp_exit_note doctor_exits[] = {
    { 0, "a test can run here, perhaps with warnings" },
    { 1, "it cannot" },
    { 3, "the command line is invalid" },
    { 6, "the report could not be written" },
    { 0, NULL },
};
static const struct rp_exit_note plain_exits[] = {
    { 0, "done" },
    { 3, "the command line, or what it names, is invalid" },
    { 6, "the output could not be written" },
    { 9, "internal error" },
    { 0, NULL },
};

static const struct rp_example run_examples[] = {
    { "as the script says", "rampa run load.py" },
    { "50 users for a minute", "rampa run load.py --vus 50 --duration 1m" },
    { "the same without a script", "rampa run http://127.0.0.1:8080/ --vus 50 --duration 1m" },
    { "up to 100 users in 30 seconds, a minute there, and down again",
      "rampa run load.py --stage 30s:100,1m:100,10s:0" },
    { "500 iterations a second, whatever the server does",
      "rampa run load.py --rate 500/s --duration 1m --max-vus 200" },
    { "100 iterations, then keep the result", "rampa run load.py -i 100 --out result.json" },
    { "one scenario, against another host",
      "rampa run load.py --scenario checkout --env BASE_URL=http://10.0.0.5:8080" },
    { "in CI: only errors, the exit code decides; 8 when rampa was the limit",
      "rampa run load.py --quiet --strict" },
    { NULL, NULL },
};
static const struct rp_example check_examples[] = {
    { "is it valid?", "rampa check load.py" },
    { "is it valid with these settings?", "rampa check load.py --vus 50 --duration 1m" },
    { NULL, NULL },
};
static const struct rp_example inspect_examples[] = {
    { "what would run, every default filled in", "rampa inspect load.py" },
    { "the same for a program", "rampa inspect load.py --format json | jq .scenarios" },
    { NULL, NULL },
};
static const struct rp_example doctor_examples[] = {
    { "what would limit a big test", "rampa doctor" },
    { "with the interpreter of a virtual environment", "rampa doctor --python .venv/bin/python" },
    { NULL, NULL },
};
static const struct rp_example target_examples[] = {
    { "a server to try a script on", "rampa target" },
    { "on a free port, printed on the first line", "rampa target --port 0" },
    { NULL, NULL },
};
static const struct rp_example completion_examples[] = {
    { "for this bash", "source <(rampa completion bash)" },
    { "for every zsh", "rampa completion zsh > ~/.zsh/completions/_rampa" },
    { NULL, NULL },
};
static const struct rp_example help_examples[] = {
    { "about a command", "rampa help run" },
    { NULL, NULL },
};
const struct rp_example rp_global_examples[] = {
    { "a server to try things on, in another terminal", "rampa target" },
    { "run a test as its script says", "rampa run load.py" },
    { "run it with 50 users for a minute", "rampa run load.py --vus 50 --duration 1m" },
    { "see what would limit a big test on this machine", "rampa doctor" },
    { NULL, NULL },
};

/* clang-format off: as above */
const struct rp_command rp_commands[RP_CMD_COUNT] = {
    [RP_CMD_RUN] = {
        .name = "run", .argument = RP_ARGUMENT_SCRIPT, .summary = "Run a load test",
        .description =
            "Runs the scenarios of a Python script, prints a summary and ends with an exit code "
            "that says how the test went. In place of a script it takes a URL: each iteration is one "
            "GET of it, without Python, and one that fails counts in http_req_failed.\n\n"
            "A setting is taken from the command line, else from the environment, else from the "
            "script, else from the defaults. The first Ctrl-C stops the test gracefully, with "
            "teardown and summary; the second stops it at once. SIGUSR1 pauses it, SIGUSR2 lets it "
            "go on.",
        .examples = run_examples, .exits = run_exits,
    },
    [RP_CMD_CHECK] = {
        .name = "check", .argument = RP_ARGUMENT_SCRIPT, .summary = "Validate a script without running it",
        .description =
            "Loads the script and checks its scenarios, thresholds and hooks. Nothing is run and "
            "no request is sent. The code at the top level of the script is executed, as it is by "
            "every command that loads it.",
        .examples = check_examples, .exits = check_exits,
    },
    [RP_CMD_INSPECT] = {
        .name = "inspect", .argument = RP_ARGUMENT_SCRIPT,
        .summary = "Show what a script would run, every default filled in",
        .description =
            "Prints the configuration of the test as it would run: what the script says, with the "
            "command line and the environment laid over it and every default filled in. Nothing "
            "is run and no request is sent.",
        .examples = inspect_examples, .exits = plain_exits,
    },
    [RP_CMD_DOCTOR] = {
        .name = "doctor", .summary = "Show what would limit a big test on this machine",
        .description =
            "Looks at the build, the event loop, the limits of the system, Python, the processors "
            "and the memory. For each it says what it would limit and which command lifts that. "
            "Changes nothing.",
        .examples = doctor_examples, .exits = doctor_exits,
    },
    [RP_CMD_TARGET] = {
        .name = "target", .summary = "Serve HTTP on loopback, to try scripts on",
        .description =
            "Starts a small HTTP server for first steps, tests and benchmarks. The first line that "
            "it prints says where it listens. Ctrl-C ends it.",
        .examples = target_examples, .exits = plain_exits,
    },
    [RP_CMD_COMPLETION] = {
        .name = "completion", .argument = "SHELL", .argument_choices = shells,
        .summary = "Print the completion script of a shell",
        .description =
            "Prints a script that lets bash or zsh complete the commands and options of rampa.",
        .examples = completion_examples, .exits = plain_exits,
    },
    [RP_CMD_HELP] = {
        .name = "help", .argument = "COMMAND", .argument_optional = true,
        .summary = "Show help about a command",
        .description = "Shows the same as 'rampa COMMAND --help'.",
        .examples = help_examples, .exits = plain_exits,
    },
};
/* clang-format on */

const struct rp_env_note rp_env_notes[] = {
    { "RAMPA_LOOP", "Event loop to use, io_uring or epoll, instead of the best that works" },
    { "RAMPA_PATIENCE",
      "How long a worker that does not answer is waited for, such as 5m; 10s when it is not set" },
    { "RAMPA_WIRE", "Encoding of the messages with workers, msgpack or json" },
    { "VIRTUAL_ENV", "Virtual environment whose interpreter runs scripts" },
    { "NO_COLOR", "When set and not empty: no colours" },
    { "COLUMNS", "Width of the output, instead of that of the terminal" },
    { NULL, NULL },
};

const struct rp_command *rp_command_find(const char *name)
{
    for (size_t i = 0; i < RP_CMD_COUNT; i++)
        if (strcmp(rp_commands[i].name, name) == 0)
            return &rp_commands[i];
    return NULL;
}

bool rp_option_belongs(const struct rp_option *option, const struct rp_command *command)
{
    if (!command)
        return option->commands == RP_IN_ALL;
    return option->commands & RP_IN(rp_command_id(command));
}
