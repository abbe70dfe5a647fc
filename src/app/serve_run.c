/* SPDX-License-Identifier: MIT */
#include "app/serve_run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/targets.h"
#include "base/alloc.h"
#include "net/tls.h"
#include "serve/serve.h"

enum { PEM_MAX = 1 << 20 };

struct rp_serve_run {
    struct rp_serve *serve;
    struct rp_buf certificate, key; /* PEM */
};

static bool is_on_tcp(const struct rp_run_options *options)
{
    return options->serve && strcmp(options->serve, "unix") != 0;
}

int rp_serve_run_check(const struct rp_run_options *options, struct rp_error *err)
{
    const struct rp_override *cert = &options->serve_cert, *key = &options->serve_key;

    if (key->value && !cert->value) {
        rp_error_set(err, -RP_EUSER, "%s: there is no certificate that the key is for",
                     key->origin);
        rp_error_hint(err, "name the certificate with --serve-cert");
        return -RP_EUSER;
    }
    if (cert->value && !is_on_tcp(options)) {
        rp_error_set(err, -RP_EUSER, "%s: nobody is shown the certificate", cert->origin);
        rp_error_hint(err, "say where the run listens, such as --serve=0.0.0.0:8443");
        return -RP_EUSER;
    }
    return 0;
}

static int read_pem(struct rp_serve_run *run, const struct rp_run_options *options,
                    struct rp_error *err)
{
    const char *cert = options->serve_cert.value;
    const char *key = options->serve_key.value;
    bool is_key;
    int r;

    if (!cert)
        return 0;
    r = rp_tls_check_certificate(cert, key, &is_key, err);
    if (r < 0) {
        if (is_key && !key)
            rp_error_hint(err, "name the file of its key with --serve-key");
        return rp_error_prefix(
            err, r, is_key && key ? options->serve_key.origin : options->serve_cert.origin);
    }
    r = rp_read_whole(cert, &run->certificate, err);
    return r == 0 ? rp_read_whole(key ? key : cert, &run->key, err) : r;
}

/* It goes out at once: who has started the run waits for that. */
static void tell(const struct rp_serve_run *run, const char *run_id)
{
    char address[RP_SERVE_BROWSER_SIZE];

    fprintf(stderr, "control: rampa status %s\n", run_id);
    fprintf(stderr, "control: socket %s\n", rp_serve_socket(run->serve));
    if (rp_serve_url(run->serve))
        fprintf(stderr, "control: %s/v1/status\n", rp_serve_url(run->serve));
    /* In the log of a CI job others would read it. */
    if (isatty(STDERR_FILENO) && rp_serve_browser_address(run->serve, NULL, address) == 0)
        fprintf(stderr, "control: page %s (works once)\n", address);
}

int rp_serve_run_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                     const struct rp_run_options *options, const char *run_id,
                     struct rp_serve_run **ret, struct rp_error *err)
{
    struct rp_serve_run *run = rp_calloc(1, sizeof(*run));
    struct rp_serve_options serve = { .run_id = run_id, .script = options->script };
    int r;

    if (!run)
        return -ENOMEM;
    rp_buf_init(&run->certificate, PEM_MAX);
    rp_buf_init(&run->key, PEM_MAX);
    r = read_pem(run, options, err);
    if (is_on_tcp(options))
        serve.address = options->serve;
    if (run->certificate.len) {
        serve.certificate = rp_buf_str(&run->certificate);
        serve.key = rp_buf_str(&run->key);
    }
    if (r == 0)
        r = rp_serve_new(sinks, bus, &serve, &run->serve, err);
    if (r < 0) {
        rp_serve_run_free(run);
        return r;
    }
    tell(run, run_id);
    *ret = run;
    return 0;
}

void rp_serve_run_free(struct rp_serve_run *run)
{
    if (!run)
        return;
    rp_serve_free(run->serve);
    if (run->key.data)
        explicit_bzero(run->key.data, run->key.len);
    rp_buf_deinit(&run->certificate);
    rp_buf_deinit(&run->key);
    rp_free(run);
}
