/* SPDX-License-Identifier: MIT
 * ruleset.h: the files of a `scripts` folder, read once and never changed: what a generation is made of.
 *
 * Identity is the SHA-256 of the sorted names and contents. Reference-counted; any thread may hold one. Only one that nobody
 * else holds yet may be changed (put, remove), and is identified anew afterwards.
 */
#pragma once

#include "script/reference.h"

enum ordo_script_kind {
    ORDO_SCRIPT_VALIDATION = 0,
    ORDO_SCRIPT_RULE,
    ORDO_SCRIPT_LIB,
    ORDO_SCRIPT_TEST,
    ORDO_SCRIPT_DATA, /* a reference table; the last ones */
};

/* Bytes of a script, of a table; files of a set. */
enum { ORDO_SCRIPT_FILE_MAX = 1 << 20, ORDO_SCRIPT_DATA_MAX = 16 << 20, ORDO_SCRIPT_FILES_MAX = 10000 };
size_t ordo_script_file_max(enum ordo_script_kind kind);

/* Where its files lie in a folder, by kind. */
#define ORDO_SCRIPT_KINDS 5
extern const char *const ordo_script_folders[ORDO_SCRIPT_KINDS];

struct ordo_script_file {
    enum ordo_script_kind kind;
    char *path;   /* within the folder: rules/30_coupon.lua */
    char *source; /* NUL-terminated too */
    size_t len;
    _Atomic(struct ordo_reference *) table; /* of DATA, once the tables are opened; else NULL */
};

struct ordo_ruleset {
    _Atomic uint32_t references;
    uint64_t number;   /* of the generation; given by whoever switches to it; 0: none yet */
    char identity[65]; /* hex */
    char *folder;
    struct ordo_script_file *files; /* by kind, then by name */
    size_t count;
    size_t scripts; /* the first so many are Lua, the others are tables */
};

/* Reads validation, rules, lib and tests (*.lua), and data (*.json, *.csv); hidden files and editors' backups are passed
 * over. `rules/` is needed. NULL and *err. */
struct ordo_ruleset *ordo_ruleset_read(const char *folder, struct ordo_error *err);
/* Reads the tables of a set whose files do not change any more; whoever loads it does so first. Each error is a line. 0 or
 * ORDO_ESCRIPT. */
int ordo_ruleset_open_tables(struct ordo_ruleset *ruleset, struct ordo_buffer *errors);
struct ordo_ruleset *ordo_ruleset_ref(struct ordo_ruleset *ruleset);
void ordo_ruleset_unref(struct ordo_ruleset *ruleset); /* NULL is allowed */

/* --- sets that are made in memory --- */

/* Whether it is a path as scripts have them: one of the folders, a slash, a name with the ending of that folder that
 * begins with neither '.' nor '#'. So it leads nowhere else. */
bool ordo_script_path_parse(ordo_str path, enum ordo_script_kind *ret_kind);

/* A copy that may be changed, without a number; `folder` is what messages call it. */
struct ordo_ruleset *ordo_ruleset_copy(const struct ordo_ruleset *ruleset, const char *folder);
/* Adds a file or replaces its content. The path must be right. ORDO_ELIMIT and *err when the file or the set would be too
 * large. */
int ordo_ruleset_put(struct ordo_ruleset *ruleset, ordo_str path, ordo_str source, struct ordo_error *err);
bool ordo_ruleset_remove(struct ordo_ruleset *ruleset, ordo_str path); /* false: it has none of this path */
void ordo_ruleset_identify(struct ordo_ruleset *ruleset);
const struct ordo_script_file *ordo_ruleset_find(const struct ordo_ruleset *ruleset,
                                                 ordo_str path); /* or NULL */
bool ordo_script_file_equal(const struct ordo_script_file *a,
                            const struct ordo_script_file *b); /* NULL: no file */

/* The bytes that the identity is the hash of, and back. NULL when they are no rule set. */
void ordo_ruleset_pack(const struct ordo_ruleset *ruleset, struct ordo_buffer *out);
struct ordo_ruleset *ordo_ruleset_unpack(ordo_str bytes, const char *folder);

/* "hex" of SHA-256. */
enum { ORDO_HASH_SIZE = 65 };
void ordo_hash_hex(ordo_str bytes, char out[ORDO_HASH_SIZE]);

/* --- ruleset_write.c --- */

/* Makes the scripts of a folder those of the set: files that differ are replaced, others are left alone, and scripts that
 * it has not are removed. All is written aside and synced first, so what can fail fails with nothing changed; between the
 * first rename and the last the folder is neither the old set nor the new one, so the caller has noted what to finish.
 * Folders that are links are refused. *ret_begun: the renames had begun. 0, or a code and *err. */
int ordo_ruleset_write(const struct ordo_ruleset *ruleset, const char *folder, bool *ret_begun,
                       struct ordo_error *err);
