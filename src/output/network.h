/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/network.h - what the outputs have in common that send numbers to a server: once a second
 * what each series has got, as a body of the server's own form (output/delivery.h).
 *
 * The numbers of a second come from the coordinator, which has added them up. Workers, and so the
 * load, do nothing more for such an output than for none.
 */

#include "output/delivery.h"
#include "run/measured.h"

struct rp_net_output;

struct rp_net_format {
    size_t body_max; /* bytes from which on a body is sent, and the next one begun */
    /* What is sent before the run, to find out whether the server takes something. */
    struct rp_slice probe;
    /* Appends the numbers of one second to net->body, and calls rp_net_output_added() after each
     * piece that can stand in a body of its own. */
    void (*interval)(struct rp_net_output *net, const struct rp_interval *interval);
    /* The body is complete, and goes; NULL = nothing is missing. */
    void (*complete)(struct rp_net_output *net);
    /* The run is over; what is left of the numbers. NULL = nothing. */
    void (*end)(struct rp_net_output *net, const struct rp_result *result);
    void (*free)(struct rp_net_output *net); /* frees own; NULL = there is nothing to free */
};

struct rp_net_series; /* network.c */

struct rp_net_output {
    struct rp_output output; /* first */
    const struct rp_net_format *format;
    struct rp_delivery *delivery;
    struct rp_net_series *series; /* by their ids */
    size_t series_count;
    const char *run_id; /* when the plan is known */
    void *own;          /* the format's */
    struct rp_buf body;
    uint64_t points; /* in it */
};

/* The options that all of them have. */
/* clang-format off */
#define RP_NET_OPTIONS(NAME) \
    { .key = "header", .env = "RAMPA_" NAME "_HEADER", .help = "a further field of the requests, NAME: VALUE; repeatable" }, \
    { .key = "cacert", .help = "a file with the authorities that the server is verified with" }, \
    { .key = "insecure", .help = "1: the certificate of the server is not verified" }, \
    { .key = "required", .help = "1: the run does not begin when the server cannot be reached" }, \
    { .key = "wait", .help = "how long the end waits for a server that takes nothing: 10s" }
/* clang-format on */

/* Makes the output. @config has url and headers; the rest is filled in. @own is taken over, also on
 * failure. */
RP_NODISCARD int rp_net_output_new(const struct rp_output_spec *spec,
                                   const struct rp_net_format *format,
                                   struct rp_delivery_config *config, void *own,
                                   struct rp_output **ret, struct rp_error *err);
/* The numbers of one change, named as docs/outputs.md names them, in the unit that users see. */
enum { RP_NET_FIELDS_MAX = 10 };
struct rp_net_fields {
    size_t count;
    struct {
        const char *name;
        double value; /* finite */
    } items[RP_NET_FIELDS_MAX];
};
/* Adds @change to what the series has got since the start. To be called once for each change.
 * -ENOMEM. */
RP_NODISCARD int rp_net_output_fields(struct rp_net_output *net,
                                      const struct rp_store_change *change,
                                      struct rp_net_fields *ret);
/* @points more numbers are in the body. */
void rp_net_output_added(struct rp_net_output *net, uint64_t points);

extern const struct rp_output_kind rp_output_influxdb, rp_output_otel, rp_output_prometheus,
    rp_output_webhook;
