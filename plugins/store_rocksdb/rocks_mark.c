/* SPDX-License-Identifier: MIT
 * rocks_mark.c: the file `acknowledged`. It has two entries that are written in turn, each with a check value, so that
 * a process that is killed inside of one leaves the other.
 */
#include "rocks_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "rocks_files.h"

enum { ENTRIES = 2 };

struct rocks_mark_file {
    char magic[8];
    struct {
        _Atomic uint64_t sequence, check;
    } entries[ENTRIES];
};
_Static_assert(sizeof(struct rocks_mark_file) == 40, "the layout on the disk");

static const char MAGIC[8] = {'o', 'r', 'd', 'o', 'a', 'c', 'k', '1'};

static uint64_t check_of(uint64_t sequence)
{
    struct random_state state = {sequence};

    return random_next(&state);
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

uint64_t rocks_mark_read(const char *folder, const struct ordo_host *host)
{
    struct rocks_mark_file file = {0};
    char path[ROCKS_PATH_MAX], message[ROCKS_PATH_MAX + 128];
    uint64_t sequence = 0;
    ssize_t got;
    int fd;

    if (!rocks_path(path, folder, ROCKS_MARK_NAME))
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    got = fd < 0 ? -1 : read(fd, &file, sizeof(file));
    if (fd >= 0)
        close(fd);
    if (got == (ssize_t)sizeof(file) && read_entries(&file, &sequence) == ENTRIES)
        return sequence;
    snprintf(message, sizeof(message),
             sequence > 0
                 ? "%s: one of its two entries is damaged; the other is used"
                 : "%s is damaged: whether all acknowledged writes are there is not checked this time",
             path);
    host->log(host->engine, ORDO_LOG_WARN, message);
    return sequence;
}

/* Its blocks are there before it is mapped: a store into a page that finds no room on the disk would end the process. */
static int write_anew(int fd, const char *folder, uint64_t sequence)
{
    struct rocks_mark_file file;

    memcpy(file.magic, MAGIC, sizeof(MAGIC));
    for (unsigned i = 0; i < ENTRIES; i++)
        set_entry(&file, i, sequence);
    if (pwrite(fd, &file, sizeof(file), 0) != (ssize_t)sizeof(file) || fsync(fd) != 0)
        return -EIO;
    return rocks_sync_folder(folder);
}

int rocks_mark_open(struct rocks_mark *mark, const char *folder, uint64_t sequence,
                    const struct ordo_host *host, struct ordo_error *err)
{
    struct rocks_mark_file file = {0};
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
    if (pread(fd, &file, sizeof(file), 0) != (ssize_t)sizeof(file) || read_entries(&file, &there) < ENTRIES)
        result = write_anew(fd, folder, sequence);
    mapped = mmap(NULL, sizeof(file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (result == 0 && mapped == MAP_FAILED)
        result = -errno;
    close(fd);
    if (result != 0) {
        if (mapped != MAP_FAILED)
            munmap(mapped, sizeof(file));
        return host->fail(err, result, path, "cannot write it: %s", strerror(-result));
    }
    mark->file = mapped;
    rocks_mark_set(mark, sequence);
    rocks_mark_set(mark, sequence);
    return 0;
}

void rocks_mark_set(struct rocks_mark *mark, uint64_t sequence)
{
    set_entry(mark->file, mark->next, sequence);
    mark->next = (mark->next + 1) % ENTRIES;
}

void rocks_mark_close(struct rocks_mark *mark)
{
    if (mark->file != NULL)
        munmap(mark->file, sizeof(*mark->file));
    mark->file = NULL;
}
