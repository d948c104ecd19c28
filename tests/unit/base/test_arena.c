/* SPDX-License-Identifier: MIT
 * test_arena.c: pieces are aligned and apart, the limit holds at its edge, and a warm arena allocates
 * nothing.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_init_allocates_nothing(void **state)
{
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 1000);
    assert_null(arena.newest);
    assert_int_equal(arena.used, 0);
    assert_false(arena.overflowed);
    ordo_arena_reset(&arena);
    assert_null(arena.newest);
    ordo_arena_done(&arena);
}

static void test_pieces_are_aligned_and_apart(void **state)
{
    struct ordo_arena arena;
    unsigned char *pieces[600];

    (void)state;
    ordo_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 600; i++) {
        pieces[i] = ordo_arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 8, 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 600; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    }
    ordo_arena_done(&arena);
    assert_null(arena.newest);
}

static void test_limit_at_its_edge(void **state)
{
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 64);
    assert_non_null(ordo_arena_alloc(&arena, 50)); /* takes 56 */
    assert_int_equal(arena.used, 56);
    assert_null(ordo_arena_alloc(&arena, 9));
    assert_true(arena.overflowed);
    assert_int_equal(arena.used, 56);
    assert_non_null(ordo_arena_alloc(&arena, 8)); /* what fits is still given */
    assert_true(arena.overflowed);                /* and the overflow is not forgotten */
    assert_null(ordo_arena_alloc(&arena, 0));
    ordo_arena_reset(&arena);
    assert_false(arena.overflowed);
    assert_int_equal(arena.used, 0);
    assert_non_null(ordo_arena_alloc(&arena, 64));
    assert_null(ordo_arena_alloc(&arena, 1));
    ordo_arena_done(&arena);
}

static void test_absurd_sizes_overflow(void **state)
{
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, SIZE_MAX / 2);
    assert_null(ordo_arena_alloc(&arena, SIZE_MAX));
    assert_true(arena.overflowed);
    assert_null(ordo_arena_alloc(&arena, SIZE_MAX - 7));
    assert_null(ordo_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    assert_int_equal(arena.used, 0);
    ordo_arena_done(&arena);
}

static void test_one_large_piece(void **state)
{
    struct ordo_arena arena;
    char *piece;

    (void)state;
    ordo_arena_init(&arena, 4 << 20);
    piece = ordo_arena_alloc(&arena, 3 << 20);
    assert_non_null(piece);
    memset(piece, 'x', 3 << 20);
    assert_non_null(ordo_arena_alloc(&arena, 100));
    assert_int_equal(piece[(3 << 20) - 1], 'x');
    ordo_arena_done(&arena);
}

static void test_copy(void **state)
{
    struct ordo_arena arena;
    char text[] = "gold";
    ordo_str copy, none;

    (void)state;
    ordo_arena_init(&arena, 8);
    none = ordo_arena_copy(&arena, ORDO_STR_NONE);
    assert_non_null(none.ptr); /* empty, but not the sign of an overflow */
    assert_int_equal(none.len, 0);
    copy = ordo_arena_copy(&arena, ordo_str_from(text));
    text[0] = 'b';
    assert_int_equal(copy.len, 4);
    assert_memory_equal(copy.ptr, "gold", 4);
    copy = ordo_arena_copy(&arena, ORDO_STR("x"));
    assert_null(copy.ptr);
    assert_int_equal(copy.len, 0);
    assert_true(arena.overflowed);
    ordo_arena_done(&arena);
}

/* What an order of usual size needs, in many pieces. */
static void use_for_an_order(struct ordo_arena *arena, size_t bytes)
{
    for (size_t given = 0; given < bytes; given += 48) {
        char *piece = ordo_arena_alloc(arena, 48);

        assert_non_null(piece);
        memset(piece, 'o', 48);
    }
}

static void test_warm_arena_keeps_one_block_that_is_enough(void **state)
{
    static const size_t sizes[] = {100, 4096, 9000, 30000, 60000};
    const struct ordo_arena_block *block;
    struct ordo_arena arena;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ordo_arena_init(&arena, 1 << 20);
        /* Each turn keeps a block twice as large as the last turn's largest, until one holds the whole
         * order. */
        for (int warm_up = 0; warm_up < 6; warm_up++) {
            use_for_an_order(&arena, sizes[i]);
            ordo_arena_reset(&arena);
        }
        block = arena.newest;
        assert_non_null(block);
        for (int turn = 0; turn < 3; turn++) {
            use_for_an_order(&arena, sizes[i]);
            assert_ptr_equal(arena.newest, block);
            ordo_arena_reset(&arena);
            assert_ptr_equal(arena.newest, block);
        }
        ordo_arena_done(&arena);
    }
}

static void test_huge_order_leaves_nothing_behind(void **state)
{
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 16 << 20);
    assert_non_null(ordo_arena_alloc(&arena, 1 << 20));
    ordo_arena_reset(&arena);
    assert_null(arena.newest);
    use_for_an_order(&arena, 1 << 20);
    ordo_arena_reset(&arena);
    assert_true((size_t)(arena.end - arena.next) <= 65536);
    assert_true((size_t)(arena.end - arena.next) >= 32768);
    ordo_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_allocates_nothing),
        cmocka_unit_test(test_pieces_are_aligned_and_apart),
        cmocka_unit_test(test_limit_at_its_edge),
        cmocka_unit_test(test_absurd_sizes_overflow),
        cmocka_unit_test(test_one_large_piece),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_warm_arena_keeps_one_block_that_is_enough),
        cmocka_unit_test(test_huge_order_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
