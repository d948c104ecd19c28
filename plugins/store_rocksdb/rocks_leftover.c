/* SPDX-License-Identifier: MIT
 * rocks_leftover.c: what a backup or restore that was killed has left at the place where the next one works. It is removed,
 * but only if it can be nothing else: somebody's own folder may have that name.
 */
#include "rocks_maintenance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_numbered(const char *name, const char *suffix)
{
    size_t digits = strspn(name, "0123456789");

    return digits > 0 && strcmp(name + digits, suffix) == 0;
}

/* A file that RocksDB or this store puts into a copy. There is no `lock` among them: that is of a store which somebody
 * uses; and a ROCKS_BACKUP_TEXT is of a whole backup. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"CURRENT", "IDENTITY", "LOCK", "LOG", ROCKS_MARK_NAME};
    static const char *const prefixes[] = {"LOG.old.", "MANIFEST-", "OPTIONS-"};
    static const char *const suffixes[] = {".sst", ".log", ".dbtmp"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (is_numbered(name, suffixes[i]))
            return true;
    return false;
}

/* The name of an entry that is not ours; NULL: there is none. */
static const char *find_foreign(DIR *entries)
{
    struct dirent *entry;
    struct stat status;

    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!is_ours(entry->d_name) ||
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            return entry->d_name;
    }
    return NULL;
}

int rocks_clear_leftover(const char *folder, const struct ordo_host *host, struct ordo_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    const char *foreign;
    int result;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (entries == NULL) {
        result = errno;
        if (fd >= 0)
            close(fd);
        return host->fail(err, ORDO_EEXISTS, folder,
                          "it is in the way, for the work is done there first: %s; move it away",
                          strerror(result));
    }
    foreign = find_foreign(entries);
    if (foreign != NULL)
        host->fail(err, ORDO_EEXISTS, folder,
                   "it is in the way, for the work is done there first, and is no leftover of that: it has "
                   "'%.100s' in it; move it away",
                   foreign);
    closedir(entries);
    if (foreign != NULL)
        return ORDO_EEXISTS;
    result = rocks_remove_folder(folder);
    return result == 0 ? 0 : host->fail(err, result, folder, "cannot remove it: %s", strerror(-result));
}
