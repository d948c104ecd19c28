/* SPDX-License-Identifier: MIT
 * test_profile.c: frames and samples are kept once, values are added, and texts are the profile's own.
 */
#include "profile/profile.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint32_t add_frame(struct ordo_profile *profile, const char *function, int line)
{
    const struct ordo_frame frame = {
        .function = ordo_str_from(function), .file = ORDO_STR("rules/30_coupon.lua"), .line = line};

    return ordo_profile_frame(profile, &frame);
}

static void test_a_new_one_is_empty(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 10000000);

    (void)state;
    assert_int_equal(ordo_profile_period(profile), 10000000);
    assert_int_equal(ordo_profile_value_count(profile), 2);
    assert_int_equal(ordo_profile_utc_ns(profile), 0);
    assert_int_equal(ordo_profile_duration_ns(profile), 0);
    assert_int_equal(ordo_profile_sample_count(profile), 0);
    assert_int_equal(ordo_profile_frame_count(profile), 0);
    assert_int_equal(ordo_profile_comment_count(profile), 0);
    assert_int_equal(ordo_profile_total(profile, 1), 0);
    ordo_profile_free(profile);
    ordo_profile_free(NULL);
}

static void test_the_meaning_is_a_copy(void **state)
{
    char type[] = "bananas", unit[] = "count";
    struct ordo_profile_meaning meaning = {.values = {{type, unit}}, .period_type = {type, unit}};
    struct ordo_profile *profile = ordo_profile_new(&meaning, 0);

    (void)state;
    type[0] = unit[0] = 'x';
    meaning.values[1] = meaning.values[0];
    assert_string_equal(ordo_profile_meaning(profile)->values[0].type, "bananas");
    assert_string_equal(ordo_profile_meaning(profile)->period_type.unit, "count");
    assert_null(ordo_profile_meaning(profile)->values[1].type);
    assert_int_equal(ordo_profile_value_count(profile), 1);
    ordo_profile_free(profile);
}

/* Every part of a frame makes it another one. */
static void test_frames_are_kept_once(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 0);
    const struct ordo_frame first = {
        ORDO_STR("f"), ORDO_STR("f.c"), ORDO_STR("/ordo"), 16, 3, 1, ORDO_FRAME_ENGINE, false};
    struct ordo_frame others[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        others[i] = first;
    others[0].function = ORDO_STR("g");
    others[1].file = ORDO_STR("g.c");
    others[2].module = ORDO_STR("/libc.so");
    others[3].address = 17;
    others[4].line = 4;
    others[5].function_line = 2;
    others[6].kind = ORDO_FRAME_PLUGIN;
    others[7].inlined = true;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(ordo_profile_frame(profile, &first), 0);
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(ordo_profile_frame(profile, &others[i]), i + 1);
    }
    assert_int_equal(ordo_profile_frame_count(profile), 9);
    assert_true(ordo_str_equal(ordo_profile_frame_at(profile, 0)->module, ORDO_STR("/ordo")));
    assert_true(ordo_str_equal(ordo_profile_frame_at(profile, 1)->function, ORDO_STR("g")));
    assert_int_equal(ordo_profile_frame_at(profile, 4)->address, 17);
    assert_int_equal(ordo_profile_frame_at(profile, 7)->kind, ORDO_FRAME_PLUGIN);
    assert_false(ordo_profile_frame_at(profile, 7)->inlined);
    assert_true(ordo_profile_frame_at(profile, 8)->inlined);
    ordo_profile_free(profile);
}

static void test_values_of_one_stack_are_added(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 0);
    uint32_t stack[2] = {add_frame(profile, "apply", 3), add_frame(profile, "run", 9)};
    char rule[] = "coupon";
    struct ordo_label labels[2] = {{ORDO_STR("rule"), ordo_str_from(rule)},
                                   {ORDO_STR("worker"), ORDO_STR("0")}};
    struct ordo_profile_sample sample;

    (void)state;
    ordo_profile_add(profile, stack, 2, labels, 2, (const int64_t[]){1, 10});
    ordo_profile_add(profile, stack, 2, labels, 2, (const int64_t[]){2, 25});
    ordo_profile_add(profile, stack, 1, labels, 2, (const int64_t[]){1, 100});  /* other stack */
    ordo_profile_add(profile, stack, 2, labels, 1, (const int64_t[]){1, 1000}); /* other labels */
    rule[0] = 'C';
    ordo_profile_add(profile, stack, 2, labels, 2, (const int64_t[]){1, 10000}); /* other value of a label */
    ordo_profile_add(profile, NULL, 0, NULL, 0, (const int64_t[]){-1, -1});
    assert_int_equal(ordo_profile_sample_count(profile), 5);
    assert_int_equal(ordo_profile_total(profile, 0), 5);
    assert_int_equal(ordo_profile_total(profile, 1), 11134);
    sample = ordo_profile_sample(profile, 0);
    assert_int_equal(sample.frame_count, 2);
    assert_int_equal(sample.frames[0], stack[0]);
    assert_int_equal(sample.frames[1], stack[1]);
    assert_int_equal(sample.label_count, 2);
    assert_true(ordo_str_equal(sample.labels[0].key, ORDO_STR("rule")));
    assert_true(ordo_str_equal(sample.labels[0].value, ORDO_STR("coupon")));
    assert_true(ordo_str_equal(sample.labels[1].value, ORDO_STR("0")));
    assert_int_equal(sample.values[0], 3);
    assert_int_equal(sample.values[1], 35);
    assert_int_equal(ordo_profile_sample(profile, 2).label_count, 1);
    assert_true(ordo_str_equal(ordo_profile_sample(profile, 3).labels[0].value, ORDO_STR("Coupon")));
    assert_int_equal(ordo_profile_sample(profile, 4).frame_count, 0);
    ordo_profile_free(profile);
}

