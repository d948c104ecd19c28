/* SPDX-License-Identifier: MIT
 * rocks_store.h: what the files of this store share: the store as a whole.
 *
 * Threads: one of the store's own ("store") writes, and alone uses what is marked so; any other thread reads, and
 * never waits for it. RocksDB has threads of its own for flushes and compactions; what these make needless one more
 * of ours ("files") deletes.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <rocksdb/c.h>

#include "rocks_key.h"
#include "rocks_manifest.h"
#include "rocks_tail.h"

/* Kept under "counters" in the family default, written with every commit. */
struct rocks_counters {
    uint64_t next_number; /* of the next new order; from 1 */
    uint64_t records, bytes;
    uint64_t sequence; /* of the newest decision in the outbox */
    uint64_t trimmed;  /* the outbox is deleted up to it */
    /* Since layout 3. */
    uint64_t changes; /* number of the newest change in the log of changes */
    uint64_t
        indexed; /* the sorted files of ids and customers have the changes up to it, and the log no more */
    uint64_t written; /* entries written so far, as the mark counts them (rocks_mark.h) */
};

/* One call of submit, until its writes are durable. */
struct rocks_submission {
    struct ordo_write *writes;
    size_t count;
    ordo_store_done_fn done;
    void *context;
};

struct rocks_submissions {
    struct rocks_submission *items;
    size_t count, capacity;
};

/* The database, open. */
struct rocks_database {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[ROCKS_FAMILY_COUNT];
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write_synced, *write_unsynced;
    rocksdb_cache_t *cache;
    struct rocks_mark mark;         /* as rocks_mark.h says of its functions */
    struct rocks_manifest manifest; /* whoever deletes files: open, then the thread "files", then close */
    int lock_fd;
    uint32_t layout; /* that was found; 0: none */
};

/* The indexes of ids and customers (rocks_index.h). */
struct rocks_index {
    struct rocks_tail tail;
    struct rocks_filer *filer;
    _Atomic uint64_t
        filed; /* changes up to it are in sorted files, and the mark has that: the log may be trimmed */
    _Atomic bool is_copied; /* a backup is being made: the log is not trimmed */
};

/* A sink, as the outbox knows it. */
struct rocks_sink {
    char *name;
    _Atomic uint64_t taken; /* up to this sequence number */
};

struct rocks_writer;
struct rocks_tidy;

struct rocks_store {
    const struct ordo_host *host;
    struct rocks_database database;
    struct rocks_index index;
    struct rocks_writer *writer; /* used by the store's thread */
    struct rocks_tidy *tidy;
    char *folder;            /* whose disk has to have this much free */
    uint64_t min_free_bytes; /* 0: whatever it has */
    uint64_t memory_max;     /* that its options let it fill */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock;
    pthread_cond_t arrived;             /* with lock: a submission, stopping, or sinks_moved */
    struct rocks_submissions submitted; /* under lock */
    bool stopping;                      /* under lock */
    bool sinks_moved;                   /* under lock: they have taken more */
    const char *backup_staging;         /* under lock: where a backup is being made; NULL: none is */
    bool backup_stopped;                /* under lock: it is given up */

    _Atomic bool failed; /* a write was not durable: nothing is acknowledged any more */
    _Atomic uint64_t records, bytes, writes, refused, dropped, sequence;
    _Atomic uint64_t commits; /* batches written since the open; a read sees at least so many */

    struct rocks_sink *sinks; /* set once, before sinks_known */
    size_t sink_count;
    _Atomic bool sinks_known; /* nothing is deleted before: a sink may not have it */
};

struct rocks_settings {
    const char *path;
    size_t cache_bytes, write_buffer_bytes, index_buffer_bytes;
    uint64_t min_free_bytes, keep_orders;
    int64_t keep_ms;
};

