/* SPDX-License-Identifier: MIT */

/* `rampa archive`: the plan of the script, and then the package, which finds and packs its files. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "app/python_tool.h"
#include "app/run.h"
#include "base/alloc.h"
#include "run/result.h"

enum { PLAN_MAX = 256 << 20 };

/* "tests/load.py" -> "load.rampa" */
static int append_default_path(const char *script, struct rp_buf *out)
{
    const char *slash = strrchr(script, '/'), *name = slash ? slash + 1 : script;

    rp_buf_append(out, name, strlen(name) - strlen(".py"));
    rp_buf_append_str(out, ".rampa");
    return out->error;
}

static int pack(const struct rp_run_options *options, const char *path, struct rp_slice plan,
                struct rp_error *err)
{
    const char **words = rp_calloc(options->included_count + 6, sizeof(*words));
    struct rp_python_tool tool = { 0 };
    struct rp_buf answer;
    size_t count = 0;
    int r;

    if (!words)
        return -ENOMEM;
    words[count++] = "rampa._archive_tool";
    words[count++] = "pack";
    words[count++] = RAMPA_VERSION;
    words[count++] = options->script;
    words[count++] = path;
    for (size_t i = 0; i < options->included_count; i++)
        words[count++] = options->included[i].value;
    rp_buf_init(&answer, RP_PYTHON_TOOL_ANSWER);
    r = rp_python_tool_start(&tool, options->python, words, plan, &answer, err);
    rp_python_tool_end(&tool);
    if (r == 0)
        fprintf(stderr, "wrote %s with %.*s files\n", path, (int)strcspn(rp_buf_str(&answer), "\n"),
                rp_buf_str(&answer));
    rp_buf_deinit(&answer);
    rp_free(words);
    return r;
}

int rp_cmd_archive(const struct rp_run_options *options)
{
    struct rp_error err = { 0 };
    struct rp_buf plan, fallback;
    struct rp_plan *loaded;
    const char *path = options->archive;
    int r = rp_load_plan(options, &loaded);
    bool is_unwritten;

    if (r < 0)
        return r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    rp_buf_init(&plan, PLAN_MAX);
    rp_buf_init(&fallback, PATH_MAX);
    r = rp_plan_write_inspection(loaded, &plan);
    rp_plan_free(loaded);
    if (r == 0 && !path)
        r = append_default_path(options->script, &fallback);
    if (r == 0)
        r = pack(options, path ? path : rp_buf_str(&fallback), rp_buf_slice(&plan), &err);
    is_unwritten = r == -EIO && err.message;
    if (r < 0 && !err.message)
        rp_error_set(&err, r, "cannot make the archive: %s", strerror(-r));
    rp_error_print(stderr, &err, options->error_color);
    rp_error_deinit(&err);
    rp_buf_deinit(&plan);
    rp_buf_deinit(&fallback);
    return r == 0           ? RP_EXIT_PASSED
           : is_unwritten   ? RP_EXIT_OUTPUT
           : r == -RP_EUSER ? RP_EXIT_CONFIG
                            : RP_EXIT_INTERNAL;
}
