/* SPDX-License-Identifier: MIT */
#include "net/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"

enum { PART_MAX = 128, MAPPED_BITS = 96 };

static const unsigned char mapped[MAPPED_BITS / 8] = { [10] = 0xff, [11] = 0xff };

void rp_networks_deinit(struct rp_networks *networks)
{
    rp_free(networks->items);
    *networks = (struct rp_networks){ 0 };
}

static bool is_mapped(const unsigned char address[16])
{
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static bool have_same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned rest = bits % 8;

    return memcmp(a, b, bits / 8) == 0 && (!rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0);
}

bool rp_networks_have(const struct rp_networks *networks, const struct rp_address *address)
{
    sa_family_t family = address->any.sa_family;
    const unsigned char *bytes = family == AF_INET ? (const unsigned char *)&address->v4.sin_addr
                                                   : address->v6.sin6_addr.s6_addr;

    if (family == AF_INET6 && is_mapped(bytes)) {
        family = AF_INET;
        bytes += sizeof(mapped);
    }
    for (size_t i = 0; i < networks->count; i++) {
        const struct rp_network *it = &networks->items[i];

        if (it->family == family && have_same_bits(it->address, bytes, it->bits))
            return true;
    }
    return false;
}

/* "32" -> 32; false when it is no number up to @most. */
static bool parse_bits(const char *text, unsigned most, unsigned *ret)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 3 || text[digits])
        return false;
    *ret = 0;
    for (size_t i = 0; i < digits; i++)
        *ret = *ret * 10 + (unsigned)(text[i] - '0');
    return *ret <= most;
}

static bool parse_network(struct rp_slice part, struct rp_network *ret)
{
    char text[PART_MAX], *slash;
    unsigned most;

    if (part.len >= sizeof(text) || memchr(part.ptr, '\0', part.len))
        return false;
    snprintf(text, sizeof(text), "%.*s", RP_SLICE_FMT(part));
    slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    *ret = (struct rp_network){ .family = AF_INET };
    if (inet_pton(AF_INET, text, ret->address) != 1) {
        ret->family = AF_INET6;
        if (inet_pton(AF_INET6, text, ret->address) != 1)
            return false;
    }
    most = ret->family == AF_INET ? 32 : 128;
    ret->bits = most;
    if (slash && !parse_bits(slash + 1, most, &ret->bits))
        return false;
    if (ret->family == AF_INET6 && ret->bits >= MAPPED_BITS && is_mapped(ret->address)) {
        ret->family = AF_INET;
        ret->bits -= MAPPED_BITS;
        memmove(ret->address, ret->address + sizeof(mapped), 4);
    }
    return true;
}

static int refuse(struct rp_slice part, struct rp_error *err)
{
    struct rp_buf shown;
    int r;

    rp_buf_init(&shown, 1 << 16);
    rp_text_append(&shown, part, PART_MAX);
    r = shown.error ? shown.error
                    : rp_error_set(err, -RP_EUSER, "allow_ips: '%s' is no address and no network",
                                   rp_buf_str(&shown));
    if (r == -RP_EUSER)
        rp_error_hint(err, "write them as 10.0.0.5,10.1.0.0/16,::1");
    rp_buf_deinit(&shown);
    return r;
}

int rp_networks_parse(struct rp_networks *ret, const char *text, struct rp_error *err)
{
    size_t most = 1;

    for (const char *it = text; *it; it++)
        most += *it == ',';
    if (most > RP_NETWORKS_MAX)
        return rp_error_set(err, -RP_EUSER, "allow_ips: there are more than %d networks",
                            RP_NETWORKS_MAX);
    ret->items = rp_calloc(most, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    for (;;) {
        size_t len = strcspn(text, ",");
        struct rp_slice part = rp_slice_trim(rp_slice(text, len));

        if (!parse_network(part, &ret->items[ret->count]))
            return refuse(part, err);
        ret->count++;
        if (!text[len])
            return 0;
        text += len + 1;
    }
}
