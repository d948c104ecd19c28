/* SPDX-License-Identifier: MIT
 * ruleset.c: reads the files of a `scripts` folder.
 *
 * The folder may change while it is being read; whoever watches it then reads it again, so a mixture lives
 * for a moment only, and never runs: its identity differs and the next reading replaces it.
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

enum { FILES_MAX = ORDO_SCRIPT_FILES_MAX };

const char *const ordo_script_folders[ORDO_SCRIPT_KINDS] = {"validation", "rules", "lib", "tests", "data"};

static bool ends_in(ordo_str name, const char *ending)
{
    size_t len = strlen(ending);

    return name.len > len && memcmp(name.ptr + name.len - len, ending, len) == 0;
}

/* Files with the ending, but not what editors leave behind: .#x.lua, .x.lua.swp, x.lua~, #x.lua#. */
static bool is_of_folder(enum ordo_script_kind kind, ordo_str name)
{
    if (name.len == 0 || name.len > NAME_MAX || name.ptr[0] == '.' || name.ptr[0] == '#')
        return false;
    if (kind == ORDO_SCRIPT_DATA)
        return ends_in(name, ".json") || ends_in(name, ".csv");
    return ends_in(name, ".lua");
}

size_t ordo_script_file_max(enum ordo_script_kind kind)
{
    return kind == ORDO_SCRIPT_DATA ? ORDO_SCRIPT_DATA_MAX : ORDO_SCRIPT_FILE_MAX;
}

