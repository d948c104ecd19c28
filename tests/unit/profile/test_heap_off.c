/* SPDX-License-Identifier: MIT
 * test_heap_off.c: a process that was told not to sample (MALLOC_CONF=prof:false) says so, and has its figures.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mallctl.h"
#include "profile/heap_figures.h"

static void test_cure_is_told(void **state)
{
    struct ordo_error err = {0};

    (void)state;
    if (mallctl == NULL)
        skip();
    ordo_heap_start();
    assert_null(ordo_heap_dump_take(&err));
    assert_int_equal(err.code, -ENOTSUP);
    assert_string_equal(err.message, "there are no heap profiles: the process was started with prof:false in "
                                     "MALLOC_CONF (or /etc/malloc.conf); start it again without");
}

static void test_figures_are_there(void **state)
{
    struct ordo_heap_figures figures;
    struct ordo_error err;

    (void)state;
    if (mallctl == NULL)
        skip();
    assert_int_equal(ordo_heap_figures_read(&figures, &err), 0);
    assert_true(figures.allocated > 0);
    assert_false(figures.sampling);
    assert_int_equal(figures.sample_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cure_is_told),
        cmocka_unit_test(test_figures_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
