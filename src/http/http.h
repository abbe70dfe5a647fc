/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/http.h - the HTTP client: connections that belong to a session, requests, timings, samples.
 *
 * A client belongs to one loop, of whatever kind. With a registry it records samples of every
 * request; without one it measures all the same, but nothing is recorded: for what is no part of
 * the load. A session has the connections of one user, a VU mostly: they outlive the iteration,
 * and nothing is shared with other sessions, unless the limit shared_connections says so. A template
 * is a request prepared once and sent many times; a call is one request under way. Every call ends
 * in exactly one callback with a filled response, whatever happened: refused, timed out and
 * malformed are data (status 0 and an error_code), and its samples have been recorded before.
 *
 * Timings. Each moment of a request is in one phase, so that their sum is at most the time that it
 * took. looking_up, connecting, tls_handshaking: the name, the socket, the handshakes of the layers
 * over it, of a request for which a connection is opened. blocked: the rest of the time until the
 * first byte is offered to the kernel, such as the wait for a free connection. sending: until the
 * last byte was accepted. waiting: until the first byte of the response; an interim response (1xx)
 * is none. receiving: until the last. When the response begins before the request is sent, sending
 * ends with it. http_req_duration is sending + waiting + receiving. The first attempt of a request
 * that is repeated is in waiting.
 *
 * Redirects. A call with max_redirects follows answers 301, 302, 303, 307 and 308 that have a
 * Location: each request of the chain is a sample with times of its own, and the response is that of
 * the last one. The time-out is one for all. 303 makes GET of every method but HEAD, 301 and 302
 * make GET of POST, and then the body is left out, with the fields that describe it. Authorization,
 * Cookie and Proxy-Authorization never go to another origin (scheme, host and port).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/time.h"
#include "loop/loop.h"
#include "net/stack.h"
#include "net/tls.h"
#include "proto/cookie.h"
#include "proto/request.h"
#include "stats/exchange.h"
#include "stats/registry.h"
#include "stats/unfinished.h"

/* k6's error codes, where it has one, as far as this client can meet them. */
enum rp_http_code {
    RP_HTTP_GENERIC = 1000,
    RP_HTTP_NETWORK = 1010,
    RP_HTTP_BAD_URL = 1020, /* see rp_http_count_bad_url() */
    RP_HTTP_TIMEOUT = 1050,
    RP_HTTP_DNS = 1100,
    RP_HTTP_DNS_NOT_FOUND = 1101,
    RP_HTTP_NOT_ALLOWED = 1110, /* see rp_http_client_set_networks() */
    RP_HTTP_TCP = 1200,
    RP_HTTP_DIAL = 1210,
    RP_HTTP_DIAL_TIMEOUT = 1211,
    RP_HTTP_REFUSED = 1212,
    RP_HTTP_RESET = 1220,
    RP_HTTP_TLS = 1300,
    RP_HTTP_UNKNOWN_AUTHORITY = 1310,
    RP_HTTP_WRONG_HOST = 1311,
    RP_HTTP_EXPIRED = 1312,
    RP_HTTP_HANDSHAKE = 1313,
    RP_HTTP_TRUNCATED = 1314,
    /* Of connections through a proxy: see rp_http_client_set_proxy(). */
    RP_HTTP_PROXY_UNREACHABLE = 1320, /* no connection to the proxy itself */
    RP_HTTP_PROXY_AUTH = 1321,        /* it wants a user and a password, or other ones */
    RP_HTTP_PROXY_REFUSED = 1322,     /* it does not want to connect to the server */
    RP_HTTP_PROXY_NO_SERVER = 1323,   /* it cannot connect to the server */
    RP_HTTP_PROXY_BAD = 1324,         /* it speaks another language */
    RP_HTTP_PROXY_CLOSED = 1325,      /* it ended the connection in place of an answer */
    RP_HTTP_PROXY_TIMEOUT = 1326,     /* it did not answer in time */
    RP_HTTP_H2 = 1600,                /* + error code of RFC 9113; 1600 itself for NO_ERROR */
    RP_HTTP_STATUS_BASE = 1000,       /* + status, for statuses from 400 */
    RP_HTTP_CODING = 1701,            /* the body is not what its Content-Encoding says */
    /* Ours, outside of k6's ranges. */
    RP_HTTP_PROTOCOL = 1900,   /* the response breaks HTTP/1.1 */
    RP_HTTP_CLOSED = 1901,     /* the peer closed before the response was complete */
    RP_HTTP_TOO_LARGE = 1902,  /* a body over the client's limit */
    RP_HTTP_CANCELLED = 1903,  /* the script stopped waiting for the response */
    RP_HTTP_UNFINISHED = 1904, /* the iteration was interrupted before the response was complete */
    RP_HTTP_TOO_MANY_REDIRECTS = 1905, /* see max_redirects of a call */
    RP_HTTP_BAD_REDIRECT = 1906,       /* an answer leads to what is no URL of ours */
    RP_HTTP_NO_ANSWER = 1907,          /* see keepalive of struct rp_http_spec */
    RP_HTTP_NO_DESCRIPTORS = 1910,     /* the generator ran out of file descriptors */
    RP_HTTP_NO_PORTS = 1911,           /* the generator ran out of local ports */
};

