/* SPDX-License-Identifier: MIT
 * rocks_batch.h: one batch of the store's thread: writes are compared with what is there and staged, and then written
 * together.
 */
#pragma once

#include "rocks_retention.h"

struct rocks_staged;

struct rocks_batch {
    struct rocks_store *store;
    rocksdb_writebatch_t *batch;
    struct rocks_counters counters, committed;
    size_t staged_count;
    struct rocks_place place; /* of the order that was staged last */
    bool refuse_new;          /* the disk is nearly full */
    uint64_t seed[2];
    struct rocks_staged *table; /* open addressing; the orders of this batch */
    size_t table_size;          /* a power of two, at least twice its writes */
};

int rocks_batch_init(struct rocks_batch *batch, struct rocks_store *store, struct ordo_error *err);
void rocks_batch_done(struct rocks_batch *batch);

/* Begins an empty batch for so many writes at most; 0 or ORDO_ENOMEM. */
int rocks_batch_begin(struct rocks_batch *batch, size_t writes);
/* Compares, and stages what the write changes. Its result, should the batch be written. */
int rocks_batch_stage(struct rocks_batch *batch, const struct ordo_write *write);
/* Stages that an order goes, with all that leads to it. */
void rocks_batch_delete(struct rocks_batch *batch, const struct rocks_victim *victim);
/* rocks_outbox.c: stages how far the sinks have come, and that what all have taken goes. */
void rocks_outbox_stage(struct rocks_batch *batch);
/* Writes what is staged, with the counters. A failure is the end of all writing: the store is told. */
int rocks_batch_write(struct rocks_batch *batch, bool sync);

/* Bytes of a record's value. */
static inline size_t rocks_record_bytes(const struct ordo_record *record)
{
    return ROCKS_HEADER + record->id.len + record->customer.len + record->order.len + record->answer.len;
}
