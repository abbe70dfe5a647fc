/* SPDX-License-Identifier: MIT */
#include "python/bridge/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "python/bridge/bridge.h"
#include "python/bridge/stood.h"

/* Two looks fall into a block of RP_PY_BLOCK_MS: the first sees that it is new, the second that it
 * lasts. */
enum { LOOK_MS = RP_PY_BLOCK_MS / 2, LATE_LOOK_MS = 1000, SAMPLE_MS = LOOK_MS, SLACK_US = 1000 };

static rp_ns load(const _Atomic rp_ns *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic rp_ns *value, rp_ns now)
{
    atomic_store_explicit(value, now, memory_order_relaxed);
}

/* How long the loop's thread has waited for a processor so far. */
static rp_ns time_waited(const struct py_watchdog *dog)
{
    long long ran, waited;
    char text[100];
    ssize_t len = dog->schedstat_fd >= 0 ? pread(dog->schedstat_fd, text, sizeof(text) - 1, 0) : -1;

    if (len <= 0)
        return 0;
    text[len] = '\0';
    return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : 0;
}

/* ---- the watching thread --------------------------------------------------------------------- */

static void note_look(struct py_watchdog *dog, rp_ns now, rp_ns waited)
{
    dog->looked = now;
    dog->waited_at_look = waited;
}

static bool has_new_beat(const struct py_bridge *bridge)
{
    const struct py_pulse *pulse = &bridge->host.pulse;

    return atomic_load_explicit(&pulse->beats, memory_order_relaxed) != bridge->watchdog.seen ||
           atomic_load_explicit(&pulse->is_idle, memory_order_relaxed);
}

/* An orphan that is stuck would spin forever, for nobody is left to kill it. */
static void die_if_orphaned(const struct py_watchdog *dog)
{
    if (getppid() != dog->parent)
        kill(getpgrp() == getpid() ? 0 : getpid(), SIGKILL);
}

static void tell_stuck(struct py_bridge *bridge, rp_ns silence)
{
    struct py_watchdog *dog = &bridge->watchdog;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *told = NULL;

    /* The block may have ended while this thread waited for the GIL. */
    if (!has_new_beat(bridge)) {
        told = rp_py_ask(&bridge->host, PY_HOOK_STUCK, (double)silence / 1e9);
        if (!told)
            PyErr_WriteUnraisable(bridge->host.hooks);
        dog->is_told = !told || told == Py_True;
    }
    Py_XDECREF(told);
    PyGILState_Release(gil);
    note_look(dog, rp_clock_ns(), time_waited(dog));
}

/* Lets the hooks look at what runs now: when it ends it is too late. */
static void sample(struct py_bridge *bridge)
{
    struct py_watchdog *dog = &bridge->watchdog;
    PyGILState_STATE gil = PyGILState_Ensure();

    if (!has_new_beat(bridge))
        rp_py_tell(&bridge->host, PY_HOOK_SAMPLED);
    PyGILState_Release(gil);
    note_look(dog, rp_clock_ns(), time_waited(dog));
}

static void see_change(struct py_bridge *bridge, rp_ns now, rp_ns looked)
{
    struct py_watchdog *dog = &bridge->watchdog;
    const struct py_pulse *pulse = &bridge->host.pulse;

    if (rp_py_pulse_is_noticed(pulse) && !load(&dog->was_stuck))
        store(&dog->was_stuck, now - load(&dog->last_change));
    /* The beat was at some time since the last look. */
    store(&dog->last_change, now - looked < RP_PY_STOOD_MS * RP_MS ? (now + looked) / 2 : now);
    if (!atomic_load_explicit(&pulse->is_idle, memory_order_relaxed)) {
        store(&dog->waited, dog->waited_at_look);
        store(&dog->stood_before, load(&dog->stood));
    }
    dog->seen = atomic_load_explicit(&pulse->beats, memory_order_relaxed);
    dog->is_told = dog->is_sampled = false;
}

/* @silence, the time since the last change, without what the loop's thread has waited for a
 * processor meanwhile, and without the other time in which the whole process stood still. */
static rp_ns net_of(const struct py_watchdog *dog, rp_ns silence)
{
    rp_ns stood = load(&dog->stood) - load(&dog->stood_before);

    return silence - (time_waited(dog) - load(&dog->waited)) - stood;
}

