/* SPDX-License-Identifier: MIT
 * test_flame_text.c: flame graphs in characters, of profiles whose content is known: where frames stand, what is cut,
 * and what is left out.
 */
#include "profile/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../profile/known.h"

/* Draws, and frees the profile; the caller frees the text. */
static char *draw(struct ordo_profile *profile, struct ordo_flame_text how)
{
    struct ordo_buffer out = {0};

    ordo_encode_flame_text(profile, &how, &out);
    ordo_buffer_put(&out, '\0');
    ordo_profile_free(profile);
    return out.ptr;
}

static void expect(struct ordo_profile *profile, struct ordo_flame_text how, const char *expected)
{
    char *text = draw(profile, how);

    assert_string_equal(text, expected);
    free(text);
}

#define BAR "\xe2\x94\x82"
#define CUT "\xe2\x80\xa6"
#define BLACK_ON(colour) "\x1b[38;5;16;48;5;" colour "m"
#define PLAIN "\x1b[0m"

static void test_unicode(void **state)
{
    (void)state;
    expect(known_cpu("/src"), (struct ordo_flame_text){.width = 101, .levels = 64},
           "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z\n"
           "samples dropped: 0\n" BAR "all 100.0%                                                            "
           "                             " BAR "\n" BAR
           "ordo_worker_main 100.0%                                                                          "
           "  " BAR "\n" BAR "run_rules 75.0%                                                           " BAR
           "ordo_json_par" CUT BAR "sto" CUT BAR "  " BAR " " BAR "\n" BAR
           "coupon.apply 75.0%                                                        " BAR
           "parse_number  " BAR "roc" CUT BAR "\n" BAR "lj_str_find 25.0%       " BAR
           "                                                                " BAR "wri" CUT BAR "\n");
}

static void test_ascii(void **state)
{
    (void)state;
    expect(known_cpu("/src"), (struct ordo_flame_text){.width = 60, .levels = 64, .ascii = true},
           "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z\n"
           "samples dropped: 0\n"
           "|all 100.0%                                                |\n"
           "|ordo_worker_main 100.0%                                   |\n"
           "|run_rules 75.0%                            |ordo_js~|  | ||\n"
           "|coupon.apply 75.0%                         |parse_n~|  |\n"
           "|lj_str_find   |                                     |  |\n");
}

/* Colours end the frames, so no bar does, and the whole width is theirs. */
static void test_colours(void **state)
{
    (void)state;
    expect(known_cpu("/src"), (struct ordo_flame_text){.width = 40, .levels = 3, .colours = true},
           "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z\nsamples dropped: 0\n" BLACK_ON("253") BAR
           "all 100.0%                             " PLAIN "\n" BLACK_ON("117") BAR
           "ordo_worker_main 100.0%                " PLAIN "\n" BLACK_ON("117") BAR
           "run_rules 75.0%              " PLAIN BLACK_ON("117") BAR "ordo" CUT PLAIN BLACK_ON("114") BAR
           " " PLAIN BLACK_ON("253") BAR PLAIN BLACK_ON("114") BAR PLAIN
           "\n" BLACK_ON("117") " engine " PLAIN " " BLACK_ON("114") " plugin " PLAIN " " BLACK_ON(
               "253") " note " PLAIN "\n"
                      "calls deeper than 3 levels are not shown\n");
}

static void test_many_levels(void **state)
{
    (void)state;
    expect(known_deep(150, 205), (struct ordo_flame_text){.width = 39, .levels = 3},
           "cpu: 2.05 s\n" BAR "all 100.0%                           " BAR "\n" BAR
           "level_0 100.0%                       " BAR "\n" BAR "level_1 100.0%                       " BAR
           "\n"
           "calls deeper than 3 levels are not shown\n");
    expect(known_deep(1, 1),
           (struct ordo_flame_text){.width = 20, .levels = 3, .ascii = true}, /* exactly as many */
           "cpu: 10 ms\n"
           "|all 100.0%        |\n"
           "|level_0 100.0%    |\n"
           "|leaf_0 100.0%     |\n");
}

static void test_narrow_calls(void **state)
{
    (void)state;
    expect(known_deep(1, 200), (struct ordo_flame_text){.width = 11, .levels = 64, .ascii = true},
           "cpu: 2 s\n"
           "|all      |\n"
           "|level_0  |\n"
           "|||||||||||\n"
           "190 calls are too narrow to be shown\n");
    expect(known_cpu("/src"), (struct ordo_flame_text){.width = 2, .levels = 64, .ascii = true},
           "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z\nsamples dropped: 0\n"
           "||\n||\n||\n||\n"
           "5 calls are too narrow to be shown\n");
}

static struct ordo_profile *named(const char *name)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, 0);
    const struct ordo_frame frame = {.function = ordo_str_from(name), .kind = ORDO_FRAME_LUA};
    uint32_t number = ordo_profile_frame(profile, &frame);

    ordo_profile_add(profile, &number, 1, NULL, 0, (const int64_t[]){1, 1000000});
    return profile;
}

/* Characters of two columns, of none, and those that a terminal would obey. */
static void test_names(void **state)
{
    (void)state;
    expect(named("\xe4\xb8\xad\xe6\x96\x87"), (struct ordo_flame_text){.width = 7, .levels = 64},
           "cpu: 1 ms\n" BAR "all  " BAR "\n" BAR "\xe4\xb8\xad\xe6\x96\x87 " BAR "\n");
    expect(named("\xe4\xb8\xad\xe6\x96\x87"), (struct ordo_flame_text){.width = 5, .levels = 64},
           "cpu: 1 ms\n" BAR "all" BAR "\n" BAR "\xe4\xb8\xad" CUT BAR "\n");
    expect(named("a\xcc\x88"
                 "b\xe2\x80\xae"
                 "c"),
           (struct ordo_flame_text){.width = 6, .levels = 64},
           "cpu: 1 ms\n" BAR "all " BAR "\n" BAR "abc " BAR "\n");
    expect(named("\x1b[2Jx\xc2\x9b"
                 "3m"),
           (struct ordo_flame_text){.width = 11, .levels = 64, .ascii = true},
           "cpu: 1 ms\n|all      |\n|?[2Jx?3m |\n");
    expect(named("\xe4\xb8\xad\xc3\xbc"), (struct ordo_flame_text){.width = 20, .levels = 64, .ascii = true},
           "cpu: 1 ms\n|all 100.0%        |\n|?? 100.0%         |\n");
}

static void test_nothing_to_draw(void **state)
{
    struct ordo_profile *profile = named("freed");
    const uint32_t number = 0;

    (void)state;
    expect(ordo_profile_new(&ordo_meaning_cpu, 0), (struct ordo_flame_text){.width = 80, .levels = 64},
           "cpu: 0\nno samples\n");
    ordo_profile_add(profile, &number, 1, NULL, 0, (const int64_t[]){-3, -3000000});
    expect(profile, (struct ordo_flame_text){.width = 80, .levels = 64},
           "cpu: -2 ms; without -2 ms below zero\nno samples\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unicode),         cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_colours),         cmocka_unit_test(test_many_levels),
        cmocka_unit_test(test_narrow_calls),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_nothing_to_draw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