/* A frame's number and a text's number that are equal do not make two samples one. */
static void test_frames_and_labels_do_not_mix(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 0);
    uint32_t stack[16];
    struct ordo_label label = {ORDO_STR("line 4"), ORDO_STR("line 5")};
    const int64_t one = 1;

    (void)state;
    for (int i = 0; i < 16; i++)
        stack[i] = add_frame(profile, "f", i);
    for (size_t frames = 0; frames <= 16; frames++)
        ordo_profile_add(profile, stack, frames, &label, 0, &one);
    for (size_t frames = 0; frames <= 16; frames++)
        ordo_profile_add(profile, stack, frames, &label, 1, &one);
    assert_int_equal(ordo_profile_sample_count(profile), 34);
    ordo_profile_free(profile);
}

static void test_many(void **state)
{
    enum { MANY = 20000 };
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_heap, 524288);
    const int64_t values[4] = {1, 2, 3, 4};

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            uint32_t stack[2] = {add_frame(profile, "f", i), add_frame(profile, "g", i / 100)};

            ordo_profile_add(profile, stack, 2, NULL, 0, values);
        }
    assert_int_equal(ordo_profile_sample_count(profile), MANY);
    assert_int_equal(ordo_profile_frame_count(profile), MANY + MANY / 100);
    assert_int_equal(ordo_profile_total(profile, 3), 8 * MANY);
    assert_int_equal(ordo_profile_frame_at(profile, ordo_profile_sample(profile, 777).frames[0])->line, 777);
    assert_int_equal(ordo_profile_sample(profile, 777).values[2], 6);
    ordo_profile_free(profile);
}

static void test_time_and_comments(void **state)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_wait, 1);
    char longest[3000];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ordo_profile_set_time(profile, 1764170000000000000, 5000000000);
    ordo_profile_comment(profile, "samples dropped: %d", 3);
    ordo_profile_comment(profile, "%s", longest);
    assert_int_equal(ordo_profile_utc_ns(profile), 1764170000000000000);
    assert_int_equal(ordo_profile_duration_ns(profile), 5000000000);
    assert_int_equal(ordo_profile_comment_count(profile), 2);
    assert_true(ordo_str_equal(ordo_profile_comment_at(profile, 0), ORDO_STR("samples dropped: 3")));
    assert_true(ordo_str_equal(ordo_profile_comment_at(profile, 1), ordo_str_from(longest)));
    ordo_profile_free(profile);
}

static void expect_cleaned(const char *text, size_t len, const char *expected)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_wait, 1);
    const struct ordo_frame frame = {.function = {text, len}};

    ordo_profile_frame(profile, &frame);
    assert_string_equal(ordo_profile_frame_at(profile, 0)->function.ptr, expected);
    ordo_profile_free(profile);
}

#define EXPECT_CLEANED(text, expected) expect_cleaned((text), sizeof(text) - 1, (expected))
#define NONE "\xef\xbf\xbd"

static void test_texts_come_out_as_utf8_of_one_line(void **state)
{
    (void)state;
    EXPECT_CLEANED("plain <&>;\"'", "plain <&>;\"'");
    EXPECT_CLEANED("a\nb\tc\x7f", "a" NONE "b" NONE "c" NONE);
    EXPECT_CLEANED("a\0b", "a" NONE "b");
    EXPECT_CLEANED("gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80",
                   "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80");
    EXPECT_CLEANED("\xff\xc3", NONE NONE);
    EXPECT_CLEANED("\xe2\x82", NONE);                      /* cut short */
    EXPECT_CLEANED("\xc2\x85|\xc2\xa0", NONE "|\xc2\xa0"); /* the upper control characters end at U+009F */
    EXPECT_CLEANED("\xef\xbf\xbe|\xef\xbf\xbd", NONE "|" NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_is_empty),
        cmocka_unit_test(test_the_meaning_is_a_copy),
        cmocka_unit_test(test_frames_are_kept_once),
        cmocka_unit_test(test_values_of_one_stack_are_added),
        cmocka_unit_test(test_frames_and_labels_do_not_mix),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_time_and_comments),
        cmocka_unit_test(test_texts_come_out_as_utf8_of_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
