/* SPDX-License-Identifier: MIT
 * emit_batch.h: decisions for a sink, copied out of the store's outbox, so that the store's own memory is not held while the
 * sink takes them. One thread uses a batch; one that is all zero is empty.
 */
#pragma once

#include <ordo/store.h>

#include "base/buffer.h"

/* A batch takes no more decisions when it has as much: sinks may copy it whole. */
enum { ORDO__EMIT_BATCH_ENOUGH = 1000, ORDO__EMIT_BATCH_ENOUGH_BYTES = 1024 * 1024 };

struct ordo__emit_batch {
    struct ordo_emission items[ORDO__EMIT_BATCH_ENOUGH];
    uint64_t sequences[ORDO__EMIT_BATCH_ENOUGH]; /* their numbers in the outbox */
    size_t count, lost;                          /* lost: passed over, the store does not have them */
    uint64_t last;                               /* number up to which it was read */
    struct ordo_buffer bytes;                    /* ids and decisions, one behind the other */
};

/* Reads what the outbox has behind this number, in the place of what the batch had. 0, also when there is no more, or what the
 * store says. May wait for disk reads. */
int ordo__emit_batch_read(struct ordo__emit_batch *batch, const struct ordo_store_ops *store,
                          void *store_self, uint64_t after);
void ordo__emit_batch_done(struct ordo__emit_batch *batch);
