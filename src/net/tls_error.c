/* SPDX-License-Identifier: MIT */

/*
 * Why TLS has failed, in words that tell a user whose mistake it is: who signed the certificate,
 * whom it is for, when it was valid, which alert the server sent. Names in certificates are text of
 * others, and are escaped.
 */

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "net/net_internal.h"

enum {
    NAME_MAX_BYTES = 60,
    NAMES_SHOWN = 3,
    ALERT = 0x15, /* types of records */
    HANDSHAKE = 0x16,
};

/* ---- what certificates say ------------------------------------------------------------------- */

struct name {
    char text[NAME_MAX_BYTES + 4];
};

static struct name take_text(BIO *memory)
{
    struct name name = { "" };
    char *data;
    long len = BIO_get_mem_data(memory, &data);

    if (len > NAME_MAX_BYTES)
        snprintf(name.text, sizeof(name.text), "%.*s...", NAME_MAX_BYTES, data);
    else if (len > 0)
        snprintf(name.text, sizeof(name.text), "%.*s", (int)len, data);
    return name;
}

static struct name text_of(const ASN1_STRING *string)
{
    BIO *memory = BIO_new(BIO_s_mem());
    struct name name = { "" };

    if (!memory)
        return name;
    ASN1_STRING_print_ex(memory, string,
                         ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_UTF8_CONVERT);
    name = take_text(memory);
    BIO_free(memory);
    return name;
}

/* The common name, else the whole. */
static struct name name_of(const X509_NAME *subject)
{
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    BIO *memory;
    struct name name = { "" };

    if (place >= 0)
        return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
    memory = BIO_new(BIO_s_mem());
    if (!memory)
        return name;
    X509_NAME_print_ex(memory, subject, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_QUOTE);
    name = take_text(memory);
    BIO_free(memory);
    return name;
}

static struct name address_of(const ASN1_OCTET_STRING *address)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int len = ASN1_STRING_length(address);
    struct name name = { "?" };

    if (len == 4)
        snprintf(name.text, sizeof(name.text), "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2],
                 bytes[3]);
    else if (len == 16)
        for (int i = 0, used = 0; i < len; i += 2)
            used += snprintf(name.text + used, sizeof(name.text) - (size_t)used, "%s%x",
                             i ? ":" : "", (unsigned)(bytes[i] << 8 | bytes[i + 1]));
    return name;
}

static bool host_of(const GENERAL_NAME *entry, struct name *ret)
{
    if (entry->type == GEN_DNS)
        *ret = text_of(entry->d.dNSName);
    else if (entry->type == GEN_IPADD)
        *ret = address_of(entry->d.iPAddress);
    return entry->type == GEN_DNS || entry->type == GEN_IPADD;
}

/* "'a.example', 'b.example' and 2 more"; the common name when there are none. */
static void append_hosts(struct rp_buf *out, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int total = names ? sk_GENERAL_NAME_num(names) : 0, count = 0;
    struct name name;

    for (int i = 0; i < total; i++) {
        if (!host_of(sk_GENERAL_NAME_value(names, i), &name) || count++ >= NAMES_SHOWN)
            continue;
        rp_buf_appendf(out, "%s'%s'", count > 1 ? ", " : "", name.text);
    }
    if (count > NAMES_SHOWN)
        rp_buf_appendf(out, " and %d more", count - NAMES_SHOWN);
    if (count == 0) {
        name = name_of(X509_get_subject_name(certificate));
        rp_buf_appendf(out, "'%s'", name.text);
    }
    GENERAL_NAMES_free(names);
}

static void append_time(struct rp_buf *out, const ASN1_TIME *time)
{
    struct tm parts;
    char text[40];

    if (ASN1_TIME_to_tm(time, &parts) != 1 ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        rp_buf_append_str(out, "a date that is none");
    else
        rp_buf_append_str(out, text);
}

/* ---- verification ---------------------------------------------------------------------------- */

static const char *host_of_store(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct rp_tls *tls = SSL_get_app_data(ssl);

    return tls->host;
}

static enum rp_net_reason reason_of(int error)
{
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return RP_NET_UNKNOWN_AUTHORITY;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return RP_NET_WRONG_HOST;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return RP_NET_EXPIRED;
    default:
        return RP_NET_HANDSHAKE_FAILED;
    }
}

