/* SPDX-License-Identifier: MIT
 * disk_calls.c: the calls of the C library that change files, each as the process knows it: it does what it does, and
 * disk_shim.c hears of it. Calls go to the kernel directly, as the allocator maps memory before the libraries are there.
 */
/* These would define some of the calls inline, or give them other names. */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include "disk_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#pragma GCC visibility push(default)

/* --- open ----------------------------------------------------------------------------------------------------------- */

static int open_any(int at, const char *name, int flags, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat before, after;
    bool was_there;
    int fd;

    if ((flags & O_ACCMODE) == O_RDONLY && (flags & (O_CREAT | O_TRUNC)) == 0)
        return (int)syscall(SYS_openat, at, name, flags, mode);
    if (!shim_enter_name(at, name, path))
        return (int)syscall(SYS_openat, at, name, flags, mode);
    if (shim_begin("open", path))
        return -1;
    was_there = stat(path, &before) == 0;
    fd = (int)syscall(SYS_openat, at, name, flags, mode);
    if (fd >= 0 && fstat(fd, &after) == 0) {
        if (!was_there)
            shim_record_name((flags & O_TMPFILE) == O_TMPFILE ? DISK_UNKNOWN : DISK_CREATE, path,
                             after.st_ino, 0);
        else if ((flags & O_TRUNC) != 0)
            shim_record_data(DISK_TRUNCATE, after.st_ino, 0, NULL, 0);
    }
    return (int)shim_end(fd);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(arguments, int) : 0;
}

int open(const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(AT_FDCWD, name, flags, mode);
}

int openat(int at, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(at, name, flags, mode);
}

int __open_2(const char *name, int flags);
int __openat_2(int at, const char *name, int flags);

int __open_2(const char *name, int flags)
{
    return open_any(AT_FDCWD, name, flags, 0);
}

int __openat_2(int at, const char *name, int flags)
{
    return open_any(at, name, flags, 0);
}

int creat(const char *name, mode_t mode)
{
    return open_any(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* stdio writes past this shim. */
static FILE *open_stream(const char *function, const char *name, const char *mode)
{
    FILE *(*real)(const char *, const char *);
    char path[PATH_BYTES];

    if (strpbrk(mode, "wa+") != NULL && shim_enter_name(AT_FDCWD, name, path)) {
        shim_record_name(DISK_UNKNOWN, path, 0, 0);
        shim_end(0);
    }
    *(void **)&real = dlsym(RTLD_NEXT, function);
    return real(name, mode);
}

FILE *fopen(const char *name, const char *mode)
{
    return open_stream("fopen", name, mode);
}

FILE *fopen64(const char *name, const char *mode)
{
    return open_stream("fopen64", name, mode);
}

/* --- content -------------------------------------------------------------------------------------------------------- */

/* Writes parts; offset -1: where the descriptor stands. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset)
{
    const unsigned long low = (unsigned long)offset;
    char path[PATH_BYTES];
    struct stat status;
    ssize_t written;
    off_t at;

    if (!shim_enter_file(fd, path, &status))
        return offset < 0 ? syscall(SYS_writev, fd, parts, count)
                          : syscall(SYS_pwritev, fd, parts, count, low, low >> 32);
    if (shim_begin("write", path))
        return -1;
    written = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                         : syscall(SYS_pwritev, fd, parts, count, low, low >> 32);
    at = offset < 0 ? lseek(fd, 0, SEEK_CUR) - written : offset;
    for (ssize_t left = written; left > 0; parts++) {
        size_t len = parts->iov_len < (size_t)left ? parts->iov_len : (size_t)left;

        shim_record_data(DISK_WRITE, status.st_ino, (uint64_t)at, parts->iov_base, len);
        at += (off_t)len;
        left -= (ssize_t)len;
    }
    return shim_end(written);
}

ssize_t write(int fd, const void *data, size_t len)
{
    return write_parts(fd, &(struct iovec){(void *)data, len}, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_parts(fd, parts, count, -1);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return write_parts(fd, &(struct iovec){(void *)data, len}, 1, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return write_parts(fd, parts, count, offset);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    (void)flags; /* none of them changes what is written */
    return write_parts(fd, parts, count, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t len,
                        unsigned flags)
{
    char path[PATH_BYTES];
    struct stat status;

    if (shim_enter_file(to, path, &status)) {
        shim_record_name(DISK_UNKNOWN, path, status.st_ino, 0);
        shim_end(0);
    }
    return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, len, flags);
}

static int change_size(int fd, off_t size)
{
    char path[PATH_BYTES];
    struct stat status;
    int result;

    if (!shim_enter_file(fd, path, &status))
        return (int)syscall(SYS_ftruncate, fd, size);
    if (shim_begin("size", path))
        return -1;
    result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0)
        shim_record_data(DISK_TRUNCATE, status.st_ino, (uint64_t)size, NULL, 0);
    return (int)shim_end(result);
}

int ftruncate(int fd, off_t size)
{
    return change_size(fd, size);
}

