/* SPDX-License-Identifier: MIT
 * engine_bench.h: an engine for tests, without a network: over fault_store, with rules that do what the order's
 * coupon says, an origin that keeps what comes back, and a sink that may fail.
 */
#pragma once

#include "worker/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fault_store.h"

/* An origin that keeps what comes back. */
struct desk {
    struct ordo_origin origin; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ordo_job_list answered;
    int pending_done, pending_recorded;
};

struct bench {
    struct fault_store store;
    struct ordo_engine *engine;
    struct desk desk;
    struct ordo_json_parser *parser;
    struct ordo_plugin_instance sink, *sinks[1];
    struct ordo_plugin sink_plugin;
    char folder[64];
    /* the sink */
    pthread_mutex_t sink_lock;
    struct ordo_buffer emitted; /* "id/revision " */
    int sink_failures;          /* emits that fail first */
    bool sink_bounded;          /* it takes only sink_room more, what fits of a batch, then nothing */
    size_t sink_room;
    int attempts, flushes;
};

void bench_init(struct bench *bench, bool late_store, uint32_t high_capacity);
/* With so many orders at most inside each of the two workers. */
void bench_init_narrow(struct bench *bench, uint32_t max_in_flight);
/* Every medium order, and so every line, is overdue at once. */
void bench_init_hasty(struct bench *bench, uint32_t max_in_flight);
/* So many orders p-0, p-1, ... were accepted before the start. The store's lock is held: the workers take none before the test
 * unlocks it, and what is submitted until then is taken in the same turn. */
void bench_init_pending(struct bench *bench, uint32_t max_in_flight, uint32_t pending, const char *coupon);
void bench_init_1_0(struct bench *bench); /* over a store of interface 1.0 */
void bench_done(struct bench *bench);

/* The store has this order. */
void bench_know(struct bench *bench, const char *id, const char *coupon, enum ordo_status status);

struct ordo_ruleset *ruleset_of(struct bench *bench, int generation);

/* High priority; without an id the engine gives one. */
struct ordo_job *job_new(struct bench *bench, const char *id, const char *coupon);
void job_free(struct ordo_job *job);
/* Submits; true when the engine took it, false when it was answered at once. */
bool submit(struct bench *bench, struct ordo_job *job);
/* The same for one that is not parsed, as a line of a batch. */
bool submit_line(struct bench *bench, struct ordo_job *job);
bool submit_lines(struct bench *bench, struct ordo_job **jobs, size_t count); /* at once */
struct ordo_job *wait_answer(struct bench *bench);
struct ordo_job *decide(struct bench *bench, const char *id, const char *coupon);

/* Holds a worker up, as a rule that is stuck would. */
struct gate {
    struct ordo_listener listener; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
};
/* Returns when the worker that decides the order stands at the gate. */
void gate_close(struct gate *gate, struct bench *bench, struct ordo_job *job);
/* Lets it pass, and frees the job with its answer. */
void gate_open(struct gate *gate, struct bench *bench);

void assert_answer_has(const struct ordo_job *job, const char *text);
uint64_t counter(struct bench *bench, enum ordo_counter counter);
