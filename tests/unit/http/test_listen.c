/* SPDX-License-Identifier: MIT
 * Addresses to listen on: what is taken, what is refused and how it says so.
 */
#include "http/listen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void test_loopback_is_known_as_such(void **state)
{
    struct ordo__listener listener;
    struct ordo_error err = {0};

    (void)state;
    assert_int_equal(ordo__listen("127.0.0.1:0", "http.listen", &listener, &err), 0);
    assert_true(listener.is_loopback);
    assert_true(listener.port > 0);
    close(listener.fd);
    assert_int_equal(ordo__listen("0.0.0.0:0", "http.listen", &listener, &err), 0);
    assert_false(listener.is_loopback);
    close(listener.fd);
    assert_int_equal(ordo__listen(":0", "http.listen", &listener, &err), 0);
    assert_false(listener.is_loopback);
    close(listener.fd);
}

static void test_a_port_in_use_is_told(void **state)
{
    struct ordo__listener first, second;
    struct ordo_error err = {0};
    char address[32], expected[128];

    (void)state;
    assert_int_equal(ordo__listen("127.0.0.1:0", "http.listen", &first, &err), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", first.port);
    assert_int_equal(ordo__listen(address, "http.listen", &second, &err), -EADDRINUSE);
    snprintf(expected, sizeof(expected), "cannot listen on %s: Address already in use", address);
    assert_string_equal(err.message, expected);
    assert_string_equal(err.place, "http.listen");
    close(first.fd);
}

static void test_bad_addresses_are_refused(void **state)
{
    static const char *const wrong[] = {
        "", "8080", "127.0.0.1", "127.0.0.1:", "::1:80", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"};
    struct ordo__listener listener;
    struct ordo_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char expected[200];

        err = (struct ordo_error){0};
        assert_int_equal(ordo__listen(wrong[i], "admin.listen", &listener, &err), ORDO_ECONFIG);
        snprintf(expected, sizeof(expected),
                 "'%s' is no address to listen on; write host:port, as 127.0.0.1:8080 or [::1]:8080",
                 wrong[i]);
        assert_string_equal(err.message, expected);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_loopback_is_known_as_such),
        cmocka_unit_test(test_a_port_in_use_is_told),
        cmocka_unit_test(test_bad_addresses_are_refused),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
