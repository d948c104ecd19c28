/* SPDX-License-Identifier: MIT
 * test_crash_table.c: what a process notes before it dies is there for the next one; what is damaged is not
 * believed; a full table forgets the oldest.
 */
#include "base/crash_table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILE_SIZE = 16 + 64 * 152 };

static char folder[] = "/tmp/test_crash_table.XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/crashes", folder);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct ordo_crash_table *open_table(uint32_t damaged)
{
    struct ordo_error err = {0};
    uint32_t seen = UINT32_MAX;
    struct ordo_crash_table *table = ordo_crash_table_open(path, &seen, &err);

    if (table == NULL)
        fail_msg("%s: %s", err.place, err.message);
    assert_int_equal(seen, damaged);
    return table;
}

/* A process of its own that crashes so. */
static void crash(const char *name, int signal, int64_t at_ms)
{
    struct ordo_crash_table *table = open_table(0);

    ordo_crash_table_note(table, ordo_str_from(name), signal, at_ms);
    ordo_crash_table_close(table);
}

static uint32_t count_of(struct ordo_crash_table *table, const char *name)
{
    struct ordo_crash found;

    return ordo_crash_table_find(table, ordo_str_from(name), &found) ? found.count : 0;
}

static void flip_byte(off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_a_new_table_is_empty(void **state)
{
    struct ordo_crash_table *table = open_table(0);
    struct ordo_crash found;
    struct stat stat_of;
    uint32_t at = 0;

    (void)state;
    assert_int_equal(ordo_crash_table_used(table), 0);
    assert_false(ordo_crash_table_find(table, ORDO_STR("a"), &found));
    assert_false(ordo_crash_table_next(table, &at, &found));
    ordo_crash_table_drop(table, ORDO_STR("a"));
    ordo_crash_table_close(table);
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_size, FILE_SIZE);
    ordo_crash_table_close(NULL);
}

static void test_crashes_are_counted_by_name(void **state)
{
    struct ordo_crash_table *table;
    struct ordo_crash found;

    (void)state;
    crash("a", SIGSEGV, 1000);
    crash("b", SIGBUS, 2000);
    crash("a", SIGABRT, 3000);
    table = open_table(0);
    assert_int_equal(ordo_crash_table_used(table), 2);
    assert_true(ordo_crash_table_find(table, ORDO_STR("a"), &found));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.signal, SIGABRT);
    assert_int_equal(found.at_ms, 3000);
    assert_int_equal(found.name_len, 1);
    assert_int_equal(found.name[0], 'a');
    assert_int_equal(count_of(table, "b"), 1);
    assert_int_equal(count_of(table, "ab"), 0);
    assert_int_equal(count_of(table, ""), 0);
    ordo_crash_table_close(table);
}

static void test_what_is_dropped_begins_again(void **state)
{
    struct ordo_crash_table *table;

    (void)state;
    crash("a", SIGSEGV, 1000);
    crash("a", SIGSEGV, 2000);
    crash("b", SIGSEGV, 3000);
    table = open_table(0);
    ordo_crash_table_drop(table, ORDO_STR("a"));
    ordo_crash_table_drop(table, ORDO_STR("a"));
    assert_int_equal(ordo_crash_table_used(table), 1);
    assert_int_equal(count_of(table, "a"), 0);
    assert_int_equal(count_of(table, "b"), 1);
    ordo_crash_table_close(table);
    crash("a", SIGSEGV, 4000);
    table = open_table(0);
    assert_int_equal(count_of(table, "a"), 1);
    assert_int_equal(count_of(table, "b"), 1);
    ordo_crash_table_close(table);
}

static void test_each_crash_is_news_once(void **state)
{
    struct ordo_crash_table *table;
    struct ordo_crash found;
    uint32_t at = 0;

    (void)state;
    crash("a", SIGSEGV, 1000);
    table = open_table(0);
    assert_true(ordo_crash_table_next(table, &at, &found));
    assert_true(found.is_new);
    assert_false(ordo_crash_table_next(table, &at, &found));
    ordo_crash_table_close(table);

    crash("b", SIGSEGV, 2000);
    table = open_table(0);
    at = 0;
    assert_true(ordo_crash_table_next(table, &at, &found));
    assert_int_equal(found.name[0], 'a');
    assert_false(found.is_new);
    assert_true(ordo_crash_table_next(table, &at, &found));
    assert_int_equal(found.name[0], 'b');
    assert_true(found.is_new);
    ordo_crash_table_close(table);

    crash("a", SIGSEGV, 3000);
    table = open_table(0);
    assert_true(ordo_crash_table_find(table, ORDO_STR("a"), &found));
    assert_true(found.is_new);
    ordo_crash_table_close(table);
}

