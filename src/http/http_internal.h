/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/http_internal.h - what the files of the HTTP client share. See client.c for the design.
 */

#include "http/http.h"
#include "http/proxy.h"
#include "net/dial.h"
#include "plan/metrics.h"
#include "proto/coding.h"
#include "proto/cookie.h"
#include "proto/h1.h"
#include "proto/h2.h"
#include "proto/url.h"

struct origin { /* interned: equal origins are the same pointer */
    struct origin *next;
    const struct rp_http_scheme *scheme;
    char *host;
    uint16_t port;
    /* Where its connections go, and by which layers: see route.c. */
    struct proxy *proxy; /* NULL = none */
    struct via *via;     /* NULL = they go straight */
    const struct rp_layer *const *layers;
    char *dial_host; /* NULL = @host */
    char *unix_path; /* NULL = none */
    uint16_t dial_port;
    struct rp_destination destination;
    /* A connection may turn out to speak HTTP/2, as far as is known, so that one is enough: while it
     * is being opened no other one is. */
    bool is_shared;
    bool has_answered; /* with the head of a response, or with settings of HTTP/2 */
    uint32_t pooled;   /* its connections in the shared pool */
};

/* The series that one kind of outcome of one template is recorded into. */
struct outcome_series {
    const struct rp_tags *base; /* the VU's tags; NULL = unused entry */
    uint16_t status, error_code;
    uint8_t version, tls_version;
    const char *kind;
    struct rp_series *reqs, *failed, *sent, *received;
    struct rp_series *duration, *blocked, *looking_up, *connecting, *tls, *sending, *waiting,
        *receiving;
};

enum { OUTCOME_CACHE = 4 };

struct rp_http_template {
    struct rp_http_client *client;
    const struct rp_http_tls *tls; /* what it says of TLS, or NULL */
    unsigned refs;
    struct origin *origin;
    struct rp_buf head; /* the request head, ready to be sent */
    struct rp_slice body;
    struct rp_h2_request *h2; /* the same for HTTP/2; NULL until it is needed */
    bool is_head, is_idempotent;
    bool is_streamed, is_chunked;
    bool expects_continue; /* the body is sent when the server wants it */
    uint64_t streamed_bytes;
    struct rp_slice proxy; /* as in struct rp_http_spec; part of the interned one */
    bool is_named;         /* the script has given the name */
    bool has_cookie;       /* and the field Cookie */
    bool has_trace;        /* its requests have a field traceparent of their own */
    bool is_upgrade;       /* see http/upgrade.h */
    bool is_tunnel;
    rp_ns keepalive, keepalive_timeout; /* as in struct rp_http_spec */
    bool is_balanced;                   /* likewise */
    /* Whether the connection of a request may serve another one. */
    enum { REUSED, REUSED_WITHIN_LIMITS, NOT_REUSED } reuse;
    char *method, *url, *name;
    char *digest_user, *digest_password; /* or NULL */
    struct rp_header *tags;              /* owned texts */
    size_t tag_count;
    uint16_t (*expected)[2];
    size_t expected_count;
    struct outcome_series outcomes[OUTCOME_CACHE];
    unsigned next_outcome;
    /* What the last redirect led to, for the next call that is led there; NULL = nothing yet. */
    struct rp_http_template *hop;
    char *hop_location;
    bool hop_is_get;
};

/* Of a call that is more than one request as it was prepared. */
struct rp_http_more {
    struct rp_http_template *first; /* what the caller has started; a reference */
    rp_http_done_fn *done;          /* the caller's */
    unsigned redirects;             /* that were followed */
    unsigned lost_peers;            /* addresses of a balanced call that were of no use */
    bool is_answered;               /* the challenge of the server: a further one is refused */
    struct rp_buf head;             /* in place of the template's; empty = there is none */
    struct rp_http_body *body;      /* NULL = the template's */
    enum { UPLOAD_RUNS, UPLOAD_WAITS, UPLOAD_PAUSED, UPLOAD_ENDED, UPLOAD_STOPPED } upload;
    uint64_t uploaded;
    bool is_kept;        /* the connection, when the body ends after an answer that has begun */
    struct rp_buf piece; /* a chunk */
    rp_ns send_began;    /* 0 = with the current send */
};

