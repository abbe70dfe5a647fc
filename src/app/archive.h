/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/archive.h - an archive (FILE.rampa) in the place of a script: unpacked into a folder of its own
 * for as long as it is needed.
 *
 * What is in an archive is checked by the package rampa (rampa._archive), in a process of its own,
 * before anything is written. That process keeps the folder and removes it, however this program ends.
 */

#include <stdbool.h>

#include "app/python_tool.h"
#include "app/run.h"

struct rp_archive { /* zeroed = none */
    struct rp_python_tool tool;
    char *folder, *script;
    char *paths[4]; /* of options, which name files of our folder */
};

/* Whether the name of @script is that of an archive. */
bool rp_script_is_archive(const char *script);
/* Unpacks options->script and puts the script that it has, and the folder, into @options. The options
 * borrow from @ret. -RP_EUSER with what is wrong with the archive; -errno. */
RP_NODISCARD int rp_archive_open(struct rp_archive *ret, struct rp_run_options *options,
                                 struct rp_error *err);
void rp_archive_close(struct rp_archive *archive);