struct rp_http_limits {
    size_t head_bytes;             /* 0 = 64 KiB */
    size_t body_bytes;             /* 0 = 64 MiB; beyond it the call fails with RP_HTTP_TOO_LARGE */
    unsigned connections_per_host; /* of one session; 0 = 6 */
    /* All sessions together have at most so many, and share them, in place of the limit before; 0 =
     * each has its own. Cookies and credentials stay with the session. */
    unsigned shared_connections;
    rp_ns timeout;                /* default of a call; 0 = 60 s */
    rp_ns connect;                /* see struct rp_http_timeouts; 0 = none of its own */
    bool no_reuse;                /* each request has a connection of its own, and says so */
    uint32_t connection_requests; /* that one connection serves at most; 0 = no limit */
    rp_ns connection_age;         /* an older one serves no further request; 0 = no limit */
    bool keep_cookies;            /* those of a session never end by themselves */
};

/* How long the parts of a request may take, beside the whole; 0 = as long as the whole. What takes
 * longer ends the request, and is recorded with the time that it has taken. */
struct rp_http_timeouts {
    /* From the call until there is a connection: the wait for a free one, and all of @connect. */
    rp_ns connection;
    /* Opening a connection: the look-up, the socket, the handshakes of the layers over it. */
    rp_ns connect;
    rp_ns handshake;  /* of the layers over the socket */
    rp_ns first_byte; /* from the end of sending until something of the answer comes */
    rp_ns idle;       /* without a byte of the answer, from the end of sending on */
    /* Of the body of the answer at least so many bytes a second come, in each span of so long from the
     * first byte of the answer on. 0 = fewer are enough; the span is not 0 then. */
    uint64_t min_rate;
    rp_ns min_rate_time;
};

/* How the connections of a scheme are opened. */
struct rp_http_scheme {
    const char *name; /* "http" */
    /* Layers over the socket, the lowest first, NULL at the end; NULL = none. */
    const struct rp_layer *const *layers;
    bool is_tls;   /* the uppermost layer is TLS (net/tls.h) */
    bool is_http1; /* HTTP/2 is not spoken, whatever the client is set to */
    bool is_h2;    /* nothing else is spoken */
};

struct rp_http_client;
struct rp_pairs; /* plan/plan.h */
struct rp_http_session;
struct rp_http_template;

/* @registry: NULL = nothing is recorded. A new client speaks the schemes http and https. */
RP_NODISCARD int rp_http_client_new(struct rp_loop *loop, struct rp_registry *registry,
                                    struct rp_http_limits limits, struct rp_http_client **ret);
/* No session may be left. NULL is allowed. */
void rp_http_client_free(struct rp_http_client *client);
/* Replaces the schemes that the client speaks. To be called before the first template is made;
 * @schemes are borrowed as long as the client lives. */
void rp_http_client_set_schemes(struct rp_http_client *client, const struct rp_http_scheme *schemes,
                                size_t count);

