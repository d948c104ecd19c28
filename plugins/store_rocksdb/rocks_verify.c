/* SPDX-License-Identifier: MIT
 * rocks_verify.c: reads a whole database and tells what is wrong with it.
 *
 * First each family is read from end to end, which checks every block and every entry by itself. Then each order is
 * looked at with the entries that must lead to it. An entry leads to one order, so when as many were found from the orders
 * as there are, there are no others; only when there are more, each is looked up to name those. So nothing is
 * remembered but counts, and what is looked up at random are the small families. The log of changes is read first and kept
 * in memory: what it says counts in place of what ids and customers have.
 *
 * A new index is a row of `indexes` and a call of expect_entry in check_order.
 */
#include "rocks_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_AHEAD = 2 << 20, KEY_MAX = 512 };

/* What a family that leads to orders has. */
struct index {
    enum rocks_family family;
    const char *name; /* in findings */
    bool (*read)(const struct rocks_entry *entry,
                 struct rocks_place *ret_place); /* false: it is no such entry */
    bool (*is_of)(const struct rocks_entry *entry, const struct ordo_record *record);
};

void rocks_verify_tell(struct rocks_verify *verify, const char *format, ...)
{
    char message[ROCKS_PATH_MAX + 512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    verify->report.findings++;
    verify->found(verify->context, message);
}

const char *rocks_verify_shown(const char *bytes, size_t len, char out[ROCKS_SHOWN_MAX])
{
    size_t at = 0;

    for (; at < len && at < ROCKS_SHOWN_MAX - 1; at++)
        out[at] = (char)(bytes[at] > ' ' && bytes[at] <= '~' ? bytes[at] : '?');
    out[at] = '\0';
    return out;
}

static bool read_id(const struct rocks_entry *entry, struct rocks_place *ret_place)
{
    return rocks_key_read_order(entry->value, entry->value_len, ret_place);
}

static bool is_of_id(const struct rocks_entry *entry, const struct ordo_record *record)
{
    return ordo_str_equal((ordo_str){entry->key, entry->key_len}, record->id);
}

static bool read_customer(const struct rocks_entry *entry, struct rocks_place *ret_place)
{
    return entry->key_len > 0 && entry->key_len == 1 + (size_t)(uint8_t)entry->key[0] + ROCKS_KEY &&
           rocks_key_read_tail(entry->key, entry->key_len, ret_place);
}

static bool is_of_customer(const struct rocks_entry *entry, const struct ordo_record *record)
{
    return ordo_str_equal((ordo_str){entry->key + 1, entry->key_len - 1 - ROCKS_KEY}, record->customer);
}

static bool read_open(const struct rocks_entry *entry, struct rocks_place *ret_place)
{
    return entry->key_len == ROCKS_OPEN_KEY && (uint8_t)entry->key[0] < ORDO_STATUS_COUNT &&
           entry->key[0] != ORDO_STATUS_DONE && rocks_key_read_tail(entry->key, entry->key_len, ret_place);
}

static bool is_of_open(const struct rocks_entry *entry, const struct ordo_record *record)
{
    return entry->key[0] == (char)record->status;
}

static const struct index indexes[] = {
    {ROCKS_IDS, "id", read_id, is_of_id},
    {ROCKS_CUSTOMERS, "customer", read_customer, is_of_customer},
    {ROCKS_OPEN, "open", read_open, is_of_open},
};

static struct rocks_entry entry_at(rocksdb_iterator_t *iterator)
{
    struct rocks_entry entry;

    entry.key = rocksdb_iter_key(iterator, &entry.key_len);
    entry.value = rocksdb_iter_value(iterator, &entry.value_len);
    return entry;
}

/* The last key that was read. */
struct last {
    char key[KEY_MAX];
    size_t len;
};

static bool is_behind(const struct rocks_entry *entry, const struct last *last)
{
    size_t len = entry->key_len < last->len ? entry->key_len : last->len;
    int order = memcmp(entry->key, last->key, len);

    return order > 0 || (order == 0 && entry->key_len > last->len);
}

/* From the end back to the damage, or to what was read already. */
static void read_backwards(struct rocks_verify *verify, enum rocks_family family,
                           rocksdb_iterator_t *iterator, const struct last *last, const char *first_error,
                           rocks_entry_fn visit, const void *context)
{
    char *error = NULL;

    for (rocksdb_iter_seek_to_last(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_prev(iterator)) {
        struct rocks_entry entry = entry_at(iterator);

        if (!is_behind(&entry, last))
            break;
        visit(verify, context, &entry);
    }
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL && strcmp(error, first_error) != 0)
        rocks_verify_tell(verify, "%s: what lies between that place and this is not checked: %s",
                          rocks_family_names[family], error);
    free(error);
}

void rocks_verify_family(struct rocks_verify *verify, enum rocks_family family, rocks_entry_fn visit,
                         const void *context)
{
    rocksdb_iterator_t *iterator;
    struct last last = {.len = 0};
    char *error = NULL;

    if (verify->database.families[family] == NULL) {
        rocks_verify_tell(verify, "%s: the database has no such family", rocks_family_names[family]);
        verify->is_damaged[family] = true;
        return;
    }
    iterator =
        rocksdb_create_iterator_cf(verify->database.db, verify->scan, verify->database.families[family]);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        struct rocks_entry entry = entry_at(iterator);

        visit(verify, context, &entry);
        last.len = entry.key_len < KEY_MAX ? entry.key_len : KEY_MAX;
        memcpy(last.key, entry.key, last.len);
    }
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL) {
        verify->is_damaged[family] = true;
        rocks_verify_tell(verify, "%s: %s", rocks_family_names[family], error);
        read_backwards(verify, family, iterator, &last, error, visit, context);
        free(error);
    }
    rocksdb_iter_destroy(iterator);
}

