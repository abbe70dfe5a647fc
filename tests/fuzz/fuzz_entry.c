/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RP_FUZZ_TARGET is the function of the target this is built for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return RP_FUZZ_TARGET(data, size);
}
