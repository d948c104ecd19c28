/* SPDX-License-Identifier: MIT
 * Token files, and which Authorization headers a token lets in.
 */
#include "http/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct ordo_token token = {.bytes = "s3cret", .len = 6};

static bool allows(const char *authorization)
{
    return ordo_token_allows(&token, ordo_str_from(authorization));
}

static void test_bearer_and_basic_let_in(void **state)
{
    (void)state;
    assert_true(allows("Bearer s3cret"));
    assert_true(allows("bearer  s3cret"));
    assert_true(allows("Basic OnMzY3JldA=="));         /* :s3cret */
    assert_true(allows("basic YW55Ym9keTpzM2NyZXQ=")); /* anybody:s3cret */
    assert_true(allows("Basic YW55Ym9keTpzM2NyZXQ"));  /* without the padding */
}

static void test_everything_else_is_kept_out(void **state)
{
    static const char *const wrong[] = {"",
                                        "s3cret",
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer s3cre",
                                        "Bearer s3crets",
                                        "Bearer S3cret",
                                        "Bearer s3crets3cret",
                                        "Bearer s3cret ",
                                        "Basic",
                                        "Basic ",
                                        "Basic s3cret",
                                        "Basic czNjcmV0" /* s3cret */,
                                        "Basic czNjcmV0Og==" /* s3cret: */,
                                        "Basic !!!!",
                                        "Digest s3cret"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (allows(wrong[i]))
            fail_msg("'%s' was let in", wrong[i]);
}

static void test_a_very_long_header_is_kept_out(void **state)
{
    char *text = malloc(100000);

    (void)state;
    assert_non_null(text);
    memset(text, 'A', 100000);
    memcpy(text, "Basic ", 6);
    assert_false(ordo_token_allows(&token, (ordo_str){text, 100000}));
    memcpy(text, "Bearer", 6);
    text[6] = ' ';
    assert_false(ordo_token_allows(&token, (ordo_str){text, 100000}));
    free(text);
}

static void test_without_a_token_all_are_let_in(void **state)
{
    static const struct ordo_token none;

    (void)state;
    assert_true(ordo_token_allows(&none, ORDO_STR_NONE));
}

static int read_file(const char *content, size_t len, struct ordo_token *ret_token, struct ordo_error *err)
{
    char path[] = "/tmp/ordo-token-XXXXXX";
    int fd = mkstemp(path), result;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    close(fd);
    result = ordo_token_read(path, ret_token, err);
    unlink(path);
    return result;
}

static void test_token_files(void **state)
{
    char content[ORDO_TOKEN_MAX + 2];
    struct ordo_token read = {.len = 0};
    struct ordo_error err = {0};

    (void)state;
    assert_int_equal(read_file(" \ts3cret\r\n\n", 11, &read, &err), 0);
    assert_int_equal(read.len, 6);
    assert_memory_equal(read.bytes, "s3cret", 6);
    memset(content, 'x', sizeof(content));
    assert_int_equal(read_file(content, ORDO_TOKEN_MAX, &read, &err), 0);
    assert_int_equal(read.len, ORDO_TOKEN_MAX);
    assert_int_equal(read_file(content, ORDO_TOKEN_MAX + 1, &read, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, "a token has at most 512 bytes");
}

static void test_bad_token_files_are_refused(void **state)
{
    struct ordo_token read = {.len = 0};
    struct ordo_error err = {0};

    (void)state;
    assert_int_equal(read_file("\n", 1, &read, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, "the token file is empty; write a long random word into it");
    assert_int_equal(read_file("two\nlines", 9, &read, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, "a token is one word of printable characters; byte 4 is not one");
    assert_int_equal(ordo_token_read("/does/not/exist", &read, &err), -2);
    assert_string_equal(err.message, "cannot read the token: No such file or directory");
    assert_int_equal(read.len, 0);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_bearer_and_basic_let_in),
        cmocka_unit_test(test_everything_else_is_kept_out),
        cmocka_unit_test(test_a_very_long_header_is_kept_out),
        cmocka_unit_test(test_without_a_token_all_are_let_in),
        cmocka_unit_test(test_token_files),
        cmocka_unit_test(test_bad_token_files_are_refused),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
