/* SPDX-License-Identifier: MIT
 * rocks_verify.h: what the files of verify share.
 */
#pragma once

#include "rocks_maintenance.h"
#include "rocks_shadow.h"

enum { ROCKS_SHOWN_MAX = ORDO_ID_MAX + 1 };

struct rocks_verify {
    const struct ordo_host *host;
    struct rocks_database database;
    rocksdb_readoptions_t *scan;
    ordo_finding_fn found;
    void *context;
    struct ordo_store_report report;
    bool has_counters;
    struct rocks_counters counters; /* as they are kept */
    uint64_t taken;                 /* by all sinks: what comes up to it may be gone */
    struct rocks_counters seen;     /* next_number: above all that are there */
    struct rocks_shadow shadow;
    bool is_short_of_memory;
    uint64_t matched[ROCKS_FAMILY_COUNT]; /* entries that an order led to */
    uint64_t entries[ROCKS_FAMILY_COUNT]; /* that are one */
    bool is_damaged[ROCKS_FAMILY_COUNT];  /* not all of it could be read */
};

struct rocks_entry {
    const char *key, *value;
    size_t key_len, value_len;
};

/* A finding. */
void rocks_verify_tell(struct rocks_verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For a finding: a key is bytes, perhaps damaged ones. */
const char *rocks_verify_shown(const char *bytes, size_t len, char out[ROCKS_SHOWN_MAX]);

/* Every entry of a family, and so every block of it. */
typedef void (*rocks_entry_fn)(struct rocks_verify *verify, const void *context,
                               const struct rocks_entry *entry);
void rocks_verify_family(struct rocks_verify *verify, enum rocks_family family, rocks_entry_fn visit,
                         const void *context);

/* rocks_verify_changes.c: reads the log of changes; data of an earlier layout has none. */
void rocks_verify_changes(struct rocks_verify *verify);
/* A change tells something else of the entry's key. */
bool rocks_verify_is_shadowed(const struct rocks_verify *verify, enum rocks_family family,
                              const struct rocks_entry *entry);
/* Visits what the changes put into a family, as entries of it. */
void rocks_verify_shadow(struct rocks_verify *verify, enum rocks_family family, rocks_entry_fn visit,
                         const void *context);
/* Checks the entry that an order must have by the change of its key; false: none says anything of it. `value` may be NULL. */
bool rocks_verify_by_change(struct rocks_verify *verify, enum rocks_family family,
                            const struct ordo_record *record, ordo_str key, const char *value);
