/* SPDX-License-Identifier: MIT
 * The Prefer header: what counts, and that everything else is ignored.
 */
#include "http/prefer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ordo__prefer read(const char *header)
{
    struct ordo__prefer prefer = {0};

    ordo__prefer_add(&prefer, ordo_str_from(header));
    return prefer;
}

static void expect_wait(const char *header, uint32_t seconds)
{
    struct ordo__prefer prefer = read(header);

    assert_true(prefer.has_wait);
    assert_int_equal(prefer.wait_s, seconds);
}

static void test_respond_async_in_any_case_and_place(void **state)
{
    (void)state;
    assert_true(read("respond-async").async);
    assert_true(read("Respond-ASYNC").async);
    assert_true(read("handling=lenient , respond-async;x=1").async);
    assert_false(read("respond-async=1").async);
    assert_false(read("respond-asynch").async);
    assert_false(read("x=\"respond-async, respond-async\"").async);
    assert_false(read("").async);
}

static void test_wait_takes_whole_seconds(void **state)
{
    (void)state;
    expect_wait("wait=5", 5);
    expect_wait("wait = 5", 5);
    expect_wait("WAIT=\"7\"", 7);
    expect_wait("wait=0", 0);
    expect_wait("wait=999999999", 999999999);
    expect_wait("return=minimal, wait=10;foo, respond-async", 10);
}

static void test_malformed_waits_are_ignored(void **state)
{
    static const char *const headers[] = {"wait",     "wait=",           "wait=-1",  "wait=1.5", "wait=x",
                                          "wait=\"1", "wait=1000000000", "wait=1 2", ",,;;==",   "wait=\"\\"};

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        assert_false(read(headers[i]).has_wait);
}

static void test_the_first_of_several_counts(void **state)
{
    struct ordo__prefer prefer = {0};

    (void)state;
    expect_wait("wait=x, wait=3, wait=4", 3);
    ordo__prefer_add(&prefer, ORDO_STR("wait=2"));
    ordo__prefer_add(&prefer, ORDO_STR("respond-async, wait=9"));
    assert_int_equal(prefer.wait_s, 2);
    assert_true(prefer.async);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_respond_async_in_any_case_and_place),
        cmocka_unit_test(test_wait_takes_whole_seconds),
        cmocka_unit_test(test_malformed_waits_are_ignored),
        cmocka_unit_test(test_the_first_of_several_counts),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
