/* SPDX-License-Identifier: MIT */
#include "app/python_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/python_find.h"

static const char program[] =
    "import importlib, sys\n"
    "sys.path[:1] = filter(None, sys.path[:1])\n"
    "try:\n"
    "    main = importlib.import_module(sys.argv[1]).main\n"
    "except ImportError as e:\n"
    "    sys.exit(f'{sys.executable} (Python {sys.version.split()[0]}) has no rampa: {e}')\n"
    "sys.exit(main(sys.argv[2:]))\n";

static int spawn(struct rp_python_tool *tool, const char *python, const char *const *words,
                 int input, int output)
{
    const char *argv[RP_PYTHON_TOOL_WORDS + 4] = { python, "-c", program };
    posix_spawn_file_actions_t actions;
    int r;

    for (size_t i = 0; words[i]; i++) {
        if (i == RP_PYTHON_TOOL_WORDS)
            return -E2BIG;
        argv[3 + i] = words[i];
    }
    r = posix_spawn_file_actions_init(&actions);
    if (r)
        return -r;
    r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!r)
        r = posix_spawnp(&tool->pid, python, &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

static int write_all(int fd, struct rp_slice text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EPIPE ? 0 : -errno; /* its answer says why */
        text = rp_slice(text.ptr + n, text.len - (size_t)n);
    }
    return 0;
}

static int read_all(int fd, struct rp_buf *ret)
{
    char piece[4096];
    ssize_t n;

    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        rp_buf_append(ret, piece, (size_t)n);
    }
    return ret->error;
}

static struct rp_slice take_line(struct rp_slice *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct rp_slice line = rp_slice(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);

    *rest = end ? rp_slice(end + 1, rest->len - line.len - 1) : rp_slice(NULL, 0);
    return line;
}

/* Leaves in @answer what stands behind "ok". */
static int judge(const char *python, struct rp_buf *answer, struct rp_error *err)
{
    struct rp_slice rest = rp_buf_slice(answer), line = take_line(&rest), hint;
    int r = rp_slice_eq(line, RP_SLICE("failed")) ? -EIO : -RP_EUSER;

    if (rp_slice_eq(line, RP_SLICE("ok"))) {
        rp_buf_consume(answer, answer->len - rest.len);
        return answer->error;
    }
    if (r == -RP_EUSER && !rp_slice_eq(line, RP_SLICE("error"))) {
        rp_error_set(err, -RP_EUSER, "'%s', the Python that does this for rampa, gave no answer",
                     python);
        rp_error_hint(err, "choose an interpreter that has rampa with --python or RAMPA_PYTHON");
        return -RP_EUSER;
    }
    line = take_line(&rest);
    hint = take_line(&rest);
    rp_error_set(err, r, "%.*s", RP_SLICE_FMT(line));
    if (hint.len)
        rp_error_hint(err, "%.*s", RP_SLICE_FMT(hint));
    return r;
}

static void close_pipe(int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int rp_python_tool_start(struct rp_python_tool *tool, const char *python, const char *const *words,
                         struct rp_slice text, struct rp_buf *ret_answer, struct rp_error *err)
{
    int input[2] = { -1, -1 }, output[2] = { -1, -1 };
    int r = rp_python_use_package();

    *tool = (struct rp_python_tool){ .input = -1 };
    if (r == 0 && (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0))
        r = -errno;
    if (r == 0)
        r = spawn(tool, python, words, input[0], output[1]);
    if (r < 0) {
        close_pipe(input);
        close_pipe(output);
        return rp_error_set(err, r == -ENOMEM ? r : -RP_EUSER, "cannot start '%s': %s", python,
                            strerror(-r));
    }
    close(input[0]);
    close(output[1]);
    tool->input = input[1];
    if (text.len) {
        r = write_all(tool->input, text);
        close(tool->input);
        tool->input = -1;
    }
    if (r == 0)
        r = read_all(output[0], ret_answer);
    close(output[0]);
    if (r == 0)
        r = judge(python, ret_answer, err);
    if (r < 0)
        rp_python_tool_end(tool);
    return r;
}

void rp_python_tool_end(struct rp_python_tool *tool)
{
    int status;

    if (tool->pid <= 0)
        return;
    if (tool->input >= 0)
        close(tool->input);
    while (waitpid(tool->pid, &status, 0) < 0 && errno == EINTR)
        ;
    tool->pid = 0;
}
