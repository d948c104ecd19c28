/* SPDX-License-Identifier: MIT
 * rules_archive_impl.h: what the files of the archive share, and the form of a file of data_dir/rules.
 *
 *   ordo rules 1          the form, with its version
 *   {"number":7,…}        what it is, as JSON
 *   …                     the files of a rule set, as its identity hashes them; of the state there are none
 *   9f86d081…             SHA-256 of all that stands before, in hex
 */
#pragma once

#include "base/json_read.h"
#include "worker/rules_archive.h"

struct ordo_archive {
    int folder; /* a descriptor, which holds the lock */
    char *path; /* for messages */
    size_t keep;
    uint64_t highest;                /* the largest number that was ever given */
    struct ordo_generation *entries; /* by number */
    size_t count, room;
    uint64_t *activated; /* numbers */
    size_t activated_count, activated_room;
    struct ordo_unfinished unfinished;
    struct ordo_buffer damaged;
};

/* A file that was opened. Lives as long as its bytes. */
struct ordo__archive_file {
    struct ordo_json_parser *parser; /* has what it is */
    ordo_str files;
};

/* rules_archive_read.c */
void ordo__archive_name(uint64_t number, char out[32]); /* of its file */
/* Reads and checks the set of a file; `label` is what messages call it. NULL and *err. The caller has to end *read and
 * *file in any case. */
struct ordo_ruleset *ordo__archive_set(const struct ordo_archive *archive, const char *name,
                                       const char *label, struct ordo__archive_file *read,
                                       struct ordo_buffer *file, struct ordo_error *err);

/* rules_archive_format.c */
/* Appends the whole file of its JSON and its files. */
void ordo__archive_seal(ordo_str head, ordo_str files, struct ordo_buffer *out);
/* False: it is damaged, or of another version. The buffer grows. Close it in any case. */
bool ordo__archive_open(struct ordo_buffer *bytes, struct ordo__archive_file *ret_file);
void ordo__archive_close(struct ordo__archive_file *file);

/* Appends what a generation is; `number` of a draft is where it began. */
void ordo__archive_head(const struct ordo_ruleset *ruleset, uint64_t number, int64_t at_ms, ordo_str by,
                        ordo_str note, struct ordo_buffer *out);
/* Writes a generation; 0 or -errno. */
int ordo__archive_keep(int folder, const char *name, const struct ordo_buffer *head,
                       const struct ordo_ruleset *ruleset);

/* A member of the JSON; 0 when it is not there, or below. */
uint64_t ordo__archive_number(struct ordo_json_value object, ordo_str key);