/* rocks_database.c: opens the folder, making it when it is not there, and locks it. 0 or a code with *err. */
int rocks_database_open(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, struct ordo_error *err);
/* What is in memory goes into files, so that the next open has no log to read; not needed before a close. */
void rocks_database_flush(struct rocks_database *database, const struct ordo_host *host);
void rocks_database_close(struct rocks_database *database);
/* Deletes the files that no order needs any more, once the mark has that they are needless (rocks_manifest.h). One thread at
 * a time. 0, or a code and nothing is deleted. */
int rocks_database_tidy(struct rocks_database *database);
/* Opens what is in the folder without changing it, while no process uses it. Families that are not there are NULL.
 * *ret_missing: so many acknowledged writes are gone. */
int rocks_database_look(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, uint64_t *ret_missing, struct ordo_error *err);
/* A value; NULL when there is none, or with *ret_error set (free it). Destroy it. */
rocksdb_pinnableslice_t *rocks_database_get(struct rocks_database *database, enum rocks_family family,
                                            const char *key, size_t len, char **ret_error);

/* RocksDB counts, on each thread for itself, every comparison of two keys and more, for a profile that nobody reads: a tenth of
 * what the writer does. Behind this the thread counts no more. */
static inline void rocks_uncounted(void)
{
    rocksdb_set_perf_level(rocksdb_disable);
}

/* The options of a family, as it is opened with. */
rocksdb_options_t *rocks_family_options(enum rocks_family family, const struct rocks_settings *settings,
                                        rocksdb_cache_t *cache);

/* rocks_layout.c: sets database->layout; fails when it is of a later version. 0 or a code with *err. */
int rocks_layout_read(struct rocks_database *database, const struct rocks_settings *settings,
                      const struct ordo_host *host, struct ordo_error *err);
/* From no layout, or an earlier one, to this one. One that is cut short is done again by the next start. 0 or a code with *err. */
int rocks_layout_take_over(struct rocks_database *database, const struct rocks_settings *settings,
                           const struct ordo_host *host, struct ordo_error *err);
/* How many entries were written so far, as the mark counts them. 0 or a code with *err. */
int rocks_layout_written(struct rocks_database *database, const struct ordo_host *host, uint64_t *ret_written,
                         struct ordo_error *err);
/* rocks_batch.c: those of an empty store when there are none. */
int rocks_counters_read(struct rocks_database *database, const struct ordo_host *host,
                        struct rocks_counters *ret_counters, struct ordo_error *err);

/* Nothing is acknowledged any more, which the engine is told, once. Any thread. */
void rocks_fail(struct rocks_store *store, const char *error);

/* rocks_writer.c */
int rocks_writer_start(struct rocks_store *store, const struct rocks_settings *settings,
                       struct ordo_error *err);
void rocks_writer_stop(struct rocks_store *store); /* what was submitted is written first */
void rocks_submit(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done,
                  void *context);

/* rocks_tidy.c: the thread "files". 0 or a code with *err. */
int rocks_tidy_start(struct rocks_store *store, struct ordo_error *err);
void rocks_tidy_stop(struct rocks_store *store);
/* The store's thread, after each commit: there may be something to do. */
void rocks_tidy_glance(struct rocks_store *store);
/* The store's thread: a segment of the tail is full. Goes to the next one as soon as that is filed. False: the store failed. */
bool rocks_tidy_roll(struct rocks_store *store);

/* rocks_read.c */
int rocks_get(void *self, ordo_str id, ordo_record_fn visit, void *context);
void rocks_find(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment);
int rocks_list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
               struct ordo_store_cursor *ret_after);
int rocks_pending(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                  ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after);
/* Logs what RocksDB says (NULL: that the bytes make no sense), frees it, and gives ORDO_EIO. */
int rocks_read_failed(struct rocks_store *store, const char *what, char *error);

/* rocks_outbox.c */
int rocks_sinks(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken, struct ordo_error *err);
int rocks_emissions(void *self, uint64_t after, ordo_emission_fn visit, void *context);
void rocks_taken(void *self, size_t sink, uint64_t sequence);
void rocks_sinks_free(struct rocks_store *store);
/* Up to which sequence number all sinks have taken everything; UINT64_MAX without sinks. */
uint64_t rocks_taken_by_all(const struct rocks_store *store);
