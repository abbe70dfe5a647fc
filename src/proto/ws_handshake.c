/* SPDX-License-Identifier: MIT */
#include "proto/ws_handshake.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/base64.h"
#include "base/compiler.h"
#include "proto/h1.h"
#include "proto/proto_internal.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define DEFLATE "permessage-deflate"

static const char *const texts[RP_WS_REFUSAL_COUNT] = {
    [RP_WS_ACCEPTED] = "accepted",
    [RP_WS_WRONG_STATUS] = "the status of the answer does not accept a WebSocket",
    [RP_WS_NO_UPGRADE] = "the field Upgrade does not name websocket",
    [RP_WS_NO_CONNECTION] = "the field Connection does not name Upgrade",
    [RP_WS_NO_ACCEPT] = "the answer has no field Sec-WebSocket-Accept",
    [RP_WS_WRONG_ACCEPT] = "the field Sec-WebSocket-Accept does not fit the key of the request",
    [RP_WS_UNASKED_PROTOCOL] = "the server has chosen a subprotocol that was not offered",
    [RP_WS_TWO_PROTOCOLS] = "the server has chosen more than one subprotocol",
    [RP_WS_UNASKED_EXTENSION] = "the server has chosen an extension that was not offered",
    [RP_WS_BAD_EXTENSION] = "the server has chosen bad or unasked terms of permessage-deflate",
    [RP_WS_WRONG_METHOD] = "the method of the request is not GET",
    [RP_WS_WRONG_VERSION] = "the field Sec-WebSocket-Version is not 13",
    [RP_WS_BAD_KEY] = "the field Sec-WebSocket-Key does not hold 16 bytes in base64",
};

