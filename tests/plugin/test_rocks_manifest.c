/* SPDX-License-Identifier: MIT
 * test_rocks_manifest.c: the list of files that RocksDB keeps (MANIFEST, and CURRENT that names it), damaged: a start refuses
 * with a sentence that names the file, or has each order.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
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

/* Some 6 sorted files: a memory for writes is 1 MiB. */
enum { ORDERS = 1500, CLAIM_AT = 48 /* the claim's size in the mark */, STEP = 31 };

static const char *module;

static char *path_of(const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", rocks_db, name) > 0);
    return path;
}

static char *manifest_path(void)
{
    char *current = path_of("CURRENT"), *name = fake_read_file(current, NULL), *path;

    assert_non_null(name);
    name[strcspn(name, "\n")] = '\0';
    path = path_of(name);
    free(name);
    free(current);
    return path;
}

static size_t size_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* How much of the MANIFEST the mark speaks of. */
static size_t claimed(void)
{
    char *path = path_of("acknowledged"), *mark;
    uint64_t size;
    size_t len;

    mark = fake_read_file(path, &len);
    assert_non_null(mark);
    assert_int_equal(len, 104);
    memcpy(&size, mark + CLAIM_AT, sizeof(size));
    free(mark);
    free(path);
    return size;
}

static void wait_for_the_claim(void)
{
    char *manifest = manifest_path();

    alarm(FAKE_WAIT_S);
    while (claimed() < size_of(manifest))
        sched_yield();
    alarm(0);
    free(manifest);
}

/* In a child that is killed with all orders acknowledged: the older ones in sorted files, and the newer in a log. */
static void fill_and_kill(void (*at_the_end)(struct fake_plugin *store))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        /* The indexes have room for all: who files them may be held. */
        struct fake_plugin *store = store_open(
            module, (const char *const[]){rocks_settings[0], "cache=1MiB", "write_buffer=1MiB", NULL});

        rocks_fill_with_noise(store, 0, ORDERS / 2);
        at_the_end(store);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(rocks_count_files(".sst") > 3);
}

static void write_and_wait(struct fake_plugin *store)
{
    rocks_fill_with_noise(store, ORDERS / 2, ORDERS);
    wait_for_the_claim();
}

/* The plugin's, too: who syncs the file with this inode so stays there. RocksDB syncs it by fdatasync. */
static _Atomic ino_t held;
__attribute__((visibility("default"))) int fsync(int fd);
int fsync(int fd)
{
    struct stat status;

    while (atomic_load(&held) != 0 && fstat(fd, &status) == 0 && status.st_ino == atomic_load(&held))
        pause();
    return (int)syscall(SYS_fsync, fd);
}

/* The claim comes no further, as in a process that is killed just behind a flush. */
static void hold_and_write(struct fake_plugin *store)
{
    char *manifest = manifest_path();
    struct stat status;

    wait_for_the_claim();
    assert_int_equal(stat(manifest, &status), 0);
    atomic_store(&held, status.st_ino);
    free(manifest);
    rocks_fill_with_noise(store, ORDERS / 2, ORDERS);
}

