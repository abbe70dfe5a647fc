/* SPDX-License-Identifier: MIT */

/* The thread stood still. What has arrived meanwhile is delivered before the timers that are late. */

#include "harness.h"

#include <fcntl.h>
#include <sys/resource.h>

enum { CROWD = 1100, PIPES = 600 };

static rp_ns clock_ahead; /* of the machine's */

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = __real_clock_gettime(id, ret);
    rp_ns now = (rp_ns)ret->tv_sec * RP_S + ret->tv_nsec + clock_ahead;

    ret->tv_sec = now / RP_S;
    ret->tv_nsec = now % RP_S;
    return r;
}

struct crowd {
    struct probe *probes;
    int *peers;
    int answered, at_timer;
    struct rp_timer timer;
    bool has_fired;
};

static void count(struct probe *probe, const char *data, size_t len)
{
    struct crowd *crowd = probe->user;

    crowd->answered++;
}

static void timer_fired(struct rp_timer *timer, rp_ns now)
{
    struct crowd *crowd = rp_container_of(timer, struct crowd, timer);

    crowd->at_timer = crowd->answered;
    crowd->has_fired = true;
}

static void crowd_init(struct world *world, struct crowd *crowd)
{
    *crowd = (struct crowd){ .probes = calloc(CROWD, sizeof(*crowd->probes)),
                             .peers = calloc(CROWD, sizeof(*crowd->peers)) };
    for (int i = 0; i < CROWD; i++) {
        probe_init(world, &crowd->probes[i]);
        crowd->probes[i].react = count;
        crowd->probes[i].user = crowd;
        crowd->peers[i] = probe_adopt_pair(world, &crowd->probes[i]);
    }
    look(world); /* all are listened to */
}

static void crowd_deinit(struct crowd *crowd)
{
    rp_timer_disarm(&crowd->timer);
    for (int i = 0; i < CROWD; i++) {
        rp_stream_close(&crowd->probes[i].stream, false);
        close(crowd->peers[i]);
    }
    free(crowd->probes);
    free(crowd->peers);
}

static void answer_all(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++)
        peer_write(crowd->peers[i], "x", 1);
}

static void all_that_came_goes_before_a_late_timer(struct world *world)
{
    struct crowd crowd;

    crowd_init(world, &crowd);
    answer_all(&crowd);
    rp_timer_arm(world->loop, &crowd.timer, rp_clock_ns() - RP_S, timer_fired);
    look(world);
    assert_true(crowd.has_fired);
    assert_int_equal(crowd.at_timer, CROWD);
    crowd_deinit(&crowd);
}

static void so_it_does_before_a_precise_one(struct world *world)
{
    struct crowd crowd;

    crowd_init(world, &crowd);
    answer_all(&crowd);
    rp_timer_arm_precise(world->loop, &crowd.timer, rp_clock_ns() - RP_S, timer_fired);
    look(world);
    assert_true(crowd.has_fired);
    assert_int_equal(crowd.at_timer, CROWD);
    crowd_deinit(&crowd);
}

/* Somebody who nests the loop has timers of his own: they are told by the time until which the turn may wait. */
static void and_before_a_turn_ends_late(struct world *world)
{
    struct crowd crowd;

    crowd_init(world, &crowd);
    answer_all(&crowd);
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() - RP_S), 0);
    assert_int_equal(crowd.answered, CROWD);
    crowd_deinit(&crowd);
}

/* A timer that has come due since the last look has to wait for another one. */
static void arm_a_second_one(struct rp_timer *timer, rp_ns now)
{
    struct crowd *crowd = rp_container_of(timer, struct crowd, timer);

    answer_all(crowd);
    rp_timer_arm(crowd->probes[0].world->loop, timer, now - RP_S, timer_fired);
}

static void a_timer_armed_late_waits_for_a_look(struct world *world)
{
    struct crowd crowd;

    crowd_init(world, &crowd);
    rp_timer_arm(world->loop, &crowd.timer, rp_clock_ns() - RP_S, arm_a_second_one);
    look(world);
    assert_false(crowd.has_fired);
    look(world);
    assert_true(crowd.has_fired);
    assert_int_equal(crowd.at_timer, CROWD);
    crowd_deinit(&crowd);
}

static void stand_still(struct probe *probe, const char *data, size_t len)
{
    struct crowd *crowd = probe->user;

    crowd->answered++;
    if (crowd->answered > 1)
        return;
    answer_all(crowd);
    clock_ahead += 2000 * RP_S; /* the time of the timer goes by */
}

/* It is a callback of the turn that stands still, with a precise timer armed, which reads the clock anew. */
static void a_callback_that_takes_its_time(struct world *world)
{
    struct crowd crowd;
    struct rp_timer precise = { .fn = NULL };

    crowd_init(world, &crowd);
    crowd.probes[0].react = stand_still;
    peer_write(crowd.peers[0], "x", 1);
    rp_timer_arm_precise(world->loop, &precise, rp_clock_ns() + 3600 * RP_S, timer_fired);
    rp_timer_arm(world->loop, &crowd.timer, rp_clock_ns() + 1000 * RP_S, timer_fired);
    for (int i = 0; i < 3 && !crowd.has_fired; i++)
        look(world);
    assert_true(crowd.has_fired);
    assert_true(crowd.at_timer > CROWD);
    rp_timer_disarm(&precise);
    crowd_deinit(&crowd);
}

