/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/messages.h - what is in every message: one struct for each type of message that has fields.
 *
 * messages.c has the table that goes with them: one row for each field, from which the writer, the
 * reader, and the page docs/internals/messages.md are made. The page says what each field means. A
 * new field is a member here and a row there; a new message is a struct, a table of rows and a
 * value of enum rp_message_type.
 *
 * Texts and bytes are borrowed: of a message that is read, until the message is freed. {NULL, 0} is
 * a text that is not known. Times are nanoseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/time.h"
#include "run/adjustment.h"
#include "run/health.h"
#include "run/progress.h"
#include "stats/exchange.h"
#include "stats/unfinished.h"
#include "stats/value.h"
#include "wire/message.h"

/* A list of structs, or of texts (struct rp_slice). To be written: @count of them at @items, or
 * that many that stand in @written already (rp_msg_write_item()). Read: @count of them, which
 * rp_msg_list_get() gives one after the other. */
struct rp_msg_list {
    size_t count;
    const void *items;
    struct rp_slice written;
    const void *object, *table; /* private: of a list that was read */
};

/* A metric's value. To be written: @value. Read: what rp_msg_value_get() makes of it, once its kind
 * is known. */
struct rp_msg_value {
    const struct rp_value *value;
    const void *object; /* private */
};

/* A mistake of the user's, or an exception of the script's: a struct rp_error as a part of a
 * message. */
struct rp_msg_fault {
    struct rp_slice message, file, hint, detail;
    int64_t line;
};

/* ---- to the worker --------------------------------------------------------------------------- */

struct rp_msg_load {
    struct rp_slice script;
    struct rp_slice requests; /* {NULL, 0}: the script says what it requests */
};

struct rp_msg_plan {
    struct rp_slice json;
    uint64_t worker, workers;
    bool samples;
};

struct rp_msg_setup {
    bool share;
};

struct rp_msg_share {
    struct rp_slice data;
};

struct rp_msg_start {
    rp_ns at; /* of the worker's clock; 0 = now */
};

struct rp_msg_stop {
    rp_ns grace;
};

struct rp_msg_adjust {
    struct rp_slice scenario;
    enum rp_adjusted what;
    double value;
    rp_ns at; /* of the executors' clock */
    bool hold;
};

/* RP_MSG_PAUSE, RP_MSG_RESUME, RP_MSG_TEARDOWN, RP_MSG_EXIT have no fields. */

/* ---- to the coordinator ---------------------------------------------------------------------- */

struct rp_msg_hello {
    uint64_t protocol;
    struct rp_msg_list encodings; /* texts; none = "msgpack" */
    rp_ns clock;                  /* of the worker's loop, when it wrote this */
    int64_t pid;
    struct rp_slice loop, runtime;
};

struct rp_msg_declared {
    struct rp_slice json;
};

struct rp_msg_failed {
    enum rp_message_type stage; /* the message that it answers */
    struct rp_msg_fault error;
};

/* RP_MSG_READY has no fields. */

struct rp_msg_hook_ended {
    enum rp_message_type hook; /* RP_MSG_SETUP, RP_MSG_TEARDOWN */
    bool ok;
    rp_ns took;
    struct rp_slice data;
    struct rp_msg_fault error;
};

struct rp_msg_tag {
    struct rp_slice key, value;
};

struct rp_msg_define {
    uint32_t series;
    struct rp_slice metric;
    enum rp_metric_type kind;
    bool is_time;
    struct rp_msg_list tags; /* of struct rp_msg_tag */
};

/* What a series has recorded: an item of `delta`, and the fields of `total`. */
struct rp_msg_series {
    uint32_t series;
    struct rp_msg_value value;
};

struct rp_msg_delta {
    rp_ns elapsed;
    struct rp_msg_list items; /* of struct rp_msg_series */
};

struct rp_msg_samples {
    struct rp_slice records; /* wire/sample.h */
    uint64_t lost;           /* before the first of them, since the last such message */
};

struct rp_msg_unfinished {
    struct rp_msg_list requests; /* of struct rp_unfinished */
};

