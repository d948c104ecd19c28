/* SPDX-License-Identifier: MIT
 * crash_table.c: the mapped table of crash_table.h.
 *
 * An entry is there when its count is not 0, and right when its check value fits. So an entry is taken away
 * with one store, and one that is written begins and ends with its count: whatever stops the process between
 * leaves no entry, or one that is seen to be damaged.
 *
 * Readers compare hashes in the process's own memory, lock-free, and look into the map under the lock only
 * when one fits. The handler takes no lock; nothing that it may meet half done is more than a count.
 */
#include "base/crash_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"

struct entry {
    uint64_t check; /* over what follows */
    int64_t at_ms;
    _Atomic uint32_t count; /* 0: free */
    uint8_t signal;
    uint8_t name_len;
    uint8_t is_told;
    uint8_t unused;
    char name[ORDO_CRASH_NAME_MAX];
};

enum { MAGIC_SIZE = 16 };

struct map {
    char magic[MAGIC_SIZE]; /* names the layout, too */
    struct entry entries[ORDO_CRASH_CAPACITY];
};

static const char magic[MAGIC_SIZE] = "ordo crashes 1\n";

struct ordo_crash_table {
    int fd; /* holds the lock on the file */
    struct map *map;
    struct ordo_lock lock;                        /* the entries, but for the handler */
    _Atomic uint32_t used;                        /* entries of earlier runs */
    _Atomic uint64_t hashes[ORDO_CRASH_CAPACITY]; /* of their names; 0: free */
};

/* FNV-1a. Never 0. */
static uint64_t hash_of(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash | 1;
}

static uint64_t check_of(const struct entry *entry)
{
    return hash_of((const char *)entry + sizeof(entry->check), sizeof(*entry) - sizeof(entry->check));
}

static uint32_t count_of(const struct entry *entry)
{
    return atomic_load_explicit(&entry->count, memory_order_relaxed);
}

static bool is_right(const struct entry *entry)
{
    return entry->name_len > 0 && entry->name_len <= ORDO_CRASH_NAME_MAX && entry->check == check_of(entry);
}

static bool has_name(const struct entry *entry, ordo_str name)
{
    return count_of(entry) > 0 && ordo_str_equal((ordo_str){entry->name, entry->name_len}, name);
}

/* Drops what is damaged, and begins anew when the whole file is something else. */
static void read_entries(struct ordo_crash_table *table, uint32_t *ret_damaged)
{
    static const char nothing[MAGIC_SIZE] = {0};
    struct map *map = table->map;
    uint32_t damaged = 0, used = 0;

    if (memcmp(map->magic, magic, MAGIC_SIZE) != 0) {
        damaged = memcmp(map->magic, nothing, MAGIC_SIZE) != 0;
        memset(map, 0, sizeof(*map));
        memcpy(map->magic, magic, MAGIC_SIZE);
    }
    for (uint32_t i = 0; i < ORDO_CRASH_CAPACITY; i++) {
        struct entry *entry = &map->entries[i];

        if (count_of(entry) == 0)
            continue;
        if (is_right(entry)) {
            atomic_init(&table->hashes[i], hash_of(entry->name, entry->name_len));
            used++;
        } else {
            atomic_store(&entry->count, 0);
            damaged++;
        }
    }
    atomic_init(&table->used, used);
    *ret_damaged = damaged;
}

/* Opens, locks and maps; the file has all its blocks, so that a store into the map finds room on the disk. */
static int map_file(struct ordo_crash_table *table, const char *path, struct ordo_error *err)
{
    int code;

    table->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (table->fd < 0)
        return ordo_fail(err, -errno, path, "cannot open: %s", strerror(errno));
    if (flock(table->fd, LOCK_EX | LOCK_NB) != 0)
        return ordo_fail(err, -errno, path, "cannot lock: %s",
                         errno == EWOULDBLOCK ? "another process uses it" : strerror(errno));
    if ((code = posix_fallocate(table->fd, 0, sizeof(struct map))) != 0)
        return ordo_fail(err, -code, path, "cannot make room for %zu bytes: %s", sizeof(struct map),
                         strerror(code));
    table->map = mmap(NULL, sizeof(struct map), PROT_READ | PROT_WRITE, MAP_SHARED, table->fd, 0);
    if (table->map == MAP_FAILED) {
        table->map = NULL;
        return ordo_fail(err, -errno, path, "cannot map: %s", strerror(errno));
    }
    return 0;
}

struct ordo_crash_table *ordo_crash_table_open(const char *path, uint32_t *ret_damaged,
                                               struct ordo_error *err)
{
    struct ordo_crash_table *table = calloc(1, sizeof(*table));

    ORDO_REQUIRE(table != NULL);
    ordo_lock_init(&table->lock, ORDO_LOCK_CRASH_TABLE);
    if (map_file(table, path, err) != 0) {
        ordo_crash_table_close(table);
        return NULL;
    }
    read_entries(table, ret_damaged);
    return table;
}

