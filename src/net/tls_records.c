/* SPDX-License-Identifier: MIT */

/*
 * The records of TLS 1.3 that carry the bytes of users (RFC 8446, 5).
 *
 * OpenSSL 3.0 needs some 8,000 instructions for one, and the cipher itself less than half of them. A
 * connection that has been used some times therefore has its records sealed and opened here, by the
 * same cipher of OpenSSL. The keys follow from the secrets that OpenSSL tells its keylog callback.
 *
 * All else stays with OpenSSL: handshakes, tickets, alerts, changes of keys, and every record that
 * is wrong in some way. The number of a record is part of its encryption, and OpenSSL knows only of
 * those that it has seen. So a record for it is encrypted anew with the number that it expects, and
 * one that it has written with the number that is next on the wire.
 */

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "net/net_internal.h"

enum { VERSION_HIGH = 3, VERSION_LOW = 3 };

/* ---- keys ------------------------------------------------------------------------------------ */

static bool is_supported(const SSL_CIPHER *agreed)
{
    switch (SSL_CIPHER_get_cipher_nid(agreed)) {
    case NID_aes_128_gcm:
    case NID_aes_256_gcm:
    case NID_chacha20_poly1305:
        return true;
    default:
        return false;
    }
}

/* HKDF-Expand-Label of RFC 8446, 7.1, with no context. @len: at most that of a hash, so that one round
 * is enough. */
static bool expand(const SSL *ssl, const struct rp_tls_way *way, const char *label,
                   unsigned char *ret, size_t len)
{
    const EVP_MD *hash = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
    unsigned char block[EVP_MAX_MD_SIZE], info[32];
    size_t label_len = strlen(label), used = 0;
    bool is_done;

    info[used++] = 0;
    info[used++] = (unsigned char)len;
    info[used++] = (unsigned char)(6 + label_len);
    memcpy(info + used, "tls13 ", 6);
    memcpy(info + used + 6, label, label_len);
    used += 6 + label_len;
    info[used++] = 0; /* the length of the context */
    info[used++] = 1; /* the round */
    is_done = HMAC(hash, way->secret, way->secret_len, info, used, block, NULL) != NULL;
    if (is_done)
        memcpy(ret, block, len);
    OPENSSL_cleanse(block, sizeof(block));
    return is_done;
}

/* A cipher with the present key of @way. NULL: OpenSSL cannot. */
static EVP_CIPHER_CTX *new_cipher(const SSL *ssl, struct rp_tls_way *way, bool seals)
{
    int nid = SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl));
    EVP_CIPHER *type = EVP_CIPHER_fetch(NULL, OBJ_nid2sn(nid), NULL);
    EVP_CIPHER_CTX *cipher = type && way->secret_len ? EVP_CIPHER_CTX_new() : NULL;
    unsigned char key[EVP_MAX_KEY_LENGTH];

    if (cipher && (!expand(ssl, way, "key", key, (size_t)EVP_CIPHER_get_key_length(type)) ||
                   !expand(ssl, way, "iv", way->iv, sizeof(way->iv)) ||
                   EVP_CipherInit_ex2(cipher, type, key, NULL, seals, NULL) != 1)) {
        EVP_CIPHER_CTX_free(cipher);
        cipher = NULL;
    }
    if (!cipher)
        ERR_clear_error();
    OPENSSL_cleanse(key, sizeof(key));
    EVP_CIPHER_free(type);
    return cipher;
}

static void use_no_cipher(struct rp_tls_way *way)
{
    EVP_CIPHER_CTX_free(way->cipher);
    way->cipher = NULL;
}

/* To tell the secrets of a connection OpenSSL needs some 200,000 instructions, a tenth of a short
 * handshake, and to make ciphers of them 100,000. That pays only for connections that are long in use. */
static void want_keys(struct rp_tls_context *context, bool are_wanted)
{
    if (context->notes_keys == are_wanted || context->is_server)
        return;
    context->notes_keys = are_wanted;
    if (context->keylog < 0)
        SSL_CTX_set_keylog_callback(context->ssl, are_wanted ? rp_tls_keylog : NULL);
}

void rp_tls_forget_keys(struct rp_tls *tls)
{
    if (tls->uses && tls->uses < TLS_LONG_USE)
        want_keys(tls->context, false);
    tls->uses = 0;
    tls->is_framed = false;
    use_no_cipher(&tls->sent);
    use_no_cipher(&tls->received);
    OPENSSL_cleanse(&tls->sent, sizeof(tls->sent));
    OPENSSL_cleanse(&tls->received, sizeof(tls->received));
}

