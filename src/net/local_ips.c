/* SPDX-License-Identifier: MIT */
#include "net/local_ips.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

enum { PART_MAX = 128 };

void rp_local_ips_deinit(struct rp_local_ips *sources)
{
    rp_free(sources->items);
    *sources = (struct rp_local_ips){ 0 };
}

const struct rp_address *rp_local_ips_pick(const struct rp_local_ips *sources, sa_family_t family,
                                           unsigned number)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct rp_address *it = &sources->items[(number + i) % sources->count];

        if (it->any.sa_family == family)
            return it;
    }
    return NULL;
}

/* ---- addresses as numbers -------------------------------------------------------------------- */

static bool parse_address(const char *text, struct rp_address *ret)
{
    *ret = (struct rp_address){ .len = 0 };
    if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->len = sizeof(ret->v4);
    } else if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->len = sizeof(ret->v6);
    }
    return ret->len > 0;
}

/* Its bytes, the highest first. */
static unsigned char *bytes_of(struct rp_address *address, size_t *ret_count)
{
    *ret_count = address->any.sa_family == AF_INET ? 4 : 16;
    return address->any.sa_family == AF_INET ? (unsigned char *)&address->v4.sin_addr
                                             : address->v6.sin6_addr.s6_addr;
}

static void next_address(struct rp_address *address)
{
    size_t count;
    unsigned char *bytes = bytes_of(address, &count);

    while (count && ++bytes[--count] == 0)
        ;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Whether this machine has it, which is asked now and not by each connection. */
static int check(const struct rp_address *address, struct rp_error *err)
{
    char shown[INET6_ADDRSTRLEN] = "";
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 || bind(fd, &address->any, address->len) < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    if (r == 0)
        return 0;
    inet_ntop(address->any.sa_family,
              address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                : (const void *)&address->v6.sin6_addr,
              shown, sizeof(shown));
    rp_error_set(err, -RP_EUSER, "local_ips: connections cannot come from %s: %s", shown,
                 r == -EADDRNOTAVAIL ? "this machine does not have the address"
                                     : strerrordesc_np(-r));
    rp_error_hint(err, "ip address shows what it has, ip address add adds to it");
    return -RP_EUSER;
}

static int add(struct rp_local_ips *sources, const struct rp_address *address, struct rp_error *err)
{
    size_t cap = sources->count ? sources->count * 2 : 16;
    struct rp_address *bigger;
    int r;

    if (sources->count == RP_LOCAL_IPS_MAX)
        return rp_error_set(err, -RP_EUSER, "local_ips: there are more than %d addresses",
                            RP_LOCAL_IPS_MAX);
    r = check(address, err);
    if (r < 0)
        return r;
    if ((sources->count & (sources->count - 1)) == 0 &&
        (sources->count == 0 || sources->count >= 16)) {
        bigger = rp_realloc_array(sources->items, cap, sizeof(*bigger));
        if (!bigger)
            return -ENOMEM;
        sources->items = bigger;
    }
    sources->items[sources->count++] = *address;
    return 0;
}

static int fail(const char *part, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "local_ips: '%s' is neither an address nor several", part);
    rp_error_hint(err, "write 10.0.0.5, 10.0.0.5-10.0.0.9 or 10.0.0.0/28, separated by commas");
    return -RP_EUSER;
}

static int add_range(struct rp_local_ips *sources, struct rp_address first,
                     const struct rp_address *last, const char *part, struct rp_error *err)
{
    struct rp_address end = *last;
    size_t count;
    const unsigned char *a, *b;
    int r;

    if (first.any.sa_family != last->any.sa_family)
        return fail(part, err);
    b = bytes_of(&end, &count);
    a = bytes_of(&first, &count);
    if (memcmp(a, b, count) > 0)
        return fail(part, err);
    for (;;) {
        bool is_last = memcmp(a, b, count) == 0;

        r = add(sources, &first, err);
        if (r < 0 || is_last)
            return r;
        next_address(&first);
    }
}

/* The network of @bits that @address is in. In IPv4 the first and the last address are none of a
 * host's. */
static int add_network(struct rp_local_ips *sources, struct rp_address address, int64_t bits,
                       const char *part, struct rp_error *err)
{
    struct rp_address last;
    unsigned char *low, *high;
    size_t count;

    low = bytes_of(&address, &count);
    if (bits < 0 || (size_t)bits > count * 8)
        return fail(part, err);
    last = address;
    high = bytes_of(&last, &count);
    for (size_t i = (size_t)bits; i < count * 8; i++) {
        low[i / 8] &= (unsigned char)~(0x80u >> i % 8);
        high[i / 8] |= (unsigned char)(0x80u >> i % 8);
    }
    if (count == 4 && bits <= 30) {
        next_address(&address);
        high[3]--;
    }
    return add_range(sources, address, &last, part, err);
}

static int add_part(struct rp_local_ips *sources, char *part, struct rp_error *err)
{
    char whole[PART_MAX];
    char *dash = strchr(part, '-'), *slash = strchr(part, '/');
    struct rp_address first, last;
    int64_t bits = 0;

    memcpy(whole, part, strlen(part) + 1);
    if (dash)
        *dash = '\0';
    if (slash)
        *slash = '\0';
    if (!parse_address(part, &first) || (dash && slash) ||
        (dash && !parse_address(dash + 1, &last)) ||
        (slash && !rp_parse_i64(rp_slice_str(slash + 1), &bits)))
        return fail(whole, err);
    if (slash)
        return add_network(sources, first, bits, whole, err);
    return add_range(sources, first, dash ? &last : &first, whole, err);
}

int rp_local_ips_parse(struct rp_local_ips *ret, const char *text, struct rp_error *err)
{
    char part[PART_MAX];
    int r = 0;

    while (r == 0 && *text) {
        size_t len = strcspn(text, ",");

        snprintf(part, sizeof(part), "%.*s", (int)(len < sizeof(part) ? len : sizeof(part) - 1),
                 text);
        r = add_part(ret, part, err);
        text += len + (text[len] == ',');
    }
    return r;
}