static void check_entry(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    const struct index *index = context;
    struct rocks_place place;
    char text[ROCKS_SHOWN_MAX];

    verify->report.bytes += entry->key_len + entry->value_len;
    if (rocks_verify_is_shadowed(verify, index->family, entry))
        return;
    verify->report.index_entries++;
    if (index->read(entry, &place))
        verify->entries[index->family]++;
    else
        rocks_verify_tell(verify, "%s entry %s: it is not as this store writes it", index->name,
                          rocks_verify_shown(entry->key, entry->key_len, text));
}

static void count_change(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    const struct index *index = context;

    (void)entry;
    verify->report.index_entries++;
    verify->entries[index->family]++;
}

/* The order has an entry with this key, and with this value when there is one. */
static void expect_entry(struct rocks_verify *verify, enum rocks_family family,
                         const struct ordo_record *record, const char *key, size_t key_len, const char *value,
                         size_t value_len)
{
    rocksdb_pinnableslice_t *slice;
    char id[ROCKS_SHOWN_MAX], *error;
    const char *there;
    size_t there_len;

    if (verify->database.families[family] == NULL)
        return;
    if (rocks_verify_by_change(verify, family, record, (ordo_str){key, key_len}, value))
        return;
    slice = rocks_database_get(&verify->database, family, key, key_len, &error);
    if (slice != NULL)
        there = rocksdb_pinnableslice_value(slice, &there_len);
    if (error != NULL && !verify->is_damaged[family])
        rocks_verify_tell(verify, "order %s: its entry in %s cannot be read: %s",
                          rocks_verify_shown(record->id.ptr, record->id.len, id), rocks_family_names[family],
                          error);
    else if (error == NULL && slice == NULL)
        rocks_verify_tell(verify, "order %s: it has no entry in %s",
                          rocks_verify_shown(record->id.ptr, record->id.len, id), rocks_family_names[family]);
    else if (error == NULL && value != NULL &&
             (there_len != value_len || memcmp(there, value, value_len) != 0))
        rocks_verify_tell(verify, "order %s: its entry in %s leads to another order",
                          rocks_verify_shown(record->id.ptr, record->id.len, id), rocks_family_names[family]);
    else if (error == NULL)
        verify->matched[family]++;
    rocksdb_pinnableslice_destroy(slice);
    free(error);
}

static void check_order(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    struct ordo_record record;
    struct rocks_place place;
    char key[ROCKS_CUSTOMER_KEY], text[ROCKS_SHOWN_MAX];
    uint64_t sequence;
    size_t len;

    (void)context;
    verify->report.bytes += entry->key_len + entry->value_len;
    verify->report.orders++;
    verify->seen.records++;
    verify->seen.bytes += entry->value_len;
    if (!rocks_key_read_order(entry->key, entry->key_len, &place) ||
        !rocks_record_read(entry->value, entry->value_len, &record, &sequence)) {
        rocks_verify_tell(verify, "order under the key %s: it is not as this store writes it",
                          rocks_verify_shown(entry->key, entry->key_len, text));
        return;
    }
    if (place.number >= verify->seen.next_number)
        verify->seen.next_number = place.number + 1;
    expect_entry(verify, ROCKS_IDS, &record, record.id.ptr, record.id.len, entry->key, entry->key_len);
    if (record.customer.len > 0) {
        len = rocks_key_customer(record.customer, &place, key);
        expect_entry(verify, ROCKS_CUSTOMERS, &record, key, len, NULL, 0);
    }
    if (record.status != ORDO_STATUS_DONE) {
        rocks_key_open(record.status, &place, key);
        expect_entry(verify, ROCKS_OPEN, &record, key, ROCKS_OPEN_KEY, NULL, 0);
    }
    if (sequence > verify->seen.sequence)
        verify->seen.sequence = sequence;
    if (sequence > verify->counters.trimmed) {
        rocks_key_outbox(sequence, key);
        expect_entry(verify, ROCKS_OUTBOX, &record, key, ROCKS_OUTBOX_KEY, NULL, 0);
    }
}

