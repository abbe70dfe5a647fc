/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/error.h - how a user's mistake travels from where it is found to where it is printed.
 *
 * Return codes: 0 is success; negative is fatal for the operation and is forwarded unchanged
 * (-errno or one of the codes below); positive is a documented condition of that one function,
 * handled by its direct caller. A user error is -RP_EUSER with a filled struct rp_error, printed
 * once, by app. What a load test observes (refused, reset, timed out, 503) is data in a sample and
 * never one of these.
 */

#include "base/compiler.h"

enum {
    RP_EUSER = 4096, /* the user's input is wrong: struct rp_error says where, why and what to do */
    RP_ESCRIPT,      /* the user's script raised: detail holds its traceback */
    RP_EPEER,        /* a rampa process at the other end of a channel died or spoke nonsense */
};

struct rp_error {
    char *file;    /* owned; NULL when there is no place */
    int line;      /* from 1; 0 when unknown */
    char *message; /* owned; one sentence without a final dot */
    char *hint;    /* owned; the remedy ("did you mean 'constant-vus'?"), may be NULL */
    /* Owned; several lines that are shown below, such as the user's traceback; may be NULL. */
    char *detail;
    /* Owned; further mistakes in the same input, in the order in which they were found, or NULL. */
    struct rp_error *next;
};

void rp_error_deinit(struct rp_error *err); /* NULL is allowed; leaves it empty */

/* Sets the message, which replaces an earlier one, and returns @code. @err may be NULL. */
RP_PRINTF(3, 4) int rp_error_set(struct rp_error *err, int code, const char *fmt, ...);
/* Puts "@origin: " before the message, where @origin names where a value came from ("--vus").
 * Returns @code. @err may be NULL. */
int rp_error_prefix(struct rp_error *err, int code, const char *origin);
/* Adds the place, the remedy, the detail; each replaces an earlier one. @err may be NULL. */
void rp_error_place(struct rp_error *err, const char *file, int line);
RP_PRINTF(2, 3) void rp_error_hint(struct rp_error *err, const char *fmt, ...);
void rp_error_detail(struct rp_error *err, const char *text);
/* "did you mean '<suggestion>'?" when @suggestion is not NULL. */
void rp_error_suggest(struct rp_error *err, const char *suggestion);

/*
 * Several mistakes of one input, reported at once: a search that goes on after a mistake hands what
 * it got to rp_error_keep(), and whoever began the search ends it with rp_error_kept().
 */
enum { RP_ERRORS_MAX = 100 }; /* further ones are not kept; the last one says so */
/* Moves the mistake in @err behind those that were kept before, and returns 0. Any other @code is
 * returned as it is, and so is a mistake when @err is NULL. -ENOMEM when it cannot be kept. */
RP_NODISCARD int rp_error_keep(struct rp_error *err, int code);
/* How many mistakes are kept: a part of the input in which some were found may be left out. */
size_t rp_error_count_kept(const struct rp_error *err);
/* Ends the search, of which @code has come: -RP_EUSER when there is any mistake, the first one in
 * @err itself and the others behind it. Other failures drop the mistakes and are returned. */
int rp_error_kept(struct rp_error *err, int code);
