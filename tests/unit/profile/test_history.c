/* SPDX-License-Identifier: MIT
 * The history of profiles: what is kept comes back, also after a restart; the oldest make room; files that are not its own
 * stay.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "profile/history.h"

struct fixture {
    char root[64], folder[96];
    struct ordo_history *history;
};

static void open_history(struct fixture *fixture, uint64_t bytes)
{
    struct ordo_error err = {0};

    ordo_history_close(fixture->history);
    fixture->history = ordo_history_open(fixture->folder, bytes, &err);
    if (fixture->history == NULL)
        fail_msg("%s", err.message);
}

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_history.XXXXXX");
    if (mkdtemp(fixture->root) == NULL)
        return 1;
    snprintf(fixture->folder, sizeof(fixture->folder), "%s/profiles", fixture->root);
    *state = fixture;
    open_history(fixture, 1000);
    return 0;
}

static int unmake(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    ordo_history_close(fixture->history);
    snprintf(command, sizeof(command), "rm -r %s", fixture->root);
    free(fixture);
    return system(command);
}

static uint64_t add(struct fixture *fixture, const char *bytes)
{
    struct ordo_history_entry entry = {
        .kind = "cpu", .utc_ms = 1790000000123, .duration_ms = 30000, .generation = 3, .orders = 123456};
    struct ordo_error err = {0};
    uint64_t id = ordo_history_add(fixture->history, &entry, ordo_str_from(bytes), &err);

    if (id == 0)
        fail_msg("%s", err.message);
    return id;
}

static void assert_kept(struct fixture *fixture, uint64_t id, const char *bytes)
{
    struct ordo_buffer out = {0};
    struct ordo_error err = {0};

    assert_int_equal(ordo_history_read(fixture->history, id, &out, &err), 0);
    assert_int_equal(out.len, strlen(bytes));
    assert_memory_equal(out.ptr, bytes, out.len);
    ordo_buffer_done(&out);
}

static void put_file(const struct fixture *fixture, const char *name)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs("x", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

static bool has_file(const struct fixture *fixture, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    return access(path, F_OK) == 0;
}

static void test_profile_comes_back_with_what_is_known_of_it(void **state)
{
    struct fixture *fixture = *state;
    uint64_t id = add(fixture, "profile");
    const struct ordo_history_entry *entry = ordo_history_find(fixture->history, id);

    assert_non_null(entry);
    assert_string_equal(entry->kind, "cpu");
    assert_int_equal(entry->utc_ms, 1790000000123);
    assert_int_equal(entry->duration_ms, 30000);
    assert_int_equal(entry->generation, 3);
    assert_int_equal(entry->orders, 123456);
    assert_int_equal(entry->bytes, 7);
    assert_kept(fixture, id, "profile");
    assert_true(has_file(fixture, "00000001-cpu-1790000000123-30000-g3-o123456.pprof"));
}

static void test_restart_finds_them_and_goes_on_counting(void **state)
{
    struct fixture *fixture = *state;
    const struct ordo_history_entry *entries;
    uint64_t first = add(fixture, "one"), second = add(fixture, "two");

    open_history(fixture, 1000);
    assert_int_equal(ordo_history_list(fixture->history, &entries), 2);
    assert_int_equal(entries[0].id, first);
    assert_int_equal(entries[1].id, second);
    assert_int_equal(entries[1].orders, 123456);
    assert_kept(fixture, second, "two");
    assert_int_equal(add(fixture, "three"), second + 1);
}

static void test_oldest_make_room(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first, second, third;

    open_history(fixture, 10);
    first = add(fixture, "12345");
    second = add(fixture, "12345");
    assert_non_null(ordo_history_find(fixture->history, first)); /* exactly what fits */
    third = add(fixture, "1");
    assert_null(ordo_history_find(fixture->history, first));
    assert_kept(fixture, second, "12345");
    assert_kept(fixture, third, "1");
    assert_false(has_file(fixture, "00000001-cpu-1790000000123-30000-g3-o123456.pprof"));
    open_history(fixture, 3); /* less than there is */
    assert_null(ordo_history_find(fixture->history, second));
    assert_kept(fixture, third, "1");
}

static void test_larger_than_all_is_refused_and_drops_nothing(void **state)
{
    struct ordo_history_entry entry = {.kind = "cpu"};
    struct fixture *fixture = *state;
    struct ordo_error err = {0};
    uint64_t id;

    open_history(fixture, 5);
    id = add(fixture, "12345");
    assert_int_equal(ordo_history_add(fixture->history, &entry, ORDO_STR("123456"), &err), 0);
    assert_non_null(strstr(err.message, "a profile of 6 bytes is larger than all that may be kept (5)"));
    assert_kept(fixture, id, "12345");
}

static void test_deleted_is_gone(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = add(fixture, "one"), second = add(fixture, "two");
    struct ordo_buffer out = {0};
    struct ordo_error err = {0};

    assert_true(ordo_history_delete(fixture->history, first));
    assert_false(ordo_history_delete(fixture->history, first));
    assert_int_equal(ordo_history_read(fixture->history, first, &out, &err), ORDO_ENOTFOUND);
    assert_string_equal(err.message, "there is no profile 1 (any more)");
    assert_kept(fixture, second, "two");
}

static void test_other_files_stay_and_unfinished_ones_go(void **state)
{
    struct fixture *fixture = *state;
    const struct ordo_history_entry *entries;

    put_file(fixture, "notes.txt");
    put_file(fixture, "00000007-cpu-1-1-g1-o1.pprof.bak");
    put_file(fixture, "7-cpu-1-1-g1-o1.pprof");
    put_file(fixture, "00000009-cpu-1-1-g1-o1.pprof.new");
    open_history(fixture, 1);
    assert_int_equal(ordo_history_list(fixture->history, &entries), 0);
    assert_true(has_file(fixture, "notes.txt"));
    assert_true(has_file(fixture, "00000007-cpu-1-1-g1-o1.pprof.bak"));
    assert_true(has_file(fixture, "7-cpu-1-1-g1-o1.pprof"));
    assert_false(has_file(fixture, "00000009-cpu-1-1-g1-o1.pprof.new"));
}

static void test_folder_that_cannot_be_made_says_so(void **state)
{
    struct ordo_error err = {0};

    (void)state;
    assert_null(ordo_history_open("/dev/null/profiles", 1, &err));
    assert_string_equal(err.place, "/dev/null/profiles");
    assert_string_equal(err.message, "cannot make the folder for profiles: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profile_comes_back_with_what_is_known_of_it, make, unmake),
        cmocka_unit_test_setup_teardown(test_restart_finds_them_and_goes_on_counting, make, unmake),
        cmocka_unit_test_setup_teardown(test_oldest_make_room, make, unmake),
        cmocka_unit_test_setup_teardown(test_larger_than_all_is_refused_and_drops_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(test_deleted_is_gone, make, unmake),
        cmocka_unit_test_setup_teardown(test_other_files_stay_and_unfinished_ones_go, make, unmake),
        cmocka_unit_test(test_folder_that_cannot_be_made_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
