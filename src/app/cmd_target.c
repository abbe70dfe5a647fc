/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli.h"
#include "app/run.h"
#include "app/term.h"
#include "base/str.h"
#include "run/result.h"
#include "target/target.h"

enum { PORT_DEFAULT = 8080 };

/* A program that started us reads this line to learn the port: it goes out at once. */
static int ready(void *context, const char *url)
{
    printf("listening on %s\n", url);
    rp_target_print_endpoints(stdout);
    return fflush(stdout) ? -EIO : 0;
}

int rp_cmd_target(const struct rp_cli *cli)
{
    const char *port_text = rp_cli_value(cli, RP_OPT_PORT).value;
    struct rp_target_counts counts = { 0 };
    struct rp_target_options options = { .host = rp_cli_value(cli, RP_OPT_HOST).value,
                                         .loop = getenv("RAMPA_LOOP"),
                                         .handle_signals = true,
                                         .ready = ready,
                                         .counts = &counts };
    struct rp_error err = { 0 };
    int64_t port = PORT_DEFAULT;
    int r;

    if (port_text) {
        bool is_number = rp_parse_i64(rp_slice_str(port_text), &port);

        rp_assert(is_number); /* the table of options has checked it */
    }
    options.port = (uint16_t)port;
    r = rp_target_run(&options, &err);
    if (r < 0) {
        if (!err.message)
            rp_error_set(&err, r, "cannot serve: %s", strerror(-r));
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
        rp_error_deinit(&err);
        return r == -RP_EUSER ? RP_EXIT_CONFIG : r == -EIO ? RP_EXIT_OUTPUT : RP_EXIT_INTERNAL;
    }
    printf("requests: %" PRIu64 " (%" PRIu64 " bad), connections: %" PRIu64 "\n", counts.requests,
           counts.bad, counts.connections);
    return fflush(stdout) ? RP_EXIT_OUTPUT : RP_EXIT_PASSED;
}
