/* SPDX-License-Identifier: MIT
 * history.h: profiles that were taken, kept in a folder within a number of bytes; the oldest make room.
 *
 * A file a profile, in pprof's format, so that tools open it where it lies. What the list says of it stands in its name:
 *
 *   00000042-cpu-1790000000123-30000-g3-o123456.pprof
 *   number   kind UTC ms       ms    generation orders decided meanwhile
 *
 * Files with other names are left alone. One thread.
 */
#pragma once

#include "base/buffer.h"

enum { ORDO_HISTORY_KIND_MAX = 15 };

struct ordo_history_entry {
    uint64_t id;                          /* rises for ever, over restarts too */
    char kind[ORDO_HISTORY_KIND_MAX + 1]; /* "cpu": letters */
    int64_t utc_ms, duration_ms;
    uint64_t generation; /* of the rules at its end */
    uint64_t orders;     /* decided meanwhile */
    uint64_t bytes;
};

struct ordo_history;

/* The folder is made if it is not there. NULL and *err when it cannot be used. */
struct ordo_history *ordo_history_open(const char *folder, uint64_t bytes, struct ordo_error *err);
void ordo_history_close(struct ordo_history *history); /* NULL is allowed */

/* Keeps a profile, and drops the oldest that are then too many. Returns its id, or 0 and *err: one that is larger than
 * all that may be kept, or the disk refused it. `id` and `bytes` of the entry are not read. */
uint64_t ordo_history_add(struct ordo_history *history, const struct ordo_history_entry *entry,
                          ordo_str profile, struct ordo_error *err);
/* Oldest first; valid until the next change. */
size_t ordo_history_list(const struct ordo_history *history, const struct ordo_history_entry **ret_entries);
/* How many there are, and how large all of them are; NULL has none. */
size_t ordo_history_count(const struct ordo_history *history, uint64_t *ret_bytes);
/* NULL: there is none with this id (any more). */
const struct ordo_history_entry *ordo_history_find(const struct ordo_history *history, uint64_t id);
/* Appends the bytes of the profile. A code and *err when it cannot be read. */
int ordo_history_read(struct ordo_history *history, uint64_t id, struct ordo_buffer *out,
                      struct ordo_error *err);
/* False: there is none. */
bool ordo_history_delete(struct ordo_history *history, uint64_t id);
