/* SPDX-License-Identifier: MIT */
#include "coordinate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fake_worker;
const struct rp_overrides no_overrides;

static void on_status(void *user, const struct rp_coordinator_status *status)
{
    struct run *run = user;

    if (run->status)
        run->status(run, status);
    if (!run->phase_count || strcmp(run->phases[run->phase_count - 1], status->phase) != 0) {
        assert_true(run->phase_count < RP_ARRAY_LEN(run->phases));
        run->phases[run->phase_count++] = status->phase;
    }
    /* The second status of the phase comes from the signal's having been noticed. */
    if (run->releases && !run->signal_in && strcmp(status->phase, "setup") == 0)
        assert_int_equal(kill(run->result.workers[0].pid, SIGUSR1), 0);
    if (run->signal_in && strcmp(run->signal_in, status->phase) == 0)
        for (run->signal_in = NULL; run->signals > 0; run->signals--) {
            /* Pending ones are one: the second is another. */
            assert_int_equal(kill(getpid(), run->signals > 1 ? SIGINT : SIGTERM), 0);
        }
}

static void on_line(void *user, bool is_stderr, const char *text)
{
    struct run *run = user;

    run->lines++;
    assert_true(is_stderr);
    assert_string_equal(text, "dying words");
    if (run->line)
        run->line(run);
}

void coordinate(struct run *run, const char *mode, const char *phase)
{
    char *argv[] = { strdup(fake_worker), strdup(mode), strdup(phase), NULL };
    char workers[12];
    struct rp_overrides overrides = { 0 };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .worker_argv = argv,
                                            .worker_hint = "a hint",
                                            .peers = run->peers,
                                            .overrides = &overrides,
                                            .bears_losses = run->bears_losses,
                                            .status = on_status,
                                            .line = on_line,
                                            .events = run->events,
                                            .event_log = run->event_log,
                                            .is_strict = run->is_strict,
                                            .wire = run->wire,
                                            .user = run,
                                            .patience = run->patience ? run->patience : 60 * RP_S };

    snprintf(workers, sizeof(workers), "%d", run->workers);
    if (run->workers)
        overrides.workers = (struct rp_override){ .value = workers, .origin = "--workers" };
    run->r = rp_coordinate(&config, &run->result, &run->err);
    for (int i = 0; i < 3; i++)
        free(argv[i]);
}

void run_deinit(struct run *run)
{
    rp_result_deinit(&run->result);
    rp_error_deinit(&run->err);
}

void assert_reason(const char *reason, const char *part, const char *mode, const char *phase)
{
    if (!reason || !strstr(reason, part))
        fail_msg("%s %s: the reason is '%s', not '%s'", mode, phase, reason ? reason : "(none)",
                 part);
}

int run_all(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FAKE_WORKER\n", argv[0]);
        return 2;
    }
    fake_worker = argv[1];
    return _cmocka_run_group_tests("coordinate", tests, count, NULL, NULL);
}
