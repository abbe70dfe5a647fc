/* SPDX-License-Identifier: MIT */
#include "serve/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BACKLOG = 64, LIST_MAX = 1 << 20 };

#define SOCKET_END ".sock"
#define TOKEN_END ".token"

/* ---- the folder ------------------------------------------------------------------------------ */

/* Whether it is a folder of this user, whoever else may read it. */
static bool is_folder_of_mine(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static int name_folder(char *ret, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");
    int len;

    if (runtime && runtime[0] == '/' && is_folder_of_mine(runtime))
        len = snprintf(ret, size, "%s/rampa", runtime);
    else
        len = snprintf(ret, size, "%s/rampa-%u",
                       temporary && temporary[0] == '/' ? temporary : "/tmp", (unsigned)geteuid());
    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int refuse_folder(const char *path, const char *why, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "cannot use the folder '%s' for control: %s", path, why);
    rp_error_hint(err, "it must be a folder of this user with mode 0700; set XDG_RUNTIME_DIR to a "
                       "folder of your own to have another one");
    return -RP_EUSER;
}

/* A descriptor of the folder, which stays the same one whatever becomes of its name. -ENOENT when
 * it is not there. */
static int open_folder(const char *path, struct rp_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0)
        return refuse_folder(path, strerror(errno), err);
    if (fstat(fd, &st) < 0)
        r = refuse_folder(path, strerror(errno), err);
    else if (st.st_uid != geteuid())
        r = refuse_folder(path, "it belongs to another user", err);
    else if (st.st_mode & 077)
        r = refuse_folder(path, "other users may enter it", err);
    else
        return fd;
    close(fd);
    return r;
}

static int make_folder(const char *path, struct rp_error *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return refuse_folder(path, strerror(errno), err);
    return open_folder(path, err);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* A connection that may not be made yet, or -errno. */
static int connect_to(const char *path, int flags)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), r;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

/* A socket that nobody listens on refuses; one that is too busy to answer does not. */
static bool is_dead(const char *path)
{
    int r = connect_to(path, SOCK_NONBLOCK);

    if (r >= 0)
        close(r);
    return r == -ECONNREFUSED;
}

/* "RUN-ID.sock" to the length of the id; 0 when it is no name of a socket. */
static size_t id_length(const char *name)
{
    size_t len = strlen(name), end = strlen(SOCKET_END);

    return len > end && strcmp(name + len - end, SOCKET_END) == 0 ? len - end : 0;
}

static int name_socket(const char *folder, const char *run_id, struct rp_place *ret)
{
    int len = snprintf(ret->socket, sizeof(ret->socket), "%s/%s" SOCKET_END, folder, run_id);

    if (len < 0 || (size_t)len >= sizeof(ret->socket))
        return -ENAMETOOLONG;
    snprintf(ret->token_file, sizeof(ret->token_file), "%s" TOKEN_END, ret->socket);
    return 0;
}

static void remove_if_dead(const char *folder, const char *name)
{
    struct rp_place place = { .fd = -1 };
    char run_id[NAME_MAX + 1];

    snprintf(run_id, sizeof(run_id), "%.*s", (int)id_length(name), name);
    if (name_socket(folder, run_id, &place) == 0 && is_dead(place.socket)) {
        unlink(place.token_file);
        unlink(place.socket);
    }
}

