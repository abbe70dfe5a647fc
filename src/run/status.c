/* SPDX-License-Identifier: MIT */
#include "run/status.h"

const char *rp_run_phase_name(enum rp_run_phase phase)
{
    static const char *const names[] = {
        [RP_RUN_LOADING] = "loading",   [RP_RUN_SETUP] = "setup",
        [RP_RUN_RUNNING] = "running",   [RP_RUN_STOPPING] = "stopping",
        [RP_RUN_TEARDOWN] = "teardown", [RP_RUN_COMPLETE] = "complete",
    };

    return names[phase];
}

const char *rp_run_part_name(enum rp_run_phase phase)
{
    static const char *const names[] = {
        [RP_RUN_LOADING] = "setup",     [RP_RUN_SETUP] = "setup",
        [RP_RUN_RUNNING] = "execute",   [RP_RUN_STOPPING] = "execute",
        [RP_RUN_TEARDOWN] = "teardown", [RP_RUN_COMPLETE] = "complete",
    };

    return names[phase];
}
