/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/run.h"
#include "app/term.h"
#include "base/str.h"
#include "run/result.h"
#include "target/target.h"

enum { PORT_DEFAULT = 8080 };

#define CERTIFICATE_NAME "/rampa-target-XXXXXX"

/* The file of the certificate, for as long as the server runs; an empty name = there is none. */
struct certificate {
    char path[512];
    int fd;
};

static int make_certificate_file(struct certificate *ret, struct rp_error *err)
{
    const char *folder = getenv("TMPDIR");

    snprintf(ret->path, sizeof(ret->path), "%s" CERTIFICATE_NAME,
             folder && *folder && strlen(folder) < 400 ? folder : "/tmp");
    ret->fd = mkstemp(ret->path);
    if (ret->fd >= 0)
        return 0;
    rp_error_set(err, -RP_EUSER, "cannot write the certificate to %s: %s", ret->path,
                 strerror(errno));
    ret->path[0] = '\0';
    return -RP_EUSER;
}

static void remove_certificate_file(struct certificate *certificate)
{
    if (!certificate->path[0])
        return;
    close(certificate->fd);
    unlink(certificate->path);
}

/* A program that started us reads the first line to learn the port: it goes out at once. */
static int ready(void *context, const char *url)
{
    const struct certificate *certificate = context;

    printf("listening on %s\n", url);
    if (certificate->path[0])
        printf("clients trust it with: rampa run %s/ --cacert %s\n", url, certificate->path);
    rp_target_print_endpoints(stdout);
    return fflush(stdout) ? -EIO : 0;
}

int rp_cmd_target(const struct rp_cli *cli)
{
    const char *port_text = rp_cli_value(cli, RP_OPT_PORT).value;
    struct rp_target_counts counts = { 0 };
    struct certificate certificate = { .fd = -1 };
    struct rp_target_options options = { .host = rp_cli_value(cli, RP_OPT_HOST).value,
                                         .loop = getenv("RAMPA_LOOP"),
                                         .handle_signals = true,
                                         .ready = ready,
                                         .context = &certificate,
                                         .tls = cli->flags[RP_OPT_TARGET_TLS],
                                         .counts = &counts };
    struct rp_error err = { 0 };
    int64_t port = PORT_DEFAULT;
    int r;

    if (port_text) {
        bool is_number = rp_parse_i64(rp_slice_str(port_text), &port);

        rp_assert(is_number); /* the table of options has checked it */
    }
    options.port = (uint16_t)port;
    r = options.tls ? make_certificate_file(&certificate, &err) : 0;
    options.certificate_fd = certificate.fd;
    if (r == 0)
        r = rp_target_run(&options, &err);
    remove_certificate_file(&certificate);
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
