/* SPDX-License-Identifier: MIT */

/* Settings of TLS, the authorities of the system, and what all TLS of a loop has in common. */

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/net_internal.h"

/* ---- what a loop has ------------------------------------------------------------------------- */

int rp_tls_shared_new(struct rp_loop *loop, struct rp_tls_shared **ret)
{
    struct rp_tls_shared *shared = rp_alloc(sizeof(*shared));

    if (!shared)
        return -ENOMEM;
    memset(shared, 0, offsetof(struct rp_tls_shared, scratch)); /* the rest is touched when used */
    shared->scratch_len = 0;
    shared->filling = NULL;
    shared->loop = loop;
    rp_list_init(&shared->delayed);
    shared->bio = rp_tls_bio_new();
    if (!shared->bio) {
        rp_free(shared);
        return -ENOMEM;
    }
    *ret = shared;
    return 0;
}

void rp_tls_shared_free(struct rp_tls_shared *shared)
{
    if (!shared)
        return;
    rp_task_cancel(&shared->turn_ends);
    X509_STORE_free(shared->system);
    BIO_meth_free(shared->bio);
    rp_free(shared);
}

/* ---- authorities ----------------------------------------------------------------------------- */

/* Where systems keep them that OpenSSL was not made for: a build of Debian runs on Fedora too. */
static const char *other_bundle(void)
{
    static const char *const paths[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(paths); i++)
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    return NULL;
}

const char *rp_tls_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

static const char *given(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);

    return value && *value ? value : otherwise;
}

bool rp_tls_find_authorities(struct rp_tls_authorities *ret)
{
    const char *file = given(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const char *folder = given(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());

    *ret = (struct rp_tls_authorities){ 0 };
    if (access(file, R_OK) == 0)
        ret->file = file;
    if (access(folder, R_OK) == 0)
        ret->folder = folder;
    if (!ret->file && !ret->folder)
        ret->file = other_bundle();
    return ret->file || ret->folder;
}

/* A folder is not read: it is looked into for the one authority that a chain ends at. */
static int open_system_store(struct rp_tls_shared *shared, struct rp_error *err)
{
    struct rp_tls_authorities found;
    X509_STORE *store;

    if (shared->system)
        return 0;
    if (!rp_tls_find_authorities(&found)) {
        rp_error_set(err, -RP_EUSER, "this system has no certificate authorities to verify by");
        rp_error_hint(err,
                      "install the package ca-certificates, or name a file with SSL_CERT_FILE");
        return -RP_EUSER;
    }
    store = X509_STORE_new();
    if (!store)
        return -ENOMEM;
    ERR_clear_error();
    if ((found.folder && !X509_STORE_load_path(store, found.folder)) ||
        (found.file && !X509_STORE_load_file(store, found.file))) {
        X509_STORE_free(store);
        return rp_error_set(err, -RP_EUSER, "%s: %s", found.file ? found.file : found.folder,
                            rp_tls_take_words());
    }
    shared->system = store;
    return 0;
}

/* ---- contexts -------------------------------------------------------------------------------- */

static int set_trust(struct rp_tls_context *context, const struct rp_tls_settings *settings,
                     struct rp_error *err)
{
    int r;

    if (settings->is_unverified) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
        return 0;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, rp_tls_verified);
    if (settings->wants_status) {
        SSL_CTX_set_tlsext_status_type(context->ssl, TLSEXT_STATUSTYPE_ocsp);
        SSL_CTX_set_tlsext_status_cb(context->ssl, rp_tls_check_status);
    }
    if (settings->ca_file)
        return rp_tls_set_authorities(context, settings->ca_file, err);
    r = open_system_store(context->shared, err);
    if (r == 0)
        SSL_CTX_set1_cert_store(context->ssl, context->shared->system);
    return r;
}

void rp_tls_set_modes(SSL_CTX *ssl)
{
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
}

static int set_up(struct rp_tls_context *context, const struct rp_tls_settings *settings,
                  struct rp_error *err)
{
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    unsigned skipped = settings->offers_h2 ? 0 : 3;
    int r;

    context->ssl = SSL_CTX_new(TLS_client_method());
    if (!context->ssl)
        return -ENOMEM;
    rp_tls_set_modes(context->ssl);
    context->resumes = !settings->no_resumption;
    SSL_CTX_set_session_cache_mode(context->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, rp_tls_new_session);
    SSL_CTX_set_keylog_callback(context->ssl, rp_tls_keylog);
    context->notes_keys = true;
    SSL_CTX_set_msg_callback(context->ssl, rp_tls_message);
    if (SSL_CTX_set_alpn_protos(context->ssl, protocols + skipped,
                                (unsigned)sizeof(protocols) - 1 - skipped) != 0)
        return -ENOMEM;
    r = rp_tls_apply(context, settings, err);
    return r == 0 ? set_trust(context, settings, err) : r;
}

int rp_tls_context_new(struct rp_tls_shared *shared, const struct rp_tls_settings *settings,
                       struct rp_tls_context **ret, struct rp_error *err)
{
    struct rp_tls_context *context = rp_calloc(1, sizeof(*context));
    int r;

    if (!context)
        return -ENOMEM;
    context->layer.make = rp_tls_make;
    context->shared = shared;
    context->keylog = -1;
    r = set_up(context, settings, err);
    if (r < 0) {
        rp_tls_context_free(context);
        return r;
    }
    *ret = context;
    return 0;
}

void rp_tls_context_free(struct rp_tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    if (context->keylog >= 0)
        close(context->keylog);
    rp_free(context);
}

const struct rp_layer *rp_tls_context_layer(const struct rp_tls_context *context)
{
    return &context->layer;
}
