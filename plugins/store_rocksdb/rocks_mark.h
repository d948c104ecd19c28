/* SPDX-License-Identifier: MIT
 * rocks_mark.h: how far writes were acknowledged, in the file `acknowledged` beside the database.
 *
 * RocksDB's log is read up to the first record that does not check, since that is what a crash leaves at its end.
 * A damaged record in its middle looks the same, and everything behind it would be gone without a word. So the
 * number of the last write that was synced is kept apart, and an open that finds less refuses to go on.
 *
 * The file is mapped. A plain store into it follows every synced commit: no system call, and no sync of its own.
 * What a killed process stored is there; after a power cut the file is older than the database, never newer.
 */
#pragma once

#include <ordo/plugin.h>

#define ROCKS_MARK_NAME "acknowledged"

struct rocks_mark_file;

/* Open; the store's thread alone uses it. */
struct rocks_mark {
    struct rocks_mark_file *file; /* mapped; NULL: not open */
    unsigned next;                /* of its two entries: the one that is written next */
};

/* The number of the last write that was acknowledged; 0 when there is none or the file is damaged, which is logged. */
uint64_t rocks_mark_read(const char *folder, const struct ordo_host *host);
/* Opens the file, making it when it is not there or damaged, with this number. 0 or a code with *err. */
int rocks_mark_open(struct rocks_mark *mark, const char *folder, uint64_t sequence,
                    const struct ordo_host *host, struct ordo_error *err);
/* All up to this number is synced. */
void rocks_mark_set(struct rocks_mark *mark, uint64_t sequence);
void rocks_mark_close(struct rocks_mark *mark);
