/* SPDX-License-Identifier: MIT
 * rocks_raw.h: the database of rocks_driver.h by RocksDB's own interface, for what the store itself would not write. No store
 * may be open on it.
 */
#pragma once

#include <stdint.h>

#include <rocksdb/c.h>

/* With all its families. */
struct rocks_raw {
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_t *db;
    char **names;
    rocksdb_column_family_handle_t *families[32];
    size_t count;
};
struct rocks_raw rocks_raw_open(void);
void rocks_raw_close(struct rocks_raw *raw);
rocksdb_column_family_handle_t *rocks_raw_family(struct rocks_raw *raw, const char *name);
/* The numbers of "counters", in the order of struct rocks_counters. */
enum { ROCKS_RAW_COUNTERS = 8, ROCKS_RAW_CHANGES = 5, ROCKS_RAW_INDEXED = 6 };
uint64_t rocks_raw_counter(struct rocks_raw *raw, size_t which);
void rocks_raw_set_counter(struct rocks_raw *raw, size_t which, uint64_t value);
/* Puts an entry of one change into the log, as the store writes it (kind 0: put, 1: delete). The order stands under this key, or, with NULL,
 * where `ids` says. */
void rocks_raw_put_change(struct rocks_raw *raw, uint64_t number, char kind, unsigned order,
                          const char *order_key);
/* The entry whose last change has this number. */
void rocks_raw_delete_change(struct rocks_raw *raw, uint64_t number);
/* Sets "layout". */
void rocks_raw_set_layout(struct rocks_raw *raw, uint32_t layout);
