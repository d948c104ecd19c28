/* SPDX-License-Identifier: MIT
 * profiles_wait.c: a line on standard error while a profile is taken. On a terminal it counts the seconds and goes away;
 * elsewhere it is said once.
 *
 * An answer that comes at once, as a refusal does, is not announced.
 */
#include <unistd.h>

#include "base/clock.h"
#include "cli/profiles.h"

enum { SILENT_NS = 500000000 };

#define ERASE "\r\x1b[K"
#define LEFT "interrupted; the engine ends the profile\n"

static volatile sig_atomic_t line_is_shown;

/* The engine sees that the connection is closed. Nothing has been written yet that could be lost. */
static void interrupted(int signal)
{
    static const char text[] = ERASE LEFT;
    size_t skip = line_is_shown ? 0 : sizeof(ERASE) - 1;

    (void)signal;
    if (write(STDERR_FILENO, text + skip, sizeof(text) - 1 - skip) < 0)
        _exit(130);
    _exit(130);
}

void ordo_profiles_wait_begin(struct ordo_profiles_wait *wait, const struct ordo_command *command,
                              int64_t duration_ns)
{
    struct sigaction action = {.sa_handler = interrupted};

    *wait = (struct ordo_profiles_wait){
        .command = command, .duration_ns = duration_ns, .on_terminal = isatty(STDERR_FILENO)};
    sigaction(SIGINT, &action, &wait->before);
}

static void show_left(struct ordo_profiles_wait *wait, int64_t left_ns)
{
    int64_t left_s = left_ns > 0 ? (left_ns + 999999999) / 1000000000 : -1;

    if (left_s == wait->shown_s)
        return;
    wait->shown_s = left_s;
    line_is_shown = 1;
    if (left_s > 0)
        fprintf(stderr, ERASE "ordo %s: %lld s left; Ctrl-C ends it", wait->command->name, (long long)left_s);
    else
        fprintf(stderr, ERASE "ordo %s: the engine writes it", wait->command->name);
}

void ordo_profiles_wait_tick(void *context)
{
    struct ordo_profiles_wait *wait = context;
    int64_t now_ns = ordo_clock_ns();

    if (wait->began_ns == 0)
        wait->began_ns = now_ns;
    if (wait->duration_ns == 0 || now_ns - wait->began_ns < SILENT_NS)
        return;
    if (wait->on_terminal)
        show_left(wait, wait->began_ns + wait->duration_ns - now_ns);
    else if (!wait->said)
        fprintf(stderr, "ordo %s: takes %g s; Ctrl-C ends it\n", wait->command->name,
                (double)wait->duration_ns / 1e9);
    wait->said = true;
}

void ordo_profiles_wait_end(struct ordo_profiles_wait *wait)
{
    if (wait->shown_s != 0)
        fputs(ERASE, stderr);
    line_is_shown = 0;
    sigaction(SIGINT, &wait->before, NULL);
}
