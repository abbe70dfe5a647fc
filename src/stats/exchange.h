/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/exchange.h - a request and what came back, as people are shown them: the first failed ones of
 * each kind, which workers keep and ship to the coordinator.
 *
 * Its texts are harmless when they come here: secrets are masked and control characters are replaced
 * by who has made the exchange (http/trace.h). So nobody further up has to know what a header field is.
 *
 * A set of exchanges is bounded in kinds, in exchanges of a kind and in bytes, so that a run in which
 * everything fails keeps no more than one in which a few things fail.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/time.h"

/* The start of a body: its lines, if it is text, else {NULL, 0}. */
struct rp_exchange_body {
    struct rp_slice text;
    uint64_t bytes; /* of the whole body, as they were sent */
    uint64_t start; /* of these, how many are in the text */
};

struct rp_exchange {      /* texts are borrowed; {NULL, 0} = there is none */
    struct rp_slice name; /* what the script gave as name=, else the URL */
    struct rp_slice scenario;
    struct rp_slice url;
    struct rp_slice remote; /* "127.0.0.1:80": where its connection went, as far as it came */
    struct rp_slice proto, tls_version; /* of the answer */
    struct rp_slice error;              /* in place of an answer */
    int64_t vu;                         /* from 1; 0 = none, as in setup() */
    uint64_t iteration;                 /* of the scenario, from 0 */
    uint32_t status;                    /* 0 = there was no answer */
    uint32_t error_code;
    bool is_failed;
    int64_t wall_ns; /* when it ended, since 1970 */
    rp_ns blocked, looking_up, connecting, tls_handshaking, sending, waiting, receiving;
    /* Lines, each with its end: the first one, and then the fields. */
    struct rp_slice request_head, response_head;
    struct rp_exchange_body request_body, response_body;
};

enum {
    RP_EXCHANGE_KINDS_MAX = 50,
    RP_EXCHANGES_OF_KIND_MAX = 100,
    RP_EXCHANGES_MAX_BYTES = 1 << 20,
};

/* What all exchanges of a kind have in common. */
struct rp_exchange_kind {
    char *name;
    uint32_t status, error_code;
    unsigned count; /* that were kept */
};

struct rp_kept_exchange;

/* The first exchanges of each kind. Zeroed = it keeps none. */
struct rp_exchanges {
    unsigned of_kind; /* how many of a kind are kept */
    struct rp_exchange_kind *kinds;
    size_t kind_count;
    struct rp_kept_exchange **items; /* in the order in which they were kept */
    size_t count;
    size_t bytes; /* of all that were ever kept */
};

void rp_exchanges_deinit(struct rp_exchanges *set);
/* Whether a failed exchange of this kind would be kept. Cheap. */
bool rp_exchanges_want(const struct rp_exchanges *set, struct rp_slice name, uint32_t status,
                       uint32_t error_code);
/* Keeps a copy, if there is room. @name is that of its kind: secrets need not be masked in it. When there are as many of its kind already, it takes the place of
 * the latest one if it has ended earlier: several workers tell of theirs in any order. -ENOMEM. */
RP_NODISCARD int rp_exchanges_add(struct rp_exchanges *set, struct rp_slice name,
                                  const struct rp_exchange *exchange);
/* Exchange @i < @count. */
const struct rp_exchange *rp_exchanges_get(const struct rp_exchanges *set, size_t i);
/* Removes those that are not @wanted. */
void rp_exchanges_filter(struct rp_exchanges *set,
                         bool (*wanted)(const void *user, const struct rp_exchange *exchange),
                         const void *user);
/* Puts those of a kind together, the earliest first, in the order of their names and codes. */
void rp_exchanges_sort(struct rp_exchanges *set);

/* Is handed one that is borrowed until it returns. */
typedef void rp_exchange_fn(void *user, const struct rp_exchange *exchange);
/* Calls @fn for each and drops them. What was kept of each kind still counts. */
void rp_exchanges_take(struct rp_exchanges *set, rp_exchange_fn *fn, void *user);

/* How many exchanges a run shows, and a worker, which shows no more bytes either. */
enum { RP_SHOWN_MAX = 500, RP_SHOWN_MAX_BYTES = 1 << 20 };
/* Is handed the lines of one, borrowed until it returns. */
typedef void rp_shown_fn(void *user, struct rp_slice text);

/* Appends lines, each with @mark, "> " or "< ", before it. */
void rp_exchange_write_lines(struct rp_buf *out, const char *mark, struct rp_slice text);
/* Appends the exchange as lines for people: what was sent begins with "> ", what came with "< ", an
 * error in place of an answer with "! ", and the time it took with "= ". */
void rp_exchange_write(const struct rp_exchange *exchange, bool with_bodies, struct rp_buf *out);