enum connection_state {
    CONNECTION_OPENING,
    CONNECTION_BUSY,
    CONNECTION_IDLE,
    CONNECTION_UPLOADING, /* busy, with a body that is made while it is sent */
    CONNECTION_SHARED,    /* it speaks HTTP/2: its calls are those of its streams */
    CONNECTION_UPGRADED,  /* it speaks another protocol, for another room */
};

/* Also what a call has of a connection that it shares: then it is a stream of HTTP/2, always busy,
 * without a stack. */
struct connection {
    struct rp_stack stack;
    const struct rp_traffic *traffic; /* the stack's; of a stream, its own */
    struct shared *shared;            /* NULL with HTTP/1 */
    bool is_stream;
    struct rp_list node; /* in the session, or in the client's graveyard */
    struct rp_http_session *session;
    struct origin *origin;
    struct rp_http_call *call; /* NULL when idle */
    struct rp_dial *dial;      /* NULL unless the connection is being opened */
    uint8_t state;             /* enum connection_state */
    uint8_t tls_version;       /* enum rp_tls_version */
    uint8_t cipher;            /* index of the client's cipher_suites */
    bool is_reused : 1;
    bool got_interim : 1; /* an answer that was not the final one */
    /* Of the body that comes, when it is not just kept: body.c. */
    bool is_special : 1; /* there is a decoder, or it is read */
    bool is_read : 1;    /* by the call's reader */
    bool has_looked : 1; /* for its content coding */
    bool is_paused : 1;
    bool is_pooled : 1;     /* in a pool that sessions share */
    bool has_no_memory : 1; /* to send what it was given */
    uint32_t served;        /* requests; only with a limit of the client */
    /* Of one that a balanced call has opened: the address that it leads to; while it is opened, the one that
     * is tried first. Empty = it is not known. NULL = nobody asks. It is behind the connection. */
    struct rp_address *peer;
    struct rp_h1_parser parser;
    struct decoding *decoding; /* of the body that comes; NULL unless it has a content coding */
    /* Armed at the deadline or before it, and moved when it fires too early, so that a request arms
     * nothing. */
    struct rp_timer timer;
    rp_ns deadline;
    /* When bytes came last, as far as somebody asks: a part of an answer, or its last ones. */
    rp_ns last_bytes;
    rp_ns first_byte; /* of the final answer; 0 = it has not come */
    /* Bytes on the wire that earlier requests have counted. Of a connection on which a request is
     * repeated, it is as much less than nothing as the first attempt has sent and received. */
    uint64_t counted_sent, counted_received;
    rp_ns first_attempt; /* how long that took */
};

struct rp_http_session {
    struct rp_http_client *client;
    /* Who has its connections, the calls that wait for one, and the tickets: itself, or the client's
     * shared pool. The session of a connection is always such a one, that of a call is the user's. */
    struct rp_http_session *pool;
    struct rp_list connections; /* busy, idle and opening ones; in a shared pool idle ones first */
    struct rp_list waiting;     /* calls for which no connection is free */
    int64_t user;               /* the number of the user, from 1; 0 = none */
    struct ticket_box *tickets; /* schemes.c */
    bool is_pool;               /* one that others share */
    bool takes_cookies, forgets_cookies;
    struct rp_http_jar *jar;   /* NULL = it has no cookies yet */
    const uint64_t *iteration; /* the number of the user's; cookies are forgotten when it changes */
};

enum { DECODERS_KEPT = 8, CIPHERS_MAX = 64 };

struct schemes {
    const struct rp_http_scheme *rows;
    size_t count;
};
/* Those of a new client, and of this program. Of https it is only the name: see rp_http_scheme(). */
extern const struct schemes rp_http_own_schemes;

struct secure_scheme; /* schemes.c: what https and wss are with one set of settings */

