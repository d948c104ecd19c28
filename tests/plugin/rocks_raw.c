/* SPDX-License-Identifier: MIT
 * rocks_raw.c: see rocks_raw.h.
 */
#include "rocks_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rocks_driver.h"

struct rocks_raw rocks_raw_open(void)
{
    struct rocks_raw raw = {.options = rocksdb_options_create(),
                            .write = rocksdb_writeoptions_create(),
                            .read = rocksdb_readoptions_create()};
    const rocksdb_options_t *all[32];
    char *error = NULL;

    raw.names = rocksdb_list_column_families(raw.options, rocks_db, &raw.count, &error);
    assert_null(error);
    assert_true(raw.count <= 32);
    for (size_t i = 0; i < raw.count; i++)
        all[i] = raw.options;
    raw.db = rocksdb_open_column_families(raw.options, rocks_db, (int)raw.count,
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

static void read_counters(struct rocks_raw *raw, uint64_t ret_counters[ROCKS_RAW_COUNTERS])
{
    char *error = NULL, *value;
    size_t len;

    value = rocksdb_get(raw->db, raw->read, "counters", 8, &len, &error);
    assert_null(error);
    assert_non_null(value);
    assert_int_equal(len, ROCKS_RAW_COUNTERS * sizeof(*ret_counters));
    memcpy(ret_counters, value, len);
    rocksdb_free(value);
}

uint64_t rocks_raw_counter(struct rocks_raw *raw, size_t which)
{
    uint64_t counters[ROCKS_RAW_COUNTERS];

    read_counters(raw, counters);
    return counters[which];
}

void rocks_raw_set_counter(struct rocks_raw *raw, size_t which, uint64_t value)
{
    uint64_t counters[ROCKS_RAW_COUNTERS];
    char *error = NULL;

    read_counters(raw, counters);
    counters[which] = value;
    rocksdb_put(raw->db, raw->write, "counters", 8, (const char *)counters, sizeof(counters), &error);
    assert_null(error);
}

void rocks_raw_put_change(struct rocks_raw *raw, uint64_t number, char kind, unsigned order,
                          const char *order_key)
{
    struct ordo_record record = store_record(order, ORDO_STATUS_DONE);
    char key[8], value[3 + 13 + 2 * ORDO_ID_MAX], *error = NULL;
    size_t len = 0;

    for (int i = 0; i < 8; i++)
        key[i] = (char)(number >> (56 - 8 * i));
    value[0] = kind;
    value[1] = (char)record.id.len;
    value[2] = (char)record.customer.len;
    if (order_key != NULL) {
        memcpy(value + 3, order_key, 13);
    } else {
        char *there = rocksdb_get_cf(raw->db, raw->read, rocks_raw_family(raw, "ids"), record.id.ptr,
                                     record.id.len, &len, &error);

        assert_null(error);
        assert_int_equal(len, 13);
        memcpy(value + 3, there, 13);
        rocksdb_free(there);
    }
    memcpy(value + 16, record.id.ptr, record.id.len);
    memcpy(value + 16 + record.id.len, record.customer.ptr, record.customer.len);
    rocksdb_put_cf(raw->db, raw->write, rocks_raw_family(raw, "changes"), key, sizeof(key), value,
                   16 + record.id.len + record.customer.len, &error);
    assert_null(error);
}

void rocks_raw_delete_change(struct rocks_raw *raw, uint64_t number)
{
    char key[8] = {0}, *error = NULL;

    key[7] = (char)number;
    key[6] = (char)(number >> 8);
    rocksdb_delete_cf(raw->db, raw->write, rocks_raw_family(raw, "changes"), key, sizeof(key), &error);
    assert_null(error);
}
