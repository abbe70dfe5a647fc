/* SPDX-License-Identifier: MIT */
#include "app/worker_start.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/python_find.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "coordinator/process.h"
#include "plan/duration.h"

/* What the interpreter runs. Python puts the current folder, which is "", before its own library:
 * nothing is imported from there, as with `python3 script.py`. The files of an archive stand in a
 * folder, which is the current one of its script. An interpreter without the extension says so in one
 * sentence instead of a traceback. */
static const char program[] =
    "import sys\n"
    "sys.path[:1] = filter(None, sys.path[:1])\n"
    "if len(sys.argv) > 1:\n"
    "    import os\n"
    "    os.chdir(sys.argv.pop())\n"
    "try:\n"
    "    from rampa._worker import main\n"
    "except ImportError as e:\n"
    "    if e.name not in ('rampa', '_rampa', 'rampa._worker'): raise\n"
    "    sys.exit(f'{sys.executable} (Python {sys.version.split()[0]}) has no rampa: {e}')\n"
    "main(%d)\n";

static char *format_program(void)
{
    struct rp_buf text;

    rp_buf_init(&text, 4096);
    rp_buf_appendf(&text, program, RP_PROCESS_CONTROL_FD);
    return rp_buf_take(&text);
}

static char *format_hint(const char *python)
{
    struct rp_buf text;

    rp_buf_init(&text, 4096);
    rp_buf_appendf(
        &text,
        "the worker runs '%s'; install rampa for it (in a virtual environment: pip install "
        "FOLDER, the folder of rampa's sources) or choose another interpreter with --python or "
        "RAMPA_PYTHON",
        python);
    return rp_buf_take(&text);
}

static int start_python(const struct rp_run_options *options, struct rp_worker_start *ret)
{
    int r = rp_python_use_package();

    *ret = (struct rp_worker_start){ { NULL } };
    if (r < 0)
        return r;
    ret->argv[0] = rp_strdup(options->python);
    ret->argv[1] = rp_strdup("-u");
    ret->argv[2] = rp_strdup("-c");
    ret->argv[3] = format_program();
    ret->hint = format_hint(options->python);
    if (options->folder)
        ret->argv[4] = rp_strdup(options->folder);
    if (ret->argv[0] && ret->argv[1] && ret->argv[2] && ret->argv[3] && ret->hint &&
        (ret->argv[4] || !options->folder))
        return 0;
    rp_worker_start_deinit(ret);
    return -ENOMEM;
}

/* The path of this program by its name, so that the process is called rampa. The file may have been
 * replaced or moved since the program was started. */
static char *this_program(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[len > 0 ? len : 0] = '\0';
    return rp_strdup(access(path, X_OK) == 0 ? path : "/proc/self/exe");
}

static int start_rampa(struct rp_worker_start *ret)
{
    *ret = (struct rp_worker_start){ { NULL } };
    ret->argv[0] = this_program();
    ret->argv[1] = rp_strdup(RP_WORKER_WORD);
    if (ret->argv[0] && ret->argv[1])
        return 0;
    rp_worker_start_deinit(ret);
    return -ENOMEM;
}

int rp_worker_start_for(const struct rp_run_options *options, struct rp_worker_start *ret)
{
    return options->requests.len ? start_rampa(ret) : start_python(options, ret);
}

int rp_worker_patience(rp_ns *ret, struct rp_error *err)
{
    const char *text = getenv("RAMPA_PATIENCE");
    int r;

    *ret = 0;
    if (!text || !*text)
        return 0;
    r = rp_duration_parse(rp_slice_str(text), ret, err);
    if (r == -RP_EUSER) {
        rp_error_set(err, r,
                     "the environment variable RAMPA_PATIENCE is '%s', which is no duration", text);
        rp_error_hint(err, "\"30s\" and \"5m\" are");
    }
    return r;
}

void rp_worker_start_deinit(struct rp_worker_start *start)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(start->argv); i++)
        rp_free(start->argv[i]);
    rp_free(start->hint);
    *start = (struct rp_worker_start){ { NULL } };
}
