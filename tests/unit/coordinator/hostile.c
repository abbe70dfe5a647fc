/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "hostile_words.h"

enum { QUEUE_MAX = 8 };

struct hostile {
    struct rp_peer_body body;
    struct rp_peer_ops ops;
    struct rp_link link;
    struct hostiles *all;
    struct rp_timer turn, ending;
    struct rp_buf queue[QUEUE_MAX]; /* said, and not yet delivered */
    size_t queued;
    struct speaker speaker;
    bool is_started, is_open, is_over, is_silent, is_stopped, is_ending;
};

static struct hostile *hostile_of(const struct rp_peer_body *body)
{
    return rp_container_of(body, struct hostile, body);
}

/* ---- chance, and allocations ---- */

uint64_t chance_next(struct chance *chance, uint64_t bound)
{
    uint64_t x = chance->state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % bound;
}

bool chance_of(struct chance *chance, unsigned percent)
{
    return chance_next(chance, 100) < percent;
}

static uint64_t failing; /* the count at which an allocation fails; 0: none does */

void fail_allocation_at(uint64_t n)
{
    failing = n ? rp_alloc_count() + n : 0;
    rp_alloc_fail_at(n);
}

static uint64_t suspended_at;

void suspend_failures(void)
{
    suspended_at = rp_alloc_count();
    rp_alloc_fail_at(0);
}

void resume_failures(void)
{
    if (failing <= suspended_at)
        return; /* it has failed already, or none is to */
    failing += rp_alloc_count() - suspended_at;
    rp_alloc_fail_at(failing - rp_alloc_count());
}

/* ---- what it says ---- */

static void forget_queue(struct hostile *hostile)
{
    for (size_t i = 0; i < hostile->queued; i++)
        rp_buf_deinit(&hostile->queue[i]);
    hostile->queued = 0;
}

static void cut(struct hostile *hostile, int status)
{
    if (!hostile->is_open)
        return;
    hostile->is_open = false;
    forget_queue(hostile);
    hostile->link.events->closed(&hostile->link, status);
}

/* Delivers at most @max messages. */
static void deliver(struct hostile *hostile, size_t max)
{
    while (hostile->is_open && hostile->queued && max-- > 0) {
        struct rp_buf message = hostile->queue[0];
        int r;

        hostile->queued--;
        memmove(&hostile->queue[0], &hostile->queue[1],
                hostile->queued * sizeof(hostile->queue[0]));
        r = hostile->link.events->received(&hostile->link, rp_buf_slice(&message));
        rp_buf_deinit(&message);
        if (r < 0)
            cut(hostile, r);
    }
}

static void say(struct hostile *hostile, void (*word)(struct speaker *speaker, struct rp_buf *out))
{
    struct rp_buf *out = &hostile->queue[hostile->queued];

    deliver(hostile, hostile->queued == QUEUE_MAX);
    if (!hostile->is_open || hostile->queued == QUEUE_MAX)
        return;
    out = &hostile->queue[hostile->queued++];
    suspend_failures();
    rp_buf_init(out, 1 << 20);
    word(&hostile->speaker, out);
    assert_int_equal(out->error, 0);
    resume_failures();
}

/* ---- what happens to it ---- */

static void end(struct rp_timer *timer, rp_ns now)
{
    struct hostile *hostile = rp_container_of(timer, struct hostile, ending);

    hostile->is_over = true;
    rp_timer_disarm(&hostile->turn);
    hostile->body.events->ended(
        &hostile->body,
        &(struct rp_peer_end){ "has had enough", chance_of(hostile->all->chance, 50) });
}

static void end_in(struct hostile *hostile, rp_ns time)
{
    struct rp_loop *loop = hostile->body.loop;

    if (hostile->is_over || hostile->is_ending)
        return;
    hostile->is_ending = true;
    rp_timer_arm(loop, &hostile->ending, rp_loop_now(loop) + time, end);
}

static rp_ns moment(struct hostile *hostile)
{
    return (rp_ns)chance_next(hostile->all->chance, 400 * RP_MS);
}

/* It does nothing more. While it loads its script or makes its VUs, nobody else would end that. */
static void fall_silent(struct hostile *hostile)
{
    hostile->is_silent = true;
    if (hostile->speaker.is_loading)
        end_in(hostile, 5 * RP_S);
}

static void go_wrong(struct hostile *hostile)
{
    static const int statuses[] = { 0, 0, -ECONNRESET, -EIO, -EBADMSG, -ENOMEM };
    struct chance *chance = hostile->all->chance;

    switch (chance_next(chance, 12)) {
    case 0:
        cut(hostile, statuses[chance_next(chance, RP_ARRAY_LEN(statuses))]);
        break;
    case 1:
        end_in(hostile, 0);
        break;
    case 2:
        fall_silent(hostile);
        break;
    case 3:
        hostile->is_stopped = true;
        fall_silent(hostile);
        break;
    case 4:
        say(hostile, say_noise);
        break;
    default:
        say(hostile, say_anything);
        break;
    }
}

static void take_turn(struct rp_timer *timer, rp_ns now)
{
    struct hostile *hostile = rp_container_of(timer, struct hostile, turn);
    struct chance *chance = hostile->all->chance;

    if (chance_of(chance, hostile->all->badness))
        go_wrong(hostile);
    else
        say(hostile, say_what_is_due);
    deliver(hostile, hostile->speaker.has_left || chance_of(chance, 90) ? QUEUE_MAX : 0);
    if (hostile->speaker.has_left)
        end_in(hostile, moment(hostile));
    if (hostile->speaker.has_left && hostile->ops.ends_with_channel)
        cut(hostile, 0);
    if (!hostile->is_over && !hostile->is_silent && hostile->is_open)
        rp_timer_arm(hostile->body.loop, timer, now + 1 + moment(hostile), take_turn);
}

