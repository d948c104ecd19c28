/* SPDX-License-Identifier: MIT
 * test_error.c: errors are filled, cut between characters, named and printed; a failed requirement aborts.
 */
#include "base/error.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_fail_fills_and_returns_the_code(void **state)
{
    struct ordo_error err = {.line = 7, .column = 7};

    (void)state;
    assert_int_equal(ordo_fail(&err, -ENOENT, "a.lua", "cannot open: %s", "gone"), -ENOENT);
    assert_int_equal(err.code, -ENOENT);
    assert_string_equal(err.place, "a.lua");
    assert_string_equal(err.message, "cannot open: gone");
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
}

static void test_fail_at_keeps_line_and_column(void **state)
{
    struct ordo_error err;

    (void)state;
    assert_int_equal(ordo_fail_at(&err, ORDO_EJSON, NULL, 3, 14, "no %d", 5), ORDO_EJSON);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 14);
    assert_string_equal(err.place, "");
    assert_string_equal(err.message, "no 5");
}

static void test_fail_without_an_error_returns_the_code(void **state)
{
    (void)state;
    assert_int_equal(ordo_fail(NULL, ORDO_EFULL, "x", "y"), ORDO_EFULL);
    assert_int_equal(ordo_fail_at(NULL, ORDO_EFULL, "x", 1, 2, "y"), ORDO_EFULL);
}

static void test_fail_wraps_its_own_text(void **state)
{
    struct ordo_error err;

    (void)state;
    ordo_fail(&err, -EIO, "disk", "inner");
    ordo_fail(&err, err.code, err.place, "outer: %s (%s)", err.message, err.place);
    assert_int_equal(err.code, -EIO);
    assert_string_equal(err.place, "disk");
    assert_string_equal(err.message, "outer: inner (disk)");
}

static void test_fail_cuts_between_characters(void **state)
{
    struct ordo_error err;
    char text[1024], full[600];

    (void)state;
    memset(full, 'x', sizeof(full));
    full[511] = '\0';
    ordo_fail(&err, -1, NULL, "%s", full); /* just fits */
    assert_string_equal(err.message, full);

    for (size_t start = 505; start <= 512; start++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + start, "\xf0\x9f\x9a\x9a", 4);
        text[600] = '\0';
        ordo_fail(&err, -1, NULL, "%s", text);
        assert_int_equal(strlen(err.message), start + 4 <= 511 ? 511 : start < 511 ? start : 511);
        assert_memory_equal(err.message, text, strlen(err.message));
    }

    memset(text, 'p', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ordo_fail(&err, -1, text, "m");
    assert_int_equal(strlen(err.place), sizeof(err.place) - 1);
}

static void test_text_cut(void **state)
{
    (void)state;
    assert_int_equal(ordo_text_cut("abc", 3, 3), 3);
    assert_int_equal(ordo_text_cut("abc", 3, 2), 2);
    assert_int_equal(ordo_text_cut("abc", 3, 0), 0);
    assert_int_equal(ordo_text_cut("a\xc3\xbc", 3, 3), 3);
    assert_int_equal(ordo_text_cut("a\xc3\xbc", 3, 2), 1);
    assert_int_equal(ordo_text_cut("\xc3\xbc", 2, 1), 0);
    assert_int_equal(ordo_text_cut("\xf0\x9f\x9a\x9a", 4, 3), 0);
    /* Not UTF-8: cut where asked. */
    assert_int_equal(ordo_text_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
    assert_int_equal(ordo_text_cut("\x80\x80\x80", 3, 2), 2);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ordo_error_name(ORDO_EFULL), "FULL");
    assert_string_equal(ordo_error_name(ORDO_ECONFIG), "CONFIG");
    assert_string_equal(ordo_error_name(ORDO_EIO), "IO");
    assert_string_equal(ordo_error_name(-ENOENT), "ENOENT");
    assert_string_equal(ordo_error_name(-ETIMEDOUT), "ETIMEDOUT");
    assert_string_equal(ordo_error_name(0), "OK");
    assert_string_equal(ordo_error_name(-9999), "UNKNOWN");
    assert_string_equal(ordo_error_name(-20000), "UNKNOWN");
    assert_string_equal(ordo_error_name(2), "UNKNOWN");
    assert_string_equal(ordo_error_name(INT32_MIN), "UNKNOWN");
}

