/* SPDX-License-Identifier: MIT
 * history.c: a list in memory of what the folder has. A file is written aside and renamed, so that none is there in part.
 */
#include "profile/history.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

enum { NAME_SIZE = 160 };

struct ordo_history {
    int folder; /* a descriptor */
    char *path; /* for messages */
    uint64_t bytes_max, bytes, next_id;
    struct ordo_history_entry *entries; /* by id */
    size_t count, room;
};

static void name_of(const struct ordo_history_entry *entry, char *out)
{
    snprintf(out, NAME_SIZE, "%08" PRIu64 "-%s-%" PRId64 "-%" PRId64 "-g%" PRIu64 "-o%" PRIu64 ".pprof",
             entry->id, entry->kind, entry->utc_ms, entry->duration_ms, entry->generation, entry->orders);
}

static bool parse_name(const char *name, struct ordo_history_entry *ret_entry)
{
    char again[NAME_SIZE];

    if (sscanf(name, "%" SCNu64 "-%15[a-z]-%" SCNd64 "-%" SCNd64 "-g%" SCNu64 "-o%" SCNu64, &ret_entry->id,
               ret_entry->kind, &ret_entry->utc_ms, &ret_entry->duration_ms, &ret_entry->generation,
               &ret_entry->orders) != 6)
        return false;
    name_of(ret_entry, again);
    return ret_entry->id != 0 && strcmp(name, again) == 0;
}

static void push(struct ordo_history *history, const struct ordo_history_entry *entry)
{
    history->entries =
        ordo_array_grow(history->entries, history->count, &history->room, sizeof(*history->entries));
    history->entries[history->count++] = *entry;
    history->bytes += entry->bytes;
}

static void drop(struct ordo_history *history, size_t index)
{
    struct ordo_history_entry *entry = &history->entries[index];
    char name[NAME_SIZE];

    name_of(entry, name);
    unlinkat(history->folder, name, 0);
    history->bytes -= entry->bytes;
    history->count--;
    memmove(entry, entry + 1, (history->count - index) * sizeof(*entry));
}

static void make_room(struct ordo_history *history, uint64_t bytes)
{
    while (history->count > 0 && history->bytes + bytes > history->bytes_max)
        drop(history, 0);
}

static int by_id(const void *a, const void *b)
{
    uint64_t one = ((const struct ordo_history_entry *)a)->id,
             other = ((const struct ordo_history_entry *)b)->id;

    return one < other ? -1 : one > other;
}

static void scan(struct ordo_history *history)
{
    int fd = dup(history->folder);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct ordo_history_entry found;
    struct dirent *file;
    struct stat stat;

    ORDO_REQUIRE(folder != NULL);
    while ((file = readdir(folder)) != NULL) {
        size_t len = strlen(file->d_name);

        if (len > 4 && strcmp(file->d_name + len - 4, ".new") == 0 && isdigit((unsigned char)file->d_name[0]))
            unlinkat(history->folder, file->d_name, 0); /* its writer did not finish */
        if (!parse_name(file->d_name, &found) || fstatat(history->folder, file->d_name, &stat, 0) != 0)
            continue;
        found.bytes = (uint64_t)stat.st_size;
        push(history, &found);
    }
    closedir(folder);
    if (history->count == 0)
        return;
    qsort(history->entries, history->count, sizeof(*history->entries), by_id);
    history->next_id = history->entries[history->count - 1].id + 1;
    make_room(history, 0);
}

struct ordo_history *ordo_history_open(const char *folder, uint64_t bytes, struct ordo_error *err)
{
    struct ordo_history *history;
    int fd;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        ordo_fail(err, -errno, folder, "cannot make the folder for profiles: %s", strerror(errno));
        return NULL;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        ordo_fail(err, -errno, folder, "cannot open the folder for profiles: %s", strerror(errno));
        return NULL;
    }
    history = calloc(1, sizeof(*history));
    ORDO_REQUIRE(history != NULL);
    *history = (struct ordo_history){.folder = fd, .path = strdup(folder), .bytes_max = bytes, .next_id = 1};
    ORDO_REQUIRE(history->path != NULL);
    scan(history);
    return history;
}