struct rp_http_client {
    struct rp_loop *loop;
    struct rp_registry *registry; /* NULL = nothing is recorded */
    struct rp_dialler dialler;
    struct schemes schemes;
    struct rp_tls_shared *tls;           /* NULL until the first https URL */
    struct secure_scheme *secure;        /* all that there are */
    struct rp_tls_settings tls_settings; /* texts owned */
    struct rp_http_limits limits;
    struct rp_http_counters counters;
    enum rp_http_h2_use h2_use;
    const struct shared_ops *h2; /* NULL = HTTP/2 is never spoken */
    rp_http_trace_fn *trace;     /* or NULL */
    rp_http_note_fn *note;       /* likewise */
    bool has_own_heads;          /* there may be requests for rp_http_make_head() */
    bool has_traceparent;        /* templates have a trace that do not say otherwise */
    void *trace_user;
    struct rp_exchanges failed; /* kept, and not taken yet */
    struct rp_buf shown;        /* texts that were not taken yet, each with its NUL */
    size_t shown_bytes;         /* of all */
    unsigned shown_count;
    bool shows_bodies, is_shown_out; /* the latter is to be told */
    uint64_t trace_random[4];        /* base/random.h */
    char *base_url;                  /* or NULL */
    const struct rp_pairs *hosts;    /* or NULL; see route.c */
    struct proxies proxies;
    struct origin *origins;
    const struct rp_metric *metrics[RP_BUILTIN_COUNT];
    const char *cipher_suites[CIPHERS_MAX]; /* that connections have; the first one is unknown */
    struct rp_http_session *
        pool; /* that all sessions share, as long as there are any; NULL = each has its own connections */
    struct connection *upgraded; /* that the done() which runs may take; else NULL */
    struct rp_list failing;      /* calls that will be told that memory ran out */
    struct rp_list graveyard; /* connections that may still be on the stack of their own callback */
    struct rp_task bury;
    unsigned sessions;
    /* Interrupted, and not taken yet. */
    struct rp_unfinished_list unfinished;
    struct decoding *decoders[DECODERS_KEPT]; /* that no body needs now */
    unsigned decoder_count;
};

/* ---- client.c ---- */

/* NULL when there is no memory. */
struct origin *rp_http_origin(struct rp_http_client *client, const struct rp_http_scheme *scheme,
                              struct rp_slice host, uint16_t port, struct proxy *proxy);
/* Frees @connection, which is closed and in no list, as soon as no callback of it can be running
 * any more. */
void rp_http_bury(struct rp_http_client *client, struct connection *connection);

/* ---- schemes.c ---- */

/* How connections to @url, the URL of @spec, are opened. @ret_tls: what the request says of TLS, kept
 * as long as the client; NULL = nothing. -RP_EUSER when the client does not speak its scheme, or TLS
 * cannot be had. */
RP_NODISCARD int rp_http_find_scheme(struct rp_http_client *client, const struct rp_http_spec *spec,
                                     const struct rp_url *url, const struct rp_http_scheme **ret,
                                     const struct rp_http_tls **ret_tls, struct rp_error *err);
/* Whether @url is one, with a scheme of @schemes. -RP_EUSER with what is wrong. */
RP_NODISCARD int rp_http_check_whole_url(const struct schemes *schemes, struct rp_slice url,
                                         struct rp_error *err);
/* What is said of a server that has closed @connection in place of an answer: most that speak TLS, and are
 * spoken to without it, do so. */
RP_COLD const char *rp_http_no_response(const struct connection *connection);
/* The index in the client's cipher_suites of what @transport has agreed on. */
uint8_t rp_http_cipher(struct rp_http_client *client, const struct rp_transport *transport);
/* Has @connection, which is not open yet, use the tickets of its session. Without memory there are
 * none. */
void rp_http_use_tickets(struct connection *connection);
void rp_http_free_tickets(struct rp_http_session *session);
void rp_http_free_schemes(struct rp_http_client *client);

/* ---- session.c ---- */

/* Gives the first call that waits for @origin a connection. False when there is none to be had, or
 * no such call. */
