/* SPDX-License-Identifier: MIT
 * rocks_folder.c: see rocks_folder.h.
 */
#include "rocks_folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

const char *rocks_module;
char rocks_folder[64], rocks_path[80], rocks_setting[96];
const char *const rocks_settings[4] = {rocks_setting, "cache=1MiB", "write_buffer=1MiB", NULL};

int rocks_folder_make(void **state)
{
    (void)state;
    snprintf(rocks_folder, sizeof(rocks_folder), "/tmp/ordo-store-XXXXXX");
    if (mkdtemp(rocks_folder) == NULL)
        return -1;
    snprintf(rocks_path, sizeof(rocks_path), "%s/db", rocks_folder);
    snprintf(rocks_setting, sizeof(rocks_setting), "path=%s", rocks_path);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

int rocks_folder_remove(void **state)
{
    (void)state;
    return nftw(rocks_folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void rocks_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status)
{
    for (unsigned i = from; i < to; i++)
        assert_int_equal(store_write(store, store_record(i, status), ABSENT), 0);
}

struct rocks_raw rocks_raw_open(void)
{
    struct rocks_raw raw = {.options = rocksdb_options_create(),
                            .write = rocksdb_writeoptions_create(),
                            .read = rocksdb_readoptions_create()};
    const rocksdb_options_t *all[32];
    char *error = NULL;

    raw.names = rocksdb_list_column_families(raw.options, rocks_path, &raw.count, &error);
    assert_null(error);
    assert_true(raw.count <= 32);
    for (size_t i = 0; i < raw.count; i++)
        all[i] = raw.options;
    raw.db = rocksdb_open_column_families(raw.options, rocks_path, (int)raw.count,
                                          (const char *const *)raw.names, all, raw.families, &error);
    assert_null(error);
    return raw;
}

void rocks_raw_close(struct rocks_raw *raw)
{
    for (size_t i = 0; i < raw->count; i++)
        rocksdb_column_family_handle_destroy(raw->families[i]);
    rocksdb_close(raw->db);
    rocksdb_list_column_families_destroy(raw->names, raw->count);
    rocksdb_readoptions_destroy(raw->read);
    rocksdb_writeoptions_destroy(raw->write);
    rocksdb_options_destroy(raw->options);
}

rocksdb_column_family_handle_t *rocks_raw_family(struct rocks_raw *raw, const char *name)
{
    for (size_t i = 0; i < raw->count; i++)
        if (strcmp(raw->names[i], name) == 0)
            return raw->families[i];
    fail_msg("no family %s", name);
    return NULL;
}

void rocks_raw_set_layout(struct rocks_raw *raw, uint32_t layout)
{
    char *error = NULL;

    rocksdb_put(raw->db, raw->write, "layout", 6, (const char *)&layout, sizeof(layout), &error);
    assert_null(error);
}