static void test_names_have_bounds(void **state)
{
    char name[ORDO_CRASH_NAME_MAX + 2] = {0};
    struct ordo_crash_table *table;

    (void)state;
    memset(name, 'x', ORDO_CRASH_NAME_MAX + 1);
    crash(name, SIGSEGV, 1000);
    crash("", SIGSEGV, 1000);
    table = open_table(0);
    assert_int_equal(ordo_crash_table_used(table), 0);
    ordo_crash_table_close(table);
    name[ORDO_CRASH_NAME_MAX] = '\0';
    crash(name, SIGSEGV, 1000);
    table = open_table(0);
    assert_int_equal(count_of(table, name), 1);
    ordo_crash_table_close(table);
}

static void test_a_full_table_forgets_the_oldest(void **state)
{
    struct ordo_crash_table *table = open_table(0);
    char name[16];

    (void)state;
    for (int i = 0; i < ORDO_CRASH_CAPACITY; i++) {
        snprintf(name, sizeof(name), "n-%d", i);
        ordo_crash_table_note(table, ordo_str_from(name), SIGSEGV, 1000 + (i + 30) % ORDO_CRASH_CAPACITY);
    }
    ordo_crash_table_note(table, ORDO_STR("n-34"), SIGSEGV, 5000); /* was the oldest: not any more */
    ordo_crash_table_note(table, ORDO_STR("late"), SIGSEGV, 5000);
    ordo_crash_table_close(table);
    table = open_table(0);
    assert_int_equal(ordo_crash_table_used(table), ORDO_CRASH_CAPACITY);
    assert_int_equal(count_of(table, "late"), 1);
    assert_int_equal(count_of(table, "n-34"), 2);
    assert_int_equal(count_of(table, "n-35"), 0);
    assert_int_equal(count_of(table, "n-36"), 1);
    assert_int_equal(count_of(table, "n-33"), 1);
    ordo_crash_table_close(table);
}

/* Each byte of an entry, its name's unused ones included, changed alone. */
static void test_a_damaged_entry_is_dropped(void **state)
{
    (void)state;
    for (off_t at = 0; at < 152; at++) {
        struct ordo_crash_table *table;

        crash("a", SIGSEGV, 1000);
        crash("b", SIGSEGV, 1000);
        flip_byte(16 + at);
        table = open_table(1);
        assert_int_equal(ordo_crash_table_used(table), 1);
        assert_int_equal(count_of(table, "a"), 0);
        assert_int_equal(count_of(table, "b"), 1);
        ordo_crash_table_close(table);
        ordo_crash_table_close(open_table(0)); /* told once */
        remove_file(NULL);
    }
}

static void test_a_file_that_is_something_else_begins_anew(void **state)
{
    struct ordo_crash_table *table;

    (void)state;
    crash("a", SIGSEGV, 1000);
    flip_byte(0);
    table = open_table(1);
    assert_int_equal(ordo_crash_table_used(table), 0);
    ordo_crash_table_close(table);
    crash("a", SIGSEGV, 1000);
    assert_int_equal(truncate(path, 40), 0); /* in front of the name */
    ordo_crash_table_close(open_table(1));
    assert_int_equal(truncate(path, 0), 0);
    ordo_crash_table_close(open_table(0));
}

static void test_what_cannot_be_used_is_told(void **state)
{
    struct ordo_crash_table *table = open_table(0);
    struct ordo_error err = {0};
    uint32_t damaged;

    (void)state;
    assert_null(ordo_crash_table_open(path, &damaged, &err));
    assert_string_equal(err.message, "cannot lock: another process uses it");
    assert_string_equal(err.place, path);
    ordo_crash_table_close(table);
    ordo_crash_table_close(open_table(0));
    assert_null(ordo_crash_table_open(folder, &damaged, &err));
    assert_string_equal(err.message, "cannot open: Is a directory");
    assert_null(ordo_crash_table_open("/dev/full", &damaged, &err));
    assert_string_equal(err.place, "/dev/full");
}

/* What was stored is there although the process ended in the middle of everything. */
static void test_a_note_survives_a_kill(void **state)
{
    struct ordo_crash_table *table;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        table = ordo_crash_table_open(path, &(uint32_t){0}, NULL);
        if (table == NULL)
            _exit(1);
        ordo_crash_table_note(table, ORDO_STR("a"), SIGSEGV, 1000);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    table = open_table(0);
    assert_int_equal(count_of(table, "a"), 1);
    ordo_crash_table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_new_table_is_empty, remove_file),
        cmocka_unit_test_teardown(test_crashes_are_counted_by_name, remove_file),
        cmocka_unit_test_teardown(test_what_is_dropped_begins_again, remove_file),
        cmocka_unit_test_teardown(test_each_crash_is_news_once, remove_file),
        cmocka_unit_test_teardown(test_names_have_bounds, remove_file),
        cmocka_unit_test_teardown(test_a_full_table_forgets_the_oldest, remove_file),
        cmocka_unit_test_teardown(test_a_damaged_entry_is_dropped, remove_file),
        cmocka_unit_test_teardown(test_a_file_that_is_something_else_begins_anew, remove_file),
        cmocka_unit_test_teardown(test_what_cannot_be_used_is_told, remove_file),
        cmocka_unit_test_teardown(test_a_note_survives_a_kill, remove_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