/* ---- its link ---- */

static struct hostile *hostile_of_link(struct rp_link *link)
{
    struct hostile *hostile = rp_container_of(link, struct hostile, link);

    assert_true(hostile->is_open);
    return hostile;
}

static int send_it(struct rp_link *link, struct rp_slice bytes)
{
    struct hostile *hostile = hostile_of_link(link);
    struct rp_message *message;
    unsigned bit;

    if (hostile->is_over)
        return -EPIPE;
    suspend_failures();
    assert_int_equal(rp_message_decode(bytes, &message), 0);
    hear(&hostile->speaker, message, rp_loop_now(hostile->body.loop));
    rp_message_free(message);
    resume_failures();
    bit = 1u << hostile->speaker.index;
    hostile->all->pausing &= ~bit;
    hostile->all->pausing |= hostile->speaker.is_paused ? bit : 0;
    if (hostile->is_silent)
        fall_silent(hostile);
    return 0;
}

static void receive(struct rp_link *link)
{
    deliver(hostile_of_link(link), QUEUE_MAX);
}

static int drain(struct rp_link *link, int timeout_ms)
{
    return 0;
}

static void close_it(struct rp_link *link)
{
    struct hostile *hostile = hostile_of_link(link);

    hostile->is_open = false;
    forget_queue(hostile);
    if (chance_of(hostile->all->chance, 80)) /* others hang on */
        end_in(hostile, moment(hostile));
}

static const struct rp_link_ops link_ops = {
    .send = send_it,
    .receive = receive,
    .drain = drain,
    .close = close_it,
};

/* ---- its body ---- */

static void connect_it(struct rp_timer *timer, rp_ns now)
{
    struct hostile *hostile = rp_container_of(timer, struct hostile, turn);

    hostile->link.ops = &link_ops;
    hostile->is_open = true;
    hostile->body.events->connected(&hostile->body, &hostile->link);
    rp_timer_arm(hostile->body.loop, timer, now + moment(hostile), take_turn);
}

static int start(struct rp_peer_body *body, struct rp_error *err)
{
    struct hostile *hostile = hostile_of(body);
    struct chance *chance = hostile->all->chance;

    assert_false(hostile->is_started);
    hostile->is_started = true;
    if (hostile->all->badness && chance_of(chance, 3))
        return chance_of(chance, 50) ? rp_error_set(err, -RP_EUSER, "it cannot be started")
                                     : -EMFILE;
    if (chance_of(chance, 50))
        connect_it(&hostile->turn, rp_loop_now(body->loop));
    else
        rp_timer_arm(body->loop, &hostile->turn, rp_loop_now(body->loop) + moment(hostile),
                     connect_it);
    return 0;
}

static void kill_it(struct rp_peer_body *body)
{
    struct hostile *hostile = hostile_of(body);

    assert_true(hostile->is_started);
    if (!hostile->is_over && hostile->is_ending) /* sooner */
        hostile->is_ending = false;
    end_in(hostile, moment(hostile) / 100);
}

static void remind(struct rp_peer_body *body)
{
    assert_true(hostile_of(body)->is_started);
}

static enum rp_peer_state look(const struct rp_peer_body *body)
{
    const struct hostile *hostile = hostile_of(body);

    if (hostile->is_over)
        return RP_PEER_ENDED;
    return hostile->is_stopped ? RP_PEER_STOPPED : RP_PEER_RUNS;
}

static const char *last_words(const struct rp_peer_body *body)
{
    return "so it goes";
}

static void free_it(struct rp_peer_body *body)
{
    struct hostile *hostile = hostile_of(body);

    rp_timer_disarm(&hostile->turn);
    rp_timer_disarm(&hostile->ending);
    assert_false(hostile->is_open);
    forget_queue(hostile);
    hostile->all->living--;
    free(hostile);
}

static int make(const struct rp_peer_source *source, uint32_t index, struct rp_peer_body **ret)
{
    struct hostiles *all = (struct hostiles *)rp_container_of(source, const struct hostiles,
                                                              source);
    struct hostile *hostile;

    if (all->badness && chance_of(all->chance, 2))
        return -ENOMEM;
    hostile = calloc(1, sizeof(*hostile));
    assert_non_null(hostile);
    hostile->ops = (struct rp_peer_ops){ .start = start,
                                         .kill = kill_it,
                                         .remind = chance_of(all->chance, 50) ? remind : NULL,
                                         .look = look,
                                         .last_words = chance_of(all->chance, 50) ? last_words
                                                                                  : NULL,
                                         .free = free_it,
                                         .overdue = "had no end",
                                         .ends_with_channel = chance_of(all->chance, 50),
                                         .has_own_clock = chance_of(all->chance, 50) };
    hostile->body.ops = &hostile->ops;
    hostile->all = all;
    hostile->speaker.chance = all->chance;
    hostile->speaker.index = index;
    all->living++;
    *ret = &hostile->body;
    return 0;
}

void hostiles_init(struct hostiles *hostiles, struct chance *chance, unsigned badness)
{
    *hostiles = (struct hostiles){ { .make = make }, chance, badness, 0, 0 };
}
