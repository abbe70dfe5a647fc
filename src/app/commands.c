/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "app/cli.h"

/* The table of commands, with the examples and exit codes of each, and the environment variables
 * that stand in for no option. */

static const char *const agent_tasks[] = { "init", NULL };
static const char *const result_tasks[] = { "open", "slowest", "errors", NULL };
static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static const struct rp_exit_note run_exits[] = {
    { 0, "the test passed" },
    { 1, "a threshold was breached, or nothing succeeded" },
    { 2, "an iteration raised an exception other than a failed request" },
    { 3, "the command line, the script or its configuration is invalid" },
    { 4, "stopped by a signal, by the script or from outside" },
    { 5, "setup failed" },
    { 6, "an output failed or lost data" },
    { 7, "teardown failed" },
    { 8, "the generator itself was the limit, and --strict was given" },
    { 9, "internal error: a worker died or the accounting broke" },
    { 0, NULL },
};
static const struct rp_exit_note check_exits[] = {
    { 0, "the script is valid" },
    { 1, "it is not, or there is no such script" },
    { 3, "the command line is invalid" },
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
static const struct rp_exit_note compare_exits[] = {
    { 0, "nothing is worse" },
    { 1, "something is, or what --fail-on names has happened" },
    { 3, "the command line, or a file that it names, is invalid" },
    { 6, "the comparison could not be written" },
    { 9, "internal error" },
    { 0, NULL },
};
static const struct rp_exit_note control_exits[] = {
    { 0, "done" },
    { 1, "the run has refused, such as a pause when it is over" },
    { 3, "the command line is invalid, or there is no such run" },
    { 6, "the answer could not be written" },
    { 9, "internal error: the run does not answer" },
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
    { "1000 requests on 50 connections, with the header of a file",
      "rampa run http://127.0.0.1:8080/ -n 1000 -c 50 -H @token.txt" },
    { "post JSON; everything but 201 is a failure",
      "rampa run http://127.0.0.1:8080/post --json '{\"a\":1}' --expect-status 201 -d 30s" },
    { "one request, with all that is sent and received",
      "rampa run http://127.0.0.1:8080/ --once" },
    { "a method of gRPC",
      "rampa run grpc://127.0.0.1:8080/grpc.testing.TestService/EmptyCall -d 10s" },
    { "fail when more than one request in a hundred fails",
      "rampa run load.py --threshold 'http_req_failed:rate<=0.01'" },
    { "what a file lists", "rampa run --targets targets.txt --rate 100/s -d 1m" },
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
static const struct rp_example archive_examples[] = {
    { "load.rampa, with all that the script needs from its folder", "rampa archive load.py" },
    { "with a file that the script does not name",
      "rampa archive load.py --include certs/ -o test.rampa" },
    { "run it, here or elsewhere", "rampa run test.rampa --vus 50" },
    { NULL, NULL },
};
static const struct rp_example report_examples[] = {
    { "the page of a run, result.html", "rampa report result.json" },
    { "two runs side by side", "rampa report before.json after.json -o report.html" },
    { NULL, NULL },
};
static const struct rp_example result_examples[] = {
    { "what failed, each with an id", "rampa result errors result.json" },
    { "the requests by name, the slowest first", "rampa result slowest result.json" },
    { "the first exchange that was kept, whole", "rampa result open result.json x1" },
    { "how the run has ended, and which ids there are", "rampa result open result.json" },
    { NULL, NULL },
};
static const struct rp_example compare_examples[] = {
    { "is the new version slower?", "rampa compare before.json after.json" },
    { "beside several runs, whose differences show what is chance",
      "rampa compare mon.json tue.json wed.json today.json" },
    { "for the summary of a CI job",
      "rampa compare base.json result.json --format markdown >> \"$GITHUB_STEP_SUMMARY\"" },
    { NULL, NULL },
};
static const struct rp_example status_examples[] = {
    { "start a run that can be steered", "rampa run load.py --serve" },
    { "in another terminal: how far is it?", "rampa status" },
    { "the same for a program", "rampa status --format json | jq .vus" },
    { "a run on another machine",
      "rampa status https://load1.example:8443 --token-file token --cacert cert.pem" },
    { NULL, NULL },
};
static const struct rp_example stop_examples[] = {
    { "stop the only run", "rampa stop" },
    { "stop one of several, and say why", "rampa stop 5f0c7e52 --reason disk-full" },
    { NULL, NULL },
};
static const struct rp_example pause_examples[] = {
    { "let no iteration start until 'rampa resume'", "rampa pause" },
    { NULL, NULL },
};
static const struct rp_example resume_examples[] = {
    { "go on", "rampa resume" },
    { NULL, NULL },
};
static const struct rp_example adjust_examples[] = {
    { "50 users, until the present stage ends", "rampa adjust --vus 50" },
    { "another rate, to the end of the scenario",
      "rampa adjust --scenario search --rate 500/s --hold" },
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
static const struct rp_example demo_examples[] = {
    { "a first run", "rampa demo" },
    { NULL, NULL },
};
static const struct rp_example mcp_examples[] = {
    { "the command of a client's configuration", "rampa mcp" },
    { "with an interpreter that has the package mcp", "rampa mcp --python .venv/bin/python" },
    { "over HTTP, for clients on this machine", "FASTMCP_TRANSPORT=http rampa mcp" },
    { "with runs that outlive their client", "rampa mcp --at-end finish" },
    { NULL, NULL },
};
static const struct rp_example agent_examples[] = {
    { "in the folder of a project", "rampa agent init" },
    { NULL, NULL },
};
static const struct rp_example completion_examples[] = {
    { "for this bash", "source <(rampa completion bash)" },
    { "for every zsh", "rampa completion zsh > ~/.zsh/completions/_rampa" },
    { "for every fish", "rampa completion fish > ~/.config/fish/completions/rampa.fish" },
    { NULL, NULL },
};
static const struct rp_example help_examples[] = {
    { "about a command", "rampa help run" },
    { NULL, NULL },
};
const struct rp_example rp_global_examples[] = {
    { "a first run, against a server of its own", "rampa demo" },
    { "a server to try things on, in another terminal", "rampa target" },
    { "run a test as its script says", "rampa run load.py" },
    { "run it with 50 users for a minute", "rampa run load.py --vus 50 --duration 1m" },
    { "see what would limit a big test on this machine", "rampa doctor" },
    { NULL, NULL },
};

/* clang-format off: as above */
const struct rp_command rp_commands[RP_CMD_COUNT] = {
    [RP_CMD_RUN] = {
        .name = "run", .argument = RP_ARGUMENT_SCRIPT, .takes_urls = true, .file_endings = "py rampa",
        .summary = "Run a load test",
        .description =
            "Runs the scenarios of a Python script, prints a summary and ends with an exit code "
            "that says how the test went. In place of a script it takes one or more URLs: each "
            "iteration is one request, without Python, and one that fails counts in "
            "http_req_failed. Several URLs have their turns one after the other. With ws:// and wss:// "
            "an iteration sends a message and waits for its answer.\n\n"
            "A setting is taken from the command line, else from the environment, else from the "
            "script, else from the defaults. The first Ctrl-C stops the test gracefully, with "
            "teardown and summary; the second stops it at once. SIGUSR1 pauses it, SIGUSR2 lets it "
            "go on.",
        .examples = run_examples, .exits = run_exits,
    },
    [RP_CMD_CHECK] = {
        .name = "check", .argument = RP_ARGUMENT_SCRIPT, .takes_urls = true, .file_endings = "py rampa",
        .summary = "Validate a script without running it",
        .description =
            "Loads the script and checks its scenarios, thresholds and hooks. Nothing is run and "
            "no request is sent. The code at the top level of the script is executed, as it is by "
            "every command that loads it.",
        .examples = check_examples, .exits = check_exits,
    },
    [RP_CMD_INSPECT] = {
        .name = "inspect", .argument = RP_ARGUMENT_SCRIPT, .takes_urls = true, .file_endings = "py rampa",
        .summary = "Show what a script would run, every default filled in",
        .description =
            "Prints the configuration of the test as it would run: what the script says, with the "
            "command line and the environment laid over it and every default filled in. Nothing "
            "is run and no request is sent.",
        .examples = inspect_examples, .exits = plain_exits,
    },
    [RP_CMD_ARCHIVE] = {
        .name = "archive", .argument = "SCRIPT", .file_endings = "py",
        .summary = "Pack a script and what it needs into one file",
        .description =
            "Writes a file .rampa with the script, the modules that it imports from its folder, the files of its folder that it "
            "names, the versions of the packages that it imports, and the plan of the test. The commands run, check and inspect "
            "take it in place of a script. Packages are not in it, nor are files whose names begin with a dot or files elsewhere, "
            "but for those that --include names. An archive is code: running one executes it. Its checksum says that it is whole, "
            "and nothing of who has made it.",
        .examples = archive_examples, .exits = plain_exits,
    },
    [RP_CMD_REPORT] = {
        .name = "report", .argument = "RESULT", .more_arguments = 1, .file_endings = "",
        .summary = "Make a page of a result file, with plots",
        .description =
            "Reads what 'rampa run --out' has written and makes an HTML page of it: the verdict, plots over time, the distribution "
            "of durations, tables of requests, checks and errors. The page is one file that needs no network. With two results "
            "it shows both side by side, and what has changed.",
        .examples = report_examples, .exits = plain_exits,
    },
    [RP_CMD_RESULT] = {
        .name = "result", .argument = "WHAT", .argument_choices = result_tasks, .more_arguments = 2,
        .further = "RESULT [ID]", .file_endings = "",
        .summary = "Look at single things of a result file",
        .description =
            "Reads what 'rampa run --out' has written. WHAT errors lists what failed: kinds of failed requests (e1, e2) and exceptions "
            "of iterations (i1, i2). WHAT slowest lists requests by name (r1, r2), the one with the highest 95th percentile first. "
            "WHAT open shows the one thing with the ID, also an exchange that was kept of a failed request (x1, x2); without ID it says "
            "how the run has ended. An id is the place in its list of the file: it means the same for ever in one file, and nothing in "
            "another.",
        .examples = result_examples, .exits = plain_exits,
    },
    [RP_CMD_COMPARE] = {
        .name = "compare", .argument = "RESULT", .more_arguments = RP_COMPARE_FILES_MAX - 1, .file_endings = "",
        .summary = "Tell what has changed between runs from chance",
        .description =
            "Reads what 'rampa run --out' has written, and says of each number whether it is better or worse than before, has "
            "not changed, or cannot be told from chance. The last file is the current run, those before it are its base. Several "
            "base files also show how much the numbers differ from run to run. A base may be a summary of k6 too "
            "(--summary-export, handleSummary).",
        .examples = compare_examples, .exits = compare_exits,
    },
    [RP_CMD_STATUS] = {
        .name = "status", .argument = RP_ARGUMENT_RUN, .argument_optional = true,
        .summary = "Show how far a run is that was started with --serve",
        .description =
            "Asks a run of this user that goes on, on this machine. RUN is its id or the beginning of it; without it there must be "
            "one such run only. Runs with --serve say their id at the start. A run on another machine is named by its URL, and "
            "needs --token-file.",
        .examples = status_examples, .exits = control_exits,
    },
    [RP_CMD_STOP] = {
        .name = "stop", .argument = RP_ARGUMENT_RUN, .argument_optional = true,
        .summary = "Stop a run that was started with --serve",
        .description =
            "Stops a run as the first Ctrl-C does: iterations may end, teardown runs, the result is written, and the run ends with "
            "exit code 4. The command does not wait for that. RUN is as in 'rampa status'.",
        .examples = stop_examples, .exits = control_exits,
    },
    [RP_CMD_PAUSE] = {
        .name = "pause", .argument = RP_ARGUMENT_RUN, .argument_optional = true,
        .summary = "Pause a run that was started with --serve",
        .description =
            "No iteration of the run starts, and no time of its schedule goes by, until 'rampa resume'. RUN is as in 'rampa "
            "status'.",
        .examples = pause_examples, .exits = control_exits,
    },
    [RP_CMD_RESUME] = {
        .name = "resume", .argument = RP_ARGUMENT_RUN, .argument_optional = true,
        .summary = "Let a run go on that was paused",
        .description = "Ends a pause of 'rampa pause', or of the signal SIGUSR1. RUN is as in 'rampa status'.",
        .examples = resume_examples, .exits = control_exits,
    },
    [RP_CMD_ADJUST] = {
        .name = "adjust", .argument = RP_ARGUMENT_RUN, .argument_optional = true,
        .summary = "Change the load of a run while it goes on",
        .description =
            "Gives a scenario of a run that was started with --serve other VUs, or another rate, at one moment in all workers. It "
            "counts until the present stage of the scenario ends; with --hold, and where there are no stages, to the end. RUN is "
            "as in 'rampa status'.",
        .examples = adjust_examples, .exits = control_exits,
    },
    [RP_CMD_DOCTOR] = {
        .name = "doctor", .summary = "Show what would limit a big test on this machine",
        .description =
            "Looks at the runtime environment: the build, the event loop, the limits of the system, Python, the processors "
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
    [RP_CMD_DEMO] = {
        .name = "demo", .summary = "Run a first test against a server of its own",
        .description =
            "Starts a small server on this machine, says what is true of it (how many requests fail, and how long it takes to "
            "answer), runs a load test against it, and ends with exit code 0 when the test has "
            "found that. Needs no script, no Python and no server of yours.",
        .examples = demo_examples, .exits = run_exits,
    },
    [RP_CMD_MCP] = {
        .name = "mcp", .summary = "Serve AI agents by the Model Context Protocol",
        .description =
            "Lets AI agents look at scripts, start, steer and wait for runs, and read and compare results. It speaks over standard "
            "input and output, or over HTTP with FASTMCP_TRANSPORT=http. The folder that it is started in, or that RAMPA_MCP_ROOT "
            "names, is the only one whose files it reads and in which it makes new ones. It needs the package mcp in the "
            "interpreter that runs it: pip install 'mcp>=2,<3'. All variables are in docs/mcp.md.",
        .examples = mcp_examples, .exits = plain_exits,
    },
    [RP_CMD_AGENT] = {
        .name = "agent", .argument = "TASK", .argument_choices = agent_tasks,
        .summary = "Prepare a project for AI agents",
        .description =
            "With the task init it makes two files in the current folder: .mcp.json, which tells agents of the server of 'rampa mcp', "
            "and .claude/skills/rampa/SKILL.md, which says how to write, run and judge load tests. A file that exists is left as it is. "
            "With --python the entry of the server has that interpreter.",
        .examples = agent_examples, .exits = plain_exits,
    },
    [RP_CMD_COMPLETION] = {
        .name = "completion", .argument = "SHELL", .argument_choices = shells,
        .summary = "Print the completion script of a shell",
        .description =
            "Prints a script that lets bash, zsh or fish complete the commands and options of rampa. "
            "An installation puts the three where the shells look for them.",
        .examples = completion_examples, .exits = plain_exits,
    },
    [RP_CMD_HELP] = {
        .name = "help", .argument = RP_ARGUMENT_COMMAND, .argument_optional = true,
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
    { "INFLUX_TOKEN",
      "Token of --output influxdb; INFLUX_ORG and INFLUX_BUCKET: its other options" },
    { "RAMPA_INFLUXDB_HEADER", "A header field of the requests of --output influxdb, NAME: VALUE" },
    { "RAMPA_OTEL_HEADER", "The same of --output otel" },
    { "OTEL_EXPORTER_OTLP_ENDPOINT",
      "Where --output otel sends to; more variables of OpenTelemetry: docs/outputs.md" },
    { "RAMPA_PROMETHEUS_HEADER", "The same of --output prometheus" },
    { "RAMPA_WEBHOOK_HEADER", "The same of --output webhook" },
    { "http_proxy, https_proxy, all_proxy, no_proxy",
      "Proxies of --output, and hosts that are reached without; requests of the run do not read "
      "them" },
    { "FASTMCP_TRANSPORT", "How rampa mcp speaks, stdio or http; FASTMCP_HOST and FASTMCP_PORT: "
                           "where it listens" },
    { "RAMPA_MCP_ROOT",
      "Folder of the files of rampa mcp; more variables that begin with RAMPA_MCP_: docs/mcp.md" },
    { "VIRTUAL_ENV", "Virtual environment whose interpreter runs scripts" },
    { "NO_COLOR", "When set and not empty: no colours" },
    { "AI_AGENT", "When set and not empty, and the summary goes to no terminal: a short one; also "
                  "CLAUDECODE, CODEX_SANDBOX, "
                  "CODEX_THREAD_ID, CURSOR_AGENT, GEMINI_CLI" },
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
