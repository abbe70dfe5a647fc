/* SPDX-License-Identifier: MIT */

/*
 * Precise timers: how long the loop means to sleep and to spin, on made-up deadlines far enough away that the speed of
 * the machine does not matter; and what it then does, by counting the thread's own switches rather than time.
 *
 * The order among both kinds of timers is tested with the wheel, on virtual time.
 */

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "harness.h"
#include "loop/backend.h"

static void ignore(struct rp_timer *timer, rp_ns now)
{
}

/* ---- the plan of a wait ---- */

#define HOUR (3600 * RP_S)
#define NONE RP_NS_NEVER
#define SLOW (60 * RP_S) /* between two lines of this test passes less */

struct plan_case {
    const char *what;
    rp_ns spin, precise, ordinary, until; /* the latter three from now on; NONE = not given */
    rp_ns sleep_min, sleep_max;           /* -1: without limit */
    rp_ns spin_until;                     /* from now on, or NONE */
};

static const struct plan_case plans[] = {
    { "nothing to wait for", HOUR, NONE, NONE, NONE, -1, -1, NONE },
    { "an ordinary timer", HOUR, NONE, HOUR / 2, NONE, HOUR / 2 - SLOW, HOUR / 2, NONE },
    { "a limit", HOUR, NONE, NONE, HOUR / 2, HOUR / 2 - SLOW, HOUR / 2, NONE },
    { "within the spin", HOUR, HOUR / 2, NONE, NONE, 0, 0, HOUR / 2 },
    { "within the spin, an ordinary one first", HOUR, HOUR / 2, HOUR / 3, NONE, 0, 0, HOUR / 3 },
    { "within the spin, an ordinary one later", HOUR, HOUR / 2, 2 * HOUR, NONE, 0, 0, HOUR / 2 },
    { "within the spin, a limit first", HOUR, HOUR / 2, NONE, HOUR / 3, 0, 0, HOUR / 3 },
    { "long before the spin: not to its very beginning", HOUR, 3 * HOUR, NONE, NONE,
      2 * HOUR - 2 * HOUR / 100 - SLOW, 2 * HOUR - 2 * HOUR / 200, NONE },
    { "an ordinary one long before the spin", HOUR, 3 * HOUR, HOUR / 2, NONE, HOUR / 2 - SLOW,
      HOUR / 2, NONE },
    { "a limit long before the spin", HOUR, 3 * HOUR, NONE, HOUR / 2, HOUR / 2 - SLOW, HOUR / 2,
      NONE },
    { "no spin", 0, HOUR, NONE, NONE, HOUR - HOUR / 100 - SLOW, HOUR - HOUR / 200, NONE },
    { "no spin, an ordinary one first", 0, HOUR, HOUR / 2, NONE, HOUR / 2 - SLOW, HOUR / 2, NONE },
    { "due", HOUR, -RP_S, NONE, NONE, 0, 0, NONE },
    { "due and no spin", 0, -RP_S, NONE, NONE, 0, 0, NONE },
    { "an ordinary one due", HOUR, HOUR / 2, -RP_S, NONE, 0, 0, NONE },
    { "only a look is wanted", HOUR, HOUR / 2, NONE, -RP_S, 0, 0, NONE },
};

static void check_plan(struct world *world, const struct plan_case *c)
{
    struct rp_timer precise = { 0 }, ordinary = { 0 };
    struct rp_patience got;
    rp_ns now = rp_clock_ns();

    rp_loop_set_spin(world->loop, c->spin);
    if (c->precise != NONE)
        rp_timer_arm_precise(world->loop, &precise, now + c->precise, ignore);
    if (c->ordinary != NONE)
        rp_timer_arm(world->loop, &ordinary, now + c->ordinary, ignore);
    got = rp_loop_patience(world->loop, c->until == NONE ? NONE : now + c->until);
    if (got.sleep < c->sleep_min || got.sleep > c->sleep_max ||
        got.spin_until != (c->spin_until == NONE ? 0 : now + c->spin_until))
        fail_msg("%s: sleep %lld spin until %lld", c->what, (long long)got.sleep,
                 got.spin_until ? (long long)(got.spin_until - now) : 0);
    rp_timer_disarm(&precise);
    rp_timer_disarm(&ordinary);
    /* The wheel's bound outlives the timer. */
    world->loop->wheel.next = RP_NS_NEVER;
}

static void plans_its_waits(struct world *world)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(plans); i++)
        check_plan(world, &plans[i]);
}

/* The last sleep before a spin is short, which makes it exact, and is followed by the spin without another turn. */
static void sleeps_and_spins_in_one_wait(struct world *world)
{
    struct rp_timer timer = { 0 };
    struct rp_patience got;
    bool both = false;

    rp_loop_set_spin(world->loop, HOUR);
    /* A loaded machine may let the time to sleep pass between these lines. */
    for (int i = 0; i < 10000 && !both; i++) {
        rp_ns deadline = rp_clock_ns() + HOUR + RP_MS;

        rp_timer_arm_precise(world->loop, &timer, deadline, ignore);
        got = rp_loop_patience(world->loop, RP_NS_NEVER);
        assert_int_equal(got.spin_until, deadline);
        assert_in_range(got.sleep, 0, RP_MS);
        both = got.sleep > 0;
    }
    assert_true(both);
    rp_timer_disarm(&timer);
}