static void check_format(const char *place, int line, int column, const char *message, const char *expected)
{
    struct ordo_error err;
    char out[900];

    ordo_fail_at(&err, ORDO_EFULL, place, line, column, "%s", message);
    assert_ptr_equal(ordo_error_format(&err, out, sizeof(out)), out);
    assert_string_equal(out, expected);
}

static void test_format_shows_what_is_known(void **state)
{
    (void)state;
    check_format("a.yaml", 3, 5, "wrong", "a.yaml:3:5: wrong");
    check_format("a.yaml", 3, 0, "wrong", "a.yaml:3: wrong");
    check_format("a.yaml", 0, 5, "wrong", "a.yaml: wrong");
    check_format("a.yaml", 0, 0, "wrong", "a.yaml: wrong");
    check_format(NULL, 3, 5, "wrong", "3:5: wrong");
    check_format(NULL, 0, 0, "wrong", "wrong");
    check_format(NULL, 0, 0, "", "full");
    check_format("q", 0, 0, "", "q: full");
}

static void test_format_without_message_tells_the_code(void **state)
{
    struct ordo_error err = {.code = -ENOENT};
    char out[100];

    (void)state;
    assert_string_equal(ordo_error_format(&err, out, sizeof(out)), "No such file or directory");
    err.code = -9000;
    assert_string_equal(ordo_error_format(&err, out, sizeof(out)), "unknown error");
}

static void test_format_cuts_to_the_space(void **state)
{
    struct ordo_error err;
    char out[8], guard[2] = {'g', 'g'}, longest[1024], all[1024];

    (void)state;
    ordo_fail(&err, -1, NULL, "1234567890");
    assert_string_equal(ordo_error_format(&err, out, sizeof(out)), "1234567");
    ordo_error_format(&err, guard, 1);
    assert_int_equal(guard[0], '\0');
    assert_int_equal(guard[1], 'g');
    guard[0] = 'g';
    ordo_error_format(&err, guard, 0);
    assert_int_equal(guard[0], 'g');

    /* The longest error of all is printed whole. */
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ordo_fail_at(&err, -1, longest, INT32_MAX, INT32_MAX, "%s", longest);
    ordo_error_format(&err, all, sizeof(all));
    assert_int_equal(strlen(all), 255 + 1 + 10 + 1 + 10 + 1 + 1 + 511);
}

static void test_require_says_where_and_aborts(void **state)
{
    static const char expected[] = "ordo: some_file.c:42: requirement failed: one == two\n";
    struct rlimit no_core = {0, 0};
    char text[256] = "";
    int ends[2], status;
    size_t len = 0;
    ssize_t got;
    pid_t child;

    (void)state;
    ORDO_REQUIRE(1 + 1 == 2); /* holds: nothing happens */
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        ordo_require_failed("one == two", "some_file.c", 42);
    }
    close(ends[1]);
    while (len < sizeof(text) - 1 && (got = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_string_equal(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_and_returns_the_code),
        cmocka_unit_test(test_fail_at_keeps_line_and_column),
        cmocka_unit_test(test_fail_without_an_error_returns_the_code),
        cmocka_unit_test(test_fail_wraps_its_own_text),
        cmocka_unit_test(test_fail_cuts_between_characters),
        cmocka_unit_test(test_text_cut),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_format_shows_what_is_known),
        cmocka_unit_test(test_format_without_message_tells_the_code),
        cmocka_unit_test(test_format_cuts_to_the_space),
        cmocka_unit_test(test_require_says_where_and_aborts),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
