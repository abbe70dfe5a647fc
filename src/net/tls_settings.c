/* SPDX-License-Identifier: MIT */

/* What a user can set of TLS, and what is wrong with it. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/net_internal.h"

enum { CIPHERS_MAX = 16 * 1024 };

static int wrong(struct rp_error *err, const char *what, const char *file)
{
    rp_error_set(err, -RP_EUSER, "%s %s cannot be used: %s", what, file, rp_tls_take_words());
    return -RP_EUSER;
}

/* ---- files ----------------------------------------------------------------------------------- */

int rp_tls_set_authorities(struct rp_tls_context *context, const char *file, struct rp_error *err)
{
    X509_STORE *store = X509_STORE_new();
    int r = 0;

    if (!store)
        return -ENOMEM;
    ERR_clear_error();
    if (X509_STORE_load_file(store, file) == 1)
        SSL_CTX_set1_cert_store(context->ssl, store);
    else
        r = wrong(err, "the file of authorities", file);
    X509_STORE_free(store);
    return r;
}

/* Nobody is there to be asked. */
static int no_password(char *buffer, int size, int is_writing, void *user)
{
    return -1;
}

/* OpenSSL has found no PEM of the kind that it looked for. It says so by the first of its errors. */
static bool is_of_no_use(void)
{
    unsigned long first = ERR_peek_error();

    return (ERR_GET_LIB(first) == ERR_LIB_PEM && ERR_GET_REASON(first) == PEM_R_NO_START_LINE) ||
           (ERR_GET_LIB(first) == ERR_LIB_OSSL_DECODER &&
            ERR_GET_REASON(first) == ERR_R_UNSUPPORTED);
}

static int refuse_certificate(const char *file, struct rp_error *err)
{
    if (!is_of_no_use())
        return wrong(err, "the certificate", file);
    ERR_clear_error();
    rp_error_set(err, -RP_EUSER, "the file %s has no certificate in PEM", file);
    rp_error_hint(err, "it needs a block that begins with '-----BEGIN CERTIFICATE-----'");
    return -RP_EUSER;
}

static int refuse_key(const struct rp_tls_settings *settings, const char *key, struct rp_error *err)
{
    unsigned long first = ERR_peek_error();

    /* A key of another kind than the certificate's has no certificate. */
    if (ERR_GET_LIB(first) == ERR_LIB_X509 ||
        (ERR_GET_LIB(first) == ERR_LIB_SSL &&
         ERR_GET_REASON(first) == SSL_R_NO_CERTIFICATE_ASSIGNED)) {
        ERR_clear_error();
        rp_error_set(err, -RP_EUSER, "the key %s is not that of the certificate %s", key,
                     settings->cert_file);
        rp_error_hint(err, "name the key that the certificate was made with");
        return -RP_EUSER;
    }
    if (!is_of_no_use()) {
        wrong(err, "the key", key);
        rp_error_hint(err, "a key must be PEM and not encrypted: openssl pkey -in KEY -out PLAIN");
        return -RP_EUSER;
    }
    ERR_clear_error();
    rp_error_set(err, -RP_EUSER, "the file %s has no private key in PEM", key);
    if (settings->key_file)
        rp_error_hint(err, "it needs a block such as '-----BEGIN PRIVATE KEY-----'");
    else
        rp_error_hint(err, "name the file of the certificate's key too");
    return -RP_EUSER;
}

static int set_chain(SSL_CTX *ssl, const char *file, struct rp_error *err)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
    return SSL_CTX_use_certificate_chain_file(ssl, file) == 1 ? 0 : refuse_certificate(file, err);
}

/* After the chain, which it must fit. */
static int set_key(SSL_CTX *ssl, const struct rp_tls_settings *settings, struct rp_error *err)
{
    const char *key = settings->key_file ? settings->key_file : settings->cert_file;

    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(ssl) == 1)
        return 0;
    return refuse_key(settings, key, err);
}

static int set_certificate(SSL_CTX *ssl, const struct rp_tls_settings *settings,
                           struct rp_error *err)
{
    int r;

