/* SPDX-License-Identifier: MIT */

/*
 * The server's end of TLS, for a server to test against: a certificate that is made at its start, and
 * connections that a listener has accepted.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/net_internal.h"

enum { VALID_DAYS = 365, DAY = 86400, NAMES_MAX = 512 };

/* ---- the certificate ------------------------------------------------------------------------- */

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool is_added;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    is_added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return is_added;
}

static void name_hosts(const char *host, char names[NAMES_MAX])
{
    ASN1_OCTET_STRING *address = host ? a2i_IPADDRESS(host) : NULL;

    snprintf(names, NAMES_MAX, "DNS:localhost,IP:127.0.0.1,IP:::1%s%s",
             !host     ? ""
             : address ? ",IP:"
                       : ",DNS:",
             host ? host : "");
    ASN1_OCTET_STRING_free(address);
}

static bool fill_in(X509 *certificate, EVP_PKEY *key, const char *host)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    char names[NAMES_MAX];

    name_hosts(host, names);
    return X509_set_version(certificate, X509_VERSION_3) &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)VALID_DAYS * DAY) &&
           X509_set_pubkey(certificate, key) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"rampa target", -1, -1, 0) &&
           X509_set_issuer_name(certificate, name) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_subject_alt_name, names) &&
           X509_sign(certificate, key, EVP_sha256());
}

int rp_tls_make_certificate(const char *host, struct rp_tls_certificate *ret)
{
    *ret = (struct rp_tls_certificate){ X509_new(), EVP_EC_gen("P-256") };
    if (ret->certificate && ret->key && fill_in(ret->certificate, ret->key, host))
        return 0;
    ERR_clear_error();
    rp_tls_certificate_free(ret);
    return -EIO;
}

void rp_tls_certificate_free(struct rp_tls_certificate *certificate)
{
    X509_free(certificate->certificate);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct rp_tls_certificate){ NULL, NULL };
}

int rp_tls_certificate_write(const struct rp_tls_certificate *certificate, int fd)
{
    BIO *out = BIO_new_fd(fd, BIO_NOCLOSE);
    int r = out && PEM_write_bio_X509(out, certificate->certificate) ? 0 : -EIO;

    BIO_free(out);
    ERR_clear_error();
    return r;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* ALPN. A client that asks for neither gets no answer, and speaks what it likes. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *user)
{
    static const unsigned char known[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, ret_len, known, sizeof(known) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

int rp_tls_server_new(struct rp_tls_shared *shared, const struct rp_tls_certificate *certificate,
                      struct rp_tls_context **ret)
{
    struct rp_tls_context *context = rp_calloc(1, sizeof(*context));

    if (!context)
        return -ENOMEM;
    context->layer.make = rp_tls_make;
    context->shared = shared;
    context->keylog = -1;
    context->is_server = true;
    context->ssl = SSL_CTX_new(TLS_server_method());
    if (!context->ssl || SSL_CTX_use_certificate(context->ssl, certificate->certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context->ssl, certificate->key) != 1) {
        ERR_clear_error();
        rp_tls_context_free(context);
        return -ENOMEM;
    }
    rp_tls_set_modes(context->ssl);
    SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, NULL);
    *ret = context;
    return 0;
}

int rp_tls_accept_over(struct rp_tls_context *context, struct rp_transport *below,
                       struct rp_transport **ret)
{
    return rp_tls_make(&context->layer, below, "", 0, ret);
}

void rp_tls_free(struct rp_transport *transport)
{
    transport->ops->free(transport);
}
