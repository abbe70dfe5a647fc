/* SPDX-License-Identifier: MIT */
#include "coordinator/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 * 1024, READ_BYTES = 16 * 1024 };

extern char **environ;

/* ---- its output ------------------------------------------------------------------------------ */

static void keep_last_words(struct rp_process *process, const char *line)
{
    struct rp_buf *words = &process->last_words;
    size_t len = strlen(line);

    if (len > RP_LAST_WORDS_MAX / 2)
        len = RP_LAST_WORDS_MAX / 2;
    if (words->len + len + 1 > RP_LAST_WORDS_MAX)
        rp_buf_consume(words, words->len + len + 1 - RP_LAST_WORDS_MAX);
    rp_buf_append(words, line, len);
    rp_buf_append_str(words, "\n");
}

static void emit(struct rp_process_pipe *pipe)
{
    struct rp_process *process = pipe->process;
    bool is_stderr = pipe == &process->err;

    if (is_stderr)
        keep_last_words(process, rp_buf_str(&pipe->line));
    process->events->line(process, is_stderr, rp_buf_str(&pipe->line));
    rp_buf_reset(&pipe->line);
}

static void take_output(struct rp_process_pipe *pipe, const char *text, size_t len)
{
    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t part = end ? (size_t)(end - text) : len;
        size_t room = LINE_MAX_BYTES - pipe->line.len;

        bool is_too_long = part > room; /* then the rest begins another line */

        if (is_too_long) {
            part = room;
            end = NULL;
        }
        rp_buf_append(&pipe->line, text, part);
        if (end || is_too_long)
            emit(pipe);
        part += end != NULL;
        text += part;
        len -= part;
    }
}

static void close_pipe(struct rp_process_pipe *pipe)
{
    if (pipe->fd < 0)
        return;
    rp_watch_stop(&pipe->watch);
    close(pipe->fd);
    pipe->fd = -1;
}

/* @most bytes at most: one that never stops printing would keep the loop for ever. */
static void read_pipe(struct rp_process_pipe *pipe, size_t most)
{
    char text[READ_BYTES];

    while (pipe->fd >= 0 && most > 0) {
        ssize_t n = read(pipe->fd, text, most < sizeof(text) ? most : sizeof(text));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_pipe(pipe);
            return;
        }
        most -= (size_t)n;
        take_output(pipe, text, (size_t)n);
    }
}

/* The loop comes back while there is more. */
static void pipe_ready(struct rp_watch *watch, unsigned ready)
{
    read_pipe(rp_container_of(watch, struct rp_process_pipe, watch), READ_BYTES);
}

/* What has been written by now. Grandchildren may hold the other end open, so neither its end is
 * waited for nor what they still write. */