/* Has requests name a trace (W3C Trace Context): a field traceparent, with ids by chance, that are new
 * in each request, of redirects too, and with the flag "sampled". @is_default: of templates that say
 * nothing of it; new clients have false. Before the first template is made. */
void rp_http_client_set_traceparent(struct rp_http_client *client, bool is_default);

enum rp_http_h2_use {
    RP_HTTP_H2_NEVER,     /* as a new client does */
    RP_HTTP_H2_IF_AGREED, /* over TLS, where the server chooses it */
    RP_HTTP_H2_ALWAYS,    /* without TLS too, by prior knowledge (RFC 9113, 3.3) */
    RP_HTTP_H2_ONLY,      /* as before; where the server does not choose it, the request fails */
};
/* When the client speaks HTTP/2. Before rp_http_client_set_tls() and the first template. */
void rp_http_client_set_h2(struct rp_http_client *client, enum rp_http_h2_use use);

/* Sets what https is, beside what a template says of itself; else the defaults of struct
 * rp_tls_settings hold. Before the first template is made. -RP_EUSER: they cannot be used. */
RP_NODISCARD int rp_http_client_set_tls(struct rp_http_client *client,
                                        const struct rp_tls_settings *settings,
                                        struct rp_error *err);

/* Puts @url before the URLs of templates that begin with '/', as RFC 3986 resolves them. NULL =
 * they are errors. Before the first template is made. 0 or -ENOMEM; what is wrong with it is told
 * with the first such template. */
RP_NODISCARD int rp_http_client_set_base(struct rp_http_client *client, const char *url);

/* Has connections go where @hosts says (plan/hosts.h; borrowed as long as the client lives) and come from
 * @local_ips (net/local_ips.h), unless it is NULL. Before the first template is made. -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_http_client_set_hosts(struct rp_http_client *client,
                                          const struct rp_pairs *hosts, const char *local_ips,
                                          struct rp_error *err);

/* What @dns says of names (plan/dns.h). @seed: of what is random. Before the first template is made. -RP_EUSER. */
/* Connections lead only to @networks (net/networks.h), unless it is NULL; others fail with RP_HTTP_NOT_ALLOWED.
 * What a proxy connects to by a name, it looks up itself: only the proxy is judged. -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_http_client_set_networks(struct rp_http_client *client, const char *networks,
                                             struct rp_error *err);
RP_NODISCARD int rp_http_client_set_dns(struct rp_http_client *client, const struct rp_pairs *dns,
                                        uint64_t seed, struct rp_error *err);

/* Has requests go through @proxy (plan/proxy.h; NULL = none), but for the hosts that @no_proxy names. @auth:
 * USER:PASSWORD as in a URL, unless @proxy has them; NULL = none. They go to nobody but the proxy. After
 * rp_http_client_set_tls() and rp_http_client_set_h2(), before the first template. A proxy that speaks TLS is
 * verified as servers are, and shown no certificate. -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_http_client_set_proxy(struct rp_http_client *client, const char *proxy,
                                          const char *auth, const char *no_proxy,
                                          struct rp_error *err);

/* Looks up the names that connections of all templates so far, and of the base, ask for, the first 100
 * of them: before a run, and after the templates of which it is made. -RP_EUSER: one of them does not
 * exist, or has no address that may be used. What else goes wrong may pass by itself, and is left to the
 * requests; so is an answer that takes longer than 2 s, the longest time of this call. No request has
 * less to look up because of it. */
RP_NODISCARD int rp_http_client_check_names(struct rp_http_client *client, struct rp_error *err);

struct rp_http_call;
/* Called for every call that has ended and is counted, cancelled and interrupted ones too, before
 * its done() if that is called: for people who look for a mistake. The call must be left as it is.
 * @request_head: as it was sent, or would have been; with HTTP/2 as rp_h2_append_head() writes it.
 * NULL = nobody. */
typedef void rp_http_trace_fn(void *user, const struct rp_http_call *call,
                              struct rp_slice request_head);
void rp_http_client_set_trace(struct rp_http_client *client, rp_http_trace_fn *trace, void *user);

/* Has rp_trace_print() and rp_http_client_show() write what @note appends behind each exchange: of a
 * client whose requests carry another protocol. NULL = nothing. */
