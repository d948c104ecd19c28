/* SPDX-License-Identifier: MIT
 * rules_archive.c: the folder of generations, and the list in memory of what it has.
 *
 * The state is one list: each kept generation that was ever activated, once, in the order of its last activation. So the
 * last is the active one, the last but one was active before it, and the first is the retired one that is dropped next.
 * What is not in the list is sealed.
 */
#include "worker/rules_archive_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json_read.h"
#include "base/json_write.h"

enum { MODE = 0600, STATE_MAX = 16 << 20 };

const char *const ordo_generation_states[] = {"sealed", "retired", "active"};

static void complain(struct ordo_archive *archive, const char *name, const char *what)
{
    ordo_buffer_printf(&archive->damaged, "%s/%s: %s\n", archive->path, name, what);
}

static char *text_of(ordo_str text)
{
    char *copy = strndup(text.len > 0 ? text.ptr : "", text.len);

    ORDO_REQUIRE(copy != NULL);
    return copy;
}

/* --- the list --- */

static void entry_done(struct ordo_generation *entry)
{
    free(entry->by);
    free(entry->note);
    free(entry->active_by);
}

/* A number is never given again. */
static void note_number(struct ordo_archive *archive, uint64_t number)
{
    if (number > archive->highest)
        archive->highest = number;
}

static void push(struct ordo_archive *archive, const struct ordo_generation *entry)
{
    archive->entries =
        ordo_array_grow(archive->entries, archive->count, &archive->room, sizeof(*archive->entries));
    archive->entries[archive->count++] = *entry;
    note_number(archive, entry->number);
}

static struct ordo_generation *find(const struct ordo_archive *archive, uint64_t number)
{
    for (size_t i = 0; i < archive->count; i++)
        if (archive->entries[i].number == number)
            return &archive->entries[i];
    return NULL;
}

static void push_activated(struct ordo_archive *archive, uint64_t number)
{
    archive->activated = ordo_array_grow(archive->activated, archive->activated_count,
                                         &archive->activated_room, sizeof(*archive->activated));
    archive->activated[archive->activated_count++] = number;
}

static void forget_activated(struct ordo_archive *archive, uint64_t number)
{
    size_t kept = 0;

    for (size_t i = 0; i < archive->activated_count; i++)
        if (archive->activated[i] != number)
            archive->activated[kept++] = archive->activated[i];
    archive->activated_count = kept;
}

size_t ordo_archive_list(const struct ordo_archive *archive, const struct ordo_generation **ret_entries)
{
    *ret_entries = archive->entries;
    return archive->count;
}

const struct ordo_generation *ordo_archive_find(const struct ordo_archive *archive, uint64_t number)
{
    return find(archive, number);
}

const struct ordo_generation *ordo_archive_find_identity(const struct ordo_archive *archive,
                                                         const char *identity)
{
    for (size_t i = 0; i < archive->count; i++)
        if (strcmp(archive->entries[i].identity, identity) == 0)
            return &archive->entries[i];
    return NULL;
}

uint64_t ordo_archive_active(const struct ordo_archive *archive)
{
    return archive->activated_count < 1 ? 0 : archive->activated[archive->activated_count - 1];
}

uint64_t ordo_archive_before(const struct ordo_archive *archive)
{
    return archive->activated_count < 2 ? 0 : archive->activated[archive->activated_count - 2];
}

enum ordo_generation_state ordo_archive_state(const struct ordo_archive *archive,
                                              const struct ordo_generation *entry)
{
    if (entry->number == ordo_archive_active(archive))
        return ORDO_GENERATION_ACTIVE;
    for (size_t i = 0; i < archive->activated_count; i++)
        if (archive->activated[i] == entry->number)
            return ORDO_GENERATION_RETIRED;
    return ORDO_GENERATION_SEALED;
}

ordo_str ordo_archive_damaged(const struct ordo_archive *archive)
{
    return ordo_buffer_str(&archive->damaged);
}

