/* SPDX-License-Identifier: MIT
 * crash_notes.h: which orders were being decided when the process died, so that one that kills it again and
 * again is found out.
 *
 * A worker says which order it executes. When a fatal signal meets it there, the order's crash is counted in a
 * file of the data directory, and the signal goes on as it would have: exit status, core dump and a
 * sanitizer's report are the same. Only the order whose thread the signal hits counts; SIGKILL is not noticed.
 *
 * Handlers of signals belong to the process, so there is one set of notes in it at most.
 */
#pragma once

#include "base/crash_table.h"
#include "core/job.h"

struct ordo_crash_notes;

/* The order that this thread executes: its rules run, or its text is parsed. NULL: none. */
extern _Thread_local const struct ordo_job *volatile ordo_executing;

static inline void ordo_execute(const struct ordo_job *job)
{
    ordo_executing = job;
    atomic_signal_fence(memory_order_seq_cst); /* nothing of the order goes before it, or behind the NULL */
}

/* Opens folder/crashes, logs what is new there, and takes the signals. NULL after a warning when the file cannot be
 * used: then crashes are not counted. An order is poison when it has `most` of them. */
struct ordo_crash_notes *ordo_crash_notes_start(const char *folder, uint32_t most);
void ordo_crash_notes_stop(struct ordo_crash_notes *notes); /* NULL is allowed, here and below */

/* On a thread that executes orders, at its start and end: gives it a stack for the handler, so that an
 * overflow of its own is noticed. */
void ordo_crash_notes_enter(void);
void ordo_crash_notes_leave(void);

/* Whether the order must not be executed. One load when no order has crashed. Any thread. */
bool ordo_crash_notes_is_poison(struct ordo_crash_notes *notes, const struct ordo_job *job,
                                struct ordo_crash *ret_crash);
/* Forgets the order's crashes: it has come to an end, or gets a new chance. True when it was poison. */
bool ordo_crash_notes_forget(struct ordo_crash_notes *notes, const struct ordo_job *job);

/* "SIGSEGV" */
const char *ordo_crash_signal_name(int number);