struct flood {
    struct probe probe;
    struct rp_timer timer;
    int peer;
    bool has_fired;
};

/* There is always more. */
static void pour(struct probe *probe, const char *data, size_t len)
{
    static const char drops[4096];
    struct flood *flood = rp_container_of(probe, struct flood, probe);

    (void)!write(flood->peer, drops, sizeof(drops));
}

static void stop_the_flood(struct rp_timer *timer, rp_ns now)
{
    struct flood *flood = rp_container_of(timer, struct flood, timer);

    flood->has_fired = true;
}

static void a_flood_does_not_hold_up_timers(struct world *world)
{
    struct flood flood = { .has_fired = false };

    probe_init(world, &flood.probe);
    flood.probe.react = pour;
    flood.peer = probe_adopt_pair(world, &flood.probe);
    look(world);
    peer_write(flood.peer, "x", 1);
    rp_timer_arm(world->loop, &flood.timer, rp_clock_ns() - 2 * RP_MS, stop_the_flood);
    look(world);
    assert_true(flood.has_fired);
    rp_stream_close(&flood.probe.stream, false);
    close(flood.peer);
}

/* A descriptor that nobody reads is ready each time: that is no reason to look again for ever. */
static void leave_it(struct rp_watch *watch, unsigned ready)
{
}

static void a_watch_that_is_always_ready(struct world *world)
{
    struct crowd crowd;
    struct rp_watch watch = { .fd = -1 };
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(rp_watch_start(world->loop, &watch, ends[0], RP_READABLE, leave_it), 0);
    crowd_init(world, &crowd);
    answer_all(&crowd);
    rp_timer_arm(world->loop, &crowd.timer, rp_clock_ns() - 3600 * RP_S, timer_fired);
    look(world);
    assert_true(crowd.has_fired);
    assert_int_equal(crowd.at_timer, CROWD);
    rp_watch_stop(&watch);
    crowd_deinit(&crowd);
    close(ends[0]);
    close(ends[1]);
}

struct pipes {
    struct one_pipe {
        struct rp_watch watch;
        struct pipes *pipes;
        int ends[2];
        bool has_shown;
    } all[PIPES];
    int shown, at_timer;
    bool are_read;
    struct rp_timer timer;
};

static void on_pipe(struct rp_watch *watch, unsigned ready)
{
    struct one_pipe *one = rp_container_of(watch, struct one_pipe, watch);
    char byte;

    one->pipes->shown += !one->has_shown;
    one->has_shown = true;
    if (one->pipes->are_read)
        assert_int_equal(read(watch->fd, &byte, 1), 1);
}

static void pipes_late(struct rp_timer *timer, rp_ns now)
{
    struct pipes *pipes = rp_container_of(timer, struct pipes, timer);

    pipes->at_timer = pipes->shown;
}

static void many_pipes(struct world *world, bool are_read)
{
    struct pipes *pipes = calloc(1, sizeof(*pipes));

    pipes->are_read = are_read;
    for (int i = 0; i < PIPES; i++) {
        struct one_pipe *one = &pipes->all[i];

        one->pipes = pipes;
        assert_int_equal(pipe2(one->ends, O_CLOEXEC), 0);
        assert_int_equal(
            rp_watch_start(world->loop, &one->watch, one->ends[0], RP_READABLE, on_pipe), 0);
    }
    look(world); /* all are listened to */
    for (int i = 0; i < PIPES; i++)
        assert_int_equal(write(pipes->all[i].ends[1], "x", 1), 1);
    rp_timer_arm(world->loop, &pipes->timer, rp_clock_ns() - 3600 * RP_S, pipes_late);
    look(world);
    assert_false(rp_timer_is_armed(&pipes->timer));
    assert_int_equal(pipes->at_timer, PIPES);
    for (int i = 0; i < PIPES; i++) {
        rp_watch_stop(&pipes->all[i].watch);
        close(pipes->all[i].ends[0]);
        close(pipes->all[i].ends[1]);
    }
    free(pipes);
}

/* A look may find watches only, and more of them than the kernel hands out at once. */
static void many_watches_go_before_a_late_timer(struct world *world)
{
    many_pipes(world, true);
}

static void so_do_those_that_nobody_reads(struct world *world)
{
    many_pipes(world, false);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(all_that_came_goes_before_a_late_timer),
        CASE(so_it_does_before_a_precise_one),
        CASE(and_before_a_turn_ends_late),
        CASE(a_timer_armed_late_waits_for_a_look),
        CASE(a_callback_that_takes_its_time),
        CASE(a_flood_does_not_hold_up_timers),
        CASE(a_watch_that_is_always_ready),
        CASE(many_watches_go_before_a_late_timer),
        CASE(so_do_those_that_nobody_reads),
    };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 2 * CROWD + 100) {
        limit.rlim_cur = limit.rlim_max < 2 * CROWD + 100 ? limit.rlim_max : 2 * CROWD + 100;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return run_worlds(cases, RP_ARRAY_LEN(cases));
}
