/* SPDX-License-Identifier: MIT
 * rocks_backup_text.c: backup.txt, what a backup says of itself: how it was made, and which files it has. A file that was
 * lost or cut off on the way is so named by a restore, and not by an open that fails later.
 */
#include "rocks_maintenance.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { FILE_NAME_BYTES = 256 /* with the format below */ };

/* A line for each file. Their number, or a code. */
static int64_t list_files(const char *folder, FILE *out)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    struct stat status;
    int64_t count = 0;

    if (entries == NULL)
        return -errno;
    while (count >= 0 && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(dirfd(entries), entry->d_name, &status, 0) != 0)
            count = -errno;
        else if (fprintf(out, "%s %" PRIu64 "\n", entry->d_name, (uint64_t)status.st_size) < 0)
            count = ORDO_ENOMEM;
        else
            count++;
    }
    closedir(entries);
    return count;
}

static void print_head(FILE *out, uint64_t orders, int64_t files, const struct ordo_host *host)
{
    time_t now = (time_t)(host->utc_ms(host->engine) / 1000);
    char when[32];
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(out, "store: store_rocksdb\nlayout: %d\norders: %" PRIu64 "\nmade_at: %s\nfiles: %" PRId64 "\n",
            ROCKS_LAYOUT, orders, when, files);
}

/* The whole text; free it. 0 or a code. */
static int make_text(const char *folder, uint64_t orders, const struct ordo_host *host, char **ret_text,
                     size_t *ret_len)
{
    char *list = NULL, *text = NULL;
    size_t list_len, len;
    FILE *list_out = open_memstream(&list, &list_len), *out = open_memstream(&text, &len);
    int64_t files = list_out == NULL || out == NULL ? ORDO_ENOMEM : list_files(folder, list_out);
    bool is_whole = list_out != NULL && fclose(list_out) == 0 && files >= 0;

    if (is_whole) {
        print_head(out, orders, files, host);
        fwrite(list, 1, list_len, out);
    }
    if (out != NULL && fclose(out) != 0)
        is_whole = false;
    free(list);
    if (is_whole) {
        *ret_text = text;
        *ret_len = len;
        return 0;
    }
    free(text);
    return files < 0 ? (int)files : ORDO_ENOMEM;
}

int rocks_backup_text_write(const char *folder, uint64_t orders, const struct ordo_host *host,
                            struct ordo_error *err)
{
    char path[ROCKS_PATH_MAX], *text = NULL;
    size_t len = 0;
    int result;

    if (!rocks_path(path, folder, ROCKS_BACKUP_TEXT))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    result = make_text(folder, orders, host, &text, &len);
    if (result == 0)
        result = rocks_write_file(path, text, len);
    free(text);
    return result == 0 ? 0 : host->fail(err, result, path, "cannot write it: %s", strerror(-result));
}

static int check_file(const char *folder, const char *name, uint64_t size, const struct ordo_host *host,
                      struct ordo_error *err)
{
    char path[ROCKS_PATH_MAX];
    struct stat status;

    if (!rocks_path(path, folder, name))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    if (stat(path, &status) != 0)
        return host->fail(err, ORDO_EIO, folder,
                          "it is not whole: its file %s cannot be found: %s; copy it again, or use another "
                          "backup",
                          name, strerror(errno));
    if ((uint64_t)status.st_size != size)
        return host->fail(err, ORDO_EIO, folder,
                          "it is not whole: its file %s has %" PRIu64 " bytes and not %" PRIu64
                          "; copy it again, or use another backup",
                          name, (uint64_t)status.st_size, size);
    return 0;
}

/* Reads the list up to its end. */
static int check_files(FILE *text, uint64_t count, const char *folder, const struct ordo_host *host,
                       struct ordo_error *err)
{
    char name[FILE_NAME_BYTES];
    uint64_t size;
    int result = 0;

    for (uint64_t i = 0; result == 0 && i < count; i++)
        if (fscanf(text, "%255s %" SCNu64, name, &size) == 2)
            result = check_file(folder, name, size, host, err);
        else
            result = host->fail(err, ORDO_EIO, folder, "it is not whole: its %s ends too early",
                                ROCKS_BACKUP_TEXT);
    return result;
}

int rocks_backup_text_check(const char *folder, const struct ordo_host *host, uint64_t *ret_orders,
                            struct ordo_error *err)
{
    char path[ROCKS_PATH_MAX];
    uint64_t orders = 0, files = 0;
    unsigned layout = 0;
    int result = 0, read;
    FILE *text;

    if (!rocks_path(path, folder, ROCKS_BACKUP_TEXT))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    text = fopen(path, "re");
    if (text == NULL)
        return host->fail(err, -errno, folder, "it is not a whole backup, it has no readable %s: %s",
                          ROCKS_BACKUP_TEXT, strerror(errno));
    /* Earlier versions wrote no list of files. */
    read = fscanf(text, "store: store_rocksdb layout: %u orders: %" SCNu64 " made_at: %*s files: %" SCNu64,
                  &layout, &orders, &files);
    if (read < 2)
        result = host->fail(err, ORDO_EIO, path, "it does not say that this is a backup of store_rocksdb");
    else if (layout > ROCKS_LAYOUT)
        result = host->fail(
            err, ORDO_EABI, folder,
            "it is of layout %u, and this ordo knows layouts up to %d; use the version that made it, or a "
            "newer one",
            layout, ROCKS_LAYOUT);
    else
        result = check_files(text, files, folder, host, err);
    fclose(text);
    if (result == 0)
        *ret_orders = orders;
    return result;
}