/* A file, or a folder, in the place of what is there. */
static void copy(const char *from, const char *to)
{
    char command[512];

    snprintf(command, sizeof(command), "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

enum outcome { SAME, REFUSED, REFUSED_BY_US, ABORTED, WRONG };

static enum outcome judge(struct fake_plugin *store)
{
    const struct ordo_error *err = &store->err;

    if (store->self == NULL) {
        if (err->code != ORDO_EIO || strcmp(err->place, rocks_db) != 0)
            return WRONG;
        return strstr(err->message, "its file MANIFEST-") != NULL &&
                       strstr(err->message, "restore a backup") != NULL
                   ? REFUSED_BY_US
                   : REFUSED;
    }
    if (store_stat(store).records != ORDERS)
        return WRONG;
    for (unsigned i = 0; i < ORDERS; i++)
        if (!store_has(store, i))
            return WRONG;
    return SAME;
}

static enum outcome look(void)
{
    struct fake_plugin *store = fake_plugin_open(module, rocks_settings);
    enum outcome outcome = judge(store);

    fake_plugin_close(store);
    return outcome;
}

/* In a child, since RocksDB may end it by an assertion. */
static enum outcome look_in_child(void)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(WRONG);
        _exit((int)look());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return ABORTED;
    return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : WRONG;
}

static void flip_bit(const char *path, size_t offset, unsigned bit)
{
    FILE *file = fopen(path, "r+e");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    byte = fgetc(file);
    assert_true(byte != EOF);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    assert_true(fputc(byte ^ 1 << bit, file) != EOF);
    assert_int_equal(fclose(file), 0);
}

/* One bit of each byte from there on, or of each of `step` bytes; all bits of each byte with ORDO_TEST_ALL_BITS. */
static void flip_each(size_t first, size_t step)
{
    char *manifest = manifest_path(), whole[sizeof(rocks_folder) + 16];
    size_t counts[WRONG + 1] = {0}, size = size_of(manifest), claim = claimed();
    bool all = getenv("ORDO_TEST_ALL_BITS") != NULL;

    snprintf(whole, sizeof(whole), "%s/whole", rocks_folder);
    copy(rocks_db, whole);
    for (size_t i = 0; first + (all ? i / 8 : i * step) < size; i++) {
        size_t offset = first + (all ? i / 8 : i * step);
        enum outcome outcome;

        flip_bit(manifest, offset, i % 8);
        outcome = offset < claim ? look() : look_in_child();
        counts[outcome]++;
        if (outcome == WRONG || (offset < claim) != (outcome == REFUSED_BY_US))
            fail_msg("byte %zu of %zu, %zu claimed, bit %zu: outcome %d", offset, size, claim, i % 8,
                     (int)outcome);
        if (outcome == REFUSED_BY_US) /* which has changed nothing */
            flip_bit(manifest, offset, i % 8);
        else
            copy(whole, rocks_db);
    }
    print_message(
        "%zu bytes, %zu claimed: %zu refused by the store and %zu by RocksDB, %zu aborted, %zu the same\n",
        size, claim, counts[REFUSED_BY_US], counts[REFUSED], counts[ABORTED], counts[SAME]);
    assert_int_equal(look_in_child(), SAME);
    free(manifest);
}

static void test_each_flip_in_what_is_claimed_is_refused(void **state)
{
    (void)state;
    fill_and_kill(write_and_wait);
    flip_each(0, 1);
}

/* The next record of the MANIFEST: a check value, a length of two bytes, a kind. It is smaller than a block of records. */
static size_t next_record(const char *path, size_t at)
{
    size_t len, next;
    char *content = fake_read_file(path, &len);

    assert_non_null(content);
    assert_true(len < 32768);
    assert_true(at + 7 <= len);
    next = at + 7 + (uint8_t)content[at + 4] + ((size_t)(uint8_t)content[at + 5] << 8);
    free(content);
    return next;
}

/* RocksDB then takes it, and all behind it, for an end that was not finished: it opens the state before. */
static void test_record_that_seems_longer_than_the_file_loses_nothing(void **state)
{
    char *manifest, whole[sizeof(rocks_folder) + 16];
    unsigned records = 0, behind = 0;
    size_t claim, size;

    (void)state;
    fill_and_kill(hold_and_write);
    manifest = manifest_path();
    claim = claimed();
    size = size_of(manifest);
    snprintf(whole, sizeof(whole), "%s/whole", rocks_folder);
    copy(rocks_db, whole);
    for (size_t at = 0; at < size; at = next_record(manifest, at), records++) {
        flip_bit(manifest, at + 5, 6);
        assert_int_equal(look_in_child(), at < claim ? REFUSED_BY_US : SAME);
        copy(whole, rocks_db);
        behind += at >= claim;
    }
    print_message("%u records, %u behind the claim\n", records, behind);
    assert_true(behind >= 10);
    assert_true(records > behind);
    free(manifest);
}

static void test_flips_behind_the_claim_lose_nothing(void **state)
{
    (void)state;
    fill_and_kill(hold_and_write);
    flip_each(claimed(), STEP);
}

static void expect_refused(const char *sentence)
{
    struct fake_plugin *store = fake_plugin_open(module, rocks_settings);

    assert_null(store->self);
    assert_int_equal(store->err.code, ORDO_EIO);
    assert_string_equal(store->err.place, rocks_db);
    if (strstr(store->err.message, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", store->err.message, sentence);
    fake_plugin_close(store);
}

static void fill_and_close(void)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    rocks_fill_with_noise(store, 0, ORDERS);
    fake_plugin_close(store);
}

static void test_close_claims_all(void **state)
{
    char *manifest;

    (void)state;
    fill_and_close();
    manifest = manifest_path();
    assert_int_equal(claimed(), size_of(manifest));
    flip_bit(manifest, size_of(manifest) - 1, 0);
    expect_refused(
        "bytes are not as they were written, so acknowledged orders may be missing; restore a backup");
    free(manifest);
}

static void test_manifest_that_is_cut_off_is_refused(void **state)
{
    char *manifest, sentence[128];
    size_t size;

    (void)state;
    fill_and_close();
    manifest = manifest_path();
    size = size_of(manifest);
    assert_int_equal(truncate(manifest, (off_t)size - 1), 0);
    snprintf(sentence, sizeof(sentence), "is cut off: it has %zu bytes of %zu", size - 1, size);
    expect_refused(sentence);
    assert_int_equal(unlink(manifest), 0);
    expect_refused("cannot be read: No such file or directory");
    free(manifest);
}

/* RocksDB itself would make an empty database, and delete the sorted files. */
static void test_current_that_is_gone_or_damaged_is_refused(void **state)
{
    char *current = path_of("CURRENT"), *aside = path_of("aside"), *mark = path_of("acknowledged");

    (void)state;
    fill_and_close();
    assert_int_equal(rename(current, aside), 0);
    expect_refused("its file CURRENT cannot be read: No such file or directory");
    assert_non_null(strstr(rocks_verify_all(module, NULL).err.message, "its file CURRENT cannot be read"));
    assert_int_equal(unlink(mark), 0);
    expect_refused("its file CURRENT cannot be read: No such file or directory");
    assert_int_equal(rename(aside, current), 0);
    flip_bit(current, 3, 0);
    expect_refused("its file CURRENT is damaged");
    flip_bit(current, 3, 0);
    assert_int_equal(look_in_child(), SAME);
    free(mark);
    free(aside);
    free(current);
}

static void test_current_that_names_an_older_manifest_is_refused(void **state)
{
    char *current = path_of("CURRENT"), *older = path_of("older");

    (void)state;
    fill_and_close();
    copy(current, older);
    fake_plugin_close(store_open(module, rocks_settings)); /* begins another */
    assert_int_equal(rename(older, current), 0);
    expect_refused("and not the newer MANIFEST-");
    free(older);
    free(current);
}

/* An earlier version's mark has no claim; nor has a folder without a mark. The next open writes it. */
static void test_folder_without_a_claim_opens_and_gets_one(void **state)
{
    char *mark = path_of("acknowledged"), *manifest;
    struct fake_plugin *store;

    (void)state;
    fill_and_close();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i == 0 ? truncate(mark, 40) : unlink(mark), 0);
        store = store_open(module, rocks_settings);
        assert_int_equal(fake_log_count(store, "damaged"), 0);
        assert_int_equal(store_stat(store).records, ORDERS);
        fake_plugin_close(store);
        manifest = manifest_path();
        assert_int_equal(claimed(), size_of(manifest));
        flip_bit(manifest, size_of(manifest) / 2, 0);
        expect_refused("is damaged");
        flip_bit(manifest, size_of(manifest) / 2, 0);
        free(manifest);
    }
    free(mark);
}

