/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ws/ws.h - the WebSocket client (RFC 6455, RFC 8441): sessions of users, their messages, samples.
 *
 * A client belongs to one loop. What a user has of it, a VU mostly, is a struct rp_ws_user, which
 * stands on the user's HTTP session: a WebSocket begins as a request of HTTP (http/upgrade.h), with
 * that session's cookies, proxies and TLS. A session is one WebSocket. It is opened once; then
 * messages are sent and taken; then it is closed, by either side. Whatever goes wrong is data: the
 * session is closed, and says why.
 *
 * Messages wait in the session until they are taken. When many wait, nothing more is received, and
 * the server is held up by TCP. Pings of the server are answered by the session itself. It closes
 * as RFC 6455 asks for: each side sends a close frame, and the server ends the connection; when it
 * does not, the session does after a time.
 *
 * When the server breaks the protocol, the session fails. But messages that came before the fault can
 * be answered first: it fails when the owner looks for what has not come, mostly because it has taken
 * them, and at the latest a second after the fault.
 *
 * Samples. ws_connecting: from the start until the server's answer. ws_session_duration: from there
 * until both close frames have passed or the connection has ended. ws_ping: from a ping until its
 * pong; not of a ping that was under way while nothing was received. ws_msgs_sent and ws_msgs_received count messages, not frames. ws_errors counts sessions that
 * could not be opened, and those that have ended otherwise than by a close frame of the server or
 * of the script. Bytes count in data_sent and data_received.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "http/upgrade.h"
#include "loop/loop.h"
#include "proto/ws.h"
#include "proto/ws_handshake.h"
#include "stats/registry.h"

struct rp_ws_client;
struct rp_ws_user;
struct rp_ws_session;

/* @registry: NULL = nothing is recorded. */
RP_NODISCARD int rp_ws_client_new(struct rp_loop *loop, struct rp_registry *registry,
                                  struct rp_ws_client **ret);
/* No user may be left. NULL is allowed. */
void rp_ws_client_free(struct rp_ws_client *client);
/* Has the client keep the first @of_kind failed sessions of each kind, which is a name with a status and an
 * error code, with what is said of the failure; 0, as in a new client = none. Those to whose request HTTP has
 * had no answer, or one that is a failure, the HTTP client keeps. */
void rp_ws_client_keep_failed(struct rp_ws_client *client, unsigned of_kind);
/* Calls @fn for each that was kept since the last call, and forgets it. */
void rp_ws_client_take_exchanges(struct rp_ws_client *client, rp_exchange_fn *fn, void *user);
/* Sessions that are open, or being closed. */
uint64_t rp_ws_client_open(const struct rp_ws_client *client);
/* The run has ended, and its samples are about to be read. Sessions that are still open are closed
 * without waiting for the server, and what they record is recorded; their owners leave them later. */
void rp_ws_client_finish(struct rp_ws_client *client);

/* @client and @http outlive the user; sessions are opened by @http_client. */
RP_NODISCARD int rp_ws_user_new(struct rp_ws_client *client, struct rp_http_client *http_client,
                                struct rp_http_session *http, struct rp_ws_user **ret);
/* Its sessions end at once, without a callback. They have been left: see rp_ws_leave(). */
void rp_ws_user_free(struct rp_ws_user *user);

/* A session of @user that was opened and not left; or NULL. */
struct rp_ws_session *rp_ws_user_session(const struct rp_ws_user *user);

/* ---- sessions -------------------------------------------------------------------------------- */

enum { RP_WS_PINGS_TIMED = 8 };
#define RP_WS_MESSAGE_MAX ((size_t)4 << 20) /* unless a session says otherwise */