void ordo_history_close(struct ordo_history *history)
{
    if (history == NULL)
        return;
    close(history->folder);
    free(history->path);
    free(history->entries);
    free(history);
}

static int write_file(struct ordo_history *history, const char *name, ordo_str bytes)
{
    char aside[NAME_SIZE + 8];
    int fd, code = 0;

    snprintf(aside, sizeof(aside), "%s.new", name);
    fd = openat(history->folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (bytes.len > 0 && code == 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);

        if (done > 0)
            bytes = (ordo_str){bytes.ptr + done, bytes.len - (size_t)done};
        else if (errno != EINTR)
            code = -errno;
    }
    if (close(fd) != 0 && code == 0)
        code = -errno;
    if (code == 0 && renameat(history->folder, aside, history->folder, name) != 0)
        code = -errno;
    if (code != 0)
        unlinkat(history->folder, aside, 0);
    return code;
}

uint64_t ordo_history_add(struct ordo_history *history, const struct ordo_history_entry *entry,
                          ordo_str profile, struct ordo_error *err)
{
    struct ordo_history_entry added = *entry;
    char name[NAME_SIZE];
    int code;

    if (profile.len > history->bytes_max) {
        ordo_fail(err, ORDO_EFULL, history->path,
                  "a profile of %zu bytes is larger than all that may be kept (%" PRIu64 ")", profile.len,
                  history->bytes_max);
        return 0;
    }
    make_room(history, profile.len);
    added.id = history->next_id;
    added.bytes = profile.len;
    name_of(&added, name);
    if ((code = write_file(history, name, profile)) != 0) {
        ordo_fail(err, code, history->path, "cannot keep a profile: %s", strerror(-code));
        return 0;
    }
    history->next_id++;
    push(history, &added);
    return added.id;
}

size_t ordo_history_list(const struct ordo_history *history, const struct ordo_history_entry **ret_entries)
{
    *ret_entries = history->entries;
    return history->count;
}

size_t ordo_history_count(const struct ordo_history *history, uint64_t *ret_bytes)
{
    *ret_bytes = history == NULL ? 0 : history->bytes;
    return history == NULL ? 0 : history->count;
}

const struct ordo_history_entry *ordo_history_find(const struct ordo_history *history, uint64_t id)
{
    struct ordo_history_entry wanted = {.id = id};

    return history->count == 0
               ? NULL
               : bsearch(&wanted, history->entries, history->count, sizeof(*history->entries), by_id);
}

int ordo_history_read(struct ordo_history *history, uint64_t id, struct ordo_buffer *out,
                      struct ordo_error *err)
{
    const struct ordo_history_entry *entry = ordo_history_find(history, id);
    char name[NAME_SIZE], bytes[16384];
    ssize_t got;
    int fd, code = 0;

    if (entry == NULL)
        return ordo_fail(err, ORDO_ENOTFOUND, history->path, "there is no profile %" PRIu64 " (any more)",
                         id);
    name_of(entry, name);
    fd = openat(history->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ordo_fail(err, -errno, history->path, "cannot open %s: %s", name, strerror(errno));
    while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            ordo_buffer_append(out, (ordo_str){bytes, (size_t)got});
    if (got < 0)
        code = ordo_fail(err, -errno, history->path, "cannot read %s: %s", name, strerror(errno));
    close(fd);
    return code;
}

bool ordo_history_delete(struct ordo_history *history, uint64_t id)
{
    const struct ordo_history_entry *entry = ordo_history_find(history, id);

    if (entry == NULL)
        return false;
    drop(history, (size_t)(entry - history->entries));
    return true;
}
