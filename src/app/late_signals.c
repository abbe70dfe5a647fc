/* SPDX-License-Identifier: MIT */
#include "app/late_signals.h"

#include <signal.h>
#include <stddef.h>

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

static void set(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        (void)sigaction(number, &action, NULL);
}

static void forgive(int number)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        set(numbers[i], SIG_DFL);
}

void rp_late_signals_forgive_one(void)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        set(numbers[i], forgive);
}
