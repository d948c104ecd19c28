/* SPDX-License-Identifier: MIT
 * rocks_mark.c: the file `acknowledged`. It has two entries that are written in turn, each with a check value, so that
 * a process that is killed inside of one leaves the other; and behind them the claim, twice. Earlier versions know the
 * entries only, and read and write them where they are.
 */
#include "rocks_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "rocks_files.h"

enum { ENTRIES = 2, CLAIMS = 2 };

struct claim_entry {
    struct rocks_claim claim;
    uint64_t check;
};

struct rocks_mark_file {
    char magic[8];
    struct {
        _Atomic uint64_t sequence, check;
    } entries[ENTRIES];
    struct claim_entry claims[CLAIMS];
};
enum { ENTRIES_END = offsetof(struct rocks_mark_file, claims) };
_Static_assert(ENTRIES_END == 40 && sizeof(struct rocks_mark_file) == 104, "the layout on the disk");

static const char MAGIC[8] = {'o', 'r', 'd', 'o', 'a', 'c', 'k', '1'};

static uint64_t check_of(uint64_t sequence)
{
    struct random_state state = {sequence};

    return random_next(&state);
}

static uint64_t check_of_claim(const struct rocks_claim *claim)
{
    return check_of(claim->number + check_of(claim->size + check_of(claim->hash)));
}

static void set_entry(struct rocks_mark_file *file, unsigned entry, uint64_t sequence)
{
    atomic_store_explicit(&file->entries[entry].sequence, sequence, memory_order_relaxed);
    atomic_store_explicit(&file->entries[entry].check, check_of(sequence), memory_order_relaxed);
}

/* How many entries are right, and the larger of them. */
static int read_entries(const struct rocks_mark_file *file, uint64_t *ret_sequence)
{
    int right = 0;

    *ret_sequence = 0;
    if (memcmp(file->magic, MAGIC, sizeof(MAGIC)) != 0)
        return 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t sequence = atomic_load_explicit(&file->entries[i].sequence, memory_order_relaxed);

        if (atomic_load_explicit(&file->entries[i].check, memory_order_relaxed) != check_of(sequence))
            continue;
        right++;
        if (sequence > *ret_sequence)
            *ret_sequence = sequence;
    }
    return right;
}

/* How many claims are right, and the one that reaches furthest. */
static int read_claims(const struct rocks_mark_file *file, struct rocks_claim *ret_claim)
{
    int right = 0;

    *ret_claim = (struct rocks_claim){0};
    for (unsigned i = 0; i < CLAIMS; i++) {
        const struct rocks_claim *claim = &file->claims[i].claim;

        if (file->claims[i].check != check_of_claim(claim))
            continue;
        right++;
        if (claim->number > ret_claim->number ||
            (claim->number == ret_claim->number && claim->size > ret_claim->size))
            *ret_claim = *claim;
    }
    return right;
}

struct rocks_marked rocks_mark_read(const char *folder, const struct ordo_host *host)
{
    struct rocks_mark_file file = {0};
    char path[ROCKS_PATH_MAX], message[ROCKS_PATH_MAX + 128];
    struct rocks_marked marked = {0};
    int fd, entries, claims;
    ssize_t got;

    if (!rocks_path(path, folder, ROCKS_MARK_NAME))
        return marked;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return marked;
    got = fd < 0 ? -1 : read(fd, &file, sizeof(file));
    if (fd >= 0)
        close(fd);
    entries = got < ENTRIES_END ? 0 : read_entries(&file, &marked.sequence);
    claims = got < (ssize_t)sizeof(file) ? 0 : read_claims(&file, &marked.claim);
    if (entries == ENTRIES &&
        (claims == CLAIMS || got == ENTRIES_END)) /* the latter is of an earlier version */
        return marked;
    snprintf(message, sizeof(message),
             entries > 0 && claims > 0
                 ? "%s: one of its entries is damaged; the other one says the same"
                 : "%s is damaged: whether all acknowledged writes are there is not wholly checked this time",
             path);
    host->log(host->engine, ORDO_LOG_WARN, message);
    return marked;
}

/* Its blocks are there before it is mapped: a store into a page that finds no room on the disk would end the process. */
static int write_anew(int fd, const char *folder, uint64_t sequence)
{
    struct rocks_mark_file file = {0};
    ssize_t written;

    memcpy(file.magic, MAGIC, sizeof(MAGIC));
    for (unsigned i = 0; i < ENTRIES; i++)
        set_entry(&file, i, sequence);
    for (unsigned i = 0; i < CLAIMS; i++)
        file.claims[i].check = check_of_claim(&file.claims[i].claim);
    written = pwrite(fd, &file, sizeof(file), 0);
    if (written < 0 || fsync(fd) != 0)
        return -errno;
    return written < (ssize_t)sizeof(file) ? -ENOSPC : rocks_sync_folder(folder);
}

int rocks_mark_open(struct rocks_mark *mark, const char *folder, uint64_t sequence,
                    const struct ordo_host *host, struct ordo_error *err)
{
    struct rocks_mark_file file = {0};
    struct rocks_claim claim;
    char path[ROCKS_PATH_MAX];
    uint64_t there;
    void *mapped;
    int fd, result = 0;

    *mark = (struct rocks_mark){0};
    if (!rocks_path(path, folder, ROCKS_MARK_NAME))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return host->fail(err, -errno, path, "cannot open it: %s", strerror(errno));
    if (pread(fd, &file, sizeof(file), 0) != (ssize_t)sizeof(file) || read_entries(&file, &there) < ENTRIES ||
        read_claims(&file, &claim) < CLAIMS)
        result = write_anew(fd, folder, sequence);
    mapped = mmap(NULL, sizeof(file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (result == 0 && mapped == MAP_FAILED)
        result = -errno;
    if (result != 0) {
        if (mapped != MAP_FAILED)
            munmap(mapped, sizeof(file));
        close(fd);
        return host->fail(err, result, path, "cannot write it: %s", strerror(-result));
    }
    mark->file = mapped;
    mark->fd = fd;
    rocks_mark_set(mark, sequence);
    rocks_mark_set(mark, sequence);
    return 0;
}

void rocks_mark_set(struct rocks_mark *mark, uint64_t sequence)
{
    set_entry(mark->file, mark->next, sequence);
    mark->next = (mark->next + 1) % ENTRIES;
}

/* By write(2) and not through the mapping: a disk that fails says so then. */
int rocks_mark_claim(struct rocks_mark *mark, const struct rocks_claim *claim)
{
    const struct claim_entry entry = {*claim, check_of_claim(claim)};
    const struct claim_entry both[CLAIMS] = {entry, entry};
    ssize_t written = pwrite(mark->fd, both, sizeof(both), ENTRIES_END);

    if (written < 0 || fdatasync(mark->fd) != 0)
        return -errno;
    return written < (ssize_t)sizeof(both) ? -ENOSPC : 0;
}

void rocks_mark_close(struct rocks_mark *mark)
{
    if (mark->file == NULL)
        return;
    munmap(mark->file, sizeof(*mark->file));
    close(mark->fd);
    mark->file = NULL;
}
