/* SPDX-License-Identifier: MIT */
#include "app/script_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/address.h"
#include "app/archive.h"
#include "base/slice.h"
#include "base/str.h"

/* Folders with more entries are not searched to the end: a suggestion is not worth a pause. */
enum { ENTRIES_MAX = 10000 };

static bool is_python(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".py") == 0;
}

/* The part of @path before its last name, "load.py" -> "", "tests/load.py" -> "tests/". */
static struct rp_slice folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return rp_slice(path, slash ? (size_t)(slash - path) + 1 : 0);
}

/* The nearest to @name among the scripts in @folder, or its first one when @name is "". */
static bool find_script(const char *folder, const char *name, char *found, size_t size)
{
    DIR *dir = opendir(folder);
    size_t best = SIZE_MAX;
    struct dirent *entry;

    if (!dir)
        return false;
    for (int i = 0; i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
        const char *choice = entry->d_name;
        size_t distance;

        if (!is_python(choice) || choice[0] == '.')
            continue;
        if (*name && !rp_suggest(rp_slice_str(name), &choice, 1))
            continue;
        distance = rp_edit_distance(rp_slice_str(name), rp_slice_str(choice));
        /* the alphabet decides between equals, not the order of the folder on the disk */
        if (distance > best || (distance == best && strcmp(choice, found) >= 0))
            continue;
        best = distance;
        snprintf(found, size, "%s", choice);
    }
    closedir(dir);
    return best != SIZE_MAX;
}

static int missing(const char *path, struct rp_error *err)
{
    struct rp_slice folder = folder_of(path);
    char dir[PATH_MAX], name[NAME_MAX + 4], found[NAME_MAX + 1] = "";
    char url[PATH_MAX], shown[PATH_MAX];
    struct stat st;

    rp_error_set(err, -RP_EUSER, "no such file");
    if (rp_address_mask(path, shown, sizeof(shown)))
        rp_error_place(err, shown, 0);
    if (rp_address_guess(path, url, sizeof(url))) {
        rp_error_hint(err, "did you mean '%s'?", url);
        return -RP_EUSER;
    }
    if (folder.len >= sizeof(dir) || strlen(path + folder.len) > NAME_MAX)
        return -RP_EUSER;
    snprintf(dir, sizeof(dir), "%.*s", RP_SLICE_FMT(folder));
    if (folder.len && (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))) {
        rp_error_hint(err, "there is no folder '%.*s'", (int)folder.len - (folder.len > 1), dir);
        return -RP_EUSER;
    }
    /* "load" is as near to "load.py" as can be */
    snprintf(name, sizeof(name), "%s%s", path + folder.len,
             is_python(path) || !path[folder.len] ? "" : ".py");
    if (*name && find_script(folder.len ? dir : ".", name, found, sizeof(found)))
        rp_error_hint(err, "did you mean '%.*s%s'?", RP_SLICE_FMT(folder), found);
    return -RP_EUSER;
}

static int is_folder(const char *path, struct rp_error *err)
{
    char found[NAME_MAX + 1] = "";

    rp_error_set(err, -RP_EUSER, "is a folder, not a script");
    if (find_script(path, "", found, sizeof(found)))
        rp_error_hint(err, "did you mean '%s%s%s'?", path, path[strlen(path) - 1] == '/' ? "" : "/",
                      found);
    return -RP_EUSER;
}

/* Python would import a file rampa.py in the place of the package: the script itself, or one in its
 * folder. */
static int check_hiding(const char *path, struct rp_error *err)
{
    struct rp_slice folder = folder_of(path);
    char other[PATH_MAX];

    if (snprintf(other, sizeof(other), "%.*srampa.py", RP_SLICE_FMT(folder)) >=
            (int)sizeof(other) ||
        access(other, F_OK) < 0)
        return 0;
    rp_error_place(err, other, 0);
    rp_error_set(err, -RP_EUSER, "this file hides the package 'rampa', which has the same name");
    rp_error_hint(err, "rename the file");
    return -RP_EUSER;
}

bool rp_script_is_url(const char *script)
{
    size_t scheme = strspn(script,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return scheme && strncmp(script + scheme, "://", 3) == 0;
}

int rp_script_file_check(const char *path, struct rp_error *err)
{
    struct stat st;

    if (strcmp(path, "-") == 0) {
        rp_error_set(err, -RP_EUSER, "a script is not read from the standard input");
        rp_error_hint(err, "write it to a file whose name ends in .py; a list of URLs is read with "
                           "--targets -");
        return -RP_EUSER;
    }
    rp_error_place(err, path, 0);
    if (stat(path, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return missing(path, err);
        return rp_error_set(err, -RP_EUSER, "cannot be read: %s", strerror(errno));
    }
    if (S_ISDIR(st.st_mode))
        return is_folder(path, err);
    if (!is_python(path) && !rp_script_is_archive(path)) {
        rp_error_set(err, -RP_EUSER, "is not a Python script");
        rp_error_hint(err, "this version of rampa runs URLs, scripts (.py) and archives (.rampa)");
        return -RP_EUSER;
    }
    if (access(path, R_OK) < 0)
        return rp_error_set(err, -RP_EUSER, "cannot be read: %s", strerror(errno));
    return is_python(path) ? check_hiding(path, err) : 0;
}
