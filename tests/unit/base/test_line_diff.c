/* SPDX-License-Identifier: MIT
 * Unified diffs: how they look, and that each makes the second text of the first.
 */
#include "base/line_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(const char *from, const char *to, const char *diff)
{
    struct ordo_buffer out = {0};

    ordo_line_diff(ORDO_STR("a/x"), from == NULL ? ORDO_STR_NONE : ordo_str_from(from), ORDO_STR("b/x"),
                   to == NULL ? ORDO_STR_NONE : ordo_str_from(to), &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr, diff);
    ordo_buffer_done(&out);
}

static void test_how_a_diff_looks(void **state)
{
    (void)state;
    expect("a\nb\nc\n", "a\nB\nc\n", "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    expect("a\n", "a\nb\n", "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n a\n+b\n");
    expect("a\n", "a\n", "");
    expect("", "", "");
    expect("a\n", "", "--- a/x\n+++ b/x\n@@ -1 +0,0 @@\n-a\n");
    expect(NULL, "a\n", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n");
    expect("a\n", NULL, "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
    expect("a", "a\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

static void test_changes_that_are_near_share_their_surroundings(void **state)
{
    (void)state;
    expect("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n",
           "--- a/x\n+++ b/x\n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
    expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n",
           "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n");
}

/* Takes a line with its newline off. */
static ordo_str take(ordo_str *text)
{
    const char *end = text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
    ordo_str line = {text->ptr, end == NULL ? text->len : (size_t)(end + 1 - text->ptr)};

    text->ptr += line.len;
    text->len -= line.len;
    return line;
}

/* What the diff makes of the text. Both end in a newline. Lines that it takes away or shows must be there. */
static void apply(ordo_str from, ordo_str diff, struct ordo_buffer *out)
{
    size_t line = 1;

    take(&diff), take(&diff);
    while (diff.len > 0) {
        ordo_str one = take(&diff), content = {one.ptr + 1, one.len - 1};
        unsigned long start, count = 1;

        if (one.ptr[0] == '@') {
            assert_true(sscanf(one.ptr, "@@ -%lu,%lu", &start, &count) >= 1);
            for (start += count == 0; line < start; line++)
                ordo_buffer_append(out, take(&from));
        } else if (one.ptr[0] == '+') {
            ordo_buffer_append(out, content);
        } else {
            assert_true(ordo_str_equal(take(&from), content));
            line++;
            if (one.ptr[0] == ' ')
                ordo_buffer_append(out, content);
        }
    }
    ordo_buffer_append(out, from);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Lines of few words, so that many are equal. */
static void make_text(uint32_t *seed, uint32_t lines, uint32_t words, struct ordo_buffer *out)
{
    for (uint32_t count = next_random(seed) % (lines + 1); count > 0; count--)
        ordo_buffer_printf(out, "%u\n", next_random(seed) % words);
}

static void check_random(uint32_t *seed, uint32_t lines, uint32_t words)
{
    struct ordo_buffer from = {0}, to = {0}, diff = {0}, made = {0};

    make_text(seed, lines, words, &from);
    make_text(seed, lines, words, &to);
    ordo_line_diff(ORDO_STR("a"), ordo_buffer_str(&from), ORDO_STR("b"), ordo_buffer_str(&to), &diff);
    ordo_buffer_put(&diff, '\0'); /* for sscanf */
    diff.len--;
    apply(ordo_buffer_str(&from), ordo_buffer_str(&diff), &made);
    assert_true(ordo_str_equal(ordo_buffer_str(&made), ordo_buffer_str(&to)));
    ordo_buffer_done(&from);
    ordo_buffer_done(&to);
    ordo_buffer_done(&diff);
    ordo_buffer_done(&made);
}

static void test_each_diff_makes_the_second_text_of_the_first(void **state)
{
    uint32_t seed = 5;

    (void)state;
    for (int i = 0; i < 3000; i++)
        check_random(&seed, 40, 1 + (uint32_t)i % 30);
}

static void test_texts_with_very_many_changes_are_shown_whole(void **state)
{
    uint32_t seed = 6;

    (void)state;
    for (int i = 0; i < 3; i++)
        check_random(&seed, 6000, 100000);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_how_a_diff_looks),
        cmocka_unit_test(test_changes_that_are_near_share_their_surroundings),
        cmocka_unit_test(test_each_diff_makes_the_second_text_of_the_first),
        cmocka_unit_test(test_texts_with_very_many_changes_are_shown_whole),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