bool rp_http_serve_waiting(struct rp_http_session *session, struct origin *origin);
/* The same for all calls that wait for it. */
void rp_http_serve_all(struct rp_http_session *session, struct origin *origin);
/* What a request has cost before it is repeated. */
struct attempt {
    rp_ns took;
    uint64_t sent, received;
};

/* Gives @call, which has none, a connection, or has it wait for one. */
void rp_http_assign(struct rp_http_call *call);
/* Closes @connection, without which its call goes on: it has begun on another one, or wants one. What the
 * dial has taken is part of its wait. */
void rp_http_let_go(struct connection *connection);
/* Gives @call, whose template has changed, a connection: it goes on with a further request. */
void rp_http_continue(struct rp_http_call *call);
/* Sends a call whose connection was closed once more, on a new one: idle ones may be as stale as
 * the first was. The first attempt counts for the request. */
void rp_http_restart(struct rp_http_call *call, struct attempt first);
/* Sends a call that HTTP/2 allows to be sent once more. It has no connection. */
void rp_http_send_again(struct rp_http_call *call, rp_ns took);

/* ---- balance.c ---- */

/* A connection of @pool that is to be opened for @call; NULL without memory. */
struct connection *rp_http_connection_new(struct rp_http_session *pool, struct rp_http_call *call);
/* Says in @spec which address of its host @connection, which is about to be opened, prefers: one by the
 * number of its user, and of a balanced call one that has no connection. */
void rp_http_aim(struct connection *connection, struct rp_dial_spec *spec);
/* What becomes of a balanced call that wants a connection: it has one of those that there are, it waits for
 * one of them, or a further one is to be opened. */
enum turn { TURN_BEGUN, TURN_WAITS, TURN_OPENS };
enum turn rp_http_take_turn(struct rp_http_session *pool, struct rp_http_call *call);
/* Whether @connection, which has just been opened for a balanced call, leads to an address that has one. Then
 * the call has begun on another connection. */
bool rp_http_is_double(const struct connection *connection);
/* Whether the call of @connection, whose dial has failed, is balanced and another address is left. */
RP_COLD bool rp_http_may_redial(const struct connection *connection);
/* The same of a @call on @shared, which has ended: not when the server has spoken HTTP/2. */
RP_COLD bool rp_http_may_leave_peer(const struct shared *shared, struct rp_http_call *call);

/* ---- timeouts.c: of calls that have some beside that of the whole ---- */

/* Until when @call may wait for a connection. */
rp_ns rp_http_connection_limit(const struct rp_http_call *call);
/* When somebody has to look at @call first: it may be sent at once, from @now on. */
rp_ns rp_http_first_look(const struct rp_http_call *call, rp_ns now);
/* Until when the request under way on @connection may take, by what is known at @now; the text for
 * its end then. */
rp_ns rp_http_next_limit(struct connection *connection, rp_ns now, const char **ret_kind);
/* The rate of the answer of @call counts from @now on: its reader has held it up. */
RP_COLD void rp_http_restart_rate(struct rp_http_call *call, rp_ns now);

/* ---- names.c ---- */

/* As rp_http_client_check_names(), of the names that are known, by @resolver, which is on @loop. */
RP_NODISCARD int rp_http_check_names_with(struct rp_http_client *client, struct rp_loop *loop,
                                          struct rp_resolver *resolver, rp_ns until,
                                          struct rp_error *err);

/* ---- connection.c ---- */

/* Opens a connection of @pool for @call. */
void rp_http_connection_open(struct rp_http_call *call, struct rp_http_session *pool);
/* Sends @call on an idle connection. */
void rp_http_connection_begin(struct connection *connection, struct rp_http_call *call);
void rp_http_connection_close(struct connection *connection, bool reset);

