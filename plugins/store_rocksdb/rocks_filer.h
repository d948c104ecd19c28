/* SPDX-License-Identifier: MIT
 * rocks_filer.h: puts changes of the indexes into RocksDB as sorted files, which costs a fraction of what it takes to write
 * them one by one at random places: no log, no tree in memory, no flush.
 */
#pragma once

#include "rocks_store.h"

struct rocks_filer;

/* Once `failed` is set nothing is filed any more. 0 or a code. */
int rocks_filer_new(const struct rocks_database *database, const struct rocks_settings *settings,
                    const _Atomic bool *failed, struct rocks_filer **ret_filer);
void rocks_filer_free(struct rocks_filer *filer);
/* Removes what one that was killed has left in the folder. 0 or a code with *err. */
int rocks_filer_clear(const char *folder, const struct ordo_host *host, struct ordo_error *err);
/* Puts what the changes come to into both families, durable; `items` has room for each. NULL, or RocksDB's error; free it. */
char *rocks_filer_put(struct rocks_filer *filer, struct rocks_database *database,
                      const struct rocks_arena *arena, struct rocks_change_item *items);
