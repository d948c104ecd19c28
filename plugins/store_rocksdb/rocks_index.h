/* SPDX-License-Identifier: MIT
 * rocks_index.h: the indexes of ids and customers, from the commit of an order to the sorted files.
 *
 * A commit writes its changes as one entry into the log of changes, and, once that is synced, puts them into the tail (rocks_tail.h). When a
 * segment of that is full, the thread "files" puts what it comes to into sorted files (rocks_filer.h), notes what the MANIFEST
 * has then, and drops the segment. The store's thread then sets `indexed` and deletes the changes up to it from the log.
 *
 * So a crash at any point loses nothing: the next open reads what the log has behind `indexed` into the tail again, and changes
 * that were filed already come to the same when they are filed once more, since all that came behind them are, too.
 */
#pragma once

#include "rocks_batch.h"

/* Reads the log of changes. 0 or a code with *err. */
int rocks_index_open(struct rocks_store *store, const struct rocks_settings *settings,
                     struct ordo_error *err);
/* Files all that the tail has, so that the next open has nothing to read; no other thread is there any more. What fails is
 * logged, and stays in the log. */
void rocks_index_finish(struct rocks_store *store);
void rocks_index_close(struct rocks_store *store);

/* Files the segments that are full, the oldest first. One thread at a time. NULL, or an error; free it. */
char *rocks_index_file(struct rocks_store *store);

/* The store's thread, for a batch. */
/* Room for two more changes; false when out of memory. */
bool rocks_index_make_room(struct rocks_batch *batch);
/* Adds a change, for which there is room. */
void rocks_index_change(struct rocks_batch *batch, const struct rocks_change *change);
/* The batch is whole: stages its changes as one entry of the log, and that what is filed goes from there. */
void rocks_index_stage(struct rocks_batch *batch);
/* The batch is written: readers find its changes from now on. False: the store failed. */
bool rocks_index_publish(struct rocks_batch *batch);

/* Calls with each entry of the log that has changes behind `after`, in order, until `visit` returns false; `last` is the number of
 * its last change, and 0 when the key is none. NULL, or an error; free it. */
typedef bool (*rocks_change_fn)(void *context, uint64_t last, const char *bytes, size_t len);
char *rocks_index_read(struct rocks_database *database, uint64_t after, rocks_change_fn visit, void *context);

/* Where the order with this id stands. *ret_error may be set then (free it); false: it is not there. Any thread. */
bool rocks_index_find(struct rocks_store *store, ordo_str id, char ret_key[ROCKS_KEY], char **ret_error);
