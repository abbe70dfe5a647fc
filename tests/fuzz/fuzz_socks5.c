/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "proto/socks5.h"

/* What comes in pieces must be the same as what comes at once, and nothing of what follows is taken. */

struct outcome {
    enum rp_socks5_event event;
    uint8_t reply;
    size_t taken, sent;
};

static struct outcome run(const uint8_t *data, size_t size, size_t piece, bool has_user)
{
    struct rp_socks5 socks = { .user = has_user ? RP_SLICE("joe") : rp_slice(NULL, 0),
                               .password = has_user ? RP_SLICE("pw") : rp_slice(NULL, 0),
                               .host = RP_SLICE("server.example"),
                               .port = 443 };
    struct outcome outcome = { .event = RP_SOCKS5_SEND };
    size_t end = 0;

    rp_socks5_begin(&socks);
    outcome.sent = socks.out_len;
    while (outcome.taken < size &&
           (outcome.event == RP_SOCKS5_SEND || outcome.event == RP_SOCKS5_MORE)) {
        struct rp_slice input;

        end = end > outcome.taken ? end : outcome.taken + piece;
        end = end < size ? end : size;
        input = rp_slice((const char *)data + outcome.taken, end - outcome.taken);
        outcome.event = rp_socks5_take(&socks, &input);
        rp_assert(outcome.event != RP_SOCKS5_MORE || !input.len);
        rp_assert(socks.out_len <= RP_SOCKS5_OUT_MAX);
        outcome.taken = end - input.len;
        if (outcome.event == RP_SOCKS5_SEND)
            outcome.sent += socks.out_len;
    }
    outcome.reply = socks.reply;
    rp_assert(rp_socks5_reply_text(socks.reply) != NULL);
    return outcome;
}

int rp_fuzz_socks5(const uint8_t *data, size_t size)
{
    struct outcome whole, parts;

    if (size < 2)
        return 0;
    whole = run(data + 2, size - 2, size, data[0] & 1);
    parts = run(data + 2, size - 2, (size_t)1 + data[1] % 16, data[0] & 1);
    rp_assert(whole.event == parts.event ||
              (whole.event != RP_SOCKS5_DONE && parts.taken == size - 2));
    rp_assert(whole.taken == parts.taken && whole.sent == parts.sent && whole.reply == parts.reply);
    return 0;
}