typedef void rp_http_note_fn(const struct rp_http_call *call, struct rp_buf *out);
void rp_http_client_set_note(struct rp_http_client *client, rp_http_note_fn *note);

/* Has the client keep the first @of_kind failed exchanges of each kind, which is a name with a status
 * or an error code; 0, as in a new client = none. A request that succeeds costs nothing. */
void rp_http_client_keep_failed(struct rp_http_client *client, unsigned of_kind);
/* Has the client show every exchange, with the bodies or without, until there are RP_SHOWN_MAX of them or
 * so many bytes: in place of a trace. */
void rp_http_client_show(struct rp_http_client *client, bool with_bodies);
/* Calls @fn for each that was not taken yet, with its lines, and forgets it. At the limit there is one
 * more call, with a text that is empty. */
void rp_http_client_take_shown(struct rp_http_client *client, rp_shown_fn *fn, void *user);
/* Calls @fn for each that was kept since the last call, and forgets it. */
void rp_http_client_take_exchanges(struct rp_http_client *client, rp_exchange_fn *fn, void *user);

/* What the client saw that is the generator's own fault or worth a warning. */
struct rp_http_counters {
    uint64_t no_descriptors, no_ports; /* connects that failed for want of them */
    uint64_t stray_bytes;              /* connections dropped for bytes after a complete response */
    uint64_t retried;                  /* requests sent again: a kept connection had been closed */
    uint64_t open_connections;
};
/* Valid until the next call. */
const struct rp_http_counters *rp_http_client_counters(struct rp_http_client *client);
/* Calls @fn once with the requests that rp_http_interrupt() has ended since the last call, if there
 * are any, and forgets them. */
void rp_http_client_take_unfinished(struct rp_http_client *client, rp_unfinished_fn *fn,
                                    void *user);

/* @user: the number of the user, from 1: users with different numbers prefer different addresses of
 * a host. */
RP_NODISCARD int rp_http_session_new(struct rp_http_client *client, int64_t user,
                                     struct rp_http_session **ret);
/* *@iteration, which is borrowed, is the number of the user's iteration, for exchanges that are shown
 * or kept. rp_http_session_take_cookies() says it too. */
void rp_http_session_set_iteration(struct rp_http_session *session, const uint64_t *iteration);
/* Whose session it is, and the number of the iteration, 0 when nobody has said it. */
void rp_http_session_who(const struct rp_http_session *session, int64_t *user, uint64_t *iteration);
/* Has the session take the cookies of its answers and send them with its requests, as browsers do.
 * They are forgotten when *@iteration changes; NULL, or the limit keep_cookies = never. Without this
 * call there are none. */
void rp_http_session_take_cookies(struct rp_http_session *session, const uint64_t *iteration);
/* Its cookies, for who looks at them or changes them. They last as those that servers send. NULL when
 * there is no memory. */
struct rp_cookie_jar *rp_http_session_jar(struct rp_http_session *session);
/* Cancels its calls (their callbacks do not run) and closes its connections. NULL is allowed. */
void rp_http_session_free(struct rp_http_session *session);

/* Closes the connections of the session that are idle: the next requests open new ones. One that is still
 * used for streams of HTTP/2 gets no further ones, unless users share it. */
void rp_http_session_close_idle(struct rp_http_session *session);

/* ---- templates ---- */

/* What a request says of TLS by itself. Zeroed = the settings of its client hold. */
enum rp_http_verify { RP_HTTP_VERIFY_AS_SET, RP_HTTP_VERIFY, RP_HTTP_VERIFY_NOT };
struct rp_http_tls {
    enum rp_http_verify verify;
    const char *ca_file; /* in place of the client's authorities */
    const char *cert_file,
        *key_file; /* in place of the client's own, as in struct rp_tls_settings */
};

