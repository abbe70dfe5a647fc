/* SPDX-License-Identifier: MIT */
#include "output/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "loop/loop.h"

enum { TROUBLE_MAX = 1024, RESPONSE_TEXT_MAX = 1 << 20 };
#define PAUSE_FIRST (250 * RP_MS)
#define PAUSE_LEAST (100 * RP_MS) /* also when the server asks for none */
#define PAUSE_ENDING (1 * RP_S)   /* the longest while the end waits for it */

struct body {
    struct rp_list node;
    struct rp_buf bytes;
    uint64_t points;
};

struct rp_delivery {
    struct rp_delivery_config config; /* without its server, which is not borrowed */

    struct rp_poster *poster;
    struct rp_loop *loop; /* the poster's */
    struct rp_timer pause;

    struct rp_sink *sink;
    struct rp_watch watch; /* in the loop of the run: our loop has something to do, */
    struct rp_timer alarm; /* or a timer of it is due */
    struct rp_loop *outer; /* NULL outside of the run */

    struct rp_list waiting; /* the first one is sent, or will be sent next */
    size_t waiting_bytes;
    unsigned failures; /* in a row */
    uint64_t chance;   /* state of the jitter */
    bool is_probing, is_ending, has_warned, has_lost, has_remarked;
    rp_ns last_taken;
    uint64_t points, lost; /* all of them; those that were lost */
    /* Clauses. Why the body that is sent was not taken so far, empty when there is no reason yet; why
     * the last numbers were lost. */
    char trouble[TROUBLE_MAX], loss[TROUBLE_MAX];
};

static void send_next(struct rp_delivery *d);

/* ---- turning --------------------------------------------------------------------------------- */

static void turn_in_run(struct rp_delivery *d);
static bool is_waiting_for_probe(const struct rp_delivery *d);
static void finish_probe(struct rp_delivery *d);

static void ready(struct rp_watch *watch, unsigned what)
{
    turn_in_run(rp_container_of(watch, struct rp_delivery, watch));
}

static void rang(struct rp_timer *timer, rp_ns now)
{
    turn_in_run(rp_container_of(timer, struct rp_delivery, alarm));
}

/* Does what can be done now, and has the loop of the run call again. */
static void turn(struct rp_delivery *d)
{
    rp_ns next;

    do
        if (rp_loop_turn(d->loop, 0) < 0)
            break;
    while (rp_loop_has_tasks(d->loop));
    next = rp_loop_next_deadline(d->loop);
    if (next == RP_NS_NEVER)
        rp_timer_disarm(&d->alarm);
    else
        rp_timer_arm(d->outer, &d->alarm, next, rang);
}

static void turn_in_run(struct rp_delivery *d)
{
    if (!d->outer)
        return;
    turn(d);
    if (d->is_probing && !is_waiting_for_probe(d))
        finish_probe(d);
}

void rp_delivery_leave_loop(struct rp_delivery *d)
{
    if (!d->outer)
        return;
    rp_watch_stop(&d->watch);
    rp_timer_disarm(&d->alarm);
    d->outer = NULL;
}

/* ---- losses ---------------------------------------------------------------------------------- */

static void drop(struct rp_delivery *d, struct body *body)
{
    rp_list_remove(&body->node);
    d->waiting_bytes -= body->bytes.len;
    rp_buf_deinit(&body->bytes);
    rp_free(body);
}

/* Why what waits does not get on. */
static const char *reason_of(const struct rp_delivery *d)
{
    return *d->trouble ? d->trouble : "it was too slow";
}

/* Says so once; how much it is in the end is told by rp_delivery_end(). */
static void lose(struct rp_delivery *d, uint64_t points, const char *reason)
{
    d->lost += points;
    snprintf(d->loss, sizeof(d->loss), "%s", reason);
    if (d->has_lost || d->is_ending)
        return;
    d->has_lost = true;
    rp_sink_lose(d->sink, "the output %s loses what it sends to %s: %s", d->config.name,
                 rp_poster_shown(d->poster), d->loss);
}

/* ---- sending --------------------------------------------------------------------------------- */

