/* SPDX-License-Identifier: MIT
 * rocks_manifest.h: follows the MANIFEST, RocksDB's list of its files, so that damage in it is seen by the next open.
 *
 * RocksDB takes a record of it that does not check for an end that a crash left unfinished. A flipped bit there would open
 * an older state: the newest sorted files would not be in it, and the logs that they were made of are deleted. So:
 *
 * - what of the MANIFEST is synced is claimed in the mark, with a hash of its bytes, and an open that finds other bytes
 *   refuses before it changes anything;
 * - no file is deleted before the claim is synced that has the change which makes it needless. Behind the claim anything
 *   may happen to the MANIFEST: the older state then is one that still has its logs, and gives the same orders.
 *
 * What is not covered: RocksDB deletes files inside of its own open, and while rocks_files_delete lets it, for some
 * milliseconds. A flip in the records of just then, in a process that was killed just then, is not seen.
 */
#pragma once

#include <ordo/plugin.h>

#include "rocks_mark.h"

/* Open; one thread at a time. */
struct rocks_manifest {
    char *folder;
    int fd; /* of the MANIFEST; it stays the same number when that changes; -1: none was found yet */
    struct rocks_claim claim;
};

/* The MANIFEST has what the mark says, or there is no database yet. 0 or a code with *err. */
int rocks_manifest_check(const char *folder, const struct rocks_marked *marked, const struct ordo_host *host,
                         struct ordo_error *err);

/* 0 or ORDO_ENOMEM. */
int rocks_manifest_open(struct rocks_manifest *manifest, const char *folder);
/* Syncs what was appended, and sets `claim` to all of it. *ret_moved: there was something. 0 or a code. */
int rocks_manifest_follow(struct rocks_manifest *manifest, bool *ret_moved);
/* Its size, for a glance from any thread; 0 when it cannot be read. */
uint64_t rocks_manifest_size(const struct rocks_manifest *manifest);
void rocks_manifest_close(struct rocks_manifest *manifest);
