/* SPDX-License-Identifier: MIT
 * test_encode_text.c: values and names as people read them, and the edges of the text formats: recursion, values below
 * zero, names that say nothing.
 */
#include "profile/encode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "profile/frame_text.h"

static uint32_t add_frame(struct ordo_profile *profile, const char *function, int line)
{
    const struct ordo_frame frame = {
        .function = ordo_str_from(function), .file = ORDO_STR("f.lua"), .line = line};

    return ordo_profile_frame(profile, &frame);
}

static void expect_value_text(double value, const char *unit, const char *expected)
{
    char text[ORDO_VALUE_TEXT];

    assert_string_equal(ordo_value_text(value, unit, text), expected);
}

static void test_values(void **state)
{
    (void)state;
    expect_value_text(0, "nanoseconds", "0");
    expect_value_text(0.8, "nanoseconds", "0.8 ns");
    expect_value_text(1, "nanoseconds", "1 ns");
    expect_value_text(999, "nanoseconds", "999 ns");
    expect_value_text(1000, "nanoseconds", "1 \xc2\xb5s");
    expect_value_text(1234, "nanoseconds", "1.23 \xc2\xb5s");
    expect_value_text(12340, "nanoseconds", "12.3 \xc2\xb5s");
    expect_value_text(999949, "nanoseconds", "1 ms");
    expect_value_text(1.5e9, "nanoseconds", "1.5 s");
    expect_value_text(86400e9, "nanoseconds", "86400 s");
    expect_value_text(-2500000, "nanoseconds", "-2.5 ms");
    expect_value_text(1023, "bytes", "1023 B");
    expect_value_text(1024, "bytes", "1 KiB");
    expect_value_text(6400, "bytes", "6.25 KiB");
    expect_value_text(10485760, "bytes", "10 MiB");
    expect_value_text(-1099511627776.0, "bytes", "-1 TiB");
    expect_value_text(75, "count", "75");
    expect_value_text(1234567, "count", "1234567");
    expect_value_text(0.25, "count", "0.25");
    expect_value_text(100, "bananas", "100 bananas");
    expect_value_text(0.001, "count", "0.001");
    expect_value_text(-0.00125, "nanoseconds", "-0.0013 ns");
    expect_value_text(1.5e-10, "count", "1.5e-10");
}

static void expect_name(struct ordo_frame frame, const char *expected)
{
    char text[ORDO_FRAME_TEXT];
    ordo_str name = ordo_frame_name(&frame, text);

    assert_int_equal(name.len, strlen(expected));
    assert_memory_equal(name.ptr, expected, name.len);
}

static void test_names(void **state)
{
    char longest[1000];
    struct ordo_frame frame = {ORDO_STR("apply"),
                               ORDO_STR("/srv/rules/30_coupon.lua"),
                               ORDO_STR("/lib/libc.so.6"),
                               0x1234,
                               7,
                               1,
                               ORDO_FRAME_LUA,
                               false};
    char text[ORDO_FRAME_TEXT];

    (void)state;
    expect_name(frame, "apply");
    frame.function = ORDO_STR("");
    expect_name(frame, "30_coupon.lua:7");
    frame.file = ORDO_STR("");
    expect_name(frame, "libc.so.6+0x1234");
    frame.module = ORDO_STR("");
    expect_name(frame, "0x1234");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    frame.file = ordo_str_from(longest);
    assert_int_equal(ordo_frame_name(&frame, text).len, ORDO_FRAME_TEXT - 1);
}

static void expect_text(const struct ordo_buffer *out, const char *expected)
{
    assert_int_equal(out->len, strlen(expected));
    assert_memory_equal(out->ptr, expected, out->len);
}

static void test_names_of_collapsed_stacks_do_not_fall_apart(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    uint32_t stack[3] = {add_frame(profile, " a b ", 1), add_frame(profile, "c;d", 1),
                         add_frame(profile, "e\nf", 1)};
    struct ordo_buffer out = {0};
    const int64_t one = 1;

    (void)state;
    ordo_profile_add(profile, stack, 3, NULL, 0, &one);
    ordo_profile_add(profile, NULL, 0, NULL, 0, &one);
    ordo_encode_collapsed(profile, &out);
    expect_text(&out, "(no stack) 1\ne\xef\xbf\xbd"
                      "f;c:d;_a b_ 1\n");
    ordo_profile_free(profile);
    ordo_buffer_done(&out);
}

