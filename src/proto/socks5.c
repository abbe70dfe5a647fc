/* SPDX-License-Identifier: MIT */
#include "proto/socks5.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/compiler.h"

enum { VERSION = 5, AUTH_VERSION = 1, NO_AUTH = 0, PASSWORD = 2, NOTHING_FITS = 0xff };
enum { CONNECT = 1, IPV4 = 1, NAME = 3, IPV6 = 4, REPLY_HEAD = 4 };

/* What comes next: the method, the answer to the password, the reply, its end. */
enum state { METHOD, AUTH, REPLY, REPLY_REST };

static void put(struct rp_socks5 *socks, unsigned byte)
{
    socks->out[socks->out_len++] = (unsigned char)byte;
}

static void put_text(struct rp_socks5 *socks, struct rp_slice text)
{
    size_t len = text.len < RP_SOCKS5_TEXT_MAX ? text.len : RP_SOCKS5_TEXT_MAX;

    put(socks, (unsigned)len);
    if (len)
        memcpy(socks->out + socks->out_len, text.ptr, len);
    socks->out_len += len;
}

static void expect(struct rp_socks5 *socks, enum state state, size_t needed)
{
    socks->state = (uint8_t)state;
    socks->got = 0;
    socks->needed = needed;
}

void rp_socks5_begin(struct rp_socks5 *socks)
{
    socks->out_len = 0;
    put(socks, VERSION);
    put(socks, socks->user.len ? 2 : 1);
    put(socks, NO_AUTH);
    if (socks->user.len)
        put(socks, PASSWORD);
    expect(socks, METHOD, 2);
}

/* An address of the text is sent as one: a proxy may resolve no names. */
static void put_place(struct rp_socks5 *socks)
{
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char address[16];

    if (socks->host.len < sizeof(text))
        memcpy(text, socks->host.ptr, socks->host.len);
    if (inet_pton(AF_INET, text, address) == 1) {
        put(socks, IPV4);
        memcpy(socks->out + socks->out_len, address, 4);
        socks->out_len += 4;
    } else if (inet_pton(AF_INET6, text, address) == 1) {
        put(socks, IPV6);
        memcpy(socks->out + socks->out_len, address, 16);
        socks->out_len += 16;
    } else {
        put(socks, NAME);
        put_text(socks, socks->host);
    }
}

static enum rp_socks5_event ask(struct rp_socks5 *socks)
{
    socks->out_len = 0;
    put(socks, VERSION);
    put(socks, CONNECT);
    put(socks, 0);
    put_place(socks);
    put(socks, socks->port >> 8);
    put(socks, socks->port & 0xff);
    expect(socks, REPLY, REPLY_HEAD + 1);
    return RP_SOCKS5_SEND;
}

static enum rp_socks5_event take_method(struct rp_socks5 *socks)
{
    if (socks->in[0] != VERSION)
        return RP_SOCKS5_BAD;
    if (socks->in[1] == NO_AUTH)
        return ask(socks);
    if (socks->in[1] != PASSWORD || !socks->user.len)
        return socks->in[1] == NOTHING_FITS ? RP_SOCKS5_AUTH : RP_SOCKS5_BAD;
    socks->out_len = 0;
    put(socks, AUTH_VERSION);
    put_text(socks, socks->user);
    put_text(socks, socks->password);
    expect(socks, AUTH, 2);
    return RP_SOCKS5_SEND;
}

/* The first byte of the address is there too: it may be the length of a name. */
static enum rp_socks5_event take_reply(struct rp_socks5 *socks)
{
    size_t len = socks->in[3] == IPV4 ? 4 : socks->in[3] == IPV6 ? 16 : 1u + socks->in[4];

    socks->reply = socks->in[1];
    if (socks->in[0] != VERSION)
        return RP_SOCKS5_BAD;
    if (socks->reply)
        return RP_SOCKS5_REFUSED;
    if (socks->in[3] != IPV4 && socks->in[3] != IPV6 && socks->in[3] != NAME)
        return RP_SOCKS5_BAD;
    expect(socks, REPLY_REST, len - 1 + 2);
    return RP_SOCKS5_MORE;
}

static enum rp_socks5_event take_message(struct rp_socks5 *socks)
{
    switch ((enum state)socks->state) {
    case METHOD:
        return take_method(socks);
    case AUTH:
        return socks->in[1] ? RP_SOCKS5_AUTH : ask(socks);
    case REPLY:
        return take_reply(socks);
    case REPLY_REST:
        return RP_SOCKS5_DONE;
    }
    return RP_SOCKS5_BAD;
}

enum rp_socks5_event rp_socks5_take(struct rp_socks5 *socks, struct rp_slice *input)
{
    while (input->len) {
        enum rp_socks5_event event;

        socks->in[socks->got++] = (unsigned char)*input->ptr;
        *input = rp_slice(input->ptr + 1, input->len - 1);
        if (socks->got < socks->needed)
            continue;
        event = take_message(socks);
        if (event != RP_SOCKS5_MORE)
            return event;
    }
    return RP_SOCKS5_MORE;
}

const char *rp_socks5_reply_text(uint8_t reply)
{
    static const char *const texts[] = {
        "succeeded",           "general failure",       "not allowed by the proxy's rules",
        "network unreachable", "host unreachable",      "connection refused",
        "TTL expired",         "command not supported", "address type not supported",
    };

    return reply < RP_ARRAY_LEN(texts) ? texts[reply] : "unknown reply";
}
