/* SPDX-License-Identifier: MIT
 * rocks_driver.h: what the tests of store_rocksdb share: a folder of the test's own, and its files.
 */
#pragma once

#include "store_driver.h"

extern char rocks_folder[64];              /* made for each test */
extern char rocks_db[80];                  /* rocks_folder/db, where the store is */
extern const char *const rocks_settings[]; /* small, on rocks_db */

/* What verify finds in rocks_db, or in a backup when `folder` is not NULL. */
struct rocks_findings {
    int result; /* of verify; its sentence is in err */
    struct ordo_error err;
    struct ordo_store_report report;
    size_t count;
    char first[4][1024];
};
struct rocks_findings rocks_verify_all(const char *module, const char *folder);

/* cmocka's setup and teardown. */
int rocks_make_folder(void **state);
int rocks_remove_folder(void **state);
#define ROCKS_CASE(name) cmocka_unit_test_setup_teardown(name, rocks_make_folder, rocks_remove_folder)

/* Writes the records with these numbers, which are not there yet. */
void rocks_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status);
/* Of bytes that do not compress, so that a block holds few of them, and "tag-NUMBER." stands in the file. */
enum { ROCKS_NOISE = 3000 };
void rocks_fill_with_noise(struct fake_plugin *store, unsigned from, unsigned to);
/* A child fills the store and is killed with all of it acknowledged. */
void rocks_fill_and_kill(const char *module, unsigned from, unsigned to);

/* The path of the largest file in rocks_db that ends so; the test fails when there is none. Free it. */
char *rocks_largest_file(const char *suffix);
size_t rocks_count_files(const char *suffix); /* those that are not empty */
/* Changes one bit of the byte there; the same call again undoes it. */
void rocks_flip(const char *path, size_t offset);
/* The first place of these bytes in the file; the test fails when they are not there. */
size_t rocks_find_bytes(const char *path, const char *bytes);
