/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of WebSockets share: a user with one session, against a peer that is a plain socket,
 * read and written byte for byte. */

#include "../http/testing.h"
#include "ws/ws.h"

struct talk {
    struct env env;
    struct rp_ws_client *client;
    struct rp_ws_user *user;
    struct rp_ws_session *session; /* NULL when it was left */
    struct rp_http_response response;
    int fd; /* the peer's */
    int woken;
};

void talk_init(struct talk *talk, struct world *world);
void talk_deinit(struct talk *talk);
/* Prepares the session of @talk. */
int new_session(struct talk *talk, struct rp_ws_spec *spec, struct rp_error *err);
/* Begins to open a session; the peer has read @request. */
void begin(struct talk *talk, struct rp_ws_spec spec, char *request, size_t size);
/* The same, and accepts it. */
void open_session(struct talk *talk, struct rp_ws_spec spec);
void write_bytes(const struct talk *talk, const void *bytes, size_t len);
/* Binary messages without a byte: at most 5,000. */
void write_empty_messages(const struct talk *talk, size_t count);
/* The answer 101 to @request, with what follows it in the same write. */
void accept_with(struct talk *talk, const char *request, const char *fields, const char *rest,
                 size_t rest_len);
void until_state(struct talk *talk, enum rp_ws_state state);
/* The next frame of the client, unmasked: its first byte, and its payload. */
unsigned take_frame(struct talk *talk, char *payload, size_t *ret_len);
void assert_frame(struct talk *talk, unsigned first, const char *bytes, size_t len);
/* Waits for the next message, and takes it. */
void assert_message(struct talk *talk, bool is_text, const char *bytes);
int count_of(struct talk *talk, const char *metric);
uint64_t open_connections(struct talk *talk);
