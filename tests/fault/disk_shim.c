/* SPDX-License-Identifier: MIT
 * disk_shim.c: stands between a process and its disk (LD_PRELOAD). It records each operation that changes a file below
 * one folder, in the order in which they happened, and it can make them fail.
 *
 *   DISK_SHIM_FOLDER   the folder
 *   DISK_SHIM_TRACE    a file outside of it that records are appended to, as disk_shim.h has them
 *   DISK_SHIM_CONTROL  a file that says what fails, looked at with each operation; without it nothing does:
 *                      "KINDS ERROR SKIP TIMES [PART]", e.g. "write,sync 5 10 -1 .log": the 11th write or sync of a file
 *                      whose path contains .log fails with EIO, and so does each one behind it (TIMES -1). The error -1
 *                      kills the process instead, between two operations. Replace the file by a rename.
 *
 * One lock is held around each operation and its record, so the trace is a total order that is right for all threads, and
 * a kill at a fault leaves no operation undone or unrecorded. The time of a record is taken behind the operation: what
 * another process heard later may rest on it. sync_file_range promises nothing, so it is not recorded; what stdio writes
 * is not seen, so a stream opened for writing is recorded as DISK_UNKNOWN, which the reader refuses.
 *
 * What a process stores into a mapped file is not seen when it happens. Each operation looks first whether a mapping
 * has changed, and records that. Sanitizers and preloaded libraries do not mix, so no sanitizer run has it.
 */
#include "disk_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAPPINGS_MAX = 16 };

struct mapping {
    char *address, *seen; /* address NULL: a free slot; seen: a copy of what was recorded */
    size_t len;
    uint64_t inode, offset;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX]; /* real, without a slash at its end; all below is under the lock */
static int trace = -2;        /* -2: not opened yet */
static struct mapping mappings[MAPPINGS_MAX];
static long control_changed; /* of the control file that `seen` and `failed` count for */
static long control_seen, control_failed;

/* --- paths ---------------------------------------------------------------------------------------------------------- */

/* The real path of a descriptor; false when it has none. */
static bool path_of(int fd, char out[PATH_BYTES])
{
    char link[32];
    long len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX);
    if (len <= 0)
        return false;
    out[len] = '\0';
    return out[0] == '/';
}

