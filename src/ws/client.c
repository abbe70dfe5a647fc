/* SPDX-License-Identifier: MIT */

/* The WebSocket client of a worker, and what its sessions record. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ws/ws_internal.h"

enum { SPARE_BUF_MAX = 16 * 1024 }; /* bytes of one that is kept */

static const enum rp_builtin recorded[] = {
    RP_M_WS_SESSIONS,      RP_M_WS_CONNECTING,        RP_M_WS_SESSION_DURATION, RP_M_WS_PING,
    RP_M_WS_MESSAGES_SENT, RP_M_WS_MESSAGES_RECEIVED, RP_M_WS_ERRORS,           RP_M_WS_ROUNDTRIP,
    RP_M_DATA_SENT,        RP_M_DATA_RECEIVED,
};

int rp_ws_client_new(struct rp_loop *loop, struct rp_registry *registry, struct rp_ws_client **ret)
{
    struct rp_ws_client *client = rp_calloc(1, sizeof(*client));
    int r;

    if (!client)
        return -ENOMEM;
    client->loop = loop;
    client->registry = registry;
    rp_list_init(&client->users);
    r = rp_builtin_declare(registry, recorded, RP_ARRAY_LEN(recorded), client->metrics);
    if (r < 0) {
        rp_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

void rp_ws_client_free(struct rp_ws_client *client)
{
    if (!client)
        return;
    rp_assert(rp_list_is_empty(&client->users));
    rp_ws_shared_deinit(&client->shared);
    rp_ws_free_spare(client);
    while (client->spare_buf_count)
        rp_buf_deinit(&client->spare_bufs[--client->spare_buf_count]);
    rp_exchanges_deinit(&client->failed);
    rp_free(client);
}

uint64_t rp_ws_client_open(const struct rp_ws_client *client)
{
    return client->open;
}

/* Ends what @user has open. */
static void finish_user(struct rp_ws_user *user)
{
    RP_LIST_EACH (it, &user->sessions)
        if (rp_ws_cut_short(rp_container_of(it, struct rp_ws_session, node)) < 0) {
            /* the server is not told */
        }
}

static void count_bytes_of(struct rp_ws_user *user)
{
    RP_LIST_EACH (it, &user->sessions) {
        struct rp_ws_session *session = rp_container_of(it, struct rp_ws_session, node);

        if (session->upgraded.connection) {
            rp_http_count_upgraded(&session->upgraded);
            rp_ws_count_bytes(session);
        }
    }
}

void rp_ws_client_finish(struct rp_ws_client *client)
{
    RP_LIST_EACH (it, &client->users)
        finish_user(rp_container_of(it, struct rp_ws_user, node));
    rp_loop_flush(client->loop); /* so that close frames have gone */
    RP_LIST_EACH (it, &client->users)
        count_bytes_of(rp_container_of(it, struct rp_ws_user, node));
}

/* ---- buffers to send from -------------------------------------------------------------------- */

void rp_ws_take_buf(struct rp_ws_client *client, struct rp_buf *buf)
{
    if (client->spare_buf_count)
        *buf = client->spare_bufs[--client->spare_buf_count];
}

void rp_ws_give_back_buf(struct rp_ws_client *client, struct rp_buf *buf)
{
    if (buf->cap > SPARE_BUF_MAX || client->spare_buf_count == RP_WS_SPARE_BUFS) {
        rp_buf_deinit(buf);
        return;
    }
    rp_buf_reset(buf);
    client->spare_bufs[client->spare_buf_count++] = *buf;
    rp_buf_init(buf, SIZE_MAX);
}

/* ---- users ----------------------------------------------------------------------------------- */

int rp_ws_user_new(struct rp_ws_client *client, struct rp_http_client *http_client,
                   struct rp_http_session *http, struct rp_ws_user **ret)
{
    struct rp_ws_user *user = rp_calloc(1, sizeof(*user));

    if (!user)
        return -ENOMEM;
    user->client = client;
    user->http_client = http_client;
    user->http = http;
    rp_list_init(&user->sessions);
    rp_list_append(&client->users, &user->node);
    *ret = user;
    return 0;
}

void rp_ws_user_free(struct rp_ws_user *user)
{
    struct rp_list *node;

    while ((node = user->sessions.next) != &user->sessions) {
        struct rp_ws_session *session = rp_container_of(node, struct rp_ws_session, node);

        rp_assert(session->is_left);
        rp_ws_session_free(session);
    }
    rp_list_remove(&user->node);
    rp_free(user);
}

struct rp_ws_session *rp_ws_user_session(const struct rp_ws_user *user)
{
    RP_LIST_EACH (it, &user->sessions) {
        struct rp_ws_session *session = rp_container_of(it, struct rp_ws_session, node);

        if (!session->is_left)
            return session;
    }
    return NULL;
}

/* ---- samples --------------------------------------------------------------------------------- */

static const struct rp_tags *with(struct rp_ws_client *client, const struct rp_tags *tags,
                                  struct rp_slice key, struct rp_slice value)
{
    return tags ? rp_tags_with(client->registry, tags, key, value) : NULL;
}

/* NULL when nothing is recorded, or memory has run out. */
static const struct rp_tags *tags_of(const struct rp_ws_session *session)
{
    struct rp_ws_client *client = session->user->client;
    const struct rp_tags *tags = client->registry ? session->tags : NULL;
    char number[16];

    if (!tags)
        return NULL;
    snprintf(number, sizeof(number), "%u", session->status);
    tags = rp_http_upgrade_tags(session->template, tags);
    tags = with(client, tags, RP_SLICE("status"), rp_slice_str(number));
    if (session->subprotocol.len)
        tags = with(client, tags, RP_SLICE("subprotocol"), session->subprotocol);
    return tags;
}

static struct rp_series *series_of(struct rp_ws_session *session, enum rp_builtin metric,
                                   const struct rp_tags *tags)
{
    struct rp_ws_client *client = session->user->client;

    return tags ? rp_registry_series(client->registry, client->metrics[metric], tags) : NULL;
}

void rp_ws_record_opened(struct rp_ws_session *session, rp_ns at)
{
    const struct rp_tags *tags = tags_of(session);
    struct rp_ws_series *series = tags ? rp_calloc(1, sizeof(*series)) : NULL;
    struct rp_series *sessions = series_of(session, RP_M_WS_SESSIONS, tags);
    struct rp_series *connecting = series_of(session, RP_M_WS_CONNECTING, tags);

    if (!series || !sessions || !connecting) {
        rp_free(series);
        return;
    }
    rp_series_count(sessions, 1);
    rp_series_trend(connecting, (double)(at - session->call.began));
    series->session_duration = series_of(session, RP_M_WS_SESSION_DURATION, tags);
    series->ping = series_of(session, RP_M_WS_PING, tags);
    series->sent = series_of(session, RP_M_WS_MESSAGES_SENT, tags);
    series->received = series_of(session, RP_M_WS_MESSAGES_RECEIVED, tags);
    series->roundtrip = series_of(session, RP_M_WS_ROUNDTRIP, tags);
    series->bytes_sent = series_of(session, RP_M_DATA_SENT, session->tags);
    series->bytes_received = series_of(session, RP_M_DATA_RECEIVED, session->tags);
    if (series->session_duration && series->ping && series->sent && series->received &&
        series->roundtrip && series->bytes_sent && series->bytes_received)
        session->series = series;
    else
        rp_free(series);
}

static void record_error(struct rp_ws_session *session, const char *kind)
{
    struct rp_ws_client *client = session->user->client;
    const struct rp_tags *tags = tags_of(session);
    struct rp_series *errors;
    char number[16];

    snprintf(number, sizeof(number), "%d", session->error_code);
    tags = with(client, tags, RP_SLICE("error_code"), rp_slice_str(number));
    tags = with(client, tags, RP_SLICE("error"), rp_slice_str(kind));
    errors = series_of(session, RP_M_WS_ERRORS, tags);
    if (errors)
        rp_series_count(errors, 1);
}

void rp_ws_fail(struct rp_ws_session *session, int code, const char *kind, const char *text)
{
    session->error_code = code;
    snprintf(session->error, sizeof(session->error), "%s", text ? text : kind);
    record_error(session, kind);
    rp_ws_keep_failed(session, kind);
}

void rp_ws_fail_closed(struct rp_ws_session *session, int code, const char *kind)
{
    char text[sizeof(session->error)];

    if (session->close_code == RP_WS_NO_CODE)
        snprintf(text, sizeof(text), "%s: close frame without a code", kind);
    else
        snprintf(text, sizeof(text), "%s: close code %u%s%s", kind, session->close_code,
                 *session->close_reason ? ", " : "", session->close_reason);
    rp_ws_fail(session, code, kind, text);
}

void rp_ws_count_bytes(struct rp_ws_session *session)
{
    const struct rp_traffic *traffic = session->upgraded.transport->traffic;
    uint64_t sent = traffic->sent - session->counted_sent;
    uint64_t received = traffic->received - session->counted_received;

    session->counted_sent = traffic->sent;
    session->counted_received = traffic->received;
    if (!session->series)
        return;
    if (sent)
        rp_series_count(session->series->bytes_sent, (int64_t)sent);
    if (received)
        rp_series_count(session->series->bytes_received, (int64_t)received);
}

void rp_ws_record_roundtrip(struct rp_ws_session *session, rp_ns sent, rp_ns at)
{
    if (session->series)
        rp_series_trend(session->series->roundtrip, (double)(at > sent ? at - sent : 0));
}
