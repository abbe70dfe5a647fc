/* SPDX-License-Identifier: MIT */
#include "app/python_find.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Whether the extension stands in @folder. */
static bool has_extension(const char *folder)
{
    DIR *dir = opendir(folder);
    bool found = false;
    struct dirent *entry;

    if (!dir)
        return false;
    while (!found && (entry = readdir(dir)))
        found = strncmp(entry->d_name, "_rampa", strlen("_rampa")) == 0;
    closedir(dir);
    return found;
}

/* The folder "python" beside the program, where a build has it. */
static bool build_folder(char *out, size_t size)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *slash;

    if (len <= 0)
        return false;
    exe[len] = '\0';
    slash = strrchr(exe, '/');
    return slash && snprintf(out, size, "%.*s/python", (int)(slash - exe), exe) < (int)size &&
           has_extension(out);
}

/* The folder of an installation, when interpreters do not look there by themselves. */
static bool installed_folder(char *out, size_t size)
{
    return *RAMPA_PYTHON_DIR && snprintf(out, size, "%s", RAMPA_PYTHON_DIR) < (int)size &&
           has_extension(out);
}

int rp_python_use_package(void)
{
    const char *old = getenv("PYTHONPATH");
    char folder[PATH_MAX];
    struct rp_buf path;
    size_t len;
    int r;

    if (!build_folder(folder, sizeof(folder)) && !installed_folder(folder, sizeof(folder)))
        return 0;
    len = strlen(folder);
    if (old && strncmp(old, folder, len) == 0 && (!old[len] || old[len] == ':'))
        return 0; /* it is first already */
    rp_buf_init(&path, 1 << 20);
    rp_buf_append_str(&path, folder);
    if (old && *old)
        rp_buf_appendf(&path, ":%s", old);
    r = path.error;
    if (r == 0 && setenv("PYTHONPATH", rp_buf_str(&path), 1) < 0)
        r = -errno;
    rp_buf_deinit(&path);
    return r;
}

int rp_python_find(const char *asked, char **ret)
{
    const char *venv = getenv("VIRTUAL_ENV");
    char path[PATH_MAX];

    if (!asked && venv && *venv &&
        snprintf(path, sizeof(path), "%s/bin/python3", venv) < (int)sizeof(path) &&
        access(path, X_OK) == 0)
        asked = path;
    if (!asked) /* what the extension was built for, whatever PATH holds first */
        asked = access(RAMPA_PYTHON_DEFAULT, X_OK) == 0 ? RAMPA_PYTHON_DEFAULT : "python3";
    *ret = rp_strdup(asked);
    return *ret ? 0 : -ENOMEM;
}