    if (!settings->cert_file)
        return 0;
    r = set_chain(ssl, settings->cert_file, err);
    return r == 0 ? set_key(ssl, settings, err) : r;
}

int rp_tls_check_certificate(const char *cert_file, const char *key_file, bool *ret_is_key,
                             struct rp_error *err)
{
    const struct rp_tls_settings settings = { .cert_file = cert_file, .key_file = key_file };
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    int r = ssl ? set_chain(ssl, cert_file, err) : -ENOMEM;

    *ret_is_key = r == 0;
    if (r == 0)
        r = set_key(ssl, &settings, err);
    SSL_CTX_free(ssl);
    return r;
}

/* ---- versions and ciphers -------------------------------------------------------------------- */

enum rp_tls_version rp_tls_version_parse(const char *text)
{
    static const char *const numbers[] = { NULL, "1.0", "1.1", "1.2", "1.3" };

    if (strncasecmp(text, "tls", 3) == 0)
        text += text[3] == 'v' || text[3] == 'V' ? 4 : 3;
    for (size_t i = 1; i < RP_ARRAY_LEN(numbers); i++)
        if (strcmp(text, numbers[i]) == 0)
            return (enum rp_tls_version)i;
    return RP_TLS_NONE;
}

static int set_versions(SSL_CTX *ssl, enum rp_tls_version min, enum rp_tls_version max,
                        struct rp_error *err)
{
    static const int versions[] = { 0, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
                                    TLS1_3_VERSION };

    if (!min)
        min = max && max < RP_TLS_1_2 ? max : RP_TLS_1_2;
    if (max && max < min)
        return rp_error_set(err, -RP_EUSER, "no version of TLS is between %s and %s",
                            rp_tls_version_text(min), rp_tls_version_text(max));
    if (SSL_CTX_set_min_proto_version(ssl, versions[min]) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, versions[max]) != 1)
        return -ENOMEM;
    if (min < RP_TLS_1_2)
        SSL_CTX_set_security_level(ssl, 0); /* their signatures are too weak for any other */
    return 0;
}

struct ciphers {
    struct rp_buf old, new; /* of TLS 1.2 and older, and of 1.3 */
};

static void add_cipher(struct rp_buf *list, const char *name)
{
    rp_buf_appendf(list, "%s%s", list->len ? ":" : "", name);
}

static int sort_cipher(struct ciphers *ciphers, struct rp_slice text, struct rp_error *err)
{
    char name[128];

    if (text.len >= sizeof(name))
        return rp_error_set(err, -RP_EUSER, "there is no cipher '%.*s'", 60, text.ptr);
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    if (strncmp(name, "TLS_", 4) != 0) {
        add_cipher(&ciphers->old, name);
    } else if (strstr(name, "_WITH_")) {
        const char *known = OPENSSL_cipher_name(name);

        if (!known || known[0] == '(')
            return rp_error_set(err, -RP_EUSER, "there is no cipher '%s'", name);
        add_cipher(&ciphers->old, known);
    } else {
        add_cipher(&ciphers->new, name);
    }
    return 0;
}

static int sort_ciphers(struct ciphers *ciphers, const char *text, struct rp_error *err)
{
    int r = 0;

    while (r == 0 && *text) {
        size_t len = strcspn(text, ":, ");

        if (len)
            r = sort_cipher(ciphers, rp_slice(text, len), err);
        text += len + (text[len] != '\0');
    }
    if (r == 0)
        r = ciphers->old.error ? ciphers->old.error : ciphers->new.error;
    return r;
}

static int set_sorted(SSL_CTX *ssl, const struct ciphers *ciphers, const char *all,
                      struct rp_error *err)
{
    const char *old = rp_buf_str(&ciphers->old), *new = rp_buf_str(&ciphers->new);