const struct ordo_unfinished *ordo_archive_unfinished(const struct ordo_archive *archive)
{
    return &archive->unfinished;
}

/* --- the state --- */

static void write_state(const struct ordo_archive *archive, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("highest"), (int64_t)archive->highest);
    ordo_json_key(&json, ORDO_STR("activated"));
    ordo_json_array(&json);
    for (size_t i = 0; i < archive->activated_count; i++) {
        const struct ordo_generation *entry = find(archive, archive->activated[i]);

        ordo_json_object(&json);
        ordo_json_key_int(&json, ORDO_STR("number"), (int64_t)archive->activated[i]);
        ordo_json_key_int(&json, ORDO_STR("at"), entry == NULL ? 0 : entry->active_ms);
        ordo_json_key_string(&json, ORDO_STR("by"), ordo_str_from(entry == NULL ? "" : entry->active_by));
        ordo_json_end_object(&json);
    }
    ordo_json_end_array(&json);
    if (archive->unfinished.to != 0) {
        ordo_json_key_int(&json, ORDO_STR("from"), (int64_t)archive->unfinished.from);
        ordo_json_key_int(&json, ORDO_STR("to"), (int64_t)archive->unfinished.to);
        ordo_json_key_string(&json, ORDO_STR("by"), ordo_str_from(archive->unfinished.by));
    }
    ordo_json_end_object(&json);
}

static int keep_state(struct ordo_archive *archive, struct ordo_error *err)
{
    struct ordo_buffer text = {0}, file = {0};
    int code;

    write_state(archive, &text);
    ordo__archive_seal(ordo_buffer_str(&text), ORDO_STR_NONE, &file);
    code = ordo_file_replace(archive->folder, "state", ordo_buffer_str(&file), MODE);
    if (code != 0)
        ordo_fail(err, code, archive->path, "cannot note which generation is active: %s", strerror(-code));
    ordo_buffer_done(&text);
    ordo_buffer_done(&file);
    return code;
}

static void read_activated(struct ordo_archive *archive, struct ordo_json_value list)
{
    struct ordo_json_value one;

    for (struct ordo_json_iter iter = ordo_json_iter_of(list); ordo_json_next(&iter, NULL, &one);) {
        uint64_t number = ordo__archive_number(one, ORDO_STR("number"));
        struct ordo_generation *entry = find(archive, number);

        push_activated(archive, number);
        note_number(archive, number);
        if (entry == NULL)
            continue;
        entry->active_ms = (int64_t)ordo__archive_number(one, ORDO_STR("at"));
        entry->active_by = text_of(ordo_json_text(one, ORDO_STR("by")));
    }
}

/* An absent state is an empty one: no generation was activated yet. */
static void read_state(struct ordo_archive *archive)
{
    struct ordo_buffer file = {0};
    struct ordo__archive_file read = {0};
    struct ordo_json_value root, list;
    int code = ordo_file_read(archive->folder, "state", STATE_MAX, &file);

    if (code == -ENOENT)
        goto done;
    if (code != 0 || !ordo__archive_open(&file, &read) ||
        !ordo_json_get(ordo_json_root(read.parser), ORDO_STR("activated"), &list)) {
        complain(archive, "state", code != 0 ? strerror(-code) : "is damaged");
        goto done;
    }
    root = ordo_json_root(read.parser);
    read_activated(archive, list);
    archive->unfinished.from = ordo__archive_number(root, ORDO_STR("from"));
    archive->unfinished.to = ordo__archive_number(root, ORDO_STR("to"));
    if (archive->unfinished.to != 0)
        archive->unfinished.by = text_of(ordo_json_text(root, ORDO_STR("by")));
    note_number(archive, ordo__archive_number(root, ORDO_STR("highest")));
done:
    ordo__archive_close(&read);
    ordo_buffer_done(&file);
}

/* What was dropped just before the end of the process, and did not come out of the state any more. The last two stay: that
 * one of them is damaged must not make another one the one before. */
