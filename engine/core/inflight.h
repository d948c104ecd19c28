/* SPDX-License-Identifier: MIT
 * inflight.h: which order ids are on their way. A job claims its id before anything is decided for it and
 * keeps it until its outcome is recorded, so two orders with one id are never decided side by side.
 *
 * Sharded by the id's hash; a claim holds one shard's lock for a few comparisons. Any thread.
 */
#pragma once

#include "core/job.h"

struct ordo_inflight;

struct ordo_inflight *ordo_inflight_new(void);
void ordo_inflight_free(struct ordo_inflight *index); /* must be empty */

/* Claims job's id (id_len > 0) and sets job->claimed; false when another job holds it. */
bool ordo_inflight_claim(struct ordo_inflight *index, struct ordo_job *job);
void ordo_inflight_release(struct ordo_inflight *index, struct ordo_job *job); /* nothing when not claimed */

/* Hands job's claim to another job with the same id, without a moment between. */
void ordo_inflight_move(struct ordo_inflight *index, struct ordo_job *from, struct ordo_job *to);

/* Where the order with this id is: true and its stage, received_ms and priority. */
struct ordo_inflight_entry {
    enum ordo_stage stage;
    enum ordo_priority priority;
    int64_t received_ms;
};
bool ordo_inflight_find(struct ordo_inflight *index, ordo_str id, struct ordo_inflight_entry *ret_entry);
/* Appends the bytes of the order with this id. */
bool ordo_inflight_bytes(struct ordo_inflight *index, ordo_str id, struct ordo_buffer *out);
size_t ordo_inflight_count(struct ordo_inflight *index);