static void look(struct py_bridge *bridge)
{
    struct py_watchdog *dog = &bridge->watchdog;
    rp_ns now = rp_clock_ns(), since = load(&dog->last_change), looked = dog->looked;
    rp_ns waited = time_waited(dog);

    store(&dog->stood, load(&dog->stood) + rp_py_stood(now - looked - LOOK_MS * RP_MS,
                                                       waited - dog->waited_at_look));
    note_look(dog, now, waited);
    /* When this thread itself had to wait, the machine stood still and not the script. */
    if (has_new_beat(bridge) || now - looked > LATE_LOOK_MS * RP_MS) {
        see_change(bridge, now, looked);
        return;
    }
    if (now - since < SAMPLE_MS * RP_MS)
        return;
    atomic_store_explicit(&bridge->host.pulse.is_noticed, true, memory_order_relaxed);
    if (!dog->is_sampled) {
        dog->is_sampled = true;
        sample(bridge);
    }
    if (now - since < RP_PY_STUCK_S * RP_S)
        return;
    die_if_orphaned(dog);
    if (!dog->is_told && net_of(dog, now - since) >= RP_PY_STUCK_S * RP_S)
        tell_stuck(bridge, net_of(dog, now - since));
}

static void *watch(void *arg)
{
    struct py_bridge *bridge = arg;
    struct pollfd stop = { .fd = bridge->watchdog.stop_fd, .events = POLLIN };

    /* The slack that the loop's thread has handed down is as small as can be, and this thread need
     * not be exact. */
    (void)prctl(PR_SET_TIMERSLACK, SLACK_US * 1000UL, 0, 0, 0);

    while (poll(&stop, 1, LOOK_MS) <= 0)
        look(bridge);
    return NULL;
}

/* ---- the loop's thread ----------------------------------------------------------------------- */

rp_ns rp_py_watchdog_silence(const struct py_bridge *bridge)
{
    const struct py_watchdog *dog = &bridge->watchdog;

    return dog->is_watching ? rp_clock_ns() - load(&dog->last_change) : 0;
}

void rp_py_watchdog_unstuck(struct py_host *host)
{
    struct py_bridge *bridge = rp_py_bridge(host);
    struct py_watchdog *dog = &bridge->watchdog;
    rp_ns silence = load(&dog->was_stuck), blocked;
    double seconds = 0;
    PyObject *named;
    int times = 0;

    if (!silence)
        silence = rp_py_watchdog_silence(bridge);
    atomic_store_explicit(&host->pulse.is_noticed, false, memory_order_relaxed);
    store(&dog->was_stuck, 0);
    blocked = net_of(dog, silence);
    if (blocked < RP_PY_BLOCK_MS * RP_MS)
        blocked = 0;
    named = rp_py_ask(host, PY_HOOK_UNSTUCK, (double)blocked / 1e9);
    if (!named || !PyArg_ParseTuple(named, "id", &times, &seconds))
        PyErr_WriteUnraisable(host->hooks);
    /* The generator is judged by what a warning names, so that the verdict can point to it. */
    for (int i = 0; i < times && rp_py_running_engine(host); i++)
        rp_worker_note_block(host->worker, i ? 0 : (rp_ns)(seconds * 1e9));
    Py_XDECREF(named);
}

/* No signal is delivered to the watching thread: they are for the one that runs Python's
 * handlers. */
static int start_thread(struct py_bridge *bridge)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    r = pthread_create(&bridge->watchdog.thread, NULL, watch, bridge);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -r;
}

static void close_files(struct py_watchdog *dog)
{
    close(dog->stop_fd);
    if (dog->schedstat_fd >= 0)
        close(dog->schedstat_fd);
}

int rp_py_watchdog_start(struct py_bridge *bridge)
{
    struct py_watchdog *dog = &bridge->watchdog;
    int r;

    dog->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (dog->stop_fd < 0)
        return -errno;
    dog->schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    dog->parent = getppid();
    note_look(dog, rp_clock_ns(), time_waited(dog));
    store(&dog->last_change, dog->looked);
    r = start_thread(bridge);
    if (r < 0)
        close_files(dog);
    dog->is_watching = r == 0;
    return r;
}

void rp_py_watchdog_stop(struct py_bridge *bridge)
{
    struct py_watchdog *dog = &bridge->watchdog;

    if (!dog->is_watching)
        return;
    dog->is_watching = false;
    Py_BEGIN_ALLOW_THREADS;
    (void)eventfd_write(dog->stop_fd, 1);
    pthread_join(dog->thread, NULL);
    Py_END_ALLOW_THREADS;
    close_files(dog);
}

void rp_py_watchdog_forget(struct py_bridge *bridge)
{
    bridge->watchdog = (struct py_watchdog){ .is_watching = false };
    bridge->host.pulse = (struct py_pulse){ .beats = 0 };
}
