/* SPDX-License-Identifier: MIT
 * ruleset_write.c: makes the scripts of a folder those of a rule set.
 *
 * Three steps. Every new content is written aside in the folder where it is to go, as a hidden file that no reader takes
 * for a script, and synced: a full disk, a folder that may not be written, a link in the place of a folder end it here.
 * Then they are renamed to their names, and what the set has not is removed. Then the folders are synced.
 */
#include "script/ruleset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define ASIDE ".ordo-"

struct writing {
    const struct ordo_ruleset *wanted, *present;
    const char *folder;
    int fd;
    int parts[ORDO_SCRIPT_KINDS]; /* descriptors; -1: there is none and none is needed */
    bool touched[ORDO_SCRIPT_KINDS];
    struct ordo_error *err;
};

static const char *name_in(const struct ordo_script_file *file)
{
    return strchr(file->path, '/') + 1;
}

/* Names of a part's files aside: ".ordo-" and their place in the set, so that long names need no longer ones. */
static void aside_name(size_t index, char out[32])
{
    snprintf(out, 32, ASIDE "%zu", index);
}

static int fail(const struct writing *writing, int number, enum ordo_script_kind kind, const char *what)
{
    return ordo_fail(writing->err, -number, writing->folder, "cannot %s %s: %s", what,
                     ordo_script_folders[kind], strerror(number));
}

/* What an earlier attempt left that was killed. */
static void remove_aside(int part)
{
    int fd = dup(part);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    rewinddir(dir); /* the copy shares its place with `part` */
    while ((entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, ASIDE, strlen(ASIDE)) == 0)
            unlinkat(part, entry->d_name, 0);
    closedir(dir);
}

static bool has_kind(const struct ordo_ruleset *ruleset, enum ordo_script_kind kind)
{
    for (size_t i = 0; i < ruleset->count; i++)
        if (ruleset->files[i].kind == kind)
            return true;
    return false;
}

static int open_part(struct writing *writing, enum ordo_script_kind kind)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const char *name = ordo_script_folders[kind];

    writing->parts[kind] = openat(writing->fd, name, flags);
    if (writing->parts[kind] < 0 && errno == ENOENT) {
        if (!has_kind(writing->wanted, kind))
            return 0;
        if (mkdirat(writing->fd, name, 0777) != 0)
            return fail(writing, errno, kind, "make the folder");
        writing->parts[kind] = openat(writing->fd, name, flags);
    }
    if (writing->parts[kind] < 0)
        return errno == ELOOP || errno == ENOTDIR
                   ? ordo_fail(writing->err, -errno, writing->folder,
                               "%s is a link: only folders are written to", name)
                   : fail(writing, errno, kind, "open the folder");
    remove_aside(writing->parts[kind]);
    return 0;
}

/* The mode of the file that is replaced. */
static mode_t mode_of(int part, const char *name)
{
    struct stat status;

    return fstatat(part, name, &status, 0) == 0 ? status.st_mode & 0777 : 0666;
}

static bool differs(const struct writing *writing, const struct ordo_script_file *file)
{
    return !ordo_script_file_equal(file, ordo_ruleset_find(writing->present, ordo_str_from(file->path)));
}

static bool is_unwanted(const struct writing *writing, const struct ordo_script_file *file)
{
    return ordo_ruleset_find(writing->wanted, ordo_str_from(file->path)) == NULL;
}

static int stage(struct writing *writing)
{
    for (size_t i = 0; i < writing->wanted->count; i++) {
        const struct ordo_script_file *file = &writing->wanted->files[i];
        int part = writing->parts[file->kind], code;
        char aside[32];

        if (!differs(writing, file))
            continue;
        aside_name(i, aside);
        writing->touched[file->kind] = true;
        code =
            ordo_file_write(part, aside, (ordo_str){file->source, file->len}, mode_of(part, name_in(file)));
        if (code != 0)
            return fail(writing, -code, file->kind, "write to");
    }
    for (size_t i = 0; i < writing->present->count; i++) {
        const struct ordo_script_file *file = &writing->present->files[i];

        if (!is_unwanted(writing, file) || writing->touched[file->kind])
            continue;
        writing->touched[file->kind] = true;
        if (faccessat(writing->parts[file->kind], ".", W_OK | X_OK, AT_EACCESS) != 0)
            return fail(writing, errno, file->kind, "write to");
    }
    return 0;
}

static int put_in_place(struct writing *writing)
{
    for (size_t i = 0; i < writing->wanted->count; i++) {
        const struct ordo_script_file *file = &writing->wanted->files[i];
        int part = writing->parts[file->kind];
        char aside[32];

        aside_name(i, aside);
        if (differs(writing, file) && renameat(part, aside, part, name_in(file)) != 0)
            return fail(writing, errno, file->kind, "replace a file in");
    }
    for (size_t i = 0; i < writing->present->count; i++) {
        const struct ordo_script_file *file = &writing->present->files[i];

        if (is_unwanted(writing, file) && unlinkat(writing->parts[file->kind], name_in(file), 0) != 0 &&
            errno != ENOENT)
            return fail(writing, errno, file->kind, "remove a file from");
    }
    return 0;
}

static int sync_all(struct writing *writing)
{
    for (int kind = 0; kind < ORDO_SCRIPT_KINDS; kind++)
        if (writing->touched[kind] && fsync(writing->parts[kind]) != 0)
            return fail(writing, errno, (enum ordo_script_kind)kind, "sync");
    if (fsync(writing->fd) != 0)
        return ordo_fail(writing->err, -errno, writing->folder, "cannot sync: %s", strerror(errno));
    return 0;
}

static int write_set(struct writing *writing, bool *ret_begun)
{
    int code = 0;

    for (int kind = 0; kind < ORDO_SCRIPT_KINDS && code == 0; kind++)
        code = open_part(writing, (enum ordo_script_kind)kind);
    if (code == 0)
        code = stage(writing);
    if (code == 0) {
        *ret_begun = true;
        code = put_in_place(writing);
    }
    if (code == 0)
        code = sync_all(writing);
    for (int kind = 0; kind < ORDO_SCRIPT_KINDS; kind++) {
        if (writing->parts[kind] < 0)
            continue;
        if (code != 0)
            remove_aside(writing->parts[kind]);
        close(writing->parts[kind]);
    }
    return code;
}

int ordo_ruleset_write(const struct ordo_ruleset *ruleset, const char *folder, bool *ret_begun,
                       struct ordo_error *err)
{
    struct writing writing = {.wanted = ruleset, .folder = folder, .parts = {-1, -1, -1, -1, -1}, .err = err};
    struct ordo_ruleset *present = ordo_ruleset_read(folder, err);
    int code;

    *ret_begun = false;
    if (present == NULL)
        return err->code;
    writing.present = present;
    writing.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = writing.fd < 0
               ? ordo_fail(err, -errno, folder, "cannot open the scripts folder: %s", strerror(errno))
               : write_set(&writing, ret_begun);
    if (writing.fd >= 0)
        close(writing.fd);
    ordo_ruleset_unref(present);
    return code;
}
