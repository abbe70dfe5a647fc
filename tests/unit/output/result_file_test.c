/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "output/result_file.h"

struct folder {
    char path[64];
};

static int setup(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    if (!folder)
        return -1;
    snprintf(folder->path, sizeof(folder->path), "/tmp/rampa-result-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    struct folder *folder = *state;

    snprintf(command, sizeof(command), "rm -rf %s", folder->path);
    if (system(command) != 0)
        return -1;
    free(folder);
    return 0;
}

static const char *in(void **state, const char *name)
{
    static char path[512];
    const struct folder *folder = *state;

    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_content(const char *path, const char *expected)
{
    char text[256] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

/* Entries of a folder besides "." and "..". */
static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

static int write_result(const char *path, const char *text, struct rp_error *err)
{
    struct rp_result_file *file = NULL;
    int r = rp_result_file_open(path, &file, err);

    if (r == 0)
        r = rp_result_file_commit(file, rp_slice_str(text), err);
    rp_result_file_free(file);
    return r;
}

static void test_new_and_replaced(void **state)
{
    const struct folder *folder = *state;
    const char *path = in(state, "result.json");
    struct stat st;

    umask(022);
    assert_int_equal(write_result(path, "first", NULL), 0);
    assert_content(path, "first");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(write_result(path, "second", NULL), 0);
    assert_content(path, "second");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600); /* kept */
    assert_int_equal(write_result(path, "", NULL), 0);
    assert_content(path, "");
    assert_int_equal(count_entries(folder->path), 1);
}

/* Between open and commit the old file is whole; without a commit it stays and nothing is left behind. */
static void test_not_committed(void **state)
{
    const struct folder *folder = *state;
    const char *path = in(state, "result.json");
    struct rp_result_file *file;

    put(path, "old");
    assert_int_equal(rp_result_file_open(path, &file, NULL), 0);
    assert_content(path, "old");
    assert_true(count_entries(folder->path) <= 2); /* 1 where files need no name */
    rp_result_file_free(file);
    assert_content(path, "old");
    assert_int_equal(count_entries(folder->path), 1);
    rp_result_file_free(NULL);
}

/* A link stays a link; a relative path means the folder at the time of the open. */
static void test_links_and_relative_paths(void **state)
{
    char link_path[512], target[512], back[512];
    const struct folder *folder = *state;
    struct rp_result_file *file;
    struct stat st;

    snprintf(target, sizeof(target), "%s", in(state, "target.json"));
    snprintf(link_path, sizeof(link_path), "%s", in(state, "latest.json"));
    put(target, "old");
    assert_int_equal(symlink("target.json", link_path), 0);
    assert_int_equal(write_result(link_path, "new", NULL), 0);
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_content(target, "new");

    assert_non_null(getcwd(back, sizeof(back)));
    assert_int_equal(chdir(folder->path), 0);
    assert_int_equal(rp_result_file_open("relative.json", &file, NULL), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rp_result_file_commit(file, RP_SLICE("there"), NULL), 0);
    rp_result_file_free(file);
    assert_int_equal(chdir(back), 0);
    assert_content(in(state, "relative.json"), "there");
    assert_int_equal(count_entries(folder->path), 3);
}

static void check_refused(const char *path, const char *cause, const char *hint)
{
    struct rp_error err = { 0 };
    struct rp_result_file *file = NULL;

    assert_int_equal(rp_result_file_open(path, &file, &err), -RP_EUSER);
    assert_null(file);
    assert_non_null(err.message);
    assert_non_null(err.hint);
    if (!strstr(err.message, path) || !strstr(err.message, cause) || !strstr(err.hint, hint))
        fail_msg("'%s' (%s), expected '%s' (%s)", err.message, err.hint, cause, hint);
    rp_error_deinit(&err);
}

static void test_refused(void **state)
{
    const struct folder *folder = *state;
    char name[300];

    check_refused(in(state, "missing/result.json"), "folder does not exist", "mkdir");
    check_refused(folder->path, "is a folder", "file name");
    put(in(state, "file"), "");
    check_refused(in(state, "file/result.json"), "Not a directory", "a file, not a folder");
    assert_int_equal(mkdir(in(state, "sub"), 0700), 0);
    check_refused(in(state, "sub/"), "is a folder", "file name");
    check_refused(in(state, "sub/."), "is a folder", "file name");
    check_refused("", "empty", "--out");
    check_refused("/", "is a folder", "file name");
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    check_refused(in(state, name), "File name too long", "shorter");
    assert_int_equal(count_entries(folder->path), 2);
    /* as long as a name can be */
    name[255] = '\0';
    assert_int_equal(write_result(in(state, name), "x", NULL), 0);
    assert_content(in(state, name), "x");
}

/* Runs @fn as another user; root may write everywhere. Its status, or -1 when users cannot be changed. */
static int as_nobody(void **state, int (*fn)(void **state))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        _exit(fn(state));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 99 ? -1 : WEXITSTATUS(status);
}

/* 0 when the open is refused with @cause. */
static int refused_with(const char *path, const char *cause)
{
    struct rp_error err = { 0 };
    struct rp_result_file *file = NULL;
    int r = rp_result_file_open(path, &file, &err);

    return r == -RP_EUSER && err.message && strstr(err.message, cause) ? 0 : 1;
}

static int open_in_closed_folder(void **state)
{
    return refused_with(in(state, "result.json"), "Permission denied");
}

static int open_read_only_file(void **state)
{
    return refused_with(in(state, "kept.json"), "read-only");
}

static void test_permissions(void **state)
{
    const struct folder *folder = *state;
    int status;

    put(in(state, "kept.json"), "kept");
    assert_int_equal(chmod(in(state, "kept.json"), 0444), 0);
    assert_int_equal(chmod(folder->path, 0777), 0);
    status = as_nobody(state, open_read_only_file);
    if (status < 0)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(chmod(folder->path, 0555), 0);
    assert_int_equal(as_nobody(state, open_in_closed_folder), 0);
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_content(in(state, "kept.json"), "kept");
}

/* The write fails half-way: error, old file kept, temporary file gone. Returns the code. */
static int commit_too_much(const char *folder, const char *path)
{
    static char big[256 * 1024];
    struct rp_error err = { 0 };
    int r;

    memset(big, 'x', sizeof(big) - 1);
    r = write_result(path, big, &err);
    assert_true(r < 0);
    assert_non_null(err.message);
    assert_non_null(strstr(err.message, strerror(-r)));
    assert_non_null(strstr(err.hint, "before is untouched"));
    assert_content(path, "old");
    assert_int_equal(count_entries(folder), 1);
    rp_error_deinit(&err);
    return r;
}

static void test_file_size_limit(void **state)
{
    const struct folder *folder = *state;
    struct rlimit before, limit = { 64 * 1024, 64 * 1024 };
    void (*handler)(int);

    put(in(state, "result.json"), "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    handler = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(commit_too_much(folder->path, in(state, "result.json")), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
}

static void test_full_disk(void **state)
{
    const struct folder *folder = *state;
    int r;

    if (mount("none", folder->path, "tmpfs", 0, "size=64k") < 0)
        skip(); /* not root, or a container that may not mount */
    put(in(state, "result.json"), "old");
    r = commit_too_much(folder->path, in(state, "result.json"));
    umount2(folder->path, MNT_DETACH);
    assert_int_equal(r, -ENOSPC);
}

/* The folder goes away during the run. */
static void test_folder_removed(void **state)
{
    char path[512], folder[512], command[600];
    struct rp_error err = { 0 };
    struct rp_result_file *file;

    snprintf(folder, sizeof(folder), "%s", in(state, "gone"));
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s", in(state, "gone/result.json"));
    assert_int_equal(rp_result_file_open(path, &file, &err), 0);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(rp_result_file_commit(file, RP_SLICE("x"), &err), -ENOENT);
    assert_non_null(err.message);
    rp_error_deinit(&err);
    rp_result_file_free(file);
}

static void test_devices(void **state)
{
    struct rp_error err = { 0 };
    struct stat st;

    assert_int_equal(write_result("/dev/full", "x", &err), -ENOSPC);
    assert_non_null(strstr(err.message, "/dev/full"));
    assert_null(strstr(err.hint, "before"));
    rp_error_deinit(&err);
    assert_int_equal(write_result("/dev/null", "x", NULL), 0);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

/* /dev/fd/N of a redirected file continues after what is there, and does not replace the file. */
static void test_descriptors(void **state)
{
    char path[64];
    int fds[2], fd = open(in(state, "log"), O_WRONLY | O_CREAT, 0600);
    char text[8] = "";

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "before ", 7), 7);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    assert_int_equal(write_result(path, "result", NULL), 0);
    assert_int_equal(write(fd, " after", 6), 6); /* still open, same offset */
    close(fd);
    assert_content(in(state, "log"), "before result after");

    assert_int_equal(pipe(fds), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
    assert_int_equal(write_result(path, "piped", NULL), 0);
    assert_int_equal(read(fds[0], text, sizeof(text)), 5);
    assert_string_equal(text, "piped");
    close(fds[0]);
    close(fds[1]);
    check_refused("/dev/fd/987", "Bad file descriptor", "another path");
}

static void test_reader_gone(void **state)
{
    struct rp_error err = { 0 };
    char path[64];
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    snprintf(path, sizeof(path), "/dev/fd/%d", fds[1]);
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(write_result(path, "x", &err), -EPIPE); /* and this process lives */
    rp_error_deinit(&err);
    close(fds[1]);
}

static size_t open_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

static void test_out_of_memory(void **state)
{
    const struct folder *folder = *state;
    const char *path = in(state, "result.json");
    size_t descriptors = open_descriptors();
    uint64_t n;

    put(path, "old");
    for (n = 1;; n++) {
        struct rp_result_file *file = NULL;
        int r;

        rp_alloc_fail_at(n);
        r = rp_result_file_open(path, &file, NULL);
        rp_alloc_fail_at(0);
        if (r == 0) {
            rp_result_file_free(file);
            break;
        }
        assert_int_equal(r, -ENOMEM);
        assert_null(file);
        assert_int_equal(count_entries(folder->path), 1);
    }
    assert_true(n >= 4);
    assert_content(path, "old");
    assert_int_equal(open_descriptors(), descriptors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_new_and_replaced), TEST(test_not_committed),  TEST(test_links_and_relative_paths),
        TEST(test_refused),          TEST(test_permissions),    TEST(test_file_size_limit),
        TEST(test_full_disk),        TEST(test_folder_removed), TEST(test_devices),
        TEST(test_descriptors),      TEST(test_reader_gone),    TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
