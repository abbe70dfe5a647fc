/* SPDX-License-Identifier: MIT */

/*
 * The coordinator with workers that are no processes of its own: each is reached over a TCP connection that it has made
 * itself, and has a clock of its own. Whatever would take such a worker for a child process fails here: see the wrapped
 * functions.
 */

#include "coordinate.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/peer_kind.h"
#include "wire/socket_link.h"

/* ---- what nobody may do with them ---- */

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __wrap_posix_spawnp(pid_t *ret, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[], char *const env[]);

static int misuses;

int __wrap_kill(pid_t pid, int number)
{
    misuses++;
    return __real_kill(pid, number);
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    misuses++;
    return __real_waitpid(pid, status, options);
}

int __wrap_posix_spawnp(pid_t *ret, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
    misuses++;
    return ENOSYS;
}

/* ---- the kind ---- */

struct remote {
    struct rp_peer_body body;
    struct rp_watch listening;
    struct rp_task ending;
    struct rp_socket_link link;
    int listener;
    pid_t somewhere; /* where it runs: the coordinator is not told */
    const char *mode, *phase;
    bool is_killed, is_late;
};

/* The one that is connected only when somebody says so, and how many the coordinator has ended. */
static struct remote *late;
static int kills;

static struct remote *remote_of(const struct rp_peer_body *body)
{
    return rp_container_of(body, struct remote, body);
}

static void accepted(struct rp_watch *watch, unsigned ready)
{
    struct remote *remote = rp_container_of(watch, struct remote, listening);
    int fd = accept4(remote->listener, NULL, NULL, SOCK_CLOEXEC);

    assert_true(fd >= 0);
    rp_watch_stop(watch);
    assert_int_equal(rp_socket_link_open(&remote->link, remote->body.loop, fd), 0);
    remote->body.events->connected(&remote->body, &remote->link.link);
}

/* Mode "absent" never comes. */
static void be_worker(const struct remote *remote, const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (strcmp(remote->mode, "absent") == 0)
        for (;;)
            pause();
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 || dup2(fd, 3) < 0)
        _exit(90);
    if (fd != 3)
        close(fd);
    execl(fake_worker, fake_worker, remote->mode, remote->phase, (char *)NULL);
    _exit(91);
}

static int start(struct rp_peer_body *body, struct rp_error *err)
{
    struct remote *remote = remote_of(body);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);

    remote->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(remote->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(remote->listener, 1), 0);
    assert_int_equal(getsockname(remote->listener, (struct sockaddr *)&address, &len), 0);
    remote->somewhere = fork();
    assert_true(remote->somewhere >= 0);
    if (remote->somewhere == 0)
        be_worker(remote, &address);
    if (remote->is_late) {
        late = remote;
        return 0;
    }
    return rp_watch_start(body->loop, &remote->listening, remote->listener, RP_READABLE, accepted);
}

static void cut_off(struct rp_task *task)
{
    struct remote *remote = rp_container_of(task, struct remote, ending);

    remote->body.events->ended(&remote->body, &(struct rp_peer_end){ "was cut off", false });
}

static void kill_remote(struct rp_peer_body *body)
{
    struct remote *remote = remote_of(body);

    remote->is_killed = true;
    kills++;
    rp_loop_defer(body->loop, &remote->ending, cut_off);
}

static enum rp_peer_state look(const struct rp_peer_body *body)
{
    return RP_PEER_RUNS;
}

static void free_remote(struct rp_peer_body *body)
{
    struct remote *remote = remote_of(body);

    rp_task_cancel(&remote->ending);
    rp_watch_stop(&remote->listening);
    close(remote->listener);
    if (remote->is_killed)
        __real_kill(remote->somewhere, SIGKILL);
    assert_int_equal(__real_waitpid(remote->somewhere, NULL, 0), remote->somewhere);
    rp_free(remote);
}

static const struct rp_peer_ops remote_ops = {
    .start = start,
    .kill = kill_remote,
    .look = look,
    .free = free_remote,
    .overdue = "did not end in time and was cut off",
    .ends_with_channel = true,
    .has_own_clock = true,
};

struct remotes {
    struct rp_peer_source source;
    int late; /* the one that is connected late, or 0 */
    int who;  /* from 1: the one that goes wrong, and how */
    const char *mode, *phase;
};

static int make(const struct rp_peer_source *source, uint32_t index, struct rp_peer_body **ret)
{
    const struct remotes *remotes = rp_container_of(source, const struct remotes, source);
    struct remote *remote = rp_calloc(1, sizeof(*remote));
    bool is_bad = (int)index + 1 == remotes->who;

    assert_non_null(remote);
    remote->body.ops = &remote_ops;
    remote->is_late = (int)index + 1 == remotes->late;
    remote->mode = is_bad ? remotes->mode : "clock-ahead";
    remote->phase = is_bad ? remotes->phase : "";
    *ret = &remote->body;
    return 0;
}

/* ---- runs ---- */

static void coordinate_these(struct run *run, const struct remotes *remotes)
{
    misuses = kills = 0;
    run->workers = 2;
    run->peers = &remotes->source;
    coordinate(run, "", "");
    assert_int_equal(misuses, 0);
}

static void coordinate_remotes(struct run *run, int who, const char *mode, const char *phase)
{
    struct remotes remotes = {
        .source = { .make = make }, .who = who, .mode = mode, .phase = phase
    };

    coordinate_these(run, &remotes);
}

