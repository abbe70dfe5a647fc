/* SPDX-License-Identifier: MIT */
#include "app/archive.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/script_file.h"
#include "base/alloc.h"

bool rp_script_is_archive(const char *script)
{
    size_t len = strlen(script), end = strlen(".rampa");

    return len > end && strcmp(script + len - end, ".rampa") == 0;
}

/* Its script is in another folder than the command line. */
static int make_absolute(struct rp_override *given, char **ret)
{
    char here[PATH_MAX];
    struct rp_buf path;

    if (!given->value || given->value[0] == '/')
        return 0;
    if (!getcwd(here, sizeof(here)))
        return -errno;
    rp_buf_init(&path, (size_t)2 * PATH_MAX);
    rp_buf_appendf(&path, "%s/%s", here, given->value);
    *ret = rp_buf_take(&path);
    rp_buf_deinit(&path);
    if (!*ret)
        return -ENOMEM;
    given->value = *ret;
    return 0;
}

static int keep_paths(struct rp_archive *archive, struct rp_overrides *overrides)
{
    struct rp_override *const options[] = { &overrides->tls_ca, &overrides->tls_cert,
                                            &overrides->tls_key, &overrides->tls_keylog };
    int r = 0;

    _Static_assert(RP_ARRAY_LEN(options) == RP_ARRAY_LEN(archive->paths), "a path for each option");
    for (size_t i = 0; r == 0 && i < RP_ARRAY_LEN(options); i++)
        r = make_absolute(options[i], &archive->paths[i]);
    return r;
}

/* "FOLDER\nSCRIPT\n" */
static int take_answer(struct rp_archive *archive, struct rp_slice answer)
{
    const char *end = answer.len ? memchr(answer.ptr, '\n', answer.len) : NULL;
    const char *last = end ? memchr(end + 1, '\n', answer.len - (size_t)(end + 1 - answer.ptr))
                           : NULL;

    if (!last)
        return -EBADMSG;
    archive->folder = rp_strndup(answer.ptr, (size_t)(end - answer.ptr));
    archive->script = rp_strndup(end + 1, (size_t)(last - end - 1));
    return archive->folder && archive->script ? 0 : -ENOMEM;
}

static int check_script(const struct rp_archive *archive, struct rp_error *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", archive->folder, archive->script) >=
        (int)sizeof(path))
        return rp_error_set(err, -RP_EUSER, "the name of its script is too long");
    return rp_script_file_check(path, err);
}

int rp_archive_open(struct rp_archive *ret, struct rp_run_options *options, struct rp_error *err)
{
    const char *const words[] = { "rampa._archive_tool", "unpack", options->script, NULL };
    struct rp_buf answer;
    int r;

    rp_error_place(err, options->script, 0);
    rp_buf_init(&answer, RP_PYTHON_TOOL_ANSWER);
    r = rp_python_tool_start(&ret->tool, options->python, words, rp_slice(NULL, 0), &answer, err);
    if (r == 0)
        r = take_answer(ret, rp_buf_slice(&answer));
    rp_buf_deinit(&answer);
    if (r == 0)
        r = check_script(ret, err);
    if (r == 0)
        r = keep_paths(ret, &options->overrides);
    if (r < 0)
        return r;
    options->script = ret->script;
    options->folder = ret->folder;
    return 0;
}

void rp_archive_close(struct rp_archive *archive)
{
    rp_python_tool_end(&archive->tool);
    rp_free(archive->folder);
    rp_free(archive->script);
    for (size_t i = 0; i < RP_ARRAY_LEN(archive->paths); i++)
        rp_free(archive->paths[i]);
    *archive = (struct rp_archive){ 0 };
}
