/* SPDX-License-Identifier: MIT
 * rocks_files.c: paths, folders, and the lock on one.
 */
#include "rocks_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write_all.h"

enum { COPY_BYTES = 1 << 20 };

bool rocks_path(char out[ROCKS_PATH_MAX], const char *folder, const char *name)
{
    return snprintf(out, ROCKS_PATH_MAX, "%s/%s", folder, name) < ROCKS_PATH_MAX;
}

int rocks_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        result = -errno;
    close(fd);
    return result;
}

/* The lock is on a file of our own, since RocksDB's does not tell who holds it. */
int rocks_lock(const char *folder, bool create, int *ret_fd, const struct ordo_host *host,
               struct ordo_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char file[ROCKS_PATH_MAX];
    int fd, result;

    if (!rocks_path(file, folder, "lock"))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    fd = open(file, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0 && errno == ENOENT && !create)
        return 0; /* nobody has used it yet */
    if (fd < 0)
        return host->fail(err, -errno, file, "cannot open it: %s", strerror(errno));
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno != EAGAIN && errno != EACCES)
        result = host->fail(err, -errno, file, "cannot lock it: %s", strerror(errno));
    else if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
        result = host->fail(err, ORDO_EEXISTS, folder,
                            "process %ld uses this folder; stop it, or give this one another data_dir",
                            (long)lock.l_pid);
    else
        result = host->fail(err, ORDO_EEXISTS, folder,
                            "another process uses this folder; stop it, or give this one another data_dir");
    close(fd);
    return result;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

bool rocks_has_filled_file(const char *folder, const char *suffix)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    struct stat status;
    bool has = false;

    if (entries == NULL)
        return false;
    while (!has && (entry = readdir(entries)) != NULL)
        has = ends_with(entry->d_name, suffix) && fstatat(dirfd(entries), entry->d_name, &status, 0) == 0 &&
              status.st_size > 0;
    closedir(entries);
    return has;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool rocks_has_other_file(const char *folder, const char *name)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    bool has = false;

    if (entries == NULL)
        return false;
    while (!has && (entry = readdir(entries)) != NULL)
        has = !is_dots(entry->d_name) && strcmp(entry->d_name, name) != 0;
    closedir(entries);
    return has;
}

int rocks_remove_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    if (entries == NULL)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir(entries)) != NULL)
        if (!is_dots(entry->d_name))
            unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
    return rmdir(folder) == 0 ? 0 : -errno;
}

int rocks_write_file(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), result;

    if (fd < 0)
        return -errno;
    result = write_all(fd, bytes, len);
    if (result == 0 && fsync(fd) != 0)
        result = -errno;
    close(fd);
    return result;
}

/* Its bytes, not a link nor a clone: what happens to one file must not happen to the other. */
static int copy_file(int from, int to, uint64_t *bytes)
{
    char *buffer = malloc(COPY_BYTES);
    ssize_t got = 0;
    int result = buffer == NULL ? ORDO_ENOMEM : 0;

    while (result == 0 && (got = read(from, buffer, COPY_BYTES)) > 0) {
        result = write_all(to, buffer, (size_t)got);
        *bytes += (uint64_t)got;
    }
    if (result == 0 && (got < 0 || fsync(to) != 0))
        result = -errno;
    free(buffer);
    return result;
}

static int copy_named(int from_folder, int to_folder, const char *name, uint64_t *bytes)
{
    int from = openat(from_folder, name, O_RDONLY | O_CLOEXEC), to, result;

    if (from < 0)
        return -errno;
    to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    result = to < 0 ? -errno : copy_file(from, to, bytes);
    if (to >= 0)
        close(to);
    close(from);
    return result;
}

int rocks_copy_folder(const char *from, const char *to, const char *without, uint64_t *ret_bytes)
{
    DIR *entries = opendir(from);
    int to_folder = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = entries == NULL || to_folder < 0 ? -errno : 0;
    struct dirent *entry;

    *ret_bytes = 0;
    while (result == 0 && (entry = readdir(entries)) != NULL)
        if (!is_dots(entry->d_name) && strcmp(entry->d_name, without) != 0)
            result = copy_named(dirfd(entries), to_folder, entry->d_name, ret_bytes);
    if (result == 0 && fsync(to_folder) != 0)
        result = -errno;
    if (to_folder >= 0)
        close(to_folder);
    if (entries != NULL)
        closedir(entries);
    return result;
}

uint64_t rocks_folder_bytes(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    struct stat status;
    uint64_t bytes = 0;

    if (entries == NULL)
        return 0;
    while ((entry = readdir(entries)) != NULL)
        if (!is_dots(entry->d_name) && fstatat(dirfd(entries), entry->d_name, &status, 0) == 0)
            bytes += (uint64_t)status.st_size;
    closedir(entries);
    return bytes;
}

int rocks_sync_parent(const char *path)
{
    char parent[ROCKS_PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return rocks_sync_folder(".");
    snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return rocks_sync_folder(parent);
}