/* f calls itself, from two lines; g gives back more than it took. */
static struct ordo_profile *make_odd(void)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    uint32_t f3 = add_frame(profile, "f", 3), f4 = add_frame(profile, "f", 4), g = add_frame(profile, "g", 9);

    ordo_profile_add(profile, (const uint32_t[]){f3, f4, f4}, 3, NULL, 0, (const int64_t[]){10});
    ordo_profile_add(profile, (const uint32_t[]){f4}, 1, NULL, 0, (const int64_t[]){5});
    ordo_profile_add(profile, (const uint32_t[]){g, f4}, 2, NULL, 0, (const int64_t[]){-3});
    return profile;
}

static void test_recursion_and_values_below_zero(void **state)
{
    struct ordo_profile *profile = make_odd();
    struct ordo_buffer out = {0};

    (void)state;
    ordo_encode_collapsed(profile, &out);
    expect_text(&out, "f 5\nf;f;f 10\n");
    ordo_buffer_clear(&out);
    ordo_encode_top(profile, 10, &out);
    expect_text(&out, "goroutine: 12\n"
                      "2 of 2 functions\n"
                      "       flat    flat%     sum%        cum     cum%  kind     function  at\n"
                      "         15  125.00%  125.00%         12  100.00%  lua      f  f.lua:3\n"
                      "         -3  -25.00%  100.00%         -3  -25.00%  lua      g  f.lua:9\n");
    ordo_buffer_clear(&out);
    ordo_encode_flame_graph(profile, "t", &out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(
        strstr(out.ptr, "<div class=\"summary quiet\">goroutine: 12; without -3 below zero</div>"));
    assert_non_null(strstr(out.ptr, "<title>f\nlua, f.lua:4\n15, 100.00 %; itself 5, 33.33 %</title>"));
    assert_null(strstr(out.ptr, "<title>g\n"));
    ordo_profile_free(profile);
    ordo_buffer_done(&out);
}

/* One sample of a function beside `rest` others. */
static size_t count_frames(int64_t small, int64_t rest, const char *name)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    uint32_t frame = add_frame(profile, "small", 1), other = add_frame(profile, "rest", 1);
    struct ordo_buffer out = {0};
    size_t count = 0;

    ordo_profile_add(profile, &frame, 1, NULL, 0, &small);
    ordo_profile_add(profile, &other, 1, NULL, 0, &rest);
    ordo_encode_flame_graph(profile, "t", &out);
    ordo_buffer_put(&out, '\0');
    for (const char *at = out.ptr; (at = strstr(at, name)) != NULL; at++)
        count++;
    ordo_profile_free(profile);
    ordo_buffer_done(&out);
    return count;
}

static void test_a_frame_of_a_thousandth_is_drawn(void **state)
{
    (void)state;
    assert_int_equal(count_frames(1, 999, "<title>small\n"), 1);
    assert_int_equal(count_frames(1, 1000, "<title>small\n"), 0);
    assert_int_equal(count_frames(1, 1000, "smaller)\n"),
                     0); /* and alone it is not put together with anything */
}

static void test_the_line_of_a_row_is_where_most_is(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    uint32_t frames[4] = {add_frame(profile, "f", 0), add_frame(profile, "f", 8), add_frame(profile, "f", 7),
                          add_frame(profile, "g", 2)};
    struct ordo_buffer out = {0};

    (void)state;
    for (int64_t i = 0; i < 3; i++)
        ordo_profile_add(profile, frames + i, 1, NULL, 0, (const int64_t[]){100 - 10 * i});
    ordo_profile_add(profile, (const uint32_t[]){frames[3], frames[2]}, 2, NULL, 0, (const int64_t[]){500});
    ordo_encode_top(profile, 10, &out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(
        strstr(out.ptr, "f  f.lua:8\n")); /* line 0 is none, and 7 has more only with what it calls */
    ordo_buffer_clear(&out);
    ordo_encode_top_diff(profile, 1, profile, 1, 1, &out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(strstr(out.ptr, "goroutine: 770 before, 770 after (+0.00%)\n1 of 2 functions\n"));
    ordo_profile_free(profile);
    ordo_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_of_collapsed_stacks_do_not_fall_apart),
        cmocka_unit_test(test_recursion_and_values_below_zero),
        cmocka_unit_test(test_a_frame_of_a_thousandth_is_drawn),
        cmocka_unit_test(test_the_line_of_a_row_is_where_most_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