/* RP_MSG_EXCHANGE has a struct rp_exchange. */

struct rp_msg_shown {
    struct rp_slice text; /* lines; empty: there will be no further one */
};

struct rp_msg_state {
    rp_ns elapsed, paused;
    bool is_paused;
    struct rp_worker_health health;
    struct rp_msg_list scenarios; /* of struct rp_scenario_progress */
};

struct rp_msg_warning {
    struct rp_slice about, text;
    uint64_t count;
};

struct rp_msg_abort {
    struct rp_slice reason;
};

struct rp_msg_error {
    struct rp_slice scenario, error_type, message, place, traceback;
    uint64_t count;
    bool is_request;
};

struct rp_msg_counts { /* of the iterations of a scenario */
    uint64_t scheduled, started, dropped, completed, interrupted, errors;
};

struct rp_msg_finished {
    rp_ns elapsed, paused, started_late;
    rp_ns under_way, cut_short;
    struct rp_worker_health health;
    uint64_t stray_bytes, retried;
    struct rp_msg_list accounting; /* of struct rp_msg_counts */
};

/* RP_MSG_TOTAL has a struct rp_msg_series. */

struct rp_msg_bye {
    double cpu_user, cpu_system;
    int64_t max_rss, error;
};

/* Any of them: room for what rp_message_read() may write. */
union rp_msg_any {
    struct rp_msg_load load;
    struct rp_msg_plan plan;
    struct rp_msg_setup setup;
    struct rp_msg_share share;
    struct rp_msg_start start;
    struct rp_msg_stop stop;
    struct rp_msg_adjust adjust;
    struct rp_msg_hello hello;
    struct rp_msg_declared declared;
    struct rp_msg_failed failed;
    struct rp_msg_hook_ended hook_ended;
    struct rp_msg_define define;
    struct rp_msg_delta delta;
    struct rp_msg_samples samples;
    struct rp_msg_unfinished unfinished;
    struct rp_exchange exchange;
    struct rp_msg_shown shown;
    struct rp_msg_state state;
    struct rp_msg_warning warning;
    struct rp_msg_abort abort;
    struct rp_msg_error error;
    struct rp_msg_finished finished;
    struct rp_msg_series total;
    struct rp_msg_bye bye;
};

/* ---- writing and reading --------------------------------------------------------------------- */

/* Appends message @type with the fields of @from, the struct of that type (NULL for one without
 * fields), as MessagePack. The buffer keeps the first error. */
void rp_message_write(struct rp_buf *out, enum rp_message_type type, const void *from);
/* Fills @ret, the struct of the message's type. What is absent or of another kind reads as the
 * default that the page says. -EBADMSG: a field that the message must have is not there, or one has
 * a value that cannot be. @ret is whole then too. */
RP_NODISCARD int rp_message_read(const struct rp_message *message, void *ret);

/* Appends an item of `delta`, for its list's @written. */
void rp_msg_write_item(struct rp_buf *out, const struct rp_msg_series *item);
/* Item @i < @count of a list that was read, into a struct of its kind. -EBADMSG as
 * rp_message_read(); a text that is none is {NULL, 0}. */
RP_NODISCARD int rp_msg_list_get(const struct rp_msg_list *list, size_t i, void *ret);
/* -EBADMSG when it is no value of @type, or one that no recording can make (no numbers, more hits
 * than tries, a histogram whose parts disagree); -ENOMEM. @ret is initialised in every case. */
RP_NODISCARD int rp_msg_value_get(const struct rp_msg_value *value, enum rp_metric_type type,
                                  struct rp_value *ret);

/* Borrowed from @err. */
struct rp_msg_fault rp_msg_fault_of(const struct rp_error *err);
/* Copies it into @err, with -RP_EUSER's meaning; there is a message in every case. */
void rp_msg_fault_take(const struct rp_msg_fault *fault, struct rp_error *err);
/* A copy of a text, to be freed with rp_free(): NULL when it is {NULL, 0}, or for want of
 * memory. */
RP_NODISCARD char *rp_msg_strdup(struct rp_slice text);
