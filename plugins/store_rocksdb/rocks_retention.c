/* SPDX-License-Identifier: MIT
 * rocks_retention.c: walks from the oldest order on, and remembers how far it came, so that what was deleted is not
 * walked over again.
 */
#include "rocks_retention.h"

#include "rocks_walk.h"

enum { LOOKED_AT_MAX = 1024 /* keys a step */, LOOK_MS = 1000 };

static bool is_final(enum ordo_status status)
{
    return status == ORDO_STATUS_DONE || status == ORDO_STATUS_INVALID || status == ORDO_STATUS_DEAD;
}

/* A victim, if it is final. False when a sink has not taken its decision yet. */
static bool take(struct rocks_retention *retention, const struct rocks_range *range, uint64_t taken)
{
    struct rocks_victim *victim = &retention->victims[retention->count];
    struct ordo_record record;
    const char *value;
    uint64_t sequence;
    size_t len;

    value = rocksdb_iter_value(range->iterator, &len);
    if (!rocks_record_read(value, len, &record, &sequence) || !is_final(record.status))
        return true;
    if (sequence > taken) {
        retention->waits_for = sequence;
        return false;
    }
    victim->place = range->place;
    victim->status = record.status;
    victim->bytes = len;
    victim->id_len = (uint8_t)record.id.len;
    victim->customer_len = (uint8_t)record.customer.len;
    memcpy(victim->id, record.id.ptr, record.id.len);
    memcpy(victim->customer, record.customer.ptr, record.customer.len);
    retention->count++;
    return true;
}

bool rocks_retention_find(struct rocks_store *store, struct rocks_retention *retention, uint64_t records,
                          int64_t now_ms)
{
    uint64_t excess =
        retention->keep_orders > 0 && records > retention->keep_orders ? records - retention->keep_orders : 0;
    int64_t oldest_ms = retention->keep_ms > 0 ? now_ms - retention->keep_ms : 0;
    struct rocks_walk walk = {.store = store, .forward = true, .from = retention->from};
    uint64_t taken = rocks_taken_by_all(store);
    struct rocks_range *range;
    int looked_at = 0;

    retention->count = 0;
    if (excess == 0 && (retention->keep_ms == 0 || now_ms < retention->look_ms))
        return false;
    if (retention->waits_for > taken)
        return false;
    for (int priority = 0; priority < ORDO_PRIORITY_COUNT; priority++)
        rocks_walk_add(&walk, ROCKS_ORDERS, (char)priority);
    rocks_walk_start(&walk);
    while ((range = rocks_walk_next(&walk)) != NULL && retention->count < ROCKS_RETENTION_STEP &&
           looked_at < LOOKED_AT_MAX &&
           (retention->count < excess || (int64_t)range->place.received_ms < oldest_ms)) {
        if (!take(retention, range, taken))
            break;
        retention->from = range->place;
        rocks_walk_step(&walk, range);
        looked_at++;
    }
    rocks_walk_error(&walk);
    rocks_walk_done(&walk);
    if (retention->count == ROCKS_RETENTION_STEP || looked_at == LOOKED_AT_MAX)
        return true;
    retention->look_ms = now_ms + LOOK_MS;
    return false;
}

void rocks_retention_note(struct rocks_retention *retention, const struct rocks_place *place)
{
    if (rocks_place_compare(place, &retention->from) <= 0)
        retention->from =
            (struct rocks_place){.received_ms = place->received_ms, .number = place->number - 1};
}
