/* SPDX-License-Identifier: MIT */
#include "output/result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

/*
 * The temporary file is made in the target's folder, because rename is atomic only within one file
 * system, and it is made before the run, because a wrong path must not cost the user the run. Where
 * the file system can do it, the file has no name until it is whole: whatever ends the program
 * before leaves nothing behind. The folder stays open: the names below are relative to it, so that
 * a change of the working directory in between does not matter.
 *
 * What is no regular file (a terminal, a pipe, /dev/full) is opened and written as it is. "-",
 * /dev/stdout and its relatives are the descriptor itself: opening them anew would write over what
 * stands in a redirected file already.
 */

struct rp_result_file {
    char *path;    /* as the user wrote it, for messages */
    char *target;  /* name in the folder */
    char *temp;    /* name in the folder; NULL while there is none, and after the commit */
    int folder_fd; /* -1 for a file that is written as it is */
    int fd;        /* -1 after the commit */
};

static int user_error(struct rp_error *err, const char *path, const char *cause, const char *hint)
{
    rp_error_set(err, -RP_EUSER, "the result file '%s' cannot be written: %s", path, cause);
    rp_error_hint(err, "%s", hint);
    return -RP_EUSER;
}

static const char *errno_hint(int code)
{
    switch (code) {
    case ENOENT:
        return "make the folder first (mkdir -p)";
    case ENOTDIR:
        return "a part of the path is a file, not a folder";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a folder that this user may write to";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "free some space or choose another folder";
    case ENAMETOOLONG:
        return "choose a shorter name";
    default:
        return "choose another path";
    }
}

static int errno_error(struct rp_error *err, const char *path, int code)
{
    if (code == ENOMEM)
        return -ENOMEM;
    return user_error(err, path, strerror(code), errno_hint(code));
}

int rp_result_file_descriptor(const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    int64_t fd;

    if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
        return STDOUT_FILENO;
    if (!strcmp(path, "/dev/stderr"))
        return STDERR_FILENO;
    for (size_t i = 0; i < RP_ARRAY_LEN(folders); i++) {
        size_t len = strlen(folders[i]);

        if (!strncmp(path, folders[i], len) && rp_parse_i64(rp_slice_str(path + len), &fd) &&
            fd >= 0 && fd <= INT_MAX)
            return (int)fd;
    }
    return -1;
}

static int open_plain(struct rp_result_file *file, struct rp_error *err)
{
    int fd = rp_result_file_descriptor(file->path);

    file->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
                       : open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return file->fd < 0 ? errno_error(err, file->path, errno) : 0;
}

/* Splits "folder/name" into its parts. @resolved is changed. */
static int split_path(struct rp_result_file *file, char *resolved, const char **ret_folder)
{
    char *slash = strrchr(resolved, '/');

    file->target = rp_strdup(slash ? slash + 1 : resolved);
    if (!file->target)
        return -ENOMEM;
    if (!slash) {
        *ret_folder = ".";
    } else if (slash == resolved) {
        *ret_folder = "/";
    } else {
        *slash = '\0';
        *ret_folder = resolved;
    }
    return 0;
}

/* Gives the temporary file a name by @make, which does it once. The name does not contain that of
 * the target, which may be as long as a name can be. */
static int make_name(struct rp_result_file *file, int (*make)(struct rp_result_file *file))
{
    enum { ATTEMPTS = 100, NAME_SIZE = 40 };
    int r = -EEXIST;

    file->temp = rp_calloc(1, NAME_SIZE);
    if (!file->temp)
        return -ENOMEM;
    for (int i = 0; i < ATTEMPTS && r == -EEXIST; i++) {
        uint64_t number = (uint64_t)rp_clock_ns() ^ (uint64_t)getpid() << 40;

        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
            number += (uint64_t)i;
        snprintf(file->temp, NAME_SIZE, ".rampa-%016llx.tmp", (unsigned long long)number);
        r = make(file);
    }
    if (r < 0) {
        rp_free(file->temp);
        file->temp = NULL;
    }
    return r;
}

