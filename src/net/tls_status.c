/* SPDX-License-Identifier: MIT */

/*
 * Whether the server's certificate has been revoked, by what the server itself brings along (OCSP
 * stapling, RFC 6066). It is looked at only when the user asks for it; then a server that brings nothing
 * is not accepted.
 */

#include <openssl/ocsp.h>
#include <stdio.h>

#include "net/net_internal.h"

enum { CLOCK_SKEW_S = 300 };

/* Whether @single is about @certificate, whose issuer is @issuer. */
static bool is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer)
{
    OCSP_CERTID *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single), *wanted;
    ASN1_OBJECT *digest = NULL;
    bool is_equal;

    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, id) != 1)
        return false;
    wanted = OCSP_cert_to_id(EVP_get_digestbyobj(digest), certificate, issuer);
    is_equal = wanted && OCSP_id_cmp(wanted, id) == 0;
    OCSP_CERTID_free(wanted);
    return is_equal;
}

/* What is wrong; NULL = nothing. */
static const char *check_single(OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *from, *until;
    int status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);

    if (OCSP_check_validity(from, until, CLOCK_SKEW_S, -1) != 1)
        return "the OCSP response is out of date";
    if (status == V_OCSP_CERTSTATUS_REVOKED)
        return "the certificate has been revoked";
    return status == V_OCSP_CERTSTATUS_GOOD ? NULL
                                            : "the OCSP responder does not know the certificate";
}

static const char *check_basic(OCSP_BASICRESP *basic, SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509 *certificate, *issuer;

    if (!chain || sk_X509_num(chain) == 0)
        return "there is no verified certificate that an OCSP response could be about";
    if (OCSP_basic_verify(basic, chain, store, 0) <= 0)
        return "the OCSP response has no valid signature";
    certificate = sk_X509_value(chain, 0);
    issuer = sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

        if (is_about(single, certificate, issuer))
            return check_single(single);
    }
    return "the OCSP response is about another certificate";
}

static const char *check(SSL *ssl)
{
    const unsigned char *bytes = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    OCSP_RESPONSE *response;
    OCSP_BASICRESP *basic = NULL;
    const char *wrong;

    if (!bytes || len <= 0)
        return "the server sends no OCSP response";
    response = d2i_OCSP_RESPONSE(NULL, &bytes, len);
    if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    wrong = basic ? check_basic(basic, ssl)
                  : "the OCSP response is none, or says that there is none";
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return wrong;
}

int rp_tls_check_status(SSL *ssl, void *user)
{
    struct rp_tls_shared *shared = ((struct rp_tls *)SSL_get_app_data(ssl))->context->shared;
    const char *wrong;

    if (SSL_session_reused(ssl)) /* no certificate comes; the first time it was looked at */
        return 1;
    wrong = check(ssl);
    if (!wrong)
        return 1;
    shared->verify_error = X509_V_ERR_OCSP_VERIFY_FAILED;
    shared->verify_reason = RP_NET_HANDSHAKE_FAILED;
    snprintf(shared->detail, sizeof(shared->detail), "%s", wrong);
    return 0;
}
