/* SPDX-License-Identifier: MIT */

/*
 * target_serve [PORT] - the demo server and nothing else: prints its URL, serves until SIGINT or SIGTERM, prints what it
 * has served. With --endpoints it prints the table of endpoints.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/target.h"

static int print_url(void *context, const char *url)
{
    (void)context;
    printf("%s\n", url);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    struct rp_target_counts counts;
    struct rp_target_options options = { .handle_signals = true,
                                         .ready = print_url,
                                         .counts = &counts };
    struct rp_error err = { 0 };

    if (argc > 1 && strcmp(argv[1], "--endpoints") == 0) {
        rp_target_print_endpoints(stdout);
        return 0;
    }
    if (argc > 1)
        options.port = (uint16_t)strtoul(argv[1], NULL, 10);
    if (rp_target_run(&options, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        rp_error_deinit(&err);
        return 1;
    }
    printf("%llu connections, %llu requests, %llu refused\n",
           (unsigned long long)counts.connections, (unsigned long long)counts.requests,
           (unsigned long long)counts.bad);
    return 0;
}
