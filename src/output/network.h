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

struct rp_net_output {
    struct rp_output output; /* first */
    const struct rp_net_format *format;
    struct rp_delivery *delivery;
    struct rp_buf body;
    uint64_t points; /* in it */
    void *own;       /* the format's */
};

/* The options that all of them have. */
/* clang-format off */
#define RP_NET_OPTIONS \
    { .key = "cacert", .help = "a file with the authorities that the server is verified with" }, \
    { .key = "insecure", .help = "1: the certificate of the server is not verified" }, \
    { .key = "required", .help = "1: the run does not begin when the server cannot be reached" }, \
    { .key = "wait", .help = "how long the end waits for a server that takes nothing: 10s" }
/* clang-format on */

/* Makes the output. @config has url and headers; the rest is filled in. @own is taken over, also on
 * failure (format->free). */
RP_NODISCARD int rp_net_output_new(const struct rp_output_spec *spec,
                                   const struct rp_net_format *format,
                                   struct rp_delivery_config *config, void *own,
                                   struct rp_output **ret, struct rp_error *err);
/* @points more numbers are in the body. */
void rp_net_output_added(struct rp_net_output *net, uint64_t points);

extern const struct rp_output_kind rp_output_influxdb;