static void note_secret(struct rp_tls_way *way, const char *line)
{
    const char *hex = strrchr(line, ' ');
    size_t len;

    way->secret_len = 0;
    if (hex && OPENSSL_hexstr2buf_ex(way->secret, sizeof(way->secret), &len, hex + 1, '\0') == 1)
        way->secret_len = (unsigned char)len;
}

void rp_tls_note_keys(struct rp_tls *tls, const char *line)
{
    static const struct rp_slice ours = RP_SLICE("CLIENT_TRAFFIC_SECRET_0 "),
                                 theirs = RP_SLICE("SERVER_TRAFFIC_SECRET_0 ");

    if (strncmp(line, ours.ptr, ours.len) == 0)
        note_secret(&tls->sent, line);
    else if (strncmp(line, theirs.ptr, theirs.len) == 0)
        note_secret(&tls->received, line);
}

bool rp_tls_frame(struct rp_tls *tls)
{
    tls->is_framed = !tls->context->is_server && SSL_version(tls->ssl) == TLS1_3_VERSION &&
                     is_supported(SSL_get_current_cipher(tls->ssl)) && tls->sent.secret_len &&
                     tls->received.secret_len;
    return tls->is_framed;
}

void rp_tls_use(struct rp_tls *tls)
{
    if (++tls->uses == TLS_LONG_USE)
        want_keys(tls->context, true);
    if (tls->uses < TLS_TAKEN_OVER || !tls->is_framed)
        return;
    if (!tls->sent.cipher)
        tls->sent.cipher = new_cipher(tls->ssl, &tls->sent, true);
    if (!tls->received.cipher)
        tls->received.cipher = new_cipher(tls->ssl, &tls->received, false);
}

/* The side that has announced it uses the next secret from now on, and begins to number anew. Without
 * memory for its cipher OpenSSL goes on alone. */
static void change_keys(const SSL *ssl, struct rp_tls_way *way, bool seals)
{
    bool was_ours = way->cipher != NULL;

    use_no_cipher(way);
    way->next = way->next_of_ssl = 0;
    if (!expand(ssl, way, "traffic upd", way->secret, way->secret_len))
        way->secret_len = 0;
    else if (was_ours)
        way->cipher = new_cipher(ssl, way, seals);
}

void rp_tls_message(int is_sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                    void *user)
{
    struct rp_tls *tls = SSL_get_app_data(ssl);

    if (!is_sent && tls->is_framed && type == SSL3_RT_HANDSHAKE && len &&
        *(const unsigned char *)bytes == SSL3_MT_KEY_UPDATE) {
        change_keys(ssl, &tls->received, false);
        tls->owes_keys = true;
    }
}

/* ---- ciphers --------------------------------------------------------------------------------- */

/* @tag: of @from when the cipher opens, else set to that of @to. */
static bool run(EVP_CIPHER_CTX *cipher, const struct rp_tls_way *way, uint64_t number,
                const unsigned char *header, const unsigned char *from, int len, unsigned char *to,
                unsigned char *tag)
{
    bool seals = EVP_CIPHER_CTX_is_encrypting(cipher);
    unsigned char nonce[TLS_IV];
    int n;

    memcpy(nonce, way->iv, sizeof(nonce));
    for (size_t i = 0; i < sizeof(number); i++)
        nonce[TLS_IV - 1 - i] ^= (unsigned char)(number >> 8 * i);
    return EVP_CipherInit_ex2(cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
           (seals || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TLS_TAG, tag) == 1) &&
           EVP_CipherUpdate(cipher, NULL, &n, header, TLS_HEADER) == 1 &&
           EVP_CipherUpdate(cipher, to, &n, from, len) == 1 &&
           EVP_CipherFinal_ex(cipher, to + n, &n) == 1 &&
           (!seals || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TLS_TAG, tag) == 1);
}

size_t rp_tls_seal(struct rp_tls *tls, struct rp_slice a, struct rp_slice b, char *ret)
{
    unsigned char *header = (unsigned char *)ret, *inner = header + TLS_HEADER;
    size_t len = a.len + b.len + 1, sealed = len + TLS_TAG;

    header[0] = SSL3_RT_APPLICATION_DATA;
    header[1] = VERSION_HIGH;
    header[2] = VERSION_LOW;
    header[3] = (unsigned char)(sealed >> 8);
    header[4] = (unsigned char)sealed;
    if (a.len)
        memcpy(inner, a.ptr, a.len);
    if (b.len)
        memcpy(inner + a.len, b.ptr, b.len);
    inner[len - 1] = SSL3_RT_APPLICATION_DATA;
    if (!run(tls->sent.cipher, &tls->sent, tls->sent.next++, header, inner, (int)len, inner,
             inner + len))
        return 0;
    return TLS_HEADER + sealed;
}

static bool is_sealed(const char *record, size_t len)
{
    return record[0] == SSL3_RT_APPLICATION_DATA && len > TLS_HEADER + TLS_TAG;
}

