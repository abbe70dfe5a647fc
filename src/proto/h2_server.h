/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/h2_server.h - HTTP/2 for a server, without I/O: bytes in, requests out, responses in, bytes
 * out (RFC 9113).
 *
 * A session of a server is a struct rp_h2_session too. It has other events, and of the functions of
 * proto/h2.h these work for it: rp_h2_receive(), rp_h2_take(), rp_h2_has_output(), rp_h2_error(),
 * rp_h2_is_over() and rp_h2_session_free(). The limits on what comes are the same. nghttp2 has one more,
 * for clients that open streams and reset them at once.
 *
 * Heads of requests look like those of HTTP/1.1, so that what reads those can read these. They are not
 * judged here beyond what RFC 9113 says of fields: whether method and path make sense is for the
 * parser of HTTP/1.1 to say (proto/h1_request.h).
 */

#include "proto/h2.h"

enum { RP_H2_SERVER_STREAMS_MAX = 128 /* at the same time, of a connection */ };

/* A request, and the response to it. Zeroed memory of the user's. */
struct rp_h2_incoming {
    int32_t id;        /* of its stream; read only */
    bool is_paused;    /* see rp_h2_server_pause(); read only */
    bool got_head;     /* private: head() was called */
    bool has_trailers; /* private */
    size_t kept_back;  /* private: bytes that came while it was paused */
};

struct rp_h2_server_events {
    /* A request begins. NULL when there is no memory for it: it is refused. */
    struct rp_h2_incoming *(*begins)(void *user);
    /* Its head is complete: "GET /path HTTP/1.1", a line Host, then the other fields. @head is valid
     * during the call; a NULL pointer = it has more than the maximum. @is_whole: no body follows. */
    void (*head)(void *user, struct rp_h2_incoming *incoming, struct rp_slice head, bool is_whole);
    void (*body)(void *user, struct rp_h2_incoming *incoming, struct rp_slice body);
    /* The body has come to its end. */
    void (*done)(void *user, struct rp_h2_incoming *incoming);
    /* The next bytes of the response's body, @room at most; they are copied. None, and not the last:
     * rp_h2_go_on_responding() will say when there are some. Called by rp_h2_take(). */
    struct rp_slice (*more)(void *user, struct rp_h2_incoming *incoming, size_t room,
                            bool *ret_is_last);
    /* The last event: the response was sent, or either side has reset the stream, or the request was
     * malformed (@got_head is false then). Called by rp_h2_receive() and rp_h2_take(); all frames of the
     * stream are in what the latter has appended when it returns. */
    void (*closed)(void *user, struct rp_h2_incoming *incoming, bool got_head);
};

/* A new connection. @head_max: bytes of a request's head. The requests that are under way when the
 * session is freed get no event. -ENOMEM. */
RP_NODISCARD int rp_h2_server_new(const struct rp_h2_server_events *events, size_t head_max,
                                  void *user, struct rp_h2_session **ret);

/* The fields of a response whose head is written for HTTP/1.1, without those that are about a
 * connection of HTTP/1.1. It is freed by rp_h2_request_free(). -ENOMEM. */
RP_NODISCARD int rp_h2_response_new(struct rp_slice head, struct rp_h2_request **ret);

/* None of them is to be called after closed(), and rp_h2_respond() once. -ENOMEM. @response is copied.
 * @has_body: more() is asked for it. */
RP_NODISCARD int rp_h2_respond(struct rp_h2_session *session, struct rp_h2_incoming *incoming,
                               const struct rp_h2_request *response, bool has_body);
void rp_h2_go_on_responding(struct rp_h2_session *session, struct rp_h2_incoming *incoming);

/* The fields of a head as for rp_h2_response_new(), which come behind the body of a response. It is
 * freed by rp_h2_request_free(). -ENOMEM. */
RP_NODISCARD int rp_h2_trailers_new(struct rp_slice head, struct rp_h2_request **ret);
/* To be called by more() for the last bytes of a body: these fields follow them. They are copied.
 * -ENOMEM. */
RP_NODISCARD int rp_h2_respond_trailers(struct rp_h2_session *session,
                                        struct rp_h2_incoming *incoming,
                                        const struct rp_h2_request *trailers);
/* Ends the stream with a reset (CANCEL): its response stays incomplete. */
void rp_h2_server_reset(struct rp_h2_session *session, struct rp_h2_incoming *incoming);

/* From now on the client is not told that bytes of the request were taken, so that it has to wait once
 * its window is used up. What it sends until then is told as before. */
void rp_h2_server_pause(struct rp_h2_incoming *incoming);
/* The client may go on. No-op when it is not paused. */
void rp_h2_server_go_on(struct rp_h2_session *session, struct rp_h2_incoming *incoming);

/* "100 Continue", before the response. -ENOMEM. */
RP_NODISCARD int rp_h2_say_continue(struct rp_h2_session *session, struct rp_h2_incoming *incoming);

/* No further requests are taken (GOAWAY). */
void rp_h2_server_close(struct rp_h2_session *session);
/* Nothing is to be sent or received any more: after rp_h2_server_close(), when the last response was
 * taken, and after an error. */
bool rp_h2_is_finished(const struct rp_h2_session *session);
