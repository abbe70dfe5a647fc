/* SPDX-License-Identifier: MIT */

/*
 * replay DIRECTORY: gives every file of DIRECTORY/<target>/ to that target's function once, without a fuzzer. Every
 * input that once broke something is kept there.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_targets.h"

static const struct {
    const char *name;
    int (*run)(const uint8_t *data, size_t size);
} targets[] = {
    { "coding", rp_fuzz_coding },
    { "cookie", rp_fuzz_cookie },
    { "digest", rp_fuzz_digest },
    { "gzip", rp_fuzz_gzip },
    { "grpc", rp_fuzz_grpc },
    { "grpc_methods", rp_fuzz_grpc_methods },
    { "h1", rp_fuzz_h1 },
    { "h2", rp_fuzz_h2 },
    { "h2_server", rp_fuzz_h2_server },
    { "h1_request", rp_fuzz_h1_request },
    { "protobuf", rp_fuzz_protobuf },
    { "snappy", rp_fuzz_snappy },
    { "socks5", rp_fuzz_socks5 },
    { "sse", rp_fuzz_sse },
    { "url", rp_fuzz_url },
    { "ws", rp_fuzz_ws },
    { "ws_handshake", rp_fuzz_ws_handshake },
};

static int replay_file(const char *path, int (*run)(const uint8_t *data, size_t size))
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    size = fread(data, 1, sizeof(data), file);
    fclose(file);
    /* Said before the run, for the one that stops the program. */
    printf("%s\n", path);
    fflush(stdout);
    uint8_t *block = malloc(size ? size : 1);
    if (!block)
        return -1;
    memcpy(block, data, size);
    run(block, size);
    free(block);
    return 0;
}

/* The number of files, -1 on failure. */
static int replay_directory(const char *root, const char *name,
                            int (*run)(const uint8_t *data, size_t size))
{
    char path[4096];
    struct dirent *entry;
    DIR *dir;
    int count = 0;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    while (count >= 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", root, name, entry->d_name);
        count = replay_file(path, run) < 0 ? -1 : count + 1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: replay DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        int count = replay_directory(argv[1], targets[i].name, targets[i].run);

        if (count <= 0) {
            fprintf(stderr, "%s: no corpus\n", targets[i].name);
            return 1;
        }
        printf("%s: %d inputs\n", targets[i].name, count);
    }
    return 0;
}