const char *rp_ws_refusal_text(enum rp_ws_refusal refusal)
{
    return texts[refusal];
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* Base64 of @len bytes, as a text. */
static void encode(const void *bytes, size_t len, char *ret, size_t ret_len)
{
    char memory[64];
    struct rp_buf out = { .data = memory, .cap = sizeof(memory), .max = sizeof(memory) - 1 };

    rp_base64_append(&out, rp_slice(bytes, len));
    rp_assert(out.len == ret_len && !out.error);
    memcpy(ret, memory, ret_len + 1);
}

int rp_ws_make_key(struct rp_ws_shared *shared, char ret[static RP_WS_KEY_LEN + 1])
{
    uint8_t bytes[16];
    int r = 0;

    for (size_t i = 0; i < sizeof(bytes) && r == 0; i += 4)
        r = rp_ws_take_mask(shared, bytes + i);
    if (r == 0)
        encode(bytes, sizeof(bytes), ret, RP_WS_KEY_LEN);
    return r;
}

int rp_ws_make_accept(struct rp_slice key, char ret[static RP_WS_ACCEPT_LEN + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned len = 0;
    bool is_good = context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) &&
                   (!key.len || EVP_DigestUpdate(context, key.ptr, key.len)) &&
                   EVP_DigestUpdate(context, GUID, sizeof(GUID) - 1) &&
                   EVP_DigestFinal_ex(context, hash, &len);

    EVP_MD_CTX_free(context);
    if (!is_good)
        return -EIO;
    encode(hash, len, ret, RP_WS_ACCEPT_LEN);
    return 0;
}

static bool is_key(struct rp_slice key)
{
    char memory[64];
    struct rp_buf out = { .data = memory, .cap = sizeof(memory), .max = sizeof(memory) - 1 };

    return key.len == RP_WS_KEY_LEN && rp_base64_decode(&out, key) && out.len == 16;
}

/* ---- lists ------------------------------------------------------------------------------------ */

/* Takes what stands before the next @mark that is not between quotes; false at the end. Blanks
 * around it are left out. */
static bool next_part(struct rp_slice *text, char mark, struct rp_slice *ret)
{
    size_t len = 0;

    if (!text->ptr)
        return false;
    for (bool is_quoted = false; len < text->len && (is_quoted || text->ptr[len] != mark); len++)
        is_quoted ^= text->ptr[len] == '"';
    *ret = rp_slice_trim(rp_slice(text->ptr, len));
    *text = len < text->len ? rp_slice(text->ptr + len + 1, text->len - len - 1)
                            : rp_slice(NULL, 0);
    return true;
}

/* Whether a list of tokens has @name. */
static bool has_token(struct rp_slice list, struct rp_slice name, bool ignores_case)
{
    struct rp_slice part;

    while (next_part(&list, ',', &part))
        if (ignores_case ? rp_slice_ieq(part, name) : rp_slice_eq(part, name))
            return true;
    return false;
}

bool rp_ws_has_protocol(struct rp_slice list, struct rp_slice name)
{
    return name.len && has_token(list, name, false);
}

struct rp_slice rp_ws_first_protocol(struct rp_slice list)
{
    struct rp_slice first;

    return next_part(&list, ',', &first) && rp_h1_is_token(first) ? first : RP_SLICE("");
}

/* The next value of the fields with this name. */
static bool next_value(struct rp_slice head, size_t *pos, const char *name, struct rp_slice *ret)
{
    struct rp_slice other;

    while (rp_h1_next_field(head, pos, &other, ret))
        if (rp_slice_ieq(other, rp_slice_str(name)))
            return true;
    return false;
}

/* Whether one of the fields with this name has @token in its list. */
static bool field_has(struct rp_slice head, const char *name, const char *token)
{
    struct rp_slice value;
    size_t pos = 0;

    while (next_value(head, &pos, name, &value))
        if (has_token(value, rp_slice_str(token), true))
            return true;
    return false;
}

/* The value of the only field with this name; false when there is none, or more than one. */
static bool only_value(struct rp_slice head, const char *name, struct rp_slice *ret)
{
    struct rp_slice second;
    size_t pos = 0;

    return next_value(head, &pos, name, ret) && !next_value(head, &pos, name, &second);
}

/* ---- permessage-deflate ----------------------------------------------------------------------- */

enum { SERVER_NO_CONTEXT, CLIENT_NO_CONTEXT, SERVER_BITS, CLIENT_BITS, PARAMETERS };

static const char *const parameter_names[PARAMETERS] = {
    [SERVER_NO_CONTEXT] = "server_no_context_takeover",
    [CLIENT_NO_CONTEXT] = "client_no_context_takeover",
    [SERVER_BITS] = "server_max_window_bits",
    [CLIENT_BITS] = "client_max_window_bits",
};

/* What one side has said: which parameters, and their values. 0 = without a value. */
struct said {
    bool is_there[PARAMETERS];
    uint8_t bits[PARAMETERS];
};

/* A number from 8 to 15 without a leading zero, which may stand between quotes; 0 = it is none. */
static uint8_t parse_bits(struct rp_slice text)
{
    unsigned bits = 0;

    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = rp_slice(text.ptr + 1, text.len - 2);
    if (text.len == 0 || text.len > 2 || text.ptr[0] == '0')
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return bits >= RP_WS_BITS_MIN && bits <= RP_WS_BITS_MAX ? (uint8_t)bits : 0;
}

static bool parse_parameter(struct rp_slice text, struct said *said)
{
    struct rp_slice name, value = text;
    bool has_value;
    int i = 0;

    if (!next_part(&value, '=', &name))
        return false;
    has_value = value.ptr;
    value = rp_slice_trim(value);
    while (i < PARAMETERS && !rp_slice_ieq(name, rp_slice_str(parameter_names[i])))
        i++;
    if (i == PARAMETERS || said->is_there[i])
        return false;
    said->is_there[i] = true;
    said->bits[i] = has_value ? parse_bits(value) : 0;
    if (i == SERVER_NO_CONTEXT || i == CLIENT_NO_CONTEXT)
        return !has_value;
    return has_value ? said->bits[i] != 0 : i == CLIENT_BITS;
}

/* The parameters behind the name of the extension. False when one is unknown, stands twice or has a
 * wrong value. */
static bool parse_parameters(struct rp_slice text, struct said *ret)
{
    struct rp_slice part;

    *ret = (struct said){ 0 };
    while (next_part(&text, ';', &part))
        if (!parse_parameter(part, ret))
            return false;
    return true;
}

void rp_ws_append_offer(const struct rp_ws_deflate_terms *offer, struct rp_buf *out)
{
    rp_buf_append_str(out, DEFLATE "; client_max_window_bits");
    if (offer->client_bits < RP_WS_BITS_MAX)
        rp_buf_appendf(out, "=%u", offer->client_bits);
    if (offer->client_no_context)
        rp_buf_append_str(out, "; client_no_context_takeover");
    if (offer->server_no_context)
        rp_buf_append_str(out, "; server_no_context_takeover");
    if (offer->server_bits < RP_WS_BITS_MAX)
        rp_buf_appendf(out, "; server_max_window_bits=%u", offer->server_bits);
}

void rp_ws_append_terms(const struct rp_ws_deflate_terms *terms, struct rp_buf *out)
{
    rp_buf_append_str(out, DEFLATE);
    if (terms->server_no_context)
        rp_buf_append_str(out, "; server_no_context_takeover");
    if (terms->client_no_context)
        rp_buf_append_str(out, "; client_no_context_takeover");
    if (terms->server_bits < RP_WS_BITS_MAX || terms->names_server_bits)
        rp_buf_appendf(out, "; server_max_window_bits=%u", terms->server_bits);
    if (terms->client_bits < RP_WS_BITS_MAX)
        rp_buf_appendf(out, "; client_max_window_bits=%u", terms->client_bits);
}

/* What a server has chosen of @offer. False when it may not choose that. */
static bool agree(const struct rp_ws_deflate_terms *offer, const struct said *said,
                  struct rp_ws_deflate_terms *ret)
{
    *ret = *offer;
    if (offer->server_no_context && !said->is_there[SERVER_NO_CONTEXT])
        return false;
    ret->server_no_context = said->is_there[SERVER_NO_CONTEXT];
    ret->client_no_context |= said->is_there[CLIENT_NO_CONTEXT];
    if (said->is_there[SERVER_BITS] ? said->bits[SERVER_BITS] > offer->server_bits
                                    : offer->server_bits < RP_WS_BITS_MAX)
        return false;
    if (said->is_there[SERVER_BITS])
        ret->server_bits = said->bits[SERVER_BITS];
    if (said->is_there[CLIENT_BITS] && !said->bits[CLIENT_BITS])
        return false;
    if (said->is_there[CLIENT_BITS] && said->bits[CLIENT_BITS] < ret->client_bits)
        ret->client_bits = said->bits[CLIENT_BITS];
    return true;
}

static enum rp_ws_refusal check_extensions(const struct rp_ws_request *request,
                                           struct rp_slice head, struct rp_ws_agreement *ret)
{
    struct rp_slice value, extension, name;
    struct said said;
    size_t pos = 0;

    while (next_value(head, &pos, "Sec-WebSocket-Extensions", &value)) {
        while (next_part(&value, ',', &extension)) {
            if (!extension.len) /* lists may have empty places (RFC 9110, 5.6.1) */
                continue;
            next_part(&extension, ';', &name);
            if (!request->offer || !rp_slice_ieq(name, RP_SLICE(DEFLATE)))
                return RP_WS_UNASKED_EXTENSION;
            if (ret->has_deflate || !parse_parameters(extension, &said) ||
                !agree(request->offer, &said, &ret->deflate))
                return RP_WS_BAD_EXTENSION;
            ret->has_deflate = true;
        }
    }
    return RP_WS_ACCEPTED;
}

/* ---- the client ------------------------------------------------------------------------------- */

static enum rp_ws_refusal check_upgrade(struct rp_slice key, struct rp_slice head)
{
    char expected[RP_WS_ACCEPT_LEN + 1];
    struct rp_slice accept;

    if (!field_has(head, "Upgrade", "websocket"))
        return RP_WS_NO_UPGRADE;
    if (!field_has(head, "Connection", "Upgrade"))
        return RP_WS_NO_CONNECTION;
    if (!only_value(head, "Sec-WebSocket-Accept", &accept))
        return RP_WS_NO_ACCEPT;
    if (rp_ws_make_accept(key, expected) < 0 || !rp_slice_eq_str(accept, expected))
        return RP_WS_WRONG_ACCEPT;
    return RP_WS_ACCEPTED;
}

static enum rp_ws_refusal check_protocol(struct rp_slice protocols, struct rp_slice head,
                                         struct rp_slice *ret)
{
    struct rp_slice second;
    size_t pos = 0;

    if (!next_value(head, &pos, "Sec-WebSocket-Protocol", ret)) {
        *ret = RP_SLICE("");
        return RP_WS_ACCEPTED;
    }
    if (memchr(ret->ptr, ',', ret->len) ||
        next_value(head, &pos, "Sec-WebSocket-Protocol", &second))
        return RP_WS_TWO_PROTOCOLS;
    return rp_ws_has_protocol(protocols, *ret) ? RP_WS_ACCEPTED : RP_WS_UNASKED_PROTOCOL;
}

enum rp_ws_refusal rp_ws_check_answer(const struct rp_ws_request *request, unsigned status,
                                      struct rp_slice head, struct rp_ws_agreement *ret)
{
    bool is_http_1 = request->key.len;
    enum rp_ws_refusal refusal = RP_WS_ACCEPTED;

    *ret = (struct rp_ws_agreement){ 0 };
    if (is_http_1 ? status != 101 : status < 200 || status > 299)
        return RP_WS_WRONG_STATUS;
    if (is_http_1)
        refusal = check_upgrade(request->key, head);
    if (refusal == RP_WS_ACCEPTED)
        refusal = check_protocol(request->protocols, head, &ret->protocol);
    return refusal == RP_WS_ACCEPTED ? check_extensions(request, head, ret) : refusal;
}

/* ---- the server ------------------------------------------------------------------------------- */

bool rp_ws_is_asked_for(struct rp_slice head)
{
    return field_has(head, "Upgrade", "websocket");
}

/* The first offer that is valid; those that are not are passed over (RFC 7692, 7). */
static bool choose_offer(struct rp_slice head, struct rp_ws_deflate_terms *ret)
{
    struct rp_slice value, offer, name;
    struct said said;
    size_t pos = 0;

    while (next_value(head, &pos, "Sec-WebSocket-Extensions", &value)) {
        while (next_part(&value, ',', &offer)) {
            next_part(&offer, ';', &name);
            if (!rp_slice_ieq(name, RP_SLICE(DEFLATE)) || !parse_parameters(offer, &said))
                continue;
            *ret = RP_WS_DEFLATE_DEFAULT;
            ret->server_no_context = said.is_there[SERVER_NO_CONTEXT];
            ret->client_no_context = said.is_there[CLIENT_NO_CONTEXT];
            ret->names_server_bits = said.is_there[SERVER_BITS];
            if (said.bits[SERVER_BITS])
                ret->server_bits = said.bits[SERVER_BITS];
            if (said.bits[CLIENT_BITS])
                ret->client_bits = said.bits[CLIENT_BITS];
            return true;
        }
    }
    return false;
}

enum rp_ws_refusal rp_ws_check_request(struct rp_slice method, struct rp_slice head,
                                       struct rp_ws_agreement *ret, struct rp_slice *protocols,
                                       char accept[static RP_WS_ACCEPT_LEN + 1])
{
    struct rp_slice value;
    size_t pos = 0;

    *ret = (struct rp_ws_agreement){ 0 };
    if (!rp_slice_eq_str(method, "GET"))
        return RP_WS_WRONG_METHOD;
    if (!field_has(head, "Upgrade", "websocket"))
        return RP_WS_NO_UPGRADE;
    if (!field_has(head, "Connection", "Upgrade"))
        return RP_WS_NO_CONNECTION;
    if (!only_value(head, "Sec-WebSocket-Version", &value) || !rp_slice_eq_str(value, "13"))
        return RP_WS_WRONG_VERSION;
    if (!only_value(head, "Sec-WebSocket-Key", &value) || !is_key(value) ||
        rp_ws_make_accept(value, accept) < 0)
        return RP_WS_BAD_KEY;
    if (!next_value(head, &pos, "Sec-WebSocket-Protocol", protocols))
        *protocols = RP_SLICE("");
    ret->has_deflate = choose_offer(head, &ret->deflate);
    return RP_WS_ACCEPTED;
}