bool shim_path_at(int at, const char *name, char out[PATH_BYTES])
{
    const char *base = strrchr(name, '/');
    char parent[PATH_BYTES] = ".";
    int fd;
    bool is_found;

    if (strlen(name) >= PATH_MAX || name[0] == '\0')
        return false;
    if (base != NULL)
        snprintf(parent, sizeof(parent), "%.*s", base == name ? 1 : (int)(base - name), name);
    base = base == NULL ? name : base + 1;
    fd = (int)syscall(SYS_openat, at, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    is_found = path_of(fd, out) && strlen(out) + 1 + strlen(base) < PATH_MAX;
    syscall(SYS_close, fd);
    if (is_found) {
        size_t len = strlen(out);

        snprintf(out + len, PATH_BYTES - len, "/%s", base);
    }
    return is_found;
}

bool shim_is_inside(const char *path)
{
    size_t len = strlen(folder);

    return len > 0 && strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const char *shim_relative(const char *path)
{
    path += strlen(folder);
    return *path == '/' ? path + 1 : path;
}

/* --- the trace ------------------------------------------------------------------------------------------------------ */

static void prepare(void)
{
    const char *name = getenv("DISK_SHIM_TRACE");

    trace = -1;
    if (getenv("DISK_SHIM_FOLDER") == NULL || realpath(getenv("DISK_SHIM_FOLDER"), folder) == NULL)
        folder[0] = '\0';
    else if (name != NULL)
        trace = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void shim_record(struct disk_record record, const char *names, const void *data)
{
    const struct iovec parts[] = {
        {&record, sizeof(record)}, {(void *)names, record.name_bytes}, {(void *)data, record.data_bytes}};
    long expected = (long)(sizeof(record) + record.name_bytes + record.data_bytes);
    struct timespec now;

    if (trace < 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    record.end_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (syscall(SYS_writev, trace, parts, 3) != expected)
        abort();
}

void shim_record_name(enum disk_op op, const char *path, uint64_t inode, uint64_t offset)
{
    const char *name = shim_relative(path);

    shim_record(
        (struct disk_record){
            .op = op, .inode = inode, .offset = offset, .name_bytes = (uint32_t)strlen(name)},
        name, NULL);
}

void shim_record_data(enum disk_op op, uint64_t inode, uint64_t offset, const void *data, size_t len)
{
    shim_record((struct disk_record){.op = op, .inode = inode, .offset = offset, .data_bytes = (uint32_t)len},
                NULL, data);
}

/* Records what was stored into mapped files since the last look, in pieces of a sector. */
void shim_look_at_mappings(void)
{
    enum { SECTOR = 512 };

    for (struct mapping *mapping = mappings; mapping < mappings + MAPPINGS_MAX; mapping++)
        for (size_t at = 0; mapping->address != NULL && at < mapping->len; at += SECTOR) {
            size_t len = mapping->len - at < SECTOR ? mapping->len - at : SECTOR;

            if (memcmp(mapping->seen + at, mapping->address + at, len) == 0)
                continue;
            memcpy(mapping->seen + at, mapping->address + at, len);
            shim_record_data(DISK_MAPPED, mapping->inode, mapping->offset + at, mapping->seen + at, len);
        }
}

/* --- faults --------------------------------------------------------------------------------------------------------- */

/* The first word of KINDS that is the operation's, or "any". */
static bool names_kind(const char *kinds, const char *kind)
{
    size_t len = strlen(kind);

    for (const char *at = kinds; at != NULL && *at != '\0'; at = strchr(at, ','), at += at != NULL) {
        if (strncmp(at, kind, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
        if (strncmp(at, "any", 3) == 0)
            return true;
    }
    return false;
}

/* The error that the operation has to fail with; 0: none. */
static int fault_of(const char *kind, const char *path)
{
    const char *name = getenv("DISK_SHIM_CONTROL");
    char text[256], kinds[64], part[64] = "";
    struct stat status;
    int error, fd = name == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
    long skip, times, len;

    if (fd < 0)
        return 0;
    len = syscall(SYS_read, fd, text, sizeof(text) - 1);
    fstat(fd, &status);
    syscall(SYS_close, fd);
    text[len < 0 ? 0 : len] = '\0';
    if (status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec != control_changed) {
        control_changed = status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec;
        control_seen = control_failed = 0;
    }
    if (sscanf(text, "%63s %d %ld %ld %63s", kinds, &error, &skip, &times, part) < 4)
        abort();
    if (!names_kind(kinds, kind) || strstr(path, part) == NULL || control_seen++ < skip ||
        (times >= 0 && control_failed >= times))
        return 0;
    control_failed++;
    shim_record_name(DISK_FAULT, path, 0, (uint64_t)error);
    if (error < 0)
        kill(getpid(), SIGKILL);
    return error;
}

/* Begins an operation on what is at `path`: takes the lock. True: it has to fail, errno is set, the lock is gone. */
bool shim_begin(const char *kind, const char *path)
{
    int error;

    shim_look_at_mappings();
    error = fault_of(kind, path);
    if (error == 0)
        return false;
    pthread_mutex_unlock(&lock);
    errno = error;
    return true;
}

long shim_end(long result)
{
    int error = errno;

    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

void shim_lock(void)
{
    pthread_mutex_lock(&lock);
    if (trace == -2)
        prepare();
}

bool shim_enter_file(int fd, char path[PATH_BYTES], struct stat *ret_status)
{
    int error = errno;

    shim_lock();
    if (folder[0] != '\0' && path_of(fd, path) && shim_is_inside(path) && fstat(fd, ret_status) == 0 &&
        (S_ISREG(ret_status->st_mode) || S_ISDIR(ret_status->st_mode)))
        return true;
    pthread_mutex_unlock(&lock);
    errno = error;
    return false;
}

bool shim_enter_name(int at, const char *name, char path[PATH_BYTES])
{
    int error = errno;

    shim_lock();
    if (folder[0] != '\0' && shim_path_at(at, name, path) && shim_is_inside(path))
        return true;
    pthread_mutex_unlock(&lock);
    errno = error;
    return false;
}

/* --- mapped files ------------------------------------------------------------------------------------------------- */

/* Pages of their own for copies: the allocator may be the one that maps. */
void shim_watch(void *address, size_t len, const char *path, const struct stat *status, off_t offset)
{
    struct mapping *mapping = mappings;

    if ((uint64_t)(status->st_size - offset) < len) /* no touch of pages behind its end */
        len = (size_t)(status->st_size - offset);
    while (mapping < mappings + MAPPINGS_MAX && mapping->address != NULL)
        mapping++;
    if (mapping == mappings + MAPPINGS_MAX || offset >= status->st_size) {
        shim_record_name(DISK_UNKNOWN, path, status->st_ino, 0);
        return;
    }
    *mapping =
        (struct mapping){.address = address, .len = len, .inode = status->st_ino, .offset = (uint64_t)offset};
    mapping->seen =
        (char *)syscall(SYS_mmap, NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    memcpy(mapping->seen, address, len);
}

static struct mapping *mapping_at(const void *address)
{
    for (struct mapping *mapping = mappings; mapping < mappings + MAPPINGS_MAX; mapping++)
        if (mapping->address == address && address != NULL)
            return mapping;
    return NULL;
}

void shim_unwatch(const void *address)
{
    struct mapping *mapping = mapping_at(address);

    if (mapping == NULL)
        return;
    syscall(SYS_munmap, mapping->seen, mapping->len);
    mapping->address = NULL;
}

void shim_record_mapping_sync(const void *address, size_t len)
{
    const struct mapping *mapping = mapping_at(address);

    if (mapping != NULL && len >= mapping->len)
        shim_record_data(DISK_SYNC, mapping->inode, 0, NULL, 0);
}