static void test_half_a_claim_still_guards(void **state)
{
    char *mark = path_of("acknowledged"), *manifest;
    struct fake_plugin *store;

    (void)state;
    fill_and_close();
    flip_bit(mark, CLAIM_AT, 3);
    manifest = manifest_path();
    flip_bit(manifest, 100, 0);
    expect_refused("is damaged");
    flip_bit(manifest, 100, 0);
    store = store_open(module, rocks_settings);
    assert_int_equal(fake_log_count(store, "acknowledged: one of its entries is damaged"), 1);
    fake_plugin_close(store);
    assert_int_equal(look_in_child(), SAME);
    free(manifest);
    free(mark);
}

static void test_verify_names_the_manifest(void **state)
{
    struct rocks_findings findings;
    char *manifest;

    (void)state;
    fill_and_close();
    assert_int_equal(rocks_verify_all(module, NULL).result, 0);
    manifest = manifest_path();
    flip_bit(manifest, size_of(manifest) - 5, 1);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.result, ORDO_EIO);
    assert_non_null(strstr(findings.err.message, "its file MANIFEST-"));
    free(manifest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_each_flip_in_what_is_claimed_is_refused),
        ROCKS_CASE(test_record_that_seems_longer_than_the_file_loses_nothing),
        ROCKS_CASE(test_flips_behind_the_claim_lose_nothing),
        ROCKS_CASE(test_close_claims_all),
        ROCKS_CASE(test_manifest_that_is_cut_off_is_refused),
        ROCKS_CASE(test_current_that_is_gone_or_damaged_is_refused),
        ROCKS_CASE(test_current_that_names_an_older_manifest_is_refused),
        ROCKS_CASE(test_folder_without_a_claim_opens_and_gets_one),
        ROCKS_CASE(test_half_a_claim_still_guards),
        ROCKS_CASE(test_verify_names_the_manifest),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
