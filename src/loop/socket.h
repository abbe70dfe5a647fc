/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/socket.h - send and receive without being a cancellation point. Private to the room.
 *
 * send(), recv() and recvmsg() of the C library are, and in a process with threads (a Python worker has a
 * watchdog) each call pays 48 instructions for that, two of them locked. Nobody cancels our
 * threads. Results and errno are those of the functions.
 */

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline ssize_t rp_socket_send(int fd, const void *data, size_t len, int flags)
{
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

static inline ssize_t rp_socket_recv(int fd, void *data, size_t size, int flags)
{
    return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

static inline ssize_t rp_socket_recvmsg(int fd, struct msghdr *message, int flags)
{
    return syscall(SYS_recvmsg, fd, message, flags);
}