struct rp_ws_spec { /* everything is copied */
    /* URL, headers, name, tags, TLS and proxy. The rest is the client's. */
    struct rp_http_spec http;
    const struct rp_slice *protocols; /* subprotocols that are offered, the preferred one first */
    size_t protocol_count;
    struct rp_slice protocol; /* one of them, which the server must choose; empty = any, or none */
    const struct rp_ws_deflate_terms *deflate; /* what is offered; NULL = no compression */
    size_t message_max;                        /* bytes of a message; 0 = RP_WS_MESSAGE_MAX */
    rp_ns timeout;                             /* for opening; 0 = the HTTP client's default */
    rp_ns close_timeout; /* from our close frame until the server's; 0 = 10 s */
    rp_ns heartbeat;     /* how often the server is sent a ping, and has to answer; 0 = never */
    bool is_h2;          /* a stream of HTTP/2 carries it, else a connection of its own */
};

enum rp_ws_state {
    RP_WS_NEW,
    RP_WS_CONNECTING,
    RP_WS_OPEN,
    RP_WS_CLOSING, /* our close frame was sent, and the server's has not come */
    RP_WS_CLOSED,
};

/* There is something new: the session is open or closed, a message waits, a ping was answered, or
 * there is room for more to be sent. Called by a deferred task of the loop. The session may be left
 * from here. */
typedef void rp_ws_wake_fn(struct rp_ws_session *session);

/* A message that waits. */
struct rp_ws_message {
    struct rp_ws_message *next; /* private */
    uint64_t number;            /* of all that have come, from 1 */
    rp_ns at;                   /* when its last byte arrived */
    bool is_text;               /* then it is UTF-8 */
    bool is_ascii;              /* then it is ASCII too */
    size_t len;
    size_t room; /* private: for bytes */
    char bytes[];
};

/* What each message touches stands together, so that it takes few lines of the cache. */
struct rp_ws_session {
    /* Set by the owner. */
    rp_ws_wake_fn *wake;
    void *owner;
    /* Read only. */
    enum rp_ws_state state;
    bool is_paused;    /* nothing is received until messages are taken */
    bool has_fault;    /* it is open, but fails once the messages that wait are taken */
    uint64_t received; /* messages that have come */
    struct rp_ws_message *first;
    /* Private. */
    struct rp_ws_message **last;
    size_t waiting_bytes, waiting_count;
    struct rp_ws_user *user;
    struct rp_http_upgraded upgraded;
    struct rp_ws_series *series; /* NULL = nothing is recorded */
    uint64_t counted_sent, counted_received;
    rp_ns last_received;
    bool is_left;    /* by its owner */
    bool is_shown;   /* what passes, to people */
    bool is_sending; /* the transport asks for bytes */
    bool is_full;
    bool is_ending; /* the connection is only to be ended: what comes is dropped */
    struct rp_task task;
    struct rp_buf pending, out;
    struct rp_ws ws;
    /* Read only. */
    uint16_t status;             /* of the answer; 0 = there was none */
    struct rp_slice subprotocol; /* that the server has chosen; empty = none */
    bool is_compressed;          /* the server has agreed to permessage-deflate */
    uint64_t pings, pongs;       /* that were sent; up to which they were answered */
    /* When it is closed. The code is that of the close frame of whoever has sent one first;
     * RP_WS_NO_CODE when that has none, RP_WS_ABNORMAL when there was no close frame. */
    uint16_t close_code;
    char close_reason[RP_WS_REASON_MAX + 1];
    /* 0, or why the session was not opened, or has ended by an error: enum rp_http_code, and one
     * clause for people. */
    int error_code;
    char error[256];
    /* Private. */
    struct rp_list node; /* of its user */
    struct rp_http_template *template;
    struct rp_http_response *response;
    struct rp_http_call call;
    const struct rp_tags *tags;
    struct rp_buf protocols;
    char *wanted_protocol; /* or NULL */
    bool offers_deflate, is_h2;
    struct rp_ws_deflate_terms deflate; /* that were offered, then those agreed on */
    size_t message_max;
    rp_ns close_timeout, heartbeat;
    rp_ns opened;
    /* Of each of the last pings: when it was sent; once it was answered, how long that took. */
    rp_ns ping_times[RP_WS_PINGS_TIMED];
    uint64_t
        held_up_ping;    /* up to this one the answers may have waited while nothing was received */
    uint64_t heart_ping; /* the last one of the heartbeat */
    struct rp_timer timer;
    char key[RP_WS_KEY_LEN + 1];
};

