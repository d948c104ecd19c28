/* SPDX-License-Identifier: MIT
 * inflight.c: a hash table of jobs, chained through the jobs themselves, in shards with a lock each. It
 * allocates nothing after its start: the slots are sized for the most orders that queues and workers hold by
 * default, and beyond that chains grow longer, not wrong.
 */
#include "core/inflight.h"

#include <stdlib.h>

#include "base/lock.h"

enum { SHARD_COUNT = 16, SLOT_COUNT = 2048 }; /* powers of two; slots a shard */

struct shard {
    _Alignas(64) struct ordo_lock lock;
    struct ordo_job *slots[SLOT_COUNT]; /* under lock */
    size_t count;                       /* under lock */
};

struct ordo_inflight {
    struct shard shards[SHARD_COUNT];
};

/* FNV-1a over 8 bytes at a time, then mixed: ids are short, and an attacker who chooses colliding ids is
 * bounded by the queue's capacity. */
static uint64_t hash_id(ordo_str id)
{
    uint64_t hash = 0xcbf29ce484222325u ^ id.len, word;
    size_t at = 0;

    for (; at + 8 <= id.len; at += 8) {
        memcpy(&word, id.ptr + at, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
    }
    word = 0;
    if (at < id.len)
        memcpy(&word, id.ptr + at, id.len - at);
    hash = (hash ^ word) * 0x9fb21c651e98df25u;
    return hash ^ hash >> 29;
}

static struct shard *shard_of(struct ordo_inflight *index, uint64_t hash)
{
    return &index->shards[hash % SHARD_COUNT];
}

static struct ordo_job **slot_of(struct shard *shard, uint64_t hash)
{
    return &shard->slots[hash / SHARD_COUNT % SLOT_COUNT];
}

struct ordo_inflight *ordo_inflight_new(void)
{
    struct ordo_inflight *index = aligned_alloc(64, sizeof(*index));

    ORDO_REQUIRE(index != NULL);
    memset(index, 0, sizeof(*index));
    for (int i = 0; i < SHARD_COUNT; i++)
        ordo_lock_init(&index->shards[i].lock, ORDO_LOCK_INFLIGHT);
    return index;
}

void ordo_inflight_free(struct ordo_inflight *index)
{
    if (index == NULL)
        return;
    for (int i = 0; i < SHARD_COUNT; i++) {
        ORDO_REQUIRE(index->shards[i].count == 0);
        ordo_lock_done(&index->shards[i].lock);
    }
    free(index);
}

/* Under the shard's lock. */
static struct ordo_job *find(struct shard *shard, uint64_t hash, ordo_str id)
{
    for (struct ordo_job *job = *slot_of(shard, hash); job != NULL; job = job->index_next)
        if (job->index_hash == hash && ordo_str_equal(ordo_job_id(job), id))
            return job;
    return NULL;
}

bool ordo_inflight_claim(struct ordo_inflight *index, struct ordo_job *job)
{
    ordo_str id = ordo_job_id(job);
    uint64_t hash = hash_id(id);
    struct shard *shard = shard_of(index, hash);

    ORDO_REQUIRE(id.len > 0 && !job->claimed);
    ordo_lock(&shard->lock);
    if (find(shard, hash, id) == NULL) {
        struct ordo_job **slot = slot_of(shard, hash);

        job->index_hash = hash;
        job->index_next = *slot;
        *slot = job;
        job->claimed = true;
        shard->count++;
    }
    ordo_unlock(&shard->lock);
    return job->claimed;
}

/* Under the shard's lock: where the pointer to this job stands. */
static struct ordo_job **link_of(struct shard *shard, const struct ordo_job *job)
{
    struct ordo_job **at = slot_of(shard, job->index_hash);

    while (*at != job)
        at = &(*at)->index_next;
    return at;
}

void ordo_inflight_release(struct ordo_inflight *index, struct ordo_job *job)
{
    struct shard *shard = shard_of(index, job->index_hash);

    if (!job->claimed)
        return;
    ordo_lock(&shard->lock);
    *link_of(shard, job) = job->index_next;
    shard->count--;
    ordo_unlock(&shard->lock);
    job->index_next = NULL;
    job->claimed = false;
}

void ordo_inflight_move(struct ordo_inflight *index, struct ordo_job *from, struct ordo_job *to)
{
    struct shard *shard = shard_of(index, from->index_hash);

    ORDO_REQUIRE(from->claimed && !to->claimed && ordo_str_equal(ordo_job_id(from), ordo_job_id(to)));
    ordo_lock(&shard->lock);
    to->index_hash = from->index_hash;
    to->index_next = from->index_next;
    *link_of(shard, from) = to;
    ordo_unlock(&shard->lock);
    to->claimed = true;
    from->index_next = NULL;
    from->claimed = false;
}

bool ordo_inflight_find(struct ordo_inflight *index, ordo_str id, struct ordo_inflight_entry *ret_entry)
{
    uint64_t hash = hash_id(id);
    struct shard *shard = shard_of(index, hash);
    const struct ordo_job *job;

    ordo_lock(&shard->lock);
    if ((job = find(shard, hash, id)) != NULL)
        *ret_entry = (struct ordo_inflight_entry){
            .stage = (enum ordo_stage)atomic_load_explicit(&job->stage, memory_order_relaxed),
            .priority = job->priority,
            .received_ms = job->received_ms,
        };
    ordo_unlock(&shard->lock);
    return job != NULL;
}

bool ordo_inflight_bytes(struct ordo_inflight *index, ordo_str id, struct ordo_buffer *out)
{
    uint64_t hash = hash_id(id);
    struct shard *shard = shard_of(index, hash);
    const struct ordo_job *job;

    ordo_lock(&shard->lock);
    if ((job = find(shard, hash, id)) != NULL)
        ordo_buffer_append(out, job->bytes);
    ordo_unlock(&shard->lock);
    return job != NULL;
}

size_t ordo_inflight_count(struct ordo_inflight *index)
{
    size_t count = 0;

    for (int i = 0; i < SHARD_COUNT; i++) {
        ordo_lock(&index->shards[i].lock);
        count += index->shards[i].count;
        ordo_unlock(&index->shards[i].lock);
    }
    return count;
}
