/* SPDX-License-Identifier: MIT */
#include "net/destination.h"

#include <string.h>

enum { BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 100 };

/* Long enough to cost next to nothing, short enough for a server that is started again. */
#define AVOID_TIME (10 * RP_S) /* unless the owner says otherwise */

rp_ns rp_destination_ready(const struct rp_destination *destination)
{
    rp_ns delay = BACKOFF_FIRST_MS;

    if (destination->failures < 2)
        return 0;
    for (unsigned i = 2; i < destination->failures && delay < BACKOFF_MAX_MS; i++)
        delay *= 2;
    return destination->last + (delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS) * RP_MS;
}

/* ---- what is avoided ---- */

static struct rp_avoided *find(struct rp_destination *destination, const struct rp_address *address)
{
    for (size_t i = 0; i < destination->avoided_count; i++)
        if (rp_address_is(&destination->avoided[i].address, address))
            return &destination->avoided[i];
    return NULL;
}

bool rp_destination_avoids(const struct rp_destination *destination,
                           const struct rp_address *address, rp_ns now)
{
    for (size_t i = 0; i < destination->avoided_count; i++)
        if (rp_address_is(&destination->avoided[i].address, address))
            return destination->avoided[i].until > now;
    return false;
}

void rp_destination_avoid(struct rp_destination *destination, const struct rp_address *address,
                          rp_ns now)
{
    struct rp_avoided *place = find(destination, address);

    if (!place && destination->avoided_count < RP_AVOIDED_MAX) {
        place = &destination->avoided[destination->avoided_count++];
    } else if (!place) { /* the oldest gives way */
        place = &destination->avoided[0];
        for (size_t i = 1; i < RP_AVOIDED_MAX; i++)
            if (destination->avoided[i].until < place->until)
                place = &destination->avoided[i];
    }
    *place = (struct rp_avoided){ *address, now + (destination->avoid_for ? destination->avoid_for
                                                                          : AVOID_TIME) };
}

void rp_destination_won(struct rp_destination *destination, const struct rp_address *address)
{
    struct rp_avoided *place = find(destination, address);

    destination->family = address->any.sa_family;
    if (place)
        *place = destination->avoided[--destination->avoided_count];
}

/* ---- the order ---- */

struct family {
    struct rp_address addresses[RP_ADDRESSES_MAX];
    size_t count, next;
};

static void take_family(struct family *family, const struct rp_address *addresses, size_t count,
                        bool is_wanted(const struct rp_address *address, sa_family_t wanted),
                        sa_family_t wanted)
{
    *family = (struct family){ .count = 0 };
    for (size_t i = 0; i < count; i++)
        if (is_wanted(&addresses[i], wanted))
            family->addresses[family->count++] = addresses[i];
}

static bool is_of(const struct rp_address *address, sa_family_t family)
{
    return address->any.sa_family == family;
}

static bool is_not_of(const struct rp_address *address, sa_family_t family)
{
    return address->any.sa_family != family;
}

static bool has_family(const struct rp_address *addresses, size_t count, sa_family_t family)
{
    for (size_t i = 0; i < count; i++)
        if (is_of(&addresses[i], family))
            return true;
    return false;
}

/* Moves what is avoided behind the rest. */
static void put_last(struct rp_destination *destination, struct rp_address *addresses, size_t count,
                     rp_ns now)
{
    struct rp_address last[RP_ADDRESSES_MAX];
    size_t kept = 0, moved = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rp_avoided *avoided = find(destination, &addresses[i]);

        if (avoided && avoided->until > now)
            last[moved++] = addresses[i];
        else
            addresses[kept++] = addresses[i];
    }
    memcpy(addresses + kept, last, moved * sizeof(*last));
}

static void put_first(const struct rp_address *aim, struct rp_address *addresses, size_t count)
{
    size_t at = 0;

    while (at < count && !rp_address_is(&addresses[at], aim))
        at++;
    if (at == count)
        return;
    for (; at; at--)
        addresses[at] = addresses[at - 1];
    addresses[0] = *aim;
}

static void know(struct rp_destination *destination, const struct rp_address *addresses,
                 size_t count)
{
    destination->known_count = count;
    memcpy(destination->known, addresses, count * sizeof(*addresses));
}

void rp_destination_order(struct rp_destination *destination, struct rp_address *addresses,
                          size_t count, unsigned spread, const struct rp_address *aim, rp_ns now)
{
    const struct rp_avoided *first;
    struct family families[2];
    sa_family_t wanted;

    if (count < 2) {
        know(destination, addresses, count);
        return;
    }
    wanted = has_family(addresses, count, destination->family) ? destination->family
                                                               : addresses[0].any.sa_family;
    take_family(&families[0], addresses, count, is_of, wanted);
    take_family(&families[1], addresses, count, is_not_of, wanted);
    know(destination, families[0].addresses, families[0].count);
    for (size_t i = 0, turn = 0; i < count; turn = !turn) {
        struct family *family = &families[turn];

        if (family->next == family->count)
            continue;
        addresses[i++] = family->addresses[(spread + family->next++) % family->count];
    }
    put_last(destination, addresses, count, now);
    if (aim)
        put_first(aim, addresses, count);
    /* Its time is over: this dial finds out for the others. */
    first = find(destination, &addresses[0]);
    if (first && first->until <= now)
        rp_destination_avoid(destination, &addresses[0], now);
}
