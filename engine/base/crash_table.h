/* SPDX-License-Identifier: MIT
 * crash_table.h: remembers, from one run of a program to the next, what it was doing when it died.
 *
 * A file that is mapped and shared, so that what a signal handler stores there survives the process without a
 * system call: a small table of names, each with the number of crashes and the last one. When it is full, a
 * new name takes the place of the one that crashed longest ago. What the machine's end takes away is not
 * missed: a machine that loses power is not a crash.
 *
 * The file belongs to the process that has it open. Entries come from a handler only, in a process that dies
 * of it; so whoever looks something up while the program lives sees those of earlier runs.
 */
#pragma once

#include "base/error.h"

enum { ORDO_CRASH_NAME_MAX = 128, ORDO_CRASH_CAPACITY = 64 };

struct ordo_crash {
    uint32_t count;
    int signal; /* the last one */
    int64_t at_ms;
    bool is_new; /* not told by ordo_crash_table_next before */
    uint32_t name_len;
    char name[ORDO_CRASH_NAME_MAX];
};

struct ordo_crash_table;

/* Opens the file, which is made when it is not there. NULL and *err when it cannot be used: no room for it, or
 * another process has it. *ret_damaged: how many entries made no sense and were dropped; a file that is something
 * else counts as one, and begins anew. */
struct ordo_crash_table *ordo_crash_table_open(const char *path, uint32_t *ret_damaged,
                                               struct ordo_error *err);
void ordo_crash_table_close(struct ordo_crash_table *table); /* NULL is allowed */

/* Counts one more crash. Async-signal-safe; by one thread at a time, which ends the process. A name that is
 * empty or too long is not counted. */
void ordo_crash_table_note(struct ordo_crash_table *table, ordo_str name, int signal, int64_t at_ms);

/* How many names there are. One load; any thread. */
uint32_t ordo_crash_table_used(struct ordo_crash_table *table);
/* Any thread. */
bool ordo_crash_table_find(struct ordo_crash_table *table, ordo_str name, struct ordo_crash *ret_crash);
/* Forgets the name if it is there. Any thread. */
void ordo_crash_table_drop(struct ordo_crash_table *table, ordo_str name);

/* Walks the table: *at starts 0. What was walked over is not new the next time. */
bool ordo_crash_table_next(struct ordo_crash_table *table, uint32_t *at, struct ordo_crash *ret_crash);