/* The record has the decision that the entry of the outbox is for. */
static void check_reference(struct rocks_verify *verify, const struct rocks_outbox_entry *entry,
                            uint64_t sequence)
{
    rocksdb_pinnableslice_t *slice;
    struct ordo_record record;
    uint64_t of_record = 0;
    const char *value;
    char *error;
    size_t len;

    slice = rocks_database_get(&verify->database, ROCKS_ORDERS, entry->order_key, ROCKS_KEY, &error);
    if (slice == NULL && error == NULL) {
        rocks_verify_tell(verify, "outbox entry %llu: it leads to an order that is not there",
                          (unsigned long long)sequence);
    } else if (slice != NULL) {
        value = rocksdb_pinnableslice_value(slice, &len);
        if (rocks_record_read(value, len, &record, &of_record) && of_record != sequence)
            rocks_verify_tell(verify, "outbox entry %llu: it leads to another decision",
                              (unsigned long long)sequence);
    }
    rocksdb_pinnableslice_destroy(slice);
    free(error);
}

static void check_emission(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    struct rocks_outbox_entry read;
    char text[ROCKS_SHOWN_MAX];
    uint64_t sequence;

    (void)context;
    verify->report.bytes += entry->key_len + entry->value_len;
    verify->report.index_entries++;
    if (entry->key_len != ROCKS_OUTBOX_KEY || !rocks_outbox_read(entry->value, entry->value_len, &read)) {
        rocks_verify_tell(verify, "outbox entry %s: it is not as this store writes it",
                          rocks_verify_shown(entry->key, entry->key_len, text));
        return;
    }
    sequence = rocks_key_read_outbox(entry->key);
    if (sequence > verify->seen.sequence)
        verify->seen.sequence = sequence;
    if (!read.is_copy && sequence > verify->taken)
        check_reference(verify, &read, sequence);
}

/* Names the entry if it leads to no order, or to one that is not its own. */
static void check_target(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    const struct index *index = context;
    rocksdb_pinnableslice_t *slice;
    struct ordo_record record;
    struct rocks_place place;
    char key[ROCKS_KEY], text[ROCKS_SHOWN_MAX], *error;
    const char *value;
    size_t len;

    if (!index->read(entry, &place))
        return;
    rocks_key_order(&place, key);
    slice = rocks_database_get(&verify->database, ROCKS_ORDERS, key, sizeof(key), &error);
    rocks_verify_shown(entry->key, entry->key_len, text);
    if (slice == NULL && error == NULL)
        rocks_verify_tell(verify, "%s entry %s: it leads to an order that is not there", index->name, text);
    if (slice != NULL) {
        value = rocksdb_pinnableslice_value(slice, &len);
        if (rocks_record_read(value, len, &record, NULL) && !index->is_of(entry, &record))
            rocks_verify_tell(verify, "%s entry %s: it leads to an order that is not its own", index->name,
                              text);
    }
    rocksdb_pinnableslice_destroy(slice);
    free(error);
}

/* Told damage is not told again. */
static void look_at_targets(struct rocks_verify *verify, const struct index *index)
{
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(verify->database.db, verify->scan,
                                                              verify->database.families[index->family]);

    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        struct rocks_entry entry = entry_at(iterator);

        if (!rocks_verify_is_shadowed(verify, index->family, &entry))
            check_target(verify, index, &entry);
    }
    rocksdb_iter_destroy(iterator);
    rocks_verify_shadow(verify, index->family, check_target, index);
}