static void forget_dropped(struct ordo_archive *archive)
{
    size_t kept = 0;

    for (size_t i = 0; i < archive->activated_count; i++)
        if (i + 2 >= archive->activated_count || find(archive, archive->activated[i]) != NULL)
            archive->activated[kept++] = archive->activated[i];
    archive->activated_count = kept;
}

/* --- opening --- */

static void load(struct ordo_archive *archive, uint64_t number)
{
    struct ordo__archive_file read = {0};
    struct ordo_generation entry = {.number = number};
    struct ordo_buffer file = {0};
    struct ordo_ruleset *ruleset;
    struct ordo_error err = {0};
    char name[32];

    ordo__archive_name(number, name);
    ruleset = ordo__archive_set(archive, name, name, &read, &file, &err);
    if (ruleset != NULL && ordo__archive_number(ordo_json_root(read.parser), ORDO_STR("number")) == number) {
        snprintf(entry.identity, sizeof(entry.identity), "%s", ruleset->identity);
        entry.at_ms = (int64_t)ordo__archive_number(ordo_json_root(read.parser), ORDO_STR("at"));
        entry.by = text_of(ordo_json_text(ordo_json_root(read.parser), ORDO_STR("by")));
        entry.note = text_of(ordo_json_text(ordo_json_root(read.parser), ORDO_STR("note")));
        push(archive, &entry);
    } else {
        complain(archive, name, err.code == 0 || err.code == ORDO_EIO ? "is damaged" : err.message);
        note_number(archive, number);
    }
    ordo_ruleset_unref(ruleset);
    ordo__archive_close(&read);
    ordo_buffer_done(&file);
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

static void scan(struct ordo_archive *archive)
{
    int fd = dup(archive->folder);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t *numbers = NULL;
    size_t count = 0, room = 0;
    struct dirent *entry;

    ORDO_REQUIRE(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        char again[32];
        uint64_t number = strtoull(entry->d_name, NULL, 10);

        ordo__archive_name(number, again);
        if (number == 0 || number > INT64_MAX || strcmp(entry->d_name, again) != 0)
            continue;
        numbers = ordo_array_grow(numbers, count, &room, sizeof(*numbers));
        numbers[count++] = number;
    }
    closedir(dir);
    if (count > 0)
        qsort(numbers, count, sizeof(*numbers), by_number);
    for (size_t i = 0; i < count; i++)
        load(archive, numbers[i]);
    free(numbers);
}

struct ordo_archive *ordo_archive_open(const char *folder, size_t keep, struct ordo_buffer *complaints,
                                       struct ordo_error *err)
{
    struct ordo_archive *archive;
    int fd;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        ordo_fail(err, -errno, folder, "cannot make the folder for generations: %s", strerror(errno));
        return NULL;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        ordo_fail(err, -errno, folder, "cannot open the folder for generations: %s", strerror(errno));
        return NULL;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ordo_fail(err, -errno, folder, "%s",
                  errno == EWOULDBLOCK
                      ? "another process uses this folder; stop it, or give this one another data_dir"
                      : strerror(errno));
        close(fd);
        return NULL;
    }
    archive = calloc(1, sizeof(*archive));
    ORDO_REQUIRE(archive != NULL);
    *archive = (struct ordo_archive){.folder = fd, .path = strdup(folder), .keep = keep};
    ORDO_REQUIRE(archive->path != NULL);
    scan(archive);
    read_state(archive);
    forget_dropped(archive);
    ordo_buffer_append(complaints, ordo_buffer_str(&archive->damaged));
    return archive;
}

void ordo_archive_close(struct ordo_archive *archive)
{
    if (archive == NULL)
        return;
    close(archive->folder);
    for (size_t i = 0; i < archive->count; i++)
        entry_done(&archive->entries[i]);
    free(archive->entries);
    free(archive->activated);
    free(archive->unfinished.by);
    free(archive->path);
    ordo_buffer_done(&archive->damaged);
    free(archive);
}