static int change_size_of(const char *name, off_t size)
{
    int result, fd = open_any(AT_FDCWD, name, O_WRONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    result = change_size(fd, size);
    syscall(SYS_close, fd);
    return result;
}

int truncate(const char *name, off_t size)
{
    return change_size_of(name, size);
}

/* Space that is kept behind the end changes nothing that can be read; a larger file does. */
static int allocate(int fd, int mode, off_t offset, off_t len)
{
    char path[PATH_BYTES];
    struct stat status, after;
    int result;

    if (!shim_enter_file(fd, path, &status))
        return (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (shim_begin("size", path))
        return -1;
    result = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (result == 0 && (mode & ~FALLOC_FL_KEEP_SIZE) != 0)
        shim_record_name(DISK_UNKNOWN, path, status.st_ino, 0);
    else if (result == 0 && fstat(fd, &after) == 0 && after.st_size != status.st_size)
        shim_record_data(DISK_TRUNCATE, status.st_ino, (uint64_t)after.st_size, NULL, 0);
    return (int)shim_end(result);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return allocate(fd, mode, offset, len);
}

static int allocate_posix(int fd, off_t offset, off_t len)
{
    int before = errno, result = allocate(fd, 0, offset, len) == 0 ? 0 : errno;

    errno = before;
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    return allocate_posix(fd, offset, len);
}

static int sync_fd(int fd, long number)
{
    char path[PATH_BYTES];
    struct stat status;
    int result;

    if (!shim_enter_file(fd, path, &status))
        return (int)syscall(number, fd);
    if (shim_begin("sync", path))
        return -1;
    result = (int)syscall(number, fd);
    if (result == 0)
        shim_record_data(S_ISDIR(status.st_mode) ? DISK_SYNC_DIR : DISK_SYNC, status.st_ino, 0, NULL, 0);
    return (int)shim_end(result);
}

int fsync(int fd)
{
    return sync_fd(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_fd(fd, SYS_fdatasync);
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

static int two_names(long number, enum disk_op op, int from_at, const char *from, int to_at, const char *to,
                     int flags)
{
    const char *kind = op == DISK_RENAME ? "rename" : "link";
    char paths[2][PATH_BYTES], names[2 * PATH_BYTES];
    int result, len;

    if (!shim_enter_name(to_at, to, paths[1]))
        return (int)syscall(number, from_at, from, to_at, to, flags);
    if (shim_begin(kind, paths[1]))
        return -1;
    if (!shim_path_at(from_at, from, paths[0]) || !shim_is_inside(paths[0]) || flags != 0)
        op = DISK_UNKNOWN; /* from outside */
    result = (int)syscall(number, from_at, from, to_at, to, flags);
    if (result == 0 && op == DISK_UNKNOWN) {
        shim_record_name(op, paths[1], 0, 0);
    } else if (result == 0) {
        len =
            snprintf(names, sizeof(names), "%s%c%s", shim_relative(paths[0]), '\0', shim_relative(paths[1]));
        shim_record((struct disk_record){.op = op, .name_bytes = (uint32_t)len}, names, NULL);
    }
    return (int)shim_end(result);
}

int rename(const char *from, const char *to)
{
    return two_names(SYS_renameat2, DISK_RENAME, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return two_names(SYS_renameat2, DISK_RENAME, from_at, from, to_at, to, 0);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    return two_names(SYS_renameat2, DISK_RENAME, from_at, from, to_at, to, (int)flags);
}

int link(const char *from, const char *to)
{
    return two_names(SYS_linkat, DISK_LINK, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    return two_names(SYS_linkat, DISK_LINK, from_at, from, to_at, to, flags);
}

int unlinkat(int at, const char *name, int flags)
{
    char path[PATH_BYTES];
    int result;

    if (!shim_enter_name(at, name, path))
        return (int)syscall(SYS_unlinkat, at, name, flags);
    if (shim_begin("remove", path))
        return -1;
    result = (int)syscall(SYS_unlinkat, at, name, flags);
    if (result == 0)
        shim_record_name(DISK_REMOVE, path, 0, 0);
    return (int)shim_end(result);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdirat(int at, const char *name, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat status;
    int result;

    if (!shim_enter_name(at, name, path))
        return (int)syscall(SYS_mkdirat, at, name, mode);
    if (shim_begin("open", path))
        return -1;
    result = (int)syscall(SYS_mkdirat, at, name, mode);
    if (result == 0 && stat(path, &status) == 0)
        shim_record_name(DISK_MKDIR, path, status.st_ino, 0);
    return (int)shim_end(result);
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

/* --- mapped files --------------------------------------------------------------------------------------------------- */

static void *map(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    char path[PATH_BYTES];
    struct stat status;
    void *result;

    if ((flags & MAP_SHARED) == 0 || fd < 0 || (protection & PROT_WRITE) == 0 ||
        !shim_enter_file(fd, path, &status))
        return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
    result = (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
    if (result != MAP_FAILED)
        shim_watch(result, len, path, &status, offset);
    shim_end(0);
    return result;
}

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return map(address, len, protection, flags, fd, offset);
}

int munmap(void *address, size_t len)
{
    shim_lock();
    shim_look_at_mappings();
    shim_unwatch(address);
    return (int)shim_end(syscall(SYS_munmap, address, len));
}

int msync(void *address, size_t len, int flags)
{
    long result;

    shim_lock();
    shim_look_at_mappings();
    result = syscall(SYS_msync, address, len, flags);
    if (result == 0 && (flags & MS_SYNC) != 0)
        shim_record_mapping_sync(address, len);
    return (int)shim_end(result);
}

/* --- other names of the same ---------------------------------------------------------------------------------------- */

/* Offsets have 64 bits in both; the names that begin with __ are the checked ones of a fortified build. */
#define SAME(other, function) extern __typeof__(function) other __attribute__((alias(#function)))

SAME(open64, open);
SAME(openat64, openat);
SAME(__open64_2, __open_2);
SAME(__openat64_2, __openat_2);
SAME(creat64, creat);
SAME(pwrite64, pwrite);
SAME(pwritev64, pwritev);
SAME(pwritev64v2, pwritev2);
SAME(ftruncate64, ftruncate);
SAME(truncate64, truncate);
SAME(fallocate64, fallocate);
SAME(posix_fallocate64, posix_fallocate);
SAME(mmap64, mmap);