/* However long the way, it takes few turns: each sleep leaves less than a hundredth. */
static void approaches_in_few_sleeps(struct world *world)
{
    rp_ns deadline = rp_clock_ns() + 3 * RP_S, left = 3 * RP_S;
    struct rp_timer timer = { 0 };
    int sleeps = 0;

    rp_timer_arm_precise(world->loop, &timer, deadline, ignore);
    for (; left > 2 * RP_MS; sleeps++) {
        struct rp_patience got;

        timer.deadline = rp_clock_ns() + left; /* as if the time had passed */
        got = rp_loop_patience(world->loop, RP_NS_NEVER);
        left -= got.sleep;
    }
    assert_in_range(sleeps, 1, 5);
    rp_timer_disarm(&timer);
}

/* ---- firing ---- */

struct arrivals {
    struct rp_timer timer;
    struct world *world;
    int left, early;
    rp_ns last;
};

static void on_arrival(struct rp_timer *timer, rp_ns now)
{
    struct arrivals *a = rp_container_of(timer, struct arrivals, timer);

    a->early += now < timer->deadline || now > rp_clock_ns() || now < a->last;
    a->last = now;
    if (--a->left > 0)
        rp_timer_arm_precise(a->world->loop, timer, timer->deadline + 10 * RP_US * (a->left % 30),
                             on_arrival);
}

static void never_fires_early(struct world *world)
{
    static const rp_ns spins[] = { 0, 5 * RP_US, RP_LOOP_SPIN, RP_S };

    for (size_t i = 0; i < RP_ARRAY_LEN(spins); i++) {
        struct arrivals a = { .world = world, .left = 300 }, b = a;
        rp_ns begin = rp_clock_ns() + RP_MS;

        rp_loop_set_spin(world->loop, spins[i]);
        rp_timer_arm_precise(world->loop, &a.timer, begin, on_arrival);
        rp_timer_arm_precise(world->loop, &b.timer, begin + 3 * RP_US, on_arrival);
        while (a.left > 0 || b.left > 0)
            turn(world);
        assert_int_equal(a.early + b.early, 0);
        assert_int_equal(rp_loop_next_deadline(world->loop), RP_NS_NEVER);
    }
}

static void is_of_the_kind_it_was_armed_last(struct world *world)
{
    rp_ns deadline = rp_clock_ns() + HOUR;
    struct rp_timer timer = { 0 };

    rp_loop_set_spin(world->loop, 2 * HOUR);
    rp_timer_arm_precise(world->loop, &timer, deadline, ignore);
    assert_int_equal(rp_loop_patience(world->loop, RP_NS_NEVER).spin_until, deadline);
    rp_timer_arm(world->loop, &timer, deadline, ignore);
    assert_int_equal(rp_loop_patience(world->loop, RP_NS_NEVER).spin_until, 0);
    rp_timer_arm_precise(world->loop, &timer, deadline + 1, ignore);
    assert_int_equal(rp_loop_patience(world->loop, RP_NS_NEVER).spin_until, deadline);
    rp_timer_disarm(&timer);
    assert_false(rp_timer_is_armed(&timer));
    assert_int_equal(rp_loop_patience(world->loop, RP_NS_NEVER).spin_until, 0);
}

/* ---- what the thread does meanwhile ---- */

