/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/process.h - a worker process: started with a control socket as descriptor 3, its
 * output read line by line, its end noticed by the loop.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "coordinator/peer_kind.h"
#include "loop/loop.h"

struct rp_process;

struct rp_process_events {
    /* A line (without its end) that the process wrote. */
    void (*line)(struct rp_process *process, bool is_stderr, const char *text);
    /* It has ended; all its output was delivered, and what was left of its process group is killed.
     * @status as of waitpid. */
    void (*ended)(struct rp_process *process, int status);
};

enum { RP_PROCESS_CONTROL_FD = 3 };

struct rp_process_pipe {
    struct rp_process *process;
    struct rp_watch watch;
    struct rp_buf line;
    int fd;
};

struct rp_process { /* embedded, zeroed before the start */
    const struct rp_process_events *events;
    struct rp_loop *loop;
    pid_t pid; /* 0 when not running */
    int pidfd;
    struct rp_watch exit_watch;
    struct rp_process_pipe out, err;
    /* The end of what it wrote to stderr, RP_LAST_WORDS_MAX bytes at most. */
    struct rp_buf last_words;
};

/* Starts @argv (found on PATH) in a process group of its own, standard input closed, SIGINT and
 * SIGTERM unblocked. *ret_control is our end of the control socket. -errno; -ENOENT when there is
 * no such program. */
RP_NODISCARD int rp_process_start(struct rp_process *process, struct rp_loop *loop,
                                  char *const argv[], const struct rp_process_events *events,
                                  int *ret_control);
void rp_process_kill(struct rp_process *process, int signal); /* no-op when not running */
/* To the process alone, and nothing happens when it does not listen: SIGURG. */
void rp_process_remind(struct rp_process *process);
/* Whether it runs no more; ended() may still be to come. */
bool rp_process_has_ended(const struct rp_process *process);
/* Whether a signal has stopped it, so that it waits for SIGCONT. */
bool rp_process_is_stopped(const struct rp_process *process);
/* Kills it if it runs, waits for it, frees everything; ended() is not called. */
void rp_process_deinit(struct rp_process *process);
/* "exited with status 1", "was killed by signal 9 (Killed)" into @out. */
void rp_process_describe_status(int status, char *out, size_t size);
