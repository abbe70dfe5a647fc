/* SPDX-License-Identifier: MIT */
/*
 * The command demo: a server of which the truth is known, and a run that has to find it. The run is
 * an ordinary one, begun with the words that a user would type.
 */
#include "app/app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/term.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/str.h"
#include "run/result.h"

/* 500 requests: by the weights 300, 150 and 50. */
static const struct {
    const char *name, *path, *truth;
    unsigned weight;
} pages[] = {
    { "slow", "/delay/20", "answered after 20 ms", 6 },
    { "quick", "/", "answered at once", 3 },
    { "broken", "/status/503", "answered with status 503", 1 },
};
static const char *const truths[] = {
    "http_reqs:count==500",
    "http_reqs{name:slow}:count==300",
    "http_reqs{name:broken}:count==50",
    "http_req_failed:rate==0.1",
    "http_req_failed{name:broken}:rate==1",
    "http_req_failed{name:quick}:rate==0",
    "http_req_duration{name:slow}:min>=20",
};
static const char *const load[] = { "--iterations", "500", "--vus", "10" };

struct server {
    pid_t pid;
    FILE *output;
    char url[256];
};

/* In the child: this program once more, as `rampa target --port 0`. It has a process group of its
 * own, so that Ctrl-C reaches the run alone, which still asks it while it stops; and it ends with
 * the demo, however that ends. */
static _Noreturn void server_be(int output, pid_t demo)
{
    const char *const argv[] = { "rampa", "target", "--port", "0", NULL };

    setpgid(0, 0);
    if (dup2(output, STDOUT_FILENO) >= 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
        getppid() == demo)
        execv("/proc/self/exe", (char *const *)argv);
    _exit(RP_EXIT_INTERNAL);
}

/* Starts the server and reads the first line that it prints. */
static int server_start(struct server *ret)
{
    static const char words[] = "listening on ";
    pid_t demo = getpid();
    char line[256];
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    ret->pid = fork();
    if (ret->pid == 0)
        server_be(fds[1], demo);
    close(fds[1]);
    ret->output = ret->pid > 0 ? fdopen(fds[0], "r") : NULL;
    if (!ret->output) {
        int r = -errno;

        close(fds[0]);
        return r;
    }
    if (!fgets(line, sizeof(line), ret->output) || strncmp(line, words, strlen(words)) != 0)
        return -ECONNREFUSED;
    line[strcspn(line, "\n")] = '\0';
    snprintf(ret->url, sizeof(ret->url), "%s", line + strlen(words));
    return 0;
}

static void server_stop(struct server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGTERM);
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (server->output)
        fclose(server->output);
}

/* Puts the requests, as a list of targets, in the place of the standard input. */
static int offer_targets(const char *url)
{
    int fd = memfd_create("targets", MFD_CLOEXEC), r = 0;

    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < RP_ARRAY_LEN(pages) && r == 0; i++)
        if (dprintf(fd, "GET %s%s weight=%u name=%s\n", url, pages[i].path, pages[i].weight,
                    pages[i].name) < 0)
            r = -errno;
    if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0))
        r = -errno;
    if (fd != STDIN_FILENO)
        close(fd);
    return r;
}

static void print_truth(const char *url)
{
    printf("A server of this program listens at %s while the demo runs. The truth about it:\n",
           url);
    for (size_t i = 0; i < RP_ARRAY_LEN(pages); i++)
        printf("  %-6s  %2u of 100 requests, each %s\n", pages[i].name, pages[i].weight * 10,
               pages[i].truth);
    printf("\nThe run has to find that. Each threshold in its summary is a fact about the server:\n"
           "  rampa run --targets FILE");
    for (size_t i = 0; i < RP_ARRAY_LEN(load); i++)
        printf(" %s", load[i]);
    for (size_t i = 0; i < RP_ARRAY_LEN(truths); i++)
        printf(" \\\n    --threshold '%s'", truths[i]);
    printf("\n\n");
    fflush(stdout);
}

/* What the environment says about the load is for other runs. */
static void forget_environment(void)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_options[i].env && rp_options[i].commands & RP_IN(RP_CMD_RUN) &&
            rp_options[i].group != RP_GROUP_GLOBAL)
            unsetenv(rp_options[i].env);
}

static int run(bool no_color)
{
    enum { WORDS_MAX = 8 + RP_ARRAY_LEN(load) + 2 * RP_ARRAY_LEN(truths) };
    const char *argv[WORDS_MAX] = { "rampa", "run", "--targets", "-" };
    int argc = 4;

    for (size_t i = 0; i < RP_ARRAY_LEN(load); i++)
        argv[argc++] = load[i];
    for (size_t i = 0; i < RP_ARRAY_LEN(truths); i++) {
        argv[argc++] = "--threshold";
        argv[argc++] = truths[i];
    }
    if (no_color)
        argv[argc++] = "--no-color";
    return rp_app_main(argc, (char *const *)argv);
}

int rp_cmd_demo(const struct rp_cli *cli)
{
    struct server server = { 0 };
    int r = server_start(&server), code = RP_EXIT_INTERNAL;

    if (r == 0)
        r = offer_targets(server.url);
    if (r < 0) {
        fprintf(stderr, "error: the demo's server cannot be started: %s\n", strerror(-r));
    } else {
        print_truth(server.url);
        forget_environment();
        code = run(cli->flags[RP_OPT_NO_COLOR]);
        printf("\n%s\n",
               code == RP_EXIT_PASSED    ? "What was measured is what is true. Next: rampa run "
                                           "http://YOUR-SERVER/ -d 10s, or a script: rampa help run"
               : code == RP_EXIT_ABORTED ? "The run was stopped before it could show all of it."
                                         : "The run did not show what is true of the server.");
    }
    server_stop(&server);
    return fflush(stdout) && code == RP_EXIT_PASSED ? RP_EXIT_OUTPUT : code;
}
