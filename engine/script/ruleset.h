/* SPDX-License-Identifier: MIT
 * ruleset.h: the files of a `scripts` folder, read once and never changed: what a generation is made of.
 *
 * Identity is the SHA-256 of the sorted names and contents. Reference-counted; any thread may hold one.
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

struct ordo_script_file {
    enum ordo_script_kind kind;
    char *path;   /* within the folder: rules/30_coupon.lua */
    char *source; /* NUL-terminated too */
    size_t len;
    struct ordo_reference *table; /* of DATA, else NULL */
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
struct ordo_ruleset *ordo_ruleset_ref(struct ordo_ruleset *ruleset);
void ordo_ruleset_unref(struct ordo_ruleset *ruleset); /* NULL is allowed */
