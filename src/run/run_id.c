/* SPDX-License-Identifier: MIT */
#include "run/run_id.h"

#include <stdio.h>
#include <unistd.h>

#include "base/time.h"

void rp_run_id_make(char ret[RP_RUN_ID_SIZE])
{
    unsigned char bytes[16] = { 0 };

    if (getentropy(bytes, sizeof(bytes)) < 0)
        snprintf((char *)bytes, sizeof(bytes), "%lld", (long long)rp_clock_ns());
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret[at++] = '-';
        snprintf(ret + at, 3, "%02x", bytes[i]);
        at += 2;
    }
}