static rp_ns jittered(struct rp_delivery *d, rp_ns pause)
{
    d->chance = d->chance * 6364136223846793005u + 1442695040888963407u;
    return pause / 2 + (rp_ns)((double)(d->chance >> 33) / 0x1p31 * (double)pause);
}

static void paused(struct rp_timer *timer, rp_ns now)
{
    send_next(rp_container_of(timer, struct rp_delivery, pause));
}

/* Sends the same again, later. */
static void retry(struct rp_delivery *d)
{
    rp_ns pause = PAUSE_FIRST << (d->failures < 7 ? d->failures : 7);
    rp_ns asked = rp_poster_answer(d->poster).wait;

    d->failures++;
    pause = jittered(d, pause > RP_DELIVERY_PAUSE_MAX ? RP_DELIVERY_PAUSE_MAX : pause);
    if (asked >= 0)
        pause = asked > RP_DELIVERY_PAUSE_MAX ? RP_DELIVERY_PAUSE_MAX
                : asked > PAUSE_LEAST         ? asked
                                              : PAUSE_LEAST;
    if (d->is_ending && pause > PAUSE_ENDING)
        pause = PAUSE_ENDING;
    rp_timer_arm(d->loop, &d->pause, rp_loop_now(d->loop) + pause, paused);
}

/* The server has the body; but it may say that it has not taken all of it. */
static void note_refused(struct rp_delivery *d, const struct body *body)
{
    struct rp_buf why, clean;
    uint64_t refused;

    if (!d->config.count_refused)
        return;
    rp_buf_init(&why, RESPONSE_TEXT_MAX);
    rp_buf_init(&clean, TROUBLE_MAX);
    refused = d->config.count_refused(rp_poster_answer(d->poster).body, &why);
    rp_poster_put_said(d->poster, rp_buf_slice(&why), &clean);
    if (refused) {
        refused = refused < body->points ? refused : body->points;
        snprintf(d->trouble, sizeof(d->trouble), "it did not take %llu of %llu: %s",
                 (unsigned long long)refused, (unsigned long long)body->points,
                 clean.len ? rp_buf_str(&clean) : "it does not say why");
        lose(d, refused, d->trouble);
    } else if (clean.len && !d->has_remarked && !d->is_ending) {
        d->has_remarked = true; /* once: the next remark may differ, and come each second */
        rp_result_warn(d->sink->sinks->result, "%s says to the output %s: %s",
                       rp_poster_shown(d->poster), d->config.name, rp_buf_str(&clean));
    }
    rp_buf_deinit(&why);
    rp_buf_deinit(&clean);
}

/* Of the request before the run. */
static rp_ns probe_timeout(const struct rp_delivery *d)
{
    return d->config.timeout < RP_DELIVERY_PROBE ? d->config.timeout : RP_DELIVERY_PROBE;
}

static void posted(void *user)
{
    struct rp_delivery *d = user;
    struct rp_answer answer = rp_poster_answer(d->poster);
    struct body *body;

    if (!answer.is_taken)
        rp_poster_explain(d->poster, d->trouble, sizeof(d->trouble));
    if (d->is_probing) {
        if (!answer.is_taken)
            rp_poster_ask_tls(d->poster, probe_timeout(d));
        return;
    }
    body = rp_container_of(d->waiting.next, struct body, node);
    if (answer.is_passing) {
        if (!d->has_warned && !d->is_ending)
            rp_result_warn(d->sink->sinks->result,
                           "the output %s could not deliver to %s, and tries again: %s",
                           d->config.name, rp_poster_shown(d->poster), d->trouble);
        d->has_warned = true;
        retry(d);
        return;
    }
    d->failures = 0;
    if (answer.is_taken) {
        d->last_taken = rp_loop_now(d->loop);
        note_refused(d, body);
    } else {
        lose(d, body->points, d->trouble);
    }
    d->trouble[0] = '\0'; /* the next body has had none */
    drop(d, body);
    send_next(d);
}

