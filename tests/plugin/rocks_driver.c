/* SPDX-License-Identifier: MIT
 * rocks_driver.c: a folder of the test's own, and its files.
 */
#include "rocks_driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "random.h"

char rocks_folder[64], rocks_db[80];
static char path_setting[96];
const char *const rocks_settings[] = {path_setting, "cache=1MiB", "write_buffer=1MiB", "index_buffer=64KiB",
                                      NULL};

/* In memory, where there is room: what is tested is no disk, and real syncs only cost time. */
static const char *scratch(void)
{
    const uint64_t enough = (uint64_t)1 << 30;
    struct statvfs space;

    return statvfs("/dev/shm", &space) == 0 && access("/dev/shm", W_OK) == 0 &&
                   (uint64_t)space.f_bavail * space.f_frsize > enough
               ? "/dev/shm"
               : "/tmp";
}

int rocks_make_folder(void **state)
{
    (void)state;
    snprintf(rocks_folder, sizeof(rocks_folder), "%s/ordo-store-XXXXXX", scratch());
    if (mkdtemp(rocks_folder) == NULL)
        return -1;
    snprintf(rocks_db, sizeof(rocks_db), "%s/db", rocks_folder);
    snprintf(path_setting, sizeof(path_setting), "path=%s", rocks_db);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

int rocks_remove_folder(void **state)
{
    (void)state;
    return nftw(rocks_folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void rocks_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status)
{
    for (unsigned i = from; i < to; i++)
        assert_int_equal(store_write(store, store_record(i, status), ABSENT), 0);
}

void rocks_fill_with_noise(struct fake_plugin *store, unsigned from, unsigned to)
{
    struct random_state random = random_from(from + 1);
    char order[ROCKS_NOISE];

    for (unsigned number = from; number < to; number++) {
        struct ordo_record record = store_record(number, ORDO_STATUS_DONE);

        for (size_t i = 0; i < sizeof(order); i++)
            order[i] = (char)(1 + random_below(&random, 255));
        snprintf(order, 16, "tag-%u.", number);
        record.order = (ordo_str){order, sizeof(order)};
        assert_int_equal(store_write(store, record, ABSENT), 0);
    }
}

void rocks_fill_and_kill(const char *module, unsigned from, unsigned to)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct fake_plugin *store = store_open(module, rocks_settings);

        for (unsigned i = from; i < to; i++)
            if (store_write(store, store_record(i, ORDO_STATUS_DONE), ABSENT) != 0)
                _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* Calls with the path and size of each file that ends so. */
static void each_file(const char *suffix, void (*visit)(void *context, const char *path, off_t size),
                      void *context)
{
    DIR *entries = opendir(rocks_db);
    struct dirent *entry;
    struct stat status;
    char path[sizeof(rocks_db) + 256];

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name), suffix_len = strlen(suffix);

        if (len < suffix_len || strcmp(entry->d_name + len - suffix_len, suffix) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", rocks_db, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        visit(context, path, status.st_size);
    }
    closedir(entries);
}

struct largest {
    char *path;
    off_t size;
};

static void keep_largest(void *context, const char *path, off_t size)
{
    struct largest *largest = context;

    if (largest->path != NULL && size <= largest->size)
        return;
    free(largest->path);
    *largest = (struct largest){strdup(path), size};
}

char *rocks_largest_file(const char *suffix)
{
    struct largest largest = {0};

    each_file(suffix, keep_largest, &largest);
    assert_non_null(largest.path);
    return largest.path;
}

static void count_filled(void *context, const char *path, off_t size)
{
    (void)path;
    *(size_t *)context += size > 0;
}

size_t rocks_count_files(const char *suffix)
{
    size_t count = 0;

    each_file(suffix, count_filled, &count);
    return count;
}

void rocks_flip(const char *path, size_t offset)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

size_t rocks_find_bytes(const char *path, const char *bytes)
{
    size_t len, offset;
    char *content = fake_read_file(path, &len), *found;

    assert_non_null(content);
    found = memmem(content, len, bytes, strlen(bytes));
    assert_non_null(found);
    offset = (size_t)(found - content);
    free(content);
    return offset;
}

static void note_finding(void *context, const char *message)
{
    struct rocks_findings *findings = context;

    if (findings->count < sizeof(findings->first) / sizeof(findings->first[0]))
        snprintf(findings->first[findings->count], sizeof(findings->first[0]), "%s", message);
    findings->count++;
}

struct rocks_findings rocks_verify_all(const char *module, const char *folder)
{
    struct rocks_findings findings = {.report = {.size = sizeof(findings.report)}};
    struct fake_plugin *store = fake_plugin_load(module, rocks_settings);
    const struct ordo_store_ops *ops = store->plugin->ops;

    findings.result = ops->verify(&store->host, store->options, folder, note_finding, &findings,
                                  &findings.report, &findings.err);
    fake_plugin_close(store);
    return findings;
}