void rp_http_deadline_passed(struct rp_timer *timer, rp_ns now);
/* Ends the call of a connection whose response has come to its end. */
RP_COLD void rp_http_complete(struct connection *connection, rp_ns at, bool keep);
/* False after a failure: the call has ended. */
bool rp_http_take_body(struct connection *connection, struct rp_slice body, rp_ns at);
/* The head of a stream's response has come. */
void rp_http_h2_head(struct connection *stream, rp_ns at);
/* The response of a stream has come to its end. */
void rp_http_h2_done(struct connection *stream, rp_ns at);
/* Whether the call of a connection that has ended may be sent once more. */
bool rp_http_may_retry(const struct connection *connection, const struct rp_net_failure *failure,
                       rp_ns at);

/* ---- shared.c, h2_streams.c ---- */

/* What HTTP/2 does for the rest of the room, which does not know it. */
struct shared_ops {
    /* Makes a connection that is open speak HTTP/2. Its call becomes its first stream. -ENOMEM. */
    int (*open)(struct connection *connection);
    /* Ends the call of a connection that is open, and on which HTTP/2 was not agreed on. */
    void (*refuse)(struct connection *connection);
    /* The connection is closed: nothing is sent any more. */
    void (*close)(struct shared *shared);
    /* No callback of the connection may be running. */
    void (*free)(struct shared *shared);
    /* Makes @call a stream of @connection. False when it cannot have a further one, now or at all. */
    bool (*begin)(struct connection *connection, struct rp_http_call *call);
    /* Ends a stream, with a reset if need be. */
    void (*end)(struct connection *stream);
    /* Brings traffic and counted bytes of a stream up to date. */
    void (*count)(struct connection *stream);
    /* Brings the times of a stream up to date. */
    void (*settle)(struct connection *stream);
    /* The body of a stream's request has bytes again. */
    void (*resume)(struct connection *stream);
    /* The server is to send no more of a stream than its window allows; or it may go on. */
    void (*pause)(struct connection *stream);
    void (*go_on)(struct connection *stream);
    /* Whether a call has to wait for a stream of @connection, rather than for another connection. */
    bool (*is_worth_waiting)(const struct connection *connection);
    /* Whether @connection has no stream. */
    bool (*is_unused)(const struct connection *connection);
    /* @connection, which has streams, gets no further ones, and is closed with the last of them. */
    void (*retire)(struct connection *connection);
    /* Some call of @session on @connection, NULL when there is none. */
    struct rp_http_call *(*call_of)(const struct connection *connection,
                                    const struct rp_http_session *session);
};

/* ---- call.c ---- */

/* Ends the call of a connection for which rp_http_is_over() is true, whether or not its reader has room. */
void rp_http_end_held(struct connection *connection);

/* Copies the times that a dial has measured into the response of the call for which it was made. */
void rp_http_take_dial_times(struct rp_http_response *response, const struct rp_dial_times *times);
/* Fills in of the response what the head says. */
void rp_http_take_head(struct rp_http_call *call);
/* Ends the call with a complete response. @keep: the connection may serve another call. */
void rp_http_succeed(struct rp_http_call *call, rp_ns at, bool keep);
/* The same for a call that is a stream. */
void rp_http_h2_succeed(struct rp_http_call *call, rp_ns at);
/* Ends the call with @code, @kind (a constant text: it becomes a tag) and @detail (may be NULL). */
void rp_http_fail(struct rp_http_call *call, int code, const char *kind, const char *detail,
                  rp_ns at);
/* Fails @call for want of memory, later: not from inside its start. */
void rp_http_fail_later(struct rp_http_call *call);
/* Ends the call because the network has failed. */
void rp_http_fail_by(struct connection *connection, const struct rp_net_failure *failure, rp_ns at);
/* Fills in the response and records the samples as rp_http_fail() does, and leaves the call under
 * way. */
void rp_http_record_failure(struct rp_http_call *call, int code, const char *kind,
                            const char *detail, rp_ns at);
/* Why a call has no answer that its caller cancels. */
static inline const char *rp_http_cancel_kind(const struct rp_http_call *call)
{
    return call->is_left ? "left by the script" : "cancelled by the script";
}
/* Fills in the response of a call that is interrupted, counts the request and keeps its times, and
 * leaves the call under way. */
void rp_http_record_interruption(struct rp_http_call *call, rp_ns at);

