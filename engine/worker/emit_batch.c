/* SPDX-License-Identifier: MIT
 * emit_batch.c: see emit_batch.h.
 */
#include "worker/emit_batch.h"

static bool collect(void *context, uint64_t sequence, const struct ordo_emission *emission)
{
    struct ordo__emit_batch *batch = context;

    batch->last = sequence;
    if (emission == NULL) {
        batch->lost++;
        return true;
    }
    batch->sequences[batch->count] = sequence;
    /* Lengths only: the buffer may still move. */
    batch->items[batch->count++] =
        (struct ordo_emission){{NULL, emission->id.len}, emission->revision, {NULL, emission->decision.len}};
    ordo_buffer_append(&batch->bytes, emission->id);
    ordo_buffer_append(&batch->bytes, emission->decision);
    return batch->count < ORDO__EMIT_BATCH_ENOUGH && batch->bytes.len < ORDO__EMIT_BATCH_ENOUGH_BYTES;
}

int ordo__emit_batch_read(struct ordo__emit_batch *batch, const struct ordo_store_ops *store,
                          void *store_self, uint64_t after)
{
    const char *at;
    int result;

    batch->count = batch->lost = 0;
    batch->last = after;
    ordo_buffer_clear(&batch->bytes);
    result = store->emissions(store_self, after, collect, batch);
    at = batch->bytes.ptr;
    for (size_t i = 0; i < batch->count; i++) {
        struct ordo_emission *item = &batch->items[i];

        item->id.ptr = at;
        item->decision.ptr = at + item->id.len;
        at += item->id.len + item->decision.len;
    }
    return batch->last > after ? 0 : result;
}

void ordo__emit_batch_done(struct ordo__emit_batch *batch)
{
    ordo_buffer_done(&batch->bytes);
}
