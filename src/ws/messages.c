/* SPDX-License-Identifier: MIT */

/* Messages that have come and wait to be taken. When many wait, nothing more is received. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "ws/ws_internal.h"

enum {
    PAUSE_AT = 256 * 1024, /* bytes that wait */
    GO_ON_AT = 64 * 1024,
    PAUSE_COUNT = 1024, /* messages */
    GO_ON_COUNT = 256,
    /* Messages of 1 KiB and more are larger than what malloc() has at hand at once. So the client keeps
     * some that were given back. */
    SPARE_MAX = 8 * 1024,    /* bytes of one */
    SPARES_MAX = 256 * 1024, /* bytes of all, with their heads */
};

static bool has_many(const struct rp_ws_session *session)
{
    return session->waiting_bytes >= PAUSE_AT || session->waiting_count >= PAUSE_COUNT;
}

void rp_ws_resume(struct rp_ws_session *session)
{
    if (!session->is_paused || rp_transport_resume(session->upgraded.transport) < 0)
        return;
    session->is_paused = false;
    session->held_up_ping = session->pings;
    session->last_received = rp_loop_now(session->user->client->loop); /* none could come so far */
}

static void go_on(struct rp_ws_session *session)
{
    if (!session->is_paused || session->waiting_bytes > GO_ON_AT ||
        session->waiting_count > GO_ON_COUNT || !session->upgraded.transport)
        return;
    rp_ws_resume(session); /* without memory the next message that is taken tries again */
}

static struct rp_ws_message *take_at(struct rp_ws_session *session, struct rp_ws_message **link)
{
    struct rp_ws_message *message = *link;

    if (!message)
        return NULL;
    *link = message->next;
    if (!*link)
        session->last = link;
    session->waiting_bytes -= message->len;
    session->waiting_count--;
    go_on(session);
    return message;
}

struct rp_ws_message *rp_ws_take(struct rp_ws_session *session)
{
    return take_at(session, &session->first);
}

const struct rp_ws_message *rp_ws_after(const struct rp_ws_session *session, uint64_t number)
{
    const struct rp_ws_message *message = session->first;

    while (message && message->number <= number)
        message = message->next;
    return message;
}

struct rp_ws_message *rp_ws_take_number(struct rp_ws_session *session, uint64_t number)
{
    struct rp_ws_message **link = &session->first;

    while (*link && (*link)->number != number)
        link = &(*link)->next;
    return take_at(session, link);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t size_of(const struct rp_ws_message *message)
{
    return sizeof(*message) + message->room;
}

void rp_ws_give_back(struct rp_ws_session *session, struct rp_ws_message *message)
{
    struct rp_ws_client *client = session ? session->user->client : NULL;

    if (!message)
        return;
    if (!client || message->room > SPARE_MAX ||
        client->spare_bytes + size_of(message) > SPARES_MAX) {
        rp_free(message);
        return;
    }
    client->spare_bytes += size_of(message);
    message->next = client->spare;
    client->spare = message;
}

void rp_ws_free_spare(struct rp_ws_client *client)
{
    struct rp_ws_message *message;

    while ((message = client->spare)) {
        client->spare = message->next;
        rp_free(message);
    }
    client->spare_bytes = 0;
}

/* The last one that was given back, if it has about the size: one that is much too large would take
 * more than a message that waits is counted for. */
static struct rp_ws_message *new_message(struct rp_ws_client *client, size_t len)
{
    struct rp_ws_message *message = client->spare;

    if (message) {
        client->spare = message->next;
        client->spare_bytes -= size_of(message);
        if (message->room >= len && message->room / 2 <= len)
            return message;
        rp_free(message);
    }
    message = rp_alloc(sizeof(*message) + len);
    if (message)
        message->room = len;
    return message;
}

/* ---- what comes ------------------------------------------------------------------------------ */

int rp_ws_add_message(struct rp_ws_session *session, enum rp_ws_event kind, struct rp_slice payload,
                      rp_ns at)
{
    struct rp_ws_message *message;

    session->received++;
    rp_ws_tell_message(session, "< ", kind, payload);
    if (session->series)
        rp_series_count(session->series->received, 1);
    /* After our close frame nobody need wait for it. */
    if (session->state == RP_WS_CLOSING && has_many(session))
        return 0;
    message = new_message(session->user->client, payload.len);
    if (!message)
        return -ENOMEM;
    *message = (struct rp_ws_message){ .number = session->received,
                                       .at = at,
                                       .is_text = kind == RP_WS_TEXT,
                                       .is_ascii = !session->ws.utf8.is_not_ascii,
                                       .len = payload.len,
                                       .room = message->room };
    if (payload.len)
        memcpy(message->bytes, payload.ptr, payload.len);
    *session->last = message;
    session->last = &message->next;
    session->waiting_bytes += payload.len;
    session->waiting_count++;
    return 0;
}

void rp_ws_pause_if_full(struct rp_ws_session *session)
{
    if (session->is_paused || session->state != RP_WS_OPEN || !has_many(session))
        return;
    session->is_paused = true;
    rp_transport_pause(session->upgraded.transport);
}
