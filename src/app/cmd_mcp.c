/* SPDX-License-Identifier: MIT */

/* `rampa mcp` and `rampa agent`: this process becomes the interpreter that runs what the package has
 * for AI agents. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/cli.h"
#include "app/python_find.h"
#include "app/run.h"
#include "app/term.h"
#include "base/alloc.h"
#include "run/result.h"

/* The first word is the command, the second one the path of this program, which the server runs tests
 * with. */
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
    "sys.exit(_agent.main() if sys.argv[1] == 'agent' else __main__.main(sys.argv[2]))\n";

static int become(const char *python, const char *command)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *argv[] = { (char *)python, (char *)"-c", (char *)program, (char *)command, exe, NULL };

    if (len < 0)
        return -errno;
    exe[len] = '\0';
    /* The scripts run in the same interpreter. */
    if (setenv("RAMPA_PYTHON", python, 1) < 0)
        return -errno;
    execvp(python, argv);
    return -errno;
}

int rp_cmd_mcp(const struct rp_cli *cli)
{
    struct rp_error err = { 0 };
    char *python = NULL;
    const char *at_end = rp_cli_value(cli, RP_OPT_AT_END).value;
    int r = rp_python_find(rp_cli_value(cli, RP_OPT_PYTHON).value, &python);

    if (r == 0)
        r = rp_python_use_package();
    /* An option is for the server what the variable is, which the parser has checked. */
    if (r == 0 && at_end && setenv("RAMPA_MCP_AT_END", at_end, 1) < 0)
        r = -errno;
    if (r == 0) {
        r = become(python, cli->command->name);
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
