/* SPDX-License-Identifier: MIT */
#include "loop/stamps.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"

enum { READINGS = 5, STEP_MAX = 63 };
/* The clocks are not measured more often than this, however many stamps are wrong. */
#define MEASURE_PAUSE (100 * RP_US)
/* Two measurements that differ by more have a step of the wall clock between them. */
#define CLOCK_STEP (10 * RP_US)
/* Delays are told about so often under load, and each of them without. */
#define TELL_INTERVAL RP_MS

void rp_stamps_init(struct rp_stamps *stamps)
{
    *stamps = (struct rp_stamps){
        .switch_fd = -1, .wait_began = RP_NS_NEVER, .step = 1, .until_told = 1
    };
    rp_list_init(&stamps->users);
}

static void switch_off(struct rp_stamps *stamps)
{
    if (stamps->switch_fd >= 0)
        close(stamps->switch_fd);
    stamps->switch_fd = -1;
}

void rp_stamps_deinit(struct rp_stamps *stamps)
{
    rp_assert(!rp_stamps_are_wanted(stamps));
    switch_off(stamps);
}

static bool ask(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0;
}

bool rp_stamps_ask(const struct rp_stamps *stamps, int fd)
{
    return rp_stamps_are_wanted(stamps) && ask(fd);
}

/* The kernel stamps segments as long as any socket of the machine wants it, and begins with that
 * some time after the first one has asked: the first answers would have no stamp, and connecting
 * would cost twice as much. So the loop keeps a socket that wants it, and that nothing is sent to. */
static void switch_on(struct rp_stamps *stamps)
{
    static const int families[] = { AF_INET, AF_INET6 };

    for (size_t i = 0; stamps->switch_fd < 0 && i < RP_ARRAY_LEN(families); i++)
        stamps->switch_fd = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (stamps->switch_fd >= 0 && !ask(stamps->switch_fd))
        switch_off(stamps);
}

void rp_stamps_add(struct rp_stamps *stamps, struct rp_stamp_user *user)
{
    if (!rp_stamps_are_wanted(stamps))
        switch_on(stamps);
    rp_list_append(&stamps->users, &user->node);
}

void rp_stamps_remove(struct rp_stamps *stamps, struct rp_stamp_user *user)
{
    rp_list_remove(&user->node);
    if (!rp_stamps_are_wanted(stamps))
        switch_off(stamps);
}

/* A reading of the wall clock between two of ours: the closer together, the more exact. */
void rp_stamps_measure(struct rp_stamps *stamps, rp_ns now)
{
    rp_ns narrowest = RP_NS_NEVER;

    for (int i = 0; i < READINGS; i++) {
        rp_ns before = rp_clock_ns(), wall = rp_wall_clock_ns(), took = rp_clock_ns() - before;

        if (took >= narrowest)
            continue;
        narrowest = took;
        stamps->offset = wall - before - took / 2;
    }
    stamps->measured = now;
}

/* Whether segments have come out of order since this was last asked of the connection, or may have:
 * kernels before Linux 5.4 do not tell. */
static bool has_had_gap(struct rp_stream *stream)
{
    struct tcp_info info = { .tcpi_rcv_ooopack = 0 };
    socklen_t len = sizeof(info);
    uint32_t before = stream->out_of_order;

    if (getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
        len < offsetof(struct tcp_info, tcpi_rcv_ooopack) + sizeof(info.tcpi_rcv_ooopack))
        return true;
    stream->out_of_order = info.tcpi_rcv_ooopack;
    return info.tcpi_rcv_ooopack != before;
}

rp_ns rp_stamps_doubt(struct rp_stamps *stamps, struct rp_stream *stream,
                      const struct timespec *stamp, rp_ns at)
{
    rp_ns offset = stamps->offset;
    rp_ns time = stamp->tv_sec * RP_S + stamp->tv_nsec - offset;

    if (at - stamps->measured >= MEASURE_PAUSE)
        rp_stamps_measure(stamps, at);
    /* Whether the clock has stepped before or after the bytes came is not known. */
    if (llabs(stamps->offset - offset) > CLOCK_STEP)
        return at;
    if (time < stream->last_data || time > at)
        return at;
    return time < stamps->earliest && has_had_gap(stream) ? at : time;
}

/* Steps are odd: turns that take always the same number of answers are not always told about the
 * same one of them. */
void rp_stamps_tell(struct rp_stamps *stamps, rp_ns delay, rp_ns at)
{
    RP_LIST_EACH (it, &stamps->users) {
        struct rp_stamp_user *user = rp_container_of(it, struct rp_stamp_user, node);

        user->delay(user, delay, stamps->step);
    }
    if (at - stamps->told < TELL_INTERVAL && stamps->step < STEP_MAX)
        stamps->step = stamps->step * 2 + 1;
    else if (at - stamps->told > 2 * TELL_INTERVAL)
        stamps->step /= 2;
    stamps->step += stamps->step == 0;
    stamps->until_told = stamps->step;
    stamps->told = at;
}
