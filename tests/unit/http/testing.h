/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of the HTTP client share: a client with one session on the loop of a world
 * (../loop/harness.h), calls that remember how they ended, peers that are plain sockets read and
 * written step by step, and sums over the registry.
 */

#include "../loop/harness.h"
#include "http/http.h"
#include "http/http_internal.h"

/* The monotonic clock of these tests is so far ahead of the real one: time passes when a test says so. */
extern rp_ns clock_ahead;
/* The clock stands still meanwhile, but for what is added to clock_ahead: a slow machine changes nothing. */
void clock_stop(void);
void clock_go_on(void);

struct env {
    struct world *world;
    struct rp_registry *registry;
    struct rp_http_client *client;
    struct rp_http_session *session;
    const struct rp_tags *tags; /* scenario=s */
};

void env_init(struct env *env, struct world *world, struct rp_http_limits limits);
/* Without a registry. */
void env_init_unrecorded(struct env *env, struct world *world);
/* Frees the session first: its calls are cancelled. */
void env_deinit(struct env *env);
/* Closes the session and makes a new one. */
void env_new_session(struct env *env);

struct request {
    struct rp_http_call call;
    struct rp_http_response response;
    struct env *env;
    int done;
    void (*then)(struct request *request); /* from done(); may be NULL */
    void *user;
};

/* @path: on the world's listener when it begins with a slash, else a whole URL. @body may be NULL.
 */
void request_init(struct env *env, struct request *request, const char *method, const char *path,
                  const char *body);
void request_deinit(struct request *request);
void request_start(struct request *request);
/* Turns until it has ended @times times in all. */
void request_wait(struct request *request, int times);

/* The next connection that arrives; turns meanwhile. */
int peer_accept(struct env *env);
/* Whether a connection has arrived that nobody has accepted. Does not take it. */
bool peer_is_waiting(struct env *env);
/* Reads one request (head, and a body by its Content-Length) into @text, turning meanwhile. */
void peer_take_request(struct env *env, int fd, char *text, size_t size);
/* Reads one request and answers it. */
void peer_answer(struct env *env, int fd, const char *response);
/* Starts the request, answers it on @fd (-1: on a new connection), waits for its end. Returns the
 * peer's descriptor. */
int exchange(struct request *request, int fd, const char *response);
/* Has @request started by the next turn from inside a callback, on an idle connection that has an
 * event to be delivered in that same turn: what the caller writes to, or closes at, the descriptor
 * that is returned. */
int start_before_an_event(struct request *request);
#define EMPTY_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Sums over the series of @metric whose tag @key is @value (@key NULL: over all). */
uint64_t samples_of(struct env *env, const char *metric, const char *key, const char *value);
double sum_of(struct env *env, const char *metric, const char *key, const char *value);

/* So that a time which is new makes no page of a histogram any more: that allocation is not the
 * request's. */
void touch_histograms(struct env *env);

#define assert_error(request, code, text)                                                          \
    do {                                                                                           \
        assert_int_equal((request)->response.status, 0);                                           \
        assert_int_equal((request)->response.error_code, (code));                                  \
        assert_string_equal((request)->response.error, (text));                                    \
        assert_false((request)->response.is_expected);                                             \
    } while (0)
/* No time is negative, and all of them together fit into what has passed. */
void assert_times(const struct request *request);