static int create(struct rp_result_file *file)
{
    file->fd = openat(file->folder_fd, file->temp,
                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    return file->fd < 0 ? -errno : 0;
}

/* Puts a file without a name into the folder. */
static int link_file(struct rp_result_file *file)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, path, file->folder_fd, file->temp, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Whether files without a name can be named later, which needs /proc. */
static bool can_link(void)
{
    return access("/proc/self/fd", X_OK) == 0;
}

/* Makes the temporary file. Its mode follows the user's umask. */
static int make_temp(struct rp_result_file *file)
{
    if (can_link())
        file->fd = openat(file->folder_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    return file->fd >= 0 ? 0 : make_name(file, create);
}

/* Checks the target as it is now. A folder and a read-only file are mistakes; the mode of a file is
 * kept. */
static int check_target(struct rp_result_file *file, struct rp_error *err)
{
    struct stat st;

    if (!*file->target || !strcmp(file->target, ".") || !strcmp(file->target, ".."))
        return user_error(err, file->path, "it is a folder",
                          "add a file name, such as result.json");
    if (fstatat(file->folder_fd, file->target, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : errno_error(err, file->path, errno);
    if (S_ISDIR(st.st_mode))
        return user_error(err, file->path, "it is a folder",
                          "add a file name, such as result.json");
    if (S_ISREG(st.st_mode) && faccessat(file->folder_fd, file->target, W_OK, AT_EACCESS) < 0)
        return user_error(err, file->path, "the file that is there is read-only",
                          "choose another name or make it writable (chmod u+w)");
    return 0;
}

static void keep_mode(struct rp_result_file *file)
{
    struct stat st;

    /* Giving the file the old mode may fail: a result with the default mode is better than none. */
    if (fstatat(file->folder_fd, file->target, &st, 0) == 0 && S_ISREG(st.st_mode) &&
        fchmod(file->fd, st.st_mode & 0777) < 0)
        return;
}

static int open_atomic(struct rp_result_file *file, char *resolved, struct rp_error *err)
{
    const char *folder;
    int r = split_path(file, resolved, &folder);

    if (r < 0)
        return r;
    file->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->folder_fd < 0)
        return errno == ENOENT
                   ? user_error(err, file->path, "its folder does not exist", errno_hint(ENOENT))
                   : errno_error(err, file->path, errno);
    r = check_target(file, err);
    if (r < 0)
        return r;
    r = make_temp(file);
    if (r < 0)
        return errno_error(err, file->path, -r);
    keep_mode(file);
    return 0;
}

static int open_either(struct rp_result_file *file, struct rp_error *err)
{
    char *resolved = NULL;
    struct stat st;
    int r;

    if (!*file->path)
        return user_error(err, file->path, "the path is empty", "write --out result.json");
    if (rp_result_file_descriptor(file->path) >= 0)
        return open_plain(file, err);
    if (stat(file->path, &st) == 0) {
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
            return open_plain(file, err);
        resolved = realpath(file->path, NULL); /* a link stays a link, its target is replaced */
        if (!resolved)
            return errno_error(err, file->path, errno);
        if (S_ISDIR(st.st_mode)) {
            free(resolved);
            return user_error(err, file->path, "it is a folder",
                              "add a file name, such as result.json");
        }
        r = open_atomic(file, resolved, err);
        free(resolved); /* realpath's own malloc */
        return r;
    }
    resolved = rp_strdup(file->path);
    if (!resolved)
        return -ENOMEM;
    r = open_atomic(file, resolved, err);
    rp_free(resolved);
    return r;
}

int rp_result_file_open(const char *path, struct rp_result_file **ret, struct rp_error *err)
{
    struct rp_result_file *file = rp_calloc(1, sizeof(*file));
    int r = -ENOMEM;

    if (!file)
        return -ENOMEM;
    file->fd = file->folder_fd = -1;
    file->path = rp_strdup(path);
    if (file->path)
        r = open_either(file, err);
    if (r < 0) {
        rp_result_file_free(file);
        return r;
    }
    *ret = file;
    return 0;
}

int rp_result_file_fd(const struct rp_result_file *file)
{
    return file->fd;
}

static int write_all(int fd, struct rp_slice text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        text = rp_slice(text.ptr + n, text.len - (size_t)n);
    }
    return 0;
}

/* Writes to what may be a pipe. A pipe whose reader has gone is -EPIPE, whatever the program does
 * with SIGPIPE: the signal is held back in this thread, and taken away if this write has raised
 * it. */
static int write_pipe_safe(int fd, struct rp_slice text)
{
    const struct timespec now = { 0 };
    sigset_t sigpipe, before, pending;
    bool was_pending;
    int r;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    r = write_all(fd, text);
    if (r == -EPIPE && !was_pending)
        sigtimedwait(&sigpipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int close_fd(int *fd)
{
    int r = close(*fd) < 0 && errno != EINTR ? -errno : 0;

    *fd = -1;
    return r;
}

static int write_and_rename(struct rp_result_file *file, struct rp_slice text)
{
    int r = write_pipe_safe(file->fd, text);

    /* A pipe or a terminal cannot be synced, and says so by EINVAL. */
    if (r == 0 && fsync(file->fd) < 0 && file->folder_fd >= 0)
        r = -errno;
    if (r == 0 && file->folder_fd >= 0 && !file->temp)
        r = make_name(file, link_file);
    if (r == 0)
        r = close_fd(&file->fd);
    if (r < 0 || !file->temp)
        return r;
    if (renameat(file->folder_fd, file->temp, file->folder_fd, file->target) < 0)
        return -errno;
    rp_free(file->temp);
    file->temp = NULL;
    /* The new name must survive a power cut too; some file systems cannot sync a folder, and the
     * data is there. */
    if (fsync(file->folder_fd) < 0 && errno == EIO)
        return -EIO;
    return 0;
}

int rp_result_file_commit(struct rp_result_file *file, struct rp_slice text, struct rp_error *err)
{
    int r;

    rp_assert(file->fd >= 0); /* once only */
    r = write_and_rename(file, text);
    if (r < 0) {
        rp_error_set(err, r, "the result file '%s' could not be written: %s", file->path,
                     strerror(-r));
        rp_error_hint(err, "%s%s", errno_hint(-r),
                      file->folder_fd >= 0 ? "; the file that was there before is untouched" : "");
    }
    return r;
}

void rp_result_file_free(struct rp_result_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    if (file->temp)
        unlinkat(file->folder_fd, file->temp, 0);
    if (file->folder_fd >= 0)
        close(file->folder_fd);
    rp_free(file->path);
    rp_free(file->target);
    rp_free(file->temp);
    rp_free(file);
}