/* Where the content of a record ends: behind it are its kind, and zeros that hide its length. SIZE_MAX:
 * it has no kind. */
static size_t find_kind(const char *inner, size_t len)
{
    while (len > 0 && inner[len - 1] == 0)
        len--;
    return len - 1;
}

/* Encrypts a whole record anew, in place. */
static bool renumber(const SSL *ssl, struct rp_tls_way *way, char *record, size_t len,
                     uint64_t from, uint64_t to, bool *ret_changes_keys)
{
    unsigned char *header = (unsigned char *)record, *inner = header + TLS_HEADER;
    size_t inner_len = len - TLS_HEADER - TLS_TAG, kind = SIZE_MAX;
    EVP_CIPHER_CTX *opens = new_cipher(ssl, way, false), *seals = new_cipher(ssl, way, true);
    bool is_done = opens && seals &&
                   run(opens, way, from, header, inner, (int)inner_len, inner, inner + inner_len);

    if (is_done) {
        kind = find_kind((char *)inner, inner_len);
        *ret_changes_keys = kind < SIZE_MAX && kind > 0 && inner[kind] == SSL3_RT_HANDSHAKE &&
                            inner[0] == SSL3_MT_KEY_UPDATE;
        is_done = run(seals, way, to, header, inner, (int)inner_len, inner, inner + inner_len);
    }
    EVP_CIPHER_CTX_free(opens);
    EVP_CIPHER_CTX_free(seals);
    if (!is_done)
        ERR_clear_error();
    return is_done;
}

/* What OpenSSL writes by itself is looked at, for it may announce a change of keys. Its message about that
 * (rp_tls_message) comes at another time than the record. Nothing follows the last one. */
static bool take_written(struct rp_tls *tls, char *record, size_t len, bool is_for_user)
{
    struct rp_tls_way *way = &tls->sent;
    bool is_last = SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN, changes_keys = false;

    if (!is_sealed(record, len))
        return true;
    if ((way->cipher || (!is_for_user && !is_last)) &&
        !renumber(tls->ssl, way, record, len, way->next_of_ssl, way->next, &changes_keys))
        return false;
    way->next_of_ssl++;
    way->next++;
    if (changes_keys)
        change_keys(tls->ssl, way, true);
    return true;
}

bool rp_tls_wrote(struct rp_tls *tls, char *bytes, size_t len, bool is_for_user)
{
    while (tls->is_framed && len > 0) {
        size_t record = rp_tls_record_len(rp_slice(bytes, len));

        if (record > len || !take_written(tls, bytes, record, is_for_user))
            return false;
        bytes += record;
        len -= record;
    }
    return true;
}

/* ---- receiving ------------------------------------------------------------------------------- */

size_t rp_tls_record_len(struct rp_slice bytes)
{
    const unsigned char *header = (const unsigned char *)bytes.ptr;
    size_t len;

    if (bytes.len < TLS_HEADER || header[0] != SSL3_RT_APPLICATION_DATA ||
        header[1] != VERSION_HIGH || header[2] != VERSION_LOW)
        return TLS_HEADER;
    len = ((size_t)header[3] << 8) + header[4];
    return TLS_HEADER + (len > TLS_PLAIN ? 0 : len);
}

enum tls_record rp_tls_open(struct rp_tls *tls, struct rp_slice record, char *ret, size_t *len)
{
    const unsigned char *header = (const unsigned char *)record.ptr, *inner = header + TLS_HEADER;
    size_t inner_len = record.len - TLS_HEADER - TLS_TAG;
    unsigned char tag[TLS_TAG];

    if (!is_sealed(record.ptr, record.len))
        return TLS_FOR_SSL;
    if (!tls->received.cipher) {
        tls->received.next_of_ssl = ++tls->received.next;
        return TLS_FOR_SSL;
    }
    memcpy(tag, inner + inner_len, sizeof(tag));
    if (!run(tls->received.cipher, &tls->received, tls->received.next, header, inner,
             (int)inner_len, (unsigned char *)ret, tag)) {
        ERR_clear_error();
        return TLS_WRONG;
    }
    tls->received.next++;
    *len = find_kind(ret, inner_len);
    return *len <= TLS_RECORD && ret[*len] == SSL3_RT_APPLICATION_DATA ? TLS_FOR_USER
                                                                       : TLS_FOR_SSL_ANEW;
}

bool rp_tls_renumber_received(struct rp_tls *tls, char *record, size_t len)
{
    struct rp_tls_way *way = &tls->received;
    bool changes_keys; /* rp_tls_message() will be told */

    return renumber(tls->ssl, way, record, len, way->next - 1, way->next_of_ssl++, &changes_keys);
}
