/* SPDX-License-Identifier: MIT */

/* A worker process: its lines, its last words, its end, and its control socket. Over every back-end with descriptors. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "../loop/harness.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "coordinator/process.h"

struct child {
    struct rp_process process;
    struct rp_buf out, err; /* lines, each with "|" behind it */
    int lines, ended, status, control;
    bool is_flooded; /* there is always more to read: */
    int in_turn;     /* lines in this turn */
};

/* As if the child wrote faster than its lines are taken. */
static void let_more_come(struct child *child, const struct rp_process_pipe *pipe)
{
    struct pollfd more = { .fd = pipe->fd, .events = POLLIN };

    assert_true(++child->in_turn < 1 << 20);
    assert_int_equal(poll(&more, 1, 10000), 1);
}

static void on_line(struct rp_process *process, bool is_stderr, const char *text)
{
    struct child *child = rp_container_of(process, struct child, process);
    struct rp_buf *lines = is_stderr ? &child->err : &child->out;

    assert_int_equal(child->ended, 0);
    rp_buf_append_str(lines, text);
    rp_buf_append_str(lines, "|");
    child->lines++;
    if (child->is_flooded)
        let_more_come(child, is_stderr ? &process->err : &process->out);
}

static void on_ended(struct rp_process *process, int status)
{
    struct child *child = rp_container_of(process, struct child, process);

    child->ended++;
    child->status = status;
}

static const struct rp_process_events events = { on_line, on_ended };

static int start(struct world *world, struct child *child, const char *script)
{
    char sh[] = "sh", c[] = "-c", *command = strdup(script);
    char *argv[] = { sh, c, command, NULL };
    int r;

    *child = (struct child){ .control = -1 };
    rp_buf_init(&child->out, 1 << 20);
    rp_buf_init(&child->err, 1 << 20);
    r = rp_process_start(&child->process, world->loop, argv, &events, &child->control);
    free(command);
    return r;
}

static void stop(struct world *world, struct child *child)
{
    rp_process_deinit(&child->process);
    rp_process_deinit(&child->process); /* no-op */
    rp_buf_deinit(&child->out);
    rp_buf_deinit(&child->err);
    if (child->control >= 0)
        close(child->control);
    look(world); /* where requests to the kernel still hold descriptors */
}

static void run(struct world *world, struct child *child, const char *script)
{
    assert_int_equal(start(world, child, script), 0);
    turn_until(world, &child->ended, 1);
}

static void test_lines(struct world *world)
{
    static const struct {
        const char *script, *out, *err;
    } cases[] = {
        { "echo one; echo two >&2; echo three", "one|three|", "two|" },
        { "printf 'no end'", "no end|", "" },
        { "printf '\\n\\n'", "||", "" },
        { "printf 'a\\r\\nb'", "a\r|b|", "" },
        { "printf 'n\\0ul\\n'", "n|", "" },
        { "printf ä >&2", "", "ä|" },
        { "true", "", "" },
        /* A grandchild that keeps the pipes does not hold up the end. */
        { "sleep 100 & echo done; kill -9 $!", "done|", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct child child;

        run(world, &child, cases[i].script);
        assert_string_equal(rp_buf_str(&child.out), cases[i].out);
        assert_string_equal(rp_buf_str(&child.err), cases[i].err);
        assert_int_equal(child.status, 0);
        assert_int_equal(child.process.pid, 0);
        stop(world, &child);
    }
}

/* A line without an end must not grow for ever: it is handed out in pieces, whole nonetheless. */
static void test_a_long_line(struct world *world)
{
    struct child child;

    run(world, &child, "head -c 200000 /dev/zero | tr '\\0' x; echo");
    assert_int_equal(child.lines, 4);
    assert_int_equal(child.out.len, 200004);
    assert_int_equal(strspn(rp_buf_str(&child.out), "x|"), child.out.len);
    stop(world, &child);
    /* Exactly as long as a piece, and one more. */
    run(world, &child,
        "head -c 65536 /dev/zero | tr '\\0' x; echo; head -c 65537 /dev/zero | tr '\\0' y;"
        "echo; echo z");
    assert_int_equal(child.out.len, 65536 + 1 + 65537 + 2 + 2);
    assert_string_equal(rp_buf_str(&child.out) + child.out.len - 5, "|y|z|");
    stop(world, &child);
}

static void test_last_words(struct world *world)
{
    struct child child;
    const char *words;

    run(world, &child, "echo out; echo first >&2; echo last >&2; exit 3");
    assert_string_equal(rp_buf_str(&child.process.last_words), "first\nlast\n");
    stop(world, &child);

    run(world, &child, "i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done");
    words = rp_buf_str(&child.process.last_words);
    assert_true(strlen(words) <= RP_LAST_WORDS_MAX && strlen(words) > RP_LAST_WORDS_MAX / 2);
    assert_non_null(strstr(words, "line 1998\nline 1999\n"));
    stop(world, &child);

    run(world, &child, "head -c 60000 /dev/zero | tr '\\0' x >&2; echo end >&2");
    words = rp_buf_str(&child.process.last_words);
    assert_true(strlen(words) <= RP_LAST_WORDS_MAX);
    stop(world, &child);
}

static void test_status(struct world *world)
{
    static const struct {
        const char *script, *text;
    } cases[] = {
        { "exit 0", "exited with status 0" },
        { "exit 7", "exited with status 7" },
        { "kill -9 $$", "was killed by signal 9 (Killed)" },
        { "kill -SEGV $$", "was killed by signal 11 (Segmentation fault)" },
        { "kill -TERM $$; sleep 100", "was killed by signal 15 (Terminated)" },
    };
    char text[128];

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct child child;

        run(world, &child, cases[i].script);
        rp_process_describe_status(child.status, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
        stop(world, &child);
    }
}

static void on_due(struct rp_timer *timer, rp_ns now)
{
    rp_timer_disarm(timer);
}

static void turn_flooded(struct world *world, struct child *child)
{
    child->is_flooded = true;
    child->in_turn = 0;
    turn(world);
}

/* One that never pauses leaves room for timers, and so for signals and control. */
static void test_a_flood(struct world *world)
{
    struct rp_timer timer = { 0 };
    struct child child;

    assert_int_equal(start(world, &child, "yes & yes >&2"), 0);
    while (!child.lines)
        turn_flooded(world, &child);
    rp_timer_arm(world->loop, &timer, rp_clock_ns(), on_due);
    while (rp_timer_is_armed(&timer))
        turn_flooded(world, &child);
    rp_process_kill(&child.process, SIGKILL);
    while (!child.ended)
        turn_flooded(world, &child);
    stop(world, &child);
}

/* A grandchild that has left the group, and so lives on, does not hold up the end. */
static void test_a_flood_that_outlives_the_child(struct world *world)
{
    struct child child;

    assert_int_equal(start(world, &child, "setsid yes & read line <&3; exit 4"), 0);
    while (!child.lines)
        turn_flooded(world, &child);
    peer_write(child.control, "\n", 1);
    while (!child.ended)
        turn_flooded(world, &child);
    assert_int_equal(WEXITSTATUS(child.status), 4);
    look(world); /* nothing more is heard of it */
    stop(world, &child);
}

/* The whole group goes, what the child has started included. */
static void test_kill(struct world *world)
{
    struct child child;
    char byte;

    assert_int_equal(start(world, &child, "sleep 1000 & echo up; wait"), 0);
    turn_until(world, &child.lines, 1);
    rp_process_kill(&child.process, SIGKILL);
    turn_until(world, &child.ended, 1);
    assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGKILL);
    rp_process_kill(&child.process, SIGKILL); /* no-op */
    /* The grandchild held the other end of the control socket too. */
    assert_int_equal(recv(child.control, &byte, 1, 0), 0);
    stop(world, &child);
}

