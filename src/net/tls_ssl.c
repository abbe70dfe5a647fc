/* SPDX-License-Identifier: MIT */

/*
 * OpenSSL's side of a connection. It reads from the bytes that have just come, and writes either into the
 * scratch of the loop, while the socket asks for bytes, or into the connection's pending bytes. Its
 * BIO never knows of an end: ends are told by what is below.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "net/net_internal.h"

/* ---- its bytes ---- */

static int bio_read(BIO *bio, char *to, int size)
{
    struct rp_tls *tls = BIO_get_data(bio);
    size_t len = tls->in.len < (size_t)size ? tls->in.len : (size_t)size;

    BIO_clear_retry_flags(bio);
    if (!len) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, tls->in.ptr, len);
    tls->in = rp_slice(tls->in.ptr + len, tls->in.len - len);
    return (int)len;
}

static int bio_write(BIO *bio, const char *from, int len)
{
    struct rp_tls *tls = BIO_get_data(bio);
    struct rp_tls_shared *shared = tls->context->shared;
    char *to;

    BIO_clear_retry_flags(bio);
    if (shared->filling != tls) {
        rp_buf_append(&tls->pending, from, (size_t)len);
        if (tls->pending.error)
            return -1;
        to = tls->pending.data + tls->pending.len - len;
    } else {
        if ((size_t)len > sizeof(shared->scratch) - shared->scratch_len)
            return -1; /* never: there is room for a whole record */
        to = shared->scratch + shared->scratch_len;
        memcpy(to, from, (size_t)len);
        shared->scratch_len += (size_t)len;
    }
    return rp_tls_wrote(tls, to, (size_t)len, shared->filling == tls) ? len : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *rp_tls_bio_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "rampa");

    if (method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
        BIO_meth_set_ctrl(method, bio_ctrl))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- its host ---- */

/* A name is asked for (SNI) and verified; an address is only verified. */
static bool set_host(struct rp_tls *tls)
{
    X509_VERIFY_PARAM *wanted = SSL_get0_param(tls->ssl);
    size_t len = strlen(tls->host);
    char name[256];

    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, tls->host) == 1)
        return true;
    if (len > 0 && tls->host[len - 1] == '.') /* certificates have no dot at the end */
        len--;
    if (len >= sizeof(name))
        return false;
    memcpy(name, tls->host, len);
    name[len] = '\0';
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(tls->ssl, name) == 1 &&
           X509_VERIFY_PARAM_set1_host(wanted, name, len) == 1;
}

int rp_tls_prepare(struct rp_tls *tls)
{
    BIO *bio;

    tls->ssl = SSL_new(tls->context->ssl);
    bio = tls->ssl ? BIO_new(tls->context->shared->bio) : NULL;
    if (!bio)
        return -ENOMEM;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    if (tls->context->is_server) {
        SSL_set_accept_state(tls->ssl);
        return 0;
    }
    SSL_set_connect_state(tls->ssl);
    rp_tls_resume(tls);
    return set_host(tls) ? 0 : -ENOMEM;
}

/* ---- what it has agreed on ---- */

const char *rp_tls_version_text(enum rp_tls_version version)
{
    static const char *const texts[] = { NULL, "tls1.0", "tls1.1", "tls1.2", "tls1.3" };

    return texts[version];
}

enum rp_tls_version rp_tls_version(const struct rp_transport *transport)
{
    const struct rp_tls *tls = rp_container_of(transport, const struct rp_tls, transport);

    switch (tls->ssl ? SSL_version(tls->ssl) : 0) {
    case TLS1_VERSION:
        return RP_TLS_1_0;
    case TLS1_1_VERSION:
        return RP_TLS_1_1;
    case TLS1_2_VERSION:
        return RP_TLS_1_2;
    case TLS1_3_VERSION:
        return RP_TLS_1_3;
    default:
        return RP_TLS_NONE;
    }
}

const char *rp_tls_cipher_suite(const struct rp_transport *transport)
{
    const struct rp_tls *tls = rp_container_of(transport, const struct rp_tls, transport);
    const SSL_CIPHER *cipher = tls->ssl ? SSL_get_current_cipher(tls->ssl) : NULL;

    return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

bool rp_tls_is_resumed(const struct rp_transport *transport)
{
    const struct rp_tls *tls = rp_container_of(transport, const struct rp_tls, transport);

    return tls->ssl && SSL_session_reused(tls->ssl);
}

struct rp_slice rp_tls_protocol(const struct rp_transport *transport)
{
    const struct rp_tls *tls = rp_container_of(transport, const struct rp_tls, transport);
    const unsigned char *name = NULL;
    unsigned len = 0;

    if (tls->ssl)
        SSL_get0_alpn_selected(tls->ssl, &name, &len);
    return rp_slice((const char *)name, len);
}