static void check_counters(struct rocks_verify *verify)
{
    const struct rocks_counters counters = verify->counters;

    if (verify->is_damaged[ROCKS_ORDERS] || !verify->has_counters)
        return; /* not all orders were counted */
    if (counters.records != verify->seen.records)
        rocks_verify_tell(verify, "counters: they say %llu orders, and there are %llu",
                          (unsigned long long)counters.records, (unsigned long long)verify->seen.records);
    if (counters.bytes != verify->seen.bytes)
        rocks_verify_tell(verify, "counters: they say %llu bytes of records, and there are %llu",
                          (unsigned long long)counters.bytes, (unsigned long long)verify->seen.bytes);
    if (counters.next_number < verify->seen.next_number)
        rocks_verify_tell(verify, "counters: the next number is %llu, and there is an order with number %llu",
                          (unsigned long long)counters.next_number,
                          (unsigned long long)verify->seen.next_number - 1);
    if (counters.sequence < verify->seen.sequence)
        rocks_verify_tell(verify,
                          "counters: the outbox ends with %llu, and there is a decision with number %llu",
                          (unsigned long long)counters.sequence, (unsigned long long)verify->seen.sequence);
}

/* What the checks of the others need. */
static void read_meta(struct rocks_verify *verify)
{
    const ordo_str prefix = ORDO_STR(ROCKS_SINK_PREFIX);
    struct ordo_error err;
    rocksdb_iterator_t *iterator;

    verify->taken = UINT64_MAX;
    verify->has_counters = rocks_counters_read(&verify->database, verify->host, &verify->counters, &err) == 0;
    if (!verify->has_counters)
        rocks_verify_tell(verify, "%s", err.message);
    iterator =
        rocksdb_create_iterator_cf(verify->database.db, verify->scan, verify->database.families[ROCKS_META]);
    for (rocksdb_iter_seek(iterator, prefix.ptr, prefix.len); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        struct rocks_entry entry = entry_at(iterator);
        uint64_t taken;

        if (entry.key_len < prefix.len || memcmp(entry.key, prefix.ptr, prefix.len) != 0)
            break;
        if (entry.value_len == sizeof(taken)) {
            memcpy(&taken, entry.value, sizeof(taken));
            verify->taken = taken < verify->taken ? taken : verify->taken;
        }
    }
    rocksdb_iter_destroy(iterator);
}

static void check_all(struct rocks_verify *verify)
{
    const size_t count = sizeof(indexes) / sizeof(*indexes);

    read_meta(verify);
    rocks_verify_changes(verify);
    if (verify->is_short_of_memory)
        return;
    for (size_t i = 0; i < count; i++) {
        rocks_verify_family(verify, indexes[i].family, check_entry, &indexes[i]);
        rocks_verify_shadow(verify, indexes[i].family, count_change, &indexes[i]);
    }
    rocks_verify_family(verify, ROCKS_OUTBOX, check_emission, NULL);
    rocks_verify_family(verify, ROCKS_ORDERS, check_order, NULL);
    if (verify->database.families[ROCKS_ORDERS] == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        if (verify->entries[indexes[i].family] != verify->matched[indexes[i].family] &&
            verify->database.families[indexes[i].family] != NULL)
            look_at_targets(verify, &indexes[i]);
    check_counters(verify);
}

/* A backup has one. RocksDB's own sentence would name a file of another ending. */
static int check_list_of_files(const char *folder, const struct ordo_host *host, struct ordo_error *err)
{
    char text[ROCKS_PATH_MAX];
    uint64_t orders;

    if (folder == NULL || !rocks_path(text, folder, ROCKS_BACKUP_TEXT) || access(text, F_OK) != 0)
        return 0;
    return rocks_backup_text_check(folder, host, &orders, err);
}

int rocks_verify(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                 ordo_finding_fn found, void *context, struct ordo_store_report *ret_report,
                 struct ordo_error *err)
{
    struct rocks_verify verify = {.host = host, .found = found, .context = context};
    struct rocks_settings settings;
    char path[ROCKS_PATH_MAX];
    uint64_t missing;
    int result = rocks_settings_read(host, options, &settings, path, err);

    if (result != 0 || (result = check_list_of_files(folder, host, err)) != 0)
        return result;
    if (folder != NULL)
        settings.path = folder;
    result = rocks_database_look(&verify.database, &settings, host, &missing, err);
    if (result != 0)
        return result;
    if (missing > 0)
        rocks_verify_tell(&verify, "log: the last %llu writes that were acknowledged are missing",
                          (unsigned long long)missing);
    verify.scan = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(verify.scan, 1);
    rocksdb_readoptions_set_fill_cache(verify.scan, 0);
    rocksdb_readoptions_set_readahead_size(verify.scan, READ_AHEAD);
    check_all(&verify);
    rocksdb_readoptions_destroy(verify.scan);
    rocks_database_close(&verify.database);
    rocks_shadow_done(&verify.shadow);
    if (verify.is_short_of_memory)
        return host->fail(err, ORDO_ENOMEM, settings.path, "out of memory");
    rocks_report_copy(&verify.report, ret_report);
    return 0;
}