struct rp_http_spec { /* everything is copied */
    /* A user name and password of the URL are sent as Authorization, unless the headers have that
     * field, and appear nowhere else. */
    struct rp_slice method, url;
    const struct rp_header *headers;
    size_t header_count;
    struct rp_slice body;
    bool has_body;
    /* The body is one of rp_http_start_with(), of so many bytes, or in chunks when the number is not
     * known; then @body is empty. */
    bool is_streamed, is_chunked;
    uint64_t streamed_bytes;
    /* For a server that asks for Digest authentication: then the request is sent once more, with the
     * answer. Both are samples. An empty user = there is none. */
    struct rp_slice digest_user, digest_password;
    struct rp_slice name;         /* the tag `name`; empty = the URL */
    const struct rp_header *tags; /* further tags of its samples */
    size_t tag_count;
    struct rp_http_tls tls;
    /* Whether its requests name a trace, unless @headers have a traceparent. */
    enum rp_http_trace { RP_HTTP_TRACE_AS_SET, RP_HTTP_TRACE, RP_HTTP_TRACE_NOT } trace;
    const uint16_t (*expected)[2]; /* ranges of statuses that are not failures; NULL = 200..399 */
    size_t expected_count;
    bool has_no_accept; /* the field Accept is sent only if it is given */
    bool is_upgrade;    /* see http/upgrade.h */
    bool is_tunnel;     /* likewise: an upgrade by HTTP/2 */
    /* HTTP/2: when nothing has come for so long while a request is under way, the server is sent a PING;
     * when nothing comes for the second time either, the connection is dead. 0 = it is not watched. */
    rp_ns keepalive, keepalive_timeout;
    /* HTTP/2: each address of the host has a connection, and requests take them in turn. Not when users share
     * connections (shared_connections). */
    bool is_balanced;
    /* Through which proxy, with USER:PASSWORD@ before its host if it wants them. Empty: none; NULL: the client's,
     * unless its no_proxy names the host. */
    struct rp_slice proxy;
};

/* ---- bodies that are made while they are sent ---- */

struct rp_http_body;
struct rp_http_body_ops {
    /* Gives the next bytes, which stay until the next call; none at the end. -EAGAIN: there are none
     * yet, and rp_http_body_ready() will say when. Any other -errno breaks the connection. It must
     * not call into the client or the loop. */
    int (*next)(struct rp_http_body *body, struct rp_slice *ret);
    /* Begins anew, for a request that is sent once more. -errno: that cannot be. It is called before
     * the first time too. */
    int (*rewind)(struct rp_http_body *body);
};
struct rp_http_body { /* the caller's; it stays until the call has ended */
    const struct rp_http_body_ops *ops;
};

/* A body of pieces, one after the other. */
struct rp_http_part {
    const char *data; /* borrowed; of a file NULL */
    int fd;           /* owned, read from @offset on; -1 = memory */
    off_t offset;
    uint64_t len;
};
struct rp_http_parts {
    struct rp_http_body body;
    size_t count, index;         /* index: private */
    uint64_t at;                 /* private */
    char *buffer;                /* private */
    struct rp_http_part parts[]; /* empty ones of memory, to be filled by the caller */
};
RP_NODISCARD int rp_http_parts_new(size_t count, struct rp_http_parts **ret);
uint64_t rp_http_parts_size(const struct rp_http_parts *parts);
void rp_http_parts_free(struct rp_http_parts *parts); /* closes the files; NULL is allowed */

/* 0 when a new client can make requests of @url, else -RP_EUSER with what is wrong. */
RP_NODISCARD int rp_http_check_url(struct rp_slice url, struct rp_error *err);
/* The same for requests of @client: with its schemes, and with its base before a URL that begins with
 * '/'. -ENOMEM too. */
RP_NODISCARD int rp_http_client_check_url(const struct rp_http_client *client, struct rp_slice url,
                                          struct rp_error *err);
/* A script made a request of a URL that is none: an error of the script, and a failed request too,
 * which never began. Without it a run whose every URL is wrong would show no failed request. @url,
 * @name: as in struct rp_http_spec. */
void rp_http_count_bad_url(struct rp_http_client *client, const struct rp_tags *tags,
                           struct rp_slice method, struct rp_slice url, struct rp_slice name);
/* -RP_EUSER for a bad URL, method or header. The template starts with one reference. */
RP_NODISCARD int rp_http_template_new(struct rp_http_client *client,
                                      const struct rp_http_spec *spec,
                                      struct rp_http_template **ret, struct rp_error *err);