/* Their clocks are an hour ahead: one that is told to start at another moment ends at once. */
static void test_a_whole_run(void **state)
{
    struct run run = { .r = 0 };

    coordinate_remotes(&run, 0, NULL, NULL);
    assert_int_equal(run.r, 0);
    if (run.result.exit_code != RP_EXIT_PASSED)
        fail_msg("%s", run.result.reason);
    assert_int_equal(run.result.worker_count, 2);
    assert_int_equal(run.result.accounting_count, 1);
    assert_int_equal(run.result.accounting[0].completed, 6);
    assert_true(rp_sum_read(&rp_store_view(run.result.store, "iterations")->total.counter) == 6);
    assert_int_equal(run.result.setup_time, 5);
    assert_int_equal(run.result.teardown_time, 5);
    assert_int_equal(run.result.elapsed, RP_S);
    assert_int_equal(run.result.warning_count, 0);
    assert_int_equal(run.result.generator, RP_GENERATOR_VALID);
    run_deinit(&run);
}

static void check_lost(const struct run *run, const char *what, int who)
{
    char reason[80];

    snprintf(reason, sizeof(reason), "worker %d (process %d) closed its connection", who,
             run->result.workers[who - 1].pid);
    if (run->r != 0 || run->result.exit_code != RP_EXIT_INTERNAL)
        fail_msg("%s: %d, exit code %d", what, run->r, run->result.exit_code);
    assert_string_equal(run->result.reason, reason);
}

/* It is the loss of a worker as any other, under both policies. */
static void test_one_dies_in_mid_run(void **state)
{
    for (int who = 1; who <= 2; who++)
        for (int bears = 0; bears < 2; bears++) {
            struct run run = { .bears_losses = bears };

            coordinate_remotes(&run, who, "crash", "run");
            if (!bears) {
                check_lost(&run, "run", who);
            } else {
                if (run.r != 0 || run.result.exit_code != RP_EXIT_PASSED)
                    fail_msg("%d, exit code %d", run.r, run.result.exit_code);
                assert_string_not_equal(run.result.workers[who - 1].lost, "");
                assert_int_equal(run.result.accounting[0].completed, 3);
                assert_int_equal(run.result.generator, RP_GENERATOR_SUSPECT);
            }
            assert_int_equal(run.result.teardown_time, 5);
            run_deinit(&run);
        }
}

static void test_one_dies_in_any_phase(void **state)
{
    static const struct {
        const char *phase;
        int who;
    } cases[] = { { "hello", 2 }, { "load", 2 }, { "plan", 1 },   { "plan", 2 },     { "setup", 1 },
                  { "share", 2 }, { "run", 2 },  { "finish", 1 }, { "teardown", 1 }, { "exit", 1 },
                  { "exit", 2 },  { "bye", 1 },  { "bye", 2 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };

        coordinate_remotes(&run, cases[i].who, "die", cases[i].phase);
        if (strcmp(cases[i].phase, "bye") == 0)
            assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
        else
            check_lost(&run, cases[i].phase, cases[i].who);
        run_deinit(&run);
    }
}

/* The first one, before there is a plan: no run. */
static void test_the_first_dies_early(void **state)
{
    static const char *const phases[] = { "start", "hello", "load" };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++) {
        struct run run = { .r = 0 };

        coordinate_remotes(&run, 1, "die", phases[i]);
        assert_int_equal(run.r, i == 0 ? -RP_EUSER : -RP_EPEER);
        assert_string_equal(run.err.message,
                            "the worker closed its connection before the test began");
        run_deinit(&run);
    }
}

static void connect_late(struct run *run, const struct rp_run_status *status)
{
    if (status->phase == RP_RUN_TEARDOWN && late) {
        assert_int_equal(rp_watch_start(late->body.loop, &late->listening, late->listener,
                                        RP_READABLE, accepted),
                         0);
        late = NULL;
    }
}

/* The run is given up before one of them can be spoken with: it still learns that it is not needed. */
static void test_one_comes_when_all_is_over(void **state)
{
    struct remotes remotes = {
        .source = { .make = make }, .late = 2, .who = 1, .mode = "die", .phase = "plan"
    };
    struct run run = { .status = connect_late };

    coordinate_these(&run, &remotes);
    check_lost(&run, "late", 1);
    assert_null(late);
    assert_int_equal(kills, 0);
    run_deinit(&run);
}

/* Nobody can end it, so nobody waits for that: the connection is cut. */
static void test_one_hangs(void **state)
{
    static const struct {
        const char *mode, *phase, *reason;
        enum rp_exit code;
    } cases[] = {
        { "absent", "", "worker 2 did not say hello in time and was killed", RP_EXIT_INTERNAL },
        { "hang", "run", "worker 2 did not stop in time and was killed", RP_EXIT_INTERNAL },
        { "garbage", "run", "a worker's message could not be used: Bad message", RP_EXIT_INTERNAL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .patience = RP_S };

        coordinate_remotes(&run, 2, cases[i].mode, cases[i].phase);
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, cases[i].code);
        assert_string_equal(run.result.reason, cases[i].reason);
        run_deinit(&run);
    }
}

static void test_setup_hangs(void **state)
{
    struct run run = { .patience = RP_S };

    coordinate_remotes(&run, 1, "hang", "setup");
    assert_int_equal(run.result.exit_code, RP_EXIT_SETUP);
    assert_string_equal(run.result.reason, "setup() did not end in time and was cut off");
    run_deinit(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_run),
        cmocka_unit_test(test_one_dies_in_mid_run),
        cmocka_unit_test(test_one_dies_in_any_phase),
        cmocka_unit_test(test_the_first_dies_early),
        cmocka_unit_test(test_one_comes_when_all_is_over),
        cmocka_unit_test(test_one_hangs),
        cmocka_unit_test(test_setup_hangs),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}
