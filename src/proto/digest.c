/* SPDX-License-Identifier: MIT */
#include "proto/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "proto/proto_internal.h"

/* ---- the challenge ---------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (rp_h1_is_blank(*p) || *p == ','))
        p++;
    return p;
}

static struct rp_slice take_token(const char **p, const char *end)
{
    const char *start = *p;

    while (*p < end && rp_h1_is_tchar[(uint8_t) * *p])
        (*p)++;
    return rp_slice(start, (size_t)(*p - start));
}

/* What is between quotes, escapes as they are; or a token. */
static struct rp_slice take_value(const char **p, const char *end)
{
    const char *start;

    if (*p == end || **p != '"')
        return take_token(p, end);
    start = ++*p;
    while (*p < end && **p != '"')
        *p += **p == '\\' && *p + 1 < end ? 2 : 1;
    if (*p == end)
        return rp_slice(start, (size_t)(*p - start));
    return rp_slice(start, (size_t)((*p)++ - start));
}

/* Takes the next parameter, name=value. False when there is none: the end, or another scheme. */
static bool take_parameter(const char **p, const char *end, struct rp_slice *ret_name,
                           struct rp_slice *ret_value)
{
    const char *at = skip_blanks(*p, end);

    *ret_name = take_token(&at, end);
    while (at < end && rp_h1_is_blank(*at))
        at++;
    if (!ret_name->len || at == end || *at != '=')
        return false;
    at++;
    while (at < end && rp_h1_is_blank(*at))
        at++;
    *ret_value = take_value(&at, end);
    *p = at;
    return true;
}

static bool take_algorithm(struct rp_slice value, struct rp_digest_challenge *challenge)
{
    static const struct {
        const char *name;
        enum rp_digest_algorithm algorithm;
        bool is_session;
    } known[] = { { "MD5", RP_DIGEST_MD5, false },
                  { "MD5-sess", RP_DIGEST_MD5, true },
                  { "SHA-256", RP_DIGEST_SHA256, false },
                  { "SHA-256-sess", RP_DIGEST_SHA256, true },
                  { "SHA-512-256", RP_DIGEST_SHA512_256, false },
                  { "SHA-512-256-sess", RP_DIGEST_SHA512_256, true } };

    challenge->algorithm_name = value;
    for (size_t i = 0; i < RP_ARRAY_LEN(known); i++)
        if (rp_slice_ieq(value, rp_slice_str(known[i].name))) {
            challenge->algorithm = known[i].algorithm;
            challenge->is_session = known[i].is_session;
            return true;
        }
    return false;
}

static bool has_auth(struct rp_slice list)
{
    const char *p = list.ptr, *end = p + list.len;

    while ((p = skip_blanks(p, end)) < end) {
        struct rp_slice item = take_token(&p, end);

        if (rp_slice_ieq(item, RP_SLICE("auth")))
            return true;
        p += !item.len;
    }
    return false;
}

/* The parameters at *p, which is moved behind them. False: the challenge cannot be answered. */
static bool take_challenge(const char **p, const char *end, struct rp_digest_challenge *ret)
{
    struct rp_slice name, value;
    bool is_known = true, has_nonce = false;

    *ret = (struct rp_digest_challenge){ .algorithm = RP_DIGEST_MD5 };
    while (take_parameter(p, end, &name, &value)) {
        if (rp_slice_ieq(name, RP_SLICE("realm"))) {
            ret->realm = value;
        } else if (rp_slice_ieq(name, RP_SLICE("nonce"))) {
            ret->nonce = value;
            has_nonce = true;
        } else if (rp_slice_ieq(name, RP_SLICE("opaque"))) {
            ret->opaque = value;
            ret->has_opaque = true;
        } else if (rp_slice_ieq(name, RP_SLICE("algorithm"))) {
            is_known = take_algorithm(value, ret) && is_known;
        } else if (rp_slice_ieq(name, RP_SLICE("qop"))) {
            ret->has_qop = true;
            is_known = has_auth(value) && is_known;
        }
    }
    return is_known && has_nonce;
}

bool rp_digest_parse(struct rp_slice field, struct rp_digest_challenge *ret)
{
    const char *p = field.ptr, *end = p + field.len;

    while ((p = skip_blanks(p, end)) < end) {
        struct rp_slice scheme = take_token(&p, end), name, value;

        if (!scheme.len) {
            p++;
        } else if (rp_slice_ieq(scheme, RP_SLICE("Digest"))) {
            if (take_challenge(&p, end, ret))
                return true;
        } else {
            while (take_parameter(&p, end, &name, &value))
                ;
        }
    }
    return false;
}

