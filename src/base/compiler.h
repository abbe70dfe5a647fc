/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/compiler.h - the few compiler features every file may use (gcc and clang).
 */

#include <stddef.h>

#define RP_NODISCARD __attribute__((warn_unused_result))
#define RP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define RP_HOT __attribute__((hot))
/* For a function that is fast only when the compiler knows its arguments at the place of the
 * call. */
#define RP_INLINE static inline __attribute__((always_inline))
#define RP_COLD __attribute__((cold, noinline))
#define RP_LIKELY(x) __builtin_expect(!!(x), 1)
#define RP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object that embeds @member at @ptr. */
#define rp_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A programming error: stops the program with the place, in release builds too. Cheap checks
 * only. */
#define rp_assert(cond)                                                                            \
    do {                                                                                           \
        if (RP_UNLIKELY(!(cond)))                                                                  \
            rp_assert_failed(#cond, __FILE__, __LINE__, __func__);                                 \
    } while (0)

RP_COLD __attribute__((noreturn)) void rp_assert_failed(const char *cond, const char *file,
                                                        int line, const char *function);