static void explain(struct rp_buf *out, int error, int depth, X509 *certificate,
                    const char *wanted_host)
{
    struct name subject = name_of(X509_get_subject_name(certificate));
    struct name issuer = name_of(X509_get_issuer_name(certificate));

    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        rp_buf_appendf(out, "'%s' has signed itself", subject.text);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        rp_buf_appendf(out, "the chain ends at '%s', which is not trusted here", subject.text);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        rp_buf_appendf(out, "'%s' has signed '%s', and is not known here", issuer.text,
                       subject.text);
        if (depth == 0)
            rp_buf_append_str(out, " (does the server send its intermediate certificate?)");
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        rp_buf_append_str(out, "it is for ");
        append_hosts(out, certificate);
        rp_buf_appendf(out, ", not for '%s'", wanted_host);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        rp_buf_appendf(out, "'%s' expired on ", subject.text);
        append_time(out, X509_get0_notAfter(certificate));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        rp_buf_appendf(out, "'%s' is not valid before ", subject.text);
        append_time(out, X509_get0_notBefore(certificate));
        break;
    default:
        rp_buf_appendf(out, "the certificate '%s': %s", subject.text,
                       X509_verify_cert_error_string(error));
    }
}

static void set_detail(struct rp_tls_shared *shared, struct rp_buf *text)
{
    snprintf(shared->detail, sizeof(shared->detail), "%s", rp_buf_str(text));
    rp_buf_deinit(text);
}

int rp_tls_verified(int is_good, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct rp_tls_shared *shared = ((struct rp_tls *)SSL_get_app_data(ssl))->context->shared;
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    struct rp_buf text;

    if (is_good)
        return 1;
    shared->verify_error = X509_STORE_CTX_get_error(store);
    shared->verify_reason = reason_of(shared->verify_error);
    rp_buf_init(&text, sizeof(shared->detail) - 1);
    if (certificate)
        explain(&text, shared->verify_error, X509_STORE_CTX_get_error_depth(store), certificate,
                host_of_store(store));
    else
        rp_buf_append_str(&text, X509_verify_cert_error_string(shared->verify_error));
    set_detail(shared, &text);
    return 0;
}

/* ---- everything else ------------------------------------------------------------------------- */

/* OpenSSL has no words for the newest ones. */
static const char *words_of_alert(int alert)
{
    switch (alert) {
    case TLS13_AD_MISSING_EXTENSION:
        return "missing extension";
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return "certificate required";
    case TLS1_AD_NO_APPLICATION_PROTOCOL:
        return "no application protocol";
    default:
        return SSL_alert_desc_string_long(alert);
    }
}

static void explain_alert(struct rp_buf *out, int alert)
{
    rp_buf_appendf(out, "the server sent alert %d (%s)", alert, words_of_alert(alert));
    if (alert == TLS13_AD_CERTIFICATE_REQUIRED)
        rp_buf_append_str(out, ": it wants a certificate of the client");
}

struct rp_net_failure rp_tls_failure(struct rp_tls *tls)
{
    struct rp_tls_shared *shared = tls->context->shared;
    bool is_open = tls->state == TLS_OPEN;
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    const char *words = ERR_reason_error_string(error);
    struct rp_net_failure failure = { is_open ? RP_NET_TLS : RP_NET_HANDSHAKE_FAILED,
                                      shared->detail };
    struct rp_buf text;

    ERR_clear_error();
    if (tls->tickets) /* RFC 8446, 6.2: they should be discarded, as keys must be */
        rp_tls_tickets_free(tls->tickets);
    if (!is_open && shared->verify_error) {
        failure.reason = shared->verify_reason;
        return failure;
    }
    rp_buf_init(&text, sizeof(shared->detail) - 1);
    if (reason >= SSL_AD_REASON_OFFSET)
        explain_alert(&text, reason - SSL_AD_REASON_OFFSET);
    else if (!is_open && tls->got_bytes && tls->first != ALERT && tls->first != HANDSHAKE)
        rp_buf_append_str(&text, "the server does not speak TLS");
    else if (words)
        rp_buf_appendf(&text, "%s", words);
    else
        rp_buf_append_str(&text, tls->pending.error ? "out of memory" : "no reason is known");
    set_detail(shared, &text);
    return failure;
}

const char *rp_tls_take_words(void)
{
    unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    const char *words = ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first))
                                                : ERR_reason_error_string(last);

    ERR_clear_error();
    return words ? words : "nobody says why";
}
