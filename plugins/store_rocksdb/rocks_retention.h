/* SPDX-License-Identifier: MIT
 * rocks_retention.h: how long orders are kept. The store's thread deletes the oldest final ones, a few at a time, between
 * its commits.
 */
#pragma once

#include "rocks_store.h"

enum { ROCKS_RETENTION_STEP = 64 /* orders deleted at once */ };

/* What is needed to delete an order. */
struct rocks_victim {
    struct rocks_place place;
    enum ordo_status status;
    size_t bytes; /* of its value */
    uint8_t id_len, customer_len;
    char id[ORDO_ID_MAX], customer[ORDO_ID_MAX];
};

struct rocks_retention {
    uint64_t keep_orders;    /* 0: all */
    int64_t keep_ms;         /* 0: for ever */
    struct rocks_place from; /* everything up to it is deleted, or was not final when it was passed */
    int64_t look_ms;         /* when the age of the oldest is looked at again; UTC */
    uint64_t waits_for;      /* nothing is deleted before all sinks have taken this sequence number */
    struct rocks_victim victims[ROCKS_RETENTION_STEP];
    size_t count;
};

/* Finds the next victims, with so many orders in the store. True when there may be more at once. */
bool rocks_retention_find(struct rocks_store *store, struct rocks_retention *retention, uint64_t records,
                          int64_t now_ms);
/* An order has become final: one that was passed is looked at again. */
void rocks_retention_note(struct rocks_retention *retention, const struct rocks_place *place);
