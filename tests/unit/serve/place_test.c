/* SPDX-License-Identifier: MIT */

/* Where runs are found: the folder, its owner and mode, sockets of dead runs; and the words of --serve. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/place.h"
#include "serve/tcp.h"

#define ID "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11"

struct world {
    char top[64], folder[80];
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    snprintf(world->top, sizeof(world->top), "/tmp/rampa-place-XXXXXX");
    assert_non_null(mkdtemp(world->top));
    snprintf(world->folder, sizeof(world->folder), "%s/rampa", world->top);
    setenv("XDG_RUNTIME_DIR", world->top, 1);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    unsetenv("TMPDIR");
    unlink(world->folder);
    rmdir(world->folder);
    rmdir(world->top);
    free(world);
    return 0;
}

static void make(const char *id, struct rp_place *place)
{
    struct rp_error err = { 0 };

    if (rp_place_make(id, place, &err) < 0)
        fail_msg("%s", err.message);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

/* The ids of the runs that listen, each with a line end. */
static char *list(void)
{
    struct rp_error err = { 0 };
    struct rp_buf ids;
    static char ret[1024];

    rp_buf_init(&ids, sizeof(ret) - 1);
    assert_int_equal(rp_place_list(&ids, &err), 0);
    snprintf(ret, sizeof(ret), "%s", rp_buf_str(&ids));
    rp_buf_deinit(&ids);
    return ret;
}

static void assert_refused(const char *words)
{
    struct rp_error err = { 0 };
    struct rp_place place;

    assert_int_equal(rp_place_make(ID, &place, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, words));
    assert_non_null(err.hint);
    assert_int_equal(place.fd, -1);
    rp_place_remove(&place);
    rp_error_deinit(&err);
}

static void a_run_is_there_until_it_is_removed(void **state)
{
    struct world *world = *state;
    struct rp_error err = { 0 };
    struct rp_place place, other;
    char token[RP_TOKEN_SIZE];
    int fd;

    assert_string_equal(list(), "");
    assert_int_equal(rp_place_connect(ID, token, &err), -ENOENT);
    make(ID, &place);
    make("other", &other);
    assert_int_equal(mode_of(world->folder), 0700);
    assert_int_equal(mode_of(place.socket), 0600);
    assert_int_equal(mode_of(place.token_file), 0600);
    assert_int_equal(strspn(place.token, "0123456789abcdef"), RP_TOKEN_SIZE - 1);
    assert_string_not_equal(place.token, other.token);
    assert_string_equal(list(), ID "\nother\n");
    fd = rp_place_connect(ID, token, &err);
    assert_true(fd >= 0);
    assert_string_equal(token, place.token);
    close(fd);
    assert_int_equal(rp_place_connect("../rampa/" ID, token, &err), -ENOENT);
    rp_place_remove(&place);
    rp_place_remove(&place);
    assert_string_equal(list(), "other\n");
    rp_place_remove(&other);
    assert_int_equal(rmdir(world->folder), 0);
}

static void what_a_dead_run_has_left_is_removed(void **state)
{
    struct rp_place dead, living, next;
    struct rp_error err = { 0 };
    char token[RP_TOKEN_SIZE];

    make("dead", &dead);
    make("living", &living);
    close(dead.fd); /* as when its process has been killed */
    dead.fd = -1;
    assert_string_equal(list(), "living\n");
    assert_int_equal(access(dead.socket, F_OK), 0);
    assert_int_equal(rp_place_connect("dead", token, &err), -ENOENT);
    make("next", &next);
    assert_int_equal(access(dead.socket, F_OK), -1);
    assert_int_equal(access(dead.token_file, F_OK), -1);
    assert_string_equal(list(), "living\nnext\n");
    rp_place_remove(&living);
    rp_place_remove(&next);
}

static void a_folder_of_others_is_refused(void **state)
{
    struct world *world = *state;

    assert_int_equal(mkdir(world->folder, 0755), 0);
    assert_int_equal(chmod(world->folder, 0750), 0);
    assert_refused("other users may enter it");
    assert_int_equal(rmdir(world->folder), 0);
    assert_int_equal(symlink("/tmp", world->folder), 0);
    assert_refused("cannot use the folder");
    assert_int_equal(unlink(world->folder), 0);
    if (geteuid() == 0) {
        assert_int_equal(mkdir(world->folder, 0700), 0);
        assert_int_equal(chown(world->folder, 65534, 65534), 0);
        assert_refused("belongs to another user");
    }
}

static void a_path_that_is_too_long_is_told(void **state)
{
    struct rp_error err = { 0 };
    struct rp_place place;
    char id[RP_PLACE_SOCKET_SIZE];

    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(rp_place_make(id, &place, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "more than 107 bytes"));
    rp_error_deinit(&err);
}

static void without_a_runtime_folder_it_is_a_temporary_one(void **state)
{
    struct world *world = *state;
    char folder[128];
    struct rp_place place;

    setenv("TMPDIR", world->top, 1);
    setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
    make(ID, &place);
    snprintf(folder, sizeof(folder), "%s/rampa-%u", world->top, (unsigned)geteuid());
    assert_memory_equal(place.socket, folder, strlen(folder));
    assert_int_equal(mode_of(folder), 0700);
    rp_place_remove(&place);
    assert_int_equal(rmdir(folder), 0);
}

static void assert_no_address(const char *address, const char *words)
{
    struct rp_error err = { 0 };
    char name[RP_TCP_NAME_MAX];
    uint16_t port;

    assert_int_equal(rp_tcp_listen(address, false, &port, name, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, words));
    rp_error_deinit(&err);
}

static void an_address_is_loopback(void **state)
{
    struct rp_error err = { 0 };
    char name[RP_TCP_NAME_MAX], again[RP_TCP_NAME_MAX];
    uint16_t port;
    int fd = rp_tcp_listen("127.0.0.1:0", false, &port, name, &err);

    assert_true(fd >= 0);
    snprintf(again, sizeof(again), "127.0.0.1:%u", port);
    assert_string_equal(name, again);
    assert_no_address(name, "Address already in use");
    close(fd);
    fd = rp_tcp_listen("127.9.8.7:0", false, &port, name, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_no_address("0.0.0.0:0", "can be reached from other machines");
    assert_no_address("[::]:0", "can be reached from other machines");
    assert_no_address("192.0.2.1:80", "can be reached from other machines");
    assert_no_address("127.0.0.1", "is not HOST:PORT");
    assert_no_address(":80", "is not HOST:PORT");
    assert_no_address("::1:80", "is not HOST:PORT");
    assert_no_address("127.0.0.1:65536", "is not HOST:PORT");
    assert_no_address("127.0.0.1:-1", "is not HOST:PORT");
    assert_no_address("127.0.0.1:", "is not HOST:PORT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_there_until_it_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_dead_run_has_left_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_of_others_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_runtime_folder_it_is_a_temporary_one, setup,
                                        teardown),
        cmocka_unit_test(an_address_is_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
