/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/fields.h - the table of what a scenario, and a run, can be told. Of this room only.
 *
 * Parsing, validation, "did you mean", JSON, the text of `rampa inspect` and the tables of
 * docs/scenarios.md are all made from these rows; a new field is a new row and a member of struct
 * rp_scenario or struct rp_plan.
 */

#include <jansson.h>
#include <stdint.h>

#include "plan/json_read.h"
#include "plan/plan.h"

/* Bounds that keep every sum and product of the schedules within 64 bits. */
#define RP_MOST_VUS 10000000
#define RP_MOST_CHOSEN_VUS 10000        /* unless somebody names a number */
#define RP_MOST_ITERATIONS 100000000000 /* of each VU, or all that arrive */
#define RP_MOST_RATE 1000000000         /* in a time_unit, and in a second */
#define RP_RATE_DECIMALS 9
#define RP_MOST_SEED 9007199254740991 /* what every reader of JSON keeps */
#define RP_LONGEST (3650 * 86400 * RP_S)

enum rp_field_type {
    RP_FT_EXECUTOR, /* enum rp_executor_kind */
    RP_FT_ARRIVAL,  /* enum rp_arrival */
    RP_FT_INTEGER,  /* int64_t */
    RP_FT_NUMBER,   /* double of at most RP_RATE_DECIMALS decimals */
    RP_FT_DURATION, /* rp_ns */
    RP_FT_TEXT,     /* char *, not empty; NULL = there is none */
    RP_FT_FLAG,     /* bool */
    RP_FT_STAGES,   /* struct rp_stage * followed by its size_t count */
    RP_FT_PAIRS,    /* struct rp_pairs */
    RP_FT_STATS,    /* struct rp_stat * followed by its size_t count */
};

enum rp_default {
    RP_FD_VALUE, /* default_value, in the field's unit; lists and pairs are empty */
    RP_FD_OTHER, /* taken from elsewhere; default_text says from where */
};

struct rp_field {
    const char *name;
    enum rp_field_type type;
    /* A bit for each enum rp_executor_kind that has the field; 0 in the table of the run. */
    unsigned executors;
    unsigned required; /* bit per executor that must be given it */
    size_t offset;
    int64_t min, max;
    enum rp_default default_kind;
    int64_t default_value;
    const char *default_text;
    const char *help;
};

enum rp_field_id {
    RP_F_EXECUTOR,
    RP_F_EXEC_FN,
    RP_F_VUS,
    RP_F_START_VUS,
    RP_F_DURATION,
    RP_F_ITERATIONS,
    RP_F_STAGES,
    RP_F_RATE,
    RP_F_TIME_UNIT,
    RP_F_ARRIVAL,
    RP_F_PRE_ALLOCATED_VUS,
    RP_F_MAX_VUS,
    RP_F_MAX_DURATION,
    RP_F_START_TIME,
    RP_F_GRACEFUL_STOP,
    RP_F_GRACEFUL_RAMP_DOWN,
    RP_F_TAGS,
    RP_F_ENV,
    RP_F_COUNT
};

enum rp_setting_id {
    RP_S_TAGS,
    RP_S_SETUP_TIMEOUT,
    RP_S_TEARDOWN_TIMEOUT,
    RP_S_TREND_STATS,
    RP_S_SEED,
    RP_S_BASE_URL,
    RP_S_HTTP2,
    RP_S_INSECURE,
    RP_S_TLS_CA,
    RP_S_TLS_CERT,
    RP_S_TLS_KEY,
    RP_S_TLS_MIN,
    RP_S_TLS_MAX,
    RP_S_TLS_CIPHERS,
    RP_S_CERT_STATUS,
    RP_S_NO_RESUMPTION,
    RP_S_TLS_KEYLOG,
    RP_S_NO_KERNEL_TIMESTAMPS,
    RP_S_CONNECT_TIMEOUT,
    RP_S_NO_CONNECTION_REUSE,
    RP_S_NO_VU_CONNECTION_REUSE,
    RP_S_KEEP_COOKIES,
    RP_S_CONNECTIONS_PER_HOST,
    RP_S_SHARED_CONNECTIONS,
    RP_S_BATCH,
    RP_S_TRACEPARENT,
    RP_S_MAX_CONNECTION_REQUESTS,
    RP_S_MAX_CONNECTION_AGE,
    RP_S_HOSTS,
    RP_S_ALLOW_IPS,
    RP_S_LOCAL_IPS,
    RP_S_DNS,
    RP_S_FAILED_EXCHANGES,
    RP_S_PROXY,
    RP_S_PROXY_AUTH,
    RP_S_NO_PROXY,
    RP_S_HTTP_DEBUG,
    RP_S_SEGMENT,
    RP_S_SEGMENT_SEQUENCE,
    RP_S_COUNT
};

extern const struct rp_field rp_scenario_fields[RP_F_COUNT]; /* offsets into struct rp_scenario */
extern const struct rp_field rp_plan_settings[RP_S_COUNT];   /* offsets into struct rp_plan */

extern const char *const rp_arrival_names[]; /* by enum rp_arrival */
enum { RP_ARRIVAL_COUNT = RP_ARRIVAL_POISSON + 1 };

/* Fields of a scenario that were given, a bit per enum rp_field_id. */
typedef uint32_t rp_field_set;

static inline bool rp_executor_kind_has(enum rp_executor_kind executor, enum rp_field_id id)
{
    return rp_scenario_fields[id].executors >> executor & 1;
}

static inline void *rp_field_at(const struct rp_field *field, void *base)
{
    return (char *)base + field->offset;
}

static inline const void *rp_field_peek(const struct rp_field *field, const void *base)
{
    return (const char *)base + field->offset;
}

/* Puts @value into @base and frees what was there. On failure the field is empty or untouched,
 * never half made. */
RP_NODISCARD int rp_field_parse(const struct rp_field *field, void *base, const json_t *value,
                                const struct rp_where *where, struct rp_error *err);
/* The same from @text, the value of the option @name. For integers and durations only. */
RP_NODISCARD int rp_field_parse_text(const struct rp_field *field, void *base, const char *text,
                                     const char *name, struct rp_error *err);
void rp_field_clear(const struct rp_field *field, void *base); /* frees and zeroes */

/* A new reference, or NULL when out of memory. */
json_t *rp_field_to_json(const struct rp_field *field, const void *base);
/* For people: "30s", "2 stages: 30s -> 10, 1m -> 0", "-" for nothing. */
void rp_field_to_text(const struct rp_field *field, const void *base, struct rp_buf *out);
/* "whole number from 1 to 10000000". */
void rp_field_expected(const struct rp_field *field, char *out, size_t size);

/* pairs.c: a later key replaces an earlier one. */
RP_NODISCARD int rp_pairs_set(struct rp_pairs *pairs, const char *key, const char *value);
void rp_pairs_deinit(struct rp_pairs *pairs);