    ERR_clear_error();
    if ((*old && SSL_CTX_set_cipher_list(ssl, old) != 1) ||
        (*new &&SSL_CTX_set_ciphersuites(ssl, new) != 1) || (!*old && !*new)) {
        ERR_clear_error();
        rp_error_set(err, -RP_EUSER, "OpenSSL has not all of the ciphers '%s'", all);
        rp_error_hint(err, "`openssl ciphers -v` lists them");
        return -RP_EUSER;
    }
    if ((*old || SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1) &&
        (*new || SSL_CTX_set_max_proto_version(ssl, TLS1_2_VERSION) == 1))
        return 0;
    return -ENOMEM;
}

static bool is_new(const SSL_CIPHER *cipher)
{
    return SSL_CIPHER_get_protocol_id(cipher) >> 8 == 0x13;
}

/* AES-128 before AES-256, as browsers and Go have it, and OpenSSL has not. Most servers take what comes
 * first. The hash of the second, SHA-384, which each secret of a handshake needs several times, takes
 * processors longer than SHA-256: a tenth of a short handshake. Ciphers that the system does not want
 * stay away. */
static int prefer_aes_128(SSL_CTX *ssl)
{
    const SSL_CIPHER *first = NULL;
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ssl);
    struct rp_buf names;
    int r;

    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
        if (SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(all, i)) ==
            (TLS1_3_CK_AES_128_GCM_SHA256 & 0xffff))
            first = sk_SSL_CIPHER_value(all, i);
    if (!first)
        return 0;
    rp_buf_init(&names, CIPHERS_MAX);
    add_cipher(&names, SSL_CIPHER_get_name(first));
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);

        if (cipher != first && is_new(cipher))
            add_cipher(&names, SSL_CIPHER_get_name(cipher));
    }
    r = names.error;
    if (r == 0 && SSL_CTX_set_ciphersuites(ssl, rp_buf_str(&names)) != 1)
        r = -ENOMEM;
    rp_buf_deinit(&names);
    return r;
}

static int set_ciphers(SSL_CTX *ssl, const char *text, struct rp_error *err)
{
    struct ciphers ciphers;
    int r;

    if (!text)
        return prefer_aes_128(ssl);
    rp_buf_init(&ciphers.old, CIPHERS_MAX);
    rp_buf_init(&ciphers.new, CIPHERS_MAX);
    r = sort_ciphers(&ciphers, text, err);
    if (r == 0)
        r = set_sorted(ssl, &ciphers, text, err);
    rp_buf_deinit(&ciphers.old);
    rp_buf_deinit(&ciphers.new);
    return r;
}

/* ---- keys for others ------------------------------------------------------------------------- */

void rp_tls_keylog(const SSL *ssl, const char *line)
{
    struct rp_tls *tls = SSL_get_app_data(ssl);
    struct iovec parts[] = { { (void *)line, strlen(line) }, { (void *)"\n", 1 } };
    ssize_t n;

    rp_tls_note_keys(tls, line);
    if (tls->context->keylog < 0)
        return;
    n = writev(tls->context->keylog, parts, 2);
    (void)n; /* a full disk does not end the test */
}

static int set_keylog(struct rp_tls_context *context, const char *file, struct rp_error *err)
{
    struct stat st;
    int fd;

    if (!file)
        return 0;
    fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return rp_error_set(err, -RP_EUSER, "the file for keys %s cannot be written: %s", file,
                            strerror(errno));
    context->keylog = fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077) {
        rp_error_set(err, -RP_EUSER, "the file for keys %s can be read by others", file);
        rp_error_hint(err, "whoever has the keys can read what is sent: chmod 600 %s", file);
        return -RP_EUSER;
    }
    return 0;
}

int rp_tls_apply(struct rp_tls_context *context, const struct rp_tls_settings *settings,
                 struct rp_error *err)
{
    int r = set_versions(context->ssl, settings->min_version, settings->max_version, err);

    if (r == 0)
        r = set_ciphers(context->ssl, settings->ciphers, err);
    if (r == 0)
        r = set_certificate(context->ssl, settings, err);
    if (r == 0)
        r = set_keylog(context, settings->keylog_file, err);
    return r;
}
