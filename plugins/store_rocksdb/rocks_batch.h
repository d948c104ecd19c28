/* SPDX-License-Identifier: MIT
 * rocks_batch.h: one batch of the store's thread: writes are compared with what is there and staged, and then written
 * together.
 */
#pragma once

#include "rocks_retention.h"

#define ROCKS_ABSENT SIZE_MAX
#define ROCKS_IN_TAIL (SIZE_MAX - 1)

struct rocks_staged;

/* The ids of a group of writes that may be there, looked up together, which costs half of what one by one does. */
struct rocks_lookups {
    /* Of each write of the group: where its id is in the others; ROCKS_ABSENT: it is known to be absent; ROCKS_IN_TAIL: in_tail
     * has its key, which stays there until the batch is written. */
    size_t *at;
    const char **in_tail;
    const char **ids;
    size_t *lens;
    rocksdb_pinnableslice_t **keys; /* in orders; NULL: not there, or errors[i] is set */
    char **errors;
    size_t capacity;
};

struct rocks_batch {
    struct rocks_store *store;
    rocksdb_writebatch_t *batch;
    struct rocks_counters counters, committed;
    size_t staged_count;
    bool refuse_new; /* the disk is nearly full */
    uint64_t seed[2];
    struct rocks_staged *table; /* open addressing; the orders of this batch */
    size_t table_size;          /* a power of two, at least twice its writes */
    struct rocks_lookups lookups;
    /* Changes of the indexes, encoded, one behind the other. */
    char *changes;
    size_t changes_len, changes_capacity;
    /* The commit that was the last to make an order whose id has this hash. An id that a reader did not find at a later commit,
     * or at this one, is still absent. */
    uint64_t *made_at;
};

int rocks_batch_init(struct rocks_batch *batch, struct rocks_store *store, struct ordo_error *err);
void rocks_batch_done(struct rocks_batch *batch);

/* Begins an empty batch for so many writes at most; 0 or ORDO_ENOMEM. */
int rocks_batch_begin(struct rocks_batch *batch, size_t writes);
/* Stages all writes of the submissions, whose number rocks_batch_begin was told, in order: compares each with what is there,
 * and sets its result, should the batch be written. `staged` is called behind each that is staged. */
void rocks_batch_stage(struct rocks_batch *batch, struct rocks_submission *group, size_t count,
                       void (*staged)(void *context, const struct rocks_place *place), void *context);
/* Stages that an order goes, with all that leads to it: at most ROCKS_RETENTION_STEP orders a batch, and nothing else. */
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
