/* SPDX-License-Identifier: MIT
 * rocks_files.c: paths and folders.
 */
#include "rocks_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
