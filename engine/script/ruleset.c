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

#include <openssl/evp.h>

enum { SCRIPT_MAX = 1 << 20, DATA_MAX = 16 << 20, FILES_MAX = 10000 };

static const struct {
    enum ordo_script_kind kind;
    const char *name;
    bool needed;
} folders[] = {
    {ORDO_SCRIPT_VALIDATION, "validation", false},
    {ORDO_SCRIPT_RULE, "rules", true},
    {ORDO_SCRIPT_LIB, "lib", false},
    {ORDO_SCRIPT_TEST, "tests", false},
    {ORDO_SCRIPT_DATA, "data", false},
};

/* Files with the ending, but not what editors leave behind: .#x.lua, .x.lua.swp, x.lua~, #x.lua#. */
static bool is_of_folder(enum ordo_script_kind kind, const char *name)
{
    const char *ending = strrchr(name, '.');

    if (ending == NULL || ending == name || name[0] == '.' || name[0] == '#')
        return false;
    if (kind == ORDO_SCRIPT_DATA)
        return strcmp(ending, ".json") == 0 || strcmp(ending, ".csv") == 0;
    return strcmp(ending, ".lua") == 0;
}

static int read_bytes(int fd, const char *path, struct ordo_script_file *file, struct ordo_error *err)
{
    const size_t most = file->kind == ORDO_SCRIPT_DATA ? DATA_MAX : SCRIPT_MAX;
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
    if (file->kind != ORDO_SCRIPT_DATA)
        return 0;
    file->table = ordo_reference_read(file->path, (ordo_str){file->source, len}, path, err);
    return file->table == NULL ? ORDO_ESCRIPT : 0;
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
static int list_folder(const char *path, size_t which, char ***ret_names, size_t *ret_count,
                       struct ordo_error *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char **names = NULL;
    size_t count = 0;

    if (dir == NULL && (errno != ENOENT || folders[which].needed))
        return errno == ENOENT ? ordo_fail(err, ORDO_ESCRIPT, path,
                                           "there is no such folder; a scripts folder needs rules/")
                               : ordo_fail(err, -errno, path, "cannot open the folder: %s", strerror(errno));
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (!is_of_folder(folders[which].kind, entry->d_name))
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

static int read_folder(struct ordo_ruleset *ruleset, size_t which, struct ordo_error *err)
{
    char path[PATH_MAX];
    char **names = NULL;
    size_t count = 0;
    int code;

    if (snprintf(path, sizeof(path), "%s/%s", ruleset->folder, folders[which].name) >= (int)sizeof(path))
        return ordo_fail(err, -ENAMETOOLONG, NULL, "the path of the scripts folder is too long");
    code = list_folder(path, which, &names, &count, err);
    if (code == 0 && ruleset->count + count > FILES_MAX)
        code = ordo_fail(err, ORDO_ELIMIT, path, "there are more than %d files", FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (code == 0) {
            struct ordo_script_file *file =
                add_file(ruleset, folders[which].kind, folders[which].name, names[i]);

            code = read_file(ruleset->folder, file, err);
            if (file->source != NULL) {
                ruleset->count++;
                ruleset->scripts += file->kind != ORDO_SCRIPT_DATA;
            } else {
                free(file->path);
            }
        }
        free(names[i]);
    }
    free(names);
    return code;
}

/* Both are named: which of them was meant, nobody knows. */
static int check_table_names(const struct ordo_ruleset *ruleset, struct ordo_error *err)
{
    for (size_t i = ruleset->scripts + 1; i < ruleset->count; i++) {
        const struct ordo_script_file *file = &ruleset->files[i], *before = file - 1;

        if (ordo_str_equal(ordo_reference_name(file->table), ordo_reference_name(before->table)))
            return ordo_fail(err, ORDO_ESCRIPT, ruleset->folder, "%s and %s are both the table %s; keep one",
                             before->path, file->path, ordo_reference_name(file->table).ptr);
    }
    return 0;
}

/* Names and lengths are hashed too, so that no two folders share a hash by moving text between files. */
static void identify(struct ordo_ruleset *ruleset)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    ORDO_REQUIRE(hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct ordo_script_file *file = &ruleset->files[i];
        char head[PATH_MAX + 32];
        int size = snprintf(head, sizeof(head), "%s%c%zu%c", file->path, 0, file->len, 0);

        ORDO_REQUIRE(size > 0 && size < (int)sizeof(head));
        EVP_DigestUpdate(hash, head, (size_t)size);
        EVP_DigestUpdate(hash, file->source, file->len);
    }
    ORDO_REQUIRE(EVP_DigestFinal_ex(hash, digest, &len) == 1 && len == 32);
    EVP_MD_CTX_free(hash);
    for (unsigned int i = 0; i < len; i++)
        snprintf(ruleset->identity + 2 * i, 3, "%02x", digest[i]);
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
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && code == 0; i++)
        code = read_folder(ruleset, i, err);
    if (code == 0)
        code = check_table_names(ruleset, err);
    if (code != 0) {
        ordo_ruleset_unref(ruleset);
        return NULL;
    }
    identify(ruleset);
    return ruleset;
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