static void test_deinit_kills(struct world *world)
{
    struct child child;
    char byte;

    assert_int_equal(start(world, &child, "sleep 1000 & sleep 1000"), 0);
    rp_process_deinit(&child.process);
    assert_int_equal(child.ended, 0);
    assert_int_equal(recv(child.control, &byte, 1, 0), 0);
    stop(world, &child);
}

static void test_the_control_socket(struct world *world)
{
    struct child child;
    char text[8] = "";

    assert_int_equal(start(world, &child, "read line <&3; echo \"got $line\"; echo back >&3"), 0);
    peer_write(child.control, "word\n", 5);
    turn_until(world, &child.ended, 1);
    assert_string_equal(rp_buf_str(&child.out), "got word|");
    assert_int_equal(recv(child.control, text, 5, MSG_WAITALL), 5);
    assert_string_equal(text, "back\n");
    assert_int_equal(recv(child.control, text, 1, 0), 0);
    stop(world, &child);
}

/* Standard input is empty, none of our descriptors is open, signals are as usual. */
static void test_surroundings(struct world *world)
{
    struct child child;
    sigset_t set, old;
    char expected[64];
    int inherited = 0;

    for (int fd = 4; fd < 256; fd++)
        inherited += fcntl(fd, F_GETFD) == 0; /* somebody started this test with it */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
    run(world, &child, "cat; set -- /proc/$$/fd/*; echo $#; grep SigBlk /proc/self/status");
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    /* 0 to 3, and the one with which the shell looks. */
    snprintf(expected, sizeof(expected), "%d|SigBlk:\t0000000000000000|", inherited + 5);
    assert_string_equal(rp_buf_str(&child.out), expected);
    stop(world, &child);
}

static int open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_no_such_program(struct world *world)
{
    char name[] = "/no/such/program", *argv[] = { name, NULL };
    struct child child = { .control = -1 };
    int before = open_descriptors();

    assert_int_equal(rp_process_start(&child.process, world->loop, argv, &events, &child.control),
                     -ENOENT);
    assert_int_equal(child.control, -1);
    rp_process_deinit(&child.process);
    look(world);
    assert_int_equal(open_descriptors(), before);
}

static void test_start_fails(struct world *world)
{
    struct child child;
    int before;

    look(world);
    before = open_descriptors();
    for (uint64_t n = 1; n <= 6; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = start(world, &child, "echo x; exit 5");
        for (int i = 0; r == 0 && !child.ended; i++)
            turn(world);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        if (r == 0)
            assert_int_equal(WEXITSTATUS(child.status), 5);
        stop(world, &child);
    }
    look(world);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_lines),
        CASE(test_a_long_line),
        CASE(test_last_words),
        CASE(test_status),
        CASE(test_a_flood),
        CASE(test_a_flood_that_outlives_the_child),
        CASE(test_kill),
        CASE(test_deinit_kills),
        CASE(test_surroundings),
        CASE(test_the_control_socket),
        CASE(test_no_such_program),
        CASE(test_start_fails),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
