/* SPDX-License-Identifier: MIT
 * fault_store.h: a store for tests of the engine, which fails or answers late on demand. Not bounded, one
 * lock, linear.
 */
#pragma once

#include <stdatomic.h>

#include <ordo/store.h>

#include "base/thread.h"

enum { FAULT_STORE_RECORDS = 4096 };

struct fault_store {
    pthread_mutex_t lock;
    struct ordo_record records[FAULT_STORE_RECORDS]; /* with strings of their own */
    size_t count;
    struct ordo_emission emissions[FAULT_STORE_RECORDS]; /* the outbox, with strings of their own */
    size_t emission_count;
    int fail;                   /* result of every write while not 0 */
    int fail_read;              /* result of every get, and of every id of a find, while not 0 */
    _Atomic int fail_emissions; /* result of every reading of the outbox while not 0 */
    _Atomic int failed_emissions;
    _Atomic uint64_t lost_emissions;    /* bit N - 1: the store has lost the decision with number N */
    _Atomic int gets, finds, ids_asked; /* calls; ids of the finds */
    _Atomic int known_absent;           /* writes with the moment of a find */
    _Atomic uint64_t taken;             /* what a sink said last that it has */
    bool late;                          /* completions come from a thread of their own */
    struct ordo_thread thread;
    struct ordo_waker waker;
    struct late_submit *submits; /* under lock */
    bool stopping;               /* under lock */
    bool holding;                /* under lock: a late store completes nothing meanwhile */
};

extern const struct ordo_store_ops fault_store_ops, fault_store_ops_1_0; /* of interface 1.0: without find */

void fault_store_init(struct fault_store *store, bool late);
void fault_store_done(struct fault_store *store);
/* Whether a late store holds back what it is given; and how many submits it holds. */
void fault_store_hold(struct fault_store *store, bool holding);
size_t fault_store_held(struct fault_store *store);
/* The record with this id as it is now: its status, or -1. Copies the answer when `answer` is not NULL. */
int fault_store_status(struct fault_store *store, const char *id, struct ordo_record *ret_record);