/* The head that @call sends (own_head.c). */
struct rp_slice rp_http_head_of(const struct rp_http_call *call);
RP_COLD void rp_http_trace(const struct rp_http_client *client, const struct rp_http_call *call);
/* To be called for each call that is counted, when its response is filled in, on its connection. */
static inline void rp_http_tell_trace(const struct rp_http_client *client,
                                      const struct rp_http_call *call)
{
    if (RP_UNLIKELY(client->trace))
        rp_http_trace(client, call);
}

/* ---- exchanges.c ---- */

/* Bytes of a body that is discarded, of an answer that is a failure: its start may say why. */
RP_COLD void rp_http_keep_start(struct rp_http_response *response, struct rp_slice body);
/* As rp_http_tell_trace(), of a call that may have failed. Then the exchange is kept. */
RP_COLD void rp_http_tell_ended(struct rp_http_call *call);

/* ---- upload.c ---- */

/* What a transport of this client calls for the next bytes of a body. */
int rp_http_fill(struct rp_transport *transport, struct rp_slice *ret);
/* Sends the call of @connection, whose events become @events, which have rp_http_fill(). */
RP_COLD int rp_http_upload(struct connection *connection, const struct rp_transport_events *events);
/* Begins the body of @connection's call, from its first byte on. -errno: that cannot be. */
RP_COLD int rp_http_begin_upload(struct connection *connection);
/* The next bytes of the body of @call, which stay until the next call; none at the end. -EAGAIN: not
 * yet, or never: it is not wanted. */
RP_COLD int rp_http_next_piece(struct rp_http_call *call, struct rp_slice *ret);
/* Whether the request of @call can be sent once more, from its first byte on. What it has sent so far
 * is forgotten. */
RP_COLD bool rp_http_can_repeat(const struct rp_http_call *call);
/* Whether the request was sent, at least in part, though the current send has not begun: it is one of
 * several. */
RP_COLD bool rp_http_has_begun(const struct connection *connection);
/* An interim answer has come, or the head of the final one. */
RP_COLD void rp_http_note_upload(struct connection *connection, bool is_interim);

/* ---- own_head.c ---- */

/* Makes the head of the request that @call is about to send, if it is not that of its template. False
 * when there is no memory. To be called when the client has_own_heads. */
RP_COLD bool rp_http_make_head(struct rp_http_call *call);

/* ---- redirect.c ---- */

/* The further part of @call, which is made when it is first asked for. NULL when there is no
 * memory. It goes when the call ends: rp_http_drop_more() does that for calls without a callback. */
struct rp_http_more *rp_http_more(struct rp_http_call *call);
void rp_http_drop_more(struct rp_http_call *call);
/* Whether the answer of @call, whose head has come, is not the last one, or cannot be it. */
bool rp_http_is_hop(const struct rp_http_call *call);
/* Whether the answer of @call leads to another request: then it is in *@ret, which holds a
 * reference. NULL there with a text returned: the call fails for it, and the response says why. */
const char *rp_http_next_hop(struct rp_http_call *call, struct rp_http_template **ret);
/* Makes a failure of a response that is one by itself, and returns @kind. @detail may be NULL. */
const char *rp_http_refuse(struct rp_http_response *response, int code, const char *kind,
                           const char *detail);

/* ---- template.c ---- */

/* A copy of a name that a script has given to its requests. It becomes a tag; if it is a URL, user
 * name and password are left out. NULL when there is no memory. */
char *rp_http_copy_name(struct rp_slice name);

/* ---- samples.c ---- */

/* @kind: as in rp_http_fail(), NULL for a complete response. @was_sent: the request, at least in
 * part. */
void rp_http_record(struct rp_http_call *call, const char *kind, bool was_sent);
/* A TLS handshake for @call has succeeded: the response says so too. */
void rp_http_record_handshake(struct rp_http_call *call, bool is_resumed);
/* Of a call that is interrupted: what is known for certain, which is that there was a request, and
 * its bytes. The times are kept with the client. */
void rp_http_record_unfinished(struct rp_http_call *call, const char *kind, bool was_sent);