struct rp_http_template *rp_http_template_ref(struct rp_http_template *template);
void rp_http_template_unref(struct rp_http_template *template); /* NULL is allowed */
/* Without user name and password. */
struct rp_slice rp_http_template_url(const struct rp_http_template *template);
/* What the tag `name` says, or the URL. */
struct rp_slice rp_http_template_name(const struct rp_http_template *template);
struct rp_slice rp_http_template_method(const struct rp_http_template *template);
struct rp_slice rp_http_template_body(const struct rp_http_template *template);

/* ---- calls ---- */

enum rp_http_version { RP_HTTP_NO_VERSION, RP_HTTP_1_0, RP_HTTP_1_1, RP_HTTP_2 };

/* Zeroed = empty. The caller owns it and may use it again and again. */
struct rp_http_response {
    uint16_t status; /* 0 when there was no complete response */
    bool is_expected;
    uint8_t version;          /* enum rp_http_version, of the response; none when status is 0 */
    uint8_t tls_version;      /* enum rp_tls_version, likewise; none without TLS */
    const char *cipher_suite; /* by the name of IANA; NULL = unknown. Only with a tls_version */
    /* TLS handshakes of connections that were opened for the request: two when it was sent once more. */
    uint8_t full_handshakes, resumed_handshakes;
    bool is_h2; /* the request was given to a connection of HTTP/2, whatever came of it */
    bool is_of_connection; /* an error_code of HTTP/2: it is not that of one stream */
    int error_code;        /* 0, or enum rp_http_code, statuses from 400 included */
    char error[256];       /* one clause, empty when there was no transport or protocol error */
    struct rp_buf head;    /* private: see rp_http_response_next_field() */
    struct rp_buf body;    /* without chunk framing, and without the codings of Content-Encoding */
    uint64_t body_bytes;   /* that came, before decoding; also when the body was discarded */
    rp_ns blocked, looking_up, connecting, tls_handshaking, sending, waiting, receiving;
    /* Bytes on the wire, below any layer. The handshakes of a connection count for its first
     * request; bytes that come while no request is under way count for the next one. */
    uint64_t wire_sent, wire_received;
    uint64_t trace_id[2]; /* private: see rp_http_response_trace_id() */
};

/* Walks the header fields; false at the end. *pos starts at 0. A repeated field comes as often as
 * the server sent it. The slices are parts of the response. */
bool rp_http_response_next_field(const struct rp_http_response *response, size_t *pos,
                                 struct rp_slice *ret_name, struct rp_slice *ret_value);
/* The reason phrase, a part of the response. It may be empty. */
struct rp_slice rp_http_response_reason(const struct rp_http_response *response);
/* The id of the trace that the request of @template has named, whatever became of it: 32 digits. False
 * when it has named none of rampa's. */
bool rp_http_response_trace_id(const struct rp_http_response *response,
                               const struct rp_http_template *template, char out[static 33]);
/* Bytes of memory that the response holds, used or not. */
size_t rp_http_response_memory(const struct rp_http_response *response);
void rp_http_response_deinit(struct rp_http_response *response);
/* "HTTP/1.1"; NULL for none. */
const char *rp_http_version_text(enum rp_http_version version);

struct rp_http_call;
/* For a body that is not collected in the response, but handed on as it comes. An answer that leads to
 * another request is not handed on. Neither function may end the call. */
struct rp_http_reader {
    /* The head has come, at @at: the response has status and fields. @sent: when the first byte of
     * the request was offered to the kernel. */
    void (*head)(struct rp_http_call *call, rp_ns sent, rp_ns at);
    /* Bytes of the body, decoded; valid during the call. @at: when they arrived. -ENOMEM, or
     * -EMSGSIZE for more than the limit of the response, ends the call. */
    int (*data)(struct rp_http_call *call, struct rp_slice bytes, rp_ns at);
    /* A field that HTTP/2 has sent behind the body. Optional: nobody wants them. */
    void (*trailer)(struct rp_http_call *call, struct rp_slice name, struct rp_slice value);
};
/* The response is complete, or status is 0 and error_code says why. The call may be started again
 * from here. */
