/* SPDX-License-Identifier: MIT */

/* `rampa mcp` and `rampa agent`: this process becomes the interpreter that runs what the package has
 * for AI agents. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "app/app.h"
#include "app/cli.h"
#include "app/python_find.h"
#include "app/run.h"
#include "app/term.h"
#include "base/alloc.h"
#include "run/result.h"

/* The first word is the command, the second one the path of this program, which the server runs tests
 * with, and the third one the interpreter that was asked for, or nothing. */
static const char program[] =
    "import sys\n"
    "sys.path[:1] = filter(None, sys.path[:1])\n"
    "try:\n"
    "    from rampa.mcp import __main__, _agent\n"
    "except ImportError as e:\n"
    "    print(f'error: {sys.executable} (Python {sys.version.split()[0]}) has no rampa: {e}',\n"
    "          '  choose an interpreter with --python or RAMPA_PYTHON', sep='\\n', "
    "file=sys.stderr)\n"
    "    sys.exit(3)\n"
    "sys.exit(_agent.main(sys.argv[3]) if sys.argv[1] == 'agent' else "
    "__main__.main(sys.argv[2]))\n";

static int become(const char *python, const char *command, const char *asked)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *argv[] = { (char *)python,
                     (char *)"-c",
                     (char *)program,
                     (char *)command,
                     exe,
                     (char *)(asked ? asked : ""),
                     NULL };

    if (len < 0)
        return -errno;
    exe[len] = '\0';
    /* The scripts run in the same interpreter. */
    if (setenv("RAMPA_PYTHON", python, 1) < 0)
        return -errno;
    execvp(python, argv);
    return -errno;
}

/* Why nobody can speak to the server by standard input and output, or NULL. Both closed from the start is a client that has gone. */
static const char *what_is_wrong(void)
{
    int input = fcntl(STDIN_FILENO, F_GETFL), output = fcntl(STDOUT_FILENO, F_GETFL);
    struct stat st = { 0 };

    if (input < 0)
        return NULL;
    if (fstat(STDIN_FILENO, &st) == 0 && S_ISDIR(st.st_mode))
        return "standard input is a folder";
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        return "standard input is /dev/null";
    if ((input & O_ACCMODE) == O_WRONLY)
        return "standard input cannot be read from";
    if (output < 0 || (output & O_ACCMODE) == O_RDONLY)
        return "standard output cannot be written to";
    return NULL;
}

static bool speaks_http(void)
{
    const char *transport = getenv("FASTMCP_TRANSPORT");

    return transport && *transport && strcmp(transport, "stdio") != 0;
}

/* Python does not even start when standard input is a folder. Who reads nothing there gets another one. */
static int leave_folder(void)
{
    struct stat st;
    int null, r = 0;

    if (fstat(STDIN_FILENO, &st) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        r = -errno;
    if (null >= 0)
        close(null);
    return r;
}

static int check_streams(const struct rp_cli *cli, struct rp_error *err)
{
    bool is_spoken_to = strcmp(cli->command->name, "mcp") == 0 && !speaks_http();
    const char *wrong = is_spoken_to ? what_is_wrong() : NULL;

    if (!wrong)
        return leave_folder();
    rp_error_set(err, -RP_EUSER, "%s, so no client can speak to 'rampa mcp'", wrong);
    rp_error_hint(err, "have an MCP client start it, or serve HTTP with FASTMCP_TRANSPORT=http");
    return -RP_EUSER;
}

int rp_cmd_mcp(const struct rp_cli *cli)
{
    struct rp_error err = { 0 };
    char *python = NULL;
    const char *at_end = rp_cli_value(cli, RP_OPT_AT_END).value;
    const char *asked = rp_cli_value(cli, RP_OPT_PYTHON).value;
    int r = check_streams(cli, &err);

    if (r == 0)
        r = rp_python_find(asked, &python);
    if (r == 0)
        r = rp_python_use_package();
    /* An option is for the server what the variable is, which the parser has checked. */
    if (r == 0 && at_end && setenv("RAMPA_MCP_AT_END", at_end, 1) < 0)
        r = -errno;
    if (r == 0) {
        r = become(python, cli->command->name, asked);
        rp_error_set(&err, -RP_EUSER, "cannot start '%s': %s", python, strerror(-r));
        rp_error_hint(&err, "choose an interpreter with --python or RAMPA_PYTHON");
    }
    if (!err.message)
        rp_error_set(&err, r, "cannot start the interpreter: %s", strerror(-r));
    rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
    rp_error_deinit(&err);
    rp_free(python);
    return r == -ENOMEM ? RP_EXIT_INTERNAL : RP_EXIT_CONFIG;
}
