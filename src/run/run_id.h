/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/run_id.h - names of runs: random UUIDs (RFC 9562, version 4).
 */

enum { RP_RUN_ID_SIZE = 37 };

void rp_run_id_make(char ret[RP_RUN_ID_SIZE]);
