/* SPDX-License-Identifier: MIT */
#include "coordinate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fake_worker;
const struct rp_overrides no_overrides;

static void on_status(struct run *run, const struct rp_run_status *status)
{
    const char *phase = rp_run_phase_name(status->phase);

    if (run->status)
        run->status(run, status);
    if (!run->phase_count || strcmp(run->phases[run->phase_count - 1], phase) != 0) {
        assert_true(run->phase_count < RP_ARRAY_LEN(run->phases));
        run->phases[run->phase_count++] = phase;
    }
    /* The second status of the phase comes from the signal's having been noticed. */
    if (run->releases && !run->signal_in && status->phase == RP_RUN_SETUP)
        assert_int_equal(kill(run->result.workers[0].pid, SIGUSR1), 0);
    if (run->signal_in && strcmp(run->signal_in, phase) == 0)
        for (run->signal_in = NULL; run->signals > 0; run->signals--) {
            /* Pending ones are one: the second is another. */
            assert_int_equal(kill(getpid(), run->signals > 1 ? SIGINT : SIGTERM), 0);
        }
}

static void on_line(struct run *run, bool is_stderr, const char *text)
{
    run->lines++;
    assert_true(is_stderr);
    if (strncmp(text, "stopping: ", 10) != 0) /* what a signal makes the coordinator say */
        assert_string_equal(text, "dying words");
    if (run->line)
        run->line(run);
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct run *run = rp_container_of(sink, struct run, sink);

    if (event->kind == RP_EVENT_STATUS)
        on_status(run, &event->status);
    else
        on_line(run, event->printed.is_stderr, event->printed.text);
}

static const struct rp_sink_ops ops = {
    .events = RP_EVENT_BIT(RP_EVENT_STATUS) | RP_EVENT_BIT(RP_EVENT_PRINTED),
    .event = on_event,
};

static void list_sinks(struct run *run)
{
    rp_sinks_init(&run->sinks);
    rp_sinks_add(&run->sinks, &run->sink, &ops);
    if (run->further)
        rp_sinks_add(&run->sinks, run->further, run->further_ops);
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
                                            .run_id = run->run_id,
                                            .overrides = &overrides,
                                            .bears_losses = run->bears_losses,
                                            .sinks = &run->sinks,
                                            .is_strict = run->is_strict,
                                            .wire = run->wire,
                                            .patience = run->patience ? run->patience : 60 * RP_S };

    list_sinks(run);
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

/* Where the build puts it, when the test is started by hand. */
static const char *fake_worker_beside(const char *program)
{
    static char path[4096];
    const char *end = strrchr(program, '/');

    snprintf(path, sizeof(path), "%.*sfake_worker", end ? (int)(end - program) + 1 : 0, program);
    return path;
}

int run_all(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    fake_worker = argc > 1 ? argv[1] : fake_worker_beside(argv[0]);
    return _cmocka_run_group_tests("coordinate", tests, count, NULL, NULL);
}
