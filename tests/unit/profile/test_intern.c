/* SPDX-License-Identifier: MIT
 * test_intern.c: equal bytes have one number, whatever they are and however many there are.
 */
#include "profile/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_equal_bytes_have_one_number(void **state)
{
    struct ordo_intern intern = {0};
    char text[] = "coupon";
    bool is_new;

    (void)state;
    assert_int_equal(ordo_intern(&intern, ORDO_STR("")), 0);
    assert_int_equal(ordo_intern_is_new(&intern, ordo_str_from(text), &is_new), 1);
    assert_true(is_new);
    text[0] = 'x'; /* what is kept is a copy */
    assert_int_equal(ordo_intern_is_new(&intern, ORDO_STR("coupon"), &is_new), 1);
    assert_false(is_new);
    assert_int_equal(ordo_intern(&intern, ORDO_STR_NONE), 0);
    assert_int_equal(ordo_intern(&intern, ORDO_STR("coupo")), 2);
    assert_int_equal(ordo_intern(&intern, ORDO_STR("coupon\0")), 3);
    assert_int_equal(ordo_intern(&intern, ORDO_STR("coupon\0\0")), 4);
    assert_int_equal(intern.count, 5);
    assert_string_equal(ordo_intern_at(&intern, 1).ptr, "coupon"); /* with a NUL behind it */
    ordo_intern_done(&intern);
    assert_int_equal(intern.count, 0);
    ordo_intern_done(&intern);
}

static void test_many_stay_where_they_are(void **state)
{
    enum { MANY = 50000 };
    struct ordo_intern intern = {0};
    const char *first = NULL;
    char text[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            int len = snprintf(text, sizeof(text), "%u", i);

            assert_int_equal(ordo_intern(&intern, (ordo_str){text, (size_t)len}), i);
            if (first == NULL)
                first = ordo_intern_at(&intern, 0).ptr;
        }
    }
    assert_int_equal(intern.count, MANY);
    assert_ptr_equal(ordo_intern_at(&intern, 0).ptr, first);
    assert_string_equal(ordo_intern_at(&intern, 12345).ptr, "12345");
    assert_int_equal((uintptr_t)ordo_intern_at(&intern, 12345).ptr % 8, 0);
    ordo_intern_done(&intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_bytes_have_one_number),
        cmocka_unit_test(test_many_stay_where_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