/* The caller holds the lock of the folder: so no run is between its bind and its listen. */
static void remove_dead_runs(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (id_length(entry->d_name))
            remove_if_dead(folder, entry->d_name);
    if (dir)
        closedir(dir);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        if (chmod(path, 0600) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        r = -errno;
        unlink(path);
    } else {
        r = -errno;
    }
    close(fd);
    return r;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

int rp_token_make(char ret[RP_TOKEN_SIZE])
{
    unsigned char bytes[(RP_TOKEN_SIZE - 1) / 2];

    if (getentropy(bytes, sizeof(bytes)) < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int write_token(const char *path, const char *token)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r = 0;
    size_t len = strlen(token);

    if (fd < 0)
        return -errno;
    if (write(fd, token, len) != (ssize_t)len || write(fd, "\n", 1) != 1)
        r = -EIO;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        unlink(path);
    return r;
}

static int read_token(const char *path, char ret[RP_TOKEN_SIZE], struct rp_error *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, ret, RP_TOKEN_SIZE - 1) : -1;

    if (fd >= 0)
        close(fd);
    ret[len > 0 ? len : 0] = '\0';
    if (len == RP_TOKEN_SIZE - 1)
        return 0;
    return rp_error_set(err, -RP_EUSER, "cannot read the token '%s'%s%s", path, len < 0 ? ": " : "",
                        len < 0 ? strerror(errno) : "");
}

/* ---- a run ----------------------------------------------------------------------------------- */

static int make_in(const char *folder, struct rp_place *place, struct rp_error *err)
{
    int r = rp_token_make(place->token);

    if (r == 0)
        r = write_token(place->token_file, place->token);
    if (r == 0) {
        place->fd = listen_at(place->socket);
        r = place->fd;
        if (r < 0)
            unlink(place->token_file);
    }
    if (r >= 0)
        return 0;
    rp_error_set(err, -RP_EUSER, "cannot make the control socket '%s': %s", place->socket,
                 strerror(-r));
    rp_error_hint(err, "see that the folder '%s' can be written to", folder);
    return -RP_EUSER;
}

int rp_place_make(const char *run_id, struct rp_place *ret, struct rp_error *err)
{
    struct rp_place place = { .fd = -1 };
    char folder[RP_PLACE_SOCKET_SIZE] = "";
    int r = name_folder(folder, sizeof(folder)), fd;

    *ret = place;
    if (r == 0)
        r = name_socket(folder, run_id, &place);
    if (r < 0) {
        rp_error_set(err, -RP_EUSER, "the path of the control socket has more than %d bytes",
                     RP_PLACE_SOCKET_SIZE - 1);
        rp_error_hint(err, "set TMPDIR or XDG_RUNTIME_DIR to a folder with a shorter path");
        return -RP_EUSER;
    }
    fd = make_folder(folder, err);
    if (fd < 0)
        return fd;
    while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    remove_dead_runs(folder);
    r = make_in(folder, &place, err);
    close(fd); /* and with it the lock */
    if (r == 0)
        *ret = place;
    return r;
}

void rp_place_remove(struct rp_place *place)
{
    if (!place->socket[0])
        return;
    unlink(place->socket);
    unlink(place->token_file);
    if (place->fd >= 0)
        close(place->fd);
    *place = (struct rp_place){ .fd = -1 };
}

/* ---- looking for runs ------------------------------------------------------------------------ */

static bool is_alive(const struct dirent *entry, const char *folder)
{
    char run_id[NAME_MAX + 1];
    struct rp_place place;

    snprintf(run_id, sizeof(run_id), "%.*s", (int)id_length(entry->d_name), entry->d_name);
    return run_id[0] && name_socket(folder, run_id, &place) == 0 && !is_dead(place.socket);
}

/* The folder, when it is there and this user's alone: 1. 0 = there is none. */
static int find_folder(char *ret, size_t size, struct rp_error *err)
{
    int r = name_folder(ret, size), fd;

    if (r < 0)
        return 0; /* no run can have a socket there */
    fd = open_folder(ret, err);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    close(fd);
    return 1;
}

int rp_place_list(struct rp_buf *ret, struct rp_error *err)
{
    char folder[RP_PLACE_SOCKET_SIZE];
    struct dirent **entries;
    int r = find_folder(folder, sizeof(folder), err), count;

    if (r <= 0)
        return r;
    count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        return refuse_folder(folder, strerror(errno), err);
    for (int i = 0; i < count; i++) {
        if (is_alive(entries[i], folder))
            rp_buf_appendf(ret, "%.*s\n", (int)id_length(entries[i]->d_name), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return ret->error;
}

int rp_place_connect(const char *run_id, char token[RP_TOKEN_SIZE], struct rp_error *err)
{
    struct rp_place place;
    char folder[RP_PLACE_SOCKET_SIZE];
    int r = find_folder(folder, sizeof(folder), err), fd;

    if (r < 0)
        return r;
    if (r == 0 || strchr(run_id, '/') || name_socket(folder, run_id, &place) < 0)
        return -ENOENT;
    fd = connect_to(place.socket, 0);
    if (fd == -ECONNREFUSED || fd == -ENOENT)
        return -ENOENT;
    if (fd < 0)
        return rp_error_set(err, -RP_EUSER, "cannot connect to '%s': %s", place.socket,
                            strerror(-fd));
    r = read_token(place.token_file, token, err);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}
