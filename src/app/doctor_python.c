/* SPDX-License-Identifier: MIT */
/* The finding about Python: the interpreter is started and asked, as a run would start it. */
#include "app/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"

#define SET(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

enum { MINOR_NEEDED = 11, ANSWER_MAX = 8192 };

const char *const rp_doctor_packages[RP_DOCTOR_PACKAGES] = { "aiohttp", "uvloop", "mcp" };

/* A line for each package, with its version or nothing, and four lines: a mark, version, path, "ok"
 * or why what a worker imports cannot be imported. An interpreter that is too old must get through
 * it too. */
static const char question[] =
    "import sys\n"
    "def version(name):\n"
    "    try:\n"
    "        import importlib.metadata\n"
    "        return importlib.metadata.version(name)\n"
    "    except Exception: return ''\n"
    "print('rampa-packages', *map(version, ('aiohttp', 'uvloop', 'mcp')), "
    "sep='\\n')\n"
    "print('rampa-doctor')\n"
    "print('%d.%d.%d' % sys.version_info[:3])\n"
    "print(sys.executable)\n"
    "try:\n"
    "    import rampa._worker\n"
    "    print('ok')\n"
    "except BaseException as e:\n"
    "    print((type(e).__name__ + ': ' + str(e)).replace('\\n', ' '))\n";

struct answer {
    char text[ANSWER_MAX]; /* the last bytes that it wrote are missing when there were more */
    size_t len;
    bool timed_out;
    int status; /* of waitpid */
};

static int spawn(const char *python, int output, pid_t *ret_pid)
{
    char *const argv[] = { (char *)python, (char *)"-c", (char *)question, NULL };
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);

    if (r)
        return -r;
    r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (!r)
        r = posix_spawnp(ret_pid, python, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

/* Reads until the end of the output or until @deadline. */
static void collect(int fd, rp_ns deadline, struct answer *answer)
{
    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        rp_ns left = deadline - rp_clock_ns();
        char rest[512];
        ssize_t n;
        int r = left <= 0 ? 0 : poll(&pfd, 1, (int)(left / RP_MS) + 1);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            answer->timed_out = true;
            return;
        }
        if (answer->len < sizeof(answer->text) - 1)
            n = read(fd, answer->text + answer->len, sizeof(answer->text) - 1 - answer->len);
        else
            n = read(fd, rest, sizeof(rest));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        if (answer->len < sizeof(answer->text) - 1)
            answer->len += (size_t)n;
    }
}

static int ask(const char *python, int timeout_ms, struct answer *answer)
{
    rp_ns deadline = rp_clock_ns() + timeout_ms * RP_MS;
    int fds[2], r;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    r = spawn(python, fds[1], &pid);
    close(fds[1]);
    if (r == 0) {
        collect(fds[0], deadline, answer);
        if (answer->timed_out)
            kill(pid, SIGKILL);
        while (waitpid(pid, &answer->status, 0) < 0 && errno == EINTR)
            ;
    }
    close(fds[0]);
    return r;
}

/* The last line with something on it: what an interpreter that failed has to say. */
static const char *last_line(char *text)
{
    size_t len = strlen(text);
    char *line;

    while (len && strchr(" \r\n", text[len - 1]))
        text[--len] = '\0';
    line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

static void failed(struct rp_finding *finding, const char *python, const char *why)
{
    finding->verdict = RP_FINDING_ERROR;
    SET(finding->value, "%.150s: %.200s", python, why);
    SET(finding->limits, "scripts cannot run");
    SET(finding->remedy,
        "install Python 3.%d or newer (sudo apt install python3), or name one with "
        "--python",
        MINOR_NEEDED);
}

static void judge(struct rp_doctor_report *report, struct rp_finding *finding, const char *python,
                  char *text)
{
    char *rest = text, *version, *path, *import;
    int major = 0, minor = 0;

    strsep(&rest, "\n");
    version = strsep(&rest, "\n");
    path = rest ? strsep(&rest, "\n") : NULL;
    import = rest ? strsep(&rest, "\n") : NULL;
    if (!import || sscanf(version, "%d.%d", &major, &minor) != 2) {
        failed(finding, python, "gave no answer");
        return;
    }
    SET(finding->value, "%.20s, %.300s", version, path);
    SET(report->python_version, "%.20s", version);
    if (major != 3 || minor < MINOR_NEEDED) {
        failed(finding, python, "");
        SET(finding->value, "%.20s, %.300s is too old", version, path);
    } else if (strcmp(import, "ok") != 0) {
        finding->verdict = RP_FINDING_ERROR;
        SET(finding->limits, "scripts cannot run: rampa cannot be imported (%.200s)", import);
        SET(finding->remedy,
            "%.200s -m venv ENV && ENV/bin/pip install FOLDER, the folder of rampa's sources, then "
            "--python ENV/bin/python3; or name another interpreter that has rampa with --python",
            path);
    }
}

static void note_packages(struct rp_doctor_report *report, const char *text)
{
    const char *line = strstr(text, "rampa-packages\n");

    for (size_t i = 0; line && i < RP_DOCTOR_PACKAGES; i++) {
        line = strchr(line, '\n');
        if (!line)
            return;
        line++;
        SET(report->package_versions[i], "%.*s", (int)strcspn(line, "\n"), line);
    }
}

void rp_doctor_python(struct rp_doctor_report *report, const struct rp_doctor_place *place)
{
    struct rp_finding *finding = rp_doctor_add(report, "python", "Python");
    struct answer answer = { 0 };
    char why[64];
    char *begin;
    int r = ask(place->python, place->timeout_ms, &answer);

    if (r < 0) {
        failed(finding, place->python, strerror(-r));
        return;
    }
    if (answer.timed_out) {
        SET(why, "gave no answer in %d ms", place->timeout_ms);
        failed(finding, place->python, why);
        return;
    }
    answer.text[answer.len] = '\0';
    note_packages(report, answer.text);
    begin = strstr(answer.text, "rampa-doctor\n");
    if (begin)
        judge(report, finding, place->python, begin);
    else
        failed(finding, place->python, answer.len ? last_line(answer.text) : "gave no answer");
}
