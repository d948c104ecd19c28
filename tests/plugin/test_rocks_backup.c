/* SPDX-License-Identifier: MIT
 * test_rocks_backup.c: a backup of a store that goes on, and a store made of it.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"

static const char *module;
static char backup[96], other_db[96], other_setting[128];
static const char *const other_settings[] = {other_setting, "cache=1MiB", "write_buffer=1MiB", NULL};

static int make_names(void **state)
{
    int result = rocks_make_folder(state);

    snprintf(backup, sizeof(backup), "%s/backup", rocks_folder);
    snprintf(other_db, sizeof(other_db), "%s/other", rocks_folder);
    snprintf(other_setting, sizeof(other_setting), "path=%s", other_db);
    return result;
}

static int make_backup(struct fake_plugin *store, struct ordo_store_report *ret_report,
                       struct ordo_error *err)
{
    const struct ordo_store_ops *ops = store->plugin->ops;

    *ret_report = (struct ordo_store_report){.size = sizeof(*ret_report)};
    return ops->backup(store->self, backup, ret_report, err);
}

static int restore(struct ordo_store_report *ret_report, struct ordo_error *err)
{
    struct fake_plugin *store = fake_plugin_load(module, other_settings);
    const struct ordo_store_ops *ops = store->plugin->ops;
    int result;

    *ret_report = (struct ordo_store_report){.size = sizeof(*ret_report)};
    result = ops->restore(&store->host, store->options, backup, ret_report, err);
    fake_plugin_close(store);
    return result;
}

struct load {
    struct fake_plugin *store;
    _Atomic unsigned acknowledged;
    _Atomic bool stop;
};

static void *write_on(void *context)
{
    struct load *load = context;

    for (unsigned number = 0; !atomic_load(&load->stop) && number < 100000; number++) {
        if (store_write(load->store, store_record(number, ORDO_STATUS_DONE), ABSENT) != 0)
            return context;
        atomic_store(&load->acknowledged, number + 1);
    }
    return NULL;
}

static void test_backup_under_load_has_all_that_was_acknowledged(void **state)
{
    struct load load = {.store = store_open(module, rocks_settings)};
    struct stat status;
    struct ordo_store_report made, restored;
    struct rocks_findings findings;
    struct fake_plugin *store;
    struct ordo_error err;
    unsigned before;
    pthread_t thread;
    void *failed;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &load), 0);
    while ((before = atomic_load(&load.acknowledged)) < 300)
        sched_yield();
    assert_int_equal(make_backup(load.store, &made, &err), 0);
    assert_int_equal(stat(backup, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    atomic_store(&load.stop, true);
    pthread_join(thread, &failed);
    assert_null(failed);
    fake_plugin_close(load.store);
    assert_true(made.orders >= before);
    assert_true(made.bytes > 0);

    findings = rocks_verify_all(module, backup);
    assert_int_equal(findings.result, 0);
    assert_string_equal(findings.first[0], "");
    assert_int_equal(findings.report.orders, made.orders);
    assert_int_equal(restore(&restored, &err), 0);
    assert_int_equal(restored.orders, made.orders);
    store = store_open(module, other_settings);
    assert_int_equal(store_stat(store).records, made.orders);
    for (unsigned i = 0; i < made.orders; i++)
        assert_true(store_has(store, i));
    rocks_fill(store, 200000, 200010, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    assert_int_equal(rocks_verify_all(module, backup).report.orders, made.orders); /* it was left as it was */
}

static void test_backup_does_not_touch_what_is_there(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_report report;
    struct ordo_error err;

    (void)state;
    assert_int_equal(mkdir(backup, 0700), 0);
    assert_int_equal(make_backup(store, &report, &err), ORDO_EEXISTS);
    assert_non_null(strstr(err.message, "name a folder that does not"));
    assert_string_equal(err.place, backup);
    assert_int_equal(rmdir(backup), 0); /* still empty */
    snprintf(backup, sizeof(backup), "%s/not/there", rocks_folder);
    assert_int_equal(make_backup(store, &report, &err), ORDO_ECONFIG);
    *strrchr(backup, '/') = '\0';
    assert_string_equal(err.place, backup);
    assert_string_equal(err.message, "there is no such folder to make the backup in; make it first");
    rocks_fill(store, 0, 1, ORDO_STATUS_DONE);
    fake_plugin_close(store);
}

