/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/h2.h - HTTP/2 for a client, without I/O: bytes in, events and bytes out (RFC 9113).
 *
 * nghttp2 has the frames, HPACK and the states of streams. This file is what it is to the client:
 * requests that are prepared once, responses whose heads look like those of HTTP/1.1, limits on what
 * a server may make the client do, and one kind of failure.
 *
 * Limits. A server that goes beyond one of them is answered with GOAWAY(ENHANCE_YOUR_CALM): a header
 * block of more than RP_H2_BLOCK_MAX bytes or RP_H2_CONTINUATIONS_MAX CONTINUATION frames, 32 entries
 * of SETTINGS, RP_H2_IDLE_FRAMES_MAX frames in a row that bring no response on and answer no
 * rp_h2_ping(). nghttp2 has a limit for answers (to PING and SETTINGS) that the server does not take.
 * Server push is off.
 *
 * All memory, that of nghttp2 too, goes by base/alloc.h. The events must not free the session. They may
 * submit, and end streams.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    RP_H2_CONTINUATIONS_MAX = 8,
    RP_H2_BLOCK_MAX = 128 * 1024,
    RP_H2_IDLE_FRAMES_MAX = 10000,
    RP_H2_REFUSED_STREAM = 7, /* one of the error codes of RFC 9113 */
    RP_H2_CODES = 14,         /* which are those from 0 on */
};

/* "PROTOCOL_ERROR"; "unknown" for a code that RFC 9113 does not have. */
const char *rp_h2_code_text(uint32_t code);

/* ---- requests -------------------------------------------------------------------------------- */

struct rp_h2_request;

/* The fields of a request whose head proto/request.h has written for HTTP/1.1: names in lower case,
 * Host as :authority, without the fields that are about a connection of HTTP/1.1 (RFC 9113, 8.2.2).
 * @scheme: "https". @protocol: what a request with the method CONNECT wants to speak on its stream,
 * "websocket" (RFC 8441, 4); empty = nothing else than HTTP. Everything is copied. -ENOMEM. */
RP_NODISCARD int rp_h2_request_new(struct rp_slice head, struct rp_slice scheme,
                                   struct rp_slice protocol, struct rp_h2_request **ret);
void rp_h2_request_free(struct rp_h2_request *request); /* NULL is allowed */
/* Appends what HTTP/2 sends of @head, for people: "GET /a HTTP/2.0", then lines as in HTTP/1.1. */
void rp_h2_append_head(struct rp_slice head, struct rp_slice protocol, struct rp_buf *out);

/* ---- streams --------------------------------------------------------------------------------- */

enum rp_h2_reason {
    RP_H2_BY_CLIENT,      /* the server has broken the protocol: the client has reset the stream, or
                            ended the connection */
    RP_H2_BY_SERVER,      /* the server has reset the stream */
    RP_H2_REFUSED,        /* the server has not processed the request: it may be sent again */
    RP_H2_HEAD_TOO_LARGE, /* over the maximum of the head's buffer. The stream is still open */
    RP_H2_NO_MEMORY,      /* likewise */
};

/* One request under way. Zeroed memory of the caller, which may be used again once the stream is
 * closed (rp_h2_is_open). */
struct rp_h2_stream {
    struct rp_buf *head; /* the caller's: where the head of the response is written */
    uint16_t status;     /* of the final response, once head() has been called */
    bool is_sent;        /* all bytes of the request are in what rp_h2_take() has given */
    bool got_head;
    bool is_coded;     /* the head has a field Content-Encoding */
    bool sets_cookies; /* and one Set-Cookie */
    bool is_paused;    /* see rp_h2_pause() */
    /* Bytes of the stream's frames, their headers included, that were given and taken. */
    uint64_t sent, received;
    /* Private: what is left of the request's body, or of its last piece; whether more() has another. */
    struct rp_slice body;
    bool has_more;
    int32_t id;                      /* private; 0 = closed */
    bool is_over, is_done, is_reset; /* private */
    size_t kept_back;                /* private: bytes that came while it was paused */
    size_t interim_bytes;            /* private: of the heads before the final one */
};

static inline bool rp_h2_is_open(const struct rp_h2_stream *stream)
{
    return stream->id != 0;
}

struct rp_h2_events {
    /* The first bytes of a header block have come. What it says is told afterwards. */
    void (*begins)(void *user, struct rp_h2_stream *stream);
    /* A response with a status 1xx has come, which is not the final one. */
    void (*interim)(void *user, struct rp_h2_stream *stream);
    /* The final response's head is complete: "HTTP/2.0 200 ", then lines as in HTTP/1.1. */
    void (*head)(void *user, struct rp_h2_stream *stream);
    void (*body)(void *user, struct rp_h2_stream *stream, struct rp_slice body);
    /* A field behind the body. NULL = they are not wanted. */
    void (*trailer)(void *user, struct rp_h2_stream *stream, struct rp_slice name,
                    struct rp_slice value);
    /* The response is complete. The stream is still open when the request is not yet sent. */
    void (*done)(void *user, struct rp_h2_stream *stream);
    /* There will be no complete response. @code: of RFC 9113; 0 for the last two reasons. */
    void (*failed)(void *user, struct rp_h2_stream *stream, enum rp_h2_reason reason,
                   uint32_t code);
    /* The server takes more of a body of rp_h2_submit_streamed(): gives the next bytes, which stay
     * until the next call; none at the end. -EAGAIN: there are none yet, and rp_h2_resume() will say
     * when. Any other -errno resets the stream, and failed() is told. It must not use the session. */
    int (*more)(void *user, struct rp_h2_stream *stream, struct rp_slice *ret);
    /* Bytes of the stream are in what rp_h2_take() is about to give. */
    void (*given)(void *user, struct rp_h2_stream *stream);
    /* The server allows another number of streams, or no further ones (GOAWAY). */
    void (*changed)(void *user);
};