/* --- changes --- */

int ordo_archive_add(struct ordo_archive *archive, struct ordo_ruleset *ruleset, ordo_str by, ordo_str note,
                     struct ordo_error *err)
{
    struct ordo_generation entry = {.number = archive->highest + 1, .at_ms = ordo_clock_utc_ms()};
    struct ordo_buffer head = {0};
    char name[32];
    int code;

    ordo__archive_name(entry.number, name);
    ordo__archive_head(ruleset, entry.number, entry.at_ms, by, note, &head);
    code = ordo__archive_keep(archive->folder, name, &head, ruleset);
    ordo_buffer_done(&head);
    if (code != 0)
        return ordo_fail(err, code, archive->path, "cannot keep generation %s: %s", name, strerror(-code));
    memcpy(entry.identity, ruleset->identity, sizeof(entry.identity));
    entry.by = text_of(by);
    entry.note = text_of(note);
    push(archive, &entry);
    ruleset->number = entry.number;
    return 0;
}

static void set_finished(struct ordo_archive *archive)
{
    free(archive->unfinished.by);
    archive->unfinished = (struct ordo_unfinished){0};
}

int ordo_archive_begin(struct ordo_archive *archive, uint64_t from, uint64_t to, ordo_str by,
                       struct ordo_error *err)
{
    struct ordo_unfinished before = archive->unfinished;
    int code;

    archive->unfinished = (struct ordo_unfinished){from, to, text_of(by)};
    code = keep_state(archive, err);
    free(code == 0 ? before.by : archive->unfinished.by);
    if (code != 0)
        archive->unfinished = before;
    return code;
}

int ordo_archive_abandon(struct ordo_archive *archive, struct ordo_error *err)
{
    set_finished(archive);
    return keep_state(archive, err);
}

int ordo_archive_activated(struct ordo_archive *archive, uint64_t number, ordo_str by, struct ordo_error *err)
{
    struct ordo_generation *entry = find(archive, number);

    ORDO_REQUIRE(entry != NULL);
    entry->active_ms = ordo_clock_utc_ms();
    free(entry->active_by);
    entry->active_by = text_of(by); /* perhaps of what was begun */
    forget_activated(archive, number);
    push_activated(archive, number);
    set_finished(archive);
    return keep_state(archive, err);
}

static void drop(struct ordo_archive *archive, uint64_t number)
{
    struct ordo_generation *entry = find(archive, number);
    char name[32];

    ORDO_REQUIRE(entry != NULL);
    ordo__archive_name(number, name);
    unlinkat(archive->folder, name, 0);
    entry_done(entry);
    archive->count--;
    memmove(entry, entry + 1, (size_t)(&archive->entries[archive->count] - entry) * sizeof(*entry));
    forget_activated(archive, number);
}

/* The one of a state that goes next, when there are too many: of the retired ones the one whose end is longest ago, of the
 * sealed ones the oldest. 0: none. */
static uint64_t next_to_drop(const struct ordo_archive *archive, enum ordo_generation_state state)
{
    uint64_t first = 0;
    size_t count = 0;

    for (size_t i = 0; i < archive->count; i++)
        if (ordo_archive_state(archive, &archive->entries[i]) == state && count++ == 0)
            first = archive->entries[i].number;
    if (count <= archive->keep)
        return 0;
    for (size_t i = 0; i < archive->activated_count && state == ORDO_GENERATION_RETIRED; i++)
        if (find(archive, archive->activated[i]) != NULL)
            return archive->activated[i];
    return first;
}

void ordo_archive_prune(struct ordo_archive *archive)
{
    static const enum ordo_generation_state states[] = {ORDO_GENERATION_RETIRED, ORDO_GENERATION_SEALED};
    uint64_t number;

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        while ((number = next_to_drop(archive, states[i])) != 0)
            drop(archive, number);
}