/* ---- the answer ------------------------------------------------------------------------------- */

static const EVP_MD *function_of(enum rp_digest_algorithm algorithm)
{
    switch (algorithm) {
    case RP_DIGEST_SHA256:
        return EVP_sha256();
    case RP_DIGEST_SHA512_256:
        return EVP_sha512_256();
    default:
        return EVP_md5();
    }
}

/* Writes the hash of @parts with ':' between them, in hexadecimal. */
static struct rp_slice hash_of(enum rp_digest_algorithm algorithm, const struct rp_slice *parts,
                               size_t count, char out[2 * EVP_MAX_MD_SIZE], bool *failed)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned len = 0;
    bool good = context && EVP_DigestInit_ex(context, function_of(algorithm), NULL);

    for (size_t i = 0; good && i < count; i++) {
        if (i)
            good = EVP_DigestUpdate(context, ":", 1);
        if (good && parts[i].len)
            good = EVP_DigestUpdate(context, parts[i].ptr, parts[i].len);
    }
    good = good && EVP_DigestFinal_ex(context, bytes, &len);
    EVP_MD_CTX_free(context);
    if (!good)
        *failed = true;
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return rp_slice(out, 2 * len);
}

static void append_quoted(struct rp_buf *out, const char *name, struct rp_slice value)
{
    rp_buf_append_str(out, name);
    rp_buf_append(out, "=\"", 2);
    rp_buf_append_slice(out, value);
    rp_buf_append(out, "\"", 1);
}

/* A user name may have quotes of its own. */
static void append_user(struct rp_buf *out, struct rp_slice user)
{
    rp_buf_append_str(out, "Digest username=\"");
    for (size_t i = 0; i < user.len; i++) {
        if (user.ptr[i] == '"' || user.ptr[i] == '\\')
            rp_buf_append(out, "\\", 1);
        rp_buf_append(out, user.ptr + i, 1);
    }
    rp_buf_append(out, "\"", 1);
}

void rp_digest_append(const struct rp_digest_challenge *challenge, struct rp_slice user,
                      struct rp_slice password, struct rp_slice method, struct rp_slice uri,
                      struct rp_slice cnonce, struct rp_buf *out)
{
    enum rp_digest_algorithm algorithm = challenge->algorithm;
    char first[2 * EVP_MAX_MD_SIZE], second[2 * EVP_MAX_MD_SIZE], last[2 * EVP_MAX_MD_SIZE];
    struct rp_slice a1, a2, response;
    bool failed = false;

    a1 = hash_of(algorithm, (struct rp_slice[]){ user, challenge->realm, password }, 3, first,
                 &failed);
    if (challenge->is_session)
        a1 = hash_of(algorithm, (struct rp_slice[]){ a1, challenge->nonce, cnonce }, 3, first,
                     &failed);
    a2 = hash_of(algorithm, (struct rp_slice[]){ method, uri }, 2, second, &failed);
    if (challenge->has_qop)
        response = hash_of(algorithm,
                           (struct rp_slice[]){ a1, challenge->nonce, RP_SLICE("00000001"), cnonce,
                                                RP_SLICE("auth"), a2 },
                           6, last, &failed);
    else
        response = hash_of(algorithm, (struct rp_slice[]){ a1, challenge->nonce, a2 }, 3, last,
                           &failed);
    if (failed && !out->error)
        out->error = -EIO;
    append_user(out, user);
    append_quoted(out, ", realm", challenge->realm);
    append_quoted(out, ", nonce", challenge->nonce);
    append_quoted(out, ", uri", uri);
    if (challenge->algorithm_name.len) {
        rp_buf_append_str(out, ", algorithm=");
        rp_buf_append_slice(out, challenge->algorithm_name);
    }
    append_quoted(out, ", response", response);
    if (challenge->has_qop)
        rp_buf_append_str(out, ", qop=auth, nc=00000001");
    if (challenge->has_qop || challenge->is_session)
        append_quoted(out, ", cnonce", cnonce);
    if (challenge->has_opaque)
        append_quoted(out, ", opaque", challenge->opaque);
}