static void fill_and_back_up(void)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_report report;
    struct ordo_error err;

    rocks_fill(store, 0, 20, ORDO_STATUS_HELD);
    assert_int_equal(make_backup(store, &report, &err), 0);
    assert_int_equal(report.orders, 20);
    fake_plugin_close(store);
}

static void test_what_a_killed_backup_left_is_cleared(void **state)
{
    char part[128];

    (void)state;
    snprintf(part, sizeof(part), "%s.part", backup);
    assert_int_equal(mkdir(part, 0700), 0);
    fill_and_back_up();
    assert_int_equal(access(part, F_OK), -1);
}

static void make_files(const char *folder, const char *const *files)
{
    char path[256];
    FILE *file;

    assert_int_equal(mkdir(folder, 0700), 0);
    for (; *files != NULL; files++) {
        snprintf(path, sizeof(path), "%s/%s", folder, *files);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
}

/* The call was refused because of the first of these files, and all of them are there. They are removed. */
static void assert_kept(const char *folder, const char *const *files, int result,
                        const struct ordo_error *err)
{
    char text[256];

    assert_int_equal(result, ORDO_EEXISTS);
    assert_string_equal(err->place, folder);
    snprintf(text, sizeof(text), "it has '%s' in it; move it away", files[0]);
    assert_non_null(strstr(err->message, text));
    for (; *files != NULL; files++) {
        snprintf(text, sizeof(text), "%s/%s", folder, *files);
        assert_int_equal(unlink(text), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_what_is_somebody_elses_is_not_cleared(void **state)
{
    /* A file of somebody's, a whole backup, a store that may be in use, names that are nearly RocksDB's. */
    static const char *const folders[][4] = {
        {"letter.txt"}, {"backup.txt", "CURRENT", "000012.sst"}, {"lock", "CURRENT"}, {"x12.sst"}, {".sst"},
        {"12.sst.gz"}};
    struct ordo_store_report report;
    struct fake_plugin *store;
    struct ordo_error err;
    char part[128], staging[128], restoring[128];

    (void)state;
    snprintf(part, sizeof(part), "%s.part", backup);
    snprintf(staging, sizeof(staging), "%s.part.tmp", backup);
    snprintf(restoring, sizeof(restoring), "%s.restoring", other_db);
    store = store_open(module, rocks_settings);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        make_files(part, folders[i]);
        assert_kept(part, folders[i], make_backup(store, &report, &err), &err);
        make_files(staging, folders[i]);
        assert_kept(staging, folders[i], make_backup(store, &report, &err), &err);
    }
    assert_int_equal(symlink("/tmp", part), 0); /* whatever is there */
    assert_int_equal(make_backup(store, &report, &err), ORDO_EEXISTS);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(make_backup(store, &report, &err), 0);
    fake_plugin_close(store);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        make_files(restoring, folders[i]);
        assert_kept(restoring, folders[i], restore(&report, &err), &err);
    }
    assert_int_equal(restore(&report, &err), 0);
}

static void test_backup_says_what_it_is(void **state)
{
    char path[128], *text;

    (void)state;
    fill_and_back_up();
    snprintf(path, sizeof(path), "%s/backup.txt", backup);
    text = fake_read_file(path, NULL);
    assert_non_null(text);
    assert_non_null(strstr(text, "store: store_rocksdb\nlayout: "));
    assert_non_null(strstr(text, "\norders: 20\nmade_at: 20"));
    free(text);
}

static void test_restore_does_not_replace_a_store(void **state)
{
    struct ordo_store_report report;
    struct fake_plugin *store;
    struct ordo_error err;

    (void)state;
    fill_and_back_up();
    store = store_open(module, other_settings);
    rocks_fill(store, 5, 6, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    assert_int_equal(restore(&report, &err), ORDO_EEXISTS);
    assert_non_null(strstr(err.message, "there is a store already; move this folder away first"));
    store = store_open(module, other_settings);
    assert_int_equal(store_stat(store).records, 1);
    fake_plugin_close(store);
}

/* In a child, since locks are a process's. */
static void test_restore_and_verify_tell_who_uses_the_store(void **state)
{
    int ends[2], back[2], status;
    struct ordo_store_report report;
    struct rocks_findings findings;
    struct ordo_error err;
    char byte, expected[64];
    pid_t child;

    (void)state;
    fill_and_back_up();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(back), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        store_open(module, rocks_settings);
        _exit(write(ends[1], "x", 1) == 1 && read(back[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    snprintf(expected, sizeof(expected), "process %d uses this folder", (int)child);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.result, ORDO_EEXISTS);
    assert_non_null(strstr(findings.err.message, expected));
    snprintf(other_setting, sizeof(other_setting), "path=%s", rocks_db);
    assert_int_equal(restore(&report, &err), ORDO_EEXISTS);
    assert_non_null(strstr(err.message, expected));
    assert_int_equal(write(back[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(back[i]);
    }
}

/* A restore that was killed has its files aside: an open sees no store, and the next restore begins anew. */
static void test_restore_that_was_killed_is_no_store(void **state)
{
    struct ordo_store_report report;
    struct ordo_error err;
    char aside[128], file[160];
    FILE *torn;

    (void)state;
    fill_and_back_up();
    snprintf(aside, sizeof(aside), "%s.restoring", other_db);
    snprintf(file, sizeof(file), "%s/CURRENT", aside);
    assert_int_equal(mkdir(aside, 0700), 0);
    torn = fopen(file, "we");
    assert_non_null(torn);
    assert_int_equal(fclose(torn), 0);
    assert_int_equal(restore(&report, &err), 0);
    assert_int_equal(access(aside, F_OK), -1);
    fake_plugin_close(store_open(module, other_settings));
}

static void test_folder_that_is_no_backup_is_refused(void **state)
{
    struct ordo_store_report report;
    struct ordo_error err;
    char path[128];

    (void)state;
    fill_and_back_up();
    snprintf(path, sizeof(path), "%s/backup.txt", backup);
    assert_int_equal(unlink(path), 0);
    assert_true(restore(&report, &err) < 0);
    assert_non_null(strstr(err.message, "it is not a whole backup"));
    assert_int_equal(access(other_db, F_OK), -1);
}

/* The plugin's, too: syncs of the folder with this inode fail. */
static ino_t unsyncable;
__attribute__((visibility("default"))) int fsync(int fd);
int fsync(int fd)
{
    struct stat status;

    if (unsyncable != 0 && fstat(fd, &status) == 0 && status.st_ino == unsyncable) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void test_what_cannot_be_made_durable_is_not_left(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_report report;
    struct ordo_error err;
    struct stat parent;

    (void)state;
    rocks_fill(store, 0, 20, ORDO_STATUS_HELD);
    assert_int_equal(stat(rocks_folder, &parent), 0);
    unsyncable = parent.st_ino;
    assert_int_equal(make_backup(store, &report, &err), -EIO);
    assert_string_equal(err.message, "cannot put it in its place: Input/output error");
    assert_int_equal(access(backup, F_OK), -1);
    unsyncable = 0;
    assert_int_equal(make_backup(store, &report, &err), 0);
    fake_plugin_close(store);
    unsyncable = parent.st_ino;
    assert_int_equal(restore(&report, &err), -EIO);
    assert_string_equal(err.place, other_db);
    assert_int_equal(access(other_db, F_OK), -1);
    unsyncable = 0;
    assert_int_equal(restore(&report, &err), 0);
}

/* restore and verify refuse with this, and nothing is restored. */
static void expect_refused(const char *sentence)
{
    struct rocks_findings findings = rocks_verify_all(module, backup);
    struct ordo_store_report report;
    struct ordo_error err;

    assert_int_equal(restore(&report, &err), ORDO_EIO);
    assert_string_equal(err.place, backup);
    if (strstr(err.message, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, sentence);
    assert_int_equal(access(other_db, F_OK), -1);
    assert_int_equal(findings.result, ORDO_EIO);
    assert_string_equal(findings.err.message, err.message);
}

static void test_backup_without_one_of_its_files_is_refused(void **state)
{
    char path[sizeof(backup) + 32], aside[sizeof(backup) + 32], sentence[128], *table;
    struct ordo_store_report report;
    struct ordo_error err;
    const char *name;
    struct stat status;

    (void)state;
    fill_and_back_up();
    table = rocks_largest_file(".sst");
    name = strrchr(table, '/') + 1;
    snprintf(path, sizeof(path), "%s/%s", backup, name);
    snprintf(aside, sizeof(aside), "%s/aside", rocks_folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(rename(path, aside), 0);
    snprintf(sentence, sizeof(sentence), "it is not whole: its file %s cannot be found: No such file", name);
    expect_refused(sentence);
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(truncate(path, status.st_size - 1), 0);
    snprintf(sentence, sizeof(sentence), "its file %s has %lld bytes and not %lld; copy it again", name,
             (long long)status.st_size - 1, (long long)status.st_size);
    expect_refused(sentence);
    assert_int_equal(truncate(path, status.st_size), 0); /* restore looks at sizes, verify at bytes */
    assert_int_equal(restore(&report, &err), 0);
    free(table);
}

static void test_list_of_files_that_is_cut_off_is_refused(void **state)
{
    char path[sizeof(backup) + 32], *text, *made_at;
    struct ordo_store_report report;
    struct ordo_error err;
    struct stat status;

    (void)state;
    fill_and_back_up();
    snprintf(path, sizeof(path), "%s/backup.txt", backup);
    assert_int_equal(stat(path, &status), 0);
    text = fake_read_file(path, NULL);
    assert_non_null(text);
    assert_int_equal(truncate(path, status.st_size / 2), 0);
    expect_refused("it is not whole: its ");
    /* An earlier version wrote none. */
    made_at = strstr(text, "files: ");
    assert_non_null(made_at);
    assert_int_equal(truncate(path, made_at - text), 0);
    assert_int_equal(restore(&report, &err), 0);
    assert_int_equal(report.orders, 20);
    free(text);
}

static void test_backup_with_a_damaged_manifest_is_refused(void **state)
{
    char path[sizeof(backup) + 32], *current;
    struct stat status;

    (void)state;
    fill_and_back_up();
    snprintf(path, sizeof(path), "%s/CURRENT", backup);
    current = fake_read_file(path, NULL);
    assert_non_null(current);
    snprintf(path, sizeof(path), "%s/%.*s", backup, (int)strcspn(current, "\n"), current);
    assert_int_equal(stat(path, &status), 0);
    rocks_flip(path, (size_t)status.st_size - 1);
    expect_refused("is damaged: its first ");
    free(current);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_names, rocks_remove_folder)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_backup_under_load_has_all_that_was_acknowledged),
        CASE(test_backup_does_not_touch_what_is_there),
        CASE(test_what_a_killed_backup_left_is_cleared),
        CASE(test_what_is_somebody_elses_is_not_cleared),
        CASE(test_backup_says_what_it_is),
        CASE(test_restore_does_not_replace_a_store),
        CASE(test_restore_and_verify_tell_who_uses_the_store),
        CASE(test_restore_that_was_killed_is_no_store),
        CASE(test_folder_that_is_no_backup_is_refused),
        CASE(test_what_cannot_be_made_durable_is_not_left),
        CASE(test_backup_without_one_of_its_files_is_refused),
        CASE(test_list_of_files_that_is_cut_off_is_refused),
        CASE(test_backup_with_a_damaged_manifest_is_refused),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
