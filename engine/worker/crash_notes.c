/* SPDX-License-Identifier: MIT
 * crash_notes.c: the handler of fatal signals, and what is made of its notes.
 *
 * The handler may meet any state, so it only reads the job that the faulting thread said it executes, and
 * stores into the mapped table. The first thread that faults is the cause; another one that faults meanwhile
 * waits for the end. Then all handlers are as they were before, and the signal comes again.
 */
#include "worker/crash_notes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { STACK_SIZE = 64 * 1024 }; /* with room for the registers of any processor, and a sanitizer's handler */

static const struct {
    int number;
    const char *name;
} fatal[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGABRT, "SIGABRT"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"},
};

enum { FATAL_COUNT = sizeof(fatal) / sizeof(*fatal) };

struct ordo_crash_notes {
    struct ordo_crash_table *table;
    uint32_t most;
};

/* What the handler needs; set while it is installed. */
static struct ordo_crash_table *noting;
static struct sigaction before[FATAL_COUNT];
static atomic_flag is_dying = ATOMIC_FLAG_INIT;

_Thread_local const struct ordo_job *volatile ordo_executing;
static _Thread_local void *fault_stack; /* of this thread; NULL: it had one already */

static void restore_handlers(void)
{
    for (int i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal[i].number, &before[i], NULL);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const struct ordo_job *job = ordo_executing;

    (void)context;
    if (atomic_flag_test_and_set(&is_dying))
        for (;;)
            pause();
    if (job != NULL && job->parsed)
        ordo_crash_table_note(noting, ordo_job_id(job), number, ordo_clock_utc_ms());
    restore_handlers();
    /* An instruction that faulted does so again, and whoever handles it now sees where. A signal that was sent
     * does not come again by itself. */
    if (info->si_code <= 0)
        raise(number);
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < FATAL_COUNT; i++)
        sigaddset(&action.sa_mask, fatal[i].number);
    for (int i = 0; i < FATAL_COUNT; i++) {
        ORDO_REQUIRE(sigaction(fatal[i].number, &action, &before[i]) == 0);
        if (before[i].sa_handler == SIG_IGN) /* whoever started the process wants it so */
            sigaction(fatal[i].number, &before[i], NULL);
    }
}

static void log_news(struct ordo_crash_notes *notes)
{
    struct ordo_crash crash;

    for (uint32_t at = 0; ordo_crash_table_next(notes->table, &at, &crash);)
        if (crash.is_new)
            ordo_log_warn("crashes", "the last run died of %s while deciding order %.*s, crash %u of %u%s",
                          ordo_crash_signal_name(crash.signal), (int)crash.name_len, crash.name, crash.count,
                          notes->most, crash.count >= notes->most ? ": it is not decided any more" : "");
}

struct ordo_crash_notes *ordo_crash_notes_start(const char *folder, uint32_t most)
{
    struct ordo_crash_notes *notes;
    struct ordo_crash_table *table;
    struct ordo_error err = {0};
    uint32_t damaged;
    char path[4096], text[1024];

    ORDO_REQUIRE(noting == NULL);
    snprintf(path, sizeof(path), "%s/crashes", folder);
    if ((table = ordo_crash_table_open(path, &damaged, &err)) == NULL) {
        ordo_log_warn("crashes", "%s; an order that kills the process can do so again and again",
                      ordo_error_format(&err, text, sizeof(text)));
        return NULL;
    }
    if (damaged > 0)
        ordo_log_warn("crashes", "%s: %u damaged entries were dropped", path, damaged);
    notes = malloc(sizeof(*notes));
    ORDO_REQUIRE(notes != NULL);
    *notes = (struct ordo_crash_notes){table, most};
    log_news(notes);
    noting = table;
    install_handlers();
    return notes;
}

void ordo_crash_notes_stop(struct ordo_crash_notes *notes)
{
    if (notes == NULL)
        return;
    restore_handlers();
    noting = NULL;
    ordo_crash_table_close(notes->table);
    free(notes);
}

void ordo_crash_notes_enter(void)
{
    stack_t now, ours = {.ss_size = STACK_SIZE};

    ORDO_REQUIRE(sigaltstack(NULL, &now) == 0);
    if ((now.ss_flags & SS_DISABLE) == 0)
        return; /* a sanitizer's, which frees it itself */
    ours.ss_sp = fault_stack = malloc(STACK_SIZE);
    ORDO_REQUIRE(fault_stack != NULL && sigaltstack(&ours, NULL) == 0);
}

void ordo_crash_notes_leave(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (fault_stack == NULL)
        return;
    ORDO_REQUIRE(sigaltstack(&none, NULL) == 0);
    free(fault_stack);
    fault_stack = NULL;
}

bool ordo_crash_notes_is_poison(struct ordo_crash_notes *notes, const struct ordo_job *job,
                                struct ordo_crash *ret_crash)
{
    struct ordo_crash crash;

    if (notes == NULL || !ordo_crash_table_find(notes->table, ordo_job_id(job), &crash) ||
        crash.count < notes->most)
        return false;
    *ret_crash = crash;
    return true;
}

bool ordo_crash_notes_forget(struct ordo_crash_notes *notes, const struct ordo_job *job)
{
    struct ordo_crash crash;
    bool was_poison;

    if (notes == NULL || ordo_crash_table_used(notes->table) == 0)
        return false;
    was_poison = ordo_crash_notes_is_poison(notes, job, &crash);
    ordo_crash_table_drop(notes->table, ordo_job_id(job));
    return was_poison;
}

const char *ordo_crash_signal_name(int number)
{
    for (int i = 0; i < FATAL_COUNT; i++)
        if (fatal[i].number == number)
            return fatal[i].name;
    return "an unknown signal";
}
