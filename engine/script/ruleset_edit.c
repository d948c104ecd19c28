/* SPDX-License-Identifier: MIT
 * ruleset_edit.c: rule sets in memory: identity, copies that are changed, and the bytes that a set is kept as.
 */
#include "script/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

void ordo_hash_hex(ordo_str bytes, char out[ORDO_HASH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    ORDO_REQUIRE(EVP_Digest(bytes.ptr, bytes.len, digest, &len, EVP_sha256(), NULL) == 1 && len == 32);
    for (unsigned int i = 0; i < len; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* path NUL length NUL source: names and lengths count too, so that no two sets share a hash by moving text between
 * files. */
static void put_head(const struct ordo_script_file *file, struct ordo_buffer *out)
{
    ordo_buffer_append(out, (ordo_str){file->path, strlen(file->path) + 1});
    ordo_buffer_printf(out, "%zu", file->len);
    ordo_buffer_put(out, '\0');
}

void ordo_ruleset_pack(const struct ordo_ruleset *ruleset, struct ordo_buffer *out)
{
    for (size_t i = 0; i < ruleset->count; i++) {
        put_head(&ruleset->files[i], out);
        ordo_buffer_append(out, (ordo_str){ruleset->files[i].source, ruleset->files[i].len});
    }
}

void ordo_ruleset_identify(struct ordo_ruleset *ruleset)
{
    struct ordo_buffer bytes = {0};

    ordo_ruleset_pack(ruleset, &bytes);
    ordo_hash_hex(ordo_buffer_str(&bytes), ruleset->identity);
    ordo_buffer_done(&bytes);
    ruleset->scripts = 0;
    while (ruleset->scripts < ruleset->count && ruleset->files[ruleset->scripts].kind != ORDO_SCRIPT_DATA)
        ruleset->scripts++;
}

static struct ordo_ruleset *ruleset_new(const char *folder)
{
    struct ordo_ruleset *ruleset = calloc(1, sizeof(*ruleset));

    ORDO_REQUIRE(ruleset != NULL);
    ruleset->references = 1;
    ruleset->folder = strdup(folder);
    ORDO_REQUIRE(ruleset->folder != NULL);
    return ruleset;
}

struct ordo_ruleset *ordo_ruleset_copy(const struct ordo_ruleset *ruleset, const char *folder)
{
    struct ordo_ruleset *copy = ruleset_new(folder);

    for (size_t i = 0; i < ruleset->count; i++)
        ORDO_REQUIRE(ordo_ruleset_put(copy, ordo_str_from(ruleset->files[i].path),
                                      (ordo_str){ruleset->files[i].source, ruleset->files[i].len},
                                      NULL) == 0);
    ordo_ruleset_identify(copy);
    return copy;
}

/* <0, 0, >0, as a folder that is read has them: by kind, then by name. */
static int compare(const struct ordo_script_file *file, enum ordo_script_kind kind, ordo_str path)
{
    size_t len = strlen(file->path);
    int order;

    if (file->kind != kind)
        return file->kind < kind ? -1 : 1;
    order = memcmp(file->path, path.ptr, len < path.len ? len : path.len);
    return order != 0 ? order : (len > path.len) - (len < path.len);
}

/* Where the path is, or would be. */
static size_t place_of(const struct ordo_ruleset *ruleset, enum ordo_script_kind kind, ordo_str path,
                       bool *ret_is_there)
{
    size_t low = 0, high = ruleset->count;

    *ret_is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&ruleset->files[middle], kind, path);

        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static char *copy_of(ordo_str text)
{
    char *copy = malloc(text.len + 1);

    ORDO_REQUIRE(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

int ordo_ruleset_put(struct ordo_ruleset *ruleset, ordo_str path, ordo_str source, struct ordo_error *err)
{
    enum ordo_script_kind kind;
    struct ordo_script_file *file;
    bool is_there;
    size_t at;

    ORDO_REQUIRE(ordo_script_path_parse(path, &kind));
    if (source.len > ordo_script_file_max(kind))
        return ordo_fail(err, ORDO_ELIMIT, NULL, "the file is over %zu MiB; split it",
                         ordo_script_file_max(kind) >> 20);
    at = place_of(ruleset, kind, path, &is_there);
    if (!is_there) {
        if (ruleset->count == ORDO_SCRIPT_FILES_MAX)
            return ordo_fail(err, ORDO_ELIMIT, NULL, "there are %d files, and there may not be more",
                             ORDO_SCRIPT_FILES_MAX);
        ruleset->files = realloc(ruleset->files, (ruleset->count + 1) * sizeof(*ruleset->files));
        ORDO_REQUIRE(ruleset->files != NULL);
        memmove(&ruleset->files[at + 1], &ruleset->files[at],
                (ruleset->count - at) * sizeof(*ruleset->files));
        ruleset->files[at] = (struct ordo_script_file){.kind = kind, .path = copy_of(path)};
        ruleset->count++;
    }
    file = &ruleset->files[at];
    free(file->source);
    file->source = copy_of(source);
    file->len = source.len;
    return 0;
}

bool ordo_ruleset_remove(struct ordo_ruleset *ruleset, ordo_str path)
{
    enum ordo_script_kind kind;
    bool is_there = false;
    size_t at = ordo_script_path_parse(path, &kind) ? place_of(ruleset, kind, path, &is_there) : 0;

    if (!is_there)
        return false;
    free(ruleset->files[at].path);
    free(ruleset->files[at].source);
    ruleset->count--;
    memmove(&ruleset->files[at], &ruleset->files[at + 1], (ruleset->count - at) * sizeof(*ruleset->files));
    return true;
}

const struct ordo_script_file *ordo_ruleset_find(const struct ordo_ruleset *ruleset, ordo_str path)
{
    enum ordo_script_kind kind;
    bool is_there = false;
    size_t at = ordo_script_path_parse(path, &kind) ? place_of(ruleset, kind, path, &is_there) : 0;

    return is_there ? &ruleset->files[at] : NULL;
}

bool ordo_script_file_equal(const struct ordo_script_file *a, const struct ordo_script_file *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->len == b->len && memcmp(a->source, b->source, a->len) == 0;
}

/* Takes what stands before the next NUL. */
static bool take_text(ordo_str *bytes, ordo_str *ret_text)
{
    const char *end = bytes->len == 0 ? NULL : memchr(bytes->ptr, '\0', bytes->len);

    if (end == NULL)
        return false;
    *ret_text = (ordo_str){bytes->ptr, (size_t)(end - bytes->ptr)};
    bytes->len -= ret_text->len + 1;
    bytes->ptr = end + 1;
    return true;
}

static bool take_file(ordo_str *bytes, struct ordo_ruleset *ruleset)
{
    enum ordo_script_kind kind;
    ordo_str path, number;
    char *end;
    size_t len;

    if (!take_text(bytes, &path) || !take_text(bytes, &number) || !ordo_script_path_parse(path, &kind) ||
        number.len == 0)
        return false;
    len = strtoul(number.ptr, &end, 10);
    if (*end != '\0' || len > bytes->len ||
        ordo_ruleset_put(ruleset, path, (ordo_str){bytes->ptr, len}, NULL) != 0)
        return false;
    bytes->ptr += len;
    bytes->len -= len;
    return true;
}

struct ordo_ruleset *ordo_ruleset_unpack(ordo_str bytes, const char *folder)
{
    struct ordo_ruleset *ruleset = ruleset_new(folder);

    while (bytes.len > 0)
        if (!take_file(&bytes, ruleset)) {
            ordo_ruleset_unref(ruleset);
            return NULL;
        }
    ordo_ruleset_identify(ruleset);
    return ruleset;
}