static long sleeps_of_this_thread(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

static void fire_after(struct world *world, rp_ns time)
{
    struct rp_timer timer = { 0 };

    rp_timer_arm_precise(world->loop, &timer, rp_clock_ns() + time, ignore);
    while (rp_timer_is_armed(&timer))
        turn(world);
}

static void does_not_sleep_over_the_spin(struct world *world)
{
    bool awake = false;

    rp_loop_set_spin(world->loop, RP_S);
    fire_after(world, RP_US); /* first uses of anything */
    for (int i = 0; i < 100 && !awake; i++) {
        rp_ns spun = rp_loop_spun(world->loop), began = rp_clock_ns();
        long before = sleeps_of_this_thread();

        fire_after(world, 200 * RP_US);
        awake = sleeps_of_this_thread() == before && rp_loop_spun(world->loop) > spun;
        assert_true(rp_loop_spun(world->loop) - spun <= rp_clock_ns() - began);
    }
    assert_true(awake);
}

static rp_ns cpu_of_this_thread(void)
{
    struct timespec ts;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
    return (rp_ns)ts.tv_sec * RP_S + ts.tv_nsec;
}

static void sleeps_when_told_not_to_spin(struct world *world)
{
    rp_ns cpu = cpu_of_this_thread();

    rp_loop_set_spin(world->loop, 0);
    fire_after(world, 200 * RP_MS);
    assert_true(cpu_of_this_thread() - cpu < 20 * RP_MS);
    assert_int_equal(rp_loop_spun(world->loop), 0);
    rp_loop_set_spin(world->loop, -1);
    assert_int_equal(world->loop->spin, 0);
}

static void sleeps_until_the_spin_begins(struct world *world)
{
    rp_ns cpu = cpu_of_this_thread();

    assert_int_equal(world->loop->spin, RP_LOOP_SPIN); /* the default */
    fire_after(world, 200 * RP_MS);
    assert_true(cpu_of_this_thread() - cpu < 20 * RP_MS);
}

static void sleeps_before_ordinary_timers(struct world *world)
{
    struct rp_timer ordinary = { 0 }, precise = { 0 };
    rp_ns cpu;

    /* A precise one that was there, and one that is far away, make no difference. */
    fire_after(world, RP_US);
    rp_timer_arm_precise(world->loop, &precise, rp_clock_ns() + 3 * HOUR, ignore);
    rp_loop_set_spin(world->loop, HOUR);
    cpu = cpu_of_this_thread();
    rp_timer_arm(world->loop, &ordinary, rp_clock_ns() + 200 * RP_MS, ignore);
    while (rp_timer_is_armed(&ordinary))
        turn(world);
    assert_true(cpu_of_this_thread() - cpu < 20 * RP_MS);
    rp_timer_disarm(&precise);
}

static void has_no_timer_slack(struct world *world)
{
    /* Where that cannot be set there is nothing to test. */
    if (prctl(PR_GET_TIMERSLACK) != 1)
        assert_true(prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) < 0);
}

/* ---- what arrives during a spin ---- */

struct writer {
    int peer, wake[2];
    int before, after;
};

/* The writer is woken when the loop is about to spin. */
static void before_spin(void *user)
{
    struct writer *writer = user;

    if (writer->before++ == 0)
        assert_int_equal(write(writer->wake[1], "", 1), 1);
}

static void after_spin(void *user)
{
    ((struct writer *)user)->after++;
}

static void *write_when_woken(void *arg)
{
    const struct writer *writer = arg;
    char byte;

    if (read(writer->wake[0], &byte, 1) == 1)
        (void)!write(writer->peer, "hello", 5);
    return NULL;
}

static void delivers_what_arrives_during_the_spin(struct world *world)
{
    struct rp_timer timer = { 0 };
    struct writer writer = { 0 };
    struct probe probe;
    pthread_t thread;

    probe_init(world, &probe);
    writer.peer = probe_adopt_pair(world, &probe);
    look(world); /* receiving has been asked for */
    assert_int_equal(pipe(writer.wake), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_when_woken, &writer), 0);
    rp_loop_set_wait_hooks(world->loop, before_spin, after_spin, &writer);
    rp_loop_set_spin(world->loop, HOUR);
    rp_timer_arm_precise(world->loop, &timer, rp_clock_ns() + HOUR / 2, ignore);
    turn_until_bytes(world, &probe.received, 5);
    assert_true(rp_timer_is_armed(&timer));
    assert_memory_equal(probe.bytes, "hello", 5);
    assert_in_range(writer.before, 1, 5); /* the spin is one wait, however many looks */
    assert_int_equal(writer.before, writer.after);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rp_timer_disarm(&timer);
    rp_loop_set_wait_hooks(world->loop, NULL, NULL, NULL);
    rp_stream_close(&probe.stream, false);
    close(writer.peer);
    close(writer.wake[0]);
    close(writer.wake[1]);
}

/* A limit within the spin ends the turn, and so does a deferred task. */
static void returns_from_the_spin_at_the_limit(struct world *world)
{
    struct rp_timer timer = { 0 };
    rp_ns limit = rp_clock_ns() + 2 * RP_MS;

    rp_loop_set_spin(world->loop, HOUR);
    rp_timer_arm_precise(world->loop, &timer, rp_clock_ns() + HOUR / 2, ignore);
    while (rp_clock_ns() < limit)
        assert_int_equal(rp_loop_turn(world->loop, limit), 0);
    look(world);
    assert_true(rp_timer_is_armed(&timer));
    rp_timer_disarm(&timer);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(plans_its_waits),
        CASE(sleeps_and_spins_in_one_wait),
        CASE(approaches_in_few_sleeps),
        CASE(never_fires_early),
        CASE(is_of_the_kind_it_was_armed_last),
        CASE(does_not_sleep_over_the_spin),
        CASE(sleeps_when_told_not_to_spin),
        CASE(sleeps_until_the_spin_begins),
        CASE(sleeps_before_ordinary_timers),
        CASE(has_no_timer_slack),
        CASE(delivers_what_arrives_during_the_spin),
        CASE(returns_from_the_spin_at_the_limit),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}