static void read_rest(struct rp_process_pipe *pipe)
{
    int waiting = 0;

    if (pipe->fd >= 0 && ioctl(pipe->fd, FIONREAD, &waiting) == 0)
        read_pipe(pipe, (size_t)waiting);
    if (pipe->line.len)
        emit(pipe);
    close_pipe(pipe);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void exited(struct rp_watch *watch, unsigned ready)
{
    struct rp_process *process = rp_container_of(watch, struct rp_process, exit_watch);
    int status = 0;

    rp_watch_stop(watch);
    /* What it has started and left behind goes with it. While nobody has waited for it, the number
     * is still its own. */
    rp_process_kill(process, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    process->pid = 0;
    close(process->pidfd);
    process->pidfd = -1;
    read_rest(&process->out);
    read_rest(&process->err);
    process->events->ended(process, status);
}

void rp_process_kill(struct rp_process *process, int signal)
{
    if (process->pid > 0)
        kill(-process->pid, signal);
}

void rp_process_remind(struct rp_process *process)
{
    if (process->pid > 0)
        kill(process->pid, SIGURG);
}

bool rp_process_has_ended(const struct rp_process *process)
{
    struct pollfd wait = { .fd = process->pidfd, .events = POLLIN };

    return process->pid <= 0 || poll(&wait, 1, 0) > 0;
}

/* The state as /proc has it: 'R', 'S', 'T', ...; 0 when it cannot be told. */
static char state_of(pid_t pid)
{
    char path[40], text[512], *end;
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    end = strrchr(text, ')'); /* of the name, which may have anything in it */
    return end && end[1] == ' ' ? end[2] : 0;
}

bool rp_process_is_stopped(const struct rp_process *process)
{
    return process->pid > 0 && state_of(process->pid) == 'T';
}

void rp_process_deinit(struct rp_process *process)
{
    if (!process->events)
        return;
    if (process->pid > 0) {
        rp_process_kill(process, SIGKILL);
        rp_watch_stop(&process->exit_watch);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        process->pid = 0;
        close(process->pidfd);
    }
    close_pipe(&process->out);
    close_pipe(&process->err);
    rp_buf_deinit(&process->out.line);
    rp_buf_deinit(&process->err.line);
    rp_buf_deinit(&process->last_words);
    process->events = NULL;
}

void rp_process_describe_status(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, size, "exited with status %d", WEXITSTATUS(status));
}

/* ---- its start ------------------------------------------------------------------------------- */

struct ends { /* descriptors of both sides; -1 = not open */
    int control[2], out[2], err[2];
};

static void close_ends(struct ends *ends)
{
    int *all = (int *)ends;

    for (size_t i = 0; i < sizeof(*ends) / sizeof(int); i++)
        if (all[i] >= 0)
            close(all[i]);
}

static int open_ends(struct ends *ends)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->control) < 0 ||
        pipe2(ends->out, O_CLOEXEC) < 0 || pipe2(ends->err, O_CLOEXEC) < 0)
        return -errno;
    return 0;
}

static int spawn(const struct ends *ends, char *const argv[], pid_t *ret)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    int r;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends->out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends->err[1], STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends->control[1], RP_PROCESS_CONTROL_FD);
    r = posix_spawnp(ret, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return -r;
}

/* dup2 onto itself would leave CLOEXEC set, and onto another end would close it: our ends stay
 * above. */
static int move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, RP_PROCESS_CONTROL_FD + 1);

    if (moved < 0)
        return -errno;
    close(*fd);
    *fd = moved;
    return 0;
}

static int watch_pipe(struct rp_process *process, struct rp_process_pipe *pipe, int *fd)
{
    pipe->process = process;
    pipe->fd = *fd;
    *fd = -1;
    rp_buf_init(&pipe->line, LINE_MAX_BYTES);
    if (fcntl(pipe->fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return rp_watch_start(process->loop, &pipe->watch, pipe->fd, RP_READABLE, pipe_ready);
}

static int watch_all(struct rp_process *process, struct ends *ends)
{
    int r = watch_pipe(process, &process->out, &ends->out[0]);

    if (r == 0)
        r = watch_pipe(process, &process->err, &ends->err[0]);
    if (r < 0)
        return r;
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->pidfd < 0)
        return -errno;
    return rp_watch_start(process->loop, &process->exit_watch, process->pidfd, RP_READABLE, exited);
}

int rp_process_start(struct rp_process *process, struct rp_loop *loop, char *const argv[],
                     const struct rp_process_events *events, int *ret_control)
{
    struct ends ends = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    int r = open_ends(&ends);

    process->events = events;
    process->loop = loop;
    process->pidfd = process->out.fd = process->err.fd = -1;
    rp_buf_init(&process->last_words, RP_LAST_WORDS_MAX * 2);
    for (int *fd = (int *)&ends; r == 0 && fd < (int *)(&ends + 1); fd++)
        r = move_up(fd);
    if (r == 0)
        r = spawn(&ends, argv, &process->pid);
    if (r == 0)
        r = watch_all(process, &ends);
    if (r == 0) {
        *ret_control = ends.control[0];
        ends.control[0] = -1;
    }
    close_ends(&ends);
    if (r < 0)
        rp_process_deinit(process);
    return r;
}
