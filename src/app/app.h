/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/app.h - the program: from argv to an exit code (enum rp_exit). The executable and the Python
 * package's command call the same function.
 */

struct rp_cli;

int rp_app_main(int argc, char *const argv[]);

/* The commands that are no business of a script. Each prints what there is to print and returns the
 * exit code. */
int rp_cmd_report(const struct rp_cli *cli);
int rp_cmd_result(const struct rp_cli *cli);
int rp_cmd_compare(const struct rp_cli *cli);
/* status, stop, pause, resume and adjust: of a run that goes on. */
int rp_cmd_control(const struct rp_cli *cli);
int rp_cmd_doctor(const struct rp_cli *cli);
int rp_cmd_target(const struct rp_cli *cli);
int rp_cmd_demo(const struct rp_cli *cli);
int rp_cmd_mcp(const struct rp_cli *cli); /* mcp and agent */
int rp_cmd_completion(const struct rp_cli *cli);
int rp_cmd_help(const struct rp_cli *cli);
