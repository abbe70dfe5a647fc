/* SPDX-License-Identifier: MIT */

/*
 * For LD_PRELOAD: rampa_fail_at(n) makes the n-th allocation from then on fail, of those that the extension itself makes.
 * Who asks is seen by the address that malloc() returns to.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static uintptr_t begin, end; /* of the extension */
static uint64_t left, failures;

static int find(struct dl_phdr_info *info, size_t size, void *unused)
{
    if (!strstr(info->dlpi_name, "_rampa."))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        begin = info->dlpi_addr + segment->p_vaddr;
        end = begin + segment->p_memsz;
    }
    return 1;
}

/* 0 = none. Gives how many have failed so far. */
uint64_t rampa_fail_at(uint64_t n)
{
    if (!begin)
        dl_iterate_phdr(find, NULL);
    left = n;
    return failures;
}

static bool fails(const void *caller)
{
    if (!left || (uintptr_t)caller < begin || (uintptr_t)caller >= end || --left)
        return false;
    failures++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, size);
}