/* Whether headers and subprotocols of @spec can be; the rest of it is looked at by
 * rp_ws_session_new(). -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_ws_check_spec(const struct rp_ws_spec *spec, struct rp_error *err);
/* Prepares a session. -RP_EUSER for what is wrong with the URL or a header; -ENOMEM, -errno. */
RP_NODISCARD int rp_ws_session_new(struct rp_ws_user *user, const struct rp_ws_spec *spec,
                                   struct rp_ws_session **ret, struct rp_error *err);
/* Opens it. @response takes the server's answer, and lives until the session has been opened, has
 * failed or was left. @tags: of the samples; NULL when nothing is recorded. Never calls wake() from
 * inside. */
void rp_ws_open(struct rp_ws_session *session, struct rp_http_response *response,
                const struct rp_tags *tags);
/* The prepared request, as long as the session. */
struct rp_http_template *rp_ws_template(const struct rp_ws_session *session);

/* Sends a message; @kind is RP_WS_TEXT (@payload is UTF-8) or RP_WS_BINARY. -EPIPE: the session is
 * not open. -ENOMEM, -EMSGSIZE, -errno. */
RP_NODISCARD int rp_ws_send(struct rp_ws_session *session, enum rp_ws_event kind,
                            struct rp_slice payload);
/* Whether so much waits to be sent that the sender should wait too. */
static inline bool rp_ws_is_full(const struct rp_ws_session *session)
{
    return session->is_full;
}
/* Sends a ping. Its number is session->pings; it is answered when session->pongs has come so far. */
RP_NODISCARD int rp_ws_ping(struct rp_ws_session *session);
/* How long the ping with @number has taken, which was answered. -1: RP_WS_PINGS_TIMED others were
 * sent after it. */
rp_ns rp_ws_ping_took(const struct rp_ws_session *session, uint64_t number);
/* Takes the first message that waits; free it with rp_free(), or let it be used again with
 * rp_ws_give_back(). NULL when none waits. */
struct rp_ws_message *rp_ws_take(struct rp_ws_session *session);
/* The first one that waits and came after that with @number, which stays; or NULL. */
const struct rp_ws_message *rp_ws_after(const struct rp_ws_session *session, uint64_t number);
/* The owner has looked for what has not come: a session that has_fault fails now. No-op for another
 * one. */
void rp_ws_settle(struct rp_ws_session *session);
/* Takes the one with @number; NULL when it does not wait. */
struct rp_ws_message *rp_ws_take_number(struct rp_ws_session *session, uint64_t number);
/* Whoever has taken @message is done with it: its memory may be that of a later one. @session: NULL
 * when it was left meanwhile; then the message is freed. @message: NULL is allowed. */
void rp_ws_give_back(struct rp_ws_session *session, struct rp_ws_message *message);
/* Begins to close an open session. -EINVAL: @code or @reason cannot stand in a close frame. No-op
 * when it is not open. */
RP_NODISCARD int rp_ws_close(struct rp_ws_session *session, unsigned code, struct rp_slice reason);
/* Records that an answer has come at @at to what was sent at @sent: ws_roundtrip. */
void rp_ws_record_roundtrip(struct rp_ws_session *session, rp_ns sent, rp_ns at);
/* As rp_ws_leave(), of a session of which the owner has waited for something in vain: it is open, or was
 * closed by a close frame. It has failed, with @code (enum rp_http_code) and @kind, a constant text. */
void rp_ws_give_up(struct rp_ws_session *session, int code, const char *kind);
/* The owner wants nothing more of it, and no callback follows. A session that is open is closed, by
 * a close frame if that goes without waiting; one that is being opened is given up. It frees itself,
 * when its connection has ended. @record: the script has given up waiting for it to open, which is
 * an error of the session. A session that rp_ws_open() has not seen may be left after its user. */
void rp_ws_leave(struct rp_ws_session *session, bool record);