/* ---- sessions -------------------------------------------------------------------------------- */

struct rp_h2_session;

/* A new connection: its first bytes wait for rp_h2_take(). */
RP_NODISCARD int rp_h2_session_new(const struct rp_h2_events *events, void *user,
                                   struct rp_h2_session **ret);
/* No event of it is called. NULL is allowed. */
void rp_h2_session_free(struct rp_h2_session *session);

/* How many streams the server allows at the same time. */
uint32_t rp_h2_streams_max(const struct rp_h2_session *session);
/* Whether a further stream may be opened on this connection, now or when another one is closed. False
 * after GOAWAY, after an error, and when the numbers of streams are used up. */
bool rp_h2_takes_streams(const struct rp_h2_session *session);
/* Whether the server takes requests with a protocol: 0, -EAGAIN while its SETTINGS have not come, which
 * changed() tells, -EOPNOTSUPP when they do not allow it (RFC 8441, 3). */
RP_NODISCARD int rp_h2_takes_protocols(const struct rp_h2_session *session);

/* Sends @request on @stream, whose head is set. The body (empty = none) is borrowed as long as the
 * stream is open. -ENOMEM; -ECONNRESET when rp_h2_takes_streams() is false. */
RP_NODISCARD int rp_h2_submit(struct rp_h2_session *session, struct rp_h2_stream *stream,
                              const struct rp_h2_request *request, struct rp_slice body);
/* The same with a body that more() gives, as the windows of the server allow. */
RP_NODISCARD int rp_h2_submit_streamed(struct rp_h2_session *session, struct rp_h2_stream *stream,
                                       const struct rp_h2_request *request);
/* more() has bytes again, or has come to its end. No-op when it was not waited for. -ENOMEM: it is
 * still waited for. */
RP_NODISCARD int rp_h2_resume(struct rp_h2_session *session, const struct rp_h2_stream *stream);
/* Asks the server for a sign of life: what comes next is one. -ENOMEM. */
RP_NODISCARD int rp_h2_ping(struct rp_h2_session *session);
/* The caller has no use for the rest of the stream: it is closed, with a reset (CANCEL) unless both
 * sides are done, and no event is called for it. No-op when it is closed. */
void rp_h2_end(struct rp_h2_session *session, struct rp_h2_stream *stream);

/* From now on the server is not told that bytes of the stream were taken, so that it has to wait once
 * its window is used up. What it sends until then is told as before. */
void rp_h2_pause(struct rp_h2_stream *stream);
/* The server may go on. */
void rp_h2_go_on(struct rp_h2_session *session, struct rp_h2_stream *stream);

/* Takes what has come. rp_h2_take() must follow, as nghttp2 resets a stream and ends the connection
 * when it says so to the server. -ENOMEM. */
RP_NODISCARD int rp_h2_receive(struct rp_h2_session *session, struct rp_slice input);
/* Makes rp_h2_receive() return at once, for an event after which the session has no user any more. */
void rp_h2_abandon(struct rp_h2_session *session);
/* Bytes of the frames of all streams so far, as in struct rp_h2_stream. *@ret_received also has what of
 * the input was not looked at yet, and lacks what of the last frame has not come yet. */
void rp_h2_count(const struct rp_h2_session *session, uint64_t *ret_sent, uint64_t *ret_received);
bool rp_h2_has_output(const struct rp_h2_session *session);
/* Appends what is to be sent to @out, until it has @enough bytes or more. Events given() and failed()
 * are called. -ENOMEM. */
RP_NODISCARD int rp_h2_take(struct rp_h2_session *session, struct rp_buf *out, size_t enough);
/* The client has ended the connection, because the server has broken the protocol: rp_h2_error()
 * says how, the last bytes that rp_h2_take() has given tell the server, and what comes is left
 * unread. Streams that are still open get no event. */
bool rp_h2_is_over(const struct rp_h2_session *session);

/* Why the connection is over, or will be; code 0 = there is no reason but the server's wish. @text: a
 * few words, may be empty; printable, as long as the session lives. */
struct rp_h2_error {
    uint32_t code;
    bool by_server; /* by a GOAWAY */
    const char *text;
};
struct rp_h2_error rp_h2_error(const struct rp_h2_session *session);