static int read_bytes(int fd, const char *path, struct ordo_script_file *file, struct ordo_error *err)
{
    const size_t most = ordo_script_file_max(file->kind);
    char *bytes = malloc(most + 2);
    size_t len = 0;
    ssize_t got = 1;

    ORDO_REQUIRE(bytes != NULL);
    while (len <= most && (got = read(fd, bytes + len, most + 1 - len)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        len += (size_t)got;
    }
    if (got < 0 || len > most) {
        free(bytes);
        return got < 0 ? ordo_fail(err, -errno, path, "cannot read the file: %s", strerror(errno))
                       : ordo_fail(err, ORDO_ELIMIT, path, "the file is over %zu MiB; split it", most >> 20);
    }
    bytes[len] = 0;
    file->source = realloc(bytes, len + 1);
    ORDO_REQUIRE(file->source != NULL);
    file->len = len;
    return 0;
}

/* 0, also when the file is gone by now: then *file stays empty. */
static int read_file(const char *folder, struct ordo_script_file *file, struct ordo_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int fd, code;

    if (snprintf(path, sizeof(path), "%s/%s", folder, file->path) >= (int)sizeof(path))
        return ordo_fail(err, -ENAMETOOLONG, folder, "the path of %s is too long", file->path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop the reader */
    if (fd < 0)
        return errno == ENOENT ? 0
                               : ordo_fail(err, -errno, path, "cannot open the file: %s", strerror(errno));
    if (fstat(fd, &status) != 0)
        code = ordo_fail(err, -errno, path, "cannot read the file: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        code = ordo_fail(err, -EINVAL, path, "it must be a plain file");
    else
        code = read_bytes(fd, path, file, err);
    close(fd);
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the files in a folder that count, sorted. */
static int list_folder(const char *path, enum ordo_script_kind kind, char ***ret_names, size_t *ret_count,
                       struct ordo_error *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char **names = NULL;
    size_t count = 0;

    if (dir == NULL && (errno != ENOENT || kind == ORDO_SCRIPT_RULE))
        return errno == ENOENT ? ordo_fail(err, ORDO_ESCRIPT, path,
                                           "there is no such folder; a scripts folder needs rules/")
                               : ordo_fail(err, -errno, path, "cannot open the folder: %s", strerror(errno));
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (!is_of_folder(kind, ordo_str_from(entry->d_name)))
            continue;
        if ((count & (count - 1)) == 0)
            names = realloc(names, (count == 0 ? 1 : 2 * count) * sizeof(*names));
        ORDO_REQUIRE(names != NULL);
        names[count] = strdup(entry->d_name);
        ORDO_REQUIRE(names[count] != NULL);
        count++;
    }
    if (dir != NULL)
        closedir(dir);
    if (count > 1)
        qsort(names, count, sizeof(*names), compare_names);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

static struct ordo_script_file *add_file(struct ordo_ruleset *ruleset, enum ordo_script_kind kind,
                                         const char *folder, const char *name)
{
    struct ordo_script_file *file;
    size_t size = strlen(folder) + strlen(name) + 2;

    ruleset->files = realloc(ruleset->files, (ruleset->count + 1) * sizeof(*ruleset->files));
    ORDO_REQUIRE(ruleset->files != NULL);
    file = &ruleset->files[ruleset->count];
    *file = (struct ordo_script_file){.kind = kind, .path = malloc(size)};
    ORDO_REQUIRE(file->path != NULL);
    snprintf(file->path, size, "%s/%s", folder, name);
    return file;
}

static int read_folder(struct ordo_ruleset *ruleset, enum ordo_script_kind kind, struct ordo_error *err)
{
    char path[PATH_MAX];
    char **names = NULL;
    size_t count = 0;
    int code;

    if (snprintf(path, sizeof(path), "%s/%s", ruleset->folder, ordo_script_folders[kind]) >=
        (int)sizeof(path))
        return ordo_fail(err, -ENAMETOOLONG, NULL, "the path of the scripts folder is too long");
    code = list_folder(path, kind, &names, &count, err);
    if (code == 0 && ruleset->count + count > FILES_MAX)
        code = ordo_fail(err, ORDO_ELIMIT, path, "there are more than %d files", FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (code == 0) {
            struct ordo_script_file *file = add_file(ruleset, kind, ordo_script_folders[kind], names[i]);

            code = read_file(ruleset->folder, file, err);
            if (file->source != NULL)
                ruleset->count++;
            else
                free(file->path);
        }
        free(names[i]);
    }
    free(names);
    return code;
}

struct ordo_ruleset *ordo_ruleset_read(const char *folder, struct ordo_error *err)
{
    struct ordo_ruleset *ruleset = calloc(1, sizeof(*ruleset));
    struct stat status;
    int code = 0;

    ORDO_REQUIRE(ruleset != NULL);
    ruleset->references = 1;
    ruleset->folder = strdup(folder);
    ORDO_REQUIRE(ruleset->folder != NULL);
    if (stat(folder, &status) != 0)
        code = ordo_fail(err, -errno, folder, "cannot open the scripts folder: %s", strerror(errno));
    for (int kind = 0; kind < ORDO_SCRIPT_KINDS && code == 0; kind++)
        code = read_folder(ruleset, (enum ordo_script_kind)kind, err);
    if (code != 0) {
        ordo_ruleset_unref(ruleset);
        return NULL;
    }
    ordo_ruleset_identify(ruleset);
    return ruleset;
}

bool ordo_script_path_parse(ordo_str path, enum ordo_script_kind *ret_kind)
{
    for (int kind = 0; kind < ORDO_SCRIPT_KINDS; kind++) {
        size_t len = strlen(ordo_script_folders[kind]);
        ordo_str name;

        if (path.len <= len || memcmp(path.ptr, ordo_script_folders[kind], len) != 0 || path.ptr[len] != '/')
            continue;
        name = (ordo_str){path.ptr + len + 1, path.len - len - 1};
        *ret_kind = (enum ordo_script_kind)kind;
        return is_of_folder(*ret_kind, name) && memchr(name.ptr, '/', name.len) == NULL &&
               memchr(name.ptr, '\0', name.len) == NULL;
    }
    return false;
}

struct ordo_ruleset *ordo_ruleset_ref(struct ordo_ruleset *ruleset)
{
    ruleset->references++;
    return ruleset;
}

void ordo_ruleset_unref(struct ordo_ruleset *ruleset)
{
    if (ruleset == NULL || --ruleset->references != 0)
        return;
    for (size_t i = 0; i < ruleset->count; i++) {
        free(ruleset->files[i].path);
        free(ruleset->files[i].source);
        ordo_reference_free(ruleset->files[i].table);
    }
    free(ruleset->files);
    free(ruleset->folder);
    free(ruleset);
}