void ordo_crash_table_close(struct ordo_crash_table *table)
{
    if (table == NULL)
        return;
    if (table->map != NULL)
        munmap(table->map, sizeof(*table->map));
    if (table->fd >= 0)
        close(table->fd);
    ordo_lock_done(&table->lock);
    free(table);
}

/* The entry of that name, or a free one, or the one that crashed longest ago. */
static struct entry *entry_for(struct map *map, ordo_str name)
{
    struct entry *found = NULL;

    for (uint32_t i = 0; i < ORDO_CRASH_CAPACITY; i++) {
        struct entry *entry = &map->entries[i];

        if (has_name(entry, name))
            return entry;
        if (found == NULL || (count_of(found) > 0 && (count_of(entry) == 0 || entry->at_ms < found->at_ms)))
            found = entry;
    }
    return found;
}

static void seal(struct entry *entry, uint32_t count)
{
    struct entry sealed = *entry;

    atomic_init(&sealed.count, count);
    entry->check = check_of(&sealed);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&entry->count, count, memory_order_relaxed);
}

void ordo_crash_table_note(struct ordo_crash_table *table, ordo_str name, int signal, int64_t at_ms)
{
    struct entry *entry;
    uint32_t count;

    if (name.len == 0 || name.len > ORDO_CRASH_NAME_MAX)
        return;
    entry = entry_for(table->map, name);
    count = has_name(entry, name) ? count_of(entry) : 0;
    if (count == 0) {
        atomic_store_explicit(&entry->count, 0, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        memset(entry->name, 0, sizeof(entry->name));
        memcpy(entry->name, name.ptr, name.len);
        entry->name_len = (uint8_t)name.len;
    }
    entry->signal = (uint8_t)signal;
    entry->at_ms = at_ms;
    entry->is_told = false;
    seal(entry, count == UINT32_MAX ? count : count + 1);
}

uint32_t ordo_crash_table_used(struct ordo_crash_table *table)
{
    return atomic_load_explicit(&table->used, memory_order_relaxed);
}

/* Under the lock: the index of the name, or ORDO_CRASH_CAPACITY. */
static uint32_t index_of(struct ordo_crash_table *table, ordo_str name)
{
    uint64_t hash = hash_of(name.ptr, name.len);
    uint32_t i = 0;

    while (i < ORDO_CRASH_CAPACITY &&
           (atomic_load_explicit(&table->hashes[i], memory_order_relaxed) != hash ||
            !has_name(&table->map->entries[i], name)))
        i++;
    return i;
}

/* Without the lock: false when the name cannot be there. */
static bool may_have(struct ordo_crash_table *table, ordo_str name)
{
    uint64_t hash;

    if (ordo_crash_table_used(table) == 0)
        return false;
    hash = hash_of(name.ptr, name.len);
    for (uint32_t i = 0; i < ORDO_CRASH_CAPACITY; i++)
        if (atomic_load_explicit(&table->hashes[i], memory_order_relaxed) == hash)
            return true;
    return false;
}

static struct ordo_crash crash_of(const struct entry *entry)
{
    struct ordo_crash crash = {
        .count = count_of(entry),
        .signal = entry->signal,
        .at_ms = entry->at_ms,
        .is_new = !entry->is_told,
        .name_len = entry->name_len,
    };

    memcpy(crash.name, entry->name, entry->name_len);
    return crash;
}

bool ordo_crash_table_find(struct ordo_crash_table *table, ordo_str name, struct ordo_crash *ret_crash)
{
    uint32_t index;

    if (!may_have(table, name))
        return false;
    ordo_lock(&table->lock);
    index = index_of(table, name);
    if (index < ORDO_CRASH_CAPACITY)
        *ret_crash = crash_of(&table->map->entries[index]);
    ordo_unlock(&table->lock);
    return index < ORDO_CRASH_CAPACITY;
}

void ordo_crash_table_drop(struct ordo_crash_table *table, ordo_str name)
{
    uint32_t index;

    if (!may_have(table, name))
        return;
    ordo_lock(&table->lock);
    index = index_of(table, name);
    if (index < ORDO_CRASH_CAPACITY) {
        atomic_store_explicit(&table->map->entries[index].count, 0, memory_order_relaxed);
        atomic_store_explicit(&table->hashes[index], 0, memory_order_relaxed);
        atomic_fetch_sub_explicit(&table->used, 1, memory_order_relaxed);
    }
    ordo_unlock(&table->lock);
}

bool ordo_crash_table_next(struct ordo_crash_table *table, uint32_t *at, struct ordo_crash *ret_crash)
{
    bool found = false;

    ordo_lock(&table->lock);
    for (; !found && *at < ORDO_CRASH_CAPACITY; ++*at) {
        struct entry *entry = &table->map->entries[*at];

        if (count_of(entry) == 0)
            continue;
        *ret_crash = crash_of(entry);
        found = true;
        if (!entry->is_told) {
            entry->is_told = true;
            seal(entry, count_of(entry));
        }
    }
    ordo_unlock(&table->lock);
    return found;
}
