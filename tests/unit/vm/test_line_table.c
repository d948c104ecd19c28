/* SPDX-License-Identifier: MIT
 * The table of lines: one address a line, found again from any byte of its slot, and the same from every thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vm/line_table.h"

static void test_equal_lines_have_one_address(void **state)
{
    uint64_t address = ordo_line_address("@rules/a.lua", 3, 7);

    (void)state;
    assert_int_equal(ordo_line_address("@rules/a.lua", 3, 7), address);
    assert_int_not_equal(ordo_line_address("@rules/a.lua", 3, 8), address);
    assert_int_not_equal(ordo_line_address("@rules/a.lua", 4, 7), address);
    assert_int_not_equal(ordo_line_address("@rules/b.lua", 3, 7), address);
}

static void test_any_byte_of_the_slot_finds_the_line(void **state)
{
    uint64_t address = ordo_line_address("@rules/slot.lua", 1, 2);
    struct ordo_line line;

    (void)state;
    for (uint64_t at = address - ORDO_LINE_SLOT / 2; at < address + ORDO_LINE_SLOT / 2; at++) {
        assert_true(ordo_line_find(at, &line));
        assert_string_equal(line.source, "@rules/slot.lua");
        assert_int_equal(line.function_line, 1);
        assert_int_equal(line.line, 2);
    }
}

static void test_other_addresses_are_no_line(void **state)
{
    struct ordo_line line;

    (void)state;
    assert_false(ordo_line_find(0, &line));
    assert_false(ordo_line_find((uint64_t)(uintptr_t)&line, &line));
    assert_false(ordo_line_find(UINT64_MAX, &line));
}

static void test_long_source_is_cut_at_its_front(void **state)
{
    char source[ORDO_LINE_SOURCE_MAX + 11];
    struct ordo_line line;

    (void)state;
    memset(source, 'x', sizeof(source) - 1);
    source[sizeof(source) - 1] = '\0';
    memcpy(source + sizeof(source) - 6, "y.lua", 5);
    assert_true(ordo_line_find(ordo_line_address(source, 0, 1), &line));
    assert_int_equal(strlen(line.source), ORDO_LINE_SOURCE_MAX);
    assert_string_equal(line.source + ORDO_LINE_SOURCE_MAX - 5, "y.lua");
}

enum { THREADS = 4, LINES = 2000 };

static uint64_t seen[THREADS][LINES];

static void *add_lines(void *context)
{
    uint64_t *addresses = context;

    for (int i = 0; i < LINES; i++)
        addresses[i] = ordo_line_address("@rules/raced.lua", 0, i + 1);
    return NULL;
}

static void test_threads_that_add_at_once_get_the_same(void **state)
{
    uint32_t before = ordo_line_count();
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_lines, seen[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        assert_memory_equal(seen[i], seen[0], sizeof(seen[0]));
    assert_int_equal(ordo_line_count() - before, LINES);
}

/* Last: nothing new fits afterwards. */
static void test_full_table_gives_one_address_to_all_new_lines(void **state)
{
    uint64_t before = ordo_line_address("@rules/a.lua", 3, 7);
    struct ordo_line line;

    (void)state;
    for (int i = 0; i < ORDO_LINE_CAPACITY; i++)
        ordo_line_address("@rules/many.lua", 0, i);
    assert_true(ordo_line_find(ordo_line_address("@rules/one_more.lua", 0, 1), &line));
    assert_string_equal(line.source, "=(too many lines)");
    assert_int_equal(ordo_line_address("@rules/one_more.lua", 0, 1),
                     ordo_line_address("@rules/another.lua", 0, 1));
    assert_int_equal(ordo_line_address("@rules/a.lua", 3, 7), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_lines_have_one_address),
        cmocka_unit_test(test_any_byte_of_the_slot_finds_the_line),
        cmocka_unit_test(test_other_addresses_are_no_line),
        cmocka_unit_test(test_long_source_is_cut_at_its_front),
        cmocka_unit_test(test_threads_that_add_at_once_get_the_same),
        cmocka_unit_test(test_full_table_gives_one_address_to_all_new_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