/* The first body that waits, unless one is on its way or has to be waited for. */
static void send_next(struct rp_delivery *d)
{
    struct rp_error err = { 0 };
    struct body *body;

    if (rp_list_is_empty(&d->waiting) || rp_poster_is_sending(d->poster) ||
        rp_timer_is_armed(&d->pause))
        return;
    body = rp_container_of(d->waiting.next, struct body, node);
    if (rp_poster_send(d->poster, rp_buf_slice(&body->bytes), d->config.timeout, &err) < 0) {
        snprintf(d->trouble, sizeof(d->trouble), "%s", /* no memory */
                 err.message ? err.message : strerror(ENOMEM));
        rp_error_deinit(&err);
        retry(d);
    }
}

/* A body that is on its way is the first one, and stays. */
static void make_room(struct rp_delivery *d)
{
    while (d->waiting_bytes > RP_DELIVERY_WAITING) {
        struct rp_list *oldest = d->waiting.next;
        struct body *body;

        if (rp_poster_is_sending(d->poster))
            oldest = oldest->next;
        if (oldest == &d->waiting)
            return;
        body = rp_container_of(oldest, struct body, node);
        lose(d, body->points, reason_of(d));
        drop(d, body);
    }
}

void rp_delivery_put(struct rp_delivery *d, struct rp_buf *bytes, uint64_t points)
{
    struct body *body = rp_calloc(1, sizeof(*body));

    d->points += points;
    if (!body || bytes->error) {
        rp_free(body);
        lose(d, points, strerror(bytes->error ? -bytes->error : ENOMEM));
        rp_buf_reset(bytes);
        return;
    }
    body->bytes = *bytes;
    body->points = points;
    d->waiting_bytes += bytes->len;
    rp_buf_init(bytes, bytes->max);
    rp_list_append(&d->waiting, &body->node);
    make_room(d);
    send_next(d);
    turn_in_run(d);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int refuse(struct rp_delivery *d, const char *why, struct rp_error *err)
{
    return rp_error_set(err, -RP_EUSER, "the output %s cannot use %s: %s", d->config.name,
                        rp_poster_shown(d->poster), why);
}

static void hint_certificate(const struct rp_delivery *d, const struct rp_answer *answer,
                             struct rp_error *err)
{
    if (answer->is_of_stranger)
        rp_error_hint(err,
                      "--output-option %s.cacert=FILE names its authority, %s.insecure=1 takes any "
                      "certificate",
                      d->config.name, d->config.name);
    else
        rp_error_hint(err, "--output-option %s.insecure=1 takes any certificate", d->config.name);
}

static int refuse_plain(struct rp_delivery *d, struct rp_error *err)
{
    bool is_grpc = strncmp(rp_poster_shown(d->poster), "grpc", 4) == 0;

    refuse(d, "the server speaks TLS, and its URL says none", err);
    rp_error_hint(err, "the URL begins with %s", is_grpc ? "grpcs://" : "https://");
    return -RP_EUSER;
}

static int start_probe(struct rp_delivery *d, struct rp_slice body, struct rp_error *err)
{
    int r = rp_poster_send(d->poster, body, probe_timeout(d), err);

    d->is_probing = r == 0;
    return r == -RP_EUSER ? rp_error_prefix(err, r, d->config.name) : r;
}

/* For the answer to the request, or for the reason why there is none. */
static bool is_waiting_for_probe(const struct rp_delivery *d)
{
    return rp_poster_is_sending(d->poster) || rp_poster_is_asking(d->poster);
}

/* What the answer means for the run. */
static int judge_probe(struct rp_delivery *d, struct rp_error *err)
{
    struct rp_answer answer = rp_poster_answer(d->poster);

    d->is_probing = false;
    if (rp_poster_take_tls(d->poster))
        return refuse_plain(d, err);
    if (answer.is_lasting || (d->config.is_required && answer.is_passing)) {
        refuse(d, d->trouble, err);
        if (answer.remedy)
            rp_error_hint(err, "%s", answer.remedy);
        else if (answer.is_untrusted)
            hint_certificate(d, &answer, err);
        return -RP_EUSER;
    }
    if (answer.is_passing) {
        rp_result_warn(d->sink->sinks->result,
                       "the output %s could not deliver to %s, and tries again: %s", d->config.name,
                       rp_poster_shown(d->poster), d->trouble);
        d->has_warned = true;
    }
    return 0;
}

static void finish_probe(struct rp_delivery *d)
{
    struct rp_error err = { 0 };
    int r = judge_probe(d, &err);

    if (r < 0)
        rp_delivery_leave_loop(d);
    rp_sink_opened(d->sink, r, &err);
    rp_error_deinit(&err);
}

static int enter_loop(struct rp_delivery *d, struct rp_loop *outer)
{
    int r = outer ? rp_watch_start(outer, &d->watch, rp_loop_fd(d->loop), RP_READABLE, ready) : 0;

    if (r < 0 || !outer)
        return r;
    d->outer = outer;
    turn(d);
    return 0;
}

int rp_delivery_begin(struct rp_delivery *d, struct rp_sink *sink, struct rp_slice body,
                      struct rp_error *err)
{
    int r = rp_poster_open(d->poster, err);

    if (r == -RP_EUSER)
        rp_error_prefix(err, r, d->config.name);
    d->sink = sink;
    d->loop = rp_poster_loop(d->poster);
    if (r == 0 && rp_poster_proxy(d->poster).len)
        rp_result_note(sink->sinks->result, "the output %s goes through the proxy %.*s",
                       d->config.name, (int)rp_poster_proxy(d->poster).len,
                       rp_poster_proxy(d->poster).ptr);
    if (r == 0)
        r = start_probe(d, body, err);
    while (r == 0 && !sink->sinks->opened && is_waiting_for_probe(d))
        r = rp_loop_turn(d->loop, RP_NS_NEVER);
    if (r == 0)
        r = enter_loop(d, sink->sinks->loop);
    if (r < 0)
        return r;
    sink->is_opening = is_waiting_for_probe(d);
    r = sink->is_opening ? 0 : judge_probe(d, err);
    if (r < 0)
        rp_delivery_leave_loop(d);
    return r;
}

/* ---- the end --------------------------------------------------------------------------------- */

int rp_delivery_end(struct rp_delivery *d, struct rp_error *err)
{
    rp_ns now = rp_clock_ns(), over = now + 3 * d->config.wait;
    int r = 0;

    rp_delivery_leave_loop(d);
    d->is_ending = true;
    d->last_taken = now;
    if (rp_timer_is_armed(&d->pause)) /* it may be long */
        rp_timer_arm(d->loop, &d->pause, now, paused);
    send_next(d);
    while (r == 0 && !rp_list_is_empty(&d->waiting)) {
        rp_ns until = d->last_taken + d->config.wait < over ? d->last_taken + d->config.wait : over;

        if (rp_clock_ns() >= until)
            break;
        r = rp_loop_turn(d->loop, until);
    }
    RP_LIST_EACH (node, &d->waiting)
        lose(d, rp_container_of(node, struct body, node)->points, reason_of(d));
    if (!d->lost)
        return 0;
    return rp_error_set(err, -EIO,
                        "of the %llu numbers of the output %s %llu did not get to %s: %s",
                        (unsigned long long)d->points, d->config.name, (unsigned long long)d->lost,
                        rp_poster_shown(d->poster), d->loss);
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_delivery_new(const struct rp_delivery_config *config, struct rp_delivery **ret,
                    struct rp_error *err)
{
    struct rp_delivery *d = rp_calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    rp_list_init(&d->waiting);
    d->config = *config;
    d->config.server = (struct rp_poster_config){ .url = NULL };
    if (!config->timeout)
        d->config.timeout = RP_DELIVERY_TIMEOUT;
    d->chance = (uint64_t)rp_clock_ns();
    r = rp_poster_new(&config->server, posted, d, &d->poster, err);
    if (r < 0) {
        rp_delivery_free(d);
        return r;
    }
    *ret = d;
    return 0;
}

void rp_delivery_free(struct rp_delivery *d)
{
    if (!d)
        return;
    rp_delivery_leave_loop(d);
    RP_LIST_EACH (node, &d->waiting)
        drop(d, rp_container_of(node, struct body, node));
    rp_timer_disarm(&d->pause);
    rp_poster_free(d->poster);
    rp_free(d);
}
