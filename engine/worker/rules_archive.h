/* SPDX-License-Identifier: MIT
 * rules_archive.h: the generations that are kept in data_dir/rules: their files, who made them, when, and which one is
 * active.
 *
 *   NUMBER    a generation: a line of what it is, JSON with who and when, the files, a checksum. Never changed
 *   state     which were activated, in their order, and what a start has to finish; a checksum
 *   draft     what is being edited over HTTP, in the form of a generation
 *
 * A number names one set of files for ever: it is given when the files are on the disk, and never again. What is damaged is
 * named and left out, and left where it is. One thread at a time.
 */
#pragma once

#include "script/ruleset.h"

enum ordo_generation_state { ORDO_GENERATION_SEALED = 0, ORDO_GENERATION_RETIRED, ORDO_GENERATION_ACTIVE };
extern const char *const ordo_generation_states[];

/* A generation that is kept. */
struct ordo_generation {
    uint64_t number;
    char identity[ORDO_HASH_SIZE];
    int64_t at_ms;     /* when it was made */
    char *by, *note;   /* who made it, and what they said; may be empty */
    int64_t active_ms; /* when it was activated last; 0: never */
    char *active_by;
};

/* An activation that has begun to write the scripts folder and has not ended. */
struct ordo_unfinished {
    uint64_t from, to; /* to 0: there is none */
    char *by;
};

struct ordo_archive;

/* Opens the folder, makes it when it is not there. `keep`: generations of each state that are kept beside the active one, 1
 * or more. *complaints: a line for each thing that is damaged. NULL and *err, with -EWOULDBLOCK when another process uses
 * it. */
struct ordo_archive *ordo_archive_open(const char *folder, size_t keep, struct ordo_buffer *complaints,
                                       struct ordo_error *err);
void ordo_archive_close(struct ordo_archive *archive);

/* By number, the oldest first. They live until something is added or dropped. */
size_t ordo_archive_list(const struct ordo_archive *archive, const struct ordo_generation **ret_entries);
const struct ordo_generation *ordo_archive_find(const struct ordo_archive *archive, uint64_t number);
const struct ordo_generation *ordo_archive_find_identity(const struct ordo_archive *archive,
                                                         const char *identity);
enum ordo_generation_state ordo_archive_state(const struct ordo_archive *archive,
                                              const struct ordo_generation *entry);
uint64_t ordo_archive_active(const struct ordo_archive *archive);  /* its number; 0: none yet */
uint64_t ordo_archive_before(const struct ordo_archive *archive);  /* which was active before it; 0: none */
ordo_str ordo_archive_damaged(const struct ordo_archive *archive); /* what the opening complained of */

/* The files of a generation, checked anew. NULL and *err. */
struct ordo_ruleset *ordo_archive_read(const struct ordo_archive *archive, uint64_t number,
                                       struct ordo_error *err);

/* Keeps a set that is not kept yet and gives it its number: it is sealed. 0, or a code and *err. */
int ordo_archive_add(struct ordo_archive *archive, struct ordo_ruleset *ruleset, ordo_str by, ordo_str note,
                     struct ordo_error *err);
/* Notes that the scripts folder is about to be written; behind it, that it is not. */
int ordo_archive_begin(struct ordo_archive *archive, uint64_t from, uint64_t to, ordo_str by,
                       struct ordo_error *err);
int ordo_archive_abandon(struct ordo_archive *archive, struct ordo_error *err);
const struct ordo_unfinished *ordo_archive_unfinished(const struct ordo_archive *archive);
/* Notes that a kept generation is the active one, and ends what was begun. */
int ordo_archive_activated(struct ordo_archive *archive, uint64_t number, ordo_str by,
                           struct ordo_error *err);
/* Drops the oldest that are more than may be kept of their state. */
void ordo_archive_prune(struct ordo_archive *archive);

/* The draft; *ret_base is the generation that it began as. NULL: there is none, or it is damaged (then *err has a code). */
struct ordo_ruleset *ordo_archive_draft(const struct ordo_archive *archive, uint64_t *ret_base,
                                        struct ordo_error *err);
int ordo_archive_draft_keep(struct ordo_archive *archive, const struct ordo_ruleset *draft, uint64_t base,
                            struct ordo_error *err);
int ordo_archive_draft_drop(struct ordo_archive *archive, struct ordo_error *err);
