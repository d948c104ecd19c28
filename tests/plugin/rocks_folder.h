/* SPDX-License-Identifier: MIT
 * rocks_folder.h: a fresh folder a case for store_rocksdb, and the database in it by RocksDB's own interface, for what the
 * store itself would not write.
 */
#pragma once

#include <rocksdb/c.h>

#include "store_driver.h"

extern const char *rocks_module;            /* the plugin's file; set by main */
extern char rocks_folder[64];               /* removed with all in it */
extern char rocks_path[80];                 /* of the database, in it */
extern char rocks_setting[96];              /* path=... */
extern const char *const rocks_settings[4]; /* that, and little memory */

/* Setup and teardown of a case. */
int rocks_folder_make(void **state);
int rocks_folder_remove(void **state);

/* Writes records with the numbers from `from` up to `to`. */
void rocks_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status);

/* The database without the store, with all its families. No store may be open. */
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
/* Sets "layout". */
void rocks_raw_set_layout(struct rocks_raw *raw, uint32_t layout);
