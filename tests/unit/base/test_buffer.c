/* SPDX-License-Identifier: MIT
 * test_buffer.c: bytes stay what they were while the buffer grows, and a cleared buffer keeps its memory.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_empty(void **state)
{
    struct ordo_buffer buffer = {0};

    (void)state;
    ordo_buffer_append(&buffer, ORDO_STR_NONE);
    assert_int_equal(ordo_buffer_str(&buffer).len, 0);
    assert_int_equal(buffer.capacity, 0); /* an empty text costs no memory */
    ordo_buffer_clear(&buffer);
    ordo_buffer_done(&buffer);
}

static void test_append_and_put_keep_every_byte(void **state)
{
    struct ordo_buffer buffer = {0};
    unsigned char piece[37];
    size_t len = 0;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = (unsigned char)(round * 31 + i);
        ordo_buffer_append(&buffer, (ordo_str){(const char *)piece, round % sizeof(piece)});
        ordo_buffer_put(&buffer, (char)round);
    }
    for (unsigned round = 0; round < 500; round++) {
        for (size_t i = 0; i < round % sizeof(piece); i++)
            assert_int_equal((unsigned char)buffer.ptr[len++], (unsigned char)(round * 31 + i));
        assert_int_equal((unsigned char)buffer.ptr[len++], (unsigned char)round);
    }
    assert_int_equal(buffer.len, len);
    assert_true(buffer.capacity >= buffer.len);
    ordo_buffer_done(&buffer);
    assert_null(buffer.ptr);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(buffer.capacity, 0);
}

static void test_reserve_gives_room_without_growing_len(void **state)
{
    struct ordo_buffer buffer = {0};
    char *end;

    (void)state;
    ordo_buffer_append(&buffer, ORDO_STR("abc"));
    end = ordo_buffer_reserve(&buffer, 100000);
    assert_ptr_equal(end, buffer.ptr + 3);
    assert_true(buffer.capacity >= 100003);
    assert_int_equal(buffer.len, 3);
    memset(end, 'x', 100000);
    assert_memory_equal(buffer.ptr, "abcx", 4);
    ordo_buffer_done(&buffer);
}

static void test_reserve_grows_only_when_full(void **state)
{
    struct ordo_buffer buffer = {0};
    size_t capacity;

    (void)state;
    ordo_buffer_put(&buffer, 'a');
    capacity = buffer.capacity;
    ordo_buffer_reserve(&buffer, capacity - 1);
    assert_int_equal(buffer.capacity, capacity);
    ordo_buffer_reserve(&buffer, capacity);
    assert_int_equal(buffer.capacity, 2 * capacity); /* by doubling, or appending would cost the square */
    ordo_buffer_done(&buffer);
}

static void test_clear_keeps_the_memory(void **state)
{
    struct ordo_buffer buffer = {0};
    const char *memory;
    size_t capacity;

    (void)state;
    ordo_buffer_reserve(&buffer, 5000);
    memory = buffer.ptr;
    capacity = buffer.capacity;
    for (int i = 0; i < 3; i++) {
        for (int byte = 0; byte < 5000; byte++)
            ordo_buffer_put(&buffer, 'y');
        ordo_buffer_clear(&buffer);
        assert_int_equal(buffer.len, 0);
    }
    assert_ptr_equal(buffer.ptr, memory);
    assert_int_equal(buffer.capacity, capacity);
    ordo_buffer_done(&buffer);
}

static void test_printf_appends_whatever_the_length(void **state)
{
    struct ordo_buffer buffer = {0};
    char text[2000];

    (void)state;
    /* Every length around the capacity, where the text just fits or just does not. */
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'a' + (int)(len % 26), len);
        text[len] = '\0';
        ordo_buffer_done(&buffer);
        ordo_buffer_printf(&buffer, "%d:", 42);
        ordo_buffer_printf(&buffer, "%s", text);
        assert_int_equal(buffer.len, len + 3);
        assert_memory_equal(buffer.ptr, "42:", 3);
        assert_memory_equal(buffer.ptr + 3, text, len);
        assert_true(buffer.capacity >= buffer.len);
    }
    ordo_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_append_and_put_keep_every_byte),
        cmocka_unit_test(test_reserve_gives_room_without_growing_len),
        cmocka_unit_test(test_reserve_grows_only_when_full),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_printf_appends_whatever_the_length),
    };

    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