typedef void rp_http_done_fn(struct rp_http_call *call);
/* The answer in call->response leads to @next, whose request is about to begin. The function may put
 * another response into the call, to keep the answer. -ENOMEM ends the call. */
typedef int rp_http_hop_fn(struct rp_http_call *call, struct rp_http_template *next);

/* Zeroed and embedded by the caller; must not move or die between start and done. */
struct rp_http_call {
    /* set by the caller before the start */
    struct rp_http_template *template; /* a reference is held while the call runs */
    struct rp_http_response *response; /* filled; what it held is dropped, its memory used again */
    const struct rp_tags *tags; /* of the VU: scenario, group, ...; NULL when nothing is recorded */
    rp_ns timeout;              /* of the whole request; 0 = the client's default */
    /* Borrowed while the call runs; NULL = none. */
    const struct rp_http_timeouts *timeouts;
    size_t head_max, body_max; /* bytes of the response; 0 = the client's limits */
    bool discard_body;         /* it is neither handed over nor decoded */
    bool keep_coding;          /* the body is not decoded */
    bool is_left;          /* set before rp_http_cancel(): no more is wanted, which is no failure */
    bool is_open_tunnel;   /* private: its answer was told, and its stream goes on */
    uint8_t max_redirects; /* that are followed; one more is a failure; 0 = none is followed */
    rp_http_done_fn *done;
    rp_http_hop_fn *hop;                 /* NULL = nobody wants the answers before the last one */
    const struct rp_http_reader *reader; /* NULL = the body is collected */
    /* private */
    struct rp_list node;
    struct rp_http_session *session;
    void *connection;
    rp_ns began;
    rp_ns end;           /* of the whole call, redirects included; only with @timeouts */
    rp_ns deadline;      /* the same, or when the timeouts are to be looked at */
    rp_ns first_attempt; /* how long it took, until a second one begins on a connection */
    rp_ns rate_began;    /* of min_rate: the span, 0 = none has begun; the bytes of before */
    uint64_t rate_bytes;
    struct rp_timer timer;
    struct rp_task task;
    struct rp_http_more *more; /* NULL for a call that is one request as it was prepared */
};

/* Never calls done() from inside. Never fails: what goes wrong is told by done(). */
void rp_http_start(struct rp_http_session *session, struct rp_http_call *call);
/* The same for a template that is streamed. -ENOMEM: nothing has begun. */
RP_NODISCARD int rp_http_start_with(struct rp_http_session *session, struct rp_http_call *call,
                                    struct rp_http_body *body);
/* The body of @call has bytes again, or has come to its end. */
void rp_http_body_ready(struct rp_http_call *call);
/* Whether the head of an answer has come before the end of @call's body, and has ended the sending.
 * An answer that leads to another request may begin it anew. */
bool rp_http_has_stopped(const struct rp_http_call *call);
/* Ends the call without a callback; its connection is closed. No-op when not running. @record: the
 * script itself gave up waiting (its own timeout), which is a failed request with the time it has
 * taken so far: left out, the slowest requests would be missing from the numbers. Without it there
 * is no sample. */
void rp_http_cancel(struct rp_http_call *call, bool record);
/* The same for a call whose iteration is interrupted, because its time is over. The request and its
 * bytes are counted. Its times are kept for rp_http_client_take_unfinished(), for whether it failed
 * is judged at the end of the run. */
void rp_http_interrupt(struct rp_http_call *call);
/* Ends a call with a reader after its head, without a callback: the reader wants no more. It counts
 * as what its status says, with the times until @at, when its last bytes came. Its connection is
 * closed. */
void rp_http_leave(struct rp_http_call *call, rp_ns at);
/* Has the server wait, once its window is used up: the reader of @call, whose head has come, has no
 * room. What it sends until then is handed over as before. */
void rp_http_pause(struct rp_http_call *call);
/* The reader has room again, and more is received. When that fails the call ends, with its done(). */
void rp_http_go_on(struct rp_http_call *call);
static inline bool rp_http_is_running(const struct rp_http_call *call)
{
    return call->session != NULL;
}
