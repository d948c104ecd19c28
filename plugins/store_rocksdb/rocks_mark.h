/* SPDX-License-Identifier: MIT
 * rocks_mark.h: what must be found again by the next open, in the file `acknowledged` beside the database.
 *
 * RocksDB reads its log, and its list of files (MANIFEST), up to the first record that does not check, since that is what
 * a crash leaves at their ends. A damaged record looks the same, and everything behind it would be gone without a word. So
 * two things are kept apart, and an open that finds less refuses to go on:
 *
 * - the number of the last write that was synced. A plain store into the mapped file follows every synced commit: no
 *   system call, and no sync of its own. What a killed process stored is there; after a power cut the file is older than
 *   the database, never newer;
 * - what of the MANIFEST is synced (rocks_manifest.h). It is synced itself, since files are deleted behind it.
 */
#pragma once

#include <ordo/plugin.h>

#define ROCKS_MARK_NAME "acknowledged"

struct rocks_mark_file;

/* The first `size` bytes of MANIFEST-`number` are synced, and hash so. Number 0: nothing is known. */
struct rocks_claim {
    uint64_t number, size, hash;
};

/* What the file says. */
struct rocks_marked {
    uint64_t sequence; /* of the last write that was acknowledged; 0 when there is none */
    struct rocks_claim claim;
};

/* Open. */
struct rocks_mark {
    struct rocks_mark_file *file; /* mapped; NULL: not open */
    int fd;                       /* of it, when it is open */
    unsigned next;                /* of its two entries: the one that is written next; the store's thread */
};

/* What is damaged in it is logged and left out. */
struct rocks_marked rocks_mark_read(const char *folder, const struct ordo_host *host);
/* Opens the file, making it when it is not there or damaged, with this number. 0 or a code with *err. */
int rocks_mark_open(struct rocks_mark *mark, const char *folder, uint64_t sequence,
                    const struct ordo_host *host, struct ordo_error *err);
/* All up to this number is synced. The store's thread. */
void rocks_mark_set(struct rocks_mark *mark, uint64_t sequence);
/* Durable when it returns 0; or a code. One thread at a time, beside rocks_mark_set. */
int rocks_mark_claim(struct rocks_mark *mark, const struct rocks_claim *claim);
void rocks_mark_close(struct rocks_mark *mark);
